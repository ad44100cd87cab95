/* The bundles, and the list of what refers to the subject: the registry's own, or the tag that stands for it. */
#include "common/registry/attach_parts.h"

#include <stdlib.h>
#include <string.h>

bool lk_bundles_are_wanted(const struct lk_attachment *a)
{
    bool any = false;

    for (size_t i = 0; i < a->signatures->key_count; i++)
        any |= a->bundle_is_wanted[i];
    return any;
}

bool lk_attachment_is_wanted(const struct lk_attachment *a)
{
    return a->attached.is_wanted || lk_bundles_are_wanted(a);
}

static int read_list(struct lk_attachment *a, struct lk_registry *registry, struct lk_err *err)
{
    struct lk_referrers_list *list = &a->referrers;

    json_decref(list->list);
    json_decref(list->root);
    return lk_referrers_read(registry, &a->subject->digest, &list->list, &list->root,
                             &list->by_api, err);
}

/* Ours byte for byte, or one of an earlier time by the same key for all the names. */
static int look_for(const struct lk_attachment *a, size_t key, struct lk_registry *registry,
                    bool *found, struct lk_err *err)
{
    const struct lk_signatures *s = a->signatures;
    const char                 *names[LK_SIGNED_NAMES_MAX];
    struct lk_signature_wanted  wanted = {
         .digest = &a->subject->digest,
         .references = names,
         .reference_count = s->name_count,
         .keys = &s->keys[key],
         .key_count = 1,
    };

    for (size_t i = 0; i < s->name_count; i++)
        names[i] = s->names[i];
    *found = lk_referrers_have(a->referrers.list, &a->bundles[key].descriptor.digest);
    return *found ? 0
                  : lk_referrers_check(registry, a->referrers.list, &wanted, true, found, err);
}

int lk_bundles_look(void *ctx, struct lk_registry *registry, struct lk_err *err)
{
    struct lk_attachment *a = ctx;
    bool                  found;

    if (read_list(a, registry, err) < 0)
        return -1;
    for (size_t i = 0; i < a->signatures->key_count; i++) {
        if (look_for(a, i, registry, &found, err) < 0)
            return -1;
        a->bundle_is_wanted[i] = !found;
    }
    return 0;
}

static json_t *entry_of(const struct lk_bundle *bundle)
{
    LK_CLEANUP(lk_attached_free)
    json_t *carrier = json_loadb(lk_buf_text(&bundle->carrier), bundle->carrier.len, 0, NULL);
    char    digest[LK_DIGEST_TEXT_SIZE];

    lk_digest_format(&bundle->descriptor.digest, digest);
    return json_pack("{s:s,s:s,s:I,s:s,s:O}", "mediaType", LK_OCI_MANIFEST, "digest", digest,
                     "size", (json_int_t)bundle->descriptor.size, "artifactType",
                     LK_BUNDLE_MEDIA_TYPE, "annotations",
                     json_object_get(carrier, "annotations"));
}

/* Adds what is not listed; false: all is. */
static bool add_entries(struct lk_attachment *a)
{
    bool added = false;

    for (size_t i = 0; i < a->signatures->key_count; i++) {
        if (!a->bundle_is_wanted[i] ||
            lk_referrers_have(a->referrers.list, &a->bundles[i].descriptor.digest))
            continue;
        json_array_append_new(a->referrers.list, entry_of(&a->bundles[i]));
        added = true;
    }
    return added;
}

static int put_list(struct lk_attachment *a, struct lk_registry *registry, struct lk_err *err)
{
    struct lk_referrers_list         *list = &a->referrers;
    LK_CLEANUP(lk_free_pointer) char *text = NULL;
    char                              tag[LK_TAG_SIZE];

    lk_referrers_tag(&a->subject->digest, tag);
    if (!list->root)
        list->root = json_pack("{s:i,s:s,s:O}", "schemaVersion", 2, "mediaType", LK_OCI_INDEX,
                               "manifests", list->list);
    if (!json_is_array(json_object_get(list->root, "manifests")))
        return lk_err_set(err, LK_ERR_CONFLICT,
                          "the tag %s is taken by something that is no image index; remove it",
                          tag);
    if (json_array_size(list->list) > LK_ATTACHED_LAYERS_MAX)
        return lk_err_set(err, LK_ERR_LIMIT, "the tag %s lists more than %d attachments", tag,
                          LK_ATTACHED_LAYERS_MAX);
    text = json_dumps(list->root, JSON_COMPACT);
    if (!text)
        return lk_err_set(err, LK_ERR_PERMANENT, "the list of attachments cannot be written");
    return lk_registry_put_manifest(registry, tag, lk_str_of(text), LK_OCI_INDEX, err);
}

static int put_carriers(const struct lk_attachment *a, struct lk_registry *registry,
                        struct lk_err *err)
{
    char digest[LK_DIGEST_TEXT_SIZE];

    for (size_t i = 0; i < a->signatures->key_count; i++) {
        const struct lk_bundle *bundle = &a->bundles[i];
        lk_digest_format(&bundle->descriptor.digest, digest);
        if (a->bundle_is_wanted[i] &&
            lk_registry_put_manifest(registry, digest, lk_buf_str(&bundle->carrier),
                                     LK_OCI_MANIFEST, err) < 0)
            return -1;
    }
    return 0;
}

int lk_bundles_settle(void *ctx, struct lk_registry *registry, struct lk_err *err)
{
    struct lk_attachment *a = ctx;

    if (put_carriers(a, registry, err) < 0)
        return -1;
    for (int i = 0; i < LK_ATTACH_TRIES_MAX; i++) {
        if (!a->referrers.by_api && add_entries(a) && put_list(a, registry, err) < 0)
            return -1;
        if (read_list(a, registry, err) < 0)
            return -1;
        if (!add_entries(a))
            return 0;
        lk_attach_pause();
    }
    return lk_err_set(err, LK_ERR_RETRY,
                      "a bundle that was put %d times is not listed among what refers to the "
                      "image: another program writes that list too, or the registry does not "
                      "keep it",
                      LK_ATTACH_TRIES_MAX);
}

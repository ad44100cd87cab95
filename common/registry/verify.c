#include "common/registry/verify.h"

#include "common/registry/child.h"
#include "common/registry/names.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* What the registry answered, as opposed to not having been asked. */
static bool is_finding(const struct lk_err *err)
{
    return err->kind == LK_ERR_CONFLICT || err->kind == LK_ERR_NOT_FOUND ||
           err->kind == LK_ERR_INVALID || err->kind == LK_ERR_LIMIT;
}

static void note(char problem[LK_REASON_SIZE], const char *text)
{
    /* The first problem is kept: later ones often follow from it. */
    if (problem[0] == '\0')
        snprintf(problem, LK_REASON_SIZE, "%s", text);
}

static int read_index(struct lk_registry *registry, const struct lk_reference *reference,
                      struct lk_index *index, struct lk_descriptor *descriptor,
                      struct lk_err *err)
{
    LK_CLEANUP(lk_manifest_fini) struct lk_manifest manifest = { 0 };
    char                                            digest[LK_DIGEST_TEXT_SIZE];

    lk_digest_format(&reference->digest, digest);
    if (lk_registry_get_manifest(registry, reference->has_digest ? digest : reference->tag,
                                 &manifest, err) < 0)
        return -1;
    lk_copy_text(descriptor->media_type, sizeof(descriptor->media_type), manifest.media_type);
    descriptor->digest = manifest.digest;
    descriptor->size = manifest.bytes.len;
    if (!lk_media_type_is_index(manifest.media_type))
        return lk_err_set(err, LK_ERR_CONFLICT,
                          "it is a %s, not an index of several architectures",
                          manifest.media_type);
    if (lk_index_read(lk_buf_str(&manifest.bytes), index, err) < 0) {
        err->kind = LK_ERR_CONFLICT;
        return -1;
    }
    return 0;
}

static int check_index_signature(struct lk_registry             *registry,
                                 const struct lk_verify_request *request,
                                 struct lk_verification *out, struct lk_err *err)
{
    const struct lk_reference *reference = &request->reference;
    char                       name[LK_REFERENCE_SIZE];
    const char                *names[] = { name };

    snprintf(name, sizeof(name), "%s:%s", reference->repository, reference->tag);
    struct lk_signature_wanted wanted = { &out->index.digest, names, reference->tag[0] ? 1 : 0,
                                          request->keys, request->key_count };

    if (lk_signature_check(registry, &wanted, &out->index_is_signed, err) < 0)
        return -1;
    if (!out->index_is_signed)
        note(out->problem, reference->tag[0]
                               ? "the index is not signed by this key under this name"
                               : "the index is not signed by this key");
    return 0;
}

static int check_child_signature(struct lk_registry             *registry,
                                 const struct lk_verify_request *request,
                                 struct lk_verified_child *child, struct lk_err *err)
{
    const struct lk_reference *reference = &request->reference;
    struct lk_names            names;
    const char                *references[] = { names.arch_reference };
    struct lk_signature_wanted wanted = { &child->entry.descriptor.digest, references,
                                          reference->tag[0] ? LK_COUNT(references) : 0,
                                          request->keys, request->key_count };

    if (lk_names_make(&names, reference->repository, reference->tag, &child->entry.arch, err) <
            0 ||
        lk_signature_check(registry, &wanted, &child->is_signed, err) < 0)
        return -1;
    if (!child->is_signed)
        note(child->problem, reference->tag[0]
                                 ? "not signed by this key as this architecture under "
                                   "this name"
                                 : "not signed by this key");
    return 0;
}

static int check_child(struct lk_registry *registry, const struct lk_verify_request *request,
                       struct lk_verified_child *child, struct lk_err *err)
{
    LK_CLEANUP(lk_manifest_fini) struct lk_manifest manifest = { 0 };
    struct lk_image_manifest                        image;
    const struct lk_index_entry                    *entry = &child->entry;

    if (lk_child_read(registry, &entry->descriptor, entry->os, &entry->arch, &manifest, &image,
                      err) < 0) {
        if (!is_finding(err))
            return -1;
        note(child->problem, err->text);
    } else {
        child->is_right = true;
    }
    return check_child_signature(registry, request, child, err);
}

/* What names no platform is no image that somebody runs; it has to be there as stated, no more. */
static int check_attachment(struct lk_registry *registry, struct lk_verified_child *child,
                            struct lk_err *err)
{
    LK_CLEANUP(lk_manifest_fini) struct lk_manifest manifest = { 0 };
    const struct lk_descriptor                     *stated = &child->entry.descriptor;
    char                                            digest[LK_DIGEST_TEXT_SIZE];

    lk_digest_format(&stated->digest, digest);
    if (lk_registry_get_manifest(registry, digest, &manifest, err) < 0) {
        if (!is_finding(err))
            return -1;
        note(child->problem, err->text);
    } else if (manifest.bytes.len != stated->size) {
        note(child->problem, "its size is not the stated one");
    } else {
        child->is_right = true;
    }
    return 0;
}

static bool names_a_platform(const struct lk_index_entry *entry)
{
    return entry->arch.name[0] && strcmp(entry->arch.name, "unknown") != 0;
}

static bool same_platform(const struct lk_index_entry *a, const struct lk_index_entry *b)
{
    return lk_arch_eq(&a->arch, &b->arch) && strcmp(a->os, b->os) == 0 &&
           strcmp(a->variant, b->variant) == 0;
}

static void check_platforms(const struct lk_verify_request *request,
                            struct lk_verification         *out)
{
    char   text[LK_REASON_SIZE];
    size_t image_count = 0;

    for (size_t i = 0; i < out->count; i++) {
        if (!out->children[i].is_image)
            continue;
        image_count++;
        for (size_t j = 0; j < i; j++)
            if (out->children[j].is_image &&
                same_platform(&out->children[i].entry, &out->children[j].entry))
                note(out->children[i].problem, "this platform is listed twice");
    }
    if (image_count == 0)
        note(out->problem, "the index lists no image");
    for (size_t i = 0; i < request->required_count; i++) {
        bool found = false;
        for (size_t j = 0; j < out->count && !found; j++)
            found = out->children[j].is_image &&
                    strcmp(out->children[j].entry.os, "linux") == 0 &&
                    lk_arch_eq(&out->children[j].entry.arch, &request->required[i]);
        snprintf(text, sizeof(text), "linux/%s is required and not in the index",
                 request->required[i].name);
        if (!found)
            note(out->problem, text);
    }
}

static int conclude(const struct lk_verification *out, struct lk_err *err)
{
    if (out->problem[0])
        return lk_err_set(err, LK_ERR_CONFLICT, "%s", out->problem);
    for (size_t i = 0; i < out->count; i++)
        if (out->children[i].problem[0])
            return lk_err_set(err, LK_ERR_CONFLICT, "%s/%s: %s", out->children[i].entry.os,
                              out->children[i].entry.arch.name, out->children[i].problem);
    return 0;
}

static int verify(struct lk_registry *registry, const struct lk_verify_request *request,
                  struct lk_verification *out, struct lk_err *err)
{
    struct lk_index index;

    if (read_index(registry, &request->reference, &index, &out->index, err) < 0) {
        if (err->kind == LK_ERR_CONFLICT)
            note(out->problem, err->text);
        return -1;
    }
    if (check_index_signature(registry, request, out, err) < 0)
        return -1;
    out->count = index.count;
    for (size_t i = 0; i < index.count; i++) {
        struct lk_verified_child *child = &out->children[i];
        child->entry = index.entries[i];
        child->is_image = names_a_platform(&child->entry);
        if ((child->is_image ? check_child(registry, request, child, err)
                             : check_attachment(registry, child, err)) < 0)
            return -1;
    }
    check_platforms(request, out);
    return conclude(out, err);
}

int lk_verify(struct lk_registry *registry, const struct lk_verify_request *request,
              struct lk_verification *out, struct lk_err *err)
{
    const struct lk_reference *reference = &request->reference;

    memset(out, 0, sizeof(*out));
    if (!reference->tag[0] && !reference->has_digest)
        return lk_err_set(err, LK_ERR_INVALID,
                          "%s names neither a tag nor a digest: give one to verify",
                          reference->repository);
    if (verify(registry, request, out, err) < 0)
        return lk_err_wrap(err, "verifying %s%s%s", reference->repository,
                           reference->tag[0] ? ":" : "", reference->tag);
    return 0;
}

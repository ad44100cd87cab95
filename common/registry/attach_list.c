/* The manifest of the `.sig` tag: one layer a name and key. */
#include "common/registry/attach_parts.h"

#include "common/hash/sha256.h"
#include "common/json/writer.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BASE64_SIZE \
    sodium_base64_ENCODED_LEN(LK_SIGNATURE_BYTES_MAX, sodium_base64_VARIANT_ORIGINAL)

void lk_attach_pause(void)
{
    const struct timespec nap = { .tv_nsec = (20 + (long)randombytes_uniform(180)) * 1000000 };

    nanosleep(&nap, NULL);
}

/* By the key, not by its bytes: ECDSA gives other ones each time. */
static bool has_layer(json_t *layers, struct lk_str payload, const struct lk_public_key *key)
{
    struct lk_attached_layer layer;
    struct lk_digest         digest;

    lk_sha256(payload.data, payload.len, &digest);
    for (size_t i = 0; i < json_array_size(layers); i++)
        if (lk_attached_layer_read(json_array_get(layers, i), &layer) &&
            lk_digest_eq(&layer.payload, &digest) &&
            lk_public_key_verifies(key, payload, &layer.signature))
            return true;
    return false;
}

static int add_layer(json_t *layers, struct lk_str payload,
                     const struct lk_signature *signature, struct lk_err *err)
{
    struct lk_digest digest;
    char             digest_text[LK_DIGEST_TEXT_SIZE];
    char             signature_text[BASE64_SIZE];

    if (json_array_size(layers) >= LK_ATTACHED_LAYERS_MAX)
        return lk_err_set(err, LK_ERR_LIMIT, "%d signatures are attached already",
                          LK_ATTACHED_LAYERS_MAX);
    lk_sha256(payload.data, payload.len, &digest);
    lk_digest_format(&digest, digest_text);
    sodium_bin2base64(signature_text, sizeof(signature_text), signature->bytes, signature->len,
                      sodium_base64_VARIANT_ORIGINAL);
    json_array_append_new(
        layers, json_pack("{s:s,s:I,s:s,s:{s:s}}", "mediaType", LK_ATTACHED_MEDIA_TYPE, "size",
                          (json_int_t)payload.len, "digest", digest_text, "annotations",
                          LK_ATTACHED_ANNOTATION, signature_text));
    return 0;
}

/* The image config that the form asks for; it says nothing but which payloads there are. */
static int write_config(struct lk_attached_list *list, struct lk_err *err)
{
    struct lk_json   json = { .out = &list->config };
    struct lk_digest digest;
    char             digest_text[LK_DIGEST_TEXT_SIZE];
    json_t          *layers = json_object_get(list->root, "layers");

    lk_buf_fini(&list->config);
    list->config = LK_BUF_INIT(LK_ATTACHED_PAYLOAD_MAX);
    lk_buf_add_text(&list->config,
                    "{\"architecture\":\"\",\"created\":\"0001-01-01T00:00:00Z\","
                    "\"history\":[{\"created\":\"0001-01-01T00:00:00Z\"}],\"os\":\"\","
                    "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":");
    lk_json_begin_array(&json);
    for (size_t i = 0; i < json_array_size(layers); i++) {
        const char *payload =
            json_string_value(json_object_get(json_array_get(layers, i), "digest"));
        if (payload)
            lk_json_text(&json, payload);
    }
    lk_json_end_array(&json);
    lk_buf_add_text(&list->config, "},\"config\":{}}");
    if (!lk_buf_ok(&list->config))
        return lk_err_set(err, LK_ERR_LIMIT, "too many signatures are attached");
    lk_sha256(lk_buf_text(&list->config), list->config.len, &digest);
    lk_digest_format(&digest, digest_text);
    json_object_set_new(list->root, "config",
                        json_pack("{s:s,s:I,s:s}", "mediaType", LK_OCI_CONFIG, "size",
                                  (json_int_t)list->config.len, "digest", digest_text));
    return 0;
}

static json_t *new_root(void)
{
    return json_pack("{s:i,s:s,s:{},s:[]}", "schemaVersion", 2, "mediaType", LK_OCI_MANIFEST,
                     "config", "layers");
}

int lk_attached_take(struct lk_attachment *a, struct lk_err *err)
{
    struct lk_attached_list    *list = &a->attached;
    const struct lk_signatures *s = a->signatures;
    char                        tag[LK_TAG_SIZE];

    json_decref(list->root);
    list->root = list->exists ? json_deep_copy(list->found) : new_root();
    json_t *layers = json_object_get(list->root, "layers");
    if (!json_is_array(layers)) {
        lk_attached_tag(&a->subject->digest, tag);
        return lk_err_set(err, LK_ERR_CONFLICT,
                          "the tag %s is taken by something that is no signature manifest; "
                          "remove it",
                          tag);
    }
    list->is_wanted = false;
    for (size_t i = 0; i < s->name_count; i++)
        for (size_t k = 0; k < s->key_count; k++) {
            if (has_layer(layers, lk_buf_str(&a->payloads[i]), &s->keys[k]))
                continue;
            list->is_wanted = true;
            if (add_layer(layers, lk_buf_str(&a->payloads[i]), &s->payload[i][k], err) < 0)
                return -1;
        }
    return list->is_wanted ? write_config(list, err) : 0;
}

int lk_attached_look(void *ctx, struct lk_registry *registry, struct lk_err *err)
{
    struct lk_attachment *a = ctx;
    char                  tag[LK_TAG_SIZE];

    lk_attached_tag(&a->subject->digest, tag);
    json_decref(a->attached.found);
    return lk_attached_read(registry, tag, &a->attached.found, &a->attached.exists, err);
}

int lk_attached_put_config(void *ctx, struct lk_registry *registry, struct lk_err *err)
{
    struct lk_attached_list *list = &((struct lk_attachment *)ctx)->attached;

    lk_sha256(lk_buf_text(&list->config), list->config.len, &list->config_sent);
    return lk_registry_send_blob(registry, &list->config_sent, lk_buf_str(&list->config), err);
}

/* The config that was sent may have been the one of a list that had nothing else. */
static int put_config_once(struct lk_attachment *a, struct lk_registry *registry,
                           struct lk_err *err)
{
    struct lk_digest digest;

    lk_sha256(lk_buf_text(&a->attached.config), a->attached.config.len, &digest);
    return lk_digest_eq(&digest, &a->attached.config_sent)
               ? 0
               : lk_attached_put_config(a, registry, err);
}

/*
 * Written by jansson, because foreign layers go through as they are.  It keeps the order of members, so
 * the same signatures give the same bytes.
 */
static int put_list(struct lk_attachment *a, struct lk_registry *registry, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *text = json_dumps(a->attached.root, JSON_COMPACT);
    char                              tag[LK_TAG_SIZE];

    if (!text)
        return lk_err_set(err, LK_ERR_PERMANENT, "the signature manifest cannot be written");
    lk_attached_tag(&a->subject->digest, tag);
    return lk_registry_put_manifest(registry, tag, lk_str_of(text), LK_OCI_MANIFEST, err);
}

int lk_attached_settle(void *ctx, struct lk_registry *registry, struct lk_err *err)
{
    struct lk_attachment *a = ctx;

    for (int i = 0; i < LK_ATTACH_TRIES_MAX; i++) {
        if (put_config_once(a, registry, err) < 0 || put_list(a, registry, err) < 0 ||
            lk_attached_look(a, registry, err) < 0 || lk_attached_take(a, err) < 0)
            return -1;
        if (!a->attached.is_wanted)
            return 0;
        lk_attach_pause();
    }
    return lk_err_set(err, LK_ERR_RETRY,
                      "what was written there %d times is not there when read back: another "
                      "program writes it too, or the registry does not keep it",
                      LK_ATTACH_TRIES_MAX);
}

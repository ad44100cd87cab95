#include "common/registry/signatures.h"

#include "common/hash/sha256.h"
#include "common/json/writer.h"
#include "common/oci/oci.h"
#include "common/registry/attached.h"

#include <stdlib.h>
#include <string.h>

#define BASE64_SIZE sodium_base64_ENCODED_LEN(crypto_sign_BYTES, sodium_base64_VARIANT_ORIGINAL)

static bool is_attached(json_t *layers, const struct lk_digest *payload,
                        const struct lk_signature *signature)
{
    struct lk_attached_layer layer;

    for (size_t i = 0; i < json_array_size(layers); i++)
        if (lk_attached_layer_read(json_array_get(layers, i), &layer) &&
            lk_digest_eq(&layer.payload, payload) &&
            memcmp(layer.signature, signature->bytes, sizeof(layer.signature)) == 0)
            return true;
    return false;
}

/* Puts the payload and appends its layer, unless it is there. */
static int add_signature(struct lk_registry *registry, const struct lk_digest *digest,
                         const struct lk_signature *signature, json_t *layers, bool *added,
                         struct lk_err *err)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf payload = LK_BUF_INIT(LK_ATTACHED_PAYLOAD_MAX);
    struct lk_digest                      payload_digest;
    char                                  digest_text[LK_DIGEST_TEXT_SIZE];
    char                                  signature_text[BASE64_SIZE];

    if (lk_signature_payload(&payload, signature->reference, digest) < 0)
        return lk_err_set(err, LK_ERR_INVALID, "the name to sign under is not UTF-8");
    lk_sha256(lk_buf_text(&payload), payload.len, &payload_digest);
    if (is_attached(layers, &payload_digest, signature))
        return 0;
    if (json_array_size(layers) >= LK_ATTACHED_LAYERS_MAX)
        return lk_err_set(err, LK_ERR_LIMIT, "%d signatures are attached already",
                          LK_ATTACHED_LAYERS_MAX);
    if (lk_registry_put_blob(registry, &payload_digest, lk_buf_str(&payload), err) < 0)
        return -1;
    lk_digest_format(&payload_digest, digest_text);
    sodium_bin2base64(signature_text, sizeof(signature_text), signature->bytes,
                      sizeof(signature->bytes), sodium_base64_VARIANT_ORIGINAL);
    json_array_append_new(
        layers, json_pack("{s:s,s:I,s:s,s:{s:s}}", "mediaType", LK_ATTACHED_MEDIA_TYPE, "size",
                          (json_int_t)payload.len, "digest", digest_text, "annotations",
                          LK_ATTACHED_ANNOTATION, signature_text));
    *added = true;
    return 0;
}

/* The image config that the form asks for; it says nothing but which payloads there are. */
static int put_config(struct lk_registry *registry, json_t *root, struct lk_err *err)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf config = LK_BUF_INIT(LK_ATTACHED_PAYLOAD_MAX);
    struct lk_json                        json = { .out = &config };
    struct lk_digest                      digest;
    char                                  digest_text[LK_DIGEST_TEXT_SIZE];
    json_t                               *layers = json_object_get(root, "layers");

    lk_buf_add_text(&config, "{\"architecture\":\"\",\"created\":\"0001-01-01T00:00:00Z\","
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
    lk_buf_add_text(&config, "},\"config\":{}}");
    if (!lk_buf_ok(&config))
        return lk_err_set(err, LK_ERR_LIMIT, "too many signatures are attached");

    lk_sha256(lk_buf_text(&config), config.len, &digest);
    lk_digest_format(&digest, digest_text);
    json_object_set_new(root, "config",
                        json_pack("{s:s,s:I,s:s}", "mediaType", LK_OCI_CONFIG, "size",
                                  (json_int_t)config.len, "digest", digest_text));
    return lk_registry_put_blob(registry, &digest, lk_buf_str(&config), err);
}

/*
 * Written by jansson, because foreign layers go through as they are.  It keeps the order of members, so
 * the same signatures give the same bytes.
 */
static int put_attached(struct lk_registry *registry, const struct lk_digest *digest,
                        json_t *root, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char               *text = json_dumps(root, JSON_COMPACT);
    LK_CLEANUP(lk_manifest_fini) struct lk_manifest stored = { 0 };
    char                                            tag[LK_TAG_SIZE];

    if (!text)
        return lk_err_set(err, LK_ERR_PERMANENT, "the signature manifest cannot be written");
    lk_attached_tag(digest, tag);
    if (lk_registry_put_manifest(registry, tag, lk_str_of(text), LK_OCI_MANIFEST, err) < 0)
        return -1;
    if (lk_registry_get_manifest(registry, tag, &stored, err) < 0) {
        /* It said that it has it; perhaps another of its servers was asked. */
        if (err->kind == LK_ERR_NOT_FOUND)
            err->kind = LK_ERR_RETRY;
        return -1;
    }
    if (!lk_str_eq_text(lk_buf_str(&stored.bytes), text))
        return lk_err_set(
            err, LK_ERR_CONFLICT,
            "the tag %s names something else than was just written there: another "
            "program writes it too",
            tag);
    return 0;
}

static json_t *new_root(void)
{
    return json_pack("{s:i,s:s,s:{},s:[]}", "schemaVersion", 2, "mediaType", LK_OCI_MANIFEST,
                     "config", "layers");
}

static int attach(struct lk_registry *registry, const struct lk_digest *digest,
                  const struct lk_signature *signatures, size_t count, struct lk_err *err)
{
    LK_CLEANUP(lk_attached_free) json_t *root = NULL;
    bool                                 exists;
    bool                                 added = false;

    if (lk_attached_read(registry, digest, &root, &exists, err) < 0)
        return -1;
    if (!exists)
        root = new_root();
    json_t *layers = json_object_get(root, "layers");
    if (!json_is_array(layers)) {
        char tag[LK_TAG_SIZE];
        lk_attached_tag(digest, tag);
        return lk_err_set(err, LK_ERR_CONFLICT,
                          "the tag %s is taken by something that is no signature manifest; "
                          "remove it",
                          tag);
    }
    for (size_t i = 0; i < count; i++)
        if (add_signature(registry, digest, &signatures[i], layers, &added, err) < 0)
            return -1;
    if (!added)
        return 0;
    if (put_config(registry, root, err) < 0)
        return -1;
    return put_attached(registry, digest, root, err);
}

int lk_signature_attach(struct lk_registry *registry, const struct lk_digest *digest,
                        const struct lk_signature *signatures, size_t count, struct lk_err *err)
{
    if (attach(registry, digest, signatures, count, err) < 0) {
        char text[LK_DIGEST_TEXT_SIZE];
        lk_digest_format(digest, text);
        return lk_err_wrap(err, "attaching signatures to %s", text);
    }
    return 0;
}

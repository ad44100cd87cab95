#include "common/registry/signatures.h"

#include "common/base/hex.h"
#include "common/hash/sha256.h"
#include "common/json/writer.h"
#include "common/oci/oci.h"

#include <jansson.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define PAYLOAD_MEDIA_TYPE "application/vnd.dev.cosign.simplesigning.v1+json"
#define ANNOTATION         "dev.cosignproject.cosign/signature"
#define PAYLOAD_TYPE       "cosign container image signature"
#define PAYLOAD_BYTES_MAX  (64 * 1024)
#define LAYERS_MAX         128 /* signatures on one manifest; each unknown one costs a request */
#define BASE64_SIZE        sodium_base64_ENCODED_LEN(crypto_sign_BYTES, sodium_base64_VARIANT_ORIGINAL)

/* One attached signature, as far as it is of a kind that we can check. */
struct layer {
    struct lk_digest payload;
    uint8_t          signature[crypto_sign_BYTES];
};

/* What a check looks for. */
struct wanted {
    const struct lk_digest *digest;
    const char *const      *references;
    size_t                  reference_count;
    const uint8_t (*keys)[LK_PUBLIC_KEY_BYTES];
    size_t key_count;
};

static void free_json(json_t **json)
{
    json_decref(*json);
}

static void tag_of(const struct lk_digest *digest, char out[LK_TAG_SIZE])
{
    char hex[65];

    lk_hex_encode(hex, digest->sha256, sizeof(digest->sha256));
    strcpy(out, "sha256-");
    strcat(out, hex);
    strcat(out, ".sig");
}

int lk_signature_payload(struct lk_buf *out, const char *reference,
                         const struct lk_digest *digest)
{
    struct lk_json json = { .out = out };
    char           digest_text[LK_DIGEST_TEXT_SIZE];

    lk_digest_format(digest, digest_text);
    lk_json_begin_object(&json);
    lk_json_key(&json, "critical");
    lk_json_begin_object(&json);
    lk_json_key(&json, "identity");
    lk_json_begin_object(&json);
    lk_json_key(&json, "docker-reference");
    lk_json_text(&json, reference);
    lk_json_end_object(&json);
    lk_json_key(&json, "image");
    lk_json_begin_object(&json);
    lk_json_key(&json, "docker-manifest-digest");
    lk_json_text(&json, digest_text);
    lk_json_end_object(&json);
    lk_json_key(&json, "type");
    lk_json_text(&json, PAYLOAD_TYPE);
    lk_json_end_object(&json);
    lk_json_key(&json, "optional");
    lk_json_null(&json);
    lk_json_end_object(&json);
    return lk_buf_ok(out) ? 0 : -1;
}

/* What is attached to `digest`: `*root` is NULL if there is nothing, or nothing that is JSON. */
static int read_attached(struct lk_registry *registry, const struct lk_digest *digest,
                         json_t **root, bool *exists, struct lk_err *err)
{
    LK_CLEANUP(lk_manifest_fini) struct lk_manifest manifest = { 0 };
    char                                            tag[LK_TAG_SIZE];

    *root = NULL;
    *exists = false;
    tag_of(digest, tag);
    if (lk_registry_get_manifest(registry, tag, &manifest, err) < 0)
        return err->kind == LK_ERR_NOT_FOUND ? 0 : -1;
    *exists = true;
    *root = json_loadb(lk_buf_text(&manifest.bytes), manifest.bytes.len, JSON_REJECT_DUPLICATES,
                       NULL);
    return 0;
}

static bool read_layer(json_t *json, struct layer *out)
{
    const char *media_type, *digest, *signature;
    size_t      len;

    return json_unpack(json, "{s:s,s:s,s:{s:s}}", "mediaType", &media_type, "digest", &digest,
                       "annotations", ANNOTATION, &signature) == 0 &&
           strcmp(media_type, PAYLOAD_MEDIA_TYPE) == 0 &&
           lk_digest_parse(lk_str_of(digest), &out->payload) &&
           sodium_base642bin(out->signature, sizeof(out->signature), signature,
                             strlen(signature), NULL, &len, NULL,
                             sodium_base64_VARIANT_ORIGINAL) == 0 &&
           len == sizeof(out->signature);
}

static bool signed_by_wanted_key(const struct wanted *wanted, const struct layer *layer,
                                 struct lk_str payload)
{
    for (size_t i = 0; i < wanted->key_count; i++)
        if (crypto_sign_verify_detached(layer->signature, (const uint8_t *)payload.data,
                                        payload.len, wanted->keys[i]) == 0)
            return true;
    return false;
}

/*
 * Our own payloads need no download: their bytes follow from digest and reference, and the layer names
 * their hash.  `*known` says that the layer's payload was one of them.
 */
static bool check_own_payload(const struct wanted *wanted, const struct layer *layer,
                              bool *known)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf payload = LK_BUF_INIT(PAYLOAD_BYTES_MAX);
    struct lk_digest                      digest;

    for (size_t i = 0; i < wanted->reference_count; i++) {
        lk_buf_clear(&payload);
        if (lk_signature_payload(&payload, wanted->references[i], wanted->digest) < 0)
            continue;
        lk_sha256(lk_buf_text(&payload), payload.len, &digest);
        if (!lk_digest_eq(&digest, &layer->payload))
            continue;
        *known = true;
        return signed_by_wanted_key(wanted, layer, lk_buf_str(&payload));
    }
    *known = false;
    return false;
}

static bool payload_is_wanted(const struct wanted *wanted, struct lk_str payload)
{
    LK_CLEANUP(free_json)
    json_t          *root = json_loadb(payload.data, payload.len, JSON_REJECT_DUPLICATES, NULL);
    const char      *reference, *digest_text, *type;
    struct lk_digest digest;

    if (!root ||
        json_unpack(root, "{s:{s:{s:s},s:{s:s},s:s}}", "critical", "identity",
                    "docker-reference", &reference, "image", "docker-manifest-digest",
                    &digest_text, "type", &type) != 0 ||
        strcmp(type, PAYLOAD_TYPE) != 0 || !lk_digest_parse(lk_str_of(digest_text), &digest) ||
        !lk_digest_eq(&digest, wanted->digest))
        return false;
    if (wanted->reference_count == 0)
        return true;
    for (size_t i = 0; i < wanted->reference_count; i++)
        if (strcmp(reference, wanted->references[i]) == 0)
            return true;
    return false;
}

/* Other programs' payloads, made with the same key, may hold more fields than ours. */
static int check_foreign_payload(struct lk_registry *registry, const struct wanted *wanted,
                                 const struct layer *layer, bool *found, struct lk_err *err)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf payload = LK_BUF_INIT(PAYLOAD_BYTES_MAX);

    if (lk_registry_get_blob(registry, &layer->payload, &payload, err) < 0) {
        /* Gone, damaged or too large: then it is no signature.  Anything else is "could not ask". */
        bool is_answer = err->kind == LK_ERR_NOT_FOUND || err->kind == LK_ERR_CONFLICT ||
                         err->kind == LK_ERR_LIMIT;
        return is_answer ? 0 : -1;
    }
    *found = signed_by_wanted_key(wanted, layer, lk_buf_str(&payload)) &&
             payload_is_wanted(wanted, lk_buf_str(&payload));
    return 0;
}

static int check_layers(struct lk_registry *registry, const struct wanted *wanted,
                        json_t *layers, bool *found, struct lk_err *err)
{
    struct layer unknown[LAYERS_MAX];
    size_t       unknown_count = 0;

    for (size_t i = 0; i < json_array_size(layers) && i < LAYERS_MAX; i++) {
        struct layer *layer = &unknown[unknown_count];
        bool          known;
        if (!read_layer(json_array_get(layers, i), layer))
            continue;
        *found = check_own_payload(wanted, layer, &known);
        if (*found)
            return 0;
        if (!known)
            unknown_count++;
    }
    for (size_t i = 0; i < unknown_count && !*found; i++)
        if (check_foreign_payload(registry, wanted, &unknown[i], found, err) < 0)
            return -1;
    return 0;
}

int lk_signature_check(struct lk_registry *registry, const struct lk_digest *digest,
                       const char *const *references, size_t              reference_count,
                       const uint8_t (*keys)[LK_PUBLIC_KEY_BYTES], size_t key_count,
                       bool *found, struct lk_err *err)
{
    struct wanted wanted = { digest, references, reference_count, keys, key_count };
    LK_CLEANUP(free_json) json_t *root = NULL;
    bool                          exists;

    *found = false;
    if (key_count == 0)
        return 0;
    if (read_attached(registry, digest, &root, &exists, err) < 0 ||
        check_layers(registry, &wanted, json_object_get(root, "layers"), found, err) < 0) {
        char text[LK_DIGEST_TEXT_SIZE];
        lk_digest_format(digest, text);
        return lk_err_wrap(err, "looking for signatures of %s", text);
    }
    return 0;
}

static bool is_attached(json_t *layers, const struct lk_digest *payload,
                        const struct lk_signature *signature)
{
    struct layer layer;

    for (size_t i = 0; i < json_array_size(layers); i++)
        if (read_layer(json_array_get(layers, i), &layer) &&
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
    LK_CLEANUP(lk_buf_fini) struct lk_buf payload = LK_BUF_INIT(PAYLOAD_BYTES_MAX);
    struct lk_digest                      payload_digest;
    char                                  digest_text[LK_DIGEST_TEXT_SIZE];
    char                                  signature_text[BASE64_SIZE];

    if (lk_signature_payload(&payload, signature->reference, digest) < 0)
        return lk_err_set(err, LK_ERR_INVALID, "the name to sign under is not UTF-8");
    lk_sha256(lk_buf_text(&payload), payload.len, &payload_digest);
    if (is_attached(layers, &payload_digest, signature))
        return 0;
    if (json_array_size(layers) >= LAYERS_MAX)
        return lk_err_set(err, LK_ERR_LIMIT, "%d signatures are attached already", LAYERS_MAX);
    if (lk_registry_put_blob(registry, &payload_digest, lk_buf_str(&payload), err) < 0)
        return -1;
    lk_digest_format(&payload_digest, digest_text);
    sodium_bin2base64(signature_text, sizeof(signature_text), signature->bytes,
                      sizeof(signature->bytes), sodium_base64_VARIANT_ORIGINAL);
    json_array_append_new(layers,
                          json_pack("{s:s,s:I,s:s,s:{s:s}}", "mediaType", PAYLOAD_MEDIA_TYPE,
                                    "size", (json_int_t)payload.len, "digest", digest_text,
                                    "annotations", ANNOTATION, signature_text));
    *added = true;
    return 0;
}

/* The image config that the form asks for; it says nothing but which payloads there are. */
static int put_config(struct lk_registry *registry, json_t *root, struct lk_err *err)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf config = LK_BUF_INIT(PAYLOAD_BYTES_MAX);
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
    tag_of(digest, tag);
    if (lk_registry_put_manifest(registry, tag, lk_str_of(text), LK_OCI_MANIFEST, err) < 0 ||
        lk_registry_get_manifest(registry, tag, &stored, err) < 0)
        return -1;
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
    LK_CLEANUP(free_json) json_t *root = NULL;
    bool                          exists;
    bool                          added = false;

    if (read_attached(registry, digest, &root, &exists, err) < 0)
        return -1;
    if (!exists)
        root = new_root();
    json_t *layers = json_object_get(root, "layers");
    if (!json_is_array(layers)) {
        char tag[LK_TAG_SIZE];
        tag_of(digest, tag);
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

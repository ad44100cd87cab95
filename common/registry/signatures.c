#include "common/registry/signatures.h"

#include "common/base/hex.h"
#include "common/hash/sha256.h"
#include "common/registry/attached.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

void lk_attached_free(json_t **json)
{
    json_decref(*json);
}

static void tag_of(const struct lk_digest *digest, const char *suffix, char out[LK_TAG_SIZE])
{
    char hex[65];

    lk_hex_encode(hex, digest->sha256, sizeof(digest->sha256));
    snprintf(out, LK_TAG_SIZE, "sha256-%s%s", hex, suffix);
}

void lk_attached_tag(const struct lk_digest *digest, char out[LK_TAG_SIZE])
{
    tag_of(digest, ".sig", out);
}

void lk_referrers_tag(const struct lk_digest *digest, char out[LK_TAG_SIZE])
{
    tag_of(digest, "", out);
}

int lk_attached_read(struct lk_registry *registry, const char *tag, json_t **root, bool *exists,
                     struct lk_err *err)
{
    LK_CLEANUP(lk_manifest_fini) struct lk_manifest manifest = { 0 };

    *root = NULL;
    *exists = false;
    if (lk_registry_get_manifest(registry, tag, &manifest, err) < 0)
        return err->kind == LK_ERR_NOT_FOUND ? 0 : -1;
    *exists = true;
    *root = json_loadb(lk_buf_text(&manifest.bytes), manifest.bytes.len, JSON_REJECT_DUPLICATES,
                       NULL);
    return 0;
}

bool lk_signature_read(const char *base64, struct lk_signature *out)
{
    return sodium_base642bin(out->bytes, sizeof(out->bytes), base64, strlen(base64), NULL,
                             &out->len, NULL, sodium_base64_VARIANT_ORIGINAL) == 0;
}

bool lk_attached_layer_read(json_t *json, struct lk_attached_layer *out)
{
    const char *media_type, *digest, *signature;

    return json_unpack(json, "{s:s,s:s,s:{s:s}}", "mediaType", &media_type, "digest", &digest,
                       "annotations", LK_ATTACHED_ANNOTATION, &signature) == 0 &&
           strcmp(media_type, LK_ATTACHED_MEDIA_TYPE) == 0 &&
           lk_digest_parse(lk_str_of(digest), &out->payload) &&
           lk_signature_read(signature, &out->signature);
}

static bool signed_by_wanted_key(const struct lk_signature_wanted *wanted,
                                 const struct lk_attached_layer *layer, struct lk_str payload)
{
    for (size_t i = 0; i < wanted->key_count; i++)
        if (lk_public_key_verifies(&wanted->keys[i], payload, &layer->signature))
            return true;
    return false;
}

/*
 * Our own payloads need no download: their bytes follow from digest and reference, and the layer names
 * their hash.  `*known` says that the layer's payload was one of them.
 */
static bool check_own_payload(const struct lk_signature_wanted *wanted,
                              const struct lk_attached_layer *layer, bool *known)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf payload = LK_BUF_INIT(LK_ATTACHED_PAYLOAD_MAX);
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

static bool payload_is_wanted(const struct lk_signature_wanted *wanted, struct lk_str payload)
{
    LK_CLEANUP(lk_attached_free)
    json_t          *root = json_loadb(payload.data, payload.len, JSON_REJECT_DUPLICATES, NULL);
    const char      *reference, *digest_text, *type;
    struct lk_digest digest;

    if (!root ||
        json_unpack(root, "{s:{s:{s:s},s:{s:s},s:s}}", "critical", "identity",
                    "docker-reference", &reference, "image", "docker-manifest-digest",
                    &digest_text, "type", &type) != 0 ||
        strcmp(type, LK_ATTACHED_PAYLOAD_TYPE) != 0 ||
        !lk_digest_parse(lk_str_of(digest_text), &digest) ||
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
static int check_foreign_payload(struct lk_registry               *registry,
                                 const struct lk_signature_wanted *wanted,
                                 const struct lk_attached_layer *layer, bool *found,
                                 struct lk_err *err)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf payload = LK_BUF_INIT(LK_ATTACHED_PAYLOAD_MAX);

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

static int check_layers(struct lk_registry *registry, const struct lk_signature_wanted *wanted,
                        json_t *layers, bool *found, struct lk_err *err)
{
    struct lk_attached_layer unknown[LK_ATTACHED_LAYERS_MAX];
    size_t                   unknown_count = 0;

    for (size_t i = 0; i < json_array_size(layers) && i < LK_ATTACHED_LAYERS_MAX; i++) {
        struct lk_attached_layer *layer = &unknown[unknown_count];
        bool                      known;
        if (!lk_attached_layer_read(json_array_get(layers, i), layer))
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

/* `*any`: there are signatures, as wanted or not. */
static int check_attached(struct lk_registry               *registry,
                          const struct lk_signature_wanted *wanted, bool *found, bool *any,
                          struct lk_err *err)
{
    LK_CLEANUP(lk_attached_free) json_t *root = NULL;
    char                                 tag[LK_TAG_SIZE];
    bool                                 exists;

    lk_attached_tag(wanted->digest, tag);
    if (lk_attached_read(registry, tag, &root, &exists, err) < 0)
        return -1;
    *any |= json_array_size(json_object_get(root, "layers")) > 0;
    return check_layers(registry, wanted, json_object_get(root, "layers"), found, err);
}

static int check_bundles(struct lk_registry *registry, const struct lk_signature_wanted *wanted,
                         bool *found, bool *any, struct lk_err *err)
{
    LK_CLEANUP(lk_attached_free) json_t *list = NULL;
    LK_CLEANUP(lk_attached_free) json_t *root = NULL;
    bool                                 by_api = true;

    if (lk_referrers_read(registry, wanted->digest, &list, &root, &by_api, err) < 0)
        return -1;
    *any |= lk_referrers_have_signature(list);
    return lk_referrers_check(registry, list, wanted, false, found, err);
}

static int looking_for(const struct lk_digest *digest, struct lk_err *err)
{
    char text[LK_DIGEST_TEXT_SIZE];

    lk_digest_format(digest, text);
    return lk_err_wrap(err, "looking for signatures of %s", text);
}

int lk_signature_check(struct lk_registry *registry, const struct lk_signature_wanted *wanted,
                       bool *found, struct lk_err *err)
{
    bool any = false;

    *found = false;
    if (wanted->key_count == 0)
        return 0;
    if (check_attached(registry, wanted, found, &any, err) < 0 ||
        (!*found && check_bundles(registry, wanted, found, &any, err) < 0))
        return looking_for(wanted->digest, err);
    return 0;
}

int lk_signature_survey(struct lk_registry *registry, const struct lk_signature_wanted *wanted,
                        struct lk_signature_survey *out, struct lk_err *err)
{
    bool any = false;

    *out = (struct lk_signature_survey) { 0 };
    if (check_attached(registry, wanted, &out->legacy, &any, err) < 0 ||
        check_bundles(registry, wanted, &out->bundle, &any, err) < 0)
        return looking_for(wanted->digest, err);
    out->others = any && !out->legacy && !out->bundle;
    return 0;
}

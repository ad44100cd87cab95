#include "common/registry/attached.h"

#include "common/base/hex.h"
#include "common/hash/sha256.h"
#include "common/json/writer.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define SIGNATURES_MAX 8 /* in one envelope */

/* What is there to be empty: the blob "{}". */
#define EMPTY_MEDIA_TYPE "application/vnd.oci.empty.v1+json"
#define EMPTY_DIGEST     "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"

static void write_base64(struct lk_json *json, const char *key, const void *data, size_t len)
{
    size_t size = sodium_base64_encoded_len(len, sodium_base64_VARIANT_ORIGINAL);
    LK_CLEANUP(lk_free_pointer) char *text = lk_xmalloc(size);

    sodium_bin2base64(text, size, data, len, sodium_base64_VARIANT_ORIGINAL);
    lk_json_text_field(json, key, text);
}

static void write_bundle(struct lk_buf *out, struct lk_str statement,
                         const struct lk_public_key *key, const struct lk_signature *signature)
{
    struct lk_json   json = { .out = out };
    struct lk_digest hint;

    lk_sha256(key->spki, key->spki_len, &hint);
    lk_json_begin_object(&json);
    lk_json_text_field(&json, "mediaType", LK_BUNDLE_MEDIA_TYPE);
    lk_json_key(&json, "verificationMaterial");
    lk_json_begin_object(&json);
    lk_json_key(&json, "publicKey");
    lk_json_begin_object(&json);
    write_base64(&json, "hint", hint.sha256, sizeof(hint.sha256));
    lk_json_end_object(&json);
    lk_json_end_object(&json);
    lk_json_key(&json, "dsseEnvelope");
    lk_json_begin_object(&json);
    write_base64(&json, "payload", statement.data, statement.len);
    lk_json_text_field(&json, "payloadType", LK_STATEMENT_MEDIA_TYPE);
    lk_json_key(&json, "signatures");
    lk_json_begin_array(&json);
    lk_json_begin_object(&json);
    write_base64(&json, "sig", signature->bytes, signature->len);
    lk_json_end_object(&json);
    lk_json_end_array(&json);
    lk_json_end_object(&json);
    lk_json_end_object(&json);
}

static void write_descriptor(struct lk_json *json, const char *media_type, const char *digest,
                             uint64_t size)
{
    lk_json_begin_object(json);
    lk_json_text_field(json, "mediaType", media_type);
    lk_json_text_field(json, "digest", digest);
    lk_json_key(json, "size");
    lk_json_u64(json, size);
    lk_json_end_object(json);
}

/* Its time is none: the same signature has the same manifest, so that it is attached once. */
static void write_carrier(struct lk_buf *out, const struct lk_bundle *bundle,
                          const struct lk_descriptor *subject)
{
    struct lk_json json = { .out = out };
    char           digest[LK_DIGEST_TEXT_SIZE];

    lk_json_begin_object(&json);
    lk_json_key(&json, "schemaVersion");
    lk_json_u64(&json, 2);
    lk_json_text_field(&json, "mediaType", LK_OCI_MANIFEST);
    lk_json_text_field(&json, "artifactType", LK_BUNDLE_MEDIA_TYPE);
    lk_json_key(&json, "config");
    write_descriptor(&json, EMPTY_MEDIA_TYPE, EMPTY_DIGEST, 2);
    lk_json_key(&json, "layers");
    lk_json_begin_array(&json);
    lk_digest_format(&bundle->digest, digest);
    write_descriptor(&json, LK_BUNDLE_MEDIA_TYPE, digest, bundle->bytes.len);
    lk_json_end_array(&json);
    lk_json_key(&json, "subject");
    lk_digest_format(&subject->digest, digest);
    write_descriptor(&json, subject->media_type, digest, subject->size);
    lk_json_key(&json, "annotations");
    lk_json_begin_object(&json);
    lk_json_text_field(&json, "dev.sigstore.bundle.content", "dsse-envelope");
    lk_json_text_field(&json, LK_PREDICATE_ANNOTATION, LK_PREDICATE_TYPE);
    lk_json_text_field(&json, "org.opencontainers.image.created", "1970-01-01T00:00:00Z");
    lk_json_end_object(&json);
    lk_json_end_object(&json);
}

int lk_bundle_make(struct lk_bundle *out, const struct lk_descriptor *subject,
                   const struct lk_signatures *signatures, size_t key, struct lk_err *err)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf statement = LK_BUF_INIT(LK_PAYLOAD_MAX);

    *out = (struct lk_bundle) { .bytes = LK_BUF_INIT(LK_BUNDLE_MAX),
                                .carrier = LK_BUF_INIT(LK_BUNDLE_MAX) };
    if (lk_signature_statement(&statement, signatures) < 0)
        return lk_err_set(err, LK_ERR_INVALID, "the name to sign under is not UTF-8");
    write_bundle(&out->bytes, lk_buf_str(&statement), &signatures->keys[key],
                 &signatures->statement[key]);
    lk_sha256(lk_buf_text(&out->bytes), out->bytes.len, &out->digest);
    write_carrier(&out->carrier, out, subject);
    if (!lk_buf_ok(&out->bytes) || !lk_buf_ok(&out->carrier))
        return lk_err_set(err, LK_ERR_LIMIT, "the names to sign under do not fit a bundle");
    lk_copy_text(out->descriptor.media_type, sizeof(out->descriptor.media_type),
                 LK_OCI_MANIFEST);
    out->descriptor.size = out->carrier.len;
    lk_sha256(lk_buf_text(&out->carrier), out->carrier.len, &out->descriptor.digest);
    return 0;
}

void lk_bundle_fini(struct lk_bundle *bundle)
{
    lk_buf_fini(&bundle->bytes);
    lk_buf_fini(&bundle->carrier);
}

static bool names_reference(json_t *subjects, const char *hex, const char *reference)
{
    for (size_t i = 0; i < json_array_size(subjects); i++) {
        const char *digest, *name = NULL;
        if (json_unpack(json_array_get(subjects, i), "{s?s,s:{s:s}}", "name", &name, "digest",
                        "sha256", &digest) == 0 &&
            strcmp(digest, hex) == 0 && (!reference || (name && strcmp(name, reference) == 0)))
            return true;
    }
    return false;
}

static bool statement_is_wanted(struct lk_str                     statement,
                                const struct lk_signature_wanted *wanted, bool every)
{
    LK_CLEANUP(lk_attached_free)
    json_t     *root = json_loadb(statement.data, statement.len, JSON_REJECT_DUPLICATES, NULL);
    const char *type, *predicate;
    json_t     *subjects;
    char        hex[65];
    size_t      named = 0;

    /* Any other predicate says something of the image, such as how it was made, and not that it is released. */
    if (!root ||
        json_unpack(root, "{s:s,s:s,s:o}", "_type", &type, "predicateType", &predicate,
                    "subject", &subjects) != 0 ||
        strcmp(type, LK_STATEMENT_TYPE) != 0 || strcmp(predicate, LK_PREDICATE_TYPE) != 0)
        return false;
    lk_hex_encode(hex, wanted->digest->sha256, sizeof(wanted->digest->sha256));
    if (wanted->reference_count == 0)
        return names_reference(subjects, hex, NULL);
    for (size_t i = 0; i < wanted->reference_count; i++)
        named += names_reference(subjects, hex, wanted->references[i]);
    return every ? named == wanted->reference_count : named > 0;
}

static bool is_signed(json_t *signatures, struct lk_str envelope,
                      const struct lk_signature_wanted *wanted)
{
    struct lk_signature signature;

    for (size_t i = 0; i < json_array_size(signatures) && i < SIGNATURES_MAX; i++) {
        const char *base64 =
            json_string_value(json_object_get(json_array_get(signatures, i), "sig"));
        for (size_t k = 0; base64 && k < wanted->key_count; k++)
            if (lk_signature_read(base64, &signature) &&
                lk_public_key_verifies(&wanted->keys[k], envelope, &signature))
                return true;
    }
    return false;
}

bool lk_bundle_is_wanted(struct lk_str bytes, const struct lk_signature_wanted *wanted,
                         bool every)
{
    LK_CLEANUP(lk_attached_free)
    json_t *root = json_loadb(bytes.data, bytes.len, JSON_REJECT_DUPLICATES, NULL);
    LK_CLEANUP(lk_free_pointer) char     *statement = NULL;
    LK_CLEANUP(lk_buf_fini) struct lk_buf envelope = LK_BUF_INIT(2 * LK_BUNDLE_MAX);
    const char                           *media_type, *payload, *type;
    json_t                               *signatures;
    size_t                                len;

    if (!root ||
        json_unpack(root, "{s:s,s:{s:s,s:s,s:o}}", "mediaType", &media_type, "dsseEnvelope",
                    "payload", &payload, "payloadType", &type, "signatures",
                    &signatures) != 0 ||
        strcmp(media_type, LK_BUNDLE_MEDIA_TYPE) != 0 ||
        strcmp(type, LK_STATEMENT_MEDIA_TYPE) != 0)
        return false;
    statement = lk_xmalloc(strlen(payload) + 1);
    if (sodium_base642bin((unsigned char *)statement, strlen(payload), payload, strlen(payload),
                          NULL, &len, NULL, sodium_base64_VARIANT_ORIGINAL) != 0 ||
        lk_signature_envelope(&envelope, (struct lk_str) { statement, len }) < 0)
        return false;
    return is_signed(signatures, lk_buf_str(&envelope), wanted) &&
           statement_is_wanted((struct lk_str) { statement, len }, wanted, every);
}

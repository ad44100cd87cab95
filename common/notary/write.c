#include "common/notary/write.h"

#include "common/hash/sha256.h"
#include "common/notary/canonical.h"

#include <sodium.h>

static int add_signature(json_t *list, const char *key_id, struct lk_str message,
                         const struct lk_notary_signer *signer, struct lk_err *err)
{
    struct lk_notary_signature        signature;
    LK_CLEANUP(lk_free_pointer) char *text = NULL;

    if (signer->sign(signer->ctx, key_id, message, &signature, err) < 0)
        return -1;
    text = lk_base64_encode(signature.bytes, signature.len);
    json_array_append_new(list, json_pack("{s:s,s:s,s:s}", "keyid", key_id, "method",
                                          signature.method, "sig", text));
    return 0;
}

static int sign_by_all(json_t *list, const char *role, struct lk_str message,
                       const json_t *key_ids, size_t threshold,
                       const struct lk_notary_signer *signer, struct lk_err *err)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf wanted = LK_BUF_INIT(LK_ERR_TEXT_MAX);

    for (size_t i = 0; i < json_array_size(key_ids); i++) {
        const char *id = json_string_value(json_array_get(key_ids, i));
        if (!id)
            continue;
        lk_buf_printf(&wanted, "%s%.16s...", wanted.len ? ", " : "", id);
        if (signer->has(signer->ctx, id) && add_signature(list, id, message, signer, err) < 0)
            return lk_err_wrap(err, "signing %s", role);
    }
    if (threshold > 0 && json_array_size(list) >= threshold)
        return 0;
    return lk_err_set(
        err, LK_ERR_DENIED,
        "signing %s needs %zu of the keys %s, and %zu of them are here: copy the key "
        "file into private/ of the trust directory, or have a key of yours added "
        "(`docker trust signer add`)",
        role, threshold, lk_buf_text(&wanted), json_array_size(list));
}

int lk_notary_write(struct lk_notary_file *out, const char *role, const json_t *signed_part,
                    const json_t *key_ids, size_t threshold,
                    const struct lk_notary_signer *signer, struct lk_err *err)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf message = LK_BUF_INIT(LK_NOTARY_FILE_MAX);
    LK_CLEANUP(lk_buf_fini) struct lk_buf bytes = LK_BUF_INIT(LK_NOTARY_FILE_MAX);
    LK_CLEANUP(lk_json_free) json_t      *list = json_array();

    if (lk_canonical_json(&message, signed_part, err) < 0)
        return lk_err_wrap(err, "writing %s", role);
    if (sign_by_all(list, role, lk_buf_str(&message), key_ids, threshold, signer, err) < 0)
        return -1;
    lk_buf_add_text(&bytes, "{\"signed\":");
    lk_buf_add_str(&bytes, lk_buf_str(&message));
    lk_buf_add_text(&bytes, ",\"signatures\":");
    if (lk_canonical_json(&bytes, list, err) < 0)
        return lk_err_wrap(err, "writing %s", role);
    lk_buf_add_text(&bytes, "}");
    return lk_notary_file_parse(out, role, lk_buf_str(&bytes), err);
}

json_t *lk_notary_describe_digest(const struct lk_digest *digest, uint64_t length)
{
    LK_CLEANUP(lk_free_pointer)
    char *sha256 = lk_base64_encode(digest->sha256, sizeof(digest->sha256));

    return json_pack("{s:{s:s},s:I}", "hashes", "sha256", sha256, "length", (json_int_t)length);
}

json_t *lk_notary_describe_file(const struct lk_notary_file *file)
{
    uint8_t          sha512[crypto_hash_sha512_BYTES];
    struct lk_digest digest;

    lk_sha256(lk_buf_text(&file->bytes), file->bytes.len, &digest);
    crypto_hash_sha512(sha512, (const uint8_t *)lk_buf_text(&file->bytes), file->bytes.len);
    LK_CLEANUP(lk_free_pointer) char *text = lk_base64_encode(sha512, sizeof(sha512));
    json_t *description = lk_notary_describe_digest(&digest, file->bytes.len);
    json_object_set_new(json_object_get(description, "hashes"), "sha512", json_string(text));
    return description;
}

int lk_notary_date(json_t *signed_part, uint64_t version, int64_t expires_s, struct lk_err *err)
{
    char expires[32];

    lk_notary_time_format(expires, expires_s);
    if (json_object_set_new(signed_part, "version", json_integer((json_int_t)version)) == 0 &&
        json_object_set_new(signed_part, "expires", json_string(expires)) == 0)
        return 0;
    return lk_err_set(err, LK_ERR_INVALID, "no metadata to put a date on");
}

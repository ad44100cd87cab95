#include "common/keyfile/public_key.h"

#include "common/keyfile/pem.h"
#include "common/os/file.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define LABEL         "PUBLIC KEY"
#define FILE_SIZE_MAX 16384

/*
 * RFC 8410 leaves one DER encoding for an Ed25519 key: SEQUENCE { SEQUENCE { OID 1.3.101.112 },
 * BIT STRING of 32 bytes }.  So the document is these 12 bytes and the key, and needs no ASN.1 reader.
 */
static const uint8_t ED25519_START[12] = { 0x30, 0x2a, 0x30, 0x05, 0x06, 0x03,
                                           0x2b, 0x65, 0x70, 0x03, 0x21, 0x00 };

#define ED25519_SPKI_SIZE (sizeof(ED25519_START) + LK_ED25519_BYTES)

static const char *const type_names[] = {
    [LK_KEY_ED25519] = "ed25519", [LK_KEY_ECDSA_P256] = "ecdsa-p256"
};

bool lk_key_type_parse(struct lk_str text, enum lk_key_type *out)
{
    for (size_t i = 0; i < LK_COUNT(type_names); i++)
        if (lk_str_eq_text(text, type_names[i])) {
            *out = (enum lk_key_type)i;
            return true;
        }
    return false;
}

const char *lk_key_type_name(enum lk_key_type type)
{
    return type_names[type];
}

static void free_pkey(EVP_PKEY **pkey)
{
    EVP_PKEY_free(*pkey);
}

static void free_context(EVP_MD_CTX **context)
{
    EVP_MD_CTX_free(*context);
}

static EVP_PKEY *decode(const uint8_t *spki, size_t len)
{
    const uint8_t *at = spki;
    EVP_PKEY      *pkey = d2i_PUBKEY(NULL, &at, (long)len);

    ERR_clear_error(); /* a foreign key that is none is nobody's failure */
    return pkey;
}

static bool is_p256(const EVP_PKEY *pkey)
{
    char group[32] = "";

    return EVP_PKEY_get_base_id(pkey) == EVP_PKEY_EC &&
           EVP_PKEY_get_group_name(pkey, group, sizeof(group), NULL) == 1 &&
           strcmp(group, "prime256v1") == 0;
}

/* Of the ways to encode a point all write the uncompressed one; so one key has one encoding. */
static bool read_p256(struct lk_public_key *out, struct lk_str spki)
{
    LK_CLEANUP(free_pkey) EVP_PKEY *pkey = decode((const uint8_t *)spki.data, spki.len);
    uint8_t                        *at = out->spki;

    if (!pkey || !is_p256(pkey) || i2d_PUBKEY(pkey, NULL) != LK_SPKI_BYTES_MAX)
        return false;
    out->type = LK_KEY_ECDSA_P256;
    out->spki_len = LK_SPKI_BYTES_MAX;
    return i2d_PUBKEY(pkey, &at) == LK_SPKI_BYTES_MAX;
}

bool lk_public_key_read(struct lk_public_key *out, struct lk_str spki)
{
    *out = (struct lk_public_key) { 0 };
    if (spki.len != ED25519_SPKI_SIZE ||
        memcmp(spki.data, ED25519_START, sizeof(ED25519_START)) != 0)
        return read_p256(out, spki);
    lk_public_key_of_ed25519(out, (const uint8_t *)spki.data + sizeof(ED25519_START));
    return true;
}

int lk_public_key_load(struct lk_public_key *out, const char *path, struct lk_err *err)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf text = LK_BUF_INIT(FILE_SIZE_MAX);
    LK_CLEANUP(lk_buf_fini) struct lk_buf der = LK_BUF_INIT(FILE_SIZE_MAX);

    if (lk_file_read(path, &text, err) < 0)
        return lk_err_wrap(err, "reading the public key");
    if (!lk_pem_read(lk_buf_str(&text), LABEL, &der))
        return lk_err_set(err, LK_ERR_INVALID, "%s holds no PEM block \"" LABEL "\"", path);
    if (!lk_public_key_read(out, lk_buf_str(&der)))
        return lk_err_set(err, LK_ERR_INVALID,
                          "the public key in %s is neither an Ed25519 nor an ECDSA P-256 key, "
                          "the kinds that are supported here",
                          path);
    return 0;
}

void lk_public_key_of_ed25519(struct lk_public_key *out, const uint8_t raw[LK_ED25519_BYTES])
{
    *out = (struct lk_public_key) { .type = LK_KEY_ED25519, .spki_len = ED25519_SPKI_SIZE };
    memcpy(out->spki, ED25519_START, sizeof(ED25519_START));
    memcpy(out->spki + sizeof(ED25519_START), raw, LK_ED25519_BYTES);
}

void lk_public_key_pem(const struct lk_public_key *key, struct lk_buf *out)
{
    lk_pem_write(out, LABEL, key->spki, key->spki_len);
}

bool lk_public_key_eq(const struct lk_public_key *a, const struct lk_public_key *b)
{
    return a->spki_len == b->spki_len && memcmp(a->spki, b->spki, a->spki_len) == 0;
}

static bool p256_verifies(const struct lk_public_key *key, struct lk_str message,
                          const struct lk_signature *signature)
{
    LK_CLEANUP(free_pkey) EVP_PKEY      *pkey = decode(key->spki, key->spki_len);
    LK_CLEANUP(free_context) EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool                                 is_good = pkey && context &&
                   EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, pkey) == 1 &&
                   EVP_DigestVerify(context, signature->bytes, signature->len,
                                    (const uint8_t *)message.data, message.len) == 1;

    ERR_clear_error();
    return is_good;
}

bool lk_public_key_verifies(const struct lk_public_key *key, struct lk_str message,
                            const struct lk_signature *signature)
{
    switch (key->type) {
    case LK_KEY_ED25519:
        return signature->len == crypto_sign_BYTES &&
               crypto_sign_verify_detached(signature->bytes, (const uint8_t *)message.data,
                                           message.len, key->spki + sizeof(ED25519_START)) == 0;
    case LK_KEY_ECDSA_P256: return p256_verifies(key, message, signature);
    }
    return false;
}

#include "common/keyfile/signing_key.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <sodium.h>
#include <string.h>

/*
 * RFC 8410 leaves one DER encoding for a bare Ed25519 key: SEQUENCE { INTEGER 0, SEQUENCE { OID
 * 1.3.101.112 }, OCTET STRING { OCTET STRING of 32 bytes } }.  So PKCS#8 is these 16 bytes and the seed.
 */
static const uint8_t ED25519_START[16] = { 0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06,
                                           0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20 };

#define ED25519_PKCS8_SIZE (sizeof(ED25519_START) + crypto_sign_SEEDBYTES)

/* All of it in guarded, locked memory that is wiped when freed, read-only once made. */
struct lk_signing_key {
    struct lk_public_key public;
    uint8_t ed25519[crypto_sign_SECRETKEYBYTES];
    size_t  pkcs8_len;
    uint8_t pkcs8[LK_PKCS8_BYTES_MAX];
};

static void free_pkey(EVP_PKEY **pkey)
{
    EVP_PKEY_free(*pkey);
}

static void free_context(EVP_MD_CTX **context)
{
    EVP_MD_CTX_free(*context);
}

static int failed(struct lk_err *err, const char *what)
{
    const char *reason = ERR_reason_error_string(ERR_get_error());

    ERR_clear_error();
    return lk_err_set(err, LK_ERR_PERMANENT, "%s: libcrypto says: %s", what,
                      reason ? reason : "nothing");
}

static int allocate(struct lk_signing_key **out, struct lk_err *err)
{
    if (sodium_init() < 0)
        return lk_err_set(err, LK_ERR_PERMANENT, "libsodium does not start on this machine");
    *out = sodium_malloc(sizeof(**out));
    if (!*out)
        return lk_err_sys(err, "allocating locked memory for a signing key");
    memset(*out, 0, sizeof(**out));
    return 0;
}

/* From the seed, which is at its place in `pkcs8`. */
static void complete_ed25519(struct lk_signing_key *key)
{
    uint8_t raw[LK_ED25519_BYTES];

    memcpy(key->pkcs8, ED25519_START, sizeof(ED25519_START));
    key->pkcs8_len = ED25519_PKCS8_SIZE;
    crypto_sign_seed_keypair(raw, key->ed25519, key->pkcs8 + sizeof(ED25519_START));
    lk_public_key_of_ed25519(&key->public, raw);
}

static int keep_pkcs8(struct lk_signing_key *key, EVP_PKEY *pkey, struct lk_err *err)
{
    PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(pkey);
    uint8_t             *at = key->pkcs8;
    int                  len = info ? i2d_PKCS8_PRIV_KEY_INFO(info, NULL) : -1;

    if (len > 0 && len <= LK_PKCS8_BYTES_MAX)
        key->pkcs8_len = (size_t)i2d_PKCS8_PRIV_KEY_INFO(info, &at);
    PKCS8_PRIV_KEY_INFO_free(info);
    return key->pkcs8_len ? 0 : failed(err, "writing a P-256 key");
}

/* A file may state another public key than its own: nobody would believe what is signed with that. */
static bool halves_fit(EVP_PKEY *pkey)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(pkey, NULL);
    bool          fit = context && EVP_PKEY_check(context) == 1;

    EVP_PKEY_CTX_free(context);
    ERR_clear_error();
    return fit;
}

static int complete_p256(struct lk_signing_key *key, EVP_PKEY *pkey, struct lk_err *err)
{
    uint8_t  spki[4 * LK_SPKI_BYTES_MAX];
    uint8_t *at = spki;
    int      len = i2d_PUBKEY(pkey, NULL);

    if (len <= 0 || (size_t)len > sizeof(spki) || i2d_PUBKEY(pkey, &at) != len ||
        !lk_public_key_read(&key->public, (struct lk_str) { (char *)spki, (size_t)len })) {
        ERR_clear_error();
        return lk_err_set(err, LK_ERR_INVALID,
                          "it is neither an Ed25519 nor an ECDSA P-256 key, the kinds that are "
                          "supported here");
    }
    if (!halves_fit(pkey))
        return lk_err_set(err, LK_ERR_INVALID,
                          "its private and its public half do not belong together: it is "
                          "damaged, use a copy of it");
    return keep_pkcs8(key, pkey, err);
}

int lk_signing_key_new(struct lk_signing_key **out, enum lk_key_type type, struct lk_err *err)
{
    LK_CLEANUP(lk_signing_key_free) struct lk_signing_key *key = NULL;
    LK_CLEANUP(free_pkey) EVP_PKEY                        *pkey = NULL;

    if (allocate(&key, err) < 0)
        return -1;
    switch (type) {
    case LK_KEY_ED25519:
        randombytes_buf(key->pkcs8 + sizeof(ED25519_START), crypto_sign_SEEDBYTES);
        complete_ed25519(key);
        break;
    case LK_KEY_ECDSA_P256:
        pkey = EVP_EC_gen("P-256");
        if (!pkey)
            return failed(err, "making a P-256 key");
        if (complete_p256(key, pkey, err) < 0)
            return -1;
        break;
    }
    sodium_mprotect_readonly(key);
    *out = LK_TAKE(key);
    return 0;
}

static EVP_PKEY *decode(const char *pkcs8, size_t len)
{
    const uint8_t *at = (const uint8_t *)pkcs8;

    return d2i_AutoPrivateKey(NULL, &at, (long)len);
}

/* Others add a public key or attributes, which RFC 5958 allows. */
static int read_other(struct lk_signing_key *key, struct lk_str pkcs8, struct lk_err *err)
{
    LK_CLEANUP(free_pkey) EVP_PKEY *pkey = decode(pkcs8.data, pkcs8.len);
    size_t                          seed_len = crypto_sign_SEEDBYTES;

    ERR_clear_error();
    if (!pkey)
        return lk_err_set(err, LK_ERR_INVALID, "it holds no private key in PKCS#8");
    if (EVP_PKEY_get_base_id(pkey) != EVP_PKEY_ED25519)
        return complete_p256(key, pkey, err);
    if (EVP_PKEY_get_raw_private_key(pkey, key->pkcs8 + sizeof(ED25519_START), &seed_len) != 1)
        return failed(err, "reading an Ed25519 key");
    complete_ed25519(key);
    return 0;
}

int lk_signing_key_read(struct lk_signing_key **out, struct lk_str pkcs8, struct lk_err *err)
{
    LK_CLEANUP(lk_signing_key_free) struct lk_signing_key *key = NULL;

    if (allocate(&key, err) < 0)
        return -1;
    if (pkcs8.len == ED25519_PKCS8_SIZE &&
        memcmp(pkcs8.data, ED25519_START, sizeof(ED25519_START)) == 0) {
        memcpy(key->pkcs8, pkcs8.data, pkcs8.len);
        complete_ed25519(key);
    } else if (read_other(key, pkcs8, err) < 0) {
        return -1;
    }
    sodium_mprotect_readonly(key);
    *out = LK_TAKE(key);
    return 0;
}

void lk_signing_key_free(struct lk_signing_key **key)
{
    sodium_free(*key);
    *key = NULL;
}

const struct lk_public_key *lk_signing_key_public(const struct lk_signing_key *key)
{
    return &key->public;
}

struct lk_str lk_signing_key_pkcs8(const struct lk_signing_key *key)
{
    return (struct lk_str) { (const char *)key->pkcs8, key->pkcs8_len };
}

static int sign_p256(const struct lk_signing_key *key, struct lk_str message,
                     struct lk_signature *out, struct lk_err *err)
{
    LK_CLEANUP(free_pkey)
    EVP_PKEY *pkey = decode((const char *)key->pkcs8, key->pkcs8_len);
    LK_CLEANUP(free_context) EVP_MD_CTX *context = EVP_MD_CTX_new();

    out->len = sizeof(out->bytes);
    if (!pkey || !context || EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, pkey) != 1 ||
        EVP_DigestSign(context, out->bytes, &out->len, (const uint8_t *)message.data,
                       message.len) != 1)
        return failed(err, "signing with a P-256 key");
    return 0;
}

int lk_signing_key_sign(const struct lk_signing_key *key, struct lk_str message,
                        struct lk_signature *out, struct lk_err *err)
{
    switch (key->public.type) {
    case LK_KEY_ED25519:
        crypto_sign_detached(out->bytes, NULL, (const uint8_t *)message.data, message.len,
                             key->ed25519);
        out->len = crypto_sign_BYTES;
        return 0;
    case LK_KEY_ECDSA_P256: return sign_p256(key, message, out, err);
    }
    return lk_err_set(err, LK_ERR_PERMANENT, "a key of unknown type");
}

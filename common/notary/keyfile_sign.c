#include "common/notary/keyfile_private.h"

#include <openssl/ec.h>
#include <sodium.h>

static void free_context(EVP_MD_CTX **context)
{
    EVP_MD_CTX_free(*context);
}

/* r and s side by side, each as wide as the curve. */
static bool der_as_ecdsa(const uint8_t *der, size_t len, int half,
                         struct lk_notary_signature *out)
{
    const unsigned char *at = der;
    ECDSA_SIG           *signature = d2i_ECDSA_SIG(NULL, &at, (long)len);
    bool                 fits = signature && 2 * (size_t)half <= sizeof(out->bytes) &&
                BN_bn2binpad(ECDSA_SIG_get0_r(signature), out->bytes, half) == half &&
                BN_bn2binpad(ECDSA_SIG_get0_s(signature), out->bytes + half, half) == half;

    ECDSA_SIG_free(signature);
    out->len = 2 * (size_t)half;
    return fits;
}

static bool sign_ecdsa(const struct lk_notary_private *key, struct lk_str message,
                       struct lk_notary_signature *out)
{
    LK_CLEANUP(free_context) EVP_MD_CTX *context = EVP_MD_CTX_new();
    uint8_t                              der[LK_NOTARY_SIGNATURE_MAX];
    size_t                               len = sizeof(der);

    return context && EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key->ec) == 1 &&
           EVP_DigestSign(context, der, &len, (const unsigned char *)message.data,
                          message.len) == 1 &&
           der_as_ecdsa(der, len, (EVP_PKEY_get_bits(key->ec) + 7) / 8, out);
}

int lk_notary_private_sign(const struct lk_notary_private *key, struct lk_str message,
                           struct lk_notary_signature *out, struct lk_err *err)
{
    if (key->ed25519) {
        out->method = "eddsa";
        out->len = crypto_sign_BYTES;
        crypto_sign_detached(out->bytes, NULL, (const uint8_t *)message.data, message.len,
                             key->ed25519);
        return 0;
    }
    out->method = "ecdsa";
    return sign_ecdsa(key, message, out)
               ? 0
               : lk_err_set(err, LK_ERR_PERMANENT, "libcrypto does not sign with key %s",
                            key->id);
}

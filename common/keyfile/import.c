#include "common/keyfile/import.h"

#include "common/keyfile/pem.h"
#include "common/keyfile/sigstore.h"

#include <openssl/err.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>
#include <sodium.h>

#define PLAIN_LABEL     "PRIVATE KEY"
#define ENCRYPTED_LABEL "ENCRYPTED PRIVATE KEY"

static bool has_block(struct lk_str pem, const char *label)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf der = LK_BUF_INIT(LK_SIGSTORE_FILE_SIZE_MAX);

    bool found = lk_pem_read(pem, label, &der);
    if (der.data)
        sodium_memzero(der.data, der.capacity);
    return found;
}

bool lk_key_is_encrypted(struct lk_str pem)
{
    return lk_sigstore_is(pem) || has_block(pem, ENCRYPTED_LABEL);
}

static int import_encrypted(struct lk_signing_key **out, struct lk_str der,
                            struct lk_str passphrase, struct lk_err *err)
{
    const uint8_t       *at = (const uint8_t *)der.data;
    X509_SIG            *sealed = d2i_X509_SIG(NULL, &at, (long)der.len);
    PKCS8_PRIV_KEY_INFO *info =
        sealed ? PKCS8_decrypt(sealed, passphrase.data, (int)passphrase.len) : NULL;
    uint8_t *plain = NULL;
    int      len = info ? i2d_PKCS8_PRIV_KEY_INFO(info, &plain) : 0;
    int      rc;

    ERR_clear_error();
    if (!sealed)
        rc = lk_err_set(err, LK_ERR_INVALID, "its block \"" ENCRYPTED_LABEL "\" is damaged");
    else if (len <= 0)
        rc = lk_err_set(err, LK_ERR_DENIED,
                        "the passphrase does not open it (or it is encrypted in a way that is "
                        "not known here)");
    else
        rc = lk_signing_key_read(out, (struct lk_str) { (char *)plain, (size_t)len }, err);
    OPENSSL_clear_free(plain, len > 0 ? (size_t)len : 0);
    PKCS8_PRIV_KEY_INFO_free(info);
    X509_SIG_free(sealed);
    return rc;
}

int lk_key_import(struct lk_signing_key **out, struct lk_str pem, struct lk_str passphrase,
                  struct lk_err *err)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf der = LK_BUF_INIT(LK_SIGSTORE_FILE_SIZE_MAX);
    int                                   rc;

    if (lk_sigstore_is(pem))
        return lk_sigstore_open(out, pem, passphrase, err);
    if (lk_pem_read(pem, ENCRYPTED_LABEL, &der))
        return import_encrypted(out, lk_buf_str(&der), passphrase, err);
    if (!lk_pem_read(pem, PLAIN_LABEL, &der))
        return lk_err_set(err, LK_ERR_INVALID,
                          "it holds no sigstore key and no PKCS#8 key (PEM \"" PLAIN_LABEL
                          "\" or \"" ENCRYPTED_LABEL "\")");
    rc = lk_signing_key_read(out, lk_buf_str(&der), err);
    sodium_memzero(der.data, der.capacity);
    return rc;
}

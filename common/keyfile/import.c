#include "common/keyfile/import.h"

#include "common/keyfile/pem.h"
#include "common/keyfile/sealed.h"
#include "common/keyfile/sigstore.h"

#include <openssl/crypto.h>
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
    PKCS8_PRIV_KEY_INFO *info = NULL;
    uint8_t             *plain = NULL;

    if (lk_sealed_open(&info, der, passphrase, err) < 0)
        return -1;
    int len = i2d_PKCS8_PRIV_KEY_INFO(info, &plain);
    int rc = len > 0
                 ? lk_signing_key_read(out, (struct lk_str) { (char *)plain, (size_t)len }, err)
                 : lk_err_set(err, LK_ERR_INVALID, "what its passphrase opens is no key");
    OPENSSL_clear_free(plain, len > 0 ? (size_t)len : 0);
    PKCS8_PRIV_KEY_INFO_free(info);
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

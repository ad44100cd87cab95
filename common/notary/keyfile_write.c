#include "common/notary/keyfile_private.h"

#include "common/keyfile/pem.h"

#include <string.h>

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <sodium.h>

/* As Docker's and Notary's clients encrypt; they read nothing else. */
#define LABEL      "ENCRYPTED PRIVATE KEY"
#define ITERATIONS 2048
#define SALT_BYTES 8

#define CERTIFICATE_DAYS 3650

static int libcrypto_failed(const char *what, struct lk_err *err)
{
    return lk_err_set(err, LK_ERR_PERMANENT, "%s: libcrypto did not do it", what);
}

int lk_notary_private_new(struct lk_notary_private **out, struct lk_err *err)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");

    return key ? lk_notary_private_of_ec(out, key, err)
               : libcrypto_failed("making an ECDSA key", err);
}

static void free_sealed(X509_SIG **sealed)
{
    X509_SIG_free(*sealed);
}

static void free_pkcs8(PKCS8_PRIV_KEY_INFO **info)
{
    PKCS8_PRIV_KEY_INFO_free(*info);
}

static X509_SIG *seal(const struct lk_notary_private *key, struct lk_str passphrase)
{
    LK_CLEANUP(free_pkcs8) PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key->ec);
    uint8_t                                     salt[SALT_BYTES];
    X509_ALGOR                                 *how;

    if (!info || RAND_bytes(salt, sizeof(salt)) != 1)
        return NULL;
    how = PKCS5_pbe2_set_iv(EVP_aes_256_cbc(), ITERATIONS, salt, sizeof(salt), NULL,
                            NID_hmacWithSHA1);
    if (!how)
        return NULL;
    X509_SIG *sealed = PKCS8_set0_pbe(passphrase.data, (int)passphrase.len, info, how);
    if (!sealed)
        X509_ALGOR_free(how);
    return sealed;
}

/* The header lines come before the base64, in alphabetical order, with a blank line after. */
static void write_pem(struct lk_buf *out, const char *role, const char *gun, struct lk_str der)
{
    static const char                     begin[] = "-----BEGIN " LABEL "-----\n";
    LK_CLEANUP(lk_buf_fini) struct lk_buf plain = LK_BUF_INIT(LK_NOTARY_KEYFILE_MAX);

    lk_pem_write(&plain, LABEL, der.data, der.len);
    lk_buf_add_text(out, begin);
    if (gun)
        lk_buf_printf(out, "gun: %s\n", gun);
    lk_buf_printf(out, "role: %s\n\n", role);
    lk_buf_add_text(out, lk_buf_text(&plain) + strlen(begin));
}

int lk_notary_private_write(const struct lk_notary_private *key, const char *role,
                            const char *gun, struct lk_str passphrase, struct lk_buf *out,
                            struct lk_err *err)
{
    LK_CLEANUP(free_sealed) X509_SIG *sealed = key->ec ? seal(key, passphrase) : NULL;
    unsigned char                    *der = NULL;
    int                               size = sealed ? i2d_X509_SIG(sealed, &der) : 0;

    if (size <= 0)
        return libcrypto_failed("encrypting a key", err);
    write_pem(out, role, gun, (struct lk_str) { (const char *)der, (size_t)size });
    OPENSSL_free(der);
    return lk_buf_ok(out) ? 0 : lk_err_set(err, LK_ERR_LIMIT, "a key does not fit its buffer");
}

static void free_certificate(X509 **certificate)
{
    X509_free(*certificate);
}

static bool add_extension(X509 *certificate, int what, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, what, value);
    bool            added = extension && X509_add_ext(certificate, extension, -1) == 1;

    X509_EXTENSION_free(extension);
    return added;
}

/* What the clients put into theirs, and look for. */
static bool fill_certificate(X509 *certificate, const struct lk_notary_private *key,
                             const char *gun, int64_t now_s)
{
    /* Not as MBSTRING, of which libcrypto lets a common name have 64 characters only. */
    const unsigned char *gun_bytes = (const unsigned char *)gun;
    X509_NAME           *name = X509_get_subject_name(certificate);
    time_t               now = (time_t)now_s;
    uint8_t              serial[16];

    if (RAND_bytes(serial, sizeof(serial)) != 1)
        return false;
    serial[0] &= 0x7f;
    BIGNUM *number = BN_bin2bn(serial, sizeof(serial), NULL);
    bool    numbered = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));
    BN_free(number);
    return numbered && X509_set_version(certificate, X509_VERSION_3) == 1 &&
           X509_NAME_add_entry_by_NID(name, NID_commonName, V_ASN1_UTF8STRING, gun_bytes, -1,
                                      -1, 0) == 1 &&
           X509_set_issuer_name(certificate, name) == 1 &&
           X509_time_adj_ex(X509_getm_notBefore(certificate), 0, 0, &now) &&
           X509_time_adj_ex(X509_getm_notAfter(certificate), CERTIFICATE_DAYS, 0, &now) &&
           X509_set_pubkey(certificate, key->ec) == 1 &&
           add_extension(certificate, NID_key_usage,
                         "critical,digitalSignature,keyEncipherment") &&
           add_extension(certificate, NID_ext_key_usage, "codeSigning") &&
           add_extension(certificate, NID_basic_constraints, "critical,CA:FALSE") &&
           X509_sign(certificate, key->ec, EVP_sha256()) > 0;
}

json_t *lk_notary_private_certificate(const struct lk_notary_private *key, const char *gun,
                                      int64_t now_s, struct lk_err *err)
{
    LK_CLEANUP(free_certificate) X509 *certificate = X509_new();
    BIO                               *bio = BIO_new(BIO_s_mem());
    json_t                            *public_key = NULL;
    char                              *pem;

    if (certificate && bio && key->ec && fill_certificate(certificate, key, gun, now_s) &&
        PEM_write_bio_X509(bio, certificate) == 1) {
        long len = BIO_get_mem_data(bio, &pem);
        public_key = lk_notary_key_new("ecdsa-x509", pem, (size_t)len);
    }
    BIO_free(bio);
    if (!public_key)
        libcrypto_failed("making the root key's certificate", err);
    return public_key;
}

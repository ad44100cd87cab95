#include "common/notary/key.h"

#include "common/base/hex.h"
#include "common/hash/sha256.h"
#include "common/notary/canonical.h"

#include <string.h>
#include <time.h>

#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <sodium.h>

#define PUBLIC_BYTES_MAX    (16 * 1024) /* a certificate chain as PEM */
#define SIGNATURE_BYTES_MAX 1024        /* RSA of 8,192 bits */
#define PSS_SALT_BYTES      32

size_t lk_base64_decode(void *out, size_t size, const char *text)
{
    size_t len = 0;

    if (!text || sodium_base642bin(out, size, text, strlen(text), NULL, &len, NULL,
                                   sodium_base64_VARIANT_ORIGINAL) != 0)
        return 0;
    return len;
}

char *lk_base64_encode(const void *data, size_t len)
{
    size_t size = sodium_base64_encoded_len(len, sodium_base64_VARIANT_ORIGINAL);

    return sodium_bin2base64(lk_xmalloc(size), size, data, len, sodium_base64_VARIANT_ORIGINAL);
}

static json_t *key_of(const char *type, const char *public_text)
{
    return json_pack("{s:s,s:{s:n,s:s}}", "keytype", type, "keyval", "private", "public",
                     public_text);
}

json_t *lk_notary_key_new(const char *type, const void *public_bytes, size_t len)
{
    LK_CLEANUP(lk_free_pointer) char *text = lk_base64_encode(public_bytes, len);

    return key_of(type, text);
}

static const char *type_of(const json_t *key)
{
    const char *type = json_string_value(json_object_get(key, "keytype"));

    return type ? type : "";
}

static const char *public_of(const json_t *key)
{
    return json_string_value(json_object_get(json_object_get(key, "keyval"), "public"));
}

bool lk_notary_key_id(const json_t *key, char out[LK_NOTARY_ID_SIZE])
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf bytes = LK_BUF_INIT(2 * PUBLIC_BYTES_MAX);
    LK_CLEANUP(lk_json_free) json_t      *plain = NULL;
    struct lk_digest                      digest;
    struct lk_err                         err;

    if (!type_of(key)[0] || !public_of(key))
        return false;
    plain = key_of(type_of(key), public_of(key));
    if (!plain || lk_canonical_json(&bytes, plain, &err) < 0)
        return false;
    lk_sha256(lk_buf_text(&bytes), bytes.len, &digest);
    lk_hex_encode(out, digest.sha256, sizeof(digest.sha256));
    return true;
}

static void free_certificate(X509 **certificate)
{
    X509_free(*certificate);
}

static void free_key(EVP_PKEY **key)
{
    EVP_PKEY_free(*key);
}

static void free_context(EVP_MD_CTX **context)
{
    EVP_MD_CTX_free(*context);
}

static void free_ecdsa(ECDSA_SIG **signature)
{
    ECDSA_SIG_free(*signature);
}

/* Or libcrypto would ask on the terminal. */
static int no_passphrase(char *out, int size, int writes, void *ctx)
{
    (void)out;
    (void)size;
    (void)writes;
    (void)ctx;
    return -1;
}

/* The first certificate, or NULL. */
static X509 *certificate_of(const uint8_t *pem, size_t len)
{
    BIO  *bio = BIO_new_mem_buf(pem, (int)len);
    X509 *certificate = bio ? PEM_read_bio_X509(bio, NULL, no_passphrase, NULL) : NULL;

    BIO_free(bio);
    return certificate;
}

/* Of what is not Ed25519. */
static EVP_PKEY *load(const json_t *key)
{
    LK_CLEANUP(lk_free_pointer) uint8_t *bytes = lk_xmalloc(PUBLIC_BYTES_MAX);
    LK_CLEANUP(free_certificate) X509   *certificate = NULL;
    const unsigned char                 *at = bytes;
    size_t len = lk_base64_decode(bytes, PUBLIC_BYTES_MAX, public_of(key));

    if (len == 0)
        return NULL;
    if (!lk_str_ends(lk_str_of(type_of(key)), "-x509"))
        return d2i_PUBKEY(NULL, &at, (long)len);
    certificate = certificate_of(bytes, len);
    return certificate ? X509_get_pubkey(certificate) : NULL;
}

/* Content trust writes r and s side by side; libcrypto reads them as DER. */
static size_t ecdsa_as_der(const uint8_t *raw, size_t len, unsigned char **der)
{
    LK_CLEANUP(free_ecdsa) ECDSA_SIG *signature = ECDSA_SIG_new();
    int                               half = (int)(len / 2);

    if (!signature || len % 2 ||
        !ECDSA_SIG_set0(signature, BN_bin2bn(raw, half, NULL),
                        BN_bin2bn(raw + half, half, NULL)))
        return 0;
    int size = i2d_ECDSA_SIG(signature, der);
    return size > 0 ? (size_t)size : 0;
}

static bool digest_verifies(EVP_PKEY *key, bool is_pss, const uint8_t *signature, size_t len,
                            struct lk_str message)
{
    LK_CLEANUP(free_context) EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY_CTX                        *how;

    if (!context || EVP_DigestVerifyInit(context, &how, EVP_sha256(), NULL, key) != 1 ||
        (is_pss && (EVP_PKEY_CTX_set_rsa_padding(how, RSA_PKCS1_PSS_PADDING) != 1 ||
                    EVP_PKEY_CTX_set_rsa_pss_saltlen(how, PSS_SALT_BYTES) != 1)))
        return false;
    return EVP_DigestVerify(context, signature, len, (const unsigned char *)message.data,
                            message.len) == 1;
}

static bool ecdsa_verifies(EVP_PKEY *key, const uint8_t *signature, size_t len,
                           struct lk_str message)
{
    unsigned char *der = NULL;
    size_t         size = ecdsa_as_der(signature, len, &der);
    bool           verifies = size && digest_verifies(key, false, der, size, message);

    OPENSSL_free(der);
    return verifies;
}

static bool ed25519_verifies(const json_t *key, const uint8_t *signature, size_t len,
                             struct lk_str message)
{
    uint8_t public_key[crypto_sign_PUBLICKEYBYTES];

    return len == crypto_sign_BYTES &&
           lk_base64_decode(public_key, sizeof(public_key), public_of(key)) ==
               sizeof(public_key) &&
           crypto_sign_verify_detached(signature, (const uint8_t *)message.data, message.len,
                                       public_key) == 0;
}

bool lk_notary_key_verifies(const json_t *key, const char *method, const char *signature,
                            struct lk_str message)
{
    uint8_t     bytes[SIGNATURE_BYTES_MAX];
    size_t      len = lk_base64_decode(bytes, sizeof(bytes), signature);
    const char *type = type_of(key);

    if (len == 0 || !method)
        return false;
    if (strcmp(type, "ed25519") == 0)
        return strcmp(method, "eddsa") == 0 && ed25519_verifies(key, bytes, len, message);

    LK_CLEANUP(free_key) EVP_PKEY *loaded = load(key);
    if (!loaded)
        return false;
    if (EVP_PKEY_get_base_id(loaded) == EVP_PKEY_EC && strncmp(type, "ecdsa", 5) == 0)
        return strcmp(method, "ecdsa") == 0 && ecdsa_verifies(loaded, bytes, len, message);
    return EVP_PKEY_get_base_id(loaded) == EVP_PKEY_RSA && strncmp(type, "rsa", 3) == 0 &&
           strcmp(method, "rsapss") == 0 && digest_verifies(loaded, true, bytes, len, message);
}

static bool name_fits(const char *name, const char *gun)
{
    size_t len = strlen(name);

    return strcmp(name, gun) == 0 ||
           (len > 0 && name[len - 1] == '*' && strncmp(name, gun, len - 1) == 0);
}

bool lk_notary_key_is_root_of(const json_t *key, const char *gun, int64_t now_s)
{
    LK_CLEANUP(lk_free_pointer) uint8_t *bytes = lk_xmalloc(PUBLIC_BYTES_MAX);
    LK_CLEANUP(free_certificate) X509   *certificate = NULL;
    size_t len = lk_base64_decode(bytes, PUBLIC_BYTES_MAX, public_of(key));
    char   name[512];
    time_t now = (time_t)now_s;

    if (len == 0 || !lk_str_ends(lk_str_of(type_of(key)), "-x509"))
        return false;
    certificate = certificate_of(bytes, len);
    return certificate &&
           X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name,
                                     sizeof(name)) > 0 &&
           name_fits(name, gun) && X509_cmp_time(X509_get0_notBefore(certificate), &now) < 0 &&
           X509_cmp_time(X509_get0_notAfter(certificate), &now) > 0;
}

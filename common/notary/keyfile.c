#include "common/notary/keyfile.h"

#include "common/keyfile/pem.h"
#include "common/keyfile/sealed.h"
#include "common/notary/keyfile_private.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sodium.h>

#define ENCRYPTED "ENCRYPTED PRIVATE KEY"
#define PLAIN     "PRIVATE KEY"
#define LEGACY    "EC PRIVATE KEY"

/* Ed25519 as Notary keeps it in PKCS#8: public key, seed, public key. */
#define ED25519_OID   "1.3.6.1.4.1.11591.15.1"
#define ED25519_BYTES 96
#define ED25519_SEED  32

void lk_notary_private_free(struct lk_notary_private **key)
{
    if (!*key)
        return;
    EVP_PKEY_free((*key)->ec);
    sodium_free((*key)->ed25519);
    json_decref((*key)->public_key);
    free(*key);
    *key = NULL;
}

const json_t *lk_notary_private_public(const struct lk_notary_private *key)
{
    return key->public_key;
}

const char *lk_notary_private_id(const struct lk_notary_private *key)
{
    return key->id;
}

static void free_pkcs8(PKCS8_PRIV_KEY_INFO **info)
{
    PKCS8_PRIV_KEY_INFO_free(*info);
}

static void wipe(struct lk_buf *buf)
{
    if (buf->data)
        sodium_memzero(buf->data, buf->capacity);
    lk_buf_fini(buf);
}

static int unsupported(struct lk_err *err)
{
    return lk_err_set(
        err, LK_ERR_INVALID,
        "it is a key of a kind that is not supported here; ECDSA and Ed25519 are");
}

int lk_notary_private_of_ec(struct lk_notary_private **out, EVP_PKEY *ec, struct lk_err *err)
{
    LK_CLEANUP(lk_notary_private_free)
    struct lk_notary_private *key = lk_xcalloc(1, sizeof(*key));
    unsigned char            *der = NULL;

    key->ec = ec;
    if (EVP_PKEY_get_base_id(ec) != EVP_PKEY_EC)
        return unsupported(err);
    int size = i2d_PUBKEY(ec, &der);
    if (size > 0)
        key->public_key = lk_notary_key_new("ecdsa", der, (size_t)size);
    OPENSSL_free(der);
    if (!key->public_key || !lk_notary_key_id(key->public_key, key->id))
        return unsupported(err);
    *out = LK_TAKE(key);
    return 0;
}

static int of_seed(struct lk_notary_private **out, const uint8_t *seed, struct lk_err *err)
{
    LK_CLEANUP(lk_notary_private_free)
    struct lk_notary_private *key = lk_xcalloc(1, sizeof(*key));
    uint8_t                   public_key[crypto_sign_PUBLICKEYBYTES];

    key->ed25519 = sodium_malloc(crypto_sign_SECRETKEYBYTES);
    if (!key->ed25519)
        return lk_err_sys(err, "allocating locked memory for a key");
    crypto_sign_seed_keypair(public_key, key->ed25519, seed);
    key->public_key = lk_notary_key_new("ed25519", public_key, sizeof(public_key));
    if (!key->public_key || !lk_notary_key_id(key->public_key, key->id))
        return unsupported(err);
    *out = LK_TAKE(key);
    return 0;
}

static int of_pkcs8(struct lk_notary_private **out, const PKCS8_PRIV_KEY_INFO *info,
                    struct lk_err *err)
{
    const ASN1_OBJECT   *algorithm;
    const unsigned char *bytes;
    int                  len;
    char                 oid[64];

    if (PKCS8_pkey_get0(&algorithm, &bytes, &len, NULL, info) != 1)
        return unsupported(err);
    OBJ_obj2txt(oid, sizeof(oid), algorithm, 1);
    if (strcmp(oid, ED25519_OID) == 0 && len == ED25519_BYTES)
        return of_seed(out, bytes + ED25519_SEED, err);
    EVP_PKEY *key = EVP_PKCS82PKEY(info);
    return key ? lk_notary_private_of_ec(out, key, err) : unsupported(err);
}

static int open_sealed(struct lk_notary_private **out, struct lk_str der,
                       struct lk_str passphrase, struct lk_err *err)
{
    LK_CLEANUP(free_pkcs8) PKCS8_PRIV_KEY_INFO *info = NULL;

    if (lk_sealed_open(&info, der, passphrase, err) < 0)
        return -1;
    return of_pkcs8(out, info, err);
}

static int open_plain(struct lk_notary_private **out, struct lk_str der, struct lk_err *err)
{
    const unsigned char *at = (const unsigned char *)der.data;
    LK_CLEANUP(free_pkcs8)
    PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, (long)der.len);

    return info ? of_pkcs8(out, info, err) : lk_err_set(err, LK_ERR_INVALID, "it is damaged");
}

static int give_passphrase(char *out, int size, int writes, void *ctx)
{
    const struct lk_str *passphrase = ctx;

    (void)writes;
    if (passphrase->len > (size_t)size)
        return -1;
    memcpy(out, passphrase->data, passphrase->len);
    return (int)passphrase->len;
}

/*
 * libcrypto understands this block but for the `role:` line.  It is asked for this one alone: of whatever key comes
 * first it would also take a PKCS#8 one, with as many rounds as that names.
 */
static int open_legacy(struct lk_notary_private **out, struct lk_str pem,
                       struct lk_str passphrase, bool is_encrypted, struct lk_err *err)
{
    BIO           *bio = BIO_new_mem_buf(pem.data, (int)pem.len);
    unsigned char *der = NULL;
    long           len = 0;
    EVP_PKEY      *key = NULL;

    if (bio &&
        PEM_bytes_read_bio(&der, &len, NULL, LEGACY, bio, give_passphrase, &passphrase) == 1) {
        const unsigned char *at = der;
        key = d2i_PrivateKey(EVP_PKEY_EC, NULL, &at, len);
        OPENSSL_clear_free(der, (size_t)len);
    }
    BIO_free(bio);
    if (key)
        return lk_notary_private_of_ec(out, key, err);
    return is_encrypted ? lk_err_set(err, LK_ERR_DENIED,
                                     "the passphrase does not open it (or the file is damaged)")
                        : lk_err_set(err, LK_ERR_INVALID, "it is damaged");
}

/* A header line of a PEM block: "name: value". */
static bool read_header(struct lk_str line, struct lk_str *name, struct lk_str *value)
{
    if (!lk_str_split(line, ':', name, value))
        return false;
    while (value->len && value->data[0] == ' ')
        *value = (struct lk_str) { value->data + 1, value->len - 1 };
    return true;
}

static bool next_line(struct lk_str *text, struct lk_str *line)
{
    if (text->len == 0)
        return false;
    if (!lk_str_split(*text, '\n', line, text)) {
        *line = *text;
        text->len = 0;
    }
    while (line->len && line->data[line->len - 1] == '\r')
        line->len--;
    return true;
}

void lk_notary_keyfile_role(struct lk_str pem, char out[LK_NOTARY_ROLE_SIZE])
{
    struct lk_str line, name, value;

    out[0] = '\0';
    while (next_line(&pem, &line))
        if (read_header(line, &name, &value) && lk_str_eq_text(name, "role"))
            lk_str_copy(out, LK_NOTARY_ROLE_SIZE, value);
}

/* The block without the clients' own header lines, and without the blank line if no header is left. */
static bool clean_block(struct lk_str pem, struct lk_buf *out)
{
    struct lk_str line, name, value;
    bool          is_encrypted = false;

    while (next_line(&pem, &line)) {
        bool is_header = read_header(line, &name, &value);
        bool is_libcryptos = is_header && (lk_str_eq_text(name, "Proc-Type") ||
                                           lk_str_eq_text(name, "DEK-Info"));
        is_encrypted |= is_libcryptos;
        if ((is_header && !is_libcryptos) || (line.len == 0 && !is_encrypted))
            continue;
        lk_buf_add_str(out, line);
        lk_buf_add(out, "\n", 1);
    }
    return is_encrypted;
}

int lk_notary_private_read(struct lk_notary_private **out, struct lk_str pem,
                           struct lk_str passphrase, struct lk_err *err)
{
    LK_CLEANUP(wipe) struct lk_buf block = LK_BUF_INIT(LK_NOTARY_KEYFILE_MAX);
    LK_CLEANUP(wipe) struct lk_buf der = LK_BUF_INIT(LK_NOTARY_KEYFILE_MAX);
    bool                           is_encrypted;

    if (pem.len >= LK_NOTARY_KEYFILE_MAX)
        return lk_err_set(err, LK_ERR_LIMIT, "it is larger than %d bytes",
                          LK_NOTARY_KEYFILE_MAX);
    is_encrypted = clean_block(pem, &block);
    if (lk_pem_read(lk_buf_str(&block), ENCRYPTED, &der))
        return open_sealed(out, lk_buf_str(&der), passphrase, err);
    if (lk_pem_read(lk_buf_str(&block), PLAIN, &der))
        return open_plain(out, lk_buf_str(&der), err);
    if (memmem(lk_buf_text(&block), block.len, LEGACY, strlen(LEGACY)))
        return open_legacy(out, lk_buf_str(&block), passphrase, is_encrypted, err);
    return lk_err_set(err, LK_ERR_INVALID,
                      "it is damaged: it holds no readable \"" ENCRYPTED "\", \"" PLAIN
                      "\" or \"" LEGACY "\"");
}

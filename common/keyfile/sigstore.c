#include "common/keyfile/sigstore.h"

#include "common/json/writer.h"
#include "common/keyfile/pem.h"
#include "common/os/file.h"

#include <jansson.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>

#define LABEL           "ENCRYPTED SIGSTORE PRIVATE KEY"
#define LABEL_OLD       "ENCRYPTED COSIGN PRIVATE KEY"
#define SALT_BYTES      32
#define SALT_BYTES_MAX  64
#define PLAIN_BYTES_MAX LK_PKCS8_BYTES_MAX
#define MEMORY_MAX      (256ULL * 1024 * 1024)

struct scrypt {
    uint64_t n;
    uint32_t r;
    uint32_t p;
    uint8_t  salt[SALT_BYTES_MAX];
    size_t   salt_len;
};

/* What is not secret of a key file. */
struct envelope {
    struct scrypt scrypt;
    uint8_t       nonce[crypto_secretbox_NONCEBYTES];
    uint8_t       ciphertext[PLAIN_BYTES_MAX + crypto_secretbox_MACBYTES];
    size_t        ciphertext_len;
};

/* What is secret; lives in guarded, locked memory that is wiped when freed. */
struct secrets {
    uint8_t key[crypto_secretbox_KEYBYTES];
    uint8_t plain[PLAIN_BYTES_MAX];
};

static void free_secrets(struct secrets **secrets)
{
    sodium_free(*secrets);
}

static void free_json(json_t **json)
{
    json_decref(*json);
}

static int new_secrets(struct secrets **out, struct lk_err *err)
{
    if (sodium_init() < 0)
        return lk_err_set(err, LK_ERR_PERMANENT, "libsodium does not start on this machine");
    *out = sodium_malloc(sizeof(**out));
    if (!*out)
        return lk_err_sys(err, "allocating locked memory for a signing key");
    return 0;
}

static int derive_key(uint8_t key[crypto_secretbox_KEYBYTES], const struct scrypt *scrypt,
                      struct lk_str passphrase, struct lk_err *err)
{
    if (crypto_pwhash_scryptsalsa208sha256_ll(
            (const uint8_t *)passphrase.data, passphrase.len, scrypt->salt, scrypt->salt_len,
            scrypt->n, scrypt->r, scrypt->p, key, crypto_secretbox_KEYBYTES) != 0)
        return lk_err_sys(err, "deriving the key file's key (scrypt needs %llu MiB)",
                          (unsigned long long)(128 * scrypt->n * scrypt->r >> 20));
    return 0;
}

static void write_base64(struct lk_json *json, const char *key, const void *data, size_t len)
{
    char text[2 * (PLAIN_BYTES_MAX + crypto_secretbox_MACBYTES)];

    sodium_bin2base64(text, sizeof(text), data, len, sodium_base64_VARIANT_ORIGINAL);
    lk_json_key(json, key);
    lk_json_text(json, text);
}

static void write_envelope(struct lk_buf *out, const struct envelope *envelope)
{
    struct lk_json json = { .out = out };

    lk_json_begin_object(&json);
    lk_json_key(&json, "kdf");
    lk_json_begin_object(&json);
    lk_json_key(&json, "name");
    lk_json_text(&json, "scrypt");
    lk_json_key(&json, "params");
    lk_json_begin_object(&json);
    lk_json_key(&json, "N");
    lk_json_u64(&json, envelope->scrypt.n);
    lk_json_key(&json, "r");
    lk_json_u64(&json, envelope->scrypt.r);
    lk_json_key(&json, "p");
    lk_json_u64(&json, envelope->scrypt.p);
    lk_json_end_object(&json);
    write_base64(&json, "salt", envelope->scrypt.salt, envelope->scrypt.salt_len);
    lk_json_end_object(&json);
    lk_json_key(&json, "cipher");
    lk_json_begin_object(&json);
    lk_json_key(&json, "name");
    lk_json_text(&json, "nacl/secretbox");
    write_base64(&json, "nonce", envelope->nonce, sizeof(envelope->nonce));
    lk_json_end_object(&json);
    write_base64(&json, "ciphertext", envelope->ciphertext, envelope->ciphertext_len);
    lk_json_end_object(&json);
}

int lk_sigstore_seal(struct lk_buf *out, const struct lk_signing_key *key,
                     struct lk_str passphrase, struct lk_err *err)
{
    LK_CLEANUP(free_secrets) struct secrets *secrets = NULL;
    LK_CLEANUP(lk_buf_fini) struct lk_buf    document = LK_BUF_INIT(LK_SIGSTORE_FILE_SIZE_MAX);
    struct lk_str                            pkcs8 = lk_signing_key_pkcs8(key);
    struct envelope                          envelope = {
                                 .scrypt = { .n = 65536, .r = 8, .p = 1, .salt_len = SALT_BYTES },
                                 .ciphertext_len = pkcs8.len + crypto_secretbox_MACBYTES,
    };

    if (new_secrets(&secrets, err) < 0)
        return -1;
    randombytes_buf(envelope.scrypt.salt, SALT_BYTES);
    randombytes_buf(envelope.nonce, sizeof(envelope.nonce));
    if (derive_key(secrets->key, &envelope.scrypt, passphrase, err) < 0)
        return -1;
    crypto_secretbox_easy(envelope.ciphertext, (const uint8_t *)pkcs8.data, pkcs8.len,
                          envelope.nonce, secrets->key);
    write_envelope(&document, &envelope);
    lk_pem_write(out, LABEL, lk_buf_text(&document), document.len);
    if (!lk_buf_ok(out) || !lk_buf_ok(&document))
        return lk_err_set(err, LK_ERR_LIMIT, "a sealed key does not fit its buffer");
    return 0;
}

static bool decode_base64(const char *text, uint8_t *out, size_t max, size_t *len)
{
    return sodium_base642bin(out, max, text, strlen(text), NULL, len, NULL,
                             sodium_base64_VARIANT_ORIGINAL) == 0;
}

/* A foreign file must not choose how much memory or time we spend. */
static bool scrypt_is_bounded(json_int_t n, json_int_t r, json_int_t p)
{
    return n >= 2 && n <= 1 << 20 && (n & (n - 1)) == 0 && r >= 1 && r <= 8 && p >= 1 &&
           p <= 4 && 128ULL * (uint64_t)n * (uint64_t)r <= MEMORY_MAX;
}

static int read_envelope(struct lk_str document, struct envelope *out, struct lk_err *err)
{
    LK_CLEANUP(free_json) json_t *root = json_loadb(document.data, document.len, 0, NULL);
    const char                   *kdf, *salt, *cipher, *nonce, *ciphertext;
    json_int_t                    n, r, p;
    size_t                        nonce_len;

    if (!root ||
        json_unpack(root, "{s:{s:s,s:{s:I,s:I,s:I},s:s},s:{s:s,s:s},s:s}", "kdf", "name", &kdf,
                    "params", "N", &n, "r", &r, "p", &p, "salt", &salt, "cipher", "name",
                    &cipher, "nonce", &nonce, "ciphertext", &ciphertext) != 0)
        return lk_err_set(
            err, LK_ERR_INVALID,
            "the key file's JSON has not the fields of an encrypted sigstore key");
    if (strcmp(kdf, "scrypt") != 0 || strcmp(cipher, "nacl/secretbox") != 0)
        return lk_err_set(err, LK_ERR_INVALID,
                          "the key file is encrypted in another way than scrypt and "
                          "nacl/secretbox, which are all that is supported");
    if (!scrypt_is_bounded(n, r, p))
        return lk_err_set(
            err, LK_ERR_LIMIT,
            "the key file's scrypt parameters (N=%lld r=%lld p=%lld) are outside "
            "of what is accepted: N a power of two up to 2^20, r up to 8, p up to "
            "4, 256 MiB",
            (long long)n, (long long)r, (long long)p);
    out->scrypt.n = (uint64_t)n;
    out->scrypt.r = (uint32_t)r;
    out->scrypt.p = (uint32_t)p;
    if (!decode_base64(salt, out->scrypt.salt, SALT_BYTES_MAX, &out->scrypt.salt_len) ||
        !decode_base64(nonce, out->nonce, sizeof(out->nonce), &nonce_len) ||
        nonce_len != sizeof(out->nonce) ||
        !decode_base64(ciphertext, out->ciphertext, sizeof(out->ciphertext),
                       &out->ciphertext_len) ||
        out->ciphertext_len < crypto_secretbox_MACBYTES)
        return lk_err_set(err, LK_ERR_INVALID,
                          "salt, nonce or ciphertext of the key file is malformed");
    return 0;
}

bool lk_sigstore_is(struct lk_str pem)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf document = LK_BUF_INIT(LK_SIGSTORE_FILE_SIZE_MAX);

    return lk_pem_read(pem, LABEL, &document) || lk_pem_read(pem, LABEL_OLD, &document);
}

int lk_sigstore_open(struct lk_signing_key **out, struct lk_str pem, struct lk_str passphrase,
                     struct lk_err *err)
{
    LK_CLEANUP(free_secrets) struct secrets *secrets = NULL;
    LK_CLEANUP(lk_buf_fini) struct lk_buf    document = LK_BUF_INIT(LK_SIGSTORE_FILE_SIZE_MAX);
    struct envelope                          envelope;

    if (!lk_pem_read(pem, LABEL, &document) && !lk_pem_read(pem, LABEL_OLD, &document))
        return lk_err_set(err, LK_ERR_INVALID, "the key file holds no PEM block \"" LABEL "\"");
    if (read_envelope(lk_buf_str(&document), &envelope, err) < 0 ||
        new_secrets(&secrets, err) < 0 ||
        derive_key(secrets->key, &envelope.scrypt, passphrase, err) < 0)
        return -1;
    if (crypto_secretbox_open_easy(secrets->plain, envelope.ciphertext, envelope.ciphertext_len,
                                   envelope.nonce, secrets->key) != 0)
        return lk_err_set(err, LK_ERR_DENIED,
                          "the passphrase does not open the key file (or the file is damaged)");
    struct lk_str plain = { (const char *)secrets->plain,
                            envelope.ciphertext_len - crypto_secretbox_MACBYTES };
    if (lk_signing_key_read(out, plain, err) < 0)
        return lk_err_wrap(err, "what the key file holds");
    return 0;
}

int lk_sigstore_save(const struct lk_signing_key *key, const char *secret_path,
                     const char *public_path, struct lk_str passphrase, struct lk_err *err)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf sealed = LK_BUF_INIT(LK_SIGSTORE_FILE_SIZE_MAX);
    LK_CLEANUP(lk_buf_fini) struct lk_buf public_pem = LK_BUF_INIT(LK_SIGSTORE_FILE_SIZE_MAX);

    lk_public_key_pem(lk_signing_key_public(key), &public_pem);
    if (lk_sigstore_seal(&sealed, key, passphrase, err) < 0 ||
        lk_file_create(secret_path, lk_buf_str(&sealed), 0600, err) < 0)
        return -1;
    if (lk_file_create(public_path, lk_buf_str(&public_pem), 0644, err) < 0) {
        unlink(secret_path); /* ours: it was created a moment ago, and is half of a pair */
        return -1;
    }
    return 0;
}

int lk_sigstore_generate(const char *secret_path, const char *public_path,
                         enum lk_key_type type, struct lk_str passphrase, struct lk_err *err)
{
    LK_CLEANUP(lk_signing_key_free) struct lk_signing_key *key = NULL;

    return lk_signing_key_new(&key, type, err) < 0
               ? -1
               : lk_sigstore_save(key, secret_path, public_path, passphrase, err);
}

#include "coordinator/cli/keys_signing.h"

#include "common/keyfile/import.h"
#include "common/keyfile/sigstore.h"
#include "common/os/file.h"
#include "coordinator/cli/passphrase.h"

#include <sodium.h>
#include <stdio.h>

/* For LK_CLEANUP. */
static void wipe(struct lk_buf *secret)
{
    if (secret->data)
        sodium_memzero(secret->data, secret->capacity);
    lk_buf_fini(secret);
}

static int tell(const struct lk_signing_key *key, const char *secret, const char *public)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf pem = LK_BUF_INIT(LK_SIGSTORE_FILE_SIZE_MAX);

    lk_public_key_pem(lk_signing_key_public(key), &pem);
    printf("secret: %s (encrypted; for key below signing: in lkcoordd.yml)\n"
           "public: %s (for `lkcoord verify --key %s REFERENCE`)\n%s",
           secret, public, public, lk_buf_text(&pem));
    return 0;
}

static int save(const struct lk_signing_key *key, const char *secret, const char *public,
                const struct lk_buf *passphrase, struct lk_err *err)
{
    return lk_sigstore_save(key, secret, public, lk_buf_str(passphrase), err) < 0
               ? -1
               : tell(key, secret, public);
}

int lk_keys_new_signing(const char *secret, const char *public, const char *type,
                        const char *passphrase_file, struct lk_err *err)
{
    LK_CLEANUP(lk_signing_key_free) struct lk_signing_key *key = NULL;
    LK_CLEANUP(wipe) struct lk_buf passphrase = LK_BUF_INIT(LK_PASSPHRASE_MAX);
    enum lk_key_type               wanted = LK_KEY_ED25519;

    if (type && !lk_key_type_parse(lk_str_of(type), &wanted))
        return lk_err_set(err, LK_ERR_INVALID,
                          "--type: \"%s\" is neither %s nor %s, the kinds of signing keys",
                          type, lk_key_type_name(LK_KEY_ED25519),
                          lk_key_type_name(LK_KEY_ECDSA_P256));
    return lk_passphrase_new(&passphrase, passphrase_file, err) < 0 ||
                   lk_signing_key_new(&key, wanted, err) < 0
               ? -1
               : save(key, secret, public, &passphrase, err);
}

static int ask(struct lk_buf *out, const char *file, const char *passphrase_file,
               struct lk_err *err)
{
    return passphrase_file ? lk_passphrase_new(out, passphrase_file, err)
                           : lk_passphrase_ask(out, file, err);
}

/* `passphrase` is the one it was opened with; untouched if it has none. */
static int open_key(struct lk_signing_key **out, const char *file, const char *passphrase_file,
                    struct lk_buf *passphrase, struct lk_err *err)
{
    LK_CLEANUP(wipe) struct lk_buf pem = LK_BUF_INIT(LK_SIGSTORE_FILE_SIZE_MAX);

    if (lk_file_read_secret(file, &pem, err) < 0 ||
        (lk_key_is_encrypted(lk_buf_str(&pem)) &&
         ask(passphrase, file, passphrase_file, err) < 0))
        return -1;
    if (lk_key_import(out, lk_buf_str(&pem), lk_buf_str(passphrase), err) < 0)
        return lk_err_wrap(err, "opening the signing key %s", file);
    return 0;
}

int lk_keys_import(const char *from, const char *secret, const char *public,
                   const char *passphrase_file, struct lk_err *err)
{
    LK_CLEANUP(lk_signing_key_free) struct lk_signing_key *key = NULL;
    LK_CLEANUP(wipe) struct lk_buf passphrase = LK_BUF_INIT(LK_PASSPHRASE_MAX);

    if (open_key(&key, from, passphrase_file, &passphrase, err) < 0 ||
        (passphrase.len == 0 && lk_passphrase_new(&passphrase, passphrase_file, err) < 0))
        return -1;
    return save(key, secret, public, &passphrase, err);
}

int lk_keys_print_public(const char *file, const char *passphrase_file, struct lk_err *err)
{
    LK_CLEANUP(lk_signing_key_free) struct lk_signing_key *key = NULL;
    LK_CLEANUP(wipe) struct lk_buf        passphrase = LK_BUF_INIT(LK_PASSPHRASE_MAX);
    LK_CLEANUP(lk_buf_fini) struct lk_buf pem = LK_BUF_INIT(LK_SIGSTORE_FILE_SIZE_MAX);

    if (open_key(&key, file, passphrase_file, &passphrase, err) < 0)
        return -1;
    lk_public_key_pem(lk_signing_key_public(key), &pem);
    fputs(lk_buf_text(&pem), stdout);
    return 0;
}

/* The old one's variable is no source of the new one. */
static int ask_new(struct lk_buf *out, const char *file, struct lk_err *err)
{
    return file ? lk_passphrase_new(out, file, err) : lk_passphrase_change(out, err);
}

int lk_keys_change_passphrase(const char *file, const char *passphrase_file,
                              const char *new_passphrase_file, struct lk_err *err)
{
    LK_CLEANUP(lk_signing_key_free) struct lk_signing_key *key = NULL;
    LK_CLEANUP(wipe) struct lk_buf                         old = LK_BUF_INIT(LK_PASSPHRASE_MAX);
    LK_CLEANUP(wipe) struct lk_buf        passphrase = LK_BUF_INIT(LK_PASSPHRASE_MAX);
    LK_CLEANUP(lk_buf_fini) struct lk_buf pem = LK_BUF_INIT(LK_SIGSTORE_FILE_SIZE_MAX);

    if (open_key(&key, file, passphrase_file, &old, err) < 0 ||
        ask_new(&passphrase, new_passphrase_file, err) < 0 ||
        lk_sigstore_seal(&pem, key, lk_buf_str(&passphrase), err) < 0 ||
        lk_file_replace(file, lk_buf_str(&pem), 0600, err) < 0)
        return -1;
    printf("%s has another passphrase now; what opens it by itself (passphrase-file below "
           "signing: in lkcoordd.yml) needs the new one\n",
           file);
    return 0;
}

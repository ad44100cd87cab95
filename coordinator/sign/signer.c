#include "coordinator/sign/signer.h"

#include "common/keyfile/public_key.h"
#include "common/keyfile/sigstore.h"
#include "common/os/file.h"

#include <sodium.h>
#include <stdlib.h>

/* The secret key is in locked memory between guard pages, read-only once made. */
struct lk_signer {
    uint8_t *secret_key; /* crypto_sign_SECRETKEYBYTES */
    uint8_t  public_key[LK_PUBLIC_KEY_BYTES];
    char    *public_pem;
};

static void free_secret(uint8_t **secret)
{
    sodium_free(*secret);
}

static int load_secret(struct lk_signer *signer, struct lk_str pem, struct lk_str passphrase,
                       struct lk_err *err)
{
    LK_CLEANUP(free_secret) uint8_t *seed = sodium_malloc(LK_SEED_BYTES);

    signer->secret_key = sodium_malloc(crypto_sign_SECRETKEYBYTES);
    if (!seed || !signer->secret_key)
        return lk_err_sys(err, "allocating locked memory for the signing key");
    if (lk_sigstore_open(seed, pem, passphrase, err) < 0)
        return -1;
    crypto_sign_seed_keypair(signer->public_key, signer->secret_key, seed);
    sodium_mprotect_readonly(signer->secret_key);
    return 0;
}

int lk_signer_open(struct lk_signer **out, const char *key_path, struct lk_str passphrase,
                   struct lk_err *err)
{
    LK_CLEANUP(lk_signer_close) struct lk_signer *signer = lk_xcalloc(1, sizeof(*signer));
    LK_CLEANUP(lk_buf_fini) struct lk_buf         pem = LK_BUF_INIT(LK_SIGSTORE_FILE_SIZE_MAX);
    LK_CLEANUP(lk_buf_fini) struct lk_buf public_pem = LK_BUF_INIT(LK_SIGSTORE_FILE_SIZE_MAX);

    if (sodium_init() < 0)
        return lk_err_set(err, LK_ERR_PERMANENT, "libsodium does not start on this machine");
    if (lk_file_read_secret(key_path, &pem, err) < 0 ||
        load_secret(signer, lk_buf_str(&pem), passphrase, err) < 0)
        return lk_err_wrap(err, "opening the signing key %s", key_path);
    lk_public_key_pem(signer->public_key, &public_pem);
    signer->public_pem = lk_buf_take(&public_pem);
    *out = LK_TAKE(signer);
    return 0;
}

void lk_signer_close(struct lk_signer **signer)
{
    if (!*signer)
        return;
    sodium_free((*signer)->secret_key);
    free((*signer)->public_pem);
    free(*signer);
    *signer = NULL;
}

const char *lk_signer_public_pem(const struct lk_signer *signer)
{
    return signer->public_pem;
}

const uint8_t *lk_signer_public_key(const struct lk_signer *signer)
{
    return signer->public_key;
}

void lk_signer_sign(const struct lk_signer *signer, struct lk_str payload,
                    uint8_t out[LK_SIGNATURE_BYTES])
{
    crypto_sign_detached(out, NULL, (const uint8_t *)payload.data, payload.len,
                         signer->secret_key);
}

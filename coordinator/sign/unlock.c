#include "coordinator/sign/unlock.h"

#include "coordinator/sign/passphrase.h"

static int open_keys(struct lk_signer **out, const struct lk_coordinator_config *config,
                     struct lk_err *err)
{
    LK_CLEANUP(lk_passphrase_wipe)
    struct lk_buf passphrase = LK_BUF_INIT(LK_PASSPHRASE_BYTES_MAX);
    LK_CLEANUP(lk_free_pointer)
    char *what = lk_xasprintf("the signing key %s", config->signing_key);
    const struct lk_passphrase_source source = { config->passphrase_fd,
                                                 config->passphrase_file,
                                                 "signing.passphrase",
                                                 "COSIGN_PASSWORD",
                                                 "signing.",
                                                 what };

    if (lk_passphrase_read(&passphrase, &source, err) < 0 ||
        lk_signer_open(out, config->signing_key, lk_passphrase_line(&passphrase), err) < 0)
        return -1;
    return config->second_key[0]
               ? lk_signer_add(*out, config->second_key, lk_passphrase_line(&passphrase), err)
               : 0;
}

static int name_elsewhere(struct lk_signer **out, const struct lk_coordinator_config *config,
                          struct lk_err *err)
{
    struct lk_public_key keys[LK_SIGNING_KEYS_MAX];

    for (size_t i = 0; i < config->signer_key_count; i++)
        if (lk_public_key_load(&keys[i], config->signer_keys[i], err) < 0)
            return lk_err_wrap(err, "reading the signer's public key");
    *out = config->signer_socket[0]
               ? lk_signer_at_socket(config->signer_socket, keys, config->signer_key_count)
               : lk_signer_of_program(config->signer_program.argv, keys);
    return 0;
}

int lk_signer_unlock(struct lk_signer **out, const struct lk_coordinator_config *config,
                     struct lk_err *err)
{
    return config->signing_key[0] ? open_keys(out, config, err)
                                  : name_elsewhere(out, config, err);
}

int lk_notary_unlock(struct lk_notary_keyring **out, const struct lk_coordinator_config *config,
                     struct lk_err *err)
{
    LK_CLEANUP(lk_passphrase_wipe)
    struct lk_buf                     passphrase = LK_BUF_INIT(LK_PASSPHRASE_BYTES_MAX);
    const struct lk_passphrase_source source = { config->notary_passphrase_fd,
                                                 config->notary_passphrase_file,
                                                 "notary.passphrase",
                                                 "DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE",
                                                 "notary.",
                                                 "content trust" };

    if (lk_passphrase_read(&passphrase, &source, err) == 0 &&
        lk_notary_keyring_open(out, config->notary_keys, LK_NOTARY_PUBLISHING_KEYS,
                               lk_passphrase_line(&passphrase), err) == 0)
        return 0;
    return lk_err_wrap(err, "opening the keys of content trust");
}

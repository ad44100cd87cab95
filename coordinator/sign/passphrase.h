/*
 * passphrase - opens the configured signing keys with the configured passphrase: a file descriptor, a file, or
 * COSIGN_PASSWORD, in this order.  A wrong one is an error here, before anything is built; the variable is
 * taken out of the environment, so that no child sees it.
 *
 * The same for the keys of content trust, with DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE.
 */
#ifndef LK_PASSPHRASE_H
#define LK_PASSPHRASE_H

#include "common/notary/keyring.h"
#include "coordinator/config.h"
#include "coordinator/sign/signer.h"

int lk_signer_unlock(struct lk_signer **out, const struct lk_coordinator_config *config,
                     struct lk_err *err);

int lk_notary_unlock(struct lk_notary_keyring **out, const struct lk_coordinator_config *config,
                     struct lk_err *err);

#endif

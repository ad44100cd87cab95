/*
 * passphrase - opens the configured signing key with the configured passphrase: a file descriptor, a file, or
 * COSIGN_PASSWORD, in this order.  A wrong one is an error here, before anything is built; the variable is
 * taken out of the environment, so that no child sees it.
 */
#ifndef LK_PASSPHRASE_H
#define LK_PASSPHRASE_H

#include "coordinator/config.h"
#include "coordinator/sign/signer.h"

int lk_signer_unlock(struct lk_signer **out, const struct lk_coordinator_config *config,
                     struct lk_err *err);

#endif

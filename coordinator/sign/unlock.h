/*
 * unlock - the coordinator's signer as its configuration says: keys that are opened here and now, or a signer elsewhere,
 * of which the public keys are read.  A wrong passphrase is an error here, before anything is built.
 *
 * The same for the keys of content trust, which are always opened here.
 */
#ifndef LK_UNLOCK_H
#define LK_UNLOCK_H

#include "common/notary/keyring.h"
#include "coordinator/config.h"
#include "coordinator/sign/signer.h"

int lk_signer_unlock(struct lk_signer **out, const struct lk_coordinator_config *config,
                     struct lk_err *err);

int lk_notary_unlock(struct lk_notary_keyring **out, const struct lk_coordinator_config *config,
                     struct lk_err *err);

#endif

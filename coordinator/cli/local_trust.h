/*
 * local_trust - Docker Content Trust of a private coordinator: on where the user's DOCKER_CONTENT_TRUST says so, with
 * the keys in the user's own ~/.docker/trust.
 */
#ifndef LK_CLI_LOCAL_TRUST_H
#define LK_CLI_LOCAL_TRUST_H

#include "common/base/buf.h"
#include "common/base/err.h"

/* What Docker's client takes for yes: 1, true, ... */
bool lk_local_wants_trust(void);

/*
 * Sees to it that the daemon which is started next finds the keys' passphrase in its environment: the user's
 * DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE, else LinuxKit's command, else asked for.  `forget` takes it out again.
 */
int  lk_local_trust_unlock(struct lk_err *err);
void lk_local_trust_forget(void);

/* The directory of keys, from the root on; owned. */
int lk_local_trust_keys(char **out, struct lk_err *err);

#endif

/*
 * passphrases - the variables of the environment that open signing keys: COSIGN_PASSWORD, and those of Docker Content
 * Trust.  Whoever starts a program passes them on only knowingly.
 */
#ifndef LK_PASSPHRASES_H
#define LK_PASSPHRASES_H

#include "common/base/base.h"

/* Of "NAME=value", as in environ. */
bool lk_variable_is_passphrase(const char *variable);

/* Our environment without them, NULL-terminated; free() it.  Its strings are borrowed. */
const char **lk_environment_without_passphrases(void);

#endif

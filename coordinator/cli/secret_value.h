/*
 * secret_value - the words of --secret and --ssh, as docker writes them, and what they name.
 *
 *   --secret id=ID,src=FILE    source= is the same
 *   --secret id=ID,env=NAME
 *   --ssh default[=SOCKET]     without a socket: that of SSH_AUTH_SOCK
 */
#ifndef LK_CLI_SECRET_VALUE_H
#define LK_CLI_SECRET_VALUE_H

#include "common/os/handout.h"

/*
 * The value, in a sealed file in memory, whose fd is the caller's; and the id.  A variable is taken out of the
 * environment.  The errors name no value.
 */
int lk_secret_value_read(const char *word, char id[LK_HANDOUT_NAME_SIZE], struct lk_err *err);

/* The path of the ssh-agent's socket, absolute. */
int lk_secret_value_ssh(const char *word, char *out, size_t size, struct lk_err *err);

#endif

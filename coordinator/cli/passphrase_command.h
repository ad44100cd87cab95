/*
 * passphrase_command - LinuxKit's way to a signing key's passphrase: a command in
 * ~/.moby/linuxkit/config.yml, under pkg: content-trust-passphrase-command.
 *
 * A program and its arguments, as a list or as words with blanks between them; unlike LinuxKit we give it to no shell.
 * Its first line of output is the passphrase; it is logged nowhere.  Other keys of the file are LinuxKit's own.
 */
#ifndef LK_CLI_PASSPHRASE_COMMAND_H
#define LK_CLI_PASSPHRASE_COMMAND_H

#include "common/base/buf.h"
#include "common/base/err.h"

/* Runs the command, at most a minute.  `*found` is false, and nothing is done, where there is none. */
int lk_passphrase_command_run(struct lk_buf *out, bool *found, struct lk_err *err);

/* Says, in a line each on standard error, which of a command and the variables is there and is not used. */
void lk_passphrase_decline(void);

#endif

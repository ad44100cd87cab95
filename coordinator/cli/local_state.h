/*
 * local_state - the directory of the private coordinator: $XDG_STATE_HOME/lkcoord, else ~/.local/state/lkcoord.
 *
 * Locks, sockets and the journal live in it, so it must be on this machine: a network file system is
 * refused.  So is a directory that others can enter, and one whose name is too long for a socket's.
 */
#ifndef LK_CLI_LOCAL_STATE_H
#define LK_CLI_LOCAL_STATE_H

#include "common/base/err.h"

#define LK_LOCAL_AGENTS  "agents.sock"
#define LK_LOCAL_CLIENTS "clients.sock"
#define LK_LOCAL_SHELF   "shelf" /* in place of a registry, for --output */

/* Where it is, or would be; for free().  NULL: nobody says. */
char *lk_local_state_find(struct lk_err *err);

/* Finds, makes and checks it; `*out` is for free(). */
int lk_local_state_open(char **out, struct lk_err *err);

/* What statfs(2) says in f_type; NULL: not a network's, else its name. */
const char *lk_network_file_system(uint64_t type);

#endif

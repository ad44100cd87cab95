/*
 * local - the embedded default: a private lkcoordd and lkagentd, for whoever has no coordinator configured.
 *
 * They are the programs that a real set-up runs, with ipc sockets, keys of their own and their state in the
 * directory of local_state.h.  The first client starts them, others join, the last one ends them.  Who is
 * there is known by locks, which the kernel lets go when a client is killed; the next one then finds daemons
 * that run without clients, or none, and goes on with the state there is.
 */
#ifndef LK_CLI_LOCAL_H
#define LK_CLI_LOCAL_H

#include "coordinator/cli/command.h"
#include "coordinator/cli/config.h"

struct lk_local;

/* Starts or joins.  `config` gets what a client must know.  Blocks until the agent is there too. */
int lk_local_join(struct lk_local **out, struct lk_config *config,
                  const struct lk_target *target, struct lk_err *err);

/* The last one ends the daemons. */
void lk_local_leave(struct lk_local **local);

#endif

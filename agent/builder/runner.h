/*
 * runner - carries out a build plan: its commands in order, in a process group each, their output as it
 * comes.  Loop thread only.  The first failure skips to the steps that clean up.
 */
#ifndef LK_AGENT_RUNNER_H
#define LK_AGENT_RUNNER_H

#include "agent/builder/builder.h"

#include <czmq.h>

struct lk_runner;

struct lk_runner_listener {
    void (*started)(void *ctx, pid_t process); /* a step; it leads its group */
    void (*output)(void *ctx, struct lk_str bytes);
    /* The last thing called.  status: the failing step's, or 0; err: set if a step could not be started. */
    void (*ended)(void *ctx, int status, const struct lk_err *err);
    void *ctx;
};

/* Takes the plan over (`*plan` is empty afterwards). */
struct lk_runner *lk_runner_start(zloop_t *loop, struct lk_build_plan *plan,
                                  const struct lk_runner_listener *listener);

/* Signals what runs now; of the following steps only those that clean up are run. */
void lk_runner_signal(struct lk_runner *runner, int signal);

/* Kills what still runs, without a word to the listener. */
void lk_runner_free(struct lk_runner **runner);

#endif

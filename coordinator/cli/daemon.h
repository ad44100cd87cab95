/*
 * daemon - one of our daemons, started by a client and left behind: known by its process id and the time at
 * which that process began, so that another one that got the same id is never taken for it.
 */
#ifndef LK_CLI_DAEMON_H
#define LK_CLI_DAEMON_H

#include "common/base/err.h"

#include <sys/types.h>

struct lk_daemon {
    pid_t    pid;      /* 0: none */
    uint64_t began_at; /* in ticks since the machine's start */
};

/*
 * In a session of its own, what it prints goes to `log` (the one before is kept as log.old).  `program` is
 * taken from the directory of this program, else from where it is installed, else from PATH.  `passphrase` (NULL: none) is the daemon's
 * COSIGN_PASSWORD, whatever our own is.
 */
int lk_daemon_start(struct lk_daemon *out, const char *program, const char *config,
                    const char *log, const char *passphrase, struct lk_err *err);

bool lk_daemon_runs(const struct lk_daemon *daemon);

/* SIGTERM, and after ten seconds SIGKILL; returns when it has ended. */
void lk_daemon_end(struct lk_daemon *daemon);

#endif

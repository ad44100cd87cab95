/*
 * signd - lkcoord-signd's socket: who may ask, one after the other, and what is answered.
 *
 * Single-threaded.  A connection is one request (coordinator/sign/exchange.h); a peer has five seconds for it, and is
 * known by SO_PEERCRED.  Signed is what policy.h allows, once record.h has it.
 */
#ifndef LK_SIGND_H
#define LK_SIGND_H

#include "coordinator/sign/record.h"
#include "coordinator/sign/signd_config.h"
#include "coordinator/sign/signer.h"

struct lk_signd {
    const struct lk_signd_config *config;
    struct lk_signer             *signer;
    struct lk_record             *record;
    int                           socket;
};

/* Opens key, record and socket. */
int  lk_signd_open(struct lk_signd *out, const struct lk_signd_config *config,
                   struct lk_err *err);
void lk_signd_close(struct lk_signd *signd);

/* Until `stop_fd` is readable. */
int lk_signd_run(struct lk_signd *signd, int stop_fd, struct lk_err *err);

#endif

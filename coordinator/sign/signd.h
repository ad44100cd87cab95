/*
 * signd - lkcoord-signd's socket: who may ask, and what is answered.
 *
 * Single-threaded; slow peers keep nobody waiting, as long as there are not too many of them.  A connection is one
 * request (coordinator/sign/exchange.h); a peer has five seconds for it, and is known by SO_PEERCRED.  Signed is what
 * policy.h allows, once record.h has it.
 */
#ifndef LK_SIGND_H
#define LK_SIGND_H

#include "coordinator/sign/record.h"
#include "coordinator/sign/signd_config.h"
#include "coordinator/sign/signer.h"

#define LK_SIGND_PEERS_MAX 32

/* Who may ask, and is doing so. */
struct lk_signd_peer {
    int           fd;
    uid_t         uid;
    int64_t       until_ms;
    struct lk_buf line; /* of which the end has not come */
};

struct lk_signd {
    const struct lk_signd_config *config;
    struct lk_signer             *signer;
    struct lk_record             *record;
    int                           socket;
    size_t                        peer_count;
    struct lk_signd_peer          peers[LK_SIGND_PEERS_MAX];
};

/* Opens key, record and socket. */
int  lk_signd_open(struct lk_signd *out, const struct lk_signd_config *config,
                   struct lk_err *err);
void lk_signd_close(struct lk_signd *signd);

/* Until `stop_fd` is readable. */
int lk_signd_run(struct lk_signd *signd, int stop_fd, struct lk_err *err);

#endif

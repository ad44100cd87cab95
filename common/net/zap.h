/*
 * zap - decides who may connect (ZeroMQ RFC 27), in an actor of its own.
 *
 * One table maps (domain, public key) to a name; what is not in it is answered 400 and never gets a
 * message through.  A request that is malformed or cannot be judged is not answered at all: a peer
 * that gets no answer tries again, one that is refused stays dead (measured).  Start before the first
 * door is bound; free after the last is closed.
 */
#ifndef LK_ZAP_H
#define LK_ZAP_H

#include "common/net/curve.h"

struct lk_zap;

struct lk_zap_entry {
    const char            *domain; /* "agents" or "clients" */
    struct lk_curve_public key;
};

int  lk_zap_start(struct lk_zap **out, struct lk_err *err);
void lk_zap_free(struct lk_zap **zap);

/* Replaces the whole table at once; entries are copied.  Callable while it runs. */
void lk_zap_set(struct lk_zap *zap, const struct lk_zap_entry *entries, size_t count);

/* How many handshakes were refused since the start. */
uint64_t lk_zap_refused(struct lk_zap *zap);

#endif

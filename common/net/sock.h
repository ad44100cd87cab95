/*
 * sock - ZeroMQ sockets with every option set that this project needs, and nowhere else.
 *
 * A door is a ROUTER that listens, a line is a DEALER that connects.  All of them: maximum message
 * size, high-water marks, no blocking, no linger, no routing ids, time-outs (see sock.c for each
 * number and its reason).  TCP sockets are always CURVE; ipc sockets are CURVE too (one code path).
 *
 * Who speaks is the User-Id of each message and nothing else: it is the peer's public key in Z85, set
 * by our own ZAP handler (zap.h), which must run before the first door is bound.
 */
#ifndef LK_SOCK_H
#define LK_SOCK_H

#include "common/base/err.h"
#include "common/net/curve.h"

#include <czmq.h>

/* Settings of czmq and libzmq for the process.  Call before there are threads, after signals are blocked; what is called
 * again, as for a second connection, does nothing. */
void lk_net_init(void);

/* Binds; `*bound` (if not NULL) gets the endpoint with the real port, for free().  domain: "agents" or "clients". */
int lk_sock_open_door(zsock_t **out, const char *endpoint, const struct lk_curve_pair *self,
                      const char *domain, char **bound, struct lk_err *err);

/* Connects (in the background); a fresh socket each time, because a refused one is dead for good. */
int lk_sock_open_line(zsock_t **out, const char *endpoint, const struct lk_curve_pair *self,
                      const struct lk_curve_public *server, struct lk_err *err);

#endif

/*
 * door - a ROUTER where one kind of peer comes in, and the sessions behind it.
 *
 * A session begins with HELLO and belongs to one connection and one public key; each message is checked
 * against both.  What arrives for a session that is not known is answered "say HELLO first" and dropped.
 * The owner gets only messages of live sessions, with the name that the configuration gives the key.
 *
 * The loop's thread owns it.  Sends never block; a peer whose pipe is full or that is gone misses the
 * message, which is fine: state is reported anew with every session, and sources and logs wait for credit.
 */
#ifndef LK_DOOR_H
#define LK_DOOR_H

#include "common/net/wire.h"
#include "coordinator/config.h"

struct lk_door;

struct lk_session {
    uint64_t               id;
    char                   name[LK_NAME_SIZE];
    struct lk_curve_public key;
    struct lk_route        route;
    int64_t                heard_ms;
    void                  *owner; /* for the door's owner; it frees it in `closed` */
};

struct lk_door_options {
    const char                 *endpoint;
    const char                 *domain;      /* "agents" or "clients" */
    bool                        one_per_key; /* a new session of a key ends the old one */
    int64_t                     silence_ms;  /* sessions not heard of for so long are closed */
    const struct lk_peers      *peers;       /* borrowed */
    const struct lk_curve_pair *key;
    /* HELLO: fill the WELCOME, or refuse by -1 with an error for the peer. */
    int (*opened)(void *ctx, struct lk_session *session, const lk_wire_Hello *hello,
                  lk_wire_Welcome *welcome, struct lk_err *err);
    void (*message)(void *ctx, struct lk_session *session, const struct lk_wire_in *in);
    void (*closed)(void *ctx, struct lk_session *session, bool said_bye);
    void *ctx;
};

int  lk_door_open(struct lk_door **out, const struct lk_door_options *options,
                  struct lk_err *err);
void lk_door_close(struct lk_door **door); /* tells nobody; sessions' owners are closed */

zsock_t    *lk_door_sock(struct lk_door *door);
const char *lk_door_endpoint(const struct lk_door *door); /* with the real port */

/* Takes what has come, at most 32 messages. */
void lk_door_read(struct lk_door *door);

/* Closes what was silent for too long; call about once a second. */
void lk_door_sweep(struct lk_door *door);

struct lk_session *lk_door_session(struct lk_door *door,
                                   uint64_t        id); /* NULL: not there (any more) */
struct lk_session *lk_door_next(struct lk_door    *door,
                                struct lk_session *after); /* NULL starts and ends */

enum lk_wire_result lk_door_send(struct lk_door *door, const struct lk_session *session,
                                 lk_wire_Envelope *envelope, struct lk_str payload);

/* ERROR, in answer to `request` (0: to nothing in particular). */
void lk_door_refuse(struct lk_door *door, const struct lk_session *session, uint64_t request,
                    enum lk_err_kind kind, const char *text);

#endif

/*
 * door - a ROUTER where one kind of peer comes in, and the sessions behind it.
 *
 * A session begins with HELLO and belongs to one connection and one public key; each message is checked
 * against both.  What arrives for a session that is not known is answered "say HELLO first" and dropped.
 * The owner gets only messages of live sessions, with the name that the configuration gives the key.
 *
 * The loop's thread owns it.  Nothing blocks.  What can be made again (updates, objects, log pieces) goes by
 * lk_door_send, which says when the peer's pipe is full; what is said once goes by lk_door_post, which keeps
 * it until there is room.  Sessions end only within lk_door_read, lk_door_sweep, lk_door_cut_strangers and
 * lk_door_close: a session that a callback was given stays for the whole callback.
 */
#ifndef LK_DOOR_H
#define LK_DOOR_H

#include "common/net/wire.h"
#include "coordinator/config.h"

struct lk_door;
struct lk_posted;

struct lk_session {
    uint64_t               id;
    char                   name[LK_NAME_SIZE];
    struct lk_curve_public key;
    struct lk_route        route;
    int64_t                heard_ms;
    bool                   keeps;  /* its BYE said so */
    void                  *owner;  /* for the door's owner; it frees it in `closed` */
    struct lk_posted      *posted; /* private: what waits for room in the pipe, oldest first */
    bool                   is_cut; /* private: does not read; closed by the next sweep */
};

struct lk_door_options {
    const char                 *endpoint;
    const char                 *domain;      /* "agents" or "clients" */
    bool                        one_per_key; /* a new session of a key ends the old one */
    int64_t                     silence_ms;  /* sessions not heard of for so long are closed */
    const struct lk_peers      *peers; /* borrowed; may change, see lk_door_cut_strangers */
    const struct lk_curve_pair *key;
    /* HELLO: fill the WELCOME, or refuse by -1 with an error for the peer. */
    int (*opened)(void *ctx, struct lk_session *session, const lk_wire_Hello *hello,
                  lk_wire_Welcome *welcome, struct lk_err *err);
    /* The WELCOME is on its way: whatever is sent from here on comes after it.  May be NULL. */
    void (*welcomed)(void *ctx, struct lk_session *session, const lk_wire_Hello *hello);
    void (*message)(void *ctx, struct lk_session *session, const struct lk_wire_in *in);
    /* for_good: it said BYE, or its key is not listed any more. */
    void (*closed)(void *ctx, struct lk_session *session, bool for_good);
    void *ctx;
};

int  lk_door_open(struct lk_door **out, const struct lk_door_options *options,
                  struct lk_err *err);
void lk_door_close(struct lk_door **door); /* tells nobody; sessions' owners are closed */

zsock_t    *lk_door_sock(struct lk_door *door);
const char *lk_door_endpoint(const struct lk_door *door); /* with the real port */

/* Takes what has come, at most 32 messages. */
void lk_door_read(struct lk_door *door);

/* Closes what was silent for too long, or does not read; call about once a second. */
void lk_door_sweep(struct lk_door *door);

/* The list of peers changed: closes the sessions of those that are not in it, or have another name. */
void lk_door_cut_strangers(struct lk_door *door);

struct lk_session *lk_door_session(struct lk_door *door,
                                   uint64_t        id); /* NULL: not there (any more) */
struct lk_session *lk_door_next(struct lk_door    *door,
                                struct lk_session *after); /* NULL starts and ends */

/* LK_WIRE_CONGESTED: try again later, also while something posted waits. */
enum lk_wire_result lk_door_send(struct lk_door *door, const struct lk_session *session,
                                 lk_wire_Envelope *envelope, struct lk_str payload);

/* Sends now or when there is room, in order.  A peer that lets 64 messages wait is cut. */
void lk_door_post(struct lk_door *door, struct lk_session *session, lk_wire_Envelope *envelope);

/* ERROR by post, in answer to `request` (0: to nothing in particular). */
void lk_door_refuse(struct lk_door *door, struct lk_session *session, uint64_t request,
                    enum lk_err_kind kind, const char *text);

/* Sends what waits; true if some still does. */
bool lk_door_flush(struct lk_door *door);

#endif

/*
 * clients - what the files of the clients' door share.
 *
 *   client_submit.c  submissions and their sources
 *   client_retry.c   pushes that begin anew
 *   client_watch.c   pushes that are watched
 *   client_lists.c   lists of pushes and agents
 *   client_logs.c    logs that are followed
 *
 * Watches, lists and follows are small states that say how far a client was told.  The flushes go on from
 * there until the pipe is full, which they tell by true.
 */
#ifndef LK_CLIENTS_H
#define LK_CLIENTS_H

#include "coordinator/parts.h"
#include "coordinator/source/intake.h"

#define LK_WATCHES_MAX 16
#define LK_FOLLOWS_MAX 16

/* A push that a client wants to hear of, and how far it has been told. */
struct lk_watch {
    uint64_t push;    /* 0: free */
    uint64_t told;    /* changes up to this number were told */
    uint64_t until;   /* of the round under way; 0: none */
    uint32_t package; /* the round's next package, by its number */
    size_t   job;
};

struct lk_follow {
    uint64_t job;     /* 0: free */
    uint32_t attempt; /* 0: the first that there will be */
    uint64_t offset;
    uint64_t credit;
};

enum lk_listing { LK_LIST_NONE, LK_LIST_LIVE, LK_LIST_ALL, LK_LIST_AGENTS };

struct lk_list {
    enum lk_listing what;
    uint64_t        request;
    uint64_t        last; /* push that was told last; of agents: how many were */
    uint64_t        count;
};

/* What a session of a client has beside its name. */
struct lk_client_line {
    struct lk_intake *intake;
    bool            submitted; /* SUBMIT's packages are with the core, which has not answered */
    uint64_t        submit_request;
    uint64_t        push; /* whose source comes in; 0: none */
    struct lk_list  list;
    struct lk_watch watches[LK_WATCHES_MAX];
    struct lk_follow follows[LK_FOLLOWS_MAX];
};

void lk_client_submit(struct lk_coordinator *c, struct lk_session *session,
                      const struct lk_wire_in *in);
void lk_client_object(struct lk_coordinator *c, struct lk_session *session,
                      const struct lk_wire_in *in);
void lk_client_receive(struct lk_coordinator *c, struct lk_session *session, uint64_t push);

/* What this coordinator could never finish, or would not; NULL: it can. */
const char *lk_client_cannot_publish(const struct lk_coordinator  *c,
                                     const struct lk_push_options *options);

/* That what is left of a push can be built and published here; what the core cannot know. */
int lk_client_may_retry(struct lk_coordinator *c, uint64_t push, struct lk_err *err);

void lk_client_watch(struct lk_coordinator *c, struct lk_session *session,
                     const struct lk_wire_in *in);
bool lk_client_flush_watches(struct lk_coordinator *c, struct lk_session *session);

void lk_client_list(struct lk_coordinator *c, struct lk_session *session, uint64_t request,
                    enum lk_listing what);
bool lk_client_flush_list(struct lk_coordinator *c, struct lk_session *session);

void lk_client_follow(struct lk_coordinator *c, struct lk_session *session,
                      const struct lk_wire_in *in);
void lk_client_log_credit(struct lk_session *session, const lk_wire_Credit *credit);
bool lk_client_flush_logs(struct lk_coordinator *c, struct lk_session *session);

#endif

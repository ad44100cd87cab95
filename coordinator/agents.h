/* What the files of the agents' door share: agents.c, agent_epoch.c, agent_logs.c, agent_orders.c. */
#ifndef LK_AGENTS_H
#define LK_AGENTS_H

#include "common/source/sender.h"
#include "coordinator/parts.h"

#define LK_FOLLOWED_MAX 64
#define LK_TICKETS_MAX  256 /* asked for by one agent and under way */

struct lk_followed {
    uint64_t job;
    uint32_t attempt;
};

/* What a session of an agent has beside its name. */
struct lk_agent_line {
    struct lk_coordinator *c;
    char                   name[LK_NAME_SIZE];
    struct lk_sender      *sources;
    size_t                 tickets; /* wanted, and not yet answered */
    size_t                 next_followed;
    /* Whose logs we asked for, a ring: no other logs are taken from this agent. */
    struct lk_followed followed[LK_FOLLOWED_MAX];
};

/* Refuses a HELLO that knows more of this cluster than we do, until our epoch is past it, on disk. */
int lk_agent_judge_epoch(struct lk_coordinator *c, const char *agent,
                         const lk_wire_Hello *hello, struct lk_err *err);

/* Asks for the log of an attempt that is this agent's, from where ours ends; once a session. */
void lk_agent_follow_log(struct lk_coordinator *c, struct lk_session *session, uint64_t job,
                         uint32_t attempt);
void lk_agent_take_log(struct lk_coordinator *c, struct lk_session *session,
                       const struct lk_wire_in *in);

#endif

/* What the two files of the agents' door share. */
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

#endif

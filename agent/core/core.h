/*
 * core - every decision of an agent: one pure function of (state, event, time).
 *
 * No clock, no random, no I/O, no log: what happens comes in as an event, what is to be done goes out
 * as effects.  One thread.  Memory is taken once, by lk_agent_core_new().
 */
#ifndef LK_AGENT_CORE_H
#define LK_AGENT_CORE_H

#include "agent/core/effect.h"

struct lk_agent_core_conf {
    struct lk_arch arches[LK_PACKAGE_ARCHES_MAX];
    size_t         arch_count;
    size_t         slots;             /* 1..LK_AGENT_SLOTS_MAX */
    uint64_t       seed;              /* of the jitter */
    uint8_t  cluster[LK_CLUSTER_MAX]; /* whom it served last, and the highest epoch heard */
    size_t   cluster_len;
    uint64_t epoch;
    int64_t  now_ms;
};

struct lk_agent_core;

struct lk_agent_core *lk_agent_core_new(const struct lk_agent_core_conf *conf);
void                  lk_agent_core_free(struct lk_agent_core **core);

/* `out` is emptied first. */
void lk_agent_step(struct lk_agent_core *core, const struct lk_agent_event *event,
                   struct lk_agent_effects *out);

/* When to send the next WAKE, if nothing happens before. */
int64_t lk_agent_core_wake_ms(const struct lk_agent_core *core);

/* 0 while there is no session; after SHUTDOWN the last one, for what is said before BYE. */
uint64_t lk_agent_core_session(const struct lk_agent_core *core);

/* The highest epoch of the cluster served last; for HELLO. */
uint64_t lk_agent_core_cluster(const struct lk_agent_core *core,
                               uint8_t cluster[LK_CLUSTER_MAX], size_t *len);

/* The task that works on this attempt, or 0. */
uint64_t lk_agent_core_task(const struct lk_agent_core *core, uint64_t job, uint32_t attempt);

/* Messages and news that were not believed because a number in them was old. */
uint64_t lk_agent_core_stale(const struct lk_agent_core *core);

#endif

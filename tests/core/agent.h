/*
 * agent - one agent's core of two slots, what its last step wanted, and the usual events.
 *
 * Everything is static: a test of the core links nothing but the core.
 */
#ifndef LK_TESTS_CORE_AGENT_H
#define LK_TESTS_CORE_AGENT_H

#include "agent/core/core.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SESSION 77
#define EPOCH   3ULL
#define FENCE   (EPOCH << 32 | 10)
#define JOB     5

/* One agent of two slots, and what its last step wanted. */
struct world {
    struct lk_agent_core   *core;
    struct lk_agent_effects out;
    int64_t                 now_ms;
};

static inline struct lk_agent_event event(enum lk_agent_event_kind kind)
{
    return (
        struct lk_agent_event) { .kind = kind, .session = SESSION, .job = JOB, .attempt = 1 };
}

static inline void step(struct world *world, struct lk_agent_event e)
{
    e.now_ms = world->now_ms;
    lk_agent_step(world->core, &e, &world->out);
}

static inline size_t count(const struct world *world, enum lk_agent_effect_kind kind)
{
    size_t n = 0;

    for (size_t i = 0; i < world->out.count; i++)
        n += world->out.items[i].kind == kind;
    return n;
}

static inline const struct lk_agent_effect *find(const struct world       *world,
                                                 enum lk_agent_effect_kind kind)
{
    for (size_t i = 0; i < world->out.count; i++)
        if (world->out.items[i].kind == kind)
            return &world->out.items[i];
    return NULL;
}

static inline enum lk_phase reported(const struct world *world)
{
    const struct lk_agent_effect *effect = find(world, LK_AGENT_SEND_REPORT);

    return effect ? effect->report.phase : LK_PHASE_NONE;
}

static inline struct lk_agent_event welcome(uint64_t session, uint64_t epoch)
{
    struct lk_agent_event e = event(LK_AGENT_WELCOMED);

    e.session = 0;
    e.welcome = (struct lk_agent_welcome) {
        .session = session,
        .ping_ms = 5000,
        .silence_ms = 20000,
        .cluster = { 1, 2, 3 },
        .cluster_len = 3,
        .epoch = epoch,
    };
    return e;
}

static inline struct lk_agent_event offer(uint64_t job, uint32_t attempt)
{
    struct lk_agent_event e = event(LK_AGENT_OFFERED);

    e.job = job;
    e.attempt = attempt;
    lk_arch_parse(LK_STR("arm64"), &e.arch);
    return e;
}

static inline struct lk_agent_event news(const struct world      *world,
                                         enum lk_agent_event_kind kind)
{
    struct lk_agent_event e = event(kind);

    e.task = lk_agent_core_task(world->core, JOB, 1);
    e.digest.sha256[0] = 9;
    e.size = 500;
    return e;
}

static inline struct lk_agent_event failure(const struct world *world, enum lk_err_kind kind)
{
    struct lk_agent_event e = news(world, LK_AGENT_FAILED);

    e.error = kind;
    strcpy(e.text, "make: *** [all] Error 2");
    return e;
}

static inline struct lk_agent_event permit(uint64_t fence)
{
    struct lk_agent_event e = event(LK_AGENT_PERMITTED);

    e.fence = fence;
    return e;
}

static inline int start(void **state)
{
    struct lk_agent_core_conf conf = { .arch_count = 1, .slots = 2, .seed = 1, .now_ms = 1000 };
    struct world             *world = calloc(1, sizeof(*world));

    lk_arch_parse(LK_STR("arm64"), &conf.arches[0]);
    world->core = lk_agent_core_new(&conf);
    world->now_ms = 1000;
    *state = world;
    return 0;
}

static inline int start_welcomed(void **state)
{
    start(state);
    step(*state, event(LK_AGENT_WAKE));
    step(*state, welcome(SESSION, EPOCH));
    return 0;
}

static inline int stop(void **state)
{
    struct world *world = *state;

    lk_agent_core_free(&world->core);
    free(world);
    return 0;
}

/* Takes JOB as far as `phase` on the usual path. */
static inline void bring_to(struct world *world, enum lk_phase phase)
{
    step(world, offer(JOB, 1));
    if (phase >= LK_PHASE_BUILDING)
        step(world, news(world, LK_AGENT_FETCHED));
    if (phase >= LK_PHASE_BUILT)
        step(world, news(world, LK_AGENT_BUILT));
    if (phase >= LK_PHASE_STAGING)
        step(world, event(LK_AGENT_TICKET));
    if (phase >= LK_PHASE_STAGED)
        step(world, news(world, LK_AGENT_UPLOADED));
    if (phase >= LK_PHASE_PUSHING)
        step(world, permit(FENCE));
    if (phase >= LK_PHASE_PUSHED)
        step(world, news(world, LK_AGENT_PUT));
}

#define WELCOMED(test) cmocka_unit_test_setup_teardown(test, start_welcomed, stop)

#endif

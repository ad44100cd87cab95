/*
 * check - what must always hold, whatever goes wrong.  README.md has the promises by these numbers.
 *
 * It keeps a book of its own from the facts, the messages and the registry, and asks the cores nothing that they
 * could get wrong twice.
 */
#ifndef LK_TESTS_SIM_CHECK_H
#define LK_TESTS_SIM_CHECK_H

#include "tests/sim/sim.h"

enum check_number {
    CHECK_COMPLETE = 1,
    CHECK_RIGHT_PARTS,
    CHECK_SIGNED_FIRST,
    CHECK_TRUSTED,
    CHECK_PERMIT,
    CHECK_FENCE,
    CHECK_ONE_HOLDER,
    CHECK_NOT_TWICE,
    CHECK_NEVER_LESS,
    CHECK_LIVENESS,
    CHECK_FACTS_FIRST,
    CHECK_EPOCH,
    CHECK_ONE_PUSH,
    CHECK_REPLAY,
    CHECK_DONE_IS_THERE,
    CHECK_NOTHING_LEFT,
    CHECK_UNDISTURBED,
    CHECK_ONCE,
    CHECK_CAUSE,
    CHECK_ALIVE,
    CHECK_STALE,
    CHECK_DRAINED,
    CHECK_NOT_AGAIN,
    CHECK_IN_TIME,
};

struct lk_core;
struct lk_effect;
struct lk_event;
struct lk_fact;

struct sim_check *check_new(void);
void              check_free(struct sim_check **check);

/* Before the core hears of it; `now_ms` is the coordinator's clock. */
void check_event(struct sim *sim, const struct lk_core *core, const struct lk_event *event);
/* One that this event led to; all of a step in their order. */
void check_fact(struct sim *sim, const struct lk_core *core, const struct lk_fact *fact,
                const struct lk_event *event);
/* One that this event led to. */
void check_effect(struct sim *sim, const struct lk_core *core, const struct lk_effect *effect);
/* After each step. */
void check_state(struct sim *sim, const struct lk_core *core);

void check_in_time(struct sim *sim, const struct lk_core *core, int64_t now_ms);

/* The coordinator begins anew with these facts and no others. */
void check_restart(struct sim *sim, bool is_backup);
void check_replayed(struct sim *sim, const struct lk_core *core, const struct lk_fact *fact,
                    int64_t now_ms);
void check_started(struct sim *sim, int64_t now_ms);

/* `durable`: a fact of that type with these keys is on disk (coordinator.c). */
void check_released(struct sim *sim, const struct lk_effect *effect, bool durable);
/* Right before it does. */
void check_tag_moves(struct sim *sim, const struct lk_core *core,
                     const struct lk_effect *effect, uint32_t image);
void check_accepted(struct sim *sim, uint32_t client, uint64_t push);
void check_welcomed(struct sim *sim, uint32_t agent, uint64_t before, uint64_t now);
void check_rest(struct sim *sim, const struct lk_core *core);

#endif

/*
 * pump - keeps facts before effects: facts go to the journal in groups, effects come out when all facts
 * that were handed in with or before them are on disk.
 *
 * The loop's thread calls everything; appending happens on the pump's own thread, one group at a time, and
 * what comes in meanwhile makes the next group.
 */
#ifndef LK_PUMP_H
#define LK_PUMP_H

#include "coordinator/core/core.h"
#include "coordinator/store/store.h"

struct lk_pump;

struct lk_pump_listener {
    void (*effect)(void *ctx, const struct lk_effect *effect);
    void (*compacted)(void *ctx, uint64_t kept); /* may be NULL */
    /* The journal cannot be written: end.  No effect comes out after that. */
    void (*failed)(void *ctx, const struct lk_err *err);
    void *ctx;
};

/* `journal` is borrowed and belongs to the pump until lk_pump_stop. */
struct lk_pump *lk_pump_start(struct lk_journal             *journal,
                              const struct lk_pump_listener *listener);
void lk_pump_stop(struct lk_pump **pump); /* waits for the group that is being written */

/*
 * Takes what a step gave.  Effects may come out within the call when no fact is outstanding; `effect` may
 * call this again (what it hands in comes out after what was there before).
 */
void lk_pump_put(struct lk_pump *pump, const struct lk_out *out);

/*
 * The journal has grown long: lk_pump_compact with a snapshot that is taken now, between a step's lk_pump_put and
 * the next step, makes it short when what was handed in is on disk.  Takes the snapshot.
 */
bool lk_pump_wants_snapshot(const struct lk_pump *pump);
void lk_pump_compact(struct lk_pump *pump, struct lk_snapshot *take_snapshot);

/* Nothing is being written, and nothing waits to be. */
bool lk_pump_is_idle(const struct lk_pump *pump);

/* True: so much waits for the disk that nothing more should be taken in before some of it came out. */
bool lk_pump_is_full(const struct lk_pump *pump);

int  lk_pump_fd(const struct lk_pump *pump);
void lk_pump_collect(struct lk_pump *pump);

/* How many facts were handed in, and how many of them are on disk. */
uint64_t lk_pump_handed_in(const struct lk_pump *pump);
uint64_t lk_pump_durable(const struct lk_pump *pump);

#endif

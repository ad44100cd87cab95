/*
 * slot - one attempt at one job: fetch, build, stage, wait, push, and the report of each.
 *
 *   FREE -OFFER-> TAKEN -> BUILDING -> BUILT -STAGE-> STAGING -> STAGED -PERMIT-> PUSHING -> PUSHED
 *                   any of them ------> FAILED (kept, like PUSHED, until DROP)
 *                   any of them -DROP-> CLOSING -(nothing runs any more)-> FREE
 *
 * With `in_turn` the upload waits for the permit too: BUILT -PERMIT-> STAGING -> PUSHING.  A permit may
 * come early and is then used as soon as the slot is ready.  Numbers decide what is believed: a lower
 * fence, an older attempt or a finished task's news changes nothing.
 *
 * A slot of what an earlier life had built begins with BUILT, and uploads nothing before that was checked.
 *
 * A ticket that does not come is asked for, again and again: a lost message must not hold a job for ever.
 *
 * What is built stays built: while the registry has passing troubles a slot in STAGING or PUSHING tries again,
 * and its reports say why it waits.
 *
 * Pure.  A slot reports by itself whatever changed, through effects, if the line is up.
 */
#ifndef LK_AGENT_SLOT_H
#define LK_AGENT_SLOT_H

#include "agent/core/effect.h"

#define LK_SLOT_CLOSE_MS 5000 /* from SIGTERM to SIGKILL */
#define LK_SLOT_PATIENCE_MS \
    900000 /* the registry's passing troubles, while nothing gets through */

enum lk_slot_state { LK_SLOT_FREE, LK_SLOT_ACTIVE, LK_SLOT_CLOSING };

struct lk_slot {
    enum lk_slot_state state;
    uint64_t           task;
    struct lk_report   report;
    bool               in_turn;
    bool               build_only;
    bool               is_unchecked; /* found, and perhaps damaged */
    bool               is_left;      /* what it built stays for the next life */
    bool               has_ticket;
    bool               ticket_asked; /* since something last moved */
    int64_t            ticket_ms;    /* while one is waited for: when to ask for it, again */
    int64_t            trouble_since_ms; /* 0: the registry makes none */
    uint64_t           furthest_bytes;   /* bytes_done at its best, over all tries */
    int64_t            retry_ms; /* when to upload or put again; 0: nothing waits for that */
    int64_t            since_ms; /* of the phase */
    int64_t            reported_ms;
    int64_t            kill_ms; /* CLOSING: when to stop asking nicely; INT64_MAX: done that */
};

/* Where a slot's effects go and whether reports have a line to go by. */
struct lk_slot_context {
    int64_t                  now_ms;
    bool                     connected;
    struct lk_agent_effects *out;
};

void lk_slot_take(struct lk_slot *slot, const struct lk_agent_event *offer, uint64_t task,
                  const struct lk_slot_context *context);
void lk_slot_find(struct lk_slot *slot, const struct lk_agent_event *found, uint64_t task,
                  const struct lk_slot_context *context);
void lk_slot_report(struct lk_slot *slot, const struct lk_slot_context *context);

/* STAGE and DROP. */
void lk_slot_ticket(struct lk_slot *slot, enum lk_upload_when when,
                    const struct lk_slot_context *context);
void lk_slot_drop(struct lk_slot *slot, const struct lk_slot_context *context);

/* The agent ends.  True if there is an image that the next life may go on with. */
bool lk_slot_leave(struct lk_slot *slot, const struct lk_slot_context *context);

/* PERMIT.  False if the fence is not above what this slot was given before. */
bool lk_slot_permit(struct lk_slot *slot, uint64_t fence,
                    const struct lk_slot_context *context);

/* News of the slot's own task; the slot is not free.  False if it does not fit the phase. */
bool lk_slot_news(struct lk_slot *slot, const struct lk_agent_event *event,
                  const struct lk_slot_context *context);

/* What time asks of it. */
void    lk_slot_tick(struct lk_slot *slot, const struct lk_slot_context *context);
int64_t lk_slot_wake_ms(const struct lk_slot *slot);

#endif

/*
 * effect - what the core wants done.  Effects are carried out in order, after the step, by agent.c.
 *
 * Effects that name a task are idempotent for it, and their outcome comes back as an event with the
 * same task number; a task that is gone is no longer listened to.
 */
#ifndef LK_AGENT_EFFECT_H
#define LK_AGENT_EFFECT_H

#include "agent/core/event.h"

/* The numbers are those of lk.wire.Phase (checked where reports are encoded). */
enum lk_phase {
    LK_PHASE_NONE,
    LK_PHASE_TAKEN,
    LK_PHASE_BUILDING,
    LK_PHASE_BUILT,
    LK_PHASE_STAGING,
    LK_PHASE_STAGED,
    LK_PHASE_PUSHING,
    LK_PHASE_PUSHED,
    LK_PHASE_FAILED,
};

struct lk_report {
    uint64_t         job;
    uint32_t         attempt;
    struct lk_oid    spec; /* of the offer: numbers alone may be given twice */
    enum lk_phase    phase;
    struct lk_digest digest; /* with size and media_type: from BUILT on */
    uint64_t         size;
    char             media_type[LK_MEDIA_TYPE_SIZE];
    uint64_t         fence;
    enum lk_err_kind kind;
    char             text[LK_REASON_SIZE];
    uint64_t         bytes_done;
    uint64_t         bytes_total;
    uint32_t         phase_ms;
};

enum lk_agent_effect_kind {
    /* The line. */
    LK_AGENT_OPEN_LINE, /* a fresh socket, then HELLO */
    LK_AGENT_CLOSE_LINE,
    LK_AGENT_SEND_PING,   /* number */
    LK_AGENT_SEND_REPORT, /* report */
    LK_AGENT_SEND_TICKET_WANTED,
    LK_AGENT_SEND_BYE, /* number: the session that ends; keeps */
    LK_AGENT_REMEMBER, /* cluster and epoch, durably */
    LK_AGENT_RESUME,   /* a session began: transfers ask again for what did not come */

    /* Tasks. */
    LK_AGENT_CHECK_BUILT, /* a new task, of what was FOUND */
    LK_AGENT_FETCH,
    LK_AGENT_BUILD,
    LK_AGENT_UPLOAD,
    LK_AGENT_PUT_MANIFEST,
    LK_AGENT_STOP,   /* end whatever runs, gently; then STOPPED */
    LK_AGENT_KILL,   /* it did not end by itself */
    LK_AGENT_FORGET, /* nothing runs: remove the work directory */

    LK_AGENT_WARN, /* text: someone should see this in the log */
    LK_AGENT_EXIT,
};

struct lk_agent_effect {
    enum lk_agent_effect_kind kind;
    uint64_t                  task;
    uint64_t                  job;
    uint32_t                  attempt;
    uint64_t                  number;
    bool                      keeps; /* what is built, for the next life */
    uint8_t                   cluster[LK_CLUSTER_MAX];
    size_t                    cluster_len;
    uint64_t                  epoch;
    struct lk_report          report;
    char                      text[LK_REASON_SIZE];
};

/* One step touches each slot at most twice, and the line a few times. */
#define LK_AGENT_SLOTS_MAX   16
#define LK_AGENT_EFFECTS_MAX (4 * LK_AGENT_SLOTS_MAX + 8)

struct lk_agent_effects {
    size_t                 count;
    struct lk_agent_effect items[LK_AGENT_EFFECTS_MAX];
};

/* Adds one, zeroed but for its kind. */
struct lk_agent_effect *lk_agent_effect_add(struct lk_agent_effects  *out,
                                            enum lk_agent_effect_kind kind);

#endif

/* coordinator - what the files of the simulated coordinator share: core, journal, sessions, operations under way. */
#ifndef LK_TESTS_SIM_COORDINATOR_H
#define LK_TESTS_SIM_COORDINATOR_H

#include "coordinator/core/core.h"
#include "tests/sim/sim.h"

#define OPERATIONS_MAX 128
#define RETRY_REQUEST  UINT64_MAX
#define JOB_TIMEOUT_S  45
#define TIMEOUT_S      75

struct session {
    uint64_t id; /* 0: none */
    uint64_t connection;
    int64_t  heard_ms;
};

/* An effect that waits for the disk. */
struct waiting {
    struct lk_effect effect;
    size_t           needs; /* facts on disk */
};

enum request {
    ASK_PROBE,
    ASK_CHILD,
    PUT_ARCH_TAG,
    READ_ARCH_TAG,
    CHECK_CHILDREN,
    PUT_INDEX,
    SIGN,
    READ_TAG,
    READ_INDEX,
    PUT_TAG,
    READ_TAG_BACK,
    FETCH_TICKET,
    ANSWER_AGAIN,
};

/* One at the registry: a row of requests, each of which may go wrong. */
struct operation {
    bool                   is_used;
    enum request           next;
    int64_t                since_ms;
    uint32_t               index;  /* what PUT_INDEX put */
    const struct lk_probe *source; /* while a probe is answered */
    enum lk_err_kind       failed; /* of ANSWER_AGAIN: what was said */
    struct lk_effect       effect;
};

/* What of a fact is looked for later; beside the facts, since those are large. */
struct fact_key {
    enum lk_fact_type type;
    uint64_t          a;
    uint64_t          b;
    bool              is_last; /* of its step: those reach the disk together */
    int64_t           at_ms;
};

struct sim_coordinator {
    struct lk_core_config config;
    struct lk_core       *core; /* NULL: not running */
    uint32_t              life;
    struct dice           dice;
    int64_t               clock_ms; /* its boot time less the world's */
    int64_t               paused_until_ms;
    int64_t               slow_disk_until_ms;
    int64_t               timer_ms; /* when the earliest timer fires; INT64_MAX: none */
    uint64_t              epoch;    /* the store's */
    bool                  jumps;    /* at the next start: the journal is a restored one */
    uint64_t              digest; /* of the core that died, if nothing of it was lost; else 0 */
    uint64_t              sessions_given;
    uint64_t              stale; /* what the core has dropped as outdated */

    struct lk_fact  *journal;
    struct fact_key *keys;
    size_t           count; /* handed in */
    size_t           base;  /* as it was when it was last shortened */
    size_t           durable;
    size_t           syncing; /* as many will be durable; 0: the disk is idle */
    size_t           max;

    struct waiting *queue;
    size_t          queue_first;
    size_t          queue_end;
    size_t          queue_max;

    struct session   sessions[SIM_AGENTS];
    struct operation operations[OPERATIONS_MAX];
};

/* coordinator.c */
int64_t coordinator_clock(const struct sim *sim);
void    coordinator_step(struct sim *sim, struct lk_event *event);
void    coordinator_name(const char *repository, const char *tag, struct sim_name *out);

/* door.c */
void coordinator_hears(struct sim *sim, const struct sim_message *message);
void coordinator_gets_source(struct sim *sim, uint32_t client, bool is_bad);

/* journal.c */
void   journal_take(struct sim *sim, const struct lk_out *out);
void   journal_synced(struct sim *sim, size_t count);
void   journal_replay(struct sim *sim);
void   journal_jump(struct sim *sim);
void   journal_compact(struct sim *sim);
size_t journal_whole_steps(const struct sim_coordinator *c, size_t count);
void   journal_fini(struct sim_coordinator *c);

/* effects.c */
void coordinator_carry_out(struct sim *sim, const struct lk_effect *effect);
void coordinator_tell(struct sim *sim, uint64_t session, struct sim_message *message);

/* look.c */
struct lk_probe registry_look(struct sim *sim, struct sim_name name,
                              struct lk_found_child entries[SIM_ARCHES + 1]);
struct lk_probe registry_look_at_arch_tags(struct sim *sim, const struct lk_effect *effect,
                                           struct sim_name       name,
                                           struct lk_found_child entries[SIM_ARCHES + 1]);

/* operations.c */
void operation_begin(struct sim *sim, const struct lk_effect *effect);
void operation_goes_on(struct sim *sim, uint32_t number);
/* Its process dies: what is on its way arrives all the same, or does not. */
void operations_die(struct sim *sim);

#endif

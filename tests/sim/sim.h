/*
 * sim - a whole world in one thread: the real cores of coordinator and agents, and around them a simulated
 * network, disk, clocks, registry and people.  One seed is one run: no time, no threads, no randomness but dice.
 *
 * The plan (plan.h) says what people do and what goes wrong; after its end nothing goes wrong any more, and then
 * every push has to end.  What must always hold is in README.md, by number, and is checked by check.c.
 *
 * coordinator.c and agent.c do not know one another's core: they meet here, as programs do.
 */
#ifndef LK_TESTS_SIM_SIM_H
#define LK_TESTS_SIM_SIM_H

#include "common/base/arch.h"
#include "common/base/digest.h"
#include "common/base/err.h"
#include "common/base/limits.h"
#include "tests/sim/dice.h"
#include "tests/sim/plan.h"

#define SIM_SLOTS_MAX   2
#define SIM_IMAGES      512
#define SIM_TEXT        96
#define SIM_PING_MS     4000
#define SIM_SILENCE_MS  (15 * SIM_PING_MS)
#define SIM_LEASE_MS    30000
#define SIM_SUSPECT_MS  10000
#define SIM_HOLD_MS     15000
#define SIM_PATIENCE_MS 120000
#define SIM_SOURCE_MS   60000
#define SIM_HEALED_MS   2400000 /* after the plan's end every push has ended within */

/* ---- what travels ---- */

enum sim_message_type {
    SIM_HELLO,
    SIM_PING,
    SIM_REPORT,
    SIM_TICKET_WANTED,
    SIM_BYE,
    SIM_WELCOME, /* from here on: to the agent */
    SIM_PONG,
    SIM_OFFER,
    SIM_STAGE,
    SIM_PERMIT,
    SIM_DROP,
    SIM_ERROR,
};

struct sim_message {
    enum sim_message_type type;
    uint8_t               agent;
    bool                  in_turn;
    bool                  build_only;
    bool                  is_inventory;
    bool                  keeps; /* BYE */
    uint32_t              attempt;
    uint32_t              phase;
    uint64_t              connection;
    uint64_t              session;
    uint64_t              job;
    uint64_t              fence;
    uint64_t              epoch;
    uint32_t              cluster;
    struct lk_arch        arch;
    struct sim_name       name;
    struct lk_oid         spec;
    struct lk_digest      digest; /* zero: none */
    enum lk_err_kind      kind;
    uint64_t              bytes_done;
    uint64_t              bytes_total;
    char                  text[SIM_TEXT];
};

/* ---- what will happen ---- */

enum sim_event_type {
    SIM_AT_PLAN,
    SIM_AT_HEALED,
    SIM_AT_CLIENT,
    SIM_AT_RESUME, /* somebody looks after an agent that was drained */
    SIM_AT_SOURCE,
    SIM_AT_COORDINATOR, /* a message */
    SIM_AT_START,
    SIM_AT_TIMER,
    SIM_AT_SYNCED,
    SIM_AT_OPERATION,
    SIM_AT_AGENT, /* a message */
    SIM_AT_AGENT_START,
    SIM_AT_AGENT_WAKE,
    SIM_AT_AGENT_TASK,
    SIM_AT_LINE_LOST,
};

struct sim_event {
    int64_t             at_ms;
    uint64_t            number; /* order among those of one time */
    enum sim_event_type type;
    uint32_t            life; /* of the process that it is for; it dies with that */
    uint32_t            who;
    uint32_t            what;
};

/* ---- the parts ---- */

/* An image manifest or an index: of the registry, or still with the agent that built it. */
struct sim_image {
    struct lk_digest digest;
    bool             is_index;
    bool             is_foreign; /* an outsider made it */
    bool             is_adopted; /* but a person vouched for it */
    bool             has_blobs;  /* in the registry */
    bool             is_put;
    bool             is_deleted;
    struct sim_name  name;  /* what it was built for */
    struct lk_arch   asked; /* the architecture of the job, and ... */
    struct lk_arch   arch;  /* ... of what came out */
    uint8_t          agent;
    uint64_t         job;
    uint32_t         attempt;
    int64_t          visible_ms;
    uint32_t         signed_as; /* a bit for each name */
    uint8_t          uploads;   /* how often these went well */
    uint8_t          puts;
    uint8_t          count;
    uint16_t         entries[SIM_ARCHES + 1];
};

static inline uint32_t sim_name_bit(struct sim_name name)
{
    return 1U << (name.repository * SIM_TAGS + name.tag);
}

/* A tag: an image's place, 0 for none.  While the write is not visible the old value is read. */
struct sim_tag {
    uint16_t now;
    uint16_t before;
    uint16_t ours;   /* the last that the coordinator put here */
    uint16_t writes; /* by the coordinator */
    int64_t  visible_ms;
};

struct sim_registry {
    struct dice      dice;
    size_t           count; /* of images; 0 is none */
    struct sim_image images[SIM_IMAGES];
    struct sim_tag   tags[SIM_REPOSITORIES][SIM_TAGS];
    struct sim_tag   arch_tags[SIM_REPOSITORIES][SIM_TAGS][SIM_ARCHES];
    int64_t          down_until_ms;
    int64_t          signer_down_until_ms;
};

struct sim_client {
    const struct sim_submit *plan;
    uint8_t                  key;
    uint64_t                 push; /* 0: no answer yet */
    bool                     source_sent;
    bool                     done;
    uint32_t                 tries;
    uint32_t                 outcome; /* + 1; 0: not ended yet */
    int64_t                  ended_ms;
    char                     answer[SIM_TEXT]; /* the last, where it was refused */
    uint8_t                  retries;          /* asked for */
    bool                     waits_for_retry;  /* the last of them is not answered */
};

struct sim_coordinator;
struct sim_agent;
struct sim_check;
struct sim_entry;

struct sim {
    uint64_t               seed;
    const struct sim_plan *plan;
    int64_t                now_ms;
    bool                   healed;
    FILE                  *trace; /* NULL: nobody listens */
    struct sim_story      *story; /* NULL: nobody wants one (trace.h) */
    struct sim_event      *heap;
    size_t                 heap_count;
    size_t                 heap_max;
    uint64_t               numbers;
    struct sim_message    *messages;
    uint32_t              *free_messages;
    size_t                 free_count;
    size_t                 message_max;
    uint64_t               connections;
    struct dice            net;
    int64_t                line_until_ms[2][SIM_AGENTS]; /* in order: the last one's arrival */
    int64_t                hole_until_ms[SIM_AGENTS];
    uint8_t  armed[SIM_FAULT_KINDS][SIM_AGENTS]; /* waiting for their chance: plan item + 1 */
    uint8_t  in_force[SIM_FAULT_KINDS][SIM_AGENTS]; /* the same of those that last */
    bool     felt[SIM_FAULTS];                      /* it made a difference to somebody */
    uint32_t injected[SIM_FAULT_KINDS];
    struct sim_registry     registry;
    struct sim_client       clients[SIM_SUBMITS];
    struct sim_coordinator *coordinator;
    struct sim_agent       *agents[SIM_AGENTS];
    struct sim_check       *check;
    struct sim_entry       *book; /* book.h */
    size_t                  book_count;
    size_t                  book_synced;
    uint32_t                writes; /* of the journal */
    uint64_t                stale;  /* in lives that are over */
    uint64_t                steps;
    uint64_t                digest; /* over all outcomes */
    int                     broken; /* the number of what did not hold; 0: all well */
    char                    broken_text[300];
};

/* ---- world.c ---- */

struct sim *sim_new(const struct sim_plan *plan, FILE *trace);
void        sim_free(struct sim **sim);
/* False: something did not hold; see `broken`. */
bool sim_run(struct sim *sim);
void sim_at(struct sim *sim, int64_t at_ms, enum sim_event_type type, uint32_t life,
            uint32_t who, uint32_t what);
void sim_break(struct sim *sim, int number, const char *format, ...) LK_PRINTF(3, 4);
void sim_say(const struct sim *sim, const char *format, ...) LK_PRINTF(2, 3);
void sim_mix(struct sim *sim, uint64_t value);

#define SIM_SAY(sim, ...)                \
    do {                                 \
        if ((sim)->trace)                \
            sim_say((sim), __VA_ARGS__); \
    } while (0)

/* ---- faults.c ---- */

/* A fault that was planned for an agent or, as 0, for all: true if one waits.  It then has happened. */
bool sim_strikes(struct sim *sim, enum sim_fault_kind kind, uint32_t agent,
                 const struct sim_fault **fault);
void sim_count(struct sim *sim, const struct sim_fault *fault);
/* One that was planned makes a difference now; `agent` is 0 where it is for all. */
void sim_feel(struct sim *sim, enum sim_fault_kind kind, uint32_t agent);
void sim_do_fault(struct sim *sim, uint32_t number);
void sim_heal(struct sim *sim);

/* ---- net.c ---- */

void sim_send(struct sim *sim, const struct sim_message *message);
void sim_cut(struct sim *sim, uint32_t agent); /* both ends hear of it, or nobody */

/* ---- registry.c ---- */

uint32_t          sim_registry_add(struct sim *sim, const struct sim_image *image);
struct sim_image *sim_registry_find(struct sim             *sim,
                                    const struct lk_digest *digest); /* wherever it is */
bool              sim_registry_shows(const struct sim *sim, const struct sim_image *image);
uint32_t          sim_registry_read(const struct sim *sim, const struct sim_tag *tag);
void sim_registry_tag(struct sim *sim, struct sim_tag *tag, uint32_t image, bool ours);
struct sim_tag *sim_registry_arch_tag(struct sim *sim, struct sim_name name,
                                      const struct lk_arch *arch); /* NULL: none of ours */
bool            sim_registry_is_down(struct sim *sim);
/* RETRY, DENIED: not done.  `lost`: done, but nobody was told. */
enum lk_err_kind sim_registry_fate(struct sim *sim, bool writes, bool *lost,
                                   uint32_t *retry_after_ms);
void             sim_outsider_moves(struct sim *sim, struct sim_name name);
void sim_outsider_moves_arch_tag(struct sim *sim, struct sim_name name, uint32_t arch);
bool sim_outsider_deletes(struct sim *sim, uint32_t luck);
/* What a scenario says exactly; false: there is nothing like that. */
bool sim_outsider_does(struct sim *sim, enum sim_fault_kind kind, struct sim_name name,
                       uint32_t arch);
void sim_registry_put(struct sim *sim, struct sim_image *image);

/* ---- coordinator.c ---- */

void sim_coordinator_new(struct sim *sim);
void sim_coordinator_free(struct sim *sim);
void sim_coordinator_happens(struct sim *sim, const struct sim_event *event);
void sim_coordinator_kill(struct sim *sim, int64_t pause_ms, uint32_t luck);
void sim_coordinator_restore(struct sim *sim, int64_t pause_ms, uint32_t luck, bool jumps);
/* False: there is nothing so old. */
bool sim_coordinator_restore_old(struct sim *sim, int64_t pause_ms, int64_t age_ms);
bool sim_coordinator_runs(const struct sim *sim);
void sim_coordinator_pause(struct sim *sim, int64_t pause_ms);
void sim_coordinator_jump(struct sim *sim, int64_t gap_ms, bool reboot);
/* False: it is resumed, for good. */
bool sim_coordinator_drain(struct sim *sim, uint32_t agent, bool drains);
bool sim_coordinator_cancel(struct sim *sim, uint64_t push); /* false: nothing to cancel */
void sim_coordinator_slow_disk(struct sim *sim, int64_t until_ms);
void sim_coordinator_retry(struct sim *sim, uint32_t client);
bool sim_coordinator_submit(struct sim *sim, uint32_t client);
bool sim_coordinator_is_at_rest(const struct sim *sim);
void sim_coordinator_check_rest(struct sim *sim);
bool sim_coordinator_outcome(const struct sim *sim, uint64_t push, uint32_t *outcome);
/* It has that job, or had it once. */
bool sim_coordinator_gave(const struct sim *sim, uint32_t agent, uint64_t job);
bool sim_coordinator_knows(const struct sim *sim, uint64_t push);
void sim_coordinator_dump(const struct sim *sim);

/* ---- agent.c ---- */

void sim_agent_new(struct sim *sim, uint32_t number);
void sim_agent_free(struct sim *sim, uint32_t number);
void sim_agent_happens(struct sim *sim, const struct sim_event *event);
void sim_agent_kill(struct sim *sim, uint32_t number, int64_t pause_ms, bool wipe);
void sim_agent_leave(struct sim *sim, uint32_t number, int64_t pause_ms);
void sim_agent_pause(struct sim *sim, uint32_t number, int64_t pause_ms);
void sim_agent_jump(struct sim *sim, uint32_t number, int64_t gap_ms);
void sim_agent_fails_fast(struct sim *sim, uint32_t number, int64_t until_ms);
bool sim_agent_holds(const struct sim *sim, uint32_t number, uint64_t job, uint32_t attempt);
bool sim_agent_runs(const struct sim *sim, uint32_t number);
bool sim_agent_is_idle(const struct sim *sim, uint32_t number);
uint64_t sim_agent_connection(const struct sim *sim, uint32_t number);
uint32_t sim_agent_life(const struct sim *sim, uint32_t number);

/* ---- people.c ---- */

void sim_client_begins(struct sim *sim, uint32_t client);
void sim_person_resumes(struct sim *sim, uint32_t agent);
void sim_client_happens(struct sim *sim, const struct sim_event *event);
void sim_client_accepted(struct sim *sim, uint32_t client, uint64_t push);
void sim_client_refused(struct sim *sim, uint32_t client, const char *why);
void sim_client_answered(struct sim *sim, uint32_t client, enum lk_err_kind kind);
void sim_client_receive(struct sim *sim, uint32_t client);
void sim_clients_disconnected(struct sim *sim);

#endif

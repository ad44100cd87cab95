/*
 * explore - small worlds of the coordinator's real core, in which everything that can happen next does happen: each
 * order of messages, work, registry operations and faults, to the end.  What is explored, and what is left out, is
 * in README.md.
 *
 * A world is plain memory, the core's own included, so that it can be put aside and taken back: the core's memory
 * stays where it is, and its bytes come and go.  Two worlds are the same one if they have the same digest, which
 * leaves out what makes no difference, as for whom an operation's number was the next one.
 */
#ifndef LK_TESTS_EXPLORE_EXPLORE_H
#define LK_TESTS_EXPLORE_EXPLORE_H

#include "coordinator/core/core.h"

#define AGENTS    2
#define ARCHES    2
#define PUSHES    2
#define LINE_MAX  16
#define OPS_MAX   8
#define ORDER_MAX 24
#define EVENTS    64

#define LEASE_MS 1000000000 /* so far apart that neither adds up to the next */
#define HOLD_MS  1000000
#define SHORT_MS 100000

/* What a world begins with, and how often what may go wrong in it. */
struct setting {
    const char *name;
    bool        is_large; /* not for every day */
    uint8_t     pushes;
    bool        same_tag;    /* both push the same package */
    bool        generalists; /* each agent builds for both arches; otherwise for one */
    bool        sign;
    bool        in_turn;
    bool        slow_disk; /* more may happen before facts are on disk */
    uint8_t     crashes;   /* of the coordinator */
    uint8_t     losses;    /* of messages */
    uint8_t     doubles;
    uint8_t     cuts;        /* of lines */
    uint8_t     kills;       /* of agents */
    uint8_t     pauses;      /* of agents, longer than a lease */
    uint8_t     slow_turns;  /* longer than a permit */
    uint8_t     build_fails; /* by infrastructure */
    uint8_t     refusals;    /* by the registry, for now */
    uint8_t     outsiders;   /* who move a tag */
    uint8_t     cancels;
};

enum message_type { HELLO, PING, REPORT, TICKET_WANTED, WELCOME, OFFER, STAGE, PERMIT, DROP };

struct message {
    uint8_t type;
    bool is_opening; /* from HELLO to the first PING: a line is cut, but loses nothing alone */
    uint8_t  phase;
    uint8_t  attempt;
    uint8_t  arch;
    uint32_t job;
    uint32_t session;
    uint32_t image;
    uint8_t  kind;
    uint64_t fence;
};

struct line {
    uint8_t        count;
    struct message waiting[LINE_MAX];
};

/* An attempt in an agent's hands, as in agent/core/slot.h. */
struct held {
    uint32_t job; /* 0: none */
    uint8_t  attempt;
    uint8_t  arch;
    uint8_t  phase;
    bool     has_ticket;
    uint32_t image;
    uint64_t fence;
};

struct agent {
    bool        is_greeting;
    uint32_t    session;      /* 0: none */
    uint32_t    line_session; /* what the coordinator gave to this line */
    uint64_t    epoch;
    struct held held;
    struct line up;
    struct line down;
};

struct operation {
    bool     is_used;
    bool     is_done; /* and its answer is on the way */
    bool     conflict;
    uint8_t  type;
    bool     sign;
    bool     expects;
    uint32_t expected;
    uint32_t package;
    uint32_t job;
    uint64_t op;
    uint32_t image;
    uint8_t  count;
    uint32_t children[ARCHES];
};

/* An effect that waits for the disk. */
struct order {
    bool             is_operation;
    uint64_t         session;
    struct message   message;
    struct operation operation;
};

struct registry {
    uint64_t put[4]; /* images, by their number */
    uint64_t checked[4];
    uint32_t tags[PUSHES];
    uint32_t arch_tags[PUSHES][ARCHES];
    bool     moved[PUSHES]; /* by an outsider, since we last did */
};

struct world {
    int64_t          now_ms;
    uint32_t         sessions_given;
    uint32_t         sessions[AGENTS]; /* as the coordinator knows them */
    struct agent     agents[AGENTS];
    struct operation operations[OPS_MAX];
    struct registry  registry;
    struct setting   left; /* of what may go wrong */
    size_t           order_count;
    struct order     orders[ORDER_MAX];
    uint32_t         journal; /* its last fact */
    uint32_t         durable; /* the last one on disk */
    uint64_t         durable_digest;
    uint64_t         fence; /* the highest of all */
    uint64_t         epoch;
    int8_t           paused; /* while that is told to the core: the agent; -1: none */
};

/* One that may happen next. */
enum happening {
    FROM_AGENT,
    TO_AGENT,
    WORK,
    CONNECT,
    OPERATION,
    SYNC,
    SHORT_WAIT,
    LONG_WAIT,
    LOSE_UP, /* from here on: what goes wrong */
    LOSE_DOWN,
    DOUBLE_UP,
    DOUBLE_DOWN,
    CUT,
    KILL,
    PAUSE,
    SLOW_TURN,
    BUILD_FAILS,
    REFUSE,
    OUTSIDER,
    CANCEL,
    CRASH,
};

struct event {
    uint8_t type;
    uint8_t who;
};

struct journal_entry {
    uint32_t       before;
    struct lk_fact fact;
};

struct explore {
    const struct setting *setting;
    struct lk_core_config config;
    struct lk_core       *core;
    struct world          world;
    uint8_t              *fresh; /* the core's bytes, before anything happened */
    struct journal_entry *journal;
    uint32_t              journal_count;
    uint32_t              journal_max;
    char                  broken[300]; /* what did not hold; "": all well */
};

/* ---- search.c: true if all was seen, and all was well ---- */
struct counts {
    uint64_t states;
    uint64_t transitions;
    uint64_t ends;
    uint64_t digest; /* over all states, in whatever order */
};
bool search(const struct setting *setting, struct counts *counts);

/* ---- world.c ---- */
void   world_begin(struct explore *x);
size_t world_events(const struct explore *x, struct event events[EVENTS]);
bool   world_is_at_rest(const struct explore *x);
void   world_happen(struct explore *x, struct event event);
void   world_break(struct explore *x, const char *format, ...) LK_PRINTF(2, 3);
void   event_format(struct event event, char *out, size_t size);

/* ---- coordinator.c ---- */
void    coordinator_new(struct explore *x);
void    coordinator_free(struct explore *x);
size_t  coordinator_size(const struct explore *x);
void    coordinator_save(const struct explore *x, uint8_t *out);
void    coordinator_load(struct explore *x, const uint8_t *bytes);
void    coordinator_start(struct explore *x);
void    coordinator_submit(struct explore *x, uint32_t push);
void    coordinator_cancel(struct explore *x, uint32_t push);
void    coordinator_crash(struct explore *x);
void    coordinator_sync(struct explore *x);
void    coordinator_hears(struct explore *x, uint32_t agent, const struct message *message);
void    coordinator_answer(struct explore *x, const struct operation *done,
                           const struct lk_err *err, const struct lk_probe *probe);
void    coordinator_timer(struct explore *x);
int64_t coordinator_wake_ms(const struct explore *x);

/* ---- agent.c ---- */
void           agent_connect(struct explore *x, uint32_t agent);
void           agent_hears(struct explore *x, uint32_t agent, const struct message *message);
bool           agent_can_work(const struct explore *x, uint32_t agent);
void           agent_work(struct explore *x, uint32_t agent, bool fails);
void           agent_tell(struct explore *x, uint32_t agent,
                          bool is_opening); /* all it has, and a PING */
void           agent_is_cut(struct explore *x, uint32_t agent);
void           agent_is_killed(struct explore *x, uint32_t agent);
void           line_add(struct explore *x, struct line *line, const struct message *message);
struct message line_take(struct line *line);

/* ---- registry.c ---- */
void registry_begin(struct explore *x, const struct operation *operation);
void registry_go_on(struct explore *x, struct operation *operation);
void registry_refuse(struct explore *x, struct operation *operation);
void registry_put(struct explore *x, uint32_t image);
void registry_outsider(struct explore *x, uint32_t what);
bool registry_is_complete(const struct explore *x, uint32_t package);

/* ---- check.c: what must always hold ---- */
void check_fact(struct explore *x, const struct lk_event *event, const struct lk_fact *fact);
void check_core(struct explore *x);
void check_merge(struct explore *x, const struct operation *merge);
void check_tag(struct explore *x, const struct operation *tag);
void check_end(struct explore *x);

/* ---- digest.c ---- */
uint64_t digest_of(const struct explore *x);         /* of all that makes a difference */
uint64_t digest_of_durable(const struct explore *x); /* of what a replay has to give again */

/* ---- names: of images, an agent's attempt at a job; of indexes, their images ---- */
static const char *const arch_names[] = { "amd64", "arm64", "s390x" };
#define IS_INDEX   0x1000000U
#define IS_SIGNED  0x2000000U
#define IS_FOREIGN 0x4000000U

static inline uint32_t image_of(uint32_t agent, const struct held *held)
{
    uint32_t package = held->job / LK_PACKAGE_ARCHES_MAX - 1;

    return (package & 1) << 7 | (held->arch & 1U) << 6 | (agent & 3) << 4 |
           (held->attempt & 15U);
}

static inline void digest_from(uint32_t number, struct lk_digest *out)
{
    *out = (struct lk_digest) { 0 };
    for (size_t i = 0; i < 4; i++)
        out->sha256[i] = (uint8_t)(number >> 8 * i);
    out->sha256[31] = number ? 0xcc : 0;
}

static inline uint32_t digest_number(const struct lk_digest *digest)
{
    uint32_t number = 0;

    for (size_t i = 0; i < 4; i++)
        number |= (uint32_t)digest->sha256[i] << 8 * i;
    return number;
}

static inline bool has_bit(const uint64_t set[4], uint32_t image)
{
    return set[image / 64 & 3] >> image % 64 & 1;
}

static inline void set_bit(uint64_t set[4], uint32_t image)
{
    set[image / 64 & 3] |= UINT64_C(1) << image % 64;
}

#endif

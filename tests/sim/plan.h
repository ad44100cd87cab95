/*
 * plan - what a seed stands for: the agents there are, what people ask for and when, and what goes wrong.  A fault
 * either happens at its time or waits for its chance from then on, as the loss of "the next message".
 */
#ifndef LK_TESTS_SIM_PLAN_H
#define LK_TESTS_SIM_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define SIM_AGENTS       5
#define SIM_ARCHES       3
#define SIM_REPOSITORIES 2
#define SIM_TAGS         4
#define SIM_RELEASE      3 /* the tag that nothing is built for */
#define SIM_SUBMITS      16
#define SIM_FAULTS       250

struct sim_name {
    uint8_t repository;
    uint8_t tag;
};

struct sim_submit {
    int64_t         at_ms;
    struct sim_name name;
    uint8_t         arches; /* bits */
    uint8_t         twin;   /* of the same package, at once, by another client: 1 */
    bool            is_signed;
    bool            force;
    bool            in_turn;
    bool            sequential;
    bool            build_only;
    bool            no_build;
    bool            dry_run;
    bool            no_arch_tags;
    bool            emulation; /* is allowed */
    uint8_t         origin;    /* as lk_package_origin */
    struct sim_name from;      /* where a release comes from */
    bool            has_second;
    bool            is_after; /* the second package waits for the first */
    struct sim_name second;
    bool            replaces;   /* what an outsider put there is built anew */
    bool            adopts;     /* ... is vouched for */
    uint8_t         failures;   /* 1: keep going; 2: fail fast */
    bool            is_hurried; /* its builds have a time limit */
    bool            is_limited; /* it has one as a whole */
    uint8_t         priority;   /* as lk_priority */
    uint8_t         retries;    /* as often, while it does not end well */
};

enum sim_fault_kind {
    /* Wait for their chance. */
    SIM_LOSES_TO_COORDINATOR,
    SIM_LOSES_TO_AGENT,
    SIM_DOUBLES_TO_COORDINATOR,
    SIM_DOUBLES_TO_AGENT,
    SIM_BUILD_IS_WRONG, /* the package's fault */
    SIM_BUILD_HAS_TROUBLE,
    SIM_BUILD_HAS_WRONG_ARCH,
    SIM_BUILD_IS_SLOW,
    SIM_UPLOAD_HAS_TROUBLE,
    SIM_PUT_HAS_TROUBLE,
    SIM_PUT_ANSWER_IS_LOST,
    SIM_TICKET_RUNS_OUT,
    SIM_LIES_ABOUT_PUT,
    SIM_LIES_ABOUT_JOB,
    SIM_OLD_COORDINATOR_ANSWERS,
    SIM_BUILT_IS_DAMAGED,
    SIM_KILLED_AFTER_BUILT,
    SIM_KILLED_AFTER_PUT,
    SIM_REGISTRY_REFUSES,
    SIM_REGISTRY_IS_BUSY,
    SIM_REGISTRY_ANSWER_IS_LOST,
    SIM_REGISTRY_HIDES,
    SIM_ANSWER_COMES_TWICE,
    SIM_OUTSIDER_BETWEEN,
    SIM_KILLED_BEFORE_SYNC,
    SIM_KILLED_AFTER_SYNC,
    SIM_ANSWER_TO_CLIENT_IS_LOST,
    SIM_CLIENT_LEAVES,
    SIM_SOURCE_IS_BAD,
    SIM_REGISTRY_DENIES, /* in scenarios only, as those at the end: they say exactly what happens */
    SIM_FIRST_TIMED,     /* from here on: at their time */
    SIM_LINE_STALLS = SIM_FIRST_TIMED,
    SIM_LINE_IS_CUT,
    SIM_LINE_IS_A_HOLE,
    SIM_AGENT_IS_KILLED,
    SIM_AGENT_IS_WIPED,
    SIM_AGENT_LEAVES,
    SIM_AGENT_IS_PAUSED,
    SIM_AGENT_CLOCK_JUMPS,
    SIM_AGENT_FAILS_FAST,
    SIM_COORDINATOR_IS_KILLED,
    SIM_COORDINATOR_IS_PAUSED,
    SIM_COORDINATOR_CLOCK_JUMPS,
    SIM_COORDINATOR_REBOOTS,
    SIM_BACKUP_IS_RESTORED,
    SIM_JOURNAL_IS_COPIED_BACK,
    SIM_DISK_IS_SLOW,
    SIM_REGISTRY_IS_DOWN,
    SIM_SIGNER_IS_DOWN,
    SIM_OUTSIDER_MOVES_TAG,
    SIM_OUTSIDER_MOVES_ARCH_TAG,
    SIM_CHILD_IS_DELETED,
    SIM_PERSON_CANCELS,
    SIM_PERSON_DRAINS,
    /* In scenarios only. */
    SIM_PART_IS_DELETED,
    SIM_INDEX_IS_DELETED,
    SIM_OUTSIDER_PUTS_INDEX,
    SIM_OUTSIDER_TAKES_PART,
    SIM_OUTSIDER_DELETES_TAG,
    SIM_OLD_BACKUP_IS_RESTORED,
    SIM_FAULT_KINDS,
};

/* Which of many: those of a name, of an architecture, of an agent. */
struct sim_filter {
    bool            has_name;
    struct sim_name name;
    uint8_t         arch;  /* + 1; 0: any */
    uint8_t         agent; /* + 1; 0: any */
};

struct sim_fault {
    enum sim_fault_kind kind;
    bool                is_off; /* taken out to see whether it matters */
    uint8_t             agent;
    int64_t             at_ms;
    int64_t             for_ms;
    uint32_t            luck; /* whatever else has to be chosen */
    /* Not at a time, but when that fact comes: scenarios. */
    uint8_t           fact; /* an lk_fact_type; 0: at its time */
    uint8_t           nth;
    bool              is_on_disk; /* it has reached the disk; else: it is about to */
    struct sim_filter of;
};

struct sim_plan {
    uint64_t          seed;
    int64_t           end_ms; /* nothing goes wrong after that */
    uint8_t           agent_count;
    uint8_t           agent_arch[SIM_AGENTS];
    uint8_t           agent_emulates[SIM_AGENTS]; /* another architecture + 1; 0: none */
    uint8_t           agent_slots[SIM_AGENTS];
    int64_t           agent_build_ms[SIM_AGENTS]; /* then uploads have lengths too; 0: dice */
    size_t            submit_count;
    struct sim_submit submits[SIM_SUBMITS];
    size_t            fault_count;
    struct sim_fault  faults[SIM_FAULTS];
    uint8_t           pushes_max; /* the coordinator's; 0: more than there can be */
    uint8_t           history_max;
    bool              is_scenario;    /* a book is kept for what it expects */
    bool              effects_twice;  /* each effect is carried out twice */
    uint32_t          crash_at;       /* the coordinator is killed at that write; 0: at none */
    bool              crash_is_after; /* it is on disk; else it is lost */
};

/* `intensity`: faults a push, on average. */
void sim_plan_make(struct sim_plan *plan, uint64_t seed, uint32_t intensity);

/* The sentence of a kind: %a the agent, %d for how long, %t a tag, %r an architecture, %c a client, %n a number. */
const char *sim_fault_sentence(enum sim_fault_kind kind);
/* Whether one of these stands for the fault's luck: then no scenario has to state it. */
bool sim_sentence_has_luck(const char *sentence);

/* ---- plan_text.c ---- */

/* As a scenario (scenario.h). */
void sim_plan_print(const struct sim_plan *plan, FILE *out);
void sim_plan_fault_text(const struct sim_plan *plan, const struct sim_fault *fault, char *text,
                         size_t size);
/* What a scenario says after a comma of a push, and the field that it sets. */
struct sim_submit_word {
    const char *text;
    size_t      offset; /* of a bool or a uint8_t */
    uint8_t     value;
};
extern const struct sim_submit_word sim_submit_words[];
extern const size_t                 sim_submit_word_count;
extern const char *const            sim_arch_names[SIM_ARCHES];

#endif

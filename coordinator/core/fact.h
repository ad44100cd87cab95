/*
 * fact - what happened, for good: the journal's records, in the order in which they change the model.
 *
 * Facts hold no monotonic times.  Their bytes on disk are proto/facts.proto (store/journal.c).
 */
#ifndef LK_CORE_FACT_H
#define LK_CORE_FACT_H

#include "coordinator/core/model.h"

enum lk_fact_type {
    LK_FACT_STARTED = 1,      /* epoch */
    LK_FACT_PUSH_ACCEPTED,    /* push, client, request_key, options, wall_ms, count */
    LK_FACT_PACKAGE_ACCEPTED, /* push, package, and what the model has of it as durable */
    LK_FACT_SOURCE_READY,     /* push */
    LK_FACT_JOB_PLANNED,      /* job, state (QUEUED, STAGED or KEPT), kept, child */
    LK_FACT_PACKAGE_PLANNED,  /* package */
    LK_FACT_JOB_ASSIGNED,     /* job, attempt, agent, emulated */
    LK_FACT_JOB_BUILT,        /* job, attempt, agent, emulated, child */
    LK_FACT_JOB_STAGED,       /* job */
    LK_FACT_JOB_RETRIED,      /* job, counted, text */
    LK_FACT_PERMIT_GRANTED,   /* package, job (0: publishing), fence */
    LK_FACT_PERMIT_ENDED,     /* package, fence; a job still in its turn goes back to BUILT */
    LK_FACT_JOB_PUSHED,       /* job */
    LK_FACT_JOB_DONE,         /* job: checked and tagged (or just built, with build_only) */
    LK_FACT_JOB_FAILED,       /* job, outcome, text */
    LK_FACT_JOB_CANCELLED,    /* job */
    LK_FACT_PACKAGE_MERGED,   /* package, child (the index), signed */
    LK_FACT_PACKAGE_ENDED, /* package, outcome, text, nothing_to_do, child (the index), signed */
    LK_FACT_PUSH_CANCELLED, /* push, by a failure in itself, outcome (INFRASTRUCTURE: its time was over) */
    LK_FACT_PUSH_ENDED,     /* push, outcome, wall_ms */
    LK_FACT_PUSH_FORGOTTEN, /* push */
    LK_FACT_PUBLISH_QUEUED, /* package: waits for its turn to publish */
    LK_FACT_ARCHES_FOUND,   /* package, arches: those of `from`, where all are wanted */
    LK_FACT_NUMBERS,        /* epoch, fence, push, package: given already, or never to be */
    LK_FACT_RECORD, /* count (its place), first, repository, tag, arches (one; none: the index), child */
    LK_FACT_AGENT_DRAINED, /* agent, why */
    LK_FACT_AGENT_RESUMED, /* agent */
    LK_FACT_PUSH_RETRIED,  /* push, request_key: what of it did not end well begins anew */
};

struct lk_fact {
    enum lk_fact_type type;
    uint64_t          epoch;
    uint64_t          push;
    uint64_t          package;
    uint64_t          job;
    uint32_t          attempt;
    uint32_t          count;
    uint64_t          fence;
    int64_t           wall_ms;
    enum lk_job_state state;
    enum lk_outcome   outcome;
    bool              flag; /* kept, counted, first and so on: as the list above says */
    bool              is_signed;
    struct lk_child   child;
    union {
        struct {
            char                   client[LK_NAME_SIZE];
            uint8_t                request_key[16];
            struct lk_push_options options;
        };
        struct {
            char                   repository[LK_REPOSITORY_SIZE];
            char                   tag[LK_TAG_SIZE];
            char                   path[LK_REPOSITORY_SIZE];
            struct lk_oid          spec;
            struct lk_oid          tree;
            bool                   is_unsigned;
            enum lk_package_origin origin;
            struct lk_index_name   from;
            struct lk_package_set  after;
            size_t                 arch_count;
            struct lk_arch         arches[LK_PACKAGE_ARCHES_MAX];
        };
        struct {
            char agent[LK_NAME_SIZE];
            char why[LK_JOB_TEXT_SIZE];
        };
        char text[LK_REASON_SIZE];
    };
};

#endif

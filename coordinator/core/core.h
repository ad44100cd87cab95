/*
 * core - the coordinator's decisions: one deterministic function from (state, event) to facts and effects.
 *
 * Pure: no clock, I/O, log, randomness or threads; no allocation after lk_core_new.  The same events in
 * the same order give the same facts, on every architecture.
 *
 * The caller appends the facts to the journal, waits until they are on disk, and only then carries out the
 * effects.  After a restart it calls lk_core_apply for every fact of the journal, then steps START: the
 * core asks again for everything that was under way.
 *
 * Not thread-safe: the loop's thread owns it.
 */
#ifndef LK_CORE_H
#define LK_CORE_H

#include "coordinator/core/effect.h"
#include "coordinator/core/event.h"
#include "coordinator/core/fact.h"

#define LK_UPLOAD_LIMITS_MAX 32

/* So many images at once are uploaded to a registry, by all agents together. */
struct lk_upload_limit {
    char     host[LK_REPOSITORY_SIZE]; /* host[:port], as repositories begin */
    uint32_t max;
};

struct lk_core_config {
    size_t   pushes_max;  /* live and remembered together */
    size_t   history_max; /* ended pushes remembered */
    size_t   packages_max;
    size_t   agents_max;
    size_t   records_max;
    int64_t  lease_ms;
    int64_t  suspect_ms;       /* silence after which an agent gets no new jobs */
    int64_t  hold_ms;          /* a permit's length */
    int64_t  in_turn_hold_ms;  /* the same where the upload is inside the turn */
    int64_t  source_ms;        /* a source has to arrive within */
    int64_t  patience_ms;      /* troubles with the registry are retried for so long */
    uint32_t failures_max;     /* of one job, that are not the package's fault */
    uint32_t quarantine_after; /* an agent's own failures in a row, each of them ... */
    int64_t  quick_ms;         /* ... so soon after it got the job; 0: never */
    size_t   upload_limit_count;
    struct lk_upload_limit upload_limits[LK_UPLOAD_LIMITS_MAX];
    int64_t raise_ms;      /* a push that waited so long is as the next higher priority */
    int64_t quarantine_ms; /* until its first canary; doubles with each that fails */
};

extern const struct lk_core_config lk_core_defaults;

/* What a step wants: borrowed from the core, valid until the next step. */
struct lk_out {
    size_t            fact_count;
    struct lk_fact   *facts;
    size_t            effect_count;
    struct lk_effect *effects;
    int64_t           wake_ms; /* step a TIMER then; INT64_MAX: no need */
    uint64_t          stale;   /* answers and reports dropped as outdated, since the start */
};

struct lk_core;

struct lk_core *lk_core_new(const struct lk_core_config *config);
void            lk_core_free(struct lk_core **core);

/* Replays one fact.  False: it does not fit the state (the journal is damaged or of a newer version). */
bool lk_core_apply(struct lk_core *core, const struct lk_fact *fact);

const struct lk_out *lk_core_step(struct lk_core *core, const struct lk_event *event);

/* Why there is no such push, for people: it was let go, or never was. */
void lk_core_explain_absence(const struct lk_core *core, uint64_t push,
                             char text[LK_REASON_SIZE]);

/* For looking at. */
const struct lk_push *
lk_core_first_push(const struct lk_core *core); /* oldest; go on by ->next */
const struct lk_push    *lk_core_push(const struct lk_core *core, uint64_t id);
const struct lk_package *lk_core_package(const struct lk_core *core, uint64_t id);
const struct lk_job     *lk_core_job(const struct lk_core *core, uint64_t id);
const struct lk_package *lk_core_package_of_job(const struct lk_core *core, uint64_t job);
const struct lk_agent   *lk_core_agent(const struct lk_core *core,
                                       size_t                index); /* NULL past the last */
/* False: there are agents_max others, and none of them has left. */
bool lk_core_takes_agent(const struct lk_core *core, const char *name);
/* The index that was published last under this name; NULL if it is not known (any more). */
const struct lk_digest *lk_core_published(const struct lk_core *core, const char *repository,
                                          const char *tag);
uint32_t lk_core_agent_busy(const struct lk_core *core, const struct lk_agent *agent);
uint64_t lk_core_epoch(const struct lk_core *core);

/*
 * Of an epoch of this cluster that somebody was welcomed under.  AHEAD: this state is older than one that was there
 * before it (a backup, put in place by hand): EPOCH_HEARD goes past all of it.
 */
enum lk_epoch_news { LK_EPOCH_IS_KNOWN, LK_EPOCH_IS_AHEAD, LK_EPOCH_IS_ABSURD };
#define LK_EPOCH_AHEAD_MAX 100000
enum lk_epoch_news lk_core_judge_epoch(const struct lk_core *core, uint64_t heard);

/*
 * The fact that goes on from an older state: of the pushes that are forgotten thereby, no number is ever given
 * again, or an agent could take its old work for new.
 */
#define LK_LOST_PUSHES_MAX 100000
void lk_fact_jump(struct lk_fact *fact, uint64_t epoch, uint64_t push, uint64_t package);

#endif

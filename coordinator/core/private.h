/*
 * private - what the core's files share.  Each of them handles some events and has an `_advance`, which
 * brings every entity as far as it can go: it looks at what is, not at what just happened, so that
 * the same code serves a normal step, a retry, and the first step after a restart.
 */
#ifndef LK_CORE_PRIVATE_H
#define LK_CORE_PRIVATE_H

#include "coordinator/core/core.h"

/* Why jobs of one kind wait for an agent; found once a look at everything, not once a job. */
struct lk_wait {
    struct lk_arch arch;
    bool           allow_emulation;
    char           text[LK_JOB_TEXT_SIZE];
};

#define LK_WAITS_MAX 16

struct lk_core {
    struct lk_core_config config;
    struct lk_push       *pushes; /* each at index id % pushes_max */
    struct lk_package    *packages;
    struct lk_agent      *agents;
    struct lk_turnstile  *turnstiles;
    struct lk_record     *records; /* ring */
    size_t                agent_count;
    size_t                turnstile_count; /* ever in use: the free ones beyond are fresh */
    uint32_t              uploads[LK_UPLOAD_LIMITS_MAX]; /* under way; counted once a look */
    size_t                wait_count;
    struct lk_wait        waits[LK_WAITS_MAX];
    size_t                record_next;
    struct lk_push       *first;
    struct lk_push       *last;
    size_t                ended_count;
    uint64_t              endings; /* ever */
    size_t                package_count;
    uint64_t              push_id; /* last given */
    uint64_t              package_id;
    uint64_t              epoch;
    uint64_t              fence;
    uint64_t              arrivals;
    uint64_t              fact_seq;
    uint64_t              ops;
    uint64_t              changes;
    int64_t               now_ms;
    int64_t               wall_ms;
    bool                  dirty; /* something changed that an advance may act on */
    struct lk_out         out;
};

/* core.c */
bool lk_core_has_room(const struct lk_core *core); /* for one more entity's facts and effects */
struct lk_fact *lk_fact_new(struct lk_core *core, enum lk_fact_type type);
void lk_fact_commit(struct lk_core *core); /* applies the fact that lk_fact_new returned */
struct lk_effect *lk_effect_new(struct lk_core *core, enum lk_effect_type type);
struct lk_effect *lk_effect_for_job(struct lk_core *core, enum lk_effect_type type,
                                    const struct lk_package *package, const struct lk_job *job);
struct lk_effect *lk_effect_for_package(struct lk_core *core, enum lk_effect_type type,
                                        const struct lk_package *package);
void              lk_wake_at(struct lk_core *core, int64_t when_ms);
void              lk_stale(struct lk_core *core); /* counts an outdated answer: the one place */
struct lk_push   *lk_push_of(struct lk_core *core, uint64_t id);
struct lk_package *lk_package_of(struct lk_core *core, uint64_t id);
struct lk_job     *lk_job_of(struct lk_core *core, uint64_t id, struct lk_package **package);
void lk_touch_job(struct lk_core *core, struct lk_package *package, struct lk_job *job);
void lk_touch_package(struct lk_core *core, struct lk_package *package);
void lk_touch_push(struct lk_core *core, struct lk_push *push);

/* Facts that more than one file states. */
void lk_job_fail(struct lk_core *core, struct lk_job *job, enum lk_outcome outcome,
                 const char *text);
void lk_job_retry(struct lk_core *core, struct lk_job *job, bool counted, const char *text);
void lk_package_end(struct lk_core *core, struct lk_package *package, enum lk_outcome outcome,
                    const char *text);
void lk_job_drop(struct lk_core *core, struct lk_job *job);

/*
 * True if a trouble may be tried again; arms the back-off.  `err`: what the registry or the signer answered, or NULL.
 * The signer is waited for without end, and does not use up a registry's patience.
 */
bool lk_trouble_may_pass(struct lk_core *core, const struct lk_err *err, int64_t *since_ms,
                         int64_t *not_before_ms);

/* What a failed registry operation means for the one who waits for it. */
enum lk_outcome lk_outcome_of(enum lk_err_kind kind);

/* records.c */
void                    lk_record_keep(struct lk_core *core, const struct lk_package *package,
                                       const struct lk_arch *arch, const struct lk_child *child);
const struct lk_record *lk_record_find(const struct lk_core *core, const char *repository,
                                       const char *tag, const struct lk_arch *arch);

/* snapshot.c */
bool lk_apply_numbers(struct lk_core *core, const struct lk_fact *fact);
bool lk_apply_record(struct lk_core *core, const struct lk_fact *fact);

/* epoch.c */
void lk_epoch_heard(struct lk_core *core, const struct lk_event *event);

/* order.c */
bool lk_package_set_has(const struct lk_package_set *set, size_t number);
/* Finds the packages that `after` names.  False, with the reason: one is not there, or they wait in a circle. */
bool lk_order_find(const struct lk_package_request *requests, size_t count,
                   struct lk_package_set *after, char text[LK_REASON_SIZE]);
/* True if others of its push have to be published first, or never will be: then it has ended. */
bool lk_order_holds_back(struct lk_core *core, const struct lk_push *push,
                         struct lk_package *package);

/* The handlers and parts of lk_advance. */
void lk_push_submit(struct lk_core *core, const struct lk_event *event); /* submit.c */
void lk_push_source(struct lk_core *core, const struct lk_event *event);
void lk_push_advance(struct lk_core *core, struct lk_push *push);
void lk_push_answer(struct lk_core *core, uint64_t session, uint64_t request,
                    enum lk_err_kind kind, const char *text);
void lk_push_forget(struct lk_core *core, uint64_t push);
struct lk_push *lk_push_ended_first(struct lk_core *core); /* NULL: none has ended */

/* cancel.c */
void lk_push_cancel(struct lk_core *core, const struct lk_event *event);
/* Cancels a push of which something failed, if that is wanted, or whose time is over. */
void lk_cancel_advance(struct lk_core *core, struct lk_push *push);
void lk_cancel_job(struct lk_core *core, const struct lk_push *push, struct lk_job *job);
/* How a package of a cancelled push ends, and what is said of it. */
enum lk_outcome lk_cancel_outcome(const struct lk_push *push);
void            lk_cancel_explain(const struct lk_push *push, const struct lk_package *package,
                                  char text[LK_REASON_SIZE]);
void            lk_cancel_end(struct lk_core *core, const struct lk_push *push,
                              struct lk_package *package);

/* retry.c */
void lk_push_retry(struct lk_core *core, const struct lk_event *event);
bool lk_apply_retried(struct lk_core *core, struct lk_push *push, const struct lk_fact *fact);

/* Of a push that publishes nothing: each architecture is built, whatever is published. */
void lk_push_build_all(struct lk_core *core, struct lk_package *package);

/* `source` is NULL unless the package's images come from elsewhere. */
void lk_plan_answer(struct lk_core *core, struct lk_package *package,
                    const struct lk_probe *probe, const struct lk_probe *source);

/* trust.c: what may be kept of what is there.  True: refused, the package has ended. */
bool lk_trust_refuses(struct lk_core *core, struct lk_package *package,
                      const struct lk_probe *probe, const struct lk_probe *source);
bool lk_trust_leaves_out(const struct lk_core *core, const struct lk_package *package,
                         const struct lk_probe *probe, const struct lk_found_child *entry);
bool lk_trust_covers(const struct lk_core *core, const struct lk_push *push,
                     const char *repository, const char *tag,
                     const struct lk_found_child *entry);
bool lk_trust_is_ours(const struct lk_core *core, const char *repository, const char *tag,
                      const struct lk_digest *index);
bool lk_is_replaced(const struct lk_push *push, const struct lk_arch *arch);
bool lk_is_required(const struct lk_package *package, const struct lk_arch *arch);
const struct lk_found_child *lk_probe_find(const struct lk_probe *probe,
                                           const struct lk_arch  *arch);
/* source.c: the same of where images come from that are not built. */
bool lk_source_refuses(struct lk_core *core, struct lk_package *package,
                       const struct lk_probe *source);
/* Appends an arch to a list for people. */
void lk_add_arch(char *list, size_t size, const struct lk_arch *arch);

/* package.c */
/* What it publishes is signed. */
bool lk_package_is_signed(const struct lk_core *core, const struct lk_package *package);
/* Its images come from another repository. */
bool lk_package_is_copied(const struct lk_package *package);
/* Says why it waits, if that is news. */
void lk_package_explain(struct lk_core *core, struct lk_package *package, const char *text);

void lk_job_report(struct lk_core *core, const struct lk_event *event);
void lk_job_ticket_wanted(struct lk_core *core, const struct lk_event *event);
void lk_job_checked(struct lk_core *core, const struct lk_event *event);
void lk_job_advance(struct lk_core *core, struct lk_package *package, struct lk_job *job);

void lk_fleet_hello(struct lk_core *core, const struct lk_event *event);
void lk_fleet_alive(struct lk_core *core, const struct lk_event *event);
void lk_fleet_gone(struct lk_core *core, const struct lk_event *event);
void lk_fleet_advance(struct lk_core *core);
/* NULL: there are as many as can be, and none of them has left. */
struct lk_agent *lk_fleet_add(struct lk_core *core, const char *name);
struct lk_agent *lk_fleet_find(struct lk_core *core, const char *name);
struct lk_agent *lk_fleet_of(struct lk_core *core, struct lk_job *job); /* NULL: not heard of */

/* quarantine.c */
/* An attempt failed, and not by its package.  `kind` is NONE where its agent lost it. */
void lk_quarantine_failed(struct lk_core *core, const struct lk_job *job, enum lk_err_kind kind,
                          const char *why);
void lk_quarantine_built(struct lk_core *core, const struct lk_job *job);
void lk_quarantine_lift(struct lk_agent *agent);
/* In quarantine, and no canary may fly now. */
bool lk_quarantine_holds(struct lk_core *core, const struct lk_agent *agent);
void lk_quarantine_assigned(struct lk_agent *agent, const struct lk_job *job);
void lk_quarantine_advance(struct lk_core *core, const struct lk_agent *agent);

/* uploads.c */
size_t lk_upload_limit_of(const struct lk_core *core, const char *repository);
void   lk_uploads_count(struct lk_core *core, const struct lk_push *push,
                        const struct lk_package *package);
/* A job that is BUILT has a place at its registry from now on; false: it waits for one, and says so. */
bool lk_upload_begins(struct lk_core *core, const struct lk_push *push,
                      struct lk_package *package, struct lk_job *job);
bool lk_upload_has_place(const struct lk_push *push, const struct lk_job *job);

/* drain.c */
void lk_fleet_drain(struct lk_core *core, const struct lk_event *event);
bool lk_apply_drain(struct lk_core *core, const struct lk_fact *fact);

void lk_sched_advance(struct lk_core *core);

void                 lk_turnstile_advance(struct lk_core *core, struct lk_turnstile *turnstile);
struct lk_turnstile *lk_turnstile_for(struct lk_core *core, const char *repository);
bool lk_turnstile_holds(const struct lk_package *package, const struct lk_job *job);

/* The same holder under a new fence. */
void lk_turnstile_renew(struct lk_core *core, struct lk_turnstile *turnstile);

void lk_publish_advance(struct lk_core *core, struct lk_package *package);
void lk_publish_answer(struct lk_core *core, const struct lk_event *event);
void lk_publish_probed(struct lk_core *core, struct lk_package *package,
                       const struct lk_probe *probe);

#endif

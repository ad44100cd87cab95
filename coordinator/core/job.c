/* One package on one arch: what its agent reports, and what follows from it. */
#include "coordinator/core/private.h"

#include <stdio.h>
#include <string.h>

#define BACK_OFF_FIRST_MS   1000
#define BACK_OFF_LONGEST_MS 30000
#define SIGNER_COUNTS_MS    (4 * BACK_OFF_LONGEST_MS) /* enough for the longest pauses */

enum lk_outcome lk_outcome_of(enum lk_err_kind kind)
{
    /* untaken: every kind has its case */
    switch (kind) {
    case LK_ERR_INVALID:
    case LK_ERR_DENIED:
    case LK_ERR_CONFLICT: return LK_OUTCOME_REFUSED;
    case LK_ERR_NONE: /* failed all the same */
    case LK_ERR_NOT_FOUND:
    case LK_ERR_RETRY:
    case LK_ERR_LIMIT:
    case LK_ERR_PERMANENT: return LK_OUTCOME_INFRASTRUCTURE;
    }
    return LK_OUTCOME_INFRASTRUCTURE;
}

bool lk_trouble_may_pass(struct lk_core *core, const struct lk_err *err, int64_t *since_ms,
                         int64_t *not_before_ms)
{
    uint32_t retry_after_ms = err ? err->retry_after_ms : 0;

    if (*since_ms == 0)
        *since_ms = core->now_ms;
    int64_t lasted = core->now_ms - *since_ms;
    if (err && err->is_signers && lasted > SIGNER_COUNTS_MS) {
        lasted = SIGNER_COUNTS_MS;
        *since_ms = core->now_ms - lasted;
    }
    if (lasted >= core->config.patience_ms)
        return false;
    int64_t pause = BACK_OFF_FIRST_MS + lasted / 4;
    if (pause > BACK_OFF_LONGEST_MS)
        pause = BACK_OFF_LONGEST_MS;
    if (pause < retry_after_ms)
        pause = retry_after_ms < core->config.patience_ms ? retry_after_ms
                                                          : core->config.patience_ms;
    *not_before_ms = core->now_ms + pause;
    core->dirty = true;
    return true;
}

static void drop(struct lk_core *core, uint64_t session, uint64_t job, uint32_t attempt)
{
    struct lk_effect *effect = lk_effect_new(core, LK_EFFECT_DROP);

    effect->session = session;
    effect->job = job;
    effect->attempt = attempt;
}

void lk_job_drop(struct lk_core *core, struct lk_job *job)
{
    if (!job->session) /* nobody has it, or nobody who was heard of */
        return;
    drop(core, job->session, job->id, job->attempt);
    job->drop_session = job->session;
    job->drop_attempt = job->attempt;
}

static void finish(struct lk_core *core, struct lk_job *job)
{
    lk_job_drop(core, job);
    lk_fact_new(core, LK_FACT_JOB_DONE)->job = job->id;
    lk_fact_commit(core);
}

void lk_job_fail(struct lk_core *core, struct lk_job *job, enum lk_outcome outcome,
                 const char *text)
{
    lk_job_drop(core, job);
    struct lk_fact *fact = lk_fact_new(core, LK_FACT_JOB_FAILED);
    fact->job = job->id;
    fact->outcome = outcome;
    snprintf(fact->text, sizeof(fact->text), "%s", text);
    lk_fact_commit(core);
}

void lk_job_retry(struct lk_core *core, struct lk_job *job, bool counted, const char *text)
{
    if (counted && job->failures + 1 >= core->config.failures_max) {
        char whole[LK_REASON_SIZE];
        snprintf(whole, sizeof(whole), "given up after %u attempts; the last: %s",
                 job->failures + 1, text);
        lk_job_fail(core, job, LK_OUTCOME_INFRASTRUCTURE, whole);
        return;
    }
    lk_job_drop(core, job);
    struct lk_fact *fact = lk_fact_new(core, LK_FACT_JOB_RETRIED);
    fact->job = job->id;
    fact->flag = counted;
    snprintf(fact->text, sizeof(fact->text), "%s", text);
    lk_fact_commit(core);
    job->op = 0;
    job->session = 0;
    job->trouble_since_ms = 0;
    int64_t pause_ms = BACK_OFF_FIRST_MS << (counted ? job->failures - 1 : 0);
    job->not_before_ms =
        core->now_ms + (pause_ms < BACK_OFF_LONGEST_MS ? pause_ms : BACK_OFF_LONGEST_MS);
}

static void assigned_back(struct lk_core *core, enum lk_fact_type type, struct lk_job *job,
                          const struct lk_event *event, bool emulated)
{
    struct lk_fact *fact = lk_fact_new(core, type);

    fact->job = job->id;
    fact->attempt = event->report.attempt;
    fact->flag = emulated;
    fact->child = event->report.child;
    snprintf(fact->agent, sizeof(fact->agent), "%s", event->report.agent);
    lk_fact_commit(core);
}

/* The same for an attempt that had been given up: nothing of the new one's session counts any more. */
static void taken_back(struct lk_core *core, enum lk_fact_type type, struct lk_job *job,
                       const struct lk_event *event, bool emulated)
{
    assigned_back(core, type, job, event, emulated);
    job->ticket_session = 0;
    job->assigned_ms = 0;
}

static bool serves(const struct lk_agent *agent, const struct lk_arch *arch, bool *emulated)
{
    for (size_t i = 0; i < agent->platform_count; i++)
        if (lk_arch_eq(&agent->platforms[i].arch, arch)) {
            *emulated = agent->platforms[i].emulated;
            return true;
        }
    return false;
}

static bool is_in_force(const struct lk_job *job, const struct lk_event *event)
{
    return job->attempt == event->report.attempt && job->state >= LK_JOB_ASSIGNED &&
           job->state <= LK_JOB_IN_TURN && !job->kept &&
           strcmp(job->agent, event->report.agent) == 0;
}

/* What it says until it has read that changes nothing: it will not have the attempt for long. */
static bool is_told_to_drop(const struct lk_job *job, const struct lk_event *event)
{
    return job->drop_session == event->report.session &&
           job->drop_attempt == event->report.attempt;
}

/* Of an attempt too old to be remembered nobody can prove that it was theirs. */
static bool was_given(const struct lk_job *job, const struct lk_event *event)
{
    uint32_t               attempt = event->report.attempt;
    const struct lk_given *given = &job->given[attempt % LK_GIVEN_MAX];

    return attempt != 0 && given->attempt == attempt &&
           strcmp(given->agent, event->report.agent) == 0;
}

/*
 * An attempt that we had given up turns up again, alive.  Of two attempts the first BUILT wins; one that
 * still builds is taken back if nobody else has begun, and else goes on in competition.
 */
static bool take_back(struct lk_core *core, const struct lk_agent *agent, struct lk_job *job,
                      const struct lk_event *event)
{
    enum lk_phase phase = event->report.phase;
    bool          emulated;

    if (!was_given(job, event) || is_told_to_drop(job, event) ||
        !serves(agent, &job->arch, &emulated) || phase == LK_PHASE_FAILED ||
        (job->state != LK_JOB_QUEUED && job->state != LK_JOB_ASSIGNED))
        return false;
    if (phase >= LK_PHASE_BUILT) {
        lk_job_drop(core, job);
        taken_back(core, LK_FACT_JOB_BUILT, job, event, emulated);
        lk_quarantine_built(core, job);
        return true;
    }
    if (job->state == LK_JOB_QUEUED) {
        taken_back(core, LK_FACT_JOB_ASSIGNED, job, event, emulated);
        return true;
    }
    return false;
}

/* Why its agent waits in the middle of a phase, or that it does no more.  True if that is news. */
static bool note_trouble(struct lk_job *job, const struct lk_event *event)
{
    enum lk_phase phase = event->report.phase;
    bool          publishes = phase == LK_PHASE_STAGING || phase == LK_PHASE_PUSHING;
    char          text[LK_JOB_TEXT_SIZE];

    if (!event->report.text || phase == LK_PHASE_FAILED || (phase == job->phase && !publishes))
        return false;
    snprintf(text, sizeof(text), "%.*s", (int)sizeof(text) - 1, event->report.text);
    if (strcmp(text, job->text) == 0)
        return false;
    memcpy(job->text, text, sizeof(text));
    return true;
}

static void note_progress(struct lk_core *core, struct lk_package *package, struct lk_job *job,
                          const struct lk_event *event)
{
    core->dirty |= job->session != event->report.session;
    job->session = event->report.session;
    job->lease_until_ms = core->now_ms + core->config.lease_ms;
    bool is_news = note_trouble(job, event);
    if (!is_news && job->phase == event->report.phase &&
        job->bytes_done == event->report.bytes_done)
        return;
    if (job->phase != event->report.phase)
        job->since_ms = core->now_ms;
    job->phase = event->report.phase;
    job->bytes_done = event->report.bytes_done;
    job->bytes_total = event->report.bytes_total;
    lk_touch_job(core, package, job);
}

/*
 * An agent without a free slot is no failure of the job; but one that is always full, whatever it says of its
 * slots, must not be asked for ever.
 */
static void refused(struct lk_core *core, struct lk_job *job, const struct lk_event *event)
{
    char    text[LK_JOB_TEXT_SIZE];
    int64_t not_before_ms;

    if (lk_trouble_may_pass(core, NULL, &job->refused_since_ms, &not_before_ms)) {
        lk_job_retry(core, job, false, event->report.text);
        job->not_before_ms = not_before_ms;
        return;
    }
    snprintf(text, sizeof(text), "no agent has taken it for %lld s; the last: %.120s",
             (long long)(core->config.patience_ms / 1000), event->report.text);
    lk_job_fail(core, job, LK_OUTCOME_INFRASTRUCTURE, text);
}

static void reported_failed(struct lk_core *core, struct lk_job *job,
                            const struct lk_event *event)
{
    enum lk_err_kind kind = event->report.kind;

    if (kind == LK_ERR_INVALID)
        lk_job_fail(core, job, LK_OUTCOME_BUILD_FAILED, event->report.text);
    else if (kind == LK_ERR_DENIED || kind == LK_ERR_CONFLICT)
        lk_job_fail(core, job, LK_OUTCOME_REFUSED, event->report.text);
    else {
        lk_quarantine_failed(core, job, kind, event->report.text);
        lk_job_retry(core, job, true, event->report.text);
    }
}

static void reported_built(struct lk_core *core, struct lk_package *package, struct lk_job *job,
                           const struct lk_event *event)
{
    const struct lk_turnstile *turnstile = package->turnstile;

    if (job->state == LK_JOB_ASSIGNED) {
        assigned_back(core, LK_FACT_JOB_BUILT, job, event, job->emulated);
        lk_quarantine_built(core, job);
    }
    if (!lk_digest_eq(&job->child.digest, &event->report.child.digest)) {
        lk_job_retry(core, job, true, "the agent reports another image than before");
        return;
    }
    if (job->state == LK_JOB_BUILT &&
        (event->report.phase == LK_PHASE_STAGED || event->report.phase == LK_PHASE_PUSHED)) {
        lk_fact_new(core, LK_FACT_JOB_STAGED)->job = job->id;
        lk_fact_commit(core);
        return;
    }
    if (event->report.phase != LK_PHASE_PUSHED || job->pushed)
        return;
    /* Too late, or under an old fence: the way may have been promised to another by now. */
    if (!lk_turnstile_holds(package, job) || event->report.fence != turnstile->fence ||
        core->now_ms >= turnstile->expires_ms) {
        lk_stale(core);
        return;
    }
    lk_fact_new(core, LK_FACT_JOB_PUSHED)->job = job->id;
    lk_fact_commit(core);
}

/* From before this journal began anew, as when an old copy of it was put in place: numbers are given twice then. */
static bool is_of_another(const struct lk_package *package, const struct lk_event *event)
{
    return !lk_oid_is_zero(&event->report.spec) &&
           !lk_oid_eq(&event->report.spec, &package->spec);
}

void lk_job_report(struct lk_core *core, const struct lk_event *event)
{
    struct lk_agent   *agent = lk_fleet_find(core, event->report.agent);
    struct lk_package *package;
    struct lk_job     *job = lk_job_of(core, event->report.job, &package);

    if (!agent || agent->session != event->report.session) {
        lk_stale(core);
        return;
    }
    agent->heard_ms = core->now_ms;
    if (!job || lk_job_is_settled(job) || package->state != LK_PACKAGE_ACTIVE ||
        is_of_another(package, event)) {
        lk_stale(core);
        drop(core, event->report.session, event->report.job, event->report.attempt);
        return;
    }
    if (!is_in_force(job, event) && !take_back(core, agent, job, event)) {
        lk_stale(core);
        bool in_competition = job->state == LK_JOB_ASSIGNED && was_given(job, event) &&
                              !is_told_to_drop(job, event) &&
                              event->report.attempt < job->attempt &&
                              event->report.phase < LK_PHASE_BUILT;
        if (!in_competition)
            drop(core, event->report.session, event->report.job, event->report.attempt);
        return;
    }
    bool answers_offer = job->phase == LK_PHASE_NONE && job->session == event->report.session;
    note_progress(core, package, job, event);
    if (event->report.phase != LK_PHASE_FAILED)
        job->refused_since_ms = 0;
    if (answers_offer && event->report.phase == LK_PHASE_FAILED &&
        event->report.kind == LK_ERR_LIMIT)
        refused(core, job, event);
    else if (event->report.phase == LK_PHASE_FAILED)
        reported_failed(core, job, event);
    else if (event->report.phase >= LK_PHASE_BUILT)
        reported_built(core, package, job, event);
}

static void send_ticket(struct lk_core *core, const struct lk_package *package,
                        struct lk_job *job)
{
    struct lk_effect *effect = lk_effect_for_job(core, LK_EFFECT_TICKET, package, job);

    effect->session = job->session;
    effect->in_turn = lk_push_of(core, package->push)->options.in_turn;
    job->ticket_session = job->session;
}

void lk_job_ticket_wanted(struct lk_core *core, const struct lk_event *event)
{
    struct lk_package *package;
    struct lk_job     *job = lk_job_of(core, event->report.job, &package);

    if (!job || !is_in_force(job, event) || job->session != event->report.session ||
        job->state < LK_JOB_BUILT) {
        lk_stale(core);
        return;
    }
    /* Whoever waits for a place is sent one with it. */
    if (job->state != LK_JOB_BUILT || job->ticket_session)
        send_ticket(core, package, job);
}

static bool may_be_built(struct lk_core *core, const struct lk_package *package)
{
    return package->origin == LK_PACKAGE_BUILT &&
           !lk_push_of(core, package->push)->options.no_build;
}

void lk_job_checked(struct lk_core *core, const struct lk_event *event)
{
    const struct lk_err *err = event->answer.err;
    struct lk_package   *package;
    struct lk_job       *job = lk_job_of(core, event->answer.job, &package);

    if (!job || job->op != event->answer.op || job->state != LK_JOB_IN_TURN) {
        lk_stale(core);
        return;
    }
    job->op = 0;
    core->dirty = true;
    if (!err)
        finish(core, job);
    else if (err->kind == LK_ERR_RETRY &&
             lk_trouble_may_pass(core, err, &job->trouble_since_ms, &job->not_before_ms))
        snprintf(job->text, sizeof(job->text), "waits, and will try again: %.150s", err->text);
    else if (err->kind == LK_ERR_NOT_FOUND && may_be_built(core, package))
        lk_job_retry(core, job, true, err->text);
    else if (err->kind == LK_ERR_NOT_FOUND)
        lk_job_fail(core, job, LK_OUTCOME_REFUSED, err->text);
    else
        lk_job_fail(core, job, lk_outcome_of(err->kind), err->text);
}

static void advance_in_turn(struct lk_core *core, struct lk_package *package,
                            struct lk_job *job)
{
    if (!job->kept && !job->pushed) {
        if (!job->session || job->permit_session == job->session)
            return;
        /* An agent takes no permit of an epoch before the one that it was welcomed with. */
        if (package->turnstile->fence >> 32 != core->epoch)
            lk_turnstile_renew(core, package->turnstile);
        struct lk_effect *effect = lk_effect_for_job(core, LK_EFFECT_PERMIT, package, job);
        effect->session = job->session;
        effect->fence = package->turnstile->fence;
        effect->hold_ms = package->turnstile->expires_ms - core->now_ms;
        job->permit_session = job->session;
        return;
    }
    if (job->op)
        return;
    if (core->now_ms < job->not_before_ms) {
        lk_wake_at(core, job->not_before_ms);
        return;
    }
    job->op = ++core->ops;
    struct lk_effect *effect = lk_effect_for_job(core, LK_EFFECT_ACCEPT_CHILD, package, job);
    effect->op = job->op;
    effect->sign = lk_package_is_signed(core, package);
    effect->no_arch_tag = lk_push_of(core, package->push)->options.no_arch_tags;
    if (lk_package_is_copied(package))
        effect->from = package->from;
}

/* Its agent left, or came back in a new session and, its inventory told, does not have it. */
static bool agent_lost_it(struct lk_core *core, struct lk_job *job)
{
    const struct lk_agent *agent = lk_fleet_of(core, job);
    char                   text[LK_JOB_TEXT_SIZE];

    if (!agent || !agent->has_come ||
        (agent->session && (!agent->ready || job->session == agent->session)))
        return false;
    /* It may be back soon; if it is not, the lease runs out. */
    if (!agent->session && agent->keeps && job->state >= LK_JOB_BUILT)
        return false;
    snprintf(text, sizeof(text), "agent %.*s %s", LK_NAME_SIZE, agent->name,
             agent->session ? "came back without this job" : "was stopped");
    /* Nobody since our own restart: perhaps it never had the offer. */
    bool counted = agent->session && job->session;
    if (counted)
        lk_quarantine_failed(core, job, LK_ERR_NONE, text);
    lk_job_retry(core, job, counted, text);
    return true;
}

static bool is_given_up(struct lk_core *core, struct lk_job *job)
{
    char text[LK_JOB_TEXT_SIZE];

    if (job->kept || job->pushed)
        return false;
    if (agent_lost_it(core, job))
        return true;
    if (core->now_ms < job->lease_until_ms) {
        lk_wake_at(core, job->lease_until_ms);
        return false;
    }
    snprintf(text, sizeof(text), "agent %.*s was silent for %lld s", LK_NAME_SIZE, job->agent,
             (long long)(core->config.lease_ms / 1000));
    /* Not told to drop what it has built: if it only slept, that still counts. */
    if (job->state >= LK_JOB_BUILT)
        job->session = 0;
    lk_job_retry(core, job, true, text);
    job->not_before_ms = core->now_ms; /* the lease was pause enough */
    return true;
}

/* Its time runs while its agent says that it builds; after a restart, from that agent's first word on. */
static bool is_out_of_time(struct lk_core *core, const struct lk_push *push, struct lk_job *job)
{
    uint32_t limit_s = push->options.job_timeout_s;
    int64_t  until_ms = job->since_ms + (int64_t)limit_s * 1000;
    char     text[LK_JOB_TEXT_SIZE];

    if (limit_s == 0 || job->state != LK_JOB_ASSIGNED || job->phase != LK_PHASE_BUILDING)
        return false;
    if (core->now_ms < until_ms) {
        lk_wake_at(core, until_ms);
        return false;
    }
    snprintf(text, sizeof(text), "was still building after %u s (--job-timeout)", limit_s);
    lk_job_fail(core, job, LK_OUTCOME_BUILD_FAILED, text);
    return true;
}

void lk_job_advance(struct lk_core *core, struct lk_package *package, struct lk_job *job)
{
    const struct lk_push *push = lk_push_of(core, package->push);

    if (job->state < LK_JOB_ASSIGNED || job->state > LK_JOB_IN_TURN || is_given_up(core, job) ||
        is_out_of_time(core, push, job))
        return;
    if (job->state == LK_JOB_BUILT && push->options.build_only) {
        finish(core, job);
        return;
    }
    if (job->state == LK_JOB_BUILT && !lk_upload_begins(core, push, package, job))
        return;
    if (job->state >= LK_JOB_BUILT && !job->kept && !job->pushed && job->session &&
        job->ticket_session != job->session)
        send_ticket(core, package, job);
    /* With the upload inside the turn there is nothing to wait for before it. */
    if (job->state == LK_JOB_BUILT && push->options.in_turn) {
        lk_fact_new(core, LK_FACT_JOB_STAGED)->job = job->id;
        lk_fact_commit(core);
    }
    if (job->state == LK_JOB_IN_TURN)
        advance_in_turn(core, package, job);
}

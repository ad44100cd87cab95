#include "coordinator/core/private.h"

#include <string.h>

bool lk_job_is_settled(const struct lk_job *job)
{
    return job->state >= LK_JOB_DONE;
}

static void copy(char *out, size_t size, const char *text)
{
    size_t len = strnlen(text, size - 1);

    memcpy(out, text, len);
    out[len] = '\0';
}

static void mark_job(struct lk_core *core, struct lk_package *package, struct lk_job *job)
{
    job->fact_seq = core->fact_seq;
    lk_touch_job(core, package, job);
}

static void mark_package(struct lk_core *core, struct lk_package *package)
{
    package->fact_seq = core->fact_seq;
    lk_touch_package(core, package);
}

static void mark_push(struct lk_core *core, struct lk_push *push)
{
    push->fact_seq = core->fact_seq;
    lk_touch_push(core, push);
}

/* The turnstile counts who waits, so that it need not look for them when nobody does. */
static void queue_up(struct lk_core *core, struct lk_package *package, uint64_t *arrival)
{
    package->turnstile->waiting += *arrival == 0;
    *arrival = ++core->arrivals;
}

static void leave_queue(struct lk_package *package, uint64_t *arrival)
{
    package->turnstile->waiting -= *arrival != 0;
    *arrival = 0;
}

static void set_state(struct lk_core *core, struct lk_package *package, struct lk_job *job,
                      enum lk_job_state state)
{
    job->state = state;
    job->since_ms = core->now_ms;
    if (state != LK_JOB_STAGED)
        leave_queue(package, &job->arrival);
    if (state != LK_JOB_IN_TURN)
        job->permit_session = 0;
    mark_job(core, package, job);
}

static void vacate(struct lk_turnstile *turnstile)
{
    turnstile->fence = 0;
    turnstile->package = 0;
    turnstile->job = 0;
    turnstile->expires_ms = 0;
}

static void leave_turn(struct lk_package *package, const struct lk_job *job)
{
    if (lk_turnstile_holds(package, job))
        vacate(package->turnstile);
}

static bool apply_started(struct lk_core *core, const struct lk_fact *fact)
{
    if (fact->epoch <= core->epoch || fact->epoch > UINT32_MAX)
        return false;
    core->epoch = fact->epoch;
    core->fence = fact->epoch << 32;
    return true;
}

static bool apply_push_accepted(struct lk_core *core, const struct lk_fact *fact)
{
    struct lk_push *push = &core->pushes[fact->push % core->config.pushes_max];

    if (fact->push == 0 || push->id != 0)
        return false;
    memset(push, 0, sizeof(*push));
    push->id = fact->push;
    push->state = LK_PUSH_RECEIVING;
    push->options = fact->options;
    push->package_count = fact->count;
    push->accepted_wall_ms = fact->wall_ms;
    push->since_ms = core->now_ms;
    memcpy(push->request_key, fact->request_key, sizeof(push->request_key));
    copy(push->client, sizeof(push->client), fact->client);
    core->push_id = fact->push;
    push->previous = core->last;
    if (core->last)
        core->last->next = push;
    else
        core->first = push;
    core->last = push;
    mark_push(core, push);
    return true;
}

static void add_jobs(struct lk_package *package, const struct lk_fact *fact)
{
    package->job_count = fact->arch_count;
    for (size_t i = 0; i < fact->arch_count; i++) {
        package->jobs[i].id = package->id * LK_PACKAGE_ARCHES_MAX + i;
        package->jobs[i].arch = fact->arches[i];
    }
}

static bool apply_package_accepted(struct lk_core *core, const struct lk_fact *fact)
{
    struct lk_push    *push = lk_push_of(core, fact->push);
    struct lk_package *package = &core->packages[fact->package % core->config.packages_max];

    if (!push || fact->package == 0 || package->id != 0 ||
        (fact->arch_count == 0 && fact->origin != LK_PACKAGE_FROM_INDEX) ||
        fact->arch_count > LK_PACKAGE_ARCHES_MAX)
        return false;
    memset(package, 0, sizeof(*package));
    package->id = fact->package;
    package->push = fact->push;
    package->number = fact->count;
    package->state = LK_PACKAGE_WAITING;
    package->spec = fact->spec;
    package->tree = fact->tree;
    package->is_unsigned = fact->is_unsigned;
    package->origin = fact->origin;
    package->from = fact->from;
    package->after = fact->after;
    copy(package->repository, sizeof(package->repository), fact->repository);
    copy(package->tag, sizeof(package->tag), fact->tag);
    copy(package->path, sizeof(package->path), fact->path);
    add_jobs(package, fact);
    struct lk_package **end = &push->packages;
    while (*end)
        end = &(*end)->next_in_push;
    *end = package;
    package->upload_limit = lk_upload_limit_of(core, package->repository);
    package->turnstile = lk_turnstile_for(core, package->repository);
    package->next_in_turnstile = package->turnstile->packages;
    package->turnstile->packages = package;
    core->package_id = fact->package;
    core->package_count++;
    mark_package(core, package);
    return true;
}

static void release_package(struct lk_core *core, struct lk_package *package)
{
    struct lk_package **link = &package->turnstile->packages;

    while (*link != package)
        link = &(*link)->next_in_turnstile;
    *link = package->next_in_turnstile;
    if (!package->turnstile->packages)
        memset(package->turnstile, 0, sizeof(*package->turnstile));
    core->package_count--;
    memset(package, 0, sizeof(*package));
}

static bool apply_push_forgotten(struct lk_core *core, struct lk_push *push)
{
    if (push->state != LK_PUSH_ENDED)
        return false;
    for (struct lk_package *package = push->packages, *next; package; package = next) {
        next = package->next_in_push;
        release_package(core, package);
    }
    *(push->previous ? &push->previous->next : &core->first) = push->next;
    *(push->next ? &push->next->previous : &core->last) = push->previous;
    core->ended_count--;
    memset(push, 0, sizeof(*push));
    return true;
}

static bool apply_to_push(struct lk_core *core, const struct lk_fact *fact)
{
    struct lk_push *push = lk_push_of(core, fact->push);

    if (!push)
        return false;
    if (fact->type == LK_FACT_PUSH_FORGOTTEN)
        return apply_push_forgotten(core, push);
    if (fact->type == LK_FACT_PUSH_RETRIED && !lk_apply_retried(core, push, fact))
        return false;
    if (fact->type == LK_FACT_SOURCE_READY) {
        push->state = LK_PUSH_RUNNING;
        push->has_source = true;
    } else if (fact->type == LK_FACT_PUSH_CANCELLED) {
        push->cancelled = true;
        push->gave_up = fact->flag;
        push->timed_out = fact->outcome == LK_OUTCOME_INFRASTRUCTURE;
    } else if (fact->type == LK_FACT_PUSH_ENDED) {
        push->state = LK_PUSH_ENDED;
        push->outcome = fact->outcome;
        push->ended_wall_ms = fact->wall_ms;
        push->ended_place = ++core->endings;
        core->ended_count++;
    }
    mark_push(core, push);
    return true;
}

static void end_package(struct lk_core *core, struct lk_package *package,
                        const struct lk_fact *fact)
{
    static const struct lk_arch whole_index;
    const struct lk_push       *push = lk_push_of(core, package->push);

    leave_turn(package, NULL);
    leave_queue(package, &package->arrival);
    /* A dry run plans its jobs and goes no further with them. */
    for (size_t i = 0; i < package->job_count; i++)
        leave_queue(package, &package->jobs[i].arrival);
    package->state = LK_PACKAGE_ENDED;
    package->outcome = fact->outcome;
    package->nothing_to_do = fact->flag;
    package->index = fact->child;
    package->index_is_signed = fact->is_signed;
    copy(package->text, sizeof(package->text), fact->text);
    if (fact->outcome == LK_OUTCOME_OK && !push->options.dry_run && !push->options.build_only)
        lk_record_keep(core, package, &whole_index, &package->index);
}

static bool apply_arches_found(struct lk_core *core, const struct lk_fact *fact)
{
    struct lk_package *package = lk_package_of(core, fact->package);

    if (!package || package->job_count || package->state == LK_PACKAGE_ENDED ||
        fact->arch_count == 0 || fact->arch_count > LK_PACKAGE_ARCHES_MAX)
        return false;
    add_jobs(package, fact);
    mark_package(core, package);
    return true;
}

static bool apply_to_package(struct lk_core *core, const struct lk_fact *fact)
{
    struct lk_package *package = lk_package_of(core, fact->package);

    if (!package)
        return false;
    if (fact->type == LK_FACT_PACKAGE_PLANNED) {
        package->state = LK_PACKAGE_ACTIVE;
    } else if (fact->type == LK_FACT_PUBLISH_QUEUED) {
        package->state = LK_PACKAGE_PUBLISHING;
        queue_up(core, package, &package->arrival);
    } else if (fact->type == LK_FACT_PACKAGE_MERGED) {
        package->is_merged = true;
        package->index = fact->child;
        package->index_is_signed = fact->is_signed;
    } else {
        end_package(core, package, fact);
    }
    mark_package(core, package);
    return true;
}

static bool apply_permit(struct lk_core *core, const struct lk_fact *fact)
{
    struct lk_package *package = lk_package_of(core, fact->package);
    struct lk_package *same;
    struct lk_job     *job = fact->job ? lk_job_of(core, fact->job, &same) : NULL;

    if (!package || (fact->job && (!job || same != package)))
        return false;
    struct lk_turnstile *turnstile = package->turnstile;
    if (fact->type == LK_FACT_PERMIT_GRANTED) {
        if (turnstile->fence != 0 || fact->fence <= core->fence)
            return false;
        core->fence = fact->fence;
        turnstile->fence = fact->fence;
        turnstile->package = package->id;
        turnstile->job = fact->job;
        turnstile->expires_ms = 0;
        if (job)
            set_state(core, package, job, LK_JOB_IN_TURN);
        else
            leave_queue(package, &package->arrival);
    } else {
        if (turnstile->fence != fact->fence)
            return false;
        vacate(turnstile);
        if (job && job->state == LK_JOB_IN_TURN)
            set_state(core, package, job, LK_JOB_BUILT);
    }
    mark_package(core, package);
    return true;
}

static void plan_job(struct lk_core *core, struct lk_package *package, struct lk_job *job,
                     const struct lk_fact *fact)
{
    set_state(core, package, job, fact->state);
    job->kept = fact->flag;
    job->child = fact->child;
    if (fact->state == LK_JOB_STAGED)
        queue_up(core, package, &job->arrival);
}

static void assign_job(struct lk_job *job, const struct lk_fact *fact)
{
    struct lk_given *given = &job->given[fact->attempt % LK_GIVEN_MAX];

    given->attempt = fact->attempt;
    copy(given->agent, sizeof(given->agent), fact->agent);
    job->attempt = fact->attempt;
    if (fact->attempt > job->last_attempt)
        job->last_attempt = fact->attempt;
    job->emulated = fact->flag;
    copy(job->agent, sizeof(job->agent), fact->agent);
    job->text[0] = '\0';
    job->pushed = false;
}

static void retry_job(struct lk_core *core, struct lk_package *package, struct lk_job *job,
                      const struct lk_fact *fact)
{
    leave_turn(package, job);
    set_state(core, package, job, LK_JOB_QUEUED);
    job->failures += fact->flag ? 1 : 0;
    if (fact->flag)
        memcpy(job->failed_on, job->agent, sizeof(job->failed_on));
    job->pushed = false;
    job->kept = false;
    job->was_done = false;
    job->phase = LK_PHASE_NONE;
    job->agent[0] = '\0';
    copy(job->text, sizeof(job->text), fact->text);
}

static void settle_job(struct lk_core *core, struct lk_package *package, struct lk_job *job,
                       const struct lk_fact *fact)
{
    leave_turn(package, job);
    if (fact->type == LK_FACT_JOB_DONE) {
        set_state(core, package, job, job->kept ? LK_JOB_KEPT : LK_JOB_DONE);
        job->text[0] = '\0';
        if (!lk_push_of(core, package->push)->options.build_only)
            lk_record_keep(core, package, &job->arch, &job->child);
        return;
    }
    set_state(core, package, job,
              fact->type == LK_FACT_JOB_FAILED ? LK_JOB_FAILED : LK_JOB_CANCELLED);
    job->outcome = fact->outcome;
    copy(job->text, sizeof(job->text), fact->text);
}

static bool apply_to_job(struct lk_core *core, const struct lk_fact *fact)
{
    struct lk_package *package;
    struct lk_job     *job = lk_job_of(core, fact->job, &package);

    if (!job || lk_job_is_settled(job))
        return false;
    if (fact->type == LK_FACT_JOB_PLANNED) {
        plan_job(core, package, job, fact);
    } else if (fact->type == LK_FACT_JOB_ASSIGNED) {
        assign_job(job, fact);
        set_state(core, package, job, LK_JOB_ASSIGNED);
    } else if (fact->type == LK_FACT_JOB_BUILT) {
        assign_job(job, fact);
        job->child = fact->child;
        set_state(core, package, job, LK_JOB_BUILT);
    } else if (fact->type == LK_FACT_JOB_STAGED) {
        set_state(core, package, job, LK_JOB_STAGED);
        queue_up(core, package, &job->arrival);
    } else if (fact->type == LK_FACT_JOB_PUSHED) {
        job->pushed = true;
        mark_job(core, package, job);
    } else if (fact->type == LK_FACT_JOB_RETRIED) {
        retry_job(core, package, job, fact);
    } else {
        settle_job(core, package, job, fact);
    }
    return true;
}

bool lk_core_apply(struct lk_core *core, const struct lk_fact *fact)
{
    core->fact_seq++;
    core->dirty = true;
    switch (fact->type) {
    case LK_FACT_STARTED: return apply_started(core, fact);
    case LK_FACT_NUMBERS: return lk_apply_numbers(core, fact);
    case LK_FACT_RECORD: return lk_apply_record(core, fact);
    case LK_FACT_AGENT_DRAINED:
    case LK_FACT_AGENT_RESUMED: return lk_apply_drain(core, fact);
    case LK_FACT_PUSH_ACCEPTED: return apply_push_accepted(core, fact);
    case LK_FACT_PACKAGE_ACCEPTED: return apply_package_accepted(core, fact);
    case LK_FACT_ARCHES_FOUND: return apply_arches_found(core, fact);
    case LK_FACT_SOURCE_READY:
    case LK_FACT_PUSH_CANCELLED:
    case LK_FACT_PUSH_ENDED:
    case LK_FACT_PUSH_RETRIED:
    case LK_FACT_PUSH_FORGOTTEN: return apply_to_push(core, fact);
    case LK_FACT_PACKAGE_PLANNED:
    case LK_FACT_PUBLISH_QUEUED:
    case LK_FACT_PACKAGE_MERGED:
    case LK_FACT_PACKAGE_ENDED: return apply_to_package(core, fact);
    case LK_FACT_PERMIT_GRANTED:
    case LK_FACT_PERMIT_ENDED: return apply_permit(core, fact);
    case LK_FACT_JOB_PLANNED:
    case LK_FACT_JOB_ASSIGNED:
    case LK_FACT_JOB_BUILT:
    case LK_FACT_JOB_STAGED:
    case LK_FACT_JOB_RETRIED:
    case LK_FACT_JOB_PUSHED:
    case LK_FACT_JOB_DONE:
    case LK_FACT_JOB_FAILED:
    case LK_FACT_JOB_CANCELLED: return apply_to_job(core, fact);
    }
    return false;
}

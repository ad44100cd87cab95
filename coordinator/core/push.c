#include "coordinator/core/private.h"

#include <stdio.h>
#include <string.h>

static struct lk_push *find_by_key(struct lk_core *core, const char *client, const uint8_t *key)
{
    for (struct lk_push *push = core->first; push; push = push->next)
        if (memcmp(push->request_key, key, sizeof(push->request_key)) == 0 &&
            strcmp(push->client, client) == 0)
            return push;
    return NULL;
}

static void answer(struct lk_core *core, uint64_t session, uint64_t request,
                   enum lk_err_kind kind, const char *text)
{
    struct lk_effect *effect = lk_effect_new(core, LK_EFFECT_ANSWER);

    effect->session = session;
    effect->request = request;
    effect->kind = kind;
    snprintf(effect->text, sizeof(effect->text), "%s", text);
}

/* An id whose place in the pool is free; ids only grow. */
static uint64_t free_push_id(const struct lk_core *core)
{
    uint64_t id = core->push_id;

    do
        id++;
    while (core->pushes[id % core->config.pushes_max].id != 0);
    return id;
}

static uint64_t free_package_id(const struct lk_core *core)
{
    uint64_t id = core->package_id;

    do
        id++;
    while (core->packages[id % core->config.packages_max].id != 0);
    return id;
}

static void forget(struct lk_core *core, uint64_t push)
{
    lk_fact_new(core, LK_FACT_PUSH_FORGOTTEN)->push = push;
    lk_fact_commit(core);
    lk_effect_new(core, LK_EFFECT_FORGET)->push = push;
}

/* Room for a push of `count` packages; history gives way to it.  False: what lives leaves no room. */
static bool make_room(struct lk_core *core, size_t count)
{
    size_t pushes = 0;
    size_t packages = core->package_count;

    for (const struct lk_push *push = core->first; push; push = push->next) {
        pushes++;
        packages -= push->state == LK_PUSH_ENDED ? push->package_count : 0;
    }
    if (pushes - core->ended_count >= core->config.pushes_max ||
        packages + count > core->config.packages_max)
        return false;
    for (struct lk_push *push = core->first, *next; push; push = next) {
        next = push->next;
        if (pushes < core->config.pushes_max &&
            core->package_count + count <= core->config.packages_max)
            break;
        if (push->state != LK_PUSH_ENDED)
            continue;
        forget(core, push->id);
        pushes--;
    }
    return true;
}

static bool fits(const char *text, size_t size)
{
    size_t len = strnlen(text, size);

    return len > 0 && len < size;
}

static bool package_is_well_formed(const struct lk_package_request *request)
{
    if (!fits(request->repository, LK_REPOSITORY_SIZE) || !fits(request->tag, LK_TAG_SIZE) ||
        strnlen(request->path, LK_REPOSITORY_SIZE) == LK_REPOSITORY_SIZE ||
        (request->arch_count == 0 && request->origin != LK_PACKAGE_FROM_INDEX) ||
        request->arch_count > LK_PACKAGE_ARCHES_MAX)
        return false;
    if (request->origin == LK_PACKAGE_FROM_INDEX &&
        (!fits(request->from.repository, LK_REPOSITORY_SIZE) ||
         !fits(request->from.tag, LK_TAG_SIZE)))
        return false;
    for (size_t i = 0; i < request->arch_count; i++) {
        if (request->arches[i].name[0] == '\0')
            return false;
        for (size_t j = 0; j < i; j++)
            if (lk_arch_eq(&request->arches[i], &request->arches[j]))
                return false;
    }
    return true;
}

/* The door has read the message; what it means for the pools is checked here. */
static bool is_well_formed(const struct lk_event *event)
{
    const struct lk_push_options *options = event->submit.options;

    if (event->submit.count == 0 || event->submit.count > LK_PUSH_PACKAGES_MAX ||
        !fits(event->submit.client, LK_NAME_SIZE) || options->adopt_count > LK_CORE_ADOPT_MAX ||
        options->replace_count > LK_PACKAGE_ARCHES_MAX)
        return false;
    for (size_t i = 0; i < event->submit.count; i++)
        if (!package_is_well_formed(&event->submit.packages[i]))
            return false;
    return true;
}

/* What is well formed and makes no sense; NULL: it does. */
static const char *contradiction(const struct lk_event *event)
{
    const struct lk_push_options *options = event->submit.options;

    if (options->force && options->no_build)
        return "--force builds everything and --nobuild nothing: choose one";
    for (size_t i = 0; i < event->submit.count && options->build_only; i++)
        if (event->submit.packages[i].origin != LK_PACKAGE_BUILT)
            return "without a push there is no release, and no manifest or tag to write";
    return options->no_build && options->build_only
               ? "a build that builds nothing and pushes nothing has nothing to do"
               : NULL;
}

static void accept_package(struct lk_core *core, uint64_t push, size_t number,
                           const struct lk_package_request *request,
                           const struct lk_package_set     *after)
{
    uint64_t        id = free_package_id(core);
    struct lk_fact *fact = lk_fact_new(core, LK_FACT_PACKAGE_ACCEPTED);

    fact->push = push;
    fact->package = id;
    fact->count = (uint32_t)number;
    fact->spec = request->spec;
    fact->tree = request->tree;
    fact->is_unsigned = request->is_unsigned;
    fact->origin = request->origin;
    if (request->origin == LK_PACKAGE_FROM_INDEX)
        fact->from = request->from;
    fact->after = *after;
    fact->arch_count = request->arch_count;
    for (size_t i = 0; i < request->arch_count; i++)
        fact->arches[i] = request->arches[i];
    snprintf(fact->repository, sizeof(fact->repository), "%s", request->repository);
    snprintf(fact->tag, sizeof(fact->tag), "%s", request->tag);
    snprintf(fact->path, sizeof(fact->path), "%s", request->path);
    lk_fact_commit(core);
}

static void accept(struct lk_core *core, const struct lk_event *event,
                   const struct lk_package_set *after)
{
    uint64_t        id = free_push_id(core);
    struct lk_fact *fact = lk_fact_new(core, LK_FACT_PUSH_ACCEPTED);

    fact->push = id;
    fact->count = (uint32_t)event->submit.count;
    fact->wall_ms = event->wall_ms;
    fact->options = *event->submit.options;
    memcpy(fact->request_key, event->submit.request_key, sizeof(fact->request_key));
    snprintf(fact->client, sizeof(fact->client), "%s", event->submit.client);
    lk_fact_commit(core);
    for (size_t i = 0; i < event->submit.count; i++)
        accept_package(core, id, i, &event->submit.packages[i], &after[i]);
    if (event->submit.options->dry_run) {
        lk_fact_new(core, LK_FACT_SOURCE_READY)->push = id;
        lk_fact_commit(core);
    }
}

static void tell_accepted(struct lk_core *core, const struct lk_event *event,
                          const struct lk_push *push)
{
    struct lk_effect *effect = lk_effect_new(core, LK_EFFECT_ACCEPTED);

    effect->session = event->submit.session;
    effect->request = event->submit.request;
    effect->push = push->id;
    if (push->state != LK_PUSH_RECEIVING)
        return;
    effect = lk_effect_new(core, LK_EFFECT_RECEIVE);
    effect->session = event->submit.session;
    effect->push = push->id;
}

static void refuse(struct lk_core *core, const struct lk_event *event, enum lk_err_kind kind,
                   const char *text)
{
    answer(core, event->submit.session, event->submit.request, kind, text);
}

/* False: it was refused. */
static bool accept_new(struct lk_core *core, const struct lk_event *event)
{
    struct lk_package_set after[LK_PUSH_PACKAGES_MAX];
    char                  text[LK_REASON_SIZE];

    if (contradiction(event)) {
        refuse(core, event, LK_ERR_INVALID, contradiction(event));
        return false;
    }
    if (!lk_order_find(event->submit.packages, event->submit.count, after, text)) {
        refuse(core, event, LK_ERR_INVALID, text);
        return false;
    }
    if (!make_room(core, event->submit.count)) {
        refuse(core, event, LK_ERR_LIMIT,
               "the coordinator's queue is full (limit: pushes and packages in work); "
               "try again when some have ended");
        return false;
    }
    accept(core, event, after);
    return true;
}

void lk_push_submit(struct lk_core *core, const struct lk_event *event)
{
    struct lk_push *push = find_by_key(core, event->submit.client, event->submit.request_key);

    if (!is_well_formed(event)) {
        refuse(core, event, LK_ERR_INVALID,
               "a push has 1 to 128 packages, each with a repository, a tag and 1 to 8 "
               "architectures that differ");
        return;
    }
    if (!push) {
        if (!accept_new(core, event))
            return;
        push = core->last;
    }
    push->source_until_ms = event->now_ms + core->config.source_ms;
    tell_accepted(core, event, push);
}

void lk_push_cancel(struct lk_core *core, const struct lk_event *event)
{
    struct lk_push *push = lk_push_of(core, event->cancel.push);

    if (!push) {
        answer(core, event->cancel.session, event->cancel.request, LK_ERR_NOT_FOUND,
               "there is no such push; `lkcoord status` lists them");
        return;
    }
    if (push->state == LK_PUSH_ENDED && !push->cancelled) {
        answer(core, event->cancel.session, event->cancel.request, LK_ERR_CONFLICT,
               "the push has ended already");
        return;
    }
    if (!push->cancelled) {
        lk_fact_new(core, LK_FACT_PUSH_CANCELLED)->push = push->id;
        lk_fact_commit(core);
    }
    answer(core, event->cancel.session, event->cancel.request, LK_ERR_NONE, "");
}

static void end_all_packages(struct lk_core *core, struct lk_push *push,
                             enum lk_outcome outcome, const char *text)
{
    for (struct lk_package *package = push->packages; package;
         package = package->next_in_push) {
        if (!lk_core_has_room(core)) {
            lk_wake_at(core, core->now_ms);
            return;
        }
        if (package->state != LK_PACKAGE_ENDED)
            lk_package_end(core, package, outcome, text);
    }
}

void lk_push_source(struct lk_core *core, const struct lk_event *event)
{
    struct lk_push *push = lk_push_of(core, event->source.push);

    if (!push || push->state != LK_PUSH_RECEIVING) {
        lk_stale(core);
        return;
    }
    if (event->type == LK_EVENT_SOURCE_READY) {
        lk_fact_new(core, LK_FACT_SOURCE_READY)->push = push->id;
        lk_fact_commit(core);
        return;
    }
    end_all_packages(core, push, lk_outcome_of(event->source.why->kind),
                     event->source.why->text);
}

static enum lk_outcome outcome_of_push(const struct lk_push *push)
{
    static const enum lk_outcome worst_first[] = {
        LK_OUTCOME_CANCELLED,           LK_OUTCOME_BUILD_FAILED,   LK_OUTCOME_REFUSED,
        LK_OUTCOME_VERIFICATION_FAILED, LK_OUTCOME_INFRASTRUCTURE,
    };

    for (size_t i = 0; i < LK_COUNT(worst_first); i++)
        for (const struct lk_package *package = push->packages; package;
             package = package->next_in_push)
            if (package->outcome == worst_first[i])
                return worst_first[i];
    return LK_OUTCOME_OK;
}

static void end_when_all_ended(struct lk_core *core, struct lk_push *push)
{
    for (const struct lk_package *package = push->packages; package;
         package = package->next_in_push)
        if (package->state != LK_PACKAGE_ENDED)
            return;
    struct lk_fact *fact = lk_fact_new(core, LK_FACT_PUSH_ENDED);
    fact->push = push->id;
    fact->outcome = outcome_of_push(push);
    fact->wall_ms = core->wall_ms;
    lk_fact_commit(core);
}

static bool has_arch_in_common(const struct lk_package *package, const struct lk_package *other)
{
    for (size_t i = 0; i < package->job_count; i++)
        if (lk_is_required(other, &package->jobs[i].arch))
            return true;
    return package->job_count == 0 || other->job_count == 0; /* not known yet */
}

/* The same tag with some arch in common is pushed by one at a time: the second then finds it done. */
static bool waits_for_another(const struct lk_core *core, const struct lk_package *package)
{
    for (const struct lk_package *other = package->turnstile->packages; other;
         other = other->next_in_turnstile) {
        const struct lk_push *push = lk_core_push(core, other->push);
        bool                  goes_first = other->state == LK_PACKAGE_WAITING
                                               ? push->state == LK_PUSH_RUNNING && other->id < package->id
                                               : other->state != LK_PACKAGE_ENDED;
        if (!goes_first || other == package || push->options.dry_run ||
            push->options.build_only || strcmp(other->tag, package->tag) != 0)
            continue;
        if (has_arch_in_common(package, other))
            return true;
    }
    return false;
}

static void queue_all_jobs(struct lk_core *core, struct lk_package *package)
{
    for (size_t i = 0; i < package->job_count; i++) {
        struct lk_fact *fact = lk_fact_new(core, LK_FACT_JOB_PLANNED);
        fact->job = package->jobs[i].id;
        fact->state = LK_JOB_QUEUED;
        lk_fact_commit(core);
    }
    lk_fact_new(core, LK_FACT_PACKAGE_PLANNED)->package = package->id;
    lk_fact_commit(core);
}

static void advance_waiting(struct lk_core *core, struct lk_push *push,
                            struct lk_package *package)
{
    if (lk_order_holds_back(core, push, package))
        return;
    if (push->options.build_only) {
        queue_all_jobs(core, package);
    } else if (push->options.dry_run || !waits_for_another(core, package)) {
        package->state = LK_PACKAGE_PLANNING;
        package->text[0] = '\0';
        lk_touch_package(core, package);
    } else {
        lk_package_explain(core, package,
                           "the same package is being pushed already; waits for that");
    }
}

/* One arch failed: what has not finished building is not worth finishing. */
static void cancel_unfinished(struct lk_core *core, struct lk_package *package, bool all)
{
    for (size_t i = 0; i < package->job_count; i++) {
        struct lk_job *job = &package->jobs[i];
        /* What the registry is being asked for ends by itself, and soon. */
        bool at_registry = job->state == LK_JOB_IN_TURN && job->op;
        if (lk_job_is_settled(job) || at_registry || (!all && job->state >= LK_JOB_BUILT))
            continue;
        lk_job_drop(core, job);
        struct lk_fact *fact = lk_fact_new(core, LK_FACT_JOB_CANCELLED);
        fact->job = job->id;
        fact->outcome = LK_OUTCOME_CANCELLED;
        lk_fact_commit(core);
    }
}

static void settle_package(struct lk_core *core, struct lk_push *push,
                           struct lk_package *package)
{
    const struct lk_job *failed = NULL;
    bool                 cancelled = false;

    for (size_t i = 0; i < package->job_count; i++) {
        if (!lk_job_is_settled(&package->jobs[i]))
            return;
        if (package->jobs[i].state == LK_JOB_FAILED && !failed)
            failed = &package->jobs[i];
        cancelled |= package->jobs[i].state == LK_JOB_CANCELLED;
    }
    if (failed) {
        char text[LK_REASON_SIZE];
        snprintf(text, sizeof(text), "%s: %s", failed->arch.name, failed->text);
        lk_package_end(core, package, failed->outcome, text);
    } else if (cancelled || push->cancelled) {
        lk_package_end(core, package, LK_OUTCOME_CANCELLED, "cancelled");
    } else if (push->options.build_only) {
        lk_package_end(core, package, LK_OUTCOME_OK, "");
    } else {
        lk_fact_new(core, LK_FACT_PUBLISH_QUEUED)->package = package->id;
        lk_fact_commit(core);
    }
}

static void advance_active(struct lk_core *core, struct lk_push *push,
                           struct lk_package *package)
{
    bool failed = false;

    for (size_t i = 0; i < package->job_count; i++) {
        lk_job_advance(core, package, &package->jobs[i]);
        failed |= package->jobs[i].state == LK_JOB_FAILED;
    }
    if (failed || push->cancelled)
        cancel_unfinished(core, package, push->cancelled);
    settle_package(core, push, package);
}

/*
 * From the merge on the tag may have moved, also where the answer was lost, by trouble or a crash.  Moving it
 * may be done twice: so it is done to its end, and then we know.
 */
static bool may_be_tagged(const struct lk_package *package)
{
    return package->is_merged && lk_turnstile_holds(package, NULL);
}

static bool ends_by_cancel(const struct lk_package *package)
{
    switch (package->state) {
    case LK_PACKAGE_WAITING:
    case LK_PACKAGE_PLANNING: return true;
    case LK_PACKAGE_PUBLISHING: return !package->op && !may_be_tagged(package);
    case LK_PACKAGE_NONE:
    case LK_PACKAGE_ACTIVE: /* its jobs are cancelled first */
    case LK_PACKAGE_ENDED: return false;
    }
    return false;
}

static void advance_package(struct lk_core *core, struct lk_push *push,
                            struct lk_package *package)
{
    if (push->cancelled && ends_by_cancel(package))
        lk_package_end(core, package, LK_OUTCOME_CANCELLED, "cancelled");
    lk_turnstile_advance(core, package->turnstile);
    if (package->state == LK_PACKAGE_WAITING)
        advance_waiting(core, push, package);
    if (package->state == LK_PACKAGE_ACTIVE)
        advance_active(core, push, package);
    if (package->state == LK_PACKAGE_PLANNING || package->state == LK_PACKAGE_PUBLISHING)
        lk_publish_advance(core, package);
}

static void advance_receiving(struct lk_core *core, struct lk_push *push)
{
    if (push->source_until_ms == 0)
        push->source_until_ms = core->now_ms + core->config.source_ms;
    if (push->cancelled)
        end_all_packages(core, push, LK_OUTCOME_CANCELLED, "cancelled");
    else if (core->now_ms >= push->source_until_ms)
        end_all_packages(core, push, LK_OUTCOME_INFRASTRUCTURE,
                         "the client left before its source was in; push again");
    else
        lk_wake_at(core, push->source_until_ms);
    end_when_all_ended(core, push);
}

void lk_push_advance(struct lk_core *core, struct lk_push *push)
{
    /* A push that ends in this look is not looked at again before those that ended earlier. */
    if (push->state == LK_PUSH_ENDED) {
        if (core->ended_count > core->config.history_max)
            forget(core, push->id);
        return;
    }
    if (push->state == LK_PUSH_RECEIVING) {
        advance_receiving(core, push);
        return;
    }
    if (push->state == LK_PUSH_RUNNING) {
        for (struct lk_package *package = push->packages; package;
             package = package->next_in_push) {
            if (!lk_core_has_room(core)) {
                lk_wake_at(core, core->now_ms);
                return;
            }
            if (package->state != LK_PACKAGE_ENDED)
                advance_package(core, push, package);
        }
        lk_sched_advance(core, push);
        end_when_all_ended(core, push);
    }
}

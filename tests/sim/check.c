#include "tests/sim/check.h"

#include "coordinator/core/core.h"

#include <stdlib.h>
#include <string.h>

#define JOBS_MAX   (64 * LK_PACKAGE_ARCHES_MAX)
#define PUSHES_MAX 64

/* To whom an attempt was given. */
struct given {
    uint32_t attempt; /* 0: none */
    uint8_t  agent;
};

/* What is known of a job: from facts, and from what was heard. */
struct view {
    uint64_t         job;
    uint32_t         attempt; /* in force; 0: none */
    uint32_t         last_attempt;
    uint8_t          agent;
    bool             built;
    bool             done;    /* by this push, however often it is retried */
    bool             excused; /* it was said, by whoever knows, that it went wrong */
    int64_t          heard_ms;
    struct lk_digest digest;
    struct given     given[LK_GIVEN_MAX];
};

struct turn {
    uint64_t fence; /* 0: nobody is inside */
    uint64_t job;
    uint64_t package;
    int64_t  until_ms;
};

struct sim_check {
    struct view views[JOBS_MAX];
    struct turn turns[SIM_REPOSITORIES];
    uint64_t    fence;      /* the highest that is on disk or may come there */
    uint64_t    told_fence; /* the highest that an agent was told */
    uint64_t    epoch;
    int64_t     renewed_until_ms; /* of a permit that ended in this step, and whose */
    uint64_t    renewed_job;
    uint64_t    pushes[SIM_SUBMITS];
    bool        drained[SIM_AGENTS];
    int64_t     begun_ms[PUSHES_MAX]; /* 0: before the coordinator started */
    int64_t     started_ms;
};

struct sim_check *check_new(void)
{
    return lk_xcalloc(1, sizeof(struct sim_check));
}

void check_free(struct sim_check **check)
{
    free(*check);
    *check = NULL;
}

static struct view *view_of(struct sim *sim, uint64_t job)
{
    return &sim->check->views[job % JOBS_MAX];
}

static struct turn *turn_of(struct sim *sim, const struct lk_core *core, uint64_t package)
{
    const char *repository = lk_core_package(core, package)->repository;

    return &sim->check->turns[(unsigned)(repository[strlen(repository) - 1] - 'a') %
                              SIM_REPOSITORIES];
}

static uint8_t number_of(const char *agent)
{
    return (uint8_t)(agent[1] - '0');
}

/* ---- what is heard ---- */

/* What it tells of has these numbers by an older journal: what the coordinator now calls so, it does not hold. */
static bool is_of_another(const struct lk_core *core, const struct lk_event *event)
{
    const struct lk_package *package = lk_core_package_of_job(core, event->report.job);

    return package && !lk_oid_is_zero(&event->report.spec) &&
           !lk_oid_eq(&event->report.spec, &package->spec);
}

void check_event(struct sim *sim, const struct lk_core *core, const struct lk_event *event)
{
    sim->check->renewed_job = 0;
    if (event->type == LK_EVENT_CHILD_CHECKED && event->answer.err)
        view_of(sim, event->answer.job)->excused = true;
    if (event->type != LK_EVENT_REPORT)
        return;
    struct view *view = view_of(sim, event->report.job);
    if (view->attempt != event->report.attempt || view->agent != number_of(event->report.agent))
        return;
    view->heard_ms = event->now_ms;
    if (event->report.phase == LK_PHASE_FAILED || is_of_another(core, event) ||
        (view->built && event->report.phase >= LK_PHASE_BUILT &&
         !lk_digest_eq(&view->digest, &event->report.child.digest)))
        view->excused = true;
}

/* ---- facts ---- */

static void note_assigned(struct sim *sim, const struct lk_fact *fact, bool built,
                          int64_t now_ms)
{
    struct view *view = view_of(sim, fact->job);
    uint8_t      agent = number_of(fact->agent);

    view->attempt = fact->attempt;
    if (fact->attempt > view->last_attempt)
        view->last_attempt = fact->attempt;
    view->agent = agent;
    view->built = built;
    view->excused = false;
    view->heard_ms = now_ms;
    view->digest = fact->child.digest;
    view->given[fact->attempt % LK_GIVEN_MAX] = (struct given) { fact->attempt, agent };
}

/* A new attempt is anybody's; an old one is of the agent that it was given to. */
static void check_given(struct sim *sim, const struct lk_fact *fact)
{
    const struct view  *view = view_of(sim, fact->job);
    const struct given *given = &view->given[fact->attempt % LK_GIVEN_MAX];

    if (fact->type == LK_FACT_JOB_ASSIGNED && fact->attempt == view->last_attempt + 1) {
        if (sim->check->drained[number_of(fact->agent)])
            sim_break(sim, CHECK_DRAINED, "job %llu is given to %s, which is drained",
                      (unsigned long long)fact->job, fact->agent);
        return;
    }
    if (given->attempt != fact->attempt || given->agent != number_of(fact->agent))
        sim_break(sim, CHECK_RIGHT_PARTS,
                  "job %llu attempt %u counts as %s's, who never had it",
                  (unsigned long long)fact->job, fact->attempt, fact->agent);
}

static void note_turn(struct sim *sim, const struct lk_core *core, const struct lk_fact *fact,
                      int64_t now_ms)
{
    struct turn          *turn = turn_of(sim, core, fact->package);
    const struct lk_push *push = lk_core_push(core, lk_core_package(core, fact->package)->push);
    int64_t               hold_ms = push->options.in_turn ? 2 * SIM_HOLD_MS : SIM_HOLD_MS;

    if (fact->type == LK_FACT_PERMIT_ENDED) {
        sim->check->renewed_job = turn->job;
        sim->check->renewed_until_ms = turn->until_ms;
        turn->fence = 0;
        return;
    }
    bool renewed = fact->job && fact->job == sim->check->renewed_job &&
                   now_ms < sim->check->renewed_until_ms;
    *turn = (struct turn) { fact->fence, fact->job, fact->package,
                            renewed ? sim->check->renewed_until_ms : now_ms + hold_ms };
}

static void leave_turn(struct sim *sim, const struct lk_core *core, uint64_t package,
                       uint64_t job)
{
    struct turn *turn = turn_of(sim, core, package);

    if (turn->fence && turn->job == job && turn->package == package)
        turn->fence = 0;
}

static void note(struct sim *sim, const struct lk_core *core, const struct lk_fact *fact,
                 int64_t now_ms)
{
    struct view *view = view_of(sim, fact->job);

    if (fact->type == LK_FACT_JOB_PLANNED && view->job != fact->job)
        *view = (struct view) { .job = fact->job };
    if (fact->type == LK_FACT_JOB_PLANNED) {
        view->attempt = 0;
        view->built = view->excused = false;
        view->digest = fact->child.digest;
    } else if (fact->type == LK_FACT_JOB_ASSIGNED || fact->type == LK_FACT_JOB_BUILT)
        note_assigned(sim, fact, fact->type == LK_FACT_JOB_BUILT, now_ms);
    else if (fact->type == LK_FACT_JOB_RETRIED)
        view->attempt = 0, view->done = false;
    else if (fact->type == LK_FACT_JOB_DONE)
        view->done |= view->built;
    else if (fact->type == LK_FACT_PERMIT_GRANTED || fact->type == LK_FACT_PERMIT_ENDED)
        note_turn(sim, core, fact, now_ms);
    else if (fact->type == LK_FACT_PACKAGE_ENDED)
        leave_turn(sim, core, fact->package, 0);
    else if (fact->type == LK_FACT_AGENT_DRAINED || fact->type == LK_FACT_AGENT_RESUMED)
        sim->check->drained[number_of(fact->agent)] = fact->type == LK_FACT_AGENT_DRAINED;
    if (fact->type == LK_FACT_JOB_RETRIED || fact->type == LK_FACT_JOB_DONE ||
        fact->type == LK_FACT_JOB_FAILED || fact->type == LK_FACT_JOB_CANCELLED)
        leave_turn(sim, core, fact->job / LK_PACKAGE_ARCHES_MAX, fact->job);
}

static void check_granted(struct sim *sim, const struct lk_core *core,
                          const struct lk_fact *fact)
{
    const struct turn *turn = turn_of(sim, core, fact->package);

    if (turn->fence)
        sim_break(sim, CHECK_ONE_HOLDER, "job %llu gets a permit while job %llu is inside",
                  (unsigned long long)fact->job, (unsigned long long)turn->job);
    if (fact->fence <= sim->check->fence)
        sim_break(sim, CHECK_FENCE, "fence %llx after %llx", (unsigned long long)fact->fence,
                  (unsigned long long)sim->check->fence);
    sim->check->fence = fact->fence;
}

static void check_pushed(struct sim *sim, const struct lk_core *core,
                         const struct lk_fact *fact, const struct lk_event *event)
{
    const struct turn *turn = turn_of(sim, core, fact->job / LK_PACKAGE_ARCHES_MAX);
    const struct view *view = view_of(sim, fact->job);

    if (event->type != LK_EVENT_REPORT || event->report.job != fact->job || turn->fence == 0 ||
        turn->job != fact->job || event->report.fence != turn->fence ||
        event->report.attempt != view->attempt || event->now_ms >= turn->until_ms)
        sim_break(sim, CHECK_PERMIT, "PUSHED of job %llu counts without a permit in force",
                  (unsigned long long)fact->job);
}

static void check_retried(struct sim *sim, const struct lk_fact *fact, int64_t now_ms)
{
    const struct view *view = view_of(sim, fact->job);

    if (view->attempt && !view->excused && now_ms - view->heard_ms < SIM_LEASE_MS &&
        sim_agent_holds(sim, view->agent, fact->job, view->attempt))
        sim_break(sim, CHECK_NOT_TWICE,
                  "job %llu attempt %u%s is given up, and a%u holds it: %s",
                  (unsigned long long)fact->job, view->attempt, view->built ? ", built," : "",
                  view->agent, fact->text);
}

/* A retry goes on with what is missing.  What the registry says it has lost is missing. */
static void check_not_again(struct sim *sim, const struct lk_fact *fact)
{
    const struct view *view = view_of(sim, fact->job);

    if (view->job == fact->job && view->done && !view->excused)
        sim_break(sim, CHECK_NOT_AGAIN, "job %llu was done, and is to be done again",
                  (unsigned long long)fact->job);
}

/* What two pushes want alike is built once: the second waits, and finds it. */
static void check_assigned(struct sim *sim, const struct lk_core *core,
                           const struct lk_fact *fact)
{
    const struct lk_package *package = lk_core_package_of_job(core, fact->job);
    const struct lk_job     *job = lk_core_job(core, fact->job);

    for (const struct lk_push *push = lk_core_first_push(core); push; push = push->next)
        for (const struct lk_package *p = push->packages; p; p = p->next_in_push) {
            if (p == package || p->state < LK_PACKAGE_ACTIVE || p->state == LK_PACKAGE_ENDED ||
                push->options.build_only ||
                lk_core_push(core, package->push)->options.build_only ||
                strcmp(p->tag, package->tag) != 0 ||
                strcmp(p->repository, package->repository) != 0)
                continue;
            for (size_t i = 0; i < p->job_count; i++)
                if (lk_arch_eq(&p->jobs[i].arch, &job->arch))
                    sim_break(sim, CHECK_ONCE, "job %llu and job %llu build the same at once",
                              (unsigned long long)p->jobs[i].id, (unsigned long long)job->id);
        }
}

static bool names(const struct sim *sim, const struct sim_image *index,
                  const struct lk_job *job)
{
    for (size_t i = 0; i < index->count; i++)
        if (lk_digest_eq(&sim->registry.images[index->entries[i]].digest, &job->child.digest))
            return true;
    return false;
}

/* Whoever is told "published" finds it: it is what was put under the tag last, or what was there already. */
static void check_package_ended(struct sim *sim, const struct lk_core *core,
                                const struct lk_fact *fact)
{
    const struct lk_package *package = lk_core_package(core, fact->package);
    const struct lk_push    *push = lk_core_push(core, package->push);
    struct sim_image        *index = sim_registry_find(sim, &fact->child.digest);

    if (fact->outcome != LK_OUTCOME_OK || push->options.build_only || push->options.dry_run)
        return;
    if (!index || !index->is_put) {
        sim_break(sim, CHECK_DONE_IS_THERE, "package %llu ended well without an index",
                  (unsigned long long)fact->package);
        return;
    }
    for (size_t i = 0; i < package->job_count; i++)
        if (!names(sim, index, &package->jobs[i]))
            sim_break(sim, CHECK_DONE_IS_THERE, "package %llu ended well without %s",
                      (unsigned long long)fact->package, package->jobs[i].arch.name);
    if (push->options.sign && !index->signed_as)
        sim_break(sim, CHECK_DONE_IS_THERE, "package %llu ended well and is not signed",
                  (unsigned long long)fact->package);
}

static int64_t limit_of(const struct sim *sim, const struct lk_push *push)
{
    int64_t begun_ms = sim->check->begun_ms[push->id % PUSHES_MAX];

    if (begun_ms < sim->check->started_ms)
        begun_ms = sim->check->started_ms;
    return push->options.timeout_s ? begun_ms + (int64_t)push->options.timeout_s * 1000
                                   : INT64_MAX;
}

static void check_limit(struct sim *sim, const struct lk_core *core, const struct lk_fact *fact,
                        int64_t now_ms)
{
    if (fact->type == LK_FACT_PUSH_ACCEPTED || fact->type == LK_FACT_PUSH_RETRIED)
        sim->check->begun_ms[fact->push % PUSHES_MAX] = now_ms;
    else if (fact->type == LK_FACT_PUSH_CANCELLED && fact->outcome &&
             now_ms < limit_of(sim, lk_core_push(core, fact->push)))
        sim_break(sim, CHECK_IN_TIME, "push %llu is cancelled before its time",
                  (unsigned long long)fact->push);
}

void check_fact(struct sim *sim, const struct lk_core *core, const struct lk_fact *fact,
                const struct lk_event *event)
{
    check_limit(sim, core, fact, event->now_ms);
    if (fact->type == LK_FACT_JOB_ASSIGNED || fact->type == LK_FACT_JOB_BUILT)
        check_given(sim, fact);
    if (fact->type == LK_FACT_JOB_ASSIGNED || fact->type == LK_FACT_JOB_RETRIED)
        check_not_again(sim, fact);
    if (fact->type == LK_FACT_PERMIT_GRANTED)
        check_granted(sim, core, fact);
    else if (fact->type == LK_FACT_JOB_PUSHED)
        check_pushed(sim, core, fact, event);
    else if (fact->type == LK_FACT_JOB_ASSIGNED)
        check_assigned(sim, core, fact);
    else if (fact->type == LK_FACT_JOB_RETRIED)
        check_retried(sim, fact, event->now_ms);
    else if (fact->type == LK_FACT_PACKAGE_ENDED)
        check_package_ended(sim, core, fact);
    else if (fact->type == LK_FACT_STARTED && fact->epoch <= sim->check->epoch)
        sim_break(sim, CHECK_EPOCH, "epoch %llu after %llu", (unsigned long long)fact->epoch,
                  (unsigned long long)sim->check->epoch);
    if (fact->type == LK_FACT_STARTED)
        sim->check->epoch = fact->epoch;
    if (fact->type == LK_FACT_PUSH_ENDED)
        sim_mix(sim, fact->push * 1000 + (uint64_t)fact->outcome);
    note(sim, core, fact, event->now_ms);
}

/* What is done inside the turnstile is done by the one who is inside. */
void check_effect(struct sim *sim, const struct lk_core *core, const struct lk_effect *effect)
{
    const struct turn   *turn = &sim->check->turns[0];
    const struct lk_job *job = lk_core_job(core, effect->job);

    if (effect->type != LK_EFFECT_ACCEPT_CHILD && effect->type != LK_EFFECT_MERGE &&
        effect->type != LK_EFFECT_TAG && effect->type != LK_EFFECT_PERMIT)
        return;
    /* Cancelled in the same step: a DROP follows it. */
    if (effect->type == LK_EFFECT_PERMIT && job && lk_job_is_settled(job))
        return;
    turn += effect->repository[strlen(effect->repository) - 1] - 'a';
    if (!turn->fence || turn->package != effect->package || turn->job != effect->job ||
        (effect->type == LK_EFFECT_PERMIT && effect->fence != turn->fence))
        sim_break(sim, CHECK_ONE_HOLDER, "effect %d for package %llu, which is not inside",
                  (int)effect->type, (unsigned long long)effect->package);
}

/* ---- after each step ---- */

void check_state(struct sim *sim, const struct lk_core *core)
{
    for (const struct lk_push *push = lk_core_first_push(core); push; push = push->next)
        for (const struct lk_package *p = push->packages; p; p = p->next_in_push) {
            const struct turn *turn = turn_of(sim, core, p->id);
            if (p->state == LK_PACKAGE_ENDED)
                continue;
            for (size_t i = 0; i < p->job_count; i++) {
                bool inside = turn->fence && turn->job == p->jobs[i].id;
                if ((p->jobs[i].state == LK_JOB_IN_TURN) != inside)
                    sim_break(sim, CHECK_ONE_HOLDER, "job %llu is%s in its turn",
                              (unsigned long long)p->jobs[i].id, inside ? " not" : "");
            }
        }
}

void check_in_time(struct sim *sim, const struct lk_core *core, int64_t now_ms)
{
    for (const struct lk_push *push = lk_core_first_push(core); push; push = push->next)
        if (push->state != LK_PUSH_ENDED && !push->cancelled && now_ms >= limit_of(sim, push))
            sim_break(sim, CHECK_IN_TIME, "push %llu goes on after its time",
                      (unsigned long long)push->id);
}

/* ---- a new life ---- */

void check_restart(struct sim *sim, bool is_backup)
{
    struct sim_check *check = sim->check;

    memset(check->views, 0, sizeof(check->views));
    memset(check->turns, 0, sizeof(check->turns));
    memset(check->drained, 0, sizeof(check->drained));
    check->fence = is_backup ? 0 : check->told_fence;
    check->told_fence = check->fence;
    if (!is_backup)
        return;
    check->epoch = 0;
    memset(check->pushes, 0, sizeof(check->pushes));
    for (size_t i = 0; i < sim->plan->submit_count; i++)
        if (!sim->clients[i].done)
            sim->clients[i].push = 0;
}

void check_replayed(struct sim *sim, const struct lk_core *core, const struct lk_fact *fact,
                    int64_t now_ms)
{
    if (fact->type == LK_FACT_PERMIT_GRANTED && turn_of(sim, core, fact->package)->fence)
        sim_break(sim, CHECK_REPLAY, "the journal lets two into one turnstile");
    if (fact->type == LK_FACT_PERMIT_GRANTED && fact->fence > sim->check->fence)
        sim->check->fence = fact->fence;
    note(sim, core, fact, now_ms);
}

/* Every lease and every permit begins anew, with its full length. */
void check_started(struct sim *sim, int64_t now_ms)
{
    const struct sim_check *check = sim->check;

    sim->check->started_ms = now_ms;
    memset(sim->check->begun_ms, 0, sizeof(check->begun_ms));
    for (size_t i = 0; i < JOBS_MAX; i++)
        sim->check->views[i].heard_ms = now_ms;
    for (size_t i = 0; i < SIM_REPOSITORIES; i++)
        sim->check->turns[i].until_ms = now_ms + 2 * SIM_HOLD_MS;
    for (size_t i = 0; i < sim->plan->submit_count; i++) {
        if (check->pushes[i] && !sim_coordinator_knows(sim, check->pushes[i]))
            sim_break(sim, CHECK_ONE_PUSH, "push %llu was accepted, and is forgotten",
                      (unsigned long long)check->pushes[i]);
    }
}

/* ---- what leaves ---- */

void check_released(struct sim *sim, const struct lk_effect *effect, bool durable)
{
    if (effect->type == LK_EFFECT_PERMIT && effect->fence > sim->check->told_fence)
        sim->check->told_fence = effect->fence;
    if (!durable)
        sim_break(sim, CHECK_FACTS_FIRST, "effect %d leaves before its fact is on disk",
                  (int)effect->type);
}

void check_accepted(struct sim *sim, uint32_t client, uint64_t push)
{
    uint64_t *known = &sim->check->pushes[client];

    if (*known && *known != push)
        sim_break(sim, CHECK_ONE_PUSH, "one request of c%u became push %llu and push %llu",
                  client, (unsigned long long)*known, (unsigned long long)push);
    *known = push;
}

void check_welcomed(struct sim *sim, uint32_t agent, uint64_t before, uint64_t now)
{
    if (now < before)
        sim_break(sim, CHECK_EPOCH, "a%u follows epoch %llu after %llu", agent,
                  (unsigned long long)now, (unsigned long long)before);
}

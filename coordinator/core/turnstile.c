/*
 * The fenced turnstile of an image repository: first come, first served over (push, job, attempt) and over
 * packages that want to publish.  Who waits has an arrival number; who is inside has the fence.
 */
#include "coordinator/core/private.h"

#include <string.h>

struct lk_turnstile *lk_turnstile_for(struct lk_core *core, const char *repository)
{
    struct lk_turnstile *free_one = NULL;

    for (size_t i = 0; i < core->turnstile_count; i++) {
        struct lk_turnstile *turnstile = &core->turnstiles[i];
        if (strcmp(turnstile->repository, repository) == 0)
            return turnstile;
        if (turnstile->repository[0] == '\0' && !free_one)
            free_one = turnstile;
    }
    if (!free_one) {
        /* There are as many turnstiles as packages, and each is kept only while a package needs it. */
        lk_assert(core->turnstile_count < core->config.packages_max);
        free_one = &core->turnstiles[core->turnstile_count++];
    }
    memcpy(free_one->repository, repository, strlen(repository) + 1);
    return free_one;
}

bool lk_turnstile_holds(const struct lk_package *package, const struct lk_job *job)
{
    const struct lk_turnstile *turnstile = package->turnstile;

    return turnstile->fence != 0 && turnstile->package == package->id &&
           turnstile->job == (job ? job->id : 0);
}

static void grant(struct lk_core *core, const struct lk_package *package, uint64_t job)
{
    struct lk_fact *fact = lk_fact_new(core, LK_FACT_PERMIT_GRANTED);

    fact->package = package->id;
    fact->job = job;
    fact->fence = core->fence + 1;
    lk_fact_commit(core);
}

static void admit(struct lk_core *core, struct lk_turnstile *turnstile)
{
    const struct lk_package *package = NULL;
    uint64_t                 job = 0;
    uint64_t                 least = UINT64_MAX;

    for (const struct lk_package *p = turnstile->packages; p; p = p->next_in_turnstile) {
        if (p->arrival && p->arrival < least) {
            least = p->arrival;
            package = p;
            job = 0;
        }
        for (size_t i = 0; i < p->job_count; i++)
            if (p->jobs[i].arrival && p->jobs[i].arrival < least) {
                least = p->jobs[i].arrival;
                package = p;
                job = p->jobs[i].id;
            }
    }
    lk_assert(package); /* `waiting` counts them */
    grant(core, package, job);
}

static void end_permit(struct lk_core *core, const struct lk_turnstile *turnstile)
{
    struct lk_fact *fact = lk_fact_new(core, LK_FACT_PERMIT_ENDED);

    fact->package = turnstile->package;
    fact->job = turnstile->job;
    fact->fence = turnstile->fence;
    lk_fact_commit(core);
}

static void expire(struct lk_core *core, struct lk_turnstile *turnstile)
{
    struct lk_package *package;
    struct lk_job     *job = lk_job_of(core, turnstile->job, &package);

    end_permit(core, turnstile);
    if (!lk_trouble_may_pass(core, NULL, &job->trouble_since_ms, &job->not_before_ms))
        lk_job_fail(core, job, LK_OUTCOME_INFRASTRUCTURE,
                    "its agent did not finish within its turn, time and again");
}

void lk_turnstile_renew(struct lk_core *core, struct lk_turnstile *turnstile)
{
    const struct lk_package *package = lk_package_of(core, turnstile->package);
    uint64_t                 job = turnstile->job;
    int64_t                  expires_ms = turnstile->expires_ms;

    end_permit(core, turnstile);
    grant(core, package, job);
    turnstile->expires_ms = expires_ms;
}

/* What the coordinator itself does inside a turn ends by itself; only agents can outstay their permit. */
static bool agent_is_inside(struct lk_core *core, const struct lk_turnstile *turnstile)
{
    struct lk_package   *package;
    const struct lk_job *job =
        turnstile->job ? lk_job_of(core, turnstile->job, &package) : NULL;

    return job && !job->kept && !job->pushed;
}

void lk_turnstile_advance(struct lk_core *core, struct lk_turnstile *turnstile)
{
    if (turnstile->fence && turnstile->expires_ms && core->now_ms >= turnstile->expires_ms &&
        agent_is_inside(core, turnstile))
        expire(core, turnstile);
    if (!turnstile->fence && turnstile->waiting)
        admit(core, turnstile);
    if (!turnstile->fence || !agent_is_inside(core, turnstile))
        return;
    if (!turnstile->expires_ms) {
        const struct lk_package *package = lk_package_of(core, turnstile->package);
        bool uploads_inside = lk_push_of(core, package->push)->options.in_turn;
        turnstile->expires_ms = core->now_ms + (uploads_inside ? core->config.in_turn_hold_ms
                                                               : core->config.hold_ms);
    }
    lk_wake_at(core, turnstile->expires_ms);
}

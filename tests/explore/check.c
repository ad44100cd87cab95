/* What must always hold; the numbers are those of tests/sim/README.md. */
#include "coordinator/core/private.h"
#include "tests/explore/explore.h"

#include <string.h>

static int agent_of(const struct explore *x, const struct lk_job *job)
{
    const struct lk_agent *agent;

    for (size_t i = 0; (agent = lk_core_agent(x->core, i)); i++)
        if (job->agent[0] && strcmp(agent->name, job->agent) == 0)
            return agent->name[1] - '0';
    return -1;
}

/* 8: nothing that was built is built again while its agent has it and is heard. */
static void check_retried(struct explore *x, const struct lk_event *event,
                          const struct lk_fact *fact)
{
    const struct world *w = &x->world;

    for (int i = 0; i < AGENTS; i++) {
        const struct agent *agent = &w->agents[i];
        bool is_heard = agent->session && agent->session == w->sessions[i] && w->paused != i;
        bool answers = event->type == LK_EVENT_CHILD_CHECKED;
        if (is_heard && !answers && agent->held.job == fact->job && agent->held.image &&
            agent->held.phase != LK_PHASE_FAILED && fact->flag)
            world_break(x, "8: job %u is given up while agent %d, who is heard, has built it",
                        agent->held.job, i);
    }
}

/* 5: only who is inside, under the fence in force. */
static void check_pushed(struct explore *x, const struct lk_event *event,
                         const struct lk_fact *fact)
{
    const struct lk_package *package = lk_core_package_of_job(x->core, fact->job);

    if (event->type != LK_EVENT_REPORT || event->report.job != fact->job ||
        event->report.fence != package->turnstile->fence ||
        package->turnstile->job != fact->job)
        world_break(x, "5: job %u counts as pushed, under a fence that is not in force",
                    (unsigned)fact->job);
}

void check_fact(struct explore *x, const struct lk_event *event, const struct lk_fact *fact)
{
    struct world            *w = &x->world;
    const struct lk_package *package;

    if (fact->type == LK_FACT_JOB_RETRIED)
        check_retried(x, event, fact);
    if (fact->type == LK_FACT_JOB_PUSHED)
        check_pushed(x, event, fact);
    if (fact->type == LK_FACT_PERMIT_GRANTED) {
        if (fact->fence <= w->fence)
            world_break(x, "6: fence %llx comes after %llx", (unsigned long long)fact->fence,
                        (unsigned long long)w->fence);
        w->fence = fact->fence;
    }
    if (fact->type != LK_FACT_PACKAGE_ENDED || fact->outcome != LK_OUTCOME_OK)
        return;
    package = lk_core_package(x->core, fact->package);
    if (!registry_is_complete(x, (uint32_t)package->id))
        world_break(x, "15: package %u counts as published, and its tag names something else",
                    (unsigned)package->id);
}

/* 7: one live permit a repository. */
void check_core(struct explore *x)
{
    const struct lk_turnstile *turnstile = NULL;
    unsigned                   inside = 0;

    for (const struct lk_push *push = lk_core_first_push(x->core); push; push = push->next)
        for (const struct lk_package *p = push->packages; p; p = p->next_in_push) {
            turnstile = p->turnstile;
            inside += p->state == LK_PACKAGE_PUBLISHING && !p->arrival;
            for (size_t i = 0; i < p->job_count; i++) {
                const struct lk_job *job = &p->jobs[i];
                inside += job->state == LK_JOB_IN_TURN;
                if (job->state == LK_JOB_IN_TURN && turnstile->job != job->id)
                    world_break(x, "7: job %u is in a turn that is not its own",
                                (unsigned)job->id);
                if (job->state == LK_JOB_ASSIGNED && agent_of(x, job) < 0 && job->session)
                    world_break(x, "job %u is given to nobody we know", (unsigned)job->id);
            }
        }
    if (inside > 1)
        world_break(x, "7: %u are inside the turnstile of one repository", inside);
}

/* 1: each part was put into the registry and looked at. */
void check_merge(struct explore *x, const struct operation *merge)
{
    uint32_t arches = 0;

    for (size_t i = 0; i < merge->count; i++) {
        arches |= 1U << (merge->children[i] >> 6 & 1);
        if (!has_bit(x->world.registry.checked, merge->children[i]))
            world_break(x, "1: image %x of a new index was not looked at", merge->children[i]);
    }
    if (arches != (1U << ARCHES) - 1)
        world_break(x, "1: a new index lacks an architecture");
}

/* 1, 3, 7: what the tag is moved to is whole, signed if asked, and it is our turn. */
void check_tag(struct explore *x, const struct operation *tag)
{
    const struct lk_package *package = lk_core_package(x->core, tag->package);
    uint32_t                 parts = tag->image & 0xffff;

    if (!(parts & 0xff) || !(parts >> 8) || ((parts ^ parts >> 8) & 0x40) == 0)
        world_break(x, "1: the tag is moved to an index that lacks an architecture");
    if (x->setting->sign && !(tag->image & IS_SIGNED))
        world_break(x, "3: the tag is moved to an index that is not signed");
    if (!package || package->op != tag->op)
        world_break(x, "7: the tag is moved by an operation that nobody waits for");
    else if (package->turnstile->package != package->id || package->turnstile->job != 0)
        world_break(x, "7: the tag is moved by one who is not inside");
}

/* 16, 17: nothing is left over, and where nothing went wrong all ended well. */
void check_end(struct explore *x)
{
    const struct setting *left = &x->world.left;
    const struct setting *all = x->setting;
    bool                  went_wrong = left->build_fails != all->build_fails ||
                      left->outsiders != all->outsiders || left->cancels != all->cancels ||
                      left->kills != all->kills || left->pauses != all->pauses ||
                      left->slow_turns != all->slow_turns || left->refusals != all->refusals ||
                      left->losses != all->losses;

    for (const struct lk_push *push = lk_core_first_push(x->core); push; push = push->next) {
        if (push->packages->turnstile->fence)
            world_break(x, "16: somebody is left in a turnstile");
        if (push->outcome != LK_OUTCOME_OK && !went_wrong)
            world_break(x, "17: nothing went wrong, and push %u ended with %d",
                        (unsigned)push->id, (int)push->outcome);
        if (push->outcome == LK_OUTCOME_CANCELLED && left->cancels == all->cancels)
            world_break(x, "19: nobody cancelled push %u", (unsigned)push->id);
    }
}

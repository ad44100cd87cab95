/* The promises about what a tag names, checked in the moment in which the coordinator moves it. */
#include "tests/sim/check.h"
#include "tests/sim/trace.h"

#include "coordinator/core/core.h"

#include <string.h>

static const struct sim_image *entry_for(const struct sim *sim, const struct sim_image *index,
                                         const struct lk_arch *arch)
{
    for (size_t i = 0; i < index->count; i++)
        if (lk_arch_eq(&sim->registry.images[index->entries[i]].asked, arch))
            return &sim->registry.images[index->entries[i]];
    return NULL;
}

static void check_complete(struct sim *sim, const struct lk_package *package,
                           const struct sim_image *index)
{
    for (size_t i = 0; i < package->job_count; i++) {
        const struct lk_job    *job = &package->jobs[i];
        const struct sim_image *child = entry_for(sim, index, &job->arch);
        if (!child || !child->is_put)
            sim_break(sim, CHECK_COMPLETE, "the index that a tag gets has no %s",
                      job->arch.name);
        else if (!lk_digest_eq(&child->digest, &job->child.digest))
            sim_break(sim, CHECK_RIGHT_PARTS, "the index has another %s than job %llu made",
                      job->arch.name, (unsigned long long)job->id);
    }
}

static void check_children(struct sim *sim, const struct sim_image *index, struct sim_name name)
{
    for (size_t i = 0; i < index->count; i++) {
        const struct sim_image *child = &sim->registry.images[index->entries[i]];
        bool is_other = name.tag != SIM_RELEASE && (child->name.repository != name.repository ||
                                                    child->name.tag != name.tag);
        if (child->is_foreign ? !child->is_adopted
                              : !lk_arch_eq(&child->asked, &child->arch) || is_other)
            sim_break(sim, child->is_foreign ? CHECK_TRUSTED : CHECK_RIGHT_PARTS,
                      "the index that a tag gets has a %s that %s", child->asked.name,
                      child->is_foreign ? "a stranger made" : "was built for something else");
    }
}

static void check_signed(struct sim *sim, const struct sim_image *index, struct sim_name name)
{
    uint32_t all = index->signed_as & sim_name_bit(name);

    for (size_t i = 0; i < index->count; i++)
        all &= sim->registry.images[index->entries[i]].signed_as;
    if (!all)
        sim_break(sim, CHECK_SIGNED_FIRST, "a tag moves to what is not signed yet");
}

/* Against what we put there last, not against what an outsider made of it. */
static void check_not_less(struct sim *sim, const struct lk_push *push,
                           const struct sim_image *before, const struct sim_image *index)
{
    for (size_t i = 0; i < before->count; i++) {
        const struct sim_image *child = &sim->registry.images[before->entries[i]];
        bool                    is_replaced = false;
        for (size_t k = 0; k < push->options.replace_count; k++)
            is_replaced |= lk_arch_eq(&push->options.replace[k], &child->asked);
        if (!is_replaced && !entry_for(sim, index, &child->asked))
            sim_break(sim, CHECK_NEVER_LESS, "a tag that had %s loses it", child->asked.name);
    }
}

void check_tag_moves(struct sim *sim, const struct lk_core *core,
                     const struct lk_effect *effect, uint32_t place)
{
    const struct lk_package *package = lk_core_package(core, effect->package);
    const struct sim_image  *index = &sim->registry.images[place];
    struct sim_name          name = { (uint8_t)(effect->repository[4] - 'a'),
                                      (uint8_t)(effect->tag[1] - '0') };
    const struct sim_tag    *tag = &sim->registry.tags[name.repository][name.tag];

    story_tag(sim, effect, place);
    if (!place || !index->is_put || !package) {
        sim_break(sim, CHECK_COMPLETE, "a tag moves to what was never put");
        return;
    }
    const struct lk_push *push = lk_core_push(core, package->push);
    check_complete(sim, package, index);
    check_children(sim, index, name);
    if (push->options.sign && !package->is_unsigned)
        check_signed(sim, index, name);
    /* Who puts another index there by force wants what that one has, and nothing else. */
    bool is_forced = push->options.force && package->origin == LK_PACKAGE_FROM_INDEX;
    if (tag->now == tag->ours && tag->now && !is_forced)
        check_not_less(sim, push, &sim->registry.images[tag->now], index);
    sim_mix(sim, place);
}

/* ---- at the end ---- */

static bool happened(const struct sim *sim, const enum sim_fault_kind *kinds, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (sim->injected[kinds[i]])
            return true;
    return false;
}

/* Whatever passes must not end a push; what ends it has to have happened. */
static bool has_cause(const struct sim *sim, enum lk_outcome outcome)
{
    static const enum sim_fault_kind builds[] = { SIM_BUILD_IS_WRONG };
    static const enum sim_fault_kind persons[] = { SIM_PERSON_CANCELS };
    static const enum sim_fault_kind others[] = {
        SIM_OUTSIDER_BETWEEN,     SIM_OUTSIDER_MOVES_TAG,     SIM_OUTSIDER_MOVES_ARCH_TAG,
        SIM_CHILD_IS_DELETED,     SIM_BUILD_HAS_WRONG_ARCH,   SIM_SOURCE_IS_BAD,
        SIM_BACKUP_IS_RESTORED,   SIM_TICKET_RUNS_OUT,        SIM_REGISTRY_HIDES,
        SIM_REGISTRY_REFUSES,     SIM_REGISTRY_DENIES,        SIM_PART_IS_DELETED,
        SIM_INDEX_IS_DELETED,     SIM_OUTSIDER_PUTS_INDEX,    SIM_OUTSIDER_TAKES_PART,
        SIM_OUTSIDER_DELETES_TAG, SIM_OLD_BACKUP_IS_RESTORED, SIM_JOURNAL_IS_COPIED_BACK,
    };

    switch (outcome) {
    case LK_OUTCOME_OK:
    case LK_OUTCOME_INFRASTRUCTURE: return true;
    case LK_OUTCOME_BUILD_FAILED: return happened(sim, builds, LK_COUNT(builds));
    case LK_OUTCOME_CANCELLED: return happened(sim, persons, LK_COUNT(persons));
    case LK_OUTCOME_VERIFICATION_FAILED:
    case LK_OUTCOME_REFUSED: return happened(sim, others, LK_COUNT(others));
    }
    return false;
}

/* Nobody built it, or not all of it, or something else was released before. */
static bool wants_what_may_be_missing(const struct sim_submit *submit)
{
    return submit->origin || submit->no_build;
}

static void check_empty(struct sim *sim, const struct lk_core *core)
{
    const struct lk_agent *agent;

    for (const struct lk_push *push = lk_core_first_push(core); push; push = push->next)
        for (const struct lk_package *p = push->packages; p; p = p->next_in_push)
            if (p->turnstile->fence || p->turnstile->waiting)
                sim_break(sim, CHECK_NOTHING_LEFT, "somebody stays in the turnstile of %s",
                          p->repository);
    for (size_t i = 0; (agent = lk_core_agent(core, i)); i++)
        if (lk_core_agent_busy(core, agent))
            sim_break(sim, CHECK_NOTHING_LEFT, "%s counts as busy at the end", agent->name);
}

void check_rest(struct sim *sim, const struct lk_core *core)
{
    uint32_t disturbances = 0;

    check_empty(sim, core);
    for (size_t i = 0; i < SIM_FAULT_KINDS; i++)
        disturbances += sim->injected[i];
    for (size_t i = 0; i < sim->plan->submit_count; i++) {
        enum lk_outcome outcome = (enum lk_outcome)(sim->clients[i].outcome - 1);
        sim_mix(sim, (uint64_t)outcome);
        if (outcome == LK_OUTCOME_REFUSED && wants_what_may_be_missing(sim->clients[i].plan))
            continue;
        /* A full coordinator says so. */
        if (outcome == LK_OUTCOME_REFUSED && sim->plan->pushes_max)
            continue;
        /* Whatever takes time may use up a build's. */
        if (outcome == LK_OUTCOME_BUILD_FAILED && sim->clients[i].plan->is_hurried &&
            disturbances)
            continue;
        if (disturbances == 0 && outcome != LK_OUTCOME_OK)
            sim_break(sim, CHECK_UNDISTURBED, "nothing went wrong, and c%zu ends with %d", i,
                      (int)outcome);
        else if (!has_cause(sim, outcome))
            sim_break(sim, CHECK_CAUSE, "c%zu ends with %d, for which there is no cause", i,
                      (int)outcome);
    }
    for (size_t r = 0; r < SIM_REPOSITORIES; r++)
        for (size_t t = 0; t < SIM_TAGS; t++)
            sim_mix(sim, sim->registry.tags[r][t].now);
    sim_mix(sim, (uint64_t)sim->now_ms);
}

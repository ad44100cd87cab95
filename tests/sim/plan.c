#include "tests/sim/plan.h"

#include "tests/sim/dice.h"

#include <string.h>

const char *const sim_arch_names[SIM_ARCHES] = { "amd64", "arm64", "s390x" };

enum scope { EVERYBODY, ONE_AGENT };

/* How often a kind is chosen, and its sentence (plan.h). */
static const struct {
    uint8_t     weight;
    enum scope  scope;
    const char *text;
} kinds[SIM_FAULT_KINDS] = {
    [SIM_LOSES_TO_COORDINATOR] = { 8, ONE_AGENT, "the next report of %a is lost on its way" },
    [SIM_LOSES_TO_AGENT] = { 8, ONE_AGENT, "the next order to %a is lost on its way" },
    [SIM_DOUBLES_TO_COORDINATOR] = { 6, ONE_AGENT, "the next message of %a comes twice" },
    [SIM_DOUBLES_TO_AGENT] = { 6, ONE_AGENT, "the next message to %a comes twice" },
    [SIM_BUILD_IS_WRONG] = { 2, ONE_AGENT, "the next build on %a fails: the package's fault" },
    [SIM_BUILD_HAS_TROUBLE] = { 5, ONE_AGENT, "the next build on %a fails: the host's fault" },
    [SIM_BUILD_HAS_WRONG_ARCH] = { 2, ONE_AGENT,
                                   "the next build on %a is for another architecture" },
    [SIM_BUILD_IS_SLOW] = { 3, ONE_AGENT, "the next build on %a takes %d longer" },
    [SIM_UPLOAD_HAS_TROUBLE] = { 4, ONE_AGENT, "the next upload of %a breaks off" },
    [SIM_PUT_HAS_TROUBLE] = { 4, ONE_AGENT, "the next manifest of %a is refused with 503" },
    [SIM_PUT_ANSWER_IS_LOST] = { 4, ONE_AGENT,
                                 "the next manifest of %a is put, the answer is lost" },
    [SIM_TICKET_RUNS_OUT] = { 4, ONE_AGENT,
                              "the ticket of %a runs out during its next upload" },
    [SIM_LIES_ABOUT_PUT] = { 2, ONE_AGENT, "%a says PUSHED without having put its manifest" },
    [SIM_LIES_ABOUT_JOB] = { 3, ONE_AGENT,
                             "%a reports its work as that of a job that it was never given" },
    [SIM_OLD_COORDINATOR_ANSWERS] = { 2, ONE_AGENT,
                                      "the next HELLO of %a is answered by another coordinator "
                                      "of this cluster, with an older state" },
    [SIM_BUILT_IS_DAMAGED] = { 2, ONE_AGENT,
                               "what %a finds on its disk at its next start is damaged" },
    [SIM_KILLED_AFTER_BUILT] = { 5, ONE_AGENT,
                                 "%a is killed when it has built, before it says so; back "
                                 "after %d" },
    [SIM_KILLED_AFTER_PUT] = { 5, ONE_AGENT,
                               "%a is killed when it has put, before it says so; back after "
                               "%d" },
    [SIM_REGISTRY_REFUSES] = { 6, EVERYBODY, "the registry answers the coordinator 503" },
    [SIM_REGISTRY_IS_BUSY] = { 3, EVERYBODY, "the registry answers the coordinator 429" },
    [SIM_REGISTRY_ANSWER_IS_LOST] = { 6, EVERYBODY,
                                      "the registry writes for the coordinator, the answer is "
                                      "lost" },
    [SIM_REGISTRY_HIDES] = { 4, EVERYBODY,
                             "the registry says 201, and shows what was put only after %d" },
    [SIM_ANSWER_COMES_TWICE] = { 4, EVERYBODY,
                                 "what the registry said to the coordinator is heard once more "
                                 "after %d" },
    [SIM_OUTSIDER_BETWEEN] = { 4, EVERYBODY,
                               "an outsider moves the tag between our read and our write" },
    [SIM_KILLED_BEFORE_SYNC] = { 8, EVERYBODY,
                                 "the coordinator is killed before its next write is on disk; "
                                 "back "
                                 "after %d" },
    [SIM_KILLED_AFTER_SYNC] = { 8, EVERYBODY,
                                "the coordinator is killed when its next write is on disk, "
                                "before "
                                "it acts; back after %d" },
    [SIM_ANSWER_TO_CLIENT_IS_LOST] = { 3, EVERYBODY, "the next answer to SUBMIT is lost" },
    [SIM_CLIENT_LEAVES] = { 1, EVERYBODY, "the next client leaves before its source is in" },
    [SIM_REGISTRY_DENIES] = { 0, EVERYBODY, "the registry answers the coordinator 403" },
    [SIM_SOURCE_IS_BAD] = { 1, EVERYBODY, "the next source is damaged" },
    [SIM_LINE_STALLS] = { 4, ONE_AGENT, "the line of %a stalls for %d" },
    [SIM_LINE_IS_CUT] = { 5, ONE_AGENT, "the line of %a is cut" },
    [SIM_LINE_IS_A_HOLE] = { 4, ONE_AGENT, "the line of %a swallows everything for %d" },
    [SIM_AGENT_IS_KILLED] = { 6, ONE_AGENT, "%a is killed; back after %d" },
    [SIM_AGENT_IS_WIPED] = { 2, ONE_AGENT, "the host of %a is lost; a new one after %d" },
    [SIM_AGENT_LEAVES] = { 2, ONE_AGENT, "%a is stopped; back after %d" },
    [SIM_AGENT_IS_PAUSED] = { 5, ONE_AGENT, "%a is paused for %d" },
    [SIM_AGENT_CLOCK_JUMPS] = { 2, ONE_AGENT, "the clock of %a jumps ahead by %d" },
    [SIM_AGENT_FAILS_FAST] = { 2, ONE_AGENT, "%a fails whatever it is given at once, for %d" },
    [SIM_COORDINATOR_IS_KILLED] = { 4, EVERYBODY, "the coordinator is killed; back after %d" },
    [SIM_COORDINATOR_IS_PAUSED] = { 3, EVERYBODY, "the coordinator is paused for %d" },
    [SIM_COORDINATOR_CLOCK_JUMPS] = { 2, EVERYBODY,
                                      "the coordinator's clock jumps ahead by %d, the wall's "
                                      "by an hour" },
    [SIM_COORDINATOR_REBOOTS] = { 2, EVERYBODY,
                                  "the coordinator's host reboots, its clock begins anew; back "
                                  "after %d" },
    [SIM_BACKUP_IS_RESTORED] = { 1, EVERYBODY,
                                 "the coordinator loses its disk; a backup is restored after "
                                 "%d" },
    [SIM_JOURNAL_IS_COPIED_BACK] = { 1, EVERYBODY,
                                     "the coordinator is stopped, and an older copy of its "
                                     "journal put in place by hand; back after %d" },
    [SIM_DISK_IS_SLOW] = { 2, EVERYBODY, "the coordinator's disk is slow for %d" },
    [SIM_REGISTRY_IS_DOWN] = { 2, EVERYBODY, "the registry is down for %d" },
    [SIM_SIGNER_IS_DOWN] = { 2, EVERYBODY, "the signer is away for %d" },
    [SIM_OUTSIDER_MOVES_TAG] = { 3, EVERYBODY, "an outsider moves %t" },
    [SIM_OUTSIDER_MOVES_ARCH_TAG] = { 2, EVERYBODY, "an outsider moves %t-%r" },
    [SIM_CHILD_IS_DELETED] = { 3, EVERYBODY, "somebody deletes a manifest in the registry" },
    [SIM_PERSON_CANCELS] = { 3, EVERYBODY, "somebody cancels the push of %c" },
    [SIM_PERSON_DRAINS] = { 2, ONE_AGENT, "somebody drains %a, and resumes it after %d" },
    [SIM_PART_IS_DELETED] = { 0, EVERYBODY, "somebody deletes what %t names for %r" },
    [SIM_INDEX_IS_DELETED] = { 0, EVERYBODY, "somebody deletes the index that %t names" },
    [SIM_OUTSIDER_PUTS_INDEX] = { 0, EVERYBODY,
                                  "an outsider puts an index of strangers at %t" },
    [SIM_OUTSIDER_TAKES_PART] = { 0, EVERYBODY, "an outsider puts an index without %r at %t" },
    [SIM_OUTSIDER_DELETES_TAG] = { 0, EVERYBODY, "an outsider deletes %t" },
    [SIM_OLD_BACKUP_IS_RESTORED] = { 0, EVERYBODY,
                                     "the coordinator loses its disk; a backup that is %n s "
                                     "old is restored after %d" },
};

static void make_agents(struct sim_plan *plan, struct dice *dice)
{
    plan->agent_count = (uint8_t)(SIM_ARCHES + roll(dice, SIM_AGENTS - SIM_ARCHES + 1));
    for (uint8_t i = 0; i < plan->agent_count; i++) {
        plan->agent_arch[i] = (uint8_t)(i < SIM_ARCHES ? i : roll(dice, SIM_ARCHES));
        plan->agent_slots[i] = (uint8_t)(1 + roll(dice, 2));
        plan->agent_emulates[i] = (uint8_t)(i < SIM_ARCHES ? 0 : roll(dice, SIM_ARCHES + 1));
        if (plan->agent_emulates[i] == plan->agent_arch[i] + 1)
            plan->agent_emulates[i] = 0;
    }
}

static struct sim_name make_name(struct dice *dice)
{
    return (struct sim_name) { (uint8_t)roll(dice, SIM_REPOSITORIES),
                               (uint8_t)roll(dice, SIM_RELEASE) };
}

/* Some are taken from elsewhere, and some push two packages. */
static void make_unusual(struct sim_submit *submit, struct dice *dice, int64_t span_ms)
{
    if (one_in(dice, 10)) {
        submit->origin = 1;
        submit->from = submit->name;
        submit->name = (struct sim_name) { (uint8_t)roll(dice, SIM_REPOSITORIES), SIM_RELEASE };
        submit->arches = one_in(dice, 2) ? 0 : submit->arches;
    } else if (one_in(dice, 20)) {
        submit->origin = 2;
    } else if (one_in(dice, 8)) {
        submit->has_second = true;
        submit->is_after = one_in(dice, 2);
        submit->second = make_name(dice);
    }
    if (submit->origin || submit->has_second)
        submit->build_only = false;
    /* When there is something to take. */
    if (submit->origin)
        submit->at_ms = span_ms + roll(dice, 20000);
    if (submit->has_second && submit->second.repository == submit->name.repository &&
        submit->second.tag == submit->name.tag)
        submit->has_second = false;
}

static struct sim_submit make_submit(struct dice *dice, int64_t span_ms)
{
    struct sim_submit submit = {
        .at_ms = 1000 + roll(dice, (uint32_t)span_ms),
        .name = make_name(dice),
        .arches = (1 << SIM_ARCHES) - 1,
        .is_signed = !one_in(dice, 6),
        .force = one_in(dice, 10),
        .in_turn = one_in(dice, 6),
        .sequential = one_in(dice, 8),
        .build_only = one_in(dice, 20),
        .dry_run = one_in(dice, 24),
        .no_arch_tags = one_in(dice, 16),
        .emulation = one_in(dice, 2),
        .replaces = one_in(dice, 16),
        .adopts = one_in(dice, 24),
    };

    if (one_in(dice, 8))
        submit.arches = (uint8_t)(1 + roll(dice, (1 << SIM_ARCHES) - 1));
    submit.no_build = one_in(dice, 24) && !submit.force && !submit.build_only;
    make_unusual(&submit, dice, span_ms);
    return submit;
}

static void make_submits(struct sim_plan *plan, struct dice *dice)
{
    size_t  count = 4 + roll(dice, 9);
    int64_t span_ms = 5000 * (int64_t)count;

    while (plan->submit_count < count) {
        struct sim_submit submit = make_submit(dice, span_ms);
        plan->submits[plan->submit_count++] = submit;
        if (!one_in(dice, 6) || plan->submit_count == count)
            continue;
        submit.at_ms += roll(dice, 50);
        submit.twin = 1;
        plan->submits[plan->submit_count++] = submit;
    }
    plan->end_ms = span_ms + 40000;
}

/* What came later has dice of its own, so that the old seeds go on to mean what they did. */
static void make_later(struct sim_plan *plan, struct dice *dice)
{
    for (size_t i = 0; i < plan->submit_count; i++) {
        struct sim_submit *submit = &plan->submits[i];
        submit->retries = (uint8_t)(one_in(dice, 3) ? 1 + roll(dice, 2) : 0);
        submit->failures = (uint8_t)(one_in(dice, 3) ? 1 + roll(dice, 2) : 0);
        submit->is_hurried = one_in(dice, 8);
    }
    for (size_t i = 0; i < plan->submit_count; i++)
        plan->submits[i].is_limited = one_in(dice, 8);
    for (size_t i = 0; i < plan->submit_count; i++)
        plan->submits[i].priority = (uint8_t)(one_in(dice, 4) ? 1 + roll(dice, 2) : 0);
}

static enum sim_fault_kind choose_kind(struct dice *dice)
{
    uint32_t sum = 0;

    for (unsigned i = 0; i < SIM_FAULT_KINDS; i++)
        sum += kinds[i].weight;
    uint32_t chosen = roll(dice, sum);
    for (unsigned i = 0; i < SIM_FAULT_KINDS; i++) {
        if (chosen < kinds[i].weight)
            return (enum sim_fault_kind)i;
        chosen -= kinds[i].weight;
    }
    return SIM_LINE_IS_CUT;
}

static void make_faults(struct sim_plan *plan, struct dice *dice, uint32_t intensity)
{
    /* One in four never gets its chance. */
    size_t count = plan->submit_count * intensity * 4 / 3;

    if (count > SIM_FAULTS)
        count = SIM_FAULTS;
    for (size_t i = 0; i < count; i++)
        plan->faults[plan->fault_count++] = (struct sim_fault) {
            .kind = choose_kind(dice),
            .at_ms = roll(dice, (uint32_t)plan->end_ms * 3 / 4),
            .agent = (uint8_t)roll(dice, plan->agent_count),
            .for_ms = skewed(dice, 50, 60000),
            .luck = (uint32_t)dice_next(dice),
        };
}

void sim_plan_make(struct sim_plan *plan, uint64_t seed, uint32_t intensity)
{
    struct dice dice = dice_of(seed, 1);
    struct dice later = dice_of(seed, 5);

    memset(plan, 0, sizeof(*plan));
    plan->seed = seed;
    make_agents(plan, &dice);
    make_submits(plan, &dice);
    make_faults(plan, &dice, intensity);
    make_later(plan, &later);
}

const char *sim_fault_sentence(enum sim_fault_kind kind)
{
    return kinds[kind].text;
}

bool sim_sentence_has_luck(const char *sentence)
{
    return strstr(sentence, "%t") || strstr(sentence, "%c") || strstr(sentence, "%n");
}

#include "tests/sim/plan.h"

#include "tests/sim/dice.h"

#include <string.h>

const char *const sim_arch_names[SIM_ARCHES] = { "amd64", "arm64", "s390x" };

enum scope { EVERYBODY, ONE_AGENT };

/* How often a kind is chosen, and its sentence: %a the agent, %d for how long. */
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
    [SIM_DISK_IS_SLOW] = { 2, EVERYBODY, "the coordinator's disk is slow for %d" },
    [SIM_REGISTRY_IS_DOWN] = { 2, EVERYBODY, "the registry is down for %d" },
    [SIM_SIGNER_IS_DOWN] = { 2, EVERYBODY, "the signer is away for %d" },
    [SIM_OUTSIDER_MOVES_TAG] = { 3, EVERYBODY, "an outsider moves a tag" },
    [SIM_OUTSIDER_MOVES_ARCH_TAG] = { 2, EVERYBODY,
                                      "an outsider moves the tag of an architecture" },
    [SIM_CHILD_IS_DELETED] = { 3, EVERYBODY, "somebody deletes a manifest in the registry" },
    [SIM_PERSON_CANCELS] = { 3, EVERYBODY, "somebody cancels a push" },
    [SIM_PERSON_DRAINS] = { 2, ONE_AGENT, "somebody drains %a, and resumes it after %d" },
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

    memset(plan, 0, sizeof(*plan));
    plan->seed = seed;
    make_agents(plan, &dice);
    make_submits(plan, &dice);
    make_faults(plan, &dice, intensity);
}

void sim_plan_fault_text(const struct sim_plan *plan, const struct sim_fault *fault, char *text,
                         size_t size)
{
    size_t len = 0;

    (void)plan;
    text[0] = '\0';
    for (const char *at = kinds[fault->kind].text; *at && len + 1 < size; at++) {
        int wrote = 1;
        if (at[0] == '%' && at[1] == 'a')
            wrote = snprintf(text + len, size - len, "agent a%u", fault->agent);
        else if (at[0] == '%' && at[1] == 'd')
            wrote = snprintf(text + len, size - len, "%lld.%03lld s",
                             (long long)fault->for_ms / 1000, (long long)fault->for_ms % 1000);
        else
            snprintf(text + len, size - len, "%c", at[0]);
        at += at[0] == '%';
        len += (size_t)wrote;
    }
}

static void print_name(const char *before, struct sim_name name, FILE *out)
{
    fprintf(out, "%sorg/%c:t%u", before, 'a' + name.repository, name.tag);
}

static void print_submit(const struct sim_submit *submit, size_t number, FILE *out)
{
    const struct {
        bool        is_set;
        const char *text;
    } words[] = {
        { !submit->is_signed, "unsigned" },
        { submit->force, "--force" },
        { submit->in_turn, "upload in turn" },
        { submit->sequential, "--sequential" },
        { submit->build_only, "build only" },
        { submit->no_build, "--nobuild" },
        { submit->dry_run, "--dry-run" },
        { submit->no_arch_tags, "no tags of architectures" },
        { submit->emulation, "--allow-emulation" },
        { submit->replaces, "--replace" },
        { submit->adopts, "--adopt" },
        { submit->origin == 2, "from the tags of its architectures" },
        { submit->twin, "as the client before" },
    };

    fprintf(out, "%3lld.%03lld  client c%zu pushes", (long long)submit->at_ms / 1000,
            (long long)submit->at_ms % 1000, number);
    print_name(" ", submit->name, out);
    if (submit->has_second)
        print_name(submit->is_after ? ", and after it " : " and ", submit->second, out);
    if (submit->origin == 1)
        print_name(" from ", submit->from, out);
    fprintf(out, " for%s", submit->arches ? "" : " all that there is");
    for (unsigned i = 0; i < SIM_ARCHES; i++)
        if (submit->arches >> i & 1)
            fprintf(out, " %s", sim_arch_names[i]);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (words[i].is_set)
            fprintf(out, ", %s", words[i].text);
    putc('\n', out);
}

/* By time; what waits for its chance says so. */
void sim_plan_print(const struct sim_plan *plan, FILE *out)
{
    char text[200];

    for (unsigned i = 0; i < plan->agent_count; i++)
        fprintf(out, "agent a%u builds for %s%s%s in %u slot%s\n", i,
                sim_arch_names[plan->agent_arch[i]],
                plan->agent_emulates[i] ? " and, emulated, " : "",
                plan->agent_emulates[i] ? sim_arch_names[plan->agent_emulates[i] - 1] : "",
                plan->agent_slots[i], plan->agent_slots[i] == 1 ? "" : "s");
    for (size_t i = 0; i < plan->submit_count; i++)
        print_submit(&plan->submits[i], i, out);
    for (size_t i = 0; i < plan->fault_count; i++) {
        const struct sim_fault *fault = &plan->faults[i];
        if (fault->is_off)
            continue;
        sim_plan_fault_text(plan, fault, text, sizeof(text));
        fprintf(out, "%3lld.%03lld  %s%s\n", (long long)fault->at_ms / 1000,
                (long long)fault->at_ms % 1000,
                fault->kind < SIM_FIRST_TIMED ? "(from then on) " : "", text);
    }
    fprintf(out, "%3lld.%03lld  nothing goes wrong any more\n", (long long)plan->end_ms / 1000,
            (long long)plan->end_ms % 1000);
}

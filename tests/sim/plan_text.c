/* A plan in words that scenario.c reads again. */
#include "tests/sim/plan.h"

#include "tests/sim/words.h"

#include "coordinator/core/fact.h"

#include <string.h>

#define WORD(field, text)                              \
    {                                                  \
        text, offsetof(struct sim_submit, field), true \
    }

/* Fields of one byte; whatever is added here can be said in scenarios and is printed of a plan. */
const struct sim_submit_word sim_submit_words[] = {
    { "unsigned", offsetof(struct sim_submit, is_signed), false },
    WORD(force, "--force"),
    WORD(in_turn, "upload in turn"),
    WORD(sequential, "--sequential"),
    WORD(build_only, "build only"),
    WORD(no_build, "--nobuild"),
    WORD(dry_run, "--dry-run"),
    WORD(no_arch_tags, "no tags of architectures"),
    WORD(emulation, "--allow-emulation"),
    WORD(replaces, "--replace"),
    WORD(adopts, "--adopt"),
    { "from the tags of its architectures", offsetof(struct sim_submit, origin),
      LK_PACKAGE_FROM_ARCH_TAGS },
    WORD(twin, "as the client before"),
    { "--keep-going", offsetof(struct sim_submit, failures), 1 },
    { "--fail-fast", offsetof(struct sim_submit, failures), 2 },
    WORD(is_hurried, "--job-timeout"),
    WORD(is_limited, "--timeout"),
    { "--priority low", offsetof(struct sim_submit, priority), LK_PRIORITY_LOW },
    { "--priority high", offsetof(struct sim_submit, priority), LK_PRIORITY_HIGH },
    { "retried once", offsetof(struct sim_submit, retries), 1 },
    { "retried twice", offsetof(struct sim_submit, retries), 2 },
};
const size_t sim_submit_word_count = sizeof(sim_submit_words) / sizeof(sim_submit_words[0]);

static int print_duration(char *text, size_t size, int64_t ms)
{
    if (ms % 1000 == 0)
        return snprintf(text, size, "%lld s", (long long)ms / 1000);
    return snprintf(text, size, "%lld.%03lld s", (long long)ms / 1000, (long long)ms % 1000);
}

static int print_name(char *text, size_t size, struct sim_name name)
{
    return snprintf(text, size, "org/%c:t%u", 'a' + name.repository, name.tag);
}

/* One of a sentence's letters after '%'. */
static int print_part(const struct sim_plan *plan, const struct sim_fault *fault, char letter,
                      char *text, size_t size)
{
    switch (letter) {
    case 'a': return snprintf(text, size, "agent a%u", fault->agent);
    case 'd': return print_duration(text, size, fault->for_ms);
    case 't': return print_name(text, size, sim_luck_name(fault->luck));
    case 'r': return snprintf(text, size, "%s", sim_arch_names[sim_luck_arch(fault->luck)]);
    case 'c': return snprintf(text, size, "c%u", (unsigned)(fault->luck % plan->submit_count));
    default: return snprintf(text, size, "%u", fault->luck);
    }
}

void sim_plan_fault_text(const struct sim_plan *plan, const struct sim_fault *fault, char *text,
                         size_t size)
{
    const char *sentence = sim_fault_sentence(fault->kind);
    size_t      len = 0;

    text[0] = '\0';
    for (const char *at = sentence; *at && len + 1 < size; at++) {
        int wrote = 1;
        if (at[0] == '%')
            wrote = print_part(plan, fault, *++at, text + len, size - len);
        else
            snprintf(text + len, size - len, "%c", at[0]);
        len += (size_t)wrote;
    }
    if (len >= size || sim_sentence_has_luck(sentence) || !fault->luck)
        return;
    len += (size_t)snprintf(text + len, size - len, " [luck %u", fault->luck);
    if (len < size && !strstr(sentence, "%d") && fault->for_ms) {
        len += (size_t)snprintf(text + len, size - len, ", ");
        len += (size_t)print_duration(text + len, size - len, fault->for_ms);
    }
    if (len < size)
        snprintf(text + len, size - len, "]");
}

static void print_arches(uint8_t arches, FILE *out)
{
    fputs(arches ? " for" : " for all that there is", out);
    for (unsigned i = 0; i < SIM_ARCHES; i++)
        if (arches >> i & 1)
            fprintf(out, " %s", sim_arch_names[i]);
}

static void print_submit(const struct sim_submit *submit, size_t number, FILE *out)
{
    char at[32], name[16], other[16];

    print_duration(at, sizeof(at), submit->at_ms);
    print_name(name, sizeof(name), submit->name);
    fprintf(out, "at %s: c%zu pushes %s", at, number, name);
    print_name(other, sizeof(other), submit->second);
    if (submit->has_second)
        fprintf(out, submit->is_after ? " and after it %s" : " and %s", other);
    print_name(other, sizeof(other), submit->from);
    if (submit->origin == LK_PACKAGE_FROM_INDEX)
        fprintf(out, " from %s", other);
    print_arches(submit->arches, out);
    for (size_t i = 0; i < sim_submit_word_count; i++) {
        const struct sim_submit_word *word = &sim_submit_words[i];
        if (((const uint8_t *)submit)[word->offset] == word->value)
            fprintf(out, ", %s", word->text);
    }
    putc('\n', out);
}

static void print_agent(const struct sim_plan *plan, unsigned number, FILE *out)
{
    char each[32];

    fprintf(out, "agent a%u builds %s", number, sim_arch_names[plan->agent_arch[number]]);
    if (plan->agent_emulates[number])
        fprintf(out, ", emulates %s", sim_arch_names[plan->agent_emulates[number] - 1]);
    if (plan->agent_slots[number] != 1)
        fprintf(out, ", has %u slots", plan->agent_slots[number]);
    print_duration(each, sizeof(each), plan->agent_build_ms[number]);
    if (plan->agent_build_ms[number])
        fprintf(out, ", each in %s", each);
    putc('\n', out);
}

static void print_fault(const struct sim_plan *plan, const struct sim_fault *fault, FILE *out)
{
    char at[32], text[200];

    print_duration(at, sizeof(at), fault->at_ms);
    sim_plan_fault_text(plan, fault, text, sizeof(text));
    fprintf(out, fault->kind < SIM_FIRST_TIMED ? "from %s on: %s\n" : "at %s: %s\n", at, text);
}

void sim_plan_print(const struct sim_plan *plan, FILE *out)
{
    char end[32];

    fprintf(out, "seed %llu\n", (unsigned long long)plan->seed);
    for (unsigned i = 0; i < plan->agent_count; i++)
        print_agent(plan, i, out);
    for (size_t i = 0; i < plan->submit_count; i++)
        print_submit(&plan->submits[i], i, out);
    for (size_t i = 0; i < plan->fault_count; i++)
        if (!plan->faults[i].is_off)
            print_fault(plan, &plan->faults[i], out);
    print_duration(end, sizeof(end), plan->end_ms);
    fprintf(out, "at %s: nothing goes wrong any more\n", end);
}

#include "tests/sim/scenario.h"

#include "tests/sim/book.h"
#include "tests/sim/words.h"

#include "coordinator/core/fact.h"

#include <stdio.h>
#include <string.h>

#define END_MS 120000

/* What is being read. */
struct reader {
    struct scenario   *out;
    struct sim_reading reading;
    unsigned           line;
    char              *error;
    size_t             size;
};

static bool refuse(struct reader *reader, const char *text)
{
    snprintf(reader->error, reader->size, "%s", text);
    return false;
}

static bool fits(struct reader *reader, const char *sentence, struct sim_words *words)
{
    *words = (struct sim_words) { 0 };
    return sim_match_all(&reader->reading, reader->reading.line, sentence, words);
}

/* ---- who ---- */

static bool read_agent(struct reader *reader)
{
    struct sim_plan    *plan = &reader->out->plan;
    struct sim_reading *reading = &reader->reading;
    struct sim_words    words = { 0 };
    const char         *at = sim_match(reading, reading->line, "%a builds %r", &words);
    const char         *next;
    uint8_t             number = words.agent;

    if (!at)
        return false;
    if (number != plan->agent_count)
        return refuse(reader, "agents are numbered a0, a1 and so on, in this order");
    plan->agent_count++;
    plan->agent_arch[number] = words.arch;
    plan->agent_slots[number] = 1;
    while (*at) {
        if ((next = sim_match(reading, at, ", emulates %r", &words)))
            plan->agent_emulates[number] = (uint8_t)(words.arch + 1);
        else if ((next = sim_match(reading, at, ", has %n slots", &words)) &&
                 words.number >= 1 && words.number <= SIM_SLOTS_MAX)
            plan->agent_slots[number] = (uint8_t)words.number;
        else if ((next = sim_match(reading, at, ", each in %d", &words)))
            plan->agent_build_ms[number] = words.duration_ms;
        else
            return false;
        at = next;
    }
    return true;
}

static const char *read_what_is_pushed(struct sim_reading *reading, const char *at,
                                       struct sim_submit *submit)
{
    struct sim_words words = { 0 };
    const char      *next;

    submit->name = (struct sim_name) { 0 };
    if (!(at = sim_match(reading, at, "%t", &words)))
        return NULL;
    submit->name = words.name;
    if ((next = sim_match(reading, at, " and after it %t", &words)))
        submit->is_after = true;
    else
        next = sim_match(reading, at, " and %t", &words);
    if (next) {
        submit->has_second = true;
        submit->second = words.name;
        at = next;
    }
    if ((next = sim_match(reading, at, " from %t", &words))) {
        submit->origin = LK_PACKAGE_FROM_INDEX;
        submit->from = words.name;
        at = next;
    }
    if ((next = sim_match(reading, at, " for all that there is", &words)))
        return next;
    if ((next = sim_match(reading, at, " for %R", &words)))
        submit->arches = words.arches;
    return next;
}

static const char *read_submit_word(struct sim_reading *reading, const char *at,
                                    struct sim_submit *submit)
{
    struct sim_words words;
    const char      *longest = NULL;

    for (size_t i = 0; i < sim_submit_word_count; i++) {
        const struct sim_submit_word *word = &sim_submit_words[i];
        const char                   *next = sim_match(reading, at, word->text, &words);
        if (!next || next < longest || (*next && *next != ','))
            continue;
        longest = next;
        ((uint8_t *)submit)[word->offset] = word->value;
    }
    return longest;
}

static bool read_push(struct reader *reader)
{
    struct sim_plan    *plan = &reader->out->plan;
    struct sim_reading *reading = &reader->reading;
    struct sim_words    words = { 0 };
    struct sim_submit   submit = { .is_signed = true };
    const char         *at = sim_match(reading, reading->line, "at %d: %c pushes ", &words);

    if (!at || !(at = read_what_is_pushed(reading, at, &submit)))
        return false;
    submit.at_ms = words.duration_ms;
    while (*at)
        if (!(at = sim_match(reading, at, ", ", &words)) ||
            !(at = read_submit_word(reading, at, &submit)))
            return false;
    if (words.client != plan->submit_count)
        return refuse(reader, "clients are numbered c0, c1 and so on, in this order");
    plan->submits[plan->submit_count++] = submit;
    return true;
}

/* ---- what goes wrong, and when ---- */

/* What a seed's fault has besides its words. */
static const char *read_luck(struct sim_reading *reading, const char *at,
                             struct sim_fault *fault)
{
    struct sim_words words = { 0 };
    const char      *end = *at ? sim_match(reading, at, " [luck %n, %d]", &words) : NULL;

    if (end)
        fault->for_ms = words.duration_ms;
    else if (*at)
        end = sim_match(reading, at, " [luck %n]", &words);
    if (end)
        fault->luck = words.number;
    return end ? end : at;
}

static bool read_kind(struct reader *reader, const char *at, bool waits, bool is_timed,
                      struct sim_fault *fault)
{
    for (unsigned kind = waits ? 0 : SIM_FIRST_TIMED;
         kind < (is_timed ? SIM_FAULT_KINDS : SIM_FIRST_TIMED); kind++) {
        const char      *sentence = sim_fault_sentence((enum sim_fault_kind)kind);
        struct sim_words words = { 0 };
        const char      *end = sim_match(&reader->reading, at, sentence, &words);
        if (!end)
            continue;
        fault->kind = (enum sim_fault_kind)kind;
        fault->agent = words.agent;
        fault->for_ms = words.duration_ms;
        fault->luck = sim_luck_of(sentence, &words);
        if (!*read_luck(&reader->reading, end, fault))
            return true;
    }
    return false;
}

static bool read_when(struct reader *reader, struct sim_fault *fault, const char **out)
{
    struct sim_reading *reading = &reader->reading;
    struct sim_words    words = { 0 };
    const char         *at;

    if (!(at = sim_match(reading, reading->line, "before the %o %s%f is on disk: ", &words))) {
        at = sim_match(reading, reading->line, "when the %o %s%f is on disk: ", &words);
        fault->is_on_disk = true;
    }
    if (!at)
        return false;
    fault->fact = sim_fact_of(words.text);
    fault->nth = (uint8_t)words.number;
    fault->of = words.filter;
    *out = at;
    return fault->fact || refuse(reader, "there is no fact of that name (journal.c has them)");
}

static bool read_fault(struct reader *reader)
{
    struct sim_plan    *plan = &reader->out->plan;
    struct sim_reading *reading = &reader->reading;
    struct sim_words    words = { 0 };
    struct sim_fault    fault = { 0 };
    const char         *at;
    bool                good;

    if ((at = sim_match(reading, reading->line, "from %d on: ", &words)))
        good = read_kind(reader, at, true, false, &fault);
    else if ((at = sim_match(reading, reading->line, "at %d: ", &words)))
        good = read_kind(reader, at, false, true, &fault);
    else
        good = read_when(reader, &fault, &at) && read_kind(reader, at, true, true, &fault);
    if (!good)
        return false;
    if (plan->fault_count == SIM_FAULTS)
        return refuse(reader, "there are too many faults");
    fault.at_ms = words.duration_ms;
    reader->out->fault_lines[plan->fault_count] = reader->line;
    plan->faults[plan->fault_count++] = fault;
    return true;
}

static bool read_frame(struct reader *reader)
{
    struct sim_plan *plan = &reader->out->plan;
    struct sim_words words;

    if (fits(reader, "seed %n", &words)) {
        plan->seed = words.number;
        reader->out->is_drawn = true;
    } else if (fits(reader, "at %d: nothing goes wrong any more", &words))
        plan->end_ms = words.duration_ms;
    else if (fits(reader, "the coordinator has room for %n pushes", &words)) {
        plan->pushes_max = words.number < UINT8_MAX ? (uint8_t)words.number : UINT8_MAX;
        plan->history_max = plan->pushes_max / 2;
    } else if (fits(reader, "again, with the coordinator killed at each write", &words))
        reader->out->crashes = true;
    else
        return false;
    return true;
}

/* ---- what is expected ---- */

static const struct {
    const char *sentence;
    uint8_t     what;
    uint8_t     value; /* exit code, owner or comparison */
} expectations[] = {
    { "expect %c ends well", EXPECT_END, LK_OUTCOME_OK },
    { "expect %c ends with a failed build", EXPECT_END, LK_OUTCOME_BUILD_FAILED },
    { "expect %c ends in trouble", EXPECT_END, LK_OUTCOME_INFRASTRUCTURE },
    { "expect %c ends refused", EXPECT_END, LK_OUTCOME_REFUSED },
    { "expect %c ends unverified", EXPECT_END, LK_OUTCOME_VERIFICATION_FAILED },
    { "expect %c ends cancelled", EXPECT_END, LK_OUTCOME_CANCELLED },
    { "expect %c takes at least %d", EXPECT_DURATION, AT_LEAST },
    { "expect %c takes at most %d", EXPECT_DURATION, AT_MOST },
    { "expect %c is told %s", EXPECT_TEXT, 0 },
    { "expect %t names %R", EXPECT_NAMES, 0 },
    { "expect %t names nothing", EXPECT_NAMES, 0 },
    { "expect %t is a stranger's", EXPECT_STRANGER, 0 },
    { "expect %t is signed", EXPECT_SIGNED, 0 },
    { "expect %t-%r is ours", EXPECT_ARCH_TAG, OWNER_US },
    { "expect %t-%r is a stranger's", EXPECT_ARCH_TAG, OWNER_STRANGER },
    { "expect %t-%r names nothing", EXPECT_ARCH_TAG, OWNER_NOBODY },
    { "expect epoch %n", EXPECT_EPOCH, EXACTLY },
    { "expect epoch at least %n", EXPECT_EPOCH, AT_LEAST },
    { "expect promise %n kept", EXPECT_PROMISE, 0 },
};

static const struct {
    const char *one, *many;
    uint8_t     thing, fact;
} things[] = {
    { "build", "builds", THING_BUILD, 0 },
    { "upload", "uploads", THING_UPLOAD, 0 },
    { "manifest", "manifests", THING_MANIFEST, 0 },
    { "write of the tag", "writes of the tag", THING_TAG_WRITE, 0 },
    { "write of the tags of architectures", "writes of the tags of architectures",
      THING_ARCH_TAG_WRITE, 0 },
    { "stale answer", "stale answers", THING_STALE, 0 },
    { "attempt", "attempts", THING_FACT, LK_FACT_JOB_ASSIGNED },
    { "permit", "permits", THING_FACT, LK_FACT_PERMIT_GRANTED },
    { "push accepted", "pushes accepted", THING_FACT, LK_FACT_PUSH_ACCEPTED },
    { "start", "starts", THING_FACT, LK_FACT_STARTED },
    { "%s", "%s", THING_FACT, 0 },
};

static struct expectation *add(struct reader *reader, enum expect_what what,
                               const struct sim_words *words)
{
    struct scenario    *scenario = reader->out;
    struct expectation *expect = &scenario->expects[scenario->expect_count++];

    *expect = (struct expectation) { .line = reader->line,
                                     .what = what,
                                     .client = words->client,
                                     .arch = words->arch,
                                     .arches = words->arches,
                                     .number = words->number,
                                     .duration_ms = words->duration_ms,
                                     .name = words->name,
                                     .filter = words->filter };
    snprintf(expect->text, sizeof(expect->text), "%s", words->text);
    return expect;
}

static const char *read_comparison(struct sim_reading *reading, enum expect_compare *compare,
                                   struct sim_words *words)
{
    static const struct {
        const char *sentence;
        uint8_t     compare;
    } all[] = { { "expect no ", EXACTLY },
                { "expect at least %n ", AT_LEAST },
                { "expect at most %n ", AT_MOST },
                { "expect %n ", EXACTLY } };
    const char *at;

    for (size_t i = 0; i < LK_COUNT(all); i++) {
        *compare = (enum expect_compare)all[i].compare;
        if ((at = sim_match(reading, reading->line, all[i].sentence, words)))
            return at;
    }
    return NULL;
}

static bool read_count(struct reader *reader)
{
    enum expect_compare compare;
    struct sim_words    words = { 0 };
    const char         *next, *at = read_comparison(&reader->reading, &compare, &words);

    for (size_t i = 0; at && i < LK_COUNT(things); i++) {
        const char *noun = words.number == 1 ? things[i].one : things[i].many;
        if (!(next = sim_match(&reader->reading, at, noun, &words)) ||
            !sim_match_all(&reader->reading, next, "%f", &words))
            continue;
        struct expectation *expect = add(reader, EXPECT_COUNT, &words);
        expect->compare = compare;
        expect->thing = (enum expect_thing)things[i].thing;
        expect->fact = things[i].fact ? things[i].fact : sim_fact_of(words.text);
        if (expect->thing == THING_FACT && !expect->fact)
            return refuse(reader, "there is no fact of that name (journal.c has them)");
        return true;
    }
    return false;
}

static bool read_expectation(struct reader *reader)
{
    struct sim_words words;

    if (reader->out->expect_count == SCENARIO_EXPECTS)
        return refuse(reader, "too much is expected");
    for (size_t i = 0; i < LK_COUNT(expectations); i++) {
        if (!fits(reader, expectations[i].sentence, &words))
            continue;
        struct expectation *expect =
            add(reader, (enum expect_what)expectations[i].what, &words);
        expect->compare = (enum expect_compare)expectations[i].value;
        if (expect->what == EXPECT_END || expect->what == EXPECT_ARCH_TAG)
            expect->number = expectations[i].value;
        return true;
    }
    return read_count(reader);
}

/* ---- the file ---- */

static bool read_line(struct reader *reader, const char *line)
{
    reader->reading = (struct sim_reading) { .line = line, .furthest = line };
    if (*line == '\0' || *line == '#')
        return true;
    return read_frame(reader) || (*reader->error == '\0' && read_agent(reader)) ||
           (*reader->error == '\0' && read_push(reader)) ||
           (*reader->error == '\0' && read_fault(reader)) ||
           (*reader->error == '\0' && read_expectation(reader));
}

static bool refers_to_whom_there_is(struct reader *reader)
{
    const struct scenario *s = reader->out;

    for (size_t i = 0; i < s->plan.fault_count; i++) {
        reader->line = s->fault_lines[i];
        if (s->plan.faults[i].agent >= s->plan.agent_count)
            return refuse(reader, "there is no such agent");
        if (s->plan.faults[i].kind == SIM_PERSON_CANCELS &&
            s->plan.faults[i].luck >= s->plan.submit_count)
            return refuse(reader, "there is no such client");
    }
    for (size_t i = 0; i < s->expect_count; i++) {
        reader->line = s->expects[i].line;
        if (s->expects[i].client >= s->plan.submit_count)
            return refuse(reader, "there is no such client");
    }
    return true;
}

static bool read_lines(struct reader *reader, FILE *file)
{
    char line[300];

    while (fgets(line, sizeof(line), file)) {
        reader->line++;
        line[strcspn(line, "\n")] = '\0';
        if (read_line(reader, line))
            continue;
        if (*reader->error == '\0')
            snprintf(reader->error, reader->size,
                     "not understood from \"%s\" on; there may be%s", reader->reading.furthest,
                     reader->reading.allowed);
        return false;
    }
    if (reader->out->plan.agent_count == 0 || reader->out->plan.submit_count == 0)
        return refuse(reader, "nobody builds, or nobody pushes");
    if (reader->out->expect_count == 0)
        return refuse(reader, "nothing is expected");
    return refers_to_whom_there_is(reader);
}

bool scenario_read(struct scenario *out, const char *name, char *error, size_t size)
{
    char          text[1000] = "";
    struct reader reader = { .out = out, .error = text, .size = sizeof(text) };
    FILE         *file = fopen(name, "r");

    *out = (struct scenario) { .plan = { .seed = 1, .end_ms = END_MS, .is_scenario = true } };
    if (!file) {
        snprintf(error, size, "%s: cannot be read", name);
        return false;
    }
    bool good = read_lines(&reader, file);
    fclose(file);
    if (!good)
        snprintf(error, size, "%s:%u: %s", name, reader.line, text);
    return good;
}

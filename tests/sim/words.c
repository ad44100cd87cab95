#include "tests/sim/words.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define DURATION_MAX_S 100000
#define NUMBER_MAX     4294967295

static const char *const ordinals[] = { "first", "second",  "third",  "fourth", "fifth",
                                        "sixth", "seventh", "eighth", "ninth",  "tenth" };

static const char *skip(const char *at, const char *word)
{
    size_t len = strlen(word);

    return at && strncmp(at, word, len) == 0 ? at + len : NULL;
}

static const char *read_number(const char *at, uint64_t max, uint64_t *out)
{
    uint64_t number = 0;

    if (!isdigit((unsigned char)*at))
        return NULL;
    for (; isdigit((unsigned char)*at); at++)
        if ((number = number * 10 + (uint64_t)(*at - '0')) > max)
            return NULL;
    *out = number;
    return at;
}

/* "a" and a number below `count`. */
static const char *read_numbered(const char *at, const char *letter, uint64_t count,
                                 uint8_t *out)
{
    uint64_t number;

    if (!(at = skip(at, letter)) || !(at = read_number(at, count - 1, &number)))
        return NULL;
    *out = (uint8_t)number;
    return at;
}

static const char *read_duration(const char *at, int64_t *out)
{
    uint64_t seconds, part = 0;
    int64_t  ms = 0;

    if (!(at = read_number(at, DURATION_MAX_S, &seconds)))
        return NULL;
    if (*at == '.')
        for (part = 100, at++; isdigit((unsigned char)*at); part /= 10)
            ms += (*at++ - '0') * (int64_t)part;
    *out = (int64_t)seconds * 1000 + ms;
    return skip(at, " s");
}

static const char *read_arch(const char *at, uint8_t *out)
{
    for (uint8_t i = 0; i < SIM_ARCHES; i++) {
        const char *end = skip(at, sim_arch_names[i]);
        if (end && !isalnum((unsigned char)*end)) {
            *out = i;
            return end;
        }
    }
    return NULL;
}

static const char *read_arches(const char *at, uint8_t *out)
{
    const char *end;
    uint8_t     arch;

    *out = 0;
    if (!(end = read_arch(at, &arch)))
        return NULL;
    do {
        at = end;
        *out |= (uint8_t)(1U << arch);
    } while (*at == ' ' && (end = read_arch(at + 1, &arch)));
    return at;
}

static const char *read_name(const char *at, struct sim_name *out)
{
    if (!(at = skip(at, "org/")) || *at < 'a' || *at >= 'a' + SIM_REPOSITORIES)
        return NULL;
    out->repository = (uint8_t)(*at - 'a');
    return read_numbered(at + 1, ":t", SIM_TAGS, &out->tag);
}

static const char *read_quoted(const char *at, char *out, size_t size)
{
    const char *end = *at == '"' ? strchr(at + 1, '"') : NULL;

    if (!end || (size_t)(end - at) > size)
        return NULL;
    snprintf(out, size, "%.*s", (int)(end - at - 1), at + 1);
    return end + 1;
}

static const char *read_ordinal(const char *at, uint32_t *out)
{
    for (uint32_t i = 0; i < sizeof(ordinals) / sizeof(ordinals[0]); i++) {
        const char *end = skip(at, ordinals[i]);
        if (end) {
            *out = i + 1;
            return end;
        }
    }
    return NULL;
}

static const char *read_filter(const char *at, struct sim_filter *out)
{
    const char *next;
    uint8_t     number;

    *out = (struct sim_filter) { 0 };
    if ((next = skip(at, " of ")) && (next = read_name(next, &out->name))) {
        out->has_name = true;
        at = next;
    }
    if ((next = skip(at, " for ")) && (next = read_arch(next, &number))) {
        out->arch = (uint8_t)(number + 1);
        at = next;
    }
    if ((next = skip(at, " on agent ")) &&
        (next = read_numbered(next, "a", SIM_AGENTS, &number))) {
        out->agent = (uint8_t)(number + 1);
        at = next;
    }
    return at;
}

static const char *read_part(const char *at, char letter, struct sim_words *out)
{
    uint64_t number = 0;

    switch (letter) {
    case 'a': return read_numbered(at, "agent a", SIM_AGENTS, &out->agent);
    case 'c': return read_numbered(at, "c", SIM_SUBMITS, &out->client);
    case 'd': return read_duration(at, &out->duration_ms);
    case 'f': return read_filter(at, &out->filter);
    case 'n':
        at = read_number(at, NUMBER_MAX, &number);
        out->number = (uint32_t)number;
        return at;
    case 'o': return read_ordinal(at, &out->number);
    case 'r': return read_arch(at, &out->arch);
    case 'R': return read_arches(at, &out->arches);
    case 's': return read_quoted(at, out->text, sizeof(out->text));
    case 't': return read_name(at, &out->name);
    default: return NULL;
    }
}

/* ---- what is said where nothing fits ---- */

static const char *meaning(char letter)
{
    switch (letter) {
    case 'a': return "agent aN";
    case 'c': return "cN";
    case 'd': return "N.N s";
    case 'f': return "";
    case 'n': return "N";
    case 'o': return "first (to tenth)";
    case 'r': return "amd64|arm64|s390x";
    case 'R': return "amd64 arm64 s390x";
    case 's': return "\"...\"";
    default: return "org/a:tN";
    }
}

static void append(char *text, size_t size, const char *more)
{
    size_t len = strlen(text);

    snprintf(text + len, size - len, "%s", more);
}

/* What of the sentence was not matched, in people's words. */
static void note(struct sim_reading *reading, const char *at, const char *rest)
{
    char words[200] = "";

    if (at < reading->furthest)
        return;
    if (at > reading->furthest)
        reading->allowed[0] = '\0';
    reading->furthest = at;
    for (; *rest; rest++) {
        const char letter[2] = { *rest, '\0' };
        append(words, sizeof(words), *rest == '%' ? meaning(*++rest) : letter);
    }
    append(reading->allowed, sizeof(reading->allowed), "\n    ");
    append(reading->allowed, sizeof(reading->allowed), *words ? words : "(the line's end)");
}

const char *sim_match(struct sim_reading *reading, const char *at, const char *sentence,
                      struct sim_words *out)
{
    const char *word = at, *word_of_sentence = sentence;

    while (*sentence) {
        const char *next = at + 1;
        size_t      took = 1;
        if (*sentence == '%') {
            next = read_part(at, sentence[1], out);
            took = 2;
        } else if (*at != *sentence) {
            next = NULL;
        }
        if (!next) {
            note(reading, word, word_of_sentence);
            return NULL;
        }
        at = next;
        sentence += took;
        if (at[-1] == ' ') {
            word = at;
            word_of_sentence = sentence;
        }
    }
    return at;
}

bool sim_match_all(struct sim_reading *reading, const char *at, const char *sentence,
                   struct sim_words *out)
{
    const char *end = sim_match(reading, at, sentence, out);

    if (end && *end)
        note(reading, end, "");
    return end && *end == '\0';
}

/* ---- luck ---- */

struct sim_name sim_luck_name(uint32_t luck)
{
    return (struct sim_name) { (uint8_t)(luck % SIM_REPOSITORIES),
                               (uint8_t)(luck / SIM_REPOSITORIES % SIM_TAGS) };
}

uint32_t sim_luck_arch(uint32_t luck)
{
    return luck / 64 % SIM_ARCHES;
}

uint32_t sim_luck_of(const char *sentence, const struct sim_words *words)
{
    if (strstr(sentence, "%t"))
        return words->name.repository + words->name.tag * (uint32_t)SIM_REPOSITORIES +
               64U * words->arch;
    return strstr(sentence, "%c") ? words->client : words->number;
}

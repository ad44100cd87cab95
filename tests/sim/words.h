/*
 * words - a line of a scenario is held against sentences, and whoever wrote it is told how far it was understood.
 *
 * In a sentence stand %a for "agent a1", %d for "1.5 s", %t for "org/a:t1", %r for "s390x", %R for several of those,
 * %c for "c2", %n for a number, %o for "second", %s for words in quotation marks, and %f for what narrows: nothing,
 * or " of org/a:t1", " for s390x", " on agent a2", in this order.
 */
#ifndef LK_TESTS_SIM_WORDS_H
#define LK_TESTS_SIM_WORDS_H

#include "tests/sim/plan.h"

/* What the letters of a sentence stood for. */
struct sim_words {
    uint8_t           agent;
    uint8_t           arch;
    uint8_t           arches; /* bits */
    uint8_t           client;
    uint32_t          number;
    int64_t           duration_ms;
    struct sim_name   name;
    struct sim_filter filter;
    char              text[120];
};

/* How far any sentence went, and what would have gone on from there. */
struct sim_reading {
    const char *line;
    const char *furthest;
    char        allowed[600];
};

/* Past what the sentence took of the line; NULL: it does not fit there, which was noted. */
const char *sim_match(struct sim_reading *reading, const char *at, const char *sentence,
                      struct sim_words *out);
/* The same, and the line ends there. */
bool sim_match_all(struct sim_reading *reading, const char *at, const char *sentence,
                   struct sim_words *out);

/* A fault's luck says which tag and architecture it is about. */
struct sim_name sim_luck_name(uint32_t luck);
uint32_t        sim_luck_arch(uint32_t luck);
uint32_t        sim_luck_of(const char *sentence, const struct sim_words *words);

#endif

/* book - the facts that were decided in a scenario, in their order; what waits for one of them happens then. */
#ifndef LK_TESTS_SIM_BOOK_H
#define LK_TESTS_SIM_BOOK_H

#include "tests/sim/sim.h"

struct lk_fact;

/* As the trace and the scenarios call them.  NULL, 0: there is no such one. */
const char *sim_fact_name(unsigned type);
uint8_t     sim_fact_of(const char *name);

struct sim_entry {
    uint8_t         type;
    bool            has_name;
    struct sim_name name;
    uint8_t         arch;  /* + 1; 0: none */
    uint8_t         agent; /* + 1; 0: none */
    uint32_t        life;  /* of the coordinator, and ... */
    size_t          place; /* ... in its journal: durable when that is */
};

bool sim_entry_fits(const struct sim_entry *entry, const struct sim_filter *filter);

/* A fact that was decided just now (journal.c). */
void book_note(struct sim *sim, const struct lk_fact *fact);
/* The journal is on disk up to its fact of that number. */
void book_synced(struct sim *sim, size_t count);

#endif

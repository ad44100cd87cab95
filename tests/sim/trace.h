/*
 * trace - what happens in a run, as the steps of the Promela models (tests/model): a line each, with small numbers.
 * `a granted 3 7 4097`: in repository a, package or job 3 ...; `*` is every repository.
 *
 * The disk of a run may hold more after a crash than was told, and a backup any part of it: such lines are put where
 * they belong when the run is over.
 */
#ifndef LK_TESTS_SIM_TRACE_H
#define LK_TESTS_SIM_TRACE_H

#include "tests/sim/sim.h"

struct lk_core;
struct lk_effect;
struct lk_event;
struct lk_fact;

/* Of a world that has begun: with its coordinator's first start, whose fact is on its way to the disk. */
struct sim_story *story_new(const struct sim *sim);
void              story_free(struct sim_story **story);
void              story_print(const struct sim_story *story, FILE *out);

/* All do nothing where `sim->story` is NULL. */
void story_fact(struct sim *sim, const struct lk_core *core, const struct lk_fact *fact,
                size_t count);
void story_event(struct sim *sim, const struct lk_event *event);
void story_effect(struct sim *sim, const struct lk_effect *effect);
void story_sync(struct sim *sim, bool begins);
/*
 * The disk then has `count` facts; with a backup, of those that there were once.  It `jumps` past all numbers that
 * were given since, unless it was put in place by hand.
 */
void story_crash(struct sim *sim, size_t count, size_t durable);
void story_restore(struct sim *sim, size_t count, bool jumps);
void story_compacted(struct sim *sim, size_t count);
void story_image(struct sim *sim, const struct sim_image *image);
void story_tag(struct sim *sim, const struct lk_effect *effect, uint32_t image);
void story_outsider(struct sim *sim, const struct sim_tag *tag, uint32_t image);
/* What an agent does: "followed" (its epoch) and "wiped". */
void story_agent(struct sim *sim, const char *what, uint32_t agent, uint64_t epoch);
void story_took(struct sim *sim, uint32_t agent, uint64_t job, uint64_t fence);
void story_reported(struct sim *sim, uint32_t agent, uint64_t job, uint64_t fence);
void story_signed(struct sim *sim, uint32_t index);

#endif

/*
 * snapshot - what of the journal still matters: a shorter journal that gives the same state again.
 *
 * A fact is kept as it is, in its place, as long as its push is remembered.  What outlives pushes (the numbers
 * given, the records of what was published) follows in facts of its own.  So what apply.c knows of a push is never
 * told a second way, and a new kind of fact has only to say here to whom it belongs.
 *
 * Pure.  A snapshot is a copy: another thread may use it while the core goes on.
 */
#ifndef LK_CORE_SNAPSHOT_H
#define LK_CORE_SNAPSHOT_H

#include "coordinator/core/core.h"

struct lk_snapshot;

/* Of a core that has applied exactly the facts that are then asked about. */
struct lk_snapshot *lk_snapshot_take(const struct lk_core *core);
void                lk_snapshot_free(struct lk_snapshot **snapshot);

bool lk_snapshot_keeps(const struct lk_snapshot *snapshot, const struct lk_fact *fact);

/* What follows the facts that are kept, from index 0 on.  False: that was all. */
bool lk_snapshot_adds(const struct lk_snapshot *snapshot, size_t index, struct lk_fact *out);

#endif

/*
 * logbook - the build logs: one file an attempt, capped, readable while it grows.
 *
 * Agents bound and count what they drop; this bounds again, because an agent may be wrong.  Readers come with
 * an offset, so nothing is kept in memory for them.  Losing a log loses no push: errors are logged, not fatal.
 */
#ifndef LK_LOGBOOK_H
#define LK_LOGBOOK_H

#include "common/base/err.h"
#include "common/base/str.h"

struct lk_logbook;

int  lk_logbook_open(struct lk_logbook **out, const char *directory, struct lk_err *err);
void lk_logbook_close(struct lk_logbook **book);

/* How many bytes of an attempt's log there are. */
uint64_t lk_logbook_size(const struct lk_logbook *book, uint64_t job, uint32_t attempt);

/* Appends what begins at `offset`: bytes that are there already are skipped. */
int lk_logbook_append(struct lk_logbook *book, uint64_t job, uint32_t attempt, uint64_t offset,
                      struct lk_str bytes, struct lk_err *err);

/* Nothing more will come of an attempt.  (Remembered for the last few hundred attempts; older ones have ended.) */
void lk_logbook_end(struct lk_logbook *book, uint64_t job, uint32_t attempt);
bool lk_logbook_has_ended(const struct lk_logbook *book, uint64_t job, uint32_t attempt);

/* Reads at most `size` bytes from `offset`; the number of them, 0 at the end, -1 on trouble. */
long lk_logbook_read(const struct lk_logbook *book, uint64_t job, uint32_t attempt,
                     uint64_t offset, char *out, size_t size);

/* Removes the logs of a job. */
void lk_logbook_forget(struct lk_logbook *book, uint64_t job, uint32_t last_attempt);

#endif

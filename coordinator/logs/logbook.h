/*
 * logbook - the build logs: one file an attempt, capped, readable while it grows; one directory a push.
 *
 * Agents bound and count what they leave out; this bounds again, because an agent may be wrong, and bounds all
 * logs together: the oldest go first (lk_logbook_choose), and what finds no room all the same is left out.  A log
 * says so itself, where the bytes are missing.  Readers come with an offset, so nothing is kept in memory for
 * them; that a log has ended stands in its file's mode, so that a restart knows it too.  Losing a log loses no
 * push: errors are logged, not fatal.
 *
 * The loop's thread calls everything but lk_logbook_forget and lk_logbook_empty, which may take their time on
 * another; then lk_logbook_gone.
 */
#ifndef LK_LOGBOOK_H
#define LK_LOGBOOK_H

#include "common/base/err.h"
#include "common/base/str.h"

struct lk_logbook;

struct lk_log_id {
    uint64_t push;
    uint64_t job;
    uint32_t attempt;
};

int  lk_logbook_open(struct lk_logbook **out, const char *directory, uint64_t max_bytes,
                     struct lk_err *err);
void lk_logbook_close(struct lk_logbook **book);

/* How many bytes of an attempt's log there are. */
uint64_t lk_logbook_size(const struct lk_logbook *book, struct lk_log_id id);

/*
 * Appends what begins at `offset`.  Bytes that are there already are skipped, and so is what comes after the end;
 * a gap is INVALID.  What finds no room ends what is kept of this log, with a mark.
 */
int lk_logbook_append(struct lk_logbook *book, struct lk_log_id id, uint64_t offset,
                      struct lk_str bytes, struct lk_err *err);

/* Nothing more will come: the log had `length` bytes in all. */
int  lk_logbook_end(struct lk_logbook *book, struct lk_log_id id, uint64_t length,
                    struct lk_err *err);
bool lk_logbook_has_ended(const struct lk_logbook *book, struct lk_log_id id);

/* Reads at most `size` bytes from `offset`; the number of them, 0 if there are none (yet), -1 on trouble. */
long lk_logbook_read(const struct lk_logbook *book, struct lk_log_id id, uint64_t offset,
                     char *out, size_t size);

/*
 * When the logs come near their maximum: the oldest push, of those that `may_go`, whose logs are to be emptied.
 * 0: none has to, or none may.  The same one is not given twice.
 */
uint64_t lk_logbook_choose(struct lk_logbook *book, bool (*may_go)(void *ctx, uint64_t push),
                           void              *ctx);

/* Removes the logs of a push; `empty` leaves a mark that says that there were some. */
int  lk_logbook_forget(const struct lk_logbook *book, uint64_t push, struct lk_err *err);
int  lk_logbook_empty(const struct lk_logbook *book, uint64_t push, struct lk_err *err);
void lk_logbook_gone(struct lk_logbook *book, uint64_t push); /* they do not count any more */

bool lk_logbook_was_emptied(const struct lk_logbook *book, uint64_t push);

/* Calls `each` for every push that has logs here. */
int lk_logbook_list(const struct lk_logbook *book, void (*each)(void *ctx, uint64_t push),
                    void *ctx, struct lk_err *err);

#endif

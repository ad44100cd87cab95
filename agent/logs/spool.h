/*
 * spool - the log of one attempt: takes all that a build prints, keeps it within a quota, and gives it out
 * piece by piece as far as the reader's credit goes.
 *
 * Kept in an unlinked file, so it needs no tidying up.  When the quota is full the beginning stays and
 * so do the last lines, where the reason of a failure stands; what was left out between is counted
 * and said in the piece that follows the gap.  Loop thread only.
 */
#ifndef LK_AGENT_SPOOL_H
#define LK_AGENT_SPOOL_H

#include "common/base/err.h"
#include "common/base/limits.h"
#include "common/base/str.h"
#include "proto/message.h"

struct lk_spool;

/* `quota` bytes in all, at least LK_SPOOL_TAIL_BYTES * 2. */
#define LK_SPOOL_TAIL_BYTES (64 * 1024)
int  lk_spool_open(struct lk_spool **out, const char *directory, uint64_t job, uint32_t attempt,
                   size_t quota, struct lk_err *err);
void lk_spool_close(struct lk_spool **spool);

void lk_spool_write(struct lk_spool *spool, struct lk_str bytes);
void lk_spool_end(struct lk_spool *spool); /* nothing more will be written */

/* The last line that is not blank; "" if there is none. */
const char *lk_spool_last_line(const struct lk_spool *spool);

/*
 * The reader: may have so much more; wants it from an offset; is gone, and its credit with it.  What was on its
 * way then may be lost, so everything is offered again: a reader skips what it has, by offset.
 */
void lk_spool_credit(struct lk_spool *spool, uint64_t bytes);
void lk_spool_seek(struct lk_spool *spool, uint64_t offset);
void lk_spool_reader_gone(struct lk_spool *spool);

/* The next LOG_PIECE; payload borrowed until the next call.  False: nothing now.  lk_spool_sent() when it went out. */
bool lk_spool_next(struct lk_spool *spool, lk_wire_LogPiece *piece, struct lk_str *payload);
void lk_spool_sent(struct lk_spool *spool);

/* True once the piece that says `end` went out. */
bool lk_spool_is_drained(const struct lk_spool *spool);

#endif

/*
 * sender - answers WANT with OBJECT pieces (zstd, at most 64 KiB raw each) as far as CREDIT goes.
 *
 * Where objects come from is the caller's: a maintainer's repository (lkcoord) or a store (lkcoordd).  A store's
 * are read piece by piece, so that a coordinator's memory does not depend on how large files are.
 */
#ifndef LK_SOURCE_SENDER_H
#define LK_SOURCE_SENDER_H

#include "common/base/buf.h"
#include "proto/message.h"

/*
 * One of the two gives an object; NOT_FOUND becomes ABSENT.  `read` is for lkcoord: git's packs hold most objects
 * as deltas, and libgit2 gives those out whole or not at all.
 */
struct lk_object_source {
    /* Whole content into `out` (its max is the limit). */
    int (*read)(void *ctx, const struct lk_oid *oid, bool *is_tree, struct lk_buf *out,
                struct lk_err *err);
    void *ctx;
    /* An fd at the start, which the sender will close. */
    int (*open)(void *ctx, const struct lk_oid *oid, bool *is_tree, uint64_t *size,
                struct lk_err *err);
};

struct lk_sender;

struct lk_sender      *
lk_sender_new(const struct lk_object_source *source); /* copied; ctx borrowed */
void lk_sender_free(struct lk_sender **sender);

/* WANT or CREDIT (job 0).  INVALID if a peer asks for more than it may have queued. */
int lk_sender_take(struct lk_sender *sender, const lk_wire_Envelope *in, struct lk_err *err);

/*
 * The next OBJECT or ABSENT: fills envelope and payload (borrowed until the next call).  1: filled; 0:
 * nothing now; -1: an object could not be read (`err`), and will be said to be absent.  Call lk_sender_sent()
 * once it went out; without it the same message comes again (the pipe was full).
 */
int  lk_sender_next(struct lk_sender *sender, lk_wire_Envelope *out, struct lk_str *payload,
                    struct lk_err *err);
void lk_sender_sent(struct lk_sender *sender);

/* True after a 0 that only means: enough for one turn (a large file is being hashed), call again. */
bool lk_sender_is_busy(const struct lk_sender *sender);

#endif

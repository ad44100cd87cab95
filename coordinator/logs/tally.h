/*
 * tally - how many bytes each push's logs take, so that all together have a maximum.
 *
 * Loop thread only.  In memory; the logbook counts anew when it is opened.
 */
#ifndef LK_LOGS_TALLY_H
#define LK_LOGS_TALLY_H

#include "common/base/base.h"

struct lk_tally_entry {
    uint64_t push;
    uint64_t bytes;
    bool     leaving; /* chosen to go, and still there */
};

struct lk_tally {
    struct lk_tally_entry *list; /* by push, so the oldest is first */
    size_t                 count;
    size_t                 capacity;
    uint64_t               bytes;
    uint64_t               leaving_bytes;
};

void lk_tally_fini(struct lk_tally *tally);

void lk_tally_add(struct lk_tally *tally, uint64_t push, uint64_t bytes);
void lk_tally_forget(struct lk_tally *tally, uint64_t push);

/* The oldest that may go and is not leaving yet; it is leaving from now on.  0: none. */
uint64_t lk_tally_choose(struct lk_tally *tally, bool (*may_go)(void *ctx, uint64_t push),
                         void            *ctx);

#endif

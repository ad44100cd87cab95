/* tail - the last lines of something long, kept in bounded memory.  Pure. */
#ifndef LK_CLI_TAIL_H
#define LK_CLI_TAIL_H

#include "common/base/buf.h"

struct lk_tail {
    struct lk_buf kept;
    bool          cut; /* something was left out in front */
};

void lk_tail_init(struct lk_tail *tail);
void lk_tail_fini(struct lk_tail *tail);
void lk_tail_add(struct lk_tail *tail, struct lk_str bytes);

/* Calls `each` for every one of the last `lines` lines, without line feeds. */
void lk_tail_each(const struct lk_tail *tail, size_t                 lines,
                  void (*each)(void *ctx, struct lk_str line), void *ctx);

#endif

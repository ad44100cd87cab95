#include "coordinator/cli/tail.h"

#include "common/base/limits.h"

#include <string.h>

#define KEEP_BYTES (64 * 1024)

void lk_tail_init(struct lk_tail *tail)
{
    *tail = (struct lk_tail) { .kept = LK_BUF_INIT(KEEP_BYTES + LK_WIRE_FRAME_MAX) };
}

void lk_tail_fini(struct lk_tail *tail)
{
    lk_buf_fini(&tail->kept);
}

void lk_tail_add(struct lk_tail *tail, struct lk_str bytes)
{
    if (tail->kept.len > KEEP_BYTES) {
        size_t surplus = tail->kept.len - KEEP_BYTES;

        memmove(tail->kept.data, tail->kept.data + surplus, KEEP_BYTES);
        tail->kept.len = KEEP_BYTES;
        tail->kept.data[KEEP_BYTES] = '\0';
        tail->cut = true;
    }
    lk_buf_add_str(&tail->kept, bytes);
}

void lk_tail_each(const struct lk_tail *tail, size_t                 lines,
                  void (*each)(void *ctx, struct lk_str line), void *ctx)
{
    struct lk_str all = lk_buf_str(&tail->kept);
    struct lk_str line;
    size_t        start;

    if (lk_str_ends(all, "\n"))
        all.len--;
    start = all.len;
    while (start > 0 && (all.data[start - 1] != '\n' || --lines > 0))
        start--;
    if (all.len == 0)
        return;

    struct lk_str rest = { all.data + start, all.len - start };

    while (lk_str_split(rest, '\n', &line, &rest))
        each(ctx, line);
    each(ctx, rest);
}

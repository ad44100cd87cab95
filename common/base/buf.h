/*
 * buf - bytes that grow up to a maximum stated at the start.
 *
 * A buffer cannot exist without its maximum: whatever input makes it grow, it stops there.  The
 * contents are always followed by a NUL that `len` does not count.  An append that would pass the
 * maximum changes nothing and fails; failure is also sticky, so that a row of appends may be
 * checked once by lk_buf_ok().
 */
#ifndef LK_BUF_H
#define LK_BUF_H

#include "common/base/base.h"
#include "common/base/str.h"

struct lk_buf {
    char  *data; /* never NULL once something was appended */
    size_t len;
    size_t capacity;
    size_t max;
    bool   failed;
};

#define LK_BUF_INIT(max_bytes) ((struct lk_buf) { .max = (max_bytes) })

void lk_buf_fini(struct lk_buf *buf); /* also for LK_CLEANUP; the buffer can be used again */
void lk_buf_clear(struct lk_buf *buf);

bool lk_buf_add(struct lk_buf *buf, const void *data, size_t len);
bool lk_buf_add_text(struct lk_buf *buf, const char *text);
bool lk_buf_add_str(struct lk_buf *buf, struct lk_str str);
bool lk_buf_printf(struct lk_buf *buf, const char *format, ...) LK_PRINTF(2, 3);

/* True while no append has failed. */
bool lk_buf_ok(const struct lk_buf *buf);

/* The contents as a C string; "" for an empty buffer.  Borrowed. */
const char *lk_buf_text(const struct lk_buf *buf);

/* The contents as a slice.  Borrowed. */
struct lk_str lk_buf_str(const struct lk_buf *buf);

/* Hands the memory over (NUL-terminated, for free()); the buffer is empty afterwards. */
char *lk_buf_take(struct lk_buf *buf);

#endif

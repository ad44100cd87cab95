/* line - one line through a stream socket, whole and in time; any thread. */
#ifndef LK_SIGN_LINE_H
#define LK_SIGN_LINE_H

#include "common/base/buf.h"
#include "common/base/err.h"

/* RETRY: `fd`, which is non-blocking, did not take it before `until_ms` (CLOCK_BOOTTIME), or was closed. */
int lk_line_send(int fd, struct lk_str line, int64_t until_ms, struct lk_err *err);

/* Up to and without the first newline.  LIMIT if there is none within out->max. */
int lk_line_receive(int fd, struct lk_buf *out, int64_t until_ms, struct lk_err *err);

/* The same piece by piece: what is there now; `*is_whole` becomes true with the newline. */
int lk_line_take(int fd, struct lk_buf *out, bool *is_whole, struct lk_err *err);

#endif

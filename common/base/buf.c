#include "common/base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void lk_buf_fini(struct lk_buf *buf)
{
    free(buf->data);
    *buf = LK_BUF_INIT(buf->max);
}

void lk_buf_clear(struct lk_buf *buf)
{
    buf->len = 0;
    buf->failed = false;
    if (buf->data)
        buf->data[0] = '\0';
}

/* Makes room for `more` bytes and the closing NUL. */
static bool reserve(struct lk_buf *buf, size_t more)
{
    if (buf->failed || more > buf->max - buf->len) {
        buf->failed = true;
        return false;
    }
    size_t needed = buf->len + more + 1;
    if (needed <= buf->capacity)
        return true;
    size_t capacity = buf->capacity ? buf->capacity : 64;
    while (capacity < needed)
        capacity = capacity > SIZE_MAX / 2 ? needed : capacity * 2;
    buf->data = lk_xrealloc(buf->data, capacity);
    buf->capacity = capacity;
    return true;
}

bool lk_buf_add(struct lk_buf *buf, const void *data, size_t len)
{
    if (!reserve(buf, len))
        return false;
    if (len)
        memcpy(buf->data + buf->len, data, len);
    buf->len += len;
    buf->data[buf->len] = '\0';
    return true;
}

bool lk_buf_add_text(struct lk_buf *buf, const char *text)
{
    return lk_buf_add(buf, text, strlen(text));
}

bool lk_buf_add_str(struct lk_buf *buf, struct lk_str str)
{
    return lk_buf_add(buf, str.data, str.len);
}

bool lk_buf_printf(struct lk_buf *buf, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (length < 0 || !reserve(buf, (size_t)length)) {
        buf->failed = true;
        return false;
    }
    va_start(args, format);
    vsnprintf(buf->data + buf->len, (size_t)length + 1, format, args);
    va_end(args);
    buf->len += (size_t)length;
    return true;
}

bool lk_buf_ok(const struct lk_buf *buf)
{
    return !buf->failed;
}

const char *lk_buf_text(const struct lk_buf *buf)
{
    return buf->data ? buf->data : "";
}

struct lk_str lk_buf_str(const struct lk_buf *buf)
{
    return (struct lk_str) { lk_buf_text(buf), buf->len };
}

char *lk_buf_take(struct lk_buf *buf)
{
    char *data = buf->data ? buf->data : lk_xstrdup("");

    *buf = LK_BUF_INIT(buf->max);
    return data;
}

#include "common/base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int lk_err_set(struct lk_err *err, enum lk_err_kind kind, const char *format, ...)
{
    va_list args;

    err->kind = kind;
    err->sys = 0;
    err->retry_after_ms = 0;
    err->is_signers = false;
    va_start(args, format);
    vsnprintf(err->text, sizeof(err->text), format, args);
    va_end(args);
    return -1;
}

static enum lk_err_kind kind_of_errno(int code)
{
    if (code == ENOENT)
        return LK_ERR_NOT_FOUND;
    if (code == EACCES || code == EPERM)
        return LK_ERR_DENIED;
    return LK_ERR_PERMANENT;
}

int lk_err_sys(struct lk_err *err, const char *format, ...)
{
    int     code = errno;
    va_list args;

    err->kind = kind_of_errno(code);
    err->sys = code;
    err->retry_after_ms = 0;
    err->is_signers = false;
    va_start(args, format);
    vsnprintf(err->text, sizeof(err->text), format, args);
    va_end(args);

    size_t len = strlen(err->text);
    snprintf(err->text + len, sizeof(err->text) - len, ": %s", strerror(code));
    return -1;
}

int lk_err_wrap(struct lk_err *err, const char *format, ...)
{
    char    inner[LK_ERR_TEXT_MAX];
    va_list args;

    memcpy(inner, err->text, sizeof(inner));
    va_start(args, format);
    vsnprintf(err->text, sizeof(err->text), format, args);
    va_end(args);

    size_t len = strlen(err->text);
    snprintf(err->text + len, sizeof(err->text) - len, ": %s", inner);
    return -1;
}

const char *lk_err_kind_name(enum lk_err_kind kind)
{
    switch (kind) {
    case LK_ERR_NONE: return "none";
    case LK_ERR_INVALID: return "invalid";
    case LK_ERR_DENIED: return "denied";
    case LK_ERR_NOT_FOUND: return "not-found";
    case LK_ERR_CONFLICT: return "conflict";
    case LK_ERR_RETRY: return "retry";
    case LK_ERR_LIMIT: return "limit";
    case LK_ERR_PERMANENT: return "permanent";
    }
    return "unknown";
}

/*
 * log - one line an event on stderr, logfmt: level=info msg="permit granted" push=3 arch=arm64 fence=42
 *
 * error: someone must act; warn: we coped; info: a state change of a push, job or session; debug: the rest.
 * Values are escaped, so untrusted bytes cannot make a new line.  Never log secrets.  Keys come from this
 * list: push, package, job, attempt, arch, agent, client, session, fence, repository, tag, digest, phase,
 * state, op, path, endpoint, err, kind, count, bytes, ms, pid, status, name, version, epoch.
 * Thread-safe: each line is one write.  Under journald (JOURNAL_STREAM) lines begin with <n>, without time.
 */
#ifndef LK_LOG_H
#define LK_LOG_H

#include "common/base/base.h"

enum lk_log_level { LK_LOG_ERROR, LK_LOG_WARN, LK_LOG_INFO, LK_LOG_DEBUG };

void lk_log_start(const char *program, enum lk_log_level level);

/* `format` is the rest of the line, ready "key=value key=value"; use LK_Q for values that may hold anything. */
void lk_log(enum lk_log_level level, const char *message, const char *format, ...)
    LK_PRINTF(3, 4);

#define lk_log_error(message, ...) lk_log(LK_LOG_ERROR, message, __VA_ARGS__)
#define lk_log_warn(message, ...)  lk_log(LK_LOG_WARN, message, __VA_ARGS__)
#define lk_log_info(message, ...)  lk_log(LK_LOG_INFO, message, __VA_ARGS__)
#define lk_log_debug(message, ...) lk_log(LK_LOG_DEBUG, message, __VA_ARGS__)

/* Quotes and escapes into a per-thread buffer; up to eight live at once in one call.  printf with %s. */
const char *lk_log_quote(const char *text);
#define LK_Q(text) lk_log_quote(text)

#endif

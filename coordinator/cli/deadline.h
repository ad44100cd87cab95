/*
 * deadline - --timeout SECONDS: how long a client stays with its push, and what it says when that is over.
 *
 * Pure: the time is handed in.
 */
#ifndef LK_CLI_DEADLINE_H
#define LK_CLI_DEADLINE_H

#include "common/base/err.h"
#include "coordinator/cli/picture.h"

/* `seconds` may be NULL: 0, for ever.  INVALID names the option and what is allowed. */
int lk_deadline_parse(int64_t *timeout_ms, const char *option, const char *seconds,
                      struct lk_err *err);

/* Sets `err` (RETRY) to what had not ended after `timeout_ms`, and why. */
void lk_deadline_explain(const struct lk_picture *picture, int64_t timeout_ms,
                         struct lk_err *err);

#endif

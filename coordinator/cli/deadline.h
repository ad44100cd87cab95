/*
 * deadline - --timeout SECONDS: what a client says of its push when the coordinator has not ended it in time.
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

/* Sets `err` (RETRY) to what had not ended after `timeout_s`, and why. */
void lk_deadline_explain(const struct lk_picture *picture, uint32_t timeout_s,
                         struct lk_err *err);

#endif

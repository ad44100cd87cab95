/* question - asks the coordinator one thing and takes the answers up to DONE or SYNCED. */
#ifndef LK_CLI_QUESTION_H
#define LK_CLI_QUESTION_H

#include "coordinator/cli/command.h"
#include "proto/message.h"

/*
 * 0 when the answer is whole.  -1: could not ask, `*refused` false; or the coordinator said no, `*refused`
 * true.  `each` may be NULL.
 */
int lk_question_ask(const struct lk_target *target, const lk_wire_Envelope        *question,
                    void (*each)(void *ctx, const lk_wire_Envelope *answer), void *ctx,
                    bool *refused, struct lk_err *err);

/* Reads a push's number as people type it. */
int lk_push_parse(const char *text, uint64_t *push, struct lk_err *err);

/* Says what went wrong, and what to exit with. */
int lk_question_exit(bool refused, const struct lk_err *err);

#endif

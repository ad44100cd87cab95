/*
 * submit - hands packages to the coordinator and stays with them to the end: the common part of push, build
 * and plan.
 *
 * A lost line is made anew and the same request said again; its key makes it the same push.  Once the
 * source is in, the client may go away.
 */
#ifndef LK_CLI_SUBMIT_H
#define LK_CLI_SUBMIT_H

#include "coordinator/cli/command.h"
#include "coordinator/cli/submission.h"

/* What to exit with. */
int lk_submit_run(enum lk_submission_mode mode, const struct lk_call *call);

#endif

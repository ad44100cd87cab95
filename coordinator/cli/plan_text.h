/* plan_text - a plan for people: a line for each package, a line for each of its architectures. */
#ifndef LK_CLI_PLAN_TEXT_H
#define LK_CLI_PLAN_TEXT_H

#include "coordinator/cli/picture.h"
#include "coordinator/cli/submission.h"

/* `picture` may be NULL: nobody was asked. */
void lk_plan_text(struct lk_buf *out, const struct lk_submission *submission,
                  const struct lk_picture *picture);

#endif

/* plan_text - what a push would do, for people.  Pure. */
#ifndef LK_CLI_PLAN_TEXT_H
#define LK_CLI_PLAN_TEXT_H

#include "common/base/buf.h"
#include "coordinator/cli/picture.h"

void lk_plan_text(struct lk_buf *out, const struct lk_picture *picture);

#endif

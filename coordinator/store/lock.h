/* lock - one process at a time works on a state directory. */
#ifndef LK_STATE_LOCK_H
#define LK_STATE_LOCK_H

#include "common/base/err.h"

/* Held until `fd` is closed.  CONFLICT: another process has it. */
int lk_state_lock(int *fd, const char *directory, struct lk_err *err);

#endif

/*
 * coordinator - the composition root of lkcoordd: owns the loop, the core and every adapter, and carries
 * events in and effects out.
 *
 *   event -> lk_core_step -> facts -> journal (its worker, fsync) -> effects
 *
 * Effects wait until the facts of their step and of all before are on disk.  A journal that cannot be
 * written ends the process: it never goes on with state that is not on disk.
 */
#ifndef LK_COORDINATOR_H
#define LK_COORDINATOR_H

#include "common/base/err.h"
#include "coordinator/config.h"

struct lk_coordinator;

int lk_coordinator_open(struct lk_coordinator **out, const struct lk_coordinator_config *config,
                        struct lk_err *err);

/* Until SIGTERM or SIGINT (0), or until the journal fails (-1). */
int lk_coordinator_run(struct lk_coordinator *coordinator, struct lk_err *err);

void lk_coordinator_close(struct lk_coordinator **coordinator);

#endif

/*
 * handover - puts images where people look for them: into their own containers-storage, as podman, buildah and
 * skopeo are configured here, and into docker.
 *
 * The private agent's builder has a store of its own, which no package may share with the user's images and
 * which can be cleaned up.  What was built and is not published is copied from there; what is published comes
 * from its registry.  Names are ORG/IMAGE:TAG-ARCH, and for this machine's architecture also ORG/IMAGE:TAG,
 * as `linuxkit pkg build` leaves them.  Done by skopeo, and by the docker client, which knows its daemon.
 */
#ifndef LK_CLI_HANDOVER_H
#define LK_CLI_HANDOVER_H

#include "common/base/err.h"
#include "coordinator/cli/picture.h"

struct lk_handover {
    bool docker; /* also into docker */
    bool pull;   /* also what was not built, because the registry has it */
};

/* Before anything is built: is there what it takes?  `layout`: --output's, or NULL. */
int lk_handover_check(const struct lk_handover *handover, bool local, const char *layout,
                      struct lk_err *err);

/* After a push or build by a private agent that went well. */
int lk_handover(const struct lk_handover *handover, const struct lk_picture *picture,
                struct lk_err *err);

#endif

/*
 * depends - build.yml's depends.docker-images: images that a package wants to find in its build context, as
 * `docker image save` would write them there.
 *
 * Each is fetched by its digest from the registry that its name says, for the architecture that is built, with
 * this host's own logins (common/registry/docker_config.h) or none, over plain HTTP only where that is allowed.
 * Every manifest, config and layer is checked against its digest.  Mirrors that builders may have are not asked.
 *
 *   target-dir   made anew; an archive an image, BASENAME@sha256:HEX.tar
 *   target       one archive with all of them
 *
 * Blocks: a worker's job.  On disk lies, besides the archives, one layer at a time, packed and unpacked.
 */
#ifndef LK_AGENT_DEPENDS_H
#define LK_AGENT_DEPENDS_H

#include "common/base/arch.h"
#include "common/pkg/spec.h"

#include <stdatomic.h>

struct lk_depends_request {
    const struct lk_spec_depends *depends;
    const struct lk_arch         *arch;
    const char                   *context;    /* the package's tree, written out */
    const char                   *scratch;    /* a directory beside it */
    const char                   *ca_file;    /* NULL: the system's */
    const char                   *known_host; /* a registry of which is known ... */
    bool     known_is_plain; /* ... whether it speaks plain HTTP; others: loopback does */
    uint32_t patience_ms;    /* with a registry's troubles; 0: 60,000 */
    const atomic_bool *cancel;
};

/* INVALID: the package's fault; DENIED: by a registry; RETRY: registry trouble. */
int lk_depends_fetch(const struct lk_depends_request *request, struct lk_err *err);

#endif

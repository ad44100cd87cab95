/*
 * reference - names of images: "host[:port]/path[:tag][@digest]" (distribution reference grammar).
 *
 * Docker's short forms are made whole: "alpine" is docker.io/library/alpine, "org/x" is docker.io/org/x.
 * The API host of docker.io is registry-1.docker.io.  Pure; no I/O.
 */
#ifndef LK_REFERENCE_H
#define LK_REFERENCE_H

#include "common/base/digest.h"
#include "common/base/err.h"
#include "common/base/limits.h"

struct lk_reference {
    char host[LK_REPOSITORY_SIZE]; /* as written or "docker.io" */
    char path[LK_REPOSITORY_SIZE]; /* "org/image" */
    char repository
        [LK_REPOSITORY_SIZE]; /* host/path: the turnstile's key, and docker-reference's start */
    char             tag[LK_TAG_SIZE]; /* "" if none */
    bool             has_digest;
    struct lk_digest digest;
};

int lk_reference_parse(struct lk_str text, struct lk_reference *out, struct lk_err *err);

/* True if `tag` is legal: [A-Za-z0-9_][A-Za-z0-9._-]{0,127}. */
bool lk_tag_is_valid(struct lk_str tag);

/* The host that speaks the registry API: registry-1.docker.io for docker.io, else the host itself. */
const char *lk_reference_api_host(const struct lk_reference *reference);

/* True for localhost, 127.0.0.0/8 and [::1], with any port: plain HTTP is allowed there. */
bool lk_host_is_loopback(const char *host);

#endif

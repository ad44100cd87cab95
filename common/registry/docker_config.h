/*
 * docker_config - the logins that `docker login`, `podman login` and `skopeo login` leave behind.
 *
 * One file counts, the first of: REGISTRY_AUTH_FILE (containers-auth.json(5): whoever sets it means it, so it has
 * to be there), $DOCKER_CONFIG/config.json, ~/.docker/config.json.  Read afresh each time: people log in while a
 * daemon runs.  In it: credHelpers of this registry, else credsStore, else auths, which also counts where a helper
 * has nothing; keys may be "host", "host/namespace" (the longest counts) or URLs as docker writes them; docker.io
 * is "https://index.docker.io/v1/".
 *
 * A helper is docker-credential-NAME, found in PATH, asked by stdin and stdout, and killed after 10 s.  What it
 * prints is a secret: it is never logged, nor part of an error.  Any thread.
 */
#ifndef LK_DOCKER_CONFIG_H
#define LK_DOCKER_CONFIG_H

#include "common/registry/registry.h"

/*
 * Kind NONE if nobody logged in there.  INVALID, with the file and what to do, if what it says cannot be used;
 * RETRY if a helper took too long.
 */
int lk_docker_config_find(struct lk_credential *out, const struct lk_reference *repository,
                          struct lk_err *err);

#endif

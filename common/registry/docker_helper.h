/* docker_helper - for docker_config.c: asks docker-credential-NAME for the login of a server. */
#ifndef LK_DOCKER_HELPER_H
#define LK_DOCKER_HELPER_H

#include "common/registry/registry.h"

/* Kind NONE if it has none.  `server` as docker names it: a host, or https://index.docker.io/v1/. */
int lk_docker_helper_ask(struct lk_credential *out, const char *name, const char *server,
                         struct lk_err *err);

/* What the end of such a program means: its status, and `answer`, what it wrote.  Pure. */
int lk_docker_helper_judge(struct lk_credential *out, const char *program, int status,
                           const struct lk_buf *answer, struct lk_err *err);

/* User and secret from outside into `out`; the user "<token>" says that the secret is an identity token. */
bool lk_docker_login_set(struct lk_credential *out, const char *user, const char *secret);

#endif

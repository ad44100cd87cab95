/*
 * signd_config - lkcoord-signd.yml, read strictly.  deploy/examples/lkcoord-signd.yml shows all keys.
 */
#ifndef LK_SIGND_CONFIG_H
#define LK_SIGND_CONFIG_H

#include "common/base/arch.h"
#include "common/base/err.h"
#include "common/base/limits.h"

#include <sys/types.h>

#define LK_SIGND_USERS_MAX        8
#define LK_SIGND_REPOSITORIES_MAX 64

/* What is signed. */
struct lk_signd_repository {
    char           pattern[LK_REPOSITORY_SIZE]; /* HOST/PATH; '*' stands for anything */
    size_t         arch_count;                  /* of which each index must have an image */
    struct lk_arch arches[LK_PACKAGE_ARCHES_MAX];
};

struct lk_signd_config {
    char                       socket[LK_PATH_SIZE];
    char                       record[LK_PATH_SIZE];
    char                       key[LK_PATH_SIZE];
    char                       second_key[LK_PATH_SIZE]; /* "": none; has the same passphrase */
    char                       passphrase_file[LK_PATH_SIZE]; /* "": none */
    int                        passphrase_fd;                 /* -1: none */
    size_t                     user_count;
    uid_t                      users[LK_SIGND_USERS_MAX];
    size_t                     repository_count;
    struct lk_signd_repository repositories[LK_SIGND_REPOSITORIES_MAX];
};

int lk_signd_config_load(struct lk_signd_config *out, const char *path, struct lk_err *err);

#endif

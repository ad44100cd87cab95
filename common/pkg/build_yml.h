/*
 * build_yml - a package's build.yml, read strictly: unknown keys, wrong types and duplicates are refused
 * with file, line and the nearest known name; fields that LinuxKit knows and this version does not are
 * refused as "not supported yet".
 */
#ifndef LK_BUILD_YML_H
#define LK_BUILD_YML_H

#include "common/base/arch.h"
#include "common/base/err.h"
#include "common/base/limits.h"

struct lk_build_yml {
    char           image[LK_REPOSITORY_SIZE];
    char           org[LK_REPOSITORY_SIZE];  /* default "linuxkit" */
    char           dockerfile[LK_PATH_SIZE]; /* default "Dockerfile" */
    char           gitrepo[LK_PATH_SIZE]; /* default "https://github.com/linuxkit/linuxkit" */
    bool           network;
    bool           disable_cache;
    size_t         arch_count; /* default amd64, arm64, s390x; 0 if the list is empty */
    struct lk_arch arches[LK_PACKAGE_ARCHES_MAX];
};

/* `name` is what messages call the file. */
int lk_build_yml_read(struct lk_str bytes, const char *name, struct lk_build_yml *out,
                      struct lk_err *err);

#endif

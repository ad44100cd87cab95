/*
 * depends - build.yml's depends.docker-images, checked: which images, and where in the build context they go.
 *
 * The order of the checks is LinuxKit's: what excludes what, the paths, then each image.  A list in a file is
 * read from the work tree, as build.yml is.
 */
#ifndef LK_DEPENDS_H
#define LK_DEPENDS_H

#include "common/pkg/build_yml.h"

struct lk_depends {
    char            target[LK_PATH_SIZE]; /* inside the package, clean; "": none */
    char            target_dir[LK_PATH_SIZE];
    struct lk_texts images; /* as written; each has a digest */
};

/* `directory` is the package's, absolute and clean; `name` is what messages call build.yml. */
int  lk_depends_read(struct lk_depends *out, const struct lk_docker_images *written,
                     const char *directory, const char *name, struct lk_err *err);
void lk_depends_fini(struct lk_depends *depends);

#endif

/*
 * argument_packages - values of build arguments that name other packages on disk.
 *
 *     BASE=@lkt:pkg:../base        BASE=linuxkit/base:TAG
 *     %_IMAGE=@lkt:pkgs:../lib*    LINUXKIT_LIB_A_IMAGE=linuxkit/lib-a:TAG, and so on
 *
 * As LinuxKit does, the other packages are taken as their own build.yml says: no option and no variable changes
 * their names.
 */
#ifndef LK_ARGUMENT_PACKAGES_H
#define LK_ARGUMENT_PACKAGES_H

#include "common/base/err.h"
#include "common/base/texts.h"

/* Adds `argument`, or what it stands for.  `directory` is where relative paths begin, absolute. */
int lk_argument_expand(struct lk_texts *out, struct lk_str argument, const char *directory,
                       struct lk_err *err);

#endif

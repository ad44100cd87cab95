/* arguments - the build arguments of a package, as `linuxkit pkg` gives them. */
#ifndef LK_ARGUMENTS_H
#define LK_ARGUMENTS_H

#include "common/pkg/package.h"

int lk_arguments_add(struct lk_spec *out, const struct lk_package *package, struct lk_err *err);

#endif

/*
 * linuxkit_options - options of `linuxkit pkg` that lkcoord has no use for, each with what there is in its place:
 * whoever types one by habit is told more than that it is unknown.
 */
#ifndef LK_CLI_LINUXKIT_OPTIONS_H
#define LK_CLI_LINUXKIT_OPTIONS_H

#include "common/base/str.h"

/* NULL for all other names. */
const char *lk_linuxkit_option_advice(struct lk_str name);

#endif

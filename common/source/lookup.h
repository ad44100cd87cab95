/*
 * lookup - reads one file of a tree by its path, wherever the objects come from.
 */
#ifndef LK_SOURCE_LOOKUP_H
#define LK_SOURCE_LOOKUP_H

#include "common/source/sender.h"

/* NOT_FOUND: no file of this path (a symbolic link or directory is none); LIMIT: larger than out->max. */
int lk_lookup_file(const struct lk_object_source *source, const struct lk_oid *tree,
                   const char *path, struct lk_buf *out, struct lk_err *err);

#endif

/*
 * materialise - writes a tree of the store into an empty directory: files, symlinks, directories.
 *
 * Works below one directory fd by openat2(RESOLVE_BENEATH), with a fall-back where the call is missing
 * (qemu-user).  Modes 0644/0755, all times 0 so that builders' caches hit.  Nothing outside is touched.
 */
#ifndef LK_SOURCE_MATERIALISE_H
#define LK_SOURCE_MATERIALISE_H

#include "common/source/store.h"

int lk_materialise(struct lk_store *store, const struct lk_oid *tree, const char *directory,
                   struct lk_err *err);

#endif

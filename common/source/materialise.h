/*
 * materialise - writes a tree of the store into an empty directory: files, symlinks, directories.
 *
 * Works below one directory fd by openat2(RESOLVE_BENEATH), with a fall-back where the call is missing
 * (qemu-user).  Modes 0644/0755, all times 0 so that builders' caches hit; the directory itself gets 0755
 * and time 0 too, so keep others out by its parent.  Nothing outside is touched.  After an error what was
 * written stays, for the caller to remove.
 */
#ifndef LK_SOURCE_MATERIALISE_H
#define LK_SOURCE_MATERIALISE_H

#include "common/source/store.h"

int lk_materialise(struct lk_store *store, const struct lk_oid *tree, const char *directory,
                   struct lk_err *err);

/* The same by the fall-back alone. */
int lk_materialise_without_openat2(struct lk_store *store, const struct lk_oid *tree,
                                   const char *directory, struct lk_err *err);

#endif

/*
 * tree - reads a git tree object's bytes as a peer may send them, and refuses what we do not build:
 * names with '/', NUL, "", ".", "..", ".git" (in any case), twins under ASCII case folding, modes other
 * than 40000, 100644, 100755, 120000, submodules (with a message of their own).  Pure.
 */
#ifndef LK_SOURCE_TREE_H
#define LK_SOURCE_TREE_H

#include "common/base/digest.h"
#include "common/base/err.h"

enum lk_tree_kind { LK_TREE_DIRECTORY, LK_TREE_FILE, LK_TREE_EXECUTABLE, LK_TREE_SYMLINK };

struct lk_tree_entry {
    enum lk_tree_kind kind;
    struct lk_str     name; /* borrowed from the bytes */
    struct lk_oid     oid;
};

/* Calls `each` for every entry in order; stops when it returns non-zero and returns that. */
int lk_tree_read(struct lk_str bytes,
                 int (*each)(void *ctx, const struct lk_tree_entry *entry, struct lk_err *err),
                 void *ctx, struct lk_err *err);

#endif

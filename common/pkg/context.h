/*
 * context - what a package is built from, as git objects: what its tag covers, and nothing else.
 *
 * Of a package that is committed this is its tree at HEAD; each extra source is laid over it at its
 * destination, later ones over earlier ones, directories into directories.  What has uncommitted changes is
 * taken from disk: tracked files, and untracked ones unless ignored, as `git add` would store them, so that a
 * commit of them gives the same image.  Nothing is written to any repository.
 */
#ifndef LK_CONTEXT_H
#define LK_CONTEXT_H

#include "common/git/composed.h"
#include "common/pkg/package.h"
#include "common/pkg/source_state.h"

struct lk_context_part {
    struct lk_source_state state;
    const char            *name; /* for people; borrowed from the package */
};

struct lk_context {
    struct lk_oid           tree;     /* its root */
    struct lk_git_composed *composed; /* NULL: the package's repository has all of it */
    size_t                  part_count;
    struct lk_context_part *parts; /* the package, then the extra sources */
    size_t                  last_hit;
};

/* The package is borrowed, and is one that lk_package_spec() takes. */
int  lk_context_open(struct lk_context *out, const struct lk_package *package,
                     struct lk_err *err);
void lk_context_fini(struct lk_context *context);

/* True if it certainly has no file of this path; in doubt false. */
bool lk_context_lacks(const struct lk_context *context, const char *path);

/* For struct lk_object_source.  NOT_FOUND if none of the package's repositories has the object. */
int lk_context_read(struct lk_context *context, const struct lk_oid *oid, bool *is_tree,
                    struct lk_buf *out, struct lk_err *err);

/* For people: where in the package, or in an extra source of it, the object is.  False: it was not found. */
bool lk_context_find(const struct lk_context *context, const struct lk_oid *oid,
                     char path[LK_PATH_SIZE]);

/* Whether the object belongs to the context all the same; then `err` says which file has lost it. */
bool lk_context_misses(const struct lk_context *context, const struct lk_oid *oid,
                       struct lk_err *err);

#endif

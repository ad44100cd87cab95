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
#include "common/pkg/extra_source.h"

struct lk_context {
    struct lk_oid           tree;     /* its root */
    struct lk_git_composed *composed; /* NULL: the repository has all of it */
    size_t                  repo_count;
    struct lk_git_repo    **repos; /* of the package, then of the extra sources */
    size_t                  last_hit;
};

/*
 * `directory` is the package's, absolute and clean.  Whether something is committed is looked up anew unless
 * `dirty` says that all is.
 */
int  lk_context_open(struct lk_context *out, const char *directory,
                     const struct lk_extra_source *sources, size_t source_count, bool dirty,
                     struct lk_err *err);
void lk_context_fini(struct lk_context *context);

/* For struct lk_object_source.  NOT_FOUND if the object is not part of the context. */
int lk_context_read(struct lk_context *context, const struct lk_oid *oid, bool *is_tree,
                    struct lk_buf *out, struct lk_err *err);

#endif

/*
 * repo - what lkcoord asks of a maintainer's git repository, by libgit2: ids, cleanliness, objects.
 *
 * Only the command line opens repositories; daemons never do.  libgit2's ownership check stays on.  One
 * thread.
 */
#ifndef LK_GIT_REPO_H
#define LK_GIT_REPO_H

#include "common/base/buf.h"
#include "common/base/digest.h"
#include "common/base/err.h"
#include "common/base/limits.h"

struct lk_git_repo;

/* Settings of libgit2 for the process (small caches, no transports); call once before anything else here. */
void lk_git_init(void);

/* Handles are shared: a repository that is open already is opened no second time. */
int  lk_git_open(struct lk_git_repo **out, const char *directory, struct lk_err *err);
void lk_git_close(struct lk_git_repo **repo);

/* The commit HEAD names and its committer time (seconds since the epoch), as of the handle's first question. */
int lk_git_head(struct lk_git_repo *repo, struct lk_oid *commit, int64_t *time_s,
                struct lk_err *err);

/* Calls `each` for the names of the tags, light or annotated, that stand on the commit HEAD names. */
int lk_git_each_tag_at_head(struct lk_git_repo *repo, void (*each)(void *ctx, const char *name),
                            void *ctx, struct lk_err *err);

/* The tree id of an absolute directory path at HEAD: the root tree if it is the work tree's top. */
int lk_git_tree_of(struct lk_git_repo *repo, const char *directory, struct lk_oid *tree,
                   struct lk_err *err);

/* Whether anything below the directory differs from HEAD or is untracked and not ignored; one such path. */
int lk_git_is_dirty(struct lk_git_repo *repo, const char *directory, bool *dirty,
                    char example[LK_PATH_SIZE], struct lk_err *err);

/* One object's type (tree or blob) and raw content; NOT_FOUND; LIMIT if larger than buf->max. */
int lk_git_read(struct lk_git_repo *repo, const struct lk_oid *oid, bool *is_tree,
                struct lk_buf *out, struct lk_err *err);

/* Size without reading it. */
int lk_git_size(struct lk_git_repo *repo, const struct lk_oid *oid, bool *is_tree,
                uint64_t *size, struct lk_err *err);

/* True if `tree` certainly has no entry of this path; in doubt false. */
bool lk_git_lacks(struct lk_git_repo *repo, const struct lk_oid *tree, const char *path);

/* For people: a path by which `tree` reaches the object.  False: none was found. */
bool lk_git_path_of(struct lk_git_repo *repo, const struct lk_oid *tree,
                    const struct lk_oid *oid, char path[LK_PATH_SIZE]);

/* The id that git would give these bytes. */
void lk_git_hash(bool is_tree, struct lk_str bytes, struct lk_oid *out);

#endif

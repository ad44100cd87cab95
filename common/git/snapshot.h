/*
 * snapshot - files of the work tree as `git add` would store them: tracked ones as they are on disk, untracked
 * ones unless ignored, line ends and the like converted as .gitattributes says.
 *
 * What git was told not to look at (assume-unchanged, skip-worktree) is as in the index.  Filter programs of
 * the repository's configuration are not run: a changed file that needs one is refused.  Nothing is written.
 */
#ifndef LK_GIT_SNAPSHOT_H
#define LK_GIT_SNAPSHOT_H

#include "common/git/revision.h"

struct lk_git_file {
    const char         *path; /* below the directory that was asked for */
    struct lk_git_entry entry;
    bool                on_disk; /* its content may be nowhere else: lk_git_read_file */
};

/* Stops when `each` returns non-zero, and returns that. */
int lk_git_each_file(struct lk_git_repo *repo, const char *directory,
                     int (*each)(void *ctx, const struct lk_git_file *file, struct lk_err *err),
                     void *ctx, struct lk_err *err);

/* One file or link; NOT_FOUND if it is not on disk, or is something that git does not store. */
int lk_git_file_at(struct lk_git_repo *repo, const char *path, struct lk_git_file *out,
                   struct lk_err *err);

/* Whether a file, link or submodule differs from what HEAD has of it. */
int lk_git_is_file_dirty(struct lk_git_repo *repo, const char *path,
                         const struct lk_git_entry *head, bool *dirty,
                         char example[LK_PATH_SIZE], struct lk_err *err);

/* The bytes that git would store of an absolute path; LIMIT if more than out->max. */
int lk_git_read_file(struct lk_git_repo *repo, const char *path, mode_t mode,
                     struct lk_buf *out, struct lk_err *err);

#endif

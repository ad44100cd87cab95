/*
 * composed - a git tree put together in memory: of trees and files that repositories have, and of files on
 * disk that none has yet.
 *
 * Puts go in one after the other.  Directories of the same name become one; of anything else the later one
 * stays, as when archives are unpacked over one another.  What nobody looked into is not read.  Repositories
 * are borrowed and have to stay open.
 */
#ifndef LK_GIT_COMPOSED_H
#define LK_GIT_COMPOSED_H

#include "common/git/revision.h"

struct lk_git_composed;

struct lk_git_composed *lk_git_composed_new(void);
void                    lk_git_composed_free(struct lk_git_composed **composed);

/*
 * Puts what `repo` has (a tree, file, link) at `path`, clean and below the top; "" is the top itself.
 * INVALID if the path leads through a file or link, or a file would take a directory's place, or a link the
 * top's.
 */
int lk_git_composed_put(struct lk_git_composed *composed, struct lk_git_repo *repo,
                        const struct lk_git_entry *entry, const char *path, struct lk_err *err);

/* The same with what is on disk at an absolute path (snapshot.h): a directory, file or link. */
int lk_git_composed_put_disk(struct lk_git_composed *composed, struct lk_git_repo *repo,
                             const char *source, const char *path, struct lk_err *err);

/* Makes the objects; nothing is put any more.  `root` is the whole tree's id. */
int lk_git_composed_seal(struct lk_git_composed *composed, struct lk_oid *root,
                         struct lk_err *err);

/* True if it certainly has nothing of this path; in doubt (below a link) false. */
bool lk_git_composed_lacks(const struct lk_git_composed *composed, const char *path);

/*
 * An object made by the sealing.  NOT_FOUND: it is none of these, so one of the repositories has it.
 * CONFLICT: the file is not what it was any more.
 */
int lk_git_composed_read(struct lk_git_composed *composed, const struct lk_oid *oid,
                         bool *is_tree, struct lk_buf *out, struct lk_err *err);

#endif

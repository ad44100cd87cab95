/*
 * revision - what a path of the work tree is at a commit: a tree, a file, a symbolic link or a submodule.
 *
 * A path is taken as written: a link below the top of the work tree is an object of its own, as `git ls-tree`
 * sees it.
 */
#ifndef LK_GIT_REVISION_H
#define LK_GIT_REVISION_H

#include "common/git/repo.h"

#include <sys/types.h>

struct lk_git_entry {
    mode_t
        mode; /* as git writes it: S_ISDIR, S_ISREG and S_ISLNK work; 0160000 is a submodule */
    struct lk_oid oid;
};

#define LK_GIT_IS_SUBMODULE(mode) (((mode)&S_IFMT) == 0160000)

/* `commit` is anything that git resolves to a commit or tree; INVALID if it has no such path. */
int lk_git_entry_at(struct lk_git_repo *repo, const char *commit, const char *path,
                    struct lk_git_entry *out, struct lk_err *err);

#endif

/* handle - what the files of common/git share, and nobody else includes. */
#ifndef LK_GIT_HANDLE_H
#define LK_GIT_HANDLE_H

#include "common/git/repo.h"

#include <git2.h>

struct lk_git_repo {
    git_repository *git;
    git_odb        *odb;
    char *
        top; /* of the work tree, links resolved, no '/' at the end; "" for the root directory */
    unsigned users;
};

/* What libgit2 said last.  Borrowed. */
const char *lk_git_reason(void);

int lk_git_head_tree(struct lk_git_repo *repo, git_tree **out, struct lk_err *err);

#endif

/* handle - what the files of common/git share, and nobody else includes. */
#ifndef LK_GIT_HANDLE_H
#define LK_GIT_HANDLE_H

#include "common/git/repo.h"

#include <git2.h>

/* How some directories of the work tree differ from HEAD: compared at the first question, all together. */
struct lk_git_look {
    char    **directories; /* below the top, each ends with '/'; sorted; "" is all */
    size_t    count;
    git_diff *diff; /* NULL: not compared yet */
};

struct lk_git_repo {
    git_repository *git;
    git_odb        *odb;
    char *
        top; /* of the work tree, links resolved, no '/' at the end; "" for the root directory */
    git_commit         *head;     /* NULL: not asked for yet */
    struct lk_git_look  expected; /* of the groups */
    struct lk_git_look  latest;   /* of the last directory that no group holds */
    unsigned            users;
    struct lk_git_repo *next; /* of those that are open */
};

/* What libgit2 said last, or what to do about it.  Borrowed. */
const char *lk_git_reason(void);

/* As of the handle's first question. */
int lk_git_head_tree(struct lk_git_repo *repo, git_tree **out, struct lk_err *err);

/* An absolute path as git names it, below the top; owned; "" is the top itself. */
int lk_git_relative_path(const struct lk_git_repo *repo, const char *directory, char **out,
                         struct lk_err *err);

/* Whether a path can be given to libgit2 as a pathspec that means just itself. */
bool lk_git_is_plain(const char *relative);

/* Whether a path of the repository is `relative` or lies below it. */
bool lk_git_is_below(const char *relative, const char *path);

/*
 * HEAD against the work tree, with the index: at least what lies below `relative`, perhaps more; untracked
 * directories are not looked into.  Borrowed until the next call.  For a directory of a group it is as of
 * the group's first question.
 */
int lk_git_differences(struct lk_git_repo *repo, const char *relative, const git_diff **out,
                       struct lk_err *err);

/* Notes that a directory will be asked about, unless its group has been answered already. */
void lk_git_expect(struct lk_git_repo *repo, const char *relative);

void lk_git_forget_looks(struct lk_git_repo *repo);

#endif

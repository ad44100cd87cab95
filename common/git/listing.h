/*
 * listing - what `git ls-files` and `git ls-files --others --exclude-standard` print in a directory.
 *
 * Shared by the files of common/git.  A listing borrows from the repository and is of one moment.
 */
#ifndef LK_GIT_LISTING_H
#define LK_GIT_LISTING_H

#include "common/git/handle.h"

struct lk_git_listing {
    git_index              *index;
    git_diff               *diff;    /* of the index and the work tree */
    const git_index_entry **tracked; /* by bytes of path, then stage */
    size_t                  tracked_count;
    const git_diff_delta  **changed; /* by path; untracked ones too, each file of them */
    size_t                  changed_count;
};

/* Of what lies below `relative` ("": everything); symbolic links are not followed. */
int  lk_git_list(struct lk_git_repo *repo, const char *relative, struct lk_git_listing *out,
                 struct lk_err *err);
void lk_git_listing_fini(struct lk_git_listing *listing);

/* How the work tree differs from the index at this path; NULL: not at all. */
const git_diff_delta *lk_git_listing_change(const struct lk_git_listing *listing,
                                            const char                  *path);

#endif

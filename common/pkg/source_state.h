/*
 * source_state - one path that goes into a build context (a package or an extra source): what git has of it,
 * and whether the work tree has something else.
 */
#ifndef LK_SOURCE_STATE_H
#define LK_SOURCE_STATE_H

#include "common/git/revision.h"

struct lk_source_state {
    struct lk_git_repo *repo;
    struct lk_git_entry entry; /* at the commit */
    bool                dirty; /* only ever at HEAD */
    char                example[LK_PATH_SIZE];
};

/* `where` is the directory whose repository is asked; NULL: that of `path`, or that it lies in. */
int  lk_source_state_open(struct lk_source_state *out, const char *path, const char *where,
                          const char *commit, struct lk_err *err);
void lk_source_state_close(struct lk_source_state *state);

#endif

/* made - the git objects of a composed tree that no repository has; for composed.c alone. */
#ifndef LK_GIT_MADE_H
#define LK_GIT_MADE_H

#include "common/git/node.h"

struct lk_git_object {
    struct lk_oid             oid;
    char                     *bytes; /* owned; of a tree */
    size_t                    len;
    const struct lk_git_node *file; /* of a file or link: whose content it is */
};

struct lk_git_made {
    struct lk_git_object *objects; /* by id */
    size_t                count;
    size_t                capacity;
};

/* Gives every open directory from `root` down its id.  The nodes are borrowed from then on. */
int  lk_git_make(struct lk_git_made *out, struct lk_git_node *root, struct lk_err *err);
void lk_git_made_fini(struct lk_git_made *made);

int lk_git_made_read(const struct lk_git_made *made, const struct lk_oid *oid, bool *is_tree,
                     struct lk_buf *out, struct lk_err *err);

#endif

/*
 * node - a directory, file or link of a tree that is being composed; shared by composed.c and seal.c alone.
 */
#ifndef LK_GIT_NODE_H
#define LK_GIT_NODE_H

#include "common/git/handle.h"
#include "common/git/revision.h"

struct lk_git_node {
    char                *name;
    struct lk_git_entry  entry;
    struct lk_git_repo  *repo; /* that has the object, or the file on disk */
    char                *disk; /* owned; where the file's content is, if perhaps nowhere else */
    bool                 is_open;  /* a directory whose id is made anew of its children */
    struct lk_git_node **children; /* by bytes of name */
    size_t               count;
    size_t               capacity;
};

struct lk_git_node *lk_git_node_new(struct lk_str name, struct lk_git_repo *repo,
                                    const struct lk_git_entry *entry);
struct lk_git_node *lk_git_node_new_directory(struct lk_str name);
void                lk_git_node_free(struct lk_git_node **node);

/* Makes its children known.  Only of directories. */
int lk_git_node_open(struct lk_git_node *node, struct lk_err *err);

/* Borrowed; NULL: there is none.  Of an open directory. */
struct lk_git_node *lk_git_node_find(const struct lk_git_node *node, struct lk_str name);

/* Takes a child of a name that is not there yet. */
void lk_git_node_take(struct lk_git_node *node, struct lk_git_node *child);

/* Lays `other` over `node` and frees it; both keep `node`'s name. */
int lk_git_node_lay_over(struct lk_git_node *node, struct lk_git_node *other, unsigned depth,
                         struct lk_err *err);

#endif

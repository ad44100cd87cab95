#include "common/git/node.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static void drop_tree(git_tree **tree)
{
    git_tree_free(*tree);
}

struct lk_git_node *lk_git_node_new(struct lk_str name, struct lk_git_repo *repo,
                                    const struct lk_git_entry *entry)
{
    struct lk_git_node *node = lk_xcalloc(1, sizeof(*node));

    node->name = lk_xasprintf(LK_STR_FMT, LK_STR_ARG(name));
    node->repo = repo;
    node->entry = *entry;
    return node;
}

struct lk_git_node *lk_git_node_new_directory(struct lk_str name)
{
    const struct lk_git_entry nothing = { .mode = S_IFDIR };
    struct lk_git_node       *node = lk_git_node_new(name, NULL, &nothing);

    node->is_open = true;
    return node;
}

static void empty(struct lk_git_node *node)
{
    for (size_t i = 0; i < node->count; i++)
        lk_git_node_free(&node->children[i]);
    free(node->children);
    free(node->disk);
}

void lk_git_node_free(struct lk_git_node **node)
{
    struct lk_git_node *gone = LK_TAKE(*node);

    if (!gone)
        return;
    empty(gone);
    free(gone->name);
    free(gone);
}

/* Where the child of this name is, or would be. */
static size_t place_of(const struct lk_git_node *node, struct lk_str name, bool *found)
{
    size_t from = 0, to = node->count;

    *found = false;
    while (from < to && !*found) {
        size_t      middle = from + (to - from) / 2;
        const char *other = node->children[middle]->name;
        int         order = strncmp(other, name.data, name.len);
        if (order == 0 && other[name.len] != '\0')
            order = 1;
        *found = order == 0;
        if (*found)
            return middle;
        if (order < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

struct lk_git_node *lk_git_node_find(const struct lk_git_node *node, struct lk_str name)
{
    bool   found;
    size_t at = place_of(node, name, &found);

    return found ? node->children[at] : NULL;
}

void lk_git_node_take(struct lk_git_node *node, struct lk_git_node *child)
{
    bool   found;
    size_t at = place_of(node, lk_str_of(child->name), &found);

    if (node->count == node->capacity) {
        node->capacity = node->capacity ? node->capacity * 2 : 8;
        node->children =
            lk_xrealloc(node->children, node->capacity * sizeof(node->children[0]));
    }
    memmove(node->children + at + 1, node->children + at,
            (node->count - at) * sizeof(node->children[0]));
    node->children[at] = child;
    node->count++;
}

int lk_git_node_open(struct lk_git_node *node, struct lk_err *err)
{
    LK_CLEANUP(drop_tree) git_tree *tree = NULL;
    git_oid                         id;

    if (node->is_open)
        return 0;
    memcpy(id.id, node->entry.oid.sha1, sizeof(id.id));
    if (git_tree_lookup(&tree, node->repo->git, &id) < 0)
        return lk_err_set(err, LK_ERR_PERMANENT, "reading the directory %s of %s: %s",
                          node->name, node->repo->top, lk_git_reason());
    for (size_t i = 0; i < git_tree_entrycount(tree); i++) {
        const git_tree_entry *found = git_tree_entry_byindex(tree, i);
        struct lk_git_entry   entry = { .mode = (mode_t)git_tree_entry_filemode_raw(found) };

        memcpy(entry.oid.sha1, git_tree_entry_id(found)->id, sizeof(entry.oid.sha1));
        lk_git_node_take(
            node, lk_git_node_new(lk_str_of(git_tree_entry_name(found)), node->repo, &entry));
    }
    node->is_open = true;
    return 0;
}

static void replace(struct lk_git_node *node, struct lk_git_node *other)
{
    char *name = LK_TAKE(node->name);

    empty(node);
    free(other->name);
    *node = *other;
    node->name = name;
    free(other);
}

static int merge(struct lk_git_node *node, struct lk_git_node *other, unsigned depth,
                 struct lk_err *err)
{
    if (depth > LK_TREE_DEPTH_MAX)
        return lk_err_set(err, LK_ERR_LIMIT,
                          "the directory %s lies more than %d directories deep", node->name,
                          LK_TREE_DEPTH_MAX);
    if (lk_git_node_open(node, err) < 0 || lk_git_node_open(other, err) < 0)
        return -1;
    for (size_t i = 0; i < other->count; i++) {
        struct lk_git_node *child = LK_TAKE(other->children[i]);
        struct lk_git_node *twin = lk_git_node_find(node, lk_str_of(child->name));
        if (!twin)
            lk_git_node_take(node, child);
        else if (lk_git_node_lay_over(twin, child, depth + 1, err) < 0)
            return -1;
    }
    return 0;
}

int lk_git_node_lay_over(struct lk_git_node *node, struct lk_git_node *other, unsigned depth,
                         struct lk_err *err)
{
    if (!S_ISDIR(node->entry.mode) || !S_ISDIR(other->entry.mode)) {
        replace(node, other);
        return 0;
    }
    int rc = merge(node, other, depth, err);
    lk_git_node_free(&other);
    return rc;
}

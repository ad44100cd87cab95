#include "common/git/composed.h"

#include "common/git/made.h"
#include "common/git/node.h"
#include "common/git/snapshot.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct lk_git_composed {
    struct lk_git_node *root;
    struct lk_git_made  made;
};

struct lk_git_composed *lk_git_composed_new(void)
{
    struct lk_git_composed *composed = lk_xcalloc(1, sizeof(*composed));

    composed->root = lk_git_node_new_directory(LK_STR(""));
    return composed;
}

void lk_git_composed_free(struct lk_git_composed **composed)
{
    struct lk_git_composed *gone = LK_TAKE(*composed);

    if (!gone)
        return;
    lk_git_made_fini(&gone->made);
    lk_git_node_free(&gone->root);
    free(gone);
}

/* Makes the directories down to the last part of `path`, which is left in `name`. */
static int descend(struct lk_git_node *root, const char *path, struct lk_git_node **out,
                   struct lk_str *name, struct lk_err *err)
{
    struct lk_str rest = lk_str_of(path), part;

    *out = root;
    for (unsigned depth = 1; lk_git_node_open(*out, err) == 0; depth++) {
        if (!lk_str_split(rest, '/', &part, &rest)) {
            *name = rest;
            return 0;
        }
        struct lk_git_node *next = lk_git_node_find(*out, part);
        if (!next) {
            next = lk_git_node_new_directory(part);
            lk_git_node_take(*out, next);
        }
        if (!S_ISDIR(next->entry.mode))
            return lk_err_set(err, LK_ERR_INVALID,
                              "%s cannot be in the build context: %s is no directory there",
                              path, next->name);
        if (depth > LK_TREE_DEPTH_MAX)
            return lk_err_set(err, LK_ERR_LIMIT, "%.60s lies more than %d directories deep",
                              path, LK_TREE_DEPTH_MAX);
        *out = next;
    }
    return -1;
}

static int put(struct lk_git_node *root, struct lk_git_node *new_one, const char *path,
               struct lk_err *err)
{
    LK_CLEANUP(lk_git_node_free) struct lk_git_node *node = new_one;
    struct lk_git_node                              *parent;
    struct lk_str                                    name;

    if (descend(root, path, &parent, &name, err) < 0)
        return -1;
    struct lk_git_node *there = name.len > 0 ? lk_git_node_find(parent, name) : root;
    if (there && S_ISDIR(there->entry.mode) &&
        (S_ISREG(node->entry.mode) || (there == root && !S_ISDIR(node->entry.mode))))
        return lk_err_set(err, LK_ERR_INVALID,
                          "'%s' is a directory of the build context, which a file is to be put "
                          "at: write the file's own name behind it",
                          path[0] ? path : ".");
    if (there)
        return lk_git_node_lay_over(there, LK_TAKE(node), 0, err);
    free(node->name);
    node->name = lk_xasprintf(LK_STR_FMT, LK_STR_ARG(name));
    lk_git_node_take(parent, LK_TAKE(node));
    return 0;
}

int lk_git_composed_put(struct lk_git_composed *composed, struct lk_git_repo *repo,
                        const struct lk_git_entry *entry, const char *path, struct lk_err *err)
{
    return put(composed->root, lk_git_node_new(LK_STR(""), repo, entry), path, err);
}

struct gathering {
    struct lk_git_repo *repo;
    const char         *directory;
    struct lk_git_node *root;
    size_t              count;
};

static struct lk_git_node *node_of_file(struct lk_git_repo       *repo,
                                        const struct lk_git_file *file, const char *path)
{
    struct lk_git_node *node = lk_git_node_new(LK_STR(""), repo, &file->entry);

    node->disk = file->on_disk ? lk_xstrdup(path) : NULL;
    return node;
}

static int gather(void *ctx, const struct lk_git_file *file, struct lk_err *err)
{
    struct gathering *gathering = ctx;
    LK_CLEANUP(lk_free_pointer)
    char *path = lk_xasprintf("%s/%s", gathering->directory, file->path);

    if (++gathering->count > LK_SOURCE_OBJECTS_MAX)
        return lk_err_set(err, LK_ERR_LIMIT, "%s has more than %d files (%s is one more)",
                          gathering->directory, LK_SOURCE_OBJECTS_MAX, file->path);
    return put(gathering->root, node_of_file(gathering->repo, file, path), file->path, err);
}

static int put_directory(struct lk_git_composed *composed, struct lk_git_repo *repo,
                         const char *source, const char *path, struct lk_err *err)
{
    LK_CLEANUP(lk_git_node_free)
    struct lk_git_node *root = lk_git_node_new_directory(LK_STR(""));
    struct gathering    gathering = { .repo = repo, .directory = source, .root = root };

    if (lk_git_each_file(repo, source, gather, &gathering, err) < 0)
        return -1;
    return put(composed->root, LK_TAKE(root), path, err);
}

int lk_git_composed_put_disk(struct lk_git_composed *composed, struct lk_git_repo *repo,
                             const char *source, const char *path, struct lk_err *err)
{
    struct lk_git_file file;
    struct stat        status;

    if (lstat(source, &status) < 0)
        return lk_err_sys(err, "%s", source);
    if (S_ISDIR(status.st_mode))
        return put_directory(composed, repo, source, path, err);
    if (lk_git_file_at(repo, source, &file, err) < 0)
        return -1;
    return put(composed->root, node_of_file(repo, &file, source), path, err);
}

int lk_git_composed_seal(struct lk_git_composed *composed, struct lk_oid *root,
                         struct lk_err *err)
{
    if (lk_git_make(&composed->made, composed->root, err) < 0)
        return -1;
    *root = composed->root->entry.oid;
    return 0;
}

bool lk_git_composed_lacks(const struct lk_git_composed *composed, const char *path)
{
    const struct lk_git_node *root = composed->root;

    for (size_t i = 0; i < root->count; i++)
        if (strcmp(root->children[i]->name, path) == 0)
            return false;
    return !strchr(path, '/');
}

int lk_git_composed_read(struct lk_git_composed *composed, const struct lk_oid *oid,
                         bool *is_tree, struct lk_buf *out, struct lk_err *err)
{
    return lk_git_made_read(&composed->made, oid, is_tree, out, err);
}

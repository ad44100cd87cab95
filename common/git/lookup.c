#include "common/git/repo.h"

#include "common/git/handle.h"

#include <stdlib.h>
#include <string.h>

static void drop_tree(git_tree **tree)
{
    git_tree_free(*tree);
}

static void drop_entry(git_tree_entry **entry)
{
    git_tree_entry_free(*entry);
}

static int open_tree(struct lk_git_repo *repo, const struct lk_oid *oid, git_tree **out)
{
    git_oid id;

    memcpy(id.id, oid->sha1, sizeof(id.id));
    return git_tree_lookup(out, repo->git, &id);
}

bool lk_git_lacks(struct lk_git_repo *repo, const struct lk_oid *tree, const char *path)
{
    LK_CLEANUP(drop_tree) git_tree        *root = NULL;
    LK_CLEANUP(drop_entry) git_tree_entry *entry = NULL;

    /* A directory on the way may be a link, which git does not look through. */
    return !strchr(path, '/') && open_tree(repo, tree, &root) == 0 &&
           git_tree_entry_bypath(&entry, root, path) == GIT_ENOTFOUND;
}

struct search {
    git_oid id;
    char   *path;
    bool    found;
};

static int compare(const char *root, const git_tree_entry *entry, void *payload)
{
    struct search *search = payload;

    if (!git_oid_equal(git_tree_entry_id(entry), &search->id))
        return 0;
    LK_CLEANUP(lk_free_pointer)
    char *path = lk_xasprintf("%s%s", root, git_tree_entry_name(entry));
    search->found = lk_copy_text(search->path, LK_PATH_SIZE, path);
    return GIT_EUSER;
}

bool lk_git_path_of(struct lk_git_repo *repo, const struct lk_oid *tree,
                    const struct lk_oid *oid, char path[LK_PATH_SIZE])
{
    LK_CLEANUP(drop_tree) git_tree *root = NULL;
    struct search                   search = { .path = path };

    memcpy(search.id.id, oid->sha1, sizeof(search.id.id));
    if (open_tree(repo, tree, &root) == 0)
        git_tree_walk(root, GIT_TREEWALK_PRE, compare, &search);
    return search.found;
}

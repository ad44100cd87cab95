#include "common/git/revision.h"

#include "common/git/handle.h"

#include <string.h>
#include <sys/stat.h>

static void drop_object(git_object **object)
{
    git_object_free(*object);
}

static void drop_tree(git_tree **tree)
{
    git_tree_free(*tree);
}

static void drop_entry(git_tree_entry **entry)
{
    git_tree_entry_free(*entry);
}

static int open_tree(struct lk_git_repo *repo, const char *commit, git_tree **out,
                     struct lk_err *err)
{
    LK_CLEANUP(drop_object) git_object *named = NULL;
    git_object                         *tree;

    if (strcmp(commit, "HEAD") == 0)
        return lk_git_head_tree(repo, out, err);
    if (git_revparse_single(&named, repo->git, commit) < 0 ||
        git_object_peel(&tree, named, GIT_OBJECT_TREE) < 0)
        return lk_err_set(err, LK_ERR_INVALID,
                          "'%s' names no commit in the git repository at %s: %s", commit,
                          repo->top, lk_git_reason());
    *out = (git_tree *)tree;
    return 0;
}

int lk_git_entry_at(struct lk_git_repo *repo, const char *commit, const char *path,
                    struct lk_git_entry *out, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char      *relative = NULL;
    LK_CLEANUP(drop_tree) git_tree        *root = NULL;
    LK_CLEANUP(drop_entry) git_tree_entry *entry = NULL;
    const git_oid                         *id;

    if (lk_git_relative_path(repo, path, &relative, err) < 0 ||
        open_tree(repo, commit, &root, err) < 0)
        return -1;
    id = git_tree_id(root);
    out->mode = S_IFDIR;
    if (relative[0]) {
        int code = git_tree_entry_bypath(&entry, root, relative);
        if (code == GIT_ENOTFOUND)
            return lk_err_set(err, LK_ERR_INVALID,
                              "%s is not committed: %s of the git repository at %s has no "
                              "'%s'; commit it first",
                              path, commit, repo->top, relative);
        if (code < 0)
            return lk_err_set(err, LK_ERR_PERMANENT, "%s: looking it up at %s: %s", path,
                              commit, lk_git_reason());
        id = git_tree_entry_id(entry);
        out->mode = (mode_t)git_tree_entry_filemode(entry);
    }
    memcpy(out->oid.sha1, id->id, sizeof(out->oid.sha1));
    return 0;
}

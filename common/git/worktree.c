#include "common/git/repo.h"

#include "common/git/handle.h"
#include "common/git/snapshot.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static void drop_tree(git_tree **tree)
{
    git_tree_free(*tree);
}

static void drop_index(git_index **index)
{
    git_index_free(*index);
}

static void drop_entry(git_tree_entry **entry)
{
    git_tree_entry_free(*entry);
}

/* What follows the top of the work tree in `path`; NULL if it is not below it. */
static const char *below(const char *top, const char *path)
{
    size_t len = strlen(top);

    if (strncmp(path, top, len) != 0 || (path[len] != '\0' && path[len] != '/'))
        return NULL;
    return path[len] == '/' ? path + len + 1 : path + len;
}

/* The same for a path that reaches the top by links: some parent of it is the top. */
static const char *below_linked(const char *top, const char *path)
{
    LK_CLEANUP(lk_free_pointer) char *parent = lk_xstrdup(path);
    char                              resolved[PATH_MAX];

    for (size_t i = 1; path[i]; i++) {
        if (path[i] != '/')
            continue;
        parent[i] = '\0';
        if (realpath(parent, resolved) && strcmp(resolved, top) == 0)
            return path + i + 1;
        parent[i] = '/';
    }
    return NULL;
}

/* As git does it, links below the top stay links (a link is an object of its own there). */
int lk_git_relative_path(const struct lk_git_repo *repo, const char *directory, char **out,
                         struct lk_err *err)
{
    char        resolved[PATH_MAX];
    const char *relative = below(repo->top, directory);

    if (!relative)
        relative = below_linked(repo->top, directory);
    if (!relative && realpath(directory, resolved))
        relative = below(repo->top, resolved);
    if (!relative)
        return lk_err_set(err, LK_ERR_INVALID, "%s is not inside of the git work tree at %s",
                          directory, repo->top);
    *out = lk_xstrdup(relative);
    return 0;
}

int lk_git_tree_of(struct lk_git_repo *repo, const char *directory, struct lk_oid *tree,
                   struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char      *relative = NULL;
    LK_CLEANUP(drop_tree) git_tree        *root = NULL;
    LK_CLEANUP(drop_entry) git_tree_entry *entry = NULL;

    if (lk_git_relative_path(repo, directory, &relative, err) < 0 ||
        lk_git_head_tree(repo, &root, err) < 0)
        return -1;
    if (relative[0] == '\0') {
        memcpy(tree->sha1, git_tree_id(root)->id, sizeof(tree->sha1));
        return 0;
    }
    int code = git_tree_entry_bypath(&entry, root, relative);
    if (code == GIT_ENOTFOUND)
        return lk_err_set(err, LK_ERR_INVALID,
                          "%s is not committed: HEAD of the git repository at %s has no "
                          "directory '%s'; commit it first",
                          directory, repo->top, relative);
    if (code < 0)
        return lk_err_set(err, LK_ERR_PERMANENT, "%s: looking it up at HEAD: %s", directory,
                          lk_git_reason());
    if (git_tree_entry_type(entry) != GIT_OBJECT_TREE)
        return lk_err_set(err, LK_ERR_INVALID,
                          "%s is %s in git, not a directory; name the package's own directory",
                          directory,
                          git_tree_entry_type(entry) == GIT_OBJECT_COMMIT ? "a submodule"
                                                                          : "a symbolic link");
    memcpy(tree->sha1, git_tree_entry_id(entry)->id, sizeof(tree->sha1));
    return 0;
}

/* Of what is not merged yet, git compares what is on disk with HEAD. */
static bool is_unmerged_but_same(struct lk_git_repo *repo, const git_diff_delta *delta)
{
    const char *relative = delta->new_file.path ? delta->new_file.path : delta->old_file.path;
    LK_CLEANUP(lk_free_pointer) char *path = lk_xasprintf("%s/%s", repo->top, relative);
    struct lk_git_entry               head;
    struct lk_git_file                now;
    struct lk_err                     ignored;

    return delta->status == GIT_DELTA_CONFLICTED &&
           lk_git_entry_at(repo, "HEAD", path, &head, &ignored) == 0 &&
           lk_git_file_at(repo, path, &now, &ignored) == 0 && now.entry.mode == head.mode &&
           lk_oid_eq(&now.entry.oid, &head.oid);
}

/*
 * A file changed in the index and changed back on disk is no difference to git; libgit2 blends the two
 * comparisons without looking at the content again.
 */
static bool is_same_again(struct lk_git_repo *repo, const git_diff_delta *delta)
{
    LK_CLEANUP(lk_free_pointer) char *path = NULL;
    git_oid                           now;

    if (delta->status != GIT_DELTA_MODIFIED || delta->old_file.mode != delta->new_file.mode ||
        (delta->old_file.mode & S_IFMT) != S_IFREG)
        return false;
    path = lk_xasprintf("%s/%s", repo->top, delta->new_file.path);
    return git_repository_hashfile(&now, repo->git, path, GIT_OBJECT_BLOB, NULL) == 0 &&
           git_oid_equal(&now, &delta->old_file.id);
}

/* Untracked files of a submodule are nothing to git in the repository around it; to libgit2 they are. */
static bool is_submodule_with_untracked(struct lk_git_repo *repo, const git_diff_delta *delta)
{
    unsigned status;

    return delta->status == GIT_DELTA_MODIFIED && LK_GIT_IS_SUBMODULE(delta->old_file.mode) &&
           LK_GIT_IS_SUBMODULE(delta->new_file.mode) &&
           git_submodule_status(&status, repo->git, delta->new_file.path,
                                GIT_SUBMODULE_IGNORE_UNTRACKED) == 0 &&
           GIT_SUBMODULE_STATUS_IS_UNMODIFIED(status);
}

/* What git was told not to look for may be missing; libgit2 does not look at changes alone. */
static bool is_left_alone(struct lk_git_repo *repo, const git_diff_delta *delta)
{
    LK_CLEANUP(drop_index) git_index *index = NULL;
    const git_index_entry            *entry;

    if (delta->status != GIT_DELTA_DELETED || git_repository_index(&index, repo->git) < 0)
        return false;
    entry = git_index_get_bypath(index, delta->old_file.path, 0);
    return entry && (entry->flags_extended & GIT_INDEX_ENTRY_SKIP_WORKTREE) &&
           entry->mode == delta->old_file.mode &&
           git_oid_equal(&entry->id, &delta->old_file.id);
}

static const git_diff_delta *first_difference(struct lk_git_repo *repo, const git_diff *diff,
                                              const char *relative)
{
    for (size_t i = 0; i < git_diff_num_deltas(diff); i++) {
        const git_diff_delta *delta = git_diff_get_delta(diff, i);
        if (lk_git_is_below(relative, delta->new_file.path) && !is_same_again(repo, delta) &&
            !is_unmerged_but_same(repo, delta) && !is_submodule_with_untracked(repo, delta) &&
            !is_left_alone(repo, delta))
            return delta;
    }
    return NULL;
}

int lk_git_is_dirty(struct lk_git_repo *repo, const char *directory, bool *dirty,
                    char example[LK_PATH_SIZE], struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *relative = NULL;
    const git_diff                   *diff;
    const git_diff_delta             *delta;

    if (lk_git_relative_path(repo, directory, &relative, err) < 0 ||
        lk_git_differences(repo, relative, &diff, err) < 0)
        return -1;
    delta = first_difference(repo, diff, relative);
    *dirty = delta != NULL;
    lk_copy_text(example, LK_PATH_SIZE, delta ? delta->new_file.path : "");
    return 0;
}

#include "common/git/handle.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static void drop_tree(git_tree **tree)
{
    git_tree_free(*tree);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/*
 * Whether libgit2 1.5 compares the path literally throughout: with GIT_DIFF_DISABLE_PATHSPEC_MATCH it still
 * takes what looks like a pattern for one where it comes upon an untracked directory.
 */
bool lk_git_is_plain(const char *relative)
{
    for (const char *at = relative; *at; at++)
        if (!strchr("._-+/@=,:~%", *at) && !isalnum((unsigned char)*at) && *at > 0)
            return false;
    return true;
}

static bool are_plain(const struct lk_git_look *look)
{
    for (size_t i = 0; i < look->count; i++)
        if (!lk_git_is_plain(look->directories[i]))
            return false;
    return true;
}

/* With '/' at the end: without, libgit2 1.5 passes over "a" where "a-b" is also looked for. */
static char *name_of(const char *relative)
{
    return lk_xasprintf("%s%s", relative, relative[0] ? "/" : "");
}

static void add_directory(struct lk_git_look *look, const char *relative)
{
    look->directories =
        lk_xrealloc(look->directories, (look->count + 1) * sizeof(*look->directories));
    look->directories[look->count++] = name_of(relative);
}

static void forget(struct lk_git_look *look)
{
    git_diff_free(look->diff);
    for (size_t i = 0; i < look->count; i++)
        free(look->directories[i]);
    free(look->directories);
    *look = (struct lk_git_look) { 0 };
}

void lk_git_forget_looks(struct lk_git_repo *repo)
{
    forget(&repo->expected);
    forget(&repo->latest);
}

void lk_git_expect(struct lk_git_repo *repo, const char *relative)
{
    if (!repo->expected.diff)
        add_directory(&repo->expected, relative);
}

static int compare_with_head(struct lk_git_repo *repo, struct lk_git_look *look,
                             struct lk_err *err)
{
    LK_CLEANUP(drop_tree) git_tree *root = NULL;
    git_diff_options                options;

    if (lk_git_head_tree(repo, &root, err) < 0)
        return -1;
    qsort(look->directories, look->count, sizeof(*look->directories), compare_names);
    git_diff_options_init(&options, GIT_DIFF_OPTIONS_VERSION);
    /* Literal paths, and the index is not written. */
    options.flags = GIT_DIFF_INCLUDE_UNTRACKED | GIT_DIFF_DISABLE_PATHSPEC_MATCH;
    if (look->directories[0][0] && are_plain(look))
        options.pathspec =
            (git_strarray) { .strings = look->directories, .count = look->count };
    if (git_diff_tree_to_workdir_with_index(&look->diff, repo->git, root, &options) == 0)
        return 0;
    return lk_err_set(err, LK_ERR_PERMANENT, "%s: comparing it with HEAD: %s", repo->top,
                      lk_git_reason());
}

static bool covers(const struct lk_git_look *look, const char *relative)
{
    LK_CLEANUP(lk_free_pointer) char *name = name_of(relative);

    return look->count > 0 && bsearch(&name, look->directories, look->count,
                                      sizeof(*look->directories), compare_names);
}

int lk_git_differences(struct lk_git_repo *repo, const char *relative, const git_diff **out,
                       struct lk_err *err)
{
    struct lk_git_look *look = &repo->expected;

    if (look->count > 0 && !look->diff && compare_with_head(repo, look, err) < 0)
        return -1;
    if (!covers(look, relative)) {
        look = &repo->latest;
        forget(look);
        add_directory(look, relative);
        if (compare_with_head(repo, look, err) < 0)
            return -1;
    }
    *out = look->diff;
    return 0;
}

bool lk_git_is_below(const char *relative, const char *path)
{
    size_t len = strlen(relative);

    return len == 0 ||
           (strncmp(path, relative, len) == 0 && (path[len] == '\0' || path[len] == '/'));
}

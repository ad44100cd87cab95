#include "common/git/repo.h"

#include <git2.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define CACHE_BYTES_MAX        (16 * 1024 * 1024)
#define WINDOW_BYTES           ((size_t)4 * 1024 * 1024)
#define WINDOWS_TOGETHER_BYTES ((size_t)64 * 1024 * 1024)

struct lk_git_repo {
    git_repository *git;
    git_odb        *odb;
    char *
        top; /* of the work tree, links resolved, no '/' at the end; "" for the root directory */
    unsigned users;
};

/*
 * The repository opened last.  Packages of one push mostly live in one repository, and reading its index
 * anew for each (10,000 files: 3 ms) would cost more than all the rest.
 */
static struct lk_git_repo *latest;

void lk_git_init(void)
{
    lk_assert(git_libgit2_init() > 0);
    git_libgit2_opts(GIT_OPT_SET_CACHE_MAX_SIZE, (ssize_t)CACHE_BYTES_MAX);
    git_libgit2_opts(GIT_OPT_SET_MWINDOW_SIZE, WINDOW_BYTES);
    git_libgit2_opts(GIT_OPT_SET_MWINDOW_MAPPED_LIMIT, WINDOWS_TOGETHER_BYTES);
}

static const char *reason(void)
{
    const git_error *last = git_error_last();

    return last && last->message ? last->message : "no reason given";
}

static void drop_buf(git_buf *buf)
{
    git_buf_dispose(buf);
}

static void drop_tree(git_tree **tree)
{
    git_tree_free(*tree);
}

static void drop_commit(git_commit **commit)
{
    git_commit_free(*commit);
}

static void drop_object(git_object **object)
{
    git_object_free(*object);
}

static void drop_reference(git_reference **reference)
{
    git_reference_free(*reference);
}

static void drop_entry(git_tree_entry **entry)
{
    git_tree_entry_free(*entry);
}

static void drop_diff(git_diff **diff)
{
    git_diff_free(*diff);
}

static void drop_odb_object(git_odb_object **object)
{
    git_odb_object_free(*object);
}

void lk_git_close(struct lk_git_repo **repo)
{
    struct lk_git_repo *gone = *repo;

    *repo = NULL;
    if (!gone || --gone->users > 0)
        return;
    git_odb_free(gone->odb);
    git_repository_free(gone->git);
    free(gone->top);
    free(gone);
}

static struct lk_git_repo *use(struct lk_git_repo *repo)
{
    repo->users++;
    return repo;
}

/* The directory that `safe.directory` has to name: the one that holds .git. */
static char *place_of(const char *git_directory)
{
    size_t len = strlen(git_directory);

    while (len > 1 && git_directory[len - 1] == '/')
        len--;
    if (len > 5 && memcmp(git_directory + len - 5, "/.git", 5) == 0)
        len -= 5;
    return lk_xasprintf("%.*s", (int)len, git_directory);
}

static int open_failed(int code, const char *directory, const char *git_directory,
                       struct lk_err *err)
{
    /* libgit2 1.5 fails to say GIT_EOWNER where no configuration names any safe.directory. */
    if (code == GIT_EOWNER || strstr(reason(), "safe.directory")) {
        LK_CLEANUP(lk_free_pointer) char *place = place_of(git_directory);
        return lk_err_set(
            err, LK_ERR_DENIED,
            "%s: detected dubious ownership in the git repository at %s: it belongs to "
            "another user.  If you trust it: git config --global --add "
            "safe.directory %s",
            directory, place, place);
    }
    if (strstr(reason(), "objectformat"))
        return lk_err_set(
            err, LK_ERR_INVALID,
            "%s: the git repository at %s names objects by SHA-256; tags are made of "
            "SHA-1 ids, so only repositories with SHA-1 objects are supported",
            directory, git_directory);
    return lk_err_set(err, LK_ERR_PERMANENT, "%s: opening the git repository at %s: %s",
                      directory, git_directory, reason());
}

static char *without_slashes(const char *directory)
{
    size_t len = strlen(directory);

    while (len > 0 && directory[len - 1] == '/')
        len--;
    return lk_xasprintf("%.*s", (int)len, directory);
}

static int open_at(struct lk_git_repo **out, const char *directory, const char *git_directory,
                   struct lk_err *err)
{
    LK_CLEANUP(lk_git_close) struct lk_git_repo *repo = lk_xcalloc(1, sizeof(*repo));

    repo->users = 1;
    int code = git_repository_open_ext(&repo->git, directory, 0, NULL);
    if (code < 0)
        return open_failed(code, directory, git_directory, err);
    if (git_repository_is_bare(repo->git))
        return lk_err_set(err, LK_ERR_INVALID,
                          "%s: the git repository at %s is bare: a package needs a work tree",
                          directory, git_directory);
    if (git_repository_odb(&repo->odb, repo->git) < 0)
        return lk_err_set(err, LK_ERR_PERMANENT, "%s: opening the objects of %s: %s", directory,
                          git_directory, reason());
    repo->top = without_slashes(git_repository_workdir(repo->git));
    *out = LK_TAKE(repo);
    return 0;
}

int lk_git_open(struct lk_git_repo **out, const char *directory, struct lk_err *err)
{
    LK_CLEANUP(drop_buf) git_buf found = { 0 };

    int code = git_repository_discover(&found, directory, 0, NULL);
    if (code == GIT_ENOTFOUND)
        return lk_err_set(err, LK_ERR_INVALID,
                          "%s is not in a git repository: a package's tag is the id of its "
                          "committed tree",
                          directory);
    if (code < 0)
        return lk_err_set(err, LK_ERR_PERMANENT, "%s: looking for its git repository: %s",
                          directory, reason());
    if (!latest || strcmp(git_repository_path(latest->git), found.ptr) != 0) {
        struct lk_git_repo *repo = NULL;
        if (open_at(&repo, directory, found.ptr, err) < 0)
            return -1;
        lk_git_close(&latest);
        latest = repo;
    }
    *out = use(latest);
    return 0;
}

static int head_commit(struct lk_git_repo *repo, git_commit **out, struct lk_err *err)
{
    LK_CLEANUP(drop_reference) git_reference *head = NULL;
    LK_CLEANUP(drop_object) git_object       *commit = NULL;

    int code = git_repository_head(&head, repo->git);
    if (code == GIT_EUNBORNBRANCH)
        return lk_err_set(
            err, LK_ERR_INVALID,
            "the git repository at %s has no commit yet; commit the package first", repo->top);
    if (code < 0 || git_reference_peel(&commit, head, GIT_OBJECT_COMMIT) < 0)
        return lk_err_set(err, LK_ERR_PERMANENT, "reading HEAD of the git repository at %s: %s",
                          repo->top, reason());
    *out = (git_commit *)LK_TAKE(commit);
    return 0;
}

int lk_git_head(struct lk_git_repo *repo, struct lk_oid *commit, int64_t *time_s,
                struct lk_err *err)
{
    LK_CLEANUP(drop_commit) git_commit *head = NULL;

    if (head_commit(repo, &head, err) < 0)
        return -1;
    memcpy(commit->sha1, git_commit_id(head)->id, sizeof(commit->sha1));
    *time_s = git_commit_time(head);
    return 0;
}

static int head_tree(struct lk_git_repo *repo, git_tree **out, struct lk_err *err)
{
    LK_CLEANUP(drop_commit) git_commit *head = NULL;

    if (head_commit(repo, &head, err) < 0)
        return -1;
    if (git_commit_tree(out, head) == 0)
        return 0;
    return lk_err_set(err, LK_ERR_PERMANENT,
                      "reading the tree of HEAD in the git repository at %s: %s", repo->top,
                      reason());
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

/*
 * `directory` as git names it, owned; "" is the top.  As git does it, links below the top stay links (a link
 * is an object of its own there); links above it are looked through.
 */
static int relative_path(const struct lk_git_repo *repo, const char *directory, char **out,
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

    if (relative_path(repo, directory, &relative, err) < 0 || head_tree(repo, &root, err) < 0)
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
                          reason());
    if (git_tree_entry_type(entry) != GIT_OBJECT_TREE)
        return lk_err_set(err, LK_ERR_INVALID,
                          "%s is %s in git, not a directory; name the package's own directory",
                          directory,
                          git_tree_entry_type(entry) == GIT_OBJECT_COMMIT ? "a submodule"
                                                                          : "a symbolic link");
    memcpy(tree->sha1, git_tree_entry_id(entry)->id, sizeof(tree->sha1));
    return 0;
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

static const git_diff_delta *first_difference(struct lk_git_repo *repo, const git_diff *diff)
{
    for (size_t i = 0; i < git_diff_num_deltas(diff); i++) {
        const git_diff_delta *delta = git_diff_get_delta(diff, i);
        if (!is_same_again(repo, delta))
            return delta;
    }
    return NULL;
}

int lk_git_is_dirty(struct lk_git_repo *repo, const char *directory, bool *dirty,
                    char example[LK_PATH_SIZE], struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *relative = NULL;
    LK_CLEANUP(drop_tree) git_tree   *root = NULL;
    LK_CLEANUP(drop_diff) git_diff   *diff = NULL;
    const git_diff_delta             *delta;
    git_diff_options                  options;

    if (relative_path(repo, directory, &relative, err) < 0 || head_tree(repo, &root, err) < 0)
        return -1;
    git_diff_options_init(&options, GIT_DIFF_OPTIONS_VERSION);
    /* Literal paths, so that a directory called "a*" is not a pattern; the index is not written. */
    options.flags = GIT_DIFF_INCLUDE_UNTRACKED | GIT_DIFF_DISABLE_PATHSPEC_MATCH;
    options.pathspec = (git_strarray) { .strings = &relative, .count = relative[0] ? 1 : 0 };
    if (git_diff_tree_to_workdir_with_index(&diff, repo->git, root, &options) < 0)
        return lk_err_set(err, LK_ERR_PERMANENT, "%s: comparing it with HEAD: %s", directory,
                          reason());
    delta = first_difference(repo, diff);
    *dirty = delta != NULL;
    lk_copy_text(example, LK_PATH_SIZE, delta ? delta->new_file.path : "");
    return 0;
}

static int object_failed(const struct lk_oid *oid, const char *problem, struct lk_err *err)
{
    char text[LK_OID_TEXT_SIZE];

    lk_oid_format(oid, text);
    return lk_err_set(err, LK_ERR_PERMANENT, "reading git object %s: %s", text, problem);
}

int lk_git_size(struct lk_git_repo *repo, const struct lk_oid *oid, bool *is_tree,
                uint64_t *size, struct lk_err *err)
{
    git_oid      id;
    size_t       len;
    git_object_t type;

    memcpy(id.id, oid->sha1, sizeof(id.id));
    if (git_odb_read_header(&len, &type, repo->odb, &id) < 0)
        return object_failed(oid, reason(), err);
    if (type != GIT_OBJECT_TREE && type != GIT_OBJECT_BLOB)
        return object_failed(oid, "it is neither a tree nor a file", err);
    *is_tree = type == GIT_OBJECT_TREE;
    *size = len;
    return 0;
}

int lk_git_read(struct lk_git_repo *repo, const struct lk_oid *oid, bool *is_tree,
                struct lk_buf *out, struct lk_err *err)
{
    LK_CLEANUP(drop_odb_object) git_odb_object *object = NULL;
    uint64_t                                    size;
    git_oid                                     id;

    if (lk_git_size(repo, oid, is_tree, &size, err) < 0)
        return -1;
    if (size > out->max - out->len) {
        object_failed(oid, "larger than is accepted", err);
        err->kind = LK_ERR_LIMIT;
        return -1;
    }
    memcpy(id.id, oid->sha1, sizeof(id.id));
    if (git_odb_read(&object, repo->odb, &id) < 0)
        return object_failed(oid, reason(), err);
    lk_buf_add(out, git_odb_object_data(object), git_odb_object_size(object));
    return lk_buf_ok(out) ? 0
                          : object_failed(oid, "it is not as large as its header says", err);
}

void lk_git_hash(bool is_tree, struct lk_str bytes, struct lk_oid *out)
{
    git_oid id;

    lk_assert(git_odb_hash(&id, bytes.data, bytes.len,
                           is_tree ? GIT_OBJECT_TREE : GIT_OBJECT_BLOB) == 0);
    memcpy(out->sha1, id.id, sizeof(out->sha1));
}

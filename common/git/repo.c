#include "common/git/repo.h"

#include "common/git/handle.h"

#include <stdlib.h>
#include <string.h>

#define CACHE_BYTES_MAX        (16 * 1024 * 1024)
#define WINDOW_BYTES           ((size_t)4 * 1024 * 1024)
#define WINDOWS_TOGETHER_BYTES ((size_t)64 * 1024 * 1024)

/*
 * The repository opened last.  Packages of one push mostly live in one repository, and reading its index
 * anew for each would cost more than all the rest (10,000 files: 8 ms for the first package, 0.3 ms for each
 * further one).
 */
static struct lk_git_repo *latest;

void lk_git_init(void)
{
    lk_assert(git_libgit2_init() > 0);
    git_libgit2_opts(GIT_OPT_SET_CACHE_MAX_SIZE, (ssize_t)CACHE_BYTES_MAX);
    git_libgit2_opts(GIT_OPT_SET_MWINDOW_SIZE, WINDOW_BYTES);
    git_libgit2_opts(GIT_OPT_SET_MWINDOW_MAPPED_LIMIT, WINDOWS_TOGETHER_BYTES);
}

const char *lk_git_reason(void)
{
    const git_error *last = git_error_last();

    return last && last->message ? last->message : "no reason given";
}

static void drop_buf(git_buf *buf)
{
    git_buf_dispose(buf);
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
    if (code == GIT_EOWNER || strstr(lk_git_reason(), "safe.directory")) {
        LK_CLEANUP(lk_free_pointer) char *place = place_of(git_directory);
        return lk_err_set(
            err, LK_ERR_DENIED,
            "%s: detected dubious ownership in the git repository at %s: it belongs to "
            "another user.  If you trust it: git config --global --add "
            "safe.directory %s",
            directory, place, place);
    }
    if (strstr(lk_git_reason(), "objectformat"))
        return lk_err_set(
            err, LK_ERR_INVALID,
            "%s: the git repository at %s names objects by SHA-256; tags are made of "
            "SHA-1 ids, so only repositories with SHA-1 objects are supported",
            directory, git_directory);
    return lk_err_set(err, LK_ERR_PERMANENT, "%s: opening the git repository at %s: %s",
                      directory, git_directory, lk_git_reason());
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
                          git_directory, lk_git_reason());
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
                          "committed tree; commit it to one first",
                          directory);
    if (code < 0)
        return lk_err_set(err, LK_ERR_PERMANENT, "%s: looking for its git repository: %s",
                          directory, lk_git_reason());
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
                          repo->top, lk_git_reason());
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

int lk_git_head_tree(struct lk_git_repo *repo, git_tree **out, struct lk_err *err)
{
    LK_CLEANUP(drop_commit) git_commit *head = NULL;

    if (head_commit(repo, &head, err) < 0)
        return -1;
    if (git_commit_tree(out, head) == 0)
        return 0;
    return lk_err_set(err, LK_ERR_PERMANENT,
                      "reading the tree of HEAD in the git repository at %s: %s", repo->top,
                      lk_git_reason());
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
        return object_failed(oid, lk_git_reason(), err);
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
        return object_failed(oid, lk_git_reason(), err);
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

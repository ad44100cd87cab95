#include "common/git/repo.h"

#include "common/git/handle.h"

#include <stdlib.h>
#include <string.h>

#define CACHE_BYTES_MAX        (16 * 1024 * 1024)
#define WINDOW_BYTES           ((size_t)4 * 1024 * 1024)
#define WINDOWS_TOGETHER_BYTES ((size_t)64 * 1024 * 1024)

/* Those in use: whoever opens one of them again shares it, and with it the index once read. */
static struct lk_git_repo *open_ones;

/*
 * Debian's libgit2 reads all of the system's certificates when it starts (5 ms, half of what show-tag takes
 * for one package), with no option against it.  Its transports are never used here, so the function of
 * mbedtls by which it does that finds none; were they used, they would trust nobody.
 */
int mbedtls_x509_crt_parse_file(void *chain, const char *path);
int mbedtls_x509_crt_parse_file(void *chain, const char *path)
{
    (void)chain;
    (void)path;
    return 0;
}

void lk_git_init(void)
{
    /*
     * `git sparse-checkout` and `git clone --filter` write these.  What the first adds to the configuration is
     * in the index too; content that the second left out is missed by name if it is needed.
     */
    static const char *const extensions[] = { "worktreeconfig", "partialclone" };

    lk_assert(git_libgit2_init() > 0);
    git_libgit2_opts(GIT_OPT_SET_EXTENSIONS, extensions, LK_COUNT(extensions));
    git_libgit2_opts(GIT_OPT_SET_CACHE_MAX_SIZE, (ssize_t)CACHE_BYTES_MAX);
    git_libgit2_opts(GIT_OPT_SET_MWINDOW_SIZE, WINDOW_BYTES);
    git_libgit2_opts(GIT_OPT_SET_MWINDOW_MAPPED_LIMIT, WINDOWS_TOGETHER_BYTES);
}

/* Forms of the index that git reads and libgit2 1.5 does not, by what it says of them. */
static const struct {
    const char *said;
    const char *advice;
} unreadable[] = {
    { "extension: 'link'", "its index is split, which is not supported; make it whole: "
                           "git update-index --no-split-index" },
    { "extension: 'sdir'", "its index is sparse, which is not supported; write it in full: "
                           "git sparse-checkout reapply --no-sparse-index" },
    { "calculated checksum",
      "its index has no checksum (index.skipHash), or is damaged; write it anew: "
      "git -c index.skipHash=false update-index --force-write-index" },
};

const char *lk_git_reason(void)
{
    const git_error *last = git_error_last();
    const char      *said = last && last->message ? last->message : "no reason given";

    for (size_t i = 0; i < LK_COUNT(unreadable); i++)
        if (strstr(said, unreadable[i].said))
            return unreadable[i].advice;
    return said;
}

static void drop_buf(git_buf *buf)
{
    git_buf_dispose(buf);
}

static void leave_list(struct lk_git_repo *repo)
{
    struct lk_git_repo **at = &open_ones;

    while (*at && *at != repo)
        at = &(*at)->next;
    if (*at)
        *at = repo->next;
}

void lk_git_close(struct lk_git_repo **repo)
{
    struct lk_git_repo *gone = *repo;

    *repo = NULL;
    if (!gone || --gone->users > 0)
        return;
    leave_list(gone);
    lk_git_forget_looks(gone);
    git_commit_free(gone->head);
    git_odb_free(gone->odb);
    git_repository_free(gone->git);
    free(gone->top);
    free(gone);
}

static struct lk_git_repo *find_open(const char *git_directory)
{
    struct lk_git_repo *repo = open_ones;

    while (repo && strcmp(git_repository_path(repo->git), git_directory) != 0)
        repo = repo->next;
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

    struct lk_git_repo *repo = find_open(found.ptr);

    if (repo) {
        repo->users++;
    } else {
        if (open_at(&repo, directory, found.ptr, err) < 0)
            return -1;
        repo->next = open_ones;
        open_ones = repo;
    }
    *out = repo;
    return 0;
}

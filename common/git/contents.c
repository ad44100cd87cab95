#include "common/git/contents.h"

#include "common/git/listing.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A name is at most four times as long in quotes. */
#define LISTING_BYTES_MAX ((size_t)LK_SOURCE_OBJECTS_MAX * 1024)
#define PIECE_BYTES       (64 * 1024)

static void drop_config(git_config **config)
{
    git_config_free(*config);
}

static bool quotes_all(struct lk_git_repo *repo)
{
    LK_CLEANUP(drop_config) git_config *config = NULL;
    int                                 value;

    return git_repository_config_snapshot(&config, repo->git) < 0 ||
           git_config_get_bool(&value, config, "core.quotepath") < 0 || value;
}

static bool needs_quotes(unsigned char c, bool all)
{
    return c < ' ' || c == '"' || c == '\\' || c == 0x7f || (all && c >= 0x80);
}

static void quote_byte(struct lk_buf *out, unsigned char c, bool all)
{
    static const char letters[] = "abtnvfr";

    if (!needs_quotes(c, all))
        lk_buf_add(out, &c, 1);
    else if (c >= '\a' && c <= '\r')
        lk_buf_printf(out, "\\%c", letters[c - '\a']);
    else if (c == '"' || c == '\\')
        lk_buf_printf(out, "\\%c", c);
    else
        lk_buf_printf(out, "\\%03o", c);
}

/* A line as git prints it. */
static void add_name(struct lk_buf *out, const char *name, bool all)
{
    bool quoted = false;

    for (const char *at = name; *at; at++)
        quoted = quoted || needs_quotes((unsigned char)*at, all);
    if (!quoted) {
        lk_buf_add_text(out, name);
    } else {
        lk_buf_add_text(out, "\"");
        for (const char *at = name; *at; at++)
            quote_byte(out, (unsigned char)*at, all);
        lk_buf_add_text(out, "\"");
    }
    lk_buf_add_text(out, "\n");
}

static void print_listing(const struct lk_git_listing *listing, size_t skip, bool all,
                          struct lk_buf *out)
{
    for (size_t i = 0; i < listing->tracked_count; i++)
        add_name(out, listing->tracked[i]->path + skip, all);
    for (size_t i = 0; i < listing->changed_count; i++)
        if (listing->changed[i]->status == GIT_DELTA_UNTRACKED)
            add_name(out, listing->changed[i]->new_file.path + skip, all);
}

int lk_git_hash_file(const char *path, struct lk_sha256_stream *hash, struct lk_err *err)
{
    LK_CLEANUP(lk_close_fd)
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    LK_CLEANUP(lk_free_pointer) unsigned char *piece = NULL;
    struct stat                                status;
    ssize_t                                    len;

    if (fd < 0 || fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))
        return 0;
    piece = lk_xmalloc(PIECE_BYTES);
    while ((len = read(fd, piece, PIECE_BYTES)) > 0)
        if (lk_sha256_add(hash, piece, (size_t)len, err) < 0)
            return -1;
    return len < 0 ? lk_err_sys(err, "reading %s", path) : 0;
}

/* As LinuxKit reads what git printed: blanks at both ends of the whole text are cut off. */
static int hash_listed(struct lk_str listing, const char *directory,
                       struct lk_sha256_stream *hash, struct lk_err *err)
{
    while (listing.len > 0 && strchr(" \n", listing.data[listing.len - 1]))
        listing.len--;
    while (listing.len > 0 && strchr(" \n", listing.data[0])) {
        listing.data++;
        listing.len--;
    }
    while (listing.len > 0) {
        struct lk_str line = listing, rest = { 0 };
        lk_str_split(listing, '\n', &line, &rest);
        LK_CLEANUP(lk_free_pointer)
        char *path = lk_xasprintf("%s/" LK_STR_FMT, directory, LK_STR_ARG(line));
        if (lk_git_hash_file(path, hash, err) < 0)
            return -1;
        listing = rest;
    }
    return 0;
}

int lk_git_hash_directory(struct lk_git_repo *repo, const char *directory,
                          struct lk_sha256_stream *hash, struct lk_err *err)
{
    LK_CLEANUP(lk_git_listing_fini) struct lk_git_listing listing = { 0 };
    LK_CLEANUP(lk_buf_fini) struct lk_buf names = LK_BUF_INIT(LISTING_BYTES_MAX);
    LK_CLEANUP(lk_free_pointer) char     *relative = NULL;
    char                                  resolved[PATH_MAX];

    if (!realpath(directory, resolved))
        return lk_err_sys(err, "%s", directory);
    if (lk_git_relative_path(repo, resolved, &relative, err) < 0 ||
        lk_git_list(repo, relative, &listing, err) < 0)
        return -1;
    print_listing(&listing, strlen(relative) + (relative[0] ? 1 : 0), quotes_all(repo), &names);
    if (!lk_buf_ok(&names))
        return lk_err_set(err, LK_ERR_LIMIT, "%s: it has too many files", directory);
    return hash_listed(lk_buf_str(&names), directory, hash, err);
}

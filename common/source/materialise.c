#include "common/source/materialise.h"

#include "common/base/limits.h"
#include "common/source/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TARGET_MAX 4095 /* bytes of a symbolic link's target that the kernel takes */

struct job {
    struct lk_store *store;
    bool             openat2;         /* false: the kernel does not have it */
    size_t           entries;         /* counted before anything is written */
    uint64_t         bytes;           /* written */
    size_t           trees_in_memory; /* bytes */
};

/* Where we are: a directory that is open and filled. */
struct place {
    struct job *job;
    int         fd;
};

static const struct timespec no_time[2];

static int write_failed(struct lk_err *err, const char *name)
{
    if (errno == ENOSPC || errno == EDQUOT)
        return lk_err_set(err, LK_ERR_LIMIT,
                          "writing %s: no space left; free some, or give the work directory a "
                          "larger disk",
                          name);
    return lk_err_sys(err, "writing %s", name);
}

/*
 * Opens one name below a directory, never through a link.  The name has no slash and is not "..", so
 * that O_NOFOLLOW alone says the same where openat2 is missing (qemu-user, old kernels, some filters
 * of system calls).
 */
static int open_below(struct place *place, const char *name, int flags, mode_t mode)
{
    struct open_how how = {
        .flags = (unsigned)(flags | O_NOFOLLOW | O_CLOEXEC),
        .mode = mode,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
    };

    if (place->job->openat2) {
        int fd = (int)syscall(SYS_openat2, place->fd, name, &how, sizeof(how));
        if (fd >= 0 || (errno != ENOSYS && errno != EPERM))
            return fd;
        place->job->openat2 = false;
    }
    return openat(place->fd, name, flags | O_NOFOLLOW | O_CLOEXEC, mode);
}

static int put_all(int to, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t put = write(to, data, len);
        if (put < 0 && errno != EINTR)
            return -1;
        data += put > 0 ? put : 0;
        len -= put > 0 ? (size_t)put : 0;
    }
    return 0;
}

static int copy_by_hand(int from, int to)
{
    char piece[64 * 1024];

    for (;;) {
        ssize_t got = read(from, piece, sizeof(piece));
        if (got == 0)
            return 0;
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 || put_all(to, piece, (size_t)got) < 0)
            return -1;
    }
}

/* The kernel's copy shares or at least does not carry the bytes; not every pair of file systems can. */
static int copy(int from, int to, uint64_t size)
{
    while (size > 0) {
        ssize_t got = copy_file_range(from, NULL, to, NULL, size, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EIO || errno == EFBIG))
            return -1;
        if (got <= 0)
            return copy_by_hand(from, to);
        size -= (uint64_t)got;
    }
    return 0;
}

static int open_blob(struct job *job, const struct lk_oid *oid, uint64_t *size,
                     struct lk_err *err)
{
    bool is_tree;
    int  fd = lk_store_open_object(job->store, oid, &is_tree, size, err);

    if (fd < 0)
        return -1;
    if (!is_tree && *size <= LK_SOURCE_BYTES_MAX - job->bytes)
        return fd;
    close(fd);
    if (is_tree)
        return lk_err_set(err, LK_ERR_INVALID,
                          "the source names a directory's object as a file");
    return lk_err_set(err, LK_ERR_LIMIT, "the source has more than %llu bytes",
                      (unsigned long long)LK_SOURCE_BYTES_MAX);
}

static int write_file(struct place *place, const struct lk_tree_entry *entry, const char *name,
                      struct lk_err *err)
{
    mode_t                      mode = entry->kind == LK_TREE_EXECUTABLE ? 0755 : 0644;
    uint64_t                    size;
    struct stat                 st;
    LK_CLEANUP(lk_close_fd) int from = open_blob(place->job, &entry->oid, &size, err);

    if (from < 0)
        return -1;
    LK_CLEANUP(lk_close_fd) int to = open_below(place, name, O_WRONLY | O_CREAT | O_EXCL, 0600);
    if (to < 0 || copy(from, to, size) < 0 || fchmod(to, mode) < 0 ||
        futimens(to, no_time) < 0 || fstat(to, &st) < 0)
        return write_failed(err, name);
    if ((uint64_t)st.st_size != size)
        return lk_err_set(err, LK_ERR_PERMANENT, "writing %s: %llu of %llu bytes arrived", name,
                          (unsigned long long)st.st_size, (unsigned long long)size);
    place->job->bytes += size;
    return 0;
}

static int write_link(struct place *place, const struct lk_tree_entry *entry, const char *name,
                      struct lk_err *err)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf target = LK_BUF_INIT(TARGET_MAX);
    bool                                  is_tree;

    if (lk_store_read(place->job->store, &entry->oid, &is_tree, &target, err) < 0)
        return lk_err_wrap(err, "making the symbolic link %s", name);
    if (is_tree || target.len == 0 || strlen(target.data) != target.len)
        return lk_err_set(err, LK_ERR_INVALID,
                          "the symbolic link %s of the source has a target that is no path",
                          name);
    if (symlinkat(target.data, place->fd, name) < 0 ||
        utimensat(place->fd, name, no_time, AT_SYMLINK_NOFOLLOW) < 0)
        return write_failed(err, name);
    return 0;
}

static int fill(struct place *place, const struct lk_oid *tree, struct lk_err *err);

static int write_directory(struct place *place, const struct lk_tree_entry *entry,
                           const char *name, struct lk_err *err)
{
    if (mkdirat(place->fd, name, 0700) < 0)
        return write_failed(err, name);
    LK_CLEANUP(lk_close_fd) int fd = open_below(place, name, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0)
        return write_failed(err, name);
    struct place below = { place->job, fd };
    return fill(&below, &entry->oid, err);
}

static int write_entry(void *ctx, const struct lk_tree_entry *entry, struct lk_err *err)
{
    struct place *place = ctx;
    char          name[NAME_MAX + 1];

    if (!lk_str_copy(name, sizeof(name), entry->name))
        return lk_err_set(err, LK_ERR_INVALID, "the source has a name that is no file's");
    switch (entry->kind) {
    case LK_TREE_DIRECTORY: return write_directory(place, entry, name, err);
    case LK_TREE_FILE:
    case LK_TREE_EXECUTABLE: return write_file(place, entry, name, err);
    case LK_TREE_SYMLINK: return write_link(place, entry, name, err);
    }
    return 0;
}

static int read_tree(struct job *job, const struct lk_oid *tree, struct lk_buf *out,
                     struct lk_err *err)
{
    bool is_tree;

    if (lk_store_read(job->store, tree, &is_tree, out, err) < 0)
        return -1;
    if (!is_tree)
        return lk_err_set(err, LK_ERR_INVALID,
                          "the source names a file's object as a directory");
    if (job->trees_in_memory + out->len > 2 * LK_TREE_BYTES_MAX)
        return lk_err_set(err, LK_ERR_LIMIT,
                          "the source has too many files in nested directories");
    return 0;
}

/* Fills the place with a tree's entries; times last, since each entry moves them. */
static int fill(struct place *place, const struct lk_oid *tree, struct lk_err *err)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf bytes = LK_BUF_INIT(LK_TREE_BYTES_MAX);

    if (read_tree(place->job, tree, &bytes, err) < 0)
        return -1;
    place->job->trees_in_memory += bytes.len;
    if (lk_tree_read(lk_buf_str(&bytes), write_entry, place, err) < 0)
        return -1;
    place->job->trees_in_memory -= bytes.len;
    if (fchmod(place->fd, 0755) < 0 || futimens(place->fd, no_time) < 0)
        return write_failed(err, "a directory");
    return 0;
}

struct count {
    struct job *job;
    unsigned    depth;
};

static int count_tree(struct job *job, const struct lk_oid *tree, unsigned depth,
                      struct lk_err *err);

static int count_entry(void *ctx, const struct lk_tree_entry *entry, struct lk_err *err)
{
    struct count *count = ctx;

    if (++count->job->entries > LK_SOURCE_OBJECTS_MAX)
        return lk_err_set(err, LK_ERR_LIMIT,
                          "the source has more than %d files and directories",
                          LK_SOURCE_OBJECTS_MAX);
    if (entry->kind != LK_TREE_DIRECTORY)
        return 0;
    return count_tree(count->job, &entry->oid, count->depth + 1, err);
}

/*
 * A tree may name one directory many times, so that a few objects unfold to more files than any disk
 * holds: they are counted before the first is written.
 */
static int count_tree(struct job *job, const struct lk_oid *tree, unsigned depth,
                      struct lk_err *err)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf bytes = LK_BUF_INIT(LK_TREE_BYTES_MAX);
    struct count                          count = { job, depth };

    if (depth > LK_TREE_DEPTH_MAX)
        return lk_err_set(err, LK_ERR_LIMIT,
                          "the source has directories more than %d levels deep",
                          LK_TREE_DEPTH_MAX);
    if (read_tree(job, tree, &bytes, err) < 0)
        return -1;
    job->trees_in_memory += bytes.len;
    if (lk_tree_read(lk_buf_str(&bytes), count_entry, &count, err) < 0)
        return -1;
    job->trees_in_memory -= bytes.len;
    return 0;
}

static int check_empty(const char *path, struct lk_err *err)
{
    DIR                 *directory = opendir(path);
    const struct dirent *entry;

    if (!directory)
        return lk_err_sys(err, "opening %s", path);
    while ((entry = readdir(directory)))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            break;
    closedir(directory);
    if (entry)
        return lk_err_set(err, LK_ERR_CONFLICT,
                          "%s is not empty: a source is not mixed with it", path);
    return 0;
}

static int materialise(struct lk_store *store, const struct lk_oid *tree, const char *directory,
                       bool openat2, struct lk_err *err)
{
    struct job                  job = { .store = store, .openat2 = openat2 };
    LK_CLEANUP(lk_close_fd) int fd = -1;

    if (check_empty(directory, err) < 0 || count_tree(&job, tree, 0, err) < 0)
        return -1;
    fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return lk_err_sys(err, "opening %s", directory);
    struct place top = { &job, fd };
    if (fill(&top, tree, err) < 0)
        return lk_err_wrap(err, "writing the source into %s", directory);
    return 0;
}

int lk_materialise(struct lk_store *store, const struct lk_oid *tree, const char *directory,
                   struct lk_err *err)
{
    return materialise(store, tree, directory, true, err);
}

int lk_materialise_without_openat2(struct lk_store *store, const struct lk_oid *tree,
                                   const char *directory, struct lk_err *err)
{
    return materialise(store, tree, directory, false, err);
}

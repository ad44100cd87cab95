#include "common/os/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int read_all(int fd, const char *path, struct lk_buf *out, struct lk_err *err)
{
    char piece[16 * 1024];

    for (;;) {
        ssize_t got = read(fd, piece, sizeof(piece));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return lk_err_sys(err, "reading %s", path);
        if (got == 0)
            return 0;
        if (!lk_buf_add(out, piece, (size_t)got))
            return lk_err_set(err, LK_ERR_LIMIT,
                              "%s is larger than %zu bytes, the most allowed", path, out->max);
    }
}

int lk_file_read(const char *path, struct lk_buf *out, struct lk_err *err)
{
    LK_CLEANUP(lk_close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return lk_err_sys(err, "opening %s", path);
    return read_all(fd, path, out, err);
}

int lk_file_read_secret(const char *path, struct lk_buf *out, struct lk_err *err)
{
    /* O_NONBLOCK: a FIFO in its place is to be refused, not waited for. */
    LK_CLEANUP(lk_close_fd)
    int         fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat st;

    if (fd < 0 && errno == ELOOP)
        return lk_err_set(err, LK_ERR_DENIED,
                          "%s is a symbolic link: name the secret's file itself", path);
    if (fd < 0)
        return lk_err_sys(err, "opening %s", path);
    if (fstat(fd, &st) < 0)
        return lk_err_sys(err, "looking at %s", path);
    if (!S_ISREG(st.st_mode))
        return lk_err_set(err, LK_ERR_DENIED, "%s is not a plain file", path);
    if (st.st_mode & (S_IRWXG | S_IRWXO))
        return lk_err_set(
            err, LK_ERR_DENIED,
            "%s holds a secret and has mode %04o: others can reach it; chmod 600 %s", path,
            (unsigned)(st.st_mode & 07777), path);
    return read_all(fd, path, out, err);
}

static int write_all(int fd, struct lk_str bytes)
{
    while (bytes.len > 0) {
        ssize_t put = write(fd, bytes.data, bytes.len);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return -1;
        bytes.data += put;
        bytes.len -= (size_t)put;
    }
    return 0;
}

static int fill(int fd, struct lk_str bytes, mode_t mode, const char *path, struct lk_err *err)
{
    if (fchmod(fd, mode) < 0 || write_all(fd, bytes) < 0 || fsync(fd) < 0)
        return lk_err_sys(err, "writing %s", path);
    return 0;
}

/* A name is on disk only when its directory is. */
static int sync_directory_of(const char *path, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *directory = lk_xstrdup(path);
    char                             *slash = strrchr(directory, '/');

    if (slash)
        slash[slash == directory] = '\0';
    const char                 *name = slash ? directory : ".";
    LK_CLEANUP(lk_close_fd) int fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) < 0)
        return lk_err_sys(err, "syncing directory %s", name);
    return 0;
}

int lk_file_replace(const char *path, struct lk_str bytes, mode_t mode, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *beside = lk_xasprintf("%s.XXXXXX", path);
    LK_CLEANUP(lk_close_fd) int       fd = mkostemp(beside, O_CLOEXEC);

    if (fd < 0)
        return lk_err_sys(err, "making a file beside %s", path);
    if (fill(fd, bytes, mode, path, err) < 0) {
        unlink(beside);
        return -1;
    }
    if (rename(beside, path) < 0) {
        lk_err_sys(err, "renaming %s to %s", beside, path);
        unlink(beside);
        return -1;
    }
    return sync_directory_of(path, err);
}

int lk_file_create(const char *path, struct lk_str bytes, mode_t mode, struct lk_err *err)
{
    LK_CLEANUP(lk_close_fd) int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0 && errno == EEXIST)
        return lk_err_set(err, LK_ERR_CONFLICT, "%s is already there and is not overwritten",
                          path);
    if (fd < 0)
        return lk_err_sys(err, "creating %s", path);
    if (fill(fd, bytes, mode, path, err) < 0) {
        unlink(path);
        return -1;
    }
    return sync_directory_of(path, err);
}

static bool is_directory(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static int make_one(const char *path, mode_t mode, struct lk_err *err)
{
    if (mkdir(path, mode) == 0)
        return 0;
    /* Some file systems say EROFS or EACCES before they say EEXIST. */
    int code = errno;
    if (is_directory(path))
        return 0;
    errno = code;
    return lk_err_sys(err, "making directory %s", path);
}

int lk_directory_make(const char *path, mode_t mode, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *part = lk_xstrdup(path);

    for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (make_one(part, mode, err) < 0)
            return -1;
        *slash = '/';
    }
    return make_one(path, mode, err);
}

static void close_directory(DIR **directory)
{
    if (*directory)
        closedir(*directory);
}

static int remove_entry(int parent, const char *name, dev_t device, struct lk_err *err);

static int remove_content(int fd, dev_t device, struct lk_err *err)
{
    LK_CLEANUP(close_directory) DIR *directory = fdopendir(fd);

    if (!directory) {
        close(fd);
        return lk_err_sys(err, "listing a directory");
    }
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(directory);
        if (!entry)
            return errno ? lk_err_sys(err, "listing a directory") : 0;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (remove_entry(dirfd(directory), entry->d_name, device, err) < 0)
            return -1;
    }
}

static int remove_entry(int parent, const char *name, dev_t device, struct lk_err *err)
{
    struct stat st;

    if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return lk_err_sys(err, "looking at %s", name);
    if (!S_ISDIR(st.st_mode))
        return unlinkat(parent, name, 0) < 0 ? lk_err_sys(err, "removing %s", name) : 0;

    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return lk_err_sys(err, "opening directory %s", name);
    if (fstat(fd, &st) < 0 || st.st_dev != device) {
        close(fd);
        return lk_err_set(err, LK_ERR_CONFLICT,
                          "%s is a mount point: something still uses it, unmount it first",
                          name);
    }
    if (remove_content(fd, device, err) < 0)
        return lk_err_wrap(err, "in %s", name);
    if (unlinkat(parent, name, AT_REMOVEDIR) < 0)
        return lk_err_sys(err, "removing directory %s", name);
    return 0;
}

int lk_directory_remove(const char *path, struct lk_err *err)
{
    struct stat st;

    if (lstat(path, &st) < 0)
        return errno == ENOENT ? 0 : lk_err_sys(err, "looking at %s", path);
    if (!S_ISDIR(st.st_mode))
        return lk_err_set(err, LK_ERR_INVALID, "%s is not a directory", path);
    return remove_entry(AT_FDCWD, path, st.st_dev, err);
}

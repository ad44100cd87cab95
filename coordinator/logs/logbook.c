#include "coordinator/logs/logbook.h"

#include "common/base/limits.h"
#include "common/os/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define GROWING 0600
#define ENDED   0400

struct lk_logbook {
    char *directory;
};

int lk_logbook_open(struct lk_logbook **out, const char *directory, struct lk_err *err)
{
    if (lk_directory_make(directory, 0700, err) < 0)
        return -1;
    *out = lk_xcalloc(1, sizeof(**out));
    (*out)->directory = lk_xstrdup(directory);
    return 0;
}

void lk_logbook_close(struct lk_logbook **book)
{
    struct lk_logbook *b = LK_TAKE(*book);

    if (!b)
        return;
    free(b->directory);
    free(b);
}

static char *directory_of(const struct lk_logbook *book, uint64_t push)
{
    return lk_xasprintf("%s/%llu", book->directory, (unsigned long long)push);
}

static int open_log(const struct lk_logbook *book, struct lk_log_id id, int flags)
{
    LK_CLEANUP(lk_free_pointer)
    char *path =
        lk_xasprintf("%s/%llu/%llu-%u.log", book->directory, (unsigned long long)id.push,
                     (unsigned long long)id.job, id.attempt);

    return open(path, flags | O_CLOEXEC | O_NOFOLLOW, GROWING);
}

static int open_to_write(const struct lk_logbook *book, struct lk_log_id id, struct lk_err *err)
{
    int fd = open_log(book, id, O_WRONLY | O_CREAT);

    if (fd < 0 && errno == ENOENT) {
        LK_CLEANUP(lk_free_pointer) char *directory = directory_of(book, id.push);
        if (lk_directory_make(directory, 0700, err) < 0)
            return -1;
        fd = open_log(book, id, O_WRONLY | O_CREAT);
    }
    if (fd < 0)
        lk_err_sys(err, "opening the log of job %llu", (unsigned long long)id.job);
    return fd;
}

/* False: there is no such log. */
static bool look_at(const struct lk_logbook *book, struct lk_log_id id, struct stat *status)
{
    LK_CLEANUP(lk_close_fd) int fd = open_log(book, id, O_RDONLY);

    return fd >= 0 && fstat(fd, status) == 0;
}

uint64_t lk_logbook_size(const struct lk_logbook *book, struct lk_log_id id)
{
    struct stat status;

    return look_at(book, id, &status) ? (uint64_t)status.st_size : 0;
}

bool lk_logbook_has_ended(const struct lk_logbook *book, struct lk_log_id id)
{
    struct stat status;

    return look_at(book, id, &status) && !(status.st_mode & S_IWUSR);
}

int lk_logbook_append(struct lk_logbook *book, struct lk_log_id id, uint64_t offset,
                      struct lk_str bytes, struct lk_err *err)
{
    struct stat status;

    if (lk_logbook_has_ended(book, id))
        return 0;
    LK_CLEANUP(lk_close_fd) int fd = open_to_write(book, id, err);
    if (fd < 0)
        return -1;
    if (fstat(fd, &status) < 0)
        return lk_err_sys(err, "looking at the log of job %llu", (unsigned long long)id.job);
    uint64_t size = (uint64_t)status.st_size;
    if (offset > size)
        return lk_err_set(err, LK_ERR_INVALID,
                          "the log of job %llu has %llu bytes; a piece at %llu leaves a gap",
                          (unsigned long long)id.job, (unsigned long long)size,
                          (unsigned long long)offset);
    if (size >= LK_LOG_BYTES_MAX || size - offset >= bytes.len)
        return 0;
    size_t new_len = bytes.len - (size_t)(size - offset);
    size_t len = new_len < LK_LOG_BYTES_MAX - size ? new_len : LK_LOG_BYTES_MAX - (size_t)size;
    errno = ENOSPC; /* what a short count means */
    if (pwrite(fd, bytes.data + (bytes.len - new_len), len, (off_t)size) != (ssize_t)len)
        return lk_err_sys(err, "writing the log of job %llu", (unsigned long long)id.job);
    return 0;
}

int lk_logbook_end(struct lk_logbook *book, struct lk_log_id id, struct lk_err *err)
{
    if (lk_logbook_has_ended(book, id))
        return 0;
    LK_CLEANUP(lk_close_fd) int fd = open_to_write(book, id, err);
    if (fd < 0)
        return -1;
    if (fchmod(fd, ENDED) < 0)
        return lk_err_sys(err, "ending the log of job %llu", (unsigned long long)id.job);
    return 0;
}

long lk_logbook_read(const struct lk_logbook *book, struct lk_log_id id, uint64_t offset,
                     char *out, size_t size)
{
    LK_CLEANUP(lk_close_fd) int fd = open_log(book, id, O_RDONLY);

    if (fd < 0)
        return errno == ENOENT ? 0 : -1;
    return offset < LK_LOG_BYTES_MAX ? (long)pread(fd, out, size, (off_t)offset) : 0;
}

int lk_logbook_forget(const struct lk_logbook *book, uint64_t push, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *directory = directory_of(book, push);

    return lk_directory_remove(directory, err);
}

int lk_logbook_list(const struct lk_logbook *book, void (*each)(void *ctx, uint64_t push),
                    void *ctx, struct lk_err *err)
{
    DIR           *directory = opendir(book->directory);
    struct dirent *entry;
    uint64_t       push;

    if (!directory)
        return lk_err_sys(err, "reading the directory %s", book->directory);
    while ((entry = readdir(directory)))
        if (lk_parse_u64(lk_str_of(entry->d_name), UINT64_MAX, &push))
            each(ctx, push);
    closedir(directory);
    return 0;
}

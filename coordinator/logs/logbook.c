#include "coordinator/logs/logbook.h"

#include "common/base/limits.h"
#include "common/os/file.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define ENDED_MAX 512

struct ended {
    uint64_t job;
    uint32_t attempt;
};

struct lk_logbook {
    char        *directory;
    struct ended ended[ENDED_MAX]; /* a ring */
    size_t       next_ended;
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

static char *path_of(const struct lk_logbook *book, uint64_t job, uint32_t attempt)
{
    return lk_xasprintf("%s/%llu-%u.log", book->directory, (unsigned long long)job, attempt);
}

static int open_log(const struct lk_logbook *book, uint64_t job, uint32_t attempt, int flags)
{
    LK_CLEANUP(lk_free_pointer) char *path = path_of(book, job, attempt);

    return open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
}

static uint64_t size_of(int fd)
{
    struct stat status;

    return fstat(fd, &status) == 0 && status.st_size > 0 ? (uint64_t)status.st_size : 0;
}

uint64_t lk_logbook_size(const struct lk_logbook *book, uint64_t job, uint32_t attempt)
{
    LK_CLEANUP(lk_close_fd) int fd = open_log(book, job, attempt, O_RDONLY);

    return fd < 0 ? 0 : size_of(fd);
}

int lk_logbook_append(struct lk_logbook *book, uint64_t job, uint32_t attempt, uint64_t offset,
                      struct lk_str bytes, struct lk_err *err)
{
    LK_CLEANUP(lk_close_fd) int fd = open_log(book, job, attempt, O_WRONLY | O_CREAT);

    if (fd < 0)
        return lk_err_sys(err, "opening the log of job %llu", (unsigned long long)job);
    uint64_t size = size_of(fd);
    if (offset < size) {
        if (size - offset >= bytes.len)
            return 0;
        bytes = (struct lk_str) { bytes.data + (size - offset), bytes.len - (size - offset) };
    }
    if (size >= LK_LOG_BYTES_MAX)
        return 0;
    if (bytes.len > LK_LOG_BYTES_MAX - size)
        bytes.len = LK_LOG_BYTES_MAX - size;
    if (pwrite(fd, bytes.data, bytes.len, (off_t)size) != (ssize_t)bytes.len)
        return lk_err_sys(err, "writing the log of job %llu", (unsigned long long)job);
    return 0;
}

void lk_logbook_end(struct lk_logbook *book, uint64_t job, uint32_t attempt)
{
    if (lk_logbook_has_ended(book, job, attempt))
        return;
    book->ended[book->next_ended] = (struct ended) { job, attempt };
    book->next_ended = (book->next_ended + 1) % ENDED_MAX;
}

bool lk_logbook_has_ended(const struct lk_logbook *book, uint64_t job, uint32_t attempt)
{
    for (size_t i = 0; i < ENDED_MAX; i++)
        if (book->ended[i].job == job && book->ended[i].attempt == attempt)
            return true;
    return false;
}

long lk_logbook_read(const struct lk_logbook *book, uint64_t job, uint32_t attempt,
                     uint64_t offset, char *out, size_t size)
{
    LK_CLEANUP(lk_close_fd) int fd = open_log(book, job, attempt, O_RDONLY);

    return fd < 0 ? 0 : (long)pread(fd, out, size, (off_t)offset);
}

void lk_logbook_forget(struct lk_logbook *book, uint64_t job, uint32_t last_attempt)
{
    for (uint32_t attempt = 1; attempt <= last_attempt; attempt++) {
        LK_CLEANUP(lk_free_pointer) char *path = path_of(book, job, attempt);
        unlink(path);
    }
}

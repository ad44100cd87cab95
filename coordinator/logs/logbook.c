#include "coordinator/logs/logbook.h"

#include "common/base/limits.h"
#include "common/os/file.h"
#include "coordinator/logs/tally.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What is known of a log stands in its file's mode. */
#define GROWING 0600
#define CUT     0700 /* its rest is left out */
#define ENDED   0400

#define MARK         "\n[lkcoordd: the rest is left out: quota (logs-max-mib, or 16 MiB of one log)]\n"
#define FILE_BYTES   4096 /* what a file takes beside its content, and a small one at all */
#define READABLE_MAX (LK_LOG_BYTES_MAX + 256) /* with our own marks */
#define EMPTIED      "emptied"

struct lk_logbook {
    char           *directory;
    uint64_t        max_bytes;
    struct lk_tally tally;
};

static char *directory_of(const struct lk_logbook *book, uint64_t push)
{
    return lk_xasprintf("%s/%llu", book->directory, (unsigned long long)push);
}

static void count_push(void *ctx, uint64_t push)
{
    struct lk_logbook                *book = ctx;
    LK_CLEANUP(lk_free_pointer) char *path = directory_of(book, push);
    DIR                              *directory = opendir(path);
    struct stat                       status;

    if (!directory)
        return;
    for (const struct dirent *entry; (entry = readdir(directory));)
        if (entry->d_name[0] != '.' && strcmp(entry->d_name, EMPTIED) != 0 &&
            fstatat(dirfd(directory), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0)
            lk_tally_add(&book->tally, push, FILE_BYTES + (uint64_t)status.st_size);
    closedir(directory);
}

int lk_logbook_open(struct lk_logbook **out, const char *directory, uint64_t max_bytes,
                    struct lk_err *err)
{
    LK_CLEANUP(lk_logbook_close) struct lk_logbook *book = lk_xcalloc(1, sizeof(*book));

    book->directory = lk_xstrdup(directory);
    book->max_bytes = max_bytes;
    if (lk_directory_make(directory, 0700, err) < 0 ||
        lk_logbook_list(book, count_push, book, err) < 0)
        return -1;
    *out = LK_TAKE(book);
    return 0;
}

void lk_logbook_close(struct lk_logbook **book)
{
    struct lk_logbook *b = LK_TAKE(*book);

    if (!b)
        return;
    lk_tally_fini(&b->tally);
    free(b->directory);
    free(b);
}

static int open_log(const struct lk_logbook *book, struct lk_log_id id, int flags)
{
    LK_CLEANUP(lk_free_pointer)
    char *path =
        lk_xasprintf("%s/%llu/%llu-%u.log", book->directory, (unsigned long long)id.push,
                     (unsigned long long)id.job, id.attempt);

    return open(path, flags | O_CLOEXEC | O_NOFOLLOW, GROWING);
}

static int create_log(struct lk_logbook *book, struct lk_log_id id, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *directory = directory_of(book, id.push);

    if (lk_directory_make(directory, 0700, err) < 0)
        return -1;
    int fd = open_log(book, id, O_WRONLY | O_CREAT);
    if (fd >= 0)
        lk_tally_add(&book->tally, id.push, FILE_BYTES);
    return fd;
}

static int open_to_write(struct lk_logbook *book, struct lk_log_id id, struct stat *status,
                         struct lk_err *err)
{
    LK_CLEANUP(lk_close_fd) int fd = open_log(book, id, O_WRONLY);

    if (fd < 0 && errno == ENOENT)
        fd = create_log(book, id, err);
    if (fd < 0 || fstat(fd, status) < 0)
        return lk_err_sys(err, "opening the log of job %llu", (unsigned long long)id.job);
    int opened = fd;
    fd = -1;
    return opened;
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

static int write_failed(const struct lk_logbook *book, struct lk_log_id id, struct lk_err *err)
{
    if (errno == ENOSPC || errno == EDQUOT)
        return lk_err_set(err, LK_ERR_LIMIT, "no space left for logs in %s: free some",
                          book->directory);
    return lk_err_sys(err, "writing the log of job %llu", (unsigned long long)id.job);
}

static int write_at(struct lk_logbook *book, struct lk_log_id id, int fd, uint64_t offset,
                    struct lk_str bytes, struct lk_err *err)
{
    errno = ENOSPC; /* what a short count means */
    if (pwrite(fd, bytes.data, bytes.len, (off_t)offset) != (ssize_t)bytes.len)
        return write_failed(book, id, err);
    lk_tally_add(&book->tally, id.push, bytes.len);
    return 0;
}

/* What is leaving will be gone in a moment. */
static uint64_t staying(const struct lk_logbook *book)
{
    return book->tally.bytes - book->tally.leaving_bytes;
}

/* How many bytes may be added to a log of this size. */
static size_t room_for(const struct lk_logbook *book, uint64_t size)
{
    uint64_t used = staying(book);
    uint64_t all = used < book->max_bytes ? book->max_bytes - used : 0;
    uint64_t one = size < LK_LOG_BYTES_MAX ? LK_LOG_BYTES_MAX - size : 0;

    return (size_t)(all < one ? all : one);
}

/* A log with a hole would have other offsets than its agent's: nothing is added to it any more. */
static int cut(struct lk_logbook *book, struct lk_log_id id, int fd, uint64_t size,
               struct lk_err *err)
{
    if (fchmod(fd, CUT) < 0 || ftruncate(fd, (off_t)size) < 0)
        return lk_err_sys(err, "ending the log of job %llu", (unsigned long long)id.job);
    return write_at(book, id, fd, size, LK_STR(MARK), err);
}

int lk_logbook_append(struct lk_logbook *book, struct lk_log_id id, uint64_t offset,
                      struct lk_str bytes, struct lk_err *err)
{
    struct stat   status;
    struct lk_err unused;

    if (lk_logbook_has_ended(book, id))
        return 0;
    LK_CLEANUP(lk_close_fd) int fd = open_to_write(book, id, &status, err);
    if (fd < 0)
        return -1;
    uint64_t size = (uint64_t)status.st_size;
    if (status.st_mode & S_IXUSR)
        return 0;
    if (offset > size)
        return lk_err_set(err, LK_ERR_INVALID,
                          "the log of job %llu has %llu bytes; a piece at %llu leaves a gap",
                          (unsigned long long)id.job, (unsigned long long)size,
                          (unsigned long long)offset);
    if (size - offset >= bytes.len)
        return 0;
    size_t        room = room_for(book, size), skip = (size_t)(size - offset);
    struct lk_str rest = { bytes.data + skip, bytes.len - skip };
    struct lk_str part = { rest.data, rest.len < room ? rest.len : room };
    if (write_at(book, id, fd, size, part, err) < 0) {
        cut(book, id, fd, size, &unused);
        return -1;
    }
    return part.len < rest.len ? cut(book, id, fd, size + part.len, err) : 0;
}

/* Of a log that was cut: how much is missing. */
static int say_left_out(struct lk_logbook *book, struct lk_log_id id, int fd, uint64_t size,
                        uint64_t length, struct lk_err *err)
{
    uint64_t kept = size < sizeof(MARK) - 1 ? 0 : size - (sizeof(MARK) - 1);

    if (length <= kept)
        return 0;
    LK_CLEANUP(lk_free_pointer)
    char *text = lk_xasprintf("[lkcoordd: %llu bytes left out: quota]\n",
                              (unsigned long long)(length - kept));
    return write_at(book, id, fd, size, lk_str_of(text), err);
}

int lk_logbook_end(struct lk_logbook *book, struct lk_log_id id, uint64_t length,
                   struct lk_err *err)
{
    struct stat status;

    if (lk_logbook_has_ended(book, id))
        return 0;
    LK_CLEANUP(lk_close_fd) int fd = open_to_write(book, id, &status, err);
    if (fd < 0)
        return -1;
    if ((status.st_mode & S_IXUSR) &&
        say_left_out(book, id, fd, (uint64_t)status.st_size, length, err) < 0)
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
    return offset < READABLE_MAX ? (long)pread(fd, out, size, (off_t)offset) : 0;
}

int lk_logbook_forget(const struct lk_logbook *book, uint64_t push, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *directory = directory_of(book, push);

    return lk_directory_remove(directory, err);
}

int lk_logbook_empty(const struct lk_logbook *book, uint64_t push, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *directory = directory_of(book, push);
    LK_CLEANUP(lk_free_pointer) char *mark = lk_xasprintf("%s/" EMPTIED, directory);

    if (lk_directory_remove(directory, err) < 0 || lk_directory_make(directory, 0700, err) < 0)
        return -1;
    return lk_file_create(mark, LK_STR(""), 0600, err);
}

bool lk_logbook_was_emptied(const struct lk_logbook *book, uint64_t push)
{
    LK_CLEANUP(lk_free_pointer) char *directory = directory_of(book, push);
    LK_CLEANUP(lk_free_pointer) char *mark = lk_xasprintf("%s/" EMPTIED, directory);

    return access(mark, F_OK) == 0;
}

void lk_logbook_gone(struct lk_logbook *book, uint64_t push)
{
    lk_tally_forget(&book->tally, push);
}

uint64_t lk_logbook_choose(struct lk_logbook *book, bool (*may_go)(void *ctx, uint64_t push),
                           void              *ctx)
{
    /* Early, so that there is room again before the last of it is used. */
    if (staying(book) <= book->max_bytes - book->max_bytes / 8)
        return 0;
    return lk_tally_choose(&book->tally, may_go, ctx);
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

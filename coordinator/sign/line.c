#include "coordinator/sign/line.h"

#include "common/os/clock.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

static int broken(struct lk_err *err)
{
    return lk_err_set(err, LK_ERR_RETRY, "the connection broke: %s", strerror(errno));
}

static int await(int fd, short events, int64_t until_ms, struct lk_err *err)
{
    struct pollfd ready = { .fd = fd, .events = events };
    int64_t       left = until_ms - lk_clock_boot_ms();
    int           got;

    do
        got = poll(&ready, 1, left > INT_MAX ? INT_MAX : left > 0 ? (int)left : 0);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return broken(err);
    return got > 0 ? 0 : lk_err_set(err, LK_ERR_RETRY, "it takes too long");
}

int lk_line_send(int fd, struct lk_str line, int64_t until_ms, struct lk_err *err)
{
    while (line.len > 0) {
        if (await(fd, POLLOUT, until_ms, err) < 0)
            return -1;
        ssize_t put = send(fd, line.data, line.len, MSG_NOSIGNAL);
        if (put < 0 && errno != EAGAIN && errno != EINTR)
            return broken(err);
        line.data += put > 0 ? put : 0;
        line.len -= put > 0 ? (size_t)put : 0;
    }
    return 0;
}

int lk_line_take(int fd, struct lk_buf *out, bool *is_whole, struct lk_err *err)
{
    char    piece[16 * 1024];
    ssize_t got = recv(fd, piece, sizeof(piece), 0);

    if (got == 0)
        return lk_err_set(err, LK_ERR_RETRY, "the connection ended before its line did");
    if (got < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : broken(err);
    const char *end = memchr(piece, '\n', (size_t)got);
    if (!lk_buf_add(out, piece, end ? (size_t)(end - piece) : (size_t)got))
        return lk_err_set(err, LK_ERR_LIMIT, "its line is longer than %zu bytes", out->max);
    *is_whole = end != NULL;
    return 0;
}

int lk_line_receive(int fd, struct lk_buf *out, int64_t until_ms, struct lk_err *err)
{
    bool is_whole = false;

    while (!is_whole)
        if (await(fd, POLLIN, until_ms, err) < 0 || lk_line_take(fd, out, &is_whole, err) < 0)
            return -1;
    return 0;
}

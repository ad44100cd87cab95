#include "agent/logs/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NOTICE_MAX 128 /* the line about the gap */

/*
 * What is given out is the head (in the file) and, once the log has ended, a line about the gap and the
 * tail (the ring's last bytes).  Offsets count what is given out; the gap has none.
 */
struct lk_spool {
    uint64_t job;
    uint32_t attempt;
    int      fd;
    uint64_t head_len;
    uint64_t head_max;
    uint64_t past_head; /* bytes written after the head was full */
    char     tail[LK_SPOOL_TAIL_BYTES];
    char     line[LK_REASON_SIZE];
    char     last_line[LK_REASON_SIZE];
    size_t   line_len;
    bool     ended;
    bool     end_sent;
    uint64_t position;
    uint64_t credit;
    char     piece[LK_WIRE_PIECE_MAX];
    size_t   piece_len; /* of the piece given out last */
    bool     piece_is_end;
};

int lk_spool_open(struct lk_spool **out, const char *directory, uint64_t job, uint32_t attempt,
                  size_t quota, struct lk_err *err)
{
    int fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

    if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR)) {
        LK_CLEANUP(lk_free_pointer) char *path = lk_xasprintf("%s/log-XXXXXX", directory);

        fd = mkostemp(path, O_CLOEXEC);
        if (fd >= 0)
            unlink(path);
    }
    if (fd < 0)
        return lk_err_sys(err, "making a log file in %s", directory);

    struct lk_spool *spool = lk_xcalloc(1, sizeof(*spool));
    spool->fd = fd;
    spool->job = job;
    spool->attempt = attempt;
    spool->head_max = quota - LK_SPOOL_TAIL_BYTES - NOTICE_MAX;
    *out = spool;
    return 0;
}

void lk_spool_close(struct lk_spool **spool)
{
    if (!*spool)
        return;
    close((*spool)->fd);
    free(*spool);
    *spool = NULL;
}

static void end_line(struct lk_spool *spool)
{
    bool blank = true;

    for (size_t i = 0; i < spool->line_len; i++)
        if (spool->line[i] != ' ' && spool->line[i] != '\t')
            blank = false;
    if (!blank) {
        memcpy(spool->last_line, spool->line, spool->line_len);
        spool->last_line[spool->line_len] = '\0';
    }
    spool->line_len = 0;
}

static void note_lines(struct lk_spool *spool, struct lk_str bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        char c = bytes.data[i];

        if (c == '\n' || c == '\r')
            end_line(spool);
        else if (c != '\0' && spool->line_len < sizeof(spool->line) - 1)
            spool->line[spool->line_len++] = c;
    }
}

/* How much of `bytes` the head took.  A full disk counts like a full quota: the build decides its own fate. */
static size_t write_head(struct lk_spool *spool, struct lk_str bytes)
{
    size_t done = 0;

    if (spool->past_head)
        return 0;
    while (done < bytes.len && spool->head_len < spool->head_max) {
        uint64_t room = spool->head_max - spool->head_len;
        size_t   part = bytes.len - done < room ? bytes.len - done : (size_t)room;
        ssize_t  len = pwrite(spool->fd, bytes.data + done, part, (off_t)spool->head_len);

        if (len < 0 && errno == EINTR)
            continue;
        if (len <= 0)
            break;
        spool->head_len += (uint64_t)len;
        done += (size_t)len;
    }
    return done;
}

void lk_spool_write(struct lk_spool *spool, struct lk_str bytes)
{
    note_lines(spool, bytes);
    for (size_t i = write_head(spool, bytes); i < bytes.len; i++)
        spool->tail[spool->past_head++ % LK_SPOOL_TAIL_BYTES] = bytes.data[i];
}

static uint64_t gap(const struct lk_spool *spool)
{
    return spool->past_head > LK_SPOOL_TAIL_BYTES ? spool->past_head - LK_SPOOL_TAIL_BYTES : 0;
}

/* Where the gap is, for whoever reads the text. */
static void write_notice(struct lk_spool *spool)
{
    char    notice[NOTICE_MAX];
    int     len = snprintf(notice, sizeof(notice), "\n[lkagentd: %llu bytes left out: quota]\n",
                           (unsigned long long)gap(spool));
    ssize_t written = pwrite(spool->fd, notice, (size_t)len, (off_t)spool->head_len);

    if (written > 0)
        spool->head_len += (uint64_t)written;
}

void lk_spool_end(struct lk_spool *spool)
{
    end_line(spool);
    spool->ended = true;
    if (gap(spool) > 0)
        write_notice(spool);
}

const char *lk_spool_last_line(const struct lk_spool *spool)
{
    return spool->last_line;
}

/* The tail may still be overwritten before the end. */
static uint64_t available(const struct lk_spool *spool)
{
    return spool->head_len + (spool->ended ? spool->past_head - gap(spool) : 0);
}

void lk_spool_credit(struct lk_spool *spool, uint64_t bytes)
{
    if (__builtin_add_overflow(spool->credit, bytes, &spool->credit))
        spool->credit = UINT64_MAX;
}

void lk_spool_seek(struct lk_spool *spool, uint64_t offset)
{
    uint64_t all = available(spool);

    spool->position = offset < all ? offset : all;
    spool->end_sent = false;
}

void lk_spool_reader_gone(struct lk_spool *spool)
{
    spool->credit = 0;
    spool->position = 0;
    spool->piece_len = 0;
    spool->end_sent = false;
}

static size_t read_piece(struct lk_spool *spool, size_t want)
{
    ssize_t len;

    if (spool->position < spool->head_len) {
        uint64_t left = spool->head_len - spool->position;

        len = pread(spool->fd, spool->piece, want < left ? want : (size_t)left,
                    (off_t)spool->position);
        return len > 0 ? (size_t)len : 0;
    }
    for (size_t i = 0; i < want; i++) {
        uint64_t at = gap(spool) + spool->position - spool->head_len + i;

        spool->piece[i] = spool->tail[at % LK_SPOOL_TAIL_BYTES];
    }
    return want;
}

bool lk_spool_next(struct lk_spool *spool, lk_wire_LogPiece *piece, struct lk_str *payload)
{
    uint64_t left = available(spool) - spool->position;
    size_t   want = LK_WIRE_PIECE_MAX;

    if (left < want)
        want = (size_t)left;
    if (spool->credit < want)
        want = (size_t)spool->credit;
    spool->piece_is_end = spool->ended && left == 0 && !spool->end_sent;
    if (want == 0 && !spool->piece_is_end)
        return false;

    spool->piece_len = want ? read_piece(spool, want) : 0;
    *piece = (lk_wire_LogPiece) {
        .job = spool->job,
        .attempt = spool->attempt,
        .offset = spool->position,
        .end = spool->piece_is_end,
        .dropped = spool->ended && spool->position == spool->head_len && want ? gap(spool) : 0,
    };
    *payload = (struct lk_str) { spool->piece, spool->piece_len };
    return spool->piece_len > 0 || spool->piece_is_end;
}

void lk_spool_sent(struct lk_spool *spool)
{
    spool->position += spool->piece_len;
    spool->credit -= spool->piece_len;
    spool->end_sent = spool->piece_is_end;
    spool->piece_len = 0;
}

bool lk_spool_is_drained(const struct lk_spool *spool)
{
    return spool->end_sent;
}

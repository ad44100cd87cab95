#include "coordinator/sign/record.h"

#include "common/hash/sha256.h"
#include "common/json/writer.h"
#include "common/os/clock.h"
#include "common/os/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES 8192

struct lk_record {
    int   fd;
    char *path;
    bool  is_torn; /* its last line has no end */
};

static int take(struct lk_record *record, struct lk_err *err)
{
    struct stat st;
    char        last;

    if (flock(record->fd, LOCK_EX | LOCK_NB) < 0)
        return lk_err_set(err, LK_ERR_CONFLICT, "%s: another process keeps this record",
                          record->path);
    if (fstat(record->fd, &st) < 0 || !S_ISREG(st.st_mode))
        return lk_err_set(err, LK_ERR_INVALID, "%s is not a plain file", record->path);
    record->is_torn =
        st.st_size > 0 && (pread(record->fd, &last, 1, st.st_size - 1) != 1 || last != '\n');
    return 0;
}

int lk_record_open(struct lk_record **out, const char *path, struct lk_err *err)
{
    LK_CLEANUP(lk_record_close) struct lk_record *record = lk_xcalloc(1, sizeof(*record));

    record->path = lk_xstrdup(path);
    record->fd = -1;
    if (lk_file_create(path, LK_STR(""), 0600, err) < 0 && err->kind != LK_ERR_CONFLICT)
        return -1;
    record->fd = open(path, O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (record->fd < 0)
        return lk_err_sys(err, "opening the record %s", path);
    if (take(record, err) < 0)
        return -1;
    *out = LK_TAKE(record);
    return 0;
}

void lk_record_close(struct lk_record **record)
{
    if (!*record)
        return;
    lk_close_fd(&(*record)->fd);
    free((*record)->path);
    free(*record);
    *record = NULL;
}

static void write_time(struct lk_json *json)
{
    time_t    now = (time_t)(lk_clock_wall_ms() / 1000);
    struct tm tm;
    char      text[32] = "";

    if (gmtime_r(&now, &tm))
        strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
    lk_json_text_field(json, "time", text);
}

static void write_line(struct lk_buf *out, uid_t uid, const char *repository,
                       const struct lk_signatures *signatures)
{
    struct lk_json   json = { .out = out };
    struct lk_digest key;
    char             digest[LK_DIGEST_TEXT_SIZE];

    lk_json_begin_object(&json);
    write_time(&json);
    lk_json_key(&json, "uid");
    lk_json_u64(&json, uid);
    lk_json_text_field(&json, "repository", repository);
    lk_json_key(&json, "names");
    lk_json_begin_array(&json);
    for (size_t i = 0; i < signatures->name_count; i++)
        lk_json_text(&json, signatures->names[i]);
    lk_json_end_array(&json);
    lk_digest_format(&signatures->digest, digest);
    lk_json_text_field(&json, "digest", digest);
    lk_json_key(&json, "keys");
    lk_json_begin_array(&json);
    for (size_t k = 0; k < signatures->key_count; k++) {
        lk_sha256(signatures->keys[k].spki, signatures->keys[k].spki_len, &key);
        lk_digest_format(&key, digest);
        lk_json_text(&json, digest);
    }
    lk_json_end_array(&json);
    lk_json_end_object(&json);
    lk_buf_add_text(out, "\n");
}

int lk_record_add(struct lk_record *record, uid_t uid, const char *repository,
                  const struct lk_signatures *signatures, struct lk_err *err)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf line = LK_BUF_INIT(LINE_MAX_BYTES);

    /* A full disk may have cut the one before. */
    if (record->is_torn)
        lk_buf_add_text(&line, "\n");
    write_line(&line, uid, repository, signatures);
    if (!lk_buf_ok(&line))
        return lk_err_set(err, LK_ERR_LIMIT, "the names do not fit the record");
    errno = ENOSPC; /* what a write that was cut short does not say */
    if (write(record->fd, lk_buf_text(&line), line.len) != (ssize_t)line.len) {
        record->is_torn = true;
        return lk_err_set(err, LK_ERR_RETRY,
                          "writing the record %s: %s; without it, no signature is given",
                          record->path, strerror(errno));
    }
    record->is_torn = false;
    if (fdatasync(record->fd) < 0)
        return lk_err_set(err, LK_ERR_RETRY,
                          "syncing the record %s: %s; without it, no signature is given",
                          record->path, strerror(errno));
    return 0;
}

#include "coordinator/store/inspect.h"

#include "coordinator/core/core.h"
#include "coordinator/store/database.h"
#include "coordinator/store/head.h"
#include "coordinator/store/journal.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

struct look {
    struct lk_database    database;
    struct lk_core       *core;
    struct lk_inspection *out;
    void (*say)(void *ctx, const char *finding);
    void *ctx;
};

static void found(struct look *look, const char *format, ...) LK_PRINTF(2, 3);

static void found(struct look *look, const char *format, ...)
{
    char    text[LK_ERR_TEXT_MAX];
    va_list arguments;

    if (look->out->faults++ >= LK_FINDINGS_MAX)
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    look->say(look->ctx, text);
}

/* A restore goes on from these. */
static void note_numbers(struct lk_inspection *out, const struct lk_fact *fact)
{
    bool both = fact->type == LK_FACT_NUMBERS;

    if (both || fact->type == LK_FACT_PUSH_ACCEPTED)
        out->push_id = fact->push;
    if (both || fact->type == LK_FACT_PACKAGE_ACCEPTED)
        out->package_id = fact->package;
}

/* Only what follows on good records can be good itself. */
static void replay(struct look *look, const struct lk_row *row)
{
    struct lk_fact fact;
    struct lk_err  err;

    if (look->out->faults > 0)
        return;
    if (lk_fact_decode(row->record, &fact, &err) < 0)
        found(look, "record %llu: %s", (unsigned long long)row->seq, err.text);
    else if (!lk_core_apply(look->core, &fact))
        found(look, "record %llu does not fit what is before it", (unsigned long long)row->seq);
    if (look->out->faults > 0)
        return;
    look->out->good = row->seq;
    note_numbers(look->out, &fact);
}

static int look_at_row(void *ctx, const struct lk_row *row, struct lk_err *err)
{
    struct look          *look = ctx;
    struct lk_inspection *out = look->out;

    (void)err;
    out->first = out->count++ == 0 ? row->seq : out->first;
    out->last = row->seq;
    if (row->missing_from && row->missing_from == row->seq - 1)
        found(look, "record %llu is missing", (unsigned long long)row->missing_from);
    else if (row->missing_from)
        found(look, "records %llu to %llu are missing", (unsigned long long)row->missing_from,
              (unsigned long long)row->seq - 1);
    if (row->is_changed)
        found(look, "record %llu is not what was written: its checksum does not fit",
              (unsigned long long)row->seq);
    else if (row->format > LK_JOURNAL_FORMAT)
        found(look,
              "record %llu was written by a newer lkcoordd (format %u; this one, %s, knows up "
              "to %d)",
              (unsigned long long)row->seq, row->format, LK_VERSION, LK_JOURNAL_FORMAT);
    replay(look, row);
    out->unusable += row->seq > out->good;
    return 0;
}

static void count_pushes(struct look *look)
{
    for (const struct lk_push *push = lk_core_first_push(look->core); push; push = push->next) {
        look->out->pushes++;
        look->out->live += push->state != LK_PUSH_ENDED;
    }
}

static void look_at_end(struct look *look)
{
    struct lk_inspection *out = look->out;
    uint64_t              snapshot = (uint64_t)lk_database_number(
                     &look->database, "SELECT value FROM meta WHERE name='snapshot_seq'", 0);
    uint64_t end = out->written > snapshot ? out->written : snapshot;

    if (out->last < end && end == out->last + 1)
        found(look, "record %llu, the last one, is missing", (unsigned long long)end);
    else if (out->last < end)
        found(look, "the end is missing: records %llu to %llu",
              (unsigned long long)out->last + 1, (unsigned long long)end);
    if (out->epoch < lk_core_epoch(look->core))
        out->epoch = lk_core_epoch(look->core); /* raised while it ran */
}

static void read_written(struct look *look, const char *directory)
{
    LK_CLEANUP(lk_free_pointer) char *path = lk_xasprintf("%s/journal.head", directory);
    LK_CLEANUP(lk_close_fd) int       fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    if (fd >= 0)
        look->out->written = lk_head_read(fd, look->out->cluster);
}

/* One look at one moment, also while the coordinator goes on. */
static int look_at_all(struct look *look, const char *directory, struct lk_err *err)
{
    struct lk_database   *database = &look->database;
    struct lk_inspection *out = look->out;
    struct lk_err         fault;
    struct lk_chain       anchor;

    if (lk_database_cluster(database, out->cluster, &fault) < 0 ||
        lk_database_anchor(database, out->schema, &anchor, &fault) < 0) {
        found(look, "%s", fault.text);
        return 0;
    }
    if (directory)
        read_written(look, directory); /* before the records: then it cannot be ahead of them */
    if (lk_database_run(database, "BEGIN", "reading", err) < 0)
        return -1;
    if (lk_database_check(database, &fault) < 0)
        found(look, "%s", fault.text);
    out->epoch =
        (uint64_t)lk_database_number(database, "SELECT value FROM meta WHERE name='epoch'", 0);
    out->good = out->last = anchor.seq;
    if (lk_database_walk(database, out->schema, UINT64_MAX, look_at_row, look, &fault) < 0)
        found(look, "behind record %llu: %s", (unsigned long long)out->last, fault.text);
    look_at_end(look);
    count_pushes(look);
    return 0;
}

static void close_look(struct look *look)
{
    lk_database_close(&look->database);
    lk_core_free(&look->core);
}

int lk_journal_inspect(const char *path, const char *directory, struct lk_inspection *out,
                       void (*say)(void *ctx, const char *finding), void *ctx,
                       struct lk_err *err)
{
    LK_CLEANUP(close_look) struct look look = { .out = out, .say = say, .ctx = ctx };
    struct stat                        unused;

    *out = (struct lk_inspection) { 0 };
    if (stat(path, &unused) < 0)
        return lk_err_sys(err, "looking at %s", path);
    look.core = lk_core_new(&lk_core_defaults);
    if (lk_database_open(&look.database, path, LK_DATABASE_LOOK, err) < 0 ||
        lk_database_schema(&look.database, &out->schema, err) < 0) {
        if (err->kind != LK_ERR_CONFLICT)
            return -1;
        found(&look, "it is no database, or one that cannot be read any more");
        return 0;
    }
    if (out->schema == 0)
        return lk_err_set(err, LK_ERR_NOT_FOUND, "%s is empty", path);
    return look_at_all(&look, directory, err);
}

void lk_finding_keep(void *ctx, const char *finding)
{
    struct lk_err *first = ctx;

    if (first->kind == LK_ERR_NONE)
        lk_err_set(first, LK_ERR_CONFLICT, "%s", finding);
}

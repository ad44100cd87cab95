#include "coordinator/store/store.h"

#include "common/os/file.h"
#include "coordinator/store/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define APPLICATION_ID 0x6c6b636f /* "lkco" */
#define SCHEMA         1

struct lk_journal {
    sqlite3      *db;
    sqlite3_stmt *insert;
    int           lock_fd;
    uint64_t      epoch;
    uint8_t       cluster[LK_CLUSTER_BYTES];
    char         *path;
};

static int damaged(const struct lk_journal *journal, struct lk_err *err)
{
    return lk_err_set(
        err, LK_ERR_CONFLICT,
        "the journal %s is damaged: restore a backup of the state directory, or move it "
        "away to begin anew (what is published stays published)",
        journal->path);
}

static int failed(const struct lk_journal *journal, const char *attempt, struct lk_err *err)
{
    int code = sqlite3_errcode(journal->db);

    if (code == SQLITE_NOTADB || code == SQLITE_CORRUPT)
        return damaged(journal, err);
    if (code == SQLITE_FULL)
        return lk_err_set(err, LK_ERR_LIMIT,
                          "%s the journal %s: the disk is full; free some space and start "
                          "lkcoordd again: what it has accepted is not lost",
                          attempt, journal->path);
    return lk_err_set(err, LK_ERR_PERMANENT, "%s the journal %s: %s", attempt, journal->path,
                      sqlite3_errmsg(journal->db));
}

static int run(struct lk_journal *journal, const char *sql, const char *attempt,
               struct lk_err *err)
{
    return sqlite3_exec(journal->db, sql, NULL, NULL, NULL) == SQLITE_OK
               ? 0
               : failed(journal, attempt, err);
}

/* The first column of the only row as an integer; `missing` if there is no row or it is NULL. */
static int64_t number(struct lk_journal *journal, const char *sql, int64_t missing)
{
    sqlite3_stmt *statement = NULL;
    int64_t       value = missing;

    if (sqlite3_prepare_v2(journal->db, sql, -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW &&
        sqlite3_column_type(statement, 0) != SQLITE_NULL)
        value = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return value;
}

static int take_lock(struct lk_journal *journal, const char *directory, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *path = lk_xasprintf("%s/lock", directory);

    journal->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (journal->lock_fd < 0)
        return lk_err_sys(err, "opening %s", path);
    if (flock(journal->lock_fd, LOCK_EX | LOCK_NB) == 0)
        return 0;
    if (errno != EWOULDBLOCK)
        return lk_err_sys(err, "locking %s", path);
    return lk_err_set(err, LK_ERR_CONFLICT,
                      "another lkcoordd works on %s: stop that one, or give this one a state "
                      "directory of its own",
                      directory);
}

static int set_up(struct lk_journal *journal, struct lk_err *err)
{
    static const char pragmas[] = "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL;"
                                  "PRAGMA synchronous=FULL; PRAGMA trusted_schema=OFF;"
                                  "PRAGMA foreign_keys=ON;";
    static const char create[] =
        "BEGIN IMMEDIATE;"
        "CREATE TABLE meta(name TEXT PRIMARY KEY, value) WITHOUT ROWID;"
        "CREATE TABLE journal(seq INTEGER PRIMARY KEY, format INTEGER NOT NULL, fact BLOB NOT "
        "NULL);"
        "INSERT INTO meta VALUES('cluster', randomblob(16)), ('epoch', 0);"
        "PRAGMA application_id=0x6c6b636f; PRAGMA user_version=1;"
        "COMMIT;";

    sqlite3_db_config(journal->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    if (run(journal, pragmas, "setting up", err) < 0)
        return -1;
    int64_t id = number(journal, "PRAGMA application_id", 0);
    int64_t schema = number(journal, "PRAGMA user_version", 0);
    int64_t tables = number(journal, "SELECT count(*) FROM sqlite_schema", 0);
    if (id == 0 && schema == 0 && tables == 0)
        return run(journal, create, "creating", err);
    if (id != APPLICATION_ID)
        return lk_err_set(err, LK_ERR_INVALID, "%s is a database of some other program",
                          journal->path);
    if (schema != SCHEMA)
        return lk_err_set(
            err, LK_ERR_INVALID,
            "%s was written by a newer lkcoordd (schema %lld, this one knows %d): start "
            "that version",
            journal->path, (long long)schema, SCHEMA);
    return 0;
}

static int check(struct lk_journal *journal, struct lk_err *err)
{
    sqlite3_stmt *statement = NULL;
    bool good = sqlite3_prepare_v2(journal->db, "PRAGMA quick_check(1)", -1, &statement,
                                   NULL) == SQLITE_OK &&
                sqlite3_step(statement) == SQLITE_ROW &&
                strcmp((const char *)sqlite3_column_text(statement, 0), "ok") == 0;

    sqlite3_finalize(statement);
    return good ? 0 : damaged(journal, err);
}

static int read_cluster(struct lk_journal *journal, struct lk_err *err)
{
    sqlite3_stmt *statement = NULL;
    bool good = sqlite3_prepare_v2(journal->db, "SELECT value FROM meta WHERE name='cluster'",
                                   -1, &statement, NULL) == SQLITE_OK &&
                sqlite3_step(statement) == SQLITE_ROW &&
                sqlite3_column_bytes(statement, 0) == LK_CLUSTER_BYTES;

    if (good)
        memcpy(journal->cluster, sqlite3_column_blob(statement, 0), LK_CLUSTER_BYTES);
    sqlite3_finalize(statement);
    return good ? 0 : failed(journal, "reading the identity in", err);
}

static int raise_epoch(struct lk_journal *journal, struct lk_err *err)
{
    if (run(journal, "UPDATE meta SET value=value+1 WHERE name='epoch'", "raising the epoch in",
            err) < 0)
        return -1;
    int64_t epoch = number(journal, "SELECT value FROM meta WHERE name='epoch'", 0);
    if (epoch < 1 || epoch > UINT32_MAX)
        return lk_err_set(err, LK_ERR_CONFLICT, "the epoch in %s is out of range",
                          journal->path);
    journal->epoch = (uint64_t)epoch;
    return 0;
}

int lk_journal_open(struct lk_journal **out, const char *directory, struct lk_err *err)
{
    LK_CLEANUP(lk_journal_close) struct lk_journal *journal = lk_xcalloc(1, sizeof(*journal));

    journal->lock_fd = -1;
    journal->path = lk_xasprintf("%s/journal.db", directory);
    if (lk_directory_make(directory, 0700, err) < 0 || take_lock(journal, directory, err) < 0)
        return -1;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    if (sqlite3_open_v2(journal->path, &journal->db, flags, NULL) != SQLITE_OK)
        return failed(journal, "opening", err);
    if (set_up(journal, err) < 0 || check(journal, err) < 0 || read_cluster(journal, err) < 0 ||
        raise_epoch(journal, err) < 0)
        return -1;
    if (sqlite3_prepare_v2(journal->db, "INSERT INTO journal(format, fact) VALUES(?, ?)", -1,
                           &journal->insert, NULL) != SQLITE_OK)
        return failed(journal, "preparing to write", err);
    *out = LK_TAKE(journal);
    return 0;
}

void lk_journal_close(struct lk_journal **journal)
{
    struct lk_journal *j = LK_TAKE(*journal);

    if (!j)
        return;
    sqlite3_finalize(j->insert);
    sqlite3_close(j->db);
    lk_close_fd(&j->lock_fd);
    free(j->path);
    free(j);
}

const uint8_t *lk_journal_cluster(const struct lk_journal *journal)
{
    return journal->cluster;
}

uint64_t lk_journal_epoch(const struct lk_journal *journal)
{
    return journal->epoch;
}

static int replay_rows(struct lk_journal *journal, sqlite3_stmt *rows,
                       int (*each)(void *ctx, struct lk_str record, struct lk_err *err),
                       void *ctx, struct lk_err *err)
{
    int result;

    while ((result = sqlite3_step(rows)) == SQLITE_ROW) {
        int64_t seq = sqlite3_column_int64(rows, 0);
        if (sqlite3_column_int64(rows, 1) > LK_JOURNAL_FORMAT)
            return lk_err_set(
                err, LK_ERR_INVALID,
                "record %lld of %s was written by a newer lkcoordd: start that version",
                (long long)seq, journal->path);
        struct lk_str record = { sqlite3_column_blob(rows, 2),
                                 (size_t)sqlite3_column_bytes(rows, 2) };
        if (each(ctx, record, err) < 0)
            return lk_err_wrap(err, "record %lld of %s", (long long)seq, journal->path);
    }
    return result == SQLITE_DONE ? 0 : failed(journal, "reading", err);
}

int lk_journal_replay(struct lk_journal *journal,
                      int (*each)(void *ctx, struct lk_str record, struct lk_err *err),
                      void *ctx, struct lk_err *err)
{
    sqlite3_stmt *rows = NULL;

    if (sqlite3_prepare_v2(journal->db, "SELECT seq, format, fact FROM journal ORDER BY seq",
                           -1, &rows, NULL) != SQLITE_OK)
        return failed(journal, "reading", err);
    int result = replay_rows(journal, rows, each, ctx, err);
    sqlite3_finalize(rows);
    return result;
}

int lk_journal_append(struct lk_journal *journal, const struct lk_str *records, size_t count,
                      struct lk_err *err)
{
    if (run(journal, "BEGIN IMMEDIATE", "writing to", err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        sqlite3_bind_int(journal->insert, 1, LK_JOURNAL_FORMAT);
        sqlite3_bind_blob64(journal->insert, 2, records[i].data, records[i].len, SQLITE_STATIC);
        int result = sqlite3_step(journal->insert);
        sqlite3_reset(journal->insert);
        if (result != SQLITE_DONE)
            return failed(journal, "writing to", err);
    }
    return run(journal, "COMMIT", "writing to", err);
}

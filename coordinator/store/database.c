#include "coordinator/store/database.h"

#include "coordinator/store/journal.h"

#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define APPLICATION_ID 0x6c6b636f /* "lkco" */
#define PATIENCE_MS \
    10000 /* somebody who makes a backup by other means than ours may hold a lock */

int lk_database_damaged(const struct lk_database *database, struct lk_err *err,
                        const char *format, ...)
{
    char    what[200];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(what, sizeof(what), format, arguments);
    va_end(arguments);
    return lk_err_set(
        err, LK_ERR_CONFLICT,
        "the journal %s is damaged: %s; `lkcoordd fsck` says what is lost, `lkcoordd "
        "restore` puts a backup in its place (what is published stays published)",
        database->path, what);
}

int lk_database_failed(struct lk_database *database, const char *attempt, struct lk_err *err)
{
    int code = sqlite3_errcode(database->db);

    if (code == SQLITE_NOTADB || code == SQLITE_CORRUPT)
        return lk_database_damaged(database, err, "%s", sqlite3_errmsg(database->db));
    if (code == SQLITE_FULL)
        return lk_err_set(err, LK_ERR_LIMIT,
                          "%s the journal %s: the disk is full; free some space and start "
                          "lkcoordd again: what it has accepted is not lost",
                          attempt, database->path);
    return lk_err_set(err, LK_ERR_PERMANENT, "%s the journal %s: %s", attempt, database->path,
                      sqlite3_errmsg(database->db));
}

int lk_database_run(struct lk_database *database, const char *sql, const char *attempt,
                    struct lk_err *err)
{
    return sqlite3_exec(database->db, sql, NULL, NULL, NULL) == SQLITE_OK
               ? 0
               : lk_database_failed(database, attempt, err);
}

int64_t lk_database_number(struct lk_database *database, const char *sql, int64_t missing)
{
    sqlite3_stmt *statement = NULL;
    int64_t       value = missing;

    if (sqlite3_prepare_v2(database->db, sql, -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW &&
        sqlite3_column_type(statement, 0) != SQLITE_NULL)
        value = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return value;
}

int lk_database_open(struct lk_database *database, const char *path, enum lk_database_use use,
                     struct lk_err *err)
{
    /* WAL without the exclusive mode: a backup may be read while the coordinator writes. */
    static const char writing[] = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;";
    static const int  flags[] = {
         [LK_DATABASE_LOOK] = SQLITE_OPEN_READONLY,
         [LK_DATABASE_WRITE] = SQLITE_OPEN_READWRITE,
         [LK_DATABASE_MAKE] = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
    };

    if (sodium_init() < 0)
        return lk_err_set(err, LK_ERR_PERMANENT, "libsodium cannot be used here");
    database->path = lk_xasprintf("%s", path);
    if (sqlite3_open_v2(path, &database->db, flags[use] | SQLITE_OPEN_NOMUTEX, NULL) !=
        SQLITE_OK)
        return lk_database_failed(database, "opening", err);
    sqlite3_busy_timeout(database->db, PATIENCE_MS);
    sqlite3_db_config(database->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    if (lk_database_run(database, "PRAGMA trusted_schema=OFF;", "setting up", err) < 0)
        return -1;
    return use == LK_DATABASE_LOOK ? 0 : lk_database_run(database, writing, "setting up", err);
}

void lk_database_close(struct lk_database *database)
{
    sqlite3_close(database->db);
    free(database->path);
    *database = (struct lk_database) { 0 };
}

int lk_database_schema(struct lk_database *database, int *schema, struct lk_err *err)
{
    /* A file that is no database at all shows here. */
    if (lk_database_run(database, "SELECT count(*) FROM sqlite_schema", "opening", err) < 0)
        return -1;
    int64_t id = lk_database_number(database, "PRAGMA application_id", 0);
    int64_t found = lk_database_number(database, "PRAGMA user_version", 0);
    int64_t tables = lk_database_number(database, "SELECT count(*) FROM sqlite_schema", 0);

    *schema = 0;
    if (id == 0 && found == 0 && tables == 0)
        return 0;
    if (id != APPLICATION_ID)
        return lk_err_set(err, LK_ERR_INVALID,
                          "%s is a database of some other program; give lkcoordd a state "
                          "directory of its own",
                          database->path);
    if (found < 1 || found > LK_DATABASE_SCHEMA)
        return lk_err_set(
            err, LK_ERR_INVALID,
            "%s was written by a newer lkcoordd (schema %lld; this one, " LK_VERSION
            ", knows up to %d): start that version again, or restore a backup from before the "
            "upgrade with `lkcoordd restore`",
            database->path, (long long)found, LK_DATABASE_SCHEMA);
    *schema = (int)found;
    return 0;
}

/* `value` NULL: the number. */
static int put_meta(struct lk_database *database, const char *name, const uint8_t *value,
                    size_t len, uint64_t number, struct lk_err *err)
{
    sqlite3_stmt *statement = NULL;

    if (sqlite3_prepare_v2(database->db, "INSERT OR REPLACE INTO meta VALUES(?, ?)", -1,
                           &statement, NULL) != SQLITE_OK)
        return lk_database_failed(database, "writing to", err);
    sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
    if (value)
        sqlite3_bind_blob64(statement, 2, value, len, SQLITE_STATIC);
    else
        sqlite3_bind_int64(statement, 2, (int64_t)number);
    int result = sqlite3_step(statement);
    sqlite3_finalize(statement);
    return result == SQLITE_DONE ? 0 : lk_database_failed(database, "writing to", err);
}

static int get_meta(struct lk_database *database, const char *name, uint8_t *out, size_t len,
                    struct lk_err *err)
{
    sqlite3_stmt *statement = NULL;
    bool          good = false;

    if (sqlite3_prepare_v2(database->db, "SELECT value FROM meta WHERE name=?", -1, &statement,
                           NULL) == SQLITE_OK) {
        sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
        good = sqlite3_step(statement) == SQLITE_ROW &&
               (size_t)sqlite3_column_bytes(statement, 0) == len;
    }
    if (good)
        memcpy(out, sqlite3_column_blob(statement, 0), len);
    sqlite3_finalize(statement);
    return good ? 0 : lk_database_damaged(database, err, "it does not say its %s", name);
}

int lk_database_put_anchor(struct lk_database *database, const struct lk_chain *anchor,
                           uint64_t snapshot_seq, struct lk_err *err)
{
    return put_meta(database, "anchor_seq", NULL, 0, anchor->seq, err) < 0 ||
                   put_meta(database, "anchor_sum", anchor->sum, sizeof(anchor->sum), 0, err) <
                       0 ||
                   put_meta(database, "snapshot_seq", NULL, 0, snapshot_seq, err) < 0
               ? -1
               : 0;
}

int lk_database_create(struct lk_database *database, const uint8_t cluster[LK_CLUSTER_BYTES],
                       struct lk_err *err)
{
    static const char create[] =
        "BEGIN IMMEDIATE;"
        "CREATE TABLE meta(name TEXT PRIMARY KEY, value) WITHOUT ROWID;"
        "CREATE TABLE journal(seq INTEGER PRIMARY KEY, format INTEGER NOT NULL, fact BLOB NOT "
        "NULL, sum BLOB NOT NULL);"
        "PRAGMA application_id=0x6c6b636f; PRAGMA user_version=2;";
    struct lk_chain chain;

    lk_chain_begin(&chain, cluster);
    if (lk_database_run(database, create, "creating", err) < 0 ||
        put_meta(database, "cluster", cluster, LK_CLUSTER_BYTES, 0, err) < 0 ||
        put_meta(database, "epoch", NULL, 0, 0, err) < 0 ||
        lk_database_put_anchor(database, &chain, 0, err) < 0)
        return -1;
    return lk_database_run(database, "COMMIT", "creating", err);
}

int lk_database_check(struct lk_database *database, struct lk_err *err)
{
    sqlite3_stmt *statement = NULL;
    char          found[160] = "its pages cannot be read";

    if (sqlite3_prepare_v2(database->db, "PRAGMA quick_check(1)", -1, &statement, NULL) ==
            SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW)
        snprintf(found, sizeof(found), "%s", (const char *)sqlite3_column_text(statement, 0));
    sqlite3_finalize(statement);
    for (char *c = found; *c; c++)
        if (*c == '\n')
            *c = ' ';
    return strcmp(found, "ok") == 0 ? 0 : lk_database_damaged(database, err, "%s", found);
}

int lk_database_cluster(struct lk_database *database, uint8_t out[LK_CLUSTER_BYTES],
                        struct lk_err *err)
{
    return get_meta(database, "cluster", out, LK_CLUSTER_BYTES, err);
}

int lk_database_anchor(struct lk_database *database, int schema, struct lk_chain *out,
                       struct lk_err *err)
{
    uint8_t cluster[LK_CLUSTER_BYTES];

    if (lk_database_cluster(database, cluster, err) < 0)
        return -1;
    lk_chain_begin(out, cluster);
    if (schema == 1)
        return 0;
    out->seq = (uint64_t)lk_database_number(
        database, "SELECT value FROM meta WHERE name='anchor_seq'", 0);
    return get_meta(database, "anchor_sum", out->sum, sizeof(out->sum), err);
}

int lk_database_head(struct lk_database *database, struct lk_chain *out, struct lk_err *err)
{
    sqlite3_stmt *statement = NULL;

    if (lk_database_anchor(database, LK_DATABASE_SCHEMA, out, err) < 0)
        return -1;
    if (sqlite3_prepare_v2(database->db,
                           "SELECT seq, sum FROM journal ORDER BY seq DESC LIMIT 1", -1,
                           &statement, NULL) != SQLITE_OK)
        return lk_database_failed(database, "reading", err);
    int  result = sqlite3_step(statement);
    bool good = result == SQLITE_DONE ||
                (result == SQLITE_ROW && sqlite3_column_bytes(statement, 1) == LK_CHAIN_BYTES);
    if (good && result == SQLITE_ROW) {
        out->seq = (uint64_t)sqlite3_column_int64(statement, 0);
        memcpy(out->sum, sqlite3_column_blob(statement, 1), LK_CHAIN_BYTES);
    }
    sqlite3_finalize(statement);
    return good ? 0 : lk_database_damaged(database, err, "its last record has no checksum");
}

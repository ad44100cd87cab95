/* The records of journal.db, one by one: read with their faults, written with their sums, brought up from schema 1. */
#include "coordinator/store/database.h"

#include "coordinator/store/journal.h"

#include <string.h>

static void read_row(sqlite3_stmt *rows, int schema, struct lk_chain *chain, struct lk_row *out)
{
    const void *sum = schema == 1 ? NULL : sqlite3_column_blob(rows, 3);

    *out = (struct lk_row) {
        .seq = (uint64_t)sqlite3_column_int64(rows, 0),
        .format = (uint32_t)sqlite3_column_int64(rows, 1),
        .record = { sqlite3_column_blob(rows, 2), (size_t)sqlite3_column_bytes(rows, 2) },
    };
    if (out->seq != chain->seq + 1)
        out->missing_from = chain->seq + 1;
    lk_chain_add(chain, out->format, out->record);
    chain->seq = out->seq;
    if (schema == 1)
        return;
    if (!sum || sqlite3_column_bytes(rows, 3) != LK_CHAIN_BYTES) {
        out->is_changed = true;
        return;
    }
    out->is_changed = !out->missing_from && memcmp(sum, chain->sum, LK_CHAIN_BYTES) != 0;
    memcpy(chain->sum, sum, LK_CHAIN_BYTES);
}

static int walk_rows(struct lk_database *database, sqlite3_stmt *rows, int schema,
                     struct lk_chain *chain, lk_row_fn *each, void *ctx, struct lk_err *err)
{
    struct lk_row row;
    int           result;

    while ((result = sqlite3_step(rows)) == SQLITE_ROW) {
        read_row(rows, schema, chain, &row);
        if (each(ctx, &row, err) < 0)
            return -1;
    }
    return result == SQLITE_DONE ? 0 : lk_database_failed(database, "reading", err);
}

int lk_database_walk(struct lk_database *database, int schema, uint64_t last, lk_row_fn *each,
                     void *ctx, struct lk_err *err)
{
    static const char *const select[] = {
        [1] = "SELECT seq, format, fact FROM journal WHERE seq <= ? ORDER BY seq",
        [2] = "SELECT seq, format, fact, sum FROM journal WHERE seq <= ? ORDER BY seq",
    };
    sqlite3_stmt   *rows = NULL;
    struct lk_chain chain;

    if (lk_database_anchor(database, schema, &chain, err) < 0)
        return -1;
    if (sqlite3_prepare_v2(database->db, select[schema], -1, &rows, NULL) != SQLITE_OK)
        return lk_database_failed(database, "reading", err);
    sqlite3_bind_int64(rows, 1, last > INT64_MAX ? INT64_MAX : (int64_t)last);
    int result = walk_rows(database, rows, schema, &chain, each, ctx, err);
    sqlite3_finalize(rows);
    return result;
}

int lk_database_accept(const struct lk_database *database, const struct lk_row *row,
                       struct lk_err *err)
{
    if (row->missing_from && row->missing_from == row->seq - 1)
        return lk_database_damaged(database, err, "record %llu is missing",
                                   (unsigned long long)row->missing_from);
    if (row->missing_from)
        return lk_database_damaged(database, err, "records %llu to %llu are missing",
                                   (unsigned long long)row->missing_from,
                                   (unsigned long long)row->seq - 1);
    if (row->is_changed)
        return lk_database_damaged(database, err,
                                   "record %llu is not what was written (its checksum does "
                                   "not fit)",
                                   (unsigned long long)row->seq);
    if (row->format > LK_JOURNAL_FORMAT)
        return lk_err_set(err, LK_ERR_INVALID,
                          "record %llu of %s was written by a newer lkcoordd (format %u; this "
                          "one, " LK_VERSION ", knows up to %d): start that version again",
                          (unsigned long long)row->seq, database->path, row->format,
                          LK_JOURNAL_FORMAT);
    return 0;
}

int lk_database_prepare_insert(struct lk_database *database, sqlite3_stmt **out,
                               struct lk_err *err)
{
    static const char insert[] =
        "INSERT INTO journal(seq, format, fact, sum) VALUES(?, ?, ?, ?)";

    return sqlite3_prepare_v2(database->db, insert, -1, out, NULL) == SQLITE_OK
               ? 0
               : lk_database_failed(database, "preparing to write to", err);
}

int lk_database_insert(struct lk_database *database, sqlite3_stmt *insert,
                       struct lk_chain *chain, uint32_t format, struct lk_str record,
                       struct lk_err *err)
{
    lk_chain_add(chain, format, record);
    sqlite3_bind_int64(insert, 1, (int64_t)chain->seq);
    sqlite3_bind_int64(insert, 2, format);
    sqlite3_bind_blob64(insert, 3, record.data, record.len, SQLITE_STATIC);
    sqlite3_bind_blob(insert, 4, chain->sum, sizeof(chain->sum), SQLITE_STATIC);
    int result = sqlite3_step(insert);
    sqlite3_reset(insert);
    return result == SQLITE_DONE ? 0 : lk_database_failed(database, "writing to", err);
}

/* ---- schema 1 ---- */

struct summing {
    struct lk_database *database;
    sqlite3_stmt       *update;
    struct lk_chain     chain;
};

static int add_sum(void *ctx, const struct lk_row *row, struct lk_err *err)
{
    struct summing *summing = ctx;

    if (lk_database_accept(summing->database, row, err) < 0)
        return -1;
    lk_chain_add(&summing->chain, row->format, row->record);
    sqlite3_bind_blob(summing->update, 1, summing->chain.sum, LK_CHAIN_BYTES, SQLITE_STATIC);
    sqlite3_bind_int64(summing->update, 2, (int64_t)row->seq);
    int result = sqlite3_step(summing->update);
    sqlite3_reset(summing->update);
    return result == SQLITE_DONE ? 0 : lk_database_failed(summing->database, "upgrading", err);
}

static int add_sums(struct lk_database *database, struct lk_err *err)
{
    struct summing summing = { .database = database };

    if (lk_database_anchor(database, 1, &summing.chain, err) < 0 ||
        lk_database_put_anchor(database, &summing.chain, 0, err) < 0)
        return -1;
    if (sqlite3_prepare_v2(database->db, "UPDATE journal SET sum=? WHERE seq=?", -1,
                           &summing.update, NULL) != SQLITE_OK)
        return lk_database_failed(database, "upgrading", err);
    int result = lk_database_walk(database, 1, UINT64_MAX, add_sum, &summing, err);
    sqlite3_finalize(summing.update);
    return result;
}

int lk_database_upgrade(struct lk_database *database, int schema, struct lk_err *err)
{
    if (schema == LK_DATABASE_SCHEMA)
        return 0;
    if (lk_database_run(database, "BEGIN IMMEDIATE", "upgrading", err) < 0)
        return -1;
    if (lk_database_run(database, "ALTER TABLE journal ADD COLUMN sum BLOB", "upgrading", err) <
            0 ||
        add_sums(database, err) < 0 ||
        lk_database_run(database, "PRAGMA user_version=2; COMMIT", "upgrading", err) < 0) {
        sqlite3_exec(database->db, "ROLLBACK", NULL, NULL, NULL);
        return -1;
    }
    return 0;
}

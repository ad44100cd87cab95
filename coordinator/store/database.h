/*
 * database - journal.db as SQLite sees it: what kind of file it is, its schema, its records one by one.
 *
 *   meta     cluster, epoch; anchor_seq, anchor_sum: the record before the first one here, of the chain that a
 *            snapshot has replaced; snapshot_seq: the last record of that snapshot
 *   journal  seq, format, fact, sum (chain.h)
 *
 * Schema 1 had neither sums nor snapshots.  Backups and damaged files are read by the same words as the journal in
 * use.  One thread at a time.
 */
#ifndef LK_DATABASE_H
#define LK_DATABASE_H

#include "common/base/err.h"
#include "coordinator/store/chain.h"

#include <sqlite3.h>

#define LK_DATABASE_SCHEMA 2

struct lk_database {
    sqlite3 *db;
    char    *path;
};

enum lk_database_use {
    LK_DATABASE_LOOK, /* changes nothing */
    LK_DATABASE_WRITE,
    LK_DATABASE_MAKE, /* and creates it */
};

int  lk_database_open(struct lk_database *database, const char *path, enum lk_database_use use,
                      struct lk_err *err);
void lk_database_close(struct lk_database *database);

/* What SQLite says of its last call, in words; -1. */
int lk_database_failed(struct lk_database *database, const char *attempt, struct lk_err *err);
/* "PATH is damaged: WHAT", and the way out; -1. */
int lk_database_damaged(const struct lk_database *database, struct lk_err *err,
                        const char *format, ...) LK_PRINTF(3, 4);

int lk_database_run(struct lk_database *database, const char *sql, const char *attempt,
                    struct lk_err *err);
/* The first column of the only row; `missing` if there is none or it is NULL. */
int64_t lk_database_number(struct lk_database *database, const char *sql, int64_t missing);

/* 0: an empty file.  Refuses what another program or a newer version of this one wrote. */
int lk_database_schema(struct lk_database *database, int *schema, struct lk_err *err);
int lk_database_create(struct lk_database *database, const uint8_t cluster[LK_CLUSTER_BYTES],
                       struct lk_err *err);
/* Brings an older schema up, all or nothing. */
int lk_database_upgrade(struct lk_database *database, int schema, struct lk_err *err);
/* SQLite's own look at its pages. */
int lk_database_check(struct lk_database *database, struct lk_err *err);

int lk_database_cluster(struct lk_database *database, uint8_t out[LK_CLUSTER_BYTES],
                        struct lk_err *err);
/* What the first record here comes after. */
int lk_database_anchor(struct lk_database *database, int schema, struct lk_chain *out,
                       struct lk_err *err);
int lk_database_put_anchor(struct lk_database *database, const struct lk_chain *anchor,
                           uint64_t snapshot_seq, struct lk_err *err);
/* The last record. */
int lk_database_head(struct lk_database *database, struct lk_chain *out, struct lk_err *err);

struct lk_row {
    uint64_t      seq;
    uint32_t      format;
    struct lk_str record;       /* borrowed for the call */
    uint64_t      missing_from; /* not 0: those from here to the one before it are not there */
    bool          is_changed;   /* its sum does not fit it */
};

typedef int lk_row_fn(void *ctx, const struct lk_row *row, struct lk_err *err);

/*
 * Calls `each` for the records from the anchor to number `last`, oldest first; stops at its first -1.  A chain goes
 * on behind a fault with what the record there says of itself.
 */
int lk_database_walk(struct lk_database *database, int schema, uint64_t last, lk_row_fn *each,
                     void *ctx, struct lk_err *err);
/* 0, or what is wrong with the row, as an error. */
int lk_database_accept(const struct lk_database *database, const struct lk_row *row,
                       struct lk_err *err);

/* Writes one record, the chain's next. */
int lk_database_insert(struct lk_database *database, sqlite3_stmt *insert,
                       struct lk_chain *chain, uint32_t format, struct lk_str record,
                       struct lk_err *err);
int lk_database_prepare_insert(struct lk_database *database, sqlite3_stmt **out,
                               struct lk_err *err);

#endif

#include "coordinator/store/store.h"

#include "common/os/file.h"
#include "coordinator/store/database.h"
#include "coordinator/store/head.h"
#include "coordinator/store/journal.h"
#include "coordinator/store/lock.h"

#include <sodium.h>
#include <stdlib.h>

#define LONG_RECORDS 10000

struct lk_journal {
    struct lk_database database;
    sqlite3_stmt      *insert;
    int                lock_fd;
    int                head_fd;
    uint64_t           epoch;
    uint8_t            cluster[LK_CLUSTER_BYTES];
    struct lk_chain    chain; /* the last record */
    uint64_t           kept;
    uint64_t           grown;
};

static int prepare(struct lk_journal *journal, struct lk_err *err)
{
    struct lk_database *database = &journal->database;
    int                 schema;

    if (lk_database_schema(database, &schema, err) < 0)
        return -1;
    if (schema == 0) {
        randombytes_buf(journal->cluster, sizeof(journal->cluster));
        return lk_database_create(database, journal->cluster, err);
    }
    if (lk_database_check(database, err) < 0 || lk_database_upgrade(database, schema, err) < 0)
        return -1;
    return lk_database_cluster(database, journal->cluster, err);
}

static int find_end(struct lk_journal *journal, struct lk_err *err)
{
    struct lk_database *database = &journal->database;
    struct lk_chain     anchor;
    uint64_t            written = lk_head_read(journal->head_fd, journal->cluster);
    uint64_t            snapshot = (uint64_t)lk_database_number(
                   database, "SELECT value FROM meta WHERE name='snapshot_seq'", 0);

    if (lk_database_anchor(database, LK_DATABASE_SCHEMA, &anchor, err) < 0 ||
        lk_database_head(database, &journal->chain, err) < 0)
        return -1;
    if (journal->chain.seq < written || journal->chain.seq < snapshot)
        return lk_database_damaged(
            database, err, "its last record is %llu, but %llu had been written",
            (unsigned long long)journal->chain.seq,
            (unsigned long long)(written > snapshot ? written : snapshot));
    journal->kept = snapshot > anchor.seq ? snapshot - anchor.seq : 0;
    journal->grown = journal->chain.seq - anchor.seq - journal->kept;
    return 0;
}

int lk_journal_open(struct lk_journal **out, const char *directory, struct lk_err *err)
{
    LK_CLEANUP(lk_journal_close) struct lk_journal *journal = lk_xcalloc(1, sizeof(*journal));
    LK_CLEANUP(lk_free_pointer) char *path = lk_xasprintf("%s/journal.db", directory);

    journal->lock_fd = journal->head_fd = -1;
    if (lk_directory_make(directory, 0700, err) < 0 ||
        lk_state_lock(&journal->lock_fd, directory, err) < 0 ||
        lk_database_open(&journal->database, path, LK_DATABASE_MAKE, err) < 0 ||
        prepare(journal, err) < 0 || lk_head_open(&journal->head_fd, directory, err) < 0 ||
        find_end(journal, err) < 0 ||
        lk_database_prepare_insert(&journal->database, &journal->insert, err) < 0)
        return -1;
    *out = LK_TAKE(journal);
    return 0;
}

void lk_journal_close(struct lk_journal **journal)
{
    struct lk_journal *j = LK_TAKE(*journal);

    if (!j)
        return;
    sqlite3_finalize(j->insert);
    lk_database_close(&j->database);
    lk_close_fd(&j->head_fd);
    lk_close_fd(&j->lock_fd);
    free(j);
}

const uint8_t *lk_journal_cluster(const struct lk_journal *journal)
{
    return journal->cluster;
}

int lk_journal_raise_epoch(struct lk_journal *journal, uint64_t known, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer)
    char *raise = lk_xasprintf("UPDATE meta SET value=max(value, %llu)+1 WHERE name='epoch'",
                               (unsigned long long)known);

    if (lk_database_run(&journal->database, raise, "raising the epoch in", err) < 0)
        return -1;
    int64_t epoch =
        lk_database_number(&journal->database, "SELECT value FROM meta WHERE name='epoch'", 0);
    if (epoch < 1 || epoch > UINT32_MAX)
        return lk_database_damaged(&journal->database, err, "its epoch, %lld, cannot be one",
                                   (long long)epoch);
    journal->epoch = (uint64_t)epoch;
    return 0;
}

uint64_t lk_journal_epoch(const struct lk_journal *journal)
{
    return journal->epoch;
}

struct replay {
    struct lk_journal *journal;
    int (*each)(void *ctx, struct lk_str record, struct lk_err *err);
    void *ctx;
};

static int replay_row(void *ctx, const struct lk_row *row, struct lk_err *err)
{
    struct replay *replay = ctx;

    if (lk_database_accept(&replay->journal->database, row, err) < 0)
        return -1;
    if (replay->each(replay->ctx, row->record, err) < 0)
        return lk_err_wrap(err, "record %llu of %s", (unsigned long long)row->seq,
                           replay->journal->database.path);
    return 0;
}

int lk_journal_replay(struct lk_journal *journal,
                      int (*each)(void *ctx, struct lk_str record, struct lk_err *err),
                      void *ctx, struct lk_err *err)
{
    struct replay replay = { journal, each, ctx };

    return lk_database_walk(&journal->database, LK_DATABASE_SCHEMA, UINT64_MAX, replay_row,
                            &replay, err);
}

/* The records are written, not yet committed: from here on the journal ends there. */
static int commit(struct lk_journal *journal, const struct lk_chain *end, struct lk_err *err)
{
    if (lk_database_run(&journal->database, "COMMIT", "writing to", err) < 0)
        return -1;
    journal->chain = *end;
    return lk_head_write(journal->head_fd, journal->cluster, end->seq, err);
}

int lk_journal_append(struct lk_journal *journal, const struct lk_str *records, size_t count,
                      struct lk_err *err)
{
    struct lk_chain chain = journal->chain;

    if (lk_database_run(&journal->database, "BEGIN IMMEDIATE", "writing to", err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        if (lk_database_insert(&journal->database, journal->insert, &chain, LK_JOURNAL_FORMAT,
                               records[i], err) < 0)
            return -1;
    if (commit(journal, &chain, err) < 0)
        return -1;
    journal->grown += count;
    return 0;
}

/* ---- snapshot ---- */

struct compaction {
    struct lk_journal        *journal;
    const struct lk_snapshot *snapshot;
    struct lk_chain           chain;
};

static int keep_row(void *ctx, const struct lk_row *row, struct lk_err *err)
{
    struct compaction *compaction = ctx;
    struct lk_journal *journal = compaction->journal;
    struct lk_fact     fact;

    /* What got damaged since it was read must not come out with a new, right sum. */
    if (lk_database_accept(&journal->database, row, err) < 0 ||
        lk_fact_decode(row->record, &fact, err) < 0)
        return -1;
    return lk_snapshot_keeps(compaction->snapshot, &fact)
               ? lk_database_insert(&journal->database, journal->insert, &compaction->chain,
                                    row->format, row->record, err)
               : 0;
}

static int add_facts(struct compaction *compaction, struct lk_err *err)
{
    struct lk_journal *journal = compaction->journal;
    struct lk_fact     fact;
    uint8_t            bytes[LK_FACT_BYTES_MAX];

    for (size_t i = 0; lk_snapshot_adds(compaction->snapshot, i, &fact); i++) {
        struct lk_str record = { (const char *)bytes, lk_fact_encode(&fact, bytes) };
        if (lk_database_insert(&journal->database, journal->insert, &compaction->chain,
                               LK_JOURNAL_FORMAT, record, err) < 0)
            return -1;
    }
    return 0;
}

int lk_journal_compact(struct lk_journal *journal, const struct lk_snapshot *snapshot,
                       struct lk_err *err)
{
    struct lk_database   *database = &journal->database;
    const struct lk_chain anchor = journal->chain;
    struct compaction     compaction = { journal, snapshot, anchor };
    LK_CLEANUP(lk_free_pointer)
    char *forget =
        lk_xasprintf("DELETE FROM journal WHERE seq <= %llu", (unsigned long long)anchor.seq);

    /* Numbers go on and the first sum covers the old chain's last: what is new is behind what was there. */
    if (lk_database_run(database, "BEGIN IMMEDIATE", "compacting", err) < 0 ||
        lk_database_walk(database, LK_DATABASE_SCHEMA, anchor.seq, keep_row, &compaction, err) <
            0 ||
        add_facts(&compaction, err) < 0 ||
        lk_database_run(database, forget, "compacting", err) < 0 ||
        lk_database_put_anchor(database, &anchor, compaction.chain.seq, err) < 0 ||
        commit(journal, &compaction.chain, err) < 0)
        return -1;
    journal->kept = compaction.chain.seq - anchor.seq;
    journal->grown = 0;
    return 0;
}

uint64_t lk_journal_kept(const struct lk_journal *journal)
{
    return journal->kept;
}

uint64_t lk_journal_grown(const struct lk_journal *journal)
{
    return journal->grown;
}

bool lk_journal_is_long(uint64_t kept, uint64_t grown)
{
    return grown > LONG_RECORDS && grown > kept;
}

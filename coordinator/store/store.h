/*
 * store - the coordinator's durable state: a log of facts, an identity, an epoch.
 *
 * One process at a time holds it; others may read it meanwhile (backup.h).  An append that is answered is on disk;
 * one that fails leaves nothing to go on with, so the caller ends the process.  Each record has a checksum that
 * covers all records before it (chain.h): damage is found at the latest by the replay.  lk_journal_append and
 * lk_journal_compact block (fsync) and are called by the store's own worker; nothing else here is called while it
 * runs.
 *
 * STATE/journal.head says, outside the database, how far it had been written: a database that ends before that has
 * lost its end, which SQLite by itself takes for a crash.
 */
#ifndef LK_JOURNAL_STORE_H
#define LK_JOURNAL_STORE_H

#include "common/base/err.h"
#include "common/base/str.h"
#include "coordinator/core/snapshot.h"
#include "coordinator/store/chain.h"

struct lk_journal;

/* Opens or creates DIRECTORY/journal.db, brings an older one up, takes the lock (CONFLICT if another process has it). */
int  lk_journal_open(struct lk_journal **out, const char *directory, struct lk_err *err);
void lk_journal_close(struct lk_journal **journal);

/* Random, made once; names this coordinator's world to its agents. */
const uint8_t *lk_journal_cluster(const struct lk_journal *journal);

/* Calls `each` for every record, oldest first; stops at its first -1. */
int lk_journal_replay(struct lk_journal *journal,
                      int (*each)(void *ctx, struct lk_str record, struct lk_err *err),
                      void *ctx, struct lk_err *err);

/* After the replay, which gave `known`: this start's epoch is above that and above any before. */
int      lk_journal_raise_epoch(struct lk_journal *journal, uint64_t known, struct lk_err *err);
uint64_t lk_journal_epoch(const struct lk_journal *journal);

/* Appends records, all or none, and returns when they are on disk. */
int lk_journal_append(struct lk_journal *journal, const struct lk_str *records, size_t count,
                      struct lk_err *err);

/* Puts what `snapshot`, taken of all records so far, keeps and adds in place of them, all or nothing. */
int lk_journal_compact(struct lk_journal *journal, const struct lk_snapshot *snapshot,
                       struct lk_err *err);

/* How many records the last snapshot left, and how many came since. */
uint64_t lk_journal_kept(const struct lk_journal *journal);
uint64_t lk_journal_grown(const struct lk_journal *journal);

/* It has grown by so much that compacting is worth it. */
bool lk_journal_is_long(uint64_t kept, uint64_t grown);

#endif

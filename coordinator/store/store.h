/*
 * store - the coordinator's durable state: a log of facts, an identity, an epoch.
 *
 * One process at a time holds it.  An append that is answered is on disk; one that fails leaves nothing
 * to go on with, so the caller ends the process.  lk_journal_append blocks (fsync) and is called by the
 * store's own worker; nothing else here is called while it runs.
 */
#ifndef LK_JOURNAL_STORE_H
#define LK_JOURNAL_STORE_H

#include "common/base/err.h"
#include "common/base/str.h"

#define LK_CLUSTER_BYTES 16

struct lk_journal;

/* Opens or creates DIRECTORY/journal.db, takes the lock (CONFLICT if another process has it), raises the epoch. */
int  lk_journal_open(struct lk_journal **out, const char *directory, struct lk_err *err);
void lk_journal_close(struct lk_journal **journal);

/* Random, made once; names this coordinator's world to its agents. */
const uint8_t *lk_journal_cluster(const struct lk_journal *journal);

/* Of this start: higher than any before. */
uint64_t lk_journal_epoch(const struct lk_journal *journal);

/* Calls `each` for every record, oldest first; stops at its first -1. */
int lk_journal_replay(struct lk_journal *journal,
                      int (*each)(void *ctx, struct lk_str record, struct lk_err *err),
                      void *ctx, struct lk_err *err);

/* Appends records, all or none, and returns when they are on disk. */
int lk_journal_append(struct lk_journal *journal, const struct lk_str *records, size_t count,
                      struct lk_err *err);

#endif

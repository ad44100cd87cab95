/* A backup takes the place of a state directory's journal. */
#include "coordinator/store/backup.h"

#include "common/os/file.h"
#include "coordinator/core/core.h"
#include "coordinator/store/database.h"
#include "coordinator/store/head.h"
#include "coordinator/store/journal.h"
#include "coordinator/store/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

struct copying {
    struct lk_database   from;
    struct lk_database   to;
    sqlite3_stmt        *insert;
    struct lk_chain      chain;
    struct lk_inspection source;
    uint64_t             epoch; /* of the restored state */
    struct lk_err        first_fault;
};

static void close_copying(struct copying *copying)
{
    sqlite3_finalize(copying->insert);
    copying->insert = NULL;
    lk_database_close(&copying->from);
    lk_database_close(&copying->to);
}

static int judge_source(const char *file, const struct lk_restore_options *options,
                        struct copying *copying, struct lk_err *err)
{
    struct lk_inspection *source = &copying->source;

    if (lk_journal_inspect(file, NULL, source, lk_finding_keep, &copying->first_fault, err) < 0)
        return -1;
    if (source->faults == 0)
        return 0;
    if (source->schema == 0 || source->good == 0)
        return lk_err_set(err, LK_ERR_CONFLICT, "%s is damaged, and nothing of it is good: %s",
                          file, copying->first_fault.text);
    if (options->up_to_damage)
        return 0;
    return lk_err_set(
        err, LK_ERR_CONFLICT,
        "%s is damaged (%s): restore another backup, or take what is good of this "
        "one, up to record %llu, with --up-to-damage",
        file, copying->first_fault.text, (unsigned long long)source->good);
}

static int copy_row(void *ctx, const struct lk_row *row, struct lk_err *err)
{
    struct copying *copying = ctx;

    return lk_database_accept(&copying->from, row, err) < 0
               ? -1
               : lk_database_insert(&copying->to, copying->insert, &copying->chain, row->format,
                                    row->record, err);
}

static int add_jump(struct copying *copying, struct lk_err *err)
{
    struct lk_fact fact = { 0 };
    uint8_t        bytes[LK_FACT_BYTES_MAX];

    lk_fact_jump(&fact, copying->epoch, copying->source.push_id, copying->source.package_id);
    struct lk_str record = { (const char *)bytes, lk_fact_encode(&fact, bytes) };
    return lk_database_insert(&copying->to, copying->insert, &copying->chain, LK_JOURNAL_FORMAT,
                              record, err);
}

static int copy_records(struct copying *copying, struct lk_err *err)
{
    struct lk_database *to = &copying->to;
    uint64_t            good = copying->source.good;
    struct lk_chain     anchor;
    LK_CLEANUP(lk_free_pointer)
    char    *set_epoch = lk_xasprintf("UPDATE meta SET value=%llu WHERE name='epoch'",
                                      (unsigned long long)copying->epoch);
    uint64_t snapshot = (uint64_t)lk_database_number(
        &copying->from, "SELECT value FROM meta WHERE name='snapshot_seq'", 0);

    if (lk_database_create(to, copying->source.cluster, err) < 0 ||
        lk_database_prepare_insert(to, &copying->insert, err) < 0 ||
        lk_database_anchor(&copying->from, copying->source.schema, &anchor, err) < 0 ||
        lk_database_run(to, "BEGIN IMMEDIATE", "writing to", err) < 0)
        return -1;
    copying->chain = anchor;
    if (lk_database_walk(&copying->from, copying->source.schema, good, copy_row, copying, err) <
            0 ||
        add_jump(copying, err) < 0 || lk_database_run(to, set_epoch, "writing to", err) < 0 ||
        lk_database_put_anchor(to, &anchor, snapshot < good ? snapshot : good, err) < 0)
        return -1;
    return lk_database_run(to, "COMMIT; PRAGMA wal_checkpoint(TRUNCATE)", "writing to", err);
}

static int write_new(const char *file, const char *new, struct copying *copying,
                     struct lk_err *err)
{
    int schema;

    unlink(new); /* ours, of a restore that was cut off */
    if (lk_database_open(&copying->from, file, LK_DATABASE_LOOK, err) < 0 ||
        lk_database_schema(&copying->from, &schema, err) < 0 ||
        lk_database_open(&copying->to, new, LK_DATABASE_MAKE, err) < 0 ||
        copy_records(copying, err) < 0)
        return -1;
    close_copying(copying); /* the file is whole only then */
    return 0;
}

/* ---- what is there already ---- */

static void no_finding(void *ctx, const char *finding)
{
    (void)ctx;
    (void)finding;
}

/* Of the journal that is replaced, as far as it can be read. */
static uint64_t epoch_of(const char *path)
{
    struct lk_inspection old;
    struct lk_err        unused;

    return lk_journal_inspect(path, NULL, &old, no_finding, NULL, &unused) < 0 ? 0 : old.epoch;
}

static int move_aside(const char *path, const char *aside, const char *suffix,
                      struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *from = lk_xasprintf("%s%s", path, suffix);
    LK_CLEANUP(lk_free_pointer) char *to = lk_xasprintf("%s%s", aside, suffix);

    if (link(from, to) < 0 && errno != ENOENT)
        return lk_err_sys(err, "putting %s aside as %s", from, to);
    return 0;
}

/* The old journal stays under another name.  Its WAL must be gone before another database has its name. */
static int keep_old(const char *path, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *aside = NULL;
    LK_CLEANUP(lk_free_pointer) char *wal = lk_xasprintf("%s-wal", path);
    LK_CLEANUP(lk_free_pointer) char *shm = lk_xasprintf("%s-shm", path);

    for (unsigned i = 1; !aside || access(aside, F_OK) == 0; i++) {
        lk_free_pointer(&aside);
        aside = lk_xasprintf("%s.replaced-%u", path, i);
    }
    if (move_aside(path, aside, "", err) < 0 || move_aside(path, aside, "-wal", err) < 0)
        return -1;
    unlink(wal);
    unlink(shm);
    return 0;
}

/* Where root restores what a user of its own runs. */
static void give_to_owner(const char *directory, const char *name)
{
    LK_CLEANUP(lk_free_pointer) char *path = lk_xasprintf("%s/%s", directory, name);
    struct stat                       owner;

    if (geteuid() == 0 && stat(directory, &owner) == 0 &&
        lchown(path, owner.st_uid, owner.st_gid) < 0)
        return; /* the start will say that it may not read it */
}

static int put_in_place(const char *directory, const char *path, const char *new,
                        const struct copying *copying, struct lk_err *err)
{
    LK_CLEANUP(lk_close_fd) int head = -1;
    LK_CLEANUP(lk_close_fd) int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (access(path, F_OK) == 0 && keep_old(path, err) < 0)
        return -1;
    if (lk_head_open(&head, directory, err) < 0 ||
        lk_head_write(head, copying->source.cluster, copying->chain.seq, err) < 0)
        return -1;
    if (rename(new, path) < 0)
        return lk_err_sys(err, "naming %s", path);
    give_to_owner(directory, "journal.db");
    give_to_owner(directory, "journal.head");
    give_to_owner(directory, "lock");
    return fd < 0 || fsync(fd) < 0 ? lk_err_sys(err, "syncing %s", directory) : 0;
}

int lk_journal_restore(const char *file, const char *directory,
                       const struct lk_restore_options *options, struct lk_inspection *out,
                       uint64_t *epoch, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *path = lk_xasprintf("%s/journal.db", directory);
    LK_CLEANUP(lk_free_pointer) char *new = lk_xasprintf("%s/journal.db.new", directory);
    LK_CLEANUP(lk_close_fd) int              lock = -1;
    LK_CLEANUP(close_copying) struct copying copying = { 0 };
    uint64_t                                 before;

    if (judge_source(file, options, &copying, err) < 0 ||
        lk_directory_make(directory, 0700, err) < 0 || lk_state_lock(&lock, directory, err) < 0)
        return -1;
    if (access(path, F_OK) == 0 && !options->replace)
        return lk_err_set(err, LK_ERR_CONFLICT,
                          "%s is there already; with --replace it is put aside (as "
                          "journal.db.replaced-N) and the backup takes its place",
                          path);
    before = epoch_of(path);
    *out = copying.source;
    *epoch = copying.epoch = (before > out->epoch ? before : out->epoch) + LK_RESTORE_EPOCHS;
    if (copying.epoch > UINT32_MAX)
        return lk_err_set(err, LK_ERR_CONFLICT, "the epoch of %s cannot be one", file);
    if (write_new(file, new, &copying, err) < 0 ||
        put_in_place(directory, path, new, &copying, err) < 0) {
        unlink(new);
        return -1;
    }
    return 0;
}

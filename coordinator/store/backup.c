#include "coordinator/store/backup.h"

#include "coordinator/store/database.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int copy_pages(struct lk_database *from, struct lk_database *to, struct lk_err *err)
{
    sqlite3_backup *copy = sqlite3_backup_init(to->db, "main", from->db, "main");

    /* All at once: a step that lets the coordinator write in between would begin anew each time. */
    if (copy)
        sqlite3_backup_step(copy, -1);
    sqlite3_backup_finish(copy);
    if (sqlite3_errcode(to->db) != SQLITE_OK)
        return lk_database_failed(to, "copying to", err);
    return lk_database_run(to, "PRAGMA journal_mode=DELETE", "completing", err);
}

static int copy_database(const char *source, const char *file, struct lk_err *err)
{
    LK_CLEANUP(lk_database_close) struct lk_database from = { 0 };
    LK_CLEANUP(lk_database_close) struct lk_database to = { 0 };
    int                                              schema;

    if (lk_database_open(&from, source, LK_DATABASE_LOOK, err) < 0 ||
        lk_database_schema(&from, &schema, err) < 0)
        return -1;
    if (schema == 0)
        return lk_err_set(err, LK_ERR_NOT_FOUND, "%s is empty", source);
    return lk_database_open(&to, file, LK_DATABASE_MAKE, err) < 0 ? -1
                                                                  : copy_pages(&from, &to, err);
}

static int sync_parent(const char *file, struct lk_err *err)
{
    const char *slash = strrchr(file, '/');
    LK_CLEANUP(lk_free_pointer)
    char *parent = slash ? lk_xasprintf("%.*s/", (int)(slash - file), file) : lk_xasprintf(".");
    LK_CLEANUP(lk_close_fd) int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    return fd < 0 || fsync(fd) < 0 ? lk_err_sys(err, "syncing %s", parent) : 0;
}

static int copy_and_check(const char *source, const char *partial, struct lk_inspection *out,
                          struct lk_err *err)
{
    struct lk_err first = { 0 };

    if (copy_database(source, partial, err) < 0 ||
        lk_journal_inspect(partial, NULL, out, lk_finding_keep, &first, err) < 0)
        return -1;
    if (out->faults == 0)
        return 0;
    *err = first;
    return lk_err_wrap(err, "%s is damaged and was not backed up, see `lkcoordd fsck`", source);
}

int lk_journal_backup(const char *directory, const char *file, struct lk_inspection *out,
                      struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *source = lk_xasprintf("%s/journal.db", directory);
    LK_CLEANUP(lk_free_pointer) char *partial = lk_xasprintf("%s.partial", file);

    if (access(source, F_OK) < 0)
        return lk_err_sys(err, "looking at %s", source);
    if (access(file, F_OK) == 0)
        return lk_err_set(err, LK_ERR_CONFLICT, "%s is there already: give another name", file);
    /* Ours, of a backup that was cut off. */
    unlink(partial);
    if (copy_and_check(source, partial, out, err) < 0) {
        unlink(partial);
        return -1;
    }
    if (rename(partial, file) < 0)
        return lk_err_sys(err, "naming %s", file);
    return sync_parent(file, err);
}

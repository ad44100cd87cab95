/*
 * backup - a copy of the journal that can be put in its place: all of the state but sources and logs.
 *
 * A restored state is older than what its agents have seen.  So it begins far above every number of the backup:
 * epoch (and with it every fence), pushes, packages.
 */
#ifndef LK_BACKUP_H
#define LK_BACKUP_H

#include "coordinator/store/inspect.h"

#define LK_RESTORE_EPOCHS 1000

/*
 * Of DIRECTORY/journal.db, also while its coordinator runs: the state of one moment.  Whole and on disk, or not
 * there at all; CONFLICT if `file` is there already, or the journal is damaged.
 */
int lk_journal_backup(const char *directory, const char *file, struct lk_inspection *out,
                      struct lk_err *err);

struct lk_restore_options {
    bool replace;      /* what is there goes aside, to journal.db.replaced */
    bool up_to_damage; /* take what is good of a damaged one */
};

/* `epoch`: the one that the restored state has.  A crash leaves the old journal, the new one, or one that says so. */
int lk_journal_restore(const char *file, const char *directory,
                       const struct lk_restore_options *options, struct lk_inspection *out,
                       uint64_t *epoch, struct lk_err *err);

#endif

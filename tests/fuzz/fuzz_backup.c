#include "tests/fuzz/fuzz.h"

#include "coordinator/store/backup.h"
#include "coordinator/store/head.h"
#include "tests/fuzz/scratch.h"

#include <string.h>

static void ignore(void *ctx, const char *finding)
{
    (void)ctx;
    lk_assert(finding[0]);
}

/* Anything or nothing: it is a number of this cluster, or 0. */
static void write_head(const char *directory, struct lk_str text)
{
    LK_CLEANUP(lk_close_fd) int fd = -1;
    uint8_t                     cluster[LK_CLUSTER_BYTES] = { 1 };
    struct lk_err               err;

    scratch_write("state/journal.head", text.data, text.len);
    lk_assert(lk_head_open(&fd, directory, &err) == 0);
    lk_assert(lk_head_read(fd, cluster) <= INT64_MAX);
}

/* What comes of a restore is whole, has what was good, and is above every number of it. */
static void check_restored(const char *directory, const struct lk_inspection *source,
                           uint64_t epoch)
{
    LK_CLEANUP(lk_free_pointer) char *path = lk_xasprintf("%s/journal.db", directory);
    struct lk_inspection              found;
    struct lk_err                     err = { 0 };

    lk_assert(lk_journal_inspect(path, directory, &found, ignore, NULL, &err) == 0);
    lk_assert(found.faults == 0 && found.epoch == epoch && epoch > source->epoch);
    lk_assert(found.last == source->good + 1 && found.written == found.last);
    lk_assert(found.push_id > source->push_id && found.package_id > source->package_id);
}

/* Sixty-four bytes of a journal.head, then a backup: it is looked at and restored, or what is wrong is said. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct lk_restore_options options = { .replace = true, .up_to_damage = true };
    size_t                          head = size < 64 ? size : 64;
    struct lk_inspection            found, source;
    struct lk_err                   err = { 0 };
    uint64_t                        epoch;
    char                            directory[128], backup[128];

    snprintf(directory, sizeof(directory), "%s", scratch_path("state"));
    lk_directory_remove(directory, &err);
    lk_assert(lk_directory_make(directory, 0700, &err) == 0);
    write_head(directory, (struct lk_str) { (const char *)data, head });
    snprintf(backup, sizeof(backup), "%s", scratch_write("backup", data + head, size - head));

    int looked = lk_journal_inspect(backup, directory, &found, ignore, NULL, &err);
    lk_assert(looked == 0 || err.text[0]);
    if (lk_journal_restore(backup, directory, &options, &source, &epoch, &err) == 0)
        check_restored(directory, &source, epoch);
    else
        lk_assert(err.text[0] && access(scratch_path("state/journal.db"), F_OK) < 0);
    return 0;
}

#include "common/source/recovery.h"

#include "common/base/digest.h"
#include "common/os/file.h"

#include <dirent.h>
#include <errno.h>
#include <git2.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MARK         "unsynced"
#define BOOT_ID_FILE "/proc/sys/kernel/random/boot_id"
#define BOOT_ID_MAX  64

/* False: this boot cannot be told from another one. */
static bool read_boot_id(struct lk_buf *out)
{
    struct lk_err ignored;

    return lk_file_read(BOOT_ID_FILE, out, &ignored) == 0 && out->len > 0;
}

/* True if objects may have been lost since they were written. */
static int went_down(const char *mark, bool *down, struct lk_err *err)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf now = LK_BUF_INIT(BOOT_ID_MAX);
    LK_CLEANUP(lk_buf_fini) struct lk_buf then = LK_BUF_INIT(BOOT_ID_MAX);

    *down = false;
    if (lk_file_read(mark, &then, err) < 0)
        return err->kind == LK_ERR_NOT_FOUND ? 0 : -1;
    *down = !read_boot_id(&now) || !lk_str_eq(lk_buf_str(&now), lk_buf_str(&then));
    return 0;
}

/* `name` is what follows the first two digits: 38 more, ".t" or ".b". */
static bool is_whole(const char *path, const char *prefix, const char *name)
{
    char          text[LK_OID_TEXT_SIZE];
    struct lk_oid oid;
    git_oid       found;
    bool          is_tree = lk_str_ends(lk_str_of(name), ".t");

    if (strlen(name) != 40)
        return false;
    snprintf(text, sizeof(text), "%.2s%.38s", prefix, name);
    return lk_oid_parse(lk_str_of(text), &oid) &&
           git_odb_hashfile(&found, path, is_tree ? GIT_OBJECT_TREE : GIT_OBJECT_BLOB) == 0 &&
           memcmp(found.id, oid.sha1, sizeof(oid.sha1)) == 0;
}

static int check_objects(const char *directory, const char *prefix, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *path = lk_xasprintf("%s/%s", directory, prefix);
    DIR                              *objects = opendir(path);
    int                               result = 0;

    if (!objects)
        return lk_err_sys(err, "listing %s", path);
    for (const struct dirent *entry; result == 0 && (entry = readdir(objects));) {
        if (entry->d_name[0] == '.')
            continue;
        LK_CLEANUP(lk_free_pointer) char *object = lk_xasprintf("%s/%s", path, entry->d_name);
        if (!is_whole(object, prefix, entry->d_name) && unlink(object) < 0)
            result = lk_err_sys(err, "removing the broken source object %s", object);
    }
    closedir(objects);
    return result;
}

static int check_all(const char *directory, struct lk_err *err)
{
    DIR *top = opendir(directory);
    int  result = 0;

    if (!top)
        return lk_err_sys(err, "listing %s", directory);
    for (const struct dirent *entry; result == 0 && (entry = readdir(top));)
        if (strlen(entry->d_name) == 2 && entry->d_name[0] != '.')
            result = check_objects(directory, entry->d_name, err);
    closedir(top);
    return result;
}

int lk_recovery_run(const char *directory, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *mark = lk_xasprintf("%s/" MARK, directory);
    bool                              down;

    if (went_down(mark, &down, err) < 0)
        return -1;
    if (down && check_all(directory, err) < 0)
        return lk_err_wrap(err, "checking sources after the machine went down");
    return 0;
}

int lk_recovery_mark(const char *directory, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char     *mark = lk_xasprintf("%s/" MARK, directory);
    LK_CLEANUP(lk_buf_fini) struct lk_buf now = LK_BUF_INIT(BOOT_ID_MAX);

    read_boot_id(&now);
    return lk_file_replace(mark, lk_buf_str(&now), 0600, err);
}

int lk_recovery_clear(const char *directory, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *mark = lk_xasprintf("%s/" MARK, directory);

    if (unlink(mark) < 0 && errno != ENOENT)
        return lk_err_sys(err, "removing %s", mark);
    return 0;
}

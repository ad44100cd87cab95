#include "common/notary/memory.h"

#include "common/os/file.h"

#include <string.h>
#include <unistd.h>

static char *path_of(const char *directory, const char *gun, const char *role)
{
    return lk_xasprintf("%s/tuf/%s/metadata/%s.json", directory, gun, role);
}

int lk_notary_memory_read(const char *directory, const char *gun, const char *role,
                          struct lk_notary_file *out, struct lk_err *err)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf bytes = LK_BUF_INIT(LK_NOTARY_FILE_MAX);
    LK_CLEANUP(lk_free_pointer) char     *path = NULL;

    lk_notary_file_fini(out);
    if (!directory)
        return 0;
    path = path_of(directory, gun, role);
    if (access(path, F_OK) < 0)
        return 0;
    if (lk_file_read(path, &bytes, err) < 0)
        return lk_err_wrap(err, "reading what was seen of %s before", gun);
    if (lk_notary_file_parse(out, role, lk_buf_str(&bytes), err) == 0)
        return 0;
    return lk_err_set(
        err, LK_ERR_INVALID,
        "%s, which says what was seen of %s before, is damaged; remove it to begin "
        "anew with what the trust server shows",
        path, gun);
}

int lk_notary_memory_keep(const char *directory, const char *gun,
                          const struct lk_notary_file *file, struct lk_err *err)
{
    LK_CLEANUP(lk_notary_file_fini) struct lk_notary_file seen = { 0 };
    LK_CLEANUP(lk_free_pointer) char                     *path = NULL;
    LK_CLEANUP(lk_free_pointer) char                     *folder = NULL;

    if (!directory)
        return 0;
    if (lk_notary_memory_read(directory, gun, file->role, &seen, err) < 0)
        return -1;
    if (seen.version >= file->version)
        return 0;
    path = path_of(directory, gun, file->role);
    folder = lk_xasprintf("%.*s", (int)(strrchr(path, '/') - path), path);
    if (lk_directory_make(folder, 0700, err) < 0)
        return -1;
    return lk_file_replace(path, lk_buf_str(&file->bytes), 0600, err);
}

int lk_notary_memory_check(const char *directory, const char *gun,
                           const struct lk_notary_file *seen, const struct lk_notary_file *now,
                           struct lk_err *err)
{
    if (seen->version <= now->version)
        return 0;
    return lk_err_set(
        err, LK_ERR_CONFLICT,
        "the trust server shows version %llu of %s, but version %llu was seen before: old "
        "metadata are played back, or the server lost some.  If it was set up anew, remove "
        "%s/tuf/%s",
        (unsigned long long)now->version, now->role, (unsigned long long)seen->version,
        directory, gun);
}

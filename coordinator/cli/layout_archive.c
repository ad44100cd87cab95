#include "coordinator/cli/layout_archive.h"

#include "common/base/base.h"
#include "common/os/file.h"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE_BYTES (64 * 1024)

static void drop_entry(struct archive_entry **entry)
{
    archive_entry_free(*entry);
}

static int tar_failed(struct archive *tar, struct lk_err *err)
{
    if (archive_errno(tar) > 0) {
        errno = archive_errno(tar);
        return lk_err_sys(err, "writing the archive");
    }
    return lk_err_set(err, LK_ERR_PERMANENT, "writing the archive: %s",
                      archive_error_string(tar));
}

static int add_content(struct archive *tar, int fd, const char *name, uint64_t size,
                       struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *piece = lk_xmalloc(PIECE_BYTES);

    while (size > 0) {
        ssize_t got = read(fd, piece, size < PIECE_BYTES ? (size_t)size : PIECE_BYTES);

        if (got <= 0)
            return lk_err_sys(err, "reading %s", name);
        if (archive_write_data(tar, piece, (size_t)got) != got)
            return tar_failed(tar, err);
        size -= (uint64_t)got;
    }
    return 0;
}

/* Names, sizes and content only: who wrote it and when is nobody's business. */
static int add_file(struct archive *tar, int directory, const char *name, struct lk_err *err)
{
    LK_CLEANUP(drop_entry) struct archive_entry *entry = archive_entry_new();
    LK_CLEANUP(lk_close_fd) int fd = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    struct stat                 st;

    lk_assert(entry);
    if (fd < 0 || fstat(fd, &st) < 0)
        return lk_err_sys(err, "opening %s", name);
    archive_entry_set_pathname(entry, name);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_size(entry, st.st_size);
    archive_entry_set_mtime(entry, 0, 0);
    if (archive_write_header(tar, entry) != ARCHIVE_OK)
        return tar_failed(tar, err);
    return add_content(tar, fd, name, (uint64_t)st.st_size, err);
}

static int add_blobs(struct archive *tar, int directory, struct lk_err *err)
{
    struct dirent **names = NULL;
    int             count = scandirat(directory, "blobs/sha256", &names, NULL, alphasort);
    int             rc = count < 0 ? lk_err_sys(err, "listing the blobs") : 0;

    for (int i = 0; i < count; i++) {
        LK_CLEANUP(lk_free_pointer)
        char *name = lk_xasprintf("blobs/sha256/%s", names[i]->d_name);

        if (rc == 0 && names[i]->d_name[0] != '.')
            rc = add_file(tar, directory, name, err);
        free(names[i]);
    }
    free(names);
    return rc;
}

static int write_archive(const char *directory, int fd, struct lk_err *err)
{
    LK_CLEANUP(lk_close_fd) int from = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct archive             *tar = archive_write_new();
    int                         rc = 0;

    lk_assert(tar);
    if (from < 0)
        rc = lk_err_sys(err, "opening %s", directory);
    else if (archive_write_set_format_pax_restricted(tar) != ARCHIVE_OK ||
             archive_write_open_fd(tar, fd) != ARCHIVE_OK)
        rc = tar_failed(tar, err);
    if (rc == 0)
        rc = add_blobs(tar, from, err);
    if (rc == 0)
        rc = add_file(tar, from, "index.json", err);
    if (rc == 0)
        rc = add_file(tar, from, "oci-layout", err);
    if (rc == 0 && archive_write_close(tar) != ARCHIVE_OK)
        rc = tar_failed(tar, err);
    archive_write_free(tar);
    return rc;
}

int lk_layout_archive(const char *directory, const char *file, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *beside = lk_xasprintf("%s.XXXXXX", file);
    LK_CLEANUP(lk_close_fd) int       fd = mkostemp(beside, O_CLOEXEC);

    if (fd < 0)
        return lk_err_sys(err, "making a file beside %s", file);
    if (write_archive(directory, fd, err) < 0)
        lk_err_wrap(err, "%s", file);
    else if (fchmod(fd, 0644) < 0 || fsync(fd) < 0 || rename(beside, file) < 0)
        lk_err_sys(err, "writing %s", file);
    else
        return 0;
    unlink(beside);
    return -1;
}

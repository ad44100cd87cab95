#include "common/oci/oci.h"

#include "common/base/hex.h"
#include "common/hash/sha256.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Opens a regular file; never follows a link in its last component, never waits for a FIFO. */
static int open_file(const char *path, struct lk_err *err)
{
    LK_CLEANUP(lk_close_fd)
    int         fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat status;

    if (fd < 0 || fstat(fd, &status) < 0)
        return lk_err_sys(err, "opening %s", path);
    if (!S_ISREG(status.st_mode))
        return lk_err_set(err, LK_ERR_INVALID, "opening %s: not a regular file", path);
    int opened = fd;
    fd = -1;
    return opened;
}

static int read_file(const char *path, int fd, struct lk_buf *out, struct lk_err *err)
{
    char piece[16 * 1024];

    for (;;) {
        ssize_t got = read(fd, piece, sizeof(piece));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return lk_err_sys(err, "reading %s", path);
        if (got == 0)
            return 0;
        if (!lk_buf_add(out, piece, (size_t)got))
            return lk_err_set(err, LK_ERR_LIMIT, "reading %s: larger than %zu bytes", path,
                              out->max);
    }
}

static char *blob_path(const char *directory, const struct lk_digest *digest)
{
    char hex[2 * sizeof(digest->sha256) + 1];

    lk_hex_encode(hex, digest->sha256, sizeof(digest->sha256));
    return lk_xasprintf("%s/blobs/sha256/%s", directory, hex);
}

int lk_layout_open_blob(const char *directory, const struct lk_digest *digest,
                        struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *path = blob_path(directory, digest);

    return open_file(path, err);
}

/* Reads a blob whose bytes must be what its descriptor says. */
static int read_blob(const char *directory, const struct lk_descriptor *descriptor,
                     struct lk_buf *out, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *path = blob_path(directory, &descriptor->digest);
    LK_CLEANUP(lk_close_fd) int       fd = open_file(path, err);
    struct lk_digest                  digest;

    lk_buf_clear(out);
    if (fd < 0 || read_file(path, fd, out, err) < 0)
        return -1;
    lk_sha256(lk_buf_text(out), out->len, &digest);
    if (out->len != descriptor->size || !lk_digest_eq(&digest, &descriptor->digest))
        return lk_err_set(err, LK_ERR_CONFLICT,
                          "reading %s: its bytes are not what its name says", path);
    return 0;
}

static int read_index_file(const char *directory, struct lk_index *out, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char     *path = lk_xasprintf("%s/index.json", directory);
    LK_CLEANUP(lk_close_fd) int           fd = open_file(path, err);
    LK_CLEANUP(lk_buf_fini) struct lk_buf bytes = LK_BUF_INIT(LK_MANIFEST_BYTES_MAX);

    if (fd < 0 || read_file(path, fd, &bytes, err) < 0)
        return -1;
    if (lk_index_read(lk_buf_str(&bytes), out, err) < 0)
        return lk_err_wrap(err, "%s", path);
    return 0;
}

/* Builders put provenance beside an image, under an architecture called "unknown". */
static bool is_image(const struct lk_index_entry *entry)
{
    return strcmp(entry->arch.name, "unknown") != 0;
}

static int only_image(const char *directory, const struct lk_index *index,
                      struct lk_descriptor *out, struct lk_err *err)
{
    size_t images = 0;

    for (size_t i = 0; i < index->count; i++)
        if (is_image(&index->entries[i]) && images++ == 0)
            *out = index->entries[i].descriptor;
    if (images != 1)
        return lk_err_set(err, LK_ERR_INVALID,
                          "OCI layout %s: it has %zu images, exactly one was expected",
                          directory, images);
    return 0;
}

int lk_layout_read(const char *directory, struct lk_descriptor *manifest, struct lk_buf *bytes,
                   struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) struct lk_index *index = lk_xmalloc(sizeof(*index));
    struct lk_descriptor                         found;

    if (read_index_file(directory, index, err) < 0 ||
        only_image(directory, index, &found, err) < 0 ||
        read_blob(directory, &found, bytes, err) < 0)
        return -1;
    if (lk_media_type_is_index(found.media_type)) {
        if (lk_index_read(lk_buf_str(bytes), index, err) < 0)
            return lk_err_wrap(err, "OCI layout %s", directory);
        if (only_image(directory, index, &found, err) < 0 ||
            read_blob(directory, &found, bytes, err) < 0)
            return -1;
    }
    if (!lk_media_type_is_image(found.media_type))
        return lk_err_set(err, LK_ERR_INVALID, "OCI layout %s: \"%s\" is no image manifest",
                          directory, found.media_type);
    *manifest = found;
    return 0;
}

#include "common/oci/layer.h"

#include <errno.h>
#include <unistd.h>

#include <archive.h>
#include <archive_entry.h>
#include <sodium.h>

#define PIECE_BYTES (64 * 1024)

static void reader_free(struct archive **reader)
{
    archive_read_free(*reader);
}

static int broken(struct archive *reader, struct lk_err *err)
{
    int kind = archive_errno(reader);

    if (kind == EIO || kind == ENOMEM)
        return lk_err_set(err, LK_ERR_PERMANENT, "unpacking a layer: %s",
                          archive_error_string(reader));
    return lk_err_set(err, LK_ERR_INVALID, "unpacking a layer: it is damaged (%s)",
                      archive_error_string(reader) ? archive_error_string(reader) : "empty");
}

/* Only what layers may be packed with: libarchive's other filters start programs. */
static int open_reader(struct archive *reader, int packed, struct lk_err *err)
{
    struct archive_entry *entry;

    lk_assert(reader);
    if (archive_read_support_filter_gzip(reader) != ARCHIVE_OK ||
        archive_read_support_filter_zstd(reader) != ARCHIVE_OK ||
        archive_read_support_format_raw(reader) != ARCHIVE_OK)
        return lk_err_set(err, LK_ERR_PERMANENT,
                          "this libarchive cannot unpack gzip and zstd without other programs");
    if (lseek(packed, 0, SEEK_SET) < 0)
        return lk_err_sys(err, "reading a layer");
    if (archive_read_open_fd(reader, packed, PIECE_BYTES) != ARCHIVE_OK ||
        archive_read_next_header(reader, &entry) != ARCHIVE_OK)
        return broken(reader, err);
    return 0;
}

static int put(int fd, const char *data, size_t len, uint64_t at, struct lk_err *err)
{
    while (len > 0) {
        ssize_t done = pwrite(fd, data, len, (off_t)at);

        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return lk_err_sys(err, "writing an unpacked layer");
        data += done;
        len -= (size_t)done;
        at += (uint64_t)done;
    }
    return 0;
}

int lk_layer_unpack(struct lk_layer *out, int packed, uint64_t size_max,
                    const atomic_bool *cancel, struct lk_err *err)
{
    LK_CLEANUP(reader_free) struct archive *reader = archive_read_new();
    crypto_hash_sha256_state                hash;
    char                                    piece[PIECE_BYTES];
    la_ssize_t                              len;

    if (open_reader(reader, packed, err) < 0)
        return -1;
    if (ftruncate(out->fd, 0) < 0)
        return lk_err_sys(err, "writing an unpacked layer");
    crypto_hash_sha256_init(&hash);
    out->size = 0;
    while ((len = archive_read_data(reader, piece, sizeof(piece))) > 0) {
        if (cancel && atomic_load(cancel))
            return lk_err_set(err, LK_ERR_RETRY, "cancelled");
        if ((uint64_t)len > size_max - out->size)
            return lk_err_set(
                err, LK_ERR_LIMIT,
                "unpacking a layer: it has more than the %llu bytes that are left",
                (unsigned long long)size_max);
        if (put(out->fd, piece, (size_t)len, out->size, err) < 0)
            return -1;
        crypto_hash_sha256_update(&hash, (const unsigned char *)piece, (size_t)len);
        out->size += (uint64_t)len;
    }
    if (len < 0)
        return broken(reader, err);
    crypto_hash_sha256_final(&hash, out->diff_id.sha256);
    return 0;
}

#include "common/oci/docker_archive.h"

#include "common/base/hex.h"
#include "common/hash/sha256.h"
#include "common/json/writer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <archive.h>
#include <archive_entry.h>

#define MANIFEST_BYTES_MAX (4 * 1024 * 1024)
#define PIECE_BYTES        (64 * 1024)

struct lk_digests {
    size_t            count;
    size_t            room;
    struct lk_digest *items; /* owned */
};

struct lk_docker_archive {
    struct archive   *tar;
    struct lk_buf     manifest;
    struct lk_json    json;
    struct lk_digests layers;
    struct lk_digests images; /* digests of configs */
};

static bool has(const struct lk_digests *digests, const struct lk_digest *wanted)
{
    for (size_t i = 0; i < digests->count; i++)
        if (lk_digest_eq(&digests->items[i], wanted))
            return true;
    return false;
}

/* Each is also named in the manifest, which has a maximum. */
static void add(struct lk_digests *digests, const struct lk_digest *digest)
{
    if (digests->count == digests->room) {
        digests->room = digests->room ? 2 * digests->room : 64;
        digests->items = lk_xrealloc(digests->items, digests->room * sizeof(digests->items[0]));
    }
    digests->items[digests->count++] = *digest;
}

static int tar_failed(const struct lk_docker_archive *archive, struct lk_err *err)
{
    int code = archive_errno(archive->tar);

    if (code > 0) {
        errno = code;
        return lk_err_sys(err, "writing an image archive");
    }
    return lk_err_set(err, LK_ERR_PERMANENT, "writing an image archive: %s",
                      archive_error_string(archive->tar));
}

int lk_docker_archive_open(struct lk_docker_archive **out, int fd, struct lk_err *err)
{
    LK_CLEANUP(lk_docker_archive_free)
    struct lk_docker_archive *archive = lk_xcalloc(1, sizeof(*archive));

    archive->tar = archive_write_new();
    lk_assert(archive->tar);
    archive->manifest = LK_BUF_INIT(MANIFEST_BYTES_MAX);
    archive->json.out = &archive->manifest;
    /* ustar, unless a layer is too large for it. */
    if (archive_write_set_format_pax_restricted(archive->tar) != ARCHIVE_OK ||
        archive_write_open_fd(archive->tar, fd) != ARCHIVE_OK)
        return tar_failed(archive, err);
    lk_json_begin_array(&archive->json);
    *out = LK_TAKE(archive);
    return 0;
}

void lk_docker_archive_free(struct lk_docker_archive **archive)
{
    if (!*archive)
        return;
    archive_write_free((*archive)->tar);
    lk_buf_fini(&(*archive)->manifest);
    free((*archive)->layers.items);
    free((*archive)->images.items);
    free(*archive);
    *archive = NULL;
}

static void entry_free(struct archive_entry **entry)
{
    archive_entry_free(*entry);
}

static int begin_file(struct lk_docker_archive *archive, const char *name, uint64_t size,
                      struct lk_err *err)
{
    LK_CLEANUP(entry_free) struct archive_entry *entry = archive_entry_new();

    lk_assert(entry);
    archive_entry_set_pathname(entry, name);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_mtime(entry, 0, 0);
    archive_entry_set_size(entry, (la_int64_t)size);
    return archive_write_header(archive->tar, entry) == ARCHIVE_OK ? 0
                                                                   : tar_failed(archive, err);
}

static int write_data(struct lk_docker_archive *archive, const void *data, size_t len,
                      struct lk_err *err)
{
    la_ssize_t put = archive_write_data(archive->tar, data, len);

    return put >= 0 && (size_t)put == len ? 0 : tar_failed(archive, err);
}

static int write_text(struct lk_docker_archive *archive, const char *name, struct lk_str text,
                      struct lk_err *err)
{
    if (begin_file(archive, name, text.len, err) < 0)
        return -1;
    return write_data(archive, text.data, text.len, err);
}

static void name_of(const struct lk_digest *digest, const char *suffix, char *out, size_t size)
{
    char hex[2 * sizeof(digest->sha256) + 1];

    lk_hex_encode(hex, digest->sha256, sizeof(digest->sha256));
    snprintf(out, size, "%s.%s", hex, suffix);
}

bool lk_docker_archive_has_layer(const struct lk_docker_archive *archive,
                                 const struct lk_digest         *diff_id)
{
    return has(&archive->layers, diff_id);
}

int lk_docker_archive_add_layer(struct lk_docker_archive *archive, const struct lk_layer *layer,
                                struct lk_err *err)
{
    char     piece[PIECE_BYTES], name[LK_DIGEST_TEXT_SIZE];
    uint64_t at = 0;

    if (has(&archive->layers, &layer->diff_id))
        return 0;
    name_of(&layer->diff_id, "tar", name, sizeof(name));
    if (begin_file(archive, name, layer->size, err) < 0)
        return -1;
    while (at < layer->size) {
        uint64_t left = layer->size - at;
        ssize_t  got = pread(layer->fd, piece,
                            left < sizeof(piece) ? (size_t)left : sizeof(piece), (off_t)at);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return lk_err_sys(err, "reading an unpacked layer");
        if (got == 0)
            return lk_err_set(err, LK_ERR_PERMANENT, "an unpacked layer has become shorter");
        if (write_data(archive, piece, (size_t)got, err) < 0)
            return -1;
        at += (uint64_t)got;
    }
    add(&archive->layers, &layer->diff_id);
    return 0;
}

static int describe(struct lk_docker_archive *archive, const char *config_name,
                    const struct lk_image_rootfs *rootfs, struct lk_err *err)
{
    struct lk_json *json = &archive->json;
    char            name[LK_DIGEST_TEXT_SIZE];

    lk_json_begin_object(json);
    lk_json_key(json, "Config");
    lk_json_text(json, config_name);
    lk_json_key(json, "RepoTags");
    lk_json_null(json);
    lk_json_key(json, "Layers");
    lk_json_begin_array(json);
    for (size_t i = 0; i < rootfs->layer_count; i++) {
        if (!has(&archive->layers, &rootfs->diff_ids[i]))
            return lk_err_set(err, LK_ERR_INVALID,
                              "an image's config names a layer that the image does not have");
        name_of(&rootfs->diff_ids[i], "tar", name, sizeof(name));
        lk_json_text(json, name);
    }
    lk_json_end_array(json);
    lk_json_end_object(json);
    if (lk_buf_ok(&archive->manifest))
        return 0;
    return lk_err_set(err, LK_ERR_LIMIT, "an image archive holds too many layers");
}

int lk_docker_archive_add_image(struct lk_docker_archive *archive, struct lk_str config,
                                struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) struct lk_image_rootfs *rootfs = lk_xmalloc(sizeof(*rootfs));
    struct lk_digest                                    digest;
    char                                                name[LK_DIGEST_TEXT_SIZE];

    lk_sha256(config.data, config.len, &digest);
    if (has(&archive->images, &digest))
        return 0;
    name_of(&digest, "json", name, sizeof(name));
    if (lk_image_rootfs_read(config, rootfs, err) < 0 ||
        describe(archive, name, rootfs, err) < 0 || write_text(archive, name, config, err) < 0)
        return -1;
    add(&archive->images, &digest);
    return 0;
}

int lk_docker_archive_finish(struct lk_docker_archive *archive, struct lk_err *err)
{
    lk_json_end_array(&archive->json);
    if (write_text(archive, "manifest.json", lk_buf_str(&archive->manifest), err) < 0)
        return -1;
    return archive_write_close(archive->tar) == ARCHIVE_OK ? 0 : tar_failed(archive, err);
}

#include "tests/fuzz/fuzz.h"

#include "common/oci/docker_archive.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <archive.h>
#include <archive_entry.h>
#include <sodium.h>

#define UNPACKED_MAX (1 << 20)

static bool is_hex_file(const char *name)
{
    size_t len = strspn(name, "0123456789abcdef");

    return len == 64 && (strcmp(name + len, ".tar") == 0 || strcmp(name + len, ".json") == 0);
}

/* What was written is a tar of three files, the last of which is the list. */
static void check_archive(int fd)
{
    struct archive       *tar = archive_read_new();
    struct archive_entry *entry;
    size_t                count = 0;

    lk_assert(lseek(fd, 0, SEEK_SET) == 0);
    lk_assert(archive_read_support_format_tar(tar) == ARCHIVE_OK);
    lk_assert(archive_read_open_fd(tar, fd, 65536) == ARCHIVE_OK);
    while (archive_read_next_header(tar, &entry) == ARCHIVE_OK) {
        const char *name = archive_entry_pathname(entry);

        lk_assert(is_hex_file(name) || strcmp(name, "manifest.json") == 0);
        lk_assert(archive_entry_mtime(entry) == 0);
        count++;
    }
    lk_assert(count == 3);
    archive_read_free(tar);
}

static int save(const struct lk_layer *layer, struct lk_str config, int fd, struct lk_err *err)
{
    LK_CLEANUP(lk_docker_archive_free) struct lk_docker_archive *archive = NULL;

    lk_assert(lk_docker_archive_open(&archive, fd, err) == 0);
    lk_assert(lk_docker_archive_add_layer(archive, layer, err) == 0);
    lk_assert(lk_docker_archive_has_layer(archive, &layer->diff_id));
    if (lk_docker_archive_add_image(archive, config, err) < 0)
        return -1;
    lk_assert(lk_docker_archive_finish(archive, err) == 0);
    return 0;
}

/* An image's config, a NUL, and its one layer, packed: becomes an archive, or what is wrong with it is said. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    LK_CLEANUP(lk_close_fd) int packed = memfd_create("packed", MFD_CLOEXEC);
    LK_CLEANUP(lk_close_fd) int unpacked = memfd_create("unpacked", MFD_CLOEXEC);
    LK_CLEANUP(lk_close_fd) int saved = memfd_create("saved", MFD_CLOEXEC);
    struct lk_layer             layer = { .fd = unpacked };
    struct lk_str               config, rest;
    struct lk_err               err = { 0 };

    lk_assert(sodium_init() >= 0);
    if (!lk_str_split((struct lk_str) { (const char *)data, size }, '\0', &config, &rest))
        return 0;
    lk_assert(write(packed, rest.data, rest.len) == (ssize_t)rest.len);
    if (lk_layer_unpack(&layer, packed, UNPACKED_MAX, NULL, &err) < 0 ||
        save(&layer, config, saved, &err) < 0)
        lk_assert((err.kind == LK_ERR_INVALID || err.kind == LK_ERR_LIMIT) && err.text[0]);
    else
        check_archive(saved);
    lk_assert(layer.size <= UNPACKED_MAX);
    return 0;
}

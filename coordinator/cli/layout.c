#include "coordinator/cli/layout.h"

#include "common/oci/oci.h"
#include "common/os/file.h"
#include "common/registry/registry.h"
#include "common/registry/shelf.h"
#include "coordinator/cli/local_setup.h"
#include "coordinator/cli/local_state.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#define INDEX_BYTES_MAX (16 * 1024 * 1024)
#define REF_NAME        "org.opencontainers.image.ref.name"

struct layout {
    const char         *directory;
    const char         *shelf;
    struct lk_registry *registry;
    json_t             *entries; /* of index.json */
};

static void json_free(json_t **json)
{
    json_decref(*json);
}

int lk_layout_parse(const char **directory, const char *output, struct lk_err *err)
{
    if (strncmp(output, "oci:", 4) != 0 || output[4] == '\0' || strchr(output + 4, ':'))
        return lk_err_set(err, LK_ERR_INVALID,
                          "--output %s: expected oci:DIR, with no colon in DIR", output);
    *directory = output + 4;
    return 0;
}

static int find_shelf(char **out, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *state = NULL;

    if (lk_local_state_open(&state, err) < 0)
        return -1;
    *out = lk_local_path(state, LK_LOCAL_SHELF);
    lk_shelf_use(*out);
    return 0;
}

static int copy_file(int from, const char *path, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *beside = lk_xasprintf("%s.XXXXXX", path);
    LK_CLEANUP(lk_close_fd) int       fd = mkostemp(beside, O_CLOEXEC);
    ssize_t                           got;

    if (fd < 0)
        return lk_err_sys(err, "making a file beside %s", path);
    while ((got = sendfile(fd, from, NULL, 1 << 30)) > 0 || (got < 0 && errno == EINTR))
        continue;
    if (got < 0 || fchmod(fd, 0644) < 0 || fsync(fd) < 0 || rename(beside, path) < 0) {
        lk_err_sys(err, "writing %s", path);
        unlink(beside);
        return -1;
    }
    return 0;
}

static int copy_blob(const struct layout *layout, const struct lk_digest *digest,
                     struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *from = lk_shelf_blob_path(layout->shelf, digest);
    LK_CLEANUP(lk_free_pointer) char *to = lk_shelf_blob_path(layout->directory, digest);
    LK_CLEANUP(lk_close_fd) int       fd = -1;

    if (access(to, F_OK) == 0)
        return 0;
    fd = open(from, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? lk_err_sys(err, "opening %s", from) : copy_file(fd, to, err);
}

static int copy_image(const struct layout *layout, struct lk_str bytes, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) struct lk_image_manifest *image = lk_xcalloc(1, sizeof(*image));

    if (lk_image_manifest_read(bytes, image, err) < 0 ||
        copy_blob(layout, &image->config.digest, err) < 0)
        return -1;
    for (size_t i = 0; i < image->layer_count; i++)
        if (copy_blob(layout, &image->layers[i].digest, err) < 0)
            return -1;
    return 0;
}

static void name_entry(struct layout *layout, const struct lk_manifest *manifest,
                       const char *name)
{
    char    digest[LK_DIGEST_TEXT_SIZE];
    size_t  i;
    json_t *entry;

    json_array_foreach(layout->entries, i, entry)
    {
        const char *other =
            json_string_value(json_object_get(json_object_get(entry, "annotations"), REF_NAME));

        if (other && strcmp(other, name) == 0) {
            json_array_remove(layout->entries, i);
            break;
        }
    }
    lk_digest_format(&manifest->digest, digest);
    json_array_append_new(layout->entries, json_pack("{s:s, s:s, s:I, s:{s:s}}", "mediaType",
                                                     manifest->media_type, "digest", digest,
                                                     "size", (json_int_t)manifest->bytes.len,
                                                     "annotations", REF_NAME, name));
}

static int copy_signatures(struct layout *layout, const struct lk_digest *digest,
                           struct lk_err *err)
{
    LK_CLEANUP(lk_manifest_fini) struct lk_manifest manifest = { 0 };
    char                                            text[LK_DIGEST_TEXT_SIZE];
    char                                            tag[LK_TAG_SIZE];

    lk_digest_format(digest, text);
    snprintf(tag, sizeof(tag), "sha256-%s.sig", text + strlen("sha256:"));
    if (lk_registry_get_manifest(layout->registry, tag, &manifest, err) < 0)
        return err->kind == LK_ERR_NOT_FOUND ? 0 : -1; /* not signed */
    if (copy_image(layout, lk_buf_str(&manifest.bytes), err) < 0 ||
        copy_blob(layout, &manifest.digest, err) < 0)
        return -1;
    name_entry(layout, &manifest, tag);
    return 0;
}

static int copy_child(struct layout *layout, const struct lk_digest *digest, struct lk_err *err)
{
    LK_CLEANUP(lk_manifest_fini) struct lk_manifest manifest = { 0 };
    char                                            text[LK_DIGEST_TEXT_SIZE];

    lk_digest_format(digest, text);
    if (lk_registry_get_manifest(layout->registry, text, &manifest, err) < 0 ||
        copy_image(layout, lk_buf_str(&manifest.bytes), err) < 0 ||
        copy_blob(layout, digest, err) < 0)
        return -1;
    return copy_signatures(layout, digest, err);
}

static int copy_index(struct layout *layout, const char *tag, struct lk_err *err)
{
    LK_CLEANUP(lk_manifest_fini) struct lk_manifest manifest = { 0 };
    LK_CLEANUP(lk_free_pointer) struct lk_index    *index = lk_xcalloc(1, sizeof(*index));

    if (lk_registry_get_manifest(layout->registry, tag, &manifest, err) < 0 ||
        lk_index_read(lk_buf_str(&manifest.bytes), index, err) < 0)
        return -1;
    for (size_t i = 0; i < index->count; i++)
        if (copy_child(layout, &index->entries[i].descriptor.digest, err) < 0)
            return -1;
    if (copy_blob(layout, &manifest.digest, err) < 0 ||
        copy_signatures(layout, &manifest.digest, err) < 0)
        return -1;
    name_entry(layout, &manifest, tag);
    return 0;
}

/* index.json as it is, or a new one. */
static int read_root(const char *path, json_t **out, struct lk_err *err)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf text = LK_BUF_INIT(INDEX_BYTES_MAX);

    if (access(path, F_OK) < 0 && errno == ENOENT) {
        *out = json_pack("{s:i, s:s, s:[]}", "schemaVersion", 2, "mediaType", LK_OCI_INDEX,
                         "manifests");
        return 0;
    }
    if (lk_file_read(path, &text, err) < 0)
        return -1;
    *out = json_loadb(lk_buf_text(&text), text.len, 0, NULL);
    if (json_is_array(json_object_get(*out, "manifests")))
        return 0;
    return lk_err_set(err, LK_ERR_CONFLICT,
                      "%s is not an OCI layout's index: name a directory of its own", path);
}

static int write_root(const struct layout *layout, const char *path, const json_t *root,
                      struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *mark = lk_local_path(layout->directory, "oci-layout");
    LK_CLEANUP(lk_free_pointer) char *text = json_dumps(root, JSON_COMPACT);

    if (!text)
        return lk_err_set(err, LK_ERR_PERMANENT, "%s cannot be written", path);
    if (lk_file_replace(mark, LK_STR("{\"imageLayoutVersion\":\"1.0.0\"}"), 0644, err) < 0)
        return -1;
    return lk_file_replace(path, lk_str_of(text), 0644, err);
}

/* Two terminals may write into one layout: the second waits.  The lock ends with the descriptor. */
static int lock_layout(const char *directory, int *out, struct lk_err *err)
{
    *out = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*out < 0 || flock(*out, LOCK_EX) < 0)
        return lk_err_sys(err, "locking %s", directory);
    return 0;
}

int lk_layout_write(const char *directory, const char *repository, const char *tag,
                    struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char                 *shelf = NULL;
    LK_CLEANUP(lk_registry_close) struct lk_registry *registry = NULL;
    LK_CLEANUP(json_free) json_t                     *root = NULL;
    LK_CLEANUP(lk_free_pointer) char *blobs = lk_local_path(directory, "blobs/sha256");
    LK_CLEANUP(lk_free_pointer) char *path = lk_local_path(directory, "index.json");
    struct lk_registry_options        options = { .user_agent = "lkcoord/" LK_VERSION };
    struct lk_reference               reference;
    LK_CLEANUP(lk_close_fd) int       lock = -1;

    if (find_shelf(&shelf, err) < 0 ||
        lk_reference_parse(lk_str_of(repository), &reference, err) < 0 ||
        lk_registry_open(&registry, &reference, &options, err) < 0 ||
        lk_directory_make(blobs, 0755, err) < 0 || lock_layout(directory, &lock, err) < 0 ||
        read_root(path, &root, err) < 0)
        return -1;

    struct layout layout = { directory, shelf, registry, json_object_get(root, "manifests") };

    if (copy_index(&layout, tag, err) < 0)
        return lk_err_wrap(err, "writing %s", directory);
    return write_root(&layout, path, root, err);
}

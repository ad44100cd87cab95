#include "coordinator/cli/layout.h"

#include "common/oci/oci.h"
#include "common/os/file.h"
#include "common/registry/docker_config.h"
#include "common/registry/registry.h"
#include "common/registry/shelf.h"
#include "coordinator/cli/layout_archive.h"
#include "coordinator/cli/local_setup.h"
#include "coordinator/cli/local_state.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define INDEX_BYTES_MAX (16 * 1024 * 1024)
#define REF_NAME        "org.opencontainers.image.ref.name"

struct lk_layout {
    struct lk_layout_output output;
    char               *directory; /* of the layout; of an archive: beside it, for the while */
    char               *index;     /* its index.json */
    int                 lock;
    json_t             *root;
    json_t             *entries; /* of root; borrowed */
    struct lk_registry *registry;
};

int lk_layout_parse(struct lk_layout_output *out, const char *text, struct lk_err *err)
{
    const char *path = strchr(text, ':');

    out->is_archive = strncmp(text, "oci-archive:", strlen("oci-archive:")) == 0;
    if ((!out->is_archive && strncmp(text, "oci:", strlen("oci:")) != 0) || path[1] == '\0' ||
        strchr(path + 1, ':'))
        return lk_err_set(
            err, LK_ERR_INVALID,
            "--output %s: expected oci:DIR or oci-archive:FILE, with no colon in the path",
            text);
    out->path = path + 1;
    return 0;
}

static int fill_blob(const struct lk_layout *layout, const struct lk_descriptor *blob, int fd,
                     const char *beside, const char *path, struct lk_err *err)
{
    if (lk_registry_fetch_blob(layout->registry, &blob->digest, blob->size, fd, err) < 0)
        return -1;
    if (fchmod(fd, 0644) < 0 || fsync(fd) < 0 || rename(beside, path) < 0)
        return lk_err_sys(err, "writing %s", path);
    return 0;
}

static int copy_blob(const struct lk_layout *layout, const struct lk_descriptor *blob,
                     struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer)
    char *path = lk_shelf_blob_path(layout->directory, &blob->digest);
    LK_CLEANUP(lk_free_pointer) char *beside = lk_xasprintf("%s.XXXXXX", path);
    LK_CLEANUP(lk_close_fd) int       fd = -1;
    struct stat                       st;

    /* What others left there may be less than its name says. */
    if (stat(path, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size == blob->size)
        return 0;
    fd = mkostemp(beside, O_CLOEXEC);
    if (fd < 0)
        return lk_err_sys(err, "making a file beside %s", path);
    if (fill_blob(layout, blob, fd, beside, path, err) == 0)
        return 0;
    unlink(beside);
    return -1;
}

/* A manifest is in memory already. */
static int keep_manifest(const struct lk_layout *layout, const struct lk_manifest *manifest,
                         struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer)
    char *path = lk_shelf_blob_path(layout->directory, &manifest->digest);

    return lk_file_replace(path, lk_buf_str(&manifest->bytes), 0644, err);
}

static int copy_image(const struct lk_layout *layout, const struct lk_manifest *manifest,
                      struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) struct lk_image_manifest *image = lk_xcalloc(1, sizeof(*image));

    if (lk_image_manifest_read(lk_buf_str(&manifest->bytes), image, err) < 0 ||
        copy_blob(layout, &image->config, err) < 0)
        return -1;
    for (size_t i = 0; i < image->layer_count; i++)
        if (copy_blob(layout, &image->layers[i], err) < 0)
            return -1;
    return keep_manifest(layout, manifest, err);
}

static void name_entry(struct lk_layout *layout, const struct lk_manifest *manifest,
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

static int copy_listed(struct lk_layout *layout, const struct lk_manifest *list,
                       struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) struct lk_index *index = lk_xcalloc(1, sizeof(*index));

    if (lk_index_read(lk_buf_str(&list->bytes), index, err) < 0)
        return -1;
    for (size_t i = 0; i < index->count; i++) {
        LK_CLEANUP(lk_manifest_fini) struct lk_manifest carrier = { 0 };
        char                                            text[LK_DIGEST_TEXT_SIZE];

        lk_digest_format(&index->entries[i].descriptor.digest, text);
        if (lk_registry_get_manifest(layout->registry, text, &carrier, err) < 0 ||
            copy_image(layout, &carrier, err) < 0)
            return -1;
    }
    return keep_manifest(layout, list, err);
}

/* What lies beside a digest under a tag that is made of it. */
static int copy_attached(struct lk_layout *layout, const struct lk_digest *digest,
                         const char *suffix, struct lk_err *err)
{
    LK_CLEANUP(lk_manifest_fini) struct lk_manifest manifest = { 0 };
    char                                            text[LK_DIGEST_TEXT_SIZE];
    char                                            tag[LK_TAG_SIZE];

    lk_digest_format(digest, text);
    snprintf(tag, sizeof(tag), "sha256-%s%s", text + strlen("sha256:"), suffix);
    if (lk_registry_get_manifest(layout->registry, tag, &manifest, err) < 0)
        return err->kind == LK_ERR_NOT_FOUND ? 0 : -1; /* not signed */
    if ((lk_media_type_is_index(manifest.media_type) ? copy_listed(layout, &manifest, err)
                                                     : copy_image(layout, &manifest, err)) < 0)
        return -1;
    name_entry(layout, &manifest, tag);
    return 0;
}

static int copy_signatures(struct lk_layout *layout, const struct lk_digest *digest,
                           struct lk_err *err)
{
    return copy_attached(layout, digest, ".sig", err) < 0
               ? -1
               : copy_attached(layout, digest, "", err);
}

static int copy_child(struct lk_layout *layout, const struct lk_digest *digest,
                      struct lk_err *err)
{
    LK_CLEANUP(lk_manifest_fini) struct lk_manifest manifest = { 0 };
    char                                            text[LK_DIGEST_TEXT_SIZE];

    lk_digest_format(digest, text);
    if (lk_registry_get_manifest(layout->registry, text, &manifest, err) < 0 ||
        copy_image(layout, &manifest, err) < 0)
        return -1;
    return copy_signatures(layout, digest, err);
}

/* By its digest: a tag in a staging registry may have been moved since. */
static int copy_index(struct lk_layout *layout, const char *tag, const struct lk_digest *digest,
                      struct lk_err *err)
{
    char                                            text[LK_DIGEST_TEXT_SIZE];
    LK_CLEANUP(lk_manifest_fini) struct lk_manifest manifest = { 0 };
    LK_CLEANUP(lk_free_pointer) struct lk_index    *index = lk_xcalloc(1, sizeof(*index));

    lk_digest_format(digest, text);
    if (lk_registry_get_manifest(layout->registry, text, &manifest, err) < 0 ||
        lk_index_read(lk_buf_str(&manifest.bytes), index, err) < 0)
        return -1;
    for (size_t i = 0; i < index->count; i++)
        if (copy_child(layout, &index->entries[i].descriptor.digest, err) < 0)
            return -1;
    if (keep_manifest(layout, &manifest, err) < 0 ||
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

static int write_root(const struct lk_layout *layout, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *mark = lk_local_path(layout->directory, "oci-layout");
    LK_CLEANUP(lk_free_pointer) char *text = json_dumps(layout->root, JSON_COMPACT);

    if (!text)
        return lk_err_set(err, LK_ERR_PERMANENT, "%s cannot be written", layout->index);
    if (lk_file_replace(mark, LK_STR("{\"imageLayoutVersion\":\"1.0.0\"}"), 0644, err) < 0)
        return -1;
    return lk_file_replace(layout->index, lk_str_of(text), 0644, err);
}

/* Two terminals may write into one layout: the second waits.  The lock ends with the descriptor. */
static int lock_layout(struct lk_layout *layout, struct lk_err *err)
{
    layout->lock = open(layout->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (layout->lock < 0 || flock(layout->lock, LOCK_EX) < 0)
        return lk_err_sys(err, "locking %s", layout->directory);
    return 0;
}

static int make_directory(struct lk_layout *layout, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *blobs = NULL;

    if (!layout->output.is_archive) {
        layout->directory = lk_xstrdup(layout->output.path);
    } else {
        layout->directory = lk_xasprintf("%s.XXXXXX", layout->output.path);
        if (!mkdtemp(layout->directory)) {
            lk_err_sys(err, "making a directory beside %s", layout->output.path);
            lk_free_pointer(&layout->directory);
            return -1;
        }
    }
    layout->index = lk_local_path(layout->directory, "index.json");
    blobs = lk_local_path(layout->directory, "blobs/sha256");
    return lk_directory_make(blobs, 0755, err);
}

int lk_layout_open(struct lk_layout **out, const struct lk_layout_output *output,
                   struct lk_err *err)
{
    LK_CLEANUP(lk_layout_free) struct lk_layout *layout = lk_xcalloc(1, sizeof(*layout));

    layout->output = *output;
    layout->lock = -1;
    if (make_directory(layout, err) < 0 || lock_layout(layout, err) < 0 ||
        read_root(layout->index, &layout->root, err) < 0)
        return -1;
    layout->entries = json_object_get(layout->root, "manifests");
    *out = LK_TAKE(layout);
    return 0;
}

void lk_layout_free(struct lk_layout **layout)
{
    struct lk_layout *old = LK_TAKE(*layout);
    struct lk_err     ignored;

    if (!old)
        return;
    lk_registry_close(&old->registry);
    json_decref(old->root);
    lk_close_fd(&old->lock);
    if (old->output.is_archive && old->directory)
        lk_directory_remove(old->directory, &ignored);
    free(old->directory);
    free(old->index);
    free(old);
}

static int find_shelf(struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *state = NULL;
    LK_CLEANUP(lk_free_pointer) char *shelf = NULL;

    if (lk_local_state_open(&state, err) < 0)
        return -1;
    shelf = lk_local_path(state, LK_LOCAL_SHELF);
    lk_shelf_use(shelf);
    return 0;
}

static void forget(struct lk_registry_options **options)
{
    sodium_memzero(*options, sizeof(**options));
    lk_free_pointer(options);
}

static int open_registry(struct lk_layout *layout, const char *repository, struct lk_err *err)
{
    LK_CLEANUP(forget)
    struct lk_registry_options *options = lk_xcalloc(1, sizeof(*options));
    struct lk_reference         reference;

    if (lk_reference_parse(lk_str_of(repository), &reference, err) < 0)
        return -1;
    options->user_agent = "lkcoord/" LK_VERSION;
    if (strcmp(reference.host, LK_SHELF_HOST) == 0) {
        if (find_shelf(err) < 0)
            return -1;
    } else {
        options->plain_http = lk_host_is_loopback(reference.host);
        if (lk_docker_config_find(&options->credential, &reference, err) < 0)
            return -1;
    }
    lk_registry_close(&layout->registry);
    return lk_registry_open(&layout->registry, &reference, options, err);
}

int lk_layout_add(struct lk_layout *layout, const char *repository, const char *tag,
                  const struct lk_digest *index, struct lk_err *err)
{
    if (open_registry(layout, repository, err) < 0 || copy_index(layout, tag, index, err) < 0)
        return lk_err_wrap(err, "writing %s:%s to %s", repository, tag, layout->output.path);
    return 0;
}

int lk_layout_finish(struct lk_layout *layout, struct lk_err *err)
{
    if (write_root(layout, err) < 0)
        return -1;
    if (!layout->output.is_archive)
        return 0;
    return lk_layout_archive(layout->directory, layout->output.path, err);
}

#include "agent/depends/image.h"

#include "common/registry/docker_config.h"
#include "common/registry/registry.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#define USER_AGENT "lkagentd/" LK_VERSION

static int open_unnamed(const char *directory, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *path = lk_xasprintf("%s/layer.XXXXXX", directory);
    int                               fd = mkostemp(path, O_CLOEXEC);

    if (fd < 0)
        return lk_err_sys(err, "making a file in %s", directory);
    unlink(path);
    return fd;
}

int lk_image_fetcher_init(struct lk_image_fetcher         *out,
                          const struct lk_depends_request *request, struct lk_err *err)
{
    out->request = request;
    out->bytes_left = LK_DEPENDS_BYTES_MAX;
    out->packed = open_unnamed(request->scratch, err);
    out->unpacked = out->packed < 0 ? -1 : open_unnamed(request->scratch, err);
    return out->unpacked < 0 ? -1 : 0;
}

void lk_image_fetcher_fini(struct lk_image_fetcher *fetcher)
{
    lk_close_fd(&fetcher->packed);
    lk_close_fd(&fetcher->unpacked);
}

static bool speaks_plain_http(const struct lk_depends_request *request, const char *host)
{
    if (request->known_host && strcmp(request->known_host, host) == 0)
        return request->known_is_plain;
    return lk_host_is_loopback(host);
}

static int connect_to(struct lk_registry **out, const struct lk_depends_request *request,
                      const struct lk_reference *image, struct lk_err *err)
{
    struct lk_registry_options options = {
        .plain_http = speaks_plain_http(request, image->host),
        .ca_file = request->ca_file,
        .patience_ms = request->patience_ms,
        .cancel = request->cancel,
        .user_agent = USER_AGENT,
    };
    int result = lk_docker_config_find(&options.credential, image, err);

    if (result == 0)
        result = lk_registry_open(out, image, &options, err);
    sodium_memzero(&options.credential, sizeof(options.credential));
    return result;
}

static int is_not_for(const struct lk_index *index, const struct lk_arch *arch,
                      struct lk_err *err)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf list = LK_BUF_INIT(256);

    for (size_t i = 0; i < index->count; i++)
        if (strcmp(index->entries[i].os, "linux") == 0)
            lk_buf_printf(&list, "%s%s", list.len ? ", " : "", index->entries[i].arch.name);
    return lk_err_set(err, LK_ERR_INVALID,
                      "it has no image for linux/%s, which is built here; it has: %s",
                      arch->name, list.len ? lk_buf_text(&list) : "none for linux");
}

static int choose(struct lk_str bytes, const struct lk_arch *arch, struct lk_descriptor *out,
                  struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) struct lk_index *index = lk_xmalloc(sizeof(*index));

    if (lk_index_read(bytes, index, err) < 0)
        return -1;
    for (size_t i = 0; i < index->count; i++) {
        const struct lk_index_entry *entry = &index->entries[i];

        if (strcmp(entry->os, "linux") == 0 && lk_arch_eq(&entry->arch, arch)) {
            *out = entry->descriptor;
            return 0;
        }
    }
    return is_not_for(index, arch, err);
}

/* By digest, which the registry client compares with the bytes. */
static int get_manifest(struct lk_registry *registry, const struct lk_digest *digest,
                        struct lk_manifest *out, struct lk_err *err)
{
    char text[LK_DIGEST_TEXT_SIZE];

    lk_digest_format(digest, text);
    if (lk_registry_get_manifest(registry, text, out, err) == 0)
        return 0;
    if (err->kind == LK_ERR_NOT_FOUND)
        return lk_err_set(err, LK_ERR_INVALID, "its registry has no image %s under that name",
                          text);
    return -1;
}

static int find_image(const struct lk_image_fetcher *fetcher, struct lk_registry *registry,
                      const struct lk_digest *digest, struct lk_image_manifest *out,
                      struct lk_err *err)
{
    LK_CLEANUP(lk_manifest_fini) struct lk_manifest manifest = { 0 };
    LK_CLEANUP(lk_manifest_fini) struct lk_manifest child = { 0 };
    struct lk_descriptor                            chosen;

    if (get_manifest(registry, digest, &manifest, err) < 0)
        return -1;
    if (!lk_media_type_is_index(manifest.media_type))
        return lk_image_manifest_read(lk_buf_str(&manifest.bytes), out, err);
    if (choose(lk_buf_str(&manifest.bytes), fetcher->request->arch, &chosen, err) < 0 ||
        get_manifest(registry, &chosen.digest, &child, err) < 0)
        return -1;
    return lk_image_manifest_read(lk_buf_str(&child.bytes), out, err);
}

static int get_config(const struct lk_image_fetcher *fetcher, struct lk_registry *registry,
                      const struct lk_image_manifest *image, struct lk_buf *out,
                      struct lk_image_rootfs *rootfs, struct lk_err *err)
{
    const struct lk_arch  *arch = fetcher->request->arch;
    struct lk_image_config config;

    if (lk_registry_get_blob(registry, &image->config.digest, out, err) < 0 ||
        lk_image_config_read(lk_buf_str(out), &config, err) < 0 ||
        lk_image_rootfs_read(lk_buf_str(out), rootfs, err) < 0)
        return -1;
    if (strcmp(config.os, "linux") != 0 || !lk_arch_eq(&config.arch, arch))
        return lk_err_set(err, LK_ERR_INVALID,
                          "it is for %s/%s, and linux/%s is built here: name the digest of an "
                          "index that has both",
                          config.os, config.arch.name, arch->name);
    if (rootfs->layer_count != image->layer_count)
        return lk_err_set(err, LK_ERR_INVALID,
                          "its manifest has %zu layers, its config names %zu",
                          image->layer_count, rootfs->layer_count);
    return 0;
}

static int fetch_layer(struct lk_image_fetcher *fetcher, struct lk_registry *registry,
                       const struct lk_descriptor *packed, const struct lk_digest *diff_id,
                       struct lk_docker_archive *archive, struct lk_err *err)
{
    struct lk_layer layer = { .fd = fetcher->unpacked };

    if (lk_docker_archive_has_layer(archive, diff_id))
        return 0;
    if (packed->size > LK_DEPENDS_BYTES_MAX)
        return lk_err_set(err, LK_ERR_LIMIT, "a layer of it has %llu bytes; %llu are allowed",
                          (unsigned long long)packed->size, LK_DEPENDS_BYTES_MAX);
    if (lk_registry_fetch_blob(registry, &packed->digest, packed->size, fetcher->packed, err) <
            0 ||
        lk_layer_unpack(&layer, fetcher->packed, fetcher->bytes_left, fetcher->request->cancel,
                        err) < 0)
        return -1;
    if (!lk_digest_eq(&layer.diff_id, diff_id))
        return lk_err_set(err, LK_ERR_INVALID,
                          "a layer of it does not unpack to what its config says");
    fetcher->bytes_left -= layer.size;
    return lk_docker_archive_add_layer(archive, &layer, err);
}

int lk_image_fetch(struct lk_image_fetcher *fetcher, const struct lk_reference *image,
                   struct lk_docker_archive *archive, struct lk_err *err)
{
    LK_CLEANUP(lk_registry_close) struct lk_registry *registry = NULL;
    LK_CLEANUP(lk_free_pointer)
    struct lk_image_manifest *manifest = lk_xmalloc(sizeof(*manifest));
    LK_CLEANUP(lk_free_pointer) struct lk_image_rootfs *rootfs = lk_xmalloc(sizeof(*rootfs));
    LK_CLEANUP(lk_buf_fini) struct lk_buf config = LK_BUF_INIT(LK_IMAGE_CONFIG_BYTES_MAX);

    if (connect_to(&registry, fetcher->request, image, err) < 0 ||
        find_image(fetcher, registry, &image->digest, manifest, err) < 0 ||
        get_config(fetcher, registry, manifest, &config, rootfs, err) < 0)
        return -1;
    for (size_t i = 0; i < manifest->layer_count; i++)
        if (fetch_layer(fetcher, registry, &manifest->layers[i], &rootfs->diff_ids[i], archive,
                        err) < 0)
            return -1;
    return lk_docker_archive_add_image(archive, lk_buf_str(&config), err);
}

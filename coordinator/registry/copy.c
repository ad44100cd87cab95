#include "coordinator/registry/copy.h"

#include "common/registry/child.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

struct copy {
    struct lk_registry *from;
    struct lk_registry *to;
    const char         *mount_from; /* NULL: another host */
    const char         *directory;
};

static void copy_fini(struct copy *copy)
{
    lk_registry_close(&copy->from);
    lk_registry_close(&copy->to);
}

static void close_fd(const int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static int send_blob(const struct copy *copy, const struct lk_descriptor *blob,
                     struct lk_err *err)
{
    LK_CLEANUP(close_fd) int fd = open(copy->directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    struct lk_upload         order = { .digest = blob->digest, .size = blob->size, .fd = fd };

    if (fd < 0) {
        lk_err_sys(err, "making a file in %s", copy->directory);
        err->kind = LK_ERR_PERMANENT; /* what is not found here is not the image */
        return -1;
    }
    if (lk_registry_fetch_blob(copy->from, &blob->digest, blob->size, fd, err) < 0)
        return -1;
    return lk_registry_upload_blob(copy->to, &order, NULL, err);
}

static int copy_blob(const struct copy *copy, const struct lk_descriptor *blob,
                     struct lk_err *err)
{
    int result = copy->mount_from
                     ? lk_registry_mount_blob(copy->to, &blob->digest, copy->mount_from, err)
                     : lk_registry_has_blob(copy->to, &blob->digest, err);

    if (result == 0 || err->kind != LK_ERR_NOT_FOUND)
        return result;
    return send_blob(copy, blob, err);
}

static int copy_image(const struct copy *copy, const struct lk_descriptor *image,
                      struct lk_err *err)
{
    LK_CLEANUP(lk_manifest_fini) struct lk_manifest manifest = { 0 };
    struct lk_image_manifest                        parts;
    char                                            digest[LK_DIGEST_TEXT_SIZE];

    lk_digest_format(&image->digest, digest);
    if (lk_registry_get_manifest(copy->from, digest, &manifest, err) < 0)
        return -1;
    if (!lk_media_type_is_image(manifest.media_type))
        return lk_err_set(err, LK_ERR_CONFLICT, "%s is no image but \"%s\"", digest,
                          manifest.media_type);
    if (lk_image_manifest_read(lk_buf_str(&manifest.bytes), &parts, err) < 0 ||
        copy_blob(copy, &parts.config, err) < 0)
        return -1;
    for (size_t i = 0; i < parts.layer_count; i++)
        if (!lk_layer_is_elsewhere(&parts.layers[i]) &&
            copy_blob(copy, &parts.layers[i], err) < 0)
            return -1;
    return lk_registry_put_manifest(copy->to, digest, lk_buf_str(&manifest.bytes),
                                    manifest.media_type, err);
}

int lk_copy_image(const struct lk_publisher *from, const struct lk_publisher *to,
                  const struct lk_descriptor *image, const char *directory, struct lk_err *err)
{
    bool one_host = strcmp(from->repository.host, to->repository.host) == 0;
    LK_CLEANUP(copy_fini)
    struct copy copy = { .mount_from = one_host ? from->repository.path : NULL,
                         .directory = directory };

    if (lk_registry_open(&copy.from, &from->repository, &from->options, err) < 0 ||
        lk_registry_open(&copy.to, &to->repository, &to->options, err) < 0 ||
        copy_image(&copy, image, err) < 0)
        return lk_err_wrap(err, "copying from %s", from->repository.repository);
    return 0;
}

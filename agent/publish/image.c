#include "agent/publish/publish.h"

#include "common/hash/sha256.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static int read_all(int fd, struct lk_buf *out, struct lk_err *err)
{
    char piece[16 * 1024];

    for (;;) {
        ssize_t len = read(fd, piece, sizeof(piece));

        if (len < 0 && errno == EINTR)
            continue;
        if (len < 0)
            return lk_err_sys(err, "reading the image's configuration");
        if (len == 0)
            return 0;
        if (!lk_buf_add(out, piece, (size_t)len))
            return lk_err_set(err, LK_ERR_LIMIT,
                              "the image's configuration is larger than %zu bytes", out->max);
    }
}

/* A Dockerfile can name any platform in FROM; what came out must be what was asked for. */
static int check_platform(const char *layout, const struct lk_image *image,
                          const struct lk_arch *arch, struct lk_err *err)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf bytes = LK_BUF_INIT(LK_IMAGE_CONFIG_BYTES_MAX);
    LK_CLEANUP(lk_close_fd)
    int fd = lk_layout_open_blob(layout, &image->contents.config.digest, err);
    struct lk_image_config config;

    if (fd < 0 || read_all(fd, &bytes, err) < 0 ||
        lk_image_config_read(lk_buf_str(&bytes), &config, err) < 0)
        return -1;
    if (strcmp(config.os, "linux") != 0 || !lk_arch_eq(&config.arch, arch))
        return lk_err_set(
            err, LK_ERR_INVALID,
            "the built image says that it is for %s/%s, not for linux/%s: does a FROM "
            "of its Dockerfile name a platform or a single-architecture image?",
            config.os, config.arch.name, arch->name);
    return 0;
}

int lk_image_read(struct lk_image *out, const char *layout, const struct lk_arch *arch,
                  struct lk_err *err)
{
    lk_image_fini(out);
    out->manifest_bytes = LK_BUF_INIT(LK_MANIFEST_BYTES_MAX);
    if (!lk_copy_text(out->layout, sizeof(out->layout), layout))
        return lk_err_set(err, LK_ERR_LIMIT, "the layout's path is too long");
    if (lk_layout_read(layout, &out->manifest, &out->manifest_bytes, err) < 0 ||
        lk_image_manifest_read(lk_buf_str(&out->manifest_bytes), &out->contents, err) < 0 ||
        check_platform(layout, out, arch, err) < 0)
        return lk_err_wrap(err, "reading what was built");
    return 0;
}

static int check_blob(const char *layout, const struct lk_descriptor *blob, struct lk_err *err)
{
    LK_CLEANUP(lk_close_fd) int fd = lk_layout_open_blob(layout, &blob->digest, err);
    struct lk_digest            digest;
    uint64_t                    size;
    char                        name[LK_DIGEST_TEXT_SIZE];

    if (fd < 0 || lk_sha256_fd(fd, &digest, &size, err) < 0)
        return -1;
    lk_digest_format(&blob->digest, name);
    if (size != blob->size || !lk_digest_eq(&digest, &blob->digest))
        return lk_err_set(err, LK_ERR_CONFLICT, "%s of %s has other bytes than its name says",
                          name, layout);
    return 0;
}

int lk_image_check(const struct lk_image *image, struct lk_err *err)
{
    if (check_blob(image->layout, &image->contents.config, err) < 0)
        return -1;
    for (size_t i = 0; i < image->contents.layer_count; i++)
        if (check_blob(image->layout, &image->contents.layers[i], err) < 0)
            return -1;
    return 0;
}

void lk_image_fini(struct lk_image *image)
{
    lk_buf_fini(&image->manifest_bytes);
}

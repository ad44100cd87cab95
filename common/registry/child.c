#include "common/registry/child.h"

#include <inttypes.h>
#include <string.h>

/* A document that cannot be read is not what it should be. */
static int conflict(struct lk_err *err)
{
    err->kind = LK_ERR_CONFLICT;
    return -1;
}

static int check_platform(struct lk_registry *registry, const struct lk_descriptor *config,
                          const char *os, const struct lk_arch *arch, struct lk_err *err)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf bytes = LK_BUF_INIT(LK_IMAGE_CONFIG_BYTES_MAX);
    struct lk_image_config                found;

    if (lk_registry_get_blob(registry, &config->digest, &bytes, err) < 0)
        return lk_err_wrap(err, "reading its image config");
    if (lk_image_config_read(lk_buf_str(&bytes), &found, err) < 0)
        return conflict(err);
    if (bytes.len != config->size)
        return lk_err_set(err, LK_ERR_CONFLICT,
                          "its image config has %zu bytes, its manifest says %" PRIu64,
                          bytes.len, config->size);
    if (strcmp(found.os, os) != 0 || !lk_arch_eq(&found.arch, arch))
        return lk_err_set(err, LK_ERR_CONFLICT,
                          "its image config says %s/%s, it should be %s/%s: it was built for "
                          "another platform",
                          found.os, found.arch.name, os, arch->name);
    return 0;
}

static int read_child(struct lk_registry *registry, const struct lk_descriptor *child,
                      const char *digest, const char *os, const struct lk_arch *arch,
                      struct lk_manifest *manifest, struct lk_image_manifest *image,
                      struct lk_err *err)
{
    if (lk_registry_get_manifest(registry, digest, manifest, err) < 0)
        return -1;
    if (manifest->bytes.len != child->size)
        return lk_err_set(err, LK_ERR_CONFLICT, "it has %zu bytes, %" PRIu64 " were stated",
                          manifest->bytes.len, child->size);
    if (strcmp(manifest->media_type, child->media_type) != 0)
        return lk_err_set(err, LK_ERR_CONFLICT, "its media type is %s, %s was stated",
                          manifest->media_type, child->media_type);
    if (!lk_media_type_is_image(manifest->media_type))
        return lk_err_set(err, LK_ERR_CONFLICT, "its media type %s is not that of an image",
                          manifest->media_type);
    if (lk_image_manifest_read(lk_buf_str(&manifest->bytes), image, err) < 0)
        return conflict(err);
    return check_platform(registry, &image->config, os, arch, err);
}

int lk_child_read(struct lk_registry *registry, const struct lk_descriptor *child,
                  const char *os, const struct lk_arch *arch, struct lk_manifest *manifest,
                  struct lk_image_manifest *image, struct lk_err *err)
{
    char digest[LK_DIGEST_TEXT_SIZE];

    lk_digest_format(&child->digest, digest);
    if (read_child(registry, child, digest, os, arch, manifest, image, err) < 0)
        return lk_err_wrap(err, "checking %.19s, the image for %s", digest, arch->name);
    return 0;
}

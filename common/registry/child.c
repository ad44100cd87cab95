#include "common/registry/child.h"

#include <inttypes.h>
#include <string.h>

/* A document that cannot be read is not what it should be. */
static int conflict(struct lk_err *err)
{
    err->kind = LK_ERR_CONFLICT;
    return -1;
}

int lk_child_read_manifest(struct lk_registry *registry, const struct lk_descriptor *child,
                           struct lk_manifest *manifest, struct lk_image_manifest *image,
                           struct lk_err *err)
{
    char digest[LK_DIGEST_TEXT_SIZE];

    lk_digest_format(&child->digest, digest);
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
    return lk_image_manifest_read(lk_buf_str(&manifest->bytes), image, err) < 0 ? conflict(err)
                                                                                : 0;
}

int lk_child_read_config(struct lk_registry *registry, const struct lk_image_manifest *image,
                         struct lk_image_config *config, struct lk_err *err)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf bytes = LK_BUF_INIT(LK_IMAGE_CONFIG_BYTES_MAX);

    if (lk_registry_get_blob(registry, &image->config.digest, &bytes, err) < 0)
        return lk_err_wrap(err, "reading its image config");
    if (lk_image_config_read(lk_buf_str(&bytes), config, err) < 0)
        return conflict(err);
    return bytes.len == image->config.size
               ? 0
               : lk_err_set(err, LK_ERR_CONFLICT,
                            "its image config has %zu bytes, its manifest says %" PRIu64,
                            bytes.len, image->config.size);
}

int lk_child_check_platform(const struct lk_image_config *config, const char *os,
                            const struct lk_arch *arch, struct lk_err *err)
{
    if (strcmp(config->os, os) == 0 && lk_arch_eq(&config->arch, arch))
        return 0;
    return lk_err_set(err, LK_ERR_CONFLICT,
                      "its image config says %s/%s, it should be %s/%s: it was built for "
                      "another platform",
                      config->os, config->arch.name, os, arch->name);
}

bool lk_layer_is_elsewhere(const struct lk_descriptor *layer)
{
    return strstr(layer->media_type, "foreign") ||
           strstr(layer->media_type, "nondistributable");
}

int lk_child_check_layers(struct lk_registry *registry, const struct lk_image_manifest *image,
                          struct lk_err *err)
{
    char digest[LK_DIGEST_TEXT_SIZE];

    for (size_t i = 0; i < image->layer_count; i++) {
        const struct lk_descriptor *layer = &image->layers[i];
        if (lk_layer_is_elsewhere(layer) ||
            lk_registry_has_blob(registry, &layer->digest, err) == 0)
            continue;
        lk_digest_format(&layer->digest, digest);
        if (err->kind == LK_ERR_NOT_FOUND)
            return lk_err_set(err, LK_ERR_CONFLICT, "its layer %s is not in the registry",
                              digest);
        return lk_err_wrap(err, "looking for its layer %s", digest);
    }
    return 0;
}

int lk_child_read(struct lk_registry *registry, const struct lk_descriptor *child,
                  const char *os, const struct lk_arch *arch, struct lk_manifest *manifest,
                  struct lk_image_manifest *image, struct lk_err *err)
{
    struct lk_image_config config;
    char                   digest[LK_DIGEST_TEXT_SIZE];

    if (lk_child_read_manifest(registry, child, manifest, image, err) == 0 &&
        lk_child_read_config(registry, image, &config, err) == 0 &&
        lk_child_check_platform(&config, os, arch, err) == 0)
        return 0;
    lk_digest_format(&child->digest, digest);
    return lk_err_wrap(err, "checking %.19s, the image for %s", digest, arch->name);
}

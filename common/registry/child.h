/*
 * child - re-reads one image of an index by its digest and checks that it is what the entry says.
 *
 * Nothing that somebody told us is believed: size and media type are compared with the bytes, os and
 * architecture with the image's own config.  Everywhere CONFLICT says that it is something else, NOT_FOUND that the
 * registry does not have it; any other kind, that the registry could not be asked.
 */
#ifndef LK_CHILD_H
#define LK_CHILD_H

#include "common/oci/oci.h"
#include "common/registry/registry.h"

/* Manifest, config and platform.  `manifest` and `image` are filled for the caller, who ends `manifest` also after a failure. */
int lk_child_read(struct lk_registry *registry, const struct lk_descriptor *child,
                  const char *os, const struct lk_arch *arch, struct lk_manifest *manifest,
                  struct lk_image_manifest *image, struct lk_err *err);

/* The same, step by step. */
int lk_child_read_manifest(struct lk_registry *registry, const struct lk_descriptor *child,
                           struct lk_manifest *manifest, struct lk_image_manifest *image,
                           struct lk_err *err);
int lk_child_read_config(struct lk_registry *registry, const struct lk_image_manifest *image,
                         struct lk_image_config *config, struct lk_err *err);
int lk_child_check_platform(const struct lk_image_config *config, const char *os,
                            const struct lk_arch *arch, struct lk_err *err);

/* Layers that a registry may not hold: their manifest says where else they are. */
bool lk_layer_is_elsewhere(const struct lk_descriptor *layer);

/*
 * That the layers are there: CONFLICT if one is not.  Debian's registry refuses a manifest whose blobs it lacks, but
 * the distribution specification does not ask registries to.  One HEAD a layer.
 */
int lk_child_check_layers(struct lk_registry *registry, const struct lk_image_manifest *image,
                          struct lk_err *err);

#endif

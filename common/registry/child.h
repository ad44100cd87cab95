/*
 * child - re-reads one image of an index by its digest and checks that it is what the entry says.
 *
 * Nothing that somebody told us is believed: size and media type are compared with the bytes, os and
 * architecture with the image's own config.
 */
#ifndef LK_CHILD_H
#define LK_CHILD_H

#include "common/oci/oci.h"
#include "common/registry/registry.h"

/*
 * CONFLICT, with what was found, if it is something else; NOT_FOUND if the registry has no such manifest
 * or config.  `manifest` and `image` are filled for the caller, who ends `manifest` also after a failure.
 */
int lk_child_read(struct lk_registry *registry, const struct lk_descriptor *child,
                  const char *os, const struct lk_arch *arch, struct lk_manifest *manifest,
                  struct lk_image_manifest *image, struct lk_err *err);

#endif

/*
 * layout - copies what a private coordinator published on its shelf (common/registry/shelf.h) to an OCI image
 * layout: the index, its images, their signatures, and all their blobs.
 *
 * What the layout has already stays, but for an entry of the same name.  index.json is written last.
 */
#ifndef LK_CLI_LAYOUT_H
#define LK_CLI_LAYOUT_H

#include "common/base/err.h"

/* Reads "oci:DIR".  Borrowed; INVALID if it is anything else, or nothing that skopeo could read back. */
int lk_layout_parse(const char **directory, const char *output, struct lk_err *err);

/* `repository` with its host, as it was pushed. */
int lk_layout_write(const char *directory, const char *repository, const char *tag,
                    struct lk_err *err);

#endif

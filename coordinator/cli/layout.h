/*
 * layout - copies what was published to an OCI image layout, a directory or an archive of one: the index, its
 * images, their signatures, and all their blobs.
 *
 * From a registry, with the user's own logins, or from a private coordinator's shelf (common/registry/shelf.h).
 * What a directory has already stays, but for an entry of the same name; index.json is written last.  An archive is
 * written anew, under its name only once it is whole; the same content gives the same bytes.
 */
#ifndef LK_CLI_LAYOUT_H
#define LK_CLI_LAYOUT_H

#include "common/base/digest.h"
#include "common/base/err.h"
#include "common/base/limits.h"

struct lk_layout_output {
    bool        is_archive;
    const char *path; /* borrowed; NULL: none is asked for */
};

struct lk_layout;

/* Reads "oci:DIR" or "oci-archive:FILE".  INVALID if it is anything else, or nothing that skopeo could read back. */
int lk_layout_parse(struct lk_layout_output *out, const char *text, struct lk_err *err);

/* Waits until no other process writes there. */
int lk_layout_open(struct lk_layout **out, const struct lk_layout_output *output,
                   struct lk_err *err);

/* `repository` with its host, and `index`, as they were pushed; `tag` is what it is called. */
int lk_layout_add(struct lk_layout *layout, const char *repository, const char *tag,
                  const struct lk_digest *index, struct lk_err *err);

/* Nothing counts before this. */
int lk_layout_finish(struct lk_layout *layout, struct lk_err *err);

void lk_layout_free(struct lk_layout **layout);

#endif

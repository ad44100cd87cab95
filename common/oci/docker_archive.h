/*
 * docker_archive - writes images as `docker image save` does: what `docker load` and skopeo's docker-archive:
 * read.
 *
 *   manifest.json   [{"Config":"HEX.json","RepoTags":null,"Layers":["HEX.tar",...]},...]
 *   HEX.json        an image's config, by its digest: the image keeps its id
 *   HEX.tar         a layer, unpacked, by its diff_id; once, however many images have it
 *
 * No name goes into it (RepoTags): neither does docker write one for what was pulled by digest.  The same images
 * give the same bytes.  Bounded memory; one thread at a time.
 */
#ifndef LK_DOCKER_ARCHIVE_H
#define LK_DOCKER_ARCHIVE_H

#include "common/oci/layer.h"
#include "common/oci/oci.h"

struct lk_docker_archive;

/* Writes to `fd` (borrowed) from where it stands. */
int lk_docker_archive_open(struct lk_docker_archive **out, int fd, struct lk_err *err);

/* Nothing more is written: without lk_docker_archive_finish() the file is no archive. */
void lk_docker_archive_free(struct lk_docker_archive **archive);

bool lk_docker_archive_has_layer(const struct lk_docker_archive *archive,
                                 const struct lk_digest         *diff_id);

/* Does nothing if it has the layer already. */
int lk_docker_archive_add_layer(struct lk_docker_archive *archive, const struct lk_layer *layer,
                                struct lk_err *err);

/* The image of this config, whose layers must be in already.  An image that is there is not added again. */
int lk_docker_archive_add_image(struct lk_docker_archive *archive, struct lk_str config,
                                struct lk_err *err);

int lk_docker_archive_finish(struct lk_docker_archive *archive, struct lk_err *err);

#endif

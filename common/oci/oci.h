/*
 * oci - reads and writes the documents of an image: index (or Docker manifest list), image manifest,
 * image config, OCI layout.
 *
 * Reading is tolerant of unknown fields and strict about known ones (size, digest, media type).  What we
 * write is deterministic: entries in the order of lk_arch_compare, fields in a fixed order, no time
 * stamps, so that the same input has the same digest.  Foreign manifests stay bytes.
 */
#ifndef LK_OCI_H
#define LK_OCI_H

#include "common/base/arch.h"
#include "common/base/buf.h"
#include "common/base/digest.h"
#include "common/base/err.h"
#include "common/base/limits.h"

#define LK_OCI_INDEX       "application/vnd.oci.image.index.v1+json"
#define LK_OCI_MANIFEST    "application/vnd.oci.image.manifest.v1+json"
#define LK_OCI_CONFIG      "application/vnd.oci.image.config.v1+json"
#define LK_DOCKER_LIST     "application/vnd.docker.distribution.manifest.list.v2+json"
#define LK_DOCKER_MANIFEST "application/vnd.docker.distribution.manifest.v2+json"

struct lk_descriptor {
    char             media_type[LK_MEDIA_TYPE_SIZE];
    struct lk_digest digest;
    uint64_t         size;
};

/* One entry of an index.  `arch` is "" for entries without a platform we can name (attestations are "unknown"). */
struct lk_index_entry {
    struct lk_descriptor descriptor;
    struct lk_arch       arch;
    char                 os[32];
    char                 variant[16];
};

struct lk_index {
    bool                  docker; /* a Docker manifest list rather than an OCI index */
    size_t                count;
    struct lk_index_entry entries[LK_INDEX_ENTRIES_MAX];
};

struct lk_image_manifest {
    bool                 docker;
    struct lk_descriptor config;
    size_t               layer_count;
    struct lk_descriptor layers[LK_IMAGE_LAYERS_MAX];
};

struct lk_image_config {
    struct lk_arch arch;
    char           os[32];
    char           variant[16];
};

/* The layers that a config is for, unpacked. */
struct lk_image_rootfs {
    size_t           layer_count;
    struct lk_digest diff_ids[LK_IMAGE_LAYERS_MAX];
};

bool lk_media_type_is_index(const char *media_type);
bool lk_media_type_is_image(const char *media_type);

int lk_index_read(struct lk_str bytes, struct lk_index *out, struct lk_err *err);
int lk_image_manifest_read(struct lk_str bytes, struct lk_image_manifest *out,
                           struct lk_err *err);
int lk_image_config_read(struct lk_str bytes, struct lk_image_config *out, struct lk_err *err);
int lk_image_rootfs_read(struct lk_str bytes, struct lk_image_rootfs *out, struct lk_err *err);

/* Sorts a copy of the entries and writes the index; all children OCI: an OCI index, all Docker: a list, mixed: OCI. */
int lk_index_write(const struct lk_index *index, struct lk_buf *out, struct lk_err *err);

/* Finds the one manifest of an OCI layout directory (index.json with exactly one image) and reads its bytes. */
int lk_layout_read(const char *directory, struct lk_descriptor *manifest, struct lk_buf *bytes,
                   struct lk_err *err);

/* Opens a blob of the layout; the fd is the caller's. */
int lk_layout_open_blob(const char *directory, const struct lk_digest *digest,
                        struct lk_err *err);

#endif

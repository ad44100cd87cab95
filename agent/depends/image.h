/* image - fetches one image by digest from its registry into an archive.  Used only in agent/depends. */
#ifndef LK_AGENT_DEPENDS_IMAGE_H
#define LK_AGENT_DEPENDS_IMAGE_H

#include "agent/depends/depends.h"
#include "common/oci/docker_archive.h"
#include "common/registry/reference.h"

struct lk_image_fetcher {
    const struct lk_depends_request *request; /* borrowed */
    int                              packed;  /* files without a name */
    int                              unpacked;
    uint64_t                         bytes_left; /* of unpacked layers, over all images */
};

#define LK_IMAGE_FETCHER_NONE ((struct lk_image_fetcher) { .packed = -1, .unpacked = -1 })

int  lk_image_fetcher_init(struct lk_image_fetcher         *out,
                           const struct lk_depends_request *request, struct lk_err *err);
void lk_image_fetcher_fini(struct lk_image_fetcher *fetcher);

int lk_image_fetch(struct lk_image_fetcher *fetcher, const struct lk_reference *image,
                   struct lk_docker_archive *archive, struct lk_err *err);

#endif

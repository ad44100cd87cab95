/*
 * publish - brings one built image to the registry: every blob (staging, several at once), and later, when
 * the permit is there, its manifest by digest.  Writes no tag.
 *
 * The work is straight-line blocking code on worker threads; what it is given is copied, so that the loop
 * shares nothing with it but a cancel flag and counters.  Loop thread only.
 */
#ifndef LK_AGENT_PUBLISH_H
#define LK_AGENT_PUBLISH_H

#include "agent/publish/places.h"
#include "common/oci/oci.h"
#include "common/os/workers.h"
#include "common/registry/registry.h"

#include <limits.h>

/* What there is to bring, read from the layout. */
struct lk_image {
    char                     layout[PATH_MAX];
    struct lk_descriptor     manifest;
    struct lk_buf            manifest_bytes; /* max LK_MANIFEST_BYTES_MAX */
    struct lk_image_manifest contents;
};

/* Reads and checks the layout: one image, for linux on `arch`.  Blocks (a worker's job). */
int  lk_image_read(struct lk_image *out, const char *layout, const struct lk_arch *arch,
                   struct lk_err *err);
void lk_image_fini(struct lk_image *image);

/* Reads every blob: each is there, with the bytes that its name says.  Blocks. */
int lk_image_check(const struct lk_image *image, struct lk_err *err);

struct lk_publish;

struct lk_publish_conf {
    struct lk_workers     *workers; /* borrowed */
    struct lk_places      *places;  /* borrowed */
    const struct lk_image *image;   /* borrowed; outlives it */
    struct lk_reference    repository;
    bool                   plain_http;
    const char            *ca_file; /* NULL: the system's */
};

struct lk_publish_listener {
    /* What was started ended; err: NULL when all is well. */
    void (*uploaded)(void *ctx, const struct lk_err *err);
    void (*put)(void *ctx, const struct lk_err *err);
    void *ctx;
};

struct lk_publish *lk_publish_new(const struct lk_publish_conf     *conf,
                                  const struct lk_publish_listener *listener);

/* Only when nothing runs. */
void lk_publish_free(struct lk_publish **publish);

/* One of them at a time. */
void lk_publish_upload(struct lk_publish *publish, const struct lk_credential *ticket);
void lk_publish_put(struct lk_publish *publish, const struct lk_credential *ticket);

/* What runs ends within about a second, and says so as usual. */
void lk_publish_cancel(struct lk_publish *publish);

bool lk_publish_is_busy(const struct lk_publish *publish);
void lk_publish_progress(const struct lk_publish *publish, uint64_t *done, uint64_t *total);

#endif

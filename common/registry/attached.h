/* attached - for signatures.c and attach.c only: what is in the manifest `sha256-<hex>.sig` of a digest. */
#ifndef LK_ATTACHED_H
#define LK_ATTACHED_H

#include "common/registry/registry.h"

#include <jansson.h>
#include <sodium.h>

#define LK_ATTACHED_MEDIA_TYPE  "application/vnd.dev.cosign.simplesigning.v1+json"
#define LK_ATTACHED_ANNOTATION  "dev.cosignproject.cosign/signature"
#define LK_ATTACHED_PAYLOAD_MAX (64 * 1024)
#define LK_ATTACHED_LAYERS_MAX \
    128 /* signatures on one manifest; each unknown one costs a request */

/* One attached signature of a kind that we can check. */
struct lk_attached_layer {
    struct lk_digest payload;
    uint8_t          signature[crypto_sign_BYTES];
};

/* The tag that signatures of `digest` have. */
void lk_attached_tag(const struct lk_digest *digest, char out[LK_TAG_SIZE]);

/* What is attached to `digest`: `*root` is NULL if there is nothing, or nothing that is JSON. */
int lk_attached_read(struct lk_registry *registry, const struct lk_digest *digest,
                     json_t **root, bool *exists, struct lk_err *err);

/* False if the layer is something else. */
bool lk_attached_layer_read(json_t *json, struct lk_attached_layer *out);

/* For LK_CLEANUP. */
void lk_attached_free(json_t **root);

#endif

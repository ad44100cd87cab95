/* attached - for common/registry only: how signatures of both forms lie in a registry, read and written. */
#ifndef LK_ATTACHED_H
#define LK_ATTACHED_H

#include "common/oci/oci.h"
#include "common/registry/signatures.h"

#include <jansson.h>

#define LK_ATTACHED_MEDIA_TYPE   "application/vnd.dev.cosign.simplesigning.v1+json"
#define LK_ATTACHED_ANNOTATION   "dev.cosignproject.cosign/signature"
#define LK_ATTACHED_PAYLOAD_TYPE "cosign container image signature"
#define LK_ATTACHED_PAYLOAD_MAX  (64 * 1024)
#define LK_ATTACHED_LAYERS_MAX \
    128 /* signatures on one manifest; each unknown one costs a request */

#define LK_BUNDLE_MEDIA_TYPE    "application/vnd.dev.sigstore.bundle.v0.3+json"
#define LK_BUNDLE_MAX           (64 * 1024)
#define LK_STATEMENT_MEDIA_TYPE "application/vnd.in-toto+json"
#define LK_STATEMENT_TYPE       "https://in-toto.io/Statement/v1"
#define LK_PREDICATE_TYPE       "https://sigstore.dev/cosign/sign/v1"
#define LK_PREDICATE_ANNOTATION "dev.sigstore.bundle.predicateType"

/* One attached signature of a kind that we can check. */
struct lk_attached_layer {
    struct lk_digest    payload;
    struct lk_signature signature;
};

/* What is signed for a subject, as it lies in a registry. */
struct lk_bundle {
    struct lk_buf        bytes;
    struct lk_digest     digest;
    struct lk_buf        carrier; /* the manifest that refers to the subject */
    struct lk_descriptor descriptor;
};

/* The tag that signatures of `digest` have, and the one that stands for the referrers API. */
void lk_attached_tag(const struct lk_digest *digest, char out[LK_TAG_SIZE]);
void lk_referrers_tag(const struct lk_digest *digest, char out[LK_TAG_SIZE]);

/* What the tag names: `*root` is NULL if there is nothing, or nothing that is JSON. */
int lk_attached_read(struct lk_registry *registry, const char *tag, json_t **root, bool *exists,
                     struct lk_err *err);

/* False if the layer is something else. */
bool lk_attached_layer_read(json_t *json, struct lk_attached_layer *out);

/* Base64; false: malformed or too large. */
bool lk_signature_read(const char *base64, struct lk_signature *out);

/* For LK_CLEANUP. */
void lk_attached_free(json_t **root);

/* The bundle of the key with this number. */
int  lk_bundle_make(struct lk_bundle *out, const struct lk_descriptor *subject,
                    const struct lk_signatures *signatures, size_t key, struct lk_err *err);
void lk_bundle_fini(struct lk_bundle *bundle);

/* True if these bytes are a bundle with a signature as wanted.  `every`: of every reference, not of one. */
bool lk_bundle_is_wanted(struct lk_str bytes, const struct lk_signature_wanted *wanted,
                         bool every);

/*
 * What refers to `digest`: an array of descriptors in `*list`, never NULL.  `*by_api` going in: it may be that the
 * registry keeps the list itself; coming out: it does; else the list is what the tag named, whose document is `*root` (NULL: there is none).
 */
int lk_referrers_read(struct lk_registry *registry, const struct lk_digest *digest,
                      json_t **list, json_t **root, bool *by_api, struct lk_err *err);

/* True in `*found` if one of the listed is a bundle as wanted. */
int lk_referrers_check(struct lk_registry *registry, json_t *list,
                       const struct lk_signature_wanted *wanted, bool every, bool *found,
                       struct lk_err *err);

bool lk_referrers_have(json_t *list, const struct lk_digest *carrier);

/* True if one of the listed says that it is a signature. */
bool lk_referrers_have_signature(json_t *list);

#endif

/*
 * signatures - the sigstore "legacy" form in a registry: manifest `sha256-<hex>.sig` beside what it signs,
 * one layer a name (simple signing payload, detached signature in an annotation).
 *
 * Reading and checking is here, for coordinator and `lkcoord verify`; making signatures needs a signer and
 * is the coordinator's (coordinator/sign).  Format facts: cosign's SIGNATURE_SPEC, checked against cosign
 * 2.5/3.1, skopeo and podman.
 */
#ifndef LK_SIGNATURES_H
#define LK_SIGNATURES_H

#include "common/base/digest.h"
#include "common/keyfile/public_key.h"
#include "common/registry/registry.h"

/* The payload bytes that are signed for `digest` published as `reference` ("host/path:tag"). */
int lk_signature_payload(struct lk_buf *out, const char *reference,
                         const struct lk_digest *digest);

/*
 * True in `*found` if one of the signatures attached to `digest` is by one of `keys` over exactly this
 * digest and under one of `references` (reference_count 0: under any name).  False without error if there
 * is none; an error only if the registry could not be asked.
 */
int lk_signature_check(struct lk_registry *registry, const struct lk_digest *digest,
                       const char *const *references, size_t              reference_count,
                       const uint8_t (*keys)[LK_PUBLIC_KEY_BYTES], size_t key_count,
                       bool *found, struct lk_err *err);

/* One signature to attach. */
struct lk_signature {
    const char *reference;
    uint8_t     bytes[64]; /* Ed25519, over lk_signature_payload(reference, digest) */
};

/*
 * Adds signatures to what is attached to `digest` and reads them back: foreign layers are kept, one that is
 * there already is not written again (then nothing is written at all).
 */
int lk_signature_attach(struct lk_registry *registry, const struct lk_digest *digest,
                        const struct lk_signature *signatures, size_t count,
                        struct lk_err *err);

#endif

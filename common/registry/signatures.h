/*
 * signatures - sigstore's two forms of a signature in a registry, as everybody's verifiers read them.
 *
 * "Legacy": the manifest `sha256-<hex>.sig` beside what it signs, one layer a name and key (a simple signing payload,
 * its detached signature in an annotation).  "Bundle": an in-toto statement in a DSSE envelope in a sigstore bundle
 * v0.3, in a manifest of its own that refers to what it signs.  Both say digest and names; the statement's subject has
 * them all.  So a signature tells as what its digest was published, and is of no use under another name.
 *
 * Reading and checking is here, for coordinator and `lkcoord verify`; attaching is attach.h; making signatures needs
 * a signer and is the coordinator's (coordinator/sign).  Format facts: cosign's SIGNATURE_SPEC and BUNDLE_SPEC, checked
 * against cosign 2.5/3.1, skopeo, podman and @sigstore/verify.
 */
#ifndef LK_SIGNATURES_H
#define LK_SIGNATURES_H

#include "common/base/digest.h"
#include "common/keyfile/public_key.h"
#include "common/registry/registry.h"

#define LK_SIGNED_NAMES_MAX 4
#define LK_SIGNING_KEYS_MAX 2 /* two while one replaces the other */
#define LK_PAYLOAD_MAX      4096

/* All that a signer says of one digest. */
struct lk_signatures {
    struct lk_digest     digest;
    size_t               name_count;
    char                 names[LK_SIGNED_NAMES_MAX][LK_REFERENCE_SIZE]; /* "host/path:tag" */
    size_t               key_count;
    struct lk_public_key keys[LK_SIGNING_KEYS_MAX];
    struct lk_signature  payload[LK_SIGNED_NAMES_MAX][LK_SIGNING_KEYS_MAX];
    struct lk_signature  statement[LK_SIGNING_KEYS_MAX]; /* over lk_signature_envelope */
};

/* The payload bytes that are signed for `digest` published as `reference`. */
int lk_signature_payload(struct lk_buf *out, const char *reference,
                         const struct lk_digest *digest);

/* The statement that `digest` was published under these names. */
int lk_signature_statement(struct lk_buf *out, const struct lk_signatures *of);

/* The bytes that are signed for a statement (DSSE's pre-authentication encoding). */
int lk_signature_envelope(struct lk_buf *out, struct lk_str statement);

/* What a check accepts. */
struct lk_signature_wanted {
    const struct lk_digest     *digest;
    const char *const          *references; /* one of them; none: any name */
    size_t                      reference_count;
    const struct lk_public_key *keys; /* one of them */
    size_t                      key_count;
};

/*
 * True in `*found` if what is attached to the digest, in either form, has a signature by one of the keys over exactly
 * this digest and under one of the references.  False without error if there is none; an error only if the
 * registry could not be asked.
 */
int lk_signature_check(struct lk_registry *registry, const struct lk_signature_wanted *wanted,
                       bool *found, struct lk_err *err);

/* The same for whoever wants to know more than yes or no. */
struct lk_signature_survey {
    bool legacy; /* has one as wanted */
    bool bundle;
    bool others; /* has neither, but is signed: by another key or under another name */
};

int lk_signature_survey(struct lk_registry *registry, const struct lk_signature_wanted *wanted,
                        struct lk_signature_survey *out, struct lk_err *err);

#endif

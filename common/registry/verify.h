/*
 * verify - is what a reference names complete, unchanged and signed?  The logic of `lkcoord verify`.
 *
 * Checked: the reference resolves to an index; the index is signed by one of the keys under this
 * reference; each image in it is re-read by digest and has the stated size, media type, os and
 * architecture, and is signed by one of the keys as TAG-ARCH of that architecture; every required
 * architecture is there, none twice.
 * A reference with a digest and no tag has no name to check: then a signature over the digest counts under
 * any name.
 */
#ifndef LK_VERIFY_H
#define LK_VERIFY_H

#include "common/oci/oci.h"
#include "common/registry/registry.h"
#include "common/registry/signatures.h"

struct lk_verified_child {
    struct lk_index_entry entry;
    bool is_image; /* false: an attestation or the like, covered by the index's signature */
    bool is_right;
    bool is_signed;
    char problem[LK_REASON_SIZE]; /* "" if there is none */
};

struct lk_verification {
    struct lk_descriptor     index;
    bool                     index_is_signed;
    char                     problem[LK_REASON_SIZE]; /* of the whole; "" if there is none */
    size_t                   count;
    struct lk_verified_child children[LK_INDEX_ENTRIES_MAX];
};

struct lk_verify_request {
    struct lk_reference         reference;
    const struct lk_public_key *keys;
    size_t                      key_count;
    const struct lk_arch       *required; /* may be none */
    size_t                      required_count;
};

/*
 * 0: everything is as it should be.  CONFLICT: it is not, `out` says where.  NOT_FOUND: the registry has
 * nothing of that name.  Any other kind: the registry could not be asked.
 */
int lk_verify(struct lk_registry *registry, const struct lk_verify_request *request,
              struct lk_verification *out, struct lk_err *err);

#endif

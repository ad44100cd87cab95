/*
 * verify - is what a reference names complete, unchanged and signed?  The logic of `lkcoord verify` and `lkcoord
 * audit`, and what a push asks before its tag moves.
 *
 * Checked: the reference resolves to an index, which is the one that content trust names (if that was asked) and is signed by one of
 * the keys under this reference; each image in it is re-read by digest and has the stated size, media type, os and
 * architecture, and all its blobs, and is signed by one of the keys as TAG-ARCH of that architecture; every required
 * architecture is there, none twice.  That a layer's bytes are its digest's is for who pulls it.
 * A reference with a digest and no tag has no name to check: then a signature over the digest counts under
 * any name.
 */
#ifndef LK_VERIFY_H
#define LK_VERIFY_H

#include "common/oci/oci.h"
#include "common/registry/crew.h"
#include "common/registry/signatures.h"

/* Of several, the first in this order is the one that is told. */
enum lk_verify_reason {
    LK_VERIFY_FINE,
    LK_VERIFY_NOT_FOUND,
    LK_VERIFY_NOT_AN_INDEX,
    LK_VERIFY_NOT_TRUSTED, /* content trust names another one, or none */
    LK_VERIFY_INDEX_UNSIGNED,
    LK_VERIFY_IMAGE_UNSIGNED,
    LK_VERIFY_ARCH_MISSING,
    LK_VERIFY_CHANGED, /* bytes are not those of their digest, or not what the entry says */
    LK_VERIFY_WRONG_PLATFORM,
    LK_VERIFY_INCOMPLETE, /* a manifest, config or layer is not there */
};

/* "not-found", "image-unsigned", ...: for programs. */
const char *lk_verify_reason_name(enum lk_verify_reason reason);

struct lk_verify_problem {
    enum lk_verify_reason reason;
    char                  text[LK_REASON_SIZE];
};

struct lk_verified_child {
    struct lk_index_entry entry;
    bool is_image; /* false: an attestation or the like, covered by the index's signature */
    bool is_right; /* there, all of it, and as stated */
    bool is_signed;
    struct lk_verify_problem problem;
};

struct lk_verification {
    struct lk_descriptor     index;
    bool                     index_is_signed;
    struct lk_verify_problem problem; /* of the whole */
    enum lk_verify_reason    first;   /* what is told, of the whole or of a child */
    size_t                   count;
    struct lk_verified_child children[LK_INDEX_ENTRIES_MAX];
};

struct lk_verify_request {
    struct lk_reference         reference;
    const struct lk_public_key *keys; /* none: signatures are not asked for */
    size_t                      key_count;
    const struct lk_arch       *required; /* may be none */
    size_t                      required_count;
    const struct lk_digest     *trusted;  /* what content trust says, or NULL: not asked, or: */
    const char                 *distrust; /* why it says nothing, or NULL */
};

/*
 * 0: everything is as it should be.  CONFLICT: it is not, `out` says where.  NOT_FOUND: the registry has
 * nothing of that name.  Any other kind: the registry could not be asked.
 */
int lk_verify(struct lk_crew *crew, const struct lk_verify_request *request,
              struct lk_verification *out, struct lk_err *err);

#endif

/*
 * digest - a content digest as the OCI image specification writes it, "sha256:" and 64 lower-case
 * hex digits (descriptor.md, "Digests"), and a git object id.  Only values: hashing is in common/hash.
 */
#ifndef LK_DIGEST_H
#define LK_DIGEST_H

#include "common/base/str.h"

#define LK_DIGEST_TEXT_SIZE 72 /* "sha256:" + 64 + NUL */
#define LK_OID_TEXT_SIZE    41

struct lk_digest {
    uint8_t sha256[32];
};

struct lk_oid {
    uint8_t sha1[20];
};

bool lk_digest_parse(struct lk_str text, struct lk_digest *out);
void lk_digest_format(const struct lk_digest *digest, char out[LK_DIGEST_TEXT_SIZE]);
bool lk_digest_eq(const struct lk_digest *a, const struct lk_digest *b);
bool lk_digest_is_zero(const struct lk_digest *digest);

bool lk_oid_parse(struct lk_str text, struct lk_oid *out);
void lk_oid_format(const struct lk_oid *oid, char out[LK_OID_TEXT_SIZE]);
bool lk_oid_eq(const struct lk_oid *a, const struct lk_oid *b);
bool lk_oid_is_zero(const struct lk_oid *oid);

#endif

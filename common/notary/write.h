/* write - composes and signs metadata files, in the exact form of metadata.h.  Used only in common/notary. */
#ifndef LK_NOTARY_WRITE_H
#define LK_NOTARY_WRITE_H

#include "common/notary/signer.h"

/*
 * `signed_part` (borrowed) signed by as many of these keys as the signer has.  DENIED if they are fewer than
 * `threshold`.
 */
int lk_notary_write(struct lk_notary_file *out, const char *role, const json_t *signed_part,
                    const json_t *key_ids, size_t threshold,
                    const struct lk_notary_signer *signer, struct lk_err *err);

/* {"hashes": {"sha256", "sha512" if bytes}, "length"}; owned. */
json_t *lk_notary_describe_file(const struct lk_notary_file *file);
json_t *lk_notary_describe_digest(const struct lk_digest *digest, uint64_t length);

/* Sets version and expiry. */
int lk_notary_date(json_t *signed_part, uint64_t version, int64_t expires_s,
                   struct lk_err *err);

#endif

/*
 * signer - the coordinator's signing keys, behind one small interface: in this process, in lkcoord-signd, or with a
 * program of somebody's own (coordinator/sign/outside.h).
 *
 * Given the bytes of an index or of an image's manifest and the names under which it gets published, answers with
 * all signatures of it (common/registry/signatures.h).  What is signed it builds itself from these; it
 * never signs bytes as they came.  lk_signer_sign may be called from several threads.
 */
#ifndef LK_SIGNER_H
#define LK_SIGNER_H

#include "common/base/err.h"
#include "common/base/str.h"
#include "common/registry/signatures.h"

struct lk_signer;

/* Opens an encrypted sigstore key file; DENIED with a clear text if the passphrase is wrong. */
int  lk_signer_open(struct lk_signer **out, const char *key_path, struct lk_str passphrase,
                    struct lk_err *err);
void lk_signer_close(struct lk_signer **signer);

/* A second key, which from then on signs too: who verifies may still have either.  Before any signing. */
int lk_signer_add(struct lk_signer *signer, const char *key_path, struct lk_str passphrase,
                  struct lk_err *err);

/* lkcoord-signd, which need not be there yet.  It must sign with all of these keys. */
struct lk_signer *lk_signer_at_socket(const char *path, const struct lk_public_key *keys,
                                      size_t count);

/* A program, NULL-terminated; borrowed. */
struct lk_signer *lk_signer_of_program(const char *const          *argv,
                                       const struct lk_public_key *key);

size_t lk_signer_key_count(const struct lk_signer *signer);

/* Borrowed. */
const struct lk_public_key *lk_signer_public_key(const struct lk_signer *signer, size_t i);

/*
 * INVALID if `manifest` is neither an index nor an image, or a name is none; RETRY if a signer elsewhere cannot be
 * asked now, DENIED if it refuses (both with `is_signers`).  May block as long as that takes.
 */
int lk_signer_sign(const struct lk_signer *signer, struct lk_str manifest,
                   const char *const *names, size_t count, struct lk_signatures *out,
                   struct lk_err *err);

#endif

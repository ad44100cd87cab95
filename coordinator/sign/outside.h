/*
 * outside - asks a signer that is another program, and believes no answer of it: each signature is checked with the
 * configured public key before it is used.  Blocking; any thread.
 *
 * The socket of lkcoord-signd: see coordinator/sign/exchange.h.  RETRY if it is not there or does not answer.
 *
 * A program of one's own, as for an HSM or KMS, is run once a message, by argv and without a shell, in the
 * coordinator's environment, its stderr closed.  On stdin it gets the bytes to sign, up to 8 KiB; on stdout it prints
 * the signature in base64 on one line: Ed25519 of the bytes, or ECDSA P-256 with SHA-256 in DER.  Exit status 0:
 * signed; 75: not now, ask again later; any other: refused, which ends the push.  It has 30 s; after that it is killed
 * with its process group and asked again later, as is one that cannot be started.  A signature that is none by the
 * configured key ends the push.  Several may run at once.  deploy/examples/sign-with-openssl is one.
 */
#ifndef LK_SIGN_OUTSIDE_H
#define LK_SIGN_OUTSIDE_H

#include "common/registry/signatures.h"

/* `of` has keys, names and digest. */
int lk_outside_ask_socket(const char *path, struct lk_str manifest, struct lk_signatures *of,
                          struct lk_err *err);

#define LK_OUTSIDE_RUN_MS 30000

/* `of` has one key; each message has `limit_ms`. */
int lk_outside_run(const char *const *argv, uint32_t limit_ms, struct lk_signatures *of,
                   struct lk_err *err);

#endif

/*
 * signer - the coordinator's signing key, behind one small interface.
 *
 * Given a payload, answers with a signature.  Callers sign only payloads that they built themselves from a
 * digest and a name (lk_signature_payload), never bytes that came from outside.  Ed25519 by libsodium: the same input
 * has the same signature.  lk_signer_sign may be called from several threads.
 */
#ifndef LK_SIGNER_H
#define LK_SIGNER_H

#include "common/base/digest.h"
#include "common/base/err.h"
#include "common/base/str.h"

#define LK_SIGNATURE_BYTES 64

struct lk_signer;

/* Opens an encrypted sigstore key file; DENIED with a clear text if the passphrase is wrong. */
int  lk_signer_open(struct lk_signer **out, const char *key_path, struct lk_str passphrase,
                    struct lk_err *err);
void lk_signer_close(struct lk_signer **signer);

/* PEM SubjectPublicKeyInfo, borrowed. */
const char *lk_signer_public_pem(const struct lk_signer *signer);

/* The raw 32-byte public key. */
const uint8_t *lk_signer_public_key(const struct lk_signer *signer);

void lk_signer_sign(const struct lk_signer *signer, struct lk_str payload,
                    uint8_t out[LK_SIGNATURE_BYTES]);

#endif

/*
 * keyfile - private keys of content trust, as Docker's and Notary's clients keep them below private/.
 *
 * Read: PEM with header lines `role:` and `gun:`, PKCS#8 plain or encrypted (PBES2 with PBKDF2), and the older "EC
 * PRIVATE KEY" with DEK-Info; ECDSA on any curve, and Ed25519 in Notary's own form.  Written: ECDSA P-256, encrypted,
 * byte for byte as those clients do.  Cryptography is libcrypto's and libsodium's; secrets are wiped when freed.
 */
#ifndef LK_NOTARY_KEYFILE_H
#define LK_NOTARY_KEYFILE_H

#include "common/notary/key.h"
#include "common/notary/metadata.h"

#define LK_NOTARY_KEYFILE_MAX (32 * 1024)

struct lk_notary_private;

/* DENIED if the passphrase does not open it, INVALID if it is damaged or of another kind. */
int  lk_notary_private_read(struct lk_notary_private **out, struct lk_str pem,
                            struct lk_str passphrase, struct lk_err *err);
void lk_notary_private_free(struct lk_notary_private **key);

/* What the file says that the key is for ("root", "targets", a signer's name), without opening it; or "". */
void lk_notary_keyfile_role(struct lk_str pem, char out[LK_NOTARY_ROLE_SIZE]);

/* A new ECDSA P-256 key. */
int lk_notary_private_new(struct lk_notary_private **out, struct lk_err *err);

/* The file's text; `gun` may be NULL (a root's and a signer's key are for all repositories). */
int lk_notary_private_write(const struct lk_notary_private *key, const char *role,
                            const char *gun, struct lk_str passphrase, struct lk_buf *out,
                            struct lk_err *err);

/* The public half, as metadata hold it; borrowed.  And its id, which names the file. */
const json_t *lk_notary_private_public(const struct lk_notary_private *key);
const char   *lk_notary_private_id(const struct lk_notary_private *key);

/* A self-signed certificate whose name is the repository, valid for ten years, as a root's key; owned. */
json_t *lk_notary_private_certificate(const struct lk_notary_private *key, const char *gun,
                                      int64_t now_s, struct lk_err *err);

#define LK_NOTARY_SIGNATURE_MAX 256

struct lk_notary_signature {
    const char *method; /* "ecdsa" or "eddsa" */
    size_t      len;
    uint8_t     bytes[LK_NOTARY_SIGNATURE_MAX];
};

int lk_notary_private_sign(const struct lk_notary_private *key, struct lk_str message,
                           struct lk_notary_signature *out, struct lk_err *err);

#endif

/*
 * public_key - the public half of a signing key, Ed25519 or ECDSA P-256, as PEM "PUBLIC KEY" text
 * (SubjectPublicKeyInfo, RFC 8410 and RFC 5480), and whether it made a signature.
 *
 * Signatures are as sigstore's tools make and expect them: Ed25519 over the message itself (not over a hash of it),
 * ECDSA as ASN.1 DER over its SHA-256.  A key is a plain value; any thread.
 */
#ifndef LK_PUBLIC_KEY_H
#define LK_PUBLIC_KEY_H

#include "common/base/buf.h"
#include "common/base/err.h"

enum lk_key_type { LK_KEY_ED25519, LK_KEY_ECDSA_P256 };

#define LK_SPKI_BYTES_MAX 91 /* P-256, uncompressed; Ed25519 has 44 */
#define LK_SIGNATURE_BYTES_MAX \
    72 /* P-256: two numbers of 32 bytes in DER, at most; Ed25519 has 64 */
#define LK_ED25519_BYTES 32

/* One key has one encoding: two are the same if their `spki` is. */
struct lk_public_key {
    enum lk_key_type type;
    size_t           spki_len;
    uint8_t          spki[LK_SPKI_BYTES_MAX];
};

struct lk_signature {
    size_t  len;
    uint8_t bytes[LK_SIGNATURE_BYTES_MAX];
};

/* "ed25519" and "ecdsa-p256"; false: neither. */
bool        lk_key_type_parse(struct lk_str text, enum lk_key_type *out);
const char *lk_key_type_name(enum lk_key_type type);

/* Reads a PEM file; INVALID if it holds no key of these types. */
int lk_public_key_load(struct lk_public_key *out, const char *path, struct lk_err *err);

/* From DER.  False: no key of these types. */
bool lk_public_key_read(struct lk_public_key *out, struct lk_str spki);

void lk_public_key_of_ed25519(struct lk_public_key *out, const uint8_t raw[LK_ED25519_BYTES]);

/* Appends the PEM text of a public key. */
void lk_public_key_pem(const struct lk_public_key *key, struct lk_buf *out);

bool lk_public_key_eq(const struct lk_public_key *a, const struct lk_public_key *b);

/* True if this key made this signature of this message. */
bool lk_public_key_verifies(const struct lk_public_key *key, struct lk_str message,
                            const struct lk_signature *signature);

#endif

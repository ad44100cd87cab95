/*
 * import - signing keys as other programs keep them: sigstore key files, and PKCS#8 as PEM ("PRIVATE KEY", or
 * "ENCRYPTED PRIVATE KEY", see sealed.h).
 */
#ifndef LK_KEY_IMPORT_H
#define LK_KEY_IMPORT_H

#include "common/keyfile/signing_key.h"

/* True if a passphrase is needed to read the key in this text. */
bool lk_key_is_encrypted(struct lk_str pem);

/* DENIED if the passphrase does not open it, INVALID if there is no key that we can use. */
int lk_key_import(struct lk_signing_key **out, struct lk_str pem, struct lk_str passphrase,
                  struct lk_err *err);

#endif

/*
 * sealed - PKCS#8 that a passphrase protects ("ENCRYPTED PRIVATE KEY", RFC 5958 and RFC 8018), through libcrypto.
 */
#ifndef LK_KEY_SEALED_H
#define LK_KEY_SEALED_H

#include "common/base/err.h"
#include "common/base/str.h"

#include <openssl/x509.h>

/* A file says itself how much work it takes to open it: more than this many rounds are refused. */
#define LK_SEALED_ROUNDS_MAX (1 << 20)

/* The caller frees `*out`.  DENIED: the passphrase does not open it; INVALID: damaged, or not PBES2 by PBKDF2. */
int lk_sealed_open(PKCS8_PRIV_KEY_INFO **out, struct lk_str der, struct lk_str passphrase,
                   struct lk_err *err);

#endif

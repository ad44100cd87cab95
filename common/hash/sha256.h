/* sha256 - content digests by libsodium.  sodium_init() must have been called. */
#ifndef LK_SHA256_H
#define LK_SHA256_H

#include "common/base/digest.h"
#include "common/base/err.h"

void lk_sha256(const void *data, size_t len, struct lk_digest *out);

/* Of a whole file, read from its start by pread. */
int lk_sha256_fd(int fd, struct lk_digest *out, uint64_t *size, struct lk_err *err);

#endif

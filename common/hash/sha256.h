/*
 * sha256 - content digests.
 *
 * What is long is digested by libcrypto, which knows the processors' own instructions (30 MB: 20 ms, and
 * 110 ms by libsodium); what is in memory anyway by libsodium, for which sodium_init() must have been
 * called.
 */
#ifndef LK_SHA256_H
#define LK_SHA256_H

#include "common/base/digest.h"
#include "common/base/err.h"

void lk_sha256(const void *data, size_t len, struct lk_digest *out);

/* Of a whole file, read from its start by pread. */
int lk_sha256_fd(int fd, struct lk_digest *out, uint64_t *size, struct lk_err *err);

/* Of pieces, one after the other. */
struct lk_sha256_stream;

int  lk_sha256_open(struct lk_sha256_stream **out, struct lk_err *err);
int  lk_sha256_add(struct lk_sha256_stream *stream, const void *data, size_t len,
                   struct lk_err *err);
int  lk_sha256_end(struct lk_sha256_stream *stream, struct lk_digest *out, struct lk_err *err);
void lk_sha256_close(struct lk_sha256_stream **stream);

#endif

#include "common/hash/sha256.h"

#include "common/base/base.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <sodium.h>

#define PIECE_BYTES (64 * 1024)

_Static_assert(sizeof(((struct lk_digest *)0)->sha256) == crypto_hash_sha256_BYTES,
               "a digest holds one SHA-256");

void lk_sha256(const void *data, size_t len, struct lk_digest *out)
{
    crypto_hash_sha256(out->sha256, data, len);
}

struct lk_sha256_stream {
    EVP_MD_CTX *context;
};

static int refused(struct lk_err *err)
{
    return lk_err_set(err, LK_ERR_PERMANENT,
                      "libcrypto computes no SHA-256; does OpenSSL's configuration forbid it?");
}

void lk_sha256_close(struct lk_sha256_stream **stream)
{
    if (*stream)
        EVP_MD_CTX_free((*stream)->context);
    free(LK_TAKE(*stream));
}

int lk_sha256_open(struct lk_sha256_stream **out, struct lk_err *err)
{
    LK_CLEANUP(lk_sha256_close)
    struct lk_sha256_stream *stream = lk_xcalloc(1, sizeof(*stream));

    stream->context = EVP_MD_CTX_new();
    if (!stream->context || EVP_DigestInit_ex(stream->context, EVP_sha256(), NULL) != 1)
        return refused(err);
    *out = LK_TAKE(stream);
    return 0;
}

int lk_sha256_add(struct lk_sha256_stream *stream, const void *data, size_t len,
                  struct lk_err *err)
{
    return EVP_DigestUpdate(stream->context, data, len) == 1 ? 0 : refused(err);
}

int lk_sha256_end(struct lk_sha256_stream *stream, struct lk_digest *out, struct lk_err *err)
{
    return EVP_DigestFinal_ex(stream->context, out->sha256, NULL) == 1 ? 0 : refused(err);
}

int lk_sha256_fd(int fd, struct lk_digest *out, uint64_t *size, struct lk_err *err)
{
    LK_CLEANUP(lk_sha256_close) struct lk_sha256_stream *stream = NULL;
    unsigned char                                        piece[PIECE_BYTES];
    off_t                                                offset = 0;

    if (lk_sha256_open(&stream, err) < 0)
        return -1;
    for (;;) {
        ssize_t got = pread(fd, piece, sizeof(piece), offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return lk_err_sys(err, "reading a file to compute its digest");
        if (got == 0)
            break;
        if (lk_sha256_add(stream, piece, (size_t)got, err) < 0)
            return -1;
        offset += got;
    }
    *size = (uint64_t)offset;
    return lk_sha256_end(stream, out, err);
}

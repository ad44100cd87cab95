#include "common/hash/sha256.h"

#include <errno.h>
#include <unistd.h>

#include <sodium.h>

_Static_assert(sizeof(((struct lk_digest *)0)->sha256) == crypto_hash_sha256_BYTES,
               "a digest holds one SHA-256");

void lk_sha256(const void *data, size_t len, struct lk_digest *out)
{
    crypto_hash_sha256(out->sha256, data, len);
}

int lk_sha256_fd(int fd, struct lk_digest *out, uint64_t *size, struct lk_err *err)
{
    crypto_hash_sha256_state hash;
    unsigned char            piece[64 * 1024];
    off_t                    offset = 0;

    crypto_hash_sha256_init(&hash);
    for (;;) {
        ssize_t got = pread(fd, piece, sizeof(piece), offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return lk_err_sys(err, "reading a file to compute its digest");
        if (got == 0)
            break;
        crypto_hash_sha256_update(&hash, piece, (unsigned long long)got);
        offset += got;
    }
    crypto_hash_sha256_final(&hash, out->sha256);
    *size = (uint64_t)offset;
    return 0;
}

/*
 * layer - an image's layer as its tar archive: uncompressed, whatever it was (plain, gzip or zstd, told by its
 * bytes), and named by the digest of that: its diff_id.
 */
#ifndef LK_LAYER_H
#define LK_LAYER_H

#include "common/base/digest.h"
#include "common/base/err.h"

#include <stdatomic.h>

struct lk_layer {
    int      fd; /* borrowed; read from its start by pread, replaced by lk_layer_unpack */
    uint64_t size;
    struct lk_digest diff_id;
};

/*
 * Unpacks the file `packed` into out->fd, in place of what that holds.  LIMIT after `size_max` bytes; INVALID if it
 * is broken; RETRY soon after *cancel (may be NULL) became true.
 */
int lk_layer_unpack(struct lk_layer *out, int packed, uint64_t size_max,
                    const atomic_bool *cancel, struct lk_err *err);

#endif

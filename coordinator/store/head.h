/* head - STATE/journal.head: the number of the last record that is on disk, kept beside the database (store.h). */
#ifndef LK_HEAD_H
#define LK_HEAD_H

#include "common/base/err.h"
#include "coordinator/store/chain.h"

/* -1 in `fd`: not open. */
int lk_head_open(int *fd, const char *directory, struct lk_err *err);
/* 0 where it says nothing of this cluster. */
uint64_t lk_head_read(int fd, const uint8_t cluster[LK_CLUSTER_BYTES]);
int      lk_head_write(int fd, const uint8_t cluster[LK_CLUSTER_BYTES], uint64_t seq,
                       struct lk_err *err);

#endif

/*
 * chain - the checksum of a record covers the record, its number, and all records before it.
 *
 * So a changed, missing, doubled or foreign record shows where it is.  It guards against disks, copies and
 * mistakes, not against people: whoever may write the file may also compute sums.
 */
#ifndef LK_CHAIN_H
#define LK_CHAIN_H

#include "common/base/str.h"

#define LK_CHAIN_BYTES   16
#define LK_CLUSTER_BYTES 16

/* The last record: its number (0: none yet) and its sum. */
struct lk_chain {
    uint64_t seq;
    uint8_t  sum[LK_CHAIN_BYTES];
};

/* sodium_init() must have been called. */
void lk_chain_begin(struct lk_chain *chain, const uint8_t cluster[LK_CLUSTER_BYTES]);
void lk_chain_add(struct lk_chain *chain, uint32_t format, struct lk_str record);

#endif

/*
 * journal - facts as bytes (proto/facts.proto) and back.  Pure; no I/O.
 *
 * Decoding checks every bound and enum, so that a damaged record is an error and never a wrong fact's shape.
 */
#ifndef LK_JOURNAL_H
#define LK_JOURNAL_H

#include "common/base/err.h"
#include "common/base/str.h"
#include "coordinator/core/fact.h"

#define LK_FACT_BYTES_MAX 4096
/*
 * Of the records; older ones are read as ever, a newer one is refused, not guessed at.  2: packages that are not
 * built, which an older program would try to build.  3: what a snapshot says of what is forgotten.
 * 4: agents that are drained, priorities, pushes that are retried or give up.  5: pushes with a time limit.
 */
#define LK_JOURNAL_FORMAT 5

/* The length; every fact of the core fits. */
size_t lk_fact_encode(const struct lk_fact *fact, uint8_t out[LK_FACT_BYTES_MAX]);
int    lk_fact_decode(struct lk_str bytes, struct lk_fact *out, struct lk_err *err);

#endif

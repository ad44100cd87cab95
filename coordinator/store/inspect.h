/*
 * inspect - a look at a journal that changes nothing: is it whole, and if not, where does it end being so?
 *
 * Also for a backup, and for the journal of a coordinator that runs.
 */
#ifndef LK_INSPECT_H
#define LK_INSPECT_H

#include "common/base/buf.h"
#include "common/base/err.h"
#include "coordinator/store/chain.h"

#define LK_FINDINGS_MAX 20

struct lk_inspection {
    int      schema;
    uint8_t  cluster[LK_CLUSTER_BYTES];
    uint64_t epoch;
    uint64_t first; /* numbers of the first and the last record; 0: there is none */
    uint64_t last;
    uint64_t count;
    uint64_t good;    /* up to this number all is as it was written */
    uint64_t push_id; /* given last, as far as it is good */
    uint64_t package_id;
    uint64_t pushes; /* remembered, as far as it is good */
    uint64_t live;
    uint64_t written;  /* what journal.head says; 0: nothing */
    uint64_t unusable; /* records behind `good` */
    size_t   faults;
};

/*
 * `path` is a journal.db or a backup; `directory`, where its journal.head is, may be NULL.  -1: it could not be
 * looked at.  What is wrong is told to `say`, and counted in `faults`.
 */
int lk_journal_inspect(const char *path, const char *directory, struct lk_inspection *out,
                       void (*say)(void *ctx, const char *finding), void *ctx,
                       struct lk_err *err);

/* A `say` that keeps the first finding, as a CONFLICT; ctx is a struct lk_err that is zero. */
void lk_finding_keep(void *ctx, const char *finding);

#endif

/*
 * store - git objects (trees and blobs) under their id, one directory an authorisation domain.
 *
 * An object that is in the store was hashed when it came: its content has its id.  Content is kept plain,
 * one file an object, so that materialising is a copy.  Writing goes to a temporary file, is hashed there,
 * and is renamed; a crash leaves nothing half, and what a power cut broke is found at the next opening
 * (recovery.h).  One process; one thread writes, any may read, sync or sweep.
 *
 * With a maximum (lk_store_limit) a store keeps what was used last, as its files' times say: a sweep begins when
 * half of it is used.  An object that lk_store_use() found stays for an hour at least, and after that as long as
 * its user says that it is needed since then.
 */
#ifndef LK_SOURCE_STORE_H
#define LK_SOURCE_STORE_H

#include "common/base/buf.h"
#include "common/base/digest.h"
#include "common/base/err.h"

struct lk_store;

/* Opens or makes the directory; leftovers of interrupted writes are removed. */
int  lk_store_open(struct lk_store **out, const char *directory, struct lk_err *err);
void lk_store_close(struct lk_store **store);

bool lk_store_has(struct lk_store *store, const struct lk_oid *oid);
bool lk_store_use(struct lk_store     *store,
                  const struct lk_oid *oid); /* and marks it as used now */

/* An fd positioned at the start, for the caller to close; NOT_FOUND if absent. */
int lk_store_open_object(struct lk_store *store, const struct lk_oid *oid, bool *is_tree,
                         uint64_t *size, struct lk_err *err);

/* Whole content into memory; LIMIT if larger than out->max. */
int lk_store_read(struct lk_store *store, const struct lk_oid *oid, bool *is_tree,
                  struct lk_buf *out, struct lk_err *err);

/* Writing piece by piece; finish hashes, compares with `oid` and renames, or throws away. */
struct lk_store_writer;
int  lk_store_write_begin(struct lk_store_writer **out, struct lk_store *store, bool is_tree,
                          struct lk_err *err);
int  lk_store_write(struct lk_store_writer *writer, const void *data, size_t len,
                    struct lk_err *err);
int  lk_store_write_finish(struct lk_store_writer **writer, const struct lk_oid *oid,
                           const struct lk_digest *sha256,
                           struct lk_err          *err);             /* sha256 may be NULL */
void lk_store_write_abort(struct lk_store_writer **writer); /* also for LK_CLEANUP */

/* The same at once. */
int lk_store_put(struct lk_store *store, const struct lk_oid *oid, bool is_tree,
                 struct lk_str content, struct lk_err *err);

/* The most that it may hold; without it, all that the disk takes. */
void     lk_store_limit(struct lk_store *store, uint64_t max_bytes);
uint64_t lk_store_max_bytes(const struct lk_store *store);
int lk_store_check_room(struct lk_store *store, uint64_t size, struct lk_err *err); /* LIMIT */

/*
 * True: it is time for a sweep (also the first after opening: it counts what there is).  It removes what was used
 * longest ago, but nothing that was used since an hour before `needed_since_s` (of the wall clock).
 */
bool lk_store_is_tight(struct lk_store *store, int64_t now_ms);
int  lk_store_sweep(struct lk_store *store, int64_t needed_since_s, uint64_t *freed_bytes,
                    struct lk_err *err);

/* Returns once all that was written is on disk: call it before promising that a source is kept. */
int lk_store_sync(struct lk_store *store, struct lk_err *err);

#endif

/*
 * attach - puts what a signer said of a digest beside it, in both forms (signatures.h), and reads it back.
 *
 * What others attached is kept.  What is there already is not written again, except that in a hurry small blobs are
 * sent before it is known.  The two lists, tag `.sig` and, without referrers API, tag `sha256-<hex>`, are read, added to
 * and written, and a registry has no locks: where the list that is read back lacks ours, all that begins anew.
 */
#ifndef LK_ATTACH_H
#define LK_ATTACH_H

#include "common/oci/oci.h"
#include "common/registry/crew.h"
#include "common/registry/signatures.h"

#define LK_ATTACH_ALSO_MAX (1 + LK_INDEX_ENTRIES_MAX)

/*
 * `in_hurry`: the digest is new, most probably.  The steps `also` are run beside the first of it.  Round
 * trips, one after the other, in a hurry: two (with `also` among them) for blobs and lists; then manifest, list, and the list
 * read back.
 */
int lk_attach(struct lk_crew *crew, const struct lk_descriptor *subject,
              const struct lk_signatures *signatures, bool in_hurry, const struct lk_step *also,
              size_t also_count, struct lk_err *err);

#endif

/*
 * oidset - git ids that were seen, each with the kind it was said to have, up to a maximum.
 *
 * A peer chooses the ids it sends, so the table's order is keyed with a random number: nobody can
 * make it slow on purpose.  sodium_init() must have been called.
 */
#ifndef LK_SOURCE_OIDSET_H
#define LK_SOURCE_OIDSET_H

#include "common/base/digest.h"

struct lk_oidset;

enum lk_oidset_added {
    LK_OIDSET_NEW,
    LK_OIDSET_KNOWN,
    LK_OIDSET_OTHER_KIND, /* known, but as the other kind: one of the two claims is false */
    LK_OIDSET_FULL,
};

struct lk_oidset    *lk_oidset_new(size_t max);
void                 lk_oidset_free(struct lk_oidset **set);
enum lk_oidset_added lk_oidset_add(struct lk_oidset *set, const struct lk_oid *oid,
                                   bool is_tree);
size_t               lk_oidset_count(const struct lk_oidset *set);

#endif

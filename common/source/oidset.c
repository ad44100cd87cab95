#include "common/source/oidset.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum kind { EMPTY, BLOB, TREE };

struct slot {
    struct lk_oid oid;
    uint8_t       kind;
};

struct lk_oidset {
    struct slot *slots;
    size_t       capacity; /* a power of two, never more than half full */
    size_t       count;
    size_t       max;
    uint8_t      key[crypto_shorthash_KEYBYTES];
};

#define FIRST_CAPACITY 256

struct lk_oidset *lk_oidset_new(size_t max)
{
    struct lk_oidset *set = lk_xcalloc(1, sizeof(*set));

    set->max = max;
    set->capacity = FIRST_CAPACITY;
    set->slots = lk_xcalloc(set->capacity, sizeof(set->slots[0]));
    crypto_shorthash_keygen(set->key);
    return set;
}

void lk_oidset_free(struct lk_oidset **set)
{
    if (*set)
        free((*set)->slots);
    lk_free_pointer(set);
}

/* Where the id is, or where it would go. */
static struct slot *find(const struct lk_oidset *set, const struct lk_oid *oid)
{
    uint64_t hash;

    crypto_shorthash((uint8_t *)&hash, oid->sha1, sizeof(oid->sha1), set->key);
    for (size_t i = (size_t)hash;; i++) {
        struct slot *slot = &set->slots[i & (set->capacity - 1)];
        if (slot->kind == EMPTY || lk_oid_eq(&slot->oid, oid))
            return slot;
    }
}

static void grow(struct lk_oidset *set)
{
    LK_CLEANUP(lk_free_pointer) struct slot *old = set->slots;
    size_t                                   old_capacity = set->capacity;

    set->capacity *= 2;
    set->slots = lk_xcalloc(set->capacity, sizeof(set->slots[0]));
    for (size_t i = 0; i < old_capacity; i++)
        if (old[i].kind != EMPTY)
            *find(set, &old[i].oid) = old[i];
}

enum lk_oidset_added lk_oidset_add(struct lk_oidset *set, const struct lk_oid *oid,
                                   bool is_tree)
{
    uint8_t      kind = is_tree ? TREE : BLOB;
    struct slot *slot = find(set, oid);

    if (slot->kind != EMPTY)
        return slot->kind == kind ? LK_OIDSET_KNOWN : LK_OIDSET_OTHER_KIND;
    if (set->count == set->max)
        return LK_OIDSET_FULL;
    *slot = (struct slot) { *oid, kind };
    if (++set->count * 2 > set->capacity)
        grow(set);
    return LK_OIDSET_NEW;
}

size_t lk_oidset_count(const struct lk_oidset *set)
{
    return set->count;
}

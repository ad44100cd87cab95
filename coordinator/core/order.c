/*
 * The order in a push: a package that names others as `after` waits until they have been published.  Who waits for
 * whom is settled at SUBMIT, once and for all, so that nobody can wait for ever.
 */
#include "coordinator/core/private.h"

#include <stdio.h>
#include <string.h>

bool lk_package_set_has(const struct lk_package_set *set, size_t number)
{
    return set->bits[number / 64] >> number % 64 & 1;
}

static void add(struct lk_package_set *set, size_t number)
{
    set->bits[number / 64] |= UINT64_C(1) << number % 64;
}

/* All that publish this name; false: nobody does. */
static bool add_named(const struct lk_package_request *requests, size_t count,
                      const struct lk_index_name *name, struct lk_package_set *set)
{
    bool any = false;

    for (size_t i = 0; i < count; i++) {
        if (strcmp(requests[i].tag, name->tag) != 0 ||
            strcmp(requests[i].repository, name->repository) != 0)
            continue;
        add(set, i);
        any = true;
    }
    return any;
}

/* The first that `number` still waits for; `count`: none. */
static size_t next_in_line(const struct lk_package_set *after,
                           const struct lk_package_set *done, size_t count, size_t number)
{
    for (size_t i = 0; i < count; i++)
        if (lk_package_set_has(&after[number], i) && !lk_package_set_has(done, i))
            return i;
    return count;
}

/* One of those that wait for one another; `count` if all come to their turn. */
static size_t find_circle(const struct lk_package_set *after, size_t count)
{
    struct lk_package_set done = { 0 };
    size_t                stuck = count;

    for (size_t round = 0; round < count; round++)
        for (size_t i = 0; i < count; i++)
            if (next_in_line(after, &done, count, i) == count)
                add(&done, i);
    for (size_t i = 0; i < count; i++)
        if (!lk_package_set_has(&done, i))
            stuck = i;
    /* Whoever goes from one to the next comes into the circle, and stays there. */
    for (size_t i = 0; i < count && stuck < count; i++)
        stuck = next_in_line(after, &done, count, stuck);
    return stuck;
}

bool lk_order_find(const struct lk_package_request *requests, size_t count,
                   struct lk_package_set *after, char text[LK_REASON_SIZE])
{
    memset(after, 0, count * sizeof(*after));
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < requests[i].after_count; k++) {
            const struct lk_index_name *name = &requests[i].after[k];
            if (add_named(requests, count, name, &after[i]))
                continue;
            snprintf(text, LK_REASON_SIZE,
                     "%.100s is to wait for %.150s:%.100s, which is not in this push",
                     requests[i].path, name->repository, name->tag);
            return false;
        }
    size_t stuck = find_circle(after, count);
    if (stuck == count)
        return true;
    snprintf(text, LK_REASON_SIZE,
             "packages wait for one another in a circle; %.150s:%.100s is one of them",
             requests[stuck].repository, requests[stuck].tag);
    return false;
}

static bool is_empty(const struct lk_package_set *set)
{
    for (size_t i = 0; i < LK_COUNT(set->bits); i++)
        if (set->bits[i])
            return false;
    return true;
}

static void fail(struct lk_core *core, struct lk_package *package,
                 const struct lk_package *failed)
{
    char text[LK_REASON_SIZE];

    snprintf(text, sizeof(text), "not %s because %.200s:%.128s failed",
             package->origin == LK_PACKAGE_BUILT ? "built" : "published", failed->repository,
             failed->tag);
    lk_package_end(core, package, failed->outcome, text);
}

bool lk_order_holds_back(struct lk_core *core, const struct lk_push *push,
                         struct lk_package *package)
{
    const struct lk_package *first = NULL;
    char                     text[LK_REASON_SIZE];

    if (is_empty(&package->after))
        return false;
    for (const struct lk_package *other = push->packages; other; other = other->next_in_push) {
        if (!lk_package_set_has(&package->after, other->number))
            continue;
        if (other->state == LK_PACKAGE_ENDED && other->outcome != LK_OUTCOME_OK) {
            fail(core, package, other);
            return true;
        }
        if (other->state != LK_PACKAGE_ENDED && !first)
            first = other;
    }
    if (!first)
        return false;
    snprintf(text, sizeof(text), "waits for %.200s:%.128s", first->repository, first->tag);
    lk_package_explain(core, package, text);
    return true;
}

#include "coordinator/logs/tally.h"

#include <stdlib.h>
#include <string.h>

void lk_tally_fini(struct lk_tally *tally)
{
    free(tally->list);
    *tally = (struct lk_tally) { 0 };
}

/* Where the push is or would be: mostly it is one of the newest. */
static size_t place_of(const struct lk_tally *tally, uint64_t push)
{
    size_t i = tally->count;

    while (i > 0 && tally->list[i - 1].push >= push)
        i--;
    return i;
}

static bool is_at(const struct lk_tally *tally, size_t i, uint64_t push)
{
    return i < tally->count && tally->list[i].push == push;
}

static void make_place(struct lk_tally *tally, size_t i, uint64_t push)
{
    if (tally->count == tally->capacity) {
        tally->capacity = tally->capacity ? tally->capacity * 2 : 64;
        tally->list = lk_xrealloc(tally->list, tally->capacity * sizeof(tally->list[0]));
    }
    memmove(&tally->list[i + 1], &tally->list[i], (tally->count - i) * sizeof(tally->list[0]));
    tally->list[i] = (struct lk_tally_entry) { .push = push };
    tally->count++;
}

void lk_tally_add(struct lk_tally *tally, uint64_t push, uint64_t bytes)
{
    size_t i = place_of(tally, push);

    if (!is_at(tally, i, push))
        make_place(tally, i, push);
    tally->list[i].bytes += bytes;
    tally->bytes += bytes;
    if (tally->list[i].leaving)
        tally->leaving_bytes += bytes;
}

void lk_tally_forget(struct lk_tally *tally, uint64_t push)
{
    size_t i = place_of(tally, push);

    if (!is_at(tally, i, push))
        return;
    tally->bytes -= tally->list[i].bytes;
    if (tally->list[i].leaving)
        tally->leaving_bytes -= tally->list[i].bytes;
    tally->count--;
    memmove(&tally->list[i], &tally->list[i + 1], (tally->count - i) * sizeof(tally->list[0]));
}

uint64_t lk_tally_choose(struct lk_tally *tally, bool (*may_go)(void *ctx, uint64_t push),
                         void            *ctx)
{
    for (size_t i = 0; i < tally->count; i++) {
        struct lk_tally_entry *entry = &tally->list[i];
        if (entry->leaving || !may_go(ctx, entry->push))
            continue;
        entry->leaving = true;
        tally->leaving_bytes += entry->bytes;
        return entry->push;
    }
    return 0;
}

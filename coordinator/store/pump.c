#include "coordinator/store/pump.h"

#include "common/os/workers.h"
#include "coordinator/store/journal.h"

#include <stdlib.h>
#include <string.h>

#define FACTS_MAX   8192
#define EFFECTS_MAX 2048

struct record {
    size_t  len;
    uint8_t bytes[];
};

/* Facts that go to disk in one transaction. */
struct group {
    struct lk_work  work; /* first: the workers know only this */
    struct lk_pump *pump;
    size_t          count;
    size_t          capacity;
    struct record **records;
    /* Of the facts before and with the first `snapshot_at` records here. */
    struct lk_snapshot *snapshot;
    size_t              snapshot_at;
    uint64_t            kept;
    bool                failed;
    struct lk_err       err;
};

struct waiting {
    uint64_t         after; /* so many facts have to be on disk */
    struct waiting  *next;
    struct lk_effect effect;
};

struct lk_pump {
    struct lk_journal      *journal;
    struct lk_pump_listener listener;
    struct lk_workers      *worker;
    struct group           *next_group; /* collecting */
    bool                    writing;
    bool                    broken; /* a group did not get to disk: nothing may follow it */
    uint64_t                handed_in;
    uint64_t                durable;
    uint64_t                kept; /* records of the last snapshot, and those since */
    uint64_t                grown;
    bool                    compacting;
    struct waiting         *first;
    struct waiting        **end;
    size_t                  waiting_count;
    bool                    releasing;
};

static void free_group(struct group *group)
{
    for (size_t i = 0; i < group->count; i++)
        free(group->records[i]);
    free(group->records);
    lk_snapshot_free(&group->snapshot);
    free(group);
}

struct lk_pump *lk_pump_start(struct lk_journal             *journal,
                              const struct lk_pump_listener *listener)
{
    struct lk_pump *pump = lk_xcalloc(1, sizeof(*pump));

    pump->journal = journal;
    pump->listener = *listener;
    pump->kept = lk_journal_kept(journal);
    pump->grown = lk_journal_grown(journal);
    pump->worker = lk_workers_start(1, "journal");
    pump->end = &pump->first;
    return pump;
}

void lk_pump_stop(struct lk_pump **pump)
{
    struct lk_pump *p = LK_TAKE(*pump);

    if (!p)
        return;
    p->listener = (struct lk_pump_listener) { 0 };
    lk_workers_stop(&p->worker);
    if (p->next_group)
        free_group(p->next_group);
    while (p->first) {
        struct waiting *waiting = p->first;
        p->first = waiting->next;
        free(waiting);
    }
    free(p);
}

static int append_some(struct group *group, size_t from, size_t to)
{
    LK_CLEANUP(lk_free_pointer)
    struct lk_str *records = lk_xcalloc(to - from + 1, sizeof(*records));

    for (size_t i = from; i < to; i++)
        records[i - from] =
            (struct lk_str) { (const char *)group->records[i]->bytes, group->records[i]->len };
    return from == to
               ? 0
               : lk_journal_append(group->pump->journal, records, to - from, &group->err);
}

static void append(struct lk_work *work)
{
    struct group      *group = (struct group *)work;
    struct lk_journal *journal = group->pump->journal;
    size_t             first = group->snapshot ? group->snapshot_at : 0;

    group->failed =
        append_some(group, 0, first) < 0 ||
        (group->snapshot && lk_journal_compact(journal, group->snapshot, &group->err) < 0) ||
        append_some(group, first, group->count) < 0;
    group->kept = lk_journal_kept(journal);
}

/* Effects may hand in more by way of the listener; the outer call then goes on with it. */
static void release(struct lk_pump *pump)
{
    if (pump->releasing)
        return;
    pump->releasing = true;
    while (pump->first && pump->first->after <= pump->durable) {
        struct waiting *waiting = pump->first;
        pump->first = waiting->next;
        if (!pump->first)
            pump->end = &pump->first;
        pump->waiting_count--;
        pump->listener.effect(pump->listener.ctx, &waiting->effect);
        free(waiting);
    }
    pump->releasing = false;
}

static void appended(struct lk_work *work);

static void write_next(struct lk_pump *pump)
{
    if (pump->writing || pump->broken || !pump->next_group)
        return;
    struct group *group = LK_TAKE(pump->next_group);
    group->work.run = append;
    group->work.done = appended;
    pump->writing = true;
    lk_workers_submit(pump->worker, &group->work);
}

static void count_appended(struct lk_pump *pump, const struct group *group)
{
    pump->durable += group->count;
    pump->grown += group->count;
    if (!group->snapshot)
        return;
    pump->kept = group->kept;
    pump->grown = group->count - group->snapshot_at;
    pump->compacting = false;
    if (pump->listener.compacted)
        pump->listener.compacted(pump->listener.ctx, pump->kept);
}

static void appended(struct lk_work *work)
{
    struct group   *group = (struct group *)work;
    struct lk_pump *pump = group->pump;

    pump->writing = false;
    pump->broken |= group->failed;
    if (group->failed && pump->listener.failed) {
        pump->listener.failed(pump->listener.ctx, &group->err);
    } else if (!group->failed && pump->listener.effect) {
        count_appended(pump, group);
        write_next(pump);
        release(pump);
    }
    free_group(group);
}

static struct group *next_group(struct lk_pump *pump)
{
    if (!pump->next_group) {
        pump->next_group = lk_xcalloc(1, sizeof(*pump->next_group));
        pump->next_group->pump = pump;
    }
    return pump->next_group;
}

static void add_fact(struct lk_pump *pump, const struct lk_fact *fact)
{
    uint8_t       bytes[LK_FACT_BYTES_MAX];
    size_t        len = lk_fact_encode(fact, bytes);
    struct group *group = next_group(pump);

    if (group->count == group->capacity) {
        group->capacity = group->capacity ? group->capacity * 2 : 16;
        group->records =
            lk_xrealloc(group->records, group->capacity * sizeof(group->records[0]));
    }
    struct record *record = lk_xmalloc(sizeof(*record) + len);
    record->len = len;
    memcpy(record->bytes, bytes, len);
    group->records[group->count++] = record;
    pump->handed_in++;
}

void lk_pump_put(struct lk_pump *pump, const struct lk_out *out)
{
    if (pump->broken)
        return;
    for (size_t i = 0; i < out->fact_count; i++)
        add_fact(pump, &out->facts[i]);
    for (size_t i = 0; i < out->effect_count; i++) {
        struct waiting *waiting = lk_xmalloc(sizeof(*waiting));
        waiting->after = pump->handed_in;
        waiting->next = NULL;
        waiting->effect = out->effects[i];
        *pump->end = waiting;
        pump->end = &waiting->next;
        pump->waiting_count++;
    }
    write_next(pump);
    release(pump);
}

bool lk_pump_wants_snapshot(const struct lk_pump *pump)
{
    return !pump->compacting && !pump->broken && lk_journal_is_long(pump->kept, pump->grown);
}

void lk_pump_compact(struct lk_pump *pump, struct lk_snapshot *take_snapshot)
{
    struct group *group = next_group(pump);

    lk_snapshot_free(&group->snapshot);
    group->snapshot = take_snapshot;
    group->snapshot_at = group->count;
    pump->compacting = true;
    write_next(pump);
}

bool lk_pump_is_idle(const struct lk_pump *pump)
{
    return !pump->writing && !pump->broken && !pump->next_group;
}

bool lk_pump_is_full(const struct lk_pump *pump)
{
    return pump->handed_in - pump->durable >= FACTS_MAX || pump->waiting_count >= EFFECTS_MAX;
}

int lk_pump_fd(const struct lk_pump *pump)
{
    return lk_workers_fd(pump->worker);
}

void lk_pump_collect(struct lk_pump *pump)
{
    lk_workers_collect(pump->worker);
}

uint64_t lk_pump_handed_in(const struct lk_pump *pump)
{
    return pump->handed_in;
}

uint64_t lk_pump_durable(const struct lk_pump *pump)
{
    return pump->durable;
}

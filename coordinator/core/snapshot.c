#include "coordinator/core/snapshot.h"

#include "coordinator/core/private.h"

#include <stdlib.h>
#include <string.h>

struct lk_snapshot {
    uint64_t          epoch;
    uint64_t          fence;
    uint64_t          push_id;
    uint64_t          package_id;
    size_t            pushes_max;
    size_t            packages_max;
    uint64_t         *pushes; /* remembered, each at its id % pushes_max; 0: none */
    uint64_t         *packages;
    size_t            record_count;
    struct lk_record *records; /* in the order in which they will have to make room */
    uint32_t         *places;  /* of each in the core's ring */
    size_t            drained_count;
    struct lk_agent  *drained;
};

static void copy_records(const struct lk_core *core, struct lk_snapshot *snapshot)
{
    size_t max = core->config.records_max;

    snapshot->records = lk_xcalloc(max, sizeof(*snapshot->records));
    snapshot->places = lk_xcalloc(max, sizeof(*snapshot->places));
    for (size_t i = 0; i < max; i++) {
        size_t place = (core->record_next + i) % max;
        if (core->records[place].repository[0] == '\0')
            continue;
        snapshot->places[snapshot->record_count] = (uint32_t)place;
        snapshot->records[snapshot->record_count++] = core->records[place];
    }
}

static void copy_drained(const struct lk_core *core, struct lk_snapshot *snapshot)
{
    snapshot->drained = lk_xcalloc(core->agent_count + 1, sizeof(*snapshot->drained));
    for (size_t i = 0; i < core->agent_count; i++)
        if (core->agents[i].drained)
            snapshot->drained[snapshot->drained_count++] = core->agents[i];
}

struct lk_snapshot *lk_snapshot_take(const struct lk_core *core)
{
    struct lk_snapshot *snapshot = lk_xcalloc(1, sizeof(*snapshot));

    snapshot->epoch = core->epoch;
    snapshot->fence = core->fence;
    snapshot->push_id = core->push_id;
    snapshot->package_id = core->package_id;
    snapshot->pushes_max = core->config.pushes_max;
    snapshot->packages_max = core->config.packages_max;
    snapshot->pushes = lk_xcalloc(snapshot->pushes_max, sizeof(*snapshot->pushes));
    snapshot->packages = lk_xcalloc(snapshot->packages_max, sizeof(*snapshot->packages));
    for (size_t i = 0; i < snapshot->pushes_max; i++)
        snapshot->pushes[i] = core->pushes[i].id;
    for (size_t i = 0; i < snapshot->packages_max; i++)
        snapshot->packages[i] = core->packages[i].id;
    copy_records(core, snapshot);
    copy_drained(core, snapshot);
    return snapshot;
}

void lk_snapshot_free(struct lk_snapshot **snapshot)
{
    struct lk_snapshot *s = LK_TAKE(*snapshot);

    if (!s)
        return;
    free(s->pushes);
    free(s->packages);
    free(s->records);
    free(s->places);
    free(s->drained);
    free(s);
}

static bool has_push(const struct lk_snapshot *snapshot, uint64_t push)
{
    return push && snapshot->pushes[push % snapshot->pushes_max] == push;
}

static bool has_package(const struct lk_snapshot *snapshot, uint64_t package)
{
    return package && snapshot->packages[package % snapshot->packages_max] == package;
}

bool lk_snapshot_keeps(const struct lk_snapshot *snapshot, const struct lk_fact *fact)
{
    switch (fact->type) {
    case LK_FACT_STARTED:
    case LK_FACT_NUMBERS:
    case LK_FACT_RECORD:
    case LK_FACT_AGENT_DRAINED:
    case LK_FACT_AGENT_RESUMED: return false; /* said anew */
    case LK_FACT_PUSH_ACCEPTED:
    case LK_FACT_SOURCE_READY:
    case LK_FACT_PUSH_CANCELLED:
    case LK_FACT_PUSH_ENDED:
    case LK_FACT_PUSH_RETRIED:
    case LK_FACT_PUSH_FORGOTTEN: return has_push(snapshot, fact->push);
    case LK_FACT_PACKAGE_ACCEPTED:
    case LK_FACT_ARCHES_FOUND:
    case LK_FACT_PACKAGE_PLANNED:
    case LK_FACT_PUBLISH_QUEUED:
    case LK_FACT_PACKAGE_MERGED:
    case LK_FACT_PACKAGE_ENDED:
    case LK_FACT_PERMIT_GRANTED:
    case LK_FACT_PERMIT_ENDED: return has_package(snapshot, fact->package);
    case LK_FACT_JOB_PLANNED:
    case LK_FACT_JOB_ASSIGNED:
    case LK_FACT_JOB_BUILT:
    case LK_FACT_JOB_STAGED:
    case LK_FACT_JOB_RETRIED:
    case LK_FACT_JOB_PUSHED:
    case LK_FACT_JOB_DONE:
    case LK_FACT_JOB_FAILED:
    case LK_FACT_JOB_CANCELLED: return has_package(snapshot, fact->job / LK_PACKAGE_ARCHES_MAX);
    }
    return true;
}

static void say_record(const struct lk_snapshot *snapshot, size_t index, struct lk_fact *out)
{
    const struct lk_record *record = &snapshot->records[index];

    out->type = LK_FACT_RECORD;
    out->flag = index == 0;
    out->count = snapshot->places[index];
    out->child = record->child;
    memcpy(out->repository, record->repository, sizeof(out->repository));
    memcpy(out->tag, record->tag, sizeof(out->tag));
    out->arch_count = record->arch.name[0] != '\0';
    out->arches[0] = record->arch;
}

static void say_drained(const struct lk_agent *agent, struct lk_fact *out)
{
    out->type = LK_FACT_AGENT_DRAINED;
    memcpy(out->agent, agent->name, sizeof(out->agent));
    memcpy(out->why, agent->drained_why, sizeof(out->why));
}

bool lk_snapshot_adds(const struct lk_snapshot *snapshot, size_t index, struct lk_fact *out)
{
    if (index > snapshot->record_count + snapshot->drained_count)
        return false;
    memset(out, 0, sizeof(*out));
    if (index > snapshot->record_count) {
        say_drained(&snapshot->drained[index - 1 - snapshot->record_count], out);
        return true;
    }
    if (index > 0) {
        say_record(snapshot, index - 1, out);
        return true;
    }
    out->type = LK_FACT_NUMBERS;
    out->epoch = snapshot->epoch;
    out->fence = snapshot->fence;
    out->push = snapshot->push_id;
    out->package = snapshot->package_id;
    return true;
}

bool lk_apply_numbers(struct lk_core *core, const struct lk_fact *fact)
{
    if (fact->epoch < core->epoch || fact->epoch > UINT32_MAX || fact->fence < core->fence ||
        fact->fence >> 32 > fact->epoch || fact->push < core->push_id ||
        fact->package < core->package_id)
        return false;
    core->epoch = fact->epoch;
    core->fence = fact->fence;
    core->push_id = fact->push;
    core->package_id = fact->package;
    return true;
}

bool lk_apply_record(struct lk_core *core, const struct lk_fact *fact)
{
    static const struct lk_arch whole_index;
    size_t                      max = core->config.records_max;
    struct lk_record           *record = &core->records[fact->count % max];

    if (fact->repository[0] == '\0')
        return false;
    if (fact->flag)
        memset(core->records, 0, max * sizeof(*core->records));
    memcpy(record->repository, fact->repository, sizeof(record->repository));
    memcpy(record->tag, fact->tag, sizeof(record->tag));
    record->arch = fact->arch_count ? fact->arches[0] : whole_index;
    record->child = fact->child;
    core->record_next = (fact->count + 1) % max;
    return true;
}

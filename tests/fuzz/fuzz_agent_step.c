#include "tests/fuzz/fuzz.h"

#include "agent/core/core.h"

#include <string.h>

struct input {
    const uint8_t *data;
    size_t         size;
};

static uint8_t next(struct input *input)
{
    if (input->size == 0)
        return 0;
    input->size--;
    return *input->data++;
}

static void make_event(struct input *in, struct lk_agent_event *event)
{
    uint8_t who = next(in), how = next(in);

    event->kind = (enum lk_agent_event_kind)(next(in) % (LK_AGENT_STOPPED + 1));
    event->now_ms += (int64_t)next(in) * next(in);
    event->session = 1 + (who & 1);
    event->job = 1 + (who >> 1 & 3);
    event->attempt = 1 + (who >> 3 & 3);
    event->task = 1 + (who >> 5);
    event->fence = (uint64_t)(how & 3) << 32 | (how >> 2 & 3);
    event->arch = (struct lk_arch) { "amd64" };
    event->in_turn = how & 0x40;
    event->build_only = how & 0x80;
    event->digest.sha256[0] = 1;
    event->bytes_done = how;
    event->error = (enum lk_err_kind)(how % (LK_ERR_PERMANENT + 1));
    event->retry_after_ms = (uint32_t)how * 1000;
    event->welcome = (struct lk_agent_welcome) { .session = 1 + (how & 1),
                                                 .ping_ms = (uint32_t)how << 24,
                                                 .silence_ms = (uint32_t)who << 24,
                                                 .cluster = { how & 4 },
                                                 .cluster_len = how >> 3 & 31,
                                                 .epoch = how & 3 };
}

static uint64_t epoch_of(const struct lk_agent_core *core, uint8_t cluster[LK_CLUSTER_MAX + 1])
{
    size_t   len;
    uint64_t epoch;

    memset(cluster, 0, LK_CLUSTER_MAX);
    epoch = lk_agent_core_cluster(core, cluster, &len);
    cluster[LK_CLUSTER_MAX] = (uint8_t)len;
    return epoch;
}

/* Whatever a coordinator says: no more work than slots, no report without a line, no lower epoch of the same cluster. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct lk_agent_effects out;
    struct input                   in = { data, size };
    struct lk_agent_core_conf      conf = {
             .arches = { { "amd64" } }, .arch_count = 1, .slots = 2, .seed = 1, .now_ms = 1
    };
    struct lk_agent_event                                event = { .now_ms = 1 };
    LK_CLEANUP(lk_agent_core_free) struct lk_agent_core *core = lk_agent_core_new(&conf);
    uint8_t before[LK_CLUSTER_MAX + 1], after[LK_CLUSTER_MAX + 1];

    while (in.size > 0) {
        uint64_t epoch = epoch_of(core, before), held = 0;
        make_event(&in, &event);
        lk_agent_step(core, &event, &out);
        lk_assert(epoch_of(core, after) >= epoch || memcmp(before, after, sizeof(before)) != 0);
        for (uint64_t job = 1; job <= 4; job++)
            for (uint32_t attempt = 1; attempt <= 4; attempt++)
                held += lk_agent_core_task(core, job, attempt) != 0;
        lk_assert(held <= conf.slots);
        lk_assert(lk_agent_core_wake_ms(core) > 0);
    }
    return 0;
}

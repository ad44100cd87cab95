#include "tests/fuzz/fuzz.h"

#include "agent/built.h"
#include "agent/remains.h"
#include "tests/fuzz/scratch.h"

#include <string.h>

/* What is remembered of a cluster is written down as it was read, or said to be damaged. */
static void read_cluster(struct lk_str note)
{
    static char               directory[128];
    struct lk_agent_state     state = { .directory = directory, .lock = -1 };
    struct lk_agent_core_conf conf = { 0 }, again = { 0 };
    struct lk_err             err = { 0 };

    snprintf(directory, sizeof(directory), "%s", scratch_path(""));
    scratch_write("cluster", note.data, note.len);
    if (lk_agent_state_recall(&state, &conf, &err) < 0) {
        lk_assert(strstr(err.text, "cluster"));
        return;
    }
    lk_assert(conf.cluster_len <= LK_CLUSTER_MAX && conf.epoch <= UINT32_MAX);
    lk_assert(
        lk_agent_state_remember(&state, conf.cluster, conf.cluster_len, conf.epoch, &err) == 0);
    lk_assert(lk_agent_state_recall(&state, &again, &err) == 0);
    lk_assert(again.epoch == conf.epoch && again.cluster_len == conf.cluster_len &&
              memcmp(again.cluster, conf.cluster, conf.cluster_len) == 0);
}

/* Without its image nothing is gone on with, and the note is removed with the rest. */
static void read_built(struct lk_str note)
{
    static char                 work[128], built[128];
    static struct lk_built_list found;
    struct lk_agent_state       state = { .work = work, .built = built, .lock = -1 };
    struct lk_agent_config config = { .slots = 2, .arch_count = 1, .arches = { { "arm64" } } };
    struct lk_err          err = { 0 };

    snprintf(work, sizeof(work), "%s", scratch_path("work"));
    snprintf(built, sizeof(built), "%s", scratch_path("built"));
    lk_assert(lk_directory_make(work, 0700, &err) == 0 &&
              lk_directory_make(built, 0700, &err) == 0);
    scratch_write("built/5-1", note.data, note.len);
    lk_assert(lk_built_salvage(&found, &state, &config, &err) == 0 && found.count == 0);
    lk_assert(access(scratch_path("built/5-1"), F_OK) < 0);
}

/* Nobody but a child of ours is ever named: not init, not everybody. */
static void read_slot(struct lk_str note)
{
    pid_t    process = 0;
    uint64_t start = 0;

    if (lk_remains_parse(note, &process, &start))
        lk_assert(process > 1 && start > 0);
}

/* The first byte says which of an agent's notes the rest is. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lk_str rest = { (const char *)data + 1, size - 1 };

    if (size == 0)
        return 0;
    switch (*data % 3) {
    case 0: read_cluster(rest); break;
    case 1: read_built(rest); break;
    case 2: read_slot(rest); break;
    }
    return 0;
}

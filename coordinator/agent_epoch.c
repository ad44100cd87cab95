/* What an agent remembers of this cluster shows whether our state is the latest there was. */
#include "coordinator/agents.h"

#include "common/log/log.h"

#include <string.h>

/* Fact before effect: nobody is welcomed under an epoch that is not on disk. */
static int wait_for_disk(const struct lk_coordinator *c, struct lk_err *err)
{
    if (lk_pump_durable(c->pump) >= c->epoch_after)
        return 0;
    return lk_err_set(
        err, LK_ERR_RETRY,
        "the coordinator raises its epoch past what this agent knows; come again");
}

static void raise_epoch(struct lk_coordinator *c, const char *agent, uint64_t heard)
{
    struct lk_event event = { .type = LK_EVENT_EPOCH_HEARD };

    event.start.epoch = heard;
    lk_coordinator_step(c, &event);
    c->epoch_after = lk_pump_handed_in(c->pump);
    lk_log_warn(
        "an older state was put in place (a backup, not by lkcoordd restore): what came "
        "after it is forgotten; the epoch goes past what an agent knows",
        "agent=%s epoch=%llu", LK_Q(agent), (unsigned long long)lk_core_epoch(c->core));
}

int lk_agent_judge_epoch(struct lk_coordinator *c, const char *agent,
                         const lk_wire_Hello *hello, struct lk_err *err)
{
    bool is_ours =
        hello->cluster.size == LK_CLUSTER_BYTES &&
        memcmp(hello->cluster.bytes, lk_journal_cluster(c->journal), LK_CLUSTER_BYTES) == 0;

    switch (is_ours ? lk_core_judge_epoch(c->core, hello->epoch) : LK_EPOCH_IS_KNOWN) {
    case LK_EPOCH_IS_KNOWN: break;
    case LK_EPOCH_IS_AHEAD: raise_epoch(c, agent, hello->epoch); break;
    case LK_EPOCH_IS_ABSURD:
        lk_log_warn("agent refused: it knows an epoch of this cluster that cannot have been",
                    "agent=%s epoch=%llu", LK_Q(agent), (unsigned long long)hello->epoch);
        return lk_err_set(err, LK_ERR_DENIED,
                          "this agent remembers epoch %llu of a cluster that is at %llu: its "
                          "file `cluster` is damaged; stop it, remove that file from its state "
                          "directory, and start it again",
                          (unsigned long long)hello->epoch,
                          (unsigned long long)lk_core_epoch(c->core));
    }
    return wait_for_disk(c, err);
}

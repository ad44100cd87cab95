#include "agent/agent_private.h"

#include "common/log/log.h"
#include "common/os/clock.h"
#include "common/os/workers.h"

#include <stdlib.h>

struct sweep {
    struct lk_work work; /* first */
    struct agent  *agent;
    int64_t        needed_since_s;
};

/* A task needs what it had found when it began to fetch. */
static int64_t needed_since_s(const struct agent *agent)
{
    int64_t first_s = lk_clock_wall_ms() / 1000;

    for (size_t i = 0; i < TASKS_MAX; i++)
        if (agent->tasks[i] && lk_task_begun_s(agent->tasks[i]) < first_s)
            first_s = lk_task_begun_s(agent->tasks[i]);
    return first_s;
}

static void run(struct lk_work *work)
{
    struct sweep *sweep = (struct sweep *)work;
    uint64_t      freed_bytes;
    struct lk_err err;

    if (lk_store_sweep(sweep->agent->store, sweep->needed_since_s, &freed_bytes, &err) < 0)
        lk_log_warn("sources not swept", "err=%s", LK_Q(err.text));
    else if (freed_bytes > 0)
        lk_log_info("sources removed to make room for newer ones (sources-max-mib)",
                    "bytes=%llu", (unsigned long long)freed_bytes);
}

static void done(struct lk_work *work)
{
    struct sweep *sweep = (struct sweep *)work;

    sweep->agent->sweeping = false;
    free(sweep);
}

void lk_agent_trim_sources(struct agent *agent)
{
    if (agent->sweeping || !lk_store_is_tight(agent->store, lk_clock_boot_ms()))
        return;
    struct sweep *sweep = lk_xcalloc(1, sizeof(*sweep));
    sweep->work.run = run;
    sweep->work.done = done;
    sweep->agent = agent;
    sweep->needed_since_s = needed_since_s(agent);
    agent->sweeping = true;
    lk_workers_submit(agent->workers, &sweep->work);
}

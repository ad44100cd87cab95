/* What goes, so that new things have room: logs of old pushes, sources that were not used for long. */
#include "coordinator/parts.h"

#include "common/log/log.h"
#include "common/os/clock.h"

#include <stdlib.h>
#include <string.h>

/* ---- logs ---- */

struct removal {
    struct lk_work     work; /* first: the workers know only this */
    struct lk_logbook *logs;
    uint64_t           push;
    bool               trims; /* the push stays in the history */
    bool               done;
};

static void remove_logs(struct lk_work *work)
{
    struct removal *removal = (struct removal *)work;
    struct lk_err   err;

    removal->done =
        (removal->trims ? lk_logbook_empty(removal->logs, removal->push, &err)
                        : lk_logbook_forget(removal->logs, removal->push, &err)) == 0;
    if (!removal->done)
        lk_log_warn("logs of a push not removed", "push=%llu err=%s",
                    (unsigned long long)removal->push, LK_Q(err.text));
}

static void removed(struct lk_work *work)
{
    struct removal *removal = (struct removal *)work;

    if (removal->done)
        lk_logbook_gone(removal->logs, removal->push);
    free(removal);
}

static void start_removal(struct lk_coordinator *c, uint64_t push, bool trims)
{
    struct removal *removal = lk_xcalloc(1, sizeof(*removal));

    removal->work.run = remove_logs;
    removal->work.done = removed;
    removal->logs = c->logs;
    removal->push = push;
    removal->trims = trims;
    lk_workers_submit(c->disk, &removal->work);
}

void lk_coordinator_forget_logs(struct lk_coordinator *c, uint64_t push)
{
    lk_log_debug("push left the history", "push=%llu", (unsigned long long)push);
    start_removal(c, push, false);
}

static bool has_ended(void *ctx, uint64_t push_id)
{
    const struct lk_coordinator *c = ctx;
    const struct lk_push        *push = lk_core_push(c->core, push_id);

    return push && push->state == LK_PUSH_ENDED;
}

void lk_coordinator_trim_logs(struct lk_coordinator *c)
{
    for (uint64_t push; (push = lk_logbook_choose(c->logs, has_ended, c));) {
        lk_log_info("logs removed to make room for newer ones (logs-max-mib)", "push=%llu",
                    (unsigned long long)push);
        start_removal(c, push, true);
    }
}

/* ---- sources ---- */

struct sweep {
    struct lk_work    work;
    struct lk_domain *domain;
    int64_t           needed_since_s;
};

/* A push that runs needs what it had found when it came in. */
static int64_t needed_since_s(const struct lk_coordinator *c, const char *client)
{
    int64_t first_ms = lk_clock_wall_ms();

    for (const struct lk_push *push = lk_core_first_push(c->core); push; push = push->next)
        if (push->state != LK_PUSH_ENDED && strcmp(push->client, client) == 0 &&
            push->accepted_wall_ms < first_ms)
            first_ms = push->accepted_wall_ms;
    return first_ms / 1000;
}

static void sweep_store(struct lk_work *work)
{
    struct sweep *sweep = (struct sweep *)work;
    uint64_t      freed_bytes;
    struct lk_err err;

    if (lk_store_sweep(sweep->domain->store, sweep->needed_since_s, &freed_bytes, &err) < 0)
        lk_log_warn("sources not swept", "client=%s err=%s", LK_Q(sweep->domain->client),
                    LK_Q(err.text));
    else if (freed_bytes > 0)
        lk_log_info("sources removed to make room for newer ones (sources-max-mib)",
                    "client=%s bytes=%llu", LK_Q(sweep->domain->client),
                    (unsigned long long)freed_bytes);
}

static void swept(struct lk_work *work)
{
    struct sweep *sweep = (struct sweep *)work;

    sweep->domain->sweeping = false;
    free(sweep);
}

void lk_coordinator_trim_sources(struct lk_coordinator *c)
{
    int64_t now_ms = lk_clock_boot_ms();

    for (size_t i = 0; i < c->domain_count; i++) {
        struct lk_domain *domain = &c->domains[i];
        if (domain->sweeping || !lk_store_is_tight(domain->store, now_ms))
            continue;
        struct sweep *sweep = lk_xcalloc(1, sizeof(*sweep));
        sweep->work.run = sweep_store;
        sweep->work.done = swept;
        sweep->domain = domain;
        sweep->needed_since_s = needed_since_s(c, domain->client);
        domain->sweeping = true;
        lk_workers_submit(c->disk, &sweep->work);
    }
}

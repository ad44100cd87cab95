#include "coordinator/coordinator.h"

#include "common/log/log.h"
#include "common/os/clock.h"
#include "coordinator/parts.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define SWEEP_MS  1000
#define RETRY_MS  10 /* a full pipe is tried again */
#define SLEEP_MAX 3600000

static void arm(struct lk_coordinator *c, int64_t wake_ms);

void lk_coordinator_step(struct lk_coordinator *c, struct lk_event *event)
{
    event->now_ms = lk_clock_boot_ms();
    event->wall_ms = lk_clock_wall_ms();
    const struct lk_out *out = lk_core_step(c->core, event);

    /* Before the effects: one of them may step again and ask for another time. */
    arm(c, out->wake_ms);
    lk_pump_put(c->pump, out);
}

static int on_wake(zloop_t *loop, int timer, void *arg)
{
    struct lk_coordinator *c = arg;
    struct lk_event        event = { .type = LK_EVENT_TIMER };

    (void)loop;
    (void)timer;
    c->timer_id = -1;
    lk_coordinator_step(c, &event);
    return lk_coordinator_end_turn(c);
}

/* The one timer of the core: always the earliest time that it asked for last. */
static void arm(struct lk_coordinator *c, int64_t wake_ms)
{
    if (c->timer_id >= 0 && c->timer_ms == wake_ms)
        return;
    if (c->timer_id >= 0)
        zloop_timer_end(c->loop, c->timer_id);
    c->timer_id = -1;
    c->timer_ms = wake_ms;
    if (wake_ms == INT64_MAX)
        return;
    int64_t delay = wake_ms - lk_clock_boot_ms();
    size_t  bounded = delay < 1 ? 1 : delay > SLEEP_MAX ? SLEEP_MAX : (size_t)delay;
    c->timer_id = zloop_timer(c->loop, bounded, 1, on_wake, c);
}

static int on_retry(zloop_t *loop, int timer, void *arg)
{
    struct lk_coordinator *c = arg;

    (void)loop;
    (void)timer;
    c->retry_armed = false;
    return lk_coordinator_end_turn(c);
}

int lk_coordinator_end_turn(struct lk_coordinator *c)
{
    bool waits = lk_door_flush(c->agents);

    waits |= lk_door_flush(c->clients);
    waits |= lk_agents_flush(c);
    waits |= lk_clients_flush(c);
    if (waits && !c->retry_armed) {
        c->retry_armed = true;
        zloop_timer(c->loop, RETRY_MS, 1, on_retry, c);
    }
    return c->stop ? -1 : 0;
}

/* ---- effects ---- */

void lk_coordinator_on_effect(void *ctx, const struct lk_effect *effect)
{
    struct lk_coordinator *c = ctx;

    switch (effect->type) {
    case LK_EFFECT_ACCEPTED:
    case LK_EFFECT_ANSWER:
    case LK_EFFECT_RECEIVE: lk_clients_carry_out(c, effect); return;
    case LK_EFFECT_OFFER:
    case LK_EFFECT_TICKET:
    case LK_EFFECT_PERMIT:
    case LK_EFFECT_DROP: lk_agents_carry_out(c, effect); return;
    case LK_EFFECT_PROBE:
    case LK_EFFECT_ACCEPT_CHILD:
    case LK_EFFECT_MERGE:
    case LK_EFFECT_TAG: lk_operations_begin(c->operations, effect); return;
    case LK_EFFECT_FORGET: lk_coordinator_forget_logs(c, effect->push); return;
    }
}

void lk_coordinator_on_journal_failed(void *ctx, const struct lk_err *err)
{
    struct lk_coordinator *c = ctx;

    c->broken = true;
    c->broken_by = *err;
    c->stop = true;
}

/* ---- the loop ---- */

/* SIGHUP: who may come in is read anew; everything else needs a restart. */
static void reload(struct lk_coordinator *c)
{
    LK_CLEANUP(lk_free_pointer)
    struct lk_coordinator_config *config = lk_xcalloc(1, sizeof(*config));
    struct lk_err                 err;

    if (lk_coordinator_config_load(config, c->config->file, &err) < 0) {
        lk_log_error("configuration not read again, the old one stays", "err=%s",
                     LK_Q(err.text));
        return;
    }
    lk_coordinator_admit(c, &config->agents, &config->clients);
    lk_door_cut_strangers(c->agents);
    lk_door_cut_strangers(c->clients);
    lk_log_info("agents and clients read again", "path=%s count=%zu", LK_Q(c->config->file),
                c->agent_peers.count + c->client_peers.count);
}

static int on_signal(zloop_t *loop, zmq_pollitem_t *item, void *arg)
{
    struct lk_coordinator  *c = arg;
    struct signalfd_siginfo info;

    (void)loop;
    (void)item;
    if (read(c->signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
        return 0;
    if (info.ssi_signo == SIGHUP)
        reload(c);
    else
        c->stop = true;
    return lk_coordinator_end_turn(c);
}

/*
 * A disk that stalls must not turn into memory: what is not read waits in the sockets, and at their ends.  Signals
 * and the journal are still heard meanwhile.
 */
static bool journal_keeps_up(struct lk_coordinator *c)
{
    struct pollfd journal = { .fd = lk_pump_fd(c->pump), .events = POLLIN };
    bool          full = lk_pump_is_full(c->pump);

    if (full && !c->held)
        lk_log_warn("journal does not keep up: nothing is taken in until it has", "path=%s",
                    LK_Q(c->config->state));
    c->held = full;
    if (full)
        poll(&journal, 1, RETRY_MS);
    return !full;
}

static int on_agents(zloop_t *loop, zsock_t *sock, void *arg)
{
    struct lk_coordinator *c = arg;

    (void)loop;
    (void)sock;
    if (journal_keeps_up(c))
        lk_door_read(c->agents);
    return lk_coordinator_end_turn(c);
}

static int on_clients(zloop_t *loop, zsock_t *sock, void *arg)
{
    struct lk_coordinator *c = arg;

    (void)loop;
    (void)sock;
    if (journal_keeps_up(c))
        lk_door_read(c->clients);
    return lk_coordinator_end_turn(c);
}

static int on_operations(zloop_t *loop, zmq_pollitem_t *item, void *arg)
{
    struct lk_coordinator *c = arg;

    (void)loop;
    (void)item;
    lk_operations_collect(c->operations);
    return lk_coordinator_end_turn(c);
}

static int on_disk(zloop_t *loop, zmq_pollitem_t *item, void *arg)
{
    struct lk_coordinator *c = arg;

    (void)loop;
    (void)item;
    lk_workers_collect(c->disk);
    return lk_coordinator_end_turn(c);
}

static int on_journal(zloop_t *loop, zmq_pollitem_t *item, void *arg)
{
    struct lk_coordinator *c = arg;

    (void)loop;
    (void)item;
    lk_pump_collect(c->pump);
    if (lk_pump_wants_snapshot(c->pump))
        lk_pump_compact(c->pump, lk_snapshot_take(c->core));
    return lk_coordinator_end_turn(c);
}

static int on_sweep(zloop_t *loop, int timer, void *arg)
{
    struct lk_coordinator *c = arg;

    (void)loop;
    (void)timer;
    lk_door_sweep(c->agents);
    lk_door_sweep(c->clients);
    lk_coordinator_trim_sources(c);
    return lk_coordinator_end_turn(c);
}

static void poll_fd(struct lk_coordinator *c, int fd, zloop_fn *handler)
{
    zmq_pollitem_t item = { .fd = fd, .events = ZMQ_POLLIN };

    zloop_poller(c->loop, &item, handler, c);
    zloop_poller_set_tolerant(c->loop, &item);
}

int lk_coordinator_open_loop(struct lk_coordinator *c, struct lk_err *err)
{
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    c->signals = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    if (c->signals < 0)
        return lk_err_sys(err, "preparing to receive signals");
    c->loop = zloop_new();
    zloop_set_nonstop(c->loop, true);
    poll_fd(c, c->signals, on_signal);
    poll_fd(c, lk_operations_fd(c->operations), on_operations);
    poll_fd(c, lk_workers_fd(c->disk), on_disk);
    poll_fd(c, lk_pump_fd(c->pump), on_journal);
    zloop_reader(c->loop, lk_door_sock(c->agents), on_agents, c);
    zloop_reader(c->loop, lk_door_sock(c->clients), on_clients, c);
    zloop_timer(c->loop, SWEEP_MS, 0, on_sweep, c);
    return 0;
}

int lk_coordinator_run(struct lk_coordinator *c, struct lk_err *err)
{
    struct lk_event event = { .type = LK_EVENT_START };

    event.start.epoch = lk_journal_epoch(c->journal);
    lk_coordinator_step(c, &event);
    lk_log_info("lkcoordd ready", "endpoint=%s endpoint=%s count=%llu",
                lk_door_endpoint(c->agents), lk_door_endpoint(c->clients),
                (unsigned long long)c->replayed);
    /* zloop of czmq 4.2.1 also returns when a system call was interrupted: only `stop` ends us. */
    while (!c->stop)
        zloop_start(c->loop);
    if (!c->broken)
        return 0;
    *err = c->broken_by;
    return -1;
}

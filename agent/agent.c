#include "agent/agent.h"

#include "agent/agent_private.h"
#include "agent/builder/builder.h"
#include "common/log/log.h"
#include "common/os/clock.h"
#include "common/os/spawn.h"

#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define TICK_MS 1000 /* progress of uploads; logs whose reader is gone */

static int on_pump(zloop_t *loop, int timer, void *ctx)
{
    struct agent *agent = ctx;

    (void)loop;
    (void)timer;
    agent->pump_timer = -1;
    lk_agent_pump(agent);
    return agent->done ? -1 : 0;
}

void lk_agent_emit(void *ctx, const struct lk_agent_event *event)
{
    struct agent   *agent = ctx;
    struct pending *pending = lk_xcalloc(1, sizeof(*pending));

    pending->event = *event;
    *agent->last = pending;
    agent->last = &pending->next;
    if (!agent->pumping && agent->pump_timer < 0)
        agent->pump_timer = zloop_timer(agent->loop, 0, 1, on_pump, agent);
}

void lk_agent_emit_kind(struct agent *agent, enum lk_agent_event_kind kind)
{
    struct lk_agent_event event = { .kind = kind };

    lk_agent_emit(agent, &event);
}

static int on_wake(zloop_t *loop, int timer, void *ctx)
{
    struct agent *agent = ctx;

    (void)loop;
    (void)timer;
    agent->wake_timer = -1;
    if (agent->done)
        return -1;
    lk_agent_emit_kind(agent, LK_AGENT_WAKE);
    return 0;
}

static void arm_wake(struct agent *agent)
{
    int64_t wait_ms = lk_agent_core_wake_ms(agent->core) - lk_clock_boot_ms();

    if (agent->wake_timer >= 0)
        zloop_timer_end(agent->loop, agent->wake_timer);
    if (wait_ms < 1 || agent->done)
        wait_ms = 1;
    if (wait_ms > 60000)
        wait_ms = 60000;
    agent->wake_timer = zloop_timer(agent->loop, (size_t)wait_ms, 1, on_wake, agent);
}

void lk_agent_pump(struct agent *agent)
{
    struct pending *pending;

    if (agent->pumping)
        return;
    agent->pumping = true;
    while ((pending = agent->first)) {
        agent->first = pending->next;
        if (!agent->first)
            agent->last = &agent->first;
        pending->event.now_ms = lk_clock_boot_ms();
        lk_agent_step(agent->core, &pending->event, &agent->effects);
        free(pending);
        for (size_t i = 0; i < agent->effects.count; i++)
            lk_agent_carry_out(agent, &agent->effects.items[i]);
    }
    agent->pumping = false;
    lk_agent_send_wants(agent);
    arm_wake(agent);
}

static int on_workers(zloop_t *loop, zmq_pollitem_t *item, void *ctx)
{
    struct agent *agent = ctx;

    (void)loop;
    (void)item;
    lk_workers_collect(agent->workers);
    return 0;
}

static int on_signal(zloop_t *loop, zmq_pollitem_t *item, void *ctx)
{
    struct agent           *agent = ctx;
    struct signalfd_siginfo info;

    (void)loop;
    if (read(item->fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
        return 0;
    if (info.ssi_signo == SIGHUP) {
        lk_log_info("nothing to read again: restart to change the configuration", "state=kept");
        return 0;
    }
    lk_log_info("stopping", "state=%s", "shutdown");
    lk_agent_emit_kind(agent, LK_AGENT_SHUTDOWN);
    return 0;
}

static int on_tick(zloop_t *loop, int timer, void *ctx)
{
    struct agent *agent = ctx;
    int64_t       now_ms = lk_clock_boot_ms();

    (void)loop;
    (void)timer;
    for (size_t i = 0; i < TASKS_MAX; i++)
        if (agent->tasks[i])
            lk_task_tick(agent->tasks[i]);
    for (size_t i = 0; i < LOGS_MAX; i++) {
        struct old_log *log = &agent->logs[i];

        if (log->spool && (now_ms >= log->until_ms || lk_spool_is_drained(log->spool)))
            lk_agent_forget_log(log);
    }
    lk_agent_trim_sources(agent);
    return 0;
}

static void ask_version(struct agent *agent)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf   text = LK_BUF_INIT(4096);
    LK_CLEANUP(lk_argv_fini) struct lk_argv argv = { .count = 0 };
    const char                             *name = lk_builder_of(agent->config->builder)->name;
    struct lk_str                           line;
    struct lk_str                           rest;
    struct lk_err                           err;
    int                                     status = 0;

    lk_copy_text(agent->builder_version, sizeof(agent->builder_version), name);
    lk_builder_ask_version(&argv, agent->config);
    if (lk_run((const char *const *)argv.items, &text, &status, &err) < 0) {
        lk_log_error("builder does not run: builds will fail", "err=%s", LK_Q(err.text));
        return;
    }
    if (status != 0) {
        lk_log_error("builder does not run: builds will fail", "path=%s status=%d err=%s",
                     LK_Q(agent->config->builder_command), status, LK_Q(lk_buf_text(&text)));
        return;
    }
    /* "buildah version 1.28.2 (image-spec 1.1.0-rc2, ...)": what people want to know comes first. */
    line = lk_buf_str(&text);
    if (lk_str_split(line, '\n', &line, &rest) && lk_str_split(line, '(', &line, &rest))
        line.len -= lk_str_ends(line, " ");
    lk_str_copy(agent->builder_version, sizeof(agent->builder_version), line);
}

static int prepare(struct agent *agent, struct lk_err *err)
{
    struct lk_agent_core_conf conf = {
        .arch_count = agent->config->arch_count,
        .slots = agent->config->slots,
        .now_ms = lk_clock_boot_ms(),
    };

    if (lk_curve_load(&agent->key, agent->config->key, err) < 0 ||
        lk_curve_parse_public(&agent->coordinator, agent->config->coordinator_key, err) < 0 ||
        lk_agent_state_open(&agent->state, agent->config->state, err) < 0 ||
        lk_agent_state_recall(&agent->state, &conf, err) < 0 ||
        lk_built_salvage(&agent->built, &agent->state, agent->config, err) < 0 ||
        lk_store_open(&agent->store, agent->state.store, err) < 0)
        return -1;
    lk_store_limit(agent->store, agent->config->sources_max_bytes);
    memcpy(conf.arches, agent->config->arches, sizeof(conf.arches));
    randombytes_buf(&conf.seed, sizeof(conf.seed));
    agent->core = lk_agent_core_new(&conf);
    agent->places = lk_places_new();
    if (lk_builder_prepare(agent->config, err) < 0)
        return -1;
    ask_version(agent);
    lk_builder_salvage(agent->config);
    return 0;
}

static void watch(struct agent *agent, int fd, zloop_fn handler)
{
    zmq_pollitem_t item = { .fd = fd, .events = ZMQ_POLLIN };

    lk_assert(zloop_poller(agent->loop, &item, handler, agent) == 0);
}

static int assemble(struct agent *agent, struct lk_err *err)
{
    struct lk_line_conf conf = { agent->config->coordinator, agent->key, &agent->coordinator };
    struct lk_line_listener listener = { lk_agent_on_message, lk_agent_on_lost,
                                         lk_agent_send_log_piece, agent };
    sigset_t                signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    agent->signals = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    if (agent->signals < 0)
        return lk_err_sys(err, "making a signalfd");
    agent->loop = zloop_new();
    lk_assert(agent->loop);
    agent->workers = lk_workers_start(agent->config->slots * 3 + 1, "lkagent-work");
    agent->line = lk_line_new(agent->loop, &conf, &listener);
    watch(agent, agent->signals, on_signal);
    watch(agent, lk_workers_fd(agent->workers), on_workers);
    zloop_timer(agent->loop, TICK_MS, 0, on_tick, agent);
    return 0;
}

static void go_on_with_built(struct agent *agent)
{
    for (size_t i = 0; i < agent->built.count; i++) {
        const struct lk_built *built = &agent->built.items[i];
        struct lk_agent_event  event;

        lk_agent_found_event(&event, &built->offer, &built->manifest);
        agent->offer = &built->offer;
        lk_agent_emit(agent, &event);
        lk_agent_pump(agent);
        agent->offer = NULL;
    }
}

static void serve(struct agent *agent)
{
    go_on_with_built(agent);
    lk_agent_emit_kind(agent, LK_AGENT_WAKE);
    /* zloop ends on any interruption of its poll; that is not ours to obey. */
    while (!agent->done)
        zloop_start(agent->loop);
}

/* Tasks that would not end in time are let go: their processes were killed, their threads end with us. */
static void finish(struct agent *agent)
{
    lk_line_free(&agent->line);
    if (agent->workers)
        lk_workers_stop(&agent->workers);
    for (size_t i = 0; i < TASKS_MAX; i++)
        if (agent->tasks[i])
            lk_task_free(&agent->tasks[i]);
    for (size_t i = 0; i < LOGS_MAX; i++)
        lk_agent_forget_log(&agent->logs[i]);
    while (agent->first) {
        struct pending *pending = agent->first;

        agent->first = pending->next;
        free(pending);
    }
    zloop_destroy(&agent->loop);
    lk_agent_core_free(&agent->core);
    lk_store_close(&agent->store);
    lk_places_free(&agent->places);
    lk_curve_free(&agent->key);
    lk_agent_state_close(&agent->state);
    lk_close_fd(&agent->signals);
}

int lk_agent_run(const struct lk_agent_config *config, struct lk_err *err)
{
    struct agent *agent = lk_xcalloc(1, sizeof(*agent));
    int           result = -1;

    agent->config = config;
    agent->last = &agent->first;
    agent->pump_timer = agent->wake_timer = agent->signals = agent->state.lock = -1;
    if (prepare(agent, err) == 0 && assemble(agent, err) == 0) {
        serve(agent);
        lk_builder_salvage(config);
        result = 0;
    }
    finish(agent);
    free(agent);
    return result;
}

#include "agent/agent.h"

#include "agent/builder/builder.h"
#include "agent/link/line.h"
#include "agent/messages.h"
#include "agent/state.h"
#include "agent/task.h"
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
#define LOG_LINGER_MS \
    60000 /* a log outlives its slot, or the end of a failed build's would be lost */
#define LOGS_MAX        64
#define TASKS_MAX       (2 * LK_AGENT_SLOTS_MAX)
#define CONTROL_RESERVE 64 /* of the line's queue, kept free of WANTs */

/* Events wait here until the step in progress and its effects are done. */
struct pending {
    struct lk_agent_event event;
    struct pending       *next;
};

struct old_log {
    struct lk_spool *spool;
    uint64_t         job;
    uint32_t         attempt;
    int64_t          until_ms;
};

struct agent {
    const struct lk_agent_config *config;
    struct lk_agent_state         state;
    struct lk_curve_pair         *key;
    struct lk_curve_public        coordinator;
    char                          builder_version[64];
    zloop_t                      *loop;
    struct lk_workers            *workers;
    struct lk_store              *store;
    struct lk_line               *line;
    struct lk_agent_core         *core;
    struct lk_agent_effects       effects;
    struct pending               *first, **last;
    bool                          pumping;
    int                           pump_timer; /* -1: none */
    int                           wake_timer; /* -1: none */
    int                           signals;
    const lk_wire_Offer          *offer; /* while its event is handled */
    struct lk_task               *tasks[TASKS_MAX];
    struct old_log                logs[LOGS_MAX];
    size_t                        next_log; /* to be asked first for a piece */
    bool                          done;
};

static void pump(struct agent *agent);

/* ---- events ---- */

static int on_pump(zloop_t *loop, int timer, void *ctx)
{
    struct agent *agent = ctx;

    (void)loop;
    (void)timer;
    agent->pump_timer = -1;
    pump(agent);
    return agent->done ? -1 : 0;
}

static void emit(void *ctx, const struct lk_agent_event *event)
{
    struct agent   *agent = ctx;
    struct pending *pending = lk_xcalloc(1, sizeof(*pending));

    pending->event = *event;
    *agent->last = pending;
    agent->last = &pending->next;
    if (!agent->pumping && agent->pump_timer < 0)
        agent->pump_timer = zloop_timer(agent->loop, 0, 1, on_pump, agent);
}

static void emit_kind(struct agent *agent, enum lk_agent_event_kind kind)
{
    struct lk_agent_event event = { .kind = kind };

    emit(agent, &event);
}

/* ---- tasks ---- */

static struct lk_task *find_task(struct agent *agent, uint64_t id)
{
    for (size_t i = 0; i < TASKS_MAX; i++)
        if (agent->tasks[i] && lk_task_id(agent->tasks[i]) == id)
            return agent->tasks[i];
    return NULL;
}

static void log_grew(void *ctx)
{
    struct agent *agent = ctx;

    if (lk_agent_core_session(agent->core))
        lk_line_wake(agent->line);
}

static struct lk_task *new_task(struct agent *agent, uint64_t id)
{
    struct lk_task_host host = {
        .config = agent->config,
        .loop = agent->loop,
        .workers = agent->workers,
        .store = agent->store,
        .work_directory = agent->state.work,
        .emit = emit,
        .log_grew = log_grew,
        .ctx = agent,
    };

    lk_assert(agent->offer);
    for (size_t i = 0; i < TASKS_MAX; i++) {
        if (agent->tasks[i])
            continue;
        lk_log_info("job taken", "job=%llu attempt=%u arch=%s repository=%s tag=%s",
                    (unsigned long long)agent->offer->job, agent->offer->attempt,
                    LK_Q(agent->offer->arch), LK_Q(agent->offer->repository),
                    LK_Q(agent->offer->tag));
        return agent->tasks[i] = lk_task_new(&host, id, agent->offer);
    }
    lk_assert_failed("the core has as many slots as we have tasks", __FILE__, __LINE__);
}

static void forget_log(struct old_log *log)
{
    lk_spool_close(&log->spool);
}

static void keep_log(struct agent *agent, const lk_wire_Offer *offer, struct lk_spool *spool)
{
    struct old_log *place = &agent->logs[0];

    if (!spool)
        return;
    for (size_t i = 0; i < LOGS_MAX && place->spool; i++)
        if (!agent->logs[i].spool || agent->logs[i].until_ms < place->until_ms)
            place = &agent->logs[i];
    forget_log(place);
    *place = (struct old_log) { spool, offer->job, offer->attempt,
                                lk_clock_boot_ms() + LOG_LINGER_MS };
}

static void forget_task(struct agent *agent, uint64_t id)
{
    for (size_t i = 0; i < TASKS_MAX; i++) {
        struct lk_spool *log;
        lk_wire_Offer    offer;

        if (!agent->tasks[i] || lk_task_id(agent->tasks[i]) != id)
            continue;
        offer = *lk_task_offer(agent->tasks[i]);
        lk_task_forget(&agent->tasks[i], &log);
        keep_log(agent, &offer, log);
        lk_log_info("slot free", "job=%llu attempt=%u", (unsigned long long)offer.job,
                    offer.attempt);
    }
}

/* Sources come one after the other: what is on its way belongs to no one but the first that waits. */
static struct lk_task *fetching_task(struct agent *agent)
{
    struct lk_task *first = NULL;

    for (size_t i = 0; i < TASKS_MAX; i++) {
        struct lk_task *task = agent->tasks[i];

        if (task && lk_task_receiver(task) && (!first || lk_task_id(task) < lk_task_id(first)))
            first = task;
    }
    return first;
}

/* ---- sending ---- */

static void send_message(struct agent *agent, lk_wire_Envelope *envelope)
{
    envelope->session = lk_agent_core_session(agent->core);
    lk_line_send(agent->line, envelope);
}

static void send_wants(struct agent *agent)
{
    struct lk_task  *task = fetching_task(agent);
    lk_wire_Envelope envelope;

    while (task && lk_agent_core_session(agent->core) &&
           lk_line_room(agent->line) > CONTROL_RESERVE &&
           lk_receiver_next(lk_task_receiver(task), &envelope))
        send_message(agent, &envelope);
}

static void send_hello(struct agent *agent)
{
    lk_wire_Envelope envelope = { .which_body = lk_wire_Envelope_hello_tag };
    lk_wire_Hello   *hello = &envelope.body.hello;
    uint8_t          cluster[LK_CLUSTER_MAX];
    size_t           cluster_len;

    lk_agent_hello(hello, agent->config, agent->builder_version);
    hello->epoch = lk_agent_core_cluster(agent->core, cluster, &cluster_len);
    hello->cluster.size = (pb_size_t)cluster_len;
    memcpy(hello->cluster.bytes, cluster, cluster_len);
    lk_line_send(agent->line, &envelope);
}

static void send_report(struct agent *agent, const struct lk_report *report)
{
    lk_wire_Envelope envelope = { .which_body = lk_wire_Envelope_report_tag };

    lk_agent_report(&envelope.body.report, report);
    send_message(agent, &envelope);
    if (report->phase == LK_PHASE_FAILED)
        lk_log_warn("job failed", "job=%llu attempt=%u kind=%s err=%s",
                    (unsigned long long)report->job, report->attempt,
                    lk_err_kind_name(report->kind), LK_Q(report->text));
    else
        lk_log_debug("report", "job=%llu attempt=%u phase=%d fence=%llu",
                     (unsigned long long)report->job, report->attempt, (int)report->phase,
                     (unsigned long long)report->fence);
}

static struct lk_spool *spool_at(struct agent *agent, size_t i)
{
    if (i >= TASKS_MAX)
        return agent->logs[i - TASKS_MAX].spool;
    return agent->tasks[i] ? lk_task_log(agent->tasks[i]) : NULL;
}

/* One log piece, of each log in its turn. */
static bool send_log_piece(void *ctx)
{
    struct agent    *agent = ctx;
    lk_wire_Envelope envelope = { .which_body = lk_wire_Envelope_log_piece_tag };
    struct lk_str    payload;

    envelope.session = lk_agent_core_session(agent->core);
    for (size_t n = 0; envelope.session && n < TASKS_MAX + LOGS_MAX; n++) {
        size_t           i = (agent->next_log + n) % (TASKS_MAX + LOGS_MAX);
        struct lk_spool *spool = spool_at(agent, i);

        if (!spool || !lk_spool_next(spool, &envelope.body.log_piece, &payload))
            continue;
        if (!lk_line_try(agent->line, &envelope, payload))
            return false;
        lk_spool_sent(spool);
        agent->next_log = i + 1;
        return true;
    }
    return false;
}

static struct lk_spool *find_log(struct agent *agent, uint64_t job, uint32_t attempt)
{
    for (size_t i = 0; i < TASKS_MAX; i++)
        if (agent->tasks[i] && lk_task_offer(agent->tasks[i])->job == job &&
            lk_task_offer(agent->tasks[i])->attempt == attempt)
            return lk_task_log(agent->tasks[i]);
    for (size_t i = 0; i < LOGS_MAX; i++)
        if (agent->logs[i].spool && agent->logs[i].job == job &&
            agent->logs[i].attempt == attempt)
            return agent->logs[i].spool;
    return NULL;
}

/* ---- effects ---- */

static void open_line(struct agent *agent)
{
    struct lk_err err;

    if (lk_line_open(agent->line, &err) == 0) {
        send_hello(agent);
        return;
    }
    lk_log_error("cannot connect", "endpoint=%s err=%s", LK_Q(agent->config->coordinator),
                 LK_Q(err.text));
    emit_kind(agent, LK_AGENT_LINE_LOST);
}

static void close_line(struct agent *agent)
{
    lk_line_close(agent->line);
    for (size_t i = 0; i < TASKS_MAX + LOGS_MAX; i++)
        if (spool_at(agent, i))
            lk_spool_reader_gone(spool_at(agent, i));
}

static void resume(struct agent *agent)
{
    for (size_t i = 0; i < TASKS_MAX; i++)
        if (agent->tasks[i] && lk_task_receiver(agent->tasks[i]))
            lk_receiver_restart(lk_task_receiver(agent->tasks[i]));
}

static void remember(struct agent *agent, const struct lk_agent_effect *effect)
{
    struct lk_err err;

    if (lk_agent_state_remember(&agent->state, effect->cluster, effect->cluster_len,
                                effect->epoch, &err) < 0)
        lk_log_error("epoch not remembered", "err=%s", LK_Q(err.text));
}

static void carry_out_for_task(struct agent *agent, const struct lk_agent_effect *effect)
{
    struct lk_task *task = find_task(agent, effect->task);

    if (effect->kind == LK_AGENT_FETCH && !task)
        task = new_task(agent, effect->task);
    if (!task)
        return;
    if (effect->kind == LK_AGENT_FETCH)
        lk_task_fetch(task);
    else if (effect->kind == LK_AGENT_BUILD)
        lk_task_build(task);
    else if (effect->kind == LK_AGENT_UPLOAD)
        lk_task_upload(task);
    else if (effect->kind == LK_AGENT_PUT_MANIFEST)
        lk_task_put(task);
    else if (effect->kind == LK_AGENT_STOP)
        lk_task_stop(task);
    else
        lk_task_kill(task);
}

static void carry_out(struct agent *agent, const struct lk_agent_effect *effect)
{
    lk_wire_Envelope envelope = { 0 };

    switch (effect->kind) {
    case LK_AGENT_OPEN_LINE: open_line(agent); break;
    case LK_AGENT_CLOSE_LINE: close_line(agent); break;
    case LK_AGENT_SEND_PING:
        envelope.which_body = lk_wire_Envelope_ping_tag;
        envelope.body.ping.number = effect->number;
        send_message(agent, &envelope);
        break;
    case LK_AGENT_SEND_REPORT: send_report(agent, &effect->report); break;
    case LK_AGENT_SEND_TICKET_WANTED:
        envelope.which_body = lk_wire_Envelope_ticket_wanted_tag;
        envelope.body.ticket_wanted.job = effect->job;
        envelope.body.ticket_wanted.attempt = effect->attempt;
        send_message(agent, &envelope);
        break;
    case LK_AGENT_SEND_BYE:
        envelope.which_body = lk_wire_Envelope_bye_tag;
        envelope.session = effect->number;
        lk_line_send(agent->line, &envelope);
        break;
    case LK_AGENT_REMEMBER: remember(agent, effect); break;
    case LK_AGENT_RESUME: resume(agent); break;
    case LK_AGENT_FETCH:
    case LK_AGENT_BUILD:
    case LK_AGENT_UPLOAD:
    case LK_AGENT_PUT_MANIFEST:
    case LK_AGENT_STOP:
    case LK_AGENT_KILL: carry_out_for_task(agent, effect); break;
    case LK_AGENT_FORGET: forget_task(agent, effect->task); break;
    case LK_AGENT_WARN:
        lk_log_error("coordinator refused", "err=%s", LK_Q(effect->text));
        break;
    case LK_AGENT_EXIT: agent->done = true; break;
    }
}

/* ---- the pump ---- */

static int on_wake(zloop_t *loop, int timer, void *ctx)
{
    struct agent *agent = ctx;

    (void)loop;
    (void)timer;
    agent->wake_timer = -1;
    if (agent->done)
        return -1;
    emit_kind(agent, LK_AGENT_WAKE);
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

static void pump(struct agent *agent)
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
            carry_out(agent, &agent->effects.items[i]);
    }
    agent->pumping = false;
    send_wants(agent);
    arm_wake(agent);
}

/* ---- receiving ---- */

static void take_source(struct agent *agent, const lk_wire_Envelope *envelope,
                        struct lk_str payload)
{
    struct lk_task *task = fetching_task(agent);
    struct lk_err   err = { .kind = LK_ERR_NONE };
    struct lk_oid   oid;
    bool            is_object = envelope->which_body == lk_wire_Envelope_object_tag;

    memcpy(oid.sha1, is_object ? envelope->body.object.oid : envelope->body.absent.oid,
           sizeof(oid.sha1));
    /* What nobody waits for was asked for by an attempt that is gone. */
    if (!task || !lk_receiver_expects(lk_task_receiver(task), &oid))
        return;
    if (lk_receiver_take(lk_task_receiver(task), envelope, payload, &err) < 0)
        lk_task_received(task, &err);
    else
        lk_task_received(task, NULL);
}

static void take_log_order(struct agent *agent, const lk_wire_Envelope *envelope)
{
    bool                  is_credit = envelope->which_body == lk_wire_Envelope_credit_tag;
    const lk_wire_Credit *credit = &envelope->body.credit;
    const lk_wire_Follow *follow = &envelope->body.follow;
    struct lk_spool      *spool = is_credit ? find_log(agent, credit->job, credit->attempt)
                                            : find_log(agent, follow->job, follow->attempt);

    if (!spool)
        return;
    if (is_credit)
        lk_spool_credit(spool, credit->bytes);
    else
        lk_spool_seek(spool, follow->offset);
    lk_line_wake(agent->line);
}

static void before_step(struct agent *agent, const lk_wire_Envelope *envelope,
                        struct lk_str payload)
{
    struct lk_task *task;

    switch (envelope->which_body) {
    case lk_wire_Envelope_stage_tag:
        task = find_task(agent, lk_agent_core_task(agent->core, envelope->body.stage.job,
                                                   envelope->body.stage.attempt));
        if (task)
            lk_task_set_ticket(task, &envelope->body.stage);
        break;
    case lk_wire_Envelope_object_tag:
    case lk_wire_Envelope_absent_tag: take_source(agent, envelope, payload); break;
    case lk_wire_Envelope_credit_tag:
    case lk_wire_Envelope_follow_tag: take_log_order(agent, envelope); break;
    default: break;
    }
}

static void on_message(void *ctx, const lk_wire_Envelope *envelope, struct lk_str payload)
{
    struct agent         *agent = ctx;
    struct lk_agent_event event;
    uint64_t              session = lk_agent_core_session(agent->core);

    if (envelope->which_body == lk_wire_Envelope_error_tag)
        lk_log_warn("turned away by the coordinator", "err=%s",
                    LK_Q(envelope->body.error.text));
    if (session != 0 && envelope->session == session)
        before_step(agent, envelope, payload);
    if (envelope->which_body == lk_wire_Envelope_offer_tag)
        agent->offer = &envelope->body.offer;
    lk_agent_event_of(&event, envelope);
    emit(agent, &event);
    pump(agent);
    agent->offer = NULL;
    if (session == 0 && lk_agent_core_session(agent->core))
        lk_log_info("welcomed", "name=%s session=%llu", LK_Q(envelope->body.welcome.name),
                    (unsigned long long)lk_agent_core_session(agent->core));
}

static void on_lost(void *ctx, const char *why)
{
    struct agent *agent = ctx;

    lk_log_warn("line lost", "endpoint=%s err=%s", LK_Q(agent->config->coordinator), LK_Q(why));
    emit_kind(agent, LK_AGENT_LINE_LOST);
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
    emit_kind(agent, LK_AGENT_SHUTDOWN);
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
            forget_log(log);
    }
    return 0;
}

/* ---- start and end ---- */

static void ask_version(struct agent *agent)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf text = LK_BUF_INIT(4096);
    const char   *argv[] = { agent->config->builder_command, "--version", NULL };
    const char   *name = lk_builder_of(agent->config->builder)->name;
    struct lk_err err;
    int           status = 0;

    lk_copy_text(agent->builder_version, sizeof(agent->builder_version), name);
    if (lk_run(argv, &text, &status, &err) < 0 || status != 0)
        lk_log_error("builder does not run: builds will fail", "path=%s",
                     LK_Q(agent->config->builder_command));
    else
        lk_wire_set_text(agent->builder_version, sizeof(agent->builder_version),
                         strtok(text.data, "\n"));
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
        lk_store_open(&agent->store, agent->state.store, err) < 0)
        return -1;
    memcpy(conf.arches, agent->config->arches, sizeof(conf.arches));
    randombytes_buf(&conf.seed, sizeof(conf.seed));
    agent->core = lk_agent_core_new(&conf);
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
    struct lk_line_listener listener = { on_message, on_lost, send_log_piece, agent };
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

static void serve(struct agent *agent)
{
    emit_kind(agent, LK_AGENT_WAKE);
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
        forget_log(&agent->logs[i]);
    while (agent->first) {
        struct pending *pending = agent->first;

        agent->first = pending->next;
        free(pending);
    }
    zloop_destroy(&agent->loop);
    lk_agent_core_free(&agent->core);
    lk_store_close(&agent->store);
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

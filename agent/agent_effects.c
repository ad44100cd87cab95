#include "agent/agent_private.h"

#include "common/log/log.h"

#include <string.h>

#define CONTROL_RESERVE 64 /* of the line's queue, kept free of WANTs */

struct lk_task *lk_agent_find_task(struct agent *agent, uint64_t id)
{
    for (size_t i = 0; i < TASKS_MAX; i++)
        if (agent->tasks[i] && lk_task_id(agent->tasks[i]) == id)
            return agent->tasks[i];
    return NULL;
}

static struct lk_task *new_task(struct agent *agent, uint64_t id)
{
    struct lk_task_host host = {
        .config = agent->config,
        .loop = agent->loop,
        .workers = agent->workers,
        .store = agent->store,
        .places = agent->places,
        .work_directory = agent->state.work,
        .slots_directory = agent->state.slots,
        .built_directory = agent->state.built,
        .emit = lk_agent_emit,
        .log_grew = lk_agent_log_grew,
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

static void forget_task(struct agent *agent, uint64_t id)
{
    for (size_t i = 0; i < TASKS_MAX; i++) {
        struct lk_spool *log;
        lk_wire_Offer    offer;

        if (!agent->tasks[i] || lk_task_id(agent->tasks[i]) != id)
            continue;
        offer = *lk_task_offer(agent->tasks[i]);
        lk_task_forget(&agent->tasks[i], &log);
        lk_agent_keep_log(agent, &offer, log);
        lk_log_info("slot free", "job=%llu attempt=%u", (unsigned long long)offer.job,
                    offer.attempt);
    }
}

/* Sources come one after the other: what is on its way belongs to no one but the first that waits. */
struct lk_task *lk_agent_fetching_task(struct agent *agent)
{
    struct lk_task *first = NULL;

    for (size_t i = 0; i < TASKS_MAX; i++) {
        struct lk_task *task = agent->tasks[i];

        if (task && lk_task_receiver(task) && (!first || lk_task_id(task) < lk_task_id(first)))
            first = task;
    }
    return first;
}

static void send_message(struct agent *agent, lk_wire_Envelope *envelope)
{
    envelope->session = lk_agent_core_session(agent->core);
    lk_line_send(agent->line, envelope);
}

void lk_agent_send_wants(struct agent *agent)
{
    struct lk_task  *task = lk_agent_fetching_task(agent);
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

static void open_line(struct agent *agent)
{
    struct lk_err err;

    if (lk_line_open(agent->line, &err) == 0) {
        send_hello(agent);
        return;
    }
    lk_log_error("cannot connect", "endpoint=%s err=%s", LK_Q(agent->config->coordinator),
                 LK_Q(err.text));
    lk_agent_emit_kind(agent, LK_AGENT_LINE_LOST);
}

static void close_line(struct agent *agent)
{
    lk_line_close(agent->line);
    for (size_t i = 0; i < TASKS_MAX + LOGS_MAX; i++)
        if (lk_agent_spool_at(agent, i))
            lk_spool_reader_gone(lk_agent_spool_at(agent, i));
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
    struct lk_task *task = lk_agent_find_task(agent, effect->task);

    if ((effect->kind == LK_AGENT_FETCH || effect->kind == LK_AGENT_CHECK_BUILT) && !task)
        task = new_task(agent, effect->task);
    if (!task)
        return;
    if (effect->kind == LK_AGENT_FETCH)
        lk_task_fetch(task);
    else if (effect->kind == LK_AGENT_CHECK_BUILT)
        lk_task_check_built(task);
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

void lk_agent_carry_out(struct agent *agent, const struct lk_agent_effect *effect)
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
        envelope.body.bye.keeps = effect->keeps;
        lk_line_send(agent->line, &envelope);
        break;
    case LK_AGENT_REMEMBER: remember(agent, effect); break;
    case LK_AGENT_RESUME: resume(agent); break;
    case LK_AGENT_CHECK_BUILT:
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

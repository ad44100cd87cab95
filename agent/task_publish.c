#include "agent/task_private.h"

void lk_task_set_ticket(struct lk_task *task, const lk_wire_Stage *stage)
{
    switch (stage->credential) {
    case lk_wire_CredentialKind_CREDENTIAL_BEARER:
        task->ticket.kind = LK_CREDENTIAL_BEARER;
        break;
    case lk_wire_CredentialKind_CREDENTIAL_BASIC:
        task->ticket.kind = LK_CREDENTIAL_BASIC;
        break;
    case lk_wire_CredentialKind_CREDENTIAL_NONE: task->ticket.kind = LK_CREDENTIAL_NONE; break;
    }
    lk_copy_text(task->ticket.user, sizeof(task->ticket.user), stage->user);
    lk_copy_text(task->ticket.secret, sizeof(task->ticket.secret), stage->secret);
}

static void publish_ended(struct lk_task *task, enum lk_agent_event_kind kind,
                          const struct lk_err *err)
{
    struct lk_err own;

    if (!task->stopping && !err) {
        lk_task_emit_kind(task, kind);
    } else if (!task->stopping) {
        own = *err;
        /* The package's author can do nothing about what a registry does not like. */
        if (own.kind == LK_ERR_INVALID)
            own.kind = LK_ERR_PERMANENT;
        lk_task_fail(task, &own);
    }
    lk_task_check_stopped(task);
}

static void uploaded(void *ctx, const struct lk_err *err)
{
    publish_ended(ctx, LK_AGENT_UPLOADED, err);
}

static void put(void *ctx, const struct lk_err *err)
{
    publish_ended(ctx, LK_AGENT_PUT, err);
}

static bool prepare_publish(struct lk_task *task)
{
    const char                *ca_file = task->host.config->ca_file;
    struct lk_publish_listener listener = { uploaded, put, task };
    struct lk_publish_conf     conf = {
            .workers = task->host.workers,
            .places = task->host.places,
            .image = &task->image,
            .plain_http = task->offer.plain_http,
            .ca_file = ca_file[0] ? ca_file : NULL,
    };
    struct lk_err err = { .kind = LK_ERR_NONE };

    if (task->publish)
        return true;
    if (lk_reference_parse(lk_str_of(task->offer.repository), &conf.repository, &err) < 0) {
        err.kind = LK_ERR_PERMANENT;
        lk_task_fail(task, &err);
        return false;
    }
    task->publish = lk_publish_new(&conf, &listener);
    return true;
}

void lk_task_upload(struct lk_task *task)
{
    if (prepare_publish(task))
        lk_publish_upload(task->publish, &task->ticket);
}

void lk_task_put(struct lk_task *task)
{
    if (prepare_publish(task))
        lk_publish_put(task->publish, &task->ticket);
}

void lk_task_tick(struct lk_task *task)
{
    struct lk_agent_event event = { .kind = LK_AGENT_PROGRESS };

    if (!task->publish || !lk_publish_is_busy(task->publish) || task->stopping)
        return;
    lk_publish_progress(task->publish, &event.bytes_done, &event.bytes_total);
    if (event.bytes_done == task->last_done)
        return;
    task->last_done = event.bytes_done;
    lk_task_emit(task, &event);
}

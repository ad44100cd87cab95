#include "agent/task_private.h"

#include <string.h>

static int run_take(struct lk_task *task, struct lk_err *err)
{
    struct lk_oid spec_id;

    memcpy(spec_id.sha1, task->offer.spec, sizeof(spec_id.sha1));
    return lk_build_secrets_take(&task->secrets, task->host.config->secrets, &task->spec,
                                 &spec_id, err);
}

static void taken(struct lk_task *task, const struct lk_err *err)
{
    if (err)
        lk_task_fail(task, err);
    else
        lk_task_emit_kind(task, LK_AGENT_FETCHED);
}

void lk_task_take_secrets(struct lk_task *task)
{
    if (lk_spec_wants_secrets(&task->spec))
        lk_task_submit(task, run_take, taken);
    else
        lk_task_emit_kind(task, LK_AGENT_FETCHED);
}

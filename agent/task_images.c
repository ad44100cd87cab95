#include "agent/task_private.h"

#include "agent/depends/depends.h"
#include "common/registry/reference.h"

#include <stdio.h>

static void say(struct lk_task *task, const char *what)
{
    const struct lk_spec_depends         *depends = &task->spec.depends;
    LK_CLEANUP(lk_buf_fini) struct lk_buf line = LK_BUF_INIT(4096);

    lk_buf_printf(&line, "lkagentd: %s %zu image%s of depends.docker-images as %s%s\n", what,
                  depends->image_count, depends->image_count == 1 ? "" : "s", depends->target,
                  depends->target_dir);
    lk_spool_write(task->log, lk_buf_str(&line));
    task->host.log_grew(task->host.ctx);
}

static int run_fetch(struct lk_task *task, struct lk_err *err)
{
    const struct lk_agent_config *config = task->host.config;
    struct lk_reference           repository = { .host = "" };
    struct lk_depends_request     request = {
            .depends = &task->spec.depends,
            .arch = &task->arch,
            .context = task->context,
            .scratch = task->directory,
            .ca_file = config->ca_file[0] ? config->ca_file : NULL,
            .cancel = &task->cancel,
    };

    if (lk_reference_parse(lk_str_of(task->offer.repository), &repository, err) < 0)
        return -1;
    /* The coordinator's word about the registry that is pushed to. */
    request.known_host = repository.host;
    request.known_is_plain = task->offer.plain_http;
    return lk_depends_fetch(&request, err);
}

static void fetched(struct lk_task *task, const struct lk_err *err)
{
    if (err) {
        lk_task_fail(task, err);
        return;
    }
    say(task, "saved");
    lk_task_take_secrets(task);
}

void lk_task_fetch_images(struct lk_task *task)
{
    if (task->spec.depends.image_count == 0) {
        lk_task_take_secrets(task);
        return;
    }
    say(task, "fetching");
    lk_task_submit(task, run_fetch, fetched);
}

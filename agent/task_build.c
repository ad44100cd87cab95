#include "agent/task_private.h"
#include "common/log/log.h"

#include <string.h>

static void build_output(void *ctx, struct lk_str bytes)
{
    static const char refusal[] = "exec format error";
    struct lk_task   *task = ctx;

    if (memmem(bytes.data, bytes.len, refusal, sizeof(refusal) - 1))
        task->cannot_execute = true;
    lk_spool_write(task->log, bytes);
    task->host.log_grew(task->host.ctx);
}

static int run_inspect(struct lk_task *task, struct lk_err *err)
{
    return lk_image_read(&task->image, task->layout, &task->arch, err);
}

static void inspected(struct lk_task *task, const struct lk_err *err)
{
    struct lk_agent_event event = { .kind = LK_AGENT_BUILT };

    if (err) {
        lk_task_fail(task, err);
        return;
    }
    event.digest = task->image.manifest.digest;
    event.size = task->image.manifest.size;
    lk_copy_text(event.media_type, sizeof(event.media_type), task->image.manifest.media_type);
    lk_task_emit(task, &event);
}

/*
 * A builder's exit status does not say whose fault it was; its last line mostly does.  In doubt it is the
 * package's: trying the same again elsewhere would only hide a broken Dockerfile for longer.
 */
static enum lk_err_kind blame(const char *last_line)
{
    static const struct {
        const char      *words;
        enum lk_err_kind kind;
    } known[] = {
        { "no space left on device", LK_ERR_LIMIT },
        { "disk quota exceeded", LK_ERR_LIMIT },
        { "pinging container registry", LK_ERR_RETRY },
        { "error pinging docker registry", LK_ERR_RETRY },
        { "TLS handshake timeout", LK_ERR_RETRY },
        { "toomanyrequests", LK_ERR_RETRY },
        { "Cannot connect to the Docker daemon", LK_ERR_RETRY },
    };

    for (size_t i = 0; i < LK_COUNT(known); i++)
        if (strcasestr(last_line, known[i].words))
            return known[i].kind;
    return LK_ERR_INVALID;
}

static bool is_emulated(const struct lk_task *task)
{
    const struct lk_agent_config *config = task->host.config;

    for (size_t i = 0; i < config->arch_count; i++)
        if (lk_arch_eq(&config->arches[i], &task->arch))
            return config->emulated[i];
    return false;
}

static void build_ended(void *ctx, int status, const struct lk_err *start_err)
{
    struct lk_task *task = ctx;
    const char     *builder = lk_builder_of(task->host.config->builder)->name;
    const char     *line;
    struct lk_err   err = { .kind = LK_ERR_NONE };

    lk_log_info("build ended", "job=%llu attempt=%u arch=%s status=%d",
                (unsigned long long)task->offer.job, task->offer.attempt, task->arch.name,
                status);
    lk_runner_free(&task->runner);
    lk_task_end_log(task);
    line = lk_spool_last_line(task->log);
    if (task->stopping) {
        lk_task_check_stopped(task);
    } else if (start_err) {
        err = *start_err;
        err.kind = LK_ERR_PERMANENT; /* of this host: its builder is not there */
        lk_task_fail(task, &err);
    } else if (status != 0 && task->cannot_execute && is_emulated(task)) {
        lk_err_set(&err, LK_ERR_PERMANENT,
                   "this agent's host does not run %s programs: install qemu-user-static and "
                   "binfmt-support there, or take %s out of its arches",
                   task->arch.name, task->arch.name);
        lk_task_fail(task, &err);
    } else if (status != 0) {
        lk_err_set(&err, blame(line), "%s ended with %d: %s", builder, status, line);
        lk_task_fail(task, &err);
    } else {
        lk_task_submit(task, run_inspect, inspected);
    }
}

void lk_task_build(struct lk_task *task)
{
    struct lk_runner_listener listener = { build_output, build_ended, task };
    struct lk_build_plan      plan;
    struct lk_err             err = { .kind = LK_ERR_NONE };
    struct lk_build_request   request = {
          .config = task->host.config,
          .spec = &task->spec,
          .arch = &task->arch,
          .context = task->context,
          .layout = task->layout,
          .name = task->name,
    };

    if (lk_build_plan(&plan, &request, &err) == 0)
        task->runner = lk_runner_start(task->host.loop, &plan, &listener);
    else
        lk_task_fail(task, &err);
    lk_build_plan_fini(&plan);
}

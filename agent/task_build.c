#include "agent/task_private.h"

#include "agent/builder/blame.h"
#include "agent/built.h"
#include "agent/remains.h"
#include "common/log/log.h"

#include <string.h>

static void build_started(void *ctx, pid_t process)
{
    struct lk_task *task = ctx;
    struct lk_err   err;

    if (lk_remains_note(task->host.slots_directory, task->name, "building", process, &err) < 0)
        lk_log_warn("builder not noted for the next start", "err=%s", LK_Q(err.text));
}

static bool says(struct lk_str bytes, const char *words)
{
    return memmem(bytes.data, bytes.len, words, strlen(words)) != NULL;
}

static void build_output(void *ctx, struct lk_str bytes)
{
    struct lk_task *task = ctx;

    if (says(bytes, "exec format error"))
        task->cannot_execute = true;
    /* Asked at once: a builder that gives up makes room before it ends. */
    if (says(bytes, "No space left on device") || says(bytes, "no space left on device"))
        task->disk_was_full = task->disk_was_full || lk_blame_disk_is_full(task->host.config);
    lk_spool_write(task->log, bytes);
    task->host.log_grew(task->host.ctx);
}

static int run_inspect(struct lk_task *task, struct lk_err *err)
{
    return lk_image_read(&task->image, task->layout, &task->arch, err);
}

static void say_built(struct lk_task *task)
{
    struct lk_agent_event event = { .kind = LK_AGENT_BUILT };

    event.digest = task->image.manifest.digest;
    event.size = task->image.manifest.size;
    lk_copy_text(event.media_type, sizeof(event.media_type), task->image.manifest.media_type);
    lk_task_emit(task, &event);
}

static void inspected(struct lk_task *task, const struct lk_err *err)
{
    struct lk_err own;

    if (err) {
        lk_task_fail(task, err);
        return;
    }
    /* Before the coordinator hears of it: what was reported is not built again. */
    if (lk_built_note(task->host.built_directory, task->name, &task->offer,
                      &task->image.manifest.digest, &own) < 0)
        lk_log_warn("image not noted for the next start", "err=%s", LK_Q(own.text));
    say_built(task);
}

static int run_check(struct lk_task *task, struct lk_err *err)
{
    return run_inspect(task, err) < 0 ? -1 : lk_image_check(&task->image, err);
}

static void checked(struct lk_task *task, const struct lk_err *err)
{
    struct lk_err own;

    if (!err) {
        say_built(task);
        return;
    }
    own = *err;
    own.kind = LK_ERR_RETRY;
    lk_err_wrap(&own, "going on after a restart with what was built");
    lk_task_fail(task, &own);
}

void lk_task_check_built(struct lk_task *task)
{
    lk_task_end_log(task);
    lk_task_submit(task, run_check, checked);
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
    lk_build_secrets_fini(&task->secrets);
    lk_remains_forget(task->host.slots_directory, task->name);
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
        bool full = task->disk_was_full || lk_blame_disk_is_full(task->host.config);

        lk_err_set(&err, lk_blame(line, full), "%s ended with %d: %s", builder, status, line);
        lk_task_fail(task, &err);
    } else {
        lk_task_submit(task, run_inspect, inspected);
    }
}

void lk_task_build(struct lk_task *task)
{
    struct lk_runner_listener listener = { build_started, build_output, build_ended, task };
    struct lk_build_plan      plan;
    struct lk_err             err = { .kind = LK_ERR_NONE };
    struct lk_build_request   request = {
          .config = task->host.config,
          .spec = &task->spec,
          .arch = &task->arch,
          .directory = task->directory,
          .context = task->context,
          .layout = task->layout,
          .name = task->name,
          .secrets = lk_spec_wants_secrets(&task->spec) ? &task->secrets : NULL,
    };
    LK_CLEANUP(lk_free_pointer)
    char *for_arch =
        lk_xasprintf("%s:%s-%s", task->spec.repository, task->spec.tag, task->arch.name);
    LK_CLEANUP(lk_free_pointer)
    char *for_host = lk_xasprintf("%s:%s", task->spec.repository, task->spec.tag);

    /* Nobody publishes it: it is for whoever uses this host's builder. */
    if (task->offer.build_only)
        request.keep[request.keep_count++] = for_arch;
    if (task->offer.build_only && !is_emulated(task))
        request.keep[request.keep_count++] = for_host;
    if (lk_build_plan(&plan, &request, &err) == 0)
        task->runner = lk_runner_start(task->host.loop, &plan, &listener);
    else
        lk_task_fail(task, &err);
    lk_build_plan_fini(&plan);
}

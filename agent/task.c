#include "agent/task.h"

#include "agent/builder/runner.h"
#include "common/log/log.h"
#include "common/os/file.h"
#include "common/pkg/spec.h"
#include "common/source/materialise.h"

#include <errno.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

struct lk_task {
    struct lk_task_host  host;
    uint64_t             id;
    lk_wire_Offer        offer;
    struct lk_arch       arch;
    char                *name; /* JOB-ATTEMPT */
    char                *directory;
    char                *context;
    char                *layout;
    struct lk_receiver  *receiver;
    bool                 has_spec;
    struct lk_spec       spec;
    struct lk_spool     *log;
    struct lk_err        log_err;
    bool                 log_ended;
    struct lk_runner    *runner;
    bool                 cannot_execute; /* the kernel refused a program of this arch */
    struct lk_image      image;
    struct lk_publish   *publish;
    struct lk_credential ticket;
    uint64_t             last_done;
    size_t               works; /* on worker threads, besides publish */
    bool                 stopping;
    bool                 stopped;
};

/* Something that blocks, done for a task on a worker's thread. */
struct chore {
    struct lk_work  work; /* first: the pool hands back this pointer */
    struct lk_task *task;
    int (*run)(struct lk_task *task, struct lk_err *err);
    void (*done)(struct lk_task *task, const struct lk_err *err);
    bool          ran;
    bool          failed; /* err is set */
    struct lk_err err;
};

static void emit(struct lk_task *task, struct lk_agent_event *event)
{
    event->task = task->id;
    task->host.emit(task->host.ctx, event);
}

static void emit_kind(struct lk_task *task, enum lk_agent_event_kind kind)
{
    struct lk_agent_event event = { .kind = kind };

    emit(task, &event);
}

static void end_log(struct lk_task *task)
{
    if (task->log && !task->log_ended)
        lk_spool_end(task->log);
    task->log_ended = true;
    task->host.log_grew(task->host.ctx);
}

static void fail(struct lk_task *task, const struct lk_err *err)
{
    struct lk_agent_event event = { .kind = LK_AGENT_FAILED, .error = err->kind };

    if (err->sys == ENOSPC || err->sys == EDQUOT)
        event.error = LK_ERR_LIMIT;
    /* Cut where it does not fit. */
    snprintf(event.text, sizeof(event.text), "%.*s", (int)sizeof(event.text) - 1, err->text);
    if (task->log && !task->log_ended) {
        lk_spool_write(task->log, LK_STR("lkagentd: "));
        lk_spool_write(task->log, lk_str_of(event.text));
        lk_spool_write(task->log, LK_STR("\n"));
    }
    end_log(task);
    if (!task->stopping)
        emit(task, &event);
}

static void check_stopped(struct lk_task *task)
{
    bool busy =
        task->runner || task->works > 0 || (task->publish && lk_publish_is_busy(task->publish));

    if (!task->stopping || task->stopped || busy)
        return;
    task->stopped = true;
    emit_kind(task, LK_AGENT_STOPPED);
}

static void chore_run(struct lk_work *work)
{
    struct chore *chore = (struct chore *)work;

    chore->ran = true;
    chore->failed = chore->run(chore->task, &chore->err) < 0;
}

static void chore_done(struct lk_work *work)
{
    struct chore   *chore = (struct chore *)work;
    struct lk_task *task = chore->task;

    task->works--;
    if (chore->ran && !task->stopping)
        chore->done(task, chore->failed ? &chore->err : NULL);
    free(chore);
    check_stopped(task);
}

static void submit(struct lk_task *task, int (*run)(struct lk_task *, struct lk_err *),
                   void (*done)(struct lk_task *, const struct lk_err *))
{
    struct chore *chore = lk_xcalloc(1, sizeof(*chore));

    chore->work.run = chore_run;
    chore->work.done = chore_done;
    chore->task = task;
    chore->run = run;
    chore->done = done;
    task->works++;
    lk_workers_submit(task->host.workers, &chore->work);
}

/* ---- life ---- */

struct lk_task *lk_task_new(const struct lk_task_host *host, uint64_t id,
                            const lk_wire_Offer *offer)
{
    struct lk_task *task = lk_xcalloc(1, sizeof(*task));

    task->host = *host;
    task->id = id;
    task->offer = *offer;
    lk_arch_parse(lk_str_of(offer->arch), &task->arch);
    task->name = lk_xasprintf("%llu-%u", (unsigned long long)offer->job, offer->attempt);
    task->directory = lk_xasprintf("%s/%s", host->work_directory, task->name);
    task->context = lk_xasprintf("%s/context", task->directory);
    task->layout = lk_xasprintf("%s/layout", task->directory);
    if (lk_spool_open(&task->log, host->work_directory, offer->job, offer->attempt,
                      LK_LOG_BYTES_MAX, &task->log_err) < 0)
        task->log = NULL;
    return task;
}

uint64_t lk_task_id(const struct lk_task *task)
{
    return task->id;
}

const lk_wire_Offer *lk_task_offer(const struct lk_task *task)
{
    return &task->offer;
}

struct lk_spool *lk_task_log(struct lk_task *task)
{
    return task->log;
}

struct removal {
    struct lk_work work; /* first */
    char          *directory;
};

static void removal_run(struct lk_work *work)
{
    struct removal *removal = (struct removal *)work;
    struct lk_err   err;

    if (lk_directory_remove(removal->directory, &err) < 0 && err.kind != LK_ERR_NOT_FOUND)
        lk_log_warn("work directory not removed", "path=%s err=%s", LK_Q(removal->directory),
                    LK_Q(err.text));
}

static void removal_done(struct lk_work *work)
{
    struct removal *removal = (struct removal *)work;

    free(removal->directory);
    free(removal);
}

void lk_task_free(struct lk_task **task)
{
    struct lk_task *t = *task;

    lk_spool_close(&t->log);
    lk_receiver_free(&t->receiver);
    lk_runner_free(&t->runner);
    lk_publish_free(&t->publish);
    lk_image_fini(&t->image);
    if (t->has_spec)
        lk_spec_fini(&t->spec);
    sodium_memzero(&t->ticket, sizeof(t->ticket));
    free(t->name);
    free(t->context);
    free(t->layout);
    free(t->directory);
    free(t);
    *task = NULL;
}

void lk_task_forget(struct lk_task **task, struct lk_spool **log)
{
    struct removal *removal = lk_xcalloc(1, sizeof(*removal));

    end_log(*task);
    *log = LK_TAKE((*task)->log);
    removal->work.run = removal_run;
    removal->work.done = removal_done;
    removal->directory = LK_TAKE((*task)->directory);
    lk_workers_submit((*task)->host.workers, &removal->work);
    lk_task_free(task);
}

void lk_task_stop(struct lk_task *task)
{
    task->stopping = true;
    lk_receiver_free(&task->receiver);
    if (task->runner)
        lk_runner_signal(task->runner, SIGTERM);
    if (task->publish)
        lk_publish_cancel(task->publish);
    check_stopped(task);
}

void lk_task_kill(struct lk_task *task)
{
    if (task->runner)
        lk_runner_signal(task->runner, SIGKILL);
}

/* ---- fetch ---- */

/* A link in the package must not make the builder read a file of this host as its Dockerfile. */
static int check_dockerfile(const struct lk_task *task, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer)
    char *wanted = lk_xasprintf("%s/%s", task->context, task->spec.dockerfile);
    LK_CLEANUP(lk_free_pointer) char *file = realpath(wanted, NULL);
    LK_CLEANUP(lk_free_pointer) char *top = realpath(task->context, NULL);

    if (!file || !top)
        return lk_err_set(err, LK_ERR_INVALID, "the package has no file %s: %s",
                          task->spec.dockerfile, strerror(errno));
    if (!lk_str_starts(lk_str_of(file), top) || file[strlen(top)] != '/')
        return lk_err_set(err, LK_ERR_INVALID, "%s leads out of the package",
                          task->spec.dockerfile);
    return 0;
}

static int run_materialise(struct lk_task *task, struct lk_err *err)
{
    /* The builder runs as we do; nobody else has business with a package's source. */
    if (lk_directory_make(task->directory, 0700, err) < 0 ||
        lk_directory_make(task->context, 0755, err) < 0 ||
        lk_materialise(task->host.store, &task->spec.tree, task->context, err) < 0)
        return -1;
    return check_dockerfile(task, err);
}

static void materialised(struct lk_task *task, const struct lk_err *err)
{
    if (err)
        fail(task, err);
    else
        emit_kind(task, LK_AGENT_FETCHED);
}

static int read_spec(struct lk_task *task, const struct lk_oid *oid, struct lk_err *err)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf bytes = LK_BUF_INIT(LK_SPEC_BYTES_MAX);
    bool                                  is_tree;

    if (lk_store_read(task->host.store, oid, &is_tree, &bytes, err) < 0 ||
        lk_spec_read(lk_buf_str(&bytes), &task->spec, err) < 0)
        return lk_err_wrap(err, "reading the job's specification");
    task->has_spec = true;
    return 0;
}

static int advance_fetch(struct lk_task *task, struct lk_err *err)
{
    struct lk_oid oid;

    if (!lk_receiver_is_done(task->receiver))
        return 0;
    if (!task->has_spec) {
        memcpy(oid.sha1, task->offer.spec, sizeof(oid.sha1));
        if (read_spec(task, &oid, err) < 0 ||
            lk_receiver_add_root(task->receiver, &task->spec.tree, true, err) < 0)
            return -1;
        if (!lk_receiver_is_done(task->receiver))
            return 0;
    }
    lk_receiver_free(&task->receiver);
    submit(task, run_materialise, materialised);
    return 0;
}

void lk_task_received(struct lk_task *task, const struct lk_err *received)
{
    struct lk_err err = { .kind = LK_ERR_NONE };

    if (received)
        err = *received;
    else if (advance_fetch(task, &err) == 0)
        return;
    lk_receiver_free(&task->receiver);
    /* What the transfer calls invalid is not the package's fault: its client had it right. */
    if (err.kind == LK_ERR_INVALID)
        err.kind = LK_ERR_RETRY;
    fail(task, &err);
}

struct lk_receiver *lk_task_receiver(struct lk_task *task)
{
    return task->receiver;
}

void lk_task_fetch(struct lk_task *task)
{
    struct lk_oid oid;
    struct lk_err err = { .kind = LK_ERR_NONE };

    if (!task->log) {
        fail(task, &task->log_err);
        return;
    }
    memcpy(oid.sha1, task->offer.spec, sizeof(oid.sha1));
    task->receiver = lk_receiver_new(task->host.store, task->offer.job);
    if (lk_receiver_add_root(task->receiver, &oid, false, &err) < 0)
        lk_task_received(task, &err);
    else
        lk_task_received(task, NULL);
}

/* ---- build ---- */

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
        fail(task, err);
        return;
    }
    event.digest = task->image.manifest.digest;
    event.size = task->image.manifest.size;
    lk_copy_text(event.media_type, sizeof(event.media_type), task->image.manifest.media_type);
    emit(task, &event);
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

    lk_runner_free(&task->runner);
    end_log(task);
    line = lk_spool_last_line(task->log);
    if (task->stopping) {
        check_stopped(task);
    } else if (start_err) {
        err = *start_err;
        err.kind = LK_ERR_PERMANENT; /* of this host: its builder is not there */
        fail(task, &err);
    } else if (status != 0 && task->cannot_execute && is_emulated(task)) {
        lk_err_set(&err, LK_ERR_PERMANENT,
                   "this agent's host does not run %s programs: install qemu-user-static and "
                   "binfmt-support there, or take %s out of its arches",
                   task->arch.name, task->arch.name);
        fail(task, &err);
    } else if (status != 0) {
        lk_err_set(&err, blame(line), "%s ended with %d: %s", builder, status, line);
        fail(task, &err);
    } else {
        submit(task, run_inspect, inspected);
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
        fail(task, &err);
    lk_build_plan_fini(&plan);
}

/* ---- publish ---- */

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
        emit_kind(task, kind);
    } else if (!task->stopping) {
        own = *err;
        /* The package's author can do nothing about what a registry does not like. */
        if (own.kind == LK_ERR_INVALID)
            own.kind = LK_ERR_PERMANENT;
        fail(task, &own);
    }
    check_stopped(task);
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
            .image = &task->image,
            .plain_http = task->offer.plain_http,
            .ca_file = ca_file[0] ? ca_file : NULL,
    };
    struct lk_err err = { .kind = LK_ERR_NONE };

    if (task->publish)
        return true;
    if (lk_reference_parse(lk_str_of(task->offer.repository), &conf.repository, &err) < 0) {
        err.kind = LK_ERR_PERMANENT;
        fail(task, &err);
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
    emit(task, &event);
}

#include "agent/task_private.h"

#include "agent/builder/jail.h"
#include "common/os/file.h"
#include "common/source/materialise.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A link in the package must not make the builder read a file of this host as its Dockerfile. */
static int check_dockerfile(const struct lk_task *task, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer)
    char *wanted = lk_xasprintf("%s/%s", task->context, task->spec.dockerfile);
    LK_CLEANUP(lk_free_pointer) char *top = realpath(task->context, NULL);
    LK_CLEANUP(lk_free_pointer) char *file = realpath(wanted, NULL);

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
    LK_CLEANUP(lk_free_pointer)
    char *scratch = lk_xasprintf("%s/" LK_JAIL_SCRATCH, task->directory);

    /* The builder runs as we do; nobody else has business with a package's source. */
    if (lk_directory_make(task->directory, 0700, err) < 0 ||
        lk_directory_make(scratch, 01777, err) < 0 ||
        lk_directory_make(task->context, 0755, err) < 0 ||
        lk_materialise(task->host.store, &task->spec.tree, task->context, err) < 0)
        return -1;
    return check_dockerfile(task, err);
}

static void materialised(struct lk_task *task, const struct lk_err *err)
{
    if (err)
        lk_task_fail(task, err);
    else
        lk_task_fetch_images(task);
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
    lk_task_submit(task, run_materialise, materialised);
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
    lk_task_fail(task, &err);
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
        lk_task_fail(task, &task->log_err);
        return;
    }
    memcpy(oid.sha1, task->offer.spec, sizeof(oid.sha1));
    task->receiver = lk_receiver_new(task->host.store, task->offer.job);
    if (lk_receiver_add_root(task->receiver, &oid, false, &err) < 0)
        lk_task_received(task, &err);
    else
        lk_task_received(task, NULL);
}

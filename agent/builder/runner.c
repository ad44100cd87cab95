#include "agent/builder/runner.h"

#include "common/os/spawn.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#define READ_BYTES     (32 * 1024)
#define READS_A_TURN   8
#define LINE_BYTES_MAX (64 * 1024)

struct lk_runner {
    zloop_t                  *loop;
    struct lk_build_plan      plan;
    struct lk_runner_listener listener;
    size_t                    next;
    bool                      running;
    bool                      stopped;
    struct lk_process         process;
    int                       status;
    struct lk_err             err;
    int                       start_timer; /* -1: it fired */
};

static void start_next(struct lk_runner *runner);

/* The log is the build's: a build that failed ends with its own words. */
static void tell(struct lk_runner *runner, struct lk_str bytes)
{
    if (runner->plan.steps[runner->next - 1].kind != LK_STEP_BUILD)
        return;
    runner->listener.output(runner->listener.ctx, bytes);
}

/* The command as one could type it again, outside the jail. */
static void announce(struct lk_runner *runner, const struct lk_build_step *step)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf line = LK_BUF_INIT(LINE_BYTES_MAX);

    lk_buf_add_text(&line, "$");
    for (size_t i = step->jail_count; i < step->argv.count; i++) {
        const char *item = step->argv.items[i];
        bool        plain = item[0] && !item[strcspn(item, " \t\n'\"\\$`;&|<>()*?[]{}~#!")];

        if (plain) {
            lk_buf_printf(&line, " %s", item);
            continue;
        }
        lk_buf_add_text(&line, " '");
        for (const char *c = item; *c; c++)
            lk_buf_printf(&line, *c == '\'' ? "'\\%c'" : "%c", *c);
        lk_buf_add_text(&line, "'");
    }
    lk_buf_add_text(&line, "\n");
    tell(runner, lk_buf_str(&line));
}

/* What is in the pipe now, up to `reads` pieces.  False at its end. */
static bool drain(struct lk_runner *runner, int reads)
{
    char bytes[READ_BYTES];

    for (int i = 0; i < reads; i++) {
        ssize_t len = read(runner->process.output, bytes, sizeof(bytes));

        if (len < 0 && errno == EINTR)
            continue;
        if (len < 0)
            return errno == EAGAIN;
        if (len == 0)
            return false;
        tell(runner, (struct lk_str) { bytes, (size_t)len });
    }
    return true;
}

static void unwatch(struct lk_runner *runner, int fd)
{
    zmq_pollitem_t item = { .fd = fd, .events = ZMQ_POLLIN };

    zloop_poller_end(runner->loop, &item);
}

static int on_output(zloop_t *loop, zmq_pollitem_t *item, void *ctx)
{
    struct lk_runner *runner = ctx;

    (void)loop;
    if (!drain(runner, READS_A_TURN))
        unwatch(runner, item->fd);
    return 0;
}

static int on_exit_of_step(zloop_t *loop, zmq_pollitem_t *item, void *ctx)
{
    struct lk_runner *runner = ctx;
    bool              counts = runner->plan.steps[runner->next - 1].kind == LK_STEP_BUILD;
    int               status;

    (void)loop;
    (void)item;
    drain(runner, INT_MAX);
    unwatch(runner, runner->process.output);
    unwatch(runner, runner->process.pidfd);
    /* What the step left behind in its group holds our pipe, and the context directory. */
    lk_process_kill(&runner->process, SIGKILL);
    status = lk_process_finish(&runner->process);
    runner->running = false;
    if (counts && runner->status == 0)
        runner->status = status;
    start_next(runner);
    return 0;
}

static void watch(struct lk_runner *runner, int fd, zloop_fn handler)
{
    zmq_pollitem_t item = { .fd = fd, .events = ZMQ_POLLIN };

    lk_assert(zloop_poller(runner->loop, &item, handler, runner) == 0);
    /* A closed pipe is reported as an error; that is its normal end. */
    zloop_poller_set_tolerant(runner->loop, &item);
}

static struct lk_build_step *next_step(struct lk_runner *runner)
{
    bool failed = runner->stopped || runner->status != 0 || runner->err.kind != LK_ERR_NONE;

    while (runner->next < runner->plan.step_count) {
        struct lk_build_step *step = &runner->plan.steps[runner->next++];

        if (failed ? step->kind != LK_STEP_BUILD : step->kind != LK_STEP_SALVAGE)
            return step;
    }
    return NULL;
}

static void start_next(struct lk_runner *runner)
{
    struct lk_build_step *step;
    struct lk_err         err = { .kind = LK_ERR_NONE };

    while ((step = next_step(runner))) {
        struct lk_spawn spawn = {
            .argv = (const char *const *)step->argv.items,
            .environment = (const char *const *)runner->plan.environment.items,
            .capture = true,
            .keep_count = step->fd_count,
            .keep = step->fds,
        };

        announce(runner, step);
        if (lk_spawn_start(&runner->process, &spawn, &err) == 0) {
            runner->running = true;
            runner->listener.started(runner->listener.ctx, runner->process.pid);
            watch(runner, runner->process.output, on_output);
            watch(runner, runner->process.pidfd, on_exit_of_step);
            return;
        }
        if (step->kind == LK_STEP_BUILD)
            runner->err = err;
    }
    runner->listener.ended(runner->listener.ctx, runner->status,
                           runner->err.kind == LK_ERR_NONE ? NULL : &runner->err);
}

static int on_start(zloop_t *loop, int timer, void *ctx)
{
    struct lk_runner *runner = ctx;

    (void)loop;
    (void)timer;
    runner->start_timer = -1;
    start_next(runner);
    return 0;
}

struct lk_runner *lk_runner_start(zloop_t *loop, struct lk_build_plan *plan,
                                  const struct lk_runner_listener *listener)
{
    struct lk_runner *runner = lk_xcalloc(1, sizeof(*runner));

    runner->loop = loop;
    runner->plan = *plan;
    runner->listener = *listener;
    plan->step_count = 0;
    plan->environment = (struct lk_argv) { .count = 0 };
    /* From the loop, so that the listener is never called before this returned. */
    runner->start_timer = zloop_timer(loop, 0, 1, on_start, runner);
    lk_assert(runner->start_timer >= 0);
    return runner;
}

void lk_runner_signal(struct lk_runner *runner, int signal)
{
    runner->stopped = true;
    if (runner->running)
        lk_process_kill(&runner->process, signal);
}

void lk_runner_free(struct lk_runner **runner)
{
    struct lk_runner *r = *runner;

    if (!r)
        return;
    if (r->start_timer >= 0)
        zloop_timer_end(r->loop, r->start_timer);
    if (r->running) {
        unwatch(r, r->process.output);
        unwatch(r, r->process.pidfd);
        lk_process_kill(&r->process, SIGKILL);
        lk_process_finish(&r->process);
    }
    lk_build_plan_fini(&r->plan);
    free(r);
    *runner = NULL;
}

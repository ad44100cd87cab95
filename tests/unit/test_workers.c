#include "tests/unit/source_helper.h"

#include "common/os/workers.h"

#include <poll.h>
#include <signal.h>
#include <stdatomic.h>

#define JOBS 1000

struct job {
    struct lk_work work;
    int            number;
    bool           ran;
    bool           signals_blocked;
};

/* Written in `run` by the one worker in turn, and in `done` by the test alone. */
static int    order[JOBS];
static size_t ran, finished;

static void run_job(struct lk_work *work)
{
    struct job *job = (struct job *)work;
    sigset_t    mask;

    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    job->signals_blocked = sigismember(&mask, SIGTERM) == 1;
    job->ran = true;
}

static void run_in_order(struct lk_work *work)
{
    run_job(work);
    order[ran++] = ((struct job *)work)->number;
}

static void finish_job(struct lk_work *work)
{
    struct job *job = (struct job *)work;

    finished++;
    assert_true(job->ran && job->signals_blocked);
    free(job);
}

static void forget_job(struct lk_work *work)
{
    finished++;
    free(work);
}

static void submit(struct lk_workers *workers, int number, void (*run)(struct lk_work *),
                   void (*done)(struct lk_work *))
{
    struct job *job = lk_xcalloc(1, sizeof(*job));

    job->work.run = run;
    job->work.done = done;
    job->number = number;
    lk_workers_submit(workers, &job->work);
}

static void collect_all(struct lk_workers *workers)
{
    while (finished < JOBS) {
        struct pollfd fd = { lk_workers_fd(workers), POLLIN, 0 };
        assert_int_equal(poll(&fd, 1, 10000), 1);
        lk_workers_collect(workers);
    }
}

static void every_job_runs_and_comes_back_once(void **state)
{
    struct lk_workers *workers = lk_workers_start(4, "a-name-longer-than-the-kernel-takes");

    (void)state;
    finished = 0;
    for (int i = 0; i < JOBS; i++)
        submit(workers, i, run_job, finish_job);
    collect_all(workers);
    assert_int_equal(finished, JOBS);
    lk_workers_stop(&workers);
    lk_workers_stop(&workers);
    assert_null(workers);
}

static void one_thread_runs_in_order(void **state)
{
    struct lk_workers *workers = lk_workers_start(1, "one");

    (void)state;
    finished = ran = 0;
    for (int i = 0; i < JOBS; i++)
        submit(workers, i, run_in_order, finish_job);
    collect_all(workers);
    lk_workers_stop(&workers);
    for (int i = 0; i < JOBS; i++)
        assert_int_equal(order[i], i);
}

static void run_slowly(struct lk_work *work)
{
    (void)work;
    usleep(20000);
}

static void stopping_gives_back_what_never_ran(void **state)
{
    struct lk_workers *workers = lk_workers_start(2, "two");

    (void)state;
    finished = 0;
    for (int i = 0; i < 50; i++)
        submit(workers, i, run_slowly, forget_job);
    lk_workers_stop(&workers);
    assert_int_equal(finished, 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_job_runs_and_comes_back_once),
        cmocka_unit_test(one_thread_runs_in_order),
        cmocka_unit_test(stopping_gives_back_what_never_ran),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

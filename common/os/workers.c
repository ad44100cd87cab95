#include "common/os/workers.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct queue {
    struct lk_work *first;
    struct lk_work *last;
};

struct lk_workers {
    pthread_mutex_t lock;
    pthread_cond_t  wake;
    struct queue    waiting; /* these three under the lock */
    struct queue    finished;
    bool            stopping;
    int             fd;
    size_t          threads;
    pthread_t       thread[];
};

static void push(struct queue *queue, struct lk_work *work)
{
    work->next = NULL;
    if (queue->last)
        queue->last->next = work;
    else
        queue->first = work;
    queue->last = work;
}

static struct lk_work *pop(struct queue *queue)
{
    struct lk_work *work = queue->first;

    if (!work)
        return NULL;
    queue->first = work->next;
    if (!queue->first)
        queue->last = NULL;
    return work;
}

/* NULL: the end. */
static struct lk_work *wait_for_work(struct lk_workers *workers)
{
    struct lk_work *work = NULL;

    pthread_mutex_lock(&workers->lock);
    while (!workers->stopping && !(work = pop(&workers->waiting)))
        pthread_cond_wait(&workers->wake, &workers->lock);
    pthread_mutex_unlock(&workers->lock);
    return work;
}

static void hand_back(struct lk_workers *workers, struct lk_work *work)
{
    uint64_t one = 1;

    pthread_mutex_lock(&workers->lock);
    push(&workers->finished, work);
    pthread_mutex_unlock(&workers->lock);
    /* Fails only when the counter is full, and then the loop is awake anyway. */
    (void)!write(workers->fd, &one, sizeof(one));
}

static void *serve(void *argument)
{
    struct lk_workers *workers = argument;
    struct lk_work    *work;

    while ((work = wait_for_work(workers))) {
        work->run(work);
        hand_back(workers, work);
    }
    return NULL;
}

static void check(int code, const char *what)
{
    if (code == 0)
        return;
    fprintf(stderr, "%s: %s\n", what, strerror(code));
    abort();
}

static void start_thread(struct lk_workers *workers, size_t i, const char *name)
{
    char short_name[16]; /* the kernel's maximum */

    check(pthread_create(&workers->thread[i], NULL, serve, workers), "starting a thread");
    snprintf(short_name, sizeof(short_name), "%s", name);
    pthread_setname_np(workers->thread[i], short_name);
}

struct lk_workers *lk_workers_start(size_t threads, const char *name)
{
    lk_assert(threads > 0);
    struct lk_workers *workers =
        lk_xcalloc(1, sizeof(*workers) + threads * sizeof(workers->thread[0]));
    sigset_t all, before;

    workers->threads = threads;
    workers->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    check(workers->fd < 0 ? errno : 0, "making an eventfd");
    check(pthread_mutex_init(&workers->lock, NULL), "making a mutex");
    check(pthread_cond_init(&workers->wake, NULL), "making a condition");

    /* Signals belong to the loop's signalfd: a new thread inherits this mask. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (size_t i = 0; i < threads; i++)
        start_thread(workers, i, name);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return workers;
}

void lk_workers_submit(struct lk_workers *workers, struct lk_work *work)
{
    pthread_mutex_lock(&workers->lock);
    push(&workers->waiting, work);
    pthread_cond_signal(&workers->wake);
    pthread_mutex_unlock(&workers->lock);
}

int lk_workers_fd(const struct lk_workers *workers)
{
    return workers->fd;
}

static void finish(struct queue *queue)
{
    struct lk_work *work;

    while ((work = pop(queue)))
        work->done(work);
}

void lk_workers_collect(struct lk_workers *workers)
{
    uint64_t count;

    (void)!read(workers->fd, &count, sizeof(count));
    pthread_mutex_lock(&workers->lock);
    struct queue finished = workers->finished;
    workers->finished = (struct queue) { NULL, NULL };
    pthread_mutex_unlock(&workers->lock);
    finish(&finished);
}

void lk_workers_stop(struct lk_workers **workers)
{
    struct lk_workers *w = LK_TAKE(*workers);

    if (!w)
        return;
    pthread_mutex_lock(&w->lock);
    w->stopping = true;
    pthread_cond_broadcast(&w->wake);
    pthread_mutex_unlock(&w->lock);
    for (size_t i = 0; i < w->threads; i++)
        pthread_join(w->thread[i], NULL);
    finish(&w->finished);
    finish(&w->waiting);
    pthread_cond_destroy(&w->wake);
    pthread_mutex_destroy(&w->lock);
    close(w->fd);
    free(w);
}

/*
 * workers - threads that do what would block the loop: straight-line code, one job at a time each.
 *
 * lk_workers_submit and lk_workers_collect are called by the loop's thread only.  `run` happens on a
 * worker's thread and touches only its job; `done` happens on the loop's thread, from collect.  Jobs of
 * one pool with one thread run in order.
 */
#ifndef LK_WORKERS_H
#define LK_WORKERS_H

#include "common/base/base.h"

struct lk_workers;

struct lk_work {
    void (*run)(struct lk_work *work);  /* on a worker's thread */
    void (*done)(struct lk_work *work); /* on the loop's thread; frees the work */
    struct lk_work *next;               /* private */
};

struct lk_workers *lk_workers_start(size_t threads, const char *name);

/* Waits for running jobs; queued ones are not run but their `done` is called. */
void lk_workers_stop(struct lk_workers **workers);

void lk_workers_submit(struct lk_workers *workers, struct lk_work *work);

/* Readable (eventfd) when something is done. */
int  lk_workers_fd(const struct lk_workers *workers);
void lk_workers_collect(struct lk_workers *workers);

#endif

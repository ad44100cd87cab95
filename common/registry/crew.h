/*
 * crew - several connections to one repository, for steps that need not wait for each other.
 *
 * Opened, run and closed by one thread; the steps run on threads of their own, one connection each, and are taken in
 * their order.  Connections are made when first needed, and kept from one run to the next.
 */
#ifndef LK_CREW_H
#define LK_CREW_H

#include "common/registry/registry.h"

#define LK_CREW_MAX 8

struct lk_step {
    int (*run)(void *ctx, struct lk_registry *registry, struct lk_err *err);
    void *ctx;
};

struct lk_crew {
    const struct lk_reference        *repository; /* borrowed */
    const struct lk_registry_options *options;    /* borrowed */
    struct lk_registry               *members[LK_CREW_MAX];
};

void lk_crew_fini(struct lk_crew *crew);

/* Runs the steps, and returns when all have ended.  -1 with the error of one that failed; then no further one begins. */
int lk_crew_run(struct lk_crew *crew, const struct lk_step *steps, size_t count,
                struct lk_err *err);

#endif

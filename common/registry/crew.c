#include "common/registry/crew.h"

#include <pthread.h>

struct shift {
    struct lk_crew       *crew;
    const struct lk_step *steps;
    size_t                count;
    pthread_mutex_t       lock; /* over all below */
    size_t                next;
    bool                  failed;
    struct lk_err         err;
};

struct hand {
    struct shift *shift;
    size_t        number;
    pthread_t     thread;
};

void lk_crew_fini(struct lk_crew *crew)
{
    for (size_t i = 0; i < LK_CREW_MAX; i++)
        lk_registry_close(&crew->members[i]);
}

/* The next step, or NULL: there is none, or it is in vain. */
static const struct lk_step *take_step(struct shift *shift)
{
    pthread_mutex_lock(&shift->lock);
    const struct lk_step *step =
        !shift->failed && shift->next < shift->count ? &shift->steps[shift->next++] : NULL;
    pthread_mutex_unlock(&shift->lock);
    return step;
}

static void fail(struct shift *shift, const struct lk_err *err)
{
    pthread_mutex_lock(&shift->lock);
    if (!shift->failed)
        shift->err = *err;
    shift->failed = true;
    pthread_mutex_unlock(&shift->lock);
}

static void *work(void *ctx)
{
    const struct hand    *hand = ctx;
    struct lk_crew       *crew = hand->shift->crew;
    struct lk_registry  **member = &crew->members[hand->number];
    const struct lk_step *step;
    struct lk_err         err;

    while ((step = take_step(hand->shift)))
        if ((!*member && lk_registry_open(member, crew->repository, crew->options, &err) < 0) ||
            step->run(step->ctx, *member, &err) < 0)
            fail(hand->shift, &err);
    return NULL;
}

int lk_crew_run(struct lk_crew *crew, const struct lk_step *steps, size_t count,
                struct lk_err *err)
{
    struct shift shift = { crew, steps, count, PTHREAD_MUTEX_INITIALIZER, 0, false, { 0 } };
    struct hand  hands[LK_CREW_MAX];
    size_t       started = 1;

    /* The first hand is ours, so that a host that gives no more threads is only slower. */
    for (size_t i = 0; i < LK_CREW_MAX; i++)
        hands[i] = (struct hand) { .shift = &shift, .number = i };
    while (started < LK_CREW_MAX && started < count &&
           pthread_create(&hands[started].thread, NULL, work, &hands[started]) == 0)
        started++;
    work(&hands[0]);
    for (size_t i = 1; i < started; i++)
        pthread_join(hands[i].thread, NULL);
    pthread_mutex_destroy(&shift.lock);
    if (shift.failed)
        *err = shift.err;
    return shift.failed ? -1 : 0;
}

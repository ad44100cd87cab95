#include "coordinator/clients.h"

#include "common/os/clock.h"

static bool is_durable(const struct lk_coordinator *c, const struct lk_push *push)
{
    uint64_t durable = c->replayed + lk_pump_durable(c->pump);

    if (push->fact_seq > durable)
        return false;
    for (const struct lk_package *package = push->packages; package;
         package = package->next_in_push) {
        if (package->fact_seq > durable)
            return false;
        for (size_t i = 0; i < package->job_count; i++)
            if (package->jobs[i].fact_seq > durable)
                return false;
    }
    return true;
}

static bool is_full(struct lk_coordinator *c, const struct lk_session *session,
                    lk_wire_Envelope *out)
{
    return lk_door_send(c->clients, session, out, (struct lk_str) { 0 }) == LK_WIRE_CONGESTED;
}

/* Tells what changed of one package.  False: the pipe is full; go on later from where it stopped. */
static bool tell_package(struct lk_coordinator *c, const struct lk_session *session,
                         struct lk_watch *watch, const struct lk_package *package)
{
    lk_wire_Envelope out;

    if (watch->job == 0 && package->changed > watch->told) {
        lk_picture_of_package(package, &out);
        if (is_full(c, session, &out))
            return false;
    }
    for (; watch->job < package->job_count; watch->job++) {
        const struct lk_job *job = &package->jobs[watch->job];
        if (job->changed <= watch->told && package->changed <= watch->told)
            continue;
        lk_picture_of_job(package, job, lk_clock_boot_ms(), &out);
        if (is_full(c, session, &out))
            return false;
    }
    watch->job = 0;
    return true;
}

static bool tell_push(struct lk_coordinator *c, const struct lk_session *session,
                      struct lk_watch *watch, const struct lk_push *push)
{
    lk_wire_Envelope out;

    for (const struct lk_package *package = push->packages; package;
         package = package->next_in_push) {
        if (package->number < watch->package)
            continue;
        if (!tell_package(c, session, watch, package))
            return false;
        watch->package = package->number + 1;
    }
    lk_picture_of_push(push, &out);
    if (is_full(c, session, &out))
        return false;
    out = (lk_wire_Envelope) { .which_body = lk_wire_Envelope_synced_tag };
    out.body.synced.push = push->id;
    return !is_full(c, session, &out);
}

static void refuse(struct lk_coordinator *c, struct lk_session *session, uint64_t request,
                   uint64_t push)
{
    char text[LK_REASON_SIZE];

    lk_core_explain_absence(c->core, push, text);
    lk_door_refuse(c->clients, session, request, LK_ERR_NOT_FOUND, text);
}

/* True: the pipe is full. */
static bool flush(struct lk_coordinator *c, struct lk_session *session, struct lk_watch *watch)
{
    const struct lk_push *push = lk_core_push(c->core, watch->push);

    if (!push) {
        refuse(c, session, 0, watch->push);
        watch->push = 0;
        return false;
    }
    /* What is not on disk yet may never have happened. */
    if ((!watch->until && push->changed <= watch->told) || !is_durable(c, push))
        return false;
    if (!watch->until)
        watch->until = push->changed;
    if (!tell_push(c, session, watch, push))
        return true;
    watch->told = watch->until;
    watch->until = 0;
    watch->package = 0;
    if (push->state == LK_PUSH_ENDED && push->changed <= watch->told)
        watch->push = 0;
    return false;
}

bool lk_client_flush_watches(struct lk_coordinator *c, struct lk_session *session)
{
    struct lk_client_line *line = session->owner;
    bool                   waits = false;

    for (size_t i = 0; i < LK_WATCHES_MAX; i++)
        if (line->watches[i].push)
            waits |= flush(c, session, &line->watches[i]);
    return waits;
}

/* The one for this push, else a free one. */
static struct lk_watch *place_for(struct lk_client_line *line, uint64_t push)
{
    struct lk_watch *place = NULL;

    for (size_t i = 0; i < LK_WATCHES_MAX; i++) {
        if (line->watches[i].push == push)
            return &line->watches[i];
        if (line->watches[i].push == 0 && !place)
            place = &line->watches[i];
    }
    return place;
}

void lk_client_watch(struct lk_coordinator *c, struct lk_session *session,
                     const struct lk_wire_in *in)
{
    uint64_t         push = in->envelope.body.watch.push;
    struct lk_watch *place = place_for(session->owner, push);

    if (!lk_core_push(c->core, push))
        refuse(c, session, in->envelope.request, push);
    else if (!place)
        lk_door_refuse(c->clients, session, in->envelope.request, LK_ERR_LIMIT,
                       "one line watches at most 16 pushes");
    else
        *place = (struct lk_watch) { .push = push };
}

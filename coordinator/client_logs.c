#include "coordinator/clients.h"

#include "common/os/clock.h"

/* After its job is over a log may still be coming in for so long. */
#define TAIL_MS 3000

static struct lk_log_id id_of(const struct lk_coordinator *c, const struct lk_follow *follow)
{
    const struct lk_package *package = lk_core_package_of_job(c->core, follow->job);

    return (struct lk_log_id) { package ? package->push : 0, follow->job, follow->attempt };
}

/* True: what there is of the log is all that there will be. */
static bool is_over(const struct lk_coordinator *c, const struct lk_follow *follow)
{
    const struct lk_job *job = lk_core_job(c->core, follow->job);

    if (!job || lk_logbook_has_ended(c->logs, id_of(c, follow)))
        return true;
    /* Nobody ends the log of an attempt whose agent was lost. */
    return (lk_job_is_settled(job) || job->attempt != follow->attempt) &&
           lk_clock_boot_ms() - job->since_ms > TAIL_MS;
}

static enum lk_wire_result send_piece(struct lk_coordinator *c, struct lk_session *session,
                                      const struct lk_follow *follow, struct lk_str payload,
                                      bool end)
{
    lk_wire_Envelope out = { .which_body = lk_wire_Envelope_log_piece_tag };

    out.body.log_piece.job = follow->job;
    out.body.log_piece.attempt = follow->attempt;
    out.body.log_piece.offset = follow->offset;
    out.body.log_piece.end = end;
    return lk_door_send(c->clients, session, &out, payload);
}

/* What a reader gets in place of a log that had to make room. */
static struct lk_str instead(const struct lk_coordinator *c, const struct lk_follow *follow)
{
    if (follow->offset > 0 || !lk_logbook_was_emptied(c->logs, id_of(c, follow).push))
        return LK_STR("");
    return LK_STR(
        "[lkcoordd: this log was removed to make room for newer ones (logs-max-mib)]\n");
}

/* True: the pipe is full. */
static bool flush(struct lk_coordinator *c, struct lk_session *session,
                  struct lk_follow *follow)
{
    char bytes[LK_WIRE_PIECE_MAX];

    while (follow->credit > 0) {
        /* In this order: what came before the end is read after it is known. */
        bool   over = is_over(c, follow);
        size_t room = follow->credit < sizeof(bytes) ? (size_t)follow->credit : sizeof(bytes);
        long   got = lk_logbook_read(c->logs, id_of(c, follow), follow->offset, bytes, room);
        bool   end = got < 0 || (got == 0 && over);
        if (got == 0 && !over)
            return false;
        struct lk_str payload = { bytes, got > 0 ? (size_t)got : 0 };
        if (got == 0)
            payload = instead(c, follow);
        if (send_piece(c, session, follow, payload, end) == LK_WIRE_CONGESTED)
            return true;
        follow->offset += payload.len;
        follow->credit -= (uint64_t)(got > 0 ? got : 0);
        if (end) {
            *follow = (struct lk_follow) { 0 };
            return false;
        }
    }
    return false;
}

bool lk_client_flush_logs(struct lk_coordinator *c, struct lk_session *session)
{
    struct lk_client_line *line = session->owner;
    bool                   waits = false;

    for (size_t i = 0; i < LK_FOLLOWS_MAX; i++) {
        struct lk_follow    *follow = &line->follows[i];
        const struct lk_job *job = follow->job ? lk_core_job(c->core, follow->job) : NULL;
        if (job && !follow->attempt)
            follow->attempt = job->last_attempt;
        if (follow->job && (follow->attempt || !job || lk_job_is_settled(job)))
            waits |= flush(c, session, follow);
    }
    return waits;
}

/* The one for this job, else a free one. */
static struct lk_follow *place_for(struct lk_client_line *line, uint64_t job)
{
    struct lk_follow *place = NULL;

    for (size_t i = 0; i < LK_FOLLOWS_MAX; i++) {
        if (line->follows[i].job == job)
            return &line->follows[i];
        if (line->follows[i].job == 0 && !place)
            place = &line->follows[i];
    }
    return place;
}

void lk_client_follow(struct lk_coordinator *c, struct lk_session *session,
                      const struct lk_wire_in *in)
{
    const lk_wire_Follow *wish = &in->envelope.body.follow;
    const struct lk_job  *job = lk_core_job(c->core, wish->job);
    struct lk_follow     *place = place_for(session->owner, wish->job);

    if (!job || wish->attempt > job->last_attempt) {
        lk_door_refuse(c->clients, session, in->envelope.request, LK_ERR_NOT_FOUND,
                       "there is no such job or attempt");
        return;
    }
    if (!place) {
        lk_door_refuse(c->clients, session, in->envelope.request, LK_ERR_LIMIT,
                       "one line follows at most 16 logs");
        return;
    }
    *place = (struct lk_follow) { .job = wish->job,
                                  .attempt = wish->attempt,
                                  .offset = wish->offset };
}

void lk_client_log_credit(struct lk_session *session, const lk_wire_Credit *credit)
{
    struct lk_client_line *line = session->owner;

    for (size_t i = 0; i < LK_FOLLOWS_MAX; i++) {
        struct lk_follow *follow = &line->follows[i];
        uint64_t          room = LK_LOG_BYTES_MAX - follow->credit;
        if (follow->job && follow->job == credit->job)
            follow->credit += credit->bytes < room ? credit->bytes : room;
    }
}

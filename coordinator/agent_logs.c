#include "coordinator/agents.h"

#include "common/log/log.h"

#include <string.h>

#define LOG_WINDOW (256 * 1024)

static void grant_log_credit(struct lk_coordinator *c, struct lk_session *session, uint64_t job,
                             uint32_t attempt, uint64_t bytes)
{
    lk_wire_Envelope out = { .which_body = lk_wire_Envelope_credit_tag };

    out.body.credit.job = job;
    out.body.credit.attempt = attempt;
    out.body.credit.bytes = bytes;
    lk_door_post(c->agents, session, &out);
}

static bool is_followed(const struct lk_agent_line *line, uint64_t job, uint32_t attempt)
{
    for (size_t i = 0; i < LK_FOLLOWED_MAX; i++)
        if (line->followed[i].job == job && line->followed[i].attempt == attempt)
            return true;
    return false;
}

static struct lk_log_id log_of(const struct lk_coordinator *c, uint64_t job, uint32_t attempt)
{
    const struct lk_package *package = lk_core_package_of_job(c->core, job);

    return (struct lk_log_id) { package ? package->push : 0, job, attempt };
}

void lk_agent_follow_log(struct lk_coordinator *c, struct lk_session *session, uint64_t job_id,
                         uint32_t attempt)
{
    struct lk_agent_line *line = session->owner;
    const struct lk_job  *job = lk_core_job(c->core, job_id);
    lk_wire_Envelope      out = { .which_body = lk_wire_Envelope_follow_tag };

    if (!job || job->attempt != attempt || strcmp(job->agent, line->name) != 0 ||
        is_followed(line, job_id, attempt))
        return;
    line->followed[line->next_followed] = (struct lk_followed) { job_id, attempt };
    line->next_followed = (line->next_followed + 1) % LK_FOLLOWED_MAX;
    out.body.follow.job = job_id;
    out.body.follow.attempt = attempt;
    out.body.follow.offset = lk_logbook_size(c->logs, log_of(c, job_id, attempt));
    lk_door_post(c->agents, session, &out);
    grant_log_credit(c, session, job_id, attempt, LOG_WINDOW);
}

void lk_agent_take_log(struct lk_coordinator *c, struct lk_session *session,
                       const struct lk_wire_in *in)
{
    const lk_wire_LogPiece *piece = &in->envelope.body.log_piece;
    struct lk_log_id        id = log_of(c, piece->job, piece->attempt);
    struct lk_str           bytes = { (const char *)in->payload, in->payload_len };
    struct lk_err           err;

    if (!id.push || !is_followed(session->owner, piece->job, piece->attempt))
        return;
    lk_coordinator_trim_logs(c);
    if (lk_logbook_append(c->logs, id, piece->offset, bytes, &err) < 0 ||
        (piece->end && lk_logbook_end(c->logs, id, piece->offset + in->payload_len, &err) < 0))
        lk_log_warn("log not kept", "job=%llu agent=%s err=%s", (unsigned long long)piece->job,
                    LK_Q(session->name), LK_Q(err.text));
    if (!piece->end)
        grant_log_credit(c, session, piece->job, piece->attempt, in->payload_len);
}

#include "agent/agent_private.h"

#include "common/os/clock.h"

#define LOG_LINGER_MS \
    60000 /* a log outlives its slot, or the end of a failed build's would be lost */

void lk_agent_log_grew(void *ctx)
{
    struct agent *agent = ctx;

    if (lk_agent_core_session(agent->core))
        lk_line_wake(agent->line);
}

void lk_agent_forget_log(struct old_log *log)
{
    lk_spool_close(&log->spool);
}

void lk_agent_keep_log(struct agent *agent, const lk_wire_Offer *offer, struct lk_spool *spool)
{
    struct old_log *place = &agent->logs[0];

    if (!spool)
        return;
    for (size_t i = 0; i < LOGS_MAX && place->spool; i++)
        if (!agent->logs[i].spool || agent->logs[i].until_ms < place->until_ms)
            place = &agent->logs[i];
    lk_agent_forget_log(place);
    *place = (struct old_log) { spool, offer->job, offer->attempt,
                                lk_clock_boot_ms() + LOG_LINGER_MS };
}

struct lk_spool *lk_agent_spool_at(struct agent *agent, size_t i)
{
    if (i >= TASKS_MAX)
        return agent->logs[i - TASKS_MAX].spool;
    return agent->tasks[i] ? lk_task_log(agent->tasks[i]) : NULL;
}

/* One log piece, of each log in its turn. */
bool lk_agent_send_log_piece(void *ctx)
{
    struct agent    *agent = ctx;
    lk_wire_Envelope envelope = { .which_body = lk_wire_Envelope_log_piece_tag };
    struct lk_str    payload;

    envelope.session = lk_agent_core_session(agent->core);
    for (size_t n = 0; envelope.session && n < TASKS_MAX + LOGS_MAX; n++) {
        size_t           i = (agent->next_log + n) % (TASKS_MAX + LOGS_MAX);
        struct lk_spool *spool = lk_agent_spool_at(agent, i);

        if (!spool || !lk_spool_next(spool, &envelope.body.log_piece, &payload))
            continue;
        if (!lk_line_try(agent->line, &envelope, payload))
            return false;
        lk_spool_sent(spool);
        agent->next_log = i + 1;
        return true;
    }
    return false;
}

static struct lk_spool *find_log(struct agent *agent, uint64_t job, uint32_t attempt)
{
    for (size_t i = 0; i < TASKS_MAX; i++)
        if (agent->tasks[i] && lk_task_offer(agent->tasks[i])->job == job &&
            lk_task_offer(agent->tasks[i])->attempt == attempt)
            return lk_task_log(agent->tasks[i]);
    for (size_t i = 0; i < LOGS_MAX; i++)
        if (agent->logs[i].spool && agent->logs[i].job == job &&
            agent->logs[i].attempt == attempt)
            return agent->logs[i].spool;
    return NULL;
}

void lk_agent_take_log_order(struct agent *agent, const lk_wire_Envelope *envelope)
{
    bool                  is_credit = envelope->which_body == lk_wire_Envelope_credit_tag;
    const lk_wire_Credit *credit = &envelope->body.credit;
    const lk_wire_Follow *follow = &envelope->body.follow;
    struct lk_spool      *spool = is_credit ? find_log(agent, credit->job, credit->attempt)
                                            : find_log(agent, follow->job, follow->attempt);

    if (!spool)
        return;
    if (is_credit)
        lk_spool_credit(spool, credit->bytes);
    else
        lk_spool_seek(spool, follow->offset);
    lk_line_wake(agent->line);
}

#include "agent/core/slot.h"

#include <stdio.h>

#define PROGRESS_MS         1000 /* at most one progress report in this time */
#define TICKET_MS           60000 /* for a ticket to come by itself; the registry may make it wait */
#define BACK_OFF_FIRST_MS   1000
#define BACK_OFF_LONGEST_MS 30000

static void ask(const struct lk_slot *slot, const struct lk_slot_context *context,
                enum lk_agent_effect_kind kind)
{
    struct lk_agent_effect *effect = lk_agent_effect_add(context->out, kind);

    effect->task = slot->task;
    effect->job = slot->report.job;
    effect->attempt = slot->report.attempt;
}

void lk_slot_report(struct lk_slot *slot, const struct lk_slot_context *context)
{
    int64_t                 phase_ms = context->now_ms - slot->since_ms;
    struct lk_agent_effect *effect;

    if (!context->connected || slot->state != LK_SLOT_ACTIVE)
        return;
    slot->report.phase_ms = phase_ms > UINT32_MAX ? UINT32_MAX : (uint32_t)phase_ms;
    slot->reported_ms = context->now_ms;
    effect = lk_agent_effect_add(context->out, LK_AGENT_SEND_REPORT);
    effect->report = slot->report;
}

static void trouble_is_over(struct lk_slot *slot)
{
    slot->trouble_since_ms = 0;
    slot->retry_ms = 0;
    slot->report.text[0] = '\0';
}

static void enter(struct lk_slot *slot, enum lk_phase phase,
                  const struct lk_slot_context *context)
{
    if (phase != LK_PHASE_FAILED)
        trouble_is_over(slot);
    slot->retry_ms = 0;
    slot->furthest_bytes = 0;
    slot->report.phase = phase;
    slot->report.bytes_done = 0;
    slot->report.bytes_total = 0;
    slot->since_ms = context->now_ms;
    slot->ticket_ms = context->now_ms + TICKET_MS;
    lk_slot_report(slot, context);
}

void lk_slot_take(struct lk_slot *slot, const struct lk_agent_event *offer, uint64_t task,
                  const struct lk_slot_context *context)
{
    *slot = (struct lk_slot) {
        .state = LK_SLOT_ACTIVE,
        .task = task,
        .report = { .job = offer->job, .attempt = offer->attempt, .spec = offer->spec },
        .in_turn = offer->in_turn,
        .build_only = offer->build_only,
    };
    enter(slot, LK_PHASE_TAKEN, context);
    ask(slot, context, LK_AGENT_FETCH);
}

void lk_slot_find(struct lk_slot *slot, const struct lk_agent_event *found, uint64_t task,
                  const struct lk_slot_context *context)
{
    *slot = (struct lk_slot) {
        .state = LK_SLOT_ACTIVE,
        .task = task,
        .report = { .job = found->job,
                    .attempt = found->attempt,
                    .spec = found->spec,
                    .digest = found->digest,
                    .size = found->size },
        .in_turn = found->in_turn,
        .build_only = found->build_only,
        .is_unchecked = true,
    };
    lk_copy_text(slot->report.media_type, sizeof(slot->report.media_type), found->media_type);
    enter(slot, LK_PHASE_BUILT, context);
    ask(slot, context, LK_AGENT_CHECK_BUILT);
}

static void fail(struct lk_slot *slot, enum lk_err_kind kind, const char *text,
                 const struct lk_slot_context *context)
{
    slot->report.kind = kind == LK_ERR_NONE ? LK_ERR_PERMANENT : kind;
    lk_copy_text(slot->report.text, sizeof(slot->report.text), text);
    enter(slot, LK_PHASE_FAILED, context);
}

static void push(struct lk_slot *slot, const struct lk_slot_context *context)
{
    enter(slot, LK_PHASE_PUSHING, context);
    ask(slot, context, LK_AGENT_PUT_MANIFEST);
}

static bool may_upload(const struct lk_slot *slot)
{
    return slot->has_ticket && !slot->build_only && !slot->is_unchecked &&
           (!slot->in_turn || slot->report.fence);
}

static void upload(struct lk_slot *slot, const struct lk_slot_context *context)
{
    enter(slot, LK_PHASE_STAGING, context);
    ask(slot, context, LK_AGENT_UPLOAD);
}

void lk_slot_ticket(struct lk_slot *slot, enum lk_upload_when when,
                    const struct lk_slot_context *context)
{
    bool renewed = slot->ticket_asked && !slot->has_ticket;

    slot->has_ticket = true;
    /* What was found on the disk may have been offered by a coordinator that has forgotten it. */
    if (when != LK_UPLOAD_AS_OFFERED) {
        slot->in_turn = when == LK_UPLOAD_IN_TURN;
        slot->build_only = false;
    }
    if (slot->report.phase == LK_PHASE_BUILT && may_upload(slot))
        upload(slot, context);
    else if (slot->report.phase == LK_PHASE_STAGING && renewed)
        ask(slot, context, LK_AGENT_UPLOAD);
    else if (slot->report.phase == LK_PHASE_PUSHING && renewed)
        ask(slot, context, LK_AGENT_PUT_MANIFEST);
}

bool lk_slot_permit(struct lk_slot *slot, uint64_t fence, const struct lk_slot_context *context)
{
    enum lk_phase phase = slot->report.phase;

    if (fence < slot->report.fence || fence == 0)
        return false;
    if (fence == slot->report.fence) {
        lk_slot_report(slot, context); /* an answer that got lost */
        return true;
    }
    if (phase < LK_PHASE_BUILT || phase == LK_PHASE_FAILED)
        return false;
    slot->report.fence = fence;
    /* A new fence after PUSHED: the first one ran out on the way.  By digest, so doing it again is harmless. */
    if (phase == LK_PHASE_STAGED || phase == LK_PHASE_PUSHED)
        push(slot, context);
    else if (phase == LK_PHASE_BUILT && may_upload(slot))
        upload(slot, context);
    return true;
}

void lk_slot_drop(struct lk_slot *slot, const struct lk_slot_context *context)
{
    slot->state = LK_SLOT_CLOSING;
    slot->kill_ms = context->now_ms + LK_SLOT_CLOSE_MS;
    ask(slot, context, LK_AGENT_STOP);
}

bool lk_slot_leave(struct lk_slot *slot, const struct lk_slot_context *context)
{
    slot->is_left =
        slot->report.phase >= LK_PHASE_BUILT && slot->report.phase <= LK_PHASE_PUSHED;
    /* Whoever has not heard that it is built gives it up with the rest. */
    if (slot->is_left)
        lk_slot_report(slot, context);
    lk_slot_drop(slot, context);
    return slot->is_left;
}

/* False if it has lasted too long. */
static bool put_off(struct lk_slot *slot, const struct lk_agent_event *event,
                    const struct lk_slot_context *context)
{
    if (slot->trouble_since_ms == 0)
        slot->trouble_since_ms = context->now_ms;
    int64_t lasted_ms = context->now_ms - slot->trouble_since_ms;
    int64_t pause_ms = BACK_OFF_FIRST_MS + lasted_ms / 4;
    if (pause_ms > BACK_OFF_LONGEST_MS)
        pause_ms = BACK_OFF_LONGEST_MS;
    if (pause_ms < event->retry_after_ms)
        pause_ms = event->retry_after_ms;
    if (lasted_ms + pause_ms > LK_SLOT_PATIENCE_MS)
        return false;
    slot->retry_ms = context->now_ms + pause_ms;
    /* What the next ticket meets is another day's registry. */
    slot->ticket_asked = false;
    snprintf(slot->report.text, sizeof(slot->report.text), "waits, and will try again: %.360s",
             event->text);
    lk_slot_report(slot, context);
    return true;
}

static void want_ticket(struct lk_slot *slot, const struct lk_slot_context *context)
{
    slot->ticket_ms = context->now_ms + TICKET_MS;
    if (context->connected)
        ask(slot, context, LK_AGENT_SEND_TICKET_WANTED);
}

/* A ticket that ran out is asked for anew, but not again before something has moved with the new one. */
static void failed(struct lk_slot *slot, const struct lk_agent_event *event,
                   const struct lk_slot_context *context)
{
    enum lk_phase phase = slot->report.phase;
    bool          uses_ticket = phase == LK_PHASE_STAGING || phase == LK_PHASE_PUSHING;

    if (event->error == LK_ERR_RETRY && uses_ticket && put_off(slot, event, context))
        return;
    if (event->error != LK_ERR_DENIED || !uses_ticket || slot->ticket_asked) {
        fail(slot, event->error, event->text, context);
        return;
    }
    slot->ticket_asked = true;
    slot->has_ticket = false;
    want_ticket(slot, context);
}

static void built(struct lk_slot *slot, const struct lk_agent_event *event,
                  const struct lk_slot_context *context)
{
    slot->report.digest = event->digest;
    slot->report.size = event->size;
    lk_copy_text(slot->report.media_type, sizeof(slot->report.media_type), event->media_type);
    enter(slot, LK_PHASE_BUILT, context);
    if (may_upload(slot))
        upload(slot, context);
}

static void checked(struct lk_slot *slot, const struct lk_slot_context *context)
{
    slot->is_unchecked = false;
    if (may_upload(slot))
        upload(slot, context);
}

static void progress(struct lk_slot *slot, const struct lk_agent_event *event,
                     const struct lk_slot_context *context)
{
    if (event->bytes_done > slot->report.bytes_done)
        slot->ticket_asked = !slot->has_ticket;
    if (event->bytes_done > slot->furthest_bytes) {
        slot->furthest_bytes = event->bytes_done;
        trouble_is_over(slot);
    }
    slot->report.bytes_done = event->bytes_done;
    slot->report.bytes_total = event->bytes_total;
    if (context->now_ms - slot->reported_ms >= PROGRESS_MS)
        lk_slot_report(slot, context);
}

static bool active_news(struct lk_slot *slot, const struct lk_agent_event *event,
                        const struct lk_slot_context *context)
{
    enum lk_phase phase = slot->report.phase;

    if (event->kind == LK_AGENT_FETCHED && phase == LK_PHASE_TAKEN) {
        enter(slot, LK_PHASE_BUILDING, context);
        ask(slot, context, LK_AGENT_BUILD);
    } else if (event->kind == LK_AGENT_BUILT && phase == LK_PHASE_BUILDING) {
        built(slot, event, context);
    } else if (event->kind == LK_AGENT_BUILT && slot->is_unchecked) {
        checked(slot, context);
    } else if (event->kind == LK_AGENT_PROGRESS && phase < LK_PHASE_PUSHED) {
        progress(slot, event, context);
    } else if (event->kind == LK_AGENT_UPLOADED && phase == LK_PHASE_STAGING) {
        slot->ticket_asked = false;
        if (!slot->in_turn)
            enter(slot, LK_PHASE_STAGED, context);
        if (slot->report.fence)
            push(slot, context);
    } else if (event->kind == LK_AGENT_PUT && phase == LK_PHASE_PUSHING) {
        enter(slot, LK_PHASE_PUSHED, context);
    } else if (event->kind == LK_AGENT_FAILED && phase < LK_PHASE_PUSHED) {
        failed(slot, event, context);
    } else {
        return false;
    }
    return true;
}

bool lk_slot_news(struct lk_slot *slot, const struct lk_agent_event *event,
                  const struct lk_slot_context *context)
{
    if (slot->state == LK_SLOT_ACTIVE)
        return active_news(slot, event, context);
    if (event->kind != LK_AGENT_STOPPED)
        return false;
    if (!slot->is_left)
        ask(slot, context, LK_AGENT_FORGET);
    *slot = (struct lk_slot) { .state = LK_SLOT_FREE };
    return true;
}

static bool waits_for_ticket(const struct lk_slot *slot)
{
    enum lk_phase phase = slot->report.phase;

    return slot->state == LK_SLOT_ACTIVE && !slot->has_ticket && !slot->build_only &&
           (phase == LK_PHASE_BUILT || phase == LK_PHASE_STAGING || phase == LK_PHASE_PUSHING);
}

static void try_again(struct lk_slot *slot, const struct lk_slot_context *context)
{
    slot->retry_ms = 0;
    ask(slot, context,
        slot->report.phase == LK_PHASE_STAGING ? LK_AGENT_UPLOAD : LK_AGENT_PUT_MANIFEST);
}

void lk_slot_tick(struct lk_slot *slot, const struct lk_slot_context *context)
{
    if (slot->state == LK_SLOT_ACTIVE && slot->retry_ms && context->now_ms >= slot->retry_ms)
        try_again(slot, context);
    if (waits_for_ticket(slot) && context->now_ms >= slot->ticket_ms)
        want_ticket(slot, context);
    if (slot->state != LK_SLOT_CLOSING || context->now_ms < slot->kill_ms)
        return;
    slot->kill_ms = INT64_MAX;
    ask(slot, context, LK_AGENT_KILL);
}

int64_t lk_slot_wake_ms(const struct lk_slot *slot)
{
    if (slot->state == LK_SLOT_ACTIVE && slot->retry_ms)
        return slot->retry_ms;
    if (waits_for_ticket(slot))
        return slot->ticket_ms;
    return slot->state == LK_SLOT_CLOSING ? slot->kill_ms : INT64_MAX;
}

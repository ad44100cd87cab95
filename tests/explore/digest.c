/*
 * What makes two worlds the same.  Numbers that only grow are taken by what they are compared with: fences from the
 * last one back, arrivals by their order, operations by whether somebody waits for them, times from now.
 */
#include "coordinator/core/private.h"
#include "tests/explore/explore.h"

#include <string.h>

static void mix(uint64_t *digest, uint64_t value)
{
    uint64_t x = (*digest ^ value) * UINT64_C(0x9e3779b97f4a7c15);

    x ^= x >> 32;
    x *= UINT64_C(0xd6e8feb86659fd93);
    *digest = x ^ x >> 29;
}

static void mix_text(uint64_t *digest, const char *text)
{
    uint64_t word = 0;

    for (size_t i = 0; text[i]; i++) {
        word = word << 8 | (uint8_t)text[i];
        if (i % 8 == 7)
            mix(digest, word);
    }
    mix(digest, word);
}

/* ---- the core ---- */

static uint64_t rank(const struct explore *x, uint64_t arrival)
{
    uint64_t earlier = 1;

    if (arrival == 0)
        return 0;
    for (const struct lk_push *push = lk_core_first_push(x->core); push; push = push->next)
        for (const struct lk_package *p = push->packages; p; p = p->next_in_push) {
            earlier += p->arrival && p->arrival < arrival;
            for (size_t i = 0; i < p->job_count; i++)
                earlier += p->jobs[i].arrival && p->jobs[i].arrival < arrival;
        }
    return earlier;
}

static void mix_durable_job(uint64_t *digest, const struct explore *x, const struct lk_job *job)
{
    mix(digest, (uint64_t)job->state | (uint64_t)job->kept << 8 | (uint64_t)job->pushed << 9 |
                    (uint64_t)job->outcome << 16 | (uint64_t)job->attempt << 32 |
                    (uint64_t)job->last_attempt << 40 | (uint64_t)job->failures << 48);
    mix(digest, digest_number(&job->child.digest));
    mix(digest, rank(x, job->arrival));
    mix_text(digest, job->agent);
    mix_text(digest, job->failed_on);
    for (size_t i = 0; i < LK_GIVEN_MAX; i++) {
        mix(digest, job->given[i].attempt);
        mix_text(digest, job->given[i].agent);
    }
}

static void mix_durable_package(uint64_t *digest, const struct explore *x,
                                const struct lk_package *package)
{
    /* That it asks the registry is no fact. */
    bool is_planning = package->state == LK_PACKAGE_PLANNING;

    mix(digest, package->id);
    mix(digest, (uint64_t)(is_planning ? LK_PACKAGE_WAITING : package->state) |
                    (uint64_t)package->outcome << 8 | (uint64_t)package->is_merged << 16 |
                    (uint64_t)package->index_is_signed << 17 |
                    (uint64_t)package->nothing_to_do << 18);
    mix(digest, rank(x, package->arrival));
    mix(digest, digest_number(&package->index.digest));
    for (size_t i = 0; i < package->job_count; i++)
        mix_durable_job(digest, x, &package->jobs[i]);
    mix(digest, package->turnstile->fence ? x->core->fence - package->turnstile->fence + 1 : 0);
    mix(digest, package->turnstile->package);
    mix(digest, package->turnstile->job);
}

uint64_t digest_of_durable(const struct explore *x)
{
    const struct lk_core *core = x->core;
    uint64_t              digest = core->epoch;

    for (const struct lk_push *push = core->first; push; push = push->next) {
        mix(&digest, push->id);
        mix(&digest, (uint64_t)push->state | (uint64_t)push->outcome << 8 |
                         (uint64_t)push->cancelled << 16);
        for (const struct lk_package *p = push->packages; p; p = p->next_in_push)
            mix_durable_package(&digest, x, p);
    }
    for (size_t i = 0; i < x->config.records_max; i++) {
        mix_text(&digest, core->records[i].tag);
        mix_text(&digest, core->records[i].arch.name);
        mix(&digest, digest_number(&core->records[i].child.digest));
    }
    return digest;
}

/* A time to come: those of a lease or a permit are armed, or over. */
static uint64_t until(const struct explore *x, int64_t time_ms)
{
    int64_t left_ms = time_ms - x->core->now_ms;

    if (time_ms == 0)
        return 0;
    return left_ms <= 0 ? 1 : left_ms < SHORT_MS ? 2 + (uint64_t)left_ms : UINT64_MAX;
}

static uint64_t since(const struct explore *x, int64_t time_ms)
{
    return time_ms ? (uint64_t)(x->core->now_ms - time_ms) + 1 : 0;
}

static void mix_job(uint64_t *digest, const struct explore *x, const struct lk_job *job)
{
    mix(digest, (uint64_t)job->phase | (uint64_t)(job->op != 0) << 8);
    mix(digest, job->session);
    mix(digest, job->ticket_session);
    mix(digest, job->permit_session);
    mix(digest, job->drop_session);
    mix(digest, job->drop_attempt);
    mix(digest, until(x, job->lease_until_ms) == 1);
    mix(digest, until(x, job->not_before_ms));
    mix(digest, since(x, job->trouble_since_ms));
    mix(digest, since(x, job->refused_since_ms));
}

static void mix_package(uint64_t *digest, const struct explore *x,
                        const struct lk_package *package)
{
    mix(digest, package->state);
    mix(digest, (uint64_t)(package->op != 0) | (uint64_t)package->probed_in_turn << 1 |
                    (uint64_t)package->merged_in_turn << 2 |
                    (uint64_t)package->tag_exists << 3 | package->other_count << 8 |
                    package->left_out_count << 16);
    mix(digest, package->tag_exists ? digest_number(&package->tag_digest) : 0);
    mix(digest, until(x, package->not_before_ms));
    mix(digest, since(x, package->trouble_since_ms));
    mix(digest, until(x, package->turnstile->expires_ms));
    for (size_t i = 0; i < package->job_count; i++)
        mix_job(digest, x, &package->jobs[i]);
}

static void mix_core(uint64_t *digest, const struct explore *x)
{
    const struct lk_core *core = x->core;

    mix(digest, digest_of_durable(x));
    for (const struct lk_push *push = core->first; push; push = push->next)
        for (const struct lk_package *p = push->packages; p; p = p->next_in_push)
            mix_package(digest, x, p);
    for (size_t i = 0; i < core->agent_count; i++) {
        const struct lk_agent *agent = &core->agents[i];
        mix_text(digest, agent->name);
        mix(digest, agent->session);
        mix(digest, (uint64_t)agent->ready | (uint64_t)agent->suspect << 1);
    }
    mix(digest, core->out.wake_ms == INT64_MAX ? 0 : until(x, core->out.wake_ms));
    mix(digest, core->dirty);
}

/* ---- what is around it ---- */

static uint64_t fence(const struct explore *x, uint64_t number)
{
    return number ? x->core->fence - number + 1 : 0;
}

static void mix_message(uint64_t *digest, const struct explore *x,
                        const struct message *message)
{
    mix(digest, (uint64_t)message->type | (uint64_t)message->is_opening << 8 |
                    (uint64_t)message->phase << 16 | (uint64_t)message->attempt << 24 |
                    (uint64_t)message->arch << 32 | (uint64_t)message->kind << 40);
    mix(digest, (uint64_t)message->job << 32 | message->session);
    mix(digest, message->image);
    mix(digest, message->type == WELCOME ? message->fence : fence(x, message->fence));
}

static void mix_line(uint64_t *digest, const struct explore *x, const struct line *line)
{
    mix(digest, line->count);
    for (size_t i = 0; i < line->count; i++)
        mix_message(digest, x, &line->waiting[i]);
}

static void mix_agent(uint64_t *digest, const struct explore *x, const struct agent *agent)
{
    const struct held *held = &agent->held;

    mix(digest, agent->session);
    mix(digest, agent->line_session);
    mix(digest, agent->epoch << 1 | agent->is_greeting);
    mix(digest, (uint64_t)held->job | (uint64_t)held->attempt << 32 |
                    (uint64_t)held->phase << 40 | (uint64_t)held->has_ticket << 48 |
                    (uint64_t)held->arch << 56);
    mix(digest, held->image);
    mix(digest, fence(x, held->fence));
    mix_line(digest, x, &agent->up);
    mix_line(digest, x, &agent->down);
}

static uint64_t operation_digest(const struct explore *x, const struct operation *operation)
{
    struct lk_package *package;
    struct lk_job *job = operation->job ? lk_job_of(x->core, operation->job, &package) : NULL;
    uint64_t       digest = operation->type;

    package = lk_package_of(x->core, operation->package);
    mix(&digest, operation->op == (job ? job->op : package ? package->op : 0));
    mix(&digest, (uint64_t)operation->is_done | (uint64_t)operation->conflict << 1 |
                     (uint64_t)operation->sign << 2 | (uint64_t)operation->expects << 3);
    mix(&digest, (uint64_t)operation->package << 32 | operation->job);
    mix(&digest, (uint64_t)operation->expected << 32 | operation->image);
    for (size_t i = 0; i < operation->count; i++)
        mix(&digest, operation->children[i]);
    return digest;
}

static void mix_registry(uint64_t *digest, const struct registry *registry)
{
    for (size_t i = 0; i < 4; i++) {
        mix(digest, registry->put[i]);
        mix(digest, registry->checked[i]);
    }
    for (size_t i = 0; i < PUSHES; i++) {
        mix(digest, (uint64_t)registry->tags[i] << 1 | registry->moved[i]);
        for (size_t k = 0; k < ARCHES; k++)
            mix(digest, registry->arch_tags[i][k]);
    }
}

static void mix_left(uint64_t *digest, const struct setting *left)
{
    const uint8_t amounts[] = { left->crashes,    left->losses,      left->doubles,
                                left->cuts,       left->kills,       left->pauses,
                                left->slow_turns, left->build_fails, left->refusals,
                                left->outsiders,  left->cancels };

    for (size_t i = 0; i < LK_COUNT(amounts); i++)
        mix(digest, amounts[i]);
}

static void mix_order(uint64_t *digest, const struct explore *x, const struct order *order)
{
    mix(digest, order->session);
    if (order->is_operation)
        mix(digest, operation_digest(x, &order->operation));
    else
        mix_message(digest, x, &order->message);
}

uint64_t digest_of(const struct explore *x)
{
    const struct world *w = &x->world;
    uint64_t            digest = 0, operations = 0;

    mix_core(&digest, x);
    for (size_t i = 0; i < AGENTS; i++) {
        mix(&digest, w->sessions[i]);
        mix_agent(&digest, x, &w->agents[i]);
    }
    /* They have no order. */
    for (size_t i = 0; i < OPS_MAX; i++)
        if (w->operations[i].is_used)
            operations += operation_digest(x, &w->operations[i]);
    mix(&digest, operations);
    mix_registry(&digest, &w->registry);
    mix_left(&digest, &w->left);
    mix(&digest, w->durable_digest);
    mix(&digest, w->journal != w->durable);
    mix(&digest, w->order_count);
    for (size_t i = 0; i < w->order_count; i++)
        mix_order(&digest, x, &w->orders[i]);
    return digest;
}

/* What can happen next, and then does. */
#include "tests/explore/explore.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void world_break(struct explore *x, const char *format, ...)
{
    va_list args;

    if (x->broken[0])
        return;
    va_start(args, format);
    vsnprintf(x->broken, sizeof(x->broken), format, args);
    va_end(args);
}

void event_format(struct event event, char *out, size_t size)
{
    static const char *const names[] = {
        [FROM_AGENT] = "a message arrives from agent",
        [TO_AGENT] = "a message arrives at agent",
        [WORK] = "work is done by agent",
        [CONNECT] = "HELLO from agent",
        [OPERATION] = "the registry goes on with operation",
        [SYNC] = "what happened is on disk",
        [SHORT_WAIT] = "a short time passes",
        [LONG_WAIT] = "nothing happens for a lease, and all agents tell what they have",
        [LOSE_UP] = "a message is lost from agent",
        [LOSE_DOWN] = "a message is lost to agent",
        [DOUBLE_UP] = "a message comes twice from agent",
        [DOUBLE_DOWN] = "a message comes twice to agent",
        [CUT] = "the line is cut of agent",
        [KILL] = "killed and started anew is agent",
        [PAUSE] = "silent for more than a lease is agent",
        [SLOW_TURN] = "a permit's time passes",
        [BUILD_FAILS] = "the disk is full at agent",
        [REFUSE] = "the registry is busy, or its answer lost, for operation",
        [OUTSIDER] = "an outsider moves the tag, to",
        [CANCEL] = "somebody cancels push",
        [CRASH] = "the coordinator is killed and started",
    };

    snprintf(out, size, "%s %u", names[event.type], event.who);
}

/* ---- what can ---- */

struct list {
    struct event *events;
    size_t        count;
};

static void add(struct list *list, bool can, enum happening type, size_t who)
{
    if (!can)
        return;
    lk_assert(list->count < EVENTS);
    list->events[list->count++] = (struct event) { (uint8_t)type, (uint8_t)who };
}

static bool short_wait_is_armed(const struct explore *x)
{
    return coordinator_wake_ms(x) - x->world.now_ms < SHORT_MS;
}

/* An agent is heard in the meantime if nothing it said earlier is still under way. */
static bool can_be_heard(const struct agent *agent)
{
    return agent->up.count == 0;
}

static void add_agent(const struct explore *x, struct list *list, size_t i)
{
    const struct agent *agent = &x->world.agents[i];

    add(list, agent->up.count, FROM_AGENT, i);
    add(list, agent->down.count, TO_AGENT, i);
    add(list, agent_can_work(x, (uint32_t)i), WORK, i);
    add(list, !agent->session && !agent->is_greeting, CONNECT, i);
}

static bool may_suffer(const struct line *line)
{
    return line->count && !line->waiting[0].is_opening;
}

static void add_faults_of_agent(const struct explore *x, struct list *list, size_t i)
{
    const struct setting *left = &x->world.left;
    const struct agent   *agent = &x->world.agents[i];

    add(list, left->losses && may_suffer(&agent->up), LOSE_UP, i);
    add(list, left->losses && may_suffer(&agent->down), LOSE_DOWN, i);
    add(list, left->doubles && may_suffer(&agent->up), DOUBLE_UP, i);
    add(list, left->doubles && may_suffer(&agent->down), DOUBLE_DOWN, i);
    add(list, left->cuts && (agent->session || agent->is_greeting), CUT, i);
    add(list, left->kills, KILL, i);
    add(list, left->pauses && agent->held.job && can_be_heard(&x->world.agents[1 - i]), PAUSE,
        i);
    add(list, left->build_fails && agent->held.phase == LK_PHASE_TAKEN && agent->held.job,
        BUILD_FAILS, i);
}

static void add_faults(const struct explore *x, struct list *list)
{
    const struct world   *w = &x->world;
    const struct setting *left = &w->left;

    add(list, left->crashes, CRASH, 0);
    if (world_is_at_rest(x))
        return;
    for (size_t i = 0; i < AGENTS; i++)
        add_faults_of_agent(x, list, i);
    for (size_t i = 0; i < OPS_MAX; i++)
        add(list, left->refusals && w->operations[i].is_used, REFUSE, i);
    add(list, left->slow_turns && can_be_heard(&w->agents[0]) && can_be_heard(&w->agents[1]),
        SLOW_TURN, 0);
    add(list, left->outsiders, OUTSIDER, 0);
    add(list, left->outsiders, OUTSIDER, 1);
    add(list, left->cancels, CANCEL, 0);
}

bool world_is_at_rest(const struct explore *x)
{
    for (const struct lk_push *push = lk_core_first_push(x->core); push; push = push->next)
        if (push->state != LK_PUSH_ENDED)
            return false;
    for (size_t i = 0; i < AGENTS; i++)
        if (x->world.agents[i].held.job)
            return false;
    return true;
}

size_t world_events(const struct explore *x, struct event events[EVENTS])
{
    const struct world *w = &x->world;
    struct list         list = { .events = events };

    for (size_t i = 0; i < AGENTS; i++)
        add_agent(x, &list, i);
    for (size_t i = 0; i < OPS_MAX; i++)
        add(&list, w->operations[i].is_used, OPERATION, i);
    add(&list, w->order_count || w->journal != w->durable, SYNC, 0);
    add(&list, short_wait_is_armed(x), SHORT_WAIT, 0);
    /* A long time passes only where nothing else would happen. */
    add(&list, list.count == 0 && !world_is_at_rest(x), LONG_WAIT, 0);
    add_faults(x, &list);
    return list.count;
}

/* ---- what does ---- */

/* All but `silent` say what they have, as they do all the time. */
static void hear_agents(struct explore *x, int silent)
{
    for (uint32_t i = 0; i < AGENTS; i++) {
        struct agent *agent = &x->world.agents[i];
        if ((int)i == silent || !agent->session)
            continue;
        agent_tell(x, i, false);
        while (agent->up.count) {
            struct message message = line_take(&agent->up);
            coordinator_hears(x, i, &message);
        }
    }
}

static void pass(struct explore *x, int64_t time_ms, int silent)
{
    x->world.paused = (int8_t)silent;
    /* Early enough for all leases that are a little older, and late enough for the next time. */
    x->world.now_ms += time_ms / 2;
    hear_agents(x, silent);
    x->world.now_ms += time_ms / 2 - 1;
    hear_agents(x, silent);
    x->world.now_ms += 1;
    coordinator_timer(x);
    x->world.paused = -1;
    if (silent >= 0)
        agent_tell(x, (uint32_t)silent, false);
}

static void arrive_twice(struct line *line, struct explore *x)
{
    struct message copy = line->waiting[0];

    line_add(x, line, &copy);
}

static void arrive_up(struct explore *x, uint32_t agent)
{
    struct message message = line_take(&x->world.agents[agent].up);

    coordinator_hears(x, agent, &message);
}

static void arrive_down(struct explore *x, uint32_t agent)
{
    struct message message = line_take(&x->world.agents[agent].down);

    agent_hears(x, agent, &message);
}

static void go_wrong(struct explore *x, struct event event)
{
    struct world   *w = &x->world;
    struct setting *left = &w->left;
    struct agent   *agent = &w->agents[event.who % AGENTS];

    switch ((enum happening)event.type) {
    case LOSE_UP: left->losses--, line_take(&agent->up); return;
    case LOSE_DOWN: left->losses--, line_take(&agent->down); return;
    case DOUBLE_UP: left->doubles--, arrive_twice(&agent->up, x); return;
    case DOUBLE_DOWN: left->doubles--, arrive_twice(&agent->down, x); return;
    case CUT: left->cuts--, agent_is_cut(x, event.who); return;
    case KILL: left->kills--, agent_is_killed(x, event.who); return;
    case PAUSE: left->pauses--, pass(x, LEASE_MS, event.who); return;
    case SLOW_TURN: left->slow_turns--, pass(x, HOLD_MS, -1); return;
    case BUILD_FAILS: left->build_fails--, agent_work(x, event.who, true); return;
    case REFUSE: left->refusals--, registry_refuse(x, &w->operations[event.who]); return;
    case OUTSIDER: left->outsiders--, registry_outsider(x, event.who); return;
    case CANCEL: left->cancels--, coordinator_cancel(x, event.who); return;
    case CRASH: left->crashes--, coordinator_crash(x); return;
    case FROM_AGENT:
    case TO_AGENT:
    case WORK:
    case CONNECT:
    case OPERATION:
    case SYNC:
    case SHORT_WAIT:
    case LONG_WAIT: return;
    }
}

void world_happen(struct explore *x, struct event event)
{
    struct world *w = &x->world;

    if (event.type == FROM_AGENT)
        arrive_up(x, event.who);
    else if (event.type == TO_AGENT)
        arrive_down(x, event.who);
    else if (event.type == WORK)
        agent_work(x, event.who, false);
    else if (event.type == CONNECT)
        agent_connect(x, event.who);
    else if (event.type == OPERATION)
        registry_go_on(x, &w->operations[event.who]);
    else if (event.type == SYNC)
        coordinator_sync(x);
    else if (event.type == SHORT_WAIT) {
        if (coordinator_wake_ms(x) > w->now_ms)
            w->now_ms = coordinator_wake_ms(x);
        coordinator_timer(x);
    } else if (event.type == LONG_WAIT)
        pass(x, LEASE_MS, -1);
    else
        go_wrong(x, event);
}

void world_begin(struct explore *x)
{
    memset(&x->world, 0, sizeof(x->world));
    x->world.now_ms = 1;
    x->world.left = *x->setting;
    x->world.paused = -1;
    coordinator_start(x);
    for (uint32_t i = 0; i < x->setting->pushes; i++)
        coordinator_submit(x, i);
    coordinator_sync(x);
}

/*
 * chance - what befalls a world (tests/core/world.h) at random: pushes, cancels, lost and doubled effects in any
 * order, silent and forgetful agents, a registry with moods, crashes.
 */
#ifndef LK_TESTS_CORE_CHANCE_H
#define LK_TESTS_CORE_CHANCE_H

#include "tests/core/world.h"

struct dice {
    uint64_t state;
};

/* xorshift64*: the same numbers everywhere. */
static inline uint32_t roll(struct dice *dice, uint32_t sides)
{
    dice->state ^= dice->state >> 12;
    dice->state ^= dice->state << 25;
    dice->state ^= dice->state >> 27;
    return (uint32_t)((dice->state * 0x2545f4914f6cdd1d) >> 33) % sides;
}

static const char *const repositories[] = { "org/a", "org/b" };
static const char *const tags[] = { "t1", "t2" };

static inline struct lk_index_name random_name(struct dice *dice)
{
    struct lk_index_name name;

    snprintf(name.repository, sizeof(name.repository), "%s", repositories[roll(dice, 2)]);
    snprintf(name.tag, sizeof(name.tag), "%s", tags[roll(dice, 2)]);
    return name;
}

/* Some are taken from elsewhere, some wait for one another: in a circle, now and then. */
static inline void random_origin(struct dice *dice, struct lk_package_request *package,
                                 struct lk_index_name *after)
{
    package->is_unsigned = roll(dice, 6) == 0;
    if (roll(dice, 3) == 0) {
        package->origin = (enum lk_package_origin)(1 + roll(dice, 2));
        package->from = random_name(dice);
        if (package->origin == LK_PACKAGE_FROM_INDEX && roll(dice, 2))
            package->arch_count = 0;
    }
    *after = random_name(dice);
    package->after = after;
    package->after_count = roll(dice, 4) == 0;
}

static inline void random_submit(struct world *w, struct dice *dice, uint8_t key)
{
    struct request       request = { .key = key };
    struct lk_index_name after[3];
    size_t               first[3];

    request.count = 1 + roll(dice, 3);
    request.options.priority = (enum lk_priority)roll(dice, LK_PRIORITIES);
    request.options.sign = roll(dice, 4) != 0;
    request.options.force = roll(dice, 6) == 0;
    request.options.in_turn = roll(dice, 4) == 0;
    request.options.sequential = roll(dice, 4) == 0;
    request.options.dry_run = roll(dice, 8) == 0;
    request.options.build_only = roll(dice, 8) == 0;
    request.options.no_build = roll(dice, 8) == 0;
    request.options.no_arch_tags = roll(dice, 8) == 0;
    request.options.allow_emulation = roll(dice, 2) == 0;
    for (size_t i = 0; i < request.count; i++) {
        first[i] = roll(dice, 3);
        request.packages[i].repository = repositories[roll(dice, 2)];
        request.packages[i].tag = tags[roll(dice, 2)];
        request.packages[i].path = "";
        request.packages[i].arches = &three[first[i]];
        request.packages[i].arch_count = 1 + roll(dice, (uint32_t)(3 - first[i]));
        random_origin(dice, &request.packages[i], &after[i]);
    }
    submit(w, &request);
}

/* Effects for different parties overtake one another, and may be carried out twice. */
static inline void carry_out_some(struct world *w, struct dice *dice)
{
    size_t count = w->queue_end - w->queue_first;

    if (count == 0)
        return;
    size_t           chosen = w->queue_first + roll(dice, (uint32_t)count);
    struct lk_effect effect = w->queue[chosen];
    w->queue[chosen] = w->queue[w->queue_first];
    w->queue[w->queue_first] = effect;
    carry_out_one(w);
    if (roll(dice, 20) == 0 && w->queue_end < WORLD_QUEUE) {
        w->queue[w->queue_end++] = effect;
    }
}

static inline void disturb_agent(struct world *w, struct dice *dice)
{
    struct world_agent *agent = &w->agents[roll(dice, (uint32_t)w->agent_count)];
    struct world_slot  *slot = &agent->slots[roll(dice, agent->slot_count)];

    switch (roll(dice, 9)) {
    case 7: drain(w, agent->name, "a new disk"); break;
    case 8: resume(w, agent->name); break;
    case 0: agent->frozen = !agent->frozen; break;
    case 1: agent->stuck = !agent->stuck; break;
    case 2: reconnect(w, agent); break;
    case 3: memset(slot, 0, sizeof(*slot)); break;
    case 4:
        if (agent->session)
            gone(w, agent);
        break;
    case 5:
        memset(agent->slots, 0, sizeof(agent->slots));
        reconnect(w, agent);
        break;
    default:
        if (!slot->job || !agent->session)
            break;
        slot->phase = LK_PHASE_FAILED;
        report(w, agent, slot,
               roll(dice, 3) ? LK_ERR_RETRY : (enum lk_err_kind)(1 + roll(dice, 7)));
    }
}

static inline void disturb_registry(struct world *w, struct dice *dice)
{
    static const enum lk_effect_type asked[] = { LK_EFFECT_PROBE, LK_EFFECT_ACCEPT_CHILD,
                                                 LK_EFFECT_MERGE, LK_EFFECT_TAG };

    w->faults[asked[roll(dice, 4)]] = (struct world_fault) {
        1 + roll(dice, 3),
        roll(dice, 4) ? LK_ERR_RETRY : (enum lk_err_kind)(1 + roll(dice, 7)),
    };
    if (roll(dice, 10) == 0)
        w->manifest_count = 0;
}

static inline void random_move(struct world *w, struct dice *dice, uint8_t *key)
{
    switch (roll(dice, 40)) {
    case 0:
        if (*key < 12)
            random_submit(w, dice, (*key)++);
        break;
    case 1: disturb_agent(w, dice); break;
    case 2: disturb_registry(w, dice); break;
    case 3:
        crash(w, roll(dice, 2));
        w->source_is_late = false;
        break;
    case 4: wait_ms(w, roll(dice, 20000)); break;
    case 5:
        if (roll(dice, 4) == 0)
            cancel(w, 1 + roll(dice, 12));
        break;
    case 6:
    case 7:
        for (size_t i = 0; i < w->agent_count; i++)
            if (!w->agents[i].session || roll(dice, 4) == 0)
                reconnect(w, &w->agents[i]);
        break;
    case 8: sleep_until_woken(w); break;
    default:
        if (roll(dice, 2))
            some_agent_works(w);
        else
            carry_out_some(w, dice);
    }
}

static inline void heal(struct world *w)
{
    memset(w->faults, 0, sizeof(w->faults));
    for (size_t i = 0; i < w->agent_count; i++) {
        w->agents[i].frozen = w->agents[i].stuck = false;
        resume(w, w->agents[i].name);
        reconnect(w, &w->agents[i]);
    }
    run(w);
    settle(w);
}

/* Five agents, and limits that are met often. */
static inline struct world *world_of_chance(void)
{
    struct lk_core_config config = lk_core_defaults;

    config.history_max = 5;
    config.records_max = 8;
    struct world *w = world_new(&config);
    add_agent(w, "a1", &amd64, false, 2);
    add_agent(w, "a2", &arm64, false, 1);
    add_agent(w, "a3", &s390x, false, 1);
    add_agent(w, "a4", &s390x, true, 2);
    add_agent(w, "a5", &amd64, false, 1);
    return w;
}

#endif

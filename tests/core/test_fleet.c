/* Agents that people drain, or that fail whatever they are given; who comes first; how much at once. */
#include "tests/core/world.h"

static const struct lk_agent *agent_named(const struct world *w, const char *name)
{
    const struct lk_agent *agent;

    for (size_t i = 0; (agent = lk_core_agent(w->core, i)); i++)
        if (strcmp(agent->name, name) == 0)
            return agent;
    return NULL;
}

static uint64_t push_tag(struct world *w, uint8_t key, const char *tag)
{
    struct request request = request_of(key, "org/it", tag, 1, &amd64);

    submit(w, &request);
    return w->push;
}

static void check_waits_for(const struct world *w, const char *why)
{
    assert_int_equal(job_of(w, &amd64)->state, LK_JOB_QUEUED);
    if (!strstr(job_of(w, &amd64)->text, why))
        fail_msg("it waits for another reason: %s", job_of(w, &amd64)->text);
}

/* ---- drained ---- */

static void a_drained_agent_gets_nothing_new_until_it_is_resumed(void **state)
{
    LK_WORLD w = world_new(&lk_core_defaults);

    (void)state;
    add_agent(w, "a", &amd64, false, 4);
    drain(w, "a", "a new disk");
    assert_int_equal(w->last[LK_EFFECT_ANSWER].kind, LK_ERR_NONE);
    assert_string_equal(agent_named(w, "a")->drained_why, "a new disk");
    push_tag(w, 1, "abc");
    settle(w);
    check_waits_for(w, "`lkcoord agents resume a`");
    resume(w, "a");
    run(w);
    assert_int_equal(push_of(w)->outcome, LK_OUTCOME_OK);
}

static void a_drained_agent_finishes_what_it_has(void **state)
{
    LK_WORLD w = world_new(&lk_core_defaults);

    (void)state;
    add_agent(w, "a", &amd64, false, 4);
    push_tag(w, 1, "abc");
    run_until_job(w, &amd64, LK_JOB_ASSIGNED);
    drain(w, "a", "");
    run(w);
    assert_int_equal(push_of(w)->outcome, LK_OUTCOME_OK);
    assert_int_equal(job_of(w, &amd64)->attempt, 1);
}

static void a_drain_outlives_restarts_of_both(void **state)
{
    LK_WORLD w = world_new(&lk_core_defaults);

    (void)state;
    add_agent(w, "a", &amd64, false, 1);
    drain(w, "a", "a new disk");
    crash_and_reconnect(w, false);
    push_tag(w, 1, "abc");
    settle(w);
    check_waits_for(w, "drained");
    gone(w, &w->agents[0]);
    reconnect(w, &w->agents[0]);
    settle(w);
    check_waits_for(w, "drained");
    resume(w, "a");
    crash_and_reconnect(w, false);
    run(w);
    assert_int_equal(push_of(w)->outcome, LK_OUTCOME_OK);
}

/* It is known by its drain alone: that does not mean that it has left. */
static void a_restart_does_not_take_a_drained_agents_job_away(void **state)
{
    LK_WORLD w = world_new(&lk_core_defaults);

    (void)state;
    add_agent(w, "a", &amd64, false, 1);
    push_tag(w, 1, "abc");
    run_until_job(w, &amd64, LK_JOB_ASSIGNED);
    settle(w);
    drain(w, "a", "");
    crash(w, false);
    timer(w);
    assert_int_equal(job_of(w, &amd64)->attempt, 1);
    reconnect(w, &w->agents[0]);
    run(w);
    assert_int_equal(push_of(w)->outcome, LK_OUTCOME_OK);
    assert_int_equal(job_of(w, &amd64)->attempt, 1);
}

static void others_do_the_work_of_a_drained_agent(void **state)
{
    LK_WORLD w = world_new(&lk_core_defaults);

    (void)state;
    add_agent(w, "a", &amd64, false, 8);
    add_agent(w, "b", &amd64, false, 1);
    drain(w, "a", "");
    push_tag(w, 1, "abc");
    run(w);
    assert_string_equal(job_of(w, &amd64)->agent, "b");
}

static void draining_twice_is_one_fact_and_a_new_reason_another(void **state)
{
    LK_WORLD w = world_new(&lk_core_defaults);

    (void)state;
    add_agent(w, "a", &amd64, false, 1);
    drain(w, "a", "disk");
    size_t count = w->fact_count;
    drain(w, "a", "disk");
    assert_int_equal(w->fact_count, count);
    drain(w, "a", "memory");
    assert_int_equal(w->fact_count, count + 1);
    resume(w, "a");
    resume(w, "a");
    assert_int_equal(w->fact_count, count + 2);
    assert_int_equal(w->last[LK_EFFECT_ANSWER].kind, LK_ERR_NONE);
}

static void who_is_not_known_cannot_be_resumed_but_drained_beforehand(void **state)
{
    LK_WORLD w = world_new(&lk_core_defaults);

    (void)state;
    resume(w, "a");
    assert_int_equal(w->last[LK_EFFECT_ANSWER].kind, LK_ERR_NOT_FOUND);
    drain(w, "", "");
    assert_int_equal(w->last[LK_EFFECT_ANSWER].kind, LK_ERR_INVALID);
    drain(w, "a", "");
    push_tag(w, 1, "abc");
    settle(w);
    check_waits_for(w, "no connected agent");
    add_agent(w, "a", &amd64, false, 1);
    check_waits_for(w, "drained");
}

/* Who is drained is remembered; so it keeps its place, and the drain of one too many is refused. */
static void a_drained_agent_gives_way_to_nobody(void **state)
{
    struct lk_core_config config = lk_core_defaults;

    (void)state;
    config.agents_max = 2;

    LK_WORLD            w = world_new(&config);
    struct world_agent *first = add_agent(w, "first", &amd64, false, 1);

    drain(w, "first", "");
    drain(w, "second", "");
    gone(w, first);
    assert_false(lk_core_takes_agent(w->core, "third"));
    drain(w, "third", "");
    assert_int_equal(w->last[LK_EFFECT_ANSWER].kind, LK_ERR_LIMIT);
    resume(w, "first");
    assert_true(lk_core_takes_agent(w->core, "third"));
    drain(w, "third", "");
    assert_int_equal(w->last[LK_EFFECT_ANSWER].kind, LK_ERR_NONE);
    assert_null(agent_named(w, "first"));
    crash(w, false);
    assert_true(agent_named(w, "second")->drained);
    assert_true(agent_named(w, "third")->drained);
}

/* ---- in quarantine ---- */

/* What it has fails, a second after it was given. */
static void fail_a_job(struct world *w, struct world_agent *agent, enum lk_err_kind kind)
{
    for (unsigned i = 0; i < 2000; i++) {
        while (carry_out_one(w))
            ;
        for (size_t k = 0; k < agent->slot_count; k++) {
            struct world_slot *slot = &agent->slots[k];
            if (!slot->job || slot->phase == LK_PHASE_FAILED)
                continue;
            w->now_ms += 1000;
            slot->phase = LK_PHASE_FAILED;
            report(w, agent, slot, kind);
            while (carry_out_one(w))
                ;
            return;
        }
        sleep_until_woken(w);
    }
    fail_msg("%s gets nothing that it could fail", agent->name);
}

static struct world_agent *ill_agent(struct world *w, enum lk_err_kind kind)
{
    struct world_agent *ill = add_agent(w, "ill", &amd64, false, 1);

    ill->stuck = true;
    push_tag(w, 1, "t1");
    for (unsigned i = 0; i < w->config.quarantine_after; i++)
        fail_a_job(w, ill, kind);
    return ill;
}

static bool is_quarantined(const struct world *w, const char *name)
{
    return agent_named(w, name)->canary_ms != 0;
}

static void an_agent_that_fails_everything_at_once_gets_nothing_but_a_canary(void **state)
{
    LK_WORLD            w = world_new(&lk_core_defaults);
    struct world_agent *ill = ill_agent(w, LK_ERR_PERMANENT);
    unsigned            offers = w->seen[LK_EFFECT_OFFER];
    int64_t             from_ms = w->now_ms;

    (void)state;
    assert_true(is_quarantined(w, "ill"));
    assert_string_equal(agent_named(w, "ill")->failed_why, "it went wrong");
    push_tag(w, 2, "t2");
    push_tag(w, 3, "t3");
    ill->slot_count = 4;
    reconnect(w, ill);
    settle(w);
    check_waits_for(w, "whoever builds for amd64 is in quarantine, as ill is");
    assert_int_equal(w->seen[LK_EFFECT_OFFER], offers);
    while (w->seen[LK_EFFECT_OFFER] == offers) {
        sleep_until_woken(w);
        settle(w);
    }
    assert_int_equal(w->now_ms - from_ms, w->config.quarantine_ms);
    assert_int_equal(w->seen[LK_EFFECT_OFFER], offers + 1);
    ill->stuck = false;
    run(w);
    assert_false(is_quarantined(w, "ill"));
    assert_int_equal(push_of(w)->outcome, LK_OUTCOME_OK);
}

static void each_canary_that_fails_doubles_the_wait(void **state)
{
    LK_WORLD            w = world_new(&lk_core_defaults);
    struct world_agent *ill = ill_agent(w, LK_ERR_LIMIT);
    int64_t             wait_ms = w->config.quarantine_ms;

    (void)state;
    for (uint8_t i = 2; i < 20; i++) {
        char tag[8];
        snprintf(tag, sizeof(tag), "t%u", i);
        push_tag(w, i, tag);
        assert_int_equal(agent_named(w, "ill")->canary_ms - w->now_ms, wait_ms);
        fail_a_job(w, ill, LK_ERR_LIMIT);
        wait_ms = 2 * wait_ms < 3600000 ? 2 * wait_ms : 3600000;
    }
}

static void a_canary_that_cannot_be_built_says_nothing_of_its_agent(void **state)
{
    LK_WORLD            w = world_new(&lk_core_defaults);
    struct world_agent *ill = ill_agent(w, LK_ERR_PERMANENT);

    (void)state;
    push_tag(w, 2, "t2");
    push_tag(w, 3, "t3");
    fail_a_job(w, ill, LK_ERR_INVALID);
    assert_true(is_quarantined(w, "ill"));
    settle(w);
    assert_int_equal(job_of(w, &amd64)->state, LK_JOB_ASSIGNED);
    ill->stuck = false;
    run(w);
    assert_false(is_quarantined(w, "ill"));
}

static void what_an_agent_was_given_before_it_fell_ill_does_not_bring_it_back(void **state)
{
    LK_WORLD            w = world_new(&lk_core_defaults);
    struct world_agent *agent = add_agent(w, "a", &amd64, false, 2);
    struct world_slot  *old = &agent->slots[0];

    (void)state;
    agent->stuck = true;
    uint64_t push = push_tag(w, 1, "old");
    settle(w);
    struct world_slot kept = *old;
    for (uint8_t key = 2; !is_quarantined(w, "a"); key++) {
        *old = (struct world_slot) { .job = kept.job, .phase = LK_PHASE_FAILED };
        push_tag(w, key, "new");
        fail_a_job(w, agent, LK_ERR_PERMANENT);
        cancel(w, w->push);
    }
    *old = kept;
    old->phase = LK_PHASE_BUILT;
    old->child = child_of(old->job, old->attempt);
    report(w, agent, old, LK_ERR_NONE);
    assert_int_equal(lk_core_push(w->core, push)->packages->jobs[0].state, LK_JOB_BUILT);
    assert_true(is_quarantined(w, "a"));
}

static void a_job_that_has_failed_is_not_risked_as_a_canary(void **state)
{
    LK_WORLD w = world_new(&lk_core_defaults);

    (void)state;
    ill_agent(w, LK_ERR_PERMANENT);
    cancel(w, w->push);
    struct world_agent *other = add_agent(w, "other", &amd64, false, 1);
    other->stuck = true;
    push_tag(w, 2, "t2");
    while (carry_out_one(w))
        ;
    alive(w, &w->agents[0]);
    w->now_ms = agent_named(w, "ill")->canary_ms - 1500;
    fail_a_job(w, other, LK_ERR_PERMANENT);
    gone(w, other);
    add_agent(w, "well", &amd64, false, 1)->stuck = true;
    alive(w, &w->agents[0]);
    check_waits_for(w, "it went wrong");
    wait_ms(w, 1000);
    assert_true(w->now_ms > agent_named(w, "ill")->canary_ms);
    assert_string_equal(job_of(w, &amd64)->agent, "well");
}

static void nobody_is_quarantined_for_what_is_not_its_fault(void **state)
{
    static const enum lk_err_kind others[] = { LK_ERR_INVALID, LK_ERR_RETRY, LK_ERR_NOT_FOUND,
                                               LK_ERR_DENIED };

    (void)state;
    for (size_t i = 0; i < LK_COUNT(others); i++) {
        LK_WORLD            w = world_new(&lk_core_defaults);
        struct world_agent *agent = add_agent(w, "a", &amd64, false, 1);
        agent->stuck = true;
        for (uint8_t k = 0; k < 5; k++) {
            push_tag(w, k, "t1");
            fail_a_job(w, agent, others[i]);
            cancel(w, w->push);
        }
        assert_false(is_quarantined(w, "a"));
    }
}

static void nobody_is_quarantined_for_failures_that_took_long(void **state)
{
    LK_WORLD            w = world_new(&lk_core_defaults);
    struct world_agent *agent = add_agent(w, "a", &amd64, false, 1);

    (void)state;
    agent->stuck = true;
    for (uint8_t k = 0; k < 5; k++) {
        push_tag(w, k, "t1");
        run_until_job(w, &amd64, LK_JOB_ASSIGNED);
        settle(w);
        w->now_ms += w->config.quick_ms;
        fail_a_job(w, agent, LK_ERR_PERMANENT);
        cancel(w, w->push);
    }
    assert_false(is_quarantined(w, "a"));
}

static void what_goes_well_in_between_begins_the_row_anew(void **state)
{
    LK_WORLD            w = world_new(&lk_core_defaults);
    struct world_agent *agent = add_agent(w, "a", &amd64, false, 1);

    (void)state;
    for (uint8_t k = 0; k < 4; k++) {
        agent->stuck = true;
        push_tag(w, k, (const char *[]) { "t1", "t2", "t3", "t4" }[k]);
        fail_a_job(w, agent, LK_ERR_PERMANENT);
        if (k % 2) {
            agent->stuck = false;
            run(w);
        } else {
            cancel(w, w->push);
        }
        assert_false(is_quarantined(w, "a"));
    }
}

static void an_agent_that_loses_its_jobs_as_it_dies_of_them_is_quarantined_too(void **state)
{
    LK_WORLD            w = world_new(&lk_core_defaults);
    struct world_agent *agent = add_agent(w, "a", &amd64, false, 1);

    (void)state;
    agent->stuck = true;
    push_tag(w, 1, "abc");
    for (unsigned i = 0; i < w->config.quarantine_after; i++) {
        assert_false(is_quarantined(w, "a"));
        run_until_job(w, &amd64, LK_JOB_ASSIGNED);
        settle(w);
        memset(agent->slots, 0, sizeof(agent->slots));
        reconnect(w, agent);
        wait_ms(w, 4000);
    }
    assert_true(is_quarantined(w, "a"));
}

static void a_person_ends_a_quarantine_and_so_does_our_restart(void **state)
{
    LK_WORLD w = world_new(&lk_core_defaults);

    (void)state;
    ill_agent(w, LK_ERR_PERMANENT);
    resume(w, "ill");
    assert_false(is_quarantined(w, "ill"));

    LK_WORLD v = world_new(&lk_core_defaults);
    ill_agent(v, LK_ERR_PERMANENT);
    assert_true(is_quarantined(v, "ill"));
    crash_and_reconnect(v, false);
    assert_false(is_quarantined(v, "ill"));
}

static void a_setting_switches_quarantine_off(void **state)
{
    struct lk_core_config config = lk_core_defaults;

    (void)state;
    config.quarantine_after = 0;

    LK_WORLD            w = world_new(&config);
    struct world_agent *agent = add_agent(w, "a", &amd64, false, 1);

    agent->stuck = true;
    for (uint8_t k = 0; k < 5; k++) {
        push_tag(w, k, "t1");
        fail_a_job(w, agent, LK_ERR_PERMANENT);
        cancel(w, w->push);
    }
    assert_false(is_quarantined(w, "a"));
}

/* ---- elsewhere ---- */

static void what_failed_on_one_agent_goes_to_another_even_if_that_is_busy(void **state)
{
    LK_WORLD            w = world_new(&lk_core_defaults);
    struct world_agent *a = add_agent(w, "a", &amd64, false, 1);
    struct world_agent *b;

    (void)state;
    a->stuck = true;
    push_tag(w, 1, "long");
    run_until_job(w, &amd64, LK_JOB_ASSIGNED);
    settle(w);
    b = add_agent(w, "b", &amd64, false, 1);
    b->stuck = true;
    push_tag(w, 2, "abc");
    fail_a_job(w, b, LK_ERR_RETRY);
    wait_ms(w, 5000);
    alive(w, a);
    alive(w, b);
    check_waits_for(w, "it failed on b, and waits for another agent");
    a->stuck = false;
    run(w);
    assert_string_equal(job_of(w, &amd64)->agent, "a");
    assert_int_equal(push_of(w)->outcome, LK_OUTCOME_OK);
}

static void it_goes_back_to_the_same_agent_if_no_other_can(void **state)
{
    LK_WORLD            w = world_new(&lk_core_defaults);
    struct world_agent *a = add_agent(w, "a", &amd64, false, 1);

    (void)state;
    add_agent(w, "b", &amd64, false, 1);
    add_agent(w, "c", &arm64, false, 1);
    drain(w, "b", "");
    a->stuck = true;
    push_tag(w, 1, "abc");
    fail_a_job(w, a, LK_ERR_RETRY);
    a->stuck = false;
    int64_t from_ms = w->now_ms;
    run(w);
    assert_int_equal(push_of(w)->outcome, LK_OUTCOME_OK);
    assert_string_equal(job_of(w, &amd64)->agent, "a");
    assert_true(w->now_ms >= from_ms + 1000);
}

/* ---- who comes first ---- */

static uint64_t push_with(struct world *w, uint8_t key, const char *tag,
                          enum lk_priority priority)
{
    struct request request = request_of(key, "org/it", tag, 1, &amd64);

    request.options.priority = priority;
    request.options.force = true; /* what is there already is built all the same */
    submit(w, &request);
    return w->push;
}

static enum lk_job_state state_of(const struct world *w, uint64_t push)
{
    const struct lk_package *package = lk_core_push(w->core, push)->packages;

    return package->jobs[0].state;
}

/* The one agent ends what it has, and is given the next. */
static void finish_one(struct world *w)
{
    unsigned offers = w->seen[LK_EFFECT_OFFER];

    w->agents[0].stuck = false;
    while (w->seen[LK_EFFECT_OFFER] == offers && move_one(w))
        ;
    w->agents[0].stuck = true;
    settle(w);
    assert_int_equal(w->seen[LK_EFFECT_OFFER], offers + 1);
}

static struct world *world_with_a_busy_agent(void)
{
    struct world *w = world_new(&lk_core_defaults);

    add_agent(w, "a", &amd64, false, 1);
    w->agents[0].stuck = true;
    push_with(w, 100, "busy", LK_PRIORITY_NORMAL);
    settle(w);
    return w;
}

static void the_highest_priority_comes_first_and_then_the_oldest(void **state)
{
    static const enum lk_priority priorities[] = {
        LK_PRIORITY_LOW,  LK_PRIORITY_NORMAL, LK_PRIORITY_HIGH,
        LK_PRIORITY_HIGH, LK_PRIORITY_NORMAL,
    };
    static const char *const tags[] = { "t0", "t1", "t2", "t3", "t4" };
    static const size_t      order[] = { 2, 3, 1, 4, 0 };
    LK_WORLD                 w = world_with_a_busy_agent();
    uint64_t                 pushes[5];

    (void)state;
    for (uint8_t i = 0; i < 5; i++) {
        pushes[i] = push_with(w, i, tags[i], priorities[i]);
        settle(w);
    }
    for (size_t i = 0; i < 5; i++) {
        finish_one(w);
        assert_int_equal(state_of(w, pushes[order[i]]), LK_JOB_ASSIGNED);
    }
}

static void a_minute_passes(struct world *w)
{
    for (unsigned i = 0; i < 12; i++) {
        wait_ms(w, 5000);
        alive(w, &w->agents[0]);
        report_all(w, &w->agents[0]);
    }
}

/* Each minute the agent ends one job, and a push of high priority comes. */
static void low_priority_is_passed_by_nobody_who_came_too_much_later(void **state)
{
    static const char *const tags[] = { "h0", "h1", "h2", "h3", "h4" };
    LK_WORLD                 w = world_with_a_busy_agent();
    uint64_t                 low = push_with(w, 101, "low", LK_PRIORITY_LOW);
    int64_t                  waited_ms = 0;

    (void)state;
    push_with(w, 102, "first", LK_PRIORITY_HIGH);
    for (uint8_t i = 0; state_of(w, low) != LK_JOB_ASSIGNED && i < 99; i++) {
        a_minute_passes(w);
        waited_ms += 60000;
        push_with(w, i, tags[i % 5], LK_PRIORITY_HIGH);
        finish_one(w);
    }
    assert_true(waited_ms >= 2 * w->config.raise_ms);
    assert_true(waited_ms <= 2 * w->config.raise_ms + 2 * 60000);
}

static void of_pushes_that_count_as_equally_old_the_first_goes_first(void **state)
{
    static const enum lk_priority priorities[] = { LK_PRIORITY_LOW, LK_PRIORITY_NORMAL,
                                                   LK_PRIORITY_HIGH };
    static const char *const      tags[] = { "t0", "t1", "t2" };
    LK_WORLD                      w = world_with_a_busy_agent();
    uint64_t                      pushes[3];

    (void)state;
    for (uint8_t i = 0; i < 3; i++) {
        for (int64_t ms = 0; i > 0 && ms < w->config.raise_ms; ms += 60000)
            a_minute_passes(w);
        pushes[i] = push_with(w, i, tags[i], priorities[i]);
        settle(w);
    }
    for (size_t i = 0; i < 3; i++) {
        finish_one(w);
        assert_int_equal(state_of(w, pushes[i]), LK_JOB_ASSIGNED);
    }
}

static void priorities_outlive_a_restart(void **state)
{
    LK_WORLD w = world_with_a_busy_agent();

    (void)state;
    push_with(w, 1, "t1", LK_PRIORITY_LOW);
    settle(w);
    uint64_t high = push_with(w, 2, "t2", LK_PRIORITY_HIGH);
    settle(w);
    crash_and_reconnect(w, false);
    settle(w);
    finish_one(w);
    assert_int_equal(state_of(w, high), LK_JOB_ASSIGNED);
}

static void a_priority_that_does_not_exist_is_refused(void **state)
{
    LK_WORLD w = world_new(&lk_core_defaults);

    (void)state;
    push_with(w, 1, "t1", (enum lk_priority)LK_PRIORITIES);
    assert_int_equal(w->last[LK_EFFECT_ANSWER].kind, LK_ERR_INVALID);
}

/* ---- how much at once ---- */

static struct world *world_with_uploads(uint32_t max)
{
    struct lk_core_config config = lk_core_defaults;

    config.upload_limits[0] = (struct lk_upload_limit) { "org", max };
    config.upload_limit_count = 1;
    struct world *w = world_new(&config);
    add_agent(w, "a", &amd64, false, 8);
    return w;
}

static void push_to_own_repository(struct world *w, uint8_t number, bool in_turn)
{
    static const char *const repositories[] = { "org/r0", "org/r1", "org/r2", "org/r3",
                                                "org/r4" };
    struct request           request = request_of(number, repositories[number], "t", 1, &amd64);

    request.options.in_turn = in_turn;
    submit(w, &request);
}

/* The agent has built all that it was given, the youngest first, before it uploads anything. */
static void build_all(struct world *w)
{
    w->agents[0].stuck = true;
    settle(w);
    for (size_t i = WORLD_SLOTS; i-- > 0;) {
        struct world_slot *slot = &w->agents[0].slots[i];
        if (!slot->job)
            continue;
        slot->phase = LK_PHASE_BUILT;
        slot->child = child_of(slot->job, slot->attempt);
        report(w, &w->agents[0], slot, LK_ERR_NONE);
    }
}

/* Which of them have what it takes to upload, and have not done so. */
static unsigned uploads_at_once(const struct world *w)
{
    unsigned count = 0;

    for (const struct lk_push *push = lk_core_first_push(w->core); push; push = push->next) {
        const struct lk_job *job = &push->packages->jobs[0];
        if (push->options.in_turn)
            count +=
                (job->state == LK_JOB_STAGED || job->state == LK_JOB_IN_TURN) && !job->pushed;
        else
            count += job->state == LK_JOB_BUILT && job->ticket_session != 0;
    }
    return count;
}

static void check_uploads(uint32_t max, bool in_turn)
{
    LK_WORLD w = world_with_uploads(max);
    unsigned most = 0;

    for (uint8_t i = 0; i < 5; i++)
        push_to_own_repository(w, i, in_turn);
    build_all(w);
    w->agents[0].stuck = false;
    assert_non_null(
        strstr(lk_core_first_push(w->core)->packages->jobs[0].text, "waits for a place"));
    for (unsigned i = 0; i < 5000 && !all_ended(w); i++) {
        unsigned now = uploads_at_once(w);
        most = now > most ? now : most;
        if (i == 6)
            crash_and_reconnect(w, false);
        if (!move_one(w))
            sleep_until_woken(w);
    }
    assert_true(all_ended(w));
    assert_int_equal(most, max);
    for (const struct lk_push *push = lk_core_first_push(w->core); push; push = push->next)
        assert_int_equal(push->outcome, LK_OUTCOME_OK);
}

static void a_registry_gets_no_more_uploads_at_once_than_it_may(void **state)
{
    (void)state;
    check_uploads(1, false);
    check_uploads(2, false);
}

static void uploads_inside_the_turn_count_as_well(void **state)
{
    (void)state;
    check_uploads(1, true);
    check_uploads(2, true);
}

static void who_waits_for_a_place_gets_no_ticket_by_asking(void **state)
{
    LK_WORLD        w = world_with_uploads(1);
    struct lk_event event = { .type = LK_EVENT_TICKET_WANTED };

    (void)state;
    for (uint8_t i = 0; i < 2; i++)
        push_to_own_repository(w, i, false);
    build_all(w);
    assert_int_equal(w->seen[LK_EFFECT_TICKET], 1);
    event.report.agent = "a";
    event.report.session = w->agents[0].session;
    event.report.job = w->agents[0].slots[0].job;
    event.report.attempt = 1;
    step(w, &event);
    assert_int_equal(w->seen[LK_EFFECT_TICKET], 1);
    /* An image that waits says so, and an upload that ends makes room. */
    assert_string_equal(lk_core_job(w->core, w->agents[0].slots[0].job)->text,
                        "waits for a place to upload: org takes 1 at once");
    w->agents[0].slots[1].phase = LK_PHASE_STAGED;
    report(w, &w->agents[0], &w->agents[0].slots[1], LK_ERR_NONE);
    assert_int_equal(w->seen[LK_EFFECT_TICKET], 2);
}

static void a_registry_without_a_limit_has_none(void **state)
{
    LK_WORLD       w = world_with_uploads(1);
    struct request request = request_of(1, "organisation/it", "t1", 1, &amd64);

    (void)state;
    for (uint8_t i = 0; i < 3; i++) {
        request.key = i;
        request.packages[0].tag = (const char *[]) { "t0", "t1", "t2" }[i];
        submit(w, &request);
    }
    build_all(w);
    assert_int_equal(w->seen[LK_EFFECT_TICKET], 3);
}

static const struct lk_job *job_in(const struct world *w, uint64_t push)
{
    return &lk_core_push(w->core, push)->packages->jobs[0];
}

/* What was there already, or has been uploaded, stays in its turn, for the registry cannot be asked about it. */
static void check_place(bool kept)
{
    LK_WORLD w = world_with_uploads(1);

    if (kept) {
        struct world_index *index = tag_in(w, "org/r0", "t", true);
        index->count = 1;
        index->entries[0].arch = amd64;
        index->entries[0].child = child_of(77, 1);
        index->entries[0].is_signed = true;
        put_manifest(w, &index->entries[0].child.digest);
    }
    w->faults[LK_EFFECT_ACCEPT_CHILD] = (struct world_fault) { 1000, LK_ERR_RETRY };
    push_to_own_repository(w, 0, true);
    settle(w);
    uint64_t first = w->push;
    assert_int_equal(job_in(w, first)->state, LK_JOB_IN_TURN);
    assert_int_equal(job_in(w, first)->kept, kept);
    push_to_own_repository(w, 1, true);
    settle(w);
    assert_int_equal(job_in(w, first)->state, LK_JOB_IN_TURN);
    assert_int_equal(job_in(w, w->push)->state, LK_JOB_IN_TURN);
}

static void what_is_not_uploaded_or_is_up_takes_no_place(void **state)
{
    (void)state;
    check_place(true);
    check_place(false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_drained_agent_gets_nothing_new_until_it_is_resumed),
        cmocka_unit_test(a_drained_agent_finishes_what_it_has),
        cmocka_unit_test(a_drain_outlives_restarts_of_both),
        cmocka_unit_test(a_restart_does_not_take_a_drained_agents_job_away),
        cmocka_unit_test(others_do_the_work_of_a_drained_agent),
        cmocka_unit_test(draining_twice_is_one_fact_and_a_new_reason_another),
        cmocka_unit_test(who_is_not_known_cannot_be_resumed_but_drained_beforehand),
        cmocka_unit_test(a_drained_agent_gives_way_to_nobody),
        cmocka_unit_test(an_agent_that_fails_everything_at_once_gets_nothing_but_a_canary),
        cmocka_unit_test(each_canary_that_fails_doubles_the_wait),
        cmocka_unit_test(a_canary_that_cannot_be_built_says_nothing_of_its_agent),
        cmocka_unit_test(what_an_agent_was_given_before_it_fell_ill_does_not_bring_it_back),
        cmocka_unit_test(a_job_that_has_failed_is_not_risked_as_a_canary),
        cmocka_unit_test(nobody_is_quarantined_for_what_is_not_its_fault),
        cmocka_unit_test(nobody_is_quarantined_for_failures_that_took_long),
        cmocka_unit_test(what_goes_well_in_between_begins_the_row_anew),
        cmocka_unit_test(an_agent_that_loses_its_jobs_as_it_dies_of_them_is_quarantined_too),
        cmocka_unit_test(a_person_ends_a_quarantine_and_so_does_our_restart),
        cmocka_unit_test(a_setting_switches_quarantine_off),
        cmocka_unit_test(what_failed_on_one_agent_goes_to_another_even_if_that_is_busy),
        cmocka_unit_test(it_goes_back_to_the_same_agent_if_no_other_can),
        cmocka_unit_test(the_highest_priority_comes_first_and_then_the_oldest),
        cmocka_unit_test(low_priority_is_passed_by_nobody_who_came_too_much_later),
        cmocka_unit_test(of_pushes_that_count_as_equally_old_the_first_goes_first),
        cmocka_unit_test(priorities_outlive_a_restart),
        cmocka_unit_test(a_priority_that_does_not_exist_is_refused),
        cmocka_unit_test(a_registry_gets_no_more_uploads_at_once_than_it_may),
        cmocka_unit_test(uploads_inside_the_turn_count_as_well),
        cmocka_unit_test(who_waits_for_a_place_gets_no_ticket_by_asking),
        cmocka_unit_test(a_registry_without_a_limit_has_none),
        cmocka_unit_test(what_is_not_uploaded_or_is_up_takes_no_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

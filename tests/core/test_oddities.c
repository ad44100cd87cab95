/* What the coordinator hears that does not fit, comes too late, or is out of measure. */
#include "coordinator/core/private.h"
#include "tests/core/world.h"

static void push_amd64(struct world *w, uint8_t key, const char *tag)
{
    struct request request = request_of(key, "org/it", tag, 1, &amd64);

    submit(w, &request);
}

static struct lk_event report_event(const struct world_agent *agent, uint64_t job,
                                    uint32_t attempt, enum lk_phase phase)
{
    struct lk_event event = { .type = LK_EVENT_REPORT };

    event.report.agent = agent->name;
    event.report.session = agent->session;
    event.report.job = job;
    event.report.attempt = attempt;
    event.report.phase = phase;
    event.report.text = "";
    return event;
}

/* ---- requests ---- */

static void check_invalid(struct world *w, const struct request *request)
{
    unsigned answers = w->seen[LK_EFFECT_ANSWER];

    submit(w, request);
    assert_int_equal(w->seen[LK_EFFECT_ANSWER], answers + 1);
    assert_int_equal(w->last[LK_EFFECT_ANSWER].kind, LK_ERR_INVALID);
    assert_int_equal(w->seen[LK_EFFECT_ACCEPTED], 0);
}

static void requests_out_of_measure_are_refused(void **state)
{
    static char          long_text[LK_REPOSITORY_SIZE + 1];
    const struct lk_arch nameless = { "" };
    LK_WORLD             w = world_of_three();
    struct request       good = request_of(1, "org/it", "abc", 1, &amd64);
    struct request       bad[] = { good, good, good, good, good, good, good, good, good };

    (void)state;
    memset(long_text, 'a', LK_REPOSITORY_SIZE);
    bad[0].packages[0].repository = long_text;
    bad[1].packages[0].path = long_text;
    bad[2].packages[0].origin = LK_PACKAGE_FROM_INDEX;
    bad[3].packages[0].arches = &nameless;
    bad[4].count = LK_PUSH_PACKAGES_MAX + 1;
    bad[5].options.adopt_count = LK_CORE_ADOPT_MAX + 1;
    bad[6].options.replace_count = LK_PACKAGE_ARCHES_MAX + 1;
    bad[7].options.job_timeout_s = LK_TIMEOUT_S_MAX + 1;
    bad[8].options.timeout_s = LK_TIMEOUT_S_MAX + 1;
    for (size_t i = 0; i < LK_COUNT(bad); i++)
        check_invalid(w, &bad[i]);
}

static void who_asks_has_a_name(void **state)
{
    LK_WORLD        w = world_of_three();
    struct request  request = request_of(1, "org/it", "abc", 1, &amd64);
    uint8_t         key[16] = { 1 };
    struct lk_event event = { .type = LK_EVENT_SUBMIT };

    (void)state;
    event.submit.client = "";
    event.submit.request_key = key;
    event.submit.options = &request.options;
    event.submit.count = 1;
    event.submit.packages = request.packages;
    step(w, &event);
    assert_int_equal(w->last[LK_EFFECT_ANSWER].kind, LK_ERR_INVALID);
    event.submit.client = "another";
    step(w, &event);
    submit(w, &request); /* the same key of CLIENT */
    assert_int_equal(w->seen[LK_EFFECT_ACCEPTED], 2);
    assert_int_equal(w->push, 2);
}

static void every_byte_of_a_requests_key_counts(void **state)
{
    LK_WORLD        w = world_of_three();
    struct request  request = request_of(0, "org/it", "abc", 1, &amd64);
    struct lk_event event = { .type = LK_EVENT_SUBMIT };

    (void)state;
    submit(w, &request);
    event.submit.client = CLIENT;
    event.submit.options = &request.options;
    event.submit.count = 1;
    event.submit.packages = request.packages;
    for (size_t i = 0; i < 16; i++) {
        uint8_t key[16] = { 0 };
        key[i] = 1;
        event.submit.request_key = key;
        step(w, &event);
        assert_int_equal(w->last[LK_EFFECT_ACCEPTED].push, i + 2);
    }
}

static void who_asks_again_has_as_long_for_its_source_as_at_first(void **state)
{
    LK_WORLD w = world_of_three();

    (void)state;
    w->source_is_late = true;
    push_amd64(w, 1, "abc");
    wait_ms(w, w->config.source_ms - 1);
    push_amd64(w, 1, "abc");
    wait_ms(w, w->config.source_ms - 1);
    assert_int_equal(push_of(w)->state, LK_PUSH_RECEIVING);
    wait_ms(w, 1);
    assert_int_equal(push_of(w)->state, LK_PUSH_ENDED);
}

/* What lives long keeps its place, and the numbers go round it. */
static void numbers_pass_by_the_places_of_what_still_lives(void **state)
{
    struct lk_core_config config = lk_core_defaults;

    (void)state;
    config.pushes_max = 2;
    config.packages_max = 2;

    LK_WORLD w = world_new(&config);

    w->source_is_late = true;
    push_amd64(w, 1, "one");
    push_amd64(w, 2, "two");
    cancel(w, w->push);
    push_amd64(w, 3, "three");
    assert_int_equal(w->push, 4);
    assert_int_equal(package_of(w)->id, 4);
    assert_null(lk_core_push(w->core, 2));
    assert_non_null(lk_core_push(w->core, 1));
}

static void a_drain_needs_a_name_of_some_length(void **state)
{
    char     name[LK_NAME_SIZE + 1] = "";
    LK_WORLD w = world_of_three();

    (void)state;
    drain(w, name, "");
    assert_int_equal(w->last[LK_EFFECT_ANSWER].kind, LK_ERR_INVALID);
    memset(name, 'a', LK_NAME_SIZE);
    drain(w, name, "");
    assert_int_equal(w->last[LK_EFFECT_ANSWER].kind, LK_ERR_INVALID);
}

/* ---- answers and sources of nothing ---- */

static void answers_about_nothing_are_counted_and_dropped(void **state)
{
    LK_WORLD         w = world_of_three();
    struct lk_effect nothing = { .package = 99, .job = 99 * LK_PACKAGE_ARCHES_MAX, .op = 1 };

    (void)state;
    cancel(w, 0);
    assert_int_equal(w->last[LK_EFFECT_ANSWER].kind, LK_ERR_NOT_FOUND);
    source(w, 99, NULL);
    answer(w, LK_EVENT_MERGED, &nothing, NULL, NULL, NULL);
    answer(w, LK_EVENT_CHILD_CHECKED, &nothing, NULL, NULL, NULL);
    assert_int_equal(w->stale, 3);
}

static void an_answer_that_nobody_asked_for_settles_no_job(void **state)
{
    LK_WORLD w = world_new(&lk_core_defaults);

    (void)state;
    add_agent(w, "a", &amd64, false, 1);
    push_amd64(w, 1, "abc");
    run_until_job(w, &amd64, LK_JOB_BUILT);
    struct lk_effect none = { .package = package_of(w)->id, .job = job_of(w, &amd64)->id };
    answer(w, LK_EVENT_CHILD_CHECKED, &none, NULL, NULL, NULL);
    assert_int_equal(w->stale, 1);
    assert_int_equal(job_of(w, &amd64)->state, LK_JOB_BUILT);
}

static void a_source_that_fails_without_a_reason_is_no_success(void **state)
{
    LK_WORLD      w = world_of_three();
    struct lk_err why = { .kind = LK_ERR_NONE };

    (void)state;
    w->source_is_late = true;
    push_amd64(w, 1, "abc");
    source(w, w->push, &why);
    assert_int_equal(push_of(w)->outcome, LK_OUTCOME_INFRASTRUCTURE);
}

static void what_is_said_of_a_source_that_is_there_changes_nothing(void **state)
{
    LK_WORLD      w = world_new(&lk_core_defaults);
    struct lk_err why = { .kind = LK_ERR_INVALID, .text = "not what it says" };

    (void)state;
    push_amd64(w, 1, "abc");
    settle(w);
    assert_int_equal(push_of(w)->state, LK_PUSH_RUNNING);
    size_t facts = w->fact_count;
    source(w, w->push, NULL);
    source(w, w->push, &why);
    assert_int_equal(w->stale, 2);
    assert_int_equal(w->fact_count, facts);
}

static void a_cancel_that_is_repeated_is_answered_like_the_first_one(void **state)
{
    LK_WORLD w = world_new(&lk_core_defaults);

    (void)state;
    push_amd64(w, 1, "abc");
    for (int i = 0; i < 2; i++) {
        cancel(w, w->push);
        settle(w);
        assert_int_equal(w->last[LK_EFFECT_ANSWER].kind, LK_ERR_NONE);
        assert_int_equal(push_of(w)->state, LK_PUSH_ENDED);
    }
}

/* ---- agents ---- */

static void an_agent_too_many_is_not_taken(void **state)
{
    struct lk_core_config config = lk_core_defaults;

    (void)state;
    config.agents_max = 1;

    LK_WORLD w = world_new(&config);

    add_agent(w, "a", &amd64, false, 1);
    add_agent(w, "b", &amd64, false, 1);
    assert_null(lk_core_agent(w->core, 1));
    assert_string_equal(lk_core_agent(w->core, 0)->name, "a");
    assert_true(w->stale > 0);
}

static void an_attempt_without_a_number_was_given_to_nobody(void **state)
{
    LK_WORLD w = world_new(&lk_core_defaults);

    (void)state;
    add_agent(w, "a", &arm64, false, 1);
    push_amd64(w, 1, "abc");
    settle(w);
    struct lk_event event =
        report_event(&w->agents[0], job_of(w, &amd64)->id, 0, LK_PHASE_BUILT);
    step(w, &event);
    assert_int_equal(job_of(w, &amd64)->state, LK_JOB_QUEUED);
    assert_int_equal(w->seen[LK_EFFECT_DROP], 1);
}

/* An agent whose only job is given up, because it was silent. */
static struct world *world_of_a_lost_job(void)
{
    struct world *w = world_new(&lk_core_defaults);

    add_agent(w, "a", &amd64, false, 1);
    push_amd64(w, 1, "abc");
    run_until_job(w, &amd64, LK_JOB_ASSIGNED);
    w->queue_first = w->queue_end;
    w->agents[0].frozen = true;
    wait_ms(w, w->config.lease_ms);
    assert_int_equal(job_of(w, &amd64)->state, LK_JOB_QUEUED);
    return w;
}

static void who_does_not_build_for_it_any_more_cannot_take_its_old_job_back(void **state)
{
    LK_WORLD w = world_of_a_lost_job();

    (void)state;
    w->agents[0].platforms[0].arch = arm64;
    hello(w, &w->agents[0]);
    struct lk_event event =
        report_event(&w->agents[0], job_of(w, &amd64)->id, 1, LK_PHASE_BUILT);
    step(w, &event);
    assert_int_equal(job_of(w, &amd64)->state, LK_JOB_QUEUED);
    assert_int_equal(w->last[LK_EFFECT_DROP].attempt, 1);
}

static void an_old_attempt_that_fails_is_dropped_and_the_new_one_goes_on(void **state)
{
    LK_WORLD w = world_of_a_lost_job();

    (void)state;
    add_agent(w, "b", &amd64, false, 1);
    wait_ms(w, 2000);
    assert_string_equal(job_of(w, &amd64)->agent, "b");
    struct lk_event event =
        report_event(&w->agents[0], job_of(w, &amd64)->id, 1, LK_PHASE_FAILED);
    step(w, &event);
    assert_int_equal(job_of(w, &amd64)->attempt, 2);
    assert_int_equal(job_of(w, &amd64)->state, LK_JOB_ASSIGNED);
    assert_int_equal(w->last[LK_EFFECT_DROP].attempt, 1);
}

static void a_later_attempt_is_dropped_when_an_earlier_one_was_taken_back(void **state)
{
    LK_WORLD w = world_of_a_lost_job();

    (void)state;
    add_agent(w, "b", &amd64, false, 1);
    wait_ms(w, 2000);
    uint64_t job = job_of(w, &amd64)->id;
    w->queue_first = w->queue_end;
    wait_ms(w, w->config.lease_ms);
    assert_int_equal(job_of(w, &amd64)->state, LK_JOB_QUEUED);
    struct lk_event first = report_event(&w->agents[0], job, 1, LK_PHASE_BUILDING);
    step(w, &first);
    assert_int_equal(job_of(w, &amd64)->attempt, 1);
    struct lk_event second = report_event(&w->agents[1], job, 2, LK_PHASE_BUILDING);
    step(w, &second);
    assert_int_equal(job_of(w, &amd64)->attempt, 1);
    assert_int_equal(w->last[LK_EFFECT_DROP].attempt, 2);
}

static void progress_within_a_phase_is_seen_and_needs_no_words(void **state)
{
    LK_WORLD w = world_new(&lk_core_defaults);

    (void)state;
    add_agent(w, "a", &amd64, false, 1);
    push_amd64(w, 1, "abc");
    run_until_job(w, &amd64, LK_JOB_BUILT);
    const struct lk_job *job = job_of(w, &amd64);
    struct lk_event      event = report_event(&w->agents[0], job->id, 1, LK_PHASE_STAGING);
    event.report.child = job->child;
    event.report.text = NULL;
    step(w, &event);
    event.report.bytes_done = 10;
    step(w, &event);
    assert_int_equal(job->bytes_done, 10);
    assert_string_equal(job->text, "");
}

static void ask_for_ticket(struct world *w, uint64_t session, uint64_t job, uint32_t attempt)
{
    struct lk_event event = report_event(&w->agents[0], job, attempt, LK_PHASE_NONE);

    event.type = LK_EVENT_TICKET_WANTED;
    event.report.session = session;
    step(w, &event);
}

static void tickets_are_only_for_what_is_built_and_under_way(void **state)
{
    LK_WORLD w = world_new(&lk_core_defaults);

    (void)state;
    add_agent(w, "a", &amd64, false, 1);
    push_amd64(w, 1, "abc");
    run_until_job(w, &amd64, LK_JOB_ASSIGNED);
    uint64_t job = job_of(w, &amd64)->id;
    uint64_t session = w->agents[0].session;
    ask_for_ticket(w, session, job, 1);
    ask_for_ticket(w, session + 1, job, 1);
    ask_for_ticket(w, session, 99 * LK_PACKAGE_ARCHES_MAX, 1);
    run(w);
    unsigned tickets = w->seen[LK_EFFECT_TICKET];
    ask_for_ticket(w, session, job, 1);
    assert_int_equal(w->stale, 4);
    assert_int_equal(w->seen[LK_EFFECT_TICKET], tickets);
}

/* ---- quarantine ---- */

static const struct lk_agent *ill_agent(struct world *w)
{
    const struct lk_agent *agent = lk_core_agent(w->core, 0);

    for (uint8_t key = 1; !agent->canary_ms; key++) {
        push_amd64(w, key, "abc");
        run_until_job(w, &amd64, LK_JOB_ASSIGNED);
        struct lk_event event = report_event(&w->agents[0], job_of(w, &amd64)->id,
                                             job_of(w, &amd64)->attempt, LK_PHASE_TAKEN);
        step(w, &event);
        event.report.phase = LK_PHASE_FAILED;
        event.report.kind = LK_ERR_PERMANENT;
        step(w, &event);
        cancel(w, w->push);
        w->queue_first = w->queue_end;
    }
    return agent;
}

/* What it was tried out with is given to another one; it may be tried out with something else. */
static void a_canary_that_is_lost_keeps_nobody_in_quarantine(void **state)
{
    LK_WORLD w = world_new(&lk_core_defaults);

    (void)state;
    add_agent(w, "a", &amd64, false, 1);
    const struct lk_agent *agent = ill_agent(w);
    w->now_ms = agent->canary_ms;
    alive(w, &w->agents[0]);
    push_amd64(w, 99, "xyz");
    run_until_job(w, &amd64, LK_JOB_ASSIGNED);
    assert_int_equal(agent->canary, job_of(w, &amd64)->id);
    w->queue_first = w->queue_end;
    assert_true(lk_quarantine_holds(w->core, agent));
    w->agents[0].frozen = true;
    wait_ms(w, w->config.lease_ms);
    assert_int_equal(job_of(w, &amd64)->state, LK_JOB_QUEUED);
    assert_false(lk_quarantine_holds(w->core, agent));
    add_agent(w, "b", &amd64, false, 1);
    wait_ms(w, 2000);
    assert_string_equal(job_of(w, &amd64)->agent, "b");
    assert_false(lk_quarantine_holds(w->core, agent));
}

/* ---- a great many ---- */

static void more_reasons_to_wait_than_are_remembered_are_all_told(void **state)
{
    LK_WORLD       w = world_of_three();
    struct lk_arch arches[24];
    struct request request = request_of(1, "org/it", "abc", 8, arches);

    (void)state;
    for (size_t i = 0; i < LK_COUNT(arches); i++)
        snprintf(arches[i].name, sizeof(arches[i].name), "arch%zu", i);
    request.count = 3;
    for (size_t i = 0; i < 3; i++) {
        request.packages[i] = request.packages[0];
        request.packages[i].tag = i == 0 ? "a" : i == 1 ? "b" : "c";
        request.packages[i].arches = &arches[8 * i];
    }
    submit(w, &request);
    settle(w);
    for (const struct lk_package *package = package_of(w); package;
         package = package->next_in_push)
        for (size_t i = 0; i < package->job_count; i++) {
            assert_non_null(strstr(package->jobs[i].text, "no connected agent builds for"));
            assert_non_null(strstr(package->jobs[i].text, package->jobs[i].arch.name));
        }
}

static void submit_thirty_full_pushes(struct world *w, bool dry_run)
{
    struct request request = request_of(1, "org/it", "abc", 1, &amd64);

    for (size_t i = 0; i < LK_PUSH_PACKAGES_MAX; i++)
        request.packages[i] = request.packages[0];
    request.count = LK_PUSH_PACKAGES_MAX;
    request.options.dry_run = dry_run;
    request.options.build_only = request.options.force = !dry_run;
    for (uint8_t key = 1; key <= 30; key++) {
        request.key = key;
        submit(w, &request);
        if (!dry_run)
            source(w, w->push, NULL);
        while (w->wake_ms <= w->now_ms)
            timer(w);
        w->queue_first = w->queue_end = 0;
    }
}

static unsigned steps_until_rest(struct world *w)
{
    unsigned steps = 1;

    for (; w->wake_ms <= w->now_ms; steps++)
        timer(w);
    return steps;
}

static void a_restart_with_thousands_of_looks_under_way_takes_several_steps(void **state)
{
    LK_WORLD w = world_new(&lk_core_defaults);

    (void)state;
    submit_thirty_full_pushes(w, true);
    assert_int_equal(w->seen[LK_EFFECT_PROBE], 30 * LK_PUSH_PACKAGES_MAX);
    crash(w, false);
    assert_true(steps_until_rest(w) > 1);
    assert_int_equal(w->seen[LK_EFFECT_PROBE], 2 * 30 * LK_PUSH_PACKAGES_MAX);
}

static void thousands_of_jobs_can_be_given_at_once(void **state)
{
    LK_WORLD w = world_new(&lk_core_defaults);

    (void)state;
    submit_thirty_full_pushes(w, false);
    assert_int_equal(w->seen[LK_EFFECT_OFFER], 0);
    w->agents[0] = (struct world_agent) { .name = "a",
                                          .slot_count = 1000000,
                                          .platform_count = 1,
                                          .platforms = { { amd64, false } } };
    w->agent_count = 1;
    reconnect(w, &w->agents[0]);
    assert_true(steps_until_rest(w) > 1);
    assert_int_equal(w->seen[LK_EFFECT_OFFER], 30 * LK_PUSH_PACKAGES_MAX);
}

static void a_limit_is_of_a_registry_and_not_of_what_begins_like_it(void **state)
{
    struct lk_core_config config = lk_core_defaults;

    (void)state;
    config.upload_limit_count = 1;
    strcpy(config.upload_limits[0].host, "org");

    LK_CLEANUP(lk_core_free) struct lk_core *core = lk_core_new(&config);

    assert_int_equal(lk_upload_limit_of(core, "org/it"), 1);
    assert_int_equal(lk_upload_limit_of(core, "organic/it"), 0);
    assert_int_equal(lk_upload_limit_of(core, "other/it"), 0);
    assert_int_equal(lk_upload_limit_of(core, "owl/it"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_out_of_measure_are_refused),
        cmocka_unit_test(who_asks_has_a_name),
        cmocka_unit_test(every_byte_of_a_requests_key_counts),
        cmocka_unit_test(who_asks_again_has_as_long_for_its_source_as_at_first),
        cmocka_unit_test(numbers_pass_by_the_places_of_what_still_lives),
        cmocka_unit_test(a_drain_needs_a_name_of_some_length),
        cmocka_unit_test(answers_about_nothing_are_counted_and_dropped),
        cmocka_unit_test(an_answer_that_nobody_asked_for_settles_no_job),
        cmocka_unit_test(a_source_that_fails_without_a_reason_is_no_success),
        cmocka_unit_test(what_is_said_of_a_source_that_is_there_changes_nothing),
        cmocka_unit_test(a_cancel_that_is_repeated_is_answered_like_the_first_one),
        cmocka_unit_test(an_agent_too_many_is_not_taken),
        cmocka_unit_test(an_attempt_without_a_number_was_given_to_nobody),
        cmocka_unit_test(who_does_not_build_for_it_any_more_cannot_take_its_old_job_back),
        cmocka_unit_test(an_old_attempt_that_fails_is_dropped_and_the_new_one_goes_on),
        cmocka_unit_test(a_later_attempt_is_dropped_when_an_earlier_one_was_taken_back),
        cmocka_unit_test(progress_within_a_phase_is_seen_and_needs_no_words),
        cmocka_unit_test(tickets_are_only_for_what_is_built_and_under_way),
        cmocka_unit_test(a_canary_that_is_lost_keeps_nobody_in_quarantine),
        cmocka_unit_test(more_reasons_to_wait_than_are_remembered_are_all_told),
        cmocka_unit_test(a_restart_with_thousands_of_looks_under_way_takes_several_steps),
        cmocka_unit_test(thousands_of_jobs_can_be_given_at_once),
        cmocka_unit_test(a_limit_is_of_a_registry_and_not_of_what_begins_like_it),
    };

    return cmocka_run_group_tests_name("oddities", tests, NULL, NULL);
}

#include "tests/unit/coordinator_world.h"

#define ROUNDS 4000

/* Numbers that hit what is there more often than chance would. */
static uint64_t some_number(void)
{
    static const uint64_t edges[] = { 0, 1, 2, 8, 9, 10, 16, UINT32_MAX, UINT64_MAX };

    return rand() % 4 ? 8 + (uint64_t)rand() % 4 : edges[(size_t)rand() % LK_COUNT(edges)];
}

static void twist(lk_wire_Envelope *e)
{
    switch (e->which_body) {
    case lk_wire_Envelope_report_tag:
        e->body.report.job = some_number();
        e->body.report.attempt = (uint32_t)rand() % 3;
        e->body.report.phase = (lk_wire_Phase)(rand() % 9);
        e->body.report.kind = (lk_wire_Kind)(rand() % 8);
        e->body.report.fence = some_number();
        return;
    case lk_wire_Envelope_log_piece_tag:
        e->body.log_piece.job = some_number();
        e->body.log_piece.attempt = (uint32_t)rand() % 3;
        e->body.log_piece.offset = some_number();
        e->body.log_piece.end = rand() % 8 == 0;
        return;
    case lk_wire_Envelope_ticket_wanted_tag:
        e->body.ticket_wanted.job = some_number();
        e->body.ticket_wanted.attempt = (uint32_t)rand() % 3;
        return;
    case lk_wire_Envelope_credit_tag:
        e->body.credit.job = rand() % 2 ? 0 : some_number();
        e->body.credit.attempt = (uint32_t)rand() % 3;
        e->body.credit.bytes = rand() % 2 ? UINT64_MAX : some_number();
        return;
    case lk_wire_Envelope_follow_tag:
        e->body.follow.job = some_number();
        e->body.follow.attempt = (uint32_t)rand() % 3;
        e->body.follow.offset = some_number();
        return;
    case lk_wire_Envelope_watch_tag: e->body.watch.push = some_number() % 4; return;
    case lk_wire_Envelope_cancel_tag: e->body.cancel.push = 2 + some_number(); return;
    case lk_wire_Envelope_hello_tag: e->body.hello.slots = (uint32_t)some_number(); return;
    case lk_wire_Envelope_submit_tag:
        e->body.submit.no_signature = true;
        e->body.submit.no_build = rand() % 8 == 0;
        e->body.submit.request_key[0] = (pb_byte_t)rand();
        return;
    default: return;
    }
}

static void lie(struct world *world, enum who who)
{
    lk_wire_Envelope out;
    pb_size_t        body = all_bodies[2 + (size_t)rand() % (LK_COUNT(all_bodies) - 2)];
    struct lk_str    payload = LK_STR("");

    if (body == lk_wire_Envelope_bye_tag && rand() % 20)
        return;
    sample_of(body, &out);
    twist(&out);
    out.session = rand() % 50 ? world->session[who] : (uint64_t)rand();
    out.request = (uint64_t)rand() % 5;
    if (body == lk_wire_Envelope_hello_tag)
        out.session = 0;
    if (body == lk_wire_Envelope_log_piece_tag || body == lk_wire_Envelope_object_tag)
        payload = LK_STR("not what it should be");
    send_message(world, who, &out, payload);
    while (receive(world, who, 0))
        if (world->in.envelope.which_body == lk_wire_Envelope_welcome_tag)
            world->session[who] = world->in.envelope.body.welcome.session;
    if (body == lk_wire_Envelope_bye_tag)
        come_in(world, who);
}

static void peers_that_lie_in_any_order_do_not_end_it(void **state)
{
    struct world world = { 0 };

    start(state, &world);
    come_in(&world, AGENT);
    come_in(&world, CLIENT);
    begin_push(state, &world);
    srand(2);
    for (int i = 0; i < ROUNDS; i++)
        lie(&world, rand() % 2 ? AGENT : CLIENT);
    still_answers(&world);
    stop(&world);
}

static void lists_end_with_how_many_there_were(void **state)
{
    struct world     world = { 0 };
    lk_wire_Envelope list = { .request = 6, .which_body = lk_wire_Envelope_list_tag };
    uint64_t         count = 0;

    start(state, &world);
    come_in(&world, AGENT);
    come_in(&world, CLIENT);
    begin_push(state, &world);
    for (uint8_t key = 2; key < 202; key++) {
        submit(&world, key);
        expect(&world, CLIENT, lk_wire_Envelope_accepted_tag);
    }
    ask(&world, CLIENT, &list);
    usleep(300000); /* the pipe fills up meanwhile */
    while (receive(&world, CLIENT, WAIT_MS) &&
           world.in.envelope.which_body != lk_wire_Envelope_done_tag)
        count += world.in.envelope.which_body == lk_wire_Envelope_push_update_tag;
    assert_int_equal(world.in.envelope.body.done.count, 201);
    assert_int_equal(count, 201);
    assert_int_equal(world.in.envelope.request, 6);
    stop(&world);
}

static void who_is_taken_off_the_list_is_cut_by_sighup(void **state)
{
    struct world     world = { 0 };
    lk_wire_Envelope list = { .request = 6, .which_body = lk_wire_Envelope_list_agents_tag };

    start(state, &world);
    come_in(&world, AGENT);
    come_in(&world, CLIENT);
    list_peers(state, &world, false, true);
    assert_int_equal(kill(world.pid, SIGHUP), 0);
    for (int tries = 0; tries < 500; tries++) {
        ask(&world, CLIENT, &list);
        expect(&world, CLIENT, lk_wire_Envelope_agent_update_tag);
        if (!world.in.envelope.body.agent_update.connected)
            break;
        usleep(10000);
    }
    assert_false(world.in.envelope.body.agent_update.connected);
    /* A file that is wrong changes nothing. */
    write_config(state, "a: short", "", NULL);
    assert_int_equal(kill(world.pid, SIGHUP), 0);
    usleep(200000);
    expect(&world, CLIENT, lk_wire_Envelope_done_tag);
    ask(&world, CLIENT, &list);
    expect(&world, CLIENT, lk_wire_Envelope_done_tag);
    stop(&world);
}

static void an_agent_serves_only_what_the_configuration_allows(void **state)
{
    struct world     world = { 0 };
    lk_wire_Envelope list = { .request = 6, .which_body = lk_wire_Envelope_list_agents_tag };
    const lk_wire_AgentUpdate *agent = &world.in.envelope.body.agent_update;

    start_with(state, &world, "s390x, riscv64");
    come_in(&world, AGENT); /* says amd64 and s390x */
    come_in(&world, CLIENT);
    ask(&world, CLIENT, &list);
    expect(&world, CLIENT, lk_wire_Envelope_agent_update_tag);
    assert_int_equal(agent->platforms_count, 1);
    assert_string_equal(agent->platforms[0].arch, "s390x");
    stop(&world);
}

static void an_agent_for_nothing_that_is_allowed_is_refused(void **state)
{
    struct world world = { 0 };

    start_with(state, &world, "riscv64");
    say_hello(&world, AGENT);
    expect(&world, AGENT, lk_wire_Envelope_error_tag);
    assert_int_equal(world.in.envelope.body.error.kind, lk_wire_Kind_KIND_DENIED);
    assert_non_null(strstr(world.in.envelope.body.error.text, "arches"));
    stop(&world);
}

static void cancelling_what_has_ended_is_a_conflict(void **state)
{
    struct world     world = { 0 };
    lk_wire_Envelope cancel = { .request = 8, .which_body = lk_wire_Envelope_cancel_tag };
    lk_wire_Envelope watch = { .request = 7, .which_body = lk_wire_Envelope_watch_tag };

    start(state, &world);
    come_in(&world, AGENT);
    come_in(&world, CLIENT);
    begin_push(state, &world);
    for (uint64_t job = 8; job < 10; job++) {
        lk_wire_Envelope report;
        sample_of(lk_wire_Envelope_report_tag, &report);
        report.body.report.job = job;
        report.body.report.attempt = 1;
        report.body.report.phase = lk_wire_Phase_PHASE_FAILED;
        report.body.report.kind = lk_wire_Kind_KIND_INVALID;
        report.body.report.spec.size = 0; /* as an older agent, which does not repeat it */
        ask(&world, AGENT, &report);
    }
    watch.body.watch.push = world.push;
    ask(&world, CLIENT, &watch);
    do
        expect(&world, CLIENT, lk_wire_Envelope_push_update_tag);
    while (world.in.envelope.body.push_update.state != lk_wire_PushState_PUSH_ENDED);
    cancel.body.cancel.push = world.push;
    ask(&world, CLIENT, &cancel);
    expect(&world, CLIENT, lk_wire_Envelope_error_tag);
    assert_int_equal(world.in.envelope.body.error.kind, lk_wire_Kind_KIND_CONFLICT);
    assert_non_null(strstr(world.in.envelope.body.error.text, "ended already"));
    stop(&world);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_make, scratch_remove)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(peers_that_lie_in_any_order_do_not_end_it),
        TEST(lists_end_with_how_many_there_were),
        TEST(who_is_taken_off_the_list_is_cut_by_sighup),
        TEST(an_agent_serves_only_what_the_configuration_allows),
        TEST(an_agent_for_nothing_that_is_allowed_is_refused),
        TEST(cancelling_what_has_ended_is_a_conflict),
    };

    if (argc == 2)
        return serve(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

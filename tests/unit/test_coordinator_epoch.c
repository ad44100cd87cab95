/* An agent that knows more of this cluster than the coordinator's state does. */
#include "tests/unit/coordinator_world.h"

static void say_hello_of(struct world *world, const lk_wire_Welcome *known, uint64_t epoch)
{
    lk_wire_Envelope hello;
    struct lk_err    err;

    zsock_destroy(&world->line[AGENT]);
    must(lk_sock_open_line(&world->line[AGENT], world->endpoint[AGENT], world->keys[AGENT],
                           lk_curve_public_of(world->server), &err),
         &err);
    sample_of(lk_wire_Envelope_hello_tag, &hello);
    hello.session = 0;
    hello.body.hello.cluster.size = known->cluster.size;
    memcpy(hello.body.hello.cluster.bytes, known->cluster.bytes, known->cluster.size);
    hello.body.hello.epoch = epoch;
    send_message(world, AGENT, &hello, LK_STR(""));
}

static lk_wire_Welcome first_welcome(struct world *world)
{
    come_in(world, AGENT);
    return world->in.envelope.body.welcome;
}

static void an_agent_that_knows_a_later_epoch_is_welcomed_past_it(void **state)
{
    struct world world = { 0 };

    start(state, &world);
    lk_wire_Welcome known = first_welcome(&world);
    say_hello_of(&world, &known, known.epoch + 40);
    expect(&world, AGENT, lk_wire_Envelope_error_tag);
    assert_int_equal(world.in.envelope.body.error.kind, lk_wire_Kind_KIND_RETRY);
    for (int tries = 0; tries < 100; tries++) {
        say_hello_of(&world, &known, known.epoch + 40);
        assert_true(receive(&world, AGENT, WAIT_MS));
        if (world.in.envelope.which_body == lk_wire_Envelope_welcome_tag)
            break;
    }
    assert_int_equal(world.in.envelope.which_body, lk_wire_Envelope_welcome_tag);
    assert_int_equal(world.in.envelope.body.welcome.epoch, known.epoch + 41);
    stop(&world);
}

static void an_epoch_that_cannot_have_been_is_refused_and_not_followed(void **state)
{
    struct world world = { 0 };

    start(state, &world);
    lk_wire_Welcome known = first_welcome(&world);
    say_hello_of(&world, &known, UINT32_MAX - 1);
    expect(&world, AGENT, lk_wire_Envelope_error_tag);
    assert_int_equal(world.in.envelope.body.error.kind, lk_wire_Kind_KIND_DENIED);
    assert_non_null(strstr(world.in.envelope.body.error.text, "remove that file"));
    assert_int_equal(first_welcome(&world).epoch, known.epoch);
    stop(&world);
}

static void of_another_cluster_any_epoch_is_nothing_to_us(void **state)
{
    struct world world = { 0 };

    start(state, &world);
    lk_wire_Welcome known = first_welcome(&world);
    uint64_t        epoch = known.epoch;
    known.cluster.bytes[0] ^= 1;
    say_hello_of(&world, &known, epoch + 40);
    expect(&world, AGENT, lk_wire_Envelope_welcome_tag);
    assert_int_equal(world.in.envelope.body.welcome.epoch, epoch);
    stop(&world);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_make, scratch_remove)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(an_agent_that_knows_a_later_epoch_is_welcomed_past_it),
        TEST(an_epoch_that_cannot_have_been_is_refused_and_not_followed),
        TEST(of_another_cluster_any_epoch_is_nothing_to_us),
    };

    if (argc == 2)
        return serve(argv[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

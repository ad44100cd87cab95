#include "tests/unit/source_helper.h"

#include "common/net/sock.h"
#include "common/net/zap.h"
#include "common/os/clock.h"
#include "coordinator/door/door.h"

#define WAIT_MS 5000
#define NOTHING ((struct lk_str) { "", 0 })

static struct lk_curve_pair *server, *alice, *bob;
static struct lk_zap        *zap;

/* A door with what its owner saw, and up to three lines. */
struct bench {
    struct lk_door   *door;
    struct lk_peers   peers;
    int               opened, welcomed, messages, closed, for_good;
    bool              refuse;
    char              name[LK_NAME_SIZE];
    zsock_t          *line[3];
    struct lk_wire_in in;
};

static int on_opened(void *ctx, struct lk_session *session, const lk_wire_Hello *hello,
                     lk_wire_Welcome *out, struct lk_err *err)
{
    struct bench *bench = ctx;

    (void)hello;
    if (bench->refuse)
        return lk_err_set(err, LK_ERR_DENIED, "not today");
    bench->opened++;
    session->owner = bench;
    out->ping_ms = 100;
    out->silence_ms = 1000;
    snprintf(bench->name, sizeof(bench->name), "%s", session->name);
    return 0;
}

static void on_welcomed(void *ctx, struct lk_session *session, const lk_wire_Hello *hello)
{
    lk_wire_Envelope first = { .which_body = lk_wire_Envelope_pong_tag };
    struct bench    *bench = ctx;

    (void)hello;
    bench->welcomed++;
    first.body.pong.number = 77;
    lk_door_post(bench->door, session, &first);
}

static void on_message(void *ctx, struct lk_session *session, const struct lk_wire_in *in)
{
    struct bench *bench = ctx;

    assert_ptr_equal(session->owner, bench);
    assert_int_equal(in->envelope.session, session->id);
    bench->messages++;
}

static void on_closed(void *ctx, struct lk_session *session, bool for_good)
{
    struct bench *bench = ctx;

    assert_ptr_equal(session->owner, bench);
    if (bench->door) /* not while it is closed */
        assert_null(lk_door_session(bench->door, session->id));
    bench->closed++;
    bench->for_good += for_good;
}

static void add_peer(struct lk_peers *peers, const char *name, const struct lk_curve_pair *pair)
{
    struct lk_peer *peer = &peers->list[peers->count++];

    snprintf(peer->name, sizeof(peer->name), "%s", name);
    peer->key = *lk_curve_public_of(pair);
}

static struct bench *open_bench(bool one_per_key, int64_t silence_ms)
{
    struct bench          *bench = lk_xcalloc(1, sizeof(*bench));
    struct lk_door_options options = {
        .endpoint = "tcp://127.0.0.1:0",
        .domain = "clients",
        .one_per_key = one_per_key,
        .silence_ms = silence_ms,
        .peers = &bench->peers,
        .key = server,
        .opened = on_opened,
        .welcomed = on_welcomed,
        .message = on_message,
        .closed = on_closed,
        .ctx = bench,
    };
    struct lk_err err;

    add_peer(&bench->peers, "alice", alice);
    add_peer(&bench->peers, "bob", bob);
    lk_wire_in_init(&bench->in);
    must(lk_door_open(&bench->door, &options, &err), &err);
    return bench;
}

static void close_bench(struct bench *bench)
{
    lk_door_close(&bench->door);
    for (size_t i = 0; i < LK_COUNT(bench->line); i++)
        zsock_destroy(&bench->line[i]);
    lk_wire_in_fini(&bench->in);
    free(bench);
}

static void connect_line(struct bench *bench, size_t i, const struct lk_curve_pair *who)
{
    struct lk_err err;

    zsock_destroy(&bench->line[i]);
    must(lk_sock_open_line(&bench->line[i], lk_door_endpoint(bench->door), who,
                           lk_curve_public_of(server), &err),
         &err);
}

static void send_on(struct bench *bench, size_t i, const lk_wire_Envelope *envelope)
{
    for (int tries = 0; tries < WAIT_MS; tries++) {
        if (lk_wire_send(bench->line[i], envelope, NOTHING) == LK_WIRE_OK)
            return;
        usleep(1000);
    }
    fail_msg("no connection");
}

/* The next answer on a line; the door is read meanwhile. */
static const lk_wire_Envelope *answer(struct bench *bench, size_t i)
{
    struct lk_err err;

    for (int tries = 0; tries < WAIT_MS; tries++) {
        lk_door_read(bench->door);
        if (lk_wire_receive(bench->line[i], false, &bench->in, &err) == LK_WIRE_OK)
            return &bench->in.envelope;
        usleep(1000);
    }
    fail_msg("no answer");
    return NULL;
}

static const lk_wire_Envelope *hello(struct bench *bench, size_t i, uint32_t version)
{
    lk_wire_Envelope envelope = { .request = 5, .which_body = lk_wire_Envelope_hello_tag };

    envelope.body.hello.version = version;
    send_on(bench, i, &envelope);
    return answer(bench, i);
}

/* The session's number; the first message after WELCOME is read too. */
static uint64_t come_in(struct bench *bench, size_t i, const struct lk_curve_pair *who)
{
    connect_line(bench, i, who);
    const lk_wire_Envelope *in = hello(bench, i, LK_WIRE_VERSION);
    assert_int_equal(in->which_body, lk_wire_Envelope_welcome_tag);
    uint64_t session = in->body.welcome.session;
    assert_int_equal(answer(bench, i)->body.pong.number, 77);
    return session;
}

static void ping(struct bench *bench, size_t i, uint64_t session)
{
    lk_wire_Envelope envelope = { .session = session, .which_body = lk_wire_Envelope_ping_tag };

    envelope.body.ping.number = 1;
    send_on(bench, i, &envelope);
}

static void read_until(struct bench *bench, const int *count, int wanted)
{
    for (int tries = 0; tries < WAIT_MS && *count < wanted; tries++) {
        lk_door_read(bench->door);
        usleep(1000);
    }
    assert_int_equal(*count, wanted);
}

static void is_turned_away(const lk_wire_Envelope *in, enum lk_err_kind kind, const char *text)
{
    assert_int_equal(in->which_body, lk_wire_Envelope_error_tag);
    assert_int_equal(lk_wire_kind_to(in->body.error.kind), kind);
    if (!strstr(in->body.error.text, text))
        fail_msg("\"%s\" does not say \"%s\"", in->body.error.text, text);
}

static void hello_opens_a_session_under_the_configured_name(void **state)
{
    struct bench *bench = open_bench(false, WAIT_MS);

    (void)state;
    uint64_t session = come_in(bench, 0, bob);
    assert_string_equal(bench->name, "bob");
    assert_non_null(lk_door_session(bench->door, session));
    ping(bench, 0, session);
    read_until(bench, &bench->messages, 1);
    lk_wire_Envelope bye = { .session = session, .which_body = lk_wire_Envelope_bye_tag };
    send_on(bench, 0, &bye);
    read_until(bench, &bench->for_good, 1);
    assert_null(lk_door_session(bench->door, session));
    close_bench(bench);
}

static void an_unknown_session_is_told_to_say_hello(void **state)
{
    struct bench *bench = open_bench(false, WAIT_MS);

    (void)state;
    connect_line(bench, 0, alice);
    ping(bench, 0, 12345);
    const lk_wire_Envelope *in = answer(bench, 0);
    is_turned_away(in, LK_ERR_CONFLICT, "say HELLO first");
    assert_int_equal(in->session, 12345);
    assert_int_equal(bench->messages, 0);
    close_bench(bench);
}

static void another_key_cannot_use_my_session(void **state)
{
    struct bench *bench = open_bench(false, WAIT_MS);

    (void)state;
    uint64_t session = come_in(bench, 0, alice);
    connect_line(bench, 1, bob);
    ping(bench, 1, session);
    is_turned_away(answer(bench, 1), LK_ERR_CONFLICT, "say HELLO first");
    lk_wire_Envelope bye = { .session = session, .which_body = lk_wire_Envelope_bye_tag };
    send_on(bench, 1, &bye);
    is_turned_away(answer(bench, 1), LK_ERR_CONFLICT, "say HELLO first");
    assert_int_equal(bench->messages, 0);
    assert_int_equal(bench->closed, 0);
    close_bench(bench);
}

static void where_a_key_has_one_session_the_new_one_ends_the_old(void **state)
{
    struct bench *bench = open_bench(true, WAIT_MS);

    (void)state;
    uint64_t first = come_in(bench, 0, alice);
    uint64_t other = come_in(bench, 1, bob);
    uint64_t second = come_in(bench, 2, alice);
    assert_null(lk_door_session(bench->door, first));
    assert_non_null(lk_door_session(bench->door, other));
    assert_non_null(lk_door_session(bench->door, second));
    assert_int_equal(bench->closed, 1);
    assert_int_equal(bench->for_good, 0);
    ping(bench, 0, first);
    is_turned_away(answer(bench, 0), LK_ERR_CONFLICT, "say HELLO first");
    close_bench(bench);
}

static void elsewhere_a_key_may_have_several_sessions(void **state)
{
    struct bench *bench = open_bench(false, WAIT_MS);

    (void)state;
    uint64_t first = come_in(bench, 0, alice);
    uint64_t second = come_in(bench, 1, alice);
    assert_non_null(lk_door_session(bench->door, first));
    assert_non_null(lk_door_session(bench->door, second));
    /* On the same line a second HELLO replaces the first session. */
    assert_int_equal(hello(bench, 0, LK_WIRE_VERSION)->which_body,
                     lk_wire_Envelope_welcome_tag);
    assert_null(lk_door_session(bench->door, first));
    assert_non_null(lk_door_session(bench->door, second));
    close_bench(bench);
}

static void the_silent_are_swept_out(void **state)
{
    struct bench *bench = open_bench(false, 300);

    (void)state;
    uint64_t silent = come_in(bench, 0, alice);
    uint64_t alive = come_in(bench, 1, bob);
    usleep(200000);
    ping(bench, 1, alive);
    read_until(bench, &bench->messages, 1);
    usleep(150000);
    lk_door_sweep(bench->door);
    assert_null(lk_door_session(bench->door, silent));
    assert_non_null(lk_door_session(bench->door, alive));
    assert_int_equal(bench->for_good, 0);
    close_bench(bench);
}

static void versions_that_are_too_new_are_turned_away(void **state)
{
    struct bench *bench = open_bench(false, WAIT_MS);

    (void)state;
    connect_line(bench, 0, alice);
    is_turned_away(hello(bench, 0, LK_WIRE_VERSION + 2), LK_ERR_INVALID, "version 1");
    assert_int_equal(bench->opened, 0);
    assert_int_equal(hello(bench, 0, LK_WIRE_VERSION + 1)->which_body,
                     lk_wire_Envelope_welcome_tag);
    close_bench(bench);
}

static void whom_the_owner_refuses_gets_no_session(void **state)
{
    struct bench *bench = open_bench(false, WAIT_MS);

    (void)state;
    bench->refuse = true;
    connect_line(bench, 0, alice);
    const lk_wire_Envelope *in = hello(bench, 0, LK_WIRE_VERSION);
    is_turned_away(in, LK_ERR_DENIED, "not today");
    assert_int_equal(in->request, 5);
    assert_null(lk_door_next(bench->door, NULL));
    assert_int_equal(bench->closed, 0);
    assert_int_equal(bench->welcomed, 0);
    close_bench(bench);
}

static void who_is_taken_off_the_list_is_cut_and_not_heard(void **state)
{
    struct bench *bench = open_bench(false, WAIT_MS);

    (void)state;
    uint64_t gone = come_in(bench, 0, bob);
    uint64_t stays = come_in(bench, 1, alice);
    bench->peers.count = 1;
    lk_door_cut_strangers(bench->door);
    assert_null(lk_door_session(bench->door, gone));
    assert_non_null(lk_door_session(bench->door, stays));
    assert_int_equal(bench->for_good, 1);
    ping(bench, 0, gone);
    ping(bench, 1, stays);
    read_until(bench, &bench->messages, 1);
    usleep(50000);
    lk_door_read(bench->door);
    assert_int_equal(bench->messages, 1);
    close_bench(bench);
}

/* Until the pipe is full: how many messages that took. */
static uint64_t fill(struct bench *bench, struct lk_session *session)
{
    LK_CLEANUP(lk_free_pointer) char *bytes = lk_xcalloc(1, LK_WIRE_PIECE_MAX);
    lk_wire_Envelope                  piece = { .which_body = lk_wire_Envelope_log_piece_tag };
    struct lk_str                     payload = { bytes, LK_WIRE_PIECE_MAX };
    uint64_t                          count = 0;

    piece.body.log_piece.job = 1;
    piece.body.log_piece.attempt = 1;
    for (int full = 0; full < 20;) {
        if (lk_door_send(bench->door, session, &piece, payload) == LK_WIRE_OK) {
            count++;
            full = 0;
        } else {
            full++;
            usleep(10000);
        }
    }
    return count;
}

static void what_is_posted_to_a_full_pipe_arrives_in_order(void **state)
{
    struct bench      *bench = open_bench(false, WAIT_MS);
    uint64_t           id = come_in(bench, 0, alice);
    struct lk_session *session = lk_door_session(bench->door, id);
    uint64_t           filled = fill(bench, session);

    (void)state;
    for (uint64_t number = 1; number <= 3; number++) {
        lk_wire_Envelope pong = { .which_body = lk_wire_Envelope_pong_tag };
        pong.body.pong.number = number;
        lk_door_post(bench->door, session, &pong);
    }
    assert_true(lk_door_flush(bench->door));
    for (uint64_t i = 0; i < filled; i++) {
        assert_int_equal(answer(bench, 0)->which_body, lk_wire_Envelope_log_piece_tag);
        lk_door_flush(bench->door);
    }
    for (uint64_t number = 1; number <= 3; number++) {
        lk_door_flush(bench->door);
        assert_int_equal(answer(bench, 0)->body.pong.number, number);
    }
    assert_false(lk_door_flush(bench->door));
    close_bench(bench);
}

static void who_does_not_read_is_cut_by_the_next_sweep(void **state)
{
    struct bench      *bench = open_bench(false, WAIT_MS);
    uint64_t           id = come_in(bench, 0, alice);
    struct lk_session *session = lk_door_session(bench->door, id);

    (void)state;
    fill(bench, session);
    for (int i = 0; i < 100; i++)
        lk_door_refuse(bench->door, session, 1, LK_ERR_LIMIT, "again");
    assert_non_null(lk_door_session(bench->door, id));
    lk_door_sweep(bench->door);
    assert_null(lk_door_session(bench->door, id));
    assert_int_equal(bench->closed, 1);
    close_bench(bench);
}

/* One key may not take the places of all others. */
static void a_key_with_128_sessions_gets_no_further_one(void **state)
{
    struct bench *bench = open_bench(false, WAIT_MS);

    (void)state;
    for (int i = 0; i < 128; i++) {
        come_in(bench, 0, alice);
        zsock_destroy(&bench->line[0]);
    }
    connect_line(bench, 0, alice);
    is_turned_away(hello(bench, 0, LK_WIRE_VERSION), LK_ERR_LIMIT, "128 of one key");
    come_in(bench, 1, bob);
    close_bench(bench);
}

static int set_up(void **state)
{
    struct lk_err       err;
    struct lk_zap_entry entries[2];

    (void)state;
    lk_net_init();
    if (lk_curve_generate(&server, &err) < 0 || lk_curve_generate(&alice, &err) < 0 ||
        lk_curve_generate(&bob, &err) < 0 || lk_zap_start(&zap, &err) < 0)
        return -1;
    entries[0] = (struct lk_zap_entry) { "clients", *lk_curve_public_of(alice) };
    entries[1] = (struct lk_zap_entry) { "clients", *lk_curve_public_of(bob) };
    lk_zap_set(zap, entries, 2);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    lk_zap_free(&zap);
    lk_curve_free(&server);
    lk_curve_free(&alice);
    lk_curve_free(&bob);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hello_opens_a_session_under_the_configured_name),
        cmocka_unit_test(an_unknown_session_is_told_to_say_hello),
        cmocka_unit_test(another_key_cannot_use_my_session),
        cmocka_unit_test(where_a_key_has_one_session_the_new_one_ends_the_old),
        cmocka_unit_test(elsewhere_a_key_may_have_several_sessions),
        cmocka_unit_test(the_silent_are_swept_out),
        cmocka_unit_test(versions_that_are_too_new_are_turned_away),
        cmocka_unit_test(whom_the_owner_refuses_gets_no_session),
        cmocka_unit_test(who_is_taken_off_the_list_is_cut_and_not_heard),
        cmocka_unit_test(what_is_posted_to_a_full_pipe_arrives_in_order),
        cmocka_unit_test(who_does_not_read_is_cut_by_the_next_sweep),
        cmocka_unit_test(a_key_with_128_sessions_gets_no_further_one),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}

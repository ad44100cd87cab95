#include "common/net/sock.h"
#include "common/net/wire.h"
#include "common/net/zap.h"

#include "common/base/limits.h"
#include "common/os/clock.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define NO_PAYLOAD ((struct lk_str) { "", 0 })
#define WAIT_MS    5000

static struct lk_curve_pair *server;
static struct lk_curve_pair *client;
static struct lk_curve_pair *stranger;
static struct lk_zap        *zap;
static struct lk_err         err;

/* One door with one line connected to it, and what each receives. */
struct pair {
    zsock_t          *door;
    zsock_t          *line;
    struct lk_wire_in at_door;
    struct lk_wire_in at_line;
};

static void admit(const char *domain, const struct lk_curve_pair *who)
{
    struct lk_zap_entry entry = { domain, *lk_curve_public_of(who) };

    lk_zap_set(zap, &entry, 1);
}

static void open_pair(struct pair *p, const char *endpoint, const struct lk_curve_pair *who)
{
    LK_CLEANUP(lk_free_pointer) char *bound = NULL;

    assert_int_equal(lk_sock_open_door(&p->door, endpoint, server, "clients", &bound, &err), 0);
    assert_int_equal(lk_sock_open_line(&p->line, bound, who, lk_curve_public_of(server), &err),
                     0);
    lk_wire_in_init(&p->at_door);
    lk_wire_in_init(&p->at_line);
}

static void close_pair(struct pair *p)
{
    zsock_destroy(&p->line);
    zsock_destroy(&p->door);
    lk_wire_in_fini(&p->at_door);
    lk_wire_in_fini(&p->at_line);
}

static lk_wire_Envelope ping(uint64_t number)
{
    lk_wire_Envelope envelope = lk_wire_Envelope_init_zero;

    envelope.session = 7;
    envelope.which_body = lk_wire_Envelope_ping_tag;
    envelope.body.ping.number = number;
    return envelope;
}

static lk_wire_Envelope log_piece(void)
{
    lk_wire_Envelope envelope = lk_wire_Envelope_init_zero;

    envelope.which_body = lk_wire_Envelope_log_piece_tag;
    envelope.body.log_piece.job = 3;
    envelope.body.log_piece.attempt = 1;
    return envelope;
}

static bool readable(zsock_t *sock, long wait_ms)
{
    zmq_pollitem_t item = { zsock_resolve(sock), 0, ZMQ_POLLIN, 0 };

    return zmq_poll(&item, 1, wait_ms) == 1;
}

static enum lk_wire_result receive_at_door(struct pair *p)
{
    assert_true(readable(p->door, WAIT_MS));
    return lk_wire_receive(p->door, true, &p->at_door, &err);
}

/* A line queues nothing before it is connected, so the first message is sent until it is taken. */
static void send_first(struct pair *p, const lk_wire_Envelope *envelope, struct lk_str payload)
{
    int64_t until = lk_clock_boot_ms() + WAIT_MS;

    while (lk_wire_send(p->line, envelope, payload) != LK_WIRE_OK) {
        assert_true(lk_clock_boot_ms() < until);
        usleep(5000);
    }
}

static void exchange(const char *endpoint)
{
    struct pair      p;
    lk_wire_Envelope question = ping(1);
    lk_wire_Envelope answer = log_piece();

    admit("clients", client);
    open_pair(&p, endpoint, client);
    send_first(&p, &question, NO_PAYLOAD);
    assert_int_equal(receive_at_door(&p), LK_WIRE_OK);
    assert_int_equal(p.at_door.envelope.session, 7);
    assert_int_equal(p.at_door.envelope.body.ping.number, 1);
    assert_int_equal(p.at_door.payload_len, 0);
    assert_string_equal(p.at_door.peer.z85, lk_curve_public_of(client)->z85);

    assert_int_equal(
        lk_wire_send_to(p.door, &p.at_door.route, &answer, LK_STR("building...\n")),
        LK_WIRE_OK);
    assert_true(readable(p.line, WAIT_MS));
    assert_int_equal(lk_wire_receive(p.line, false, &p.at_line, &err), LK_WIRE_OK);
    assert_int_equal(p.at_line.envelope.body.log_piece.job, 3);
    assert_int_equal(p.at_line.payload_len, 12);
    assert_memory_equal(p.at_line.payload, "building...\n", 12);
    assert_int_equal(lk_wire_receive(p.line, false, &p.at_line, &err), LK_WIRE_NOTHING);
    assert_int_equal(lk_wire_receive(p.door, true, &p.at_door, &err), LK_WIRE_NOTHING);
    close_pair(&p);
}

static void an_admitted_peer_is_heard_and_known_by_its_key(void **state)
{
    (void)state;
    exchange("tcp://127.0.0.1:*");
    exchange("tcp://127.0.0.1:0");
}

static void an_ipc_door_asks_for_keys_too(void **state)
{
    char endpoint[64];

    (void)state;
    snprintf(endpoint, sizeof(endpoint), "ipc:///tmp/lk-test-net-%d", (int)getpid());
    exchange(endpoint);
    unlink(endpoint + strlen("ipc://"));
}

static void expect_refusal(const struct lk_curve_pair *who)
{
    struct pair      p;
    lk_wire_Envelope question = ping(1);
    uint64_t         before = lk_zap_refused(zap);
    int64_t          until = lk_clock_boot_ms() + WAIT_MS;

    open_pair(&p, "tcp://127.0.0.1:*", who);
    while (lk_zap_refused(zap) == before) {
        assert_true(lk_clock_boot_ms() < until);
        lk_wire_send(p.line, &question, NO_PAYLOAD);
        usleep(5000);
    }
    assert_false(readable(p.door, 50));
    close_pair(&p);
}

static void a_stranger_is_refused_and_counted(void **state)
{
    (void)state;
    admit("clients", client);
    expect_refusal(stranger);
}

static void a_key_of_another_domain_is_refused(void **state)
{
    (void)state;
    admit("agents", client);
    expect_refusal(client);
}

static void sending_to_nobody_is_told(void **state)
{
    struct pair      p;
    lk_wire_Envelope message = ping(1);
    struct lk_route  route = { .bytes = "\0abcd", .len = 5 };

    (void)state;
    admit("clients", client);
    open_pair(&p, "tcp://127.0.0.1:*", client);
    assert_int_equal(lk_wire_send_to(p.door, &route, &message, NO_PAYLOAD), LK_WIRE_GONE);
    zsock_destroy(&p.door); /* at once: the line may never have connected */
    zsock_destroy(&p.line);
    assert_int_equal(lk_sock_open_line(&p.line, "tcp://127.0.0.1:1", client,
                                       lk_curve_public_of(server), &err),
                     0);
    assert_int_equal(lk_wire_send(p.line, &message, NO_PAYLOAD), LK_WIRE_CONGESTED);
    close_pair(&p);
}

static void a_peer_that_does_not_read_congests_only_itself(void **state)
{
    struct pair         p;
    lk_wire_Envelope    question = ping(1);
    lk_wire_Envelope    piece = log_piece();
    static char         bytes[LK_WIRE_PIECE_MAX];
    struct lk_str       payload = { bytes, sizeof(bytes) };
    enum lk_wire_result result = LK_WIRE_OK;
    int                 sent = 0;
    int                 received = 0;

    (void)state;
    admit("clients", client);
    open_pair(&p, "tcp://127.0.0.1:*", client);
    send_first(&p, &question, NO_PAYLOAD);
    assert_int_equal(receive_at_door(&p), LK_WIRE_OK);
    while (sent < 5000 && result == LK_WIRE_OK) {
        result = lk_wire_send_to(p.door, &p.at_door.route, &piece, payload);
        sent += result == LK_WIRE_OK;
    }
    assert_int_equal(result, LK_WIRE_CONGESTED);

    /* What was taken arrives whole, and nothing of what was not. */
    while (received < sent && readable(p.line, WAIT_MS)) {
        assert_int_equal(lk_wire_receive(p.line, false, &p.at_line, &err), LK_WIRE_OK);
        assert_int_equal(p.at_line.payload_len, sizeof(bytes));
        received++;
    }
    assert_int_equal(received, sent);
    assert_false(readable(p.line, 20));
    close_pair(&p);
}

/* Sends raw frames, each with its length, as a broken or hostile peer would. */
static void send_raw(zsock_t *line, size_t count, const struct lk_str *frames)
{
    for (size_t i = 0; i < count; i++)
        assert_true(zmq_send(zsock_resolve(line), frames[i].data, frames[i].len,
                             i + 1 < count ? ZMQ_SNDMORE : 0) >= 0);
}

static void what_is_malformed_is_reported_and_thrown_away_whole(void **state)
{
    struct pair      p;
    lk_wire_Envelope question = ping(2);
    lk_wire_Envelope piece = log_piece();
    uint8_t          a_ping[LK_WIRE_ENVELOPE_MAX];
    uint8_t          a_piece[LK_WIRE_ENVELOPE_MAX];
    static char      large[LK_WIRE_ENVELOPE_MAX + 1];
    struct lk_str    ping_frame = { (char *)a_ping, lk_message_encode(&question, a_ping) };
    struct lk_str    piece_frame = { (char *)a_piece, lk_message_encode(&piece, a_piece) };
    struct lk_str    large_frame = { large, sizeof(large) };
    struct lk_str    many[100];

    (void)state;
    admit("clients", client);
    open_pair(&p, "tcp://127.0.0.1:*", client);
    send_first(&p, &question, NO_PAYLOAD);
    assert_int_equal(receive_at_door(&p), LK_WIRE_OK);

    for (size_t i = 0; i < LK_COUNT(many); i++)
        many[i] = piece_frame;
    send_raw(p.line, 1, (struct lk_str[]) { LK_STR("") });
    send_raw(p.line, 1, (struct lk_str[]) { LK_STR("\xff\xff\xff") });
    send_raw(p.line, 1, &large_frame);
    send_raw(p.line, 2, (struct lk_str[]) { ping_frame, LK_STR("payload of a ping") });
    send_raw(p.line, 3, (struct lk_str[]) { piece_frame, LK_STR("one"), LK_STR("two") });
    send_raw(p.line, LK_COUNT(many), many);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(receive_at_door(&p), LK_WIRE_BAD);
        assert_string_equal(p.at_door.peer.z85, lk_curve_public_of(client)->z85);
        assert_int_equal(p.at_door.route.len, 5);
    }
    send_first(&p, &question, NO_PAYLOAD);
    assert_int_equal(receive_at_door(&p), LK_WIRE_OK);
    assert_int_equal(p.at_door.envelope.body.ping.number, 2);
    close_pair(&p);
}

static void a_frame_above_the_maximum_never_arrives(void **state)
{
    struct pair                       p;
    lk_wire_Envelope                  question = ping(1);
    size_t                            size = LK_WIRE_FRAME_MAX + 1;
    LK_CLEANUP(lk_free_pointer) char *large = lk_xcalloc(1, size);

    (void)state;
    admit("clients", client);
    open_pair(&p, "tcp://127.0.0.1:*", client);
    send_first(&p, &question, NO_PAYLOAD);
    assert_int_equal(receive_at_door(&p), LK_WIRE_OK);
    send_raw(p.line, 1, &(struct lk_str) { large, size });
    assert_false(readable(p.door, 100));
    close_pair(&p);
}

static void what_has_no_payload_is_not_sent_with_one(void **state)
{
    struct pair      p;
    lk_wire_Envelope message = ping(1);

    (void)state;
    open_pair(&p, "tcp://127.0.0.1:*", client);
    assert_int_equal(lk_wire_send(p.line, &message, LK_STR("payload")), LK_WIRE_BAD);
    close_pair(&p);
}

/* Asks the handler as ZeroMQ does.  `key` has `key_len` bytes. */
static void ask_zap(zsock_t *asker, const char *mechanism, const void *key, size_t key_len)
{
    struct lk_str frames[] = { LK_STR(""),           LK_STR("1.0"),       LK_STR("42"),
                               LK_STR("clients"),    LK_STR("127.0.0.1"), LK_STR(""),
                               lk_str_of(mechanism), { key, key_len } };

    send_raw(asker, LK_COUNT(frames), frames);
}

static void the_handler_answers_only_what_it_can_judge(void **state)
{
    zsock_t      *asker = zsock_new(ZMQ_DEALER);
    uint8_t       key[32];
    struct lk_str many[64];
    uint64_t      before = lk_zap_refused(zap);

    (void)state;
    admit("clients", client);
    assert_non_null(zmq_z85_decode(key, lk_curve_public_of(client)->z85));
    assert_int_equal(zmq_connect(zsock_resolve(asker), "inproc://zeromq.zap.01"), 0);

    for (size_t i = 0; i < LK_COUNT(many); i++)
        many[i] = LK_STR("1.0");
    send_raw(asker, 1, many);
    send_raw(asker, LK_COUNT(many), many);
    ask_zap(asker, "NULL", key, sizeof(key));
    ask_zap(asker, "CURVE", key, sizeof(key) - 1);
    ask_zap(asker, "CURVE", key, 0);
    assert_false(readable(asker, 50));

    ask_zap(asker, "CURVE", key, sizeof(key));
    assert_true(readable(asker, WAIT_MS));
    zmsg_t *answer = zmsg_recv(asker);
    assert_int_equal(zmsg_size(answer), 7);
    static const char *const expected[] = { "", "1.0", "42", "200", "OK" };
    for (size_t i = 0; i < LK_COUNT(expected); i++) {
        char *part = zmsg_popstr(answer);
        assert_string_equal(part, expected[i]);
        free(part);
    }
    char *user_id = zmsg_popstr(answer);
    assert_string_equal(user_id, lk_curve_public_of(client)->z85);
    free(user_id);
    zmsg_destroy(&answer);
    zsock_destroy(&asker);
    assert_int_equal(lk_zap_refused(zap), before);
}

static void nobody_is_judged_before_the_table_is_set(void **state)
{
    zsock_t *asker = zsock_new(ZMQ_DEALER);
    uint8_t  key[32] = { 1 };

    (void)state;
    lk_zap_free(&zap);
    assert_int_equal(lk_zap_start(&zap, &err), 0);
    assert_int_equal(zmq_connect(zsock_resolve(asker), "inproc://zeromq.zap.01"), 0);
    ask_zap(asker, "CURVE", key, sizeof(key));
    assert_false(readable(asker, 50));
    lk_zap_set(zap, NULL, 0);
    ask_zap(asker, "CURVE", key, sizeof(key));
    assert_true(readable(asker, WAIT_MS));
    assert_int_equal(lk_zap_refused(zap), 1);
    zsock_destroy(&asker);
}

static void a_second_handler_is_an_error(void **state)
{
    struct lk_zap *second = NULL;

    (void)state;
    assert_int_equal(lk_zap_start(&second, &err), -1);
    assert_int_equal(err.kind, LK_ERR_CONFLICT);
    assert_null(second);
}

static void a_bad_endpoint_is_named(void **state)
{
    zsock_t *sock = NULL;

    (void)state;
    assert_int_equal(lk_sock_open_door(&sock, "tcp//nowhere", server, "clients", NULL, &err),
                     -1);
    assert_int_equal(err.kind, LK_ERR_INVALID);
    assert_non_null(strstr(err.text, "tcp//nowhere"));
    assert_int_equal(
        lk_sock_open_line(&sock, "tcp://", client, lk_curve_public_of(server), &err), -1);
    assert_int_equal(err.kind, LK_ERR_INVALID);
    assert_null(sock);
}

static void the_process_keeps_its_signals_and_loses_czmq_variables(void **state)
{
    struct sigaction action;

    (void)state;
    assert_int_equal(sigaction(SIGTERM, NULL, &action), 0);
    assert_ptr_equal(action.sa_handler, SIG_DFL);
    assert_int_equal(sigaction(SIGINT, NULL, &action), 0);
    assert_ptr_equal(action.sa_handler, SIG_DFL);
    assert_int_equal(sigaction(SIGPIPE, NULL, &action), 0);
    assert_ptr_equal(action.sa_handler, SIG_IGN);
    assert_null(getenv("ZSYS_RCVHWM"));
    assert_null(getenv("ZSYS_MAX_MSGSZ"));
    assert_int_equal(zmq_ctx_get(zsys_init(), ZMQ_MAX_SOCKETS), 256);
    assert_int_equal(zmq_ctx_get(zsys_init(), ZMQ_BLOCKY), 0);
}

static void a_second_connection_of_a_process_may_begin_while_a_socket_is_open(void **state)
{
    zsock_t *open_socket = zsock_new(ZMQ_PAIR);

    (void)state;
    assert_non_null(open_socket);
    lk_net_init();
    zsock_destroy(&open_socket);
}

static int begin(void **state)
{
    (void)state;
    setenv("ZSYS_RCVHWM", "0", 1);
    setenv("ZSYS_MAX_MSGSZ", "1000000000", 1);
    lk_net_init();
    return lk_curve_generate(&server, &err) < 0 || lk_curve_generate(&client, &err) < 0 ||
           lk_curve_generate(&stranger, &err) < 0 || lk_zap_start(&zap, &err) < 0;
}

static int end(void **state)
{
    (void)state;
    lk_zap_free(&zap);
    lk_curve_free(&server);
    lk_curve_free(&client);
    lk_curve_free(&stranger);
    zsys_shutdown();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_process_keeps_its_signals_and_loses_czmq_variables),
        cmocka_unit_test(a_second_connection_of_a_process_may_begin_while_a_socket_is_open),
        cmocka_unit_test(an_admitted_peer_is_heard_and_known_by_its_key),
        cmocka_unit_test(an_ipc_door_asks_for_keys_too),
        cmocka_unit_test(a_stranger_is_refused_and_counted),
        cmocka_unit_test(a_key_of_another_domain_is_refused),
        cmocka_unit_test(sending_to_nobody_is_told),
        cmocka_unit_test(a_peer_that_does_not_read_congests_only_itself),
        cmocka_unit_test(what_is_malformed_is_reported_and_thrown_away_whole),
        cmocka_unit_test(a_frame_above_the_maximum_never_arrives),
        cmocka_unit_test(what_has_no_payload_is_not_sent_with_one),
        cmocka_unit_test(the_handler_answers_only_what_it_can_judge),
        cmocka_unit_test(nobody_is_judged_before_the_table_is_set),
        cmocka_unit_test(a_second_handler_is_an_error),
        cmocka_unit_test(a_bad_endpoint_is_named),
    };

    return cmocka_run_group_tests(tests, begin, end);
}

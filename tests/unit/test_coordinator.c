#include "tests/unit/source_helper.h"

#include "common/http/http.h"
#include "common/log/log.h"
#include "common/net/sock.h"
#include "common/net/wire.h"
#include "common/pkg/spec.h"
#include "common/source/sender.h"
#include "coordinator/coordinator.h"
#include "tests/unit/message_samples.h"

#include <signal.h>
#include <sys/wait.h>

#define WAIT_MS 10000
#define ROUNDS  4000

enum who { AGENT, CLIENT, LINES };

/* A whole coordinator in a process of its own, and one peer at each of its doors. */
struct world {
    pid_t                   pid;
    struct lk_curve_pair   *keys[LINES], *server;
    char                    endpoint[LINES][128];
    zsock_t                *line[LINES];
    uint64_t                session[LINES];
    struct lk_wire_in       in;
    struct lk_store        *store;
    struct lk_object_source source;
    struct lk_sender       *sender;
    struct lk_oid           spec;
    uint64_t                push;
};

static void write_config(void **state, const char *agents, const char *clients)
{
    LK_CLEANUP(lk_free_pointer)
    char         *text = lk_xasprintf("agents-endpoint: tcp://127.0.0.1:0\n"
                                              "clients-endpoint: tcp://127.0.0.1:0\n"
                                              "key: %1$s/server.key\nstate: %1$s/state\n"
                                              "agents: {%2$s}\nclients: {%3$s}\n",
                                      ((struct scratch *)*state)->directory, agents, clients);
    struct lk_err err;

    must(lk_file_replace(scratch_path(state, "lkcoordd.yml"), lk_str_of(text), 0600, &err),
         &err);
}

/* In a process that has never used ZeroMQ: a context does not survive a fork. */
static int serve(const char *directory)
{
    static struct lk_coordinator_config config;
    struct lk_coordinator              *coordinator = NULL;
    struct scratch                      scratch = { "" };
    void                               *state = &scratch;
    struct lk_err                       err;
    sigset_t                            signals;

    snprintf(scratch.directory, sizeof(scratch.directory), "%s", directory);
    sigfillset(&signals);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    /* What it logs of a thousand bad messages is nobody's reading. */
    if (!freopen(scratch_path(&state, "log"), "w", stderr))
        return 3;
    lk_log_start("lkcoordd", LK_LOG_INFO);
    lk_net_init();
    lk_http_init();
    if (lk_coordinator_config_load(&config, scratch_path(&state, "lkcoordd.yml"), &err) < 0 ||
        lk_coordinator_open(&coordinator, &config, &err) < 0 ||
        lk_coordinator_run(coordinator, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        return 2;
    }
    lk_coordinator_close(&coordinator);
    return 0;
}

static void find_endpoints(void **state, struct world *world)
{
    struct lk_err err;

    for (int tries = 0; tries < WAIT_MS / 10; tries++) {
        LK_CLEANUP(lk_buf_fini) struct lk_buf text = LK_BUF_INIT(1024);
        usleep(10000);
        if (lk_file_read(scratch_path(state, "state/endpoints"), &text, &err) == 0 &&
            sscanf(lk_buf_text(&text), "agents %127s\nclients %127s", world->endpoint[AGENT],
                   world->endpoint[CLIENT]) == 2)
            return;
    }
    fail_msg("the coordinator did not start");
}

static void make_keys(void **state, struct world *world)
{
    struct lk_err err;

    must(lk_curve_generate(&world->server, &err), &err);
    must(lk_curve_save(world->server, scratch_path(state, "server.key"),
                       scratch_path(state, "server.pub"), &err),
         &err);
    must(lk_curve_generate(&world->keys[AGENT], &err), &err);
    must(lk_curve_generate(&world->keys[CLIENT], &err), &err);
}

static void list_peers(void **state, const struct world *world, bool agent, bool client)
{
    LK_CLEANUP(lk_free_pointer)
    char *agents = lk_xasprintf("a: \"%s\"", lk_curve_public_of(world->keys[AGENT])->z85);
    LK_CLEANUP(lk_free_pointer)
    char *clients = lk_xasprintf("c: \"%s\"", lk_curve_public_of(world->keys[CLIENT])->z85);

    write_config(state, agent ? agents : "", client ? clients : "");
}

/* With the agent for these architectures only. */
static void list_limited(void **state, const struct world *world, const char *arches)
{
    LK_CLEANUP(lk_free_pointer)
    char *agents = lk_xasprintf("a: {key: \"%s\", arches: [%s]}",
                                lk_curve_public_of(world->keys[AGENT])->z85, arches);
    LK_CLEANUP(lk_free_pointer)
    char *clients = lk_xasprintf("c: \"%s\"", lk_curve_public_of(world->keys[CLIENT])->z85);

    write_config(state, agents, clients);
}

static void start_with(void **state, struct world *world, const char *arches)
{
    *world = (struct world) { 0 };
    make_keys(state, world);
    if (arches)
        list_limited(state, world, arches);
    else
        list_peers(state, world, true, true);
    world->pid = fork();
    if (world->pid == 0) {
        execl("/proc/self/exe", "test_coordinator", ((struct scratch *)*state)->directory,
              (char *)NULL);
        _exit(4);
    }
    lk_net_init();
    find_endpoints(state, world);
    lk_wire_in_init(&world->in);
}

static void start(void **state, struct world *world)
{
    start_with(state, world, NULL);
}

/* It must have lived until now, and end in peace. */
static void stop(struct world *world)
{
    int status;

    assert_int_equal(kill(world->pid, SIGTERM), 0);
    assert_int_equal(waitpid(world->pid, &status, 0), world->pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    for (int i = 0; i < LINES; i++) {
        zsock_destroy(&world->line[i]);
        lk_curve_free(&world->keys[i]);
    }
    lk_curve_free(&world->server);
    lk_sender_free(&world->sender);
    lk_store_close(&world->store);
    lk_wire_in_fini(&world->in);
}

static bool receive(struct world *world, enum who who, int wait_ms)
{
    struct lk_err err;

    for (int ms = 0; ms <= wait_ms; ms++) {
        if (lk_wire_receive(world->line[who], false, &world->in, &err) == LK_WIRE_OK)
            return true;
        if (ms < wait_ms)
            usleep(1000);
    }
    return false;
}

static bool send_message(struct world *world, enum who who, const lk_wire_Envelope *envelope,
                         struct lk_str payload)
{
    for (int ms = 0; ms < WAIT_MS; ms++) {
        enum lk_wire_result result = lk_wire_send(world->line[who], envelope, payload);
        if (result == LK_WIRE_OK)
            return true;
        if (result == LK_WIRE_BAD)
            return false;
        receive(world, who, 1); /* or both sides wait for one another */
    }
    fail_msg("the coordinator takes nothing any more");
    return false;
}

static void expect(struct world *world, enum who who, pb_size_t body)
{
    for (int i = 0; i < 100000; i++) {
        if (!receive(world, who, WAIT_MS))
            break;
        if (world->in.envelope.which_body == body)
            return;
    }
    fail_msg("no %s came", lk_message_name(body));
}

static void say_hello(struct world *world, enum who who)
{
    lk_wire_Envelope hello;
    struct lk_err    err;

    zsock_destroy(&world->line[who]);
    must(lk_sock_open_line(&world->line[who], world->endpoint[who], world->keys[who],
                           lk_curve_public_of(world->server), &err),
         &err);
    sample_of(lk_wire_Envelope_hello_tag, &hello);
    hello.session = 0;
    send_message(world, who, &hello, LK_STR(""));
}

static void come_in(struct world *world, enum who who)
{
    say_hello(world, who);
    expect(world, who, lk_wire_Envelope_welcome_tag);
    world->session[who] = world->in.envelope.body.welcome.session;
}

static void ask(struct world *world, enum who who, lk_wire_Envelope *envelope)
{
    envelope->session = world->session[who];
    send_message(world, who, envelope, LK_STR(""));
}

static void still_answers(struct world *world)
{
    for (enum who who = AGENT; who < LINES; who++) {
        lk_wire_Envelope ping = { .which_body = lk_wire_Envelope_ping_tag };
        come_in(world, who);
        ping.body.ping.number = 4711;
        ask(world, who, &ping);
        do
            expect(world, who, lk_wire_Envelope_pong_tag);
        while (world->in.envelope.body.pong.number != 4711);
    }
}

static int read_object(void *ctx, const struct lk_oid *oid, bool *is_tree, struct lk_buf *out,
                       struct lk_err *err)
{
    return lk_store_read(ctx, oid, is_tree, out, err);
}

/* A package that is only built, without signature: its push lives until an agent lies about it. */
static void make_package(void **state, struct world *world)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf text = LK_BUF_INIT(LK_SPEC_BYTES_MAX);
    struct lk_spec                        spec = { .arch_count = 2 };
    struct lk_err                         err;

    world->store = store_make(state, "client");
    world->source = (struct lk_object_source) { .read = read_object, .ctx = world->store };
    world->sender = lk_sender_new(&world->source);
    struct lk_oid file = put_blob(world->store, "FROM scratch\n");
    spec.tree = put_tree(world->store, "100644", "Dockerfile", &file);
    strcpy(spec.path, "hello");
    strcpy(spec.repository, "registry.example/org/hello");
    strcpy(spec.tag, "v1");
    strcpy(spec.dockerfile, "Dockerfile");
    strcpy(spec.arches[0].name, "amd64");
    strcpy(spec.arches[1].name, "s390x");
    must(lk_spec_write(&spec, &text, &err), &err);
    world->spec = put(world->store, false, lk_buf_str(&text));
}

static void serve_objects(struct world *world)
{
    lk_wire_Envelope out;
    struct lk_str    payload;
    struct lk_err    err;

    must(lk_sender_take(world->sender, &world->in.envelope, &err), &err);
    while (lk_sender_next(world->sender, &out, &payload, &err) > 0) {
        out.session = world->session[CLIENT];
        send_message(world, CLIENT, &out, payload);
        lk_sender_sent(world->sender);
    }
}

static void submit(struct world *world, uint8_t key)
{
    lk_wire_Envelope out = { .request = 3, .which_body = lk_wire_Envelope_submit_tag };
    lk_wire_Submit  *body = &out.body.submit;

    body->no_signature = true;
    body->build_only = true;
    body->specs_count = 1;
    memcpy(body->specs[0], world->spec.sha1, sizeof(world->spec.sha1));
    memset(body->request_key, key, sizeof(body->request_key));
    ask(world, CLIENT, &out);
}

/* Until the push runs and the agent has an offer. */
static void begin_push(void **state, struct world *world)
{
    lk_wire_Envelope ping = { .which_body = lk_wire_Envelope_ping_tag };

    ask(world, AGENT, &ping);
    make_package(state, world);
    submit(world, 1);
    while (receive(world, CLIENT, 1000)) {
        const lk_wire_Envelope *in = &world->in.envelope;
        if (in->which_body == lk_wire_Envelope_accepted_tag)
            world->push = in->body.accepted.push;
        if (in->which_body == lk_wire_Envelope_error_tag)
            fail_msg("%s", in->body.error.text);
        if (in->which_body == lk_wire_Envelope_want_tag ||
            in->which_body == lk_wire_Envelope_credit_tag)
            serve_objects(world);
    }
    assert_int_not_equal(world->push, 0);
    expect(world, AGENT, lk_wire_Envelope_offer_tag);
}

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
    struct world world;

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
    struct world     world;
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
    struct world     world;
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
    write_config(state, "a: short", "");
    assert_int_equal(kill(world.pid, SIGHUP), 0);
    usleep(200000);
    expect(&world, CLIENT, lk_wire_Envelope_done_tag);
    ask(&world, CLIENT, &list);
    expect(&world, CLIENT, lk_wire_Envelope_done_tag);
    stop(&world);
}

static void an_agent_serves_only_what_the_configuration_allows(void **state)
{
    struct world     world;
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
    struct world world;

    start_with(state, &world, "riscv64");
    say_hello(&world, AGENT);
    expect(&world, AGENT, lk_wire_Envelope_error_tag);
    assert_int_equal(world.in.envelope.body.error.kind, lk_wire_Kind_KIND_DENIED);
    assert_non_null(strstr(world.in.envelope.body.error.text, "arches"));
    stop(&world);
}

static void cancelling_what_has_ended_is_a_conflict(void **state)
{
    struct world     world;
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

/*
 * coordinator_world - for tests: a whole coordinator in a process of its own, and one peer at each of its doors.
 *
 * The coordinator is the test's own program, started again with a directory as its argument: main calls serve.
 */
#ifndef LK_TEST_COORDINATOR_WORLD_H
#define LK_TEST_COORDINATOR_WORLD_H

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
#include <sys/prctl.h>
#include <sys/wait.h>

#define WAIT_MS 10000

enum who { AGENT, CLIENT, LINES };

struct world {
    const char             *config; /* further lines of the configuration, or NULL */
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

static inline void write_config(void **state, const char *agents, const char *clients,
                                const char *more)
{
    LK_CLEANUP(lk_free_pointer)
    char *text =
        lk_xasprintf("agents-endpoint: tcp://127.0.0.1:0\n"
                     "clients-endpoint: tcp://127.0.0.1:0\n"
                     "key: %1$s/server.key\nstate: %1$s/state\n"
                     "agents: {%2$s}\nclients: {%3$s}\n%4$s",
                     ((struct scratch *)*state)->directory, agents, clients, more ? more : "");
    struct lk_err err;

    must(lk_file_replace(scratch_path(state, "lkcoordd.yml"), lk_str_of(text), 0600, &err),
         &err);
}

/* In a process that has never used ZeroMQ: a context does not survive a fork. */
static inline int serve(const char *directory)
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

static inline void find_endpoints(void **state, struct world *world)
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

static inline void make_keys(void **state, struct world *world)
{
    struct lk_err err;

    must(lk_curve_generate(&world->server, &err), &err);
    must(lk_curve_save(world->server, scratch_path(state, "server.key"),
                       scratch_path(state, "server.pub"), &err),
         &err);
    must(lk_curve_generate(&world->keys[AGENT], &err), &err);
    must(lk_curve_generate(&world->keys[CLIENT], &err), &err);
}

static inline void list_peers(void **state, const struct world *world, bool agent, bool client)
{
    LK_CLEANUP(lk_free_pointer)
    char *agents = lk_xasprintf("a: \"%s\"", lk_curve_public_of(world->keys[AGENT])->z85);
    LK_CLEANUP(lk_free_pointer)
    char *clients = lk_xasprintf("c: \"%s\"", lk_curve_public_of(world->keys[CLIENT])->z85);

    write_config(state, agent ? agents : "", client ? clients : "", world->config);
}

/* With the agent for these architectures only. */
static inline void list_limited(void **state, const struct world *world, const char *arches)
{
    LK_CLEANUP(lk_free_pointer)
    char *agents = lk_xasprintf("a: {key: \"%s\", arches: [%s]}",
                                lk_curve_public_of(world->keys[AGENT])->z85, arches);
    LK_CLEANUP(lk_free_pointer)
    char *clients = lk_xasprintf("c: \"%s\"", lk_curve_public_of(world->keys[CLIENT])->z85);

    write_config(state, agents, clients, world->config);
}

static inline void start_with(void **state, struct world *world, const char *arches)
{
    make_keys(state, world);
    if (arches)
        list_limited(state, world, arches);
    else
        list_peers(state, world, true, true);
    world->pid = fork();
    if (world->pid == 0) {
        /* A test that fails leaves no coordinator behind. */
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execl("/proc/self/exe", "test_coordinator", ((struct scratch *)*state)->directory,
              (char *)NULL);
        _exit(4);
    }
    lk_net_init();
    find_endpoints(state, world);
    lk_wire_in_init(&world->in);
}

static inline void start(void **state, struct world *world)
{
    start_with(state, world, NULL);
}

/* It must have lived until now, and end in peace. */
static inline void stop(struct world *world)
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

static inline bool receive(struct world *world, enum who who, int wait_ms)
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

static inline bool send_message(struct world *world, enum who who,
                                const lk_wire_Envelope *envelope, struct lk_str payload)
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

static inline void expect(struct world *world, enum who who, pb_size_t body)
{
    for (int i = 0; i < 100000; i++) {
        if (!receive(world, who, WAIT_MS))
            break;
        if (world->in.envelope.which_body == body)
            return;
    }
    fail_msg("no %s came", lk_message_name(body));
}

static inline void say_hello(struct world *world, enum who who)
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

static inline void come_in(struct world *world, enum who who)
{
    say_hello(world, who);
    expect(world, who, lk_wire_Envelope_welcome_tag);
    world->session[who] = world->in.envelope.body.welcome.session;
}

static inline void ask(struct world *world, enum who who, lk_wire_Envelope *envelope)
{
    envelope->session = world->session[who];
    send_message(world, who, envelope, LK_STR(""));
}

static inline void still_answers(struct world *world)
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

static inline int read_object(void *ctx, const struct lk_oid *oid, bool *is_tree,
                              struct lk_buf *out, struct lk_err *err)
{
    return lk_store_read(ctx, oid, is_tree, out, err);
}

/* A package that is only built, without signature: its push lives until an agent lies about it. */
static inline void make_package(void **state, struct world *world)
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

static inline void serve_objects(struct world *world)
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

static inline void submit(struct world *world, uint8_t key)
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
static inline void begin_push(void **state, struct world *world)
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

#endif

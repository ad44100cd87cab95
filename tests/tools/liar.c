/*
 * liar - a peer whose key is admitted, for tests: once it was welcomed it says whatever one can say wrong.
 *
 *   liar agents|clients ENDPOINT KEY OWN     KEY: the coordinator's .pub file; OWN: the liar's .key file
 *
 * Frames that are no message, messages that are cut, too long or in too many parts; every message under sessions of
 * others; and, under its own, every message about the jobs and logs of others, with the numbers that these have.
 * What clients may do to one another, cancel and submit, is no lie.  0: it was heard to the end.
 */
#include "common/base/base.h"
#include "common/base/limits.h"
#include "common/net/sock.h"
#include "common/net/wire.h"
#include "tests/unit/message_samples.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TRIES_OF_1_MS 20000
#define RANDOM_FRAMES 300
#define PARTS         100
#define JOBS_MAX      64 /* a coordinator counts from its beginning */
#define ATTEMPTS_MAX  2
#define FENCES_MAX    8

struct liar {
    const char            *endpoint;
    struct lk_curve_public server;
    struct lk_curve_pair  *key;
    bool                   is_client;
    zsock_t               *line;
    struct lk_wire_in      in;
    uint64_t               session;
    uint64_t               epoch;
};

static void end(const char *why)
{
    fprintf(stderr, "liar: %s\n", why);
    exit(1);
}

/* Who does not read is cut off, which would be the end of the lies. */
static void read_all(struct liar *liar)
{
    struct lk_err err;

    while (lk_wire_receive(liar->line, false, &liar->in, &err) != LK_WIRE_NOTHING)
        continue;
}

static void say(struct liar *liar, const lk_wire_Envelope *envelope)
{
    for (int i = 0; i < TRIES_OF_1_MS; i++) {
        enum lk_wire_result result = lk_wire_send(liar->line, envelope, (struct lk_str) { 0 });

        if (result == LK_WIRE_OK || result == LK_WIRE_BAD)
            return;
        read_all(liar);
        usleep(1000);
    }
    end("the coordinator takes nothing any more");
}

static void say_raw(struct liar *liar, const void *bytes, size_t len, bool more)
{
    for (int i = 0; i < TRIES_OF_1_MS; i++) {
        int flags = ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0);

        if (zmq_send(zsock_resolve(liar->line), bytes, len, flags) >= 0)
            return;
        if (errno != EAGAIN)
            end(zmq_strerror(errno));
        read_all(liar);
        usleep(1000);
    }
    end("the coordinator takes no frames any more");
}

static void await(struct liar *liar, pb_size_t body)
{
    struct lk_err err;

    for (int i = 0; i < TRIES_OF_1_MS; i++) {
        while (lk_wire_receive(liar->line, false, &liar->in, &err) == LK_WIRE_OK)
            if (liar->in.envelope.which_body == body)
                return;
        usleep(1000);
    }
    fprintf(stderr, "liar: no %s came\n", lk_message_name(body));
    exit(1);
}

static void come_in(struct liar *liar)
{
    lk_wire_Envelope hello = { .which_body = lk_wire_Envelope_hello_tag };
    struct lk_err    err;

    zsock_destroy(&liar->line);
    if (lk_sock_open_line(&liar->line, liar->endpoint, liar->key, &liar->server, &err) < 0)
        end(err.text);
    hello.body.hello.version = LK_WIRE_VERSION;
    LK_WIRE_TEXT(hello.body.hello.software, "liar");
    if (!liar->is_client) {
        hello.body.hello.slots = 1;
        hello.body.hello.platforms_count = 1;
        LK_WIRE_TEXT(hello.body.hello.platforms[0].arch, "riscv64");
    }
    say(liar, &hello);
    await(liar, lk_wire_Envelope_welcome_tag);
    liar->session = liar->in.envelope.body.welcome.session;
    liar->epoch = liar->in.envelope.body.welcome.epoch;
}

/* Also what keeps a liar from being cut off for not reading the answers. */
static void is_heard(struct liar *liar)
{
    lk_wire_Envelope ping = { .session = liar->session,
                              .which_body = lk_wire_Envelope_ping_tag,
                              .body.ping.number = 4711 };

    say(liar, &ping);
    do
        await(liar, lk_wire_Envelope_pong_tag);
    while (liar->in.envelope.body.pong.number != 4711);
}

static void say_garbage(struct liar *liar)
{
    static uint8_t bytes[LK_WIRE_FRAME_MAX];

    for (int i = 0; i < RANDOM_FRAMES; i++) {
        size_t len = randombytes_uniform(i % 10 ? 256 : LK_WIRE_ENVELOPE_MAX);

        randombytes_buf(bytes, len);
        say_raw(liar, bytes, len, false);
        is_heard(liar);
    }
    say_raw(liar, bytes, LK_WIRE_ENVELOPE_MAX + 1, false);
    say_raw(liar, bytes, LK_WIRE_FRAME_MAX / 2, false);
    for (int i = 0; i < PARTS; i++)
        say_raw(liar, bytes, 1024, i + 1 < PARTS);
}

/* Above the maximum of the socket: the other side ends the connection. */
static void say_too_much(struct liar *liar)
{
    static const uint8_t bytes[LK_WIRE_FRAME_MAX + 1];

    say_raw(liar, bytes, sizeof(bytes), false);
    usleep(200000);
    come_in(liar);
}

static void say_half(struct liar *liar, const lk_wire_Envelope *envelope)
{
    uint8_t bytes[LK_WIRE_ENVELOPE_MAX];
    size_t  len = lk_message_encode(envelope, bytes);

    for (size_t i = 1; i < 16; i++)
        say_raw(liar, bytes, len * i / 16, false);
    /* A payload for what has none, and two for what has one. */
    say_raw(liar, bytes, len, true);
    say_raw(liar, bytes, len, true);
    say_raw(liar, bytes, len, false);
}

static bool ends_or_is_no_lie(const struct liar *liar, pb_size_t body)
{
    return body == lk_wire_Envelope_bye_tag || body == lk_wire_Envelope_hello_tag ||
           (liar->is_client &&
            (body == lk_wire_Envelope_cancel_tag || body == lk_wire_Envelope_submit_tag));
}

static void say_every_message(struct liar *liar)
{
    /* The first two are the envelope's own numbers. */
    for (size_t i = 2; i < LK_COUNT(all_bodies); i++) {
        lk_wire_Envelope envelope;

        sample_of(all_bodies[i], &envelope);
        envelope.session = liar->session;
        say_half(liar, &envelope);
        if (!ends_or_is_no_lie(liar, all_bodies[i]))
            say(liar, &envelope);
        do
            randombytes_buf(&envelope.session, sizeof(envelope.session));
        while (envelope.session == 0);
        if (all_bodies[i] != lk_wire_Envelope_hello_tag)
            say(liar, &envelope);
        is_heard(liar);
    }
}

static void lie_about_attempt(struct liar *liar, uint64_t job, uint32_t attempt)
{
    lk_wire_Envelope report, other;

    sample_of(lk_wire_Envelope_report_tag, &report);
    report.session = liar->session;
    report.body.report.job = job;
    report.body.report.attempt = attempt;
    for (int phase = lk_wire_Phase_PHASE_TAKEN; phase <= lk_wire_Phase_PHASE_FAILED; phase++)
        for (uint64_t n = 1; n <= FENCES_MAX; n++) {
            report.body.report.phase = (lk_wire_Phase)phase;
            report.body.report.kind = lk_wire_Kind_KIND_INVALID;
            report.body.report.fence = liar->epoch << 32 | n;
            say(liar, &report);
            is_heard(liar);
        }
    sample_of(lk_wire_Envelope_ticket_wanted_tag, &other);
    other.session = liar->session;
    other.body.ticket_wanted.job = job;
    other.body.ticket_wanted.attempt = attempt;
    say(liar, &other);
    sample_of(lk_wire_Envelope_log_piece_tag, &other);
    other.session = liar->session;
    other.body.log_piece.job = job;
    other.body.log_piece.attempt = attempt;
    other.body.log_piece.offset = 0;
    other.body.log_piece.end = true;
    say(liar, &other);
}

int main(int argc, char **argv)
{
    static struct liar liar;
    struct lk_err      err;

    if (argc != 5)
        return 2;
    lk_net_init();
    lk_wire_in_init(&liar.in);
    liar.is_client = strcmp(argv[1], "clients") == 0;
    liar.endpoint = argv[2];
    if (lk_curve_parse_public(&liar.server, argv[3], &err) < 0 ||
        lk_curve_load(&liar.key, argv[4], &err) < 0)
        end(err.text);
    come_in(&liar);
    say_garbage(&liar);
    is_heard(&liar);
    say_every_message(&liar);
    is_heard(&liar);
    for (uint64_t job = 1; job <= JOBS_MAX; job++)
        for (uint32_t attempt = 1; attempt <= ATTEMPTS_MAX; attempt++)
            lie_about_attempt(&liar, job, attempt);
    is_heard(&liar);
    say_too_much(&liar);
    is_heard(&liar);
    zsock_destroy(&liar.line);
    lk_curve_free(&liar.key);
    lk_wire_in_fini(&liar.in);
    return 0;
}

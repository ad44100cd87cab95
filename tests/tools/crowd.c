/*
 * crowd - many agents in one process, for tests: each has a key of its own, says HELLO, sends its signs of life,
 * takes what it is offered, asks for the job's specification, and then never gets anywhere.
 *
 *   crowd keys DIRECTORY COUNT                        makes crowd-1 ... crowd-COUNT
 *   crowd sit DIRECTORY COUNT ENDPOINT KEY ARCH...    until it is killed; KEY is the coordinator's .pub file
 */
#include "common/base/base.h"
#include "common/base/limits.h"
#include "common/net/sock.h"
#include "common/net/wire.h"
#include "common/os/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT_MAX    512
#define PING_MS      1000
#define CREDIT_BYTES (128 * 1024)

struct member {
    struct lk_curve_pair *key;
    zsock_t              *sock;
    bool                  has_greeted;
    uint64_t              session;
    uint64_t              job; /* 0: none */
    uint32_t              attempt;
};

static const struct lk_str nothing = { NULL, 0 };

static void send_job(struct member *member)
{
    lk_wire_Envelope out = { .session = member->session,
                             .which_body = lk_wire_Envelope_report_tag };

    out.body.report.job = member->job;
    out.body.report.attempt = member->attempt;
    out.body.report.phase = lk_wire_Phase_PHASE_TAKEN;
    lk_wire_send(member->sock, &out, nothing);
}

static void send_ping(struct member *member)
{
    lk_wire_Envelope out = { .session = member->session,
                             .which_body = lk_wire_Envelope_ping_tag };

    if (member->job)
        send_job(member);
    out.body.ping.number = 1;
    lk_wire_send(member->sock, &out, nothing);
}

static void take_offer(struct member *member, const lk_wire_Offer *offer)
{
    lk_wire_Envelope want = { .session = member->session,
                              .which_body = lk_wire_Envelope_want_tag };
    lk_wire_Envelope credit = { .session = member->session,
                                .which_body = lk_wire_Envelope_credit_tag };

    member->job = offer->job;
    member->attempt = offer->attempt;
    send_job(member);
    want.body.want.job = offer->job;
    want.body.want.oids_count = 1;
    memcpy(want.body.want.oids[0], offer->spec, sizeof(offer->spec));
    lk_wire_send(member->sock, &want, nothing);
    credit.body.credit.bytes = CREDIT_BYTES;
    lk_wire_send(member->sock, &credit, nothing);
}

static void take(struct member *member, const lk_wire_Envelope *in)
{
    if (in->which_body == lk_wire_Envelope_welcome_tag) {
        member->session = in->body.welcome.session;
        send_ping(member);
    } else if (in->which_body == lk_wire_Envelope_offer_tag) {
        take_offer(member, &in->body.offer);
    } else if (in->which_body == lk_wire_Envelope_drop_tag) {
        member->job = 0;
    } else if (in->which_body == lk_wire_Envelope_error_tag) {
        fprintf(stderr, "crowd: %s\n", in->body.error.text);
        exit(1);
    }
}

/* There is no queue before there is a connection: it is tried until it goes out. */
static void greet(struct member *member, const lk_wire_Envelope *hello)
{
    member->has_greeted = lk_wire_send(member->sock, hello, nothing) == LK_WIRE_OK;
}

static void receive_all(struct member *member, struct lk_wire_in *in)
{
    struct lk_err err;

    while (lk_wire_receive(member->sock, false, in, &err) == LK_WIRE_OK)
        take(member, &in->envelope);
}

static void sit(struct member *members, size_t count, const lk_wire_Envelope *hello)
{
    zmq_pollitem_t    items[COUNT_MAX];
    struct lk_wire_in in;
    int64_t           ping_ms = 0;

    lk_wire_in_init(&in);
    for (size_t i = 0; i < count; i++)
        items[i] =
            (zmq_pollitem_t) { .socket = zsock_resolve(members[i].sock), .events = ZMQ_POLLIN };
    for (;;) {
        if (zmq_poll(items, (int)count, PING_MS / 4) < 0)
            return;
        for (size_t i = 0; i < count; i++)
            receive_all(&members[i], &in);
        if (lk_clock_boot_ms() < ping_ms)
            continue;
        ping_ms = lk_clock_boot_ms() + PING_MS;
        for (size_t i = 0; i < count; i++)
            if (!members[i].has_greeted)
                greet(&members[i], hello);
            else if (members[i].session)
                send_ping(&members[i]);
    }
}

static int make_keys(const char *directory, size_t count, struct lk_err *err)
{
    for (size_t i = 1; i <= count; i++) {
        LK_CLEANUP(lk_curve_free) struct lk_curve_pair *pair = NULL;
        LK_CLEANUP(lk_free_pointer)
        char *secret = lk_xasprintf("%s/crowd-%zu.key", directory, i);
        LK_CLEANUP(lk_free_pointer)
        char *public = lk_xasprintf("%s/crowd-%zu.pub", directory, i);

        if (lk_curve_generate(&pair, err) < 0 || lk_curve_save(pair, secret, public, err) < 0)
            return -1;
    }
    return 0;
}

static int load_keys(struct member *members, const char *directory, size_t count,
                     struct lk_err *err)
{
    for (size_t i = 0; i < count; i++) {
        LK_CLEANUP(lk_free_pointer)
        char *path = lk_xasprintf("%s/crowd-%zu.key", directory, i + 1);

        if (lk_curve_load(&members[i].key, path, err) < 0)
            return -1;
    }
    return 0;
}

static lk_wire_Envelope hello_of(char **arches, int count)
{
    lk_wire_Envelope hello = { .which_body = lk_wire_Envelope_hello_tag };

    hello.body.hello.version = LK_WIRE_VERSION;
    LK_WIRE_TEXT(hello.body.hello.software, "crowd");
    hello.body.hello.slots = 1;
    for (int i = 0; i < count && i < LK_PACKAGE_ARCHES_MAX; i++)
        LK_WIRE_TEXT(hello.body.hello.platforms[hello.body.hello.platforms_count++].arch,
                     arches[i]);
    return hello;
}

static int come(struct member *members, size_t count, const char *endpoint, const char *key,
                struct lk_err *err)
{
    struct lk_curve_public server;

    if (lk_curve_parse_public(&server, key, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        if (lk_sock_open_line(&members[i].sock, endpoint, members[i].key, &server, err) < 0)
            return -1;
    return 0;
}

int main(int argc, char **argv)
{
    static struct member members[COUNT_MAX];
    struct lk_err        err = { 0 };
    size_t               count = argc > 3 ? strtoul(argv[3], NULL, 10) : 0;

    if (count < 1 || count > COUNT_MAX)
        return 2;
    lk_net_init();
    if (strcmp(argv[1], "keys") == 0 && make_keys(argv[2], count, &err) == 0)
        return 0;
    if (argc > 6 && strcmp(argv[1], "sit") == 0 &&
        load_keys(members, argv[2], count, &err) == 0 &&
        come(members, count, argv[4], argv[5], &err) == 0) {
        lk_wire_Envelope hello = hello_of(argv + 6, argc - 6);
        sit(members, count, &hello);
    }
    fprintf(stderr, "crowd: %s\n", err.text);
    return 1;
}

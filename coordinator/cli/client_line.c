#include "coordinator/cli/client_private.h"

#include "common/base/buf.h"
#include "common/net/sock.h"
#include "common/os/clock.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_PATIENCE_MS 5000   /* how long to wait for the first WELCOME */
#define LOST_PATIENCE_MS  600000 /* how long to try after a session was lost */
#define WELCOME_FIRST_MS \
    1000 /* for the first socket, whose refusal may come before its monitor listens */
#define WELCOME_WAIT_MS 2500 /* for each later one */
#define BACKOFF_MAX_MS  5000
#define DRAIN_MAX       32 /* messages taken in one turn of the loop */

void lk_client_fail(struct lk_client *client, const struct lk_err *err)
{
    client->failure = *err;
    client->failed = true;
}

static void say(struct lk_client *client, const char *line)
{
    if (client->handler.said)
        client->handler.said(client->handler.ctx, line);
}

static int on_line(zloop_t *loop, zmq_pollitem_t *item, void *ctx);

static void poll_line(struct lk_client *client, bool out)
{
    zmq_pollitem_t item = { .socket = zsock_resolve(client->sock),
                            .events = (short)(out ? ZMQ_POLLIN | ZMQ_POLLOUT : ZMQ_POLLIN) };

    zloop_poller_end(client->loop, &item);
    lk_assert(zloop_poller(client->loop, &item, on_line, client) == 0);
    zloop_poller_set_tolerant(client->loop, &item);
    client->watching_out = out;
}

void lk_client_line_drop(struct lk_client *client)
{
    if (!client->sock)
        return;
    lk_line_events_stop(&client->events);

    zmq_pollitem_t item = { .socket = zsock_resolve(client->sock) };

    zloop_poller_end(client->loop, &item);
    zsock_destroy(&client->sock);
    client->state = LINE_NONE;
    client->outbox_count = 0;
    client->session = 0;
}

static void lose_line(struct lk_client *client, const char *why)
{
    int64_t now_ms = lk_clock_boot_ms();

    if (client->state == LINE_READY) {
        char line[256];

        client->lost_ms = now_ms;
        client->backoff_ms = 0;
        snprintf(line, sizeof(line), "lost the coordinator (%s), trying again", why);
        say(client, line);
    }
    lk_client_line_drop(client);
    client->retry_ms =
        now_ms + (client->backoff_ms ? randombytes_uniform(client->backoff_ms) : 0);
    client->backoff_ms = client->backoff_ms ? client->backoff_ms * 2 : 500;
    if (client->backoff_ms > BACKOFF_MAX_MS)
        client->backoff_ms = BACKOFF_MAX_MS;
}

/* Turns a refused handshake into what to do about it. */
static void on_handshake_refused(struct lk_client *client, bool our_key)
{
    struct lk_err err;

    if (our_key)
        lk_err_set(
            &err, LK_ERR_DENIED,
            "the coordinator at %s does not know our key; have its administrator add this "
            "public key to the clients in its lkcoordd.yml: %s",
            client->config.coordinator, lk_curve_public_of(client->config.key)->z85);
    else
        lk_err_set(
            &err, LK_ERR_DENIED,
            "%s does not accept the handshake: coordinator-key in %s (%s) is not its public "
            "key, or it is no coordinator's port for clients; correct the configuration",
            client->config.coordinator, client->config.path,
            client->config.coordinator_key.z85);
    lk_client_fail(client, &err);
}

void lk_client_line_open(struct lk_client *client)
{
    struct lk_err err;

    if (lk_sock_open_line(&client->sock, client->config.coordinator, client->config.key,
                          &client->config.coordinator_key, &err) < 0 ||
        lk_line_events_start(&client->events, client->sock, &err) < 0) {
        lk_client_fail(client, &err);
        return;
    }
    client->sockets++;
    client->state = LINE_GREETING;
    client->hello_sent = false;
    client->opened_ms = lk_clock_boot_ms();
    poll_line(client, true);
}

static bool send_hello(struct lk_client *client)
{
    lk_wire_Envelope hello = { .which_body = lk_wire_Envelope_hello_tag };

    hello.body.hello.version = LK_WIRE_VERSION;
    LK_WIRE_TEXT(hello.body.hello.software, "lkcoord " LK_VERSION);
    client->hello_sent =
        lk_wire_send(client->sock, &hello, (struct lk_str) { 0 }) == LK_WIRE_OK;
    return client->hello_sent;
}

/* Sends what waits as far as the line takes it; true if something is left. */
static bool send_outbox(struct lk_client *client)
{
    size_t sent = 0;

    while (sent < client->outbox_count && lk_wire_send(client->sock, &client->outbox[sent],
                                                       (struct lk_str) { 0 }) == LK_WIRE_OK)
        sent++;
    client->outbox_count -= sent;
    memmove(client->outbox, client->outbox + sent,
            client->outbox_count * sizeof(client->outbox[0]));
    return client->outbox_count > 0;
}

static bool send_bulk(struct lk_client *client)
{
    struct lk_client_handler *h = &client->handler;

    for (int i = 0; h->next && i < DRAIN_MAX; i++) {
        lk_wire_Envelope envelope = { 0 };
        struct lk_str    payload = { 0 };

        if (h->next(h->ctx, client, &envelope, &payload) != 1)
            return false;
        envelope.session = client->session;
        if (lk_wire_send(client->sock, &envelope, payload) != LK_WIRE_OK)
            return true;
        h->sent(h->ctx);
    }
    return h->next != NULL;
}

void lk_client_line_send(struct lk_client *client)
{
    bool more;

    if (!client->sock)
        return;
    if (client->state == LINE_GREETING)
        more = !client->hello_sent && !send_hello(client);
    else
        more = send_outbox(client) || send_bulk(client);
    if (!client->stopped && more != client->watching_out)
        poll_line(client, more);
}

static void take_welcome(struct lk_client *client, const lk_wire_Welcome *welcome)
{
    client->session = welcome->session;
    client->ping_ms = welcome->ping_ms ? welcome->ping_ms : 5000;
    client->silence_ms = welcome->silence_ms ? welcome->silence_ms : 4 * client->ping_ms;
    client->pinged_ms = client->heard_ms;
    client->state = LINE_READY;
    client->backoff_ms = 0;
    if (client->had_session)
        say(client, "the coordinator is back");
    client->had_session = true;
    client->handler.ready(client->handler.ctx, client);
}

static void take_greeting(struct lk_client *client, const lk_wire_Envelope *in)
{
    struct lk_err err;

    if (in->which_body == lk_wire_Envelope_welcome_tag) {
        take_welcome(client, &in->body.welcome);
    } else if (in->which_body == lk_wire_Envelope_error_tag) {
        lk_err_set(&err, lk_wire_kind_to(in->body.error.kind), "%s", in->body.error.text);
        lk_err_wrap(&err, "the coordinator refused us");
        /* Too many at once, or it is only just starting: the next socket may fare better. */
        if (err.kind == LK_ERR_RETRY || err.kind == LK_ERR_LIMIT)
            lose_line(client, "it is busy");
        else
            lk_client_fail(client, &err);
    }
}

/* The coordinator was started anew; it repeats the session and request of what it answers (proto/README.md). */
static bool is_about_session(const struct lk_client *client, const lk_wire_Envelope *in)
{
    return in->session != client->session ||
           (in->body.error.kind == lk_wire_Kind_KIND_CONFLICT &&
            strstr(in->body.error.text, "say HELLO first"));
}

static void take_message(struct lk_client *client)
{
    const lk_wire_Envelope *in = &client->in.envelope;
    struct lk_str payload = { (const char *)client->in.payload, client->in.payload_len };

    client->heard_ms = lk_clock_boot_ms();
    if (client->state == LINE_GREETING) {
        take_greeting(client, in);
        return;
    }
    if (in->which_body == lk_wire_Envelope_error_tag && is_about_session(client, in)) {
        lose_line(client, "it does not know our session");
        return;
    }
    if (in->session != client->session || in->which_body == lk_wire_Envelope_pong_tag)
        return;
    if (in->which_body == lk_wire_Envelope_bye_tag) {
        lose_line(client, "it says goodbye");
        return;
    }
    client->handler.message(client->handler.ctx, client, in, payload);
}

static void receive_all(struct lk_client *client)
{
    for (int i = 0; i < DRAIN_MAX && client->sock && !client->stopped && !client->failed; i++) {
        struct lk_err err;

        switch (lk_wire_receive(client->sock, false, &client->in, &err)) {
        case LK_WIRE_OK: take_message(client); break;
        case LK_WIRE_BAD:
            break; /* thrown away; a newer coordinator may say what we do not know */
        case LK_WIRE_NOTHING:
        case LK_WIRE_CONGESTED:
        case LK_WIRE_GONE: return;
        }
    }
}

static int on_line(zloop_t *loop, zmq_pollitem_t *item, void *ctx)
{
    struct lk_client *client = ctx;

    (void)loop;
    (void)item;
    receive_all(client);
    if (lk_client_verdict(client) == 0)
        lk_client_line_send(client);
    return lk_client_verdict(client);
}

static void check_events(struct lk_client *client)
{
    switch (lk_line_events_verdict(client->events)) {
    case LK_LINE_UNDECIDED: break;
    case LK_LINE_WE_ARE_REFUSED: on_handshake_refused(client, true); break;
    case LK_LINE_SERVER_IS_WRONG:
        /* It was the right one before: most likely it is being started anew. */
        if (!client->had_session)
            on_handshake_refused(client, false);
        break;
    }
    if (client->events)
        client->last_event = lk_line_events_last(client->events);
    /* libzmq would connect anew by itself, but what we queue would then reach no session. */
    if (client->state == LINE_READY && lk_line_events_was_cut(client->events))
        lose_line(client, "the connection was closed");
}

static void check_patience(struct lk_client *client, int64_t now_ms)
{
    struct lk_err err;
    int64_t       patience_ms = client->had_session ? LOST_PATIENCE_MS : FIRST_PATIENCE_MS;

    if (client->state == LINE_READY || now_ms - client->lost_ms < patience_ms)
        return;
    lk_err_set(
        &err, LK_ERR_RETRY,
        "no coordinator answered at %s within %lld s (%s); is lkcoordd running there, and is "
        "the address in %s right?",
        client->config.coordinator, (long long)patience_ms / 1000,
        client->last_event ? client->last_event : "no connection", client->config.path);
    lk_client_fail(client, &err);
}

static void check_silence(struct lk_client *client, int64_t now_ms)
{
    lk_wire_Envelope ping = { .which_body = lk_wire_Envelope_ping_tag };

    int64_t wait_ms = client->sockets > 1 ? WELCOME_WAIT_MS : WELCOME_FIRST_MS;

    if (client->state == LINE_GREETING && now_ms - client->opened_ms > wait_ms)
        lose_line(client, "no answer");
    if (client->state != LINE_READY)
        return;
    if (now_ms - client->heard_ms > client->silence_ms) {
        lose_line(client, "it fell silent");
    } else if (now_ms - client->pinged_ms >= client->ping_ms) {
        client->pinged_ms = now_ms;
        ping.session = client->session;
        ping.body.ping.number = ++client->ping_number;
        lk_wire_send(client->sock, &ping, (struct lk_str) { 0 });
    }
}

void lk_client_line_tick(struct lk_client *client)
{
    int64_t now_ms = lk_clock_boot_ms();

    check_events(client);
    if (!client->failed)
        check_patience(client, now_ms);
    if (!client->failed)
        check_silence(client, now_ms);
    if (!client->failed && !client->sock && now_ms >= client->retry_ms)
        lk_client_line_open(client);
}

#include "coordinator/door/door.h"

#include "common/log/log.h"
#include "common/net/sock.h"
#include "common/os/clock.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define SESSIONS_MAX      1024
#define MESSAGES_PER_TURN 32

struct lk_door {
    struct lk_door_options options;
    zsock_t               *sock;
    char                  *endpoint;
    struct lk_wire_in      in;
    struct lk_session      sessions[SESSIONS_MAX]; /* id 0: free */
};

int lk_door_open(struct lk_door **out, const struct lk_door_options *options,
                 struct lk_err *err)
{
    LK_CLEANUP(lk_door_close) struct lk_door *door = lk_xcalloc(1, sizeof(*door));

    door->options = *options;
    lk_wire_in_init(&door->in);
    if (lk_sock_open_door(&door->sock, options->endpoint, options->key, options->domain,
                          &door->endpoint, err) < 0)
        return -1;
    *out = LK_TAKE(door);
    return 0;
}

static void end_session(struct lk_door *door, struct lk_session *session, bool said_bye)
{
    door->options.closed(door->options.ctx, session, said_bye);
    memset(session, 0, sizeof(*session));
}

void lk_door_close(struct lk_door **door)
{
    struct lk_door *d = LK_TAKE(*door);

    if (!d)
        return;
    for (struct lk_session *session = NULL; (session = lk_door_next(d, session));)
        end_session(d, session, false);
    zsock_destroy(&d->sock);
    lk_wire_in_fini(&d->in);
    free(d->endpoint);
    free(d);
}

zsock_t *lk_door_sock(struct lk_door *door)
{
    return door->sock;
}

const char *lk_door_endpoint(const struct lk_door *door)
{
    return door->endpoint;
}

struct lk_session *lk_door_session(struct lk_door *door, uint64_t id)
{
    for (size_t i = 0; id && i < SESSIONS_MAX; i++)
        if (door->sessions[i].id == id)
            return &door->sessions[i];
    return NULL;
}

struct lk_session *lk_door_next(struct lk_door *door, struct lk_session *after)
{
    struct lk_session *session = after ? after + 1 : door->sessions;

    for (; session < door->sessions + SESSIONS_MAX; session++)
        if (session->id)
            return session;
    return NULL;
}

enum lk_wire_result lk_door_send(struct lk_door *door, const struct lk_session *session,
                                 lk_wire_Envelope *envelope, struct lk_str payload)
{
    envelope->session = session->id;
    return lk_wire_send_to(door->sock, &session->route, envelope, payload);
}

static void refuse(struct lk_door *door, const struct lk_route *route, uint64_t session,
                   uint64_t request, enum lk_err_kind kind, const char *text)
{
    lk_wire_Envelope out = { .session = session,
                             .request = request,
                             .which_body = lk_wire_Envelope_error_tag };

    out.body.error.kind = lk_wire_kind_of(kind);
    LK_WIRE_TEXT(out.body.error.text, text);
    lk_wire_send_to(door->sock, route, &out, (struct lk_str) { 0 });
}

void lk_door_refuse(struct lk_door *door, const struct lk_session *session, uint64_t request,
                    enum lk_err_kind kind, const char *text)
{
    refuse(door, &session->route, session->id, request, kind, text);
}

static const struct lk_peer *find_peer(const struct lk_door         *door,
                                       const struct lk_curve_public *key)
{
    for (size_t i = 0; i < door->options.peers->count; i++)
        if (strcmp(door->options.peers->list[i].key.z85, key->z85) == 0)
            return &door->options.peers->list[i];
    return NULL;
}

static struct lk_session *place_for(struct lk_door *door, const struct lk_curve_public *key)
{
    struct lk_session *place = NULL;

    for (size_t i = 0; i < SESSIONS_MAX; i++) {
        struct lk_session *session = &door->sessions[i];
        bool               same_line =
            session->id && session->route.len == door->in.route.len &&
            memcmp(session->route.bytes, door->in.route.bytes, session->route.len) == 0;
        bool same_key =
            session->id && door->options.one_per_key && strcmp(session->key.z85, key->z85) == 0;
        if (same_line || same_key)
            end_session(door, session, false);
        if (!session->id && !place)
            place = session;
    }
    return place;
}

static void say_hello(struct lk_door *door, const struct lk_peer *peer)
{
    const lk_wire_Envelope *in = &door->in.envelope;
    lk_wire_Envelope        out = { .request = in->request,
                                    .which_body = lk_wire_Envelope_welcome_tag };
    struct lk_err           err;

    /* Neighbouring versions understand each other (proto/README.md). */
    if (in->body.hello.version > LK_WIRE_VERSION + 1) {
        refuse(door, &door->in.route, 0, in->request, LK_ERR_INVALID,
               "this coordinator speaks version 1 of the protocol; use a matching lkcoord or "
               "lkagentd");
        return;
    }
    struct lk_session *session = place_for(door, &peer->key);
    if (!session) {
        refuse(door, &door->in.route, 0, in->request, LK_ERR_LIMIT,
               "the coordinator has as many sessions as it can hold (limit: 1024); try again "
               "later");
        return;
    }
    randombytes_buf(&session->id, sizeof(session->id));
    session->id |= 1;
    session->route = door->in.route;
    session->key = peer->key;
    session->heard_ms = lk_clock_boot_ms();
    memcpy(session->name, peer->name, sizeof(session->name));
    out.body.welcome.session = session->id;
    out.body.welcome.version = LK_WIRE_VERSION;
    LK_WIRE_TEXT(out.body.welcome.name, peer->name);
    LK_WIRE_TEXT(out.body.welcome.software, "lkcoordd " LK_VERSION);
    if (door->options.opened(door->options.ctx, session, &in->body.hello, &out.body.welcome,
                             &err) < 0) {
        refuse(door, &door->in.route, 0, in->request, err.kind, err.text);
        memset(session, 0, sizeof(*session));
        return;
    }
    lk_door_send(door, session, &out, (struct lk_str) { 0 });
}

static void handle(struct lk_door *door)
{
    const struct lk_wire_in *in = &door->in;
    const struct lk_peer    *peer = find_peer(door, &in->peer);

    if (!peer) {
        lk_log_warn("message from a key that is not listed", "key=%s", LK_Q(in->peer.z85));
        return;
    }
    if (in->envelope.which_body == lk_wire_Envelope_hello_tag) {
        say_hello(door, peer);
        return;
    }
    struct lk_session *session = lk_door_session(door, in->envelope.session);
    if (!session || strcmp(session->key.z85, in->peer.z85) != 0) {
        refuse(door, &in->route, in->envelope.session, in->envelope.request, LK_ERR_CONFLICT,
               "this session is not known (any more): say HELLO first");
        return;
    }
    session->heard_ms = lk_clock_boot_ms();
    session->route = in->route;
    if (in->envelope.which_body == lk_wire_Envelope_bye_tag)
        end_session(door, session, true);
    else
        door->options.message(door->options.ctx, session, in);
}

void lk_door_read(struct lk_door *door)
{
    struct lk_err err;

    for (int i = 0; i < MESSAGES_PER_TURN; i++)
        switch (lk_wire_receive(door->sock, true, &door->in, &err)) {
        case LK_WIRE_OK: handle(door); break;
        case LK_WIRE_BAD:
            lk_log_warn("bad message dropped", "key=%s err=%s", LK_Q(door->in.peer.z85),
                        LK_Q(err.text));
            break;
        case LK_WIRE_NOTHING:
        case LK_WIRE_CONGESTED:
        case LK_WIRE_GONE: return;
        }
}

void lk_door_sweep(struct lk_door *door)
{
    int64_t limit = lk_clock_boot_ms() - door->options.silence_ms;

    for (struct lk_session *session = NULL; (session = lk_door_next(door, session));)
        if (session->heard_ms < limit) {
            lk_log_info("silent session closed", "name=%s session=%llu", LK_Q(session->name),
                        (unsigned long long)session->id);
            end_session(door, session, false);
        }
}

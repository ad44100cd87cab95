#include "coordinator/door/door.h"

#include "common/log/log.h"
#include "common/net/sock.h"
#include "common/os/clock.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define SESSIONS_MAX      1024
#define MESSAGES_PER_TURN 32
#define POSTED_MAX        64
/* One key must not take all places from the others. */
#define SESSIONS_PER_KEY_MAX 128

struct lk_posted {
    struct lk_posted *next;
    lk_wire_Envelope  envelope;
};

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

static void drop_first_posted(struct lk_session *session)
{
    struct lk_posted *first = session->posted;

    session->posted = first->next;
    sodium_memzero(&first->envelope, sizeof(first->envelope)); /* STAGE holds a ticket */
    free(first);
}

static void clear_place(struct lk_session *session)
{
    while (session->posted)
        drop_first_posted(session);
    memset(session, 0, sizeof(*session));
}

/* It is not found any more when its owner hears of the end: nothing can be sent to half a session. */
static void end_session(struct lk_door *door, struct lk_session *session, bool for_good)
{
    struct lk_session ended = *session;

    memset(session, 0, sizeof(*session));
    door->options.closed(door->options.ctx, &ended, for_good);
    clear_place(&ended);
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
    if (session->posted)
        return LK_WIRE_CONGESTED;
    envelope->session = session->id;
    return lk_wire_send_to(door->sock, &session->route, envelope, payload);
}

void lk_door_post(struct lk_door *door, struct lk_session *session, lk_wire_Envelope *envelope)
{
    struct lk_posted **end = &session->posted;
    size_t             count = 0;

    if (lk_door_send(door, session, envelope, (struct lk_str) { 0 }) != LK_WIRE_CONGESTED)
        return;
    for (; *end; end = &(*end)->next)
        count++;
    if (count == POSTED_MAX) {
        session->is_cut = true;
        return;
    }
    *end = lk_xmalloc(sizeof(**end));
    envelope->session = session->id;
    (*end)->envelope = *envelope;
    (*end)->next = NULL;
}

static bool flush_posted(struct lk_door *door, struct lk_session *session)
{
    while (session->posted) {
        if (lk_wire_send_to(door->sock, &session->route, &session->posted->envelope,
                            (struct lk_str) { 0 }) == LK_WIRE_CONGESTED)
            return true;
        drop_first_posted(session);
    }
    return false;
}

bool lk_door_flush(struct lk_door *door)
{
    bool waits = false;

    for (struct lk_session *session = NULL; (session = lk_door_next(door, session));)
        waits |= flush_posted(door, session);
    return waits;
}

static void error_of(lk_wire_Envelope *out, uint64_t session, uint64_t request,
                     enum lk_err_kind kind, const char *text)
{
    *out = (lk_wire_Envelope) { .session = session,
                                .request = request,
                                .which_body = lk_wire_Envelope_error_tag };
    out->body.error.kind = lk_wire_kind_of(kind);
    LK_WIRE_TEXT(out->body.error.text, text);
}

void lk_door_refuse(struct lk_door *door, struct lk_session *session, uint64_t request,
                    enum lk_err_kind kind, const char *text)
{
    lk_wire_Envelope out;

    error_of(&out, session->id, request, kind, text);
    lk_door_post(door, session, &out);
}

/* To whoever has no session: without one nothing can be kept for later. */
static void turn_away(struct lk_door *door, enum lk_err_kind kind, const char *text)
{
    lk_wire_Envelope out;

    error_of(&out, door->in.envelope.session, door->in.envelope.request, kind, text);
    lk_wire_send_to(door->sock, &door->in.route, &out, (struct lk_str) { 0 });
}

static const struct lk_peer *find_peer(const struct lk_door         *door,
                                       const struct lk_curve_public *key)
{
    for (size_t i = 0; i < door->options.peers->count; i++)
        if (strcmp(door->options.peers->list[i].key.z85, key->z85) == 0)
            return &door->options.peers->list[i];
    return NULL;
}

static bool same_key(const struct lk_session *session, const struct lk_curve_public *key)
{
    return session->id && strcmp(session->key.z85, key->z85) == 0;
}

static bool same_line(const struct lk_session *session, const struct lk_route *route)
{
    return session->id && session->route.len == route->len &&
           memcmp(session->route.bytes, route->bytes, route->len) == 0;
}

/* What the new session replaces. */
static void make_way(struct lk_door *door, const struct lk_curve_public *key)
{
    for (struct lk_session *session = NULL; (session = lk_door_next(door, session));)
        if (same_line(session, &door->in.route) ||
            (door->options.one_per_key && same_key(session, key)))
            end_session(door, session, false);
}

static struct lk_session *free_place(struct lk_door *door, const struct lk_curve_public *key)
{
    struct lk_session *place = NULL;
    size_t             count = 0;

    for (size_t i = 0; i < SESSIONS_MAX; i++) {
        count += same_key(&door->sessions[i], key);
        if (!door->sessions[i].id && !place)
            place = &door->sessions[i];
    }
    return count < SESSIONS_PER_KEY_MAX ? place : NULL;
}

static void begin_session(struct lk_door *door, struct lk_session *session,
                          const struct lk_peer *peer)
{
    randombytes_buf(&session->id, sizeof(session->id));
    session->id |= 1;
    session->route = door->in.route;
    session->key = peer->key;
    session->heard_ms = lk_clock_boot_ms();
    memcpy(session->name, peer->name, sizeof(session->name));
}

static void welcome(struct lk_door *door, struct lk_session *session)
{
    const lk_wire_Envelope *in = &door->in.envelope;
    lk_wire_Envelope        out = { .request = in->request,
                                    .which_body = lk_wire_Envelope_welcome_tag };
    struct lk_err           err;

    out.body.welcome.session = session->id;
    out.body.welcome.version = LK_WIRE_VERSION;
    LK_WIRE_TEXT(out.body.welcome.name, session->name);
    LK_WIRE_TEXT(out.body.welcome.software, "lkcoordd " LK_VERSION);
    if (door->options.opened(door->options.ctx, session, &in->body.hello, &out.body.welcome,
                             &err) < 0) {
        turn_away(door, err.kind, err.text);
        clear_place(session);
        return;
    }
    lk_door_post(door, session, &out);
    if (door->options.welcomed)
        door->options.welcomed(door->options.ctx, session, &in->body.hello);
}

static void say_hello(struct lk_door *door, const struct lk_peer *peer)
{
    /* Neighbouring versions understand each other (proto/README.md). */
    if (door->in.envelope.body.hello.version > LK_WIRE_VERSION + 1) {
        turn_away(
            door, LK_ERR_INVALID,
            "this coordinator speaks version 1 of the protocol; use a matching lkcoord or "
            "lkagentd");
        return;
    }
    make_way(door, &peer->key);
    struct lk_session *session = free_place(door, &peer->key);
    if (!session) {
        turn_away(
            door, LK_ERR_LIMIT,
            "the coordinator has as many sessions as it can hold (limit: 1024, 128 of one "
            "key); try again later");
        return;
    }
    begin_session(door, session, peer);
    welcome(door, session);
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
        turn_away(door, LK_ERR_CONFLICT,
                  "this session is not known (any more): say HELLO first");
        return;
    }
    session->heard_ms = lk_clock_boot_ms();
    session->route = in->route;
    if (in->envelope.which_body == lk_wire_Envelope_bye_tag) {
        session->keeps = in->envelope.body.bye.keeps;
        end_session(door, session, true);
    } else {
        door->options.message(door->options.ctx, session, in);
    }
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
        if (session->heard_ms < limit || session->is_cut) {
            lk_log_info(
                session->is_cut ? "session closed: it does not read" : "silent session closed",
                "name=%s session=%llu", LK_Q(session->name), (unsigned long long)session->id);
            end_session(door, session, false);
        }
}

void lk_door_cut_strangers(struct lk_door *door)
{
    for (struct lk_session *session = NULL; (session = lk_door_next(door, session));) {
        const struct lk_peer *peer = find_peer(door, &session->key);
        if (peer && strcmp(peer->name, session->name) == 0)
            continue;
        lk_log_info("session closed: its key is not listed any more", "name=%s session=%llu",
                    LK_Q(session->name), (unsigned long long)session->id);
        end_session(door, session, true);
    }
}

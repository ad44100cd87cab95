#include "common/net/wire.h"

#include "common/base/limits.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void lk_wire_in_init(struct lk_wire_in *in)
{
    *in = (struct lk_wire_in) { .payload = lk_xmalloc(LK_WIRE_FRAME_MAX) };
}

void lk_wire_in_fini(struct lk_wire_in *in)
{
    free(in->payload);
    in->payload = NULL;
}

static bool may_have_payload(pb_size_t body)
{
    return body == lk_wire_Envelope_object_tag || body == lk_wire_Envelope_log_piece_tag;
}

/* False: there is nothing to read. */
static bool receive_frame(void *sock, zmq_msg_t *frame)
{
    int result;

    do {
        result = zmq_msg_recv(frame, sock, ZMQ_DONTWAIT);
    } while (result < 0 && zmq_errno() == EINTR);
    return result >= 0;
}

/* Reads and forgets what is left of a message; true if there was anything. */
static bool drain(void *sock, bool more)
{
    bool found = more;

    while (more) {
        zmq_msg_t frame;
        zmq_msg_init(&frame);
        more = receive_frame(sock, &frame) && zmq_msg_more(&frame);
        zmq_msg_close(&frame);
    }
    return found;
}

static void close_frame(zmq_msg_t *frame)
{
    zmq_msg_close(frame);
}

/* The route of a door's message.  `*more`: the envelope follows. */
static enum lk_wire_result receive_route(void *sock, struct lk_wire_in *in, bool *more,
                                         struct lk_err *err)
{
    LK_CLEANUP(close_frame) zmq_msg_t frame;

    zmq_msg_init(&frame);
    if (!receive_frame(sock, &frame))
        return LK_WIRE_NOTHING;
    *more = zmq_msg_more(&frame);
    size_t len = zmq_msg_size(&frame);
    if (len > LK_ROUTE_MAX) {
        lk_err_set(err, LK_ERR_INVALID,
                   "a peer set a routing id of its own, %zu bytes long: at most %d are taken",
                   len, LK_ROUTE_MAX);
        return LK_WIRE_BAD;
    }
    memcpy(in->route.bytes, zmq_msg_data(&frame), len);
    in->route.len = len;
    return LK_WIRE_OK;
}

static enum lk_wire_result receive_envelope(void *sock, bool door, struct lk_wire_in *in,
                                            bool *more, struct lk_err *err)
{
    LK_CLEANUP(close_frame) zmq_msg_t frame;

    zmq_msg_init(&frame);
    if (!receive_frame(sock, &frame))
        return LK_WIRE_NOTHING;
    *more = zmq_msg_more(&frame);
    /* Of all metadata only what our own ZAP handler set can be believed. */
    const char *user_id = door ? zmq_msg_gets(&frame, "User-Id") : NULL;
    if (user_id)
        lk_copy_text(in->peer.z85, sizeof(in->peer.z85), user_id);
    if (lk_message_decode(zmq_msg_data(&frame), zmq_msg_size(&frame), &in->envelope, err) < 0)
        return LK_WIRE_BAD;
    return LK_WIRE_OK;
}

static enum lk_wire_result receive_payload(void *sock, struct lk_wire_in *in, bool *more,
                                           struct lk_err *err)
{
    LK_CLEANUP(close_frame) zmq_msg_t frame;
    const char                       *name = lk_message_name(in->envelope.which_body);

    zmq_msg_init(&frame);
    if (!may_have_payload(in->envelope.which_body)) {
        lk_err_set(err, LK_ERR_INVALID, "%s came with a payload but has none", name);
        return LK_WIRE_BAD;
    }
    *more = receive_frame(sock, &frame) && zmq_msg_more(&frame);
    size_t len = zmq_msg_size(&frame);
    if (len > LK_WIRE_FRAME_MAX) {
        lk_err_set(err, LK_ERR_LIMIT, "the payload of %s has %zu bytes: at most %d are allowed",
                   name, len, LK_WIRE_FRAME_MAX);
        return LK_WIRE_BAD;
    }
    memcpy(in->payload, zmq_msg_data(&frame), len);
    in->payload_len = len;
    return LK_WIRE_OK;
}

static enum lk_wire_result receive_parts(void *sock, bool door, struct lk_wire_in *in,
                                         bool *more, struct lk_err *err)
{
    enum lk_wire_result result;

    if (door) {
        result = receive_route(sock, in, more, err);
        if (result != LK_WIRE_OK)
            return result;
        if (!*more) {
            lk_err_set(err, LK_ERR_INVALID, "a message has no envelope");
            return LK_WIRE_BAD;
        }
    }
    result = receive_envelope(sock, door, in, more, err);
    if (result == LK_WIRE_OK && *more)
        result = receive_payload(sock, in, more, err);
    return result;
}

enum lk_wire_result lk_wire_receive(zsock_t *sock, bool door, struct lk_wire_in *in,
                                    struct lk_err *err)
{
    void *handle = zsock_resolve(sock);
    bool  more = false;

    in->route.len = 0;
    in->peer.z85[0] = '\0';
    in->payload_len = 0;
    enum lk_wire_result result = receive_parts(handle, door, in, &more, err);
    if (drain(handle, more) && result == LK_WIRE_OK) {
        lk_err_set(err, LK_ERR_INVALID, "%s came with more than one payload",
                   lk_message_name(in->envelope.which_body));
        result = LK_WIRE_BAD;
    }
    return result;
}

static enum lk_wire_result send_frame(void *sock, const void *data, size_t len, bool more)
{
    int flags = ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0);
    int result;

    do {
        result = zmq_send(sock, data, len, flags);
    } while (result < 0 && zmq_errno() == EINTR);
    if (result >= 0)
        return LK_WIRE_OK;
    return zmq_errno() == EHOSTUNREACH ? LK_WIRE_GONE : LK_WIRE_CONGESTED;
}

/*
 * ZeroMQ takes a message or refuses it with its first frame: high-water marks count whole messages,
 * and a pipe that ends in between takes the rest with it.
 */
static enum lk_wire_result send_parts(void *sock, const struct lk_route *route,
                                      const lk_wire_Envelope *envelope, struct lk_str payload)
{
    uint8_t             encoded[LK_WIRE_ENVELOPE_MAX];
    enum lk_wire_result result = LK_WIRE_OK;
    size_t              len = lk_message_encode(envelope, encoded);

    if (len == 0 || payload.len > LK_WIRE_FRAME_MAX ||
        (payload.len && !may_have_payload(envelope->which_body)))
        return LK_WIRE_BAD;
    if (route)
        result = send_frame(sock, route->bytes, route->len, true);
    if (result == LK_WIRE_OK)
        result = send_frame(sock, encoded, len, payload.len > 0);
    if (result == LK_WIRE_OK && payload.len)
        result = send_frame(sock, payload.data, payload.len, false);
    return result;
}

enum lk_wire_result lk_wire_send(zsock_t *line, const lk_wire_Envelope *envelope,
                                 struct lk_str payload)
{
    return send_parts(zsock_resolve(line), NULL, envelope, payload);
}

enum lk_wire_result lk_wire_send_to(zsock_t *door, const struct lk_route *route,
                                    const lk_wire_Envelope *envelope, struct lk_str payload)
{
    return send_parts(zsock_resolve(door), route, envelope, payload);
}

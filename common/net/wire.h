/*
 * wire - sends and receives one message (proto/message.h) on a door or a line.
 *
 * Frame by frame with caps, never zmsg_recv: an admitted peer may send any number of parts.  Nothing
 * blocks.  Not thread-safe: a socket belongs to one thread.
 */
#ifndef LK_WIRE_H
#define LK_WIRE_H

#include "common/net/curve.h"
#include "proto/message.h"

#include <czmq.h>

#define LK_ROUTE_MAX 16

/* Where a door's message came from; sent back to by lk_wire_send_to. */
struct lk_route {
    uint8_t bytes[LK_ROUTE_MAX];
    size_t  len;
};

enum lk_wire_result {
    LK_WIRE_OK,
    LK_WIRE_NOTHING,   /* receive: no message now */
    LK_WIRE_CONGESTED, /* send: the peer's pipe is full, try later */
    LK_WIRE_GONE,      /* send: no such peer */
    /*
     * receive: malformed; `err` says how; the rest of the message was thrown away (route and peer are
     * set where they could be read).  send: cannot be encoded, or a payload that the body does not have.
     */
    LK_WIRE_BAD,
};

struct lk_wire_in {
    lk_wire_Envelope envelope;
    struct lk_route  route; /* doors only */
    struct lk_curve_public
             peer;    /* doors only: User-Id of this very message; "" if it has none */
    uint8_t *payload; /* LK_WIRE_FRAME_MAX bytes, owned by this struct, reused */
    size_t   payload_len;
};

void lk_wire_in_init(struct lk_wire_in *in);
void lk_wire_in_fini(struct lk_wire_in *in);

/* `door` true: a ROUTER's message with route and User-Id; false: a DEALER's. */
enum lk_wire_result lk_wire_receive(zsock_t *sock, bool door, struct lk_wire_in *in,
                                    struct lk_err *err);

enum lk_wire_result lk_wire_send(zsock_t *line, const lk_wire_Envelope *envelope,
                                 struct lk_str payload);
enum lk_wire_result lk_wire_send_to(zsock_t *door, const struct lk_route *route,
                                    const lk_wire_Envelope *envelope, struct lk_str payload);

#endif

/*
 * line - owns the socket to the coordinator: opens a fresh one when told to, watches its handshake,
 * receives, and sends without blocking.
 *
 * Small messages are queued in order (a queue that overflows counts as a broken line).  Bulk is offered only when
 * the queue is empty and the socket takes more.  The connection is not waited for: HELLO simply stays in
 * the queue until there is one.  What went down or was refused is told once by `lost`; deciding what then
 * is the core's.  Loop thread only.
 */
#ifndef LK_AGENT_LINE_H
#define LK_AGENT_LINE_H

#include "common/net/sock.h"
#include "common/net/wire.h"

struct lk_line;

struct lk_line_listener {
    void (*message)(void *ctx, const lk_wire_Envelope *envelope, struct lk_str payload);
    void (*lost)(void *ctx, const char *why);
    /* Send one bulk message by lk_line_try() if there is one; false: nothing to send. */
    bool (*bulk)(void *ctx);
    void *ctx;
};

struct lk_line_conf {
    const char                   *endpoint;
    const struct lk_curve_pair   *self;
    const struct lk_curve_public *server;
};

/* `conf` is borrowed. */
struct lk_line *lk_line_new(zloop_t *loop, const struct lk_line_conf *conf,
                            const struct lk_line_listener *listener);
void            lk_line_free(struct lk_line **line);

int  lk_line_open(struct lk_line *line, struct lk_err *err);
void lk_line_close(struct lk_line *line);

void lk_line_send(struct lk_line *line, const lk_wire_Envelope *envelope);

/* At once or not at all. */
bool lk_line_try(struct lk_line *line, const lk_wire_Envelope *envelope, struct lk_str payload);

/* There may be bulk to send now. */
void lk_line_wake(struct lk_line *line);

/* How many more small messages the queue takes. */
size_t lk_line_room(const struct lk_line *line);

#endif

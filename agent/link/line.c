#include "agent/link/line.h"

#include "common/log/log.h"

#include <stdlib.h>
#include <string.h>

#define QUEUE_MAX         128
#define RECEIVES_A_TURN   32
#define SENDS_A_TURN      32
#define BYE_LINGER_MS     500
#define MONITOR_FRAME_LEN 6 /* event (16 bits), value (32 bits), in host order */

struct lk_line {
    zloop_t                *loop;
    struct lk_line_conf     conf;
    struct lk_line_listener listener;
    zsock_t                *sock;
    zsock_t                *monitor;
    uint64_t          generation; /* of the socket: handlers may close it under themselves */
    bool              watching_write;
    bool              blocked; /* bulk did not go out */
    lk_wire_Envelope *queue[QUEUE_MAX];
    size_t            queue_first;
    size_t            queue_count;
    struct lk_wire_in in;
};

static void lose(struct lk_line *line, const char *why)
{
    line->listener.lost(line->listener.ctx, why);
}

static int on_readable(zloop_t *loop, zsock_t *sock, void *ctx)
{
    struct lk_line *line = ctx;
    uint64_t        generation = line->generation;
    struct lk_err   err;

    (void)loop;
    for (int i = 0; i < RECEIVES_A_TURN && line->generation == generation; i++) {
        switch (lk_wire_receive(sock, false, &line->in, &err)) {
        case LK_WIRE_OK:
            line->listener.message(
                line->listener.ctx, &line->in.envelope,
                (struct lk_str) { (const char *)line->in.payload, line->in.payload_len });
            break;
        case LK_WIRE_BAD: lk_log_warn("malformed message", "err=%s", LK_Q(err.text)); break;
        case LK_WIRE_NOTHING:
        case LK_WIRE_CONGESTED:
        case LK_WIRE_GONE: return 0;
        }
    }
    return 0;
}

/* What became of the handshake is told nowhere else; a refused socket is silent and dead for good. */
static const char *trouble(uint16_t event)
{
    switch (event) {
    case ZMQ_EVENT_DISCONNECTED: return "the connection was closed";
    case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
        return "the coordinator does not admit this agent's key: list it under agents: there";
    case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
        return "what answers at the endpoint is not the coordinator's door for agents";
    case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
        return "the handshake failed: is coordinator-key the key of this coordinator?";
    default: return NULL;
    }
}

static int on_monitor(zloop_t *loop, zsock_t *monitor, void *ctx)
{
    struct lk_line *line = ctx;
    zmq_msg_t       frame;
    uint16_t        event = 0;

    (void)loop;
    zmq_msg_init(&frame);
    if (zmq_msg_recv(&frame, zsock_resolve(monitor), ZMQ_DONTWAIT) == MONITOR_FRAME_LEN)
        memcpy(&event, zmq_msg_data(&frame), sizeof(event));
    while (zmq_msg_more(&frame)) {
        zmq_msg_close(&frame);
        zmq_msg_init(&frame);
        if (zmq_msg_recv(&frame, zsock_resolve(monitor), ZMQ_DONTWAIT) < 0)
            break;
    }
    zmq_msg_close(&frame);
    if (trouble(event))
        lose(line, trouble(event));
    return 0;
}

static void watch_monitor(struct lk_line *line)
{
    char *name = lk_xasprintf("inproc://line-monitor-%p-%llu", (void *)line,
                              (unsigned long long)line->generation);
    int   events = ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |
                 ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL;

    if (zmq_socket_monitor(zsock_resolve(line->sock), name, events) == 0) {
        line->monitor = zsock_new(ZMQ_PAIR);
        lk_assert(line->monitor && zsock_connect(line->monitor, "%s", name) == 0);
        zloop_reader(line->loop, line->monitor, on_monitor, line);
    }
    free(name);
}

int lk_line_open(struct lk_line *line, struct lk_err *err)
{
    lk_line_close(line);
    if (lk_sock_open_line(&line->sock, line->conf.endpoint, line->conf.self, line->conf.server,
                          err) < 0)
        return -1;
    line->generation++;
    watch_monitor(line);
    zloop_reader(line->loop, line->sock, on_readable, line);
    return 0;
}

static int on_writable(zloop_t *loop, zmq_pollitem_t *item, void *ctx);

static void watch_write(struct lk_line *line, bool watch)
{
    if (!line->sock || watch == line->watching_write)
        return;
    zmq_pollitem_t item = { .socket = zsock_resolve(line->sock), .events = ZMQ_POLLOUT };

    if (watch)
        zloop_poller(line->loop, &item, on_writable, line);
    else
        zloop_poller_end(line->loop, &item);
    line->watching_write = watch;
}

void lk_line_close(struct lk_line *line)
{
    while (line->queue_count > 0) {
        free(line->queue[line->queue_first]);
        line->queue_first = (line->queue_first + 1) % QUEUE_MAX;
        line->queue_count--;
    }
    if (!line->sock)
        return;
    watch_write(line, false);
    line->generation++;
    if (line->monitor) {
        zloop_reader_end(line->loop, line->monitor);
        zmq_socket_monitor(zsock_resolve(line->sock), NULL, 0);
        zsock_destroy(&line->monitor);
    }
    zloop_reader_end(line->loop, line->sock);
    zsock_destroy(&line->sock);
}

/* False: the socket takes no more now. */
static bool send_queued(struct lk_line *line)
{
    static const struct lk_str nothing = { NULL, 0 };

    while (line->queue_count > 0) {
        lk_wire_Envelope *envelope = line->queue[line->queue_first];

        if (lk_wire_send(line->sock, envelope, nothing) != LK_WIRE_OK)
            return false;
        free(envelope);
        line->queue_first = (line->queue_first + 1) % QUEUE_MAX;
        line->queue_count--;
    }
    return true;
}

static void flush(struct lk_line *line)
{
    uint64_t generation = line->generation;
    bool     more = true;

    line->blocked = false;
    for (int i = 0; i < SENDS_A_TURN && more && line->generation == generation && line->sock;
         i++)
        more = send_queued(line) && line->listener.bulk(line->listener.ctx);
    if (line->sock && line->generation == generation)
        watch_write(line, more || line->blocked || line->queue_count > 0);
}

static int on_writable(zloop_t *loop, zmq_pollitem_t *item, void *ctx)
{
    (void)loop;
    (void)item;
    flush(ctx);
    return 0;
}

void lk_line_send(struct lk_line *line, const lk_wire_Envelope *envelope)
{
    if (!line->sock)
        return;
    if (line->queue_count == QUEUE_MAX) {
        lose(line, "too many messages wait to be sent");
        return;
    }
    lk_wire_Envelope *copy = lk_xmalloc(sizeof(*copy));
    *copy = *envelope;
    line->queue[(line->queue_first + line->queue_count++) % QUEUE_MAX] = copy;
    send_queued(line);
    watch_write(line, line->queue_count > 0 || line->watching_write);
}

bool lk_line_try(struct lk_line *line, const lk_wire_Envelope *envelope, struct lk_str payload)
{
    if (!line->sock)
        return false;
    line->blocked =
        line->queue_count > 0 || lk_wire_send(line->sock, envelope, payload) != LK_WIRE_OK;
    return !line->blocked;
}

void lk_line_wake(struct lk_line *line)
{
    if (line->sock)
        watch_write(line, true);
}

size_t lk_line_room(const struct lk_line *line)
{
    return line->sock ? QUEUE_MAX - line->queue_count : 0;
}

struct lk_line *lk_line_new(zloop_t *loop, const struct lk_line_conf *conf,
                            const struct lk_line_listener *listener)
{
    struct lk_line *line = lk_xcalloc(1, sizeof(*line));

    line->loop = loop;
    line->conf = *conf;
    line->listener = *listener;
    lk_wire_in_init(&line->in);
    return line;
}

void lk_line_free(struct lk_line **line)
{
    if (!*line)
        return;
    /* BYE is to get out; the context waits so long for it at the end of the process. */
    if ((*line)->sock)
        zsock_set_linger((*line)->sock, BYE_LINGER_MS);
    lk_line_close(*line);
    lk_wire_in_fini(&(*line)->in);
    free(*line);
    *line = NULL;
}

#include "coordinator/cli/line_events.h"

#include "common/base/str.h"

#include <stdlib.h>
#include <string.h>

/* A coordinator that is just being stopped may close one handshake; two in a row have another reason. */
#define CLOSED_HANDSHAKES 2

struct lk_line_events {
    zactor_t   *monitor;
    const char *last;
    unsigned    closed;
    bool        refused;
    bool        protocol_failed;
    bool        cut;
};

int lk_line_events_start(struct lk_line_events **out, zsock_t *line, struct lk_err *err)
{
    struct lk_line_events *events = lk_xcalloc(1, sizeof(*events));

    events->last = "no connection";
    events->monitor = zactor_new(zmonitor, line);
    if (!events->monitor) {
        free(events);
        return lk_err_sys(err, "starting a monitor of the connection");
    }
    zstr_sendx(events->monitor, "LISTEN", "ALL", NULL);
    zstr_sendx(events->monitor, "START", NULL);
    zsock_wait(events->monitor);
    *out = events;
    return 0;
}

void lk_line_events_stop(struct lk_line_events **events)
{
    if (!*events)
        return;
    zactor_destroy(&(*events)->monitor);
    free(*events);
    *events = NULL;
}

static void take(struct lk_line_events *events, const char *name)
{
    if (strcmp(name, "HANDSHAKE_FAILED_AUTH") == 0) {
        events->refused = true;
    } else if (strcmp(name, "HANDSHAKE_FAILED_PROTOCOL") == 0) {
        events->protocol_failed = true;
    } else if (strcmp(name, "HANDSHAKE_FAILED_NO_DETAIL") == 0) {
        events->closed++;
        events->last = "the connection is closed during the handshake";
    } else if (strcmp(name, "CONNECTED") == 0) {
        events->last = "connected, but without an answer";
    } else if (strcmp(name, "DISCONNECTED") == 0) {
        events->cut = true;
    } else if (strcmp(name, "CLOSED") == 0) {
        events->last = "connection refused";
    }
}

enum lk_line_verdict lk_line_events_verdict(struct lk_line_events *events)
{
    if (!events)
        return LK_LINE_UNDECIDED;
    while (zsock_events(events->monitor) & ZMQ_POLLIN) {
        zmsg_t *message =
            zmsg_recv(events->monitor); /* from our own actor: three short frames */
        char *name = message ? zmsg_popstr(message) : NULL;

        if (name)
            take(events, name);
        free(name);
        zmsg_destroy(&message);
    }
    if (events->refused)
        return LK_LINE_WE_ARE_REFUSED;
    if (events->protocol_failed || events->closed >= CLOSED_HANDSHAKES)
        return LK_LINE_SERVER_IS_WRONG;
    return LK_LINE_UNDECIDED;
}

bool lk_line_events_was_cut(const struct lk_line_events *events)
{
    return events && events->cut;
}

const char *lk_line_events_last(const struct lk_line_events *events)
{
    return events ? events->last : NULL;
}

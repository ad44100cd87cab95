/*
 * client_private - what client.c (owner, loop, signals) and client_line.c (the line's life) share, and nobody
 * else includes.
 */
#ifndef LK_CLI_CLIENT_PRIVATE_H
#define LK_CLI_CLIENT_PRIVATE_H

#include "common/net/wire.h"
#include "coordinator/cli/client.h"
#include "coordinator/cli/line_events.h"
#include "coordinator/cli/local.h"

#define LK_CLIENT_OUTBOX_MAX 32

enum line_state { LINE_NONE, LINE_GREETING, LINE_READY };

struct lk_client {
    struct lk_local         *local; /* NULL: the coordinator is a configured one */
    struct lk_client_handler handler;
    struct lk_config         config;
    zloop_t                 *loop;
    zsock_t                 *sock;
    struct lk_line_events   *events;
    const char              *last_event; /* below the line, for people */
    struct lk_wire_in        in;
    int                      signal_fd;
    enum line_state          state;
    bool                     hello_sent;
    bool                     watching_out; /* the poller asks for POLLOUT too */
    bool                     stopped;
    bool                     failed;
    bool                     had_session;
    struct lk_err            failure;
    uint64_t                 sockets; /* opened so far */
    uint64_t                 session;
    uint64_t                 last_request;
    uint64_t                 ping_number;
    uint32_t                 ping_ms;
    uint32_t                 silence_ms;
    int64_t                  opened_ms; /* of the present socket */
    int64_t                  heard_ms;
    int64_t                  pinged_ms;
    int64_t          lost_ms;  /* when trying began: the start, or the loss of a session */
    int64_t          retry_ms; /* no socket before this */
    uint32_t         backoff_ms;
    size_t           outbox_count;
    lk_wire_Envelope outbox[LK_CLIENT_OUTBOX_MAX];
};

void lk_client_fail(struct lk_client *client, const struct lk_err *err);

/* Every callback of the loop ends here: -1 stops it. */
int lk_client_verdict(const struct lk_client *client);

void lk_client_line_open(struct lk_client *client);
void lk_client_line_drop(struct lk_client *client);

/* All that waits, as far as the line takes it. */
void lk_client_line_send(struct lk_client *client);

/* What time does: patience, silence, trying anew. */
void lk_client_line_tick(struct lk_client *client);

#endif

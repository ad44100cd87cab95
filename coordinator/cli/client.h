/*
 * client - the line to the coordinator, and the loop around it.
 *
 * Opens a socket, says HELLO, waits for WELCOME, keeps the line alive by PING.  A line that falls silent is
 * thrown away and made anew, with back-off; each new session is told to `ready`, which asks again.  A key
 * that is not accepted is found out by the handshake's events and told at once, since libzmq itself would
 * stay silent for ever.  One thread; the signals of the loop come by signalfd.
 */
#ifndef LK_CLI_CLIENT_H
#define LK_CLI_CLIENT_H

#include "coordinator/cli/command.h"
#include "coordinator/cli/config.h"
#include "proto/message.h"

struct lk_client;

struct lk_client_handler {
    /* A session is there, the first or a new one: ask (again). */
    void (*ready)(void *ctx, struct lk_client *client);
    void (*message)(void *ctx, struct lk_client *client, const lk_wire_Envelope *in,
                    struct lk_str payload);
    /* Bulk to send when the line has room: 1 filled, 0 nothing now.  May be NULL. */
    int (*next)(void *ctx, struct lk_client *client, lk_wire_Envelope *out,
                struct lk_str *payload);
    void (*sent)(void *ctx);
    /* Ten times a second.  May be NULL. */
    void (*tick)(void *ctx, struct lk_client *client);
    /* SIGINT, SIGTERM or SIGHUP.  NULL: stops with LK_EXIT_CANCELLED. */
    void (*interrupted)(void *ctx, struct lk_client *client);
    void (*resized)(void *ctx);
    /* The line was lost or came back; one line for people.  May be NULL. */
    void (*said)(void *ctx, const char *line);
    void *ctx;
};

/*
 * Blocks the loop's signals, reads keys, connects in the background.  Where no coordinator is configured, the
 * private one is started or joined, and left again by lk_client_close.
 */
int  lk_client_open(struct lk_client **out, const struct lk_target *target,
                    const struct lk_client_handler *handler, struct lk_err *err);
void lk_client_close(struct lk_client **client);

/* The same for a configuration that is known. */
int lk_client_open_at(struct lk_client **out, struct lk_config *lk_take_config,
                      const struct lk_client_handler *handler, struct lk_err *err);

/* The coordinator is a private one: it ends when its last client leaves. */
bool lk_client_is_local(const struct lk_client *client);

/* Runs until lk_client_stop or until the coordinator cannot be had: then -1 with why. */
int  lk_client_run(struct lk_client *client, struct lk_err *err);
void lk_client_stop(struct lk_client *client);

/*
 * Queues a message with a request number of its own, which is returned.  Session and request are set here.
 * What is queued is thrown away with its line.
 */
uint64_t lk_client_ask(struct lk_client *client, lk_wire_Envelope *envelope);

/* There may be bulk to send now. */
void lk_client_wake(struct lk_client *client);

#endif

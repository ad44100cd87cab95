#include "coordinator/cli/client.h"

#include "common/net/sock.h"
#include "common/os/clock.h"
#include "coordinator/cli/client_private.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define TICK_MS 100

int lk_client_verdict(const struct lk_client *client)
{
    return client->stopped || client->failed ? -1 : 0;
}

static int on_tick(zloop_t *loop, int timer, void *ctx)
{
    struct lk_client *client = ctx;

    (void)loop;
    (void)timer;
    lk_client_line_tick(client);
    if (!client->failed && client->handler.tick)
        client->handler.tick(client->handler.ctx, client);
    return lk_client_verdict(client);
}

static int on_signal(zloop_t *loop, zmq_pollitem_t *item, void *ctx)
{
    struct lk_client        *client = ctx;
    struct signalfd_siginfo  info;
    struct lk_client_handler h = client->handler;

    (void)loop;
    (void)item;
    if (read(client->signal_fd, &info, sizeof(info)) != sizeof(info))
        return 0;
    if (info.ssi_signo == SIGWINCH) {
        if (h.resized)
            h.resized(h.ctx);
    } else if (h.interrupted) {
        h.interrupted(h.ctx, client);
    } else {
        struct lk_err err;

        lk_err_set(&err, LK_ERR_NONE, "interrupted");
        lk_client_fail(client, &err);
    }
    return lk_client_verdict(client);
}

static int open_signals(struct lk_client *client, struct lk_err *err)
{
    sigset_t         set;
    struct sigaction hangup;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGWINCH);
    /* A terminal that is closed; under nohup it is ignored, which blocking would undo. */
    if (sigaction(SIGHUP, NULL, &hangup) == 0 && hangup.sa_handler != SIG_IGN)
        sigaddset(&set, SIGHUP);
    /* Before any thread: libzmq's must not take them, and zloop ends on EINTR. */
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return lk_err_sys(err, "blocking signals");
    client->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (client->signal_fd < 0)
        return lk_err_sys(err, "opening a signalfd");
    return 0;
}

static int find_coordinator(struct lk_client *client, const struct lk_target *target,
                            struct lk_err *err)
{
    bool is_local = target->local;

    if (is_local && target->config)
        return lk_err_set(err, LK_ERR_INVALID,
                          "--config names a coordinator and --local says a private one: leave "
                          "one of them out");
    if (!is_local && lk_config_is_absent(target->config, &is_local, err) < 0)
        return -1;
    if (is_local)
        return lk_local_join(&client->local, &client->config, target, err);
    return lk_config_load(&client->config, target->config, err);
}

static int prepare(struct lk_client **out, const struct lk_client_handler *handler,
                   struct lk_err *err)
{
    LK_CLEANUP(lk_client_close) struct lk_client *client = lk_xcalloc(1, sizeof(*client));

    client->handler = *handler;
    client->signal_fd = -1;
    lk_wire_in_init(&client->in);
    if (open_signals(client, err) < 0)
        return -1;
    lk_net_init();
    *out = LK_TAKE(client);
    return 0;
}

static void open_loop(struct lk_client *client)
{
    client->loop = zloop_new();
    lk_assert(client->loop);

    zmq_pollitem_t signals = { .fd = client->signal_fd, .events = ZMQ_POLLIN };

    lk_assert(zloop_poller(client->loop, &signals, on_signal, client) == 0);
    lk_assert(zloop_timer(client->loop, TICK_MS, 0, on_tick, client) >= 0);
}

int lk_client_open(struct lk_client **out, const struct lk_target *target,
                   const struct lk_client_handler *handler, struct lk_err *err)
{
    LK_CLEANUP(lk_client_close) struct lk_client *client = NULL;

    if (prepare(&client, handler, err) < 0 || find_coordinator(client, target, err) < 0)
        return -1;
    open_loop(client);
    *out = LK_TAKE(client);
    return 0;
}

int lk_client_open_at(struct lk_client **out, struct lk_config *lk_take_config,
                      const struct lk_client_handler *handler, struct lk_err *err)
{
    if (prepare(out, handler, err) < 0) {
        lk_config_fini(lk_take_config);
        return -1;
    }
    (*out)->config = *lk_take_config;
    lk_take_config->key = NULL;
    open_loop(*out);
    return 0;
}

bool lk_client_is_local(const struct lk_client *client)
{
    return client->local != NULL;
}

void lk_client_close(struct lk_client **client)
{
    struct lk_client *c = *client;

    if (!c)
        return;
    if (c->state == LINE_READY) {
        lk_wire_Envelope bye = { .session = c->session,
                                 .which_body = lk_wire_Envelope_bye_tag };

        zsock_set_linger(c->sock, 200);
        lk_wire_send(c->sock, &bye, (struct lk_str) { 0 });
    }
    if (c->loop)
        lk_client_line_drop(c);
    zloop_destroy(&c->loop);
    lk_wire_in_fini(&c->in);
    lk_config_fini(&c->config);
    lk_local_leave(&c->local);
    lk_close_fd(&c->signal_fd);
    free(c);
    *client = NULL;
}

int lk_client_run(struct lk_client *client, struct lk_err *err)
{
    client->lost_ms = lk_clock_boot_ms();
    lk_client_line_open(client);
    /* zloop also ends when a system call was interrupted: only our own flags count. */
    while (lk_client_verdict(client) == 0)
        zloop_start(client->loop);
    if (!client->failed)
        return 0;
    *err = client->failure;
    return -1;
}

void lk_client_stop(struct lk_client *client)
{
    client->stopped = true;
}

uint64_t lk_client_ask(struct lk_client *client, lk_wire_Envelope *envelope)
{
    struct lk_err err;

    envelope->session = client->session;
    envelope->request = ++client->last_request;
    if (client->outbox_count == LK_CLIENT_OUTBOX_MAX) {
        lk_err_set(&err, LK_ERR_LIMIT, "the coordinator takes none of %d messages",
                   LK_CLIENT_OUTBOX_MAX);
        lk_client_fail(client, &err);
        return envelope->request;
    }
    client->outbox[client->outbox_count++] = *envelope;
    lk_client_line_send(client);
    return envelope->request;
}

void lk_client_wake(struct lk_client *client)
{
    lk_client_line_send(client);
}

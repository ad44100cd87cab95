#include "common/net/sock.h"

#include "common/base/limits.h"
#include "common/base/str.h"

#include <errno.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

/* ZMQ_ZAP_ENFORCE_DOMAIN is a draft name that Debian's zmq.h lacks; the option itself works in 4.3.4. */
#define ZAP_ENFORCE_DOMAIN 93

/*
 * A line's socket is replaced whenever it falls silent, and ZeroMQ frees a closed one's place in its
 * own time: more room than sockets in use at once.
 */
#define SOCKETS_MAX 256

/* czmq reads a dozen ZSYS_ variables: an environment could lift message sizes or high-water marks. */
static void unset_czmq_variables(void)
{
    static const char prefix[] = "ZSYS_";

    for (size_t i = 0; environ[i];) {
        struct lk_str name;
        struct lk_str value;
        if (strncmp(environ[i], prefix, sizeof(prefix) - 1) == 0 &&
            lk_str_split(lk_str_of(environ[i]), '=', &name, &value)) {
            char text[64];
            if (lk_str_copy(text, sizeof(text), name) && unsetenv(text) == 0)
                continue; /* unsetenv moved the next one here */
        }
        i++;
    }
}

void lk_net_init(void)
{
    static bool is_done;

    if (is_done)
        return; /* czmq ends a process that sets its threads while a socket is open */
    is_done = true;
    unset_czmq_variables();
    lk_assert(sodium_init() >= 0); /* before there are threads */
    zsys_handler_set(NULL);        /* or czmq takes SIGINT and SIGTERM for itself */
    signal(SIGPIPE, SIG_IGN);

    void *context = zsys_init();
    lk_assert(context);
    zsys_set_io_threads(1);
    zsys_set_max_sockets(SOCKETS_MAX);
    zmq_ctx_set(context, ZMQ_BLOCKY, 0);
}

struct option {
    int         name;
    int         value;
    const char *label;
};

#define OPTION(name, value)      \
    {                            \
        ZMQ_##name, value, #name \
    }

static const struct option common_options[] = {
    OPTION(SNDHWM,
           64), /* a thousand (the default) x peers x size is gigabytes; flow is by credit */
    OPTION(RCVHWM, 64),
    OPTION(SNDTIMEO, 0), /* with ROUTER_MANDATORY one slow peer would block the loop */
    OPTION(RCVTIMEO, 0),
    OPTION(LINGER, 0), /* who needs an answer waits for it */
    OPTION(HEARTBEAT_IVL,
           0), /* PING says that the program lives, a ZMTP beat only its I/O thread */
    OPTION(TCP_KEEPALIVE, 1),
    OPTION(TCP_KEEPALIVE_IDLE, 30),
    OPTION(TCP_KEEPALIVE_INTVL, 10),
    OPTION(TCP_KEEPALIVE_CNT, 3),
    OPTION(TCP_MAXRT, 20000), /* unacknowledged data fails before a lease ends */
    OPTION(IPV6, 1),
};

static const struct option door_options[] = {
    OPTION(ROUTER_MANDATORY, 1), /* else what cannot be sent is dropped without a word */
    OPTION(ROUTER_HANDOVER, 0),  /* else a peer takes another's place by naming its id */
    OPTION(HANDSHAKE_IVL, 5000), /* strangers hold a descriptor no longer than this */
    OPTION(BACKLOG, 256),
    OPTION(CURVE_SERVER, 1),
    { ZAP_ENFORCE_DOMAIN, 1,
      "ZAP_ENFORCE_DOMAIN" }, /* else no ZAP handler means an open door */
};

static const struct option line_options[] = {
    OPTION(HANDSHAKE_IVL, 10000), OPTION(CONNECT_TIMEOUT, 10000),
    OPTION(RECONNECT_IVL, 500),   OPTION(RECONNECT_IVL_MAX, 30000),
    OPTION(IMMEDIATE, 1), /* queue nothing for a connection that does not exist */
};

static int set_options(zsock_t *sock, const struct option *options, size_t count,
                       struct lk_err *err)
{
    for (size_t i = 0; i < count; i++)
        if (zmq_setsockopt(zsock_resolve(sock), options[i].name, &options[i].value,
                           sizeof(options[i].value)) < 0)
            return lk_err_sys(err, "setting the socket option %s", options[i].label);
    return 0;
}

static int set_common(zsock_t *sock, struct lk_err *err)
{
    /* Without it a stranger allocates our memory before the handshake. */
    int64_t frame_max = LK_WIRE_FRAME_MAX;

    if (zmq_setsockopt(zsock_resolve(sock), ZMQ_MAXMSGSIZE, &frame_max, sizeof(frame_max)) < 0)
        return lk_err_sys(err, "setting the socket option MAXMSGSIZE");
    return set_options(sock, common_options, LK_COUNT(common_options), err);
}

static int set_text(zsock_t *sock, int name, const char *text, struct lk_err *err)
{
    if (zmq_setsockopt(zsock_resolve(sock), name, text, strlen(text)) < 0)
        return lk_err_sys(err, "setting a key or domain (option %d) of a socket", name);
    return 0;
}

static int last_endpoint(zsock_t *sock, char **bound, struct lk_err *err)
{
    char   endpoint[1024];
    size_t size = sizeof(endpoint);

    if (zmq_getsockopt(zsock_resolve(sock), ZMQ_LAST_ENDPOINT, endpoint, &size) < 0)
        return lk_err_sys(err, "asking where a socket is bound");
    *bound = lk_xstrdup(endpoint);
    return 0;
}

static int bad_endpoint(struct lk_err *err, const char *what, const char *endpoint)
{
    int code = errno;

    return lk_err_set(err, code == EINVAL ? LK_ERR_INVALID : LK_ERR_PERMANENT,
                      "%s %s: %s; endpoints look like tcp://host:port or ipc:///path", what,
                      endpoint, zmq_strerror(code));
}

int lk_sock_open_door(zsock_t **out, const char *endpoint, const struct lk_curve_pair *self,
                      const char *domain, char **bound, struct lk_err *err)
{
    LK_CLEANUP(zsock_destroy) zsock_t *sock = zsock_new(ZMQ_ROUTER);

    if (!sock)
        return lk_err_sys(err, "making a socket");
    if (set_common(sock, err) < 0 ||
        set_options(sock, door_options, LK_COUNT(door_options), err) < 0 ||
        set_text(sock, ZMQ_CURVE_SECRETKEY, lk_curve_secret_of(self), err) < 0 ||
        set_text(sock, ZMQ_ZAP_DOMAIN, domain, err) < 0)
        return -1;
    if (zmq_bind(zsock_resolve(sock), endpoint) < 0)
        return bad_endpoint(err, "binding", endpoint);
    if (bound && last_endpoint(sock, bound, err) < 0)
        return -1;
    *out = LK_TAKE(sock);
    return 0;
}

int lk_sock_open_line(zsock_t **out, const char *endpoint, const struct lk_curve_pair *self,
                      const struct lk_curve_public *server, struct lk_err *err)
{
    LK_CLEANUP(zsock_destroy) zsock_t *sock = zsock_new(ZMQ_DEALER);

    if (!sock)
        return lk_err_sys(err, "making a socket");
    if (set_common(sock, err) < 0 ||
        set_options(sock, line_options, LK_COUNT(line_options), err) < 0 ||
        set_text(sock, ZMQ_CURVE_SERVERKEY, server->z85, err) < 0 ||
        set_text(sock, ZMQ_CURVE_PUBLICKEY, lk_curve_public_of(self)->z85, err) < 0 ||
        set_text(sock, ZMQ_CURVE_SECRETKEY, lk_curve_secret_of(self), err) < 0)
        return -1;
    if (zmq_connect(zsock_resolve(sock), endpoint) < 0)
        return bad_endpoint(err, "connecting to", endpoint);
    *out = LK_TAKE(sock);
    return 0;
}

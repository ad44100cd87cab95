#include "common/net/zap.h"

#include <czmq.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

/* rfc.zeromq.org/spec/27: version, request id, domain, address, identity, mechanism, credentials. */
#define ZAP_ENDPOINT  "inproc://zeromq.zap.01"
#define REQUEST_PARTS 7
#define PART_MAX      255
#define KEY_BYTES     32
#define DOMAIN_SIZE   16

struct entry {
    char                   domain[DOMAIN_SIZE];
    struct lk_curve_public key;
};

struct lk_zap {
    zactor_t            *actor;
    bool                 bound; /* told by the actor before it says that it has begun */
    pthread_mutex_t      lock;  /* guards what follows up to `known` */
    struct entry        *entries;
    size_t               count;
    bool                 known; /* lk_zap_set was called: before that nobody can be judged */
    atomic_uint_fast64_t refused;
};

struct part {
    uint8_t bytes[PART_MAX];
    size_t  len;
};

struct request {
    struct part route;
    struct part parts[REQUEST_PARTS];
};

/* Reads one frame; -1 if it is too long.  `*more` says whether another follows. */
static int receive_part(void *sock, struct part *part, bool *more)
{
    zmq_msg_t frame;
    int       result = -1;

    zmq_msg_init(&frame);
    *more = false;
    if (zmq_msg_recv(&frame, sock, 0) >= 0) {
        *more = zmq_msg_more(&frame);
        part->len = zmq_msg_size(&frame);
        if (part->len <= PART_MAX) {
            memcpy(part->bytes, zmq_msg_data(&frame), part->len);
            result = 0;
        }
    }
    zmq_msg_close(&frame);
    return result;
}

/* True if a whole and well-formed request was read.  Whatever was wrong with one, it is gone afterwards. */
static bool receive_request(void *sock, struct request *request)
{
    struct part unused;
    bool        more;
    bool        good = receive_part(sock, &request->route, &more) == 0;

    good = more && receive_part(sock, &unused, &more) == 0 && good && unused.len == 0;
    for (size_t i = 0; i < REQUEST_PARTS; i++)
        good = more && receive_part(sock, &request->parts[i], &more) == 0 && good;
    while (more) {
        good = false;
        receive_part(sock, &unused, &more);
    }
    return good;
}

static bool part_is(const struct part *part, const char *text)
{
    return part->len == strlen(text) && memcmp(part->bytes, text, part->len) == 0;
}

/* A request about which something true can be said: our version, CURVE, a key. */
static bool can_be_judged(const struct request *request)
{
    return part_is(&request->parts[0], "1.0") && part_is(&request->parts[5], "CURVE") &&
           request->parts[6].len == KEY_BYTES;
}

enum verdict { SILENCE, ADMIT, REFUSE };

static enum verdict judge(struct lk_zap *zap, const struct part *domain,
                          const struct lk_curve_public *key)
{
    enum verdict verdict = REFUSE;

    pthread_mutex_lock(&zap->lock);
    for (size_t i = 0; i < zap->count && verdict == REFUSE; i++)
        if (part_is(domain, zap->entries[i].domain) &&
            strcmp(zap->entries[i].key.z85, key->z85) == 0)
            verdict = ADMIT;
    if (!zap->known)
        verdict = SILENCE;
    pthread_mutex_unlock(&zap->lock);
    return verdict;
}

static void send_answer(void *sock, const struct request *request, const char *status,
                        const char *text, const char *user_id)
{
    const struct part *id = &request->parts[1];

    zmq_send(sock, request->route.bytes, request->route.len, ZMQ_SNDMORE);
    zmq_send(sock, "", 0, ZMQ_SNDMORE);
    zmq_send(sock, "1.0", 3, ZMQ_SNDMORE);
    zmq_send(sock, id->bytes, id->len, ZMQ_SNDMORE);
    zmq_send(sock, status, strlen(status), ZMQ_SNDMORE);
    zmq_send(sock, text, strlen(text), ZMQ_SNDMORE);
    zmq_send(sock, user_id, strlen(user_id), ZMQ_SNDMORE);
    zmq_send(sock, "", 0, 0);
}

static void answer(struct lk_zap *zap, void *sock)
{
    struct request         request;
    struct lk_curve_public key;

    if (!receive_request(sock, &request) || !can_be_judged(&request) ||
        !zmq_z85_encode(key.z85, request.parts[6].bytes, KEY_BYTES))
        return;
    switch (judge(zap, &request.parts[2], &key)) {
    case SILENCE: return;
    case ADMIT: send_answer(sock, &request, "200", "OK", key.z85); return;
    case REFUSE:
        atomic_fetch_add(&zap->refused, 1);
        send_answer(sock, &request, "400", "unknown key", "");
        return;
    }
}

/* A ROUTER, not a REP: a REP that leaves one request unanswered cannot read the next. */
static void run(zsock_t *pipe, void *argument)
{
    struct lk_zap *zap = argument;
    zsock_t       *sock = zsock_new(ZMQ_ROUTER);
    int            bound = zmq_bind(zsock_resolve(sock), ZAP_ENDPOINT);
    zmq_pollitem_t items[] = {
        { zsock_resolve(pipe), 0, ZMQ_POLLIN, 0 },
        { zsock_resolve(sock), 0, ZMQ_POLLIN, 0 },
    };

    zap->bound = bound == 0;
    zsock_signal(pipe, 0);
    while (zap->bound) {
        if (zmq_poll(items, (int)LK_COUNT(items), -1) < 0 && zmq_errno() != EINTR)
            break;
        if (items[0].revents) /* the only thing ever sent is $TERM */
            break;
        if (items[1].revents)
            answer(zap, zsock_resolve(sock));
    }
    /* Closing gives the name back only later, on another thread; the next handler needs it at once. */
    if (bound == 0)
        zmq_unbind(zsock_resolve(sock), ZAP_ENDPOINT);
    zsock_destroy(&sock);
}

int lk_zap_start(struct lk_zap **out, struct lk_err *err)
{
    LK_CLEANUP(lk_zap_free) struct lk_zap *zap = lk_xcalloc(1, sizeof(*zap));

    pthread_mutex_init(&zap->lock, NULL);
    atomic_init(&zap->refused, 0);
    zap->actor = zactor_new(run, zap);
    if (!zap->bound)
        return lk_err_set(err, LK_ERR_CONFLICT,
                          "starting the handler that admits peers: there is one already");
    *out = LK_TAKE(zap);
    return 0;
}

void lk_zap_free(struct lk_zap **zap)
{
    if (!*zap)
        return;
    zactor_destroy(&(*zap)->actor);
    pthread_mutex_destroy(&(*zap)->lock);
    free((*zap)->entries);
    free(*zap);
    *zap = NULL;
}

void lk_zap_set(struct lk_zap *zap, const struct lk_zap_entry *entries, size_t count)
{
    struct entry *copies = lk_xcalloc(count + 1, sizeof(*copies));

    for (size_t i = 0; i < count; i++) {
        lk_assert(lk_copy_text(copies[i].domain, DOMAIN_SIZE, entries[i].domain));
        copies[i].key = entries[i].key;
    }
    pthread_mutex_lock(&zap->lock);
    struct entry *old = zap->entries;
    zap->entries = copies;
    zap->count = count;
    zap->known = true;
    pthread_mutex_unlock(&zap->lock);
    free(old);
}

uint64_t lk_zap_refused(struct lk_zap *zap)
{
    return atomic_load(&zap->refused);
}

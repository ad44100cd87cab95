#include "coordinator/sign/signd.h"

#include "common/log/log.h"
#include "common/os/clock.h"
#include "coordinator/sign/exchange.h"
#include "coordinator/sign/line.h"
#include "coordinator/sign/passphrase.h"
#include "coordinator/sign/policy.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define PATIENCE_MS 5000
#define BACKLOG     64

static int open_keys(struct lk_signd *signd, struct lk_err *err)
{
    const struct lk_signd_config *config = signd->config;
    LK_CLEANUP(lk_passphrase_wipe)
    struct lk_buf                     passphrase = LK_BUF_INIT(LK_PASSPHRASE_BYTES_MAX);
    LK_CLEANUP(lk_free_pointer) char *what = lk_xasprintf("the signing key %s", config->key);
    const struct lk_passphrase_source source = { config->passphrase_fd,
                                                 config->passphrase_file,
                                                 "signing.passphrase",
                                                 "COSIGN_PASSWORD",
                                                 "",
                                                 what };

    if (lk_passphrase_read(&passphrase, &source, err) < 0 ||
        lk_signer_open(&signd->signer, config->key, lk_passphrase_line(&passphrase), err) < 0)
        return -1;
    return config->second_key[0] ? lk_signer_add(signd->signer, config->second_key,
                                                 lk_passphrase_line(&passphrase), err)
                                 : 0;
}

/* What a process that was killed has left. */
static int remove_socket(const struct sockaddr_un *address, struct lk_err *err)
{
    LK_CLEANUP(lk_close_fd) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0)
        return lk_err_set(err, LK_ERR_CONFLICT, "%s: another process listens there",
                          address->sun_path);
    if (errno == ECONNREFUSED)
        unlink(address->sun_path);
    return 0;
}

/* Everybody may knock: who is let in is decided by his credentials. */
static int open_socket(struct lk_signd *signd, struct lk_err *err)
{
    LK_CLEANUP(lk_close_fd)
    int                fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    lk_copy_text(address.sun_path, sizeof(address.sun_path), signd->config->socket);
    if (remove_socket(&address, err) < 0)
        return -1;
    if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
        return lk_err_sys(err, "listening at %s", address.sun_path);
    signd->socket = fd;
    fd = -1;
    return chmod(address.sun_path, 0666) < 0 || listen(signd->socket, BACKLOG) < 0
               ? lk_err_sys(err, "listening at %s", address.sun_path)
               : 0;
}

int lk_signd_open(struct lk_signd *out, const struct lk_signd_config *config,
                  struct lk_err *err)
{
    *out = (struct lk_signd) { .config = config, .socket = -1 };
    return open_keys(out, err) < 0 || lk_record_open(&out->record, config->record, err) < 0
               ? -1
               : open_socket(out, err);
}

static void release(struct lk_signd_peer *peer)
{
    lk_close_fd(&peer->fd);
    lk_buf_fini(&peer->line);
}

void lk_signd_close(struct lk_signd *signd)
{
    for (size_t i = 0; i < signd->peer_count; i++)
        release(&signd->peers[i]);
    signd->peer_count = 0;
    if (signd->socket >= 0)
        unlink(signd->config->socket);
    lk_close_fd(&signd->socket);
    lk_record_close(&signd->record);
    lk_signer_close(&signd->signer);
}

static int check_peer(const struct lk_signd *signd, int fd, uid_t *uid, struct lk_err *err)
{
    struct ucred peer;
    socklen_t    size = sizeof(peer);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
        return lk_err_sys(err, "looking who is connected");
    *uid = peer.uid;
    for (size_t i = 0; i < signd->config->user_count; i++)
        if (signd->config->users[i] == peer.uid)
            return 0;
    return lk_err_set(err, LK_ERR_DENIED,
                      "user %u may not ask: `allow` of lkcoord-signd.yml does not name it",
                      (unsigned)peer.uid);
}

static int sign(const struct lk_signd *signd, uid_t uid, struct lk_str line,
                struct lk_buf *answer, struct lk_err *err)
{
    LK_CLEANUP(lk_sign_request_fini) struct lk_sign_request request = { .count = 0 };
    struct lk_signatures                                    signatures;
    const char                                             *names[LK_SIGNED_NAMES_MAX];
    char repository[LK_REPOSITORY_SIZE], digest[LK_DIGEST_TEXT_SIZE];

    if (lk_sign_request_read(&request, line, err) < 0 ||
        lk_policy_check(signd->config, &request, repository, err) < 0)
        return -1;
    for (size_t i = 0; i < request.count; i++)
        names[i] = request.names[i];
    if (lk_signer_sign(signd->signer, lk_buf_str(&request.manifest), names, request.count,
                       &signatures, err) < 0 ||
        lk_record_add(signd->record, uid, repository, &signatures, err) < 0)
        return -1;
    lk_digest_format(&signatures.digest, digest);
    lk_log_info("signed", "repository=%s name=%s digest=%s", LK_Q(repository), LK_Q(names[0]),
                digest);
    return lk_sign_answer_write(answer, &signatures, err);
}

static void answer(int fd, struct lk_str line)
{
    struct lk_err err;

    /* It fits into the socket's buffer, where nothing else is. */
    if (lk_line_send(fd, line, lk_clock_boot_ms(), &err) < 0)
        lk_log_warn("answer not taken", "err=%s", LK_Q(err.text));
}

static void refuse(int fd, const struct lk_err *why)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf line = LK_BUF_INIT(LK_SIGN_ANSWER_MAX);

    lk_log_warn("not signed", "err=%s", LK_Q(why->text));
    lk_sign_answer_refuse(&line, why);
    answer(fd, lk_buf_str(&line));
}

static void serve(const struct lk_signd *signd, const struct lk_signd_peer *peer)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf line = LK_BUF_INIT(LK_SIGN_ANSWER_MAX);
    struct lk_err                         err;

    if (sign(signd, peer->uid, lk_buf_str(&peer->line), &line, &err) < 0)
        refuse(peer->fd, &err);
    else
        answer(peer->fd, lk_buf_str(&line));
}

static void let_in(struct lk_signd *signd)
{
    LK_CLEANUP(lk_close_fd)
    int           fd = accept4(signd->socket, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    struct lk_err err;
    uid_t         uid = 0;

    if (fd < 0)
        return;
    if (check_peer(signd, fd, &uid, &err) < 0) {
        refuse(fd, &err);
        return;
    }
    signd->peers[signd->peer_count++] =
        (struct lk_signd_peer) { fd, uid, lk_clock_boot_ms() + PATIENCE_MS,
                                 LK_BUF_INIT(LK_SIGN_REQUEST_MAX) };
    fd = -1;
}

/* True once it is done with, in whatever way. */
static bool hear(const struct lk_signd *signd, struct lk_signd_peer *peer, bool is_ready)
{
    struct lk_err err;
    bool          is_whole = false;

    if (is_ready && lk_line_take(peer->fd, &peer->line, &is_whole, &err) < 0) {
        refuse(peer->fd, &err);
        return true;
    }
    if (is_whole) {
        serve(signd, peer);
        return true;
    }
    if (lk_clock_boot_ms() < peer->until_ms)
        return false;
    lk_err_set(&err, LK_ERR_RETRY, "the request is not whole after %d s", PATIENCE_MS / 1000);
    refuse(peer->fd, &err);
    return true;
}

/* -1: nobody is being waited for.  They came in the order in which their time ends. */
static int time_left(const struct lk_signd *signd)
{
    int64_t left = signd->peer_count ? signd->peers[0].until_ms - lk_clock_boot_ms() : -1;

    return signd->peer_count && left < 0 ? 0 : (int)left;
}

static void hear_all(struct lk_signd *signd, const struct pollfd *ready)
{
    size_t kept = 0;

    for (size_t i = 0; i < signd->peer_count; i++)
        if (hear(signd, &signd->peers[i], ready[i].revents != 0))
            release(&signd->peers[i]);
        else
            signd->peers[kept++] = signd->peers[i];
    signd->peer_count = kept;
}

int lk_signd_run(struct lk_signd *signd, int stop_fd, struct lk_err *err)
{
    struct pollfd ready[2 + LK_SIGND_PEERS_MAX];

    lk_log_info("ready", "path=%s", LK_Q(signd->config->socket));
    for (;;) {
        bool is_full = signd->peer_count == LK_SIGND_PEERS_MAX;
        ready[0] = (struct pollfd) { .fd = stop_fd, .events = POLLIN };
        ready[1] = (struct pollfd) { .fd = is_full ? -1 : signd->socket, .events = POLLIN };
        for (size_t i = 0; i < signd->peer_count; i++)
            ready[2 + i] = (struct pollfd) { .fd = signd->peers[i].fd, .events = POLLIN };
        if (poll(ready, 2 + signd->peer_count, time_left(signd)) < 0 && errno != EINTR)
            return lk_err_sys(err, "waiting for requests");
        if (ready[0].revents)
            return 0;
        hear_all(signd, ready + 2);
        if (ready[1].revents)
            let_in(signd);
    }
}

#include "common/os/handout.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define PATIENCE_S 5
#define TEXT_MAX   (LK_HANDOUT_NOTE_SIZE + LK_HANDOUT_FILES_MAX * LK_HANDOUT_NAME_SIZE)

/* Room for the descriptors, aligned as the kernel wants it. */
union control {
    struct cmsghdr head;
    char           room[CMSG_SPACE(LK_HANDOUT_FILES_MAX * sizeof(int))];
};

void lk_handout_fini(struct lk_handout *handout)
{
    for (size_t i = 0; i < handout->count; i++)
        lk_close_fd(&handout->fds[i]);
    handout->count = 0;
}

static int open_socket(const char *path, struct sockaddr_un *address, struct lk_err *err)
{
    const struct timeval patience = { .tv_sec = PATIENCE_S };
    int                  fd;

    *address = (struct sockaddr_un) { .sun_family = AF_UNIX };
    if (!lk_copy_text(address->sun_path, sizeof(address->sun_path), path))
        return lk_err_set(err, LK_ERR_INVALID, "%s is too long for the name of a socket", path);
    fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0) {
        lk_err_sys(err, "making a socket");
        lk_close_fd(&fd);
        return -1;
    }
    return fd;
}

int lk_handout_listen(const char *path, struct lk_err *err)
{
    struct sockaddr_un          address;
    LK_CLEANUP(lk_close_fd) int fd = open_socket(path, &address, err);
    int                         listener = fd;

    if (fd < 0)
        return -1;
    if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
        lk_err_sys(err, "making the socket %s", path);
        if (err->sys == EADDRINUSE)
            err->kind = LK_ERR_CONFLICT;
        return -1;
    }
    if (chmod(path, 0600) < 0 || listen(fd, LK_HANDOUT_FILES_MAX) < 0)
        return lk_err_sys(err, "listening on %s", path);
    fd = -1;
    return listener;
}

static bool is_ours(int peer)
{
    struct ucred who;
    socklen_t    size = sizeof(who);

    return getsockopt(peer, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0 && who.uid == geteuid();
}

int lk_handout_accept(int listener, char question[LK_HANDOUT_QUESTION_MAX], size_t *len)
{
    const struct timeval        patience = { .tv_sec = PATIENCE_S };
    LK_CLEANUP(lk_close_fd) int peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    int                         accepted = peer;

    if (peer < 0 || !is_ours(peer) ||
        setsockopt(peer, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0 ||
        setsockopt(peer, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0)
        return -1;

    ssize_t got = recv(peer, question, LK_HANDOUT_QUESTION_MAX, 0);

    if (got <= 0)
        return -1;
    *len = (size_t)got;
    peer = -1;
    return accepted;
}

int lk_handout_give(int peer, const struct lk_handout *handout, struct lk_err *err)
{
    char          text[TEXT_MAX];
    int           len = snprintf(text, sizeof(text), "%s\n", handout->note);
    union control control = { .room = { 0 } };
    struct iovec  part = { .iov_base = text };
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

    for (size_t i = 0; i < handout->count; i++)
        len += snprintf(text + len, sizeof(text) - (size_t)len, "%s\n", handout->names[i]);
    part.iov_len = (size_t)len;
    if (handout->count > 0) {
        message.msg_control = control.room;
        message.msg_controllen = CMSG_SPACE(handout->count * sizeof(int));

        struct cmsghdr *head = CMSG_FIRSTHDR(&message);

        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(handout->count * sizeof(int));
        memcpy(CMSG_DATA(head), handout->fds, handout->count * sizeof(int));
    }
    return sendmsg(peer, &message, MSG_NOSIGNAL) == len ? 0
                                                        : lk_err_sys(err, "handing out files");
}

/* Keeps what came, whether the rest makes sense or not. */
static void take_fds(struct lk_handout *out, struct msghdr *message)
{
    for (struct cmsghdr *head = CMSG_FIRSTHDR(message); head;
         head = CMSG_NXTHDR(message, head)) {
        if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS || out->count > 0)
            continue;
        out->count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        memcpy(out->fds, CMSG_DATA(head), out->count * sizeof(int));
    }
}

static bool take_names(struct lk_handout *out, struct lk_str text)
{
    struct lk_str line;
    size_t        count = 0;

    if (!lk_str_split(text, '\n', &line, &text) ||
        !lk_str_copy(out->note, sizeof(out->note), line))
        return false;
    while (lk_str_split(text, '\n', &line, &text))
        if (count == out->count ||
            !lk_str_copy(out->names[count++], LK_HANDOUT_NAME_SIZE, line))
            return false;
    return count == out->count && text.len == 0;
}

static int receive(int peer, struct lk_handout *out, const char *path, struct lk_err *err)
{
    char          text[TEXT_MAX];
    union control control = { .room = { 0 } };
    struct iovec  part = { .iov_base = text, .iov_len = sizeof(text) };
    struct msghdr message = { .msg_iov = &part,
                              .msg_iovlen = 1,
                              .msg_control = control.room,
                              .msg_controllen = sizeof(control.room) };
    ssize_t       got = recvmsg(peer, &message, MSG_CMSG_CLOEXEC);

    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return lk_err_set(err, LK_ERR_NOT_FOUND, "%s has not answered within %d s", path,
                          PATIENCE_S);
    if (got < 0 && errno != ECONNRESET)
        return lk_err_sys(err, "being handed files by %s", path);
    if (got <= 0)
        return lk_err_set(err, LK_ERR_NOT_FOUND, "%s has nothing to hand out", path);
    take_fds(out, &message);
    if (!(message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) &&
        take_names(out, (struct lk_str) { text, (size_t)got }))
        return 0;
    lk_handout_fini(out);
    return lk_err_set(err, LK_ERR_INVALID, "%s hands out what cannot be understood", path);
}

int lk_handout_ask(struct lk_handout *out, const char *path, struct lk_str question,
                   struct lk_err *err)
{
    struct sockaddr_un          address;
    LK_CLEANUP(lk_close_fd) int peer = open_socket(path, &address, err);

    *out = (struct lk_handout) { .count = 0 };
    if (peer < 0)
        return -1;
    if (connect(peer, (const struct sockaddr *)&address, sizeof(address)) < 0) {
        lk_err_sys(err, "asking %s", path);
        if (errno == ECONNREFUSED || errno == ENOENT || errno == EAGAIN)
            err->kind = LK_ERR_NOT_FOUND;
        return -1;
    }
    if (send(peer, question.data, question.len, MSG_NOSIGNAL) != (ssize_t)question.len)
        return lk_err_set(err, LK_ERR_NOT_FOUND, "%s has gone", path);
    return receive(peer, out, path, err);
}

#include "coordinator/sign/outside.h"

#include "common/os/clock.h"
#include "common/os/spawn.h"
#include "coordinator/sign/exchange.h"
#include "coordinator/sign/line.h"
#include "coordinator/sign/messages.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWER_LIMIT_MS 30000
#define STATUS_LATER    75 /* EX_TEMPFAIL of sysexits.h */

/* Whatever keeps us from it may pass: nothing is known of what it would say. */
static int connect_to(const char *path, struct lk_err *err)
{
    LK_CLEANUP(lk_close_fd)
    int                fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    lk_copy_text(address.sun_path, sizeof(address.sun_path), path);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
        return lk_err_set(err, LK_ERR_RETRY, "cannot be reached: %s; is lkcoord-signd running?",
                          strerror(errno));
    int result = fd;
    fd = -1;
    return result;
}

static int converse(const char *path, struct lk_str request, struct lk_buf *answer,
                    struct lk_err *err)
{
    LK_CLEANUP(lk_close_fd) int fd = connect_to(path, err);
    int64_t                     until_ms = lk_clock_boot_ms() + ANSWER_LIMIT_MS;

    if (fd < 0)
        return -1;
    /* Who is refused at the door is told so, and need not have been listened to. */
    int sent = lk_line_send(fd, request, until_ms, err);
    return lk_line_receive(fd, answer, until_ms, err) < 0 || (sent < 0 && answer->len == 0) ? -1
                                                                                            : 0;
}

int lk_outside_ask_socket(const char *path, struct lk_str manifest, struct lk_signatures *of,
                          struct lk_err *err)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf request = LK_BUF_INIT(LK_SIGN_REQUEST_MAX);
    LK_CLEANUP(lk_buf_fini) struct lk_buf answer = LK_BUF_INIT(LK_SIGN_ANSWER_MAX);
    const char                           *names[LK_SIGNED_NAMES_MAX];

    for (size_t i = 0; i < of->name_count; i++)
        names[i] = of->names[i];
    if (lk_sign_request_write(&request, manifest, names, of->name_count, err) == 0 &&
        converse(path, lk_buf_str(&request), &answer, err) == 0 &&
        lk_sign_answer_read(of, lk_buf_str(&answer), err) == 0 &&
        lk_messages_check(of, err) == 0)
        return 0;
    return lk_err_wrap(err, "the signer at %s", path);
}

static bool read_signature(struct lk_str text, struct lk_signature *out)
{
    struct lk_str line = text, rest;

    lk_str_split(text, '\n', &line, &rest);
    return sodium_base642bin(out->bytes, sizeof(out->bytes), line.data, line.len, " \t\r",
                             &out->len, NULL, sodium_base64_VARIANT_ORIGINAL) == 0;
}

static int run(const char *const *argv, uint32_t limit_ms, struct lk_str message,
               struct lk_signature *out, struct lk_err *err)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf answer = LK_BUF_INIT(1024);
    const struct lk_question              question = { message, limit_ms };
    int                                   status;

    if (lk_ask(argv, &question, &answer, &status, err) < 0) {
        err->kind = LK_ERR_RETRY; /* whatever it is, the program has refused nothing */
        return -1;
    }
    if (status == STATUS_LATER)
        return lk_err_set(err, LK_ERR_RETRY, "it cannot sign now (exit status %d)", status);
    if (status != 0)
        return lk_err_set(err, LK_ERR_DENIED, "it refuses to sign (exit status %d)", status);
    return read_signature(lk_buf_str(&answer), out)
               ? 0
               : lk_err_set(err, LK_ERR_CONFLICT, "it printed no signature in base64");
}

int lk_outside_run(const char *const *argv, uint32_t limit_ms, struct lk_signatures *of,
                   struct lk_err *err)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf message = LK_BUF_INIT(2 * LK_PAYLOAD_MAX);

    for (size_t i = 0; i < lk_messages_count(of); i++)
        if (lk_message_make(&message, of, i, err) < 0 ||
            run(argv, limit_ms, lk_buf_str(&message), lk_message_signature(of, i, 0), err) < 0)
            return lk_err_wrap(err, "the signer %s", argv[0]);
    return lk_messages_check(of, err) < 0 ? lk_err_wrap(err, "the signer %s", argv[0]) : 0;
}

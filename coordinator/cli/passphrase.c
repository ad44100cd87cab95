#include "coordinator/cli/passphrase.h"

#include "common/os/file.h"
#include "coordinator/cli/passphrase_command.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

static int from_file(struct lk_buf *out, const char *file, struct lk_err *err)
{
    if (lk_file_read(file, out, err) < 0)
        return lk_err_wrap(err, "reading the passphrase");
    /* Editors and echo end a file with a line feed, which nobody means as part of the passphrase. */
    while (out->len > 0 && (out->data[out->len - 1] == '\n' || out->data[out->len - 1] == '\r'))
        out->data[--out->len] = '\0';
    return 0;
}

/* -1: a signal came first; it is not taken. */
static int wait_for(int tty, int signals)
{
    struct pollfd fds[] = { { .fd = tty, .events = POLLIN },
                            { .fd = signals, .events = POLLIN } };

    return poll(fds, LK_COUNT(fds), -1) > 0 && !fds[1].revents ? 0 : -1;
}

static int read_line(int tty, int signals, const char *prompt, char line[LK_PASSPHRASE_MAX],
                     struct lk_err *err)
{
    size_t  len = 0;
    ssize_t got;

    if (write(tty, prompt, strlen(prompt)) < 0)
        return lk_err_sys(err, "writing to the terminal");
    do {
        /* An interrupt stays pending until the terminal has its echo back, and then ends us. */
        if (wait_for(tty, signals) < 0)
            return lk_err_set(err, LK_ERR_INVALID, "interrupted while asking for a passphrase");
        got = read(tty, line + len, LK_PASSPHRASE_MAX - 1 - len);
        if (got < 0)
            return lk_err_sys(err, "reading from the terminal");
        len += (size_t)got;
    } while (got > 0 && len < LK_PASSPHRASE_MAX - 1 && line[len - 1] != '\n');
    line[len] = '\0';
    line[strcspn(line, "\r\n")] = '\0';
    return write(tty, "\n", 1) == 1 ? 0 : lk_err_sys(err, "writing to the terminal");
}

static int ask(int tty, int signals, const char *prompt, bool twice, struct lk_buf *out,
               struct lk_err *err)
{
    char first[LK_PASSPHRASE_MAX] = "";
    char second[LK_PASSPHRASE_MAX] = "";
    int  rc = read_line(tty, signals, prompt, first, err);

    if (rc == 0 && twice)
        rc = read_line(tty, signals, "The same again: ", second, err);
    if (rc == 0 && twice && strcmp(first, second) != 0)
        rc = lk_err_set(err, LK_ERR_INVALID, "the two passphrases differ; no key was made");
    if (rc == 0)
        lk_buf_add_text(out, first);
    sodium_memzero(first, sizeof(first));
    sodium_memzero(second, sizeof(second));
    return rc;
}

static int from_terminal(struct lk_buf *out, const char *prompt, bool twice, struct lk_err *err)
{
    LK_CLEANUP(lk_close_fd) int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    LK_CLEANUP(lk_close_fd) int signals = -1;
    struct termios              before;
    sigset_t                    set;
    sigset_t                    mask;

    if (tty < 0 || tcgetattr(tty, &before) < 0)
        return lk_err_set(
            err, LK_ERR_INVALID,
            "a signing key needs a passphrase and there is no terminal to ask on: "
            "set COSIGN_PASSWORD (keys new also takes --passphrase-file FILE)");

    struct termios silent = before;

    silent.c_lflag &= ~(tcflag_t)ECHO;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    signals = signalfd(-1, &set, SFD_CLOEXEC);
    if (signals < 0 || sigprocmask(SIG_BLOCK, &set, &mask) < 0 ||
        tcsetattr(tty, TCSAFLUSH, &silent) < 0)
        return lk_err_sys(err, "switching the terminal's echo off");

    int rc = ask(tty, signals, prompt, twice, out, err);

    tcsetattr(tty, TCSAFLUSH, &before);
    sigprocmask(SIG_SETMASK, &mask, NULL);
    return rc;
}

static int check(const struct lk_buf *passphrase, bool is_new, struct lk_err *err)
{
    if (!lk_buf_ok(passphrase))
        return lk_err_set(err, LK_ERR_INVALID, "a passphrase has at most %d bytes",
                          LK_PASSPHRASE_MAX);
    if (is_new && passphrase->len == 0)
        return lk_err_set(err, LK_ERR_INVALID,
                          "an empty passphrase protects nothing; choose one");
    return 0;
}

/* What was prepared for this; `*found` says whether anything was. */
static int from_environment(struct lk_buf *out, bool *found, struct lk_err *err)
{
    const char *environment = getenv("COSIGN_PASSWORD");

    *found = environment != NULL;
    if (environment)
        lk_buf_add_text(out, environment);
    return environment ? 0 : lk_passphrase_command_run(out, found, err);
}

int lk_passphrase_new(struct lk_buf *out, const char *file, struct lk_err *err)
{
    const char *environment = getenv("COSIGN_PASSWORD");

    if (file) {
        if (from_file(out, file, err) < 0)
            return -1;
    } else if (environment) {
        lk_buf_add_text(out, environment);
    } else if (from_terminal(out, "Passphrase of the new signing key: ", true, err) < 0) {
        return -1;
    }
    return check(out, true, err);
}

int lk_passphrase_change(struct lk_buf *out, struct lk_err *err)
{
    return from_terminal(out, "New passphrase: ", true, err) < 0 ? -1 : check(out, true, err);
}

int lk_passphrase_new_local(struct lk_buf *out, struct lk_err *err)
{
    bool found;

    if (from_environment(out, &found, err) < 0)
        return -1;
    return found ? check(out, true, err) : lk_passphrase_new(out, NULL, err);
}

int lk_passphrase_ask(struct lk_buf *out, const char *key, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *prompt = lk_xasprintf("Passphrase of %s: ", key);
    bool                              found;

    if (from_environment(out, &found, err) < 0 ||
        (!found && from_terminal(out, prompt, false, err) < 0))
        return lk_err_wrap(err, "opening %s", key);
    return check(out, false, err);
}

int lk_passphrase_trust(struct lk_buf *out, const char *variable, const char *prompt,
                        bool is_new, struct lk_err *err)
{
    const char *environment = getenv(variable);

    if (environment)
        lk_buf_add_text(out, environment);
    else if (from_terminal(out, prompt, is_new, err) < 0)
        return lk_err_set(err, LK_ERR_INVALID,
                          "%snot known, and there is no terminal to ask on: set %s", prompt,
                          variable);
    return check(out, is_new, err);
}

#include "coordinator/sign/passphrase.h"

#include "common/os/file.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PASSPHRASE_BYTES_MAX 1024

static int read_fd(int fd, struct lk_buf *out, struct lk_err *err)
{
    char    bytes[PASSPHRASE_BYTES_MAX];
    ssize_t got;

    while ((got = read(fd, bytes, sizeof(bytes))) > 0 || (got < 0 && errno == EINTR))
        if (got > 0 && !lk_buf_add(out, bytes, (size_t)got))
            break;
    int result = got < 0 ? lk_err_sys(err, "reading the passphrase from descriptor %d", fd) : 0;
    sodium_memzero(bytes, sizeof(bytes));
    close(fd);
    if (lk_buf_ok(out))
        return result;
    return lk_err_set(err, LK_ERR_LIMIT,
                      "the passphrase from descriptor %d is longer than %d bytes", fd,
                      PASSPHRASE_BYTES_MAX);
}

/* Where a passphrase may be, and what it is for. */
struct source {
    int         fd;
    const char *file;
    const char *variable;
    const char *map; /* of the configuration */
    const char *what;
};

/* Overwritten too: /proc/PID/environ goes on showing the memory of a variable that was taken out. */
static void forget_variable(const char *name)
{
    char *variable = getenv(name);

    if (variable)
        sodium_memzero(variable, strlen(variable));
    unsetenv(name);
}

static int read_source(const struct source *source, struct lk_buf *out, struct lk_err *err)
{
    const char *variable = getenv(source->variable);

    if (source->fd >= 0)
        return read_fd(source->fd, out, err);
    if (source->file[0])
        return lk_file_read_secret(source->file, out, err);
    if (!variable)
        return lk_err_set(
            err, LK_ERR_INVALID,
            "%s needs a passphrase: set %s.passphrase-file or %s.passphrase-fd, or "
            "%s in the environment",
            source->what, source->map, source->map, source->variable);
    return lk_buf_add_text(out, variable)
               ? 0
               : lk_err_set(err, LK_ERR_LIMIT, "%s is too long", source->variable);
}

static int read_passphrase(const struct source *source, struct lk_buf *out, struct lk_err *err)
{
    int result = read_source(source, out, err);

    forget_variable(source->variable);
    return result;
}

/* Files end in a newline that is no part of it. */
static struct lk_str first_line(const struct lk_buf *passphrase)
{
    struct lk_str line = lk_buf_str(passphrase), rest;

    lk_str_split(line, '\n', &line, &rest);
    return line;
}

static void wipe(struct lk_buf *passphrase)
{
    if (passphrase->data)
        sodium_memzero(passphrase->data, passphrase->capacity);
    lk_buf_fini(passphrase);
}

int lk_signer_unlock(struct lk_signer **out, const struct lk_coordinator_config *config,
                     struct lk_err *err)
{
    LK_CLEANUP(wipe) struct lk_buf passphrase = LK_BUF_INIT(PASSPHRASE_BYTES_MAX);
    LK_CLEANUP(lk_free_pointer)
    char               *what = lk_xasprintf("the signing key %s", config->signing_key);
    const struct source source = { config->passphrase_fd, config->passphrase_file,
                                   "COSIGN_PASSWORD", "signing", what };

    if (read_passphrase(&source, &passphrase, err) < 0 ||
        lk_signer_open(out, config->signing_key, first_line(&passphrase), err) < 0)
        return -1;
    return config->second_key[0]
               ? lk_signer_add(*out, config->second_key, first_line(&passphrase), err)
               : 0;
}

int lk_notary_unlock(struct lk_notary_keyring **out, const struct lk_coordinator_config *config,
                     struct lk_err *err)
{
    LK_CLEANUP(wipe) struct lk_buf passphrase = LK_BUF_INIT(PASSPHRASE_BYTES_MAX);
    const struct source source = { config->notary_passphrase_fd, config->notary_passphrase_file,
                                   "DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE", "notary",
                                   "content trust" };

    if (read_passphrase(&source, &passphrase, err) == 0 &&
        lk_notary_keyring_open(out, config->notary_keys, LK_NOTARY_PUBLISHING_KEYS,
                               first_line(&passphrase), err) == 0)
        return 0;
    return lk_err_wrap(err, "opening the keys of content trust");
}

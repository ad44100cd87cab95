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

/* Overwritten too: /proc/PID/environ goes on showing the memory of a variable that was taken out. */
static void forget_variable(void)
{
    char *variable = getenv("COSIGN_PASSWORD");

    if (variable)
        sodium_memzero(variable, strlen(variable));
    unsetenv("COSIGN_PASSWORD");
}

static int read_passphrase(const struct lk_coordinator_config *config, struct lk_buf *out,
                           struct lk_err *err)
{
    const char *variable = getenv("COSIGN_PASSWORD");

    if (config->passphrase_fd >= 0)
        return read_fd(config->passphrase_fd, out, err);
    if (config->passphrase_file[0])
        return lk_file_read_secret(config->passphrase_file, out, err);
    if (!variable)
        return lk_err_set(
            err, LK_ERR_INVALID,
            "the signing key %s needs a passphrase: set signing.passphrase-file or "
            "signing.passphrase-fd, or COSIGN_PASSWORD in the environment",
            config->signing_key);
    return lk_buf_add_text(out, variable)
               ? 0
               : lk_err_set(err, LK_ERR_LIMIT, "COSIGN_PASSWORD is too long");
}

int lk_signer_unlock(struct lk_signer **out, const struct lk_coordinator_config *config,
                     struct lk_err *err)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf passphrase = LK_BUF_INIT(PASSPHRASE_BYTES_MAX);

    int result = read_passphrase(config, &passphrase, err);
    forget_variable();
    if (result == 0) {
        /* The first line: files end in a newline that is no part of it. */
        struct lk_str line = lk_buf_str(&passphrase);
        struct lk_str rest;
        lk_str_split(line, '\n', &line, &rest);
        result = lk_signer_open(out, config->signing_key, line, err);
    }
    if (passphrase.data)
        sodium_memzero(passphrase.data, passphrase.len);
    return result;
}

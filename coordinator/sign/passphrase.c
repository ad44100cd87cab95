#include "coordinator/sign/passphrase.h"

#include "common/os/file.h"
#include "common/os/passphrases.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int read_fd(int fd, struct lk_buf *out, struct lk_err *err)
{
    char    bytes[LK_PASSPHRASE_BYTES_MAX];
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
                      LK_PASSPHRASE_BYTES_MAX);
}

/* Overwritten too: /proc/PID/environ goes on showing the memory of a variable that was taken out. */
static void forget(const char *name)
{
    char *variable = getenv(name);

    if (variable)
        sodium_memzero(variable, strlen(variable));
    unsetenv(name);
}

void lk_passphrase_forget_all(void)
{
    for (size_t i = 0; environ[i];) {
        if (!lk_variable_is_passphrase(environ[i])) {
            i++;
            continue;
        }
        LK_CLEANUP(lk_free_pointer) char *name = lk_xstrdup(environ[i]);
        name[strcspn(name, "=")] = '\0';
        forget(name);
    }
}

/* NULL: systemd gave none with this name. */
static char *credential_path(const char *name)
{
    const char *directory = getenv("CREDENTIALS_DIRECTORY");
    LK_CLEANUP(lk_free_pointer)
    char *path = directory ? lk_xasprintf("%s/%s", directory, name) : NULL;

    return path && access(path, F_OK) == 0 ? LK_TAKE(path) : NULL;
}

static int read_source(const struct lk_passphrase_source *source, struct lk_buf *out,
                       struct lk_err *err)
{
    const char                       *variable = getenv(source->variable);
    LK_CLEANUP(lk_free_pointer) char *credential = credential_path(source->credential);

    if (source->fd >= 0)
        return read_fd(source->fd, out, err);
    if (source->file[0])
        return lk_file_read_secret(source->file, out, err);
    /* It is for this service alone, but its mode may show a group, which is an ACL's mask. */
    if (credential)
        return lk_file_read(credential, out, err);
    if (!variable)
        return lk_err_set(
            err, LK_ERR_INVALID,
            "%s needs a passphrase: set %spassphrase-file or %spassphrase-fd, or %s in the "
            "environment, or give the service the systemd credential %s",
            source->what, source->map, source->map, source->variable, source->credential);
    return lk_buf_add_text(out, variable)
               ? 0
               : lk_err_set(err, LK_ERR_LIMIT, "%s is too long", source->variable);
}

int lk_passphrase_read(struct lk_buf *out, const struct lk_passphrase_source *source,
                       struct lk_err *err)
{
    int result = read_source(source, out, err);

    forget(source->variable);
    return result;
}

struct lk_str lk_passphrase_line(const struct lk_buf *passphrase)
{
    struct lk_str line = lk_buf_str(passphrase), rest;

    lk_str_split(line, '\n', &line, &rest);
    return line;
}

void lk_passphrase_wipe(struct lk_buf *passphrase)
{
    if (passphrase->data)
        sodium_memzero(passphrase->data, passphrase->capacity);
    lk_buf_fini(passphrase);
}

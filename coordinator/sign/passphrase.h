/*
 * passphrase - what opens a service's keys: from a file descriptor, a file, systemd's credential, or a variable, in this
 * order.  The variable is taken out of the environment, so that no child sees it.
 */
#ifndef LK_PASSPHRASE_H
#define LK_PASSPHRASE_H

#include "common/base/buf.h"
#include "common/base/err.h"

#define LK_PASSPHRASE_BYTES_MAX 1024

/* Where it may be, and what it is for. */
struct lk_passphrase_source {
    int         fd;   /* -1: none */
    const char *file; /* "": none */
    const char *credential;
    const char *variable;
    const char *map; /* of the configuration, with its dot */
    const char *what;
};

/* `out` has room for LK_PASSPHRASE_BYTES_MAX. */
int lk_passphrase_read(struct lk_buf *out, const struct lk_passphrase_source *source,
                       struct lk_err *err);

/* Takes all passphrases out of the environment, also those that nobody has asked for. */
void lk_passphrase_forget_all(void);

/* Files end in a newline that is no part of it.  Borrowed. */
struct lk_str lk_passphrase_line(const struct lk_buf *passphrase);

/* For LK_CLEANUP. */
void lk_passphrase_wipe(struct lk_buf *passphrase);

#endif

/*
 * passphrase - where the passphrase of a signing key comes from: a file, else COSIGN_PASSWORD, else (for the
 * key of a private coordinator) LinuxKit's passphrase command, else the terminal with echo off.
 */
#ifndef LK_CLI_PASSPHRASE_H
#define LK_CLI_PASSPHRASE_H

#include "common/base/buf.h"
#include "common/base/err.h"

#define LK_PASSPHRASE_MAX 1024

/* For a new key.  `file` may be NULL.  The caller wipes `out`. */
int lk_passphrase_new(struct lk_buf *out, const char *file, struct lk_err *err);

/* The same, asked for only. */
int lk_passphrase_change(struct lk_buf *out, struct lk_err *err);

/* For a private coordinator's new key, and for that in the file `key`.  The caller wipes `out`. */
int lk_passphrase_new_local(struct lk_buf *out, struct lk_err *err);
int lk_passphrase_ask(struct lk_buf *out, const char *key, struct lk_err *err);

/* For a key of content trust: from this variable, else asked for with this prompt, twice if the key is new. */
int lk_passphrase_trust(struct lk_buf *out, const char *variable, const char *prompt,
                        bool is_new, struct lk_err *err);

#endif

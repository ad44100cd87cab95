/*
 * passphrase - where the passphrase of a signing key comes from: a file, else COSIGN_PASSWORD, else the
 * terminal, asked twice with echo off.
 */
#ifndef LK_CLI_PASSPHRASE_H
#define LK_CLI_PASSPHRASE_H

#include "common/base/buf.h"
#include "common/base/err.h"

#define LK_PASSPHRASE_MAX 1024

/* `file` may be NULL.  The caller wipes `out`. */
int lk_passphrase_new(struct lk_buf *out, const char *file, struct lk_err *err);

#endif

/*
 * keys_signing - what `lkcoord keys` does with signing keys: makes, takes over, shows, and changes a passphrase.
 *
 * `passphrase_file` may be NULL: then COSIGN_PASSWORD, or the terminal is asked.
 */
#ifndef LK_CLI_KEYS_SIGNING_H
#define LK_CLI_KEYS_SIGNING_H

#include "common/base/err.h"

/* `type` may be NULL. */
int lk_keys_new_signing(const char *secret, const char *public, const char *type,
                        const char *passphrase_file, struct lk_err *err);

int lk_keys_import(const char *from, const char *secret, const char *public,
                   const char *passphrase_file, struct lk_err *err);

int lk_keys_print_public(const char *file, const char *passphrase_file, struct lk_err *err);

/* The file is replaced in one step: a crash leaves the old or the new one. */
int lk_keys_change_passphrase(const char *file, const char *passphrase_file,
                              const char *new_passphrase_file, struct lk_err *err);

#endif

/*
 * local_setup - what the private daemons are started with: CURVE keys, two configuration files, and the signing
 * key with its passphrase.  All of it in the directory of local_state.h.
 */
#ifndef LK_CLI_LOCAL_SETUP_H
#define LK_CLI_LOCAL_SETUP_H

#include "common/base/buf.h"
#include "coordinator/cli/config.h"

/* The path of something in the directory, for free(). */
char *lk_local_path(const char *directory, const char *name);

/* New keys for coordinator, agent and clients, in place of those that are there. */
int lk_local_make_keys(const char *directory, struct lk_err *err);

/* What a client is to know of the private coordinator. */
int lk_local_client_config(struct lk_config *out, const char *directory, struct lk_err *err);

/*
 * The signing key's passphrase: COSIGN_PASSWORD, else asked for on the terminal.  Makes the key if there is
 * none and `wanted`.  `*has_key` is false, and `passphrase` empty, where there is none.  The caller wipes it.
 */
int lk_local_unlock(const char *directory, bool wanted, struct lk_buf *passphrase,
                    bool *has_key, struct lk_err *err);

/* Write the daemons' configurations; `signs`: with the signing key, `trust`: and with content trust. */
int lk_local_write_coordinator(const char *directory, bool signs, bool trust,
                               struct lk_err *err);
int lk_local_write_agent(const char *directory, struct lk_err *err);

/*
 * The store of the private agent's builder, as skopeo and podman name it: "[overlay@ROOT+RUNROOT]".  INVALID if the
 * directory's name cannot stand in it.
 */
int lk_local_builder_store(char **out, const char *directory, struct lk_err *err);

/* `binfmt` is the content of /proc/sys/fs/binfmt_misc/NAME: true if it runs programs of `arch` in containers. */
bool lk_local_emulates(struct lk_str binfmt, const char *arch);

#endif

/*
 * secrets - --secret and --ssh: what a build by the private agent may see, and nobody may keep.
 *
 * Values are read before anything else is done, into files in memory, and an environment variable that held one is
 * gone before a daemon is started.  The agent that builds asks this process for them (common/os/handout.h), by a
 * socket in the private coordinator's state, and is given them for specifications of this command only.  So they
 * pass neither the coordinator nor its journal, argv, a log or a disk, and it does not matter who started the daemons.
 * They are given for as long as this process lives.
 *
 * A thread of its own gives them; all functions are for the thread that made it.
 */
#ifndef LK_CLI_SECRETS_H
#define LK_CLI_SECRETS_H

#include "common/pkg/spec.h"
#include "coordinator/cli/command.h"

#define LK_SECRET_BYTES_MAX (500 * 1024) /* docker's */

struct lk_secret_values {
    const char     *ssh;     /* default[=SOCKET] */
    struct lk_words secrets; /* id=ID,src=FILE or id=ID,env=NAME */
};

struct lk_secrets;

/* `*out` stays NULL if there are none. */
int  lk_secrets_read(struct lk_secrets **out, const struct lk_secret_values *values,
                     struct lk_err *err);
void lk_secrets_free(struct lk_secrets **secrets);

/* What the specification has to say of them; and that it, once written, is one of this command's.  NULL: nothing. */
int lk_secrets_mark(const struct lk_secrets *secrets, struct lk_spec *spec, struct lk_err *err);
void lk_secrets_know(struct lk_secrets *secrets, const struct lk_oid *spec_id);

/* From now on they are given.  INVALID if the coordinator is not a private one. */
int lk_secrets_offer(struct lk_secrets *secrets, bool local, struct lk_err *err);

#endif

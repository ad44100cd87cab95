/*
 * secrets - what a build may see and nobody may keep: build secrets, and the socket of somebody's ssh-agent.
 *
 * A private coordinator's clients have them (coordinator/cli/secrets.h), and give them to the agent that builds,
 * past the coordinator: whichever client started the daemons.  Here they are descriptors of files in memory, and no
 * more: it is the jail that reads them.
 */
#ifndef LK_AGENT_SECRETS_H
#define LK_AGENT_SECRETS_H

#include "common/os/handout.h"
#include "common/pkg/spec.h"

struct lk_build_secrets {
    size_t count; /* as many as the specification's, and in its order */
    int    fds
        [LK_SPEC_SECRETS_MAX]; /* owned; each read from its start, none below LK_SPAWN_KEEP_FD_MIN */
    char ssh[LK_HANDOUT_NOTE_SIZE]; /* "": none */
};

static inline bool lk_spec_wants_secrets(const struct lk_spec *spec)
{
    return spec->ssh || spec->secret_count > 0;
}

/*
 * Asks the clients that listen in `directory` ("": this agent has none).  INVALID: not by this agent; DENIED: nobody
 * there has them (any more).  Blocks, seconds at worst.
 */
int  lk_build_secrets_take(struct lk_build_secrets *out, const char *directory,
                           const struct lk_spec *spec, const struct lk_oid *spec_id,
                           struct lk_err *err);
void lk_build_secrets_fini(struct lk_build_secrets *secrets);

#endif

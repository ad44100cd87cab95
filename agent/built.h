/*
 * built - what was built and is not yet at its end, so that the agent's next life goes on with it and builds
 * nothing twice.
 *
 *   STATE/built/JOB-ATTEMPT   "DIGEST LIVES\n" and the offer as it came (an lk.wire.Envelope); the image is in
 *                             the layout in the job's own directory
 *
 * Not in the job's directory, where its builder may write.  What a file says is compared with the layout here; that
 * the layout is whole, lk_image_check() says.
 */
#ifndef LK_AGENT_BUILT_H
#define LK_AGENT_BUILT_H

#include "agent/config.h"
#include "agent/core/effect.h"
#include "agent/state.h"
#include "common/oci/oci.h"
#include "proto/message.h"

/* What an agent dies of must not make it die for ever: so often is a build gone on with. */
#define LK_BUILT_LIVES 3

struct lk_built {
    lk_wire_Offer        offer;
    struct lk_descriptor manifest;
};

struct lk_built_list {
    size_t          count;
    struct lk_built items[LK_AGENT_SLOTS_MAX];
};

/* Written, synced, renamed.  `directory` is STATE/built, `name` the file. */
int  lk_built_note(const char *directory, const char *name, const lk_wire_Offer *offer,
                   const struct lk_digest *manifest, struct lk_err *err);
void lk_built_forget(const char *directory, const char *name);

/* At start: finds what can be gone on with, and removes all other work and notes. */
int lk_built_salvage(struct lk_built_list *out, const struct lk_agent_state *state,
                     const struct lk_agent_config *config, struct lk_err *err);

#endif

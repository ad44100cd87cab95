/*
 * effect - what the core wants done, once the facts of the same step (and all before) are on disk.
 *
 * Every effect may be carried out twice: after a restart the core asks again for what was not answered.  What
 * makes that harmless stands beside each.
 * Text is copied, so an effect outlives the entity that it speaks of.
 */
#ifndef LK_CORE_EFFECT_H
#define LK_CORE_EFFECT_H

#include "coordinator/core/model.h"

enum lk_effect_type {
    LK_EFFECT_ACCEPTED, /* tell the client: this push.  The same request key is the same push */
    LK_EFFECT_ANSWER, /* tell the client: done (err.kind NONE) or refused.  It says no more than that */
    LK_EFFECT_RECEIVE, /* fetch the push's source from that client.  Only objects that are not here */
    LK_EFFECT_OFFER, /* an attempt that the agent has it reports again, an older one it ignores */
    LK_EFFECT_TICKET, /* fetch a ticket and send STAGE.  The newer one is used */
    LK_EFFECT_PERMIT, /* the agent has obeyed this fence, or a higher one: it reports again */
    LK_EFFECT_DROP,   /* what is not there is dropped already */
    /* Answered by PROBED; looks at the source too if `origin` says so.  Reads only. */
    LK_EFFECT_PROBE,
    LK_EFFECT_ACCEPT_CHILD, /* answered by CHILD_CHECKED.  TAG-ARCH is put to the same digest again */
    LK_EFFECT_MERGE, /* answered by MERGED.  The same bytes have the same digest, and are signed once */
    LK_EFFECT_TAG, /* answered by TAGGED.  A tag that names the index already is left alone */
    LK_EFFECT_FORGET, /* the push left the history: its logs may go.  What is gone is gone */
};

struct lk_effect {
    enum lk_effect_type    type;
    uint64_t               session; /* to whom, where it is a message */
    uint64_t               request;
    uint64_t               op;
    uint64_t               push;
    uint64_t               package;
    uint64_t               job;
    uint32_t               attempt;
    struct lk_arch         arch;
    char                   repository[LK_REPOSITORY_SIZE];
    char                   tag[LK_TAG_SIZE];
    struct lk_oid          spec;
    uint64_t               fence;
    int64_t                hold_ms;
    bool                   in_turn;
    bool                   build_only;
    bool                   sign;        /* ACCEPT_CHILD, MERGE; PROBE of what is to be signed */
    bool                   no_arch_tag; /* ACCEPT_CHILD, MERGE, PROBE */
    enum lk_package_origin origin;      /* PROBE */
    struct lk_index_name   from; /* PROBE: the source; ACCEPT_CHILD: whence to copy, or "" */
    bool             expect_tag; /* TAG: it should still name `expected`; false: nothing */
    struct lk_digest expected;
    struct lk_child  child; /* ACCEPT_CHILD: the child; TAG: the index */
    size_t           count; /* MERGE; PROBE: `arches` alone */
    struct lk_arch   arches[LK_FOUND_MAX * 2];
    struct lk_child  children[LK_FOUND_MAX * 2];
    bool             accepted[LK_FOUND_MAX * 2]; /* by an ACCEPT_CHILD of this push */
    enum lk_err_kind kind;                       /* ANSWER */
    char             text[LK_REASON_SIZE];
};

#endif

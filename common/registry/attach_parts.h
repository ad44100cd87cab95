/* attach_parts - for attach*.c only: one attachment while it is made, and its two lists. */
#ifndef LK_ATTACH_PARTS_H
#define LK_ATTACH_PARTS_H

#include "common/registry/attached.h"

#define LK_ATTACH_TRIES_MAX 6 /* while others write the same list */

/* The manifest of the `.sig` tag. */
struct lk_attached_list {
    json_t          *found; /* as read; NULL: nothing, or nothing that is JSON */
    bool             exists;
    json_t          *root;      /* as it is to be */
    bool             is_wanted; /* what was found lacks something of ours */
    struct lk_buf    config;
    struct lk_digest config_sent;
};

/* What refers to the subject. */
struct lk_referrers_list {
    bool    by_api; /* or not yet known */
    json_t *list;
    json_t *root; /* of the tag that stands for the API; NULL: not there */
};

struct lk_attachment {
    const struct lk_descriptor *subject;
    const struct lk_signatures *signatures;
    struct lk_buf               payloads[LK_SIGNED_NAMES_MAX];
    struct lk_bundle            bundles[LK_SIGNING_KEYS_MAX];
    bool                        bundle_is_wanted[LK_SIGNING_KEYS_MAX];
    struct lk_attached_list     attached;
    struct lk_referrers_list    referrers;
    bool                        looked; /* what is wanted is known */
};

bool lk_attachment_is_wanted(const struct lk_attachment *a);
bool lk_bundles_are_wanted(const struct lk_attachment *a);

/* What the list is to be, after what was found (at first: nothing). */
int lk_attached_take(struct lk_attachment *a, struct lk_err *err);

/* The rest are steps: ctx is the attachment. */
int lk_attached_look(void *ctx, struct lk_registry *registry, struct lk_err *err);
int lk_attached_put_config(void *ctx, struct lk_registry *registry, struct lk_err *err);
int lk_attached_settle(void *ctx, struct lk_registry *registry, struct lk_err *err);
int lk_bundles_look(void *ctx, struct lk_registry *registry, struct lk_err *err);
int lk_bundles_settle(void *ctx, struct lk_registry *registry, struct lk_err *err);

/* Between two tries, so that two who write in step get out of it. */
void lk_attach_pause(void);

#endif

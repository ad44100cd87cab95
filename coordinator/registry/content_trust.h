/*
 * content_trust - Docker Content Trust beside the publisher: before it tags an index, the names of index and images
 * are published at the repository's trust server, where the configuration says so.
 *
 * Blocking, on a worker's thread.  Publishing is idempotent.  Keys are behind common/notary/signer.h.
 */
#ifndef LK_CONTENT_TRUST_H
#define LK_CONTENT_TRUST_H

#include "common/notary/signer.h"
#include "coordinator/config.h"
#include "coordinator/registry/publisher.h"

struct lk_content_trust_of {
    const struct lk_coordinator_config *config;
    const struct lk_publisher     *publisher; /* whose login counts at the trust server too */
    const struct lk_notary_signer *signer;
};

/*
 * What is published under `tag` was found to be `found`: takes back that its index is signed if content trust says
 * anything else of it or of an arch tag.  DENIED, with the remedy, if the tag could not be published there.
 */
int lk_content_trust_look(const struct lk_content_trust_of *of, const char *tag,
                          bool has_arch_tags, struct lk_found *found, struct lk_err *err);

/* Publishes `tag` as the index, and each TAG-ARCH as its child. */
int lk_content_trust_publish(const struct lk_content_trust_of *of, const char *tag,
                             bool has_arch_tags, const struct lk_descriptor *index,
                             const struct lk_index *children, struct lk_err *err);

#endif

/*
 * order - which package of a submission is built from which other: it then waits until that one is published.
 *
 * A package needs another if its Dockerfile, outside of comments, or one of its build arguments holds exactly
 * the name under which the other will be published.  Too much waiting does no harm, too little breaks the
 * build, so every word that is such a name counts: FROM, COPY --from, --mount=from=, ARG's defaults alike.
 */
#ifndef LK_CLI_ORDER_H
#define LK_CLI_ORDER_H

#include "common/pkg/spec.h"

/* Calls `each` for all words of the text that may be image names; a Dockerfile's comments are left out. */
void lk_order_words(struct lk_str text, bool                           is_dockerfile,
                    void (*each)(void *ctx, struct lk_str word), void *ctx);

/*
 * Adds to each specification's `after` what it needs of the others.  `dockerfiles` holds a text for each
 * (empty: none).  INVALID for packages that need one another, with their paths.
 */
int lk_order_specs(struct lk_spec *const *specs, const struct lk_str *dockerfiles, size_t count,
                   struct lk_err *err);

#endif

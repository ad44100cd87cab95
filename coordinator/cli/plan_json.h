/*
 * plan_json - a plan as JSON, "lkcoord.plan/v1": what each package is, from git alone, and what would become of
 * each architecture, as far as a coordinator could say.
 *
 *   {"schema":"lkcoord.plan/v1","asked":true,"exit":0,"packages":[PACKAGE...]}
 *
 * PACKAGE  path, reference (ORG/IMAGE:TAG in full), order (1: needs no other of this plan; n: after those below
 *          n), after (references), origin (build, index, arch-tags), from (a reference or null), tree (git id),
 *          dockerfile, network, cache, unsigned (build.yml asks for it), labels and build_args (objects),
 *          extra_sources (texts as in build.yml), depends (target, target_dir, images), state (to do,
 *          nothing to do, refused, failed, unknown), text (the reason of refused and failed), nothing_to_do,
 *          digest (what the tag names now, or null), arches.
 * ARCH     arch, action (build, take from `from`, keep, cannot, unknown), why, emulated (true, false, null: not known), digest.
 *
 * `asked` is false where no coordinator could be asked: then every action is "unknown".  Fields are added, never
 * changed, within v1.
 */
#ifndef LK_CLI_PLAN_JSON_H
#define LK_CLI_PLAN_JSON_H

#include "coordinator/cli/picture.h"
#include "coordinator/cli/submission.h"

/* `picture` may be NULL: nobody was asked. */
void lk_plan_json(struct lk_buf *out, const struct lk_submission *submission,
                  const struct lk_picture *picture);

#endif

/*
 * labels - what LinuxKit writes on every image: where its source is, how it wants to be run, and which tool
 * built it.  linuxkit.md section 4; the tool is lkcoord, so the version is ours.
 */
#ifndef LK_LABELS_H
#define LK_LABELS_H

#include "common/pkg/package.h"

/* The commit that lkcoord was built from, or "unknown". */
extern const char lk_labels_revision[];

/* In the order that LinuxKit's manual shows: source, revision, config, version, revision. */
int lk_labels_add(struct lk_spec *out, const struct lk_package *package, struct lk_err *err);

#endif

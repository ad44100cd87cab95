/*
 * sign_push - signs what a push publishes: each child under its two names, the index under its one.
 *
 * Each digest has its own signature manifest and costs a dozen small requests, one waiting for the other,
 * while the new tag is awaited.  So some digests are signed at once, each thread with a registry connection
 * of its own; the call returns when all have ended.  No two digests are the same, since each child's image
 * config names another architecture: so no two threads write one signature manifest.
 */
#ifndef LK_SIGN_PUSH_H
#define LK_SIGN_PUSH_H

#include "coordinator/registry/publisher.h"

int lk_sign_push(const struct lk_publisher *publisher, const char *tag,
                 const struct lk_index *children, const struct lk_digest *index,
                 struct lk_err *err);

#endif

/*
 * spec - what to build, as one canonical JSON document: made by the client from build.yml, git and its
 * options, named by its git blob id, shipped like any blob, read by coordinator and agents.
 *
 * The same package state and options give the same bytes.  The source tree is named by id; arches are the
 * required set of this push (build.yml's, less --skip-platforms, or just --platforms).
 */
#ifndef LK_SPEC_H
#define LK_SPEC_H

#include "common/base/arch.h"
#include "common/base/buf.h"
#include "common/base/digest.h"
#include "common/base/err.h"
#include "common/base/limits.h"

#define LK_SPEC_PAIRS_MAX 64

struct lk_pair {
    char *name;
    char *value;
};

struct lk_spec {
    char path[LK_PATH_SIZE];             /* as the user gave it; for people */
    char repository[LK_REPOSITORY_SIZE]; /* host[:port]/path, whole (docker.io made explicit) */
    char tag[LK_TAG_SIZE];
    struct lk_oid  tree;                     /* the build context */
    char           dockerfile[LK_PATH_SIZE]; /* below the tree's root */
    bool           network;
    bool           no_cache;
    size_t         arch_count;
    struct lk_arch arches[LK_PACKAGE_ARCHES_MAX]; /* sorted by lk_arch_compare, no twins */
    size_t         label_count;
    struct lk_pair labels[LK_SPEC_PAIRS_MAX]; /* owned; in the order LinuxKit gives them */
    size_t         argument_count;
    struct lk_pair arguments[LK_SPEC_PAIRS_MAX]; /* owned; build arguments */
};

void lk_spec_fini(struct lk_spec *spec);
int  lk_spec_write(const struct lk_spec *spec, struct lk_buf *out, struct lk_err *err);
int  lk_spec_read(struct lk_str bytes, struct lk_spec *out, struct lk_err *err);

/* Adds a copy of a pair; LIMIT when full. */
int lk_spec_add_label(struct lk_spec *spec, const char *name, const char *value,
                      struct lk_err *err);
int lk_spec_add_argument(struct lk_spec *spec, const char *name, const char *value,
                         struct lk_err *err);

#endif

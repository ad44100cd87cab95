/*
 * spec - what to build, as one canonical JSON document: made by the client from build.yml, git and its
 * options, named by its git blob id, shipped like any blob, read by coordinator and agents.
 *
 * The same package state and options give the same bytes.  The source tree is named by id; arches are the
 * required set of this push (build.yml's, less --skip-platforms, or just --platforms).
 *
 * Not every tag is built: a release tag, a copy, a repaired index take images that are in the registry
 * already (`origin`).  Those need no tree and no Dockerfile.
 */
#ifndef LK_SPEC_H
#define LK_SPEC_H

#include "common/base/arch.h"
#include "common/base/buf.h"
#include "common/base/digest.h"
#include "common/base/err.h"
#include "common/base/limits.h"

#define LK_SPEC_PAIRS_MAX   256
#define LK_SPEC_AFTER_MAX   32
#define LK_SPEC_IMAGES_MAX  64
#define LK_SPEC_SECRETS_MAX 16

struct lk_pair {
    char *name;
    char *value;
};

enum lk_origin {
    LK_ORIGIN_BUILD,     /* built from `tree` */
    LK_ORIGIN_INDEX,     /* those of the index `from`, as far as it is trusted */
    LK_ORIGIN_ARCH_TAGS, /* what TAG-ARCH names in the repository itself, as far as it is trusted */
};

struct lk_spec_target {
    char repository[LK_REPOSITORY_SIZE]; /* host[:port]/path */
    char tag[LK_TAG_SIZE];
};

/* build.yml's depends.docker-images: saved into the build context before the build. */
struct lk_spec_depends {
    char target[LK_PATH_SIZE];     /* one archive with all images; "": none */
    char target_dir[LK_PATH_SIZE]; /* or a directory, emptied first, with an archive an image */
    size_t image_count;
    char  *images[LK_SPEC_IMAGES_MAX]; /* owned; as written, each with a digest */
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

    bool                   is_unsigned; /* build.yml says disable-content-trust */
    enum lk_origin         origin;
    struct lk_spec_target  from;        /* of LK_ORIGIN_INDEX */
    size_t                 after_count; /* what must be published first, by the same push */
    struct lk_spec_target *after;       /* owned */
    struct lk_spec_depends depends;
    bool                   ssh; /* private coordinators only; the values travel elsewhere */
    size_t                 secret_count;
    char                  *secrets[LK_SPEC_SECRETS_MAX]; /* owned; ids only */
};

/* As a file's name, and in a builder's options: letters, digits, '.', '_', '-'; no '.' first. */
bool lk_secret_id_is_valid(const char *id);

void lk_spec_fini(struct lk_spec *spec);
int  lk_spec_write(const struct lk_spec *spec, struct lk_buf *out, struct lk_err *err);
int  lk_spec_read(struct lk_str bytes, struct lk_spec *out, struct lk_err *err);

/* Adds a copy of a pair; LIMIT when full. */
int lk_spec_add_label(struct lk_spec *spec, const char *name, const char *value,
                      struct lk_err *err);
int lk_spec_add_argument(struct lk_spec *spec, const char *name, const char *value,
                         struct lk_err *err);
int lk_spec_add_after(struct lk_spec *spec, const char *repository, const char *tag,
                      struct lk_err *err);
int lk_spec_add_image(struct lk_spec *spec, const char *image, struct lk_err *err);
int lk_spec_add_secret(struct lk_spec *spec, const char *id, struct lk_err *err);

/* INVALID, with the field, if the specification is not one that lk_spec_read would take. */
int lk_spec_check(const struct lk_spec *spec, struct lk_err *err);

#endif

/*
 * package - a LinuxKit package on disk: its build.yml, its place in git, its tag.
 *
 * Follows shared semantics of `linuxkit pkg` (README "Where lkcoord differs" lists the differences).
 * Git trouble is an error with git's own advice, never a tag called "latest"; only a hash that is told can do
 * without git, and then gives a tag, but no specification.
 */
#ifndef LK_PACKAGE_H
#define LK_PACKAGE_H

#include "common/base/choice.h"
#include "common/git/group.h"
#include "common/git/repo.h"
#include "common/pkg/build_yml.h"
#include "common/pkg/depends.h"
#include "common/pkg/extra_source.h"
#include "common/pkg/spec.h"

/* All zero: as `linuxkit pkg` without options.  Texts are borrowed; empty ones are as NULL, but for `org`. */
struct lk_package_options {
    const char    *org;  /* NULL: build.yml's, or LINUXKIT_PKG_ORG if that is non-empty */
    const char    *hash; /* NULL: what git says */
    const char    *hash_commit; /* NULL: HEAD, the only one that can be built */
    const char    *hash_path;   /* NULL: the package; else a directory that it lies in */
    const char    *tag;         /* a template; NULL: build.yml's */
    const char    *build_yml;   /* NULL: build.yml; below the package */
    bool           dev;         /* org is the user's name, hash is "dev" */
    bool           force_dirty;
    enum lk_choice network; /* NONE: as build.yml says */
    enum lk_choice cache;
    size_t         default_arch_count; /* for packages that name none; 0: LinuxKit's */
    struct lk_arch default_arches[LK_PACKAGE_ARCHES_MAX];
};

struct lk_package {
    struct lk_build_yml     build;     /* with the options' network, cache and architectures */
    char                   *build_yml; /* owned; its file, absolute and clean */
    struct lk_depends       depends;
    size_t                  source_count;
    struct lk_extra_source *sources; /* owned */
    struct lk_git_repo     *repo;    /* of the directory; for reading objects */
    struct lk_oid           tree;    /* of the directory at HEAD; zero if it cannot be built */
    struct lk_oid           head;    /* commit id */
    int64_t                 head_time_s; /* committer date */
    bool                    dirty;
    char  dirty_example[LK_PATH_SIZE]; /* one path that differs, for the message */
    char  path[LK_PATH_SIZE];          /* as given; for people */
    char *directory;                   /* the same, absolute and clean; owned */
    char  org[LK_REPOSITORY_SIZE];
    char  image[LK_REPOSITORY_SIZE];
    char  hash[LK_TEMPLATE_SIZE]; /* {{.Hash}}: of the tree, or as told; with "-dirty-..." */
    char  tag[LK_TAG_SIZE];       /* what follows ORG/IMAGE: */
};

/* What a command opens while this lives is looked up faster.  Nothing is refused here. */
struct lk_git_group *lk_package_group(const char *const *paths, size_t count);

/* Loads and checks everything that show-tag needs, in LinuxKit's order of checks. */
int  lk_package_open(struct lk_package *out, const char *path,
                     const struct lk_package_options *options, struct lk_err *err);
void lk_package_fini(struct lk_package *package);

/* Makes a path absolute and clean, as text; `*out` is owned. */
int lk_package_absolute_path(const char *path, char **out, struct lk_err *err);

/* Fills a job specification: labels and build arguments of linuxkit.md section 4, arches as in build.yml. */
int lk_package_spec(const struct lk_package *package, struct lk_spec *out, struct lk_err *err);

/* The same without what only a build asks for: names and arches of images that were built before. */
int lk_package_spec_of_images(const struct lk_package *package, struct lk_spec *out,
                              struct lk_err *err);

#endif

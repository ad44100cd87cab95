/*
 * build_yml - a package's build.yml, read as strictly as `linuxkit pkg` reads it.
 *
 * Unknown and duplicate keys and wrong types are refused, all of them at once, with file, line and the
 * nearest known name.  A missing or null field keeps its default; a null list is empty, a null item of a
 * list is not there.  What LinuxKit looks at only when it builds (Dockerfile's path, architectures' names) does
 * not keep a package from having a tag: it is noted in `unbuildable`.
 */
#ifndef LK_BUILD_YML_H
#define LK_BUILD_YML_H

#include "common/base/arch.h"
#include "common/base/err.h"
#include "common/base/limits.h"
#include "common/base/texts.h"

/* As written; checked by depends.h. */
struct lk_docker_images {
    char            from_file[LK_PATH_SIZE];
    char            target[LK_PATH_SIZE];
    char            target_dir[LK_PATH_SIZE];
    struct lk_texts list;
};

struct lk_build_yml {
    char            image[LK_REPOSITORY_SIZE];
    char            org[LK_REPOSITORY_SIZE];  /* default "linuxkit" */
    char            tag[LK_TEMPLATE_SIZE];    /* a template; default "{{.Hash}}" */
    char            dockerfile[LK_PATH_SIZE]; /* default "Dockerfile" */
    char            gitrepo[LK_PATH_SIZE]; /* default "https://github.com/linuxkit/linuxkit" */
    bool            network;
    bool            disable_cache;
    bool            disable_content_trust;
    size_t          arch_count; /* default amd64, arm64, s390x; 0 if the list is empty */
    struct lk_arch  arches[LK_PACKAGE_ARCHES_MAX];
    bool            has_default_arches; /* build.yml says nothing of arches */
    bool            is_built_nowhere; /* "arches: []": nothing else in it matters to a build */
    struct lk_texts extra_sources;    /* "src:dst", as written */
    struct lk_texts build_args;       /* buildArgs, as written */
    char           *config;           /* owned: the label's JSON; NULL if there is none */
    struct lk_docker_images docker_images;

    char unbuildable[LK_ERR_TEXT_MAX]; /* why it has a tag, but cannot be built; "" if it can */
};

/* `name` is what messages call the file.  On failure nothing is left to give back. */
int  lk_build_yml_read(struct lk_str bytes, const char *name, struct lk_build_yml *out,
                       struct lk_err *err);
void lk_build_yml_fini(struct lk_build_yml *build);

/* As text: relative, and without ".." in any place, which is how LinuxKit reads it. */
bool lk_dockerfile_is_inside(const char *path);

#endif

/*
 * arguments - the build arguments of a package, as `linuxkit pkg` gives them.
 *
 * A later argument of the same name takes the earlier one's place: first build.yml's buildArgs, then files given
 * with --build-arg-file.  SOURCE, REVISION, GOPKGVERSION, PKG_HASH and PKG_IMAGE are set unless one of these
 * does.  Values `@lkt:pkg:PATH` and `@lkt:pkgs:GLOB` stand for the names of other packages
 * (argument_packages.h).  Nobody reads arguments who only wants a tag.
 */
#ifndef LK_ARGUMENTS_H
#define LK_ARGUMENTS_H

#include "common/base/texts.h"
#include "common/pkg/package.h"

#define LK_ARGUMENT_FILE_MAX (128 * 1024)

/* build.yml's, then LinuxKit's own. */
int lk_arguments_add(struct lk_spec *out, const struct lk_package *package, struct lk_err *err);

/*
 * Adds "NAME=VALUE" of each line, packages looked up, to `out`, to be used for several packages.  Each line
 * must be one: LinuxKit takes no empty lines and no comments.  `directory` is where paths begin, absolute.
 */
int lk_arguments_read(struct lk_texts *out, struct lk_str lines, const char *directory,
                      struct lk_err *err);
int lk_arguments_read_file(struct lk_texts *out, const char *file, struct lk_err *err);

/* What the files say wins over all that is set already. */
int lk_arguments_override(struct lk_spec *spec, const struct lk_texts *from_files,
                          struct lk_err *err);

#endif

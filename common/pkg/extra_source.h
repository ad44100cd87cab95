/*
 * extra_source - one item of build.yml's extra-sources, "src:dst": what goes into the build context besides the
 * package itself, and into its tag.
 */
#ifndef LK_EXTRA_SOURCE_H
#define LK_EXTRA_SOURCE_H

#include "common/base/err.h"
#include "common/base/str.h"

struct lk_extra_source {
    char *src; /* owned; absolute, clean, links as they are */
    char *dst; /* owned; below the context's top, clean; "" is the top */
};

/*
 * `directory` is the package's, absolute and clean.  LinuxKit takes a destination outside of the context
 * without a word; here it is INVALID.
 */
int  lk_extra_source_parse(struct lk_str text, const char *directory,
                           struct lk_extra_source *out, struct lk_err *err);
void lk_extra_source_fini(struct lk_extra_source *source);

/* Removes "//", "." and ".." from an absolute path as text: links are not looked at.  In place. */
void lk_clean_path(char *path);

#endif

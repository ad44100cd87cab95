/*
 * tag - the text behind the colon of ORG/IMAGE:TAG, and the whole name in full.
 *
 * LinuxKit prints whatever its template gives, and "latest" for nothing.  Here a tag is one that a registry
 * takes, also with "-ARCH" behind it for each architecture.
 */
#ifndef LK_TAG_H
#define LK_TAG_H

#include "common/base/arch.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/base/limits.h"

/* `template` as in template.h. */
int lk_tag_make(const char *template, const char *hash, const struct lk_arch *arches,
                size_t arch_count, char out[LK_TAG_SIZE], struct lk_err *err);

/*
 * Appends "ORG/IMAGE:TAG" as `linuxkit pkg show-tag --canonical` prints it: docker.io/ stands in front of what
 * has two parts and the first is no host.  More than two parts stay as they are.
 */
void lk_tag_add_canonical(const char *name, struct lk_buf *out);

#endif

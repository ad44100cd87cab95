/* names - the names that a package's index and its children are published and signed under. */
#ifndef LK_NAMES_H
#define LK_NAMES_H

#include "common/base/arch.h"
#include "common/base/digest.h"
#include "common/base/err.h"
#include "common/base/limits.h"

struct lk_names {
    char arch_tag[LK_TAG_SIZE];             /* TAG-ARCH */
    char reference[LK_REFERENCE_SIZE];      /* HOST/REPO:TAG */
    char arch_reference[LK_REFERENCE_SIZE]; /* HOST/REPO:TAG-ARCH */
};

/* INVALID if a name gets longer than registries allow. */
int lk_names_make(struct lk_names *out, const char *repository, const char *tag,
                  const struct lk_arch *arch, struct lk_err *err);

#endif

#include "common/registry/names.h"

#include <stdio.h>

static bool fits(int length, size_t size)
{
    return length > 0 && (size_t)length < size;
}

int lk_names_make(struct lk_names *out, const char *repository, const char *tag,
                  const struct lk_arch *arch, struct lk_err *err)
{
    if (!fits(snprintf(out->arch_tag, sizeof(out->arch_tag), "%s-%s", tag, arch->name),
              sizeof(out->arch_tag)) ||
        !fits(snprintf(out->reference, sizeof(out->reference), "%s:%s", repository, tag),
              sizeof(out->reference)) ||
        !fits(snprintf(out->arch_reference, sizeof(out->arch_reference), "%s:%s-%s", repository,
                       tag, arch->name),
              sizeof(out->arch_reference)))
        return lk_err_set(err, LK_ERR_INVALID,
                          "the tag \"%s-%s\" is longer than the %d characters of a tag", tag,
                          arch->name, LK_TAG_SIZE - 1);
    return 0;
}

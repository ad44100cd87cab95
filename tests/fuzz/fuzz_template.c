#include "tests/fuzz/fuzz.h"

#include "common/pkg/tag.h"
#include "common/pkg/template.h"
#include "common/registry/reference.h"

#include <stdlib.h>
#include <string.h>

/* A tag is made or refused with a reason; what is made is legal, and text without actions stays what it is. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char                     hash[] = "0123456789012345678901234567890123456789";
    const struct lk_arch                  arch = { "amd64" };
    struct lk_str                         text = { (const char *)data, size };
    LK_CLEANUP(lk_buf_fini) struct lk_buf out = LK_BUF_INIT(4096);
    char template[4096], tag[LK_TAG_SIZE];
    struct lk_err err = { 0 };

    if (lk_template_expand(text, hash, &out, &err) < 0)
        lk_assert(err.text[0] && (err.kind == LK_ERR_INVALID || err.kind == LK_ERR_LIMIT));
    else if (size >= 2 && !memmem(data, size, "{{", 2))
        lk_assert(lk_str_eq(lk_buf_str(&out), text));
    if (!lk_str_copy(template, sizeof(template), text))
        return 0;
    if (lk_tag_make(template, hash, &arch, 1, tag, &err) == 0)
        lk_assert(lk_tag_is_valid(lk_str_of(tag)) && strlen(tag) + strlen("-amd64") <= 128);
    return 0;
}

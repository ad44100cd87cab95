#include "common/pkg/tag.h"

#include "common/pkg/template.h"
#include "common/registry/reference.h"

#include <string.h>

/* The architecture whose name needs most room; NULL if there is none. */
static const char *longest(const struct lk_arch *arches, size_t count)
{
    const char *found = NULL;

    for (size_t i = 0; i < count; i++)
        if (!found || strlen(arches[i].name) > strlen(found))
            found = arches[i].name;
    return found;
}

static int check(const char *tag, const char *template, const char *arch, struct lk_err *err)
{
    size_t len = strlen(tag) + (arch ? 1 + strlen(arch) : 0);

    if (tag[0] == '\0')
        return lk_err_set(err, LK_ERR_INVALID,
                          "the tag '%.140s' becomes empty; write one with {{.Hash}} in it",
                          template);
    if (strlen(tag) < LK_TAG_SIZE && !lk_tag_is_valid(lk_str_of(tag)))
        return lk_err_set(err, LK_ERR_INVALID,
                          "'%.140s' is not a legal tag: at most 128 letters, digits, '_', '.' "
                          "and '-', not beginning with '.' or '-'",
                          tag);
    if (len >= LK_TAG_SIZE)
        return lk_err_set(err, LK_ERR_INVALID,
                          "the tag '%.40s...' has %zu characters%s%s; 128 are the most allowed",
                          tag, len, arch ? " with the architecture behind it, as in -" : "",
                          arch ? arch : "");
    return 0;
}

int lk_tag_make(const char *template, const char *hash, const struct lk_arch *arches,
                size_t arch_count, char out[LK_TAG_SIZE], struct lk_err *err)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf tag = LK_BUF_INIT(4096);

    if (lk_template_expand(lk_str_of(template), hash, &tag, err) < 0 ||
        check(lk_buf_text(&tag), template, longest(arches, arch_count), err) < 0)
        return -1;
    lk_assert(lk_copy_text(out, LK_TAG_SIZE, lk_buf_text(&tag)));
    return 0;
}

void lk_tag_add_canonical(const char *name, struct lk_buf *out)
{
    struct lk_str first = { 0 }, rest = { 0 };
    bool          two = lk_str_split(lk_str_of(name), '/', &first, &rest);

    if (!two)
        lk_buf_add_text(out, "docker.io/library/");
    else if (!memchr(rest.data, '/', rest.len) && !memchr(first.data, '.', first.len) &&
             !memchr(first.data, ':', first.len) && !lk_str_eq_text(first, "localhost"))
        lk_buf_add_text(out, "docker.io/");
    lk_buf_add_text(out, name);
}

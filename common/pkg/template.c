#include "common/pkg/template.h"

#include <string.h>

/* Go's spaceChars. */
static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void skip(struct lk_str *text, size_t count)
{
    text->data += count;
    text->len -= count;
}

static void skip_space(struct lk_str *text)
{
    while (text->len > 0 && is_space(text->data[0]))
        skip(text, 1);
}

static size_t find(struct lk_str text, const char *what)
{
    size_t      len = strlen(what);
    const char *found = text.len < len ? NULL : memmem(text.data, text.len, what, len);

    return found ? (size_t)(found - text.data) : text.len;
}

/* "}}", or " -}}" with `*trims`. */
static bool take_end(struct lk_str *text, bool *trims)
{
    *trims = text->len >= 4 && is_space(text->data[0]) && memcmp(text->data + 1, "-}}", 3) == 0;
    if (!*trims && !lk_str_starts(*text, "}}"))
        return false;
    skip(text, *trims ? 4 : 2);
    return true;
}

/* Behind the action's beginning: a comment may have no white space at either end. */
static bool take_comment(struct lk_str *text, bool *trims)
{
    size_t end = find(*text, "*/");

    if (end == text->len)
        return false;
    skip(text, end + 2);
    return take_end(text, trims);
}

static bool take_hash(struct lk_str *text, bool *trims)
{
    skip_space(text);
    if (!lk_str_starts(*text, ".Hash"))
        return false;
    skip(text, strlen(".Hash"));
    while (!take_end(text, trims)) {
        if (text->len == 0 || !is_space(text->data[0]))
            return false;
        skip(text, 1);
    }
    return true;
}

static int refuse(struct lk_str text, struct lk_str action, struct lk_err *err)
{
    size_t end = find(action, "}}");
    int    shown = end > 60 ? 60 : (int)end;

    if (end == action.len)
        return lk_err_set(err, LK_ERR_INVALID, "the tag '%.*s' has a {{ without }}",
                          text.len > 100 ? 100 : (int)text.len, text.data);
    return lk_err_set(
        err, LK_ERR_INVALID,
        "the tag's '%.*s}}' is more than a tag may use of a template: {{.Hash}}, with "
        "'{{- ' and ' -}}' to drop the white space around it, and {{/* comments */}}",
        shown, action.data);
}

/* What stands in front of an action. */
static void add_text(struct lk_str text, bool trims, struct lk_buf *out)
{
    while (trims && text.len > 0 && is_space(text.data[text.len - 1]))
        text.len--;
    lk_buf_add_str(out, text);
}

int lk_template_expand(struct lk_str text, const char *hash, struct lk_buf *out,
                       struct lk_err *err)
{
    struct lk_str rest = text;

    for (size_t before; before = find(rest, "{{"), before < rest.len;) {
        struct lk_str action = { rest.data + before, rest.len - before };
        struct lk_str at = { action.data + 2, action.len - 2 };
        bool          trims_before = at.len >= 2 && at.data[0] == '-' && is_space(at.data[1]);
        bool          trims_behind, is_comment, is_known;

        add_text((struct lk_str) { rest.data, before }, trims_before, out);
        if (trims_before)
            skip(&at, 2);
        is_comment = lk_str_starts(at, "/*");
        is_known =
            is_comment ? take_comment(&at, &trims_behind) : take_hash(&at, &trims_behind);
        if (!is_known)
            return refuse(text, action, err);
        if (!is_comment)
            lk_buf_add_text(out, hash);
        if (trims_behind)
            skip_space(&at);
        rest = at;
    }
    lk_buf_add_str(out, rest);
    if (!lk_buf_ok(out))
        return lk_err_set(err, LK_ERR_LIMIT, "the tag becomes longer than %zu characters",
                          out->max);
    return 0;
}

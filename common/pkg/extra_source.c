#include "common/pkg/extra_source.h"

#include <stdlib.h>
#include <string.h>

void lk_clean_path(char *path)
{
    size_t len = 0;

    for (const char *at = path; *at;) {
        const char *part = at + strspn(at, "/");
        size_t      size = strcspn(part, "/");
        at = part + size;
        if (size == 0 || (size == 1 && part[0] == '.'))
            continue;
        if (size == 2 && part[0] == '.' && part[1] == '.') {
            while (len > 0 && path[--len] != '/')
                continue;
            continue;
        }
        path[len++] = '/';
        memmove(path + len, part, size);
        len += size;
    }
    if (len == 0)
        path[len++] = '/';
    path[len] = '\0';
}

/* True if a relative path climbs above where it starts. */
static bool leaves_top(struct lk_str path)
{
    struct lk_str part = path, rest = { 0 };
    long          depth = 0;

    for (; path.len > 0; path = rest) {
        rest = (struct lk_str) { 0 };
        if (!lk_str_split(path, '/', &part, &rest))
            part = path;
        if (lk_str_eq_text(part, ".."))
            depth--;
        else if (part.len > 0 && !lk_str_eq_text(part, "."))
            depth++;
        if (depth < 0)
            return true;
    }
    return false;
}

static char *absolute(const char *directory, struct lk_str path)
{
    bool  joined = !lk_str_starts(path, "/");
    char *whole = lk_xasprintf("%s/" LK_STR_FMT, joined ? directory : "", LK_STR_ARG(path));

    lk_clean_path(whole);
    return whole;
}

int lk_extra_source_parse(struct lk_str text, const char *directory,
                          struct lk_extra_source *out, struct lk_err *err)
{
    struct lk_str src, dst, rest;

    if (!lk_str_split(text, ':', &src, &dst) || lk_str_split(dst, ':', &rest, &rest))
        return lk_err_set(err, LK_ERR_INVALID,
                          "extra source '" LK_STR_FMT
                          "': expected SOURCE:DESTINATION, with one "
                          "colon",
                          LK_STR_ARG(text));
    if (!lk_str_starts(dst, "/") && leaves_top(dst))
        return lk_err_set(err, LK_ERR_INVALID,
                          "extra source '" LK_STR_FMT "': its destination lies outside of the "
                          "build context; write a path below the package",
                          LK_STR_ARG(text));
    LK_CLEANUP(lk_free_pointer) char *below = absolute("", dst);
    out->src = absolute(directory, src);
    out->dst = lk_xstrdup(below + 1);
    return 0;
}

void lk_extra_source_fini(struct lk_extra_source *source)
{
    free(source->src);
    free(source->dst);
    *source = (struct lk_extra_source) { 0 };
}

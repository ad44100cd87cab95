#include "common/pkg/argument_packages.h"

#include "common/pkg/package.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Of other packages that one argument may name. */
#define MATCHES_MAX LK_SPEC_PAIRS_MAX

static void add_pair(struct lk_texts *out, const char *name, const char *value)
{
    LK_CLEANUP(lk_free_pointer) char *pair = lk_xasprintf("%s=%s", name, value);

    lk_texts_add(out, lk_str_of(pair));
}

/* ORG_IMAGE in capitals, where the name has a '%'. */
static char *name_for(struct lk_str name, const char *image)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf whole = LK_BUF_INIT(LK_SPEC_BYTES_MAX);

    for (size_t i = 0; i < name.len; i++) {
        if (name.data[i] != '%') {
            lk_buf_add(&whole, &name.data[i], 1);
            continue;
        }
        for (const char *at = image; *at; at++) {
            char c = *at == '/' || *at == '-' ? '_' : *at;
            if (c >= 'a' && c <= 'z')
                c = (char)(c - 'a' + 'A');
            lk_buf_add(&whole, &c, 1);
        }
    }
    return lk_xstrdup(lk_buf_text(&whole));
}

/* `has_stem`: the name has a '%' that the package's name replaces. */
static int add_package(struct lk_texts *out, struct lk_str name, bool has_stem,
                       const char *path, struct lk_err *err)
{
    const struct lk_package_options               no_options = { 0 };
    LK_CLEANUP(lk_package_fini) struct lk_package package;

    if (lk_package_open(&package, path, &no_options, err) < 0)
        return -1;
    LK_CLEANUP(lk_free_pointer)
    char *image = lk_xasprintf("%s/%s", package.build.org, package.build.image);
    LK_CLEANUP(lk_free_pointer) char *reference = lk_xasprintf("%s:%s", image, package.tag);
    LK_CLEANUP(lk_free_pointer)
    char *whole_name = has_stem ? name_for(name, image) : strndup(name.data, name.len);
    add_pair(out, whole_name, reference);
    return 0;
}

static bool is_package_directory(const char *path)
{
    const char *base = strrchr(path, '/');
    struct stat status;

    return base && base[1] != '.' && stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static int add_matches(struct lk_texts *out, struct lk_str name, const char *pattern,
                       const glob_t *found, struct lk_err *err)
{
    size_t count = 0;

    for (size_t i = 0; i < found->gl_pathc; i++) {
        if (!is_package_directory(found->gl_pathv[i]))
            continue;
        if (++count > MATCHES_MAX)
            return lk_err_set(err, LK_ERR_LIMIT, "more than %d directories match %s",
                              MATCHES_MAX, pattern);
        if (add_package(out, name, true, found->gl_pathv[i], err) < 0)
            return -1;
    }
    if (count == 0)
        return lk_err_set(err, LK_ERR_INVALID, "no package's directory matches %s", pattern);
    return 0;
}

static int add_packages(struct lk_texts *out, struct lk_str name, const char *pattern,
                        struct lk_err *err)
{
    LK_CLEANUP(globfree) glob_t found = { 0 };
    int                         result;

    if (!memchr(name.data, '%', name.len))
        return lk_err_set(err, LK_ERR_INVALID,
                          "the name needs a '%%', in whose place each package's name comes");
    result = glob(pattern, 0, NULL, &found);
    if (result != 0 && result != GLOB_NOMATCH)
        return lk_err_set(err, LK_ERR_PERMANENT, "%s cannot be searched", pattern);
    return add_matches(out, name, pattern, &found, err);
}

/* What of the directory's name would be a pattern is none. */
static char *quote_pattern(const char *directory)
{
    char  *quoted = lk_xmalloc(2 * strlen(directory) + 1);
    size_t len = 0;

    for (const char *at = directory; *at; at++) {
        if (strchr("*?[\\", *at))
            quoted[len++] = '\\';
        quoted[len++] = *at;
    }
    quoted[len] = '\0';
    return quoted;
}

static char *join(const char *directory, const char *path)
{
    char *whole = path[0] == '/' ? lk_xstrdup(path) : lk_xasprintf("%s/%s", directory, path);

    lk_clean_path(whole);
    return whole;
}

static int expand(struct lk_texts *out, struct lk_str name, const char *value,
                  const char *directory, struct lk_err *err)
{
    static const char one[] = "pkg:";
    static const char many[] = "pkgs:";

    if (strncmp(value, one, sizeof(one) - 1) == 0) {
        LK_CLEANUP(lk_free_pointer) char *path = join(directory, value + sizeof(one) - 1);
        return add_package(out, name, false, path, err);
    }
    if (strncmp(value, many, sizeof(many) - 1) == 0) {
        LK_CLEANUP(lk_free_pointer) char *quoted = quote_pattern(directory);
        LK_CLEANUP(lk_free_pointer) char *pattern = join(quoted, value + sizeof(many) - 1);
        return add_packages(out, name, pattern, err);
    }
    return lk_err_set(err, LK_ERR_INVALID,
                      "what begins with @lkt: is @lkt:pkg:PATH or @lkt:pkgs:PATTERN");
}

int lk_argument_expand(struct lk_texts *out, struct lk_str argument, const char *directory,
                       struct lk_err *err)
{
    static const char prefix[] = "@lkt:";
    struct lk_str     name;
    struct lk_str     value;

    if (!lk_str_split(argument, '=', &name, &value))
        return lk_err_set(err, LK_ERR_INVALID, "'%.*s' has no '=': it must be NAME=VALUE",
                          (int)(argument.len < 80 ? argument.len : 80), argument.data);
    if (!lk_str_starts(value, prefix)) {
        lk_texts_add(out, argument);
        return 0;
    }
    LK_CLEANUP(lk_free_pointer) char *text = strndup(value.data, value.len);
    if (expand(out, name, text + sizeof(prefix) - 1, directory, err) == 0)
        return 0;
    return lk_err_wrap(err, "%.*s=%.100s", (int)(name.len < 80 ? name.len : 80), name.data,
                       text);
}

#include "common/pkg/arguments.h"

#include "common/os/file.h"
#include "common/pkg/argument_packages.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct lk_pair *find(struct lk_spec *spec, struct lk_str name)
{
    for (size_t i = 0; i < spec->argument_count; i++)
        if (lk_str_eq_text(name, spec->arguments[i].name))
            return &spec->arguments[i];
    return NULL;
}

/* In the place of one that is there already, else behind all. */
static int set(struct lk_spec *spec, const char *argument, struct lk_err *err)
{
    struct lk_str   name = { 0 };
    struct lk_str   value = { 0 };
    struct lk_pair *there;

    lk_assert(lk_str_split(lk_str_of(argument), '=', &name, &value));
    there = find(spec, name);
    if (there) {
        free(there->value);
        there->value = lk_xstrdup(value.data);
        return 0;
    }
    LK_CLEANUP(lk_free_pointer) char *whole_name = strndup(name.data, name.len);
    if (lk_spec_add_argument(spec, whole_name, value.data, err) == 0)
        return 0;
    if (err->kind != LK_ERR_INVALID)
        return -1;
    return lk_err_set(
        err, LK_ERR_INVALID,
        "its name is empty, begins with '-' or has a blank in it; write NAME=VALUE");
}

static int set_all(struct lk_spec *spec, const struct lk_texts *arguments, struct lk_err *err)
{
    for (size_t i = 0; i < arguments->count; i++)
        if (set(spec, arguments->texts[i], err) < 0)
            return lk_err_wrap(err, "build argument '%.80s'", arguments->texts[i]);
    return 0;
}

/* Go's pseudo-version of HEAD; in local time, because that is how LinuxKit writes it. */
static char *go_version(const struct lk_package *package, const char *revision)
{
    time_t    seconds = (time_t)package->head_time_s;
    struct tm when = { 0 };
    char      stamp[32];

    localtime_r(&seconds, &when);
    strftime(stamp, sizeof(stamp), "%Y%m%d%H%M%S", &when);
    return lk_xasprintf("v0.0.0-%s-%.12s", stamp, revision);
}

static int add_unless_set(struct lk_spec *out, const char *name, const char *value,
                          struct lk_err *err)
{
    return find(out, lk_str_of(name)) ? 0 : lk_spec_add_argument(out, name, value, err);
}

static int add_own(struct lk_spec *out, const struct lk_package *package, struct lk_err *err)
{
    char revision[LK_OID_TEXT_SIZE];

    lk_oid_format(&package->head, revision);
    LK_CLEANUP(lk_free_pointer) char *version = go_version(package, revision);
    LK_CLEANUP(lk_free_pointer)
    char       *image = lk_xasprintf("%s/%s", package->org, package->image);
    const char *source = package->build.gitrepo;

    if (source[0] && add_unless_set(out, "SOURCE", source, err) < 0)
        return -1;
    if (!package->dirty && add_unless_set(out, "REVISION", revision, err) < 0)
        return -1;
    if (add_unless_set(out, "GOPKGVERSION", version, err) < 0 ||
        add_unless_set(out, "PKG_HASH", package->hash, err) < 0)
        return -1;
    return add_unless_set(out, "PKG_IMAGE", image, err);
}

/* file: absolute. */
static char *directory_of(const char *file)
{
    return strndup(file, (size_t)(strrchr(file, '/') - file) + 1);
}

int lk_arguments_add(struct lk_spec *out, const struct lk_package *package, struct lk_err *err)
{
    const struct lk_texts                    *written = &package->build.build_args;
    LK_CLEANUP(lk_texts_fini) struct lk_texts expanded = { 0 };
    LK_CLEANUP(lk_free_pointer) char         *directory = directory_of(package->build_yml);

    for (size_t i = 0; i < written->count; i++)
        if (lk_argument_expand(&expanded, lk_str_of(written->texts[i]), directory, err) < 0)
            return lk_err_wrap(err, "%s: buildArgs", package->path);
    if (set_all(out, &expanded, err) < 0)
        return lk_err_wrap(err, "%s", package->path);
    return add_own(out, package, err);
}

/* What Unicode calls white space goes, as in LinuxKit: text that was copied brings such along. */
static struct lk_str trim(struct lk_str text)
{
    static const char *const blanks[] = {
        " ",      "\t",     "\n",     "\v",     "\f",     "\r",     "\xc2\x85",
        "\u00a0", "\u1680", "\u2000", "\u2001", "\u2002", "\u2003", "\u2004",
        "\u2005", "\u2006", "\u2007", "\u2008", "\u2009", "\u200a", "\u2028",
        "\u2029", "\u202f", "\u205f", "\u3000",
    };
    size_t before;

    do {
        before = text.len;
        for (size_t i = 0; i < LK_COUNT(blanks); i++) {
            size_t len = strlen(blanks[i]);
            if (lk_str_starts(text, blanks[i]))
                text = (struct lk_str) { text.data + len, text.len - len };
            if (lk_str_ends(text, blanks[i]))
                text.len -= len;
        }
    } while (text.len < before);
    return text;
}

/* Names and values of files lose the blanks around them, build.yml's do not. */
static void add_trimmed(struct lk_texts *out, const char *argument)
{
    struct lk_str name = { 0 };
    struct lk_str value = { 0 };

    lk_assert(lk_str_split(lk_str_of(argument), '=', &name, &value));
    name = trim(name);
    value = trim(value);
    LK_CLEANUP(lk_free_pointer)
    char *pair = lk_xasprintf(LK_STR_FMT "=" LK_STR_FMT, LK_STR_ARG(name), LK_STR_ARG(value));
    lk_texts_add(out, lk_str_of(pair));
}

static int read_line(struct lk_texts *out, struct lk_str line, const char *directory,
                     struct lk_err *err)
{
    LK_CLEANUP(lk_texts_fini) struct lk_texts expanded = { 0 };

    line = trim(line);
    if (line.len == 0)
        return lk_err_set(err, LK_ERR_INVALID,
                          "an empty line, which linuxkit does not take either; remove it");
    if (lk_argument_expand(&expanded, line, directory, err) < 0)
        return -1;
    for (size_t i = 0; i < expanded.count; i++)
        add_trimmed(out, expanded.texts[i]);
    return 0;
}

int lk_arguments_read(struct lk_texts *out, struct lk_str lines, const char *directory,
                      struct lk_err *err)
{
    unsigned number = 0;

    if (!lk_str_is_utf8(lines))
        return lk_err_set(err, LK_ERR_INVALID, "not UTF-8 text");
    while (lines.len > 0) {
        struct lk_str line = lines;
        if (!lk_str_split(lines, '\n', &line, &lines))
            lines.len = 0;
        number++;
        if (read_line(out, line, directory, err) < 0)
            return lk_err_wrap(err, "line %u", number);
    }
    return 0;
}

int lk_arguments_read_file(struct lk_texts *out, const char *file, struct lk_err *err)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf bytes = LK_BUF_INIT(LK_ARGUMENT_FILE_MAX);
    LK_CLEANUP(lk_free_pointer) char     *whole = NULL;
    LK_CLEANUP(lk_free_pointer) char     *directory = NULL;

    if (lk_file_read(file, &bytes, err) < 0 || lk_package_absolute_path(file, &whole, err) < 0)
        return lk_err_wrap(err, "--build-arg-file");
    directory = directory_of(whole);
    if (lk_arguments_read(out, lk_buf_str(&bytes), directory, err) == 0)
        return 0;
    return lk_err_wrap(err, "--build-arg-file %s", file);
}

int lk_arguments_override(struct lk_spec *spec, const struct lk_texts *from_files,
                          struct lk_err *err)
{
    if (set_all(spec, from_files, err) == 0)
        return 0;
    return lk_err_wrap(err, "--build-arg-file");
}

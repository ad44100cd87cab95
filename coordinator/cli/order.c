#include "coordinator/cli/order.h"

#include "common/registry/reference.h"

#include <string.h>

/* What may stand in an image's name. */
static bool is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("._-/:@", c));
}

static void each_word_of(struct lk_str line, void (*each)(void *ctx, struct lk_str word),
                         void         *ctx)
{
    size_t at = 0;

    while (at < line.len) {
        size_t from = at;

        while (at < line.len && is_name_byte(line.data[at]))
            at++;
        if (at > from)
            each(ctx, (struct lk_str) { line.data + from, at - from });
        at++;
    }
}

static bool is_comment(struct lk_str line)
{
    size_t at = 0;

    while (at < line.len && (line.data[at] == ' ' || line.data[at] == '\t'))
        at++;
    return at < line.len && line.data[at] == '#';
}

void lk_order_words(struct lk_str text, bool                           is_dockerfile,
                    void (*each)(void *ctx, struct lk_str word), void *ctx)
{
    struct lk_str line;
    bool          more = true;

    while (more) {
        more = lk_str_split(text, '\n', &line, &text);
        if (!more)
            line = text;
        if (!is_dockerfile || !is_comment(line))
            each_word_of(line, each, ctx);
    }
}

struct linking {
    struct lk_spec *const *specs;
    size_t                 count;
    struct lk_spec        *spec; /* whose words are looked at */
    struct lk_err         *err;
    int                    rc;
};

static bool is_after(const struct lk_spec *spec, const struct lk_spec *other)
{
    for (size_t i = 0; i < spec->after_count; i++)
        if (strcmp(spec->after[i].repository, other->repository) == 0 &&
            strcmp(spec->after[i].tag, other->tag) == 0)
            return true;
    return false;
}

static void link_word(void *ctx, struct lk_str word)
{
    struct linking     *linking = ctx;
    struct lk_reference name;
    struct lk_err       ignored;

    if (linking->rc < 0 || !memchr(word.data, ':', word.len) ||
        lk_reference_parse(word, &name, &ignored) < 0 || !name.tag[0])
        return;
    for (size_t i = 0; i < linking->count; i++) {
        const struct lk_spec *other = linking->specs[i];

        if (other != linking->spec && strcmp(name.tag, other->tag) == 0 &&
            strcmp(name.repository, other->repository) == 0 && !is_after(linking->spec, other))
            linking->rc =
                lk_spec_add_after(linking->spec, other->repository, other->tag, linking->err);
    }
}

static void link_arguments(struct linking *linking)
{
    for (size_t i = 0; i < linking->spec->argument_count; i++)
        /* Its own name stands in PKG_IMAGE and PKG_HASH, apart. */
        lk_order_words(lk_str_of(linking->spec->arguments[i].value), false, link_word, linking);
}

/* The first unfinished one that `spec` needs; NULL: none. */
static const struct lk_spec *needed(const struct lk_spec *spec, const struct linking *linking,
                                    const bool *finished)
{
    for (size_t i = 0; i < linking->count; i++)
        if (!finished[i] && is_after(spec, linking->specs[i]))
            return linking->specs[i];
    return NULL;
}

/* Who needs nothing unfinished is finished, row by row; those that remain are in a circle, or behind one. */
static int check_circles(const struct linking *linking)
{
    LK_CLEANUP(lk_free_pointer)
    bool                 *finished = lk_xcalloc(linking->count, sizeof(*finished));
    const struct lk_spec *stuck = NULL, *needs = NULL;
    bool                  moved = true;

    while (moved) {
        moved = false;
        stuck = NULL;
        for (size_t i = 0; i < linking->count; i++) {
            const struct lk_spec *other = needed(linking->specs[i], linking, finished);

            if (finished[i])
                continue;
            finished[i] = !other;
            moved = moved || !other;
            if (other) {
                stuck = linking->specs[i];
                needs = other;
            }
        }
    }
    if (!stuck)
        return 0;
    return lk_err_set(linking->err, LK_ERR_INVALID,
                      "%s needs %s to be published first, and that one, by itself or by way of "
                      "others, needs %s: none can be the first; break the circle",
                      stuck->path, needs->path, stuck->path);
}

int lk_order_specs(struct lk_spec *const *specs, const struct lk_str *dockerfiles, size_t count,
                   struct lk_err *err)
{
    struct linking linking = { .specs = specs, .count = count, .err = err };

    if (count < 2)
        return 0;
    for (size_t i = 0; i < count; i++) {
        linking.spec = specs[i];
        lk_order_words(dockerfiles[i], true, link_word, &linking);
        link_arguments(&linking);
        if (linking.rc < 0)
            return lk_err_wrap(err, "%s", specs[i]->path);
    }
    return check_circles(&linking);
}

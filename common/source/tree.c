#include "common/source/tree.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Names come from a peer and go to terminals and logs. */
#define SHOWN_SIZE 80
struct shown {
    char text[SHOWN_SIZE];
};

static struct shown show(struct lk_str name)
{
    struct shown shown;
    size_t       len = name.len < SHOWN_SIZE ? name.len : SHOWN_SIZE - 1;

    for (size_t i = 0; i < len; i++)
        shown.text[i] = name.data[i] >= ' ' && name.data[i] <= '~' ? name.data[i] : '?';
    shown.text[len] = '\0';
    return shown;
}

static int refuse(struct lk_err *err, struct lk_str name, const char *why)
{
    return lk_err_set(err, LK_ERR_INVALID, "the source has an entry \"%s\" %s", show(name).text,
                      why);
}

static int check_name(struct lk_str name, struct lk_err *err)
{
    if (name.len == 0 || lk_str_eq_text(name, ".") || lk_str_eq_text(name, ".."))
        return refuse(err, name, "which is no name for a file");
    if (memchr(name.data, '/', name.len))
        return refuse(err, name, "with a slash in its name");
    if (name.len == 4 && strncasecmp(name.data, ".git", 4) == 0)
        return refuse(err, name, "which only git itself may write");
    if (name.len > NAME_MAX)
        return refuse(err, name, "whose name is longer than 255 bytes");
    return 0;
}

static int parse_mode(struct lk_str mode, struct lk_str name, enum lk_tree_kind *out,
                      struct lk_err *err)
{
    if (lk_str_eq_text(mode, "40000"))
        *out = LK_TREE_DIRECTORY;
    else if (lk_str_eq_text(mode, "100644"))
        *out = LK_TREE_FILE;
    else if (lk_str_eq_text(mode, "100755"))
        *out = LK_TREE_EXECUTABLE;
    else if (lk_str_eq_text(mode, "120000"))
        *out = LK_TREE_SYMLINK;
    else if (lk_str_eq_text(mode, "160000"))
        return refuse(
            err, name,
            "which is a git submodule: its files are not part of the tree's hash, so "
            "they cannot be built from it; copy them in or fetch them in the Dockerfile");
    else
        return lk_err_set(err, LK_ERR_INVALID,
                          "the source has an entry \"%s\" of mode %s; files (100644, 100755), "
                          "symbolic links (120000) and directories (40000) can be built",
                          show(name).text, show(mode).text);
    return 0;
}

/* Takes one "mode SP name NUL id" off the front. */
static int take_entry(struct lk_str *bytes, struct lk_tree_entry *out, struct lk_err *err)
{
    const char   *nul = memchr(bytes->data, '\0', bytes->len);
    struct lk_str mode;

    if (!nul ||
        !lk_str_split((struct lk_str) { bytes->data, (size_t)(nul - bytes->data) }, ' ', &mode,
                      &out->name) ||
        bytes->len - (size_t)(nul + 1 - bytes->data) < sizeof(out->oid.sha1))
        return lk_err_set(err, LK_ERR_INVALID, "the source holds a malformed git tree");
    if (check_name(out->name, err) < 0 || parse_mode(mode, out->name, &out->kind, err) < 0)
        return -1;
    memcpy(out->oid.sha1, nul + 1, sizeof(out->oid.sha1));
    nul += 1 + sizeof(out->oid.sha1);
    *bytes = (struct lk_str) { nul, bytes->len - (size_t)(nul - bytes->data) };
    return 0;
}

static int compare_folded(const void *a, const void *b)
{
    const struct lk_str *x = a, *y = b;
    size_t               len = x->len < y->len ? x->len : y->len;

    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)x->data[i], d = (unsigned char)y->data[i];
        c = c >= 'A' && c <= 'Z' ? (unsigned char)(c | 0x20) : c;
        d = d >= 'A' && d <= 'Z' ? (unsigned char)(d | 0x20) : d;
        if (c != d)
            return c < d ? -1 : 1;
    }
    return (x->len > y->len) - (x->len < y->len);
}

static int check_twins(struct lk_str *names, size_t count, struct lk_err *err)
{
    qsort(names, count, sizeof(names[0]), compare_folded);
    for (size_t i = 1; i < count; i++)
        if (compare_folded(&names[i - 1], &names[i]) == 0)
            return lk_err_set(
                err, LK_ERR_INVALID,
                "the source has both \"%s\" and \"%s\" in one directory: some file "
                "systems take them for the same; rename one",
                show(names[i - 1]).text, show(names[i]).text);
    return 0;
}

/* The whole tree, before anybody acts on a part of it. */
static int check_all(struct lk_str bytes, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) struct lk_str *names = NULL;
    size_t                                     count = 0, capacity = 0;
    struct lk_tree_entry                       entry;

    while (bytes.len > 0) {
        if (take_entry(&bytes, &entry, err) < 0)
            return -1;
        if (count == capacity) {
            capacity = capacity ? capacity * 2 : 32;
            names = lk_xrealloc(names, capacity * sizeof(names[0]));
        }
        names[count++] = entry.name;
    }
    return count ? check_twins(names, count, err) : 0;
}

int lk_tree_read(struct lk_str bytes,
                 int (*each)(void *ctx, const struct lk_tree_entry *entry, struct lk_err *err),
                 void *ctx, struct lk_err *err)
{
    struct lk_tree_entry entry;

    if (check_all(bytes, err) < 0)
        return -1;
    while (bytes.len > 0) {
        take_entry(&bytes, &entry, err);
        int stop = each(ctx, &entry, err);
        if (stop)
            return stop;
    }
    return 0;
}

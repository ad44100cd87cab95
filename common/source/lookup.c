#include "common/source/lookup.h"

#include "common/source/tree.h"

#include <string.h>

/* A tree of more entries than this would pass the limit of objects anyway. */
#define TREE_BYTES_MAX (16 * 1024 * 1024)

struct search {
    struct lk_str        name;
    bool                 found;
    struct lk_tree_entry entry;
};

static int compare(void *ctx, const struct lk_tree_entry *entry, struct lk_err *err)
{
    struct search *search = ctx;

    (void)err;
    if (lk_str_eq(entry->name, search->name)) {
        search->found = true;
        search->entry = *entry;
    }
    return 0;
}

static int not_found(const char *path, struct lk_err *err)
{
    return lk_err_set(err, LK_ERR_NOT_FOUND, "the source has no file %s", path);
}

int lk_lookup_file(const struct lk_object_source *source, const struct lk_oid *tree,
                   const char *path, struct lk_buf *out, struct lk_err *err)
{
    struct lk_tree_entry at = { .kind = LK_TREE_DIRECTORY, .oid = *tree };
    struct lk_str        rest = lk_str_of(path);
    bool                 is_tree;

    while (rest.len > 0) {
        LK_CLEANUP(lk_buf_fini) struct lk_buf bytes = LK_BUF_INIT(TREE_BYTES_MAX);
        struct search                         search = { .name = rest };
        struct lk_str                         after = { 0 };

        lk_str_split(rest, '/', &search.name, &after);
        rest = after;
        if (search.name.len == 0 || lk_str_eq_text(search.name, "."))
            continue;
        if (at.kind != LK_TREE_DIRECTORY)
            return not_found(path, err);
        if (source->read(source->ctx, &at.oid, &is_tree, &bytes, err) < 0 ||
            lk_tree_read(lk_buf_str(&bytes), compare, &search, err) < 0)
            return -1;
        if (!search.found)
            return not_found(path, err);
        at = search.entry;
    }
    if (at.kind != LK_TREE_FILE && at.kind != LK_TREE_EXECUTABLE)
        return not_found(path, err);
    return source->read(source->ctx, &at.oid, &is_tree, out, err);
}

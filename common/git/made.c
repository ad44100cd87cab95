#include "common/git/made.h"

#include "common/git/snapshot.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int compare_objects(const void *a, const void *b)
{
    const struct lk_git_object *x = a, *y = b;

    return memcmp(x->oid.sha1, y->oid.sha1, sizeof(x->oid.sha1));
}

static struct lk_git_object *add_object(struct lk_git_made *made, const struct lk_oid *oid)
{
    if (made->count == made->capacity) {
        made->capacity = made->capacity ? made->capacity * 2 : 64;
        made->objects = lk_xrealloc(made->objects, made->capacity * sizeof(made->objects[0]));
    }
    made->objects[made->count] = (struct lk_git_object) { .oid = *oid };
    return &made->objects[made->count++];
}

/* git sorts a directory as if its name ended with '/'. */
static int compare_as_git(const void *a, const void *b)
{
    const struct lk_git_node *x = *(struct lk_git_node *const *)a;
    const struct lk_git_node *y = *(struct lk_git_node *const *)b;
    size_t                    i = 0;

    while (x->name[i] && x->name[i] == y->name[i])
        i++;

    unsigned char c = (unsigned char)x->name[i], d = (unsigned char)y->name[i];
    if (!c && S_ISDIR(x->entry.mode))
        c = '/';
    if (!d && S_ISDIR(y->entry.mode))
        d = '/';
    return c - d;
}

static bool is_nothing(const struct lk_git_node *node)
{
    return node->is_open && node->count == 0;
}

/* "mode SP name NUL id" for each child; git keeps no empty directories. */
static void write_tree(struct lk_git_node *node, struct lk_buf *out)
{
    qsort(node->children, node->count, sizeof(node->children[0]), compare_as_git);
    for (size_t i = 0; i < node->count; i++) {
        const struct lk_git_node *child = node->children[i];
        if (is_nothing(child))
            continue;
        lk_buf_printf(out, "%o %s", (unsigned)child->entry.mode, child->name);
        lk_buf_add(out, "", 1);
        lk_buf_add(out, child->entry.oid.sha1, sizeof(child->entry.oid.sha1));
    }
}

static int make_tree(struct lk_git_made *made, struct lk_git_node *node, struct lk_err *err)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf bytes = LK_BUF_INIT(LK_TREE_BYTES_MAX);
    struct lk_git_object                 *object;

    write_tree(node, &bytes);
    if (!lk_buf_ok(&bytes))
        return lk_err_set(err, LK_ERR_LIMIT, "the directory '%s' has too many files",
                          node->name);
    lk_git_hash(true, lk_buf_str(&bytes), &node->entry.oid);
    object = add_object(made, &node->entry.oid);
    object->len = bytes.len;
    object->bytes = lk_buf_take(&bytes);
    return 0;
}

/* As deep as LK_TREE_DEPTH_MAX, which was looked at when the nodes were put. */
static int make(struct lk_git_made *made, struct lk_git_node *node, struct lk_err *err)
{
    if (node->disk)
        add_object(made, &node->entry.oid)->file = node;
    if (!node->is_open)
        return 0;
    for (size_t i = 0; i < node->count; i++)
        if (make(made, node->children[i], err) < 0)
            return -1;
    return make_tree(made, node, err);
}

int lk_git_make(struct lk_git_made *out, struct lk_git_node *root, struct lk_err *err)
{
    if (make(out, root, err) < 0)
        return -1;
    qsort(out->objects, out->count, sizeof(out->objects[0]), compare_objects);
    return 0;
}

void lk_git_made_fini(struct lk_git_made *made)
{
    for (size_t i = 0; i < made->count; i++)
        free(made->objects[i].bytes);
    free(made->objects);
    *made = (struct lk_git_made) { 0 };
}

static int read_file(const struct lk_git_node *file, struct lk_buf *out, struct lk_err *err)
{
    size_t        before = out->len;
    struct lk_oid oid;

    if (lk_git_read_file(file->repo, file->disk, file->entry.mode, out, err) < 0)
        return lk_err_wrap(err, "reading it again to send it");
    lk_git_hash(false, (struct lk_str) { lk_buf_text(out) + before, out->len - before }, &oid);
    if (lk_oid_eq(&oid, &file->entry.oid))
        return 0;
    return lk_err_set(err, LK_ERR_CONFLICT,
                      "%s changed while the package was being sent; start anew", file->disk);
}

int lk_git_made_read(const struct lk_git_made *made, const struct lk_oid *oid, bool *is_tree,
                     struct lk_buf *out, struct lk_err *err)
{
    const struct lk_git_object  wanted = { .oid = *oid };
    const struct lk_git_object *found = made->count
                                            ? bsearch(&wanted, made->objects, made->count,
                                                      sizeof(made->objects[0]), compare_objects)
                                            : NULL;

    if (!found)
        return lk_err_set(err, LK_ERR_NOT_FOUND, "the object is not one that was made");
    *is_tree = !found->file;
    if (found->file)
        return read_file(found->file, out, err);
    if (!lk_buf_add(out, found->bytes, found->len))
        return lk_err_set(err, LK_ERR_LIMIT, "a directory of it is larger than is accepted");
    return 0;
}

#include "tests/fuzz/fuzz.h"

#include "common/base/buf.h"
#include "common/source/tree.h"

#include <string.h>
#include <strings.h>

static const char *const modes[] = {
    [LK_TREE_DIRECTORY] = "40000",
    [LK_TREE_FILE] = "100644",
    [LK_TREE_EXECUTABLE] = "100755",
    [LK_TREE_SYMLINK] = "120000",
};

static bool is_harmless(struct lk_str name)
{
    return name.len > 0 && !memchr(name.data, '/', name.len) &&
           !memchr(name.data, '\0', name.len) && !lk_str_eq_text(name, ".") &&
           !lk_str_eq_text(name, "..") &&
           !(name.len == 4 && strncasecmp(name.data, ".git", 4) == 0);
}

static int write_again(void *ctx, const struct lk_tree_entry *entry, struct lk_err *err)
{
    struct lk_buf *out = ctx;

    (void)err;
    lk_assert(is_harmless(entry->name));
    lk_buf_add_text(out, modes[entry->kind]);
    lk_buf_add_text(out, " ");
    lk_buf_add_str(out, entry->name);
    lk_buf_add(out, "", 1);
    lk_buf_add(out, entry->oid.sha1, sizeof(entry->oid.sha1));
    return 0;
}

/* A tree is refused with a reason before any of it is acted on, or all of it is harmless and read as it stands. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf out = LK_BUF_INIT(1 << 20);
    struct lk_str                         bytes = { (const char *)data, size };
    struct lk_err                         err = { 0 };

    if (lk_tree_read(bytes, write_again, &out, &err) < 0)
        lk_assert(err.text[0] && out.len == 0);
    else
        lk_assert(lk_str_eq(lk_buf_str(&out), bytes));
    return 0;
}

/*
 * Answers tests/tools/tag_states.py.  A line asks
 *   KIND PATH HASH-PATH COMMIT FORCE [SRC:DST...]      with tabs between; "-" is the default
 * "hash" is answered by lk_tree_hash: "TEXT DIRTY HEAD TIME EXAMPLE"; "context" by what lk_context_read gives
 * of each file: lines "MODE ID PATH-IN-HEX", then "end ID".  Either may be "error MESSAGE".
 */
#include "common/pkg/context.h"
#include "common/pkg/tree_hash.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SOURCES_MAX 16

/* libgit2 1.5 loses a little of pcre2's memory each time it compares safe.directory entries. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libpcre2\n";
}

static const char *field(char **rest)
{
    const char *text = strsep(rest, "\t");

    return text && strcmp(text, "-") != 0 ? text : NULL;
}

static void print_line(char *text)
{
    for (char *at = text; (at = strchr(at, '\n'));)
        *at = '?';
    puts(text);
}

static int print_hash(const struct lk_tree_hash *hash)
{
    char head[LK_OID_TEXT_SIZE];
    char example[LK_PATH_SIZE];

    lk_oid_format(&hash->head, head);
    memcpy(example, hash->dirty_example, sizeof(example));
    printf("%s %s %s %lld ", hash->text, hash->dirty ? "dirty" : "clean", head,
           (long long)hash->head_time_s);
    print_line(example);
    return 0;
}

static void print_entry(unsigned long mode, const struct lk_oid *oid, const char *path)
{
    char  id[LK_OID_TEXT_SIZE];
    char *hex = lk_xmalloc(2 * strlen(path) + 1);

    lk_oid_format(oid, id);
    sodium_bin2hex(hex, 2 * strlen(path) + 1, (const unsigned char *)path, strlen(path));
    printf("%06lo %s %s\n", mode, id, hex);
    free(hex);
}

/* Reads everything, and trusts no id. */
static int print_tree(struct lk_context *context, unsigned long mode, const struct lk_oid *oid,
                      const char *path, struct lk_err *err)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf bytes = LK_BUF_INIT(LK_TREE_BYTES_MAX);
    struct lk_oid                         again;
    bool                                  is_tree;

    if (LK_GIT_IS_SUBMODULE(mode)) {
        print_entry(mode, oid, path);
        return 0;
    }
    if (lk_context_read(context, oid, &is_tree, &bytes, err) < 0)
        return -1;
    lk_git_hash(is_tree, lk_buf_str(&bytes), &again);
    if (!lk_oid_eq(&again, oid) || is_tree != S_ISDIR(mode))
        return lk_err_set(err, LK_ERR_CONFLICT, "%s is not what it is called", path);
    if (!is_tree)
        print_entry(mode, oid, path);
    for (size_t at = 0; is_tree && at < bytes.len;) {
        char         *rest;
        unsigned long inner = strtoul(bytes.data + at, &rest, 8);
        size_t        len = strlen(++rest);
        struct lk_oid id;
        LK_CLEANUP(lk_free_pointer)
        char *below = lk_xasprintf("%s%s%s", path, path[0] ? "/" : "", rest);
        memcpy(id.sha1, rest + len + 1, sizeof(id.sha1));
        if (print_tree(context, inner, &id, below, err) < 0)
            return -1;
        at = (size_t)(rest - bytes.data) + len + 1 + sizeof(id.sha1);
    }
    return 0;
}

static int print_context(const struct lk_tree_hash_options *options,
                         struct lk_extra_source *sources, const struct lk_tree_hash *hash,
                         struct lk_err *err)
{
    LK_CLEANUP(lk_context_fini) struct lk_context context = { 0 };
    LK_CLEANUP(lk_git_close) struct lk_git_repo  *repo = NULL;
    char                                          root[LK_OID_TEXT_SIZE];
    LK_CLEANUP(lk_free_pointer) char             *directory = lk_xstrdup(options->path);
    struct lk_package                             package = {
                                    .directory = directory,
                                    .dirty = hash->dirty,
                                    .sources = sources,
                                    .source_count = options->source_count,
    };

    if (lk_git_open(&repo, directory, err) < 0 ||
        lk_git_tree_of(repo, directory, &package.tree, err) < 0 ||
        lk_context_open(&context, &package, err) < 0 ||
        print_tree(&context, S_IFDIR, &context.tree, "", err) < 0)
        return -1;
    lk_oid_format(&context.tree, root);
    printf("end %s\n", root);
    return 0;
}

static int answer(char *line, struct lk_err *err)
{
    struct lk_extra_source      sources[SOURCES_MAX] = { 0 };
    struct lk_tree_hash_options options = { .sources = sources };
    struct lk_tree_hash         hash;
    const char                 *kind = field(&line), *text;
    int                         rc = 0;

    options.path = field(&line);
    options.hash_path = field(&line);
    options.commit = field(&line);
    options.force_dirty = field(&line) != NULL;
    while (rc == 0 && options.source_count < SOURCES_MAX && (text = field(&line)))
        rc = lk_extra_source_parse(lk_str_of(text), options.path,
                                   &sources[options.source_count++], err);
    if (rc == 0)
        rc = lk_tree_hash(&options, &hash, err);
    if (rc == 0)
        rc = strcmp(kind, "hash") == 0 ? print_hash(&hash)
                                       : print_context(&options, sources, &hash, err);
    for (size_t i = 0; i < options.source_count; i++)
        lk_extra_source_fini(&sources[i]);
    return rc;
}

int main(void)
{
    char  *line = NULL;
    size_t size = 0;

    lk_git_init();
    while (getline(&line, &size, stdin) > 0) {
        struct lk_err err = { 0 };

        line[strcspn(line, "\n")] = '\0';
        if (answer(line, &err) < 0) {
            printf("error ");
            print_line(err.text);
        }
        fflush(stdout);
    }
    free(line);
    return 0;
}

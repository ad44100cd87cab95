/*
 * Prints lk_tree_hash of what it is asked, for tests/tools/tag_states.py: a line is
 * PATH HASH-PATH COMMIT FORCE [SRC:DST...], with tabs between; "-" is the default.  The answer is
 * "TEXT DIRTY HEAD TIME EXAMPLE" or "error MESSAGE".
 */
#include "common/git/repo.h"
#include "common/pkg/tree_hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SOURCES_MAX 16

static const char *field(char **rest)
{
    const char *text = strsep(rest, "\t");

    return text && strcmp(text, "-") != 0 ? text : NULL;
}

static int answer(char *line, struct lk_tree_hash *out, struct lk_err *err)
{
    struct lk_extra_source      sources[SOURCES_MAX] = { 0 };
    struct lk_tree_hash_options options = { .sources = sources };
    const char                 *text;
    int                         rc = 0;

    options.path = field(&line);
    options.hash_path = field(&line);
    options.commit = field(&line);
    options.force_dirty = field(&line) != NULL;
    while (rc == 0 && options.source_count < SOURCES_MAX && (text = field(&line)))
        rc = lk_extra_source_parse(lk_str_of(text), options.path,
                                   &sources[options.source_count++], err);
    if (rc == 0)
        rc = lk_tree_hash(&options, out, err);
    for (size_t i = 0; i < options.source_count; i++)
        lk_extra_source_fini(&sources[i]);
    return rc;
}

/* An answer is one line. */
static void print_line(char *text)
{
    for (char *at = text; (at = strchr(at, '\n'));)
        *at = '?';
    puts(text);
    fflush(stdout);
}

int main(void)
{
    char  *line = NULL;
    size_t size = 0;

    lk_git_init();
    while (getline(&line, &size, stdin) > 0) {
        struct lk_tree_hash hash;
        struct lk_err       err = { 0 };
        char                head[LK_OID_TEXT_SIZE];

        line[strcspn(line, "\n")] = '\0';
        if (answer(line, &hash, &err) < 0) {
            printf("error ");
            print_line(err.text);
        } else {
            lk_oid_format(&hash.head, head);
            printf("%s %s %s %lld ", hash.text, hash.dirty ? "dirty" : "clean", head,
                   (long long)hash.head_time_s);
            print_line(hash.dirty_example);
        }
    }
    free(line);
    return 0;
}

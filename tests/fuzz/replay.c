/* Runs one target over files, by default those of its corpus, and says so as TAP. */
#include "common/base/buf.h"
#include "common/os/file.h"
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_MAX (1024 * 1024)

/* What the target sees lies exactly in its own memory, so that a sanitizer sees a step beside it. */
static int run_file(const char *path)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf bytes = LK_BUF_INIT(INPUT_MAX);
    LK_CLEANUP(lk_free_pointer) uint8_t  *copy = NULL;
    struct lk_err                         err;

    if (lk_file_read(path, &bytes, &err) < 0) {
        printf("# %s\n", err.text);
        return -1;
    }
    copy = lk_xmalloc(bytes.len ? bytes.len : 1);
    if (bytes.len > 0)
        memcpy(copy, bytes.data, bytes.len);
    return LLVMFuzzerTestOneInput(copy, bytes.len);
}

static void report(const char *path, int *number, int *failures)
{
    int rc;

    /* Known also if the target does not come back. */
    printf("# %s\n", path);
    fflush(stdout);
    rc = run_file(path);
    *failures += rc != 0;
    printf("%sok %d - %s\n", rc == 0 ? "" : "not ", ++*number, path);
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static void run_corpus(const char *program, int *number, int *failures)
{
    const char *slash = strrchr(program, '/');
    const char *name = strstr(slash ? slash : program, "fuzz_");
    LK_CLEANUP(lk_free_pointer)
    char           *directory = lk_xasprintf("tests/fuzz/corpus/%s", name ? name + 5 : program);
    struct dirent **entries = NULL;
    int             count = scandir(directory, &entries, is_visible, alphasort);

    if (count <= 0) {
        printf("not ok %d - %s: no inputs; run it where tests/fuzz is\n", ++*number, directory);
        (*failures)++;
    }
    for (int i = 0; i < count; i++) {
        LK_CLEANUP(lk_free_pointer)
        char *path = lk_xasprintf("%s/%s", directory, entries[i]->d_name);

        report(path, number, failures);
        free(entries[i]);
    }
    free(entries);
}

int main(int argc, char **argv)
{
    int number = 0, failures = 0;

    for (int i = 1; i < argc; i++)
        report(argv[i], &number, &failures);
    if (argc == 1)
        run_corpus(argv[0], &number, &failures);
    printf("1..%d\n", number);
    return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

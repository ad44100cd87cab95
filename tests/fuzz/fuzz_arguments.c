#include "tests/fuzz/fuzz.h"

#include "common/pkg/arguments.h"

#include <string.h>

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static void check_argument(const char *argument)
{
    const char *equals = strchr(argument, '=');
    size_t      len = strlen(argument);

    lk_assert(equals != NULL && !is_blank(argument[0]) && !is_blank(argument[len - 1]));
}

/* A file of --build-arg-file gives pairs without blanks around them, or a mistake with its line. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    LK_CLEANUP(lk_texts_fini) struct lk_texts found = { 0 };
    struct lk_str                             lines = { (const char *)data, size };
    struct lk_err                             err = { 0 };

    /* Other packages are looked up on disk: not those of whoever runs this. */
    if (memmem(data, size, "@lkt:pkg", 8))
        return 0;
    if (lk_arguments_read(&found, lines, "/nonexistent", &err) < 0) {
        lk_assert(err.kind == LK_ERR_INVALID && err.text[0]);
        return 0;
    }
    for (size_t i = 0; i < found.count; i++)
        check_argument(found.texts[i]);
    return 0;
}

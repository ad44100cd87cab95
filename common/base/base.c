#include "common/base/base.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void lk_assert_failed(const char *condition, const char *file, int line)
{
    fprintf(stderr, "assertion failed: %s (%s:%d)\n", condition, file, line);
    abort();
}

static void *checked(void *memory)
{
    if (!memory) {
        static const char message[] = "out of memory\n";
        (void)!write(STDERR_FILENO, message, sizeof(message) - 1);
        abort();
    }
    return memory;
}

void *lk_xmalloc(size_t size)
{
    return checked(malloc(size ? size : 1));
}

void *lk_xcalloc(size_t count, size_t size)
{
    return checked(calloc(count ? count : 1, size ? size : 1));
}

void *lk_xrealloc(void *memory, size_t size)
{
    return checked(realloc(memory, size ? size : 1));
}

char *lk_xstrdup(const char *text)
{
    return checked(strdup(text));
}

char *lk_xasprintf(const char *format, ...)
{
    char   *text = NULL;
    va_list args;

    va_start(args, format);
    int length = vasprintf(&text, format, args);
    va_end(args);
    return checked(length < 0 ? NULL : text);
}

void lk_free_pointer(void *pointer_to_pointer)
{
    void **pointer = pointer_to_pointer;

    free(*pointer);
    *pointer = NULL;
}

void lk_close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

bool lk_copy_text(char *out, size_t size, const char *text)
{
    size_t len = strlen(text);

    if (len >= size) {
        if (size)
            out[0] = '\0';
        return false;
    }
    memcpy(out, text, len + 1);
    return true;
}

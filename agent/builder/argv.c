#include "agent/builder/argv.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void lk_argv_fini(struct lk_argv *argv)
{
    for (size_t i = 0; i < argv->count; i++)
        free(argv->items[i]);
    *argv = (struct lk_argv) { .count = 0 };
}

static void take(struct lk_argv *argv, char *item)
{
    if (argv->count == LK_ARGV_MAX) {
        argv->failed = true;
        free(item);
        return;
    }
    argv->items[argv->count++] = item;
    argv->items[argv->count] = NULL;
}

void lk_argv_add(struct lk_argv *argv, const char *item)
{
    take(argv, lk_xstrdup(item));
}

void lk_argv_printf(struct lk_argv *argv, const char *format, ...)
{
    va_list arguments;
    char   *item = NULL;

    va_start(arguments, format);
    if (vasprintf(&item, format, arguments) < 0)
        item = lk_xstrdup("");
    va_end(arguments);
    take(argv, item);
}

void lk_argv_add_all(struct lk_argv *argv, ...)
{
    va_list     arguments;
    const char *item;

    va_start(arguments, argv);
    while ((item = va_arg(arguments, const char *)))
        lk_argv_add(argv, item);
    va_end(arguments);
}

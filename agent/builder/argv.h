/* argv - a program's arguments, owned, growing up to a maximum; never a shell's line. */
#ifndef LK_AGENT_ARGV_H
#define LK_AGENT_ARGV_H

#include "common/base/base.h"

#define LK_ARGV_MAX 640

struct lk_argv {
    char  *items[LK_ARGV_MAX + 1]; /* NULL-terminated */
    size_t count;
    bool   failed; /* something did not fit */
};

void lk_argv_fini(struct lk_argv *argv);
void lk_argv_add(struct lk_argv *argv, const char *item);
void lk_argv_printf(struct lk_argv *argv, const char *format, ...) LK_PRINTF(2, 3);

/* Adds several, up to a NULL. */
void lk_argv_add_all(struct lk_argv *argv, ...) __attribute__((sentinel));

#endif

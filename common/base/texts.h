/* texts - a short list of owned strings, in the order in which they came. */
#ifndef LK_TEXTS_H
#define LK_TEXTS_H

#include "common/base/str.h"

struct lk_texts {
    size_t count;
    char **texts; /* owned */
};

/* Adds a copy.  How many there may be is for the caller to know, who reads from something with a limit. */
void lk_texts_add(struct lk_texts *list, struct lk_str text);
void lk_texts_fini(struct lk_texts *list);

#endif

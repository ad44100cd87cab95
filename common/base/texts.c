#include "common/base/texts.h"

#include <stdlib.h>
#include <string.h>

void lk_texts_add(struct lk_texts *list, struct lk_str text)
{
    char *copy = lk_xmalloc(text.len + 1);

    if (text.len > 0)
        memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    list->texts = lk_xrealloc(list->texts, (list->count + 1) * sizeof(*list->texts));
    list->texts[list->count++] = copy;
}

void lk_texts_fini(struct lk_texts *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->texts[i]);
    free(list->texts);
    *list = (struct lk_texts) { 0 };
}

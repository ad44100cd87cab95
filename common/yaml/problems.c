#include "common/yaml/yaml.h"

#include <stdio.h>
#include <string.h>

/* What the last line needs. */
#define ROOM_FOR_COUNT 40

void lk_yaml_problem_add(struct lk_yaml_problems *problems, const struct lk_err *err)
{
    size_t room = sizeof(problems->first.text) - ROOM_FOR_COUNT - problems->len;
    size_t len = strlen(err->text);
    char  *end = problems->first.text + problems->len;

    if (problems->len == 0) {
        problems->first = *err;
        problems->len = len < room ? len : room;
    } else if (len + 1 < room) {
        *end = '\n';
        memcpy(end + 1, err->text, len);
        problems->len += len + 1;
    } else {
        problems->left_out++;
    }
    problems->first.text[problems->len] = '\0';
}

int lk_yaml_problems_tell(const struct lk_yaml_problems *problems, struct lk_err *err)
{
    if (problems->len == 0)
        return 0;
    *err = problems->first;
    if (problems->left_out > 0)
        snprintf(err->text + problems->len, sizeof(err->text) - problems->len, "\nand %zu more",
                 problems->left_out);
    return -1;
}

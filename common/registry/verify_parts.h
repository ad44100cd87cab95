/* verify_parts - for verify*.c only: one verification while it is made. */
#ifndef LK_VERIFY_PARTS_H
#define LK_VERIFY_PARTS_H

#include "common/registry/verify.h"

/* What the steps share.  Each writes to what is its own. */
struct lk_verify_work {
    struct lk_crew                 *crew;
    const struct lk_verify_request *request;
    struct lk_verification         *out;
    struct lk_index                 index;
};

/* Keeps the problem that is told first. */
void lk_verify_note(struct lk_verify_problem *problem, enum lk_verify_reason reason,
                    const char *text);

/* The name under which it should be signed; none counts for a reference without a tag. */
struct lk_verify_wanted {
    char                       name[LK_REFERENCE_SIZE];
    const char                *names[1];
    struct lk_signature_wanted how;
};

/* `child`: NULL for the index. */
int lk_verify_wanted(struct lk_verify_wanted *out, const struct lk_verify_work *work,
                     const struct lk_verified_child *child, struct lk_err *err);

/* Adds what follows from all that was found; CONFLICT with the first problem, if there is one. */
int lk_verify_judge(struct lk_verify_work *work, struct lk_err *err);

#endif

/*
 * submission_parts - what the files that fill a submission share, and nobody else includes.
 */
#ifndef LK_CLI_SUBMISSION_PARTS_H
#define LK_CLI_SUBMISSION_PARTS_H

#include "coordinator/cli/submission.h"

/* The next item to fill, not counted yet; NULL: the submission is full. */
struct lk_submission_item *lk_submission_next(struct lk_submission *submission,
                                              struct lk_err        *err);

/*
 * Counts the filled item in; closes it if one of the same name and content is there, or on failure: INVALID for
 * another content under the same name.
 */
int lk_submission_keep(struct lk_submission *submission, struct lk_submission_item *item,
                       struct lk_err *err);

void lk_submission_close_item(struct lk_submission_item *item);

/* The options that concern all of it. */
int lk_submission_set_message(lk_wire_Submit *message, enum lk_submission_mode mode,
                              const struct lk_submit_values *values, struct lk_err *err);

/* A further item for each package: --release, else (of a push) the git tags at HEAD, as linuxkit does. */
int lk_submission_add_releases(struct lk_submission *submission, bool has_git_tags,
                               const struct lk_words *releases, struct lk_err *err);

/* The one item of remote-tag. */
int lk_submission_add_copy(struct lk_submission *submission, const char *from, const char *to,
                           struct lk_err *err);

#endif

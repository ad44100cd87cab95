/*
 * progress - shows a push while it runs: a block that is painted over on a terminal, else plain lines.
 *
 * The functions that make text are pure and take the time; lk_progress_* keep what is on the screen.  All
 * of it goes to stderr: stdout is for results.  What others wrote (agents, logs) is shown with control
 * characters replaced.
 */
#ifndef LK_CLI_PROGRESS_H
#define LK_CLI_PROGRESS_H

#include "common/base/buf.h"
#include "common/base/err.h"
#include "coordinator/cli/picture.h"

#include <stdio.h>

enum lk_progress_mode { LK_PROGRESS_TTY, LK_PROGRESS_PLAIN, LK_PROGRESS_QUIET };

/* "[name/arch@agent]", without "@agent" while there is none. */
void lk_progress_prefix(struct lk_buf *out, const struct lk_picture_package *package,
                        const struct lk_picture_job *job);

/* "[name/arch@agent] building (emulated), attempt 2: why" */
void lk_progress_job_line(struct lk_buf *out, const struct lk_picture_package *package,
                          const struct lk_picture_job *job);

/* "[name] publishing: why" */
void lk_progress_package_line(struct lk_buf *out, const struct lk_picture_package *package);

/* The block for a terminal of this size; `*lines` says how many lines it has. */
void lk_progress_block(struct lk_buf *out, const struct lk_picture *picture, int64_t now_ms,
                       size_t columns, size_t rows, size_t *lines);

/* The table at the end: architecture, digest, agent, native or emulated, seconds. */
void lk_progress_table(struct lk_buf *out, const struct lk_picture_package *package,
                       int64_t now_ms);

struct lk_progress {
    enum lk_progress_mode mode;
    FILE                 *out;
    size_t                painted; /* lines of the block on the screen */
    size_t                columns;
    size_t                rows;
};

/* auto (or NULL), tty, plain, quiet. */
int lk_progress_init(struct lk_progress *progress, const char *mode, struct lk_err *err);

/* The terminal has another size. */
void lk_progress_resize(struct lk_progress *progress);

/* Paints the block anew; nothing in the other modes. */
void lk_progress_paint(struct lk_progress *progress, const struct lk_picture *picture,
                       int64_t now_ms);

/* Takes the block away, so that other text can be written. */
void lk_progress_clear(struct lk_progress *progress);

/* One line that stays; in quiet mode nothing. */
void lk_progress_say(struct lk_progress *progress, const char *line);

#endif

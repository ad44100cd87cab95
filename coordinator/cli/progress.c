#include "coordinator/cli/progress.h"

#include "coordinator/cli/command.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define LINE_MAX_BYTES  4096
#define BLOCK_MAX_BYTES (256 * 1024)

static void add_clean_text(struct lk_buf *out, const char *text)
{
    lk_add_clean(out, lk_str_of(text));
}

void lk_progress_prefix(struct lk_buf *out, const struct lk_picture_package *package,
                        const struct lk_picture_job *job)
{
    lk_buf_add_text(out, "[");
    add_clean_text(out, lk_picture_name(package));
    lk_buf_printf(out, "/%s", job->arch.name);
    if (job->agent[0]) {
        lk_buf_add_text(out, "@");
        add_clean_text(out, job->agent);
    }
    lk_buf_add_text(out, "]");
}

void lk_progress_job_line(struct lk_buf *out, const struct lk_picture_package *package,
                          const struct lk_picture_job *job)
{
    lk_progress_prefix(out, package, job);
    lk_buf_printf(out, " %s", lk_picture_job_word(job));
    if (job->emulated)
        lk_buf_add_text(out, " (emulated)");
    if (job->attempt > 1)
        lk_buf_printf(out, ", attempt %" PRIu32, job->attempt);
    if (job->text[0]) {
        lk_buf_add_text(out, ": ");
        add_clean_text(out, job->text);
    }
}

void lk_progress_package_line(struct lk_buf *out, const struct lk_picture_package *package)
{
    lk_buf_add_text(out, "[");
    add_clean_text(out, lk_picture_name(package));
    lk_buf_printf(out, "] %s", lk_picture_package_word(package));
    if (package->text[0]) {
        lk_buf_add_text(out, ": ");
        add_clean_text(out, package->text);
    }
}

/* Adds a line cut to the width, so that it never wraps and the count of lines stays true. */
static void add_line(struct lk_buf *out, const char *line, size_t columns)
{
    size_t width = 0;
    size_t len = 0;

    while (line[len]) {
        /* A byte that does not continue a character begins one. */
        if (((unsigned char)line[len] & 0xC0) != 0x80 && ++width >= columns)
            break;
        len++;
    }
    lk_buf_add(out, line, len);
    lk_buf_add_text(out, "\n");
}

static void add_sizes(struct lk_buf *line, const struct lk_picture_job *job)
{
    if (job->bytes_total == 0)
        return;
    lk_buf_printf(line, "  %.1f of %.1f MB", (double)job->bytes_done / 1e6,
                  (double)job->bytes_total / 1e6);
}

static void block_job(struct lk_buf *out, const struct lk_picture_job *job, int64_t now_ms,
                      size_t columns)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf line = LK_BUF_INIT(LINE_MAX_BYTES);
    LK_CLEANUP(lk_buf_fini) struct lk_buf agent = LK_BUF_INIT(512);
    int64_t                               took_ms = lk_picture_job_ms(job, now_ms);

    add_clean_text(&agent, job->agent[0] ? job->agent : "-");
    if (job->emulated)
        lk_buf_add_text(&agent, " (emulated)");
    lk_buf_printf(&line, "  %-8s %-22s %-22s", job->arch.name, lk_buf_text(&agent),
                  lk_picture_job_word(job));
    if (took_ms >= 0)
        lk_buf_printf(&line, " %4" PRId64 " s", took_ms / 1000);
    add_sizes(&line, job);
    if (job->text[0]) {
        lk_buf_add_text(&line, "  ");
        add_clean_text(&line, job->text);
    }
    add_line(out, lk_buf_text(&line), columns);
}

static void block_package(struct lk_buf *out, const struct lk_picture_package *package,
                          size_t columns)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf line = LK_BUF_INIT(LINE_MAX_BYTES);

    add_clean_text(&line, package->repository);
    lk_buf_add_text(&line, ":");
    add_clean_text(&line, package->tag);
    lk_buf_printf(&line, "  %s", lk_picture_package_word(package));
    if (package->text[0]) {
        lk_buf_add_text(&line, ": ");
        add_clean_text(&line, package->text);
    }
    add_line(out, lk_buf_text(&line), columns);
}

static bool is_over(const struct lk_picture_package *package)
{
    return package->state == lk_wire_PackageState_PACKAGE_ENDED;
}

void lk_progress_block(struct lk_buf *out, const struct lk_picture *picture, int64_t now_ms,
                       size_t columns, size_t rows, size_t *lines)
{
    char   line[128];
    size_t left_out = 0;
    size_t room = rows > 2 ? rows - 2 : 1; /* one for "more", one for the cursor */

    snprintf(line, sizeof(line), "push %" PRIu64 "  %s  %" PRId64 " s", picture->push,
             lk_picture_push_word(picture->state, picture->outcome),
             picture->began_ms ? (now_ms - picture->began_ms) / 1000 : 0);
    add_line(out, line, columns);
    *lines = 1;
    for (size_t i = 0; i < picture->package_count; i++) {
        const struct lk_picture_package *package = &picture->packages[i];
        size_t needed = 1 + (is_over(package) ? 0 : package->job_count);

        if (*lines + needed > room) {
            left_out++;
            continue;
        }
        block_package(out, package, columns);
        for (size_t j = 0; j < package->job_count && !is_over(package); j++)
            block_job(out, &package->jobs[j], now_ms, columns);
        *lines += needed;
    }
    if (left_out) {
        snprintf(line, sizeof(line), "  and %zu more packages", left_out);
        add_line(out, line, columns);
        ++*lines;
    }
}

static void table_row(struct lk_buf *out, const struct lk_picture_job *job, int64_t now_ms)
{
    char    digest[LK_DIGEST_TEXT_SIZE] = "-";
    char    seconds[24] = "-";
    int64_t took_ms = lk_picture_job_ms(job, now_ms);

    if (!lk_digest_is_zero(&job->digest))
        lk_digest_format(&job->digest, digest);
    if (took_ms >= 0)
        snprintf(seconds, sizeof(seconds), "%.1f s", (double)took_ms / 1000);
    lk_buf_printf(out, "  %-8s %-9s %-71s ", job->arch.name, lk_picture_job_word(job), digest);
    add_clean_text(out, job->agent[0] ? job->agent : "-");
    lk_buf_printf(out, "  %s  %s",
                  !job->agent[0]  ? "-"
                  : job->emulated ? "emulated"
                                  : "native",
                  seconds);
    /* Why it waits.  Why it failed is said by the package. */
    if (job->text[0] && !lk_picture_job_ended(job->state)) {
        lk_buf_add_text(out, "  ");
        add_clean_text(out, job->text);
    }
    lk_buf_add_text(out, "\n");
}

void lk_progress_table(struct lk_buf *out, const struct lk_picture_package *package,
                       int64_t now_ms)
{
    add_clean_text(out, package->repository);
    lk_buf_add_text(out, ":");
    add_clean_text(out, package->tag);
    lk_buf_printf(out, "  %s%s", lk_picture_package_word(package),
                  package->is_signed ? ", signed" : "");
    if (package->outcome == lk_wire_Outcome_OUTCOME_OK && package->text[0]) {
        lk_buf_add_text(out, ", ");
        add_clean_text(out, package->text);
    }
    lk_buf_add_text(out, "\n");
    for (size_t i = 0; i < package->job_count; i++)
        table_row(out, &package->jobs[i], now_ms);
}

static bool terminal_can_paint(void)
{
    const char *term = getenv("TERM");
    const char *ci = getenv("CI");

    return isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0 && !(ci && ci[0]);
}

int lk_progress_init(struct lk_progress *progress, const char *mode, struct lk_err *err)
{
    *progress = (struct lk_progress) { .out = stderr };
    if (!mode || strcmp(mode, "auto") == 0)
        progress->mode = terminal_can_paint() ? LK_PROGRESS_TTY : LK_PROGRESS_PLAIN;
    else if (strcmp(mode, "tty") == 0)
        progress->mode = LK_PROGRESS_TTY;
    else if (strcmp(mode, "plain") == 0)
        progress->mode = LK_PROGRESS_PLAIN;
    else if (strcmp(mode, "quiet") == 0)
        progress->mode = LK_PROGRESS_QUIET;
    else
        return lk_err_set(err, LK_ERR_INVALID,
                          "--progress %s is unknown: choose auto, tty, plain or quiet", mode);
    lk_progress_resize(progress);
    return 0;
}

void lk_progress_resize(struct lk_progress *progress)
{
    struct winsize size = { 0 };

    progress->columns = 80;
    progress->rows = 24;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0) {
        progress->columns = size.ws_col;
        progress->rows = size.ws_row;
    }
}

void lk_progress_clear(struct lk_progress *progress)
{
    if (progress->painted == 0)
        return;
    fprintf(progress->out, "\033[%zuF\033[J", progress->painted);
    fflush(progress->out);
    progress->painted = 0;
}

void lk_progress_paint(struct lk_progress *progress, const struct lk_picture *picture,
                       int64_t now_ms)
{
    if (progress->mode != LK_PROGRESS_TTY)
        return;

    LK_CLEANUP(lk_buf_fini) struct lk_buf block = LK_BUF_INIT(BLOCK_MAX_BYTES);
    size_t                                lines;

    lk_progress_block(&block, picture, now_ms, progress->columns, progress->rows, &lines);
    /* One write: taking away and painting anew in two makes the block flicker. */
    if (progress->painted > 0)
        fprintf(progress->out, "\033[%zuF\033[J%s", progress->painted, lk_buf_text(&block));
    else
        fputs(lk_buf_text(&block), progress->out);
    fflush(progress->out);
    progress->painted = lines;
}

void lk_progress_say(struct lk_progress *progress, const char *line)
{
    if (progress->mode == LK_PROGRESS_QUIET)
        return;
    lk_progress_clear(progress);
    fprintf(progress->out, "%s\n", line);
    fflush(progress->out);
}

#include "coordinator/cli/watcher.h"

#include "common/os/clock.h"
#include "coordinator/cli/command.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define LINE_BYTES      8192
#define LOG_LINES       50
#define LOG_PATIENCE_MS 10000

int lk_watcher_init(struct lk_watcher *watcher, const char *progress, struct lk_err *err)
{
    *watcher = (struct lk_watcher) { 0 };
    lk_picture_init(&watcher->picture, 0);
    lk_tail_init(&watcher->tail);
    return lk_progress_init(&watcher->progress, progress, err);
}

void lk_watcher_fini(struct lk_watcher *watcher)
{
    lk_picture_fini(&watcher->picture);
    lk_tail_fini(&watcher->tail);
}

void lk_watcher_begin(struct lk_watcher *watcher, uint64_t push)
{
    watcher->picture.push = push;
}

void lk_watcher_ask(struct lk_watcher *watcher, struct lk_client *client)
{
    lk_wire_Envelope watch = { .which_body = lk_wire_Envelope_watch_tag };

    watch.body.watch.push = watcher->picture.push;
    watcher->synced = false;
    watcher->request = lk_client_ask(client, &watch);
    if (watcher->reader.job && !watcher->reader.ended)
        lk_log_reader_resume(&watcher->reader, client);
}

void lk_watcher_say(struct lk_watcher *watcher, const char *line)
{
    lk_progress_say(&watcher->progress, line);
}

static void introduce(struct lk_watcher *watcher)
{
    char line[128];

    if (watcher->introduced)
        return;
    watcher->introduced = true;
    snprintf(line, sizeof(line),
             "push %" PRIu64 " (`lkcoord watch %" PRIu64 "` shows it again)",
             watcher->picture.push, watcher->picture.push);
    lk_watcher_say(watcher, line);
}

/* What is there already and what only waits is no news; the table at the end has it. */
static void tell_job(struct lk_watcher *watcher, const struct lk_picture_job *job)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf line = LK_BUF_INIT(LINE_BYTES);
    const struct lk_picture_package      *package;

    if (watcher->progress.mode != LK_PROGRESS_PLAIN ||
        job->state == lk_wire_JobState_JOB_KEPT || job->state == lk_wire_JobState_JOB_NONE ||
        watcher->picture.dry_run || !lk_picture_find(&watcher->picture, job->id, &package))
        return;
    introduce(watcher);
    lk_progress_job_line(&line, package, job);
    lk_watcher_say(watcher, lk_buf_text(&line));
}

static void tell_package(struct lk_watcher *watcher, uint32_t number)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf line = LK_BUF_INIT(LINE_BYTES);
    const struct lk_picture_package      *package = &watcher->picture.packages[number];

    if (watcher->progress.mode != LK_PROGRESS_PLAIN || watcher->picture.dry_run ||
        (package->state != lk_wire_PackageState_PACKAGE_PUBLISHING && !package->text[0]) ||
        package->state == lk_wire_PackageState_PACKAGE_ENDED)
        return;
    introduce(watcher);
    lk_progress_package_line(&line, package);
    lk_watcher_say(watcher, lk_buf_text(&line));
}

static bool was_shown(const struct lk_watcher *watcher, uint64_t job)
{
    for (size_t i = 0; i < watcher->shown_count; i++)
        if (watcher->shown[i] == job)
            return true;
    return false;
}

static const struct lk_picture_job *next_failed(const struct lk_watcher *watcher)
{
    const struct lk_picture *picture = &watcher->picture;

    if (watcher->shown_count == LK_COUNT(watcher->shown))
        return NULL;
    for (size_t i = 0; i < picture->package_count; i++)
        for (size_t j = 0; j < picture->packages[i].job_count; j++) {
            const struct lk_picture_job *job = &picture->packages[i].jobs[j];

            if (job->state == lk_wire_JobState_JOB_FAILED && !was_shown(watcher, job->id))
                return job;
        }
    return NULL;
}

/* Goes on to the next failed job's log; over when there is none. */
static void advance(struct lk_watcher *watcher, struct lk_client *client)
{
    if (watcher->picture.state != lk_wire_PushState_PUSH_ENDED || !watcher->synced ||
        (watcher->reader.job && !watcher->reader.ended))
        return;

    const struct lk_picture_job *job = next_failed(watcher);

    if (!job || watcher->picture.dry_run) {
        watcher->over = true;
        lk_client_stop(client);
        return;
    }
    lk_tail_fini(&watcher->tail);
    lk_tail_init(&watcher->tail);
    watcher->shown[watcher->shown_count++] = job->id;
    lk_log_reader_start(&watcher->reader, client, job->id, job->attempt);
}

struct log_line {
    struct lk_watcher *watcher;
    struct lk_buf      prefix;
};

static void show_line(void *ctx, struct lk_str text)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf line = LK_BUF_INIT(4 * 64 * 1024);
    struct log_line                      *log = ctx;

    if (text.len > 0 && text.data[text.len - 1] == '\r')
        text.len--;
    lk_buf_add_str(&line, lk_buf_str(&log->prefix));
    lk_buf_add_text(&line, " ");
    lk_add_clean(&line, text);
    fprintf(stderr, "%s\n", lk_buf_text(&line));
}

static void show_log(struct lk_watcher *watcher)
{
    const struct lk_picture_package *package;
    const struct lk_picture_job     *job =
        lk_picture_find(&watcher->picture, watcher->reader.job, &package);
    struct log_line log = { .watcher = watcher, .prefix = LK_BUF_INIT(1024) };

    if (!job)
        return;
    lk_progress_prefix(&log.prefix, package, job);
    lk_progress_clear(&watcher->progress);
    if (watcher->tail.kept.len > 0)
        fprintf(stderr,
                "%s the end of its log (all of it: lkcoord logs %" PRIu64 " --arch %s):\n",
                lk_buf_text(&log.prefix), watcher->picture.push, job->arch.name);
    lk_tail_each(&watcher->tail, LOG_LINES, show_line, &log);
    lk_buf_fini(&log.prefix);
}

static void take_piece(struct lk_watcher *watcher, struct lk_client *client,
                       const lk_wire_LogPiece *piece, struct lk_str payload)
{
    if (!lk_log_reader_take(&watcher->reader, client, piece, payload.len))
        return;
    lk_tail_add(&watcher->tail, payload);
    if (watcher->reader.ended) {
        show_log(watcher);
        advance(watcher, client);
    }
}

static bool take_error(struct lk_watcher *watcher, struct lk_client *client,
                       const lk_wire_Envelope *in)
{
    /* Without a request: the push that is watched left the coordinator's history. */
    if ((in->request == watcher->request || in->request == 0) && watcher->request != 0) {
        lk_err_set(&watcher->refusal, lk_wire_kind_to(in->body.error.kind), "%s",
                   in->body.error.text);
        watcher->refused = true;
        lk_client_stop(client);
        return true;
    }
    if (watcher->reader.job && in->request == watcher->reader.request) {
        watcher->reader.ended = true; /* the log is gone; the push's end is told without it */
        advance(watcher, client);
        return true;
    }
    return false;
}

static void take_job(struct lk_watcher *watcher, const lk_wire_JobUpdate *update)
{
    const struct lk_picture_job *job;

    if (lk_picture_take_job(&watcher->picture, update, lk_clock_boot_ms(), &job))
        tell_job(watcher, job);
}

bool lk_watcher_take(struct lk_watcher *watcher, struct lk_client *client,
                     const lk_wire_Envelope *in, struct lk_str payload)
{
    switch (in->which_body) {
    case lk_wire_Envelope_push_update_tag:
        lk_picture_take_push(&watcher->picture, &in->body.push_update, lk_clock_boot_ms());
        break;
    case lk_wire_Envelope_package_update_tag:
        if (lk_picture_take_package(&watcher->picture, &in->body.package_update))
            tell_package(watcher, in->body.package_update.package);
        break;
    case lk_wire_Envelope_job_update_tag: take_job(watcher, &in->body.job_update); break;
    case lk_wire_Envelope_synced_tag:
        watcher->synced = in->body.synced.push == watcher->picture.push;
        break;
    case lk_wire_Envelope_log_piece_tag:
        take_piece(watcher, client, &in->body.log_piece, payload);
        return true;
    case lk_wire_Envelope_error_tag: return take_error(watcher, client, in);
    default: return false;
    }
    advance(watcher, client);
    return true;
}

void lk_watcher_tick(struct lk_watcher *watcher, struct lk_client *client)
{
    int64_t now_ms = lk_clock_boot_ms();

    if (watcher->picture.push && watcher->picture.state != lk_wire_PushState_PUSH_NONE)
        lk_progress_paint(&watcher->progress, &watcher->picture, now_ms);
    if (watcher->reader.job && !watcher->reader.ended &&
        now_ms - watcher->reader.heard_ms > LOG_PATIENCE_MS) {
        watcher->reader.ended = true;
        show_log(watcher);
        advance(watcher, client);
    }
}

static void report_result(const struct lk_watcher         *watcher,
                          const struct lk_picture_package *package)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf name = LK_BUF_INIT(4096);
    LK_CLEANUP(lk_buf_fini) struct lk_buf note = LK_BUF_INIT(LINE_BYTES);
    char                                  digest[LK_DIGEST_TEXT_SIZE];

    if (package->outcome != lk_wire_Outcome_OUTCOME_OK ||
        package->state != lk_wire_PackageState_PACKAGE_ENDED ||
        lk_digest_is_zero(&package->index_digest))
        return;
    lk_add_clean(&name, lk_str_of(package->repository));
    lk_buf_add_text(&name, ":");
    lk_add_clean(&name, lk_str_of(package->tag));
    lk_digest_format(&package->index_digest, digest);
    printf("%s@%s", lk_buf_text(&name), digest);
    if (package->text[0])
        lk_buf_add_text(&note, ", ");
    lk_add_clean(&note, lk_str_of(package->text));
    if (package->nothing_to_do && watcher->progress.mode != LK_PROGRESS_QUIET)
        printf(" is complete%s%s: nothing to do", package->is_signed ? " and signed" : "",
               lk_buf_text(&note));
    printf("\n");
}

static void report_failure(const struct lk_picture_package *package)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf text = LK_BUF_INIT(LINE_BYTES);

    if (package->outcome == lk_wire_Outcome_OUTCOME_OK)
        return;
    lk_add_clean(&text, lk_str_of(package->repository));
    lk_buf_add_text(&text, ":");
    lk_add_clean(&text, lk_str_of(package->tag));
    lk_buf_printf(&text, ": %s", lk_picture_package_word(package));
    if (package->text[0] && strcmp(package->text, lk_picture_package_word(package)) != 0) {
        lk_buf_add_text(&text, ": ");
        lk_add_clean(&text, lk_str_of(package->text));
    }
    lk_complain("%s", lk_buf_text(&text));
}

int lk_exit_of_outcome(lk_wire_Outcome outcome)
{
    int status = (int)outcome;

    return status >= 0 && status <= 255 ? status : LK_EXIT_INFRASTRUCTURE;
}

int lk_watcher_report(struct lk_watcher *watcher)
{
    const struct lk_picture *picture = &watcher->picture;

    lk_progress_clear(&watcher->progress);
    if (watcher->refused) {
        lk_err_wrap(&watcher->refusal, "push %" PRIu64, picture->push);
        return lk_exit_of_refusal(&watcher->refusal);
    }
    for (size_t i = 0; i < picture->package_count; i++) {
        LK_CLEANUP(lk_buf_fini) struct lk_buf table = LK_BUF_INIT(16 * 1024);
        const struct lk_picture_package      *package = &picture->packages[i];

        if (!package->nothing_to_do && watcher->progress.mode != LK_PROGRESS_QUIET) {
            lk_progress_table(&table, package, lk_clock_boot_ms());
            fputs(lk_buf_text(&table), stderr);
        }
        report_failure(package);
        report_result(watcher, package);
    }
    if (picture->outcome == lk_wire_Outcome_OUTCOME_CANCELLED)
        lk_complain("push %" PRIu64 " was cancelled", picture->push);
    return lk_exit_of_outcome(picture->outcome);
}

#include "common/os/clock.h"
#include "coordinator/cli/commands.h"
#include "coordinator/cli/log_reader.h"
#include "coordinator/cli/picture.h"
#include "coordinator/cli/progress.h"
#include "coordinator/cli/question.h"

#include <stdio.h>
#include <string.h>

#define LINE_BYTES (64 * 1024)
#define READERS_MAX \
    (4 * LK_PUSH_PACKAGES_MAX * LK_PACKAGE_ARCHES_MAX) /* with second attempts */
#define ASK_AT_MOST 8     /* logs read at once; each holds credit */
#define PATIENCE_MS 10000 /* for a log without an end, after the push has one */

struct values {
    const char *arch;
    const char *package;
};

static const struct lk_option options[] = {
    { "arch", LK_OPTION_TEXT, offsetof(struct values, arch), "ARCH",
      "only this architecture's" },
    { "package", LK_OPTION_TEXT, offsetof(struct values, package), "N",
      "only the package with this number, counted from 1" },
    { 0 },
};

struct log {
    struct lk_log_reader reader;
    struct lk_buf        line; /* what came of a line that has not ended */
};

struct logs {
    struct lk_picture picture;
    const char       *arch;
    uint64_t          package; /* 0: all */
    bool              synced;
    uint64_t          request;
    bool              refused;
    struct lk_err     refusal;
    size_t            count;
    struct log        logs[READERS_MAX];
};

static void print_line(struct logs *logs, struct log *log)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf out = LK_BUF_INIT(4 * LINE_BYTES);
    const struct lk_picture_package      *package;
    const struct lk_picture_job          *job =
        lk_picture_find(&logs->picture, log->reader.job, &package);

    if (job)
        lk_progress_prefix(&out, package, job);
    lk_buf_add_text(&out, " ");
    lk_add_clean(&out, lk_buf_str(&log->line));
    puts(lk_buf_text(&out));
    lk_buf_clear(&log->line);
}

static void print_bytes(struct logs *logs, struct log *log, struct lk_str bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        if (bytes.data[i] == '\n' || log->line.len == LINE_BYTES - 1)
            print_line(logs, log);
        if (bytes.data[i] != '\n' && bytes.data[i] != '\r')
            lk_buf_add(&log->line, &bytes.data[i], 1);
    }
    fflush(stdout);
}

static bool is_wanted(const struct logs *logs, size_t package, const struct lk_picture_job *job)
{
    return (!logs->arch || strcmp(logs->arch, job->arch.name) == 0) &&
           (logs->package == 0 || logs->package == package + 1) &&
           job->state != lk_wire_JobState_JOB_NONE && job->state != lk_wire_JobState_JOB_KEPT &&
           job->state != lk_wire_JobState_JOB_QUEUED;
}

static size_t reading(const struct logs *logs)
{
    size_t count = 0;

    for (size_t i = 0; i < logs->count; i++)
        count += !logs->logs[i].reader.ended;
    return count;
}

static bool is_known(const struct logs *logs, const struct lk_picture_job *job)
{
    for (size_t i = 0; i < logs->count; i++)
        if (logs->logs[i].reader.job == job->id && logs->logs[i].reader.attempt == job->attempt)
            return true;
    return false;
}

static void ask_for(struct logs *logs, struct lk_client *client,
                    const struct lk_picture_job *job)
{
    struct log *log = &logs->logs[logs->count++];

    log->line = LK_BUF_INIT(LINE_BYTES);
    lk_log_reader_start(&log->reader, client, job->id, job->attempt);
}

static void advance(struct logs *logs, struct lk_client *client)
{
    struct lk_picture *picture = &logs->picture;

    if (!logs->synced)
        return;
    for (size_t i = 0; i < picture->package_count; i++)
        for (size_t j = 0; j < picture->packages[i].job_count; j++) {
            const struct lk_picture_job *job = &picture->packages[i].jobs[j];

            if (logs->count < READERS_MAX && reading(logs) < ASK_AT_MOST &&
                is_wanted(logs, i, job) && !is_known(logs, job))
                ask_for(logs, client, job);
        }
    if (picture->state == lk_wire_PushState_PUSH_ENDED && reading(logs) == 0)
        lk_client_stop(client);
}

static void on_ready(void *ctx, struct lk_client *client)
{
    struct logs     *logs = ctx;
    lk_wire_Envelope watch = { .which_body = lk_wire_Envelope_watch_tag };

    watch.body.watch.push = logs->picture.push;
    logs->synced = false;
    logs->request = lk_client_ask(client, &watch);
    for (size_t i = 0; i < logs->count; i++)
        if (!logs->logs[i].reader.ended)
            lk_log_reader_resume(&logs->logs[i].reader, client);
}

static void take_piece(struct logs *logs, struct lk_client *client,
                       const lk_wire_LogPiece *piece, struct lk_str payload)
{
    for (size_t i = 0; i < logs->count; i++) {
        struct log *log = &logs->logs[i];

        if (!lk_log_reader_take(&log->reader, client, piece, payload.len))
            continue;
        print_bytes(logs, log, payload);
        if (log->reader.ended && log->line.len > 0)
            print_line(logs, log);
        return;
    }
}

static void take_error(struct logs *logs, struct lk_client *client, const lk_wire_Envelope *in)
{
    if (in->request == logs->request || in->request == 0) {
        lk_err_set(&logs->refusal, lk_wire_kind_to(in->body.error.kind), "%s",
                   in->body.error.text);
        logs->refused = true;
        lk_client_stop(client);
    }
    for (size_t i = 0; i < logs->count; i++)
        if (logs->logs[i].reader.request == in->request)
            logs->logs[i].reader.ended = true; /* not kept any more */
}

static void on_message(void *ctx, struct lk_client *client, const lk_wire_Envelope *in,
                       struct lk_str payload)
{
    struct logs *logs = ctx;
    int64_t      now_ms = lk_clock_boot_ms();

    switch (in->which_body) {
    case lk_wire_Envelope_push_update_tag:
        lk_picture_take_push(&logs->picture, &in->body.push_update, now_ms);
        break;
    case lk_wire_Envelope_package_update_tag:
        lk_picture_take_package(&logs->picture, &in->body.package_update);
        break;
    case lk_wire_Envelope_job_update_tag:
        lk_picture_take_job(&logs->picture, &in->body.job_update, now_ms, NULL);
        break;
    case lk_wire_Envelope_synced_tag: logs->synced = true; break;
    case lk_wire_Envelope_log_piece_tag:
        take_piece(logs, client, &in->body.log_piece, payload);
        break;
    case lk_wire_Envelope_error_tag: take_error(logs, client, in); break;
    default: return;
    }
    advance(logs, client);
}

static void on_tick(void *ctx, struct lk_client *client)
{
    struct logs *logs = ctx;
    int64_t      now_ms = lk_clock_boot_ms();

    if (logs->picture.state != lk_wire_PushState_PUSH_ENDED)
        return;
    for (size_t i = 0; i < logs->count; i++)
        if (!logs->logs[i].reader.ended && now_ms - logs->logs[i].reader.heard_ms > PATIENCE_MS)
            logs->logs[i].reader.ended = true;
    advance(logs, client);
}

static int follow(struct logs *logs, const struct lk_target *target, struct lk_err *err)
{
    LK_CLEANUP(lk_client_close) struct lk_client *client = NULL;
    const struct lk_client_handler                handler = {
                       .ready = on_ready, .message = on_message, .tick = on_tick, .ctx = logs
    };

    if (lk_client_open(&client, target, &handler, err) < 0)
        return -1;
    return lk_client_run(client, err);
}

static int parse(struct logs *logs, const struct lk_call *call, struct lk_err *err)
{
    const struct values *values = call->values;
    uint64_t             push;

    if (lk_push_parse(call->arguments[0], &push, err) < 0)
        return -1;
    logs->arch = values->arch;
    if (values->package &&
        (!lk_parse_u64(lk_str_of(values->package), LK_PUSH_PACKAGES_MAX, &logs->package) ||
         logs->package == 0))
        return lk_err_set(err, LK_ERR_INVALID, "--package %s: expected a number from 1 to %d",
                          values->package, LK_PUSH_PACKAGES_MAX);
    lk_picture_init(&logs->picture, push);
    return 0;
}

static int run(const struct lk_call *call)
{
    LK_CLEANUP(lk_free_pointer) struct logs *logs = lk_xcalloc(1, sizeof(*logs));
    struct lk_err                            err;
    int                                      status = LK_EXIT_OK;

    if (parse(logs, call, &err) < 0 || follow(logs, &call->target, &err) < 0)
        status = lk_exit_of(&err);
    else if (logs->refused)
        status = lk_exit_of_refusal(&logs->refusal);
    else if (logs->count == 0)
        fputs("nothing was built for this push that was asked for: there is no log\n", stderr);
    for (size_t i = 0; i < logs->count; i++)
        lk_buf_fini(&logs->logs[i].line);
    lk_picture_fini(&logs->picture);
    return status;
}

const struct lk_command lk_cmd_logs = {
    .name = "logs",
    .arguments = "ID",
    .summary =
        "Prints the builds' logs of a push, each line with its package and architecture.",
    .details = "Follows a push that runs to its end.  Of a log that is longer than 16 MiB the "
               "middle is "
               "left out; a line in brackets says how much.",
    .count_min = 1,
    .count_max = 1,
    .values_size = sizeof(struct values),
    .options = options,
    .run = run,
};

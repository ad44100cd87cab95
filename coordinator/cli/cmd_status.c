#include "common/json/writer.h"
#include "common/os/clock.h"
#include "coordinator/cli/commands.h"
#include "coordinator/cli/picture_json.h"
#include "coordinator/cli/progress.h"
#include "coordinator/cli/question.h"

#include <inttypes.h>
#include <stdio.h>

#define ANSWER_BYTES_MAX (16 * 1024 * 1024)

struct values {
    bool        all;
    const char *output;
};

static const struct lk_option options[] = {
    { "all", LK_OPTION_FLAG, offsetof(struct values, all), NULL,
      "also those that ended, as far as the coordinator remembers" },
    { "output", LK_OPTION_TEXT, offsetof(struct values, output), "FORM", "text or json" },
    { 0 },
};

struct listing {
    struct lk_buf  text;
    struct lk_json json;
    bool           as_json;
    size_t         count;
};

static void list_json(struct listing *listing, const lk_wire_PushUpdate *push)
{
    struct lk_json *json = &listing->json;

    lk_json_begin_object(json);
    lk_json_key(json, "push");
    lk_json_u64(json, push->push);
    lk_json_key(json, "client");
    lk_json_text(json, push->client);
    lk_json_key(json, "state");
    lk_json_text(json, lk_picture_push_word(push->state, push->outcome));
    lk_json_key(json, "ended");
    lk_json_bool(json, push->state == lk_wire_PushState_PUSH_ENDED);
    lk_json_key(json, "packages");
    lk_json_u64(json, push->packages);
    lk_json_key(json, "accepted_wall_ms");
    lk_json_u64(json, push->accepted_wall_ms);
    lk_json_key(json, "ended_wall_ms");
    lk_json_u64(json, push->ended_wall_ms);
    lk_json_end_object(json);
}

static void list_text(struct listing *listing, const lk_wire_PushUpdate *push)
{
    uint64_t now_ms = (uint64_t)lk_clock_wall_ms();
    uint64_t until_ms = push->ended_wall_ms ? push->ended_wall_ms : now_ms;
    uint64_t seconds =
        until_ms > push->accepted_wall_ms ? (until_ms - push->accepted_wall_ms) / 1000 : 0;

    lk_buf_printf(&listing->text,
                  "%-6" PRIu64 " %-22s %3" PRIu32 " package%s  %6" PRIu64 " s  ", push->push,
                  lk_picture_push_word(push->state, push->outcome), push->packages,
                  push->packages == 1 ? " " : "s", seconds);
    lk_add_clean(&listing->text, lk_str_of(push->client));
    if (push->priority != lk_wire_Priority_PRIORITY_NORMAL)
        lk_buf_add_text(&listing->text, push->priority == lk_wire_Priority_PRIORITY_HIGH
                                            ? "  high priority"
                                            : "  low priority");
    lk_buf_add_text(&listing->text, push->build_only ? "  build only\n"
                                    : push->dry_run  ? "  plan only\n"
                                                     : "\n");
}

static void take_listed(void *ctx, const lk_wire_Envelope *answer)
{
    struct listing *listing = ctx;

    if (answer->which_body != lk_wire_Envelope_push_update_tag)
        return;
    listing->count++;
    if (listing->as_json)
        list_json(listing, &answer->body.push_update);
    else
        list_text(listing, &answer->body.push_update);
}

static int print_list(const struct lk_call *call, bool as_json)
{
    const struct values *values = call->values;
    lk_wire_Envelope     list = { .which_body = lk_wire_Envelope_list_tag };
    struct listing listing = { .text = LK_BUF_INIT(ANSWER_BYTES_MAX), .as_json = as_json };
    struct lk_err  err;
    bool           refused;

    list.body.list.all = values->all;
    listing.json.out = &listing.text;
    if (as_json) {
        lk_json_begin_object(&listing.json);
        lk_json_key(&listing.json, "schema");
        lk_json_text(&listing.json, "lkcoord.pushes/1");
        lk_json_key(&listing.json, "pushes");
        lk_json_begin_array(&listing.json);
    }

    int rc = lk_question_ask(&call->target, &list, take_listed, &listing, &refused, &err);

    if (rc == 0 && as_json) {
        lk_json_end_array(&listing.json);
        lk_json_end_object(&listing.json);
        lk_buf_add_text(&listing.text, "\n");
    }
    if (rc == 0)
        fputs(lk_buf_text(&listing.text), stdout);
    if (rc == 0 && listing.count == 0 && !as_json)
        fprintf(stderr, "no push is %s\n",
                values->all ? "known" : "running; --all also lists those that ended");
    lk_buf_fini(&listing.text);
    return rc == 0 ? LK_EXIT_OK : lk_question_exit(refused, &err);
}

static void take_shown(void *ctx, const lk_wire_Envelope *answer)
{
    struct lk_picture *picture = ctx;
    int64_t            now_ms = lk_clock_boot_ms();

    if (answer->which_body == lk_wire_Envelope_push_update_tag)
        lk_picture_take_push(picture, &answer->body.push_update, now_ms);
    else if (answer->which_body == lk_wire_Envelope_package_update_tag)
        lk_picture_take_package(picture, &answer->body.package_update);
    else if (answer->which_body == lk_wire_Envelope_job_update_tag)
        lk_picture_take_job(picture, &answer->body.job_update, now_ms, NULL);
}

static void add_reason(struct lk_buf *out, const struct lk_picture_package *package)
{
    if (!package->text[0])
        return;
    lk_buf_add_text(out, "  ");
    lk_add_clean(out, lk_str_of(package->text));
    lk_buf_add_text(out, "\n");
}

static void print_picture(const struct lk_picture *picture, bool as_json)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf text = LK_BUF_INIT(ANSWER_BYTES_MAX);

    if (as_json) {
        lk_picture_json(&text, "lkcoord.push/1", picture);
    } else {
        lk_buf_printf(&text, "push %" PRIu64 "  %s\n", picture->push,
                      lk_picture_push_word(picture->state, picture->outcome));
        for (size_t i = 0; i < picture->package_count; i++) {
            lk_progress_table(&text, &picture->packages[i], lk_clock_boot_ms());
            add_reason(&text, &picture->packages[i]);
        }
    }
    fputs(lk_buf_text(&text), stdout);
}

static int print_one(const struct lk_call *call, bool as_json)
{
    LK_CLEANUP(lk_picture_fini) struct lk_picture picture = { 0 };
    lk_wire_Envelope watch = { .which_body = lk_wire_Envelope_watch_tag };
    struct lk_err    err;
    bool             refused;

    if (lk_push_parse(call->arguments[0], &watch.body.watch.push, &err) < 0)
        return lk_exit_of(&err);
    lk_picture_init(&picture, watch.body.watch.push);
    if (lk_question_ask(&call->target, &watch, take_shown, &picture, &refused, &err) < 0)
        return lk_question_exit(refused, &err);
    print_picture(&picture, as_json);
    return LK_EXIT_OK;
}

static int run(const struct lk_call *call)
{
    const struct values *values = call->values;
    struct lk_err        err;
    bool                 as_json;

    if (lk_wants_json(values->output, &as_json, &err) < 0)
        return lk_exit_of(&err);
    return call->count ? print_one(call, as_json) : print_list(call, as_json);
}

const struct lk_command lk_cmd_status = {
    .name = "status",
    .arguments = "[ID]",
    .summary = "Lists the pushes, or shows how one stands.",
    .count_max = 1,
    .values_size = sizeof(struct values),
    .options = options,
    .run = run,
};

#include "coordinator/cli/commands.h"
#include "coordinator/cli/verdict.h"

#include <stdio.h>

static const struct lk_option options[] = { LK_TRUSTED_OPTIONS, { 0 } };

static enum lk_exit verify(const struct lk_trusted *trusted, const char *text,
                           struct lk_json *json)
{
    LK_CLEANUP(lk_verdict_free) struct lk_verdict *verdict = NULL;

    lk_verdict_reach(&verdict, trusted, text);
    if (trusted->as_json) {
        lk_verdict_begin_json(json, verdict);
        lk_json_end_object(json);
    } else {
        lk_verdict_print(verdict);
    }
    return verdict->exit;
}

static enum lk_exit verify_all(const struct lk_trusted *trusted, const struct lk_call *call)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf text = LK_BUF_INIT(LK_VERDICT_BYTES_MAX);
    struct lk_json                        json = { .out = &text };
    enum lk_exit                          worst = LK_EXIT_OK;

    lk_json_begin_object(&json);
    lk_json_text_field(&json, "schema", "lkcoord.verification/1");
    lk_json_key(&json, "references");
    lk_json_begin_array(&json);
    for (size_t i = 0; i < call->count; i++)
        worst = lk_exit_worse(worst, verify(trusted, call->arguments[i], &json));
    lk_json_end_array(&json);
    lk_json_end_object(&json);
    if (trusted->as_json)
        puts(lk_buf_text(&text));
    return worst;
}

static int run(const struct lk_call *call)
{
    LK_CLEANUP(lk_free_pointer) struct lk_trusted *trusted = lk_xcalloc(1, sizeof(*trusted));
    struct lk_err                                  err;

    if (lk_trusted_load(trusted, call, &err) < 0)
        return lk_exit_of(&err);
    return (int)verify_all(trusted, call);
}

const struct lk_command lk_cmd_verify = {
    .name = "verify",
    .arguments = "REFERENCE...",
    .summary = "Checks what is published: complete, unchanged, index and images signed.",
    .details =
        "Needs no coordinator.  Prints a row for the index and each image, then the verdict: "
        "the\n"
        "one reason that matters first.  Layers are looked for, not read.  Logs in as you did "
        "with\n"
        "docker, podman or skopeo (REGISTRY_AUTH_FILE, else DOCKER_CONFIG, else\n"
        "~/.docker/config.json); exits with 6 if a reference does not verify, else with 4 if "
        "the\n"
        "registry or the trust server could not be asked.",
    .count_min = 1,
    .count_max = SIZE_MAX,
    .values_size = sizeof(struct lk_trusted_values),
    .options = options,
    .run = run,
};

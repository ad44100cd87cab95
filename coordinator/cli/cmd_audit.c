#include "coordinator/cli/commands.h"
#include "coordinator/cli/config.h"
#include "coordinator/cli/question.h"
#include "coordinator/cli/submit.h"
#include "coordinator/cli/verdict.h"

#include <stdio.h>
#include <string.h>

struct values {
    struct lk_trusted_values trusted; /* first: lk_trusted_load reads it */
    bool                     repair;
};

static const struct lk_option options[] = {
    LK_TRUSTED_OPTIONS,
    { "repair", LK_OPTION_FLAG, offsetof(struct values, repair), NULL,
      "let the coordinator sign again what its journal or a trusted signature proves" },
    { 0 },
};

/* What the coordinator says that it published under the name. */
struct memory {
    bool             asked; /* false: there is none, or the reference has no tag */
    bool             known;
    struct lk_digest index;
};

struct audit {
    const struct lk_call *call;
    struct lk_trusted     trusted;
    struct lk_verdict    *verdict;
    struct memory         memory;
    enum lk_exit          exit;
    struct lk_err         err; /* unless it is OK */
};

static void take_published(void *ctx, const lk_wire_Envelope *answer)
{
    struct memory *memory = ctx;

    if (answer->which_body != lk_wire_Envelope_published_tag)
        return;
    memcpy(memory->index.sha256, answer->body.published.index_digest.bytes,
           sizeof(memory->index.sha256));
    memory->known = true;
}

/* A private coordinator remembers nothing from one command to the next: it is not started for this. */
static int recall(struct audit *audit, struct lk_err *err)
{
    const struct lk_reference *reference = &audit->verdict->reference;
    lk_wire_Envelope           question = { .which_body = lk_wire_Envelope_recall_tag };
    bool                       absent = audit->call->target.local, refused;

    if (!absent && lk_config_is_absent(audit->call->target.config, &absent, err) < 0)
        return -1;
    if (absent || !reference->tag[0])
        return 0;
    LK_WIRE_TEXT(question.body.recall.repository, reference->repository);
    LK_WIRE_TEXT(question.body.recall.tag, reference->tag);
    audit->memory.asked = true;
    if (lk_question_ask(&audit->call->target, &question, take_published, &audit->memory,
                        &refused, err) < 0)
        return lk_err_wrap(err, "asking the coordinator what it published as %s",
                           audit->verdict->text);
    return 0;
}

/* What the registry has under the name, also where it does not verify. */
static bool has_moved(const struct audit *audit)
{
    const struct lk_digest *found = &audit->verdict->found.index.digest;

    return audit->memory.known && !lk_digest_is_zero(found) &&
           !lk_digest_eq(found, &audit->memory.index);
}

static void judge(struct audit *audit)
{
    char          ours[LK_DIGEST_TEXT_SIZE];
    struct lk_err err;

    audit->exit = audit->verdict->exit;
    audit->err = audit->verdict->err;
    if (recall(audit, &err) < 0) {
        audit->err = audit->exit == LK_EXIT_OK ? err : audit->err;
        audit->exit = lk_exit_worse(audit->exit, LK_EXIT_INFRASTRUCTURE);
    } else if (has_moved(audit) && audit->exit == LK_EXIT_OK) {
        lk_digest_format(&audit->memory.index, ours);
        audit->exit = LK_EXIT_VERIFICATION_FAILED;
        lk_err_set(
            &audit->err, LK_ERR_CONFLICT,
            "%s was moved: this coordinator published %s there last; if that is to stand "
            "again, push the package it was made of",
            audit->verdict->text, ours);
    }
}

static void look(struct audit *audit, const char *text)
{
    lk_verdict_free(&audit->verdict);
    audit->memory = (struct memory) { 0 };
    lk_verdict_reach(&audit->verdict, &audit->trusted, text);
    judge(audit);
}

static bool lacks_a_signature(const struct lk_verdict *verdict)
{
    return verdict->exit == LK_EXIT_VERIFICATION_FAILED &&
           (verdict->found.first == LK_VERIFY_INDEX_UNSIGNED ||
            verdict->found.first == LK_VERIFY_IMAGE_UNSIGNED);
}

/*
 * The name is published under itself: the coordinator looks at all of it again, takes what it knows to be its own or
 * finds signed, refuses anything else, and signs what lacks it.  No image is made or changed.
 */
static int repair(struct audit *audit, const char *text)
{
    const struct lk_submit_values values = { 0 };
    const char *const             names[] = { text, text };
    const struct lk_call          copy = { .values = &values,
                                           .arguments = names,
                                           .count = LK_COUNT(names),
                                           .target = audit->call->target };

    if (!audit->memory.asked) {
        lk_complain("%s: only a coordinator repairs, by a tag; none is configured, or the "
                    "reference has none",
                    text);
        return -1;
    }
    return lk_submit_run(LK_SUBMIT_COPY, &copy) == LK_EXIT_OK ? 0 : -1;
}

static void print(const struct audit *audit)
{
    char ours[LK_DIGEST_TEXT_SIZE];

    lk_verdict_print(audit->verdict);
    if (audit->memory.known && !has_moved(audit)) {
        printf("  published by this coordinator\n");
    } else if (audit->memory.known) {
        lk_digest_format(&audit->memory.index, ours);
        printf("  published by this coordinator: %s\n", ours);
    } else if (audit->memory.asked) {
        printf("  not known to this coordinator\n");
    }
    if (audit->exit != LK_EXIT_OK && audit->verdict->exit == LK_EXIT_OK)
        lk_exit_of(&audit->err);
}

static void add_json(struct lk_json *json, const struct audit *audit)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf text = LK_BUF_INIT(4 * LK_ERR_TEXT_MAX);
    char                                  ours[LK_DIGEST_TEXT_SIZE];

    lk_verdict_begin_json(json, audit->verdict);
    lk_json_bool_field(json, "sound", audit->exit == LK_EXIT_OK);
    if (audit->memory.known) {
        lk_digest_format(&audit->memory.index, ours);
        lk_json_text_field(json, "published", ours);
        lk_json_bool_field(json, "moved", has_moved(audit));
    }
    if (audit->exit != LK_EXIT_OK) {
        lk_add_clean(&text, lk_str_of(audit->err.text));
        lk_json_text_field(json, "problem", lk_buf_text(&text));
    }
    lk_json_end_object(json);
}

static enum lk_exit audit_one(struct audit *audit, const char *text, struct lk_json *json)
{
    const struct values *values = audit->call->values;

    look(audit, text);
    if (values->repair && lacks_a_signature(audit->verdict) && repair(audit, text) == 0)
        look(audit, text);
    if (audit->trusted.as_json)
        add_json(json, audit);
    else
        print(audit);
    return audit->exit;
}

static int audit_all(struct audit *audit)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf text = LK_BUF_INIT(LK_VERDICT_BYTES_MAX);
    struct lk_json                        json = { .out = &text };
    enum lk_exit                          worst = LK_EXIT_OK;

    lk_json_begin_object(&json);
    lk_json_text_field(&json, "schema", "lkcoord.audit/1");
    lk_json_key(&json, "references");
    lk_json_begin_array(&json);
    for (size_t i = 0; i < audit->call->count; i++)
        worst = lk_exit_worse(worst, audit_one(audit, audit->call->arguments[i], &json));
    lk_json_end_array(&json);
    lk_json_end_object(&json);
    if (audit->trusted.as_json)
        puts(lk_buf_text(&text));
    return (int)worst;
}

static int run(const struct lk_call *call)
{
    LK_CLEANUP(lk_free_pointer) struct audit *audit = lk_xcalloc(1, sizeof(*audit));
    const struct values                      *values = call->values;
    struct lk_err                             err;

    audit->call = call;
    if (lk_trusted_load(&audit->trusted, call, &err) < 0)
        return lk_exit_of(&err);
    if (values->repair && audit->trusted.as_json) {
        lk_complain("--repair tells what it does in words: leave --json away");
        return LK_EXIT_USAGE;
    }
    int status = audit_all(audit);
    lk_verdict_free(&audit->verdict);
    return status;
}

const struct lk_command lk_cmd_audit = {
    .name = "audit",
    .arguments = "REFERENCE...",
    .summary = "Looks after what was published: as verify, and whether its tag was moved.",
    .details =
        "Asks the coordinator, if one is configured, what it published last under each name.\n"
        "--repair restores signatures that are gone, where the journal or a trusted signature\n"
        "proves what is to be signed; images or blobs that are gone, and tags that were "
        "moved,\n"
        "are for a push of their package.  Exits with 6 if something is not as it should be,\n"
        "else with 4 if the registry, the trust server or the coordinator could not be asked.",
    .count_min = 1,
    .count_max = SIZE_MAX,
    .values_size = sizeof(struct values),
    .options = options,
    .run = run,
};

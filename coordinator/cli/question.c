#include "coordinator/cli/question.h"

#include "coordinator/cli/client.h"
#include "coordinator/cli/command.h"

struct question {
    const lk_wire_Envelope *message;
    void (*each)(void *ctx, const lk_wire_Envelope *answer);
    void         *ctx;
    uint64_t      request;
    bool          refused;
    struct lk_err refusal;
};

static void on_ready(void *ctx, struct lk_client *client)
{
    struct question *question = ctx;
    lk_wire_Envelope message = *question->message;

    question->request = lk_client_ask(client, &message);
}

static void on_message(void *ctx, struct lk_client *client, const lk_wire_Envelope *in,
                       struct lk_str payload)
{
    struct question *question = ctx;

    (void)payload;
    switch (in->which_body) {
    case lk_wire_Envelope_error_tag:
        if (in->request != question->request && in->request != 0)
            return;
        lk_err_set(&question->refusal, lk_wire_kind_to(in->body.error.kind), "%s",
                   in->body.error.text);
        question->refused = true;
        lk_client_stop(client);
        break;
    case lk_wire_Envelope_done_tag:
    case lk_wire_Envelope_synced_tag: lk_client_stop(client); break;
    default:
        if (question->each)
            question->each(question->ctx, in);
    }
}

int lk_question_ask(const struct lk_target *target, const lk_wire_Envelope        *message,
                    void (*each)(void *ctx, const lk_wire_Envelope *answer), void *ctx,
                    bool *refused, struct lk_err *err)
{
    LK_CLEANUP(lk_client_close) struct lk_client *client = NULL;
    struct question                question = { .message = message, .each = each, .ctx = ctx };
    const struct lk_client_handler handler = { .ready = on_ready,
                                               .message = on_message,
                                               .ctx = &question };

    *refused = false;
    if (lk_client_open(&client, target, &handler, err) < 0 || lk_client_run(client, err) < 0)
        return -1;
    if (!question.refused)
        return 0;
    *refused = true;
    *err = question.refusal;
    return -1;
}

int lk_push_parse(const char *text, uint64_t *push, struct lk_err *err)
{
    if (!lk_parse_u64(lk_str_of(text), UINT64_MAX, push) || *push == 0)
        return lk_err_set(err, LK_ERR_INVALID,
                          "\"%s\" is no push's number; `lkcoord status --all` lists them",
                          text);
    return 0;
}

int lk_question_exit(bool refused, const struct lk_err *err)
{
    return refused ? lk_exit_of_refusal(err) : lk_exit_of(err);
}

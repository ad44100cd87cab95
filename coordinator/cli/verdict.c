#include "coordinator/cli/verdict.h"

#include "common/registry/crew.h"

#include <sodium.h>

static int judge(struct lk_verdict *verdict, struct lk_err *err)
{
    const struct lk_trusted *trusted = verdict->trusted;
    struct lk_trusted_word   word;
    LK_CLEANUP(lk_crew_fini)
    struct lk_crew crew = { .repository = &verdict->reference, .options = &verdict->how };

    if (lk_trusted_reference(trusted, verdict->text, &verdict->reference, err) < 0 ||
        lk_trusted_registry(trusted, &verdict->reference, &verdict->how, err) < 0 ||
        lk_trusted_ask(trusted, &verdict->reference, &verdict->how, &word, err) < 0)
        return -1;
    const struct lk_verify_request request = {
        .reference = verdict->reference,
        .keys = trusted->keys,
        .key_count = trusted->key_count,
        .required = trusted->required,
        .required_count = trusted->required_count,
        .trusted = word.asked && !word.distrust[0] ? &word.digest : NULL,
        .distrust = word.distrust[0] ? word.distrust : NULL,
    };
    return lk_verify(&crew, &request, &verdict->found, err);
}

void lk_verdict_reach(struct lk_verdict **out, const struct lk_trusted *trusted,
                      const char *text)
{
    struct lk_verdict *verdict = lk_xcalloc(1, sizeof(*verdict));

    verdict->text = text;
    verdict->trusted = trusted;
    *out = verdict;
    if (judge(verdict, &verdict->err) == 0)
        return;
    if (verdict->err.kind == LK_ERR_CONFLICT || verdict->err.kind == LK_ERR_NOT_FOUND) {
        verdict->exit = LK_EXIT_VERIFICATION_FAILED;
        lk_err_wrap(&verdict->err, "%s does not verify", text);
    } else {
        verdict->exit = LK_EXIT_INFRASTRUCTURE;
        lk_err_wrap(&verdict->err, "%s could not be verified; try again", text);
    }
}

void lk_verdict_free(struct lk_verdict **verdict)
{
    if (*verdict)
        sodium_memzero(*verdict, sizeof(**verdict));
    lk_free_pointer(verdict);
}

enum lk_exit lk_exit_worse(enum lk_exit a, enum lk_exit b)
{
    return a == LK_EXIT_OK || b == LK_EXIT_VERIFICATION_FAILED ? b : a;
}

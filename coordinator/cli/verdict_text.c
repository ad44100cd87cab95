#include "coordinator/cli/verdict.h"

#include <stdio.h>

static void print_child(const struct lk_verdict *verdict, const struct lk_verified_child *child)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf problem = LK_BUF_INIT(4 * LK_REASON_SIZE);
    char                                  digest[LK_DIGEST_TEXT_SIZE];

    lk_add_clean(&problem, lk_str_of(child->problem.text));
    lk_digest_format(&child->entry.descriptor.digest, digest);
    printf("  %-8s %s  %s, %s%s%s\n", child->is_image ? child->entry.arch.name : "-", digest,
           !child->is_image  ? "no image"
           : child->is_right ? "as stated"
                             : "not as stated",
           child->is_signed                                       ? "signed"
           : !child->is_image || verdict->trusted->key_count == 0 ? "covered by the index"
                                                                  : "not signed",
           problem.len ? ": " : "", lk_buf_text(&problem));
}

static bool is_trusted(const struct lk_verification *found)
{
    return found->problem.reason != LK_VERIFY_NOT_TRUSTED;
}

static void print_rows(const struct lk_verdict *verdict)
{
    const struct lk_verification *found = &verdict->found;
    const struct lk_trusted      *trusted = verdict->trusted;
    char                          digest[LK_DIGEST_TEXT_SIZE];

    if (lk_digest_is_zero(&found->index.digest))
        return;
    lk_digest_format(&found->index.digest, digest);
    printf("%s\n  %-8s %s  %s%s%s\n", verdict->text, "index", digest,
           trusted->key_count == 0  ? ""
           : found->index_is_signed ? "signed"
                                    : "not signed",
           trusted->key_count && trusted->asks_server ? ", " : "",
           !trusted->asks_server ? ""
           : is_trusted(found)   ? "as content trust says"
                                 : "not as content trust says");
    for (size_t i = 0; i < found->count; i++)
        print_child(verdict, &found->children[i]);
}

void lk_verdict_print(const struct lk_verdict *verdict)
{
    print_rows(verdict);
    if (verdict->exit != LK_EXIT_OK)
        lk_exit_of(&verdict->err);
    else
        printf("%s is complete and %s\n", verdict->text,
               verdict->trusted->key_count ? "signed" : "what content trust says");
}

/* For programs. */
static const char *word_of(const struct lk_verdict *verdict)
{
    return verdict->exit == LK_EXIT_OK ? "verified"
           : verdict->exit == LK_EXIT_VERIFICATION_FAILED
               ? lk_verify_reason_name(verdict->found.first)
               : "unreachable";
}

static void add_problem(struct lk_json *json, const struct lk_verify_problem *problem)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf text = LK_BUF_INIT(4 * LK_REASON_SIZE);

    if (problem->reason == LK_VERIFY_FINE)
        return;
    lk_add_clean(&text, lk_str_of(problem->text));
    lk_json_text_field(json, "reason", lk_verify_reason_name(problem->reason));
    lk_json_text_field(json, "text", lk_buf_text(&text));
}

static void add_child(struct lk_json *json, const struct lk_verdict *verdict,
                      const struct lk_verified_child *child)
{
    char digest[LK_DIGEST_TEXT_SIZE];

    lk_digest_format(&child->entry.descriptor.digest, digest);
    lk_json_begin_object(json);
    lk_json_text_field(json, "os", child->entry.os);
    lk_json_text_field(json, "arch", child->entry.arch.name);
    lk_json_text_field(json, "digest", digest);
    lk_json_bool_field(json, "is_image", child->is_image);
    lk_json_bool_field(json, "as_stated", child->is_right);
    if (verdict->trusted->key_count && child->is_image)
        lk_json_bool_field(json, "signed", child->is_signed);
    add_problem(json, &child->problem);
    lk_json_end_object(json);
}

static void add_index(struct lk_json *json, const struct lk_verdict *verdict)
{
    const struct lk_verification *found = &verdict->found;
    char                          digest[LK_DIGEST_TEXT_SIZE];

    lk_digest_format(&found->index.digest, digest);
    lk_json_key(json, "index");
    lk_json_begin_object(json);
    lk_json_text_field(json, "digest", digest);
    if (verdict->trusted->key_count)
        lk_json_bool_field(json, "signed", found->index_is_signed);
    if (verdict->trusted->asks_server)
        lk_json_bool_field(json, "content_trust", is_trusted(found));
    add_problem(json, &found->problem);
    lk_json_end_object(json);
    lk_json_key(json, "images");
    lk_json_begin_array(json);
    for (size_t i = 0; i < found->count; i++)
        add_child(json, verdict, &found->children[i]);
    lk_json_end_array(json);
}

void lk_verdict_begin_json(struct lk_json *json, const struct lk_verdict *verdict)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf text = LK_BUF_INIT(4 * LK_ERR_TEXT_MAX);

    lk_json_begin_object(json);
    lk_json_text_field(json, "reference", verdict->text);
    lk_json_bool_field(json, "verified", verdict->exit == LK_EXIT_OK);
    lk_json_text_field(json, "verdict", word_of(verdict));
    if (verdict->exit != LK_EXIT_OK) {
        lk_add_clean(&text, lk_str_of(verdict->err.text));
        lk_json_text_field(json, "text", lk_buf_text(&text));
    }
    if (!lk_digest_is_zero(&verdict->found.index.digest))
        add_index(json, verdict);
}

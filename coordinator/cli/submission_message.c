#include "coordinator/cli/submission_parts.h"

#include "coordinator/cli/deadline.h"

#include <string.h>
#include <sys/random.h>

static int check_count(const char *option, const struct lk_words *words, size_t max,
                       struct lk_err *err)
{
    if (words->count <= max)
        return 0;
    return lk_err_set(err, LK_ERR_INVALID, "--%s was given more than %zu times", option, max);
}

static int set_adopt(lk_wire_Submit *message, const struct lk_words *words, struct lk_err *err)
{
    for (size_t i = 0; i < words->count; i++) {
        struct lk_digest digest;

        if (!lk_digest_parse(lk_str_of(words->words[i]), &digest))
            return lk_err_set(err, LK_ERR_INVALID,
                              "--adopt %s: expected sha256: and 64 lower-case hex digits",
                              words->words[i]);
        memcpy(message->adopt[message->adopt_count++], digest.sha256, sizeof(digest.sha256));
    }
    return 0;
}

static int set_replace(lk_wire_Submit *message, const struct lk_words *words,
                       struct lk_err *err)
{
    for (size_t i = 0; i < words->count; i++) {
        struct lk_arch arch;

        if (!lk_arch_parse(lk_str_of(words->words[i]), &arch))
            return lk_err_set(err, LK_ERR_INVALID,
                              "--replace %s: that is no architecture's name", words->words[i]);
        LK_WIRE_TEXT(message->replace[message->replace_count++], arch.name);
    }
    return 0;
}

static int set_priority(lk_wire_Submit *message, const char *word, struct lk_err *err)
{
    static const char *const words[] = {
        [lk_wire_Priority_PRIORITY_NORMAL] = "normal",
        [lk_wire_Priority_PRIORITY_LOW] = "low",
        [lk_wire_Priority_PRIORITY_HIGH] = "high",
    };

    for (unsigned i = 0; word && i < LK_COUNT(words); i++)
        if (strcmp(word, words[i]) == 0) {
            message->priority = (lk_wire_Priority)i;
            return 0;
        }
    return word ? lk_err_set(err, LK_ERR_INVALID, "--priority %s: expected low, normal or high",
                             word)
                : 0;
}

static int set_timeout(uint32_t *timeout_s, const char *option, const char *seconds,
                       struct lk_err *err)
{
    int64_t timeout_ms;

    if (lk_deadline_parse(&timeout_ms, option, seconds, err) < 0)
        return -1;
    *timeout_s = (uint32_t)(timeout_ms / 1000);
    return 0;
}

int lk_submission_set_message(lk_wire_Submit *message, enum lk_submission_mode mode,
                              const struct lk_submit_values *values, struct lk_err *err)
{
    message->sequential = values->sequential;
    message->in_turn = values->in_turn;
    message->allow_emulation = values->allow_emulation;
    message->no_signature = values->disable_content_trust;
    message->force = values->force;
    message->dry_run = mode == LK_SUBMIT_PLAN || values->dry_run;
    message->build_only = mode == LK_SUBMIT_BUILD;
    message->no_build = values->no_build;
    message->no_arch_tags = values->no_arch_tags;
    message->keep_going = values->keep_going;
    message->fail_fast = values->fail_fast;
    if (getrandom(message->request_key, sizeof(message->request_key), 0) !=
        sizeof(message->request_key))
        return lk_err_sys(err, "asking the kernel for random bytes");
    if (check_count("adopt", &values->adopt, LK_COUNT(message->adopt), err) < 0 ||
        check_count("replace", &values->replace, LK_COUNT(message->replace), err) < 0)
        return -1;
    if (set_adopt(message, &values->adopt, err) < 0 ||
        set_priority(message, values->priority, err) < 0 ||
        set_timeout(&message->job_timeout_s, "job-timeout", values->job_timeout, err) < 0 ||
        set_timeout(&message->timeout_s, "timeout", values->timeout, err) < 0)
        return -1;
    return set_replace(message, &values->replace, err);
}

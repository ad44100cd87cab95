/* A signer that is a program of one's own, as the coordinator sees it: what its ends mean. */
#include "coordinator/sign/outside.h"

#include "common/keyfile/signing_key.h"
#include "common/os/clock.h"
#include "tests/unit/source_helper.h"

#define LIMIT_MS 5000

/* A program of these lines of shell. */
static const char *program_of(void **state, const char *lines)
{
    LK_CLEANUP(lk_free_pointer) char *text = lk_xasprintf("#!/bin/sh\n%s\n", lines);
    const char                       *path = scratch_path(state, "signer");
    struct lk_err                     err;

    must(lk_file_replace(path, lk_str_of(text), 0700, &err), &err);
    return path;
}

static int ask(const char *program, uint32_t limit_ms, struct lk_err *err)
{
    LK_CLEANUP(lk_signing_key_free) struct lk_signing_key *key = NULL;
    struct lk_signatures of = { .name_count = 1, .key_count = 1 };
    const char *const    argv[] = { program, "--key", "7", NULL };

    must(lk_signing_key_new(&key, LK_KEY_ED25519, err), err);
    of.keys[0] = *lk_signing_key_public(key);
    strcpy(of.names[0], "registry.example/org/x:1");
    return lk_outside_run(argv, limit_ms, &of, err);
}

static void ends_with(const char *program, uint32_t limit_ms, enum lk_err_kind kind,
                      const char *text)
{
    struct lk_err err = { 0 };

    assert_int_equal(ask(program, limit_ms, &err), -1);
    must_say(&err, text);
    must_say(&err, program);
    assert_int_equal(err.kind, kind);
}

static void what_it_cannot_do_now_is_asked_again(void **state)
{
    ends_with(program_of(state, "exit 75"), LIMIT_MS, LK_ERR_RETRY, "cannot sign now");
}

static void what_it_refuses_is_refused(void **state)
{
    ends_with(program_of(state, "exit 1"), LIMIT_MS, LK_ERR_DENIED,
              "refuses to sign (exit status 1)");
    ends_with(program_of(state, "kill -SEGV $$"), LIMIT_MS, LK_ERR_DENIED, "refuses to sign");
}

static void one_that_is_not_there_is_asked_again(void **state)
{
    ends_with(scratch_path(state, "nothing"), LIMIT_MS, LK_ERR_RETRY, "No such file");
}

static bool is_running(void **state)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf pid = LK_BUF_INIT(64);
    struct lk_err                         err;

    must(lk_file_read(scratch_path(state, "child"), &pid, &err), &err);
    LK_CLEANUP(lk_free_pointer) char *path = lk_xasprintf("/proc/%d", atoi(lk_buf_text(&pid)));
    return access(path, F_OK) == 0;
}

static void one_that_takes_too_long_is_ended_with_its_children_and_asked_again(void **state)
{
    LK_CLEANUP(lk_free_pointer)
    char *lines = lk_xasprintf("sleep 600 & echo $! >%s; wait", scratch_path(state, "child"));
    const char *program = program_of(state, lines);
    int64_t     began_ms = lk_clock_boot_ms();

    ends_with(program, 1000, LK_ERR_RETRY, "");
    assert_true(lk_clock_boot_ms() - began_ms < 300000);
    for (int tries = 0; is_running(state) && tries < 1000; tries++)
        usleep(10000);
    assert_false(is_running(state));
}

static void what_is_no_signature_by_the_key_is_used_for_nothing(void **state)
{
    ends_with(program_of(state, "echo not in base64"), LIMIT_MS, LK_ERR_CONFLICT,
              "no signature in base64");
    ends_with(program_of(state, "true"), LIMIT_MS, LK_ERR_CONFLICT, "");
    ends_with(program_of(state, "yes | head -c 100000"), LIMIT_MS, LK_ERR_CONFLICT,
              "no signature in base64");
    ends_with(program_of(state, "head -c 64 /dev/zero | base64 -w 0"), LIMIT_MS,
              LK_ERR_CONFLICT, "");
}

static void it_gets_its_arguments_and_the_bytes_to_sign(void **state)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf seen = LK_BUF_INIT(LK_PAYLOAD_MAX);
    struct lk_err                         err;
    LK_CLEANUP(lk_free_pointer)
    char *lines =
        lk_xasprintf("{ echo \"$@\"; cat; } >%s; exit 75", scratch_path(state, "seen"));

    ends_with(program_of(state, lines), LIMIT_MS, LK_ERR_RETRY, "cannot sign now");
    must(lk_file_read(scratch_path(state, "seen"), &seen, &err), &err);
    assert_non_null(strstr(lk_buf_text(&seen), "--key 7\n{\"critical\":"));
    assert_non_null(strstr(lk_buf_text(&seen), "registry.example/org/x:1"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_make, scratch_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_it_cannot_do_now_is_asked_again),
        TEST(what_it_refuses_is_refused),
        TEST(one_that_is_not_there_is_asked_again),
        TEST(one_that_takes_too_long_is_ended_with_its_children_and_asked_again),
        TEST(what_is_no_signature_by_the_key_is_used_for_nothing),
        TEST(it_gets_its_arguments_and_the_bytes_to_sign),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "tests/unit/source_helper.h"

#include "common/os/spawn.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

static int run(const char *script, struct lk_buf *output)
{
    const char   *argv[] = { "sh", "-c", script, NULL };
    struct lk_err err;
    int           status = -1;

    must(lk_run(argv, output, &status, &err), &err);
    return status;
}

static void the_exit_status_and_both_outputs_come_back(void **state)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf output = LK_BUF_INIT(100);

    (void)state;
    assert_int_equal(run("echo out; echo err >&2; exit 7", &output), 7);
    assert_string_equal(lk_buf_text(&output), "out\nerr\n");
    assert_int_equal(run("kill -TERM $$", NULL), 128 + SIGTERM);
}

static void output_beyond_the_maximum_is_dropped_and_the_child_still_ends(void **state)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf output = LK_BUF_INIT(10);

    (void)state;
    assert_int_equal(run("head -c 1000000 /dev/zero | tr '\\0' x", &output), 0);
    assert_string_equal(lk_buf_text(&output), "xxxxxxxxxx");
}

static void a_grandchild_that_keeps_the_pipe_does_not_keep_us(void **state)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf output = LK_BUF_INIT(20);

    (void)state;
    assert_int_equal(run("sleep 5 & echo $!", &output), 0);
    kill(atoi(lk_buf_text(&output)), SIGKILL);
}

static void an_unknown_program_is_not_found_by_name(void **state)
{
    const char   *argv[] = { "lk-no-such-program", NULL };
    struct lk_err err;
    int           status;

    (void)state;
    assert_int_equal(lk_run(argv, NULL, &status, &err), -1);
    assert_int_equal(err.kind, LK_ERR_NOT_FOUND);
    must_say(&err, "lk-no-such-program");
}

static void the_child_has_three_descriptors_and_a_clean_signal_state(void **state)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf output = LK_BUF_INIT(1000);
    sigset_t                              all, before;
    int                                   leaky = open("/dev/null", O_RDONLY);

    (void)state;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &before);
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(
        run("ls /proc/$$/fd | tr '\\n' ' '; exec grep -E 'Sig(Blk|Ign)' /proc/self/status",
            &output),
        0);
    sigprocmask(SIG_SETMASK, &before, NULL);
    signal(SIGPIPE, SIG_DFL);
    close(leaky);
    assert_true(lk_str_starts(lk_buf_str(&output), "0 1 2 "));
    assert_non_null(strstr(output.data, "SigBlk:\t0000000000000000"));
    /* glibc ignores the two signals that it keeps for itself, 32 and 33. */
    const char *ignored = strstr(output.data, "SigIgn:\t");
    assert_non_null(ignored);
    assert_int_equal(strtoull(ignored + 8, NULL, 16) & 0x7fffffff, 0);
}

static void what_is_kept_is_the_childs_from_3_on(void **state)
{
    const char     *argv[] = { "sh", "-c", "cat <&3; cat <&4; ls /proc/self/fd | wc -l", NULL };
    int             kept[2];
    struct lk_spawn spawn = { .argv = argv, .capture = true, .keep_count = 2, .keep = kept };
    struct lk_process        process;
    struct lk_err            err;
    char                     said[32] = "";
    static const char *const texts[] = { "one ", "two " };

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        int file = memfd_create("kept", MFD_CLOEXEC);

        assert_int_equal(write(file, texts[i], 4), 4);
        assert_int_equal(lseek(file, 0, SEEK_SET), 0);
        kept[i] = fcntl(file, F_DUPFD_CLOEXEC, LK_SPAWN_KEEP_FD_MIN);
        close(file);
    }
    must(lk_spawn_start(&process, &spawn, &err), &err);
    struct pollfd end = { .fd = process.pidfd, .events = POLLIN };
    assert_int_equal(poll(&end, 1, 10000), 1);
    assert_true(read(process.output, said, sizeof(said) - 1) > 0);
    assert_int_equal(lk_process_finish(&process), 0);
    /* 0 to 4, and the one that ls reads. */
    assert_string_equal(said, "one two 6\n");
    close(kept[0]);
    close(kept[1]);
}

static void environment_and_directory_are_those_asked_for(void **state)
{
    const char     *argv[] = { "sh", "-c", "pwd; echo $COLOUR$HOME", NULL };
    const char     *environment[] = { "COLOUR=blue", NULL };
    struct lk_spawn spawn = {
        .argv = argv, .environment = environment, .directory = "/usr", .capture = true
    };
    struct lk_process process;
    struct lk_err     err;
    char              text[64] = "";

    (void)state;
    must(lk_spawn_start(&process, &spawn, &err), &err);
    assert_int_equal(poll(&(struct pollfd) { process.pidfd, POLLIN, 0 }, 1, 10000), 1);
    assert_true(read(process.output, text, sizeof(text) - 1) > 0);
    assert_string_equal(text, "/usr\nblue\n");
    assert_int_equal(lk_process_finish(&process), 0);
}

static void killing_reaches_the_whole_group_and_is_safe_afterwards(void **state)
{
    const char       *argv[] = { "sh", "-c", "sleep 100 & wait", NULL };
    struct lk_spawn   spawn = { .argv = argv, .capture = true };
    struct lk_process process;
    struct lk_err     err;

    (void)state;
    must(lk_spawn_start(&process, &spawn, &err), &err);
    lk_process_kill(&process, SIGKILL);
    assert_int_equal(poll(&(struct pollfd) { process.pidfd, POLLIN, 0 }, 1, 10000), 1);
    /* The pipe hangs up only when the last one that could write is dead. */
    struct pollfd pipe = { process.output, POLLIN, 0 };
    assert_int_equal(poll(&pipe, 1, 10000), 1);
    assert_int_equal(pipe.revents, POLLHUP);
    assert_int_equal(lk_process_finish(&process), 128 + SIGKILL);
    assert_int_equal(process.pidfd, -1);
    assert_int_equal(process.output, -1);
    lk_process_kill(&process, SIGKILL);
}

static void a_question_is_read_and_only_what_was_printed_comes_back(void **state)
{
    const char *argv[] = { "sh", "-c", "read line; echo noise >&2; echo \"got $line\"; exit 3",
                           NULL };
    const struct lk_question              question = { LK_STR("hello\n"), 10000 };
    LK_CLEANUP(lk_buf_fini) struct lk_buf answer = LK_BUF_INIT(100);
    struct lk_err                         err;
    int                                   status;

    (void)state;
    must(lk_ask(argv, &question, &answer, &status, &err), &err);
    assert_string_equal(lk_buf_text(&answer), "got hello\n");
    assert_int_equal(status, 3);
}

static void who_does_not_answer_in_time_is_killed(void **state)
{
    const char                           *argv[] = { "sh", "-c", "echo early; sleep 60", NULL };
    const struct lk_question              question = { LK_STR(""), 300 };
    LK_CLEANUP(lk_buf_fini) struct lk_buf answer = LK_BUF_INIT(100);
    struct lk_err                         err;
    int                                   status;

    (void)state;
    assert_int_equal(lk_ask(argv, &question, &answer, &status, &err), -1);
    assert_int_equal(err.kind, LK_ERR_RETRY);
    assert_int_equal(status, 128 + SIGKILL);
    must_say(&err, "sh has not answered");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_exit_status_and_both_outputs_come_back),
        cmocka_unit_test(output_beyond_the_maximum_is_dropped_and_the_child_still_ends),
        cmocka_unit_test(a_grandchild_that_keeps_the_pipe_does_not_keep_us),
        cmocka_unit_test(an_unknown_program_is_not_found_by_name),
        cmocka_unit_test(the_child_has_three_descriptors_and_a_clean_signal_state),
        cmocka_unit_test(what_is_kept_is_the_childs_from_3_on),
        cmocka_unit_test(environment_and_directory_are_those_asked_for),
        cmocka_unit_test(a_question_is_read_and_only_what_was_printed_comes_back),
        cmocka_unit_test(who_does_not_answer_in_time_is_killed),
        cmocka_unit_test(killing_reaches_the_whole_group_and_is_safe_afterwards),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

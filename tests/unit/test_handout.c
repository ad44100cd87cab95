/* Files handed from one process to another: what is given arrives, and nothing else. */
#include "common/os/handout.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static char directory[] = "/tmp/lk-test-handout-XXXXXX";
static char path[64];

static int start(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof(path), "%s/" LK_HANDOUT_PREFIX "1", directory);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(directory);
}

/* Answers once: what is right for "mine", with the end for all else. */
static void *answer(void *ctx)
{
    const struct lk_handout *handout = ctx;
    int                      listener = handout->fds[LK_HANDOUT_FILES_MAX - 1];
    char                     question[LK_HANDOUT_QUESTION_MAX];
    size_t                   len = 0;
    int                      peer = lk_handout_accept(listener, question, &len);
    struct lk_err            err = { 0 };

    if (peer >= 0 && len == 4 && memcmp(question, "mine", 4) == 0)
        lk_handout_give(peer, handout, &err);
    lk_close_fd(&peer);
    return err.kind == LK_ERR_NONE ? NULL : ctx;
}

static int ask(struct lk_handout *given, struct lk_handout *out, const char *question,
               struct lk_err *err)
{
    pthread_t thread;
    void     *failed = NULL;
    int       listener = lk_handout_listen(path, err);

    assert_true(listener >= 0);
    given->fds[LK_HANDOUT_FILES_MAX - 1] = listener;
    assert_int_equal(pthread_create(&thread, NULL, answer, given), 0);

    int result = lk_handout_ask(out, path, lk_str_of(question), err);

    assert_int_equal(pthread_join(thread, &failed), 0);
    assert_null(failed);
    close(listener);
    unlink(path);
    return result;
}

static int file_with(const char *text)
{
    int fd = memfd_create("file", MFD_CLOEXEC);

    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    return fd;
}

static void files_arrive_with_their_names_and_the_note(void **state)
{
    struct lk_handout given = { .note = "/run/agent.sock",
                                .count = 2,
                                .names = { "first", "second" } };
    struct lk_handout got;
    struct lk_err     err;
    char              text[8] = "";

    (void)state;
    given.fds[0] = file_with("one");
    given.fds[1] = file_with("two");
    assert_int_equal(ask(&given, &got, "mine", &err), 0);
    assert_string_equal(got.note, "/run/agent.sock");
    assert_int_equal(got.count, 2);
    assert_string_equal(got.names[1], "second");
    assert_int_equal(pread(got.fds[1], text, sizeof(text), 0), 3);
    assert_string_equal(text, "two");
    assert_true(fcntl(got.fds[0], F_GETFD) & FD_CLOEXEC);
    lk_handout_fini(&got);
    lk_handout_fini(&given);
}

static void a_note_alone_is_enough(void **state)
{
    struct lk_handout given = { .note = "/x" }, got;
    struct lk_err     err;

    (void)state;
    assert_int_equal(ask(&given, &got, "mine", &err), 0);
    assert_int_equal(got.count, 0);
    assert_string_equal(got.note, "/x");
}

static void other_questions_get_nothing(void **state)
{
    struct lk_handout given = { .note = "/x" }, got;
    struct lk_err     err;

    (void)state;
    assert_int_equal(ask(&given, &got, "yours", &err), -1);
    assert_int_equal(err.kind, LK_ERR_NOT_FOUND);
}

static void nobody_there_is_not_found(void **state)
{
    struct lk_handout got;
    struct lk_err     err;

    (void)state;
    assert_int_equal(lk_handout_ask(&got, path, LK_STR("mine"), &err), -1);
    assert_int_equal(err.kind, LK_ERR_NOT_FOUND);

    int listener = lk_handout_listen(path, &err);
    assert_int_equal(lk_handout_listen(path, &err), -1);
    assert_int_equal(err.kind, LK_ERR_CONFLICT);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    close(listener);
    /* As after a kill: the socket is there, and nobody behind it. */
    assert_int_equal(lk_handout_ask(&got, path, LK_STR("mine"), &err), -1);
    assert_int_equal(err.kind, LK_ERR_NOT_FOUND);
    unlink(path);
}

/* Sends what lk_handout_give would not. */
static void *answer_badly(void *ctx)
{
    const char *text = ctx;
    char        question[LK_HANDOUT_QUESTION_MAX];
    size_t      len;
    int         listener;

    memcpy(&listener, text, sizeof(listener));
    text += sizeof(listener);
    int peer = lk_handout_accept(listener, question, &len);
    send(peer, text, strlen(text), 0);
    close(peer);
    return NULL;
}

static void what_makes_no_sense_is_refused(void **state)
{
    static const char *const answers[] = { "note", "\nname without a file\n", "\nrest",
                                           "a\nb\nc" };

    (void)state;
    for (size_t i = 0; i < LK_COUNT(answers); i++) {
        struct lk_handout got;
        struct lk_err     err;
        pthread_t         thread;
        char              context[128];
        int               listener = lk_handout_listen(path, &err);

        memcpy(context, &listener, sizeof(listener));
        snprintf(context + sizeof(listener), sizeof(context) - sizeof(listener), "%s",
                 answers[i]);
        assert_int_equal(pthread_create(&thread, NULL, answer_badly, context), 0);
        assert_int_equal(lk_handout_ask(&got, path, LK_STR("mine"), &err), -1);
        assert_int_equal(err.kind, LK_ERR_INVALID);
        pthread_join(thread, NULL);
        close(listener);
        unlink(path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_arrive_with_their_names_and_the_note),
        cmocka_unit_test(a_note_alone_is_enough),
        cmocka_unit_test(other_questions_get_nothing),
        cmocka_unit_test(nobody_there_is_not_found),
        cmocka_unit_test(what_makes_no_sense_is_refused),
    };

    return cmocka_run_group_tests(tests, start, stop);
}

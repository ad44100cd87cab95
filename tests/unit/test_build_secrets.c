/* An agent's way to a build's secrets: from whoever on this host has them, or a reason. */
#include "agent/builder/secrets.h"

#include "common/os/file.h"
#include "common/os/spawn.h"
#include "coordinator/cli/secrets.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char                directory[] = "/tmp/lk-test-secrets-XXXXXX";
static char                state[64];
static const struct lk_oid ours = { { 1, 2, 3 } };
static const struct lk_oid others = { { 4, 5, 6 } };

/* As lkcoord does: the values are read, a specification is marked, and they are offered. */
static int start(void **ctx)
{
    struct lk_secret_values values = { .secrets = { .count = 2 } };
    struct lk_secrets      *secrets = NULL;
    char                    file[128];
    struct lk_err           err;

    assert_non_null(mkdtemp(directory));
    setenv("XDG_STATE_HOME", directory, 1);
    snprintf(state, sizeof(state), "%s/lkcoord", directory);
    snprintf(file, sizeof(file), "%s/value", directory);
    assert_int_equal(lk_file_create(file, LK_STR("from a file"), 0600, &err), 0);
    setenv("LK_TEST_SECRET", "from a variable", 1);
    LK_CLEANUP(lk_free_pointer) char *first = lk_xasprintf("id=one,src=%s", file);
    values.secrets.words[0] = first;
    values.secrets.words[1] = "id=two,env=LK_TEST_SECRET";
    if (lk_secrets_read(&secrets, &values, &err) < 0)
        fail_msg("%s", err.text);
    assert_null(getenv("LK_TEST_SECRET"));
    lk_secrets_know(secrets, &ours);
    assert_int_equal(lk_secrets_offer(secrets, false, &err), -1);
    assert_int_equal(err.kind, LK_ERR_INVALID);
    if (lk_secrets_offer(secrets, true, &err) < 0)
        fail_msg("%s", err.text);
    *ctx = secrets;
    return 0;
}

static int stop(void **ctx)
{
    struct lk_secrets *secrets = *ctx;
    struct lk_err      err;

    lk_secrets_free(&secrets);
    return lk_directory_remove(directory, &err);
}

static void make_spec(struct lk_spec *out, const struct lk_secrets *secrets)
{
    struct lk_err err;

    *out = (struct lk_spec) { .origin = LK_ORIGIN_BUILD };
    assert_int_equal(lk_secrets_mark(secrets, out, &err), 0);
    assert_int_equal(out->secret_count, 2);
}

static void assert_holds(int fd, const char *text)
{
    char found[64] = "";

    assert_true(fd >= LK_SPAWN_KEEP_FD_MIN);
    assert_int_equal(read(fd, found, sizeof(found) - 1), strlen(text));
    assert_string_equal(found, text);
    assert_int_equal(write(fd, "x", 1), -1);
}

static void each_build_reads_them_from_their_start(void **ctx)
{
    LK_CLEANUP(lk_spec_fini) struct lk_spec spec;
    struct lk_build_secrets                 builds[2];
    struct lk_err                           err;

    make_spec(&spec, *ctx);
    for (size_t i = 0; i < 2; i++) {
        if (lk_build_secrets_take(&builds[i], state, &spec, &ours, &err) < 0)
            fail_msg("%s", err.text);
        assert_int_equal(builds[i].count, 2);
        assert_holds(builds[i].fds[0], "from a file");
        assert_holds(builds[i].fds[1], "from a variable");
        assert_string_equal(builds[i].ssh, "");
    }
    lk_build_secrets_fini(&builds[0]);
    lk_build_secrets_fini(&builds[1]);
}

static void expect(const struct lk_spec *spec, const char *where, const struct lk_oid *spec_id,
                   enum lk_err_kind kind, const char *words)
{
    struct lk_build_secrets secrets;
    struct lk_err           err;

    assert_int_equal(lk_build_secrets_take(&secrets, where, spec, spec_id, &err), -1);
    if (err.kind != kind || !strstr(err.text, words))
        fail_msg("%s, %s", lk_err_kind_name(err.kind), err.text);
    assert_int_equal(secrets.count, 0);
}

static void what_cannot_be_had_is_said(void **ctx)
{
    LK_CLEANUP(lk_spec_fini) struct lk_spec spec;
    struct lk_err                           err;

    make_spec(&spec, *ctx);
    expect(&spec, "", &ours, LK_ERR_INVALID, "for a private coordinator only");
    expect(&spec, state, &others, LK_ERR_DENIED, "is gone: run it again");
    expect(&spec, directory, &ours, LK_ERR_DENIED, "is gone: run it again");
    assert_int_equal(lk_spec_add_secret(&spec, "three", &err), 0);
    expect(&spec, state, &ours, LK_ERR_DENIED, "no secret \"three\"");
    spec.ssh = true;
    expect(&spec, state, &ours, LK_ERR_DENIED, "no ssh-agent");
}

static void sockets_of_the_dead_are_passed_over(void **ctx)
{
    LK_CLEANUP(lk_spec_fini) struct lk_spec spec;
    struct lk_build_secrets                 secrets;
    struct lk_err                           err;

    make_spec(&spec, *ctx);
    for (int i = 1; i < 20; i++) {
        LK_CLEANUP(lk_free_pointer)
        char *path = lk_xasprintf("%s/" LK_HANDOUT_PREFIX "99999%d", state, i);
        int   dead = lk_handout_listen(path, &err);

        assert_true(dead >= 0);
        close(dead);
    }
    assert_int_equal(lk_build_secrets_take(&secrets, state, &spec, &ours, &err), 0);
    lk_build_secrets_fini(&secrets);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_build_reads_them_from_their_start),
        cmocka_unit_test(what_cannot_be_had_is_said),
        cmocka_unit_test(sockets_of_the_dead_are_passed_over),
    };

    return cmocka_run_group_tests(tests, start, stop);
}

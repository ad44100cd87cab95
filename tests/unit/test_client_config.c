/* coordinator/cli/config: which file is read, and what it says of architectures. */
#include "coordinator/cli/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[64];
static char file[128];

static int make_home(void **state)
{
    (void)state;
    snprintf(directory, sizeof(directory), "/tmp/lk-config-XXXXXX");
    assert_non_null(mkdtemp(directory));
    setenv("XDG_CONFIG_HOME", directory, 1);
    unsetenv("LKCOORD_CONFIG");
    snprintf(file, sizeof(file), "%s/lkcoord", directory);
    assert_int_equal(mkdir(file, 0755), 0);
    strcat(file, "/config.yml");
    return 0;
}

static int remove_home(void **state)
{
    (void)state;
    unlink(file);
    *strrchr(file, '/') = '\0';
    rmdir(file);
    return rmdir(directory);
}

static void write_config(const char *text)
{
    FILE *stream = fopen(file, "w");

    assert_non_null(stream);
    assert_true(fputs(text, stream) >= 0);
    assert_int_equal(fclose(stream), 0);
}

static void expect_arches(const char *text, const char *expected)
{
    struct lk_arch arches[LK_PACKAGE_ARCHES_MAX];
    struct lk_err  err = { 0 };
    char           shown[200] = "";
    size_t         count;

    write_config(text);
    if (lk_config_default_arches(NULL, arches, &count, &err) < 0)
        fail_msg("%s", err.text);
    for (size_t i = 0; i < count; i++) {
        strcat(shown, arches[i].name);
        strcat(shown, " ");
    }
    assert_string_equal(shown, expected);
}

static void expect_refusal(const char *text, const char *message)
{
    struct lk_arch arches[LK_PACKAGE_ARCHES_MAX];
    struct lk_err  err = { 0 };
    size_t         count;

    write_config(text);
    assert_int_equal(lk_config_default_arches(NULL, arches, &count, &err), -1);
    assert_int_equal(err.kind, LK_ERR_INVALID);
    if (!strstr(err.text, message))
        fail_msg("'%s' lacks '%s'", err.text, message);
}

static void default_architectures_are_read(void **state)
{
    (void)state;
    expect_arches("default-arches: [riscv64, amd64, riscv64]\n", "riscv64 amd64 ");
    expect_arches("coordinator: tcp://h:1\ncoordinator-key: k\nkey: k\n", "");
    expect_arches("coordinator: tcp://h:1\ndefault-arches: [s390x]\n", "s390x ");
}

static void bad_architectures_are_refused_with_their_line(void **state)
{
    (void)state;
    expect_refusal("key: x\ndefault-arches: amd64\n",
                   "config.yml:2: default-arches: expected a list, as [amd64, arm64, s390x]");
    expect_refusal("default-arches: []\n", "expected a list");
    expect_refusal("default-arches:\n", "expected a list");
    expect_refusal("default-arches: [linux/amd64]\n",
                   "'linux/amd64' is not an architecture's name");
    expect_refusal("default-arches: [[]]\n", "expected text, found a list");
    expect_refusal("default-arches: [a, b, c, d, e, f, g, h, i]\n",
                   "more than 8 architectures");
    expect_refusal("default-arch: [amd64]\n", "did you mean 'default-arches'?");
    expect_refusal("- amd64\n", "expected lines of the form");
}

static void without_a_file_nothing_is_said(void **state)
{
    struct lk_arch arches[LK_PACKAGE_ARCHES_MAX];
    struct lk_err  err = { 0 };
    size_t         count = 7;

    (void)state;
    assert_int_equal(lk_config_default_arches(NULL, arches, &count, &err), 0);
    assert_int_equal(count, 0);
    assert_int_equal(lk_config_default_arches(file, arches, &count, &err), -1);
    setenv("LKCOORD_CONFIG", file, 1);
    assert_int_equal(lk_config_default_arches(NULL, arches, &count, &err), -1);
    assert_non_null(strstr(err.text, "there is no /tmp/lk-config-"));
}

static void a_file_that_names_no_coordinator_leaves_the_private_one(void **state)
{
    static const struct {
        const char *text;
        bool        absent;
    } cases[] = {
        { "default-arches: [amd64]\n", true },
        { "coordinator: tcp://h:1\n", false },
        { "key: k\ndefault-arches: [amd64]\n", false },
        { "coordinatr: tcp://h:1\n", false },
        { "", false },
    };
    struct lk_err err = { 0 };
    bool          absent = false;

    (void)state;
    assert_int_equal(lk_config_is_absent(NULL, &absent, &err), 0);
    assert_true(absent);
    for (size_t i = 0; i < LK_COUNT(cases); i++) {
        write_config(cases[i].text);
        assert_int_equal(lk_config_is_absent(NULL, &absent, &err), 0);
        assert_int_equal(absent, cases[i].absent);
        assert_int_equal(lk_config_is_absent(file, &absent, &err), 0);
        assert_false(absent);
    }
}

#define at_home(test) cmocka_unit_test_setup_teardown(test, make_home, remove_home)

int main(void)
{
    const struct CMUnitTest tests[] = {
        at_home(default_architectures_are_read),
        at_home(bad_architectures_are_refused_with_their_line),
        at_home(without_a_file_nothing_is_said),
        at_home(a_file_that_names_no_coordinator_leaves_the_private_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

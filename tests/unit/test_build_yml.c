#include "common/pkg/build_yml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct lk_build_yml read_ok(const char *text)
{
    struct lk_build_yml build;
    struct lk_err       err = { 0 };

    if (lk_build_yml_read(lk_str_of(text), "p/build.yml", &build, &err) < 0)
        fail_msg("%s", err.text);
    return build;
}

static void expect_refusal(const char *text, enum lk_err_kind kind, const char *message)
{
    struct lk_build_yml build;
    struct lk_err       err = { 0 };

    assert_int_equal(lk_build_yml_read(lk_str_of(text), "p/build.yml", &build, &err), -1);
    assert_string_equal(err.text, message);
    assert_int_equal(err.kind, kind);
}

static void an_image_alone_gets_the_defaults(void **state)
{
    struct lk_build_yml build = read_ok("image: foo\n");

    (void)state;
    assert_string_equal(build.image, "foo");
    assert_string_equal(build.org, "linuxkit");
    assert_string_equal(build.dockerfile, "Dockerfile");
    assert_string_equal(build.gitrepo, "https://github.com/linuxkit/linuxkit");
    assert_false(build.network);
    assert_false(build.disable_cache);
    assert_int_equal(build.arch_count, 3);
    assert_string_equal(build.arches[0].name, "amd64");
    assert_string_equal(build.arches[1].name, "arm64");
    assert_string_equal(build.arches[2].name, "s390x");
}

static void every_field_is_read(void **state)
{
    struct lk_build_yml build = read_ok("image: 17\n"
                                        "org: ghcr.io/x\n"
                                        "arches: [riscv64, ~, 386, mips64p32le, riscv64]\n"
                                        "network: yes\n"
                                        "disable-cache: On\n"
                                        "gitrepo: ''\n"
                                        "dockerfile: sub/Dockerfile.x\n");

    (void)state;
    assert_string_equal(build.image, "17");
    assert_string_equal(build.org, "ghcr.io/x");
    assert_int_equal(build.arch_count, 3);
    assert_string_equal(build.arches[0].name, "riscv64");
    assert_string_equal(build.arches[1].name, "386");
    assert_string_equal(build.arches[2].name, "mips64p32le");
    assert_true(build.network);
    assert_true(build.disable_cache);
    assert_string_equal(build.gitrepo, "");
    assert_string_equal(build.dockerfile, "sub/Dockerfile.x");
}

static void null_keeps_the_default(void **state)
{
    struct lk_build_yml build =
        read_ok("image: foo\norg:\ngitrepo: null\ndockerfile: ~\nnetwork:\n");

    (void)state;
    assert_string_equal(build.org, "linuxkit");
    assert_string_equal(build.dockerfile, "Dockerfile");
    assert_string_equal(build.gitrepo, "https://github.com/linuxkit/linuxkit");
    assert_false(build.network);
}

static void no_arches_are_no_arches(void **state)
{
    (void)state;
    assert_int_equal(read_ok("image: foo\narches: []\n").arch_count, 0);
    assert_int_equal(read_ok("image: foo\narches:\n").arch_count, 0);
}

static void anchors_and_merge_keys_work(void **state)
{
    struct lk_build_yml build =
        read_ok("<<: &common {network: true, org: a}\nimage: &name foo\norg: *name\n");

    (void)state;
    assert_true(build.network);
    assert_string_equal(build.org, "foo");
}

static void a_missing_image_is_named(void **state)
{
    static const char message[] = "p/build.yml: field 'image' is required: the image's name";

    (void)state;
    expect_refusal("", LK_ERR_INVALID, message);
    expect_refusal("org: x\n", LK_ERR_INVALID, message);
    expect_refusal("image:\n", LK_ERR_INVALID, message);
    expect_refusal("image: ''\n", LK_ERR_INVALID, message);
}

static void fields_of_later_are_not_called_unknown(void **state)
{
    static const char *const later[] = { "tag",    "extra-sources", "disable-content-trust",
                                         "config", "buildArgs",     "depends" };
    char                     text[100];
    char                     message[200];

    (void)state;
    for (size_t i = 0; i < LK_COUNT(later); i++) {
        snprintf(text, sizeof(text), "image: x\n%s: {}\n", later[i]);
        snprintf(message, sizeof(message),
                 "p/build.yml:2: field '%s' is not supported yet by this version of lkcoord",
                 later[i]);
        expect_refusal(text, LK_ERR_INVALID, message);
    }
}

static void unknown_fields_get_the_nearest_name(void **state)
{
    (void)state;
    expect_refusal("imge: foo\n", LK_ERR_INVALID,
                   "p/build.yml:1: unknown field 'imge'; did you mean 'image'?");
    expect_refusal("image: foo\nquite-different: 1\n", LK_ERR_INVALID,
                   "p/build.yml:2: unknown field 'quite-different'; known are image, org, "
                   "arches, network, "
                   "disable-cache, gitrepo, dockerfile");
    expect_refusal("Image: foo\n", LK_ERR_INVALID,
                   "p/build.yml:1: unknown field 'Image'; did you mean 'image'?");
}

static void wrong_types_are_refused(void **state)
{
    (void)state;
    expect_refusal("image: foo\nnetwork: 1\n", LK_ERR_INVALID,
                   "p/build.yml:2: network: expected true or false, found '1'");
    expect_refusal("image: [foo]\n", LK_ERR_INVALID,
                   "p/build.yml:1: image: expected text, found a list");
    expect_refusal("image: foo\narches: amd64\n", LK_ERR_INVALID,
                   "p/build.yml:2: arches: expected a list of architectures");
    expect_refusal("- image\n", LK_ERR_INVALID,
                   "p/build.yml:1: expected a mapping (key: value)");
}

static void arches_are_checked_and_counted(void **state)
{
    (void)state;
    expect_refusal("image: foo\narches:\n  - amd64\n  - linux/arm64\n", LK_ERR_INVALID,
                   "p/build.yml:4: arches: 'linux/arm64' is not an architecture's name as Go "
                   "writes it (amd64, arm64, s390x, riscv64, ...)");
    expect_refusal("image: foo\narches: [a, b, c, d, e, f, g, h, i]\n", LK_ERR_LIMIT,
                   "p/build.yml:2: arches: more than 8 architectures");
    assert_int_equal(read_ok("image: foo\narches: [a, b, c, d, e, f, g, h, a]\n").arch_count,
                     8);
}

static void a_dockerfile_outside_of_the_package_is_refused(void **state)
{
    (void)state;
    expect_refusal(
        "image: foo\ndockerfile: ../Dockerfile\n", LK_ERR_INVALID,
        "p/build.yml:2: dockerfile: '../Dockerfile' must be a path below the package, "
        "without '..'");
    expect_refusal(
        "image: foo\ndockerfile: a..b\n", LK_ERR_INVALID,
        "p/build.yml:2: dockerfile: 'a..b' must be a path below the package, without "
        "'..'");
    expect_refusal("image: foo\ndockerfile: /etc/passwd\n", LK_ERR_INVALID,
                   "p/build.yml:2: dockerfile: '/etc/passwd' must be a path below the package, "
                   "without '..'");
    expect_refusal(
        "image: foo\ndockerfile: ''\n", LK_ERR_INVALID,
        "p/build.yml:2: dockerfile: '' must be a path below the package, without '..'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_image_alone_gets_the_defaults),
        cmocka_unit_test(every_field_is_read),
        cmocka_unit_test(null_keeps_the_default),
        cmocka_unit_test(no_arches_are_no_arches),
        cmocka_unit_test(anchors_and_merge_keys_work),
        cmocka_unit_test(a_missing_image_is_named),
        cmocka_unit_test(fields_of_later_are_not_called_unknown),
        cmocka_unit_test(unknown_fields_get_the_nearest_name),
        cmocka_unit_test(wrong_types_are_refused),
        cmocka_unit_test(arches_are_checked_and_counted),
        cmocka_unit_test(a_dockerfile_outside_of_the_package_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

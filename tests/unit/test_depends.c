#include "common/pkg/depends.h"

#include "common/base/buf.h"

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

#define HEX   "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define IMAGE "docker.io/library/alpine@sha256:" HEX

/* A package's directory, called "package", in one of its own. */
static char package[64];

static int make_package(void **state)
{
    char *slash;

    (void)state;
    snprintf(package, sizeof(package), "/tmp/lk-depends-XXXXXX/package");
    slash = strrchr(package, '/');
    *slash = '\0';
    assert_non_null(mkdtemp(package));
    *slash = '/';
    assert_int_equal(mkdir(package, 0755), 0);
    return 0;
}

static int remove_package(void **state)
{
    LK_CLEANUP(lk_free_pointer) char *command = lk_xasprintf("rm -rf '%s/..'/*", package);

    (void)state;
    assert_int_equal(system(command), 0);
    *strrchr(package, '/') = '\0';
    return rmdir(package);
}

static void write_list(const char *text, size_t len)
{
    LK_CLEANUP(lk_free_pointer) char *path = lk_xasprintf("%s/list", package);
    FILE                             *file = fopen(path, "w");

    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static int read_it(const char *yaml, struct lk_depends *out, struct lk_err *err)
{
    LK_CLEANUP(lk_build_yml_fini) struct lk_build_yml build = { 0 };
    LK_CLEANUP(lk_free_pointer)
    char *text = lk_xasprintf("image: x\ndepends: {docker-images: {%s}}\n", yaml);

    if (lk_build_yml_read(lk_str_of(text), "p/build.yml", &build, err) < 0)
        fail_msg("%s", err->text);
    return lk_depends_read(out, &build.docker_images, package, "p/build.yml", err);
}

static void expect_refusal(const char *yaml, const char *message)
{
    struct lk_depends depends;
    struct lk_err     err = { 0 };

    if (read_it(yaml, &depends, &err) == 0)
        fail_msg("'%s' is accepted", yaml);
    assert_int_equal(err.kind, LK_ERR_INVALID);
    if (!strstr(err.text, message))
        fail_msg("'%s' lacks '%s'", err.text, message);
}

static void expect_target(const char *yaml, const char *target, const char *target_dir)
{
    LK_CLEANUP(lk_depends_fini) struct lk_depends depends = { 0 };
    struct lk_err                                 err = { 0 };

    if (read_it(yaml, &depends, &err) < 0)
        fail_msg("'%s': %s", yaml, err.text);
    assert_string_equal(depends.target, target);
    assert_string_equal(depends.target_dir, target_dir);
}

/* The images, with '|' behind each. */
static void expect_images(const char *yaml, const char *images)
{
    LK_CLEANUP(lk_depends_fini) struct lk_depends depends = { 0 };
    LK_CLEANUP(lk_buf_fini) struct lk_buf         shown = LK_BUF_INIT(1 << 16);
    struct lk_err                                 err = { 0 };

    if (read_it(yaml, &depends, &err) < 0)
        fail_msg("'%s': %s", yaml, err.text);
    for (size_t i = 0; i < depends.images.count; i++)
        lk_buf_printf(&shown, "%s|", depends.images.texts[i]);
    assert_string_equal(lk_buf_text(&shown), images);
}

static void expect_lines(const char *text, const char *images)
{
    write_list(text, strlen(text));
    expect_images("from-file: list", images);
}

static void expect_bad_lines(const char *text, const char *message)
{
    write_list(text, strlen(text));
    expect_refusal("from-file: list", message);
}

static void a_target_is_a_path_inside_the_package(void **state)
{
    (void)state;
    expect_target("", "", "");
    expect_target("target: a.tar", "a.tar", "");
    expect_target("target: ./a//b/../c.tar", "a/c.tar", "");
    expect_target("target: ../package/a", "a", "");
    expect_target("target: a/../../package/b/", "b", "");
    expect_target("target: ..a", "..a", "");
    expect_target("target-dir: images/", "", "images");
}

static void a_path_that_leaves_the_package_is_refused(void **state)
{
    static const char *const fields[] = { "target", "target-dir", "from-file" };
    static const char *const rows[][2] = {
        { "/a", "must be relative to the package's directory" },
        { ".", "must not be the package's directory itself" },
        { "a/..", "must not be the package's directory itself" },
        { "../package", "must not be the package's directory itself" },
        { "..", "must be inside the package's directory" },
        { "../a", "must be inside the package's directory" },
        { "a/../../b", "must be inside the package's directory" },
        { "../packages/a", "must be inside the package's directory" },
        { "../package2", "must be inside the package's directory" },
        { "../../../../../../../x", "must be inside the package's directory" },
    };

    (void)state;
    for (size_t f = 0; f < LK_COUNT(fields); f++)
        for (size_t i = 0; i < LK_COUNT(rows); i++) {
            LK_CLEANUP(lk_free_pointer) char *yaml = NULL;
            LK_CLEANUP(lk_free_pointer) char *message = NULL;

            yaml = lk_xasprintf("%s: %s", fields[f], rows[i][0]);
            message = lk_xasprintf("p/build.yml: depends.docker-images.%s: '%s' %s", fields[f],
                                   rows[i][0], rows[i][1]);
            expect_refusal(yaml, message);
        }
}

static void what_excludes_what_is_looked_at_before_paths(void **state)
{
    (void)state;
    expect_refusal("target: /a, target-dir: b", "target and target-dir exclude each other");
    expect_refusal("target: /a, list: [x], from-file: f",
                   "list and from-file exclude each other");
    expect_refusal("target: a, target-dir: b, list: [x], from-file: f",
                   "target and target-dir exclude");
    expect_refusal("target: /a, from-file: /b", ".target: '/a' must be relative");
    expect_refusal("target-dir: /a, from-file: /b", ".target-dir: '/a' must be relative");
    expect_refusal("target: /a, list: [x]", ".target: '/a' must be relative");
    expect_target("target: a, target-dir: ''", "a", "");
    write_list("", 0);
    expect_images("list: [], from-file: list", "");
}

static void images_have_a_registry_and_a_digest(void **state)
{
    (void)state;
    expect_images("list: ['" IMAGE "', 'org/x:v1@sha256:" HEX "']",
                  IMAGE "|org/x:v1@sha256:" HEX "|");
    expect_images("list: ['localhost:5000/x@sha256:" HEX "']",
                  "localhost:5000/x@sha256:" HEX "|");
    expect_images("list: ['" IMAGE "', '" IMAGE "']", IMAGE "|" IMAGE "|");
    expect_images("list: ['" IMAGE "', ~]", IMAGE "|");
    expect_refusal("list: ['alpine@sha256:" HEX "']",
                   "p/build.yml: depends.docker-images.list: the image 'alpine@sha256:" HEX
                   "' must be written with its registry");
    expect_refusal("list: ['alpine:3@sha256:" HEX "']", "with its registry or organisation");
    expect_refusal("list: ['https://ghcr.io/x@sha256:" HEX "']", "without \"://\"");
    expect_refusal("list: [org/x]", "the image 'org/x' lacks a digest: write NAME@sha256:");
    expect_refusal("list: ['org/x:v1']", "lacks a digest");
    expect_refusal("list: ['org/x@sha256:0123']", "64 lower-case hex digits");
    expect_refusal("list: ['org/x@md5:0123']", "the digest is not sha256:");
    expect_refusal("list: ['org/x@sha512:" HEX HEX "']", "the digest is not sha256:");
    expect_refusal("list: ['']", "must be written with its registry");
    expect_refusal("list: [' " IMAGE "']", "image name \" docker.io/");
}

static void a_file_has_an_image_a_line(void **state)
{
    (void)state;
    expect_lines("", "");
    expect_lines("\n\n", "");
    expect_lines("# only a comment", "");
    expect_lines(IMAGE, IMAGE "|");
    expect_lines("# a\n" IMAGE "\n\n#" IMAGE "\n" IMAGE "\n", IMAGE "|" IMAGE "|");
    expect_lines(IMAGE "\r\n\r\n# c\r\n" IMAGE "\r\n", IMAGE "|" IMAGE "|");
    expect_bad_lines("\n # c\n", "p/build.yml: depends.docker-images.from-file: list:2: the "
                                 "image ' # c' must be written with its registry");
    expect_bad_lines(IMAGE " \n", "list:1: image name");
    expect_bad_lines(IMAGE "\n\t\n", "list:2: the image '\t' must be");
    expect_bad_lines("a/b\n", "list:1: the image 'a/b' lacks a digest");
    expect_bad_lines(IMAGE "\r\r\n", "list:1: image name");
    write_list(IMAGE "\0\n", sizeof(IMAGE "\0\n") - 1);
    expect_refusal("from-file: list", "list:1: image name");
}

static void a_list_that_cannot_be_read_is_named(void **state)
{
    static char       large[LK_YAML_BYTES_MAX + 1];
    struct lk_depends depends;
    struct lk_err     err = { 0 };

    (void)state;
    expect_refusal("from-file: gone/list",
                   "depends.docker-images.from-file: gone/list: there is no such file");
    assert_int_equal(read_it("from-file: ../package/./x", &depends, &err), -1);
    memset(large, '\n', sizeof(large));
    write_list(large, sizeof(large));
    assert_int_equal(read_it("from-file: list", &depends, &err), -1);
    assert_int_equal(err.kind, LK_ERR_LIMIT);
    assert_non_null(strstr(err.text, "is larger than 65536 bytes"));
}

static void the_root_directory_can_be_a_package(void **state)
{
    const struct lk_docker_images                 inside = { .target = "a/b" };
    const struct lk_docker_images                 itself = { .target = ".." };
    LK_CLEANUP(lk_depends_fini) struct lk_depends depends = { 0 };
    struct lk_err                                 err = { 0 };

    (void)state;
    assert_int_equal(lk_depends_read(&depends, &inside, "/", "f", &err), 0);
    assert_string_equal(depends.target, "a/b");
    assert_int_equal(lk_depends_read(&depends, &itself, "/", "f", &err), -1);
    assert_non_null(strstr(err.text, "must not be the package's directory itself"));
}

#define in_package(test) cmocka_unit_test_setup_teardown(test, make_package, remove_package)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_package(a_target_is_a_path_inside_the_package),
        in_package(a_path_that_leaves_the_package_is_refused),
        in_package(what_excludes_what_is_looked_at_before_paths),
        in_package(images_have_a_registry_and_a_digest),
        in_package(a_file_has_an_image_a_line),
        in_package(a_list_that_cannot_be_read_is_named),
        in_package(the_root_directory_can_be_a_package),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

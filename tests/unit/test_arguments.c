#include "common/pkg/arguments.h"

#include "tests/unit/repository_fixture.h"

static const struct lk_package_options no_options;

/* The test runs in the top of its repository. */
static int make_place(void **state)
{
    (void)state;
    return place_make(
        "git init -q; mkdir -p pkg/app pkg/lib-a pkg/lib-b pkg/.lib-c pkg/'w[1]'/x;"
        "printf 'image: lib-a\\n' > pkg/lib-a/build.yml;"
        "printf 'image: b/c\\norg: ghcr.io/x\\ntag: v1\\n' > pkg/lib-b/build.yml;"
        "printf 'image: hidden\\n' > pkg/.lib-c/build.yml; echo text > pkg/lib-file;"
        "printf 'image: inner\\n' > 'pkg/w[1]/x/build.yml'; printf 'image: app\\n' > "
        "pkg/app/build.yml;"
        "git add -A; GIT_COMMITTER_DATE='1700000000 +0000' git commit -q -m first");
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* The package pkg/app with these lines in its build.yml, committed. */
static int spec_of(const char *lines, struct lk_spec *out, struct lk_err *err)
{
    LK_CLEANUP(lk_package_fini) struct lk_package package = { 0 };
    LK_CLEANUP(lk_free_pointer) char *text = lk_xasprintf("image: app\ngitrepo: ''\n%s", lines);

    write_file("pkg/app/build.yml", text);
    run("git commit -q --allow-empty -a -m more");
    if (lk_package_open(&package, "pkg/app", &no_options, err) < 0)
        fail_msg("%s", err->text);
    return lk_package_spec(&package, out, err);
}

static void expect_argument(const struct lk_spec *spec, size_t at, const char *name,
                            const char *value)
{
    assert_true(at < spec->argument_count);
    assert_string_equal(spec->arguments[at].name, name);
    assert_string_equal(spec->arguments[at].value, value);
}

static void expect_refusal(const char *lines, const char *message)
{
    LK_CLEANUP(lk_spec_fini) struct lk_spec spec = { 0 };
    struct lk_err                           err = { 0 };

    assert_int_equal(spec_of(lines, &spec, &err), -1);
    assert_string_equal(err.text, message);
    assert_int_equal(err.kind, LK_ERR_INVALID);
}

static void what_build_yml_gives_wins_over_linuxkits_own(void **state)
{
    LK_CLEANUP(lk_spec_fini) struct lk_spec spec = { 0 };
    struct lk_err                           err = { 0 };

    (void)state;
    assert_int_equal(spec_of("buildArgs: [PKG_HASH=mine, A=1, REVISION=]\n", &spec, &err), 0);
    assert_int_equal(spec.argument_count, 5);
    expect_argument(&spec, 0, "PKG_HASH", "mine");
    expect_argument(&spec, 1, "A", "1");
    expect_argument(&spec, 2, "REVISION", "");
    assert_string_equal(spec.arguments[3].name, "GOPKGVERSION");
    expect_argument(&spec, 4, "PKG_IMAGE", "linuxkit/app");
}

static void a_value_begins_at_the_first_equals_sign_and_is_kept(void **state)
{
    LK_CLEANUP(lk_spec_fini) struct lk_spec spec = { 0 };
    struct lk_err                           err = { 0 };

    (void)state;
    assert_int_equal(spec_of("buildArgs: ['A=b=c', 'B= x ', C=, 'D=lkt:x']\n", &spec, &err), 0);
    expect_argument(&spec, 0, "A", "b=c");
    expect_argument(&spec, 1, "B", " x ");
    expect_argument(&spec, 2, "C", "");
    expect_argument(&spec, 3, "D", "lkt:x");
}

static void of_twins_the_last_one_counts(void **state)
{
    LK_CLEANUP(lk_spec_fini) struct lk_spec spec = { 0 };
    struct lk_err                           err = { 0 };

    (void)state;
    assert_int_equal(spec_of("buildArgs: [A=1, B=2, A=3]\n", &spec, &err), 0);
    assert_int_equal(spec.argument_count, 6);
    expect_argument(&spec, 0, "A", "3");
    expect_argument(&spec, 1, "B", "2");
}

static void an_argument_without_value_is_refused_but_not_for_a_tag(void **state)
{
    (void)state;
    expect_refusal("buildArgs: [A=1, B]\n",
                   "pkg/app: buildArgs: 'B' has no '=': it must be NAME=VALUE");
    expect_refusal("buildArgs: ['=x']\n",
                   "pkg/app: build argument '=x': its name is empty, begins with '-' or has a "
                   "blank in it; write NAME=VALUE");
    expect_refusal("buildArgs: ['A B=x']\n",
                   "pkg/app: build argument 'A B=x': its name is empty, begins with '-' or has "
                   "a blank in it; write NAME=VALUE");
}

static void the_hash_is_told_not_the_tag(void **state)
{
    LK_CLEANUP(lk_spec_fini) struct lk_spec       spec = { 0 };
    LK_CLEANUP(lk_package_fini) struct lk_package package = { 0 };
    LK_CLEANUP(lk_free_pointer) char             *tree = NULL;
    struct lk_err                                 err = { 0 };

    (void)state;
    assert_int_equal(spec_of("tag: v1-{{.Hash}}\n", &spec, &err), 0);
    tree = output_of("git rev-parse HEAD:pkg/app");
    assert_int_equal(spec.argument_count, 4);
    assert_string_equal(spec.arguments[0].name, "REVISION");
    expect_argument(&spec, 2, "PKG_HASH", tree);
    lk_spec_fini(&spec);

    write_file("pkg/app/new", "x");
    assert_int_equal(lk_package_open(&package, "pkg/app", &no_options, &err), 0);
    assert_int_equal(lk_package_spec(&package, &spec, &err), 0);
    assert_int_equal(spec.argument_count, 3);
    assert_string_equal(spec.arguments[1].name, "PKG_HASH");
    assert_memory_equal(spec.arguments[1].value, tree, 40);
    assert_memory_equal(spec.arguments[1].value + 40, "-dirty-", 7);
}

static void another_package_is_named_as_its_own_build_yml_says(void **state)
{
    LK_CLEANUP(lk_spec_fini) struct lk_spec spec = { 0 };
    LK_CLEANUP(lk_free_pointer) char       *tree = output_of("git rev-parse HEAD:pkg/lib-a");
    LK_CLEANUP(lk_free_pointer) char       *expected = lk_xasprintf("linuxkit/lib-a:%s", tree);
    struct lk_err                           err = { 0 };

    (void)state;
    setenv("LINUXKIT_PKG_ORG", "elsewhere", 1);
    assert_int_equal(spec_of("buildArgs: ['A=@lkt:pkg:../lib-a', 'B%=@lkt:pkg:../x/../lib-b', "
                             "'C=x@lkt:pkg:../lib-a']\n",
                             &spec, &err),
                     0);
    unsetenv("LINUXKIT_PKG_ORG");
    expect_argument(&spec, 0, "A", expected);
    expect_argument(&spec, 1, "B%", "ghcr.io/x/b/c:v1");
    expect_argument(&spec, 2, "C", "x@lkt:pkg:../lib-a");
    expect_argument(&spec, 6, "PKG_IMAGE", "elsewhere/app");
}

static void a_pattern_gives_an_argument_a_package(void **state)
{
    LK_CLEANUP(lk_spec_fini) struct lk_spec spec = { 0 };
    LK_CLEANUP(lk_free_pointer) char       *tree = output_of("git rev-parse HEAD:pkg/lib-a");
    LK_CLEANUP(lk_free_pointer) char       *expected = lk_xasprintf("linuxkit/lib-a:%s", tree);
    struct lk_err                           err = { 0 };

    (void)state;
    /* Neither the file nor the hidden directory is one. */
    assert_int_equal(spec_of("buildArgs: ['%_IMAGE=@lkt:pkgs:../*lib*']\n", &spec, &err), 0);
    assert_int_equal(spec.argument_count, 6);
    expect_argument(&spec, 0, "LINUXKIT_LIB_A_IMAGE", expected);
    expect_argument(&spec, 1, "GHCR.IO_X_B_C_IMAGE", "ghcr.io/x/b/c:v1");
}

static void a_directory_with_a_patterns_characters_is_none(void **state)
{
    LK_CLEANUP(lk_texts_fini) struct lk_texts found = { 0 };
    struct lk_err                             err = { 0 };

    (void)state;
    write_file("pkg/w[1]/arguments", "%=@lkt:pkgs:*\n");
    assert_int_equal(lk_arguments_read_file(&found, "pkg/w[1]/arguments", &err), 0);
    assert_int_equal(found.count, 1);
    assert_memory_equal(found.texts[0], "LINUXKIT_INNER=linuxkit/inner:", 30);
}

static void packages_that_are_not_there_are_told(void **state)
{
    static const char *const bad[][2] = {
        { "buildArgs: ['A=@lkt:pkgs:../*']\n", "A=@lkt:pkgs:../*: the name needs a '%'" },
        { "buildArgs: ['A=@lkt:image:x']\n", "@lkt: is @lkt:pkg:PATH or @lkt:pkgs:PATTERN" },
        { "buildArgs: ['%=@lkt:pkgs:../none*']\n", "no package's directory matches" },
        { "buildArgs: ['%=@lkt:pkgs:../.lib*']\n", "no package's directory matches" },
        { "buildArgs: ['A=@lkt:pkg:../none']\n", "there is no build.yml in it" },
        { "buildArgs: ['%=@lkt:pkgs:../w*']\n", "there is no build.yml in it" },
    };

    (void)state;
    for (size_t i = 0; i < LK_COUNT(bad); i++) {
        LK_CLEANUP(lk_spec_fini) struct lk_spec spec = { 0 };
        struct lk_err                           err = { 0 };

        assert_int_equal(spec_of(bad[i][0], &spec, &err), -1);
        assert_memory_equal(err.text, "pkg/app: buildArgs: ", 20);
        if (!strstr(err.text, bad[i][1]))
            fail_msg("%s", err.text);
    }
}

static void files_override_what_is_set(void **state)
{
    LK_CLEANUP(lk_spec_fini) struct lk_spec   spec = { 0 };
    LK_CLEANUP(lk_texts_fini) struct lk_texts files = { 0 };
    struct lk_err                             err = { 0 };

    (void)state;
    write_file(
        "one",
        "\u00a0 A\u2003= \u3000from one\u00a0 \r\nPKG_HASH=h\nC=@lkt:pkg:pkg/lib-b\nD==");
    write_file("two", "B=from two\n");
    assert_int_equal(spec_of("buildArgs: [A=0, B=0]\n", &spec, &err), 0);
    if (lk_arguments_read_file(&files, "one", &err) < 0 ||
        lk_arguments_read_file(&files, "two", &err) < 0 ||
        lk_arguments_override(&spec, &files, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(spec.argument_count, 8);
    expect_argument(&spec, 0, "A", "from one");
    expect_argument(&spec, 1, "B", "from two");
    expect_argument(&spec, 4, "PKG_HASH", "h");
    expect_argument(&spec, 6, "C", "ghcr.io/x/b/c:v1");
    expect_argument(&spec, 7, "D", "=");
}

static void a_file_is_refused_with_its_line(void **state)
{
    static const char *const bad[][2] = {
        { "A=1\n\nB=2\n", "--build-arg-file f: line 2: an empty line, which linuxkit does not "
                          "take either; remove it" },
        { "A=1\n# comment\n",
          "--build-arg-file f: line 2: '# comment' has no '=': it must be NAME=VALUE" },
        { "A=\xff\n", "--build-arg-file f: not UTF-8 text" },
    };
    LK_CLEANUP(lk_texts_fini) struct lk_texts found = { 0 };
    struct lk_err                             err = { 0 };

    (void)state;
    for (size_t i = 0; i < LK_COUNT(bad); i++) {
        write_file("f", bad[i][0]);
        assert_int_equal(lk_arguments_read_file(&found, "f", &err), -1);
        assert_string_equal(err.text, bad[i][1]);
        assert_int_equal(err.kind, LK_ERR_INVALID);
    }
    assert_int_equal(lk_arguments_read_file(&found, "none", &err), -1);
    assert_string_equal(err.text, "--build-arg-file: opening none: No such file or directory");
}

static void a_pattern_that_matches_too_many_packages_is_refused(void **state)
{
    LK_CLEANUP(lk_spec_fini) struct lk_spec spec = { 0 };
    struct lk_err                           err = { 0 };

    (void)state;
    run("mkdir pkg/many; for i in $(seq 257); do mkdir pkg/many/p$i; "
        "echo \"image: p$i\" > pkg/many/p$i/build.yml; done; git add -A; git commit -q -m "
        "many");
    assert_int_equal(spec_of("buildArgs: ['P%=@lkt:pkgs:../many/*']\n", &spec, &err), -1);
    if (!strstr(err.text, "more than 256 directories match"))
        fail_msg("%s", err.text);
    assert_int_equal(err.kind, LK_ERR_LIMIT);
}

#define in_place(test) cmocka_unit_test_setup_teardown(test, make_place, place_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_place(what_build_yml_gives_wins_over_linuxkits_own),
        in_place(a_value_begins_at_the_first_equals_sign_and_is_kept),
        in_place(of_twins_the_last_one_counts),
        in_place(an_argument_without_value_is_refused_but_not_for_a_tag),
        in_place(the_hash_is_told_not_the_tag),
        in_place(another_package_is_named_as_its_own_build_yml_says),
        in_place(a_pattern_gives_an_argument_a_package),
        in_place(a_directory_with_a_patterns_characters_is_none),
        in_place(packages_that_are_not_there_are_told),
        in_place(files_override_what_is_set),
        in_place(a_file_is_refused_with_its_line),
        in_place(a_pattern_that_matches_too_many_packages_is_refused),
    };

    return cmocka_run_group_tests(tests, git_home_make, git_home_remove);
}

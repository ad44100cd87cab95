/* What the options of show-tag, push, build and plan make of a package. */
#include "common/pkg/tag.h"
#include "coordinator/cli/package_options.h"

#include "tests/unit/repository_fixture.h"

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

struct values {
    struct lk_package_values package;
};

static const struct lk_option rows[] = { LK_PACKAGE_OPTIONS(struct values, package), { 0 } };

static const struct lk_command command = {
    .name = "try",
    .arguments = "PATH",
    .count_min = 1,
    .count_max = 1,
    .values_size = sizeof(struct values),
    .options = rows,
};

static int make_place(void **state)
{
    (void)state;
    setenv("USER", "jane", 1);
    return place_make(
        "git init -q -b main repo; cd repo; mkdir -p pkg/foo pkg/bar;"
        "printf 'image: foo\\n' > pkg/foo/build.yml; echo FROM scratch > pkg/foo/Dockerfile;"
        "printf 'image: other\\norg: elsewhere\\n' > pkg/foo/other.yml;"
        "printf 'image: bar\\n' > pkg/bar/build.yml;"
        "git add -A; git commit -q -m first; echo x > pkg/foo/x; git add -A;"
        "git commit -q -m second");
}

static int open_with(const char *const *words, struct lk_package *out, struct lk_err *err)
{
    struct values             values = { 0 };
    struct lk_common_values   common = { 0 };
    struct lk_package_options how;
    const char               *paths[16];
    size_t                    count = 0, path_count;

    while (words[count])
        count++;
    if (lk_command_parse(&command, words, count, &values, &common, paths, &path_count, err) <
            0 ||
        lk_package_options_of(&values.package, &how, err) < 0)
        return -1;
    return lk_package_open(out, paths[0], &how, err);
}

#define WORDS(...) ((const char *const[]) { __VA_ARGS__, NULL })

/* `expected` with a '$' stands for the digits that `git_script` prints. */
static void expect_name(const char *const *words, const char *expected, const char *git_script)
{
    LK_CLEANUP(lk_package_fini) struct lk_package package = { 0 };
    LK_CLEANUP(lk_free_pointer) char             *name = NULL;
    LK_CLEANUP(lk_free_pointer) char             *digits = NULL;
    LK_CLEANUP(lk_free_pointer) char             *wanted = NULL;
    struct lk_err                                 err = { 0 };
    const char                                   *dollar = strchr(expected, '$');

    if (open_with(words, &package, &err) < 0)
        fail_msg("%s: %s", expected, err.text);
    digits = git_script ? output_of(git_script) : lk_xstrdup("");
    wanted = dollar ? lk_xasprintf("%.*s%s%s", (int)(dollar - expected), expected, digits,
                                   dollar + 1)
                    : lk_xstrdup(expected);
    name = lk_xasprintf("%s/%s:%s", package.org, package.image, package.tag);
    assert_string_equal(name, wanted);
}

static void expect_refusal(const char *const *words, const char *message)
{
    LK_CLEANUP(lk_package_fini) struct lk_package package = { 0 };
    struct lk_err                                 err = { 0 };

    if (open_with(words, &package, &err) == 0)
        fail_msg("not refused with '%s': %s", message, package.tag);
    if (!strstr(err.text, message))
        fail_msg("'%s' lacks '%s'", err.text, message);
}

/* It has a tag, but no specification. */
static void expect_unbuildable(const char *const *words, const char *message)
{
    LK_CLEANUP(lk_package_fini) struct lk_package package = { 0 };
    struct lk_spec                                spec;
    struct lk_err                                 err = { 0 };

    if (open_with(words, &package, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(lk_package_spec(&package, &spec, &err), -1);
    if (!strstr(err.text, message))
        fail_msg("'%s' lacks '%s'", err.text, message);
}

#define FOO      "repo/pkg/foo"
#define TREE_FOO "git -C repo rev-parse HEAD:pkg/foo"

static void the_org_said_last_counts(void **state)
{
    (void)state;
    expect_name(WORDS(FOO), "linuxkit/foo:$", TREE_FOO);
    expect_name(WORDS("--org", "ghcr.io/x", FOO), "ghcr.io/x/foo:$", TREE_FOO);
    expect_name(WORDS("--org=", FOO), "/foo:$", TREE_FOO);
    expect_name(WORDS("--dev", FOO), "jane/foo:dev", NULL);
    expect_name(WORDS("--dev", "--org", "x", FOO), "x/foo:dev", NULL);
    expect_name(WORDS("--dev", "--hash", "h", FOO), "jane/foo:h", NULL);
    setenv("LINUXKIT_PKG_ORG", "koala", 1);
    expect_name(WORDS(FOO), "koala/foo:$", TREE_FOO);
    expect_name(WORDS("--dev", FOO), "koala/foo:dev", NULL);
    expect_name(WORDS("--org", "x", FOO), "x/foo:$", TREE_FOO);
    setenv("LINUXKIT_PKG_ORG", "", 1);
    unsetenv("USER");
    expect_name(WORDS("--dev", FOO), "/foo:dev", NULL);
    expect_unbuildable(WORDS("--dev", FOO), "image name");
}

static void the_hash_can_be_told(void **state)
{
    LK_CLEANUP(lk_package_fini) struct lk_package package = { 0 };
    struct lk_err                                 err = { 0 };

    (void)state;
    expect_name(WORDS("--hash", "v1.2", FOO), "linuxkit/foo:v1.2", NULL);
    expect_name(WORDS("-hash=v1.2", FOO), "linuxkit/foo:v1.2", NULL);
    expect_name(WORDS("--hash=", FOO), "linuxkit/foo:$", TREE_FOO);
    expect_refusal(WORDS("--hash", "a/b", FOO), "'a/b' is not a legal tag");
    run("echo y > repo/pkg/foo/x");
    assert_int_equal(open_with(WORDS("--hash", "v1.2", FOO), &package, &err), 0);
    assert_string_equal(package.tag, "v1.2");
    assert_true(package.dirty);
    assert_string_equal(package.dirty_example, "pkg/foo/x");
}

static void a_told_hash_needs_no_git_until_something_is_built(void **state)
{
    (void)state;
    run("mkdir outside; printf 'image: out\\n' > outside/build.yml;"
        "mkdir repo/new; printf 'image: new\\n' > repo/new/build.yml");
    expect_refusal(WORDS("outside"), "is not in a git repository");
    expect_name(WORDS("--hash", "h", "outside"), "linuxkit/out:h", NULL);
    expect_name(WORDS("--dev", "outside"), "jane/out:dev", NULL);
    expect_name(WORDS("--hash", "h", "--force-dirty", "outside"), "linuxkit/out:h", NULL);
    expect_unbuildable(WORDS("--hash", "h", "outside"), "is not in a git repository");
    expect_refusal(WORDS("repo/new"), "is not committed");
    expect_name(WORDS("--hash", "h", "repo/new"), "linuxkit/new:h", NULL);
    expect_unbuildable(WORDS("--hash", "h", "repo/new"), "is not committed");
    run("printf 'extra-sources: [gone:x]\\n' >> repo/pkg/foo/build.yml");
    expect_refusal(WORDS("--hash", "h", FOO), "extra source");
}

static void the_hash_can_be_of_another_commit(void **state)
{
    (void)state;
    expect_name(WORDS("--hash-commit", "HEAD~1", FOO), "linuxkit/foo:$",
                "git -C repo rev-parse HEAD~1:pkg/foo");
    expect_name(WORDS("--hash-commit", "main", FOO), "linuxkit/foo:$", TREE_FOO);
    expect_name(WORDS("--hash-commit=", FOO), "linuxkit/foo:$", TREE_FOO);
    expect_unbuildable(WORDS("--hash-commit", "HEAD~1", FOO),
                       "only HEAD can be built; leave --hash-commit HEAD~1 out");
    expect_refusal(WORDS("--hash-commit", "nowhere", FOO), "nowhere");
    run("git -C repo -c user.name=x tag -a -m first first HEAD~1;"
        "printf 'image: root\\n' > repo/build.yml");
    expect_name(WORDS("--hash-commit", "first", "repo"), "linuxkit/root:$",
                "git -C repo rev-parse HEAD~1^{tree}");
}

/* Who names HEAD in other words means a commit, whatever lies about; build.yml is the one that lies there. */
static void a_commit_that_is_named_is_never_dirty(void **state)
{
    static const char *const names[] = { "main", "@", "HEAD~0", "HEAD^0" };

    (void)state;
    run("printf 'image: renamed\\n' > repo/pkg/foo/build.yml");
    for (size_t i = 0; i < LK_COUNT(names); i++)
        expect_name(WORDS("--hash-commit", names[i], FOO), "linuxkit/renamed:$", TREE_FOO);
    expect_name(WORDS("--tag", "fixed", FOO), "linuxkit/renamed:fixed", NULL);
}

static void the_hash_can_be_of_a_directory_above(void **state)
{
    (void)state;
    expect_name(WORDS("--hash-path", "repo/pkg", FOO), "linuxkit/foo:$",
                "git -C repo rev-parse HEAD:pkg");
    expect_name(WORDS("--hash-path", "repo", FOO), "linuxkit/foo:$",
                "git -C repo rev-parse HEAD^{tree}");
    expect_name(WORDS("--hash-path", FOO, FOO), "linuxkit/foo:$", TREE_FOO);
    expect_name(WORDS("--hash-path=", FOO), "linuxkit/foo:$", TREE_FOO);
    expect_refusal(WORDS("--hash-path", "repo/pkg/fo", FOO),
                   "must be the package's directory /tmp/lk-repository-");
    expect_refusal(WORDS("--hash-path", "repo/pkg/bar", FOO),
                   "must be the package's directory");
    expect_refusal(WORDS("--hash-path", "repo/pkg/bar", "nowhere"),
                   "must be the package's directory");
}

static void the_tag_is_a_template(void **state)
{
    (void)state;
    expect_name(WORDS("--tag", "rel-{{ .Hash }}", "--hash", "h", FOO), "linuxkit/foo:rel-h",
                NULL);
    expect_name(WORDS("--tag=", FOO), "linuxkit/foo:$", TREE_FOO);
    run("printf 'tag: v1-{{.Hash}}\\n' >> repo/pkg/bar/build.yml; git -C repo commit -qam x");
    expect_name(WORDS("repo/pkg/bar"), "linuxkit/bar:v1-$",
                "git -C repo rev-parse HEAD:pkg/bar");
    expect_name(WORDS("--tag", "{{.Hash}}", "--hash", "h", "repo/pkg/bar"), "linuxkit/bar:h",
                NULL);
    run("printf 'image: bar\\ntag: \"\"\\n' > repo/pkg/bar/build.yml");
    expect_name(WORDS("--hash", "h", "repo/pkg/bar"), "linuxkit/bar:h", NULL);
    run("printf 'image: bar\\ntag: fixed\\n' > repo/pkg/bar/build.yml");
    expect_name(WORDS("repo/pkg/bar"), "linuxkit/bar:fixed", NULL);
    expect_refusal(WORDS("--tag", "{{.Version}}", FOO), "more than a tag may use");
    expect_refusal(WORDS("--tag", "{{/**/}}", FOO), "becomes empty");
}

static void what_is_not_committed_shows_in_the_tag(void **state)
{
    static const char *const scripts[] = { "true", "echo y > repo/pkg/foo/x" };

    (void)state;
    for (size_t i = 0; i < LK_COUNT(scripts); i++) {
        LK_CLEANUP(lk_package_fini) struct lk_package package = { 0 };
        LK_CLEANUP(lk_free_pointer) char             *tree = output_of(TREE_FOO);
        struct lk_err                                 err = { 0 };

        run(scripts[i]);
        if (open_with(i == 0 ? WORDS("--force-dirty", FOO) : WORDS(FOO), &package, &err) < 0)
            fail_msg("%s", err.text);
        assert_true(package.dirty);
        assert_int_equal(strlen(package.tag), 40 + strlen("-dirty-1234567"));
        assert_memory_equal(package.tag, tree, 40);
        assert_memory_equal(package.tag + 40, "-dirty-", 7);
    }
}

static void another_file_can_be_read_for_build_yml(void **state)
{
    (void)state;
    expect_name(WORDS("--build-yml", "other.yml", FOO), "elsewhere/other:$", TREE_FOO);
    expect_name(WORDS("--build-yml", "../bar/build.yml", FOO), "linuxkit/bar:$", TREE_FOO);
    expect_name(WORDS("--build-yml", "/other.yml", FOO), "elsewhere/other:$", TREE_FOO);
    expect_name(WORDS("--build-yml", "gone/../other.yml", FOO), "elsewhere/other:$", TREE_FOO);
    expect_name(WORDS("--build-yml=", FOO), "linuxkit/foo:$", TREE_FOO);
    expect_refusal(WORDS("--build-yml", "gone.yml", FOO), "there is no gone.yml in it");
    expect_refusal(WORDS("--build-yml", ".", FOO), "Is a directory");
}

static void the_network_and_the_cache_can_be_overridden(void **state)
{
    static const struct {
        const char *option;
        bool        network, disable_cache; /* written: network: yes, disable-cache: yes */
    } cases[] = {
        { "--network", true, true },       { "--network=false", false, true },
        { "--nonetwork", false, true },    { "--nonetwork=false", true, true },
        { "--enable-cache", true, false }, { "--enable-cache=false", true, true },
        { "--disable-cache", true, true }, { "--disable-cache=false", true, false },
        { "--dev", true, true },
    };

    (void)state;
    run("printf 'network: yes\\ndisable-cache: yes\\n' >> repo/pkg/foo/build.yml;"
        "git -C repo commit -qam x");
    for (size_t i = 0; i < LK_COUNT(cases); i++) {
        LK_CLEANUP(lk_package_fini) struct lk_package package = { 0 };
        LK_CLEANUP(lk_spec_fini) struct lk_spec       spec = { 0 };
        struct lk_err                                 err = { 0 };

        if (open_with(WORDS(cases[i].option, FOO), &package, &err) < 0 ||
            lk_package_spec(&package, &spec, &err) < 0)
            fail_msg("%s", err.text);
        if (spec.network != cases[i].network || spec.no_cache != cases[i].disable_cache)
            fail_msg("%s: network %d, no cache %d", cases[i].option, spec.network,
                     spec.no_cache);
    }
}

static void options_that_contradict_each_other_are_refused(void **state)
{
    (void)state;
    expect_refusal(WORDS("--network", "--nonetwork", FOO),
                   "--network and --nonetwork exclude each other");
    expect_refusal(WORDS("--network=false", "--nonetwork", FOO), "exclude each other");
    expect_refusal(WORDS("--enable-cache", "--disable-cache", FOO),
                   "--enable-cache and --disable-cache exclude each other");
    expect_refusal(WORDS("--network=maybe", FOO), "--network is a switch");
}

/* Each time the first mistake is mended, the next one is told: linuxkit's order. */
static void mistakes_are_told_in_linuxkits_order(void **state)
{
    static const char *const steps[][2] = {
        { "printf 'image: [\\n' > repo/pkg/foo/build.yml", "not well-formed YAML" },
        { "printf 'extra-sources: [gone]\\ndepends: {docker-images: {target: /x}}\\nnetwork: "
          "17\\n' > repo/pkg/foo/build.yml",
          "network: expected true or false" },
        { "sed -i /network/d repo/pkg/foo/build.yml", "field 'image' is required" },
        { "echo 'image: foo' >> repo/pkg/foo/build.yml", "target: '/x' must be relative" },
        { "sed -i /depends/d repo/pkg/foo/build.yml", "extra source 'gone'" },
        { "sed -i s/gone/gone:x/ repo/pkg/foo/build.yml", "gone" },
        { "sed -i /extra/d repo/pkg/foo/build.yml; mv repo/.git repo/git",
          "is not in a git repository" },
        { "mv repo/git repo/.git", "more than a tag may use" },
    };

    (void)state;
    expect_refusal(WORDS("--tag", "{{if}}", "--hash-path", "/nowhere", "gone"), "--hash-path");
    expect_refusal(WORDS("--tag", "{{if}}", "gone"), "there is no build.yml");
    for (size_t i = 0; i < LK_COUNT(steps); i++) {
        run(steps[i][0]);
        expect_refusal(WORDS("--tag", "{{if}}", FOO), steps[i][1]);
    }
}

static void odd_names_have_a_tag_but_are_not_built(void **state)
{
    static const char *const names[] = { "Foo", "a b", "x:y", "x@y", "-x" };

    (void)state;
    for (size_t i = 0; i < LK_COUNT(names); i++) {
        LK_CLEANUP(lk_free_pointer) char *script = NULL;
        LK_CLEANUP(lk_free_pointer) char *name = NULL;

        script = lk_xasprintf("printf 'image: \"%s\"\\n' > repo/pkg/foo/build.yml", names[i]);
        name = lk_xasprintf("linuxkit/%s:h", names[i]);
        run(script);
        expect_name(WORDS("--hash", "h", FOO), name, NULL);
        expect_unbuildable(WORDS("--hash", "h", FOO), "image name");
    }
    run("printf 'image: a/b\\n' > repo/pkg/foo/build.yml");
    expect_name(WORDS("--hash", "h", FOO), "linuxkit/a/b:h", NULL);
}

static void default_architectures_are_for_who_names_none(void **state)
{
    const struct lk_package_options how = {
        .hash = "h",
        .default_arch_count = 2,
        .default_arches = { { "riscv64" }, { "amd64" } },
    };
    struct lk_package package;
    struct lk_err     err = { 0 };

    (void)state;
    assert_int_equal(lk_package_open(&package, FOO, &how, &err), 0);
    assert_int_equal(package.build.arch_count, 2);
    assert_string_equal(package.build.arches[0].name, "riscv64");
    lk_package_fini(&package);
    run("printf 'arches: [s390x]\\n' >> repo/pkg/foo/build.yml");
    assert_int_equal(lk_package_open(&package, FOO, &how, &err), 0);
    assert_int_equal(package.build.arch_count, 1);
    lk_package_fini(&package);
    run("printf 'image: foo\\narches: []\\n' > repo/pkg/foo/build.yml");
    assert_int_equal(lk_package_open(&package, FOO, &how, &err), 0);
    assert_int_equal(package.build.arch_count, 0);
    lk_package_fini(&package);
}

static void the_specification_has_what_build_yml_asks(void **state)
{
    LK_CLEANUP(lk_package_fini) struct lk_package package = { 0 };
    LK_CLEANUP(lk_spec_fini) struct lk_spec       spec = { 0 };
    struct lk_err                                 err = { 0 };

    (void)state;
    run("printf 'disable-content-trust: true\\ndepends: {docker-images: {target-dir: ./a//b, "
        "list: [\"org/x@sha256:" HEX "\"]}}\\n' >> repo/pkg/foo/build.yml;"
        "git -C repo commit -qam x");
    if (open_with(WORDS(FOO), &package, &err) < 0 ||
        lk_package_spec(&package, &spec, &err) < 0 || lk_spec_check(&spec, &err) < 0)
        fail_msg("%s", err.text);
    assert_true(spec.is_unsigned);
    assert_string_equal(spec.depends.target, "");
    assert_string_equal(spec.depends.target_dir, "a/b");
    assert_int_equal(spec.depends.image_count, 1);
    assert_string_equal(spec.depends.images[0], "org/x@sha256:" HEX);
}

static void what_only_a_build_needs_is_refused_when_building(void **state)
{
    static const char *const cases[][2] = {
        { "dockerfile: ../x", "foo/build.yml:2: dockerfile: '../x' must be a path below" },
        { "arches: [linux/amd64]", "foo/build.yml:2: arches: 'linux/amd64' is not an" },
        { "depends: {docker-images: {list: [\"org/x@sha256:" HEX "\"]}}",
          "says which images, but not where they go" },
    };

    (void)state;
    for (size_t i = 0; i < LK_COUNT(cases); i++) {
        LK_CLEANUP(lk_free_pointer)
        char *script =
            lk_xasprintf("printf 'image: foo\\n%s\\n' > repo/pkg/foo/build.yml", cases[i][0]);

        run(script);
        expect_unbuildable(WORDS(FOO), cases[i][1]);
    }
}

#define in_place(test) cmocka_unit_test_setup_teardown(test, make_place, place_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_place(the_org_said_last_counts),
        in_place(the_hash_can_be_told),
        in_place(a_told_hash_needs_no_git_until_something_is_built),
        in_place(the_hash_can_be_of_another_commit),
        in_place(a_commit_that_is_named_is_never_dirty),
        in_place(the_hash_can_be_of_a_directory_above),
        in_place(the_tag_is_a_template),
        in_place(what_is_not_committed_shows_in_the_tag),
        in_place(another_file_can_be_read_for_build_yml),
        in_place(the_network_and_the_cache_can_be_overridden),
        in_place(options_that_contradict_each_other_are_refused),
        in_place(mistakes_are_told_in_linuxkits_order),
        in_place(odd_names_have_a_tag_but_are_not_built),
        in_place(default_architectures_are_for_who_names_none),
        in_place(the_specification_has_what_build_yml_asks),
        in_place(what_only_a_build_needs_is_refused_when_building),
    };

    return cmocka_run_group_tests(tests, git_home_make, git_home_remove);
}

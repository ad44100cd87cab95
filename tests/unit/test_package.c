#include "common/pkg/package.h"

#include "common/pkg/labels.h"

#include "tests/unit/repository_fixture.h"

static const struct lk_package_options no_options;

static int make_place(void **state)
{
    (void)state;
    return place_make(
        "mkdir -p repo/pkg/foo/sub repo/pkg/foo2 repo/pkg/a'*'; cd repo; git init -q;"
        "printf 'image: foo\\n' > pkg/foo/build.yml; echo x > pkg/foo/sub/file;"
        "echo FROM scratch > pkg/foo/Dockerfile; ln -s sub pkg/foo/link;"
        "printf 'image: bar\\narches: [s390x, amd64]\\n' > pkg/foo2/build.yml;"
        "printf 'image: star\\n' > 'pkg/a*/build.yml'; printf 'image: root\\n' > build.yml;"
        "ln -s pkg/foo alias; echo '*.o' > .gitignore; git add -A;"
        "GIT_COMMITTER_DATE='1700000000 +0000' git commit -q -m first");
}

static int open_at(const char *path, struct lk_package *out, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char *whole = lk_xasprintf("%s/%s", place, path);

    return lk_package_open(out, whole, &no_options, err);
}

static void expect_tag(const char *path, const char *git_command)
{
    LK_CLEANUP(lk_free_pointer) char             *expected = output_of(git_command);
    LK_CLEANUP(lk_package_fini) struct lk_package package = { 0 };
    struct lk_err                                 err = { 0 };

    if (open_at(path, &package, &err) < 0)
        fail_msg("%s", err.text);
    assert_string_equal(package.tag, expected);
    assert_int_equal(strlen(package.tag), 40);
    if (package.dirty)
        fail_msg("%s is called dirty because of %s", path, package.dirty_example);
}

static void expect_refusal(const char *path, const char *message)
{
    LK_CLEANUP(lk_package_fini) struct lk_package package = { 0 };
    struct lk_err                                 err = { 0 };

    assert_int_equal(open_at(path, &package, &err), -1);
    if (!strstr(err.text, message))
        fail_msg("'%s' lacks '%s'", err.text, message);
}

static void expect_state(const char *script, const char *path, const char *example)
{
    LK_CLEANUP(lk_package_fini) struct lk_package package = { 0 };
    struct lk_err                                 err = { 0 };

    run("cd repo; git reset -q --hard; git clean -fdqx; git update-index --refresh -q");
    run(script);
    if (open_at(path, &package, &err) < 0)
        fail_msg("%s: %s", script, err.text);
    if (package.dirty != (example != NULL))
        fail_msg("after '%s': %s (%s)", script, package.dirty ? "dirty" : "clean",
                 package.dirty_example);
    assert_string_equal(package.dirty_example, example ? example : "");
}

static void the_tag_is_the_tree_as_git_gives_it(void **state)
{
    (void)state;
    expect_tag("repo/pkg/foo", "cd repo && git rev-parse HEAD:pkg/foo");
    expect_tag("repo/pkg/foo/", "cd repo && git rev-parse HEAD:pkg/foo");
    expect_tag("repo//pkg/./foo2/../foo/", "cd repo && git rev-parse HEAD:pkg/foo");
    expect_tag("repo/pkg/a*", "cd repo && git rev-parse 'HEAD:pkg/a*'");
    expect_tag("repo", "cd repo && git rev-parse 'HEAD^{tree}'");
    run("cd repo; git checkout -q --detach; git gc -q; git worktree add -q ../second");
    expect_tag("repo/pkg/foo", "cd repo && git rev-parse HEAD:pkg/foo");
    expect_tag("second/pkg/foo", "cd repo && git rev-parse HEAD:pkg/foo");
    expect_tag("second", "cd repo && git rev-parse 'HEAD^{tree}'");
}

static void relative_paths_start_here(void **state)
{
    LK_CLEANUP(lk_package_fini) struct lk_package package = { 0 };
    LK_CLEANUP(lk_free_pointer) char             *here = getcwd(NULL, 0);
    LK_CLEANUP(lk_free_pointer)
    char                             *tree = output_of("cd repo; git rev-parse HEAD:pkg/foo");
    LK_CLEANUP(lk_free_pointer) char *below = lk_xasprintf("%s/repo/pkg/foo", place);
    struct lk_err                     err = { 0 };

    (void)state;
    assert_int_equal(chdir(below), 0);
    assert_int_equal(lk_package_open(&package, ".", &no_options, &err), 0);
    assert_int_equal(chdir(here), 0);
    assert_string_equal(package.tag, tree);
    assert_string_equal(package.path, ".");
}

static void a_parent_may_be_a_link(void **state)
{
    (void)state;
    run("ln -s repo linked; ln -s repo/pkg packages");
    expect_tag("linked/pkg/foo", "cd repo && git rev-parse HEAD:pkg/foo");
    expect_tag("packages/foo", "cd repo && git rev-parse HEAD:pkg/foo");
    expect_tag("linked", "cd repo && git rev-parse 'HEAD^{tree}'");
}

static void a_link_to_a_package_has_a_tag_and_cannot_be_built(void **state)
{
    LK_CLEANUP(lk_package_fini) struct lk_package package = { 0 };
    struct lk_spec                                spec;
    struct lk_err                                 err = { 0 };

    (void)state;
    run("ln -s repo linked");
    expect_tag("repo/alias", "cd repo && git rev-parse HEAD:alias");
    expect_tag("linked/alias", "cd repo && git rev-parse HEAD:alias");
    assert_int_equal(open_at("repo/alias", &package, &err), 0);
    assert_int_equal(lk_package_spec(&package, &spec, &err), -1);
    assert_non_null(strstr(err.text, "is a symbolic link in git"));
}

static void a_commit_moves_the_tag_at_once(void **state)
{
    (void)state;
    expect_tag("repo/pkg/foo", "cd repo && git rev-parse HEAD:pkg/foo");
    run("cd repo; echo y > pkg/foo/sub/file; git commit -qam second");
    expect_tag("repo/pkg/foo", "cd repo && git rev-parse HEAD:pkg/foo");
}

static void differences_below_the_package_make_it_dirty(void **state)
{
    (void)state;
    expect_state("cd repo; echo y > pkg/foo/sub/file", "repo/pkg/foo", "pkg/foo/sub/file");
    expect_state("cd repo; echo y > pkg/foo/sub/file; git add -A", "repo/pkg/foo",
                 "pkg/foo/sub/file");
    expect_state("cd repo; chmod +x pkg/foo/sub/file", "repo/pkg/foo", "pkg/foo/sub/file");
    expect_state("cd repo; rm pkg/foo/sub/file", "repo/pkg/foo", "pkg/foo/sub/file");
    expect_state("cd repo; git rm -q --cached pkg/foo/sub/file", "repo/pkg/foo",
                 "pkg/foo/sub/");
    expect_state("cd repo; ln -sfn other pkg/foo/link", "repo/pkg/foo", "pkg/foo/link");
    expect_state("cd repo; : > pkg/foo/empty", "repo/pkg/foo", "pkg/foo/empty");
    expect_state("cd repo; : > pkg/foo/empty; git add -N pkg/foo/empty", "repo/pkg/foo",
                 "pkg/foo/empty");
    expect_state("cd repo; mkdir pkg/foo/new; : > pkg/foo/new/f", "repo/pkg/foo",
                 "pkg/foo/new/");
    expect_state("cd repo; echo 'org: y' >> 'pkg/a*/build.yml'", "repo/pkg/a*",
                 "pkg/a*/build.yml");
    expect_state("cd repo; : > untracked", "repo", "untracked");
    expect_state("cd repo; git init -q pkg/foo/inner; : > pkg/foo/inner/f", "repo/pkg/foo",
                 "pkg/foo/inner/");
}

static void what_git_calls_clean_is_clean(void **state)
{
    (void)state;
    expect_state("cd repo; touch -d 2001-01-01 pkg/foo/sub/file", "repo/pkg/foo", NULL);
    expect_state("cd repo; : > pkg/foo/ignored.o", "repo/pkg/foo", NULL);
    expect_state("cd repo; mkdir pkg/foo/only; : > pkg/foo/only/ignored.o", "repo/pkg/foo",
                 NULL);
    expect_state("cd repo; mkdir -p pkg/foo/empty/nested", "repo/pkg/foo", NULL);
    expect_state("cd repo; echo y > pkg/foo2/file; : > untracked", "repo/pkg/foo", NULL);
    expect_state("cd repo; echo y >> pkg/foo/build.yml", "repo/pkg/a*", NULL);
    expect_state("cd repo; : > pkg/foo/n; git add pkg/foo/n; rm pkg/foo/n", "repo/pkg/foo",
                 NULL);
    expect_state("cd repo; echo y > pkg/foo/sub/file; git add -A; echo x > pkg/foo/sub/file",
                 "repo/pkg/foo", NULL);
    expect_state("cd repo; echo 'pkg/foo/x' > .git/info/exclude; : > pkg/foo/x", "repo/pkg/foo",
                 NULL);
    expect_state("cd repo; git update-index --assume-unchanged pkg/foo/sub/file;"
                 "echo z > pkg/foo/sub/file",
                 "repo/pkg/foo", NULL);
    run("cd repo; git update-index --no-assume-unchanged pkg/foo/sub/file");
    expect_state("cd repo; git update-index --skip-worktree pkg/foo/sub/file;"
                 "rm pkg/foo/sub/file",
                 "repo/pkg/foo", NULL);
    run("cd repo; git update-index --no-skip-worktree pkg/foo/sub/file; git checkout -q .");
    expect_state("cd repo; git config core.fileMode false; chmod +x pkg/foo/sub/file",
                 "repo/pkg/foo", NULL);
}

static void a_submodule_differs_by_its_commit_and_its_tracked_files(void **state)
{
    static const struct {
        const char *script; /* in the submodule */
        const char *example;
    } rows[] = {
        { ":", NULL },
        { ": > untracked", NULL },
        { "mkdir -p a; : > a/b", NULL },
        { "echo y >> build.yml", "pkg/outer/m" },
        { ": > added; git add added", "pkg/outer/m" },
        { "rm build.yml", "pkg/outer/m" },
        { "git commit -q --allow-empty -m moved", "pkg/outer/m" },
    };

    (void)state;
    run("git clone -q repo inner; cd repo; mkdir pkg/outer; echo 'image: outer' > "
        "pkg/outer/build.yml; git -c protocol.file.allow=always submodule -q add ../inner "
        "pkg/outer/m; git add -A; git commit -q -m outer");
    for (size_t i = 0; i < LK_COUNT(rows); i++) {
        LK_CLEANUP(lk_free_pointer)
        char *script = lk_xasprintf("cd repo/pkg/outer/m; %s", rows[i].script);

        expect_state(script, "repo/pkg/outer", rows[i].example);
        run("cd repo; git submodule -q update --force; git -C pkg/outer/m clean -fdq");
    }
    expect_state("cd repo; git submodule -q deinit -f --all", "repo/pkg/outer", NULL);
    expect_tag("repo/pkg/outer", "cd repo && git rev-parse HEAD:pkg/outer");
}

static void the_index_is_not_written(void **state)
{
    LK_CLEANUP(lk_free_pointer) char *before = NULL;
    LK_CLEANUP(lk_free_pointer) char *after = NULL;

    (void)state;
    run("touch -d 2001-01-01 repo/pkg/foo/sub/file");
    before = output_of("stat -c '%i %y' repo/.git/index; ls repo/.git | sha256sum");
    expect_tag("repo/pkg/foo", "cd repo && git rev-parse HEAD:pkg/foo");
    after = output_of("stat -c '%i %y' repo/.git/index; ls repo/.git | sha256sum");
    assert_string_equal(before, after);
}

static void git_trouble_is_an_error_with_its_way_out(void **state)
{
    (void)state;
    expect_refusal("repo/pkg", "there is no build.yml in it");
    expect_refusal("nowhere", "there is no build.yml in it");
    run("mkdir outside new; echo image: x > outside/build.yml");
    expect_refusal("outside", "is not in a git repository");
    run("cd new; git init -q; echo image: x > build.yml");
    expect_refusal("new", "has no commit yet");
    run("mkdir repo/pkg/later; echo image: x > repo/pkg/later/build.yml");
    expect_refusal("repo/pkg/later", "is not committed: HEAD");
    run("cd repo; git add pkg/later");
    expect_refusal("repo/pkg/later", "is not committed: HEAD");
    run("git init -q --object-format=sha256 wide; cd wide; echo image: x > build.yml;"
        "git add -A; git commit -q -m first");
    expect_refusal("wide", "names objects by SHA-256");
}

static void a_repository_of_another_user_needs_consent(void **state)
{
    LK_CLEANUP(lk_free_pointer)
    char *advice = lk_xasprintf("git config --global --add safe.directory %s/repo", place);

    (void)state;
    if (geteuid() != 0)
        skip();
    run("cp -a repo second; chown -R 65534:65534 repo; mv $HOME/.gitconfig $HOME/aside");
    expect_refusal("repo/pkg/foo", "detected dubious ownership");
    run("mv $HOME/aside $HOME/.gitconfig");
    expect_refusal("repo/pkg/foo", "detected dubious ownership");
    expect_refusal("repo/pkg/foo", advice);
    run(advice);
    expect_tag("repo/pkg/foo", "cd repo && git rev-parse HEAD:pkg/foo");
    run("chown -R 65534:65534 second");
    expect_refusal("second/pkg/foo", "detected dubious ownership");
}

static void the_org_given_last_wins(void **state)
{
    LK_CLEANUP(lk_free_pointer) char *path = lk_xasprintf("%s/repo/pkg/foo", place);
    struct lk_package_options         options = { .org = "wombat" };
    struct lk_package                 package;
    struct lk_err                     err = { 0 };

    (void)state;
    setenv("LINUXKIT_PKG_ORG", "", 1);
    assert_int_equal(lk_package_open(&package, path, &no_options, &err), 0);
    assert_string_equal(package.org, "linuxkit");
    lk_package_fini(&package);
    setenv("LINUXKIT_PKG_ORG", "koala", 1);
    assert_int_equal(lk_package_open(&package, path, &no_options, &err), 0);
    assert_string_equal(package.org, "koala");
    lk_package_fini(&package);
    assert_int_equal(lk_package_open(&package, path, &options, &err), 0);
    assert_string_equal(package.org, "wombat");
    lk_package_fini(&package);
}

static void a_given_hash_is_the_tag(void **state)
{
    LK_CLEANUP(lk_free_pointer) char *path = lk_xasprintf("%s/repo/pkg/foo", place);
    struct lk_package_options         options = { .hash = "v1.2" };
    struct lk_package                 package;
    struct lk_err                     err = { 0 };

    (void)state;
    assert_int_equal(lk_package_open(&package, path, &options, &err), 0);
    assert_string_equal(package.tag, "v1.2");
    assert_false(lk_oid_is_zero(&package.tree));
    lk_package_fini(&package);
    options.hash = "a/b";
    assert_int_equal(lk_package_open(&package, path, &options, &err), -1);
    assert_non_null(strstr(err.text, "'a/b' is not a legal tag"));
}

static void the_specification_says_what_linuxkit_would(void **state)
{
    LK_CLEANUP(lk_package_fini) struct lk_package package = { 0 };
    LK_CLEANUP(lk_spec_fini) struct lk_spec       spec = { 0 };
    LK_CLEANUP(lk_free_pointer) char *head = output_of("cd repo; git rev-parse HEAD");
    LK_CLEANUP(lk_free_pointer)
    char *version = lk_xasprintf("v0.0.0-20231114231320-%.12s", head);
    LK_CLEANUP(lk_free_pointer) char *revision = lk_xstrdup(lk_labels_revision);
    struct lk_err                     err = { 0 };

    (void)state;
    setenv("TZ", "UTC-1", 1);
    assert_int_equal(open_at("repo/pkg/foo2", &package, &err), 0);
    assert_int_equal(lk_package_spec(&package, &spec, &err), 0);
    assert_string_equal(spec.repository, "docker.io/linuxkit/bar");
    assert_string_equal(spec.tag, package.tag);
    assert_true(lk_oid_eq(&spec.tree, &package.tree));
    assert_int_equal(spec.arch_count, 2);
    assert_string_equal(spec.arches[0].name, "amd64");
    assert_string_equal(spec.arches[1].name, "s390x");

    const struct lk_pair labels[] = {
        { (char[]) { "org.opencontainers.image.source" },
          (char[]) { "https://github.com/linuxkit/linuxkit" } },
        { (char[]) { "org.opencontainers.image.revision" }, head },
        { (char[]) { "org.mobyproject.linuxkit.version" }, (char[]) { LK_VERSION } },
        { (char[]) { "org.mobyproject.linuxkit.revision" }, revision },
    };
    const struct lk_pair arguments[] = {
        { (char[]) { "SOURCE" }, (char[]) { "https://github.com/linuxkit/linuxkit" } },
        { (char[]) { "REVISION" }, head },
        { (char[]) { "GOPKGVERSION" }, version },
        { (char[]) { "PKG_HASH" }, package.tag },
        { (char[]) { "PKG_IMAGE" }, (char[]) { "linuxkit/bar" } },
    };
    assert_int_equal(spec.label_count, LK_COUNT(labels));
    assert_int_equal(spec.argument_count, LK_COUNT(arguments));
    for (size_t i = 0; i < LK_COUNT(labels); i++) {
        assert_string_equal(spec.labels[i].name, labels[i].name);
        assert_string_equal(spec.labels[i].value, labels[i].value);
    }
    for (size_t i = 0; i < LK_COUNT(arguments); i++) {
        assert_string_equal(spec.arguments[i].name, arguments[i].name);
        assert_string_equal(spec.arguments[i].value, arguments[i].value);
    }
}

static void names_that_no_registry_takes_are_refused(void **state)
{
    LK_CLEANUP(lk_package_fini) struct lk_package package = { 0 };
    struct lk_spec                                spec;
    struct lk_err                                 err = { 0 };

    (void)state;
    run("cd repo; echo 'image: foo:1' > pkg/foo/build.yml; git commit -qam tag");
    assert_int_equal(open_at("repo/pkg/foo", &package, &err), 0);
    assert_int_equal(lk_package_spec(&package, &spec, &err), -1);
    assert_non_null(strstr(err.text, "has a tag or digest in it"));
}

static void a_path_that_does_not_fit_is_refused(void **state)
{
    char path[LK_PATH_SIZE + 1];

    (void)state;
    memset(path, 'x', LK_PATH_SIZE);
    path[LK_PATH_SIZE] = '\0';
    expect_refusal(path, "xxx...: longer than 1023 characters");
}

static void objects_are_read_by_their_id(void **state)
{
    LK_CLEANUP(lk_package_fini) struct lk_package package = { 0 };
    LK_CLEANUP(lk_buf_fini) struct lk_buf         bytes = LK_BUF_INIT(4096);
    struct lk_buf                                 small = LK_BUF_INIT(8);
    struct lk_oid                                 again;
    struct lk_err                                 err = { 0 };
    uint64_t                                      size;
    bool                                          is_tree;

    (void)state;
    assert_int_equal(open_at("repo/pkg/foo", &package, &err), 0);
    assert_int_equal(lk_git_size(package.repo, &package.tree, &is_tree, &size, &err), 0);
    assert_int_equal(lk_git_read(package.repo, &package.tree, &is_tree, &bytes, &err), 0);
    assert_true(is_tree);
    assert_int_equal(bytes.len, size);
    lk_git_hash(true, lk_buf_str(&bytes), &again);
    assert_true(lk_oid_eq(&again, &package.tree));
    assert_int_equal(lk_git_read(package.repo, &package.tree, &is_tree, &small, &err), -1);
    assert_int_equal(err.kind, LK_ERR_LIMIT);
    assert_int_equal(lk_git_size(package.repo, &package.head, &is_tree, &size, &err), -1);
    assert_non_null(strstr(err.text, "neither a tree nor a file"));
    again.sha1[0] ^= 1;
    assert_int_equal(lk_git_size(package.repo, &again, &is_tree, &size, &err), -1);
}

#define in_place(test) cmocka_unit_test_setup_teardown(test, make_place, place_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_place(the_tag_is_the_tree_as_git_gives_it),
        in_place(relative_paths_start_here),
        in_place(a_parent_may_be_a_link),
        in_place(a_link_to_a_package_has_a_tag_and_cannot_be_built),
        in_place(a_commit_moves_the_tag_at_once),
        in_place(differences_below_the_package_make_it_dirty),
        in_place(what_git_calls_clean_is_clean),
        in_place(a_submodule_differs_by_its_commit_and_its_tracked_files),
        in_place(the_index_is_not_written),
        in_place(git_trouble_is_an_error_with_its_way_out),
        in_place(a_repository_of_another_user_needs_consent),
        in_place(the_org_given_last_wins),
        in_place(a_given_hash_is_the_tag),
        in_place(the_specification_says_what_linuxkit_would),
        in_place(names_that_no_registry_takes_are_refused),
        in_place(objects_are_read_by_their_id),
        in_place(a_path_that_does_not_fit_is_refused),
    };

    return cmocka_run_group_tests(tests, git_home_make, git_home_remove);
}

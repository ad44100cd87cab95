/*
 * What is refused, and what differs from `linuxkit pkg` on purpose; that hundreds of ordinary and odd states
 * give what git gives is tests/tools/tag_states.py's.
 */
#include "common/pkg/context.h"

#include "common/pkg/tree_hash.h"

#include "tests/unit/repository_fixture.h"

static int make_place(void **state)
{
    (void)state;
    return place_make(
        "mkdir -p repo/foo/sub repo/lib/inner; cd repo; git init -q;"
        "echo 'image: foo' > foo/build.yml; echo FROM scratch > foo/Dockerfile;"
        "echo x > foo/sub/file; ln -s sub foo/link; echo l > lib/inner/l; echo m > lib/m;"
        "ln -s lib alias; git add -A; git commit -q -m first");
}

/* build.yml of the package is made anew, with these sources, and committed. */
static void set_sources(const char *sources)
{
    LK_CLEANUP(lk_free_pointer)
    char *script = lk_xasprintf("cd repo; printf 'image: foo\\nextra-sources: %s\\n' > "
                                "foo/build.yml; git commit -qam sources",
                                sources);
    run(script);
}

static int open_foo(struct lk_package *out, struct lk_err *err)
{
    static const struct lk_package_options options;
    LK_CLEANUP(lk_free_pointer) char      *path = lk_xasprintf("%s/repo/foo", place);

    return lk_package_open(out, path, &options, err);
}

static void expect_no_tag(const char *message)
{
    LK_CLEANUP(lk_package_fini) struct lk_package package = { 0 };
    struct lk_err                                 err = { 0 };

    assert_int_equal(open_foo(&package, &err), -1);
    if (!strstr(err.text, message))
        fail_msg("'%s' lacks '%s'", err.text, message);
}

static void expect_no_context(const char *message)
{
    LK_CLEANUP(lk_package_fini) struct lk_package package = { 0 };
    LK_CLEANUP(lk_context_fini) struct lk_context context = { 0 };
    struct lk_err                                 err = { 0 };

    if (open_foo(&package, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(lk_context_open(&context, &package, &err), -1);
    if (!strstr(err.text, message))
        fail_msg("'%s' lacks '%s'", err.text, message);
}

static void expect_example(const char *example)
{
    LK_CLEANUP(lk_package_fini) struct lk_package package = { 0 };
    struct lk_err                                 err = { 0 };

    if (open_foo(&package, &err) < 0)
        fail_msg("%s", err.text);
    if (package.dirty != (example[0] != '\0'))
        fail_msg("dirty because of '%s', not of '%s'", package.dirty_example, example);
    assert_string_equal(package.dirty_example, example);
}

static void extra_sources_that_lead_nowhere_are_refused(void **state)
{
    (void)state;
    set_sources("[\"../lib\"]");
    expect_no_tag("'../lib': expected SOURCE:DESTINATION");
    set_sources("[\"a:b:c\"]");
    expect_no_tag("'a:b:c': expected SOURCE:DESTINATION");
    set_sources("[\"../lib:x/../../y\"]");
    expect_no_tag("destination lies outside of the build context");
    set_sources("[\"../nowhere:x\"]");
    expect_no_tag("nowhere");
    run("mkdir repo/fresh outside");
    set_sources("[\"../fresh:x\"]");
    expect_no_tag("fresh is not committed: HEAD");
    set_sources("[\"../../outside:x\"]");
    expect_no_tag("outside is not in a git repository");
    run("cd outside; git init -q");
    expect_no_tag("has no commit yet");
    run("rm -rf outside; git init -q --object-format=sha256 outside");
    expect_no_tag("names objects by SHA-256");
}

static void a_destination_that_cannot_be_is_refused_when_it_is_built(void **state)
{
    (void)state;
    set_sources("[\"../lib/m:.\"]");
    expect_no_context("'.' is a directory of the build context");
    set_sources("[\"../lib/m:sub\"]");
    expect_no_context("'sub' is a directory of the build context");
    set_sources("[\"../alias:.\"]");
    expect_no_context("'.' is a directory of the build context");
    set_sources("[\"../lib:link/below\"]");
    expect_no_context("link is no directory there");
    set_sources("[\"../lib:Dockerfile/below\"]");
    expect_no_context("Dockerfile is no directory there");
}

static void changes_in_an_extra_source_make_the_package_dirty(void **state)
{
    LK_CLEANUP(lk_package_fini) struct lk_package package = { 0 };
    LK_CLEANUP(lk_package_fini) struct lk_package later = { 0 };
    struct lk_err                                 err = { 0 };

    (void)state;
    set_sources("[\"../lib:lib\"]");
    expect_example("");
    run("echo more >> repo/lib/m");
    expect_example("lib/m");
    assert_int_equal(open_foo(&package, &err), 0);
    run("echo more >> repo/lib/m");
    assert_int_equal(open_foo(&later, &err), 0);
    assert_memory_equal(package.tag, later.tag, 47);
    assert_string_not_equal(package.tag, later.tag);
    /* A repository that stays open answers as of one commit. */
    lk_package_fini(&package);
    lk_package_fini(&later);
    run("cd repo; git checkout -q lib; echo u > lib/untracked");
    expect_example("lib/untracked");
    run("cd repo; git clean -fdq; echo y >> alias/m");
    set_sources("[\"../alias:a\"]");
    expect_example("");
    run("cd repo; ln -sfn elsewhere alias");
    expect_example("alias");
}

static void a_file_s_change_is_seen_wherever_it_hides(void **state)
{
    (void)state;
    set_sources("[\"../lib/m:m\"]");
    expect_example("");
    run("touch -d 2001-01-01 repo/lib/m");
    expect_example("");
    run("chmod +x repo/lib/m");
    expect_example("lib/m");
    run("cd repo; git config core.fileMode false");
    expect_example("");
    run("cd repo; echo y > lib/m; git add lib/m; echo m > lib/m");
    expect_example("");
    run("cd repo; git rm -q -f --cached lib/m");
    expect_example("lib/m");
    run("cd repo; git reset -q; git update-index --assume-unchanged lib/m; echo y > lib/m");
    expect_example("");
}

static void a_changed_file_that_needs_a_filter_program_is_refused(void **state)
{
    (void)state;
    run("cd repo; git config filter.upper.clean 'tr a-z A-Z';"
        "echo 'sub/file filter=upper' > foo/.gitattributes; echo 'u "
        "working-tree-encoding=UTF-16' "
        ">> foo/.gitattributes; git add -A; git commit -q -m filter");
    expect_example("");
    run("echo changed > repo/foo/sub/file");
    expect_no_context("goes through git's filter 'upper'");
    run("cd repo; git checkout -q foo; echo u > foo/u");
    expect_no_context("has the encoding UTF-16");
}

static void a_repository_inside_the_package_is_refused_when_it_is_built(void **state)
{
    (void)state;
    run("git init -q repo/foo/own; echo f > repo/foo/own/f");
    expect_example("foo/own/");
    expect_no_context("foo/own/ is a git repository of its own");
}

static void a_submodule_without_its_files_is_refused_when_it_is_built(void **state)
{
    (void)state;
    run("cd repo; git -c protocol.file.allow=always submodule -q add \"$PWD\" module;"
        "git commit -q -m module; git submodule -q deinit module");
    set_sources("[\"../module:x\"]");
    expect_example("");
    expect_no_context("module is a git submodule without its files");
}

static void a_file_that_changes_while_it_is_sent_is_noticed(void **state)
{
    LK_CLEANUP(lk_package_fini) struct lk_package package = { 0 };
    LK_CLEANUP(lk_context_fini) struct lk_context context = { 0 };
    LK_CLEANUP(lk_free_pointer) char             *id = NULL;
    LK_CLEANUP(lk_buf_fini) struct lk_buf         bytes = LK_BUF_INIT(4096);
    struct lk_oid                                 oid;
    struct lk_err                                 err = { 0 };
    bool                                          is_tree;

    (void)state;
    run("echo changed > repo/foo/sub/file");
    id = output_of("git hash-object repo/foo/sub/file");
    assert_true(lk_oid_parse(lk_str_of(id), &oid));
    assert_int_equal(open_foo(&package, &err), 0);
    assert_int_equal(lk_context_open(&context, &package, &err), 0);
    assert_int_equal(lk_context_read(&context, &oid, &is_tree, &bytes, &err), 0);
    assert_string_equal(lk_buf_text(&bytes), "changed\n");
    run("echo again > repo/foo/sub/file");
    assert_int_equal(lk_context_read(&context, &oid, &is_tree, &bytes, &err), -1);
    assert_int_equal(err.kind, LK_ERR_CONFLICT);
    assert_non_null(strstr(err.text, "sub/file changed while the package was being sent"));
    run("rm repo/foo/sub/file");
    assert_int_equal(lk_context_read(&context, &oid, &is_tree, &bytes, &err), -1);
}

static void a_file_that_is_too_large_is_named(void **state)
{
    (void)state;
    run("truncate -s 1025M repo/foo/disk");
    expect_no_context("foo/disk is larger than 1024 MiB");
}

static void an_object_that_git_has_lost_is_named(void **state)
{
    LK_CLEANUP(lk_package_fini) struct lk_package package = { 0 };
    LK_CLEANUP(lk_context_fini) struct lk_context context = { 0 };
    LK_CLEANUP(lk_free_pointer)
    char *id = output_of("git -C repo rev-parse HEAD:foo/sub/file");
    LK_CLEANUP(lk_buf_fini) struct lk_buf bytes = LK_BUF_INIT(4096);
    struct lk_oid                         oid;
    struct lk_err                         err = { 0 };
    bool                                  is_tree;

    (void)state;
    assert_true(lk_oid_parse(lk_str_of(id), &oid));
    run("cd repo/.git/objects; id=$(git rev-parse HEAD:foo/sub/file);"
        "rm -f ${id%${id#??}}/${id#??}");
    assert_int_equal(open_foo(&package, &err), 0);
    assert_int_equal(lk_context_open(&context, &package, &err), 0);
    assert_int_equal(lk_context_read(&context, &oid, &is_tree, &bytes, &err), -1);
    assert_int_equal(err.kind, LK_ERR_NOT_FOUND);
    assert_true(lk_context_misses(&context, &oid, &err));
    assert_non_null(strstr(err.text, "has lost the content of sub/file"));
    oid.sha1[0] ^= 1;
    assert_false(lk_context_misses(&context, &oid, &err));
}

static void a_sparse_partial_clone_has_the_same_tags(void **state)
{
    LK_CLEANUP(lk_package_fini) struct lk_package package = { 0 };
    struct lk_err                                 err = { 0 };

    (void)state;
    set_sources("[\"../lib:lib\"]");
    run("mv repo whole; git -C whole config uploadpack.allowFilter true;"
        "git clone -q --no-checkout --filter=blob:none \"file://$PWD/whole\" repo;"
        "cd repo; git sparse-checkout set foo lib; git checkout -q");
    expect_example("");
    assert_int_equal(open_foo(&package, &err), 0);
    LK_CLEANUP(lk_free_pointer)
    char *expected = output_of("cd repo; (git rev-parse HEAD:foo HEAD:lib | tr -d '\\n') |"
                               "sha1sum | cut -c1-40");
    assert_string_equal(package.tag, expected);
}

#define in_place(test) cmocka_unit_test_setup_teardown(test, make_place, place_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_place(extra_sources_that_lead_nowhere_are_refused),
        in_place(a_destination_that_cannot_be_is_refused_when_it_is_built),
        in_place(changes_in_an_extra_source_make_the_package_dirty),
        in_place(a_file_s_change_is_seen_wherever_it_hides),
        in_place(a_changed_file_that_needs_a_filter_program_is_refused),
        in_place(a_repository_inside_the_package_is_refused_when_it_is_built),
        in_place(a_submodule_without_its_files_is_refused_when_it_is_built),
        in_place(a_file_that_changes_while_it_is_sent_is_noticed),
        in_place(a_file_that_is_too_large_is_named),
        in_place(a_sparse_partial_clone_has_the_same_tags),
        in_place(an_object_that_git_has_lost_is_named),
    };

    return cmocka_run_group_tests(tests, git_home_make, git_home_remove);
}

#include "common/pkg/context.h"

#include "common/pkg/tree_hash.h"

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

/*
 * What is refused, and what differs from `linuxkit pkg` on purpose; that hundreds of ordinary and odd states
 * give what git gives is tests/tools/tag_states.py's.
 */
struct place {
    char directory[64];
};

const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libpcre2\n";
}

static void run(const struct place *place, const char *script)
{
    LK_CLEANUP(lk_free_pointer)
    char *command = lk_xasprintf("set -e; cd '%s'; %s", place->directory, script);

    if (system(command) != 0)
        fail_msg("failed: %s", script);
}

static char *output_of(const struct place *place, const char *script)
{
    LK_CLEANUP(lk_free_pointer)
    char *command = lk_xasprintf("cd '%s'; %s", place->directory, script);
    char  line[512] = "";
    FILE *pipe = popen(command, "r");

    assert_non_null(pipe);
    assert_non_null(fgets(line, sizeof(line), pipe));
    pclose(pipe);
    line[strcspn(line, "\n")] = '\0';
    return lk_xstrdup(line);
}

static int make_place(void **state)
{
    struct place *place = lk_xcalloc(1, sizeof(*place));

    snprintf(place->directory, sizeof(place->directory), "/tmp/lk-context-XXXXXX");
    assert_non_null(mkdtemp(place->directory));
    run(place,
        "mkdir -p repo/foo/sub repo/lib/inner; cd repo; git init -q;"
        "echo 'image: foo' > foo/build.yml; echo FROM scratch > foo/Dockerfile;"
        "echo x > foo/sub/file; ln -s sub foo/link; echo l > lib/inner/l; echo m > lib/m;"
        "ln -s lib alias; git add -A; git commit -q -m first");
    *state = place;
    return 0;
}

static int remove_place(void **state)
{
    struct place *place = *state;

    run(place, "rm -rf \"$PWD\"");
    free(place);
    return 0;
}

/* build.yml of the package is made anew, with these sources, and committed. */
static void set_sources(const struct place *place, const char *sources)
{
    LK_CLEANUP(lk_free_pointer)
    char *script = lk_xasprintf("cd repo; printf 'image: foo\\nextra-sources: %s\\n' > "
                                "foo/build.yml; git commit -qam sources",
                                sources);
    run(place, script);
}

static int open_foo(const struct place *place, struct lk_package *out, struct lk_err *err)
{
    static const struct lk_package_options options;
    LK_CLEANUP(lk_free_pointer) char      *path = lk_xasprintf("%s/repo/foo", place->directory);

    return lk_package_open(out, path, &options, err);
}

static void expect_no_tag(const struct place *place, const char *message)
{
    LK_CLEANUP(lk_package_fini) struct lk_package package = { 0 };
    struct lk_err                                 err = { 0 };

    assert_int_equal(open_foo(place, &package, &err), -1);
    if (!strstr(err.text, message))
        fail_msg("'%s' lacks '%s'", err.text, message);
}

static void expect_no_context(const struct place *place, const char *message)
{
    LK_CLEANUP(lk_package_fini) struct lk_package package = { 0 };
    LK_CLEANUP(lk_context_fini) struct lk_context context = { 0 };
    struct lk_err                                 err = { 0 };

    if (open_foo(place, &package, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(lk_context_open(&context, &package, &err), -1);
    if (!strstr(err.text, message))
        fail_msg("'%s' lacks '%s'", err.text, message);
}

static void expect_example(const struct place *place, const char *example)
{
    LK_CLEANUP(lk_package_fini) struct lk_package package = { 0 };
    struct lk_err                                 err = { 0 };

    if (open_foo(place, &package, &err) < 0)
        fail_msg("%s", err.text);
    if (package.dirty != (example[0] != '\0'))
        fail_msg("dirty because of '%s', not of '%s'", package.dirty_example, example);
    assert_string_equal(package.dirty_example, example);
}

static void extra_sources_that_lead_nowhere_are_refused(void **state)
{
    const struct place *place = *state;

    set_sources(place, "[\"../lib\"]");
    expect_no_tag(place, "'../lib': expected SOURCE:DESTINATION");
    set_sources(place, "[\"a:b:c\"]");
    expect_no_tag(place, "'a:b:c': expected SOURCE:DESTINATION");
    set_sources(place, "[\"../lib:x/../../y\"]");
    expect_no_tag(place, "destination lies outside of the build context");
    set_sources(place, "[\"../nowhere:x\"]");
    expect_no_tag(place, "nowhere");
    run(place, "mkdir repo/fresh outside");
    set_sources(place, "[\"../fresh:x\"]");
    expect_no_tag(place, "fresh is not committed: HEAD");
    set_sources(place, "[\"../../outside:x\"]");
    expect_no_tag(place, "outside is not in a git repository");
    run(place, "cd outside; git init -q");
    expect_no_tag(place, "has no commit yet");
    run(place, "rm -rf outside; git init -q --object-format=sha256 outside");
    expect_no_tag(place, "names objects by SHA-256");
}

static void a_destination_that_cannot_be_is_refused_when_it_is_built(void **state)
{
    const struct place *place = *state;

    set_sources(place, "[\"../lib/m:.\"]");
    expect_no_context(place, "'.' is a directory of the build context");
    set_sources(place, "[\"../lib/m:sub\"]");
    expect_no_context(place, "'sub' is a directory of the build context");
    set_sources(place, "[\"../alias:.\"]");
    expect_no_context(place, "'.' is a directory of the build context");
    set_sources(place, "[\"../lib:link/below\"]");
    expect_no_context(place, "link is no directory there");
    set_sources(place, "[\"../lib:Dockerfile/below\"]");
    expect_no_context(place, "Dockerfile is no directory there");
}

static void changes_in_an_extra_source_make_the_package_dirty(void **state)
{
    const struct place                           *place = *state;
    LK_CLEANUP(lk_package_fini) struct lk_package package = { 0 };
    LK_CLEANUP(lk_package_fini) struct lk_package later = { 0 };
    struct lk_err                                 err = { 0 };

    set_sources(place, "[\"../lib:lib\"]");
    expect_example(place, "");
    run(place, "echo more >> repo/lib/m");
    expect_example(place, "lib/m");
    assert_int_equal(open_foo(place, &package, &err), 0);
    run(place, "echo more >> repo/lib/m");
    assert_int_equal(open_foo(place, &later, &err), 0);
    assert_memory_equal(package.tag, later.tag, 47);
    assert_string_not_equal(package.tag, later.tag);
    /* A repository that stays open answers as of one commit. */
    lk_package_fini(&package);
    lk_package_fini(&later);
    run(place, "cd repo; git checkout -q lib; echo u > lib/untracked");
    expect_example(place, "lib/untracked");
    run(place, "cd repo; git clean -fdq; echo y >> alias/m");
    set_sources(place, "[\"../alias:a\"]");
    expect_example(place, "");
    run(place, "cd repo; ln -sfn elsewhere alias");
    expect_example(place, "alias");
}

static void a_file_s_change_is_seen_wherever_it_hides(void **state)
{
    const struct place *place = *state;

    set_sources(place, "[\"../lib/m:m\"]");
    expect_example(place, "");
    run(place, "touch -d 2001-01-01 repo/lib/m");
    expect_example(place, "");
    run(place, "chmod +x repo/lib/m");
    expect_example(place, "lib/m");
    run(place, "cd repo; git config core.fileMode false");
    expect_example(place, "");
    run(place, "cd repo; echo y > lib/m; git add lib/m; echo m > lib/m");
    expect_example(place, "");
    run(place, "cd repo; git rm -q -f --cached lib/m");
    expect_example(place, "lib/m");
    run(place,
        "cd repo; git reset -q; git update-index --assume-unchanged lib/m; echo y > lib/m");
    expect_example(place, "");
}

static void a_changed_file_that_needs_a_filter_program_is_refused(void **state)
{
    const struct place *place = *state;

    run(place, "cd repo; git config filter.upper.clean 'tr a-z A-Z';"
               "echo 'sub/file filter=upper' > foo/.gitattributes; echo 'u "
               "working-tree-encoding=UTF-16' "
               ">> foo/.gitattributes; git add -A; git commit -q -m filter");
    expect_example(place, "");
    run(place, "echo changed > repo/foo/sub/file");
    expect_no_context(place, "goes through git's filter 'upper'");
    run(place, "cd repo; git checkout -q foo; echo u > foo/u");
    expect_no_context(place, "has the encoding UTF-16");
}

static void a_repository_inside_the_package_is_refused_when_it_is_built(void **state)
{
    const struct place *place = *state;

    run(place, "git init -q repo/foo/own; echo f > repo/foo/own/f");
    expect_example(place, "foo/own/");
    expect_no_context(place, "foo/own/ is a git repository of its own");
}

static void a_submodule_without_its_files_is_refused_when_it_is_built(void **state)
{
    const struct place *place = *state;

    run(place, "cd repo; git -c protocol.file.allow=always submodule -q add \"$PWD\" module;"
               "git commit -q -m module; git submodule -q deinit module");
    set_sources(place, "[\"../module:x\"]");
    expect_example(place, "");
    expect_no_context(place, "module is a git submodule without its files");
}

static void a_file_that_changes_while_it_is_sent_is_noticed(void **state)
{
    const struct place                           *place = *state;
    LK_CLEANUP(lk_package_fini) struct lk_package package = { 0 };
    LK_CLEANUP(lk_context_fini) struct lk_context context = { 0 };
    LK_CLEANUP(lk_free_pointer) char             *id = NULL;
    LK_CLEANUP(lk_buf_fini) struct lk_buf         bytes = LK_BUF_INIT(4096);
    struct lk_oid                                 oid;
    struct lk_err                                 err = { 0 };
    bool                                          is_tree;

    run(place, "echo changed > repo/foo/sub/file");
    id = output_of(place, "git hash-object repo/foo/sub/file");
    assert_true(lk_oid_parse(lk_str_of(id), &oid));
    assert_int_equal(open_foo(place, &package, &err), 0);
    assert_int_equal(lk_context_open(&context, &package, &err), 0);
    assert_int_equal(lk_context_read(&context, &oid, &is_tree, &bytes, &err), 0);
    assert_string_equal(lk_buf_text(&bytes), "changed\n");
    run(place, "echo again > repo/foo/sub/file");
    assert_int_equal(lk_context_read(&context, &oid, &is_tree, &bytes, &err), -1);
    assert_int_equal(err.kind, LK_ERR_CONFLICT);
    assert_non_null(strstr(err.text, "sub/file changed while the package was being sent"));
    run(place, "rm repo/foo/sub/file");
    assert_int_equal(lk_context_read(&context, &oid, &is_tree, &bytes, &err), -1);
}

static void a_file_that_is_too_large_is_named(void **state)
{
    const struct place *place = *state;

    run(place, "truncate -s 1025M repo/foo/disk");
    expect_no_context(place, "foo/disk is larger than 1024 MiB");
}

static void an_object_that_git_has_lost_is_named(void **state)
{
    const struct place                           *place = *state;
    LK_CLEANUP(lk_package_fini) struct lk_package package = { 0 };
    LK_CLEANUP(lk_context_fini) struct lk_context context = { 0 };
    LK_CLEANUP(lk_free_pointer)
    char *id = output_of(place, "git -C repo rev-parse HEAD:foo/sub/file");
    LK_CLEANUP(lk_buf_fini) struct lk_buf bytes = LK_BUF_INIT(4096);
    struct lk_oid                         oid;
    struct lk_err                         err = { 0 };
    bool                                  is_tree;

    assert_true(lk_oid_parse(lk_str_of(id), &oid));
    run(place, "cd repo/.git/objects; id=$(git rev-parse HEAD:foo/sub/file);"
               "rm -f ${id%${id#??}}/${id#??}");
    assert_int_equal(open_foo(place, &package, &err), 0);
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
    const struct place                           *place = *state;
    LK_CLEANUP(lk_package_fini) struct lk_package package = { 0 };
    struct lk_err                                 err = { 0 };

    set_sources(place, "[\"../lib:lib\"]");
    run(place, "mv repo whole; git -C whole config uploadpack.allowFilter true;"
               "git clone -q --no-checkout --filter=blob:none \"file://$PWD/whole\" repo;"
               "cd repo; git sparse-checkout set foo lib; git checkout -q");
    expect_example(place, "");
    assert_int_equal(open_foo(place, &package, &err), 0);
    LK_CLEANUP(lk_free_pointer)
    char *expected =
        output_of(place, "cd repo; (git rev-parse HEAD:foo HEAD:lib | tr -d '\\n') |"
                         "sha1sum | cut -c1-40");
    assert_string_equal(package.tag, expected);
}

#define in_place(test) cmocka_unit_test_setup_teardown(test, make_place, remove_place)

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
    static const char *const settings[] = { "GIT_DIR",        "GIT_WORK_TREE",
                                            "GIT_INDEX_FILE", "XDG_CONFIG_HOME",
                                            "SUDO_UID",       "LINUXKIT_PKG_ORG" };
    struct place             home = { "/tmp/lk-context-home-XXXXXX" };
    int                      failures;

    for (size_t i = 0; i < LK_COUNT(settings); i++)
        unsetenv(settings[i]);
    /* libgit2 looks where HOME is once, at its start. */
    assert_non_null(mkdtemp(home.directory));
    setenv("HOME", home.directory, 1);
    setenv("GIT_CONFIG_NOSYSTEM", "1", 1);
    run(&home, "git config --global user.name T; git config --global user.email t@example.org");
    lk_git_init();
    failures = cmocka_run_group_tests(tests, NULL, NULL);
    run(&home, "rm -rf \"$PWD\"");
    return failures;
}

#include "common/git/group.h"

#include "common/git/repo.h"

#include "tests/unit/repository_fixture.h"

/* Names that sort about '/', one inside of another, one that looks like a pattern. */
static const char *const names[] = { "a", "a-b", "a-c", "a/b", "a0", "b", "b*", "bc", "c d" };

static char *path_of(const char *name)
{
    return lk_xasprintf("%s/%s", place, name);
}

static int make_repository(void **state)
{
    (void)state;
    return place_make(
        "git init -q; for name in a a-b a-c a-d a/b a0 b 'b*' bc 'c d' z; do mkdir -p "
        "\"$name\";"
        "echo x > \"$name/file\"; done; git add -A; git commit -q -m first");
}

static bool is_dirty(const char *name)
{
    LK_CLEANUP(lk_free_pointer) char            *path = path_of(name);
    LK_CLEANUP(lk_git_close) struct lk_git_repo *repo = NULL;
    char                                         example[LK_PATH_SIZE];
    struct lk_err                                err = { 0 };
    bool                                         dirty = false;

    if (lk_git_open(&repo, path, &err) < 0 ||
        lk_git_is_dirty(repo, path, &dirty, example, &err) < 0)
        fail_msg("%s: %s", name, err.text);
    return dirty;
}

static struct lk_git_group *group_of(const char *const *members, size_t count)
{
    char                *paths[LK_COUNT(names)] = { 0 };
    struct lk_git_group *group;

    for (size_t i = 0; i < count; i++)
        paths[i] = path_of(members[i]);
    group = lk_git_group_new((const char *const *)paths, count);
    while (count > 0)
        free(paths[--count]);
    return group;
}

static void expect_all(const char *script, const char *const *dirty)
{
    LK_CLEANUP(lk_git_group_free) struct lk_git_group *group = NULL;

    run("git reset -q --hard; git clean -fdqx");
    run(script);
    group = group_of(names, LK_COUNT(names));
    for (size_t i = 0; i < LK_COUNT(names); i++) {
        bool expected = false;

        for (size_t k = 0; dirty[k]; k++)
            expected |= strcmp(dirty[k], names[i]) == 0;
        if (is_dirty(names[i]) != expected)
            fail_msg("after '%s', '%s' is called %s", script, names[i],
                     expected ? "clean" : "dirty");
    }
}

static void each_is_judged_by_its_own_changes(void **state)
{
    (void)state;
    expect_all("true", (const char *const[]) { NULL });
    expect_all("echo y > a/file", (const char *const[]) { "a", NULL });
    expect_all("echo y > a/b/file", (const char *const[]) { "a", "a/b", NULL });
    expect_all("echo y > a-b/new", (const char *const[]) { "a-b", NULL });
    expect_all("echo y > a-c/file; git add a-c", (const char *const[]) { "a-c", NULL });
    expect_all("rm 'b*/file'", (const char *const[]) { "b*", NULL });
    expect_all("git rm -q --cached b/file", (const char *const[]) { "b", NULL });
    expect_all("chmod +x 'c d/file'", (const char *const[]) { "c d", NULL });
    expect_all("rm -r a0; ln -s a a0", (const char *const[]) { "a0", NULL });
    expect_all("echo y > a-d/file; echo y > z/file; echo y > file",
               (const char *const[]) { NULL });
    expect_all("for name in a a-b a-c a0 b 'b*' bc 'c d'; do echo y > \"$name/file\"; done",
               (const char *const[]) { "a", "a-b", "a-c", "a0", "b", "b*", "bc", "c d", NULL });
}

static void the_top_may_be_one_of_them(void **state)
{
    static const char *const members[] = { "", "b" };
    LK_CLEANUP(lk_git_group_free)
    struct lk_git_group *group = NULL;

    (void)state;
    run("echo y > z/file");
    group = group_of(members, LK_COUNT(members));
    assert_true(is_dirty(""));
    assert_false(is_dirty("b"));
}

static void who_is_no_member_is_judged_all_the_same(void **state)
{
    LK_CLEANUP(lk_git_group_free) struct lk_git_group *group = NULL;

    (void)state;
    run("echo y > z/file");
    group = group_of((const char *const[]) { "a", "nowhere" }, 2);
    assert_false(is_dirty("a"));
    assert_true(is_dirty("z"));
    assert_false(is_dirty("b"));
}

static void answers_stand_while_the_group_lives_and_no_longer(void **state)
{
    LK_CLEANUP(lk_git_group_free) struct lk_git_group *group = NULL;

    (void)state;
    group = group_of((const char *const[]) { "a", "b" }, 2);
    assert_false(is_dirty("a"));
    run("echo y > b/file");
    assert_false(is_dirty("b"));
    lk_git_group_free(&group);
    assert_true(is_dirty("b"));
}

static void a_repository_inside_of_another_is_its_own(void **state)
{
    LK_CLEANUP(lk_git_group_free) struct lk_git_group *group = NULL;

    (void)state;
    run("mkdir inner; cd inner; git init -q; mkdir p; echo x > p/file; git add -A;"
        "git commit -q -m first; echo y > p/file");
    group = group_of((const char *const[]) { "inner/p", "a" }, 2);
    assert_true(is_dirty("inner/p"));
    assert_false(is_dirty("a"));
}

/* git writes them only when it is told to. */
static void an_index_that_cannot_be_read_is_told_with_the_way_out(void **state)
{
    static const struct {
        const char *script;
        const char *advice;
    } forms[] = {
        { "git update-index --split-index", "git update-index --no-split-index" },
        { "git sparse-checkout set --cone --sparse-index a",
          "git sparse-checkout reapply --no-sparse-index" },
        { "truncate -s -20 .git/index; head -c 20 /dev/zero >> .git/index",
          "git -c index.skipHash=false update-index --force-write-index" },
    };

    (void)state;
    for (size_t i = 0; i < LK_COUNT(forms); i++) {
        LK_CLEANUP(lk_git_close) struct lk_git_repo *repo = NULL;
        char                                         example[LK_PATH_SIZE];
        struct lk_err                                err = { 0 };
        bool                                         dirty;

        run(forms[i].script);
        assert_int_equal(lk_git_open(&repo, place, &err), 0);
        assert_int_equal(lk_git_is_dirty(repo, place, &dirty, example, &err), -1);
        if (!strstr(err.text, forms[i].advice))
            fail_msg("'%s' lacks '%s'", err.text, forms[i].advice);
        run(forms[i].advice);
        lk_git_close(&repo);
        assert_false(is_dirty("a"));
    }
}

#define in_repository(test) cmocka_unit_test_setup_teardown(test, make_repository, place_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_repository(each_is_judged_by_its_own_changes),
        in_repository(the_top_may_be_one_of_them),
        in_repository(who_is_no_member_is_judged_all_the_same),
        in_repository(answers_stand_while_the_group_lives_and_no_longer),
        in_repository(a_repository_inside_of_another_is_its_own),
        in_repository(an_index_that_cannot_be_read_is_told_with_the_way_out),
    };

    return cmocka_run_group_tests(tests, git_home_make, git_home_remove);
}

#include "common/pkg/tag.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct lk_arch arches[] = { { "arm64" }, { "mips64p32le" }, { "386" } };

static void expect(const char *template, const char *hash, const char *expected)
{
    char          tag[LK_TAG_SIZE];
    struct lk_err err = { 0 };

    if (lk_tag_make(template, hash, NULL, 0, tag, &err) < 0)
        fail_msg("%s", err.text);
    assert_string_equal(tag, expected);
}

static void expect_refusal(const char *template, const char *hash, const char *message)
{
    char          tag[LK_TAG_SIZE];
    struct lk_err err = { 0 };

    assert_int_equal(lk_tag_make(template, hash, arches, LK_COUNT(arches), tag, &err), -1);
    assert_int_equal(err.kind, LK_ERR_INVALID);
    if (!strstr(err.text, message))
        fail_msg("'%s' lacks '%s'", err.text, message);
}

static void a_template_gives_a_legal_tag(void **state)
{
    (void)state;
    expect("{{.Hash}}", "abc-dirty-1234567", "abc-dirty-1234567");
    expect("v1-{{ .Hash }}", "abc", "v1-abc");
    expect("fixed", "abc", "fixed");
    expect("_{{.Hash}}", "A.b", "_A.b");
}

static void nothing_is_not_called_latest(void **state)
{
    (void)state;
    expect_refusal("", "abc", "the tag '' becomes empty; write one with {{.Hash}} in it");
    expect_refusal("{{/* nothing */}}", "abc", "becomes empty");
    expect_refusal("{{.Hash}}", "", "the tag '{{.Hash}}' becomes empty");
}

static void what_no_registry_takes_is_refused(void **state)
{
    static const char *const rows[] = { "a/b",      "a b", ".a",         "-a",  "a:b",
                                        "\xc3\xa4", "a\n", " {{.Hash}}", "a+b", "{.Hash}" };

    (void)state;
    for (size_t i = 0; i < LK_COUNT(rows); i++)
        expect_refusal(rows[i], "abc", "is not a legal tag: at most 128 letters");
    expect_refusal("{{.Hash}}", "a/b", "'a/b' is not a legal tag");
    expect_refusal("rel-{{.Version}}", "abc",
                   "the tag's '{{.Version}}' is more than a tag may");
}

static void each_architecture_finds_room_behind_it(void **state)
{
    char          hash[200], tag[LK_TAG_SIZE];
    struct lk_err err = { 0 };

    (void)state;
    memset(hash, 'a', sizeof(hash));
    hash[116] = '\0'; /* and "-mips64p32le" */
    assert_int_equal(lk_tag_make("{{.Hash}}", hash, arches, LK_COUNT(arches), tag, &err), 0);
    hash[116] = 'a';
    hash[117] = '\0';
    expect_refusal("{{.Hash}}", hash,
                   "has 129 characters with the architecture behind it, as in -mips64p32le; "
                   "128 are the most allowed");
    assert_int_equal(lk_tag_make("{{.Hash}}", hash, NULL, 0, tag, &err), 0);
    memset(hash, 'a', sizeof(hash));
    hash[129] = '\0';
    assert_int_equal(lk_tag_make("{{.Hash}}", hash, NULL, 0, tag, &err), -1);
    assert_non_null(strstr(err.text, "has 129 characters; 128 are the most allowed"));
}

/* What linuxkit's --canonical prints. */
static void a_name_is_made_whole_as_linuxkit_does(void **state)
{
    static const char *const rows[][2] = {
        { "linuxkit/foo:1", "docker.io/linuxkit/foo:1" },
        { "a/b/foo:1", "a/b/foo:1" },
        { "ghcr.io/foo:1", "ghcr.io/foo:1" },
        { "ghcr.io/x/foo:1", "ghcr.io/x/foo:1" },
        { "localhost/foo:1", "localhost/foo:1" },
        { "localhost:5000/foo:1", "localhost:5000/foo:1" },
        { "localhosts/foo:1", "docker.io/localhosts/foo:1" },
        { "/foo:1", "docker.io//foo:1" },
        { "foo:1", "docker.io/library/foo:1" },
        { "a/f.oo:1", "docker.io/a/f.oo:1" },
    };

    (void)state;
    for (size_t i = 0; i < LK_COUNT(rows); i++) {
        LK_CLEANUP(lk_buf_fini) struct lk_buf out = LK_BUF_INIT(100);

        lk_tag_add_canonical(rows[i][0], &out);
        assert_string_equal(lk_buf_text(&out), rows[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_template_gives_a_legal_tag),
        cmocka_unit_test(nothing_is_not_called_latest),
        cmocka_unit_test(what_no_registry_takes_is_refused),
        cmocka_unit_test(each_architecture_finds_room_behind_it),
        cmocka_unit_test(a_name_is_made_whole_as_linuxkit_does),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "common/pkg/spec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TREE "0123456789abcdef0123456789abcdef01234567"

static const char whole[] =
    "{\"path\":\"pkg/foo\",\"repository\":\"docker.io/linuxkit/foo\",\"tag\":\"abc\","
    "\"tree\":\"" TREE "\",\"dockerfile\":\"Dockerfile\",\"network\":false,\"no_cache\":true,"
    "\"arches\":[\"amd64\",\"riscv64\"],"
    "\"labels\":[{\"name\":\"b\",\"value\":\"2\"},{\"name\":\"a\",\"value\":\"one\\ntwo=\"}],"
    "\"arguments\":[{\"name\":\"PKG_HASH\",\"value\":\"\"}]}";

static void make_spec(struct lk_spec *spec)
{
    struct lk_err err = { 0 };

    *spec = (struct lk_spec) {
        .path = "pkg/foo",
        .repository = "docker.io/linuxkit/foo",
        .tag = "abc",
        .dockerfile = "Dockerfile",
        .no_cache = true,
        .arch_count = 2,
        .arches = { { "amd64" }, { "riscv64" } },
    };
    assert_true(lk_oid_parse(LK_STR(TREE), &spec->tree));
    assert_int_equal(lk_spec_add_label(spec, "b", "2", &err), 0);
    assert_int_equal(lk_spec_add_label(spec, "a", "one\ntwo=", &err), 0);
    assert_int_equal(lk_spec_add_argument(spec, "PKG_HASH", "", &err), 0);
}

static void a_specification_has_one_form(void **state)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf   out = LK_BUF_INIT(LK_SPEC_BYTES_MAX);
    LK_CLEANUP(lk_spec_fini) struct lk_spec spec;
    struct lk_err                           err = { 0 };

    (void)state;
    make_spec(&spec);
    assert_int_equal(lk_spec_write(&spec, &out, &err), 0);
    assert_string_equal(lk_buf_text(&out), whole);
}

static void what_was_written_reads_as_the_same(void **state)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf   out = LK_BUF_INIT(LK_SPEC_BYTES_MAX);
    LK_CLEANUP(lk_spec_fini) struct lk_spec spec;
    struct lk_err                           err = { 0 };

    (void)state;
    assert_int_equal(lk_spec_read(LK_STR(whole), &spec, &err), 0);
    assert_string_equal(spec.labels[1].value, "one\ntwo=");
    assert_int_equal(spec.arch_count, 2);
    assert_int_equal(lk_spec_write(&spec, &out, &err), 0);
    assert_string_equal(lk_buf_text(&out), whole);
}

static const char rare[] =
    "{\"path\":\"pkg/foo\",\"repository\":\"docker.io/linuxkit/foo\",\"tag\":\"abc\","
    "\"tree\":\"" TREE "\",\"dockerfile\":\"Dockerfile\",\"network\":false,"
    "\"no_cache\":false,\"arches\":[\"amd64\"],\"labels\":[],\"arguments\":[],"
    "\"unsigned\":true,\"after\":[{\"repository\":\"docker.io/linuxkit/bar\",\"tag\":\"1\"}],"
    "\"depends\":{\"target\":\"\",\"target_dir\":\"images\",\"images\":[\"a/b@sha256:0\"]},"
    "\"ssh\":true,\"secrets\":[\"token\"]}";

static const char release[] =
    "{\"path\":\"pkg/foo\",\"repository\":\"docker.io/linuxkit/foo\",\"tag\":\"v1\","
    "\"tree\":\"0000000000000000000000000000000000000000\",\"dockerfile\":\"\",\"network\":"
    "false,"
    "\"no_cache\":false,\"arches\":[],\"labels\":[],\"arguments\":[],"
    "\"origin\":\"index\",\"from\":{\"repository\":\"docker.io/linuxkit/"
    "foo\",\"tag\":\"abc\"}}";

static void what_few_packages_have_is_written_and_read_too(void **state)
{
    static const char *const texts[] = { rare, release };

    (void)state;
    for (size_t i = 0; i < LK_COUNT(texts); i++) {
        LK_CLEANUP(lk_buf_fini) struct lk_buf   out = LK_BUF_INIT(LK_SPEC_BYTES_MAX);
        LK_CLEANUP(lk_spec_fini) struct lk_spec spec = { 0 };
        struct lk_err                           err = { 0 };

        if (lk_spec_read(lk_str_of(texts[i]), &spec, &err) < 0)
            fail_msg("%s", err.text);
        assert_int_equal(lk_spec_write(&spec, &out, &err), 0);
        assert_string_equal(lk_buf_text(&out), texts[i]);
    }
}

static void what_few_packages_have_is_checked_too(void **state)
{
    static const struct {
        const char *text, *from, *to, *message;
    } bad[] = {
        { rare, "\"target\":\"\"", "\"target\":\"x\"", "target and target-dir exclude" },
        { rare, "images\",", "../images\",", "target-dir must be a path inside" },
        { rare, "\"images\",", "\"\",", "neither target nor target-dir" },
        { rare, "\"images\",", "\"a/..\",", "target-dir must be a path inside" },
        { rare, "a/b@sha256:0", "--x", "begins with '-'" },
        { rare, "\"token\"", "\"a,src=/etc/shadow\"", "secrets: an id may have letters" },
        { rare, "[\"token\"]", "[1]", "secrets: an entry is not text" },
        { rare, "linuxkit/bar", "linuxkit/bar:3", "after: must be HOST/PATH" },
        { release, "\"index\"", "\"air\"", "origin: none that this version knows" },
        { release, "\"index\"", "\"build\"", "tree: is not set" },
        { release, "\"abc\"", "\"/\"", "from: a tag has at most" },
    };

    (void)state;
    for (size_t i = 0; i < LK_COUNT(bad); i++) {
        LK_CLEANUP(lk_free_pointer) char       *text = NULL;
        LK_CLEANUP(lk_spec_fini) struct lk_spec spec = { 0 };
        struct lk_err                           err = { 0 };
        const char                             *at = strstr(bad[i].text, bad[i].from);

        assert_non_null(at);
        text = lk_xasprintf("%.*s%s%s", (int)(at - bad[i].text), bad[i].text, bad[i].to,
                            at + strlen(bad[i].from));
        if (lk_spec_read(lk_str_of(text), &spec, &err) == 0)
            fail_msg("'%s' was accepted", bad[i].to);
        if (!strstr(err.text, bad[i].message))
            fail_msg("'%s': '%s' lacks '%s'", bad[i].to, err.text, bad[i].message);
    }
}

/* Reads `whole` with the first `from` replaced by `to`; -1 and the message on refusal. */
static int read_changed(const char *from, const char *to, struct lk_err *err)
{
    LK_CLEANUP(lk_free_pointer) char       *text = NULL;
    LK_CLEANUP(lk_spec_fini) struct lk_spec spec = { 0 };
    const char                             *at = strstr(whole, from);

    assert_non_null(at);
    text = lk_xasprintf("%.*s%s%s", (int)(at - whole), whole, to, at + strlen(from));
    return lk_spec_read(lk_str_of(text), &spec, err);
}

static void unknown_keys_are_passed_over(void **state)
{
    struct lk_err err = { 0 };

    (void)state;
    assert_int_equal(read_changed("{\"path\"", "{\"new\":[1],\"path\"", &err), 0);
}

static void each_field_is_checked(void **state)
{
    static const struct {
        const char *from;
        const char *to;
        const char *message;
    } bad[] = {
        { "\"pkg/foo\"", "7", "path: missing, or not text" },
        { "pkg/foo", "pkg\\u001b[0m", "path: has control characters" },
        { "pkg/foo", "pkg\\u0000", "not JSON" },
        { "docker.io/linuxkit/foo", "linuxkit/foo", "repository: must be HOST/PATH" },
        { "docker.io/linuxkit/foo", "docker.io/linuxkit/foo:1",
          "repository: must be HOST/PATH" },
        { "docker.io/linuxkit/foo", "docker.io/Foo", "repository" },
        { "docker.io/linuxkit/foo", "", "repository" },
        { "\"abc\"", "\"a/b\"", "repository: a tag has at most" },
        { "\"abc\"", "\"\"", "repository: a tag has at most" },
        { TREE, "0123", "tree: not a git object id" },
        { TREE, "0000000000000000000000000000000000000000", "tree: is not set" },
        { "\"Dockerfile\"", "\"../x\"", "dockerfile: must be" },
        { "\"Dockerfile\"", "\"/x\"", "dockerfile: must be" },
        { "\"Dockerfile\"", "\"\"", "dockerfile: must be" },
        { "false", "0", "network: missing" },
        { "true", "\"true\"", "no_cache: missing" },
        { "[\"amd64\",\"riscv64\"]", "[]", "arches: there is none" },
        { "[\"amd64\",\"riscv64\"]", "{}", "arches: missing" },
        { "[\"amd64\",\"riscv64\"]", "[\"riscv64\",\"amd64\"]", "arches: not in order" },
        { "[\"amd64\",\"riscv64\"]", "[\"amd64\",\"amd64\"]", "arches: not in order" },
        { "[\"amd64\",\"riscv64\"]", "[\"amd64\",\"x/y\"]", "arches: not an arch" },
        { "[\"amd64\",\"riscv64\"]", "[1]", "arches: not an arch" },
        { "[\"amd64\",\"riscv64\"]", "[\"a\",\"b\",\"c\",\"d\",\"e\",\"f\",\"g\",\"h\",\"i\"]",
          "arches: too many" },
        { "\"name\":\"b\",", "", "labels: an entry lacks" },
        { "\"name\":\"b\"", "\"name\":\"b=c\"", "labels: a name is empty" },
        { "\"name\":\"b\"", "\"name\":\"-b\"", "labels: a name is empty" },
        { "\"PKG_HASH\"", "\"\"", "arguments: a name is empty" },
        { "\"path\"", "\"path\":\"x\",\"path\"", "not JSON: duplicate object key" },
        { "}]}", "}]", "not JSON" },
        { "}]}", "}]} x", "not JSON" },
    };
    struct lk_err err = { 0 };

    (void)state;
    for (size_t i = 0; i < LK_COUNT(bad); i++) {
        if (read_changed(bad[i].from, bad[i].to, &err) == 0)
            fail_msg("'%s' was accepted", bad[i].to);
        if (!strstr(err.text, bad[i].message))
            fail_msg("'%s': '%s' lacks '%s'", bad[i].to, err.text, bad[i].message);
    }
}

static void an_arch_tag_must_fit_too(void **state)
{
    char          tag[LK_TAG_SIZE + 2];
    struct lk_err err = { 0 };

    (void)state;
    snprintf(tag, sizeof(tag), "\"%0120d\"", 0);
    assert_int_equal(read_changed("\"abc\"", tag, &err), 0);
    snprintf(tag, sizeof(tag), "\"%0121d\"", 0);
    assert_int_equal(read_changed("\"abc\"", tag, &err), -1);
    assert_non_null(strstr(err.text, "tag: too long with an architecture's name"));
}

static void sizes_are_capped(void **state)
{
    static char    text[LK_SPEC_BYTES_MAX + 1];
    static char    path[LK_PATH_SIZE + 3];
    struct lk_spec spec;
    struct lk_err  err = { 0 };

    (void)state;
    memset(text, '[', sizeof(text));
    assert_int_equal(lk_spec_read((struct lk_str) { text, sizeof(text) }, &spec, &err), -1);
    assert_int_equal(err.kind, LK_ERR_LIMIT);
    assert_int_equal(lk_spec_read((struct lk_str) { text, sizeof(text) - 1 }, &spec, &err), -1);
    memset(path, 'p', LK_PATH_SIZE);
    assert_int_equal(read_changed("pkg/foo", path, &err), -1);
    assert_non_null(strstr(err.text, "path: too long"));
    assert_int_equal(lk_spec_read(LK_STR("[]"), &spec, &err), -1);
    assert_int_equal(lk_spec_read(LK_STR(""), &spec, &err), -1);
}

static void pairs_are_counted(void **state)
{
    LK_CLEANUP(lk_spec_fini) struct lk_spec spec = { 0 };
    struct lk_err                           err = { 0 };

    (void)state;
    for (int i = 0; i < LK_SPEC_PAIRS_MAX; i++)
        assert_int_equal(lk_spec_add_argument(&spec, "A", "v", &err), 0);
    assert_int_equal(lk_spec_add_argument(&spec, "A", "v", &err), -1);
    assert_int_equal(err.kind, LK_ERR_LIMIT);
}

static void what_a_job_waits_for_and_needs_is_counted(void **state)
{
    LK_CLEANUP(lk_spec_fini) struct lk_spec spec = { 0 };
    struct lk_err                           err = { 0 };
    int                                     taken = 0;

    (void)state;
    for (int i = 0; i < LK_SPEC_AFTER_MAX; i++)
        assert_int_equal(lk_spec_add_after(&spec, "r.example.org/a", "t", &err), 0);
    assert_int_equal(lk_spec_add_after(&spec, "r.example.org/a", "t", &err), -1);
    assert_int_equal(err.kind, LK_ERR_LIMIT);
    assert_non_null(strstr(err.text, "it waits for more than"));
    while (taken < 10000 && lk_spec_add_image(&spec, "alpine:3.19", &err) == 0)
        taken++;
    assert_int_equal(err.kind, LK_ERR_LIMIT);
    assert_non_null(strstr(err.text, "job specification: more than"));
}

static void what_cannot_be_read_is_not_written(void **state)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf   out = LK_BUF_INIT(LK_SPEC_BYTES_MAX);
    LK_CLEANUP(lk_spec_fini) struct lk_spec spec;
    struct lk_err                           err = { 0 };

    (void)state;
    make_spec(&spec);
    spec.arch_count = 0;
    assert_int_equal(lk_spec_write(&spec, &out, &err), -1);
    spec.arch_count = 2;
    assert_int_equal(lk_spec_add_label(&spec, "c", "\xff", &err), 0);
    assert_int_equal(lk_spec_write(&spec, &out, &err), -1);
    assert_non_null(strstr(err.text, "not UTF-8"));
    assert_int_equal(out.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_specification_has_one_form),
        cmocka_unit_test(what_was_written_reads_as_the_same),
        cmocka_unit_test(what_few_packages_have_is_written_and_read_too),
        cmocka_unit_test(what_few_packages_have_is_checked_too),
        cmocka_unit_test(unknown_keys_are_passed_over),
        cmocka_unit_test(each_field_is_checked),
        cmocka_unit_test(an_arch_tag_must_fit_too),
        cmocka_unit_test(sizes_are_capped),
        cmocka_unit_test(pairs_are_counted),
        cmocka_unit_test(what_a_job_waits_for_and_needs_is_counted),
        cmocka_unit_test(what_cannot_be_read_is_not_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

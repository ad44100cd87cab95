#include "common/pkg/build_yml.h"

#include "common/base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void read_into(const char *text, struct lk_build_yml *out)
{
    struct lk_err err = { 0 };

    if (lk_build_yml_read(lk_str_of(text), "p/build.yml", out, &err) < 0)
        fail_msg("'%s': %s", text, err.text);
}

static void expect_refusal(const char *text, enum lk_err_kind kind, const char *message)
{
    struct lk_build_yml build;
    struct lk_err       err = { 0 };

    if (lk_build_yml_read(lk_str_of(text), "p/build.yml", &build, &err) == 0)
        fail_msg("'%s' is accepted", text);
    assert_string_equal(err.text, message);
    assert_int_equal(err.kind, kind);
}

/* How the value of `key` was taken, as text; lists with '|' behind each item. */
static char *shown(const struct lk_build_yml *build, const char *key)
{
    static const char *const              words[] = { "false", "true" };
    const struct lk_texts                *list = NULL;
    LK_CLEANUP(lk_buf_fini) struct lk_buf out = LK_BUF_INIT(1 << 16);
    const struct {
        const char *key;
        const char *text;
    } texts[] = {
        { "image", build->image },
        { "org", build->org },
        { "tag", build->tag },
        { "dockerfile", build->dockerfile },
        { "gitrepo", build->gitrepo },
        { "network", words[build->network] },
        { "disable-cache", words[build->disable_cache] },
        { "disable-content-trust", words[build->disable_content_trust] },
        { "target", build->docker_images.target },
        { "target-dir", build->docker_images.target_dir },
        { "from-file", build->docker_images.from_file },
        { "unbuildable", build->unbuildable },
        { "config", build->config ? build->config : "none" },
        { "nowhere", words[build->is_built_nowhere] },
    };

    for (size_t i = 0; i < LK_COUNT(texts); i++)
        if (strcmp(texts[i].key, key) == 0)
            return lk_xstrdup(texts[i].text);
    if (strcmp(key, "arches") == 0)
        for (size_t i = 0; i < build->arch_count; i++)
            lk_buf_printf(&out, "%s|", build->arches[i].name);
    else if (strcmp(key, "extra-sources") == 0)
        list = &build->extra_sources;
    else if (strcmp(key, "buildArgs") == 0)
        list = &build->build_args;
    else if (strcmp(key, "list") == 0)
        list = &build->docker_images.list;
    else
        fail_msg("what is %s?", key);
    for (size_t i = 0; list && i < list->count; i++)
        lk_buf_printf(&out, "%s|", list->texts[i]);
    return lk_xstrdup(lk_buf_text(&out));
}

static void expect(const char *text, const char *key, const char *value)
{
    LK_CLEANUP(lk_build_yml_fini) struct lk_build_yml build = { 0 };
    LK_CLEANUP(lk_free_pointer) char                 *found = NULL;

    read_into(text, &build);
    found = shown(&build, key);
    if (strcmp(found, value) != 0)
        fail_msg("of '%s', %s is '%s', not '%s'", text, key, found, value);
}

struct row {
    const char *yaml; /* behind "image: foo" */
    const char *key;
    const char *value;
};

static void expect_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        LK_CLEANUP(lk_free_pointer) char *text = lk_xasprintf("image: foo\n%s\n", rows[i].yaml);

        expect(text, rows[i].key, rows[i].value);
    }
}

static void what_is_not_written_has_its_default(void **state)
{
    static const struct row rows[] = {
        { "", "image", "foo" },
        { "", "org", "linuxkit" },
        { "", "tag", "{{.Hash}}" },
        { "", "dockerfile", "Dockerfile" },
        { "", "arches", "amd64|arm64|s390x|" },
        { "", "extra-sources", "" },
        { "", "gitrepo", "https://github.com/linuxkit/linuxkit" },
        { "", "network", "false" },
        { "", "disable-cache", "false" },
        { "", "disable-content-trust", "false" },
        { "", "buildArgs", "" },
        { "", "from-file", "" },
        { "", "list", "" },
        { "", "target", "" },
        { "", "target-dir", "" },
        { "", "unbuildable", "" },
        { "", "config", "none" },
    };

    (void)state;
    expect_rows(rows, LK_COUNT(rows));
}

static void each_field_is_read(void **state)
{
    static const struct row rows[] = {
        { "org: ghcr.io/x", "org", "ghcr.io/x" },
        { "org: localhost:5000", "org", "localhost:5000" },
        { "tag: 'rel-{{.Hash}}'", "tag", "rel-{{.Hash}}" },
        { "dockerfile: sub/Dockerfile.x", "dockerfile", "sub/Dockerfile.x" },
        { "arches: [riscv64, 386, mips64p32le, riscv64]", "arches",
          "riscv64|386|mips64p32le|" },
        { "extra-sources:\n- ../a:b\n- '/c : /d'", "extra-sources", "../a:b|/c : /d|" },
        { "gitrepo: https://example.org/x", "gitrepo", "https://example.org/x" },
        { "network: true", "network", "true" },
        { "disable-cache: true", "disable-cache", "true" },
        { "disable-content-trust: true", "disable-content-trust", "true" },
        { "buildArgs: [A=1, B, '']", "buildArgs", "A=1|B||" },
        { "config: {net: host, binds: [/a:/b]}", "config",
          "{\"binds\":[\"/a:/b\"],\"net\":\"host\"}" },
        { "config: {}", "config", "{}" },
        { "depends: {docker-images: {target: a, list: [x/y]}}", "target", "a" },
        { "depends: {docker-images: {target: a, list: [x/y]}}", "list", "x/y|" },
        { "depends: {docker-images: {target-dir: b}}", "target-dir", "b" },
        { "depends:\n  docker-images:\n    from-file: f", "from-file", "f" },
    };

    (void)state;
    expect_rows(rows, LK_COUNT(rows));
}

static void an_image_may_have_any_name(void **state)
{
    (void)state;
    expect("image: 17\n", "image", "17");
    expect("image: 0x10\n", "image", "0x10");
    expect("image: a/b\n", "image", "a/b");
    expect("image: Foo\n", "image", "Foo");
    expect("image: \"f o\"\n", "image", "f o");
    expect("{image: foo}", "image", "foo");
}

static void null_keeps_the_default_and_empty_text_does_not(void **state)
{
    static const struct row rows[] = {
        { "org:", "org", "linuxkit" },
        { "org: ''", "org", "" },
        { "org: ~", "org", "linuxkit" },
        { "org: 'null'", "org", "null" },
        { "tag: Null", "tag", "{{.Hash}}" },
        { "tag: ''", "tag", "" },
        { "dockerfile: ~", "dockerfile", "Dockerfile" },
        { "gitrepo: NULL", "gitrepo", "https://github.com/linuxkit/linuxkit" },
        { "gitrepo: ''", "gitrepo", "" },
        { "network:", "network", "false" },
        { "disable-cache: null", "disable-cache", "false" },
        { "disable-content-trust: ~", "disable-content-trust", "false" },
        { "depends:", "target", "" },
        { "depends: {docker-images: }", "target", "" },
        { "depends: {docker-images: {target: }}", "target", "" },
        { "depends: {docker-images: {list: }}", "list", "" },
        { "extra-sources:", "extra-sources", "" },
        { "buildArgs:", "buildArgs", "" },
        { "buildArgs: []", "buildArgs", "" },
        { "config:", "config", "none" },
    };

    (void)state;
    expect_rows(rows, LK_COUNT(rows));
}

static void no_arches_are_no_arches(void **state)
{
    static const struct row rows[] = {
        { "arches: []", "arches", "" },
        { "arches:", "arches", "" },
        { "arches: [~]", "arches", "" },
        { "arches: []", "nowhere", "true" },
        { "arches:", "nowhere", "true" },
        { "arches: [~]", "nowhere", "true" },
        { "arches: [~, amd64]", "nowhere", "false" },
        { "arches: [linux/amd64]", "nowhere", "false" },
        { "", "nowhere", "false" },
    };

    (void)state;
    expect_rows(rows, LK_COUNT(rows));
}

static void whether_arches_were_written_is_known(void **state)
{
    LK_CLEANUP(lk_build_yml_fini) struct lk_build_yml silent = { 0 };
    LK_CLEANUP(lk_build_yml_fini) struct lk_build_yml empty = { 0 };

    (void)state;
    read_into("image: foo\n", &silent);
    assert_true(silent.has_default_arches);
    read_into("image: foo\narches:\n", &empty);
    assert_false(empty.has_default_arches);
}

static void the_words_of_yaml_1_1_are_booleans(void **state)
{
    static const char *const yes[] = { "true", "True", "TRUE", "yes", "Yes",   "YES",   "on",
                                       "On",   "ON",   "y",    "Y",   "'yes'", "\"on\"" };
    static const char *const no[] = { "false", "False", "FALSE", "no", "No", "NO",
                                      "off",   "Off",   "OFF",   "n",  "N",  "'no'" };
    static const char *const neither[] = { "1",   "0",  "\"true\"", "'false'", "tRUE",
                                           "yEs", "''", "[]",       "{}",      "enabled" };
    static const char *const flags[] = { "network", "disable-cache", "disable-content-trust" };

    (void)state;
    for (size_t f = 0; f < LK_COUNT(flags); f++) {
        LK_CLEANUP(lk_free_pointer) char *text = NULL;

        for (size_t i = 0; i < LK_COUNT(yes); i++) {
            free(text);
            text = lk_xasprintf("image: foo\n%s: %s\n", flags[f], yes[i]);
            expect(text, flags[f], "true");
        }
        for (size_t i = 0; i < LK_COUNT(no); i++) {
            free(text);
            text = lk_xasprintf("image: foo\n%s: %s\n", flags[f], no[i]);
            expect(text, flags[f], "false");
        }
        for (size_t i = 0; i < LK_COUNT(neither); i++) {
            struct lk_build_yml build;
            struct lk_err       err = { 0 };

            free(text);
            text = lk_xasprintf("image: foo\n%s: %s\n", flags[f], neither[i]);
            assert_int_equal(lk_build_yml_read(lk_str_of(text), "f", &build, &err), -1);
            assert_non_null(strstr(err.text, "expected true or false, found "));
        }
    }
}

static void lists_keep_the_text_of_their_items_and_drop_null(void **state)
{
    static const char *const keys[] = { "extra-sources", "buildArgs" };

    (void)state;
    for (size_t i = 0; i < LK_COUNT(keys); i++) {
        LK_CLEANUP(lk_free_pointer)
        char *text = lk_xasprintf("image: foo\n%s: [1.0, 0x10, true, 2001-01-01, ~, '', null, "
                                  "'~', 1_0, .inf]\n",
                                  keys[i]);

        expect(text, keys[i], "1.0|0x10|true|2001-01-01||~|1_0|.inf|");
    }
    expect("image: foo\narches: [amd64, ~, arm64, ]\n", "arches", "amd64|arm64|");
    expect("image: foo\ndepends: {docker-images: {list: [a/b, ~]}}\n", "list", "a/b|");
}

static void anchors_and_merge_keys_work(void **state)
{
    static const struct row rows[] = {
        { "<<: &common {network: true, org: a}\ndockerfile: &name foo\norg: *name", "org",
          "foo" },
        { "<<: &common {network: true, org: a}", "network", "true" },
        { "<<: [{org: a}, {org: b, gitrepo: c}]", "org", "a" },
        { "<<: [{org: a}, {org: b, gitrepo: c}]", "gitrepo", "c" },
        { "<<: {org: a}\norg: ~", "org", "linuxkit" },
        { "<<: {network: 17}\nnetwork: yes", "network", "true" },
        { "extra-sources: &list [a:b]\nbuildArgs: *list", "buildArgs", "a:b|" },
        { "depends: {docker-images: {<<: {target: a}, list: [b/c]}}", "target", "a" },
    };

    (void)state;
    expect_rows(rows, LK_COUNT(rows));
    expect_refusal("image: foo\nbuildArgs: &list []\n<<: *list\n", LK_ERR_INVALID,
                   "p/build.yml:3: '<<' needs a mapping or a list of mappings");
    expect_refusal("image: foo\n<<: {orgs: a}\n", LK_ERR_INVALID,
                   "p/build.yml:2: unknown field 'orgs'; did you mean 'org'?");
}

static void the_form_of_the_file_does_not_matter(void **state)
{
    (void)state;
    expect("\xef\xbb\xbfimage: foo\r\norg: x\r\n", "org", "x");
    expect("# c\n---\nimage: foo\n...\n---\nimage: bar\nimage: [\n", "image", "foo");
    expect("image: foo # c\norg: 'x'", "org", "x");
    expect("image: >-\n  foo\n", "image", "foo");
}

static void a_missing_image_is_named(void **state)
{
    static const char message[] = "p/build.yml: field 'image' is required: the image's name";
    static const char *const texts[] = {
        "",         "# only a comment\n", "---\n",       "{}",
        "org: x\n", "image:\n",           "image: ''\n", "image: ~\n"
    };

    (void)state;
    for (size_t i = 0; i < LK_COUNT(texts); i++)
        expect_refusal(texts[i], LK_ERR_INVALID, message);
}

static void unknown_fields_get_the_nearest_name(void **state)
{
    (void)state;
    expect_refusal("imge: foo\n", LK_ERR_INVALID,
                   "p/build.yml:1: unknown field 'imge'; did you mean 'image'?");
    expect_refusal("Image: foo\n", LK_ERR_INVALID,
                   "p/build.yml:1: unknown field 'Image'; did you mean 'image'?");
    expect_refusal("image: foo\nbuild-args: []\n", LK_ERR_INVALID,
                   "p/build.yml:2: unknown field 'build-args'; did you mean 'buildArgs'?");
    expect_refusal("image: foo\nquite-different: 1\n", LK_ERR_INVALID,
                   "p/build.yml:2: unknown field 'quite-different'; known are image, org, tag, "
                   "dockerfile, arches, extra-sources, gitrepo, network, disable-cache, "
                   "disable-content-trust, config, buildArgs, depends");
    expect_refusal("image: foo\ndepends: {docker-image: {}}\n", LK_ERR_INVALID,
                   "p/build.yml:2: unknown field 'docker-image'; did you mean "
                   "'docker-images'?");
    expect_refusal("image: foo\ndepends: {docker-images: {lists: []}}\n", LK_ERR_INVALID,
                   "p/build.yml:2: unknown field 'lists'; did you mean 'list'?");
    expect_refusal("image: foo\nbuildx: true\n", LK_ERR_INVALID,
                   "p/build.yml:2: unknown field 'buildx'; known are image, org, tag, "
                   "dockerfile, arches, extra-sources, gitrepo, network, disable-cache, "
                   "disable-content-trust, config, buildArgs, depends");
}

static void wrong_types_are_refused(void **state)
{
    static const struct {
        const char *yaml;
        const char *message;
    } rows[] = {
        { "image: [foo]", "image: expected text, found a list" },
        { "image: {a: b}", "image: expected text, found a mapping" },
        { "org: []", "org: expected text, found a list" },
        { "tag: {}", "tag: expected text, found a mapping" },
        { "dockerfile: []", "dockerfile: expected text, found a list" },
        { "gitrepo: []", "gitrepo: expected text, found a list" },
        { "arches: amd64", "arches: expected a list, found 'amd64'" },
        { "arches: {amd64: }", "arches: expected a list, found a mapping" },
        { "arches: [[amd64]]", "arches: expected a list of texts, found a list" },
        { "arches: ''", "arches: expected a list, found '' in quotes" },
        { "extra-sources: a:b", "extra-sources: expected a list, found 'a:b'" },
        { "extra-sources: [a: b]", "extra-sources: expected a list of texts, found a mapping" },
        { "buildArgs: A=1", "buildArgs: expected a list, found 'A=1'" },
        { "buildArgs: {A: 1}", "buildArgs: expected a list, found a mapping" },
        { "network: 1", "network: expected true or false, found '1'" },
        { "network: 'true'", "network: expected true or false, found 'true' in quotes" },
        { "depends: []", "depends: expected a mapping (key: value), found a list" },
        { "depends: ''", "depends: expected a mapping (key: value), found '' in quotes" },
        { "depends: {docker-images: x}",
          "docker-images: expected a mapping (key: value), found 'x'" },
        { "depends: {docker-images: {list: x}}", "list: expected a list, found 'x'" },
        { "depends: {docker-images: {target: [x]}}", "target: expected text, found a list" },
    };

    (void)state;
    for (size_t i = 0; i < LK_COUNT(rows); i++) {
        LK_CLEANUP(lk_free_pointer)
        char *message = lk_xasprintf("p/build.yml:1: %s", rows[i].message);

        expect_refusal(rows[i].yaml, LK_ERR_INVALID, message);
    }
    expect_refusal("- image\n", LK_ERR_INVALID,
                   "p/build.yml:1: expected a mapping (key: value)");
    expect_refusal("image\n", LK_ERR_INVALID, "p/build.yml:1: expected a mapping (key: value)");
}

static void all_that_is_wrong_is_told_at_once(void **state)
{
    (void)state;
    expect_refusal("image: foo\nnetwork: 1\nimage: bar\norgs: x\n"
                   "depends:\n  docker-images: {list: {}, lst: []}\nconfig: {bind: "
                   "[]}\narches: [[], a, {}]\n",
                   LK_ERR_INVALID,
                   "p/build.yml:3: duplicate key 'image': it is on line 1 already\n"
                   "p/build.yml:2: network: expected true or false, found '1'\n"
                   "p/build.yml:4: unknown field 'orgs'; did you mean 'org'?\n"
                   "p/build.yml:6: list: expected a list, found a mapping\n"
                   "p/build.yml:6: unknown field 'lst'; did you mean 'list'?\n"
                   "p/build.yml:7: unknown field 'bind'; did you mean 'binds'?\n"
                   "p/build.yml:8: arches: expected a list of texts, found a list\n"
                   "p/build.yml:8: arches: expected a list of texts, found a mapping");
}

static void more_than_a_message_holds_is_counted(void **state)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf text = LK_BUF_INIT(1 << 16);
    struct lk_build_yml                   build;
    struct lk_err                         err = { 0 };

    (void)state;
    for (int i = 0; i < 100; i++)
        lk_buf_printf(&text, "imag%d: 1\n", i);
    assert_int_equal(lk_build_yml_read(lk_buf_str(&text), "p", &build, &err), -1);
    assert_non_null(
        strstr(err.text, "p:9: unknown field 'imag8'; did you mean 'image'?\np:10:"));
    assert_non_null(strstr(err.text, "\nand 89 more"));
}

static void what_only_a_build_needs_does_not_keep_from_having_a_tag(void **state)
{
    static const struct row rows[] = {
        { "arches:\n  - amd64\n  - linux/arm64", "unbuildable",
          "p/build.yml:4: arches: 'linux/arm64' is not an architecture's name as Go writes it "
          "(amd64, arm64, s390x, riscv64, ...)" },
        { "arches: [a, b, c, d, e, f, g, h, i]", "unbuildable",
          "p/build.yml:2: arches: more than 8 architectures" },
        { "arches: [a, b, c, d, e, f, g, h, a]", "unbuildable", "" },
        { "dockerfile: ../Dockerfile", "unbuildable",
          "p/build.yml:2: dockerfile: '../Dockerfile' must be a path below the package, "
          "without "
          "'..'" },
        { "dockerfile: a..b", "unbuildable",
          "p/build.yml:2: dockerfile: 'a..b' must be a path below the package, without '..'" },
        { "dockerfile: /etc/passwd", "unbuildable",
          "p/build.yml:2: dockerfile: '/etc/passwd' must be a path below the package, without "
          "'..'" },
        { "dockerfile: ''", "unbuildable",
          "p/build.yml:2: dockerfile: '' must be a path below the package, without '..'" },
    };

    (void)state;
    expect_rows(rows, LK_COUNT(rows));
}

static void expansion_counts_against_the_cap(void **state)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf text = LK_BUF_INIT(4096);
    struct lk_build_yml                   build;
    struct lk_err                         err = { 0 };

    (void)state;
    lk_buf_add_text(&text, "image: foo\nbuildArgs: [&a [x,x,x,x,x,x,x,x,x,x]");
    for (int i = 0; i < 5; i++)
        lk_buf_printf(&text, ", &%c [*%c,*%c,*%c,*%c,*%c,*%c]", 'b' + i, 'a' + i, 'a' + i,
                      'a' + i, 'a' + i, 'a' + i, 'a' + i);
    lk_buf_add_text(&text, "]\n");
    assert_int_equal(lk_build_yml_read(lk_buf_str(&text), "p", &build, &err), -1);
    assert_int_equal(err.kind, LK_ERR_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_written_has_its_default),
        cmocka_unit_test(each_field_is_read),
        cmocka_unit_test(an_image_may_have_any_name),
        cmocka_unit_test(null_keeps_the_default_and_empty_text_does_not),
        cmocka_unit_test(no_arches_are_no_arches),
        cmocka_unit_test(whether_arches_were_written_is_known),
        cmocka_unit_test(the_words_of_yaml_1_1_are_booleans),
        cmocka_unit_test(lists_keep_the_text_of_their_items_and_drop_null),
        cmocka_unit_test(anchors_and_merge_keys_work),
        cmocka_unit_test(the_form_of_the_file_does_not_matter),
        cmocka_unit_test(a_missing_image_is_named),
        cmocka_unit_test(unknown_fields_get_the_nearest_name),
        cmocka_unit_test(wrong_types_are_refused),
        cmocka_unit_test(all_that_is_wrong_is_told_at_once),
        cmocka_unit_test(more_than_a_message_holds_is_counted),
        cmocka_unit_test(what_only_a_build_needs_does_not_keep_from_having_a_tag),
        cmocka_unit_test(expansion_counts_against_the_cap),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

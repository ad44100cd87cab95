#include "common/pkg/config_label.h"

#include "common/base/limits.h"
#include "common/os/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define GOLDEN_DIRECTORY "tests/golden/config-label/"

/* `text` is a YAML document with `config:` in it; the label goes to `out`. */
static int label_of(struct lk_str text, struct lk_buf *out, struct lk_err *err)
{
    LK_CLEANUP(lk_yaml_free) struct lk_yaml *yaml = NULL;
    const struct lk_yaml_node               *root;

    if (lk_yaml_parse(&yaml, &root, text, "p/build.yml", err) < 0)
        return -1;
    return lk_config_label(lk_yaml_get(root, "config"), "p/build.yml", out, err);
}

static void expect_label(struct lk_str text, const char *expected)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf label = LK_BUF_INIT(LK_CONFIG_LABEL_MAX);
    struct lk_err                         err = { 0 };
    const char                           *found = "refused";

    if (label_of(text, &label, &err) == 0)
        found = lk_buf_text(&label);
    if (strcmp(found, expected) != 0)
        fail_msg(LK_STR_FMT "\nexpected %s\nfound    %s\n%s", LK_STR_ARG(text), expected, found,
                 err.text);
}

static void expect_refusal(const char *text, const char *message)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf label = LK_BUF_INIT(LK_CONFIG_LABEL_MAX);
    struct lk_err                         err = { 0 };

    assert_int_equal(label_of(lk_str_of(text), &label, &err), -1);
    assert_string_equal(err.text, message);
    assert_int_equal(err.kind, LK_ERR_INVALID);
}

static void read_golden(const char *name, struct lk_buf *out)
{
    LK_CLEANUP(lk_free_pointer) char *path = lk_xasprintf(GOLDEN_DIRECTORY "%s", name);
    struct lk_err                     err = { 0 };

    if (lk_file_read(path, out, &err) < 0)
        fail_msg("%s", err.text);
}

/* Cases are parted by empty lines; the last line of each is what is expected. */
static void each_golden_case_has_its_label(void **state)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf cases = LK_BUF_INIT(1024 * 1024);
    unsigned                              count = 0;
    char                                 *next;

    (void)state;
    read_golden("cases.txt", &cases);
    for (char *at = cases.data; at; at = next) {
        next = strstr(at, "\n\n");
        if (next) {
            *next = '\0';
            next += 2;
        }
        char *newline = strrchr(at, '\n');
        if (*at == '#')
            continue;
        assert_non_null(newline);
        if (newline[1] == '\0') {
            *newline = '\0';
            newline = strrchr(at, '\n');
            assert_non_null(newline);
        }
        expect_label((struct lk_str) { at, (size_t)(newline - at) }, newline + 1);
        count++;
    }
    assert_true(count > 400);
}

static void a_config_with_every_field_has_linuxkits_label(void **state)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf yaml = LK_BUF_INIT(LK_YAML_BYTES_MAX);
    LK_CLEANUP(lk_buf_fini) struct lk_buf json = LK_BUF_INIT(LK_CONFIG_LABEL_MAX);

    (void)state;
    read_golden("every-field.yml", &yaml);
    read_golden("every-field.json", &json);
    json.data[json.len - 1] = '\0'; /* the file ends with a newline, the label does not */
    expect_label(lk_buf_str(&yaml), json.data);
}

static void an_unknown_key_is_refused_with_its_line_and_the_nearest_name(void **state)
{
    (void)state;
    expect_refusal("config:\n  comand: [a]\n",
                   "p/build.yml:2: unknown field 'comand'; did you mean 'command'?");
    expect_refusal("config:\n  uidMappings:\n    - containerID: 0\n",
                   "p/build.yml:3: unknown field 'containerID'; did you mean 'containerid'?");
    expect_refusal(
        "config:\n  runtime: {volumes: []}\n",
        "p/build.yml:2: unknown field 'volumes'; known are cgroups, mounts, mkdir, interfaces, "
        "bindNS, namespace");
}

static void a_wrong_type_is_refused_with_its_line(void **state)
{
    (void)state;
    expect_refusal("config: []\n",
                   "p/build.yml:1: config: expected a mapping (key: value), found a list");
    expect_refusal("config:\n  command: /bin/sh\n",
                   "p/build.yml:2: command: expected a list, found '/bin/sh'");
    expect_refusal("config:\n  sysctl:\n    a: [1]\n",
                   "p/build.yml:3: sysctl: expected text, found a list");
    expect_refusal("config:\n  sysctl: x\n",
                   "p/build.yml:2: sysctl: expected a mapping, found 'x'");
    expect_refusal("config:\n  readonly: \"true\"\n",
                   "p/build.yml:2: readonly: expected true or false, found 'true' in quotes");
    expect_refusal("config:\n  oomScoreAdj: a\n",
                   "p/build.yml:2: oomScoreAdj: expected a number from -9223372036854775808 to "
                   "9223372036854775807, found 'a'");
    expect_refusal("config:\n  uid: {1: a}\n",
                   "p/build.yml:2: uid: expected a key that is text, found '1'");
    expect_refusal("config:\n  uid: .inf\n",
                   "p/build.yml:2: uid: expected a number that JSON can say, found '.inf'");
}

static void all_mistakes_are_told_at_once(void **state)
{
    (void)state;
    expect_refusal("config:\n  comand: [a]\n  readonly: x\n  mounts: [{destination: []}]\n",
                   "p/build.yml:2: unknown field 'comand'; did you mean 'command'?\n"
                   "p/build.yml:4: destination: expected text, found a list\n"
                   "p/build.yml:3: readonly: expected true or false, found 'x'");
}

/* linuxkit lets such numbers overflow: what it writes then depends on the machine. */
static void numbers_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    expect_label(LK_STR("config: {oomScoreAdj: -.inf}"), "refused");
    expect_label(LK_STR("config: {oomScoreAdj: 9223372036854775808}"), "refused");
    expect_label(LK_STR("config: {oomScoreAdj: -9223372036854777856}"), "refused");
    expect_label(LK_STR("config: {resources: {hugepagelimits: [{limit: -5.5}]}}"), "refused");
    expect_label(LK_STR("config: {resources: {cpu: {shares: 18446744073709551616}}}"),
                 "refused");
}

static void a_label_that_no_builder_takes_is_refused(void **state)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf text = LK_BUF_INIT(LK_YAML_BYTES_MAX);
    LK_CLEANUP(lk_buf_fini) struct lk_buf label = LK_BUF_INIT(LK_CONFIG_LABEL_MAX);
    struct lk_err                         err = { 0 };

    (void)state;
    lk_buf_add_text(&text, "x: &x ");
    for (int i = 0; i < 1000; i++)
        lk_buf_add_text(&text, "0123456789");
    lk_buf_add_text(&text, "\nconfig: {command: [*x, *x, *x, *x, *x, *x, *x, *x, *x, *x]}\n");
    assert_int_equal(label_of(lk_buf_str(&text), &label, &err), -1);
    assert_int_equal(err.kind, LK_ERR_LIMIT);
    assert_string_equal(err.text,
                        "p/build.yml:2: config: more than the 98304 bytes a label may have");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_golden_case_has_its_label),
        cmocka_unit_test(a_config_with_every_field_has_linuxkits_label),
        cmocka_unit_test(an_unknown_key_is_refused_with_its_line_and_the_nearest_name),
        cmocka_unit_test(a_wrong_type_is_refused_with_its_line),
        cmocka_unit_test(all_mistakes_are_told_at_once),
        cmocka_unit_test(numbers_that_do_not_fit_are_refused),
        cmocka_unit_test(a_label_that_no_builder_takes_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

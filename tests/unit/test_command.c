/* coordinator/cli: options, platforms, help, clean text. */
#include "coordinator/cli/command.h"
#include "coordinator/cli/commands.h"
#include "coordinator/cli/platforms.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct values {
    const char     *org;
    bool            force;
    struct lk_words adopt;
    bool            no_arch_tags;
};

static const struct lk_option options[] = {
    { "org", LK_OPTION_TEXT, offsetof(struct values, org), "ORG", "the organisation" },
    { "force", LK_OPTION_FLAG, offsetof(struct values, force), NULL, "in any case" },
    { "adopt", LK_OPTION_LIST, offsetof(struct values, adopt), "DIGEST", "vouch" },
    { "manifest", LK_OPTION_OFF, offsetof(struct values, no_arch_tags), NULL, "no tags" },
    { 0 },
};

static const struct lk_command command = {
    .name = "try",
    .arguments = "PATH...",
    .summary = "Tries.",
    .count_min = 1,
    .count_max = 3,
    .values_size = sizeof(struct values),
    .options = options,
};

struct parsed {
    struct values           values;
    struct lk_common_values common;
    const char             *arguments[16];
    size_t                  count;
    struct lk_err           err;
    int                     rc;
};

static struct parsed parse(const char *const *words)
{
    struct parsed p = { 0 };
    size_t        count = 0;

    while (words[count])
        count++;
    p.rc = lk_command_parse(&command, words, count, &p.values, &p.common, p.arguments, &p.count,
                            &p.err);
    return p;
}

#define PARSE(...) parse((const char *const[]) { __VA_ARGS__, NULL })

static void one_dash_and_two_mean_the_same(void **state)
{
    (void)state;
    assert_string_equal(PARSE("-org", "wombat", "p").values.org, "wombat");
    assert_string_equal(PARSE("--org", "wombat", "p").values.org, "wombat");
    assert_string_equal(PARSE("-org=wombat", "p").values.org, "wombat");
    assert_string_equal(PARSE("--org=wombat", "p").values.org, "wombat");
    assert_string_equal(PARSE("--org=", "p").values.org, "");
    assert_string_equal(PARSE("--org=a=b", "p").values.org, "a=b");
}

static void options_may_follow_arguments_and_end_at_two_dashes(void **state)
{
    struct parsed p = PARSE("a", "-force", "b", "--", "-org");

    (void)state;
    assert_int_equal(p.rc, 0);
    assert_true(p.values.force);
    assert_int_equal(p.count, 3);
    assert_string_equal(p.arguments[0], "a");
    assert_string_equal(p.arguments[1], "b");
    assert_string_equal(p.arguments[2], "-org");
}

static void switches_take_true_and_false_only(void **state)
{
    struct parsed p = PARSE("-force=maybe", "p");

    (void)state;
    assert_true(PARSE("-force=true", "p").values.force);
    assert_false(PARSE("-force=false", "p").values.force);
    assert_int_equal(p.rc, -1);
    assert_non_null(strstr(p.err.text, "--force is a switch"));
}

static void an_unknown_option_names_the_nearest(void **state)
{
    struct parsed p = PARSE("--forse", "p");
    struct parsed far = PARSE("--zzzzzzzz", "p");

    (void)state;
    assert_int_equal(p.rc, -1);
    assert_non_null(strstr(p.err.text, "did you mean --force?"));
    assert_int_equal(far.rc, -1);
    assert_non_null(strstr(far.err.text, "lkcoord help try"));
}

static void names_are_not_abbreviated(void **state)
{
    (void)state;
    assert_int_equal(PARSE("--forc", "p").rc, -1);
    assert_int_equal(PARSE("-o", "x", "p").rc, -1);
}

static void a_missing_value_or_argument_is_told(void **state)
{
    struct parsed value = PARSE("p", "--org");
    struct parsed none = PARSE("--force");
    struct parsed many = PARSE("1", "2", "3", "4");

    (void)state;
    assert_non_null(strstr(value.err.text, "--org needs a value"));
    assert_non_null(strstr(none.err.text, "something is missing"));
    assert_non_null(strstr(many.err.text, "too many"));
    assert_int_equal(value.rc + none.rc + many.rc, -3);
}

static void lists_collect_and_have_a_limit(void **state)
{
    struct parsed p = PARSE("--adopt", "a", "-adopt=b", "p");

    (void)state;
    assert_int_equal(p.values.adopt.count, 2);
    assert_string_equal(p.values.adopt.words[1], "b");
    assert_int_equal(PARSE("-adopt=1", "-adopt=2", "-adopt=3", "-adopt=4", "-adopt=5",
                           "-adopt=6", "-adopt=7", "-adopt=8", "-adopt=9", "-adopt=10",
                           "-adopt=11", "-adopt=12", "-adopt=13", "-adopt=14", "-adopt=15",
                           "-adopt=16", "-adopt=17", "p")
                         .rc,
                     -1);
}

static void an_option_of_linuxkits_is_answered_with_what_there_is_in_its_place(void **state)
{
    struct parsed p = PARSE("--builders", "linux/arm64=x", "p");

    (void)state;
    assert_int_equal(p.rc, -1);
    assert_non_null(strstr(p.err.text, "hosts on which lkagentd runs"));
    assert_non_null(strstr(PARSE("-sbom-scanner", "false", "p").err.text, "holds images only"));
}

static void a_switch_that_is_on_can_be_turned_off(void **state)
{
    (void)state;
    assert_false(PARSE("p").values.no_arch_tags);
    assert_false(PARSE("--manifest", "p").values.no_arch_tags);
    assert_true(PARSE("-manifest=false", "p").values.no_arch_tags);
    assert_int_equal(PARSE("--manifest=maybe", "p").rc, -1);
}

static void help_needs_no_arguments_and_every_command_takes_config(void **state)
{
    (void)state;
    assert_int_equal(PARSE("--help").rc, 0);
    assert_true(PARSE("-h").common.help);
    assert_string_equal(PARSE("p", "--config", "f.yml").common.config, "f.yml");
}

static void every_command_has_a_help_that_names_its_options(void **state)
{
    (void)state;
    for (size_t i = 0; lk_commands[i]; i++) {
        LK_CLEANUP(lk_buf_fini) struct lk_buf text = LK_BUF_INIT(64 * 1024);
        const struct lk_option               *o = lk_commands[i]->options;

        lk_command_help(lk_commands[i], &text);
        assert_true(lk_buf_ok(&text));
        assert_non_null(lk_commands[i]->run);
        for (; o && o->name; o++)
            assert_non_null(strstr(lk_buf_text(&text), o->name));
    }
    assert_null(lk_command_find("no-such"));
    assert_non_null(lk_command_find("show-tag"));
}

static void platforms_are_filtered_in_either_direction(void **state)
{
    struct lk_arch      arches[3] = { { "amd64" }, { "arm64" }, { "s390x" } };
    struct lk_platforms platforms;
    struct lk_err       err;

    (void)state;
    assert_int_equal(lk_platforms_parse(&platforms, NULL, NULL, &err), 0);
    assert_int_equal(lk_platforms_filter(&platforms, arches, 3), 3);
    assert_int_equal(lk_platforms_parse(&platforms, NULL, "linux/arm64", &err), 0);
    assert_int_equal(lk_platforms_filter(&platforms, arches, 3), 2);
    assert_string_equal(arches[1].name, "s390x");
    assert_int_equal(lk_platforms_parse(&platforms, "s390x,riscv64", NULL, &err), 0);
    assert_int_equal(lk_platforms_filter(&platforms, arches, 2), 1);
    assert_string_equal(arches[0].name, "s390x");
    assert_int_equal(lk_platforms_parse(&platforms, "riscv64", NULL, &err), 0);
    assert_int_equal(lk_platforms_filter(&platforms, arches, 1), 0);
}

static void malformed_platforms_are_refused(void **state)
{
    struct lk_platforms platforms;
    struct lk_err       err;

    (void)state;
    assert_int_equal(lk_platforms_parse(&platforms, "amd64,,arm64", NULL, &err), -1);
    assert_int_equal(lk_platforms_parse(&platforms, "windows/amd64", NULL, &err), -1);
    assert_int_equal(lk_platforms_parse(&platforms, "", NULL, &err), -1);
    assert_int_equal(lk_platforms_parse(&platforms, "amd64", "arm64", &err), -1);
    assert_non_null(strstr(err.text, "exclude each other"));
}

static void foreign_text_cannot_steer_the_terminal(void **state)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf out = LK_BUF_INIT(256);

    (void)state;
    lk_add_clean(&out, LK_STR("a\033[2Jb\r\n\tc\x7f\xc2\x9b"
                              "d \xc3\xa9"));
    assert_string_equal(lk_buf_text(&out), "a?[2Jb??\tc??d \xc3\xa9");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_dash_and_two_mean_the_same),
        cmocka_unit_test(options_may_follow_arguments_and_end_at_two_dashes),
        cmocka_unit_test(switches_take_true_and_false_only),
        cmocka_unit_test(an_unknown_option_names_the_nearest),
        cmocka_unit_test(names_are_not_abbreviated),
        cmocka_unit_test(a_missing_value_or_argument_is_told),
        cmocka_unit_test(lists_collect_and_have_a_limit),
        cmocka_unit_test(an_option_of_linuxkits_is_answered_with_what_there_is_in_its_place),
        cmocka_unit_test(a_switch_that_is_on_can_be_turned_off),
        cmocka_unit_test(help_needs_no_arguments_and_every_command_takes_config),
        cmocka_unit_test(every_command_has_a_help_that_names_its_options),
        cmocka_unit_test(platforms_are_filtered_in_either_direction),
        cmocka_unit_test(malformed_platforms_are_refused),
        cmocka_unit_test(foreign_text_cannot_steer_the_terminal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

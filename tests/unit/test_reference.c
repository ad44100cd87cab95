#include "common/registry/reference.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define DIGEST "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

struct expectation {
    const char *text;
    const char *host;
    const char *path;
    const char *tag;
    bool        has_digest;
};

static const struct expectation legal[] = {
    { "alpine", "docker.io", "library/alpine", "", false },
    { "alpine:3.19", "docker.io", "library/alpine", "3.19", false },
    { "linuxkit/init:abc-amd64", "docker.io", "linuxkit/init", "abc-amd64", false },
    { "docker.io/alpine", "docker.io", "library/alpine", "", false },
    { "index.docker.io/org/x", "docker.io", "org/x", "", false },
    { "localhost/x", "localhost", "x", "", false },
    { "localhost:5000/a/b/c:1", "localhost:5000", "a/b/c", "1", false },
    { "127.0.0.1:5000/x@" DIGEST, "127.0.0.1:5000", "x", "", true },
    { "quay.io/a/b__c.d---e:T_1@" DIGEST, "quay.io", "a/b__c.d---e", "T_1", true },
    { "[::1]:5000/x:1", "[::1]:5000", "x", "1", false },
    { "[fe80::1]/x", "[fe80::1]", "x", "", false },
    { "MyHost/x", "MyHost", "x", "", false },
    { "localhost:5000", "docker.io", "library/localhost", "5000", false },
};

static const char *const illegal[] = {
    "",
    ":tag",
    "Alpine",
    "a//b",
    "/a",
    "a/",
    "a:",
    "a:-b",
    "a@sha256:12",
    "a@" DIGEST "x",
    "a..b",
    "a___b",
    "-a",
    "a-",
    "host.io/",
    "ho st.io/x",
    "host.io:0/x",
    "host.io:65536/x",
    "host.io:x/x",
    "[::1/x",
    "[::1]x/x",
    "[]:5/x",
    "-h.io/x",
    "a:b:c/d:",
    "a\nb",
    "a@b@c",
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
};

static void short_names_are_made_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < LK_COUNT(legal); i++) {
        struct lk_reference reference;
        struct lk_err       err = { 0 };
        char                repository[LK_REPOSITORY_SIZE];
        if (lk_reference_parse(lk_str_of(legal[i].text), &reference, &err) < 0)
            fail_msg("%s", err.text);
        assert_string_equal(reference.host, legal[i].host);
        assert_string_equal(reference.path, legal[i].path);
        assert_string_equal(reference.tag, legal[i].tag);
        assert_int_equal(reference.has_digest, legal[i].has_digest);
        snprintf(repository, sizeof(repository), "%s/%s", legal[i].host, legal[i].path);
        assert_string_equal(reference.repository, repository);
    }
}

static void what_is_no_name_is_refused_with_a_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < LK_COUNT(illegal); i++) {
        struct lk_reference reference;
        struct lk_err       err = { 0 };
        if (lk_reference_parse(lk_str_of(illegal[i]), &reference, &err) == 0)
            fail_msg("\"%s\" was taken", illegal[i]);
        assert_int_equal(err.kind, LK_ERR_INVALID);
        assert_true(err.text[0] != '\0');
    }
}

static void names_too_long_for_their_fields_are_refused(void **state)
{
    char                text[400];
    struct lk_reference reference;
    struct lk_err       err = { 0 };

    (void)state;
    memset(text, 'a', sizeof(text));
    memcpy(text, "h.io/", 5);
    text[255] = '\0';
    assert_int_equal(lk_reference_parse(lk_str_of(text), &reference, &err), 0);
    text[255] = 'a';
    text[256] = '\0';
    assert_int_equal(lk_reference_parse(lk_str_of(text), &reference, &err), -1);
    memcpy(text, "h.io/x:", 7);
    text[7 + 128] = '\0';
    assert_int_equal(lk_reference_parse(lk_str_of(text), &reference, &err), 0);
    text[7 + 128] = 'a';
    text[7 + 129] = '\0';
    assert_int_equal(lk_reference_parse(lk_str_of(text), &reference, &err), -1);
}

static void docker_hub_is_asked_at_its_api_host(void **state)
{
    struct lk_reference reference;
    struct lk_err       err = { 0 };

    (void)state;
    assert_int_equal(lk_reference_parse(LK_STR("org/x"), &reference, &err), 0);
    assert_string_equal(lk_reference_api_host(&reference), "registry-1.docker.io");
    assert_int_equal(lk_reference_parse(LK_STR("quay.io/x"), &reference, &err), 0);
    assert_string_equal(lk_reference_api_host(&reference), "quay.io");
}

static void only_this_machine_is_loopback(void **state)
{
    static const char *const yes[] = { "localhost",    "localhost:1", "127.0.0.1",
                                       "127.9.8.7:80", "[::1]",       "[::1]:5000" };
    static const char *const no[] = { "",
                                      "localhost.evil.io",
                                      "127.0.0.1.evil.io",
                                      "128.0.0.1",
                                      "127.0.0",
                                      "127.0.0.1.2",
                                      "[::2]",
                                      "[::1].io",
                                      "10.0.0.1",
                                      "127.evil.io.x",
                                      "127.0.0.256" };

    (void)state;
    for (size_t i = 0; i < LK_COUNT(yes); i++)
        assert_true(lk_host_is_loopback(yes[i]));
    for (size_t i = 0; i < LK_COUNT(no); i++)
        assert_false(lk_host_is_loopback(no[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(short_names_are_made_whole),
        cmocka_unit_test(what_is_no_name_is_refused_with_a_reason),
        cmocka_unit_test(names_too_long_for_their_fields_are_refused),
        cmocka_unit_test(docker_hub_is_asked_at_its_api_host),
        cmocka_unit_test(only_this_machine_is_loopback),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

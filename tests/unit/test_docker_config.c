#include "tests/unit/source_helper.h"

#include "common/registry/docker_config.h"

#include <sys/stat.h>

static void write_file(const char *path, const char *text, mode_t mode)
{
    struct lk_err err;

    must(lk_file_replace(path, lk_str_of(text), mode, &err), &err);
}

/* An empty home, so that nobody's own logins are read. */
static void clean_environment(void **state)
{
    unsetenv("REGISTRY_AUTH_FILE");
    unsetenv("DOCKER_CONFIG");
    setenv("HOME", scratch_path(state, ""), 1);
}

static void configure(void **state, const char *json)
{
    const char *file = scratch_path(state, "config.json");

    clean_environment(state);
    setenv("DOCKER_CONFIG", scratch_path(state, ""), 1);
    write_file(file, json, 0600);
}

/* NAME's helper is this script. */
static void install_helper(void **state, const char *name, const char *script)
{
    LK_CLEANUP(lk_free_pointer)
    char *path = lk_xasprintf("%s:/usr/bin:/bin", scratch_path(state, ""));
    LK_CLEANUP(lk_free_pointer) char *file = lk_xasprintf("docker-credential-%s", name);
    LK_CLEANUP(lk_free_pointer) char *text = lk_xasprintf("#!/bin/sh\n%s\n", script);

    setenv("PATH", path, 1);
    write_file(scratch_path(state, file), text, 0700);
}

static int find(const char *name, struct lk_credential *out, struct lk_err *err)
{
    struct lk_reference reference;

    must(lk_reference_parse(lk_str_of(name), &reference, err), err);
    return lk_docker_config_find(out, &reference, err);
}

static void finds(const char *name, const char *user, const char *secret)
{
    struct lk_credential found;
    struct lk_err        err;

    must(find(name, &found, &err), &err);
    assert_int_equal(found.kind, user ? LK_CREDENTIAL_BASIC : LK_CREDENTIAL_NONE);
    assert_string_equal(found.user, user ? user : "");
    assert_string_equal(found.secret, user ? secret : "");
}

static void finds_nothing(const char *name)
{
    finds(name, NULL, NULL);
}

static void fails(const char *name, const char *words)
{
    struct lk_credential found;
    struct lk_err        err;

    assert_int_equal(find(name, &found, &err), -1);
    must_say(&err, words);
    assert_int_equal(err.kind, LK_ERR_INVALID);
    assert_null(strstr(err.text, "sesame"));
    assert_int_equal(found.kind, LK_CREDENTIAL_NONE);
    assert_string_equal(found.secret, "");
}

static void a_login_is_found_however_its_key_is_written(void **state)
{
    configure(state, "{\"auths\": {"
                     "\"a.example\": {\"auth\": \"bWU6b3BlbnNlc2FtZQ==\"},"
                     "\"https://b.example/v1/\": {\"username\": \"b\", \"password\": \"b1\"},"
                     "\"http://c.example:5000\": {\"username\": \"c\", \"password\": \"c:1\"},"
                     "\"d.example/v2/\": {\"username\": \"d\", \"password\": \"d1\"}}}");
    finds("a.example/org/x", "me", "opensesame");
    finds("b.example/org/x", "b", "b1");
    finds("c.example:5000/org/x", "c", "c:1");
    finds("d.example/org/x", "d", "d1");
    finds_nothing("c.example/org/x");
    finds_nothing("a.example.org/org/x");
    finds_nothing("e.example/org/x");
}

static void docker_io_has_many_names(void **state)
{
    static const char *const keys[] = { "https://index.docker.io/v1/", "index.docker.io",
                                        "docker.io", "https://registry-1.docker.io/v2/" };

    for (size_t i = 0; i < LK_COUNT(keys); i++) {
        LK_CLEANUP(lk_free_pointer)
        char *json = lk_xasprintf(
            "{\"auths\": {\"%s\": {\"username\": \"hub\", \"password\": \"h\"}}}", keys[i]);
        configure(state, json);
        finds("linuxkit/kernel", "hub", "h");
        finds("docker.io/library/alpine", "hub", "h");
        finds("index.docker.io/org/x", "hub", "h");
        finds_nothing("mirror.example/library/alpine");
    }
}

static void the_longest_namespace_counts(void **state)
{
    configure(state, "{\"auths\": {"
                     "\"r.example/org\": {\"username\": \"org\", \"password\": \"1\"},"
                     "\"r.example/org/x\": {\"username\": \"x\", \"password\": \"1\"},"
                     "\"https://r.example/\": {\"username\": \"old\", \"password\": \"1\"},"
                     "\"r.example\": {\"username\": \"all\", \"password\": \"1\"}}}");
    finds("r.example/org/x", "x", "1");
    finds("r.example/org/y", "org", "1");
    finds("r.example/organ/y", "all", "1");
}

static void an_identity_token_goes_before_the_password(void **state)
{
    struct lk_credential found;
    struct lk_err        err;

    configure(state, "{\"auths\": {\"a.example\": {\"auth\": \"bWU6b3BlbnNlc2FtZQ==\","
                     "\"identitytoken\": \"refresh-me\"}}}");
    must(find("a.example/x", &found, &err), &err);
    assert_int_equal(found.kind, LK_CREDENTIAL_IDENTITY);
    assert_string_equal(found.secret, "refresh-me");
}

static void one_file_counts_and_it_is_the_one_named_first(void **state)
{
    clean_environment(state);
    finds_nothing("a.example/x");
    assert_int_equal(mkdir(scratch_path(state, ".docker"), 0700), 0);
    write_file(scratch_path(state, ".docker/config.json"),
               "{\"auths\": {\"a.example\": {\"username\": \"home\", \"password\": \"1\"}}}",
               0600);
    finds("a.example/x", "home", "1");
    write_file(scratch_path(state, "config.json"),
               "{\"auths\": {\"a.example\": {\"username\": \"docker\", \"password\": \"1\"}}}",
               0600);
    setenv("DOCKER_CONFIG", scratch_path(state, ""), 1);
    finds("a.example/x", "docker", "1");
    write_file(scratch_path(state, "auth.json"),
               "{\"auths\": {\"a.example\": {\"username\": \"auth\", \"password\": \"1\"}}}",
               0600);
    setenv("REGISTRY_AUTH_FILE", scratch_path(state, "auth.json"), 1);
    finds("a.example/x", "auth", "1");
    setenv("REGISTRY_AUTH_FILE", "", 1);
    finds("a.example/x", "docker", "1");
    setenv("DOCKER_CONFIG", scratch_path(state, "nowhere"), 1);
    finds_nothing("a.example/x");
    setenv("REGISTRY_AUTH_FILE", scratch_path(state, "nowhere"), 1);
    fails("a.example/x", "REGISTRY_AUTH_FILE is set");
}

static void a_helper_is_asked_by_the_name_that_docker_stores(void **state)
{
    configure(state, "{\"credHelpers\": {\"r.example\": \"fake\", \"docker.io\": \"fake\"}}");
    install_helper(
        state, "fake",
        "read server; [ \"$*\" = get ] || exit 2\n"
        "echo \"{\\\"Username\\\": \\\"me\\\", \\\"Secret\\\": \\\"for $server\\\"}\"");
    finds("r.example/org/x", "me", "for r.example");
    finds("org/x", "me", "for https://index.docker.io/v1/");
    finds_nothing("other.example/org/x");
}

static void helpers_go_before_the_store_and_that_before_the_file(void **state)
{
    configure(state, "{\"credsStore\": \"store\", \"credHelpers\": {\"h.example\": \"own\"},"
                     "\"auths\": {\"h.example\": {},"
                     "\"s.example\": {\"username\": \"stale\", \"password\": \"1\"},"
                     "\"f.example\": {\"username\": \"file\", \"password\": \"1\"}}}");
    install_helper(state, "own", "echo '{\"Username\": \"own\", \"Secret\": \"1\"}'");
    install_helper(state, "store",
                   "read server; [ $server = s.example ] || {\n"
                   "echo 'credentials not found in native keychain'; exit 1; }\n"
                   "echo '{\"Username\": \"store\", \"Secret\": \"1\"}'");
    finds("h.example/x", "own", "1");
    finds("s.example/x", "store", "1");
    finds("f.example/x", "file", "1");
    finds_nothing("nobody.example/x");
}

static void a_helpers_identity_token_is_one(void **state)
{
    struct lk_credential found;
    struct lk_err        err;

    configure(state, "{\"credsStore\": \"fake\"}");
    install_helper(state, "fake",
                   "echo '{\"Username\": \"<token>\", \"Secret\": \"refresh\"}'");
    must(find("a.example/x", &found, &err), &err);
    assert_int_equal(found.kind, LK_CREDENTIAL_IDENTITY);
    assert_string_equal(found.secret, "refresh");
}

static void a_helper_is_shown_no_passphrase(void **state)
{
    configure(state, "{\"credsStore\": \"fake\"}");
    setenv("COSIGN_PASSWORD", "one", 1);
    setenv("DOCKER_CONTENT_TRUST_ROOT_PASSPHRASE", "two", 1);
    setenv("DOCKER_CONTENT_TRUST_REPOSITORY_PASSPHRASE", "three", 1);
    setenv("DOCKER_CONTENT_TRUST_SERVER", "https://a_PASSPHRASE=b", 1);
    install_helper(state, "fake",
                   "[ \"$DOCKER_CONTENT_TRUST_SERVER\" ] || exit 2\n"
                   "s=$(env | grep -E '^[A-Z_]*(PASSWORD|PASSPHRASE)=' | tr -d '\\n')\n"
                   "echo \"{\\\"Username\\\": \\\"me\\\", \\\"Secret\\\": \\\"saw $s\\\"}\"");
    finds("a.example/x", "me", "saw ");
}

static void a_helper_that_fails_is_named_and_what_it_said_is_not_shown(void **state)
{
    configure(state, "{\"credsStore\": \"fake\"}");
    install_helper(state, "fake", "echo sesame; echo sesame >&2; exit 4");
    fails("a.example/x", "docker-credential-fake ended with status 4");
    fails("a.example/x", "config.json: asking for the login of a.example");
    install_helper(state, "fake", "echo '{\"Secret\": \"sesame\"}'");
    fails("a.example/x", "docker-credential-fake answered with something else");
    install_helper(
        state, "fake",
        "echo '{\"Username\": \"x\", \"Secret\": \"sesame\"}'; head -c 100000 /dev/zero");
    fails("a.example/x", "fewer than 65536 bytes");
    configure(state, "{\"credsStore\": \"absent\"}");
    fails("a.example/x", "docker-credential-absent");
    configure(state, "{\"credsStore\": \"../sh\"}");
    fails("a.example/x", "cannot be the name of a credential helper");
}

static void a_broken_file_is_named_and_not_shown(void **state)
{
    static const char *const broken[][2] = {
        { "{\"auths\": {\n\"a.example\": sesame}}", "config.json: line 2: not a JSON object" },
        { "[\"sesame\"]", "config.json: line 1: not a JSON object" },
        { "", "config.json: line 1: not a JSON object" },
        { "{\"auths\": [\"sesame\"]}", "\"auths\" is not an object" },
        { "{\"credHelpers\": \"sesame\"}", "\"credHelpers\" is not an object" },
        { "{\"auths\": {\"a.example\": {\"auth\": \"!sesame!\"}}}",
          "the login for a.example/x" },
        { "{\"auths\": {\"a.example\": {\"auth\": \"c2VzYW1l\"}}}",
          "the login for a.example/x" },
    };

    for (size_t i = 0; i < LK_COUNT(broken); i++) {
        configure(state, broken[i][0]);
        fails("a.example/x", broken[i][1]);
        fails("a.example/x", "log in anew");
    }
}

static void a_file_too_large_is_refused(void **state)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf text = LK_BUF_INIT(2 * 1024 * 1024);

    lk_buf_printf(&text, "{\"x\": \"%*s\"}", 1100000, "");
    configure(state, lk_buf_text(&text));
    fails("a.example/x", "config.json");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_login_is_found_however_its_key_is_written),
        cmocka_unit_test(docker_io_has_many_names),
        cmocka_unit_test(the_longest_namespace_counts),
        cmocka_unit_test(an_identity_token_goes_before_the_password),
        cmocka_unit_test(one_file_counts_and_it_is_the_one_named_first),
        cmocka_unit_test(a_helper_is_asked_by_the_name_that_docker_stores),
        cmocka_unit_test(helpers_go_before_the_store_and_that_before_the_file),
        cmocka_unit_test(a_helpers_identity_token_is_one),
        cmocka_unit_test(a_helper_is_shown_no_passphrase),
        cmocka_unit_test(a_helper_that_fails_is_named_and_what_it_said_is_not_shown),
        cmocka_unit_test(a_broken_file_is_named_and_not_shown),
        cmocka_unit_test(a_file_too_large_is_refused),
    };

    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}

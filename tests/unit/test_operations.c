#include "tests/unit/source_helper.h"

#include "coordinator/registry/operations.h"
#include "tests/unit/local_registry.h"

#include <poll.h>
#include <sys/stat.h>

#define COORDINATOR_PASSWORD "opensesame"
#define HTPASSWD             "me:$2y$05$abcdefghijklmnopqrstuuQbLfdQZSxZ9gjhA5V9o8Tyc6aQRO0Qi\n"
#define AGENT_PASSWORD       "agent-secret"

static struct local_registry        registry;
static struct lk_coordinator_config config;
static char                         password_file[128], agent_file[128], repository[160];

/* What the last operation gave. */
struct seen {
    bool                 done;
    bool                 failed;
    struct lk_err        err;
    struct lk_credential ticket;
    bool                 index_exists;
    bool                 has_source;
    struct lk_found      source;
};

static void on_done(void *ctx, const struct lk_effect *effect,
                    const struct lk_operation_result *result)
{
    struct seen *seen = ctx;

    (void)effect;
    seen->done = true;
    seen->failed = result->err != NULL;
    if (result->err)
        seen->err = *result->err;
    seen->ticket = *result->ticket;
    seen->index_exists = result->found->index_exists;
    seen->has_source = result->source != NULL;
    if (result->source)
        seen->source = *result->source;
}

static struct seen run(const struct lk_effect *effect)
{
    struct seen                  seen = { 0 };
    struct lk_operations_options options = { .config = &config, .done = on_done, .ctx = &seen };
    struct lk_operations        *operations = lk_operations_start(&options);
    struct pollfd item = { .fd = lk_operations_fd(operations), .events = POLLIN };

    lk_operations_begin(operations, effect);
    while (!seen.done && poll(&item, 1, 40000) == 1)
        lk_operations_collect(operations);
    lk_operations_stop(&operations);
    assert_true(seen.done);
    return seen;
}

static struct lk_effect effect_of(enum lk_effect_type type, const char *arch)
{
    struct lk_effect effect = { .type = type };

    snprintf(effect.repository, sizeof(effect.repository), "%s", repository);
    snprintf(effect.tag, sizeof(effect.tag), "v1");
    snprintf(effect.arch.name, sizeof(effect.arch.name), "%s", arch);
    return effect;
}

static void fails(const struct seen *seen, enum lk_err_kind kind, const char *text)
{
    assert_true(seen->failed);
    must_say(&seen->err, text);
    assert_int_equal(seen->err.kind, kind);
}

static void write_secret(const char *path, const char *text)
{
    struct lk_err err;

    must(lk_file_replace(path, lk_str_of(text), 0600, &err), &err);
}

/* The registry with its password, as the configuration would have it. */
static void configure(void)
{
    struct lk_registry_config *entry = &config.registries[0];

    memset(&config, 0, sizeof(config));
    config.registry_count = 1;
    snprintf(entry->host, sizeof(entry->host), "%s", registry.host);
    entry->plain_http = true;
    snprintf(entry->login.user, sizeof(entry->login.user), "me");
    snprintf(entry->login.password_file, sizeof(entry->login.password_file), "%s",
             password_file);
    entry->agent_count = 1;
    snprintf(entry->agent_arch[0].name, sizeof(entry->agent_arch[0].name), "arm64");
    snprintf(entry->agent_login[0].user, sizeof(entry->agent_login[0].user), "agent");
    snprintf(entry->agent_login[0].password_file, sizeof(entry->agent_login[0].password_file),
             "%s", agent_file);
    write_secret(password_file, COORDINATOR_PASSWORD "\n");
    write_secret(agent_file, AGENT_PASSWORD "\n");
}

static void the_password_is_read_from_its_file_each_time(void **state)
{
    struct lk_effect probe = effect_of(LK_EFFECT_PROBE, "");

    (void)state;
    configure();
    struct seen seen = run(&probe);
    assert_false(seen.failed);
    assert_false(seen.index_exists);
    write_secret(password_file, "changed\n");
    seen = run(&probe);
    fails(&seen, LK_ERR_DENIED, registry.host);
    write_secret(password_file, COORDINATOR_PASSWORD);
    seen = run(&probe);
    assert_false(seen.failed);
}

static void without_a_login_of_its_own_the_users_counts(void **state)
{
    LK_CLEANUP(lk_free_pointer)
    char *file = lk_xasprintf("%s/auth.json", registry.directory);
    LK_CLEANUP(lk_free_pointer)
    char *auths = lk_xasprintf("{\"auths\": {\"%s\": {\"auth\": \"bWU6b3BlbnNlc2FtZQ==\"}}}",
                               registry.host);
    struct lk_effect probe = effect_of(LK_EFFECT_PROBE, "");
    struct lk_effect ticket = effect_of(LK_EFFECT_TICKET, "s390x");

    (void)state;
    configure();
    config.registries[0].login.user[0] = '\0';
    struct seen seen = run(&probe);
    fails(&seen, LK_ERR_DENIED, "no credentials are configured");
    write_secret(file, auths);
    setenv("REGISTRY_AUTH_FILE", file, 1);
    seen = run(&probe);
    assert_false(seen.failed);
    config.registry_count = 0; /* loopback needs no entry to be spoken to */
    seen = run(&probe);
    assert_false(seen.failed);
    seen = run(&ticket);
    fails(&seen, LK_ERR_DENIED, "agent-logins.s390x");
    assert_string_equal(seen.ticket.secret, "");
    write_secret(file, "{");
    seen = run(&probe);
    fails(&seen, LK_ERR_INVALID, file);
    configure();
    seen = run(&probe);
    assert_false(seen.failed);
    unsetenv("REGISTRY_AUTH_FILE");
}

static void a_password_file_that_others_may_read_is_refused(void **state)
{
    struct lk_effect probe = effect_of(LK_EFFECT_PROBE, "");

    (void)state;
    configure();
    assert_int_equal(chmod(password_file, 0644), 0);
    struct seen seen = run(&probe);
    assert_true(seen.failed);
    must_say(&seen.err, "reading the registry's password");
    must_say(&seen.err, password_file);
    assert_int_equal(unlink(password_file), 0);
    seen = run(&probe);
    assert_true(seen.failed);
    must_say(&seen.err, password_file);
}

static void an_agent_gets_the_login_of_its_architecture(void **state)
{
    struct lk_effect ticket = effect_of(LK_EFFECT_TICKET, "arm64");

    (void)state;
    configure();
    struct seen seen = run(&ticket);
    assert_false(seen.failed);
    assert_int_equal(seen.ticket.kind, LK_CREDENTIAL_BASIC);
    assert_string_equal(seen.ticket.user, "agent");
    assert_string_equal(seen.ticket.secret, AGENT_PASSWORD);
}

static void no_agent_gets_the_coordinators_own_password(void **state)
{
    struct lk_effect ticket = effect_of(LK_EFFECT_TICKET, "s390x");
    char             wanted[64];

    (void)state;
    configure();
    struct seen seen = run(&ticket);
    snprintf(wanted, sizeof(wanted), "agent-logins.s390x");
    fails(&seen, LK_ERR_DENIED, wanted);
    must_say(&seen.err, registry.host);
    assert_null(strstr(seen.ticket.secret, COORDINATOR_PASSWORD));
}

static void what_is_to_be_signed_is_not_published_without_a_key(void **state)
{
    struct lk_effect merge = effect_of(LK_EFFECT_MERGE, "");

    (void)state;
    configure();
    merge.sign = true;
    merge.count = 1;
    snprintf(merge.arches[0].name, sizeof(merge.arches[0].name), "amd64");
    struct seen seen = run(&merge);
    fails(&seen, LK_ERR_DENIED, "no signing key");
    must_say(&seen.err, repository);
}

static void open_as_coordinator(struct lk_registry **out, const char *path)
{
    struct lk_registry_options options = {
        .plain_http = true,
        .patience_ms = 3000,
        .credential = { LK_CREDENTIAL_BASIC, "me", COORDINATOR_PASSWORD },
    };
    LK_CLEANUP(lk_free_pointer) char *text = lk_xasprintf("%s/%s", registry.host, path);
    struct lk_reference               reference;
    struct lk_err                     err;

    must(lk_reference_parse(lk_str_of(text), &reference, &err), &err);
    must(lk_registry_open(out, &reference, &options, &err), &err);
}

/* From another repository of the same, locked registry: both are opened with what is configured. */
static void an_image_is_looked_at_and_taken_where_it_comes_from(void **state)
{
    LK_CLEANUP(lk_registry_close) struct lk_registry *there = NULL, *here = NULL;
    LK_CLEANUP(lk_manifest_fini) struct lk_manifest   manifest = { 0 };
    struct lk_effect                                  probe = effect_of(LK_EFFECT_PROBE, "");
    struct lk_effect     accept = effect_of(LK_EFFECT_ACCEPT_CHILD, "amd64");
    struct lk_descriptor image;
    struct lk_err        err;

    (void)state;
    configure();
    snprintf(config.state, sizeof(config.state), "%s", registry.directory);
    open_as_coordinator(&there, "org/there");
    open_as_coordinator(&here, "org/hello");
    must(local_registry_put_image(there, "it", "amd64", &image, &err), &err);
    struct seen seen = run(&probe);
    assert_false(seen.failed || seen.has_source);
    probe.origin = LK_PACKAGE_FROM_INDEX;
    snprintf(probe.from.repository, sizeof(probe.from.repository), "%s/org/there",
             registry.host);
    snprintf(probe.from.tag, sizeof(probe.from.tag), "v9");
    seen = run(&probe);
    assert_false(seen.failed);
    assert_true(seen.has_source);
    assert_false(seen.source.index_exists);

    accept.child.digest = image.digest;
    accept.child.size = image.size;
    strcpy(accept.child.media_type, image.media_type);
    seen = run(&accept);
    fails(&seen, LK_ERR_NOT_FOUND, "org/hello");
    accept.from = probe.from;
    seen = run(&accept);
    if (seen.failed)
        fail_msg("%s", seen.err.text);
    must(lk_registry_get_manifest(here, "v1-amd64", &manifest, &err), &err);
    assert_memory_equal(&manifest.digest, &image.digest, sizeof(image.digest));

    probe.origin = LK_PACKAGE_FROM_ARCH_TAGS;
    probe.count = 2;
    strcpy(probe.arches[0].name, "amd64");
    strcpy(probe.arches[1].name, "arm64");
    seen = run(&probe);
    assert_false(seen.failed);
    assert_int_equal(seen.source.count, 1);
}

static void only_loopback_speaks_plain_http_unless_configured(void **state)
{
    (void)state;
    configure();
    assert_true(lk_operations_plain_http(&config, "127.0.0.1:1"));
    assert_true(lk_operations_plain_http(&config, registry.host));
    assert_false(lk_operations_plain_http(&config, "registry.example"));
    config.registries[0].plain_http = false;
    assert_false(lk_operations_plain_http(&config, registry.host));
}

static void stopping_calls_nobody_any_more(void **state)
{
    struct seen                  seen = { 0 };
    struct lk_operations_options options = { .config = &config, .done = on_done, .ctx = &seen };
    struct lk_operations        *operations = lk_operations_start(&options);
    struct lk_effect             probe = effect_of(LK_EFFECT_PROBE, "");

    (void)state;
    configure();
    for (int i = 0; i < 20; i++)
        lk_operations_begin(operations, &probe);
    lk_operations_stop(&operations);
    assert_false(seen.done);
}

static int set_up(void **state)
{
    (void)state;
    registry.htpasswd = HTPASSWD;
    /* docker-registry would take it for a setting of its own, `auth: file`. */
    unsetenv("REGISTRY_AUTH_FILE");
    setenv("DOCKER_CONFIG", "/nonexistent", 1);
    if (local_registry_start(&registry) < 0)
        return -1;
    snprintf(password_file, sizeof(password_file), "%s/password", registry.directory);
    snprintf(agent_file, sizeof(agent_file), "%s/agent-password", registry.directory);
    snprintf(repository, sizeof(repository), "%s/org/hello", registry.host);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    return local_registry_stop(&registry);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_password_is_read_from_its_file_each_time),
        cmocka_unit_test(without_a_login_of_its_own_the_users_counts),
        cmocka_unit_test(a_password_file_that_others_may_read_is_refused),
        cmocka_unit_test(an_agent_gets_the_login_of_its_architecture),
        cmocka_unit_test(no_agent_gets_the_coordinators_own_password),
        cmocka_unit_test(what_is_to_be_signed_is_not_published_without_a_key),
        cmocka_unit_test(an_image_is_looked_at_and_taken_where_it_comes_from),
        cmocka_unit_test(only_loopback_speaks_plain_http_unless_configured),
        cmocka_unit_test(stopping_calls_nobody_any_more),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}

#include "agent/builder/builder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct world {
    struct lk_agent_config  config;
    struct lk_spec          spec;
    struct lk_arch          arch;
    struct lk_build_request request;
    struct lk_build_plan    plan;
};

static int start(void **state)
{
    struct world *world = calloc(1, sizeof(*world));
    struct lk_err err;

    strcpy(world->config.builder_command, "buildah");
    strcpy(world->config.runtime, "runc");
    strcpy(world->config.storage_root, "/s/root");
    strcpy(world->config.storage_runroot, "/s/run");
    strcpy(world->config.storage_driver, "overlay");
    strcpy(world->spec.dockerfile, "Dockerfile");
    assert_int_equal(
        lk_spec_add_label(&world->spec, "org.example.note", "it's a \"b\" $HOME;", &err), 0);
    assert_int_equal(lk_spec_add_argument(&world->spec, "FLAGS", "-O2  -g\n=x", &err), 0);
    lk_arch_parse(LK_STR("s390x"), &world->arch);
    world->request = (struct lk_build_request) {
        .config = &world->config,
        .spec = &world->spec,
        .arch = &world->arch,
        .directory = "/w/1-1",
        .context = "/w/1-1/context",
        .layout = "/w/1-1/layout",
        .name = "1-1",
    };
    *state = world;
    return 0;
}

static int stop(void **state)
{
    struct world *world = *state;

    lk_build_plan_fini(&world->plan);
    lk_spec_fini(&world->spec);
    free(world);
    return 0;
}

static void plan(struct world *world, enum lk_builder_kind kind, const char *command)
{
    struct lk_err err;

    world->config.builder = kind;
    strcpy(world->config.builder_command, command);
    lk_build_plan_fini(&world->plan);
    assert_int_equal(lk_build_plan(&world->plan, &world->request, &err), 0);
}

/* The builder's own words: those after the jail's. */
static void assert_argv(const struct lk_build_step *step, const char *const *expected)
{
    char *const *words = step->argv.items + step->jail_count;
    size_t       i = 0;

    for (; expected[i]; i++) {
        assert_non_null(words[i]);
        assert_string_equal(words[i], expected[i]);
    }
    assert_int_equal(step->argv.count, step->jail_count + i);
    assert_null(words[i]);
}

static bool has(const struct lk_argv *argv, const char *item)
{
    for (size_t i = 0; i < argv->count; i++)
        if (strcmp(argv->items[i], item) == 0)
            return true;
    return false;
}

#define LABEL    "--label=org.example.note=it's a \"b\" $HOME;"
#define ARGUMENT "--build-arg=FLAGS=-O2  -g\n=x"

static void buildah_commits_straight_to_a_layout(void **state)
{
    struct world            *world = *state;
    static const char *const expected[] = {
        "buildah",
        "--root",
        "/s/root",
        "--runroot",
        "/s/run",
        "--storage-driver",
        "overlay",
        "bud",
        "--isolation=oci",
        "--network=none",
        "--http-proxy=false",
        "--identity-label=false",
        "--force-rm",
        "--layers",
        "--platform=linux/s390x",
        "--pull",
        "--file=/w/1-1/context/Dockerfile",
        LABEL,
        ARGUMENT,
        "--format=oci",
        "--tag=oci:/w/1-1/layout:image",
        "/w/1-1/context",
        NULL,
    };

    plan(world, LK_BUILDER_BUILDAH, "buildah");
    assert_int_equal(world->plan.step_count, 1);
    assert_argv(&world->plan.steps[0], expected);
    assert_true(has(&world->plan.environment, "BUILDAH_RUNTIME=runc"));
}

static void a_build_that_was_killed_is_cleaned_up_in_a_storage_of_ones_own(void **state)
{
    struct world            *world = *state;
    static const char *const expected[] = {
        "buildah",          "--root",  "/s/root", "--runroot", "/s/run",
        "--storage-driver", "overlay", "rm",      "--all",     NULL,
    };

    world->config.slots = 1;
    strcpy(world->config.state, "/s");
    plan(world, LK_BUILDER_BUILDAH, "buildah");
    assert_int_equal(world->plan.step_count, 2);
    assert_int_equal(world->plan.steps[1].kind, LK_STEP_SALVAGE);
    assert_argv(&world->plan.steps[1], expected);
    world->config.slots = 2;
    plan(world, LK_BUILDER_BUILDAH, "buildah");
    assert_int_equal(world->plan.step_count, 1);
    world->config.slots = 1;
    strcpy(world->config.state, "/elsewhere");
    plan(world, LK_BUILDER_BUILDAH, "buildah");
    assert_int_equal(world->plan.step_count, 1);
}

static void docker_builds_then_saves_then_copies_then_tidies_up(void **state)
{
    struct world            *world = *state;
    static const char *const build[] = {
        "/usr/bin/docker",
        "build",
        "--network=none",
        "--platform=linux/s390x",
        "--pull",
        "--file=/w/1-1/context/Dockerfile",
        LABEL,
        ARGUMENT,
        "--tag=lkcoord/1-1:latest",
        "/w/1-1/context",
        NULL,
    };
    static const char *const save[] = {
        "/usr/bin/docker", "save", "--output=/w/1-1/layout.tar", "lkcoord/1-1:latest", NULL,
    };
    static const char *const copy[] = {
        "skopeo",
        "--insecure-policy",
        "copy",
        "docker-archive:/w/1-1/layout.tar",
        "oci:/w/1-1/layout:image",
        NULL,
    };
    static const char *const tidy[] = {
        "/usr/bin/docker", "image", "rm", "--force", "lkcoord/1-1:latest", NULL,
    };

    plan(world, LK_BUILDER_DOCKER, "/usr/bin/docker");
    assert_int_equal(world->plan.step_count, 4);
    assert_argv(&world->plan.steps[0], build);
    assert_argv(&world->plan.steps[1], save);
    assert_argv(&world->plan.steps[2], copy);
    assert_argv(&world->plan.steps[3], tidy);
    assert_int_equal(world->plan.steps[2].kind, LK_STEP_BUILD);
    assert_int_equal(world->plan.steps[3].kind, LK_STEP_TIDY);
}

#define PODMAN                                                                           \
    "podman", "--root", "/s/root", "--runroot", "/s/run", "--storage-driver", "overlay", \
        "--runtime", "runc"

static void podman_builds_then_pushes_then_tidies_up(void **state)
{
    struct world            *world = *state;
    static const char *const build[] = {
        PODMAN,
        "build",
        "--isolation=oci",
        "--network=none",
        "--identity-label=false",
        "--force-rm",
        "--layers",
        "--http-proxy=false",
        "--platform=linux/s390x",
        "--pull",
        "--file=/w/1-1/context/Dockerfile",
        LABEL,
        ARGUMENT,
        "--format=oci",
        "--tag=localhost/lkcoord/1-1:latest",
        "/w/1-1/context",
        NULL,
    };
    static const char *const push[] = {
        PODMAN,
        "push",
        "--format=oci",
        "localhost/lkcoord/1-1:latest",
        "oci:/w/1-1/layout:image",
        NULL,
    };
    static const char *const tidy[] = {
        PODMAN, "image", "rm", "--force", "localhost/lkcoord/1-1:latest", NULL,
    };

    plan(world, LK_BUILDER_PODMAN, "podman");
    assert_int_equal(world->plan.step_count, 3);
    assert_argv(&world->plan.steps[0], build);
    assert_argv(&world->plan.steps[1], push);
    assert_argv(&world->plan.steps[2], tidy);
    assert_int_equal(world->plan.steps[2].kind, LK_STEP_TIDY);
}

/* Two names; the layout is made from the first; nothing takes it away again. */
static void assert_kept(struct world *world, enum lk_builder_kind kind, const char *command,
                        size_t step_count)
{
    plan(world, kind, command);
    assert_int_equal(world->plan.step_count, step_count);
    assert_true(has(&world->plan.steps[0].argv, "--tag=docker.io/org/a:1-s390x"));
    assert_true(has(&world->plan.steps[0].argv, "--tag=docker.io/org/a:1"));
    assert_true(has(&world->plan.steps[1].argv, "docker.io/org/a:1-s390x"));
    for (size_t i = 0; i < step_count; i++) {
        assert_int_equal(world->plan.steps[i].kind, LK_STEP_BUILD);
        assert_false(has(&world->plan.steps[i].argv, "rm"));
    }
    assert_true(has(&world->plan.steps[step_count - 1].argv, "oci:/w/1-1/layout:image"));
}

static void what_stays_in_the_store_has_its_names_there(void **state)
{
    struct world *world = *state;

    world->request.keep_count = 2;
    world->request.keep[0] = "docker.io/org/a:1-s390x";
    world->request.keep[1] = "docker.io/org/a:1";
    plan(world, LK_BUILDER_BUILDAH, "buildah");
    assert_int_equal(world->plan.step_count, 3);
    assert_true(has(&world->plan.steps[0].argv, "--tag=oci:/w/1-1/layout:image"));
    assert_true(has(&world->plan.steps[1].argv,
                    "containers-storage:[overlay@/s/root+/s/run]docker.io/org/a:1-s390x"));
    assert_true(has(&world->plan.steps[2].argv, "docker.io/org/a:1"));
    assert_kept(world, LK_BUILDER_PODMAN, "podman", 2);
    struct lk_err err;
    assert_int_equal(lk_spec_add_after(&world->spec, "docker.io/org/base", "2", &err), 0);
    plan(world, LK_BUILDER_BUILDAH, "buildah");
    assert_true(has(&world->plan.steps[0].argv, "--build-context=org/base:2=container-image://"
                                                "docker.io/org/base:2-s390x"));
    world->request.keep_count = 0;
    plan(world, LK_BUILDER_BUILDAH, "buildah");
    assert_false(has(&world->plan.steps[0].argv, "--build-context=org/base:2=container-image://"
                                                 "docker.io/org/base:2-s390x"));
    world->request.keep_count = 2;
    assert_kept(world, LK_BUILDER_DOCKER, "docker", 3);
}

static void the_network_is_there_only_if_the_package_asks_for_it(void **state)
{
    struct world *world = *state;

    for (enum lk_builder_kind kind = LK_BUILDER_BUILDAH; kind <= LK_BUILDER_PODMAN; kind++) {
        world->spec.network = false;
        plan(world, kind, "builder");
        assert_true(has(&world->plan.steps[0].argv, "--network=none"));
        assert_false(has(&world->plan.steps[0].argv, "--network=host"));
        world->spec.network = true;
        plan(world, kind, "builder");
        assert_true(has(&world->plan.steps[0].argv, "--network=host"));
        assert_false(has(&world->plan.steps[0].argv, "--network=none"));
    }
}

/* Each is to be bound once, writable, at its own place. */
static void assert_writable(const struct lk_build_step *step, const char *const *expected)
{
    size_t found = 0;

    for (size_t i = 0; i + 2 < step->jail_count; i++) {
        const char *source = step->argv.items[i + 1];

        if (strcmp(step->argv.items[i], "--bind") != 0)
            continue;
        assert_non_null(expected[found]);
        assert_string_equal(source, expected[found]);
        found++;
    }
    assert_null(expected[found]);
}

static void a_jail_shows_the_storage_and_one_job_and_no_keys(void **state)
{
    struct world            *world = *state;
    static const char *const with_job[] = { "/s/root", "/s/run", "/w/1-1", "/w/1-1/scratch",
                                            NULL };

    strcpy(world->config.state, "/s");
    strcpy(world->config.key, "/etc/lkcoord/agent.key");
    strcpy(world->config.coordinator_key, "/etc/lkcoord/coordinator.pub");
    strcpy(world->config.registries_conf, "/etc/lkcoord/registries.conf");
    for (enum lk_builder_kind kind = LK_BUILDER_BUILDAH; kind <= LK_BUILDER_PODMAN; kind++) {
        if (kind == LK_BUILDER_DOCKER)
            continue;
        plan(world, kind, "builder");
        for (size_t i = 0; i < world->plan.step_count; i++) {
            const struct lk_build_step *step = &world->plan.steps[i];

            assert_true(step->jail_count > 0);
            assert_string_equal(step->argv.items[0], "bwrap");
            assert_string_equal(step->argv.items[step->jail_count - 1], "--");
            assert_true(has(&step->argv, "--unshare-pid"));
            assert_true(has(&step->argv, "--die-with-parent"));
            assert_true(has(&step->argv, "/etc/lkcoord/registries.conf"));
            assert_false(has(&step->argv, "/etc/lkcoord/agent.key"));
            assert_false(has(&step->argv, "/etc"));
            assert_false(has(&step->argv, "/s"));
            assert_writable(step, with_job);
        }
    }
}

static void secrets_are_seen_by_the_build_alone_and_written_to_no_storage(void **state)
{
    struct world           *world = *state;
    struct lk_build_secrets secrets = { .count = 1, .fds = { 64 }, .ssh = "/tmp/agent.sock" };
    struct lk_err           err;

    world->spec.ssh = true;
    assert_int_equal(lk_spec_add_secret(&world->spec, "token", &err), 0);
    world->request.secrets = &secrets;
    plan(world, LK_BUILDER_PODMAN, "podman");
    const struct lk_build_step *build = &world->plan.steps[0];
    assert_true(has(&build->argv, "--secret=id=token,src=/run/lkcoord/secret-0"));
    assert_true(has(&build->argv, "--ssh=default=/run/lkcoord/ssh"));
    assert_true(has(&build->argv, "/tmp/agent.sock"));
    assert_true(has(&build->argv, "/s/root/overlay-containers"));
    assert_int_equal(build->fd_count, 1);
    for (size_t i = 1; i < world->plan.step_count; i++) {
        assert_int_equal(world->plan.steps[i].fd_count, 0);
        assert_false(has(&world->plan.steps[i].argv, "/tmp/agent.sock"));
        assert_false(has(&world->plan.steps[i].argv, "/run/lkcoord/secret-0"));
    }

    lk_build_plan_fini(&world->plan);
    world->config.builder = LK_BUILDER_DOCKER;
    assert_int_equal(lk_build_plan(&world->plan, &world->request, &err), -1);
    assert_int_equal(err.kind, LK_ERR_PERMANENT);
    assert_non_null(strstr(err.text, "need buildah or podman"));
}

static void the_daemon_of_docker_is_outside_any_jail(void **state)
{
    struct world *world = *state;

    plan(world, LK_BUILDER_DOCKER, "docker");
    for (size_t i = 0; i < world->plan.step_count; i++)
        assert_int_equal(world->plan.steps[i].jail_count, 0);
}

static void steps_with_a_network_see_the_agents_proxies(void **state)
{
    struct world *world = *state;

    setenv("https_proxy", "http://user:password@proxy:3128", 1);
    setenv("all_proxy", "socks5://proxy", 1);
    unsetenv("NO_PROXY");
    world->spec.network = true;
    for (enum lk_builder_kind kind = LK_BUILDER_BUILDAH; kind <= LK_BUILDER_PODMAN; kind++) {
        plan(world, kind, "builder");
        assert_true(
            has(&world->plan.environment, "https_proxy=http://user:password@proxy:3128"));
        assert_false(has(&world->plan.steps[0].argv, "--http-proxy=false"));
        assert_int_equal(has(&world->plan.steps[0].argv, "--build-arg=https_proxy"),
                         kind == LK_BUILDER_DOCKER);
        assert_false(has(&world->plan.steps[0].argv, "--build-arg=NO_PROXY"));
        assert_false(has(&world->plan.steps[0].argv, "--build-arg=all_proxy"));
    }
    unsetenv("https_proxy");
    unsetenv("all_proxy");
}

static void steps_without_a_network_see_no_proxies(void **state)
{
    struct world *world = *state;

    setenv("https_proxy", "http://proxy:3128", 1);
    for (enum lk_builder_kind kind = LK_BUILDER_BUILDAH; kind <= LK_BUILDER_PODMAN; kind++) {
        plan(world, kind, "builder");
        assert_int_equal(has(&world->plan.steps[0].argv, "--http-proxy=false"),
                         kind != LK_BUILDER_DOCKER);
        assert_false(has(&world->plan.steps[0].argv, "--build-arg=https_proxy"));
    }
    unsetenv("https_proxy");
}

static void no_cache_turns_layers_off(void **state)
{
    struct world *world = *state;

    world->spec.no_cache = true;
    for (enum lk_builder_kind kind = LK_BUILDER_BUILDAH; kind <= LK_BUILDER_PODMAN; kind++) {
        plan(world, kind, "builder");
        assert_true(has(&world->plan.steps[0].argv, "--no-cache"));
    }
    plan(world, LK_BUILDER_BUILDAH, "buildah");
    assert_false(has(&world->plan.steps[0].argv, "--layers"));
}

static void chroot_isolation_says_nothing_of_the_network(void **state)
{
    struct world *world = *state;

    world->config.chroot_unsafe = true;
    plan(world, LK_BUILDER_BUILDAH, "buildah");
    assert_true(has(&world->plan.steps[0].argv, "--isolation=chroot"));
    assert_false(has(&world->plan.steps[0].argv, "--network=none"));
}

static void the_environment_is_the_daemons_but_for_what_steers_builders(void **state)
{
    struct world *world = *state;

    setenv("http_proxy", "http://proxy:3128", 1);
    setenv("BUILDAH_ISOLATION", "chroot", 1);
    setenv("REGISTRY_AUTH_FILE", "/root/secret.json", 1);
    setenv("LKCOORD_PASSPHRASE", "secret", 1);
    setenv("COSIGN_PASSWORD", "secret", 1);
    setenv("DOCKER_CONFIG", "/root/logins", 1);
    strcpy(world->config.registries_conf, "/etc/r.conf");
    plan(world, LK_BUILDER_BUILDAH, "buildah");
    assert_true(has(&world->plan.environment, "http_proxy=http://proxy:3128"));
    assert_true(has(&world->plan.environment, "CONTAINERS_REGISTRIES_CONF=/etc/r.conf"));
    assert_false(has(&world->plan.environment, "BUILDAH_ISOLATION=chroot"));
    assert_false(has(&world->plan.environment, "REGISTRY_AUTH_FILE=/root/secret.json"));
    assert_false(has(&world->plan.environment, "LKCOORD_PASSPHRASE=secret"));
    assert_false(has(&world->plan.environment, "COSIGN_PASSWORD=secret"));
    assert_false(has(&world->plan.environment, "DOCKER_CONFIG=/root/logins"));
    plan(world, LK_BUILDER_DOCKER, "docker");
    assert_true(has(&world->plan.environment, "DOCKER_CONFIG=/root/logins"));
}

static void too_many_arguments_are_an_error_that_says_so(void **state)
{
    struct lk_argv argv = { .count = 0 };

    (void)state;
    for (int i = 0; i < LK_ARGV_MAX + 1; i++)
        lk_argv_add(&argv, "x");
    assert_true(argv.failed);
    assert_int_equal(argv.count, LK_ARGV_MAX);
    assert_null(argv.items[LK_ARGV_MAX]);
    lk_argv_fini(&argv);
}

#define WORLD(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD(buildah_commits_straight_to_a_layout),
        WORLD(a_build_that_was_killed_is_cleaned_up_in_a_storage_of_ones_own),
        WORLD(docker_builds_then_saves_then_copies_then_tidies_up),
        WORLD(podman_builds_then_pushes_then_tidies_up),
        WORLD(what_stays_in_the_store_has_its_names_there),
        WORLD(the_network_is_there_only_if_the_package_asks_for_it),
        WORLD(a_jail_shows_the_storage_and_one_job_and_no_keys),
        WORLD(secrets_are_seen_by_the_build_alone_and_written_to_no_storage),
        WORLD(the_daemon_of_docker_is_outside_any_jail),
        WORLD(steps_with_a_network_see_the_agents_proxies),
        WORLD(steps_without_a_network_see_no_proxies),
        WORLD(no_cache_turns_layers_off),
        WORLD(chroot_isolation_says_nothing_of_the_network),
        WORLD(the_environment_is_the_daemons_but_for_what_steers_builders),
        cmocka_unit_test(too_many_arguments_are_an_error_that_says_so),
    };

    return cmocka_run_group_tests_name("builder", tests, NULL, NULL);
}

#include "agent/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define SMALLEST                                      \
    "coordinator: tcp://build.example.org:7411\n"     \
    "coordinator-key: /etc/lkcoord/coordinator.pub\n" \
    "key: /etc/lkcoord/agent.key\n"                   \
    "state: /var/lib/lkcoord/agent\n"

static int parse(struct lk_agent_config *out, const char *text, struct lk_err *err)
{
    return lk_agent_config_parse(out, lk_str_of(text), "lkagentd.yml", "x86_64", err);
}

static void the_smallest_file_gets_every_default(void **state)
{
    struct lk_agent_config config;
    struct lk_err          err;

    (void)state;
    assert_int_equal(parse(&config, SMALLEST, &err), 0);
    assert_string_equal(config.coordinator, "tcp://build.example.org:7411");
    assert_int_equal(config.slots, 1);
    assert_int_equal(config.sources_max_bytes, 16ULL << 30);
    assert_int_equal(config.arch_count, 1);
    assert_string_equal(config.arches[0].name, "amd64");
    assert_false(config.emulated[0]);
    assert_int_equal(config.builder, LK_BUILDER_BUILDAH);
    assert_string_equal(config.builder_command, "buildah");
    assert_string_equal(config.runtime, "runc");
    assert_false(config.chroot_unsafe);
    assert_string_equal(config.storage_root, "/var/lib/lkcoord/agent/storage");
    assert_string_equal(config.storage_runroot, "/var/lib/lkcoord/agent/storage-run");
    assert_string_equal(config.storage_driver, "overlay");
    assert_string_equal(config.registries_conf, "");
}

static void every_key_is_read(void **state)
{
    struct lk_agent_config config;
    struct lk_err          err;

    (void)state;
    assert_int_equal(
        parse(&config,
              SMALLEST
              "slots: 3\nsources-max-mib: 20\narches: [amd64, s390x]\nbuilder: podman\n"
              "builder-command: /opt/podman\nisolation: oci\n"
              "runtime: crun\nregistries-conf: /etc/r.conf\n"
              "ca-file: /etc/ca.pem\n"
              "storage: {root: /a, runroot: /b, driver: vfs}\n",
              &err),
        0);
    assert_int_equal(config.slots, 3);
    assert_int_equal(config.sources_max_bytes, 20 << 20);
    assert_int_equal(config.arch_count, 2);
    assert_false(config.emulated[0]);
    assert_true(config.emulated[1]);
    assert_int_equal(config.builder, LK_BUILDER_PODMAN);
    assert_string_equal(config.builder_command, "/opt/podman");
    assert_string_equal(config.runtime, "crun");
    assert_string_equal(config.storage_root, "/a");
    assert_string_equal(config.storage_runroot, "/b");
    assert_string_equal(config.storage_driver, "vfs");
    assert_string_equal(config.registries_conf, "/etc/r.conf");
    assert_string_equal(config.ca_file, "/etc/ca.pem");
}

static void mistakes_are_told_with_line_key_and_what_is_allowed(void **state)
{
    static const struct {
        const char *text;
        const char *said;
    } cases[] = {
        { "key: a\n", "lkagentd.yml:1: coordinator: is missing" },
        { SMALLEST "slots: 17\n", "lkagentd.yml:5: slots: " },
        { SMALLEST "slots: 0\n", "lkagentd.yml:5: slots: " },
        { SMALLEST "builder: kaniko\n",
          "lkagentd.yml:5: builder: must be buildah, docker or podman, found \"kaniko\"" },
        { SMALLEST "isolation: chroot\n",
          "lkagentd.yml:5: isolation: must be oci or chroot-unsafe, found \"chroot\"" },
        { SMALLEST "builder: docker\nisolation: chroot-unsafe\n",
          "lkagentd.yml:6: isolation: chroot-unsafe is known to buildah only" },
        { SMALLEST "arches: arm64\n", "lkagentd.yml:5: arches: must be a list" },
        { SMALLEST "arches: [x86/64]\n", "lkagentd.yml:5: arches: must be GOARCH names such as "
                                         "amd64, arm64, s390x, found \"x86/64\"" },
        { SMALLEST "arches: [arm64, arm64]\n", "lkagentd.yml:5: arches: arm64 is there twice" },
        { SMALLEST "storage: {root: /a}\n", "lkagentd.yml:5: storage: root needs a runroot" },
        { SMALLEST "builder: podman\nstorage: {root: /a, runroot: "
                   "/a-path-that-is-longer/than-the-fifty-characters/allowed}\n",
          "podman takes at most 50 characters" },
        { SMALLEST "registries-conf: r.conf\n",
          "lkagentd.yml:5: registries-conf: must be an absolute path" },
        { SMALLEST "bilder: buildah\n", "builder" },
        { "", "lkagentd.yml:1: must be a map" },
    };

    (void)state;
    for (size_t i = 0; i < LK_COUNT(cases); i++) {
        struct lk_agent_config config;
        struct lk_err          err = { .kind = LK_ERR_NONE };

        assert_int_equal(parse(&config, cases[i].text, &err), -1);
        if (!strstr(err.text, cases[i].said))
            fail_msg("case %zu: \"%s\" is not in \"%s\"", i, cases[i].said, err.text);
    }
}

static void an_endpoint_of_another_kind_is_refused(void **state)
{
    struct lk_agent_config config;
    struct lk_err          err;

    (void)state;
    assert_int_equal(parse(&config,
                           "coordinator: build:7411\ncoordinator-key: a\nkey: b\nstate: /c\n",
                           &err),
                     -1);
    assert_non_null(strstr(err.text, "must be tcp://HOST:PORT or ipc://PATH"));
}

static void an_agent_has_at_most_eight_arches(void **state)
{
    struct lk_agent_config config;
    struct lk_err          err;

    (void)state;
    assert_int_equal(
        parse(&config, SMALLEST "arches: [a1, a2, a3, a4, a5, a6, a7, a8]\n", &err), 0);
    assert_int_equal(
        parse(&config, SMALLEST "arches: [a1, a2, a3, a4, a5, a6, a7, a8, a9]\n", &err), -1);
    assert_int_equal(err.kind, LK_ERR_LIMIT);
    assert_string_equal(err.text, "lkagentd.yml:5: arches: at most 8");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_smallest_file_gets_every_default),
        cmocka_unit_test(every_key_is_read),
        cmocka_unit_test(an_agent_has_at_most_eight_arches),
        cmocka_unit_test(mistakes_are_told_with_line_key_and_what_is_allowed),
        cmocka_unit_test(an_endpoint_of_another_kind_is_refused),
    };

    return cmocka_run_group_tests_name("agent configuration", tests, NULL, NULL);
}

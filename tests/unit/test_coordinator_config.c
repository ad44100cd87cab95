#include "tests/unit/source_helper.h"

#include "coordinator/config.h"

/* Two public keys of ZeroMQ's own documents. */
#define KEY_A "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"
#define KEY_B "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"

#define MINIMUM "key: /k\nstate: /s\n"

static struct lk_coordinator_config config;

static int load(void **state, const char *text, struct lk_err *err)
{
    const char *path = scratch_path(state, "lkcoordd.yml");

    must(lk_file_replace(path, lk_str_of(text), 0600, err), err);
    return lk_coordinator_config_load(&config, path, err);
}

static void the_defaults_are_those_of_the_manual(void **state)
{
    struct lk_err err;

    must(load(state, MINIMUM, &err), &err);
    assert_string_equal(config.agents_endpoint, "tcp://0.0.0.0:7411");
    assert_string_equal(config.clients_endpoint, "tcp://0.0.0.0:7412");
    assert_string_equal(config.key, "/k");
    assert_string_equal(config.state, "/s");
    assert_int_equal(config.agents.count, 0);
    assert_int_equal(config.clients.count, 0);
    assert_int_equal(config.registry_count, 0);
    assert_int_equal(config.trusted_count, 0);
    assert_string_equal(config.signing_key, "");
    assert_string_equal(config.passphrase_file, "");
    assert_int_equal(config.passphrase_fd, -1);
    assert_false(config.in_turn);
    assert_int_equal(config.content_trust, LK_CONTENT_TRUST_OFF);
    assert_int_equal(config.lease_ms, 60000);
    assert_int_equal(config.permit_ms, 60000);
    assert_int_equal(config.suspect_ms, 9000);
    assert_int_equal(config.ping_ms, 2000);
    assert_int_equal(config.history, 200);
    assert_int_equal(config.logs_max_bytes, 4ULL << 30);
    assert_int_equal(config.sources_max_bytes, 16ULL << 30);
    assert_string_equal(config.file, scratch_path(state, "lkcoordd.yml"));
}

static void every_key_is_read(void **state)
{
    struct lk_err err;

    must(load(state,
              MINIMUM
              "agents-endpoint: tcp://127.0.0.1:1\n"
              "clients-endpoint: ipc:///x\n"
              "agents: {one: \"" KEY_A "\", two: {key: \"" KEY_B
              "\", arches: [s390x, riscv64]}}\n"
              "clients: {maintainer: \"" KEY_A "\"}\n"
              "registries:\n"
              "  - host: r.example:5000\n"
              "    plain-http: true\n"
              "    ca-file: /ca\n"
              "    user: u\n"
              "    password-file: /p\n"
              "    agent-logins: {arm64: {user: b, password-file: /b}}\n"
              "    notary: {content-trust: required, server: \"https://t:4443\", ca-file: /t}\n"
              "  - host: other.example\n"
              "notary: {content-trust: on, keys: /trust, passphrase-file: /tp}\n"
              "signing: {key: /sign, passphrase-fd: 3}\n"
              "trusted-keys: [/t1, /t2]\n"
              "publish: {stage: in-turn}\n"
              "content-trust: required\n"
              "lease-ms: 4000\npermit-ms: 5000\nsuspect-ms: 3000\nping-ms: 1000\n"
              "logs-max-mib: 16\nsources-max-mib: 100\nhistory: 7\n",
              &err),
         &err);
    assert_int_equal(config.content_trust, LK_CONTENT_TRUST_REQUIRED);
    assert_int_equal(config.logs_max_bytes, 16 << 20);
    assert_int_equal(config.sources_max_bytes, 100 << 20);
    assert_string_equal(config.agents_endpoint, "tcp://127.0.0.1:1");
    assert_string_equal(config.clients_endpoint, "ipc:///x");
    assert_int_equal(config.agents.count, 2);
    assert_string_equal(config.agents.list[1].name, "two");
    assert_string_equal(config.agents.list[1].key.z85, KEY_B);
    assert_int_equal(config.agents.list[0].arch_count, 0);
    assert_int_equal(config.agents.list[1].arch_count, 2);
    assert_string_equal(config.agents.list[1].arches[1].name, "riscv64");
    assert_int_equal(config.clients.count, 1);
    assert_string_equal(config.notary_keys, "/trust");
    assert_string_equal(config.notary_passphrase_file, "/tp");
    assert_int_equal(config.notary_passphrase_fd, -1);
    assert_true(lk_coordinator_config_uses_notary(&config));

    const struct lk_notary_config *notary =
        lk_coordinator_config_notary(&config, "r.example:5000");
    assert_int_equal(notary->trust, LK_CONTENT_TRUST_REQUIRED);
    assert_string_equal(notary->server, "https://t:4443");
    assert_string_equal(notary->ca_file, "/t");
    assert_int_equal(lk_coordinator_config_notary(&config, "other.example")->trust,
                     LK_CONTENT_TRUST_ON);

    const struct lk_registry_config *registry =
        lk_coordinator_config_registry(&config, "r.example:5000");
    assert_non_null(registry);
    assert_true(registry->plain_http);
    assert_string_equal(registry->ca_file, "/ca");
    assert_string_equal(registry->login.user, "u");
    assert_string_equal(registry->login.password_file, "/p");
    assert_int_equal(registry->agent_count, 1);
    assert_string_equal(registry->agent_arch[0].name, "arm64");
    assert_string_equal(registry->agent_login[0].password_file, "/b");
    assert_null(lk_coordinator_config_registry(&config, "r.example"));

    assert_string_equal(config.signing_key, "/sign");
    assert_int_equal(config.passphrase_fd, 3);
    assert_int_equal(config.trusted_count, 2);
    assert_string_equal(config.trusted[1], "/t2");
    assert_true(config.in_turn);
    assert_int_equal(config.lease_ms, 4000);
    assert_int_equal(config.permit_ms, 5000);
    assert_int_equal(config.suspect_ms, 3000);
    assert_int_equal(config.ping_ms, 1000);
    assert_int_equal(config.history, 7);
}

static void the_bounds_themselves_are_allowed(void **state)
{
    struct lk_err err;

    must(load(state, MINIMUM "lease-ms: 1000\npermit-ms: 1000\nsuspect-ms: 500\nping-ms: 100\n",
              &err),
         &err);
    must(load(state,
              MINIMUM "lease-ms: 86400000\npermit-ms: 86400000\nsuspect-ms: 3600000\n"
                      "ping-ms: 60000\n",
              &err),
         &err);
    must(load(state, MINIMUM "signing: {key: /sign, passphrase-fd: 1023}\n", &err), &err);
    must(load(state, MINIMUM "history: 1\n", &err), &err);
    must(load(state, MINIMUM "history: 1000\n", &err), &err);
}

static void what_is_wrong_is_told_with_place_and_reason(void **state)
{
    static const struct {
        const char *text;
        const char *where; /* "LINE: key" */
        const char *why;
    } cases[] = {
        { "state: /s\n", ":1: key: ", "lkcoord keys new" },
        { "key: /k\n", ":1: state: ", "/var/lib/lkcoord" },
        { MINIMUM "agent: {}\n", ":3: ", "agents" },
        { MINIMUM "agents: []\n", ":3: agents: ", "must be a map" },
        { MINIMUM "agents:\n  ../x: \"" KEY_A "\"\n", ":4: agents: ", "letters, digits" },
        { MINIMUM "clients:\n  a/b: \"" KEY_A "\"\n", ":4: clients: ", "letters, digits" },
        { MINIMUM "agents:\n  a: \"" KEY_A "\"\n  b: \"" KEY_A "\"\n",
          ":5: agents: ", "the same key" },
        { MINIMUM "agents:\n  a: short\n", ":4: agents: a", "" },
        { MINIMUM "agents:\n  a: {arches: [amd64]}\n", ":4: key: ", "missing" },
        { MINIMUM "agents:\n  a: {key: \"" KEY_A "\", arch: [x]}\n", ":4: ", "arches" },
        { MINIMUM "agents:\n  a: {key: \"" KEY_A "\", arches: []}\n",
          ":4: arches: ", "1 to 8" },
        { MINIMUM "agents:\n  a: {key: \"" KEY_A "\", arches: [ARM]}\n",
          ":4: arches: ", "amd64" },
        { MINIMUM "clients:\n  a: {key: \"" KEY_A "\"}\n", ":4: ", "a" },
        { MINIMUM "registries: {}\n", ":3: registries: ", "must be a list" },
        { MINIMUM "registries:\n  - plain-http: true\n", ":4: host: ", "missing" },
        { MINIMUM "registries:\n  - host: x\n  - host: x\n", ":5: host: ", "already" },
        { MINIMUM "registries:\n  - host: x\n    user: u\n", ":4: user: ", "password-file" },
        { MINIMUM "registries:\n  - host: x\n    plain-http: 1\n", ":5: plain-http", "" },
        { MINIMUM "registries:\n  - host: x\n    passwd: 1\n", ":5: ", "passwd" },
        { MINIMUM "registries:\n  - host: x\n    agent-logins: {ARM: {}}\n",
          ": agent-logins: ", "amd64" },
        { MINIMUM "signing: {}\n", ":3: key: ", "signing key" },
        { MINIMUM "signing: {key: /s, passphrase-fd: 2}\n", ":3: passphrase-fd", "3" },
        { MINIMUM "signing: {key: /s, passphrase-fd: 1024}\n", ":3: passphrase-fd", "1023" },
        { MINIMUM "signing: {key: /s, passphrase-fd: 3, passphrase-file: /p}\n",
          ":3: passphrase-fd: ", "excludes passphrase-file" },
        { MINIMUM "trusted-keys: /t\n", ":3: trusted-keys: ", "must be a list" },
        { MINIMUM "trusted-keys: [1, 2, 3, 4, 5, 6, 7, 8, 9]\n",
          ":3: trusted-keys: ", "limit of 8" },
        { MINIMUM "publish: {stage: serial}\n", ":3: stage: ", "parallel or in-turn" },
        { MINIMUM "lease-ms: 999\n", ":3: lease-ms", "1000" },
        { MINIMUM "lease-ms: 86400001\n", ":3: lease-ms", "86400000" },
        { MINIMUM "content-trust: always\n",
          ":3: content-trust: ", "expected off, on or required" },
        { MINIMUM "content-trust: on\n", ":3: content-trust: ", "`signing`" },
        { MINIMUM "signing: {key: /s}\nnotary: {content-trust: on}\n",
          ":4: notary: ", "keys: " },
        { MINIMUM "notary: {content-trust: on, keys: /t}\n", ":3: notary: ", "`signing`" },
        { MINIMUM "notary: {content-trust: maybe}\n", ":3: content-trust: ", "on or required" },
        { MINIMUM "notary: {server: \"http://t\"}\n", ":3: server: ", "https://" },
        { MINIMUM "registries:\n  - host: x\n    notary: {keys: /t}\n", ":5: ", "keys" },
        { MINIMUM "registries:\n  - host: x\n    notary: {content-trust: on}\n",
          ": notary: ", "keys: " },
        { MINIMUM "permit-ms: 0\n", ":3: permit-ms", "1000" },
        { MINIMUM "suspect-ms: 499\n", ":3: suspect-ms", "500" },
        { MINIMUM "suspect-ms: 3600001\n", ":3: suspect-ms", "3600000" },
        { MINIMUM "ping-ms: 99\n", ":3: ping-ms", "100" },
        { MINIMUM "ping-ms: -1\n", ":3: ping-ms", "100" },
        { MINIMUM "ping-ms: 2s\n", ":3: ping-ms", "100" },
        { MINIMUM "ping-ms: 60000\n", "suspect-ms (9000)", "above ping-ms (60000)" },
        { MINIMUM "ping-ms: 5000\nlease-ms: 5000\n", "lease-ms (5000)", "above ping-ms" },
        { MINIMUM "history: 0\n", ":3: history", "from 1 to 1000" },
        { MINIMUM "history: 1001\n", ":3: history", "from 1 to 1000" },
        { MINIMUM "history: all\n", ":3: history", "from 1 to 1000" },
        { MINIMUM "key: /again\n", ":3: ", "key" },
        { "- a list\n", ":1: ", "must be a map" },
        { "", "", "is empty" },
    };

    for (size_t i = 0; i < LK_COUNT(cases); i++) {
        struct lk_err err = { 0 };
        if (load(state, cases[i].text, &err) == 0)
            fail_msg("accepted:\n%s", cases[i].text);
        must_say(&err, "lkcoordd.yml");
        must_say(&err, cases[i].where);
        must_say(&err, cases[i].why);
    }
}

static void a_file_that_is_not_there_is_named(void **state)
{
    struct lk_err err;

    assert_int_equal(
        lk_coordinator_config_load(&config, scratch_path(state, "nowhere.yml"), &err), -1);
    assert_int_equal(err.kind, LK_ERR_NOT_FOUND);
    must_say(&err, "nowhere.yml");
}

static void more_peers_than_the_limit_are_refused(void **state)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf text = LK_BUF_INIT(65536);
    struct lk_err                         err;

    lk_buf_add_text(&text, MINIMUM "agents:\n");
    for (int i = 0; i <= LK_PEERS_MAX; i++)
        lk_buf_printf(&text, "  a%d: \"%04d%s\"\n", i, i, &KEY_A[4]);
    assert_int_equal(load(state, lk_buf_text(&text), &err), -1);
    must_say(&err, ":516: agents: more entries than the limit of 512");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_make, scratch_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_defaults_are_those_of_the_manual),
        TEST(every_key_is_read),
        TEST(the_bounds_themselves_are_allowed),
        TEST(what_is_wrong_is_told_with_place_and_reason),
        TEST(a_file_that_is_not_there_is_named),
        TEST(more_peers_than_the_limit_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "common/notary/canonical.h"
#include "common/notary/memory.h"
#include "common/notary/server.h"
#include "common/notary/view.h"
#include "common/notary/write.h"
#include "common/os/file.h"

#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define NOW 1795000000 /* 2026-11-18 */

static char directory[] = "/tmp/lk-notary-XXXXXX";

static int set_up(void **state)
{
    (void)state;
    return sodium_init() < 0 || !mkdtemp(directory) ? -1 : 0;
}

static int tear_down(void **state)
{
    struct lk_err err;

    (void)state;
    return lk_directory_remove(directory, &err);
}

static int canonical_of(const char *text, struct lk_buf *out, struct lk_err *err)
{
    LK_CLEANUP(lk_json_free) json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);

    assert_non_null(value);
    return lk_canonical_json(out, value, err);
}

static void canonical_json_has_one_form(void **state)
{
    static const struct {
        const char *text;
        const char *form;
    } cases[] = {
        { " { \"b\" : 1 , \"a\" : [ true , null , -7 ] } ", "{\"a\":[true,null,-7],\"b\":1}" },
        { "{\"a\":1,\"B\":2,\"aa\":3,\"\":4}", "{\"\":4,\"B\":2,\"a\":1,\"aa\":3}" },
        { "\"\\u00e9\\/<&>\"", "\"\xc3\xa9/<&>\"" },
        { "\"\\\\ \\\"\"", "\"\\\\ \\\"\"" },
        { "9007199254740993", "9007199254740993" },
        { "{}", "{}" },
    };

    (void)state;
    for (size_t i = 0; i < LK_COUNT(cases); i++) {
        LK_CLEANUP(lk_buf_fini) struct lk_buf out = LK_BUF_INIT(1000);
        struct lk_err                         err = { 0 };
        assert_int_equal(canonical_of(cases[i].text, &out, &err), 0);
        assert_string_equal(lk_buf_text(&out), cases[i].form);
    }
}

static void what_has_no_canonical_form_is_refused(void **state)
{
    static const char *const texts[] = {
        "1.5",
        "\"a\\nb\"",
        "{\"a\\u0001\":1}",
        "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
    };

    (void)state;
    for (size_t i = 0; i < LK_COUNT(texts); i++) {
        LK_CLEANUP(lk_buf_fini) struct lk_buf out = LK_BUF_INIT(1000);
        struct lk_err                         err = { 0 };
        assert_int_equal(canonical_of(texts[i], &out, &err), -1);
        assert_int_equal(err.kind, LK_ERR_INVALID);
    }
}

static void a_keys_id_is_that_of_real_clients(void **state)
{
    LK_CLEANUP(lk_json_free)
    json_t *key = json_loads("{\"keyval\":{\"public\":"
                             "\"YZUTCG7eQx3pvWQfW3a0GoXt3QcgQSfEpF9KQTXdb1Q=\","
                             "\"private\":null},\"keytype\":\"ed25519\"}",
                             0, NULL);
    char    id[LK_NOTARY_ID_SIZE];

    (void)state;
    assert_true(lk_notary_key_id(key, id));
    assert_string_equal(id, "979d550568d332d3c631f32c98ec6bcdca8821a9b4cf5b4da4d73bb9ab8389e4");
}

static void times_are_read_as_the_go_language_writes_them(void **state)
{
    static const struct {
        const char *text;
        int64_t     time_s;
    } cases[] = {
        { "2026-11-18T11:06:40Z", NOW },
        { "2026-11-18T11:06:40.123456789Z", NOW },
        { "2026-11-18T12:06:40+01:00", NOW },
        { "2026-11-18T03:36:40.5-07:30", NOW },
    };
    static const char *const wrong[] = { "",
                                         "yesterday",
                                         "2026-11-18",
                                         "2026-11-18T11:06:40",
                                         "2026-11-18T11:06:40Zulu",
                                         "2026-13-18T11:06:40Z" };
    char                     text[32];
    int64_t                  time_s;

    (void)state;
    for (size_t i = 0; i < LK_COUNT(cases); i++) {
        assert_true(lk_notary_time_parse(cases[i].text, &time_s));
        assert_int_equal(time_s, cases[i].time_s);
    }
    for (size_t i = 0; i < LK_COUNT(wrong); i++)
        assert_false(lk_notary_time_parse(wrong[i], &time_s));
    assert_false(lk_notary_time_parse(NULL, &time_s));
    lk_notary_time_format(text, NOW);
    assert_string_equal(text, cases[0].text);
}

/* ---- key files ---- */

static void run(const char *command)
{
    LK_CLEANUP(lk_free_pointer)
    char *whole = lk_xasprintf("cd %s && { %s; } >log 2>&1", directory, command);

    assert_int_equal(system(whole), 0);
}

static int read_key(const char *name, const char *passphrase, struct lk_notary_private **out,
                    struct lk_err *err)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf pem = LK_BUF_INIT(LK_NOTARY_KEYFILE_MAX);
    LK_CLEANUP(lk_free_pointer) char     *path = lk_xasprintf("%s/%s", directory, name);

    assert_int_equal(lk_file_read(path, &pem, err), 0);
    return lk_notary_private_read(out, lk_buf_str(&pem), lk_str_of(passphrase), err);
}

static void assert_signs(const struct lk_notary_private *key)
{
    struct lk_notary_signature signature;
    struct lk_err              err = { 0 };

    assert_int_equal(lk_notary_private_sign(key, LK_STR("message"), &signature, &err), 0);
    LK_CLEANUP(lk_free_pointer) char *text = lk_base64_encode(signature.bytes, signature.len);
    const json_t                     *public_key = lk_notary_private_public(key);
    assert_true(lk_notary_key_verifies(public_key, signature.method, text, LK_STR("message")));
    assert_false(lk_notary_key_verifies(public_key, signature.method, text, LK_STR("massage")));
    assert_false(lk_notary_key_verifies(public_key, "rsapss", text, LK_STR("message")));
    signature.bytes[5] ^= 1;
    LK_CLEANUP(lk_free_pointer)
    char *flipped = lk_base64_encode(signature.bytes, signature.len);
    assert_false(
        lk_notary_key_verifies(public_key, signature.method, flipped, LK_STR("message")));
}

static void a_written_key_opens_with_its_passphrase_alone(void **state)
{
    LK_CLEANUP(lk_notary_private_free) struct lk_notary_private *key = NULL, *again = NULL;
    LK_CLEANUP(lk_buf_fini) struct lk_buf pem = LK_BUF_INIT(LK_NOTARY_KEYFILE_MAX);
    struct lk_notary_private             *none = NULL;
    char                                  role[LK_NOTARY_ROLE_SIZE];
    struct lk_err                         err = { 0 };

    (void)state;
    assert_int_equal(lk_notary_private_new(&key, &err), 0);
    assert_int_equal(lk_notary_private_write(key, "targets", "localhost:5000/a/b",
                                             LK_STR("words"), &pem, &err),
                     0);
    assert_non_null(strstr(lk_buf_text(&pem), "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
                                              "gun: localhost:5000/a/b\nrole: targets\n\n"));
    lk_notary_keyfile_role(lk_buf_str(&pem), role);
    assert_string_equal(role, "targets");
    assert_int_equal(lk_notary_private_read(&again, lk_buf_str(&pem), LK_STR("words"), &err),
                     0);
    assert_string_equal(lk_notary_private_id(again), lk_notary_private_id(key));
    assert_signs(again);
    assert_int_equal(lk_notary_private_read(&none, lk_buf_str(&pem), LK_STR("other"), &err),
                     -1);
    assert_int_equal(err.kind, LK_ERR_DENIED);
    assert_null(none);
}

static void keys_of_all_the_clients_forms_are_read(void **state)
{
    static const char *const names[] = { "plain", "sealed", "p384", "legacy", "legacy-plain" };

    (void)state;
    run("openssl ecparam -name prime256v1 -genkey -noout | openssl pkcs8 -topk8 -nocrypt -out "
        "plain;"
        "openssl pkcs8 -topk8 -in plain -v2 aes-256-cbc -v2prf hmacWithSHA1 -passout "
        "pass:words |"
        " sed '1a role: alice\\n' >sealed;"
        "openssl ecparam -name secp384r1 -genkey -noout | openssl pkcs8 -topk8 -v2 aes-256-cbc"
        " -passout pass:words -out p384;"
        "openssl ec -in plain -aes256 -passout pass:words | sed '/DEK-Info/a role: targets' "
        ">legacy;"
        "openssl ec -in plain | sed '1a role: targets\\n' >legacy-plain;"
        "grep -q DEK-Info legacy; grep -q 'EC PRIVATE' legacy-plain");
    for (size_t i = 0; i < LK_COUNT(names); i++) {
        LK_CLEANUP(lk_notary_private_free) struct lk_notary_private *key = NULL;
        struct lk_err                                                err = { 0 };
        if (read_key(names[i], "words", &key, &err) < 0)
            fail_msg("%s: %s", names[i], err.text);
        assert_signs(key);
    }
}

/* libcrypto alone would find it, and do as many rounds as it names. */
static void a_sealed_key_behind_what_looks_like_one_is_refused(void **state)
{
    LK_CLEANUP(lk_notary_private_free) struct lk_notary_private *key = NULL;
    struct lk_err                                                err = { 0 };

    (void)state;
    run("openssl ecparam -name prime256v1 -genkey -noout | openssl pkcs8 -topk8 -passout "
        "pass:words -out sealed;"
        "(echo 'x-----BEGIN ENCRYPTED PRIVATE KEY-----!'; cat sealed; echo EC PRIVATE KEY) "
        ">disguised");
    assert_int_equal(read_key("disguised", "words", &key, &err), -1);
    assert_int_equal(err.kind, LK_ERR_INVALID);
}

static void read_scratch(const char *name, struct lk_buf *out)
{
    LK_CLEANUP(lk_free_pointer) char *path = lk_xasprintf("%s/%s", directory, name);
    struct lk_err                     err = { 0 };

    assert_int_equal(lk_file_read(path, out, &err), 0);
}

/* Roots may have one; we make none. */
static void a_signature_by_an_rsa_key_verifies(void **state)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf public_key = LK_BUF_INIT(4096);
    LK_CLEANUP(lk_buf_fini) struct lk_buf signature = LK_BUF_INIT(4096);
    LK_CLEANUP(lk_json_free) json_t      *key = NULL;

    (void)state;
    run("openssl genrsa -out rsa.key 2048; openssl rsa -in rsa.key -pubout -outform DER -out "
        "rsa.pub;"
        "printf message | openssl dgst -sha256 -sigopt rsa_padding_mode:pss"
        " -sigopt rsa_pss_saltlen:32 -sign rsa.key -out rsa.sig");
    read_scratch("rsa.pub", &public_key);
    read_scratch("rsa.sig", &signature);
    key = lk_notary_key_new("rsa", public_key.data, public_key.len);
    LK_CLEANUP(lk_free_pointer) char *text = lk_base64_encode(signature.data, signature.len);
    assert_true(lk_notary_key_verifies(key, "rsapss", text, LK_STR("message")));
    assert_false(lk_notary_key_verifies(key, "rsapss", text, LK_STR("massage")));
    assert_false(lk_notary_key_verifies(key, "ecdsa", text, LK_STR("message")));
}

/* PKCS#8 with Notary's own object identifier, and public key, seed, public key. */
static void notarys_own_ed25519_form_is_read(void **state)
{
    static const uint8_t start[] = {
        0x30, 0x72, 0x02, 0x01, 0x00, 0x30, 0x0b, 0x06, 0x09, 0x2b,
        0x06, 0x01, 0x04, 0x01, 0xda, 0x47, 0x0f, 0x01, 0x04, 0x60
    };
    LK_CLEANUP(lk_notary_private_free) struct lk_notary_private *key = NULL;
    uint8_t       der[sizeof(start) + 96], seed[32], secret[64];
    struct lk_err err = { 0 };

    (void)state;
    memset(seed, 9, sizeof(seed));
    memcpy(der, start, sizeof(start));
    crypto_sign_seed_keypair(der + sizeof(start), secret, seed);
    memcpy(der + sizeof(start) + 32, seed, 32);
    memcpy(der + sizeof(start) + 64, der + sizeof(start), 32);
    LK_CLEANUP(lk_free_pointer) char *text = lk_base64_encode(der, sizeof(der));
    LK_CLEANUP(lk_free_pointer)
    char *pem = lk_xasprintf("-----BEGIN PRIVATE KEY-----\nrole: bob\n\n%s\n"
                             "-----END PRIVATE KEY-----\n",
                             text);
    assert_int_equal(lk_notary_private_read(&key, lk_str_of(pem), LK_STR(""), &err), 0);
    assert_signs(key);
}

static void a_key_file_that_cannot_be_is_named(void **state)
{
    static const struct {
        const char      *name;
        enum lk_err_kind kind;
        const char      *text;
    } cases[] = {
        { "rsa", LK_ERR_INVALID, "not supported" },  { "slow", LK_ERR_INVALID, "rounds" },
        { "scrypt", LK_ERR_INVALID, "another way" }, { "cut", LK_ERR_INVALID, "damaged" },
        { "empty", LK_ERR_INVALID, "damaged" },
    };

    (void)state;
    run("openssl genrsa 2048 2>/dev/null | openssl pkcs8 -topk8 -nocrypt -out rsa;"
        "openssl ecparam -name prime256v1 -genkey -noout -out ec;"
        "openssl pkcs8 -topk8 -in ec -v2 aes-256-cbc -iter 1048577 -passout pass:words -out "
        "slow;"
        "openssl pkcs8 -topk8 -in ec -scrypt -passout pass:words -out scrypt;"
        "head -c 120 slow >cut; : >empty");
    for (size_t i = 0; i < LK_COUNT(cases); i++) {
        struct lk_notary_private *key = NULL;
        struct lk_err             err = { 0 };
        assert_int_equal(read_key(cases[i].name, "words", &key, &err), -1);
        assert_int_equal(err.kind, cases[i].kind);
        if (!strstr(err.text, cases[i].text))
            fail_msg("%s: %s", cases[i].name, err.text);
    }
}

static void a_roots_certificate_is_for_one_repository_and_time(void **state)
{
    LK_CLEANUP(lk_notary_private_free) struct lk_notary_private *key = NULL;
    LK_CLEANUP(lk_json_free) json_t *own = NULL, *group = NULL, *lengthy = NULL;
    char                             name[150];
    struct lk_err                    err = { 0 };

    (void)state;
    memset(name, 'a', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    assert_int_equal(lk_notary_private_new(&key, &err), 0);
    own = lk_notary_private_certificate(key, "r.example/a/b", NOW, &err);
    group = lk_notary_private_certificate(key, "r.example/a*", NOW, &err);
    lengthy = lk_notary_private_certificate(key, name, NOW, &err);
    assert_true(lk_notary_key_is_root_of(own, "r.example/a/b", NOW + 1));
    assert_false(lk_notary_key_is_root_of(own, "r.example/a/c", NOW + 1));
    assert_false(lk_notary_key_is_root_of(own, "r.example/a/b", NOW - 1));
    assert_false(lk_notary_key_is_root_of(own, "r.example/a/b", NOW + 3651LL * 86400));
    assert_true(lk_notary_key_is_root_of(group, "r.example/a/c", NOW + 1));
    assert_false(lk_notary_key_is_root_of(group, "r.example/b", NOW + 1));
    assert_true(lk_notary_key_is_root_of(lengthy, name, NOW + 1));
    assert_false(lk_notary_key_is_root_of(lk_notary_private_public(key), "r.example/a/b", NOW));
}

/* ---- metadata ---- */

static bool has_any(void *ctx, const char *key_id)
{
    return strcmp(lk_notary_private_id(ctx), key_id) == 0;
}

static int sign_one(void *ctx, const char *key_id, struct lk_str message,
                    struct lk_notary_signature *out, struct lk_err *err)
{
    (void)key_id;
    return lk_notary_private_sign(ctx, message, out, err);
}

/* Targets of this version, signed by a new key; `keys` and `role` vouch for it. */
static void make_targets(struct lk_notary_file *file, json_int_t version, json_t **keys,
                         json_t **role)
{
    LK_CLEANUP(lk_notary_private_free) struct lk_notary_private *key = NULL;
    LK_CLEANUP(lk_json_free) json_t                             *part = NULL, *ids = NULL;
    struct lk_err                                                err = { 0 };

    assert_int_equal(lk_notary_private_new(&key, &err), 0);
    const struct lk_notary_signer signer = { has_any, sign_one, key };
    part = json_pack("{s:s,s:{s:{},s:[]},s:{s:{s:i,s:{s:s}}}}", "_type", "Targets",
                     "delegations", "keys", "roles", "targets", "v1", "length", 7, "hashes",
                     "sha256", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
    assert_int_equal(lk_notary_date(part, (uint64_t)version, NOW + 100, &err), 0);
    ids = json_pack("[s]", lk_notary_private_id(key));
    assert_int_equal(lk_notary_write(file, "targets", part, ids, 1, &signer, &err), 0);
    *keys = json_pack("{s:O}", lk_notary_private_id(key), lk_notary_private_public(key));
    *role = json_pack("{s:O,s:i}", "keyids", ids, "threshold", 1);
}

static void a_file_has_the_exact_form_and_verifies(void **state)
{
    LK_CLEANUP(lk_notary_file_fini) struct lk_notary_file file = { 0 };
    LK_CLEANUP(lk_json_free) json_t                      *keys = NULL, *role = NULL;
    static const char                                     start[] =
        "{\"signed\":{\"_type\":\"Targets\",\"delegations\":{\"keys\":{},\"roles\":[]},"
        "\"expires\":\"2026-11-18T11:08:20Z\",\"targets\":{\"v1\":{\"hashes\":{\"sha256\":"
        "\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\"},\"length\":7}},\"version\":3},"
        "\"signatures\":[{\"keyid\":\"";
    struct lk_digest digest;
    uint64_t         length;
    struct lk_err    err = { 0 };

    (void)state;
    make_targets(&file, 3, &keys, &role);
    assert_int_equal(strncmp(lk_buf_text(&file.bytes), start, strlen(start)), 0);
    assert_true(lk_str_ends(lk_buf_str(&file.bytes), "\"}]}"));
    assert_int_equal(lk_notary_check_signatures(&file, keys, role, &err), 0);
    assert_true(lk_notary_target(&file, "v1", &digest, &length));
    assert_int_equal(length, 7);
    assert_int_equal(digest.sha256[31], 31);
    assert_false(lk_notary_target(&file, "v2", &digest, &length));
    assert_int_equal(lk_notary_check_time(&file, NOW + 99, &err), 0);
    assert_int_equal(lk_notary_check_time(&file, NOW + 100, &err), -1);
    assert_int_equal(err.kind, LK_ERR_CONFLICT);
    assert_non_null(strstr(err.text, "2026-11-18T11:08:20Z"));
}

static void assert_unsigned(const struct lk_notary_file *file, const json_t *keys,
                            const json_t *role)
{
    struct lk_err err = { 0 };

    assert_int_equal(lk_notary_check_signatures(file, keys, role, &err), -1);
    assert_int_equal(err.kind, LK_ERR_CONFLICT);
}

static void a_signature_counts_only_by_its_own_key_and_once(void **state)
{
    LK_CLEANUP(lk_notary_file_fini) struct lk_notary_file file = { 0 }, other = { 0 };
    LK_CLEANUP(lk_json_free) json_t *keys = NULL, *role = NULL, *keys_2 = NULL, *role_2 = NULL;
    json_t                          *ids;

    (void)state;
    make_targets(&file, 1, &keys, &role);
    make_targets(&other, 1, &keys_2, &role_2);
    assert_unsigned(&file, keys_2, role_2);
    assert_unsigned(&file, keys_2, role);

    /* Another's key under our id. */
    LK_CLEANUP(lk_json_free) json_t *swapped = json_object();
    json_object_set(swapped,
                    json_string_value(json_array_get(json_object_get(role, "keyids"), 0)),
                    json_object_iter_value(json_object_iter(keys_2)));
    assert_unsigned(&file, swapped, role);

    /* One key, named twice, is no two. */
    ids = json_object_get(role, "keyids");
    json_array_append(ids, json_array_get(ids, 0));
    json_object_set_new(role, "threshold", json_integer(2));
    assert_unsigned(&file, keys, role);
    json_object_set_new(role, "threshold", json_integer(0));
    assert_unsigned(&file, keys, role);
    assert_unsigned(&file, keys, NULL);
    assert_unsigned(&file, NULL, role);
}

static void changed_metadata_do_not_verify(void **state)
{
    LK_CLEANUP(lk_notary_file_fini) struct lk_notary_file file = { 0 };
    LK_CLEANUP(lk_json_free) json_t                      *keys = NULL, *role = NULL;

    (void)state;
    make_targets(&file, 1, &keys, &role);
    json_object_set_new(lk_notary_signed(&file), "version", json_integer(2));
    assert_unsigned(&file, keys, role);
}

static void what_is_no_metadata_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "{}",
        "[]",
        "null",
        "{\"signed\":7,\"signatures\":[]}",
        "{\"signed\":{\"_type\":\"Root\",\"version\":1,\"expires\":\"2026-11-18T11:08:20Z\"},"
        "\"signatures\":[]}",
        "{\"signed\":{\"_type\":\"Targets\",\"version\":0,\"expires\":\"2026-11-18T11:08:20Z\"}"
        ","
        "\"signatures\":[]}",
        "{\"signed\":{\"_type\":\"Targets\",\"version\":1,\"version\":2,\"expires\":"
        "\"2026-11-18T11:08:20Z\"},\"signatures\":[]}",
        "{\"signed\":{\"_type\":\"Targets\",\"version\":1,\"expires\":\"soon\"},"
        "\"signatures\":[]}",
    };

    (void)state;
    for (size_t i = 0; i < LK_COUNT(texts); i++) {
        struct lk_notary_file file = { 0 };
        struct lk_err         err = { 0 };
        assert_int_equal(lk_notary_file_parse(&file, "targets", lk_str_of(texts[i]), &err), -1);
        assert_int_equal(err.kind, LK_ERR_CONFLICT);
        assert_non_null(strstr(err.text, "targets"));
    }
}

static void a_delegation_speaks_for_its_paths(void **state)
{
    LK_CLEANUP(lk_json_free) json_t *role = json_pack("{s:[s,s]}", "paths", "v1", "release-");
    struct lk_notary_delegation      delegation = { .role = role };

    (void)state;
    assert_true(lk_notary_delegation_covers(&delegation, "v1.2"));
    assert_true(lk_notary_delegation_covers(&delegation, "release-3"));
    assert_false(lk_notary_delegation_covers(&delegation, "v2"));
    json_array_append_new(json_object_get(role, "paths"), json_string(""));
    assert_true(lk_notary_delegation_covers(&delegation, "v2"));
}

static void what_was_seen_is_remembered_and_never_goes_back(void **state)
{
    LK_CLEANUP(lk_notary_file_fini) struct lk_notary_file older = { 0 }, newer = { 0 };
    LK_CLEANUP(lk_notary_file_fini) struct lk_notary_file seen = { 0 };
    LK_CLEANUP(lk_json_free) json_t *keys = NULL, *role = NULL, *keys_2 = NULL, *role_2 = NULL;
    const char                      *gun = "localhost:5000/a/b";
    struct lk_err                    err = { 0 };

    (void)state;
    make_targets(&older, 1, &keys, &role);
    make_targets(&newer, 2, &keys_2, &role_2);
    assert_int_equal(lk_notary_memory_read(directory, gun, "targets", &seen, &err), 0);
    assert_int_equal(seen.version, 0);
    assert_int_equal(lk_notary_memory_keep(directory, gun, &newer, &err), 0);
    assert_int_equal(lk_notary_memory_keep(directory, gun, &older, &err), 0);
    assert_int_equal(lk_notary_memory_read(directory, gun, "targets", &seen, &err), 0);
    assert_int_equal(seen.version, 2);
    assert_int_equal(lk_notary_memory_check(directory, gun, &seen, &newer, &err), 0);
    assert_int_equal(lk_notary_memory_check(directory, gun, &seen, &older, &err), -1);
    assert_int_equal(err.kind, LK_ERR_CONFLICT);
    run("echo no >tuf/localhost:5000/a/b/metadata/targets.json");
    assert_int_equal(lk_notary_memory_read(directory, gun, "targets", &seen, &err), -1);
    assert_non_null(strstr(err.text, "remove it"));
}

/* ---- servers ---- */

static void the_server_is_chosen_as_docker_does(void **state)
{
    (void)state;
    unsetenv("DOCKER_CONTENT_TRUST_SERVER");
    LK_CLEANUP(lk_free_pointer) char *own = lk_notary_server_choose("", "r.example:5000");
    LK_CLEANUP(lk_free_pointer) char *hub = lk_notary_server_choose(NULL, "docker.io");
    setenv("DOCKER_CONTENT_TRUST_SERVER", "https://trust.example", 1);
    LK_CLEANUP(lk_free_pointer) char *said = lk_notary_server_choose("", "r.example:5000");
    LK_CLEANUP(lk_free_pointer) char *set = lk_notary_server_choose("https://t", "r.example");
    assert_string_equal(own, "https://r.example:5000");
    assert_string_equal(hub, "https://notary.docker.io");
    assert_string_equal(said, "https://trust.example");
    assert_string_equal(set, "https://t");
    unsetenv("DOCKER_CONTENT_TRUST_SERVER");
}

static void assert_refused(const char *url, enum lk_err_kind kind, const char *text)
{
    LK_CLEANUP(lk_free_pointer)
    struct lk_registry_options     *how = lk_xcalloc(1, sizeof(*how));
    struct lk_notary_server_options options = { url, "r.example/a", how };
    struct lk_notary_server        *server = NULL;
    struct lk_err                   err = { 0 };

    assert_int_equal(lk_notary_server_open(&server, &options, &err), -1);
    assert_int_equal(err.kind, kind);
    assert_non_null(strstr(err.text, text));
}

static void the_hubs_server_and_plain_http_are_refused(void **state)
{
    (void)state;
    assert_refused("https://notary.docker.io", LK_ERR_DENIED, "2026-12-08");
    assert_refused("https://notary.docker.io:443/", LK_ERR_DENIED, "2026-12-08");
    assert_refused("http://127.0.0.1:4443", LK_ERR_INVALID, "https://");
}

static void files_above_their_maximum_are_not_parsed(void **state)
{
    LK_CLEANUP(lk_notary_private_free) struct lk_notary_private *key = NULL;
    LK_CLEANUP(lk_free_pointer) char *bytes = lk_xcalloc(1, LK_NOTARY_FILE_MAX + 1);
    struct lk_notary_file             file = { 0 };
    struct lk_err                     err = { 0 };

    (void)state;
    assert_int_equal(lk_notary_private_read(&key,
                                            (struct lk_str) { bytes, LK_NOTARY_KEYFILE_MAX },
                                            LK_STR("words"), &err),
                     -1);
    assert_int_equal(err.kind, LK_ERR_LIMIT);
    assert_int_equal(lk_notary_file_parse(&file, "targets",
                                          (struct lk_str) { bytes, LK_NOTARY_FILE_MAX + 1 },
                                          &err),
                     -1);
    assert_int_equal(err.kind, LK_ERR_LIMIT);
    assert_non_null(strstr(err.text, "the file of targets is larger than"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(canonical_json_has_one_form),
        cmocka_unit_test(what_has_no_canonical_form_is_refused),
        cmocka_unit_test(a_keys_id_is_that_of_real_clients),
        cmocka_unit_test(times_are_read_as_the_go_language_writes_them),
        cmocka_unit_test(a_written_key_opens_with_its_passphrase_alone),
        cmocka_unit_test(keys_of_all_the_clients_forms_are_read),
        cmocka_unit_test(a_sealed_key_behind_what_looks_like_one_is_refused),
        cmocka_unit_test(a_signature_by_an_rsa_key_verifies),
        cmocka_unit_test(notarys_own_ed25519_form_is_read),
        cmocka_unit_test(a_key_file_that_cannot_be_is_named),
        cmocka_unit_test(a_roots_certificate_is_for_one_repository_and_time),
        cmocka_unit_test(a_file_has_the_exact_form_and_verifies),
        cmocka_unit_test(a_signature_counts_only_by_its_own_key_and_once),
        cmocka_unit_test(changed_metadata_do_not_verify),
        cmocka_unit_test(what_is_no_metadata_is_refused),
        cmocka_unit_test(a_delegation_speaks_for_its_paths),
        cmocka_unit_test(what_was_seen_is_remembered_and_never_goes_back),
        cmocka_unit_test(the_server_is_chosen_as_docker_does),
        cmocka_unit_test(the_hubs_server_and_plain_http_are_refused),
        cmocka_unit_test(files_above_their_maximum_are_not_parsed),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}

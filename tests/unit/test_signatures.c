#include "common/registry/signatures.h"

#include "common/base/hex.h"
#include "common/keyfile/signing_key.h"
#include "common/registry/attach.h"
#include "common/registry/attached.h"
#include "tests/unit/local_registry.h"

#include <jansson.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct local_registry  server;
static struct lk_signing_key *keys[2]; /* Ed25519 and P-256 */

static int set_up(void **state)
{
    struct lk_err err;

    (void)state;
    return lk_signing_key_new(&keys[0], LK_KEY_ED25519, &err) < 0 ||
                   lk_signing_key_new(&keys[1], LK_KEY_ECDSA_P256, &err) < 0
               ? -1
               : local_registry_start(&server);
}

static int tear_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < LK_COUNT(keys); i++)
        lk_signing_key_free(&keys[i]);
    return local_registry_stop(&server);
}

/* One image to sign in a repository of the test's own. */
struct subject {
    struct lk_registry        *registry;
    struct lk_reference        reference;
    struct lk_registry_options options;
    struct lk_descriptor       image;
};

static void close_subject(struct subject *subject)
{
    lk_registry_close(&subject->registry);
}

static void open_subject(struct subject *out, const char *path)
{
    struct lk_err err;

    out->registry = local_registry_connect(&server, path, &out->reference, &out->options);
    assert_non_null(out->registry);
    assert_int_equal(local_registry_put_image(out->registry, path, "amd64", &out->image, &err),
                     0);
}

static void sign_one(const struct lk_signing_key *key, struct lk_str message,
                     struct lk_signature *out)
{
    struct lk_err err;

    assert_int_equal(lk_signing_key_sign(key, message, out, &err), 0);
}

static void sign_as(struct lk_signatures *out, size_t key, const char *name,
                    const struct lk_digest *digest)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf payload = LK_BUF_INIT(4096);
    LK_CLEANUP(lk_buf_fini) struct lk_buf statement = LK_BUF_INIT(4096);
    LK_CLEANUP(lk_buf_fini) struct lk_buf envelope = LK_BUF_INIT(8192);

    *out = (struct lk_signatures) { .digest = *digest, .name_count = 1, .key_count = 1 };
    out->keys[0] = *lk_signing_key_public(keys[key]);
    snprintf(out->names[0], sizeof(out->names[0]), "%s", name);
    assert_int_equal(lk_signature_payload(&payload, name, digest), 0);
    sign_one(keys[key], lk_buf_str(&payload), &out->payload[0][0]);
    assert_int_equal(lk_signature_statement(&statement, out), 0);
    assert_int_equal(lk_signature_envelope(&envelope, lk_buf_str(&statement)), 0);
    sign_one(keys[key], lk_buf_str(&envelope), &out->statement[0]);
}

static int attach_these(const struct subject *subject, const struct lk_signatures *signatures,
                        struct lk_err *err)
{
    LK_CLEANUP(lk_crew_fini)
    struct lk_crew crew = { .repository = &subject->reference, .options = &subject->options };

    return lk_attach(&crew, &subject->image, signatures, false, NULL, 0, err);
}

static void attach(const struct subject *subject, size_t key, const char *name)
{
    struct lk_signatures signatures;
    struct lk_err        err = { 0 };

    sign_as(&signatures, key, name, &subject->image.digest);
    if (attach_these(subject, &signatures, &err) < 0)
        fail_msg("%s", err.text);
}

static bool check(const struct subject *subject, size_t key, const char *name)
{
    struct lk_signature_wanted wanted = { .digest = &subject->image.digest,
                                          .references = &name,
                                          .reference_count = name ? 1 : 0,
                                          .keys = lk_signing_key_public(keys[key]),
                                          .key_count = 1 };
    bool                       found = false;
    struct lk_err              err = { 0 };

    if (lk_signature_check(subject->registry, &wanted, &found, &err) < 0)
        fail_msg("%s", err.text);
    return found;
}

static void signature_tag(const struct subject *subject, char out[LK_TAG_SIZE])
{
    char hex[65];

    lk_hex_encode(hex, subject->image.digest.sha256, 32);
    snprintf(out, LK_TAG_SIZE, "sha256-%s.sig", hex);
}

static void the_payload_is_byte_for_byte_what_others_expect(void **state)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf payload = LK_BUF_INIT(4096);
    struct lk_digest                      digest = { { 0xab } };

    (void)state;
    assert_int_equal(lk_signature_payload(&payload, "host:5000/org/x:tag", &digest), 0);
    assert_string_equal(
        lk_buf_text(&payload),
        "{\"critical\":{\"identity\":{\"docker-reference\":\"host:5000/org/x:tag\"},\"image\":"
        "{\"docker-manifest-digest\":\"sha256:ab00000000000000000000000000000000000000000000000"
        "000000000000000\"},\"type\":\"cosign container image signature\"},\"optional\":null}");
}

static void a_signature_counts_for_its_key_and_its_name_only(void **state)
{
    LK_CLEANUP(close_subject) struct subject subject;

    (void)state;
    open_subject(&subject, "org/names");
    assert_false(check(&subject, 0, "h/org/names:1"));
    attach(&subject, 0, "h/org/names:1");
    assert_true(check(&subject, 0, "h/org/names:1"));
    assert_true(check(&subject, 0, NULL));
    assert_false(check(&subject, 1, "h/org/names:1"));
    assert_false(check(&subject, 1, NULL));
    assert_false(check(&subject, 0, "h/org/names:2"));
}

static void a_signature_of_another_digest_does_not_count(void **state)
{
    LK_CLEANUP(close_subject) struct subject subject;
    struct lk_signatures                     signatures;
    struct lk_digest                         other = { { 1 } };
    struct lk_err                            err;

    (void)state;
    open_subject(&subject, "org/other");
    sign_as(&signatures, 0, "h/org/other:1", &other);
    assert_int_equal(attach_these(&subject, &signatures, &err), 0);
    assert_false(check(&subject, 0, "h/org/other:1"));
    assert_false(check(&subject, 0, NULL));
}

static void sign_twice(const char *path, size_t key)
{
    LK_CLEANUP(close_subject) struct subject subject;

    open_subject(&subject, path);
    attach(&subject, key, "h/org/twice:1");
    assert_true(check(&subject, key, "h/org/twice:1"));
    size_t puts = local_registry_count(&server, "PUT");
    size_t posts = local_registry_count(&server, "POST");
    assert_true(puts > 0 && posts > 0);
    attach(&subject, key, "h/org/twice:1");
    assert_int_equal(local_registry_count(&server, "PUT"), puts);
    assert_int_equal(local_registry_count(&server, "POST"), posts);
}

static void signing_twice_writes_nothing_the_second_time(void **state)
{
    (void)state;
    sign_twice("org/twice", 0);
    sign_twice("org/twice-p256", 1);
}

/* Puts a manifest as another program may have written it, with a layer and fields unknown to us. */
static void put_foreign(const struct subject *subject, const char *payload)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf blob = LK_BUF_INIT(4096), text = LK_BUF_INIT(8192);
    struct lk_digest                      digest;
    struct lk_signature                   signature;
    char          digest_text[LK_DIGEST_TEXT_SIZE], base64[128], tag[LK_TAG_SIZE];
    struct lk_err err;

    sign_one(keys[1], lk_str_of(payload), &signature);
    sodium_bin2base64(base64, sizeof(base64), signature.bytes, signature.len,
                      sodium_base64_VARIANT_ORIGINAL);
    lk_buf_add_text(&blob, payload);
    assert_int_equal(local_registry_put(subject->registry, &blob, &digest, &err), 0);
    lk_digest_format(&digest, digest_text);
    lk_buf_printf(
        &text,
        "{\"schemaVersion\":2,\"mediaType\":\"" LK_OCI_MANIFEST "\",\"config\":{\"mediaType\":"
        "\"" LK_OCI_CONFIG "\",\"size\":%zu,\"digest\":\"%s\"},\"layers\":[{\"mediaType\":"
        "\"application/vnd.dev.cosign.simplesigning.v1+json\",\"size\":%zu,\"digest\":\"%s\","
        "\"annotations\":{\"dev.cosignproject.cosign/signature\":\"%s\",\"x\":\"kept\"}}],"
        "\"annotations\":{\"y\":\"kept\"}}",
        blob.len, digest_text, blob.len, digest_text, base64);
    signature_tag(subject, tag);
    assert_int_equal(lk_registry_put_manifest(subject->registry, tag, lk_buf_str(&text),
                                              LK_OCI_MANIFEST, &err),
                     0);
}

static void foreign_layers_are_kept_and_understood(void **state)
{
    LK_CLEANUP(close_subject) struct subject        subject;
    LK_CLEANUP(lk_manifest_fini) struct lk_manifest manifest = { 0 };
    char          digest[LK_DIGEST_TEXT_SIZE], tag[LK_TAG_SIZE];
    struct lk_err err;

    (void)state;
    open_subject(&subject, "org/foreign");
    lk_digest_format(&subject.image.digest, digest);
    LK_CLEANUP(lk_free_pointer)
    char *payload = lk_xasprintf(
        "{\"critical\":{\"identity\":{\"docker-reference\":\"h/org/foreign:1\"},\"image\":{"
        "\"docker-manifest-digest\":\"%s\"},\"type\":\"cosign container image signature\"},"
        "\"optional\":{\"creator\":\"another\"}}",
        digest);
    put_foreign(&subject, payload);
    assert_true(check(&subject, 1, "h/org/foreign:1"));
    assert_false(check(&subject, 1, "h/org/foreign:2"));
    attach(&subject, 0, "h/org/foreign:1");
    assert_true(check(&subject, 0, "h/org/foreign:1"));
    assert_true(check(&subject, 1, "h/org/foreign:1"));

    signature_tag(&subject, tag);
    assert_int_equal(lk_registry_get_manifest(subject.registry, tag, &manifest, &err), 0);
    assert_non_null(strstr(lk_buf_text(&manifest.bytes), "\"x\":\"kept\""));
    assert_non_null(strstr(lk_buf_text(&manifest.bytes), "\"y\":\"kept\""));
}

/* A manifest or an index with as many entries as are allowed, each of them somebody else's. */
static void fill(const struct subject *subject, const char *tag, const char *type,
                 const char *head, const struct lk_descriptor *entry)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf text = LK_BUF_INIT(LK_MANIFEST_BYTES_MAX);
    char                                  digest[LK_DIGEST_TEXT_SIZE];
    struct lk_err                         err = { 0 };

    lk_digest_format(&entry->digest, digest);
    lk_buf_printf(&text, "{\"schemaVersion\":2,\"mediaType\":\"%s\",%s[", type, head);
    for (int i = 0; i < LK_ATTACHED_LAYERS_MAX; i++)
        lk_buf_printf(&text, "%s{\"mediaType\":\"%s\",\"size\":%llu,\"digest\":\"%s\"}",
                      i ? "," : "", LK_OCI_MANIFEST, (unsigned long long)entry->size, digest);
    lk_buf_add_text(&text, "]}");
    if (lk_registry_put_manifest(subject->registry, tag, lk_buf_str(&text), type, &err) < 0)
        fail_msg("%s", err.text);
}

static void expect_full(const struct subject *subject, const char *text)
{
    struct lk_signatures signatures;
    struct lk_err        err = { 0 };

    sign_as(&signatures, 0, "h/org/full:1", &subject->image.digest);
    assert_int_equal(attach_these(subject, &signatures, &err), -1);
    assert_int_equal(err.kind, LK_ERR_LIMIT);
    if (!strstr(err.text, text))
        fail_msg("\"%s\" does not say \"%s\"", err.text, text);
}

static void to_what_is_full_nothing_is_added(void **state)
{
    LK_CLEANUP(close_subject) struct subject listed, signed_by_many;
    LK_CLEANUP(lk_free_pointer) char        *config = NULL;
    LK_CLEANUP(lk_buf_fini) struct lk_buf    bytes = LK_BUF_INIT(16);
    struct lk_descriptor                     blob = { .size = 2 };
    char                                     tag[LK_TAG_SIZE], digest[LK_DIGEST_TEXT_SIZE];
    struct lk_err                            err;

    (void)state;
    open_subject(&listed, "org/full-list");
    lk_referrers_tag(&listed.image.digest, tag);
    fill(&listed, tag, LK_OCI_INDEX, "\"manifests\":", &listed.image);
    expect_full(&listed, "attachments");

    open_subject(&signed_by_many, "org/full-tag");
    signature_tag(&signed_by_many, tag);
    lk_buf_add_text(&bytes, "{}");
    assert_int_equal(local_registry_put(signed_by_many.registry, &bytes, &blob.digest, &err),
                     0);
    lk_digest_format(&blob.digest, digest);
    config = lk_xasprintf("\"config\":{\"mediaType\":\"" LK_OCI_CONFIG
                          "\",\"size\":2,\"digest\":\"%s\"},\"layers\":",
                          digest);
    fill(&signed_by_many, tag, LK_OCI_MANIFEST, config, &blob);
    expect_full(&signed_by_many, "signatures are attached already");
}

static void rubbish_under_the_signature_tag_is_not_overwritten(void **state)
{
    LK_CLEANUP(close_subject) struct subject subject;
    struct lk_signatures                     signatures;
    char                                     tag[LK_TAG_SIZE];
    struct lk_err                            err;
    static const char                        index[] =
        "{\"schemaVersion\":2,\"mediaType\":\"" LK_OCI_INDEX "\",\"manifests\":[]}";

    (void)state;
    open_subject(&subject, "org/rubbish");
    signature_tag(&subject, tag);
    assert_int_equal(
        lk_registry_put_manifest(subject.registry, tag, lk_str_of(index), LK_OCI_INDEX, &err),
        0);
    assert_false(check(&subject, 0, "h/org/rubbish:1"));
    sign_as(&signatures, 0, "h/org/rubbish:1", &subject.image.digest);
    assert_int_equal(attach_these(&subject, &signatures, &err), -1);
    assert_int_equal(err.kind, LK_ERR_CONFLICT);
}

/* A bundle lies where it can be moved: only its own words count. */
static void a_bundle_counts_for_its_key_its_digest_and_its_names_only(void **state)
{
    struct lk_signatures       signatures;
    struct lk_bundle           bundle;
    struct lk_digest           digest = { { 1 } }, other = { { 2 } };
    struct lk_descriptor       subject = { .media_type = LK_OCI_MANIFEST, .digest = digest };
    const char                *names[] = { "h/org/x:1", "h/org/x:2" };
    struct lk_signature_wanted wanted = { &digest, names, 1, lk_signing_key_public(keys[1]),
                                          1 };
    struct lk_err              err;

    (void)state;
    sign_as(&signatures, 1, "h/org/x:1", &digest);
    assert_int_equal(lk_bundle_make(&bundle, &subject, &signatures, 0, &err), 0);
    assert_true(lk_bundle_is_wanted(lk_buf_str(&bundle.bytes), &wanted, true));
    wanted.reference_count = 2;
    assert_true(lk_bundle_is_wanted(lk_buf_str(&bundle.bytes), &wanted, false));
    assert_false(lk_bundle_is_wanted(lk_buf_str(&bundle.bytes), &wanted, true));
    wanted.references = names + 1;
    wanted.reference_count = 1;
    assert_false(lk_bundle_is_wanted(lk_buf_str(&bundle.bytes), &wanted, false));
    wanted.reference_count = 0;
    assert_true(lk_bundle_is_wanted(lk_buf_str(&bundle.bytes), &wanted, false));
    wanted.digest = &other;
    assert_false(lk_bundle_is_wanted(lk_buf_str(&bundle.bytes), &wanted, false));
    wanted.digest = &digest;
    wanted.keys = lk_signing_key_public(keys[0]);
    assert_false(lk_bundle_is_wanted(lk_buf_str(&bundle.bytes), &wanted, false));
    wanted.keys = lk_signing_key_public(keys[1]);
    for (size_t i = 0; i < bundle.bytes.len; i++) {
        bundle.bytes.data[i] ^= 1;
        /* Some bytes are not what is signed, as the hint; but none may do harm. */
        lk_bundle_is_wanted(lk_buf_str(&bundle.bytes), &wanted, false);
        bundle.bytes.data[i] ^= 1;
    }
    char *payload = strstr(bundle.bytes.data, "\"payload\":\"") + 12;
    payload[40] ^= 1;
    assert_false(lk_bundle_is_wanted(lk_buf_str(&bundle.bytes), &wanted, false));
    lk_bundle_fini(&bundle);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_payload_is_byte_for_byte_what_others_expect),
        cmocka_unit_test(a_signature_counts_for_its_key_and_its_name_only),
        cmocka_unit_test(a_signature_of_another_digest_does_not_count),
        cmocka_unit_test(signing_twice_writes_nothing_the_second_time),
        cmocka_unit_test(a_bundle_counts_for_its_key_its_digest_and_its_names_only),
        cmocka_unit_test(foreign_layers_are_kept_and_understood),
        cmocka_unit_test(rubbish_under_the_signature_tag_is_not_overwritten),
        cmocka_unit_test(to_what_is_full_nothing_is_added),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}

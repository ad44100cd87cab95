#include "common/registry/signatures.h"

#include "common/base/hex.h"
#include "tests/unit/local_registry.h"

#include <jansson.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct local_registry server;
static uint8_t               public_keys[2][LK_PUBLIC_KEY_BYTES];
static uint8_t               secret_keys[2][crypto_sign_SECRETKEYBYTES];

static int set_up(void **state)
{
    (void)state;
    if (sodium_init() < 0)
        return -1;
    for (size_t i = 0; i < 2; i++)
        crypto_sign_keypair(public_keys[i], secret_keys[i]);
    return local_registry_start(&server);
}

static int tear_down(void **state)
{
    (void)state;
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

static void sign_as(struct lk_signature *out, const uint8_t *secret_key, const char *name,
                    const struct lk_digest *digest)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf payload = LK_BUF_INIT(4096);

    out->reference = name;
    assert_int_equal(lk_signature_payload(&payload, name, digest), 0);
    crypto_sign_detached(out->bytes, NULL, (const uint8_t *)payload.data, payload.len,
                         secret_key);
}

static void attach(const struct subject *subject, const uint8_t *secret_key, const char *name)
{
    struct lk_signature signature;
    struct lk_err       err = { 0 };

    sign_as(&signature, secret_key, name, &subject->image.digest);
    if (lk_signature_attach(subject->registry, &subject->image.digest, &signature, 1, &err) < 0)
        fail_msg("%s", err.text);
}

static bool check(const struct subject *subject, size_t key, const char *name)
{
    bool          found = false;
    struct lk_err err = { 0 };

    if (lk_signature_check(subject->registry, &subject->image.digest, &name, name ? 1 : 0,
                           (const uint8_t(*)[LK_PUBLIC_KEY_BYTES])public_keys + key, 1, &found,
                           &err) < 0)
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
    attach(&subject, secret_keys[0], "h/org/names:1");
    assert_true(check(&subject, 0, "h/org/names:1"));
    assert_true(check(&subject, 0, NULL));
    assert_false(check(&subject, 1, "h/org/names:1"));
    assert_false(check(&subject, 1, NULL));
    assert_false(check(&subject, 0, "h/org/names:2"));
}

static void a_signature_of_another_digest_does_not_count(void **state)
{
    LK_CLEANUP(close_subject) struct subject subject;
    struct lk_signature                      signature;
    struct lk_digest                         other = { { 1 } };
    struct lk_err                            err;

    (void)state;
    open_subject(&subject, "org/other");
    sign_as(&signature, secret_keys[0], "h/org/other:1", &other);
    assert_int_equal(
        lk_signature_attach(subject.registry, &subject.image.digest, &signature, 1, &err), 0);
    assert_false(check(&subject, 0, "h/org/other:1"));
    assert_false(check(&subject, 0, NULL));
}

static void signing_twice_writes_nothing_the_second_time(void **state)
{
    LK_CLEANUP(close_subject) struct subject subject;

    (void)state;
    open_subject(&subject, "org/twice");
    attach(&subject, secret_keys[0], "h/org/twice:1");
    size_t puts = local_registry_count(&server, "PUT");
    size_t posts = local_registry_count(&server, "POST");
    assert_true(puts > 0 && posts > 0);
    attach(&subject, secret_keys[0], "h/org/twice:1");
    assert_int_equal(local_registry_count(&server, "PUT"), puts);
    assert_int_equal(local_registry_count(&server, "POST"), posts);
}

/* Puts a manifest as another program may have written it, with a layer and fields unknown to us. */
static void put_foreign(const struct subject *subject, const char *payload)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf blob = LK_BUF_INIT(4096), text = LK_BUF_INIT(8192);
    struct lk_digest                      digest;
    uint8_t                               signature[crypto_sign_BYTES];
    char          digest_text[LK_DIGEST_TEXT_SIZE], base64[128], tag[LK_TAG_SIZE];
    struct lk_err err;

    crypto_sign_detached(signature, NULL, (const uint8_t *)payload, strlen(payload),
                         secret_keys[1]);
    sodium_bin2base64(base64, sizeof(base64), signature, sizeof(signature),
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
    attach(&subject, secret_keys[0], "h/org/foreign:1");
    assert_true(check(&subject, 0, "h/org/foreign:1"));
    assert_true(check(&subject, 1, "h/org/foreign:1"));

    signature_tag(&subject, tag);
    assert_int_equal(lk_registry_get_manifest(subject.registry, tag, &manifest, &err), 0);
    assert_non_null(strstr(lk_buf_text(&manifest.bytes), "\"x\":\"kept\""));
    assert_non_null(strstr(lk_buf_text(&manifest.bytes), "\"y\":\"kept\""));
}

static void rubbish_under_the_signature_tag_is_not_overwritten(void **state)
{
    LK_CLEANUP(close_subject) struct subject subject;
    struct lk_signature                      signature;
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
    sign_as(&signature, secret_keys[0], "h/org/rubbish:1", &subject.image.digest);
    assert_int_equal(
        lk_signature_attach(subject.registry, &subject.image.digest, &signature, 1, &err), -1);
    assert_int_equal(err.kind, LK_ERR_CONFLICT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_payload_is_byte_for_byte_what_others_expect),
        cmocka_unit_test(a_signature_counts_for_its_key_and_its_name_only),
        cmocka_unit_test(a_signature_of_another_digest_does_not_count),
        cmocka_unit_test(signing_twice_writes_nothing_the_second_time),
        cmocka_unit_test(foreign_layers_are_kept_and_understood),
        cmocka_unit_test(rubbish_under_the_signature_tag_is_not_overwritten),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}

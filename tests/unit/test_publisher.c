#include "tests/unit/local_publisher.h"

#include "common/base/hex.h"
#include "common/os/clock.h"
#include "common/os/spawn.h"

#include <jansson.h>

static void three_images(struct bench *bench, struct lk_index *children)
{
    memset(children, 0, sizeof(*children));
    add_image(bench, children, "s390x", "s390x");
    add_image(bench, children, "amd64", "amd64");
    add_image(bench, children, "arm64", "arm64");
}

static void a_tag_that_is_not_there_is_found_empty(void **state)
{
    LK_CLEANUP(close_bench) struct bench bench;
    struct lk_found                      found;
    struct lk_err                        err;

    (void)state;
    open_bench(&bench, "org/empty");
    SUCCEEDS(lk_publisher_probe(&bench.publisher, "none", &found, &err));
    assert_false(found.index_exists);
    assert_false(found.not_an_index);
    assert_true(lk_digest_is_zero(&found.index_digest));
    assert_int_equal(found.count, 0);
}

static void a_published_push_is_found_complete_and_signed(void **state)
{
    LK_CLEANUP(close_bench) struct bench bench;
    struct lk_index                      children;
    struct lk_descriptor                 index;
    struct lk_found                      found;
    struct lk_err                        err;

    (void)state;
    open_bench(&bench, "org/whole");
    three_images(&bench, &children);
    int64_t start = lk_clock_boot_ms();
    publish(&bench, "t1", &children, true, &index);
    int64_t took = lk_clock_boot_ms() - start;
    print_message("checked, merged, signed and published in %lld ms\n", (long long)took);
    assert_true(took < 2000); /* a limit for busy machines; 500 are meant */
    SUCCEEDS(lk_publisher_probe(&bench.publisher, "t1", &found, &err));
    assert_true(found.index_exists && found.index_is_signed);
    assert_true(lk_digest_eq(&found.index_digest, &index.digest));
    assert_int_equal(found.count, 3);
    assert_string_equal(found.entries[0].arch.name, "amd64");
    assert_string_equal(found.entries[2].arch.name, "s390x");
    for (size_t i = 0; i < found.count; i++)
        assert_true(found.entries[i].is_signed && found.entries[i].arch_tag_is_right);
}

static void signatures_of_another_tag_do_not_count(void **state)
{
    LK_CLEANUP(close_bench) struct bench bench;
    struct lk_index                      children;
    struct lk_descriptor                 index;
    struct lk_digest                     planted;
    struct lk_found                      found;
    struct lk_err                        err;

    (void)state;
    open_bench(&bench, "org/replayed");
    three_images(&bench, &children);
    publish(&bench, "old", &children, true, &index);
    plant_index(&bench, "new", &children, &planted);
    assert_true(lk_digest_eq(&planted, &index.digest));
    SUCCEEDS(lk_publisher_probe(&bench.publisher, "new", &found, &err));
    assert_true(found.index_exists);
    assert_false(found.index_is_signed);
    for (size_t i = 0; i < found.count; i++)
        assert_false(found.entries[i].is_signed || found.entries[i].arch_tag_is_right);
}

static void a_planted_child_is_reported_untrusted(void **state)
{
    LK_CLEANUP(close_bench) struct bench bench;
    struct lk_index                      children, planted = { 0 };
    struct lk_descriptor                 index;
    struct lk_digest                     digest;
    struct lk_found                      found;
    struct lk_err                        err;

    (void)state;
    open_bench(&bench, "org/planted");
    three_images(&bench, &children);
    publish(&bench, "t1", &children, true, &index);
    planted = children;
    add_image(&bench, &planted, "riscv64", "riscv64");
    plant_index(&bench, "t1", &planted, &digest);
    SUCCEEDS(lk_publisher_probe(&bench.publisher, "t1", &found, &err));
    assert_false(found.index_is_signed);
    assert_int_equal(found.count, 4);
    for (size_t i = 0; i < found.count; i++)
        assert_int_equal(found.entries[i].is_signed,
                         strcmp(found.entries[i].arch.name, "riscv64") != 0);
}

static void a_child_signed_for_one_architecture_is_not_trusted_for_another(void **state)
{
    LK_CLEANUP(close_bench) struct bench            bench;
    LK_CLEANUP(lk_manifest_fini) struct lk_manifest manifest = { 0 };
    struct lk_index                                 children;
    struct lk_descriptor                            index;
    struct lk_digest                                digest;
    struct lk_found                                 found;
    char                                            text[LK_DIGEST_TEXT_SIZE];
    struct lk_err                                   err;

    (void)state;
    open_bench(&bench, "org/relabelled");
    memset(&children, 0, sizeof(children));
    add_image(&bench, &children, "amd64", "amd64");
    publish(&bench, "t1", &children, true, &index);
    children.entries[1] = children.entries[0];
    children.entries[1].arch = arch_of("riscv64");
    children.count = 2;
    plant_index(&bench, "t1", &children, &digest);
    lk_digest_format(&children.entries[0].descriptor.digest, text);
    SUCCEEDS(lk_registry_get_manifest(bench.registry, text, &manifest, &err));
    SUCCEEDS(lk_registry_put_manifest(bench.registry, "t1-riscv64", lk_buf_str(&manifest.bytes),
                                      manifest.media_type, &err));
    SUCCEEDS(lk_publisher_probe(&bench.publisher, "t1", &found, &err));
    assert_int_equal(found.count, 2);
    assert_true(found.entries[0].is_signed && !found.entries[1].is_signed);
}

/* Nothing of it is in the registry, and nothing was signed for the architecture that is a lie. */
static void merge_is_refused(struct bench *bench, const struct lk_index *children,
                             const char *wrong, const char *why)
{
    struct lk_descriptor index;
    struct lk_err        err;
    char                 digest[LK_DIGEST_TEXT_SIZE];
    size_t               puts = local_registry_count(&server, "PUT");

    lk_digest_format(&children->entries[1].descriptor.digest, digest);
    FAILS_AS(LK_ERR_CONFLICT,
             lk_publisher_merge(&bench->publisher, "t1", children, NULL, false, &index, &err));
    assert_int_equal(local_registry_count(&server, "PUT"), puts);
    assert_non_null(strstr(err.text, wrong));
    digest[19] = '\0'; /* as much as messages show */
    assert_non_null(strstr(err.text, digest));
    assert_non_null(strstr(err.text, why));
    FAILS_AS(LK_ERR_CONFLICT,
             lk_publisher_merge(&bench->publisher, "t1", children, NULL, true, &index, &err));
}

static void an_index_that_is_false_about_a_child_is_neither_put_nor_signed(void **state)
{
    LK_CLEANUP(close_bench) struct bench bench;
    struct lk_index                      children = { 0 }, wrong;
    struct lk_found                      found;
    struct lk_digest                     digest;
    struct lk_err                        err;

    (void)state;
    open_bench(&bench, "org/false");
    add_image(&bench, &children, "amd64", "amd64");
    add_image(&bench, &children, "arm64", "arm64");
    wrong = children;
    wrong.entries[1] = wrong.entries[0];
    wrong.entries[1].arch = arch_of("riscv64");
    merge_is_refused(&bench, &wrong, "riscv64", "linux/amd64");
    plant_index(&bench, "t1", &wrong, &digest);
    SUCCEEDS(lk_publisher_probe(&bench.publisher, "t1", &found, &err));
    assert_false(found.index_is_signed || found.entries[1].is_signed);
    wrong = children;
    wrong.entries[1].descriptor.size++;
    merge_is_refused(&bench, &wrong, "arm64", "bytes");
    wrong = children;
    wrong.entries[1].descriptor.digest.sha256[0] ^= 1;
    merge_is_refused(&bench, &wrong, "arm64", "--replace arm64");
}

static void what_this_push_accepted_is_read_by_the_last_look_alone(void **state)
{
    static const bool                    all[3] = { true, true, true };
    LK_CLEANUP(close_bench) struct bench bench;
    struct lk_index                      children;
    struct lk_descriptor                 index;
    struct lk_err                        err;

    (void)state;
    open_bench(&bench, "org/once");
    three_images(&bench, &children);
    size_t before = local_registry_count(&server, "GET");
    SUCCEEDS(lk_publisher_merge(&bench.publisher, "t1", &children, NULL, false, &index, &err));
    size_t read = local_registry_count(&server, "GET");
    /* A manifest and a config each, and the last look, which has the index too. */
    assert_int_equal(read, before + 6 + 7);
    SUCCEEDS(lk_publisher_merge(&bench.publisher, "t1", &children, all, false, &index, &err));
    assert_int_equal(local_registry_count(&server, "GET"), read + 7);
}

static void a_plain_image_under_the_tag_is_told_from_an_index(void **state)
{
    LK_CLEANUP(close_bench) struct bench bench;
    struct lk_index                      children = { 0 };
    struct lk_found                      found;
    struct lk_err                        err;

    (void)state;
    open_bench(&bench, "org/plain");
    add_image(&bench, &children, "amd64", "amd64");
    SUCCEEDS(lk_publisher_accept_child(&bench.publisher, "t1", &children.entries[0].arch,
                                       &children.entries[0].descriptor, false, true, &err));
    SUCCEEDS(lk_publisher_probe(&bench.publisher, "t1-amd64", &found, &err));
    assert_true(found.not_an_index);
    assert_false(found.index_exists);
    assert_true(lk_digest_eq(&found.index_digest, &children.entries[0].descriptor.digest));
}

static void an_attestation_is_no_architecture(void **state)
{
    LK_CLEANUP(close_bench) struct bench bench;
    struct lk_index                      children = { 0 };
    struct lk_digest                     digest;
    struct lk_found                      found;
    struct lk_err                        err;

    (void)state;
    open_bench(&bench, "org/attested");
    add_image(&bench, &children, "unknown", "unknown");
    strcpy(children.entries[0].os, "unknown");
    plant_index(&bench, "t1", &children, &digest);
    SUCCEEDS(lk_publisher_probe(&bench.publisher, "t1", &found, &err));
    assert_int_equal(found.count, 1);
    assert_string_equal(found.entries[0].arch.name, "");
}

static void an_arch_tag_is_written_and_read_back(void **state)
{
    LK_CLEANUP(close_bench) struct bench            bench;
    LK_CLEANUP(lk_manifest_fini) struct lk_manifest manifest = { 0 };
    struct lk_index                                 children = { 0 };
    struct lk_err                                   err;

    (void)state;
    open_bench(&bench, "org/archtag");
    add_image(&bench, &children, "s390x", "s390x");
    for (int twice = 0; twice < 2; twice++)
        SUCCEEDS(lk_publisher_accept_child(&bench.publisher, "t1", &children.entries[0].arch,
                                           &children.entries[0].descriptor, false, true, &err));
    SUCCEEDS(lk_registry_get_manifest(bench.registry, "t1-s390x", &manifest, &err));
    assert_true(lk_digest_eq(&manifest.digest, &children.entries[0].descriptor.digest));
}

static void an_image_of_another_architecture_is_refused(void **state)
{
    LK_CLEANUP(close_bench) struct bench            bench;
    LK_CLEANUP(lk_manifest_fini) struct lk_manifest manifest = { 0 };
    struct lk_index                                 children = { 0 };
    struct lk_err                                   err;

    (void)state;
    open_bench(&bench, "org/swapped");
    add_image(&bench, &children, "arm64", "amd64");
    FAILS_AS(LK_ERR_CONFLICT,
             lk_publisher_accept_child(&bench.publisher, "t1", &children.entries[0].arch,
                                       &children.entries[0].descriptor, false, true, &err));
    assert_non_null(strstr(err.text, "linux/amd64"));
    FAILS_AS(LK_ERR_NOT_FOUND,
             lk_registry_get_manifest(bench.registry, "t1-arm64", &manifest, &err));
}

/* Debian's registry takes no manifest without its layers, so the layer goes afterwards. */
static void lose_layer(const struct bench *bench, const char *path, const char *name)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf layer = LK_BUF_INIT(4096);
    struct lk_digest                      digest;
    char                                  text[LK_DIGEST_TEXT_SIZE];
    char                                  link[512];
    struct lk_err                         err;

    lk_buf_printf(&layer, "layer of %s", name);
    lk_sha256(lk_buf_text(&layer), layer.len, &digest);
    lk_digest_format(&digest, text);
    snprintf(link, sizeof(link),
             "%s/data/docker/registry/v2/repositories/%s/_layers/sha256/%s/link",
             server.directory, path, text + strlen("sha256:"));
    assert_int_equal(unlink(link), 0);
    FAILS_AS(LK_ERR_NOT_FOUND, lk_registry_has_blob(bench->registry, &digest, &err));
}

static void an_image_whose_layer_is_not_there_is_refused(void **state)
{
    LK_CLEANUP(close_bench) struct bench            bench;
    LK_CLEANUP(lk_manifest_fini) struct lk_manifest manifest = { 0 };
    struct lk_index                                 children = { 0 };
    struct lk_err                                   err;

    (void)state;
    open_bench(&bench, "org/hollow");
    add_image(&bench, &children, "amd64", "amd64");
    lose_layer(&bench, "org/hollow", "amd64");
    FAILS_AS(LK_ERR_CONFLICT,
             lk_publisher_accept_child(&bench.publisher, "t1", &children.entries[0].arch,
                                       &children.entries[0].descriptor, false, true, &err));
    assert_non_null(strstr(err.text, "is not in the registry"));
    FAILS_AS(LK_ERR_NOT_FOUND,
             lk_registry_get_manifest(bench.registry, "t1-amd64", &manifest, &err));
}

static void a_child_that_is_not_what_was_stated_is_refused(void **state)
{
    LK_CLEANUP(close_bench) struct bench bench;
    struct lk_index                      children = { 0 };
    struct lk_descriptor                 lie;
    struct lk_err                        err;

    (void)state;
    open_bench(&bench, "org/lies");
    add_image(&bench, &children, "amd64", "amd64");
    lie = children.entries[0].descriptor;
    lie.size++;
    FAILS_AS(LK_ERR_CONFLICT,
             lk_publisher_accept_child(&bench.publisher, "t1", &children.entries[0].arch, &lie,
                                       false, true, &err));
    lie = children.entries[0].descriptor;
    strcpy(lie.media_type, LK_DOCKER_MANIFEST);
    FAILS_AS(LK_ERR_CONFLICT,
             lk_publisher_accept_child(&bench.publisher, "t1", &children.entries[0].arch, &lie,
                                       false, true, &err));
    lie = children.entries[0].descriptor;
    lie.digest.sha256[0] ^= 1;
    FAILS_AS(LK_ERR_NOT_FOUND,
             lk_publisher_accept_child(&bench.publisher, "t1", &children.entries[0].arch, &lie,
                                       false, true, &err));
}

static void the_order_of_children_does_not_change_the_index(void **state)
{
    LK_CLEANUP(close_bench) struct bench bench;
    struct lk_index                      children, turned;
    struct lk_descriptor                 first, second;
    struct lk_err                        err;

    (void)state;
    open_bench(&bench, "org/order");
    three_images(&bench, &children);
    turned = children;
    turned.entries[0] = children.entries[2];
    turned.entries[2] = children.entries[0];
    SUCCEEDS(lk_publisher_merge(&bench.publisher, "t1", &children, NULL, true, &first, &err));
    size_t posts = local_registry_count(&server, "POST");
    SUCCEEDS(lk_publisher_merge(&bench.publisher, "t1", &turned, NULL, true, &second, &err));
    assert_true(lk_digest_eq(&first.digest, &second.digest));
    assert_string_equal(first.media_type, LK_OCI_INDEX);
    /* But for the three small blobs of the index's signature, which are sent before all questions. */
    assert_int_equal(local_registry_count(&server, "POST"), posts + 3);
}

static void an_index_that_makes_no_sense_is_refused(void **state)
{
    LK_CLEANUP(close_bench) struct bench bench;
    struct lk_index                      children = { 0 };
    struct lk_descriptor                 index;
    struct lk_err                        err;

    (void)state;
    open_bench(&bench, "org/senseless");
    FAILS_AS(LK_ERR_INVALID,
             lk_publisher_merge(&bench.publisher, "t1", &children, NULL, true, &index, &err));
    add_image(&bench, &children, "amd64", "amd64");
    add_image(&bench, &children, "amd64", "amd64");
    FAILS_AS(LK_ERR_INVALID,
             lk_publisher_merge(&bench.publisher, "t1", &children, NULL, true, &index, &err));
    children.count = 1;
    strcpy(children.entries[0].os, "windows");
    FAILS_AS(LK_ERR_INVALID,
             lk_publisher_merge(&bench.publisher, "t1", &children, NULL, true, &index, &err));
}

static void without_a_signer_nothing_is_signed(void **state)
{
    LK_CLEANUP(close_bench) struct bench bench;
    struct lk_index                      children;
    struct lk_descriptor                 index;
    struct lk_found                      found;
    struct lk_err                        err;

    (void)state;
    open_bench(&bench, "org/unsigned");
    three_images(&bench, &children);
    publish(&bench, "off", &children, false, &index);
    SUCCEEDS(lk_publisher_probe(&bench.publisher, "off", &found, &err));
    assert_true(found.index_exists);
    assert_false(found.index_is_signed || found.entries[0].is_signed);
    bench.publisher.signer = NULL;
    publish(&bench, "keyless", &children, true, &index);
    SUCCEEDS(lk_publisher_probe(&bench.publisher, "keyless", &found, &err));
    assert_false(found.index_is_signed || found.entries[0].is_signed);
}

static void a_tag_that_somebody_moved_is_not_overwritten(void **state)
{
    LK_CLEANUP(close_bench) struct bench bench;
    struct lk_index                      children;
    struct lk_descriptor                 first, second;
    struct lk_digest                     nothing = { 0 };
    struct lk_found                      found;
    struct lk_err                        err;

    (void)state;
    open_bench(&bench, "org/moved");
    three_images(&bench, &children);
    publish(&bench, "t1", &children, true, &first);
    children.count = 2;
    SUCCEEDS(lk_publisher_merge(&bench.publisher, "t1", &children, NULL, true, &second, &err));
    FAILS_AS(LK_ERR_CONFLICT,
             lk_publisher_move_tag(&bench.publisher, "t1", &nothing, &second, &err));
    FAILS_AS(LK_ERR_CONFLICT,
             lk_publisher_move_tag(&bench.publisher, "t1", &second.digest,
                                   &(struct lk_descriptor) { .size = 1 }, &err));
    SUCCEEDS(lk_publisher_probe(&bench.publisher, "t1", &found, &err));
    assert_true(lk_digest_eq(&found.index_digest, &first.digest));
    SUCCEEDS(lk_publisher_move_tag(&bench.publisher, "t1", &first.digest, &second, &err));
    /* The same again, as after a crash: it is there already. */
    SUCCEEDS(lk_publisher_move_tag(&bench.publisher, "t1", &first.digest, &second, &err));
}

/* Writes payload and signature of one attached layer to files and asks openssl. */
static void assert_openssl_accepts(struct bench *bench, const json_t *layer)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf payload = LK_BUF_INIT(65536);
    char                                  payload_path[160], signature_path[160];
    const char      *digest_text = json_string_value(json_object_get(layer, "digest"));
    const char      *base64 = json_string_value(json_object_get(
             json_object_get(layer, "annotations"), "dev.cosignproject.cosign/signature"));
    struct lk_digest digest;
    uint8_t          signature[64];
    int              status = -1;
    struct lk_err    err;
    const char      *argv[] = { "openssl",    "pkeyutl",       "-verify",      "-pubin",
                                "-inkey",     public_key_path, "-rawin",       "-in",
                                payload_path, "-sigfile",      signature_path, NULL };

    assert_true(lk_digest_parse(lk_str_of(digest_text), &digest));
    SUCCEEDS(lk_registry_get_blob(bench->registry, &digest, &payload, &err));
    assert_int_equal(sodium_base642bin(signature, sizeof(signature), base64, strlen(base64),
                                       NULL, NULL, NULL, sodium_base64_VARIANT_ORIGINAL),
                     0);
    snprintf(payload_path, sizeof(payload_path), "%s/payload", server.directory);
    snprintf(signature_path, sizeof(signature_path), "%s/signature", server.directory);
    struct lk_str bytes = { (const char *)signature, sizeof(signature) };
    SUCCEEDS(lk_file_replace(payload_path, lk_buf_str(&payload), 0600, &err));
    SUCCEEDS(lk_file_replace(signature_path, bytes, 0600, &err));
    SUCCEEDS(lk_run(argv, NULL, &status, &err));
    assert_int_equal(status, 0);
}

static void openssl_accepts_what_is_attached(struct bench           *bench,
                                             const struct lk_digest *digest,
                                             size_t                  expected_count)
{
    LK_CLEANUP(lk_manifest_fini) struct lk_manifest manifest = { 0 };
    char                                            hex[65], tag[LK_TAG_SIZE];
    struct lk_err                                   err;

    lk_hex_encode(hex, digest->sha256, 32);
    snprintf(tag, sizeof(tag), "sha256-%s.sig", hex);
    SUCCEEDS(lk_registry_get_manifest(bench->registry, tag, &manifest, &err));
    json_t *root = json_loads(lk_buf_text(&manifest.bytes), 0, NULL);
    json_t *layers = json_object_get(root, "layers");
    assert_int_equal(json_array_size(layers), expected_count);
    for (size_t i = 0; i < expected_count; i++)
        assert_openssl_accepts(bench, json_array_get(layers, i));
    json_decref(root);
}

static void openssl_accepts_every_signature_of_a_push(void **state)
{
    LK_CLEANUP(close_bench) struct bench bench;
    struct lk_index                      children;
    struct lk_descriptor                 index;

    (void)state;
    open_bench(&bench, "org/judged");
    three_images(&bench, &children);
    publish(&bench, "t1", &children, true, &index);
    openssl_accepts_what_is_attached(&bench, &index.digest, 1);
    for (size_t i = 0; i < children.count; i++)
        openssl_accepts_what_is_attached(&bench, &children.entries[i].descriptor.digest, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tag_that_is_not_there_is_found_empty),
        cmocka_unit_test(a_published_push_is_found_complete_and_signed),
        cmocka_unit_test(signatures_of_another_tag_do_not_count),
        cmocka_unit_test(a_planted_child_is_reported_untrusted),
        cmocka_unit_test(a_child_signed_for_one_architecture_is_not_trusted_for_another),
        cmocka_unit_test(an_index_that_is_false_about_a_child_is_neither_put_nor_signed),
        cmocka_unit_test(what_this_push_accepted_is_read_by_the_last_look_alone),
        cmocka_unit_test(a_plain_image_under_the_tag_is_told_from_an_index),
        cmocka_unit_test(an_attestation_is_no_architecture),
        cmocka_unit_test(an_arch_tag_is_written_and_read_back),
        cmocka_unit_test(an_image_of_another_architecture_is_refused),
        cmocka_unit_test(an_image_whose_layer_is_not_there_is_refused),
        cmocka_unit_test(a_child_that_is_not_what_was_stated_is_refused),
        cmocka_unit_test(the_order_of_children_does_not_change_the_index),
        cmocka_unit_test(an_index_that_makes_no_sense_is_refused),
        cmocka_unit_test(without_a_signer_nothing_is_signed),
        cmocka_unit_test(a_tag_that_somebody_moved_is_not_overwritten),
        cmocka_unit_test(openssl_accepts_every_signature_of_a_push),
    };

    return cmocka_run_group_tests(tests, local_publisher_set_up, local_publisher_tear_down);
}

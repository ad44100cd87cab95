/* Images that go from one repository to another, and what arch tags name. */
#include "tests/unit/local_publisher.h"

#include "coordinator/registry/copy.h"

#define LAYER_BYTES (3 * 1024 * 1024 + 7)

static struct local_registry other_server;

/* A repository at the second registry. */
static void open_other(struct bench *bench, const char *path)
{
    open_bench(bench, path);
    lk_registry_close(&bench->registry);
    bench->registry = local_registry_connect(&other_server, path, &bench->publisher.repository,
                                             &bench->publisher.options);
    assert_non_null(bench->registry);
}

static void is_the_same_image(struct bench *bench, const struct lk_descriptor *image)
{
    LK_CLEANUP(lk_manifest_fini) struct lk_manifest manifest = { 0 };
    struct lk_image_manifest                        parts;
    char                                            digest[LK_DIGEST_TEXT_SIZE];
    struct lk_err                                   err;

    lk_digest_format(&image->digest, digest);
    SUCCEEDS(lk_registry_get_manifest(bench->registry, digest, &manifest, &err));
    assert_string_equal(manifest.media_type, image->media_type);
    SUCCEEDS(lk_image_manifest_read(lk_buf_str(&manifest.bytes), &parts, &err));
    SUCCEEDS(lk_registry_has_blob(bench->registry, &parts.config.digest, &err));
    for (size_t i = 0; i < parts.layer_count; i++)
        SUCCEEDS(lk_registry_has_blob(bench->registry, &parts.layers[i].digest, &err));
}

static void on_one_host_the_registry_takes_the_blobs_over_itself(void **state)
{
    LK_CLEANUP(close_bench) struct bench from = { 0 };
    LK_CLEANUP(close_bench) struct bench to = { 0 };
    struct lk_index                      children = { 0 };
    const struct lk_descriptor          *image = &children.entries[0].descriptor;
    struct lk_err                        err;

    (void)state;
    open_bench(&from, "copy/from");
    open_bench(&to, "copy/to");
    add_image(&from, &children, "amd64", "amd64");
    size_t puts = local_registry_count(&server, "PUT");
    SUCCEEDS(lk_copy_image(&from.publisher, &to.publisher, image, server.directory, &err));
    assert_int_equal(local_registry_count(&server, "PUT"), puts + 1); /* the manifest alone */
    assert_int_equal(local_registry_count(&server, "PATCH"), 0);
    is_the_same_image(&to, image);
    size_t posts = local_registry_count(&server, "POST");
    SUCCEEDS(lk_copy_image(&from.publisher, &to.publisher, image, server.directory, &err));
    assert_int_equal(local_registry_count(&server, "POST"), posts);
}

/* A manifest over one layer of some megabytes. */
static void put_large_image(struct bench *bench, struct lk_index *children)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf layer = LK_BUF_INIT(LAYER_BYTES);
    LK_CLEANUP(lk_buf_fini) struct lk_buf bytes = LK_BUF_INIT(4096);
    struct lk_descriptor                 *out = &children->entries[0].descriptor;
    struct lk_digest                      layer_digest;
    char          text[LK_DIGEST_TEXT_SIZE], config[LK_DIGEST_TEXT_SIZE];
    struct lk_err err;

    for (size_t i = 0; layer.len < LAYER_BYTES; i++)
        lk_buf_add(&layer, &(char) { (char)(i * i >> 7) }, 1);
    SUCCEEDS(local_registry_put(bench->registry, &layer, &layer_digest, &err));
    lk_digest_format(&layer_digest, text);
    lk_buf_add_text(&bytes, "{\"architecture\":\"amd64\",\"os\":\"linux\"}");
    size_t           config_size = bytes.len;
    struct lk_digest config_digest;
    SUCCEEDS(local_registry_put(bench->registry, &bytes, &config_digest, &err));
    lk_digest_format(&config_digest, config);
    lk_buf_clear(&bytes);
    lk_buf_printf(&bytes,
                  "{\"schemaVersion\":2,\"mediaType\":\"" LK_OCI_MANIFEST "\",\"config\":{"
                  "\"mediaType\":\"" LK_OCI_CONFIG "\",\"size\":%zu,\"digest\":\"%s\"},"
                  "\"layers\":[{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar\","
                  "\"size\":%d,\"digest\":\"%s\"}]}",
                  config_size, config, LAYER_BYTES, text);
    lk_sha256(lk_buf_text(&bytes), bytes.len, &out->digest);
    lk_digest_format(&out->digest, text);
    lk_copy_text(out->media_type, sizeof(out->media_type), LK_OCI_MANIFEST);
    out->size = bytes.len;
    SUCCEEDS(lk_registry_put_manifest(bench->registry, text, lk_buf_str(&bytes),
                                      LK_OCI_MANIFEST, &err));
}

static void between_hosts_every_byte_is_carried_over_once(void **state)
{
    LK_CLEANUP(close_bench) struct bench from = { 0 };
    LK_CLEANUP(close_bench) struct bench to = { 0 };
    struct lk_index                      children = { 0 };
    const struct lk_descriptor          *image = &children.entries[0].descriptor;
    struct lk_err                        err;

    (void)state;
    open_bench(&from, "copy/far");
    open_other(&to, "copy/far");
    put_large_image(&from, &children);
    SUCCEEDS(lk_copy_image(&from.publisher, &to.publisher, image, server.directory, &err));
    is_the_same_image(&to, image);
    size_t posts = local_registry_count(&other_server, "POST");
    SUCCEEDS(lk_copy_image(&from.publisher, &to.publisher, image, server.directory, &err));
    assert_int_equal(local_registry_count(&other_server, "POST"), posts);
}

static void what_is_not_there_is_not_copied(void **state)
{
    LK_CLEANUP(close_bench) struct bench from = { 0 };
    LK_CLEANUP(close_bench) struct bench to = { 0 };
    struct lk_index                      children = { 0 };
    struct lk_descriptor                 image;
    struct lk_err                        err;

    (void)state;
    open_bench(&from, "copy/nothing");
    open_other(&to, "copy/nothing");
    add_image(&from, &children, "amd64", "amd64");
    image = children.entries[0].descriptor;
    image.digest.sha256[0] ^= 1;
    FAILS_AS(LK_ERR_NOT_FOUND,
             lk_copy_image(&from.publisher, &to.publisher, &image, server.directory, &err));
    assert_non_null(strstr(err.text, "copying from"));
    assert_non_null(strstr(err.text, from.publisher.repository.repository));
    FAILS_AS(LK_ERR_PERMANENT,
             lk_copy_image(&from.publisher, &to.publisher, &children.entries[0].descriptor,
                           "/nonexistent", &err));
    assert_non_null(strstr(err.text, "/nonexistent"));
}

static void a_blob_that_is_not_what_was_stated_is_refused(void **state)
{
    LK_CLEANUP(close_bench) struct bench  bench = { 0 };
    LK_CLEANUP(lk_buf_fini) struct lk_buf blob = LK_BUF_INIT(64);
    struct lk_digest                      digest, found;
    struct lk_err                         err;
    uint64_t                              size;
    FILE                                 *file = tmpfile();

    (void)state;
    assert_non_null(file);
    open_bench(&bench, "copy/blob");
    lk_buf_add_text(&blob, "a blob");
    SUCCEEDS(local_registry_put(bench.registry, &blob, &digest, &err));
    for (int twice = 0; twice < 2; twice++) /* the file is emptied first */
        SUCCEEDS(lk_registry_fetch_blob(bench.registry, &digest, 6, fileno(file), &err));
    SUCCEEDS(lk_sha256_fd(fileno(file), &found, &size, &err));
    assert_true(lk_digest_eq(&found, &digest));
    FAILS_AS(LK_ERR_CONFLICT,
             lk_registry_fetch_blob(bench.registry, &digest, 7, fileno(file), &err));
    FAILS_AS(LK_ERR_CONFLICT,
             lk_registry_fetch_blob(bench.registry, &digest, 5, fileno(file), &err));
    digest.sha256[0] ^= 1;
    FAILS_AS(LK_ERR_NOT_FOUND,
             lk_registry_fetch_blob(bench.registry, &digest, 6, fileno(file), &err));
    FAILS_AS(LK_ERR_NOT_FOUND,
             lk_registry_mount_blob(bench.registry, &digest, "copy/from", &err));
    fclose(file);
}

static void arch_tags_are_found_with_what_they_are_signed_as(void **state)
{
    LK_CLEANUP(close_bench) struct bench bench = { 0 };
    struct lk_arch  arches[] = { arch_of("amd64"), arch_of("arm64"), arch_of("s390x") };
    struct lk_index children = { 0 };
    struct lk_found found;
    struct lk_err   err;

    (void)state;
    open_bench(&bench, "copy/tags");
    add_image(&bench, &children, "amd64", "amd64");
    add_image(&bench, &children, "s390x", "s390x");
    for (size_t i = 0; i < children.count; i++)
        SUCCEEDS(lk_publisher_accept_child(&bench.publisher, "t1", &children.entries[i].arch,
                                           &children.entries[i].descriptor, false, true, &err));
    sign_under(&bench, &children.entries[1].descriptor.digest, "t1-s390x");
    sign_under(&bench, &children.entries[0].descriptor.digest, "t1");
    SUCCEEDS(lk_publisher_probe_arch_tags(&bench.publisher, "t1", arches, 3, &found, &err));
    assert_int_equal(found.count, 2);
    for (size_t i = 0; i < 2; i++) {
        const struct lk_found_entry *entry = &found.entries[i];
        assert_true(lk_arch_eq(&entry->arch, &children.entries[i].arch));
        assert_memory_equal(&entry->descriptor.digest, &children.entries[i].descriptor.digest,
                            sizeof(entry->descriptor.digest));
        assert_int_equal(entry->descriptor.size, children.entries[i].descriptor.size);
        assert_string_equal(entry->descriptor.media_type, LK_OCI_MANIFEST);
        assert_int_equal(entry->is_signed, i == 1);
    }
}

static void an_arch_tag_that_names_an_index_is_refused(void **state)
{
    LK_CLEANUP(close_bench) struct bench bench = { 0 };
    struct lk_arch                       arch = arch_of("amd64");
    struct lk_index                      children = { 0 };
    struct lk_digest                     digest;
    struct lk_found                      found;
    struct lk_err                        err;

    (void)state;
    open_bench(&bench, "copy/index");
    add_image(&bench, &children, "amd64", "amd64");
    plant_index(&bench, "t1-amd64", &children, &digest);
    FAILS_AS(LK_ERR_CONFLICT,
             lk_publisher_probe_arch_tags(&bench.publisher, "t1", &arch, 1, &found, &err));
    assert_non_null(strstr(err.text, "t1-amd64"));
}

static void a_child_without_an_arch_tag_is_only_checked(void **state)
{
    LK_CLEANUP(close_bench) struct bench            bench = { 0 };
    LK_CLEANUP(lk_manifest_fini) struct lk_manifest manifest = { 0 };
    struct lk_index                                 children = { 0 };
    struct lk_err                                   err;

    (void)state;
    open_bench(&bench, "copy/untagged");
    add_image(&bench, &children, "amd64", "amd64");
    SUCCEEDS(lk_publisher_accept_child(&bench.publisher, "t1", &children.entries[0].arch,
                                       &children.entries[0].descriptor, false, false, &err));
    FAILS_AS(LK_ERR_NOT_FOUND,
             lk_registry_get_manifest(bench.registry, "t1-amd64", &manifest, &err));
}

static int set_up(void **state)
{
    return local_publisher_set_up(state) < 0 || local_registry_start(&other_server) < 0 ? -1
                                                                                        : 0;
}

static int tear_down(void **state)
{
    int result = local_registry_stop(&other_server);

    return local_publisher_tear_down(state) < 0 ? -1 : result;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(on_one_host_the_registry_takes_the_blobs_over_itself),
        cmocka_unit_test(between_hosts_every_byte_is_carried_over_once),
        cmocka_unit_test(what_is_not_there_is_not_copied),
        cmocka_unit_test(a_blob_that_is_not_what_was_stated_is_refused),
        cmocka_unit_test(arch_tags_are_found_with_what_they_are_signed_as),
        cmocka_unit_test(an_arch_tag_that_names_an_index_is_refused),
        cmocka_unit_test(a_child_without_an_arch_tag_is_only_checked),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}

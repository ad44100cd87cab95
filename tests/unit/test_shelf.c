/* common/registry/shelf: what a registry does, done by a directory. */
#include "common/hash/sha256.h"
#include "common/oci/oci.h"
#include "common/os/file.h"
#include "common/registry/registry.h"
#include "common/registry/shelf.h"

#include <fcntl.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define LARGE (9 * 1024 * 1024) /* sent in pieces, not at once */

static const char manifest_text[] = "{\"schemaVersion\":2}";

struct world {
    char                directory[64];
    struct lk_registry *registry;
    struct lk_err       err;
};

static int set_up(void **state)
{
    struct world              *world = lk_xcalloc(1, sizeof(*world));
    struct lk_registry_options options = { .user_agent = "test", .patience_ms = 1000 };
    struct lk_reference        repository;

    assert_true(sodium_init() >= 0);
    strcpy(world->directory, "/tmp/lkshelf.XXXXXX");
    assert_non_null(mkdtemp(world->directory));
    lk_shelf_use(world->directory);
    assert_int_equal(
        lk_reference_parse(LK_STR(LK_SHELF_HOST "/blobs/some"), &repository, &world->err), 0);
    assert_int_equal(lk_registry_open(&world->registry, &repository, &options, &world->err), 0);
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;

    lk_registry_close(&world->registry);
    assert_int_equal(lk_directory_remove(world->directory, &world->err), 0);
    lk_shelf_use("");
    free(world);
    return 0;
}

static void a_manifest_is_found_by_tag_and_by_digest_with_its_type(void **state)
{
    struct world      *world = *state;
    struct lk_manifest found = { 0 };
    char               digest[LK_DIGEST_TEXT_SIZE];

    assert_int_equal(lk_registry_put_manifest(world->registry, "1.0", lk_str_of(manifest_text),
                                              LK_OCI_INDEX, &world->err),
                     0);
    assert_int_equal(lk_registry_get_manifest(world->registry, "1.0", &found, &world->err), 0);
    assert_string_equal(lk_buf_text(&found.bytes), manifest_text);
    assert_string_equal(found.media_type, LK_OCI_INDEX);
    lk_digest_format(&found.digest, digest);
    lk_manifest_fini(&found);
    assert_int_equal(lk_registry_get_manifest(world->registry, digest, &found, &world->err), 0);
    lk_manifest_fini(&found);
}

static void what_is_not_there_is_not_found(void **state)
{
    struct world      *world = *state;
    struct lk_manifest found = { 0 };
    struct lk_digest   digest;

    lk_sha256("x", 1, &digest);
    assert_int_equal(lk_registry_get_manifest(world->registry, "1.0", &found, &world->err), -1);
    assert_int_equal(world->err.kind, LK_ERR_NOT_FOUND);
    assert_int_equal(lk_registry_has_blob(world->registry, &digest, &world->err), -1);
    assert_int_equal(world->err.kind, LK_ERR_NOT_FOUND);
}

static void a_manifest_that_has_another_digest_is_refused(void **state)
{
    struct world    *world = *state;
    struct lk_digest digest;
    char             text[LK_DIGEST_TEXT_SIZE];

    lk_sha256("x", 1, &digest);
    lk_digest_format(&digest, text);
    assert_int_equal(lk_registry_put_manifest(world->registry, text, lk_str_of(manifest_text),
                                              LK_OCI_INDEX, &world->err),
                     -1);
    assert_int_equal(access(world->directory, F_OK), 0);
}

static void a_small_blob_comes_back(void **state)
{
    struct world    *world = *state;
    struct lk_buf    found = LK_BUF_INIT(100);
    struct lk_digest digest;

    lk_sha256("hello", 5, &digest);
    assert_int_equal(
        lk_registry_put_blob(world->registry, &digest, LK_STR("hello"), &world->err), 0);
    assert_int_equal(lk_registry_get_blob(world->registry, &digest, &found, &world->err), 0);
    assert_string_equal(lk_buf_text(&found), "hello");
    lk_buf_fini(&found);
}

static int large_file(struct lk_digest *digest)
{
    char     name[] = "/tmp/lkshelf.XXXXXX";
    int      fd = mkstemp(name);
    uint64_t size;

    assert_true(fd >= 0);
    unlink(name);
    assert_int_equal(ftruncate(fd, LARGE), 0);
    assert_int_equal(pwrite(fd, "end", 3, LARGE - 3), 3);

    struct lk_err err;

    assert_int_equal(lk_sha256_fd(fd, digest, &size, &err), 0);
    return fd;
}

static void a_large_blob_goes_in_from_a_file_once(void **state)
{
    struct world         *world = *state;
    struct lk_upload      upload = { .size = LARGE };
    enum lk_upload_result result;

    upload.fd = large_file(&upload.digest);
    assert_int_equal(lk_registry_upload_blob(world->registry, &upload, &result, &world->err),
                     0);
    assert_int_equal(result, LK_UPLOAD_SENT);
    assert_int_equal(lk_registry_upload_blob(world->registry, &upload, &result, &world->err),
                     0);
    assert_int_equal(result, LK_UPLOAD_EXISTED);
    close(upload.fd);
}

static void a_large_blob_comes_out_into_a_file(void **state)
{
    struct world    *world = *state;
    struct lk_upload upload = { .size = LARGE };
    int              fd = memfd_create("fetched", MFD_CLOEXEC);

    upload.fd = large_file(&upload.digest);
    assert_int_equal(lk_registry_upload_blob(world->registry, &upload, NULL, &world->err), 0);
    assert_int_equal(
        lk_registry_fetch_blob(world->registry, &upload.digest, LARGE, fd, &world->err), 0);
    assert_int_equal(lseek(fd, 0, SEEK_END), LARGE);
    upload.digest.sha256[0] ^= 1;
    assert_int_equal(
        lk_registry_fetch_blob(world->registry, &upload.digest, LARGE, fd, &world->err), -1);
    assert_int_equal(world->err.kind, LK_ERR_NOT_FOUND);
    close(fd);
    close(upload.fd);
}

static void bytes_that_are_not_the_digests_are_not_kept(void **state)
{
    struct world    *world = *state;
    struct lk_upload upload = { .size = LARGE };

    upload.fd = large_file(&upload.digest);
    upload.digest.sha256[0] ^= 1;
    assert_int_equal(lk_registry_upload_blob(world->registry, &upload, NULL, &world->err), -1);
    assert_int_equal(lk_registry_has_blob(world->registry, &upload.digest, &world->err), -1);
    assert_int_equal(world->err.kind, LK_ERR_NOT_FOUND);
    close(upload.fd);
}

static void it_wants_no_credentials(void **state)
{
    struct world        *world = *state;
    struct lk_credential ticket = { .kind = LK_CREDENTIAL_BASIC };
    uint32_t             valid_ms;

    assert_int_equal(lk_registry_fetch_ticket(world->registry, &ticket, &valid_ms, &world->err),
                     0);
    assert_int_equal(ticket.kind, LK_CREDENTIAL_NONE);
}

static void other_hosts_are_not_served(void **state)
{
    (void)state;
    assert_true(lk_shelf_serves("https://" LK_SHELF_HOST "/v2/a/blobs/x"));
    assert_false(lk_shelf_serves("https://registry.example/v2/a/blobs/x"));
    assert_false(lk_shelf_serves("https://x/?y=https://" LK_SHELF_HOST "/v2/a/blobs/x"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_manifest_is_found_by_tag_and_by_digest_with_its_type),
        TEST(what_is_not_there_is_not_found),
        TEST(a_manifest_that_has_another_digest_is_refused),
        TEST(a_small_blob_comes_back),
        TEST(a_large_blob_goes_in_from_a_file_once),
        TEST(a_large_blob_comes_out_into_a_file),
        TEST(bytes_that_are_not_the_digests_are_not_kept),
        TEST(it_wants_no_credentials),
        TEST(other_hosts_are_not_served),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

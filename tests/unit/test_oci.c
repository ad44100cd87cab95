#include "common/oci/oci.h"

#include "common/base/hex.h"
#include "common/hash/sha256.h"
#include "common/os/file.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <sodium.h>

#define HEX_A            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HEX_B            "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define ENTRY(type, hex) "{\"mediaType\":\"" type "\",\"size\":7,\"digest\":\"sha256:" hex "\""
#define IMAGE(hex)       ENTRY(LK_OCI_MANIFEST, hex)

#define must(call)                    \
    do {                              \
        if ((call) < 0)               \
            fail_msg("%s", err.text); \
    } while (0)

static const char canonical[] =
    "{\"schemaVersion\":2,\"mediaType\":\"" LK_OCI_INDEX "\",\"manifests\":[" IMAGE(
        HEX_B) ",\"platform\":{\"architecture\":\"amd64\",\"os\":"
               "\"linux\"}}," IMAGE(HEX_A) ",\"platform\":{\"architecture\":"
                                           "\"arm64\",\"os\":\"linux\",\"variant\":"
                                           "\"v8\"}}," IMAGE(HEX_A) "}]}";

static struct lk_index_entry entry(const char *type, char fill, const char *arch,
                                   const char *variant)
{
    struct lk_index_entry made = { .descriptor.size = 7 };

    lk_copy_text(made.descriptor.media_type, sizeof(made.descriptor.media_type), type);
    memset(made.descriptor.digest.sha256, fill == 'a' ? 0xaa : 0xbb, 32);
    lk_copy_text(made.arch.name, sizeof(made.arch.name), arch);
    lk_copy_text(made.os, sizeof(made.os), arch[0] ? "linux" : "");
    lk_copy_text(made.variant, sizeof(made.variant), variant);
    return made;
}

static void an_index_has_the_same_bytes_whatever_the_order_of_its_entries(void **state)
{
    struct lk_index                       one = { .count = 3,
                                                  .entries = { entry(LK_OCI_MANIFEST, 'a', "arm64", "v8"),
                                                               entry(LK_OCI_MANIFEST, 'a', "", ""),
                                                               entry(LK_OCI_MANIFEST, 'b', "amd64", "") } };
    struct lk_index                       other = { .count = 3,
                                                    .entries = { one.entries[1], one.entries[2], one.entries[0] } };
    LK_CLEANUP(lk_buf_fini) struct lk_buf first = LK_BUF_INIT(LK_MANIFEST_BYTES_MAX);
    LK_CLEANUP(lk_buf_fini) struct lk_buf second = LK_BUF_INIT(LK_MANIFEST_BYTES_MAX);
    struct lk_err                         err;

    (void)state;
    must(lk_index_write(&one, &first, &err));
    must(lk_index_write(&other, &second, &err));
    assert_string_equal(lk_buf_text(&first), canonical);
    assert_string_equal(lk_buf_text(&second), canonical);
}

static void an_index_follows_the_kind_of_its_children(void **state)
{
    struct lk_index                       index = { .count = 2,
                                                    .entries = { entry(LK_DOCKER_MANIFEST, 'a', "amd64", ""),
                                                                 entry(LK_DOCKER_MANIFEST, 'b', "s390x", "") } };
    LK_CLEANUP(lk_buf_fini) struct lk_buf bytes = LK_BUF_INIT(LK_MANIFEST_BYTES_MAX);
    struct lk_index                       back;
    struct lk_err                         err;

    (void)state;
    must(lk_index_write(&index, &bytes, &err));
    must(lk_index_read(lk_buf_str(&bytes), &back, &err));
    assert_true(back.docker);
    lk_buf_clear(&bytes);
    index.entries[0] = entry(LK_OCI_MANIFEST, 'a', "amd64", "");
    must(lk_index_write(&index, &bytes, &err));
    must(lk_index_read(lk_buf_str(&bytes), &back, &err));
    assert_false(back.docker);
    index.count = 0;
    assert_int_equal(lk_index_write(&index, &bytes, &err), -1);
}

static void an_index_is_read_as_it_was_written(void **state)
{
    struct lk_index index;
    struct lk_err   err;

    (void)state;
    must(lk_index_read(LK_STR(canonical), &index, &err));
    assert_int_equal(index.count, 3);
    assert_string_equal(index.entries[1].arch.name, "arm64");
    assert_string_equal(index.entries[1].variant, "v8");
    assert_string_equal(index.entries[1].descriptor.media_type, LK_OCI_MANIFEST);
    assert_int_equal(index.entries[1].descriptor.size, 7);
    assert_int_equal(index.entries[1].descriptor.digest.sha256[31], 0xaa);
    assert_string_equal(index.entries[2].arch.name, "");
}

#define INDEX(fields) "{\"schemaVersion\":2," fields "}"

static const char *const bad_indexes[] = {
    "",
    "[]",
    "{",
    "{\"manifests\":[]}",
    "{\"schemaVersion\":1,\"manifests\":[]}",
    INDEX("\"manifests\":{}"),
    INDEX("\"manifests\":[1]"),
    INDEX("\"manifests\":[],\"manifests\":[]"),
    INDEX("\"manifests\":[],\"layers\":[]"),
    INDEX("\"mediaType\":\"" LK_OCI_MANIFEST "\",\"manifests\":[]"),
    INDEX("\"mediaType\":7,\"manifests\":[]"),
    INDEX("\"manifests\":[{\"mediaType\":\"x\",\"size\":7,\"digest\":\"sha256:12\"}]"),
    INDEX("\"manifests\":[{\"mediaType\":\"x\",\"size\":-1,\"digest\":\"sha256:" HEX_A "\"}]"),
    INDEX("\"manifests\":[{\"mediaType\":\"x\",\"size\":1.5,\"digest\":\"sha256:" HEX_A "\"}]"),
    INDEX("\"manifests\":[{\"size\":7,\"digest\":\"sha256:" HEX_A "\"}]"),
    INDEX("\"manifests\":[" IMAGE(HEX_A) ",\"platform\":\"amd64\"}]"),
};

static void documents_that_are_no_index_are_refused(void **state)
{
    struct lk_index                       index;
    LK_CLEANUP(lk_buf_fini) struct lk_buf many = LK_BUF_INIT(100000);
    struct lk_err                         err;

    (void)state;
    for (size_t i = 0; i < LK_COUNT(bad_indexes); i++) {
        if (lk_index_read(lk_str_of(bad_indexes[i]), &index, &err) == 0)
            fail_msg("taken: %s", bad_indexes[i]);
        assert_int_equal(err.kind, LK_ERR_INVALID);
    }
    lk_buf_add_text(&many, "{\"schemaVersion\":2,\"manifests\":[" IMAGE(HEX_A) "}");
    for (int i = 0; i < LK_INDEX_ENTRIES_MAX; i++)
        lk_buf_add_text(&many, "," IMAGE(HEX_A) "}");
    lk_buf_add_text(&many, "]}");
    assert_int_equal(lk_index_read(lk_buf_str(&many), &index, &err), -1);
    assert_int_equal(err.kind, LK_ERR_LIMIT);
    lk_buf_clear(&many);
    for (int i = 0; i < 50000; i++)
        lk_buf_add_text(&many, "[");
    assert_int_equal(lk_index_read(lk_buf_str(&many), &index, &err), -1);
}

static const char image[] = "{\"schemaVersion\":2,\"config\":" ENTRY(
    LK_OCI_CONFIG, HEX_A) "},"
                          "\"layers\":[" ENTRY("application/x-tar",
                                               HEX_B) ",\"urls\":[]}],"
                                                      "\"annotations\":{\"x\":\"y\"}}";

static void an_image_manifest_names_its_config_and_layers(void **state)
{
    struct lk_image_manifest manifest;
    struct lk_err            err;

    (void)state;
    must(lk_image_manifest_read(LK_STR(image), &manifest, &err));
    assert_false(manifest.docker);
    assert_int_equal(manifest.layer_count, 1);
    assert_string_equal(manifest.config.media_type, LK_OCI_CONFIG);
    assert_int_equal(manifest.layers[0].digest.sha256[0], 0xbb);
    assert_int_equal(lk_image_manifest_read(LK_STR(canonical), &manifest, &err), -1);
}

static void an_image_config_must_say_what_it_runs_on(void **state)
{
    struct lk_image_config config;
    struct lk_err          err;

    (void)state;
    must(lk_image_config_read(
        LK_STR("{\"architecture\":\"riscv64\",\"os\":\"linux\",\"rootfs\":{}}"), &config,
        &err));
    assert_string_equal(config.arch.name, "riscv64");
    assert_string_equal(config.os, "linux");
    assert_int_equal(lk_image_config_read(LK_STR("{\"os\":\"linux\"}"), &config, &err), -1);
    assert_int_equal(
        lk_image_config_read(LK_STR("{\"architecture\":\"AMD64\",\"os\":\"linux\"}"), &config,
                             &err),
        -1);
    assert_int_equal(lk_image_config_read(LK_STR("{\"architecture\":\"arm\"}"), &config, &err),
                     -1);
}

/* Writes a blob under its digest; `descriptor` (if given) gets the descriptor's JSON without its last brace. */
static void put(const char *directory, const char *text, const char *type, char descriptor[400])
{
    struct lk_digest digest;
    char             name[LK_DIGEST_TEXT_SIZE], path[256];
    struct lk_err    err;

    lk_sha256(text, strlen(text), &digest);
    lk_digest_format(&digest, name);
    snprintf(path, sizeof(path), "%s/blobs/sha256/%s", directory, name + strlen("sha256:"));
    must(lk_file_replace(path, lk_str_of(text), 0644, &err));
    snprintf(descriptor, 400, "{\"mediaType\":\"%s\",\"size\":%zu,\"digest\":\"%s\"", type,
             strlen(text), name);
}

static void put_index(const char *directory, const char *format, ...) LK_PRINTF(2, 3);
static void put_index(const char *directory, const char *format, ...)
{
    char          text[2000], path[256];
    struct lk_err err;
    va_list       args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    snprintf(path, sizeof(path), "%s/index.json", directory);
    must(lk_file_replace(path, lk_str_of(text), 0644, &err));
}

static void the_one_image_of_a_layout_is_found_and_checked(void **state)
{
    char                                  directory[] = "/tmp/lk-test-oci-XXXXXX";
    char                                  path[256], child[400], nested[400], text[1000];
    struct lk_descriptor                  found;
    LK_CLEANUP(lk_buf_fini) struct lk_buf bytes = LK_BUF_INIT(LK_MANIFEST_BYTES_MAX);
    struct lk_err                         err;

    (void)state;
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof(path), "%s/blobs/sha256", directory);
    must(lk_directory_make(path, 0755, &err));
    assert_int_equal(lk_layout_read(directory, &found, &bytes, &err), -1);
    assert_int_equal(err.kind, LK_ERR_NOT_FOUND);

    put(directory, image, LK_OCI_MANIFEST, child);
    put_index(directory, INDEX("\"manifests\":[%s}]"), child);
    must(lk_layout_read(directory, &found, &bytes, &err));
    assert_string_equal(lk_buf_text(&bytes), image);
    assert_int_equal(found.size, strlen(image));

    snprintf(text, sizeof(text),
             INDEX("\"manifests\":[%s},%s,\"platform\":{\"architecture\":\"unknown\"}}]"),
             child, IMAGE(HEX_A));
    put(directory, text, LK_OCI_INDEX, nested);
    put_index(directory, INDEX("\"manifests\":[%s}]"), nested);
    must(lk_layout_read(directory, &found, &bytes, &err));
    assert_string_equal(lk_buf_text(&bytes), image);

    put_index(directory, INDEX("\"manifests\":[%s},%s}]"), child, child);
    assert_int_equal(lk_layout_read(directory, &found, &bytes, &err), -1);
    assert_int_equal(err.kind, LK_ERR_INVALID);
    put_index(directory, INDEX("\"manifests\":[]"));
    assert_int_equal(lk_layout_read(directory, &found, &bytes, &err), -1);
    put_index(directory, INDEX("\"manifests\":[%s}]"), IMAGE(HEX_A));
    assert_int_equal(lk_layout_read(directory, &found, &bytes, &err), -1);
    assert_int_equal(err.kind, LK_ERR_NOT_FOUND);

    snprintf(path, sizeof(path), "%s/blobs/sha256/" HEX_A, directory);
    must(lk_file_replace(path, LK_STR("forgery"), 0644, &err));
    assert_int_equal(lk_layout_read(directory, &found, &bytes, &err), -1);
    assert_int_equal(err.kind, LK_ERR_CONFLICT);
    unlink(path);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    assert_int_equal(lk_layout_read(directory, &found, &bytes, &err), -1);
    must(lk_directory_remove(directory, &err));
}

static void a_digest_is_that_of_the_standard(void **state)
{
    char             name[LK_DIGEST_TEXT_SIZE], path[] = "/tmp/lk-test-oci-XXXXXX";
    struct lk_digest digest, of_file;
    uint64_t         size;
    int              fd = mkostemp(path, O_CLOEXEC);
    struct lk_err    err;

    (void)state;
    unlink(path);
    lk_sha256("abc", 3, &digest);
    lk_digest_format(&digest, name);
    assert_string_equal(
        name, "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_int_equal(write(fd, "abc", 3), 3);
    must(lk_sha256_fd(fd, &of_file, &size, &err));
    assert_int_equal(size, 3);
    assert_true(lk_digest_eq(&digest, &of_file));
    close(fd);
}

static int start(void **state)
{
    (void)state;
    return sodium_init() < 0 ? -1 : 0;
}

/* `head`, then `count` times `item` with commas, then `tail`. */
static void repeat(struct lk_buf *out, const char *head, const char *item, int count,
                   const char *tail)
{
    lk_buf_clear(out);
    lk_buf_add_text(out, head);
    for (int i = 0; i < count; i++) {
        lk_buf_add_text(out, i ? "," : "");
        lk_buf_add_text(out, item);
    }
    assert_int_equal(lk_buf_add_text(out, tail), true);
}

static void layers_are_counted(void **state)
{
    static struct lk_image_manifest       manifest;
    static struct lk_image_rootfs         rootfs;
    LK_CLEANUP(lk_buf_fini) struct lk_buf text = LK_BUF_INIT(100000);
    struct lk_err                         err;
    const char                           *head =
        "{\"schemaVersion\":2,\"config\":" ENTRY(LK_OCI_CONFIG, HEX_A) "},\"layers\":[";
    const char *layer = ENTRY("application/x-tar", HEX_B) "}";

    (void)state;
    repeat(&text, head, layer, LK_IMAGE_LAYERS_MAX, "]}");
    must(lk_image_manifest_read(lk_buf_str(&text), &manifest, &err));
    repeat(&text, head, layer, LK_IMAGE_LAYERS_MAX + 1, "]}");
    assert_int_equal(lk_image_manifest_read(lk_buf_str(&text), &manifest, &err), -1);
    assert_int_equal(err.kind, LK_ERR_LIMIT);
    assert_non_null(strstr(err.text, "it has 257 layers, at most 256 are read"));
    repeat(&text, "{\"rootfs\":{\"diff_ids\":[", "\"sha256:" HEX_A "\"", LK_IMAGE_LAYERS_MAX,
           "]}}");
    must(lk_image_rootfs_read(lk_buf_str(&text), &rootfs, &err));
    repeat(&text, "{\"rootfs\":{\"diff_ids\":[", "\"sha256:" HEX_A "\"",
           LK_IMAGE_LAYERS_MAX + 1, "]}}");
    assert_int_equal(lk_image_rootfs_read(lk_buf_str(&text), &rootfs, &err), -1);
    assert_int_equal(err.kind, LK_ERR_LIMIT);
    assert_non_null(strstr(err.text, "it has 257 layers, at most 256 are read"));
}

static void documents_above_four_mebibytes_are_not_parsed(void **state)
{
    static char                     text[LK_MANIFEST_BYTES_MAX + 1];
    static struct lk_index          index;
    static struct lk_image_manifest manifest;
    struct lk_str                   bytes = { text, sizeof(text) };
    struct lk_err                   err;

    (void)state;
    memset(text, ' ', sizeof(text));
    assert_int_equal(lk_index_read(bytes, &index, &err), -1);
    assert_int_equal(err.kind, LK_ERR_LIMIT);
    assert_non_null(strstr(err.text, "it has 4194305 bytes, at most 4194304 are read"));
    assert_int_equal(lk_image_manifest_read(bytes, &manifest, &err), -1);
    assert_int_equal(err.kind, LK_ERR_LIMIT);
}

/* The files of a layout are a builder's. */
static void an_index_file_above_four_mebibytes_is_not_read(void **state)
{
    char                                  directory[] = "/tmp/lk-test-oci-XXXXXX", path[64];
    LK_CLEANUP(lk_buf_fini) struct lk_buf bytes = LK_BUF_INIT(LK_MANIFEST_BYTES_MAX);
    struct lk_descriptor                  found;
    struct lk_err                         err;

    (void)state;
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof(path), "%s/index.json", directory);
    must(lk_file_replace(path, LK_STR("{}"), 0644, &err));
    assert_int_equal(truncate(path, LK_MANIFEST_BYTES_MAX + 1), 0);
    assert_int_equal(lk_layout_read(directory, &found, &bytes, &err), -1);
    assert_int_equal(err.kind, LK_ERR_LIMIT);
    assert_non_null(strstr(err.text, "index.json: larger than 4194304 bytes"));
    must(lk_directory_remove(directory, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_index_has_the_same_bytes_whatever_the_order_of_its_entries),
        cmocka_unit_test(an_index_follows_the_kind_of_its_children),
        cmocka_unit_test(an_index_is_read_as_it_was_written),
        cmocka_unit_test(documents_that_are_no_index_are_refused),
        cmocka_unit_test(layers_are_counted),
        cmocka_unit_test(documents_above_four_mebibytes_are_not_parsed),
        cmocka_unit_test(an_image_manifest_names_its_config_and_layers),
        cmocka_unit_test(an_image_config_must_say_what_it_runs_on),
        cmocka_unit_test(the_one_image_of_a_layout_is_found_and_checked),
        cmocka_unit_test(a_digest_is_that_of_the_standard),
        cmocka_unit_test(an_index_file_above_four_mebibytes_is_not_read),
    };

    return cmocka_run_group_tests(tests, start, NULL);
}

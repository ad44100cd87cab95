/* Images that a package depends on: from a real registry into archives, which skopeo judges. */
#include "agent/depends/depends.h"

#include "common/http/http.h"
#include "common/os/spawn.h"
#include "common/oci/layer.h"
#include "tests/unit/local_registry.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <sodium.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define LAYERS 3

static struct local_registry registry;
static char                  world[] = "/tmp/lk-test-saved-images-XXXXXX";
static char                  context[64], scratch[64];
static struct lk_digest      index_digest;

enum packing { PLAIN, GZIP, ZSTD };

/* A tar with one file of `size` bytes; its unpacked digest is the diff_id. */
static void make_layer(struct lk_buf *out, const char *name, size_t size, enum packing packing)
{
    LK_CLEANUP(lk_free_pointer) char *memory = lk_xmalloc(size + (1 << 20));
    LK_CLEANUP(lk_free_pointer) char *content = lk_xmalloc(size + 1);
    struct archive                   *tar = archive_write_new();
    struct archive_entry             *entry = archive_entry_new();
    size_t                            used = 0;

    for (size_t i = 0; i < size; i++)
        content[i] = (char)(name[0] + (char)(i % 7));
    if (packing == GZIP)
        assert_int_equal(archive_write_add_filter_gzip(tar), ARCHIVE_OK);
    if (packing == ZSTD)
        assert_int_equal(archive_write_add_filter_zstd(tar), ARCHIVE_OK);
    archive_write_set_format_ustar(tar);
    assert_int_equal(archive_write_open_memory(tar, memory, size + (1 << 20), &used),
                     ARCHIVE_OK);
    archive_entry_set_pathname(entry, name);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_size(entry, (la_int64_t)size);
    assert_int_equal(archive_write_header(tar, entry), ARCHIVE_OK);
    assert_int_equal(archive_write_data(tar, content, size), size);
    assert_int_equal(archive_write_close(tar), ARCHIVE_OK);
    archive_entry_free(entry);
    archive_write_free(tar);
    lk_buf_add(out, memory, used);
}

static void put_blob(struct lk_registry *to, struct lk_buf *bytes, struct lk_digest *digest)
{
    struct lk_err err = { 0 };

    if (local_registry_put(to, bytes, digest, &err) < 0)
        fail_msg("%s", err.text);
}

static void put_document(struct lk_registry *to, const struct lk_buf *bytes, const char *type,
                         struct lk_digest *digest)
{
    struct lk_err err = { 0 };
    char          text[LK_DIGEST_TEXT_SIZE];

    lk_sha256(lk_buf_text(bytes), bytes->len, digest);
    lk_digest_format(digest, text);
    if (lk_registry_put_manifest(to, text, lk_buf_str(bytes), type, &err) < 0)
        fail_msg("%s", err.text);
}

/* Three layers, packed in the three ways; the first is the same for every arch. */
static void put_image(struct lk_registry *to, const char *arch, bool lies,
                      struct lk_descriptor *out)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf config = LK_BUF_INIT(65536);
    LK_CLEANUP(lk_buf_fini) struct lk_buf manifest = LK_BUF_INIT(65536);
    struct lk_digest                      digest;
    char                                  text[LK_DIGEST_TEXT_SIZE];

    lk_buf_printf(&config,
                  "{\"architecture\":\"%s\",\"os\":\"linux\",\"rootfs\":{\"type\":"
                  "\"layers\",\"diff_ids\":[",
                  arch);
    lk_buf_printf(&manifest, "\"layers\":[");
    for (size_t i = 0; i < LAYERS; i++) {
        LK_CLEANUP(lk_buf_fini) struct lk_buf plain = LK_BUF_INIT(4 << 20);
        LK_CLEANUP(lk_buf_fini) struct lk_buf packed = LK_BUF_INIT(4 << 20);
        LK_CLEANUP(lk_free_pointer) char *name = lk_xasprintf("%zu-%s", i, i ? arch : "all");

        make_layer(&plain, name, i == 1 ? 300000 : 10, PLAIN);
        make_layer(&packed, name, i == 1 ? 300000 : 10, (enum packing)i);
        lk_sha256(lk_buf_text(&plain), plain.len, &digest);
        digest.sha256[0] ^= lies;
        lk_digest_format(&digest, text);
        lk_buf_printf(&config, "%s\"%s\"", i ? "," : "", text);
        put_blob(to, &packed, &digest);
        lk_digest_format(&digest, text);
        lk_buf_printf(&manifest,
                      "%s{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar%s\",\"size\":"
                      "%zu,\"digest\":\"%s\"}",
                      i ? "," : "",
                      i == 0   ? ""
                      : i == 1 ? "+gzip"
                               : "+zstd",
                      packed.len, text);
    }
    lk_buf_printf(&config, "]}}");
    put_blob(to, &config, &digest);
    lk_digest_format(&digest, text);
    lk_buf_printf(&manifest,
                  "],\"config\":{\"mediaType\":\"" LK_OCI_CONFIG "\",\"size\":%zu,"
                  "\"digest\":\"%s\"}}",
                  config.len, text);
    LK_CLEANUP(lk_free_pointer)
    char *whole = lk_xasprintf("{\"schemaVersion\":2,\"mediaType\":\"" LK_OCI_MANIFEST "\",%s",
                               lk_buf_text(&manifest));
    lk_buf_clear(&manifest);
    lk_buf_add_text(&manifest, whole);
    put_document(to, &manifest, LK_OCI_MANIFEST, &out->digest);
    lk_copy_text(out->media_type, sizeof(out->media_type), LK_OCI_MANIFEST);
    out->size = manifest.len;
}

static struct lk_registry *connect_to(const char *path)
{
    struct lk_registry_options options;
    struct lk_reference        reference;
    struct lk_registry *to = local_registry_connect(&registry, path, &reference, &options);

    assert_non_null(to);
    return to;
}

static int start(void **state)
{
    LK_CLEANUP(lk_registry_close) struct lk_registry *to = NULL;
    LK_CLEANUP(lk_buf_fini) struct lk_buf             bytes = LK_BUF_INIT(65536);
    struct lk_index                                   index = { .count = 2 };
    static const char *const                          arches[] = { "amd64", "s390x" };
    struct lk_err                                     err;

    (void)state;
    assert_true(sodium_init() >= 0);
    lk_http_init();
    unsetenv("REGISTRY_AUTH_FILE");
    setenv("DOCKER_CONFIG", "/nonexistent", 1);
    assert_int_equal(local_registry_start(&registry), 0);
    assert_non_null(mkdtemp(world));
    to = connect_to("org/base");
    for (size_t i = 0; i < 2; i++) {
        put_image(to, arches[i], false, &index.entries[i].descriptor);
        assert_true(lk_arch_parse(lk_str_of(arches[i]), &index.entries[i].arch));
        strcpy(index.entries[i].os, "linux");
    }
    assert_int_equal(lk_index_write(&index, &bytes, &err), 0);
    put_document(to, &bytes, LK_OCI_INDEX, &index_digest);
    return 0;
}

static int stop(void **state)
{
    struct lk_err err;

    (void)state;
    lk_directory_remove(world, &err);
    return local_registry_stop(&registry);
}

static int make_context(void **state)
{
    struct lk_err err;

    (void)state;
    snprintf(context, sizeof(context), "%s/context", world);
    snprintf(scratch, sizeof(scratch), "%s/scratch", world);
    assert_int_equal(lk_directory_remove(context, &err), 0);
    assert_int_equal(lk_directory_make(context, 0755, &err), 0);
    return lk_directory_make(scratch, 0700, &err);
}

static char *name_image(const char *path, const struct lk_digest *digest)
{
    char text[LK_DIGEST_TEXT_SIZE];

    lk_digest_format(digest, text);
    return lk_xasprintf("%s/%s@%s", registry.host, path, text);
}

static int fetch(const struct lk_spec_depends *depends, const char *arch, struct lk_err *err)
{
    struct lk_arch            wanted;
    atomic_bool               cancel = false;
    struct lk_depends_request request = { .depends = depends,
                                          .arch = &wanted,
                                          .context = context,
                                          .scratch = scratch,
                                          .patience_ms = 1000,
                                          .cancel = &cancel };

    assert_true(lk_arch_parse(lk_str_of(arch), &wanted));
    *err = (struct lk_err) { 0 };
    return lk_depends_fetch(&request, err);
}

static void must_fetch(const struct lk_spec_depends *depends, const char *arch)
{
    struct lk_err err;

    if (fetch(depends, arch, &err) < 0)
        fail_msg("%s", err.text);
}

/* Runs a shell's line in `world`; what is tested uses none. */
static int LK_PRINTF(1, 2) shell(const char *format, ...)
{
    va_list arguments;
    char    line[2048];
    int     len = snprintf(line, sizeof(line), "cd %s && ", world);

    va_start(arguments, format);
    vsnprintf(line + len, sizeof(line) - (size_t)len, format, arguments);
    va_end(arguments);

    const char                           *argv[] = { "/bin/sh", "-c", line, NULL };
    int                                   status = -1;
    struct lk_err                         err;
    LK_CLEANUP(lk_buf_fini) struct lk_buf output = LK_BUF_INIT(65536);

    assert_int_equal(lk_run(argv, &output, &status, &err), 0);
    if (status)
        fprintf(stderr, "%s\n%s\n", line, lk_buf_text(&output));
    return status;
}

static void each_image_is_an_archive_that_skopeo_reads(void **state)
{
    LK_CLEANUP(lk_free_pointer) char *image = name_image("org/base", &index_digest);
    struct lk_spec_depends            depends = { .target_dir = "some/images",
                                                  .image_count = 1,
                                                  .images = { image } };
    const char                       *digest = strchr(image, '@') + 1;

    (void)state;
    assert_int_equal(shell("mkdir -p context/some/images/below && touch "
                           "context/some/images/old context/some/images/below/older"),
                     0);
    must_fetch(&depends, "s390x");
    assert_int_equal(shell("[ \"$(ls -A context/some/images)\" = base@%s.tar ]", digest), 0);
    assert_int_equal(shell("cp context/some/images/* one.tar && skopeo --insecure-policy copy "
                           "docker-archive:one.tar oci:one:it && "
                           "[ $(skopeo inspect --config --raw oci:one:it | "
                           "jq -r .architecture) = s390x ] && "
                           "skopeo inspect oci:one:it | jq -e '.Layers | length == 3'"),
                     0);
    /* The image's id stays what it was: the digest of its config. */
    assert_int_equal(shell("tar -xf one.tar && grep -q '\"RepoTags\":null' manifest.json && "
                           "sha256sum -c <<EOF\n"
                           "$(jq -r '.[0].Config' manifest.json | sed 's/.json//')  "
                           "$(jq -r '.[0].Config' manifest.json)\nEOF"),
                     0);
}

static void the_same_images_give_the_same_bytes_and_times(void **state)
{
    LK_CLEANUP(lk_free_pointer) char *image = name_image("org/base", &index_digest);
    struct lk_spec_depends            depends = { .target = "a.tar",
                                                  .image_count = 1,
                                                  .images = { image } };

    (void)state;
    must_fetch(&depends, "amd64");
    assert_int_equal(shell("mv context/a.tar first.tar"), 0);
    must_fetch(&depends, "amd64");
    assert_int_equal(shell("cmp context/a.tar first.tar"), 0);
    assert_int_equal(shell("[ \"$(stat -c '%%Y %%a' context/a.tar)\" = '0 600' ] && "
                           "[ $(stat -c %%Y context) = 0 ]"),
                     0);
}

static void several_images_share_an_archive_and_its_layers(void **state)
{
    LK_CLEANUP(lk_registry_close) struct lk_registry *to = connect_to("org/other");
    struct lk_descriptor                              other;

    (void)state;
    put_image(to, "amd64", false, &other);

    LK_CLEANUP(lk_free_pointer) char *first = name_image("org/base", &index_digest);
    LK_CLEANUP(lk_free_pointer) char *twin = name_image("org/other", &other.digest);
    LK_CLEANUP(lk_free_pointer) char *third = name_image("org/base", &index_digest);
    struct lk_spec_depends            depends = { .target = "deep/er/all.tar",
                                                  .image_count = 3,
                                                  .images = { first, twin, third } };

    must_fetch(&depends, "amd64");
    /* All three have one config: they are one image. */
    assert_int_equal(
        shell("[ $(tar -tf context/deep/er/all.tar | sort | uniq | wc -l) = 5 ] && "
              "[ $(tar -tf context/deep/er/all.tar | wc -l) = 5 ]"),
        0);
    assert_int_equal(shell("skopeo --insecure-policy copy "
                           "docker-archive:context/deep/er/all.tar:@0 oci:all:it"),
                     0);
}

static void expect_refusal(const struct lk_spec_depends *depends, const char *arch,
                           enum lk_err_kind kind, const char *words)
{
    struct lk_err err;

    assert_int_equal(fetch(depends, arch, &err), -1);
    if (err.kind != kind || !strstr(err.text, words))
        fail_msg("%s, %s", lk_err_kind_name(err.kind), err.text);
}

static void a_link_of_the_package_leads_nowhere(void **state)
{
    LK_CLEANUP(lk_free_pointer) char *image = name_image("org/base", &index_digest);
    struct lk_spec_depends            through = { .target_dir = "link/dir",
                                                  .image_count = 1,
                                                  .images = { image } };
    struct lk_spec_depends            onto = { .target_dir = "link",
                                               .image_count = 1,
                                               .images = { image } };
    struct lk_spec_depends file = { .target = "file", .image_count = 1, .images = { image } };
    struct lk_spec_depends up = { .target = "x/../../y",
                                  .image_count = 1,
                                  .images = { image } };

    (void)state;
    assert_int_equal(
        shell("rm -rf outside && mkdir -p outside/dir && touch outside/dir/mine && "
              "ln -s ../outside context/link && "
              "ln -s ../outside/dir/mine context/file"),
        0);
    expect_refusal(&through, "amd64", LK_ERR_INVALID, "a symbolic link");
    expect_refusal(&up, "amd64", LK_ERR_INVALID, "not a path inside");
    must_fetch(&file, "amd64");
    must_fetch(&onto, "amd64");
    assert_int_equal(shell("[ -f outside/dir/mine ] && [ ! -s outside/dir/mine ] && "
                           "[ \"$(ls outside)\" = dir ] && [ ! -L context/link ] && "
                           "[ -s context/file ]"),
                     0);
}

static void what_is_missing_or_for_others_is_the_packages_fault(void **state)
{
    struct lk_digest                  nothing = index_digest;
    LK_CLEANUP(lk_free_pointer) char *there = name_image("org/base", &index_digest);
    struct lk_spec_depends depends = { .target = "a", .image_count = 1, .images = { there } };

    (void)state;
    expect_refusal(&depends, "arm64", LK_ERR_INVALID,
                   "no image for linux/arm64, which is built "
                   "here; it has: amd64, s390x");
    nothing.sha256[0] ^= 1;
    LK_CLEANUP(lk_free_pointer) char *missing = name_image("org/base", &nothing);
    depends.images[0] = missing;
    expect_refusal(&depends, "amd64", LK_ERR_INVALID, "its registry has no image");

    LK_CLEANUP(lk_registry_close) struct lk_registry *to = connect_to("org/single");
    struct lk_descriptor                              single;
    put_image(to, "amd64", false, &single);
    LK_CLEANUP(lk_free_pointer) char *one = name_image("org/single", &single.digest);
    depends.images[0] = one;
    expect_refusal(&depends, "s390x", LK_ERR_INVALID, "it is for linux/amd64");
    put_image(to, "amd64", true, &single);
    LK_CLEANUP(lk_free_pointer) char *lying = name_image("org/single", &single.digest);
    depends.images[0] = lying;
    expect_refusal(&depends, "amd64", LK_ERR_INVALID,
                   "does not unpack to what its config says");
}

static void a_registry_that_is_away_is_tried_again(void **state)
{
    char                   text[] = "127.0.0.1:1/org/base@sha256:"
                                    "0123456789012345678901234567890123456789012345678901234567890123";
    struct lk_spec_depends depends = { .target = "a", .image_count = 1, .images = { text } };

    (void)state;
    expect_refusal(&depends, "amd64", LK_ERR_RETRY, "no answer");
}

static void bytes_that_changed_in_the_registry_are_noticed(void **state)
{
    LK_CLEANUP(lk_free_pointer) char *image = name_image("org/base", &index_digest);
    struct lk_spec_depends depends = { .target = "a", .image_count = 1, .images = { image } };

    (void)state;
    assert_int_equal(
        shell("find %s/data -name data -size -4k -size +1k -o -name data -size +9k | "
              "while read f; do if ! head -c 1 $f | grep -q '{'; then "
              "printf x | dd of=$f bs=1 seek=30 conv=notrunc; fi; done",
              registry.directory),
        0);
    expect_refusal(&depends, "amd64", LK_ERR_CONFLICT, "fetching blob");
}

static void a_layer_that_unpacks_to_too_much_is_stopped(void **state)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf packed = LK_BUF_INIT(8 << 20);
    LK_CLEANUP(lk_close_fd) int           in = memfd_create("in", MFD_CLOEXEC);
    LK_CLEANUP(lk_close_fd) int           out = memfd_create("out", MFD_CLOEXEC);
    struct lk_layer                       layer = { .fd = out };
    struct lk_err                         err;
    struct stat                           st;

    (void)state;
    make_layer(&packed, "bomb", 4 << 20, GZIP);
    assert_int_equal(write(in, packed.data, packed.len), packed.len);
    assert_int_equal(lk_layer_unpack(&layer, in, 1 << 20, NULL, &err), -1);
    assert_int_equal(err.kind, LK_ERR_LIMIT);
    assert_int_equal(fstat(out, &st), 0);
    assert_true(st.st_size <= 1 << 20);
    assert_int_equal(ftruncate(in, (off_t)packed.len / 2), 0);
    assert_int_equal(lk_layer_unpack(&layer, in, UINT64_MAX, NULL, &err), -1);
    assert_int_equal(err.kind, LK_ERR_INVALID);
    assert_int_equal(ftruncate(in, 0), 0);
    assert_int_equal(lk_layer_unpack(&layer, in, UINT64_MAX, NULL, &err), -1);
    assert_int_equal(err.kind, LK_ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(each_image_is_an_archive_that_skopeo_reads, make_context),
        cmocka_unit_test_setup(the_same_images_give_the_same_bytes_and_times, make_context),
        cmocka_unit_test_setup(several_images_share_an_archive_and_its_layers, make_context),
        cmocka_unit_test_setup(a_link_of_the_package_leads_nowhere, make_context),
        cmocka_unit_test_setup(what_is_missing_or_for_others_is_the_packages_fault,
                               make_context),
        cmocka_unit_test_setup(a_registry_that_is_away_is_tried_again, make_context),
        cmocka_unit_test_setup(bytes_that_changed_in_the_registry_are_noticed, make_context),
        cmocka_unit_test(a_layer_that_unpacks_to_too_much_is_stopped),
    };

    return cmocka_run_group_tests(tests, start, stop);
}

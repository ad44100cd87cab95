/* local_publisher - for tests: a publisher with a signing key, at a registry of the test's own. */
#ifndef LK_TEST_LOCAL_PUBLISHER_H
#define LK_TEST_LOCAL_PUBLISHER_H

#include "common/keyfile/sigstore.h"
#include "common/registry/attach.h"
#include "coordinator/registry/publisher.h"
#include "tests/unit/local_registry.h"

#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define SUCCEEDS(call)                           \
    do {                                         \
        if ((call) < 0)                          \
            fail_msg("%s: %s", #call, err.text); \
    } while (0)

#define FAILS_AS(wanted, call)                \
    do {                                      \
        assert_int_equal((call), -1);         \
        assert_int_equal(err.kind, (wanted)); \
    } while (0)

static struct local_registry server;
static struct lk_signer     *signer;
static char                  public_key_path[128];
static struct lk_public_key  trusted[1];

static int local_publisher_set_up(void **state)
{
    char          key_path[128];
    struct lk_err err;

    (void)state;
    if (sodium_init() < 0 || local_registry_start(&server) < 0)
        return -1;
    snprintf(key_path, sizeof(key_path), "%s/sign.key", server.directory);
    snprintf(public_key_path, sizeof(public_key_path), "%s/sign.pub", server.directory);
    if (lk_sigstore_generate(key_path, public_key_path, LK_KEY_ED25519, LK_STR("pass"), &err) <
            0 ||
        lk_signer_open(&signer, key_path, LK_STR("pass"), &err) < 0)
        return -1;
    trusted[0] = *lk_signer_public_key(signer, 0);
    return 0;
}

static int local_publisher_tear_down(void **state)
{
    (void)state;
    lk_signer_close(&signer);
    return local_registry_stop(&server);
}

/* A repository of the test's own, and a connection beside the publisher's. */
struct bench {
    struct lk_publisher publisher;
    struct lk_registry *registry;
};

static void close_bench(struct bench *bench)
{
    lk_registry_close(&bench->registry);
}

static void open_bench(struct bench *bench, const char *path)
{
    memset(bench, 0, sizeof(*bench));
    bench->registry = local_registry_connect(&server, path, &bench->publisher.repository,
                                             &bench->publisher.options);
    assert_non_null(bench->registry);
    bench->publisher.signer = signer;
    bench->publisher.trusted_keys = trusted;
    bench->publisher.trusted_key_count = 1;
}

static struct lk_arch arch_of(const char *name)
{
    struct lk_arch arch;

    assert_true(lk_arch_parse(lk_str_of(name), &arch));
    return arch;
}

/* Puts an image whose config says `says` and lists it for `arch`. */
static void add_image(struct bench *bench, struct lk_index *children, const char *arch,
                      const char *says)
{
    struct lk_index_entry *entry = &children->entries[children->count++];
    struct lk_err          err;

    *entry = (struct lk_index_entry) { .arch = arch_of(arch), .os = "linux" };
    SUCCEEDS(local_registry_put_image(bench->registry, arch, says, &entry->descriptor, &err));
}

/* The whole way of a push with these images. */
static inline void publish(struct bench *bench, const char *tag,
                           const struct lk_index *children, bool sign,
                           struct lk_descriptor *index)
{
    struct lk_digest nothing = { 0 };
    struct lk_err    err;

    for (size_t i = 0; i < children->count; i++)
        SUCCEEDS(lk_publisher_accept_child(&bench->publisher, tag, &children->entries[i].arch,
                                           &children->entries[i].descriptor, sign, true, &err));
    SUCCEEDS(lk_publisher_merge(&bench->publisher, tag, children, NULL, sign, index, &err));
    SUCCEEDS(lk_publisher_move_tag(&bench->publisher, tag, &nothing, index, &err));
}

/* An index written by somebody else: no checks, no signatures unless put there, straight under the tag. */
static inline void plant_index(struct bench *bench, const char *tag,
                               const struct lk_index *children, struct lk_digest *digest)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf bytes = LK_BUF_INIT(65536);
    struct lk_err                         err;

    SUCCEEDS(lk_index_write(children, &bytes, &err));
    lk_sha256(lk_buf_text(&bytes), bytes.len, digest);
    SUCCEEDS(
        lk_registry_put_manifest(bench->registry, tag, lk_buf_str(&bytes), LK_OCI_INDEX, &err));
}

/* Signs what was put under a name with our key, as an honest merge would. */
static inline void sign_under(struct bench *bench, const struct lk_digest *digest,
                              const char *tag)
{
    LK_CLEANUP(lk_crew_fini)
    struct lk_crew crew = { .repository = &bench->publisher.repository,
                            .options = &bench->publisher.options };
    LK_CLEANUP(lk_manifest_fini) struct lk_manifest manifest = { 0 };
    struct lk_descriptor                            subject = { .digest = *digest };
    struct lk_signatures                            signatures;
    char                                            text[LK_DIGEST_TEXT_SIZE];
    char                                            name[LK_REFERENCE_SIZE];
    const char                                     *names[] = { name };
    struct lk_err                                   err;

    snprintf(name, sizeof(name), "%s:%s", bench->publisher.repository.repository, tag);
    lk_digest_format(digest, text);
    SUCCEEDS(lk_registry_get_manifest(bench->registry, text, &manifest, &err));
    subject.size = manifest.bytes.len;
    memcpy(subject.media_type, manifest.media_type, sizeof(subject.media_type));
    SUCCEEDS(lk_signer_sign(signer, lk_buf_str(&manifest.bytes), names, 1, &signatures, &err));
    SUCCEEDS(lk_attach(&crew, &subject, &signatures, false, NULL, 0, &err));
}

#endif

#include "common/registry/registry.h"

#include "common/hash/sha256.h"
#include "common/http/http.h"
#include "common/oci/oci.h"
#include "common/os/clock.h"
#include "common/os/file.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>

#include "tests/unit/registry_fixture.h"

#define PASSWORD "opensesame"
#define HTPASSWD "me:$2y$05$abcdefghijklmnopqrstuuQbLfdQZSxZ9gjhA5V9o8Tyc6aQRO0Qi\n"
#define BIG      (3 * 1024 * 1024)

static struct fixture_registry open_registry, locked_registry;
static struct gate             gate;

static const struct lk_credential right = { LK_CREDENTIAL_BASIC, "me", PASSWORD };
static const struct lk_credential wrong = { LK_CREDENTIAL_BASIC, "me", "openbarley" };
static const struct lk_credential none;

static struct lk_registry *client_with(uint16_t port, const char *path,
                                       const struct lk_credential *credential,
                                       uint32_t patience_ms, const atomic_bool *cancel)
{
    struct lk_registry_options options = { .plain_http = true,
                                           .patience_ms = patience_ms,
                                           .credential = *credential,
                                           .cancel = cancel,
                                           .user_agent = "test" };
    struct lk_reference        reference;
    struct lk_registry        *registry = NULL;
    struct lk_err              err;
    char                       name[128];

    snprintf(name, sizeof(name), "127.0.0.1:%u/%s", port, path);
    if (lk_reference_parse(lk_str_of(name), &reference, &err) < 0 ||
        lk_registry_open(&registry, &reference, &options, &err) < 0)
        fail_msg("%s", err.text);
    return registry;
}

static struct lk_registry *client(uint16_t port, const char *path)
{
    return client_with(port, path, &none, 10000, NULL);
}

#define must(call)                    \
    do {                              \
        if ((call) < 0)               \
            fail_msg("%s", err.text); \
    } while (0)

/* A file of `size` bytes that no other call makes, after 100 bytes that do not belong to it. */
static int make_file(size_t size, struct lk_digest *digest)
{
    char  name[] = "/tmp/lk-test-blob-XXXXXX";
    int   fd = mkostemp(name, O_CLOEXEC);
    char *bytes = malloc(size);

    assert_true(fd >= 0 && bytes);
    unlink(name);
    randombytes_buf(bytes, size);
    lk_sha256(bytes, size, digest);
    assert_int_equal(pwrite(fd, bytes, size, 100), size);
    free(bytes);
    return fd;
}

static void count_bytes(void *ctx, uint64_t sent)
{
    *(uint64_t *)ctx = sent;
}

static void a_small_blob_comes_back_as_it_went(void **state)
{
    LK_CLEANUP(lk_registry_close)
    struct lk_registry                   *registry = client(open_registry.port, "small");
    LK_CLEANUP(lk_buf_fini) struct lk_buf bytes = LK_BUF_INIT(100);
    LK_CLEANUP(lk_buf_fini) struct lk_buf too_small = LK_BUF_INIT(3);
    struct lk_digest                      digest;
    struct lk_err                         err;

    (void)state;
    lk_sha256("hello", 5, &digest);
    assert_int_equal(lk_registry_has_blob(registry, &digest, &err), -1);
    assert_int_equal(err.kind, LK_ERR_NOT_FOUND);
    must(lk_registry_put_blob(registry, &digest, LK_STR("hello"), &err));
    must(lk_registry_has_blob(registry, &digest, &err));
    must(lk_registry_put_blob(registry, &digest, LK_STR("hello"), &err));
    must(lk_registry_get_blob(registry, &digest, &bytes, &err));
    assert_string_equal(lk_buf_text(&bytes), "hello");
    assert_int_equal(lk_registry_get_blob(registry, &digest, &too_small, &err), -1);
    assert_int_equal(err.kind, LK_ERR_LIMIT);
    lk_sha256("", 0, &digest);
    must(lk_registry_put_blob(registry, &digest, LK_STR(""), &err));
}

static void a_big_blob_is_sent_then_found_then_mounted(void **state)
{
    LK_CLEANUP(lk_registry_close)
    struct lk_registry *registry = client(open_registry.port, "big");
    LK_CLEANUP(lk_registry_close)
    struct lk_registry *other = client(open_registry.port, "other/big");
    uint64_t            seen = 0;
    struct lk_upload    upload = {
           .size = BIG, .offset = 100, .progress = count_bytes, .progress_ctx = &seen
    };
    enum lk_upload_result result;
    struct lk_err         err;

    (void)state;
    upload.fd = make_file(BIG, &upload.digest);
    must(lk_registry_upload_blob(registry, &upload, &result, &err));
    assert_int_equal(result, LK_UPLOAD_SENT);
    assert_int_equal(seen, BIG);
    must(lk_registry_upload_blob(registry, &upload, &result, &err));
    assert_int_equal(result, LK_UPLOAD_EXISTED);
    upload.mount_from = "big";
    must(lk_registry_upload_blob(other, &upload, &result, &err));
    assert_int_equal(result, LK_UPLOAD_MOUNTED);
    must(lk_registry_has_blob(other, &upload.digest, &err));
    close(upload.fd);
}

static void a_mount_that_is_not_possible_becomes_an_upload(void **state)
{
    LK_CLEANUP(lk_registry_close)
    struct lk_registry   *registry = client(open_registry.port, "unmounted");
    struct lk_upload      upload = { .size = 5000, .offset = 100, .mount_from = "nobody/has" };
    enum lk_upload_result result;
    struct lk_err         err;

    (void)state;
    upload.fd = make_file(5000, &upload.digest);
    must(lk_registry_upload_blob(registry, &upload, &result, &err));
    assert_int_equal(result, LK_UPLOAD_SENT);
    close(upload.fd);
}

static void bytes_that_are_not_what_they_are_called_are_a_conflict(void **state)
{
    LK_CLEANUP(lk_registry_close)
    struct lk_registry *registry = client(open_registry.port, "liar");
    struct lk_upload    upload = { .size = BIG - 1, .offset = 100 };
    struct lk_digest    digest;
    struct lk_err       err;

    (void)state;
    lk_sha256("hello", 5, &digest);
    assert_int_equal(lk_registry_put_blob(registry, &digest, LK_STR("jello"), &err), -1);
    assert_int_equal(err.kind, LK_ERR_CONFLICT);
    upload.fd = make_file(BIG, &upload.digest);
    assert_int_equal(lk_registry_upload_blob(registry, &upload, NULL, &err), -1);
    assert_int_equal(err.kind, LK_ERR_CONFLICT);
    upload.size = BIG + 1;
    assert_int_equal(lk_registry_upload_blob(registry, &upload, NULL, &err), -1);
    assert_int_equal(err.kind, LK_ERR_PERMANENT);
    close(upload.fd);
}

/* An index needs no blobs and no children that are not there if it has none. */
static const char manifest_text[] =
    "{\"schemaVersion\":2,\"mediaType\":\"" LK_OCI_INDEX "\",\"manifests\":[]}";

static void a_manifest_is_read_by_tag_and_by_digest(void **state)
{
    LK_CLEANUP(lk_registry_close)
    struct lk_registry *registry = client(open_registry.port, "manifest");
    LK_CLEANUP(lk_manifest_fini) struct lk_manifest by_tag = { 0 };
    LK_CLEANUP(lk_manifest_fini) struct lk_manifest by_digest = { 0 };
    struct lk_str                                   bytes = LK_STR(manifest_text);
    struct lk_digest                                digest;
    char                                            name[LK_DIGEST_TEXT_SIZE];
    struct lk_err                                   err;

    (void)state;
    lk_sha256(bytes.data, bytes.len, &digest);
    lk_digest_format(&digest, name);
    assert_int_equal(lk_registry_get_manifest(registry, "v1", &by_tag, &err), -1);
    assert_int_equal(err.kind, LK_ERR_NOT_FOUND);
    must(lk_registry_put_manifest(registry, name, bytes, LK_OCI_INDEX, &err));
    must(lk_registry_put_manifest(registry, "v1", bytes, LK_OCI_INDEX, &err));
    must(lk_registry_get_manifest(registry, "v1", &by_tag, &err));
    must(lk_registry_get_manifest(registry, name, &by_digest, &err));
    assert_string_equal(lk_buf_text(&by_tag.bytes), manifest_text);
    assert_string_equal(lk_buf_text(&by_digest.bytes), manifest_text);
    assert_string_equal(by_tag.media_type, LK_OCI_INDEX);
    assert_true(lk_digest_eq(&by_tag.digest, &digest));
    lk_sha256("x", 1, &digest);
    lk_digest_format(&digest, name);
    assert_int_equal(lk_registry_put_manifest(registry, name, bytes, LK_OCI_INDEX, &err), -1);
    assert_int_equal(err.kind, LK_ERR_CONFLICT);
    assert_int_equal(lk_registry_get_manifest(registry, "../x", &by_tag, &err), -1);
    assert_int_equal(err.kind, LK_ERR_INVALID);
}

static void a_password_opens_and_a_wrong_one_is_refused_without_being_shown(void **state)
{
    LK_CLEANUP(lk_registry_close)
    struct lk_registry *good = client_with(locked_registry.port, "x", &right, 1000, NULL);
    LK_CLEANUP(lk_registry_close)
    struct lk_registry *bad = client_with(locked_registry.port, "x", &wrong, 1000, NULL);
    LK_CLEANUP(lk_registry_close)
    struct lk_registry *nameless = client_with(locked_registry.port, "x", &none, 1000, NULL);
    struct lk_upload    upload = { .size = BIG, .offset = 100 };
    struct lk_err       err;

    (void)state;
    upload.fd = make_file(BIG, &upload.digest);
    must(lk_registry_upload_blob(good, &upload, NULL, &err));
    assert_int_equal(lk_registry_has_blob(bad, &upload.digest, &err), -1);
    assert_int_equal(err.kind, LK_ERR_DENIED);
    assert_null(strstr(err.text, wrong.secret));
    assert_int_equal(lk_registry_upload_blob(nameless, &upload, NULL, &err), -1);
    assert_int_equal(err.kind, LK_ERR_DENIED);
    assert_non_null(strstr(err.text, "no credentials are configured"));
    close(upload.fd);
}

static void a_ticket_is_what_the_registry_has(void **state)
{
    LK_CLEANUP(lk_registry_close) struct lk_registry *free = client(open_registry.port, "x");
    LK_CLEANUP(lk_registry_close)
    struct lk_registry  *basic = client_with(locked_registry.port, "x", &right, 1000, NULL);
    struct lk_credential ticket;
    uint32_t             valid_ms;
    struct lk_err        err;

    (void)state;
    must(lk_registry_fetch_ticket(free, &ticket, &valid_ms, &err));
    assert_int_equal(ticket.kind, LK_CREDENTIAL_NONE);
    must(lk_registry_fetch_ticket(basic, &ticket, &valid_ms, &err));
    assert_int_equal(ticket.kind, LK_CREDENTIAL_BASIC);
    assert_string_equal(ticket.secret, "");
}

static void reset_gate(void)
{
    atomic_store(&gate.fault, FAULT_NONE);
    atomic_store(&gate.faults_left, 0);
    atomic_store(&gate.wants_tokens, false);
    atomic_store(&gate.redirects_blobs, false);
    atomic_store(&gate.leaked, false);
    atomic_store(&gate.requests, 0);
    atomic_store(&gate.posts, 0);
}

static void set_fault(enum fault fault, int times)
{
    reset_gate();
    atomic_store(&gate.faults_left, times);
    atomic_store(&gate.fault, (int)fault);
}

static void a_mount_that_is_refused_becomes_an_upload(void **state)
{
    LK_CLEANUP(lk_registry_close) struct lk_registry *registry = client(gate.port, "refused");
    struct lk_upload      upload = { .size = 5000, .offset = 100, .mount_from = "not/ours" };
    enum lk_upload_result result;
    struct lk_err         err;

    (void)state;
    upload.fd = make_file(5000, &upload.digest);
    set_fault(FAULT_DENY_POST, 1);
    must(lk_registry_upload_blob(registry, &upload, &result, &err));
    assert_int_equal(result, LK_UPLOAD_SENT);
    assert_int_equal(atomic_load(&gate.posts), 2);
    close(upload.fd);
}

static void a_token_is_fetched_and_renewed_within_an_upload(void **state)
{
    LK_CLEANUP(lk_registry_close)
    struct lk_registry *registry = client_with(gate.port, "org/token", &right, 5000, NULL);
    LK_CLEANUP(lk_registry_close)
    struct lk_registry *bad = client_with(gate.port, "org/token", &wrong, 5000, NULL);
    struct lk_upload    upload = { .size = BIG, .offset = 100 };
    struct lk_err       err;

    (void)state;
    reset_gate();
    atomic_store(&gate.wants_tokens, true);
    upload.fd = make_file(BIG, &upload.digest);
    /* A token here is good for three requests; HEAD, POST, PATCH and PUT are four. */
    must(lk_registry_upload_blob(registry, &upload, NULL, &err));
    assert_int_equal(atomic_load(&gate.tokens_issued), 2);
    assert_non_null(strcasestr(gate.token_query, "service=te%22st"));
    assert_non_null(
        strcasestr(gate.token_query, "scope=repository%3Aorg%2Ftoken%3Apull%2Cpush"));
    assert_int_equal(lk_registry_has_blob(bad, &upload.digest, &err), -1);
    assert_int_equal(err.kind, LK_ERR_DENIED);
    assert_null(strstr(err.text, wrong.secret));
    close(upload.fd);
}

static void an_identity_token_is_traded_for_tokens_and_a_refused_one_is_said(void **state)
{
    static const struct lk_credential identity = { LK_CREDENTIAL_IDENTITY, "", "stay+here" };
    static const struct lk_credential revoked = { LK_CREDENTIAL_IDENTITY, "", "gone" };
    LK_CLEANUP(lk_registry_close)
    struct lk_registry *registry = client_with(gate.port, "identity", &identity, 10000, NULL);
    LK_CLEANUP(lk_registry_close)
    struct lk_registry  *refused = client_with(gate.port, "identity", &revoked, 10000, NULL);
    struct lk_credential ticket;
    struct lk_digest     digest;
    struct lk_err        err;
    uint32_t             valid_ms;

    (void)state;
    atomic_store(&gate.wants_tokens, true);
    lk_sha256("who", 3, &digest);
    must(lk_registry_put_blob(registry, &digest, LK_STR("who"), &err));
    assert_non_null(strstr(gate.token_query, "service=te%22st"));
    assert_non_null(strstr(gate.token_query, "scope=repository%3Aidentity%3Apull%2Cpush"));
    must(lk_registry_fetch_ticket(registry, &ticket, &valid_ms, &err));
    assert_int_equal(ticket.kind, LK_CREDENTIAL_BEARER);
    assert_int_equal(lk_registry_has_blob(refused, &digest, &err), -1);
    atomic_store(&gate.wants_tokens, false);
    assert_int_equal(err.kind, LK_ERR_DENIED);
    assert_non_null(strstr(err.text, "refused the identity token (401); log in anew"));
    assert_null(strstr(err.text, "gone"));
}

static void a_ticket_alone_is_enough_until_it_runs_out(void **state)
{
    LK_CLEANUP(lk_registry_close)
    struct lk_registry  *giver = client_with(gate.port, "org/ticket", &right, 5000, NULL);
    struct lk_credential ticket;
    uint32_t             valid_ms;
    struct lk_digest     digest;
    struct lk_err        err;

    (void)state;
    reset_gate();
    atomic_store(&gate.wants_tokens, true);
    must(lk_registry_fetch_ticket(giver, &ticket, &valid_ms, &err));
    assert_int_equal(ticket.kind, LK_CREDENTIAL_BEARER);
    assert_int_equal(valid_ms, 300000);
    LK_CLEANUP(lk_registry_close)
    struct lk_registry *holder = client_with(gate.port, "org/ticket", &ticket, 5000, NULL);
    lk_sha256("ticket", 6, &digest);
    must(lk_registry_put_blob(holder, &digest, LK_STR("ticket"), &err));
    assert_int_equal(lk_registry_has_blob(holder, &digest, &err), -1);
    assert_int_equal(err.kind, LK_ERR_DENIED);
    assert_null(strstr(err.text, "Bearer"));
}

static void a_redirected_blob_is_read_and_the_other_host_gets_no_credential(void **state)
{
    LK_CLEANUP(lk_registry_close)
    struct lk_registry *registry = client_with(gate.port, "org/far", &right, 5000, NULL);
    LK_CLEANUP(lk_buf_fini) struct lk_buf bytes = LK_BUF_INIT(100);
    struct lk_digest                      digest;
    struct lk_err                         err;

    (void)state;
    reset_gate();
    atomic_store(&gate.wants_tokens, true);
    atomic_store(&gate.redirects_blobs, true);
    lk_sha256("far", 3, &digest);
    must(lk_registry_put_blob(registry, &digest, LK_STR("far"), &err));
    must(lk_registry_get_blob(registry, &digest, &bytes, &err));
    assert_string_equal(lk_buf_text(&bytes), "far");
    assert_false(atomic_load(&gate.leaked));
}

static void a_busy_registry_is_asked_again_when_it_said(void **state)
{
    LK_CLEANUP(lk_registry_close) struct lk_registry *registry = client(gate.port, "busy");
    struct lk_digest                                  digest;
    struct lk_err                                     err;
    int64_t                                           start = lk_clock_boot_ms();

    (void)state;
    set_fault(FAULT_BUSY, 1);
    lk_sha256("busy", 4, &digest);
    must(lk_registry_put_blob(registry, &digest, LK_STR("busy"), &err));
    assert_true(lk_clock_boot_ms() - start >= 1000);
}

static void patience_ends_with_what_was_last_heard(void **state)
{
    LK_CLEANUP(lk_registry_close)
    struct lk_registry *registry = client_with(gate.port, "busy", &none, 600, NULL);
    LK_CLEANUP(lk_registry_close)
    struct lk_registry *nobody = client_with(1, "x", &none, 600, NULL);
    struct lk_digest    digest = { 0 };
    struct lk_err       err;

    (void)state;
    set_fault(FAULT_BUSY, 100);
    assert_int_equal(lk_registry_has_blob(registry, &digest, &err), -1);
    assert_int_equal(err.kind, LK_ERR_RETRY);
    assert_int_equal(err.retry_after_ms, 1000);
    set_fault(FAULT_RESET, 100);
    assert_int_equal(lk_registry_has_blob(registry, &digest, &err), -1);
    assert_int_equal(err.kind, LK_ERR_RETRY);
    assert_int_equal(lk_registry_has_blob(nobody, &digest, &err), -1);
    assert_int_equal(err.kind, LK_ERR_RETRY);
    reset_gate();
}

static void a_broken_upload_ends_whole(void **state)
{
    LK_CLEANUP(lk_registry_close) struct lk_registry *registry = client(gate.port, "broken");
    struct lk_upload                                  upload = { .size = BIG, .offset = 100 };
    enum lk_upload_result                             result;
    struct lk_err                                     err;

    (void)state;
    set_fault(FAULT_CUT_PATCH, 2);
    gate.cut_after = 1024 * 1024;
    upload.fd = make_file(BIG, &upload.digest);
    must(lk_registry_upload_blob(registry, &upload, &result, &err));
    assert_int_equal(result, LK_UPLOAD_SENT);
    must(lk_registry_has_blob(registry, &upload.digest, &err));
    close(upload.fd);
}

static void a_broken_upload_is_resumed_with_only_the_rest(void **state)
{
    LK_CLEANUP(lk_registry_close) struct lk_registry *registry = client(gate.port, "resumed");
    uint64_t                                          seen = 0;
    struct lk_upload                                  upload = {
                                         .size = BIG, .offset = 100, .progress = count_bytes, .progress_ctx = &seen
    };
    struct lk_err err;

    (void)state;
    set_fault(FAULT_CUT_PATCH_KEPT, 1);
    gate.cut_after = 1024 * 1024;
    upload.fd = make_file(BIG, &upload.digest);
    must(lk_registry_upload_blob(registry, &upload, NULL, &err));
    assert_int_equal(atomic_load(&gate.posts), 1);
    assert_string_equal(gate.content_range, "1048576-3145727");
    assert_int_equal(seen, BIG);
    must(lk_registry_has_blob(registry, &upload.digest, &err));
    close(upload.fd);
}

static void a_lost_answer_is_not_taken_for_a_failure(void **state)
{
    LK_CLEANUP(lk_registry_close) struct lk_registry *registry = client(gate.port, "lost");
    struct lk_str                                     bytes = LK_STR(manifest_text);
    struct lk_digest                                  digest;
    struct lk_err                                     err;

    (void)state;
    set_fault(FAULT_LOSE_PUT_ANSWER, 1);
    lk_sha256("lost", 4, &digest);
    must(lk_registry_put_blob(registry, &digest, LK_STR("lost"), &err));
    assert_int_equal(atomic_load(&gate.posts), 1);
    set_fault(FAULT_LOSE_PUT_ANSWER, 1);
    must(lk_registry_put_manifest(registry, "v1", bytes, LK_OCI_INDEX, &err));
}

static void an_answer_cut_short_is_asked_for_again(void **state)
{
    LK_CLEANUP(lk_registry_close) struct lk_registry *registry = client(gate.port, "short");
    LK_CLEANUP(lk_buf_fini) struct lk_buf             bytes = LK_BUF_INIT(10000);
    char                                              text[5000];
    struct lk_digest                                  digest;
    struct lk_err                                     err;

    (void)state;
    memset(text, 'x', sizeof(text));
    lk_sha256(text, sizeof(text), &digest);
    reset_gate();
    must(lk_registry_put_blob(registry, &digest, (struct lk_str) { text, sizeof(text) }, &err));
    set_fault(FAULT_SHORT_ANSWER, 1);
    must(lk_registry_get_blob(registry, &digest, &bytes, &err));
    assert_int_equal(bytes.len, sizeof(text));
}

static void what_a_registry_says_cannot_forge_a_log_line(void **state)
{
    LK_CLEANUP(lk_registry_close) struct lk_registry *registry = client(gate.port, "denied");
    LK_CLEANUP(lk_manifest_fini) struct lk_manifest   manifest = { 0 };
    struct lk_err                                     err;

    (void)state;
    set_fault(FAULT_DENY, 1);
    assert_int_equal(lk_registry_get_manifest(registry, "v1", &manifest, &err), -1);
    assert_int_equal(err.kind, LK_ERR_DENIED);
    assert_non_null(strstr(err.text, "403 DENIED: no?level=error"));
    assert_null(strchr(err.text, '\n'));
}

static void cancelling_ends_the_waiting(void **state)
{
    atomic_bool cancel = true;
    LK_CLEANUP(lk_registry_close)
    struct lk_registry *registry = client_with(1, "x", &none, 60000, &cancel);
    struct lk_digest    digest = { 0 };
    struct lk_err       err;
    int64_t             start = lk_clock_boot_ms();

    (void)state;
    assert_int_equal(lk_registry_has_blob(registry, &digest, &err), -1);
    assert_true(lk_clock_boot_ms() - start < 3000);
}

static int start_all(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    lk_assert(sodium_init() >= 0);
    lk_http_init();
    fixture_registry_start(&open_registry, NULL);
    fixture_registry_start(&locked_registry, HTPASSWD);
    gate_start(&gate, open_registry.port);
    return 0;
}

static int stop_all(void **state)
{
    (void)state;
    gate_stop(&gate);
    fixture_registry_stop(&open_registry);
    fixture_registry_stop(&locked_registry);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_small_blob_comes_back_as_it_went),
        cmocka_unit_test(a_big_blob_is_sent_then_found_then_mounted),
        cmocka_unit_test(a_mount_that_is_not_possible_becomes_an_upload),
        cmocka_unit_test(a_mount_that_is_refused_becomes_an_upload),
        cmocka_unit_test(bytes_that_are_not_what_they_are_called_are_a_conflict),
        cmocka_unit_test(a_manifest_is_read_by_tag_and_by_digest),
        cmocka_unit_test(a_password_opens_and_a_wrong_one_is_refused_without_being_shown),
        cmocka_unit_test(a_ticket_is_what_the_registry_has),
        cmocka_unit_test(a_token_is_fetched_and_renewed_within_an_upload),
        cmocka_unit_test(an_identity_token_is_traded_for_tokens_and_a_refused_one_is_said),
        cmocka_unit_test(a_ticket_alone_is_enough_until_it_runs_out),
        cmocka_unit_test(a_redirected_blob_is_read_and_the_other_host_gets_no_credential),
        cmocka_unit_test(a_busy_registry_is_asked_again_when_it_said),
        cmocka_unit_test(patience_ends_with_what_was_last_heard),
        cmocka_unit_test(a_broken_upload_ends_whole),
        cmocka_unit_test(a_broken_upload_is_resumed_with_only_the_rest),
        cmocka_unit_test(a_lost_answer_is_not_taken_for_a_failure),
        cmocka_unit_test(an_answer_cut_short_is_asked_for_again),
        cmocka_unit_test(what_a_registry_says_cannot_forge_a_log_line),
        cmocka_unit_test(cancelling_ends_the_waiting),
    };

    return cmocka_run_group_tests(tests, start_all, stop_all);
}

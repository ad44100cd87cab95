#include "common/keyfile/sigstore.h"

#include "common/keyfile/pem.h"
#include "common/keyfile/public_key.h"
#include "common/os/file.h"
#include "common/os/spawn.h"
#include "coordinator/sign/signer.h"

#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define PASSPHRASE LK_STR("correct horse")

static char directory[] = "/tmp/lk-sigstore-XXXXXX";
static char key_path[256], public_path[256], payload_path[256], signature_path[256];

static int set_up(void **state)
{
    struct lk_err err;

    (void)state;
    if (sodium_init() < 0 || !mkdtemp(directory))
        return -1;
    snprintf(key_path, sizeof(key_path), "%s/release.key", directory);
    snprintf(public_path, sizeof(public_path), "%s/release.pub", directory);
    snprintf(payload_path, sizeof(payload_path), "%s/payload", directory);
    snprintf(signature_path, sizeof(signature_path), "%s/signature", directory);
    return lk_sigstore_generate(key_path, public_path, PASSPHRASE, &err);
}

static int tear_down(void **state)
{
    struct lk_err err;

    (void)state;
    return lk_directory_remove(directory, &err);
}

static void seal_seed(struct lk_buf *pem)
{
    uint8_t       seed[LK_SEED_BYTES];
    struct lk_err err;

    memset(seed, 7, sizeof(seed));
    assert_int_equal(lk_sigstore_seal(pem, seed, PASSPHRASE, &err), 0);
}

static void a_sealed_seed_opens_with_its_passphrase(void **state)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf pem = LK_BUF_INIT(LK_SIGSTORE_FILE_SIZE_MAX);
    uint8_t                               expected[LK_SEED_BYTES], seed[LK_SEED_BYTES];
    struct lk_err                         err;

    (void)state;
    seal_seed(&pem);
    memset(expected, 7, sizeof(expected));
    assert_int_equal(lk_sigstore_open(seed, lk_buf_str(&pem), PASSPHRASE, &err), 0);
    assert_memory_equal(seed, expected, sizeof(seed));
}

static void the_older_label_is_read_too(void **state)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf pem = LK_BUF_INIT(LK_SIGSTORE_FILE_SIZE_MAX);
    LK_CLEANUP(lk_buf_fini) struct lk_buf document = LK_BUF_INIT(LK_SIGSTORE_FILE_SIZE_MAX);
    uint8_t                               seed[LK_SEED_BYTES];
    struct lk_err                         err;

    (void)state;
    seal_seed(&pem);
    assert_true(lk_pem_read(lk_buf_str(&pem), "ENCRYPTED SIGSTORE PRIVATE KEY", &document));
    lk_buf_clear(&pem);
    lk_pem_write(&pem, "ENCRYPTED COSIGN PRIVATE KEY", document.data, document.len);
    assert_int_equal(lk_sigstore_open(seed, lk_buf_str(&pem), PASSPHRASE, &err), 0);
}

static void a_wrong_passphrase_is_denied(void **state)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf pem = LK_BUF_INIT(LK_SIGSTORE_FILE_SIZE_MAX);
    struct lk_signer                     *signer = NULL;
    uint8_t                               seed[LK_SEED_BYTES];
    struct lk_err                         err;

    (void)state;
    seal_seed(&pem);
    assert_int_equal(lk_sigstore_open(seed, lk_buf_str(&pem), LK_STR("wrong"), &err), -1);
    assert_int_equal(err.kind, LK_ERR_DENIED);
    assert_int_equal(lk_signer_open(&signer, key_path, LK_STR("wrong"), &err), -1);
    assert_int_equal(err.kind, LK_ERR_DENIED);
    assert_non_null(strstr(err.text, "passphrase"));
    assert_null(signer);
}

static enum lk_err_kind open_document(const char *document)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf pem = LK_BUF_INIT(LK_SIGSTORE_FILE_SIZE_MAX);
    uint8_t                               seed[LK_SEED_BYTES];
    struct lk_err                         err = { 0 };

    lk_pem_write(&pem, "ENCRYPTED SIGSTORE PRIVATE KEY", document, strlen(document));
    assert_int_equal(lk_sigstore_open(seed, lk_buf_str(&pem), PASSPHRASE, &err), -1);
    return err.kind;
}

static enum lk_err_kind open_with_params(const char *params)
{
    LK_CLEANUP(lk_free_pointer)
    char *document = lk_xasprintf(
        "{\"kdf\":{\"name\":\"scrypt\",\"params\":%s,\"salt\":\"AAAA\"},"
        "\"cipher\":{\"name\":\"nacl/secretbox\",\"nonce\":\"AAAA\"},\"ciphertext\":\"AAAA\"}",
        params);

    return open_document(document);
}

static void a_foreign_file_does_not_choose_our_memory(void **state)
{
    (void)state;
    assert_int_equal(open_with_params("{\"N\":2097152,\"r\":1,\"p\":1}"), LK_ERR_LIMIT);
    assert_int_equal(open_with_params("{\"N\":1048576,\"r\":8,\"p\":1}"), LK_ERR_LIMIT);
    assert_int_equal(open_with_params("{\"N\":65537,\"r\":8,\"p\":1}"), LK_ERR_LIMIT);
    assert_int_equal(open_with_params("{\"N\":65536,\"r\":9,\"p\":1}"), LK_ERR_LIMIT);
    assert_int_equal(open_with_params("{\"N\":65536,\"r\":8,\"p\":5}"), LK_ERR_LIMIT);
    assert_int_equal(open_with_params("{\"N\":-2,\"r\":8,\"p\":1}"), LK_ERR_LIMIT);
    assert_int_equal(open_with_params("{\"N\":0,\"r\":0,\"p\":0}"), LK_ERR_LIMIT);
    assert_int_equal(open_with_params("{\"N\":\"x\",\"r\":8,\"p\":1}"), LK_ERR_INVALID);
}

static void what_is_no_key_file_is_refused(void **state)
{
    uint8_t       seed[LK_SEED_BYTES];
    struct lk_err err;

    (void)state;
    assert_int_equal(open_document("{}"), LK_ERR_INVALID);
    assert_int_equal(open_document("not json"), LK_ERR_INVALID);
    assert_int_equal(open_with_params("{\"N\":65536,\"r\":8,\"p\":1}"), LK_ERR_INVALID);
    assert_int_equal(lk_sigstore_open(seed, LK_STR("hello"), PASSPHRASE, &err), -1);
    assert_int_equal(err.kind, LK_ERR_INVALID);
}

static void existing_keys_are_never_overwritten(void **state)
{
    char          other[280];
    struct lk_err err;
    struct stat   info;

    (void)state;
    assert_int_equal(lk_sigstore_generate(key_path, public_path, PASSPHRASE, &err), -1);
    assert_int_equal(err.kind, LK_ERR_CONFLICT);
    assert_int_equal(stat(key_path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);

    snprintf(other, sizeof(other), "%s/other.key", directory);
    assert_int_equal(lk_sigstore_generate(other, public_path, PASSPHRASE, &err), -1);
    assert_int_equal(err.kind, LK_ERR_CONFLICT);
    assert_int_equal(access(other, F_OK), -1);
}

static void openssl_derives_the_same_public_key_from_pkcs8(void **state)
{
    static const uint8_t start[16] = { 0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06,
                                       0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20 };
    LK_CLEANUP(lk_buf_fini) struct lk_buf pem = LK_BUF_INIT(4096), sealed = LK_BUF_INIT(4096);
    LK_CLEANUP(lk_buf_fini)
    struct lk_buf expected = LK_BUF_INIT(4096), found = LK_BUF_INIT(4096);
    uint8_t       pkcs8[48], public_key[LK_PUBLIC_KEY_BYTES];
    char          path[280];
    int           status = -1;
    struct lk_err err;

    (void)state;
    memcpy(pkcs8, start, sizeof(start));
    assert_int_equal(lk_file_read_secret(key_path, &sealed, &err), 0);
    assert_int_equal(lk_sigstore_open(pkcs8 + 16, lk_buf_str(&sealed), PASSPHRASE, &err), 0);
    lk_pem_write(&pem, "PRIVATE KEY", pkcs8, sizeof(pkcs8));
    snprintf(path, sizeof(path), "%s/plain.pem", directory);
    assert_int_equal(lk_file_create(path, lk_buf_str(&pem), 0600, &err), 0);

    const char *argv[] = { "openssl", "pkey", "-in", path, "-pubout", NULL };
    assert_int_equal(lk_run(argv, &found, &status, &err), 0);
    assert_int_equal(status, 0);
    assert_int_equal(lk_public_key_load(public_key, public_path, &err), 0);
    lk_public_key_pem(public_key, &expected);
    assert_string_equal(lk_buf_text(&found), lk_buf_text(&expected));
}

static void openssl_accepts_what_the_signer_signs(void **state)
{
    struct lk_signer *signer = NULL;
    uint8_t           signature[LK_SIGNATURE_BYTES];
    struct lk_err     err;
    int               status = -1;
    const char       *argv[] = { "openssl",    "pkeyutl",   "-verify",      "-pubin",
                                 "-inkey",     public_path, "-rawin",       "-in",
                                 payload_path, "-sigfile",  signature_path, NULL };

    (void)state;
    assert_int_equal(lk_signer_open(&signer, key_path, PASSPHRASE, &err), 0);
    lk_signer_sign(signer, LK_STR("a payload"), signature);
    assert_int_equal(lk_file_create(payload_path, LK_STR("a payload"), 0600, &err), 0);
    assert_int_equal(
        lk_file_create(signature_path,
                       (struct lk_str) { (const char *)signature, sizeof(signature) }, 0600,
                       &err),
        0);
    assert_int_equal(lk_run(argv, NULL, &status, &err), 0);
    assert_int_equal(status, 0);
    assert_int_equal(lk_file_replace(payload_path, LK_STR("a pay1oad"), 0600, &err), 0);
    assert_int_equal(lk_run(argv, NULL, &status, &err), 0);
    assert_int_not_equal(status, 0);
    lk_signer_close(&signer);
}

static void a_public_key_of_another_kind_is_refused(void **state)
{
    char                                  path[280];
    uint8_t                               key[LK_PUBLIC_KEY_BYTES];
    int                                   status = -1;
    struct lk_err                         err;
    LK_CLEANUP(lk_buf_fini) struct lk_buf text = LK_BUF_INIT(4096);
    const char *argv[] = { "openssl", "ecparam", "-name", "prime256v1", "-genkey",
                           "-noout",  "-out",    path,    NULL };

    (void)state;
    snprintf(path, sizeof(path), "%s/p256.key", directory);
    assert_int_equal(lk_run(argv, NULL, &status, &err), 0);
    const char *public_argv[] = { "openssl", "pkey", "-in", path, "-pubout", NULL };
    assert_int_equal(lk_run(public_argv, &text, &status, &err), 0);
    assert_int_equal(lk_file_replace(path, lk_buf_str(&text), 0644, &err), 0);
    assert_int_equal(lk_public_key_load(key, path, &err), -1);
    assert_int_equal(err.kind, LK_ERR_INVALID);
    assert_int_equal(lk_public_key_load(key, key_path, &err), -1);
    assert_int_equal(err.kind, LK_ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sealed_seed_opens_with_its_passphrase),
        cmocka_unit_test(the_older_label_is_read_too),
        cmocka_unit_test(a_wrong_passphrase_is_denied),
        cmocka_unit_test(a_foreign_file_does_not_choose_our_memory),
        cmocka_unit_test(what_is_no_key_file_is_refused),
        cmocka_unit_test(existing_keys_are_never_overwritten),
        cmocka_unit_test(openssl_derives_the_same_public_key_from_pkcs8),
        cmocka_unit_test(openssl_accepts_what_the_signer_signs),
        cmocka_unit_test(a_public_key_of_another_kind_is_refused),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}

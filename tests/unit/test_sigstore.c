#include "common/keyfile/import.h"
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
    return lk_sigstore_generate(key_path, public_path, LK_KEY_ED25519, PASSPHRASE, &err);
}

static int tear_down(void **state)
{
    struct lk_err err;

    (void)state;
    return lk_directory_remove(directory, &err);
}

static void seal_key(struct lk_buf *pem, enum lk_key_type type, struct lk_public_key *public)
{
    LK_CLEANUP(lk_signing_key_free) struct lk_signing_key *key = NULL;
    struct lk_err                                          err;

    assert_int_equal(lk_signing_key_new(&key, type, &err), 0);
    *public = *lk_signing_key_public(key);
    assert_int_equal(lk_sigstore_seal(pem, key, PASSPHRASE, &err), 0);
}

static void open_again(enum lk_key_type type)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf pem = LK_BUF_INIT(LK_SIGSTORE_FILE_SIZE_MAX);
    LK_CLEANUP(lk_signing_key_free) struct lk_signing_key *key = NULL;
    struct lk_public_key public;
    struct lk_err err;

    seal_key(&pem, type, &public);
    assert_int_equal(lk_sigstore_open(&key, lk_buf_str(&pem), PASSPHRASE, &err), 0);
    assert_int_equal(lk_signing_key_public(key)->type, type);
    assert_true(lk_public_key_eq(lk_signing_key_public(key), &public));
}

static void a_sealed_key_opens_with_its_passphrase(void **state)
{
    (void)state;
    open_again(LK_KEY_ED25519);
    open_again(LK_KEY_ECDSA_P256);
}

static void the_older_label_is_read_too(void **state)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf pem = LK_BUF_INIT(LK_SIGSTORE_FILE_SIZE_MAX);
    LK_CLEANUP(lk_buf_fini) struct lk_buf document = LK_BUF_INIT(LK_SIGSTORE_FILE_SIZE_MAX);
    LK_CLEANUP(lk_signing_key_free) struct lk_signing_key *key = NULL;
    struct lk_public_key public;
    struct lk_err err;

    (void)state;
    seal_key(&pem, LK_KEY_ED25519, &public);
    assert_true(lk_pem_read(lk_buf_str(&pem), "ENCRYPTED SIGSTORE PRIVATE KEY", &document));
    lk_buf_clear(&pem);
    lk_pem_write(&pem, "ENCRYPTED COSIGN PRIVATE KEY", document.data, document.len);
    assert_int_equal(lk_sigstore_open(&key, lk_buf_str(&pem), PASSPHRASE, &err), 0);
}

static void a_wrong_passphrase_is_denied(void **state)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf pem = LK_BUF_INIT(LK_SIGSTORE_FILE_SIZE_MAX);
    struct lk_signer                     *signer = NULL;
    struct lk_signing_key                *key = NULL;
    struct lk_public_key public;
    struct lk_err err;

    (void)state;
    seal_key(&pem, LK_KEY_ED25519, &public);
    assert_int_equal(lk_sigstore_open(&key, lk_buf_str(&pem), LK_STR("wrong"), &err), -1);
    assert_int_equal(err.kind, LK_ERR_DENIED);
    assert_int_equal(lk_signer_open(&signer, key_path, LK_STR("wrong"), &err), -1);
    assert_int_equal(err.kind, LK_ERR_DENIED);
    assert_non_null(strstr(err.text, "passphrase"));
    assert_null(signer);
}

static enum lk_err_kind open_document(const char *document)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf pem = LK_BUF_INIT(LK_SIGSTORE_FILE_SIZE_MAX);
    struct lk_signing_key                *key = NULL;
    struct lk_err                         err = { 0 };

    lk_pem_write(&pem, "ENCRYPTED SIGSTORE PRIVATE KEY", document, strlen(document));
    assert_int_equal(lk_sigstore_open(&key, lk_buf_str(&pem), PASSPHRASE, &err), -1);
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
    struct lk_signing_key *key = NULL;
    struct lk_err          err;

    (void)state;
    assert_int_equal(open_document("{}"), LK_ERR_INVALID);
    assert_int_equal(open_document("not json"), LK_ERR_INVALID);
    assert_int_equal(open_with_params("{\"N\":65536,\"r\":8,\"p\":1}"), LK_ERR_INVALID);
    assert_int_equal(lk_sigstore_open(&key, LK_STR("hello"), PASSPHRASE, &err), -1);
    assert_int_equal(err.kind, LK_ERR_INVALID);
}

static void existing_keys_are_never_overwritten(void **state)
{
    char          other[280];
    struct lk_err err;
    struct stat   info;

    (void)state;
    assert_int_equal(
        lk_sigstore_generate(key_path, public_path, LK_KEY_ED25519, PASSPHRASE, &err), -1);
    assert_int_equal(err.kind, LK_ERR_CONFLICT);
    assert_int_equal(stat(key_path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);

    snprintf(other, sizeof(other), "%s/other.key", directory);
    assert_int_equal(lk_sigstore_generate(other, public_path, LK_KEY_ED25519, PASSPHRASE, &err),
                     -1);
    assert_int_equal(err.kind, LK_ERR_CONFLICT);
    assert_int_equal(access(other, F_OK), -1);
}

static const char *in_directory(const char *name, char path[280])
{
    snprintf(path, 280, "%s/%s", directory, name);
    return path;
}

static bool openssl(const char *const *argv, struct lk_buf *out)
{
    int           status = -1;
    struct lk_err err;

    assert_int_equal(lk_run(argv, out, &status, &err), 0);
    return status == 0;
}

/* Writes what is secret of a key, as the name says. */
static void write_plain(const struct lk_signing_key *key, const char *path)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf pem = LK_BUF_INIT(4096);
    struct lk_str                         pkcs8 = lk_signing_key_pkcs8(key);
    struct lk_err                         err;

    lk_pem_write(&pem, "PRIVATE KEY", pkcs8.data, pkcs8.len);
    assert_int_equal(lk_file_replace(path, lk_buf_str(&pem), 0600, &err), 0);
}

static void derive_public_key(enum lk_key_type type)
{
    LK_CLEANUP(lk_signing_key_free) struct lk_signing_key *key = NULL;
    LK_CLEANUP(lk_buf_fini)
    struct lk_buf expected = LK_BUF_INIT(4096), found = LK_BUF_INIT(4096);
    char          path[280];
    const char   *argv[] = { "openssl", "pkey", "-in", in_directory("plain.pem", path),
                             "-pubout", NULL };
    struct lk_err err;

    assert_int_equal(lk_signing_key_new(&key, type, &err), 0);
    write_plain(key, path);
    assert_true(openssl(argv, &found));
    lk_public_key_pem(lk_signing_key_public(key), &expected);
    assert_string_equal(lk_buf_text(&found), lk_buf_text(&expected));
}

static void openssl_derives_the_same_public_key_from_pkcs8(void **state)
{
    (void)state;
    derive_public_key(LK_KEY_ED25519);
    derive_public_key(LK_KEY_ECDSA_P256);
}

/* ALGORITHM as openssl names it, ENCRYPTED or not. */
static void import_from_openssl(const char *algorithm, const char *option,
                                enum lk_key_type type, bool encrypted)
{
    LK_CLEANUP(lk_signing_key_free) struct lk_signing_key *key = NULL;
    LK_CLEANUP(lk_buf_fini)
    struct lk_buf pem = LK_BUF_INIT(4096), expected = LK_BUF_INIT(4096),
                  found = LK_BUF_INIT(4096);
    char          path[280], sealed_path[280];
    const char   *plain[] = { "openssl",
                              "genpkey",
                              "-algorithm",
                              algorithm,
                              "-out",
                              in_directory("foreign.pem", path),
                            option ? "-pkeyopt" : NULL,
                              option,
                              NULL };
    const char   *sealed[] = { "openssl",
                               "pkey",
                               "-in",
                               path,
                               "-aes256",
                               "-passout",
                               "pass:correct horse",
                               "-out",
                               in_directory("sealed.pem", sealed_path),
                               NULL };
    const char   *file = encrypted ? sealed_path : path;
    const char   *derive[] = { "openssl", "pkey", "-in", file, "-passin", "pass:correct horse",
                               "-pubout", NULL };
    struct lk_err err;

    assert_true(openssl(plain, NULL));
    assert_true(!encrypted || openssl(sealed, NULL));
    assert_true(openssl(derive, &expected));
    assert_int_equal(lk_file_read(file, &pem, &err), 0);
    assert_true(lk_key_is_encrypted(lk_buf_str(&pem)) == encrypted);
    if (encrypted) {
        assert_int_equal(lk_key_import(&key, lk_buf_str(&pem), LK_STR("wrong"), &err), -1);
        assert_int_equal(err.kind, LK_ERR_DENIED);
    }
    if (lk_key_import(&key, lk_buf_str(&pem), PASSPHRASE, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(lk_signing_key_public(key)->type, type);
    lk_public_key_pem(lk_signing_key_public(key), &found);
    assert_string_equal(lk_buf_text(&found), lk_buf_text(&expected));
}

static void keys_that_openssl_made_are_imported(void **state)
{
    (void)state;
    import_from_openssl("ed25519", NULL, LK_KEY_ED25519, false);
    import_from_openssl("ed25519", NULL, LK_KEY_ED25519, true);
    import_from_openssl("EC", "ec_paramgen_curve:P-256", LK_KEY_ECDSA_P256, false);
    import_from_openssl("EC", "ec_paramgen_curve:P-256", LK_KEY_ECDSA_P256, true);
}

static void expect_not_imported(const char *name, const char *option, const char *value)
{
    LK_CLEANUP(lk_signing_key_free) struct lk_signing_key *key = NULL;
    LK_CLEANUP(lk_buf_fini) struct lk_buf                  pem = LK_BUF_INIT(4096);
    char                                                   plain[280], sealed[280];
    struct lk_err                                          err;
    const char *make[] = { "openssl", "genpkey", "-algorithm",
                           "ed25519", "-out",    in_directory("plain.pem", plain),
                           NULL };
    const char *seal[] = { "openssl",
                           "pkcs8",
                           "-topk8",
                           "-in",
                           plain,
                           "-passout",
                           "pass:correct horse",
                           "-out",
                           in_directory(name, sealed),
                           option,
                           value,
                           NULL };

    assert_true(openssl(make, NULL));
    assert_true(openssl(seal, NULL));
    assert_int_equal(lk_file_read(sealed, &pem, &err), 0);
    assert_int_equal(lk_key_import(&key, lk_buf_str(&pem), PASSPHRASE, &err), -1);
    assert_int_equal(err.kind, LK_ERR_INVALID);
    assert_non_null(strstr(err.text, "at most 1048576 rounds"));
}

static void a_key_that_takes_hours_to_open_is_not_imported(void **state)
{
    (void)state;
    expect_not_imported("slow.pem", "-iter", "1048577");
    expect_not_imported("scrypt.pem", "-scrypt", NULL);
}

static void write_signed(const struct lk_signing_key *key, struct lk_signature *signature)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf public = LK_BUF_INIT(4096);
    struct lk_err err;

    assert_int_equal(lk_signing_key_sign(key, LK_STR("a payload"), signature, &err), 0);
    lk_public_key_pem(lk_signing_key_public(key), &public);
    assert_int_equal(lk_file_replace(public_path, lk_buf_str(&public), 0644, &err), 0);
    assert_int_equal(lk_file_replace(payload_path, LK_STR("a payload"), 0600, &err), 0);
    assert_int_equal(
        lk_file_replace(signature_path,
                        (struct lk_str) { (const char *)signature->bytes, signature->len },
                        0600, &err),
        0);
}

static void openssl_judges(enum lk_key_type type)
{
    LK_CLEANUP(lk_signing_key_free) struct lk_signing_key *key = NULL;
    struct lk_signature                                    signature;
    struct lk_err                                          err;
    const char *rsa_less[] = { "openssl",    "pkeyutl",   "-verify",      "-pubin",
                               "-inkey",     public_path, "-rawin",       "-in",
                               payload_path, "-sigfile",  signature_path, NULL };
    const char *hashed[] = { "openssl",    "dgst",         "-sha256",    "-verify", public_path,
                             "-signature", signature_path, payload_path, NULL };
    const char *const *argv = type == LK_KEY_ED25519 ? rsa_less : hashed;

    assert_int_equal(lk_signing_key_new(&key, type, &err), 0);
    write_signed(key, &signature);
    assert_true(openssl(argv, NULL));
    assert_true(
        lk_public_key_verifies(lk_signing_key_public(key), LK_STR("a payload"), &signature));
    assert_false(
        lk_public_key_verifies(lk_signing_key_public(key), LK_STR("a pay1oad"), &signature));
    signature.bytes[20] ^= 1;
    assert_false(
        lk_public_key_verifies(lk_signing_key_public(key), LK_STR("a payload"), &signature));
    assert_int_equal(lk_file_replace(payload_path, LK_STR("a pay1oad"), 0600, &err), 0);
    assert_false(openssl(argv, NULL));
}

static void openssl_accepts_what_a_key_signs(void **state)
{
    (void)state;
    openssl_judges(LK_KEY_ED25519);
    openssl_judges(LK_KEY_ECDSA_P256);
}

static void a_key_of_another_kind_is_refused(void **state)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf text = LK_BUF_INIT(4096), pem = LK_BUF_INIT(4096);
    struct lk_signing_key                *key = NULL;
    struct lk_public_key public;
    struct lk_err err;
    char          path[280];
    const char   *make[] = { "openssl",    "genpkey",
                             "-algorithm", "EC",
                             "-pkeyopt",   "ec_paramgen_curve:P-384",
                             "-out",       in_directory("p384.key", path),
                             NULL };
    const char   *derive[] = { "openssl", "pkey", "-in", path, "-pubout", NULL };

    (void)state;
    assert_true(openssl(make, NULL));
    assert_int_equal(lk_file_read(path, &pem, &err), 0);
    assert_int_equal(lk_key_import(&key, lk_buf_str(&pem), PASSPHRASE, &err), -1);
    assert_int_equal(err.kind, LK_ERR_INVALID);
    assert_true(openssl(derive, &text));
    assert_int_equal(lk_file_replace(path, lk_buf_str(&text), 0644, &err), 0);
    assert_int_equal(lk_public_key_load(&public, path, &err), -1);
    assert_int_equal(err.kind, LK_ERR_INVALID);
    assert_int_equal(lk_public_key_load(&public, key_path, &err), -1);
    assert_int_equal(err.kind, LK_ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sealed_key_opens_with_its_passphrase),
        cmocka_unit_test(the_older_label_is_read_too),
        cmocka_unit_test(a_wrong_passphrase_is_denied),
        cmocka_unit_test(a_foreign_file_does_not_choose_our_memory),
        cmocka_unit_test(what_is_no_key_file_is_refused),
        cmocka_unit_test(existing_keys_are_never_overwritten),
        cmocka_unit_test(a_key_that_takes_hours_to_open_is_not_imported),
        cmocka_unit_test(openssl_derives_the_same_public_key_from_pkcs8),
        cmocka_unit_test(keys_that_openssl_made_are_imported),
        cmocka_unit_test(openssl_accepts_what_a_key_signs),
        cmocka_unit_test(a_key_of_another_kind_is_refused),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}

#include "common/net/curve.h"

#include "common/base/buf.h"
#include "common/os/file.h"

#include <czmq.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static char          directory[] = "/tmp/lk-test-curve-XXXXXX";
static char          key_path[64];
static char          pub_path[64];
static struct lk_err err;

static int begin(void **state)
{
    (void)state;
    zsys_handler_set(NULL);
    if (!mkdtemp(directory))
        return -1;
    snprintf(key_path, sizeof(key_path), "%s/a.key", directory);
    snprintf(pub_path, sizeof(pub_path), "%s/a.pub", directory);
    return 0;
}

static int end(void **state)
{
    (void)state;
    return rmdir(directory);
}

static int remove_files(void **state)
{
    (void)state;
    unlink(key_path);
    unlink(pub_path);
    return 0;
}

static void write_file(const char *path, const char *text, mode_t mode)
{
    assert_int_equal(lk_file_create(path, lk_str_of(text), mode, &err), 0);
}

static void make_pair(struct lk_curve_pair **pair)
{
    assert_int_equal(lk_curve_generate(pair, &err), 0);
    assert_int_equal(lk_curve_save(*pair, key_path, pub_path, &err), 0);
}

static void a_saved_pair_is_loaded_again(void **state)
{
    LK_CLEANUP(lk_curve_free) struct lk_curve_pair *made = NULL;
    LK_CLEANUP(lk_curve_free) struct lk_curve_pair *loaded = NULL;

    (void)state;
    make_pair(&made);
    assert_int_equal(lk_curve_load(&loaded, key_path, &err), 0);
    assert_string_equal(lk_curve_public_of(loaded)->z85, lk_curve_public_of(made)->z85);
    assert_string_equal(lk_curve_secret_of(loaded), lk_curve_secret_of(made));
    assert_int_equal(strlen(lk_curve_secret_of(loaded)), 40);
}

static void only_the_owner_may_read_a_secret(void **state)
{
    LK_CLEANUP(lk_curve_free) struct lk_curve_pair *made = NULL;
    struct lk_curve_pair                           *loaded = NULL;
    struct stat                                     status;

    (void)state;
    make_pair(&made);
    assert_int_equal(stat(key_path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    assert_int_equal(chmod(key_path, 0640), 0);
    assert_int_equal(lk_curve_load(&loaded, key_path, &err), -1);
    assert_non_null(strstr(err.text, key_path));
    assert_null(loaded);
}

static void the_public_file_holds_no_secret(void **state)
{
    LK_CLEANUP(lk_curve_free) struct lk_curve_pair *made = NULL;
    LK_CLEANUP(lk_buf_fini) struct lk_buf           text = LK_BUF_INIT(4096);

    (void)state;
    make_pair(&made);
    assert_int_equal(lk_file_read(pub_path, &text, &err), 0);
    assert_non_null(strstr(lk_buf_text(&text), lk_curve_public_of(made)->z85));
    assert_null(strstr(lk_buf_text(&text), "secret"));
}

static void an_existing_file_is_not_overwritten(void **state)
{
    LK_CLEANUP(lk_curve_free) struct lk_curve_pair *made = NULL;

    (void)state;
    assert_int_equal(lk_curve_generate(&made, &err), 0);
    write_file(pub_path, "mine", 0644);
    assert_int_equal(lk_curve_save(made, key_path, pub_path, &err), -1);
    assert_int_equal(err.kind, LK_ERR_CONFLICT);
    assert_int_equal(access(key_path, F_OK), -1); /* no half pair stays behind */

    write_file(key_path, "mine too", 0600);
    assert_int_equal(lk_curve_save(made, key_path, pub_path, &err), -1);
    assert_int_equal(err.kind, LK_ERR_CONFLICT);
    assert_int_equal(access(key_path, F_OK), 0);
}

/* The judge is czmq itself. */
static void czmq_reads_our_files(void **state)
{
    LK_CLEANUP(lk_curve_free) struct lk_curve_pair *made = NULL;

    (void)state;
    make_pair(&made);
    zcert_t *cert = zcert_load(key_path);
    assert_non_null(cert);
    assert_string_equal(zcert_public_txt(cert), lk_curve_public_of(made)->z85);
    assert_string_equal(zcert_secret_txt(cert), lk_curve_secret_of(made));
    zcert_destroy(&cert);
}

static void we_read_files_of_czmq(void **state)
{
    LK_CLEANUP(lk_curve_free) struct lk_curve_pair *loaded = NULL;
    zcert_t                                        *cert = zcert_new();

    (void)state;
    zcert_set_meta(cert, "name", "%s", "somebody");
    assert_int_equal(zcert_save_secret(cert, key_path), 0);
    assert_int_equal(chmod(key_path, 0600), 0);
    assert_int_equal(lk_curve_load(&loaded, key_path, &err), 0);
    assert_string_equal(lk_curve_public_of(loaded)->z85, zcert_public_txt(cert));
    zcert_destroy(&cert);
}

static void a_pair_that_does_not_belong_together_is_refused(void **state)
{
    LK_CLEANUP(lk_curve_free) struct lk_curve_pair *one = NULL;
    LK_CLEANUP(lk_curve_free) struct lk_curve_pair *other = NULL;
    struct lk_curve_pair                           *loaded = NULL;
    char                                            text[256];

    (void)state;
    assert_int_equal(lk_curve_generate(&one, &err), 0);
    assert_int_equal(lk_curve_generate(&other, &err), 0);
    snprintf(text, sizeof(text), "curve\n public-key = \"%s\"\n secret-key = \"%s\"\n",
             lk_curve_public_of(one)->z85, lk_curve_secret_of(other));
    write_file(key_path, text, 0600);
    assert_int_equal(lk_curve_load(&loaded, key_path, &err), -1);
    assert_int_equal(err.kind, LK_ERR_INVALID);
    assert_non_null(strstr(err.text, "does not belong"));
    assert_null(strstr(err.text, lk_curve_secret_of(other)));
}

static void what_is_not_a_key_file_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "public-key",
        "public-key = \"",
        "public-key = \"\"\nsecret-key = \"\"\n",
        "public-key = \"~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~\"\n",
        "curve\n    secret-key = \"JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6\"\n",
    };
    struct lk_curve_pair *loaded = NULL;
    struct lk_curve_public public;

    (void)state;
    for (size_t i = 0; i < LK_COUNT(texts); i++) {
        write_file(key_path, texts[i], 0600);
        assert_int_equal(lk_curve_load(&loaded, key_path, &err), -1);
        assert_int_equal(lk_curve_parse_public(&public, key_path, &err), -1);
        unlink(key_path);
    }
    assert_null(loaded);
}

static void a_public_key_is_text_or_a_file(void **state)
{
    LK_CLEANUP(lk_curve_free) struct lk_curve_pair *made = NULL;
    struct lk_curve_public public;

    (void)state;
    make_pair(&made);
    assert_int_equal(lk_curve_parse_public(&public, lk_curve_public_of(made)->z85, &err), 0);
    assert_string_equal(public.z85, lk_curve_public_of(made)->z85);
    memset(&public, 0, sizeof(public));
    assert_int_equal(lk_curve_parse_public(&public, pub_path, &err), 0);
    assert_string_equal(public.z85, lk_curve_public_of(made)->z85);

    assert_int_equal(lk_curve_parse_public(&public, "", &err), -1);
    assert_int_equal(lk_curve_parse_public(&public, "no/such/file", &err), -1);
    assert_int_equal(err.kind, LK_ERR_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_saved_pair_is_loaded_again, remove_files),
        cmocka_unit_test_teardown(only_the_owner_may_read_a_secret, remove_files),
        cmocka_unit_test_teardown(the_public_file_holds_no_secret, remove_files),
        cmocka_unit_test_teardown(an_existing_file_is_not_overwritten, remove_files),
        cmocka_unit_test_teardown(czmq_reads_our_files, remove_files),
        cmocka_unit_test_teardown(we_read_files_of_czmq, remove_files),
        cmocka_unit_test_teardown(a_pair_that_does_not_belong_together_is_refused,
                                  remove_files),
        cmocka_unit_test_teardown(what_is_not_a_key_file_is_refused, remove_files),
        cmocka_unit_test_teardown(a_public_key_is_text_or_a_file, remove_files),
    };

    return cmocka_run_group_tests(tests, begin, end);
}

#include "common/registry/verify.h"

#include "tests/unit/local_publisher.h"

static void put_two(struct bench *bench, struct lk_index *children, const char *second_says)
{
    memset(children, 0, sizeof(*children));
    add_image(bench, children, "amd64", "amd64");
    add_image(bench, children, "arm64", second_says);
}

static int verify_as(struct bench *bench, const struct lk_verify_request *request,
                     struct lk_verification *out, struct lk_err *err)
{
    LK_CLEANUP(lk_crew_fini)
    struct lk_crew crew = { .repository = &bench->publisher.repository,
                            .options = &bench->publisher.options };

    return lk_verify(&crew, request, out, err);
}

static int verify(struct bench *bench, const char *tag, struct lk_verification *out,
                  struct lk_err *err)
{
    const struct lk_arch     required[] = { arch_of("amd64"), arch_of("arm64") };
    struct lk_verify_request request = {
        .reference = bench->publisher.repository,
        .keys = bench->publisher.trusted_keys,
        .key_count = bench->publisher.trusted_key_count,
        .required = required,
        .required_count = LK_COUNT(required),
    };

    lk_copy_text(request.reference.tag, sizeof(request.reference.tag), tag);
    return verify_as(bench, &request, out, err);
}

static void a_whole_push_verifies_by_tag_and_by_digest(void **state)
{
    LK_CLEANUP(close_bench) struct bench bench;
    struct lk_index                      children;
    struct lk_descriptor                 index;
    struct lk_verification               result;
    struct lk_verify_request             request;
    struct lk_err                        err;

    (void)state;
    open_bench(&bench, "org/right");
    put_two(&bench, &children, "arm64");
    publish(&bench, "t1", &children, true, &index);
    SUCCEEDS(verify(&bench, "t1", &result, &err));
    assert_true(result.index_is_signed);
    assert_int_equal(result.count, 2);
    for (size_t i = 0; i < result.count; i++)
        assert_true(result.children[i].is_image && result.children[i].is_right &&
                    result.children[i].is_signed && !result.children[i].problem.reason);
    request = (struct lk_verify_request) {
        .reference = bench.publisher.repository,
        .keys = bench.publisher.trusted_keys,
        .key_count = 1,
    };
    request.reference.has_digest = true;
    request.reference.digest = index.digest;
    SUCCEEDS(verify_as(&bench, &request, &result, &err));
    assert_true(lk_digest_eq(&result.index.digest, &index.digest));
}

static void a_missing_signature_of_a_child_is_caught(void **state)
{
    LK_CLEANUP(close_bench) struct bench bench;
    struct lk_index                      children;
    struct lk_digest                     digest;
    struct lk_verification               result;
    struct lk_err                        err;

    (void)state;
    open_bench(&bench, "org/half");
    put_two(&bench, &children, "arm64");
    plant_index(&bench, "t1", &children, &digest);
    sign_under(&bench, &digest, "t1");
    sign_under(&bench, &children.entries[0].descriptor.digest, "t1-amd64");
    sign_under(&bench, &children.entries[1].descriptor.digest,
               "t1"); /* for which architecture? */
    FAILS_AS(LK_ERR_CONFLICT, verify(&bench, "t1", &result, &err));
    assert_true(result.index_is_signed && result.children[0].is_signed);
    assert_false(result.children[1].is_signed);
    assert_int_equal(result.problem.reason, LK_VERIFY_FINE);
    assert_non_null(strstr(err.text, "arm64"));
}

static void a_wrong_key_is_caught(void **state)
{
    LK_CLEANUP(close_bench) struct bench bench;
    static struct lk_public_key          other[1];
    uint8_t                              raw[LK_ED25519_BYTES];
    struct lk_index                      children;
    struct lk_descriptor                 index;
    struct lk_verification               result;
    struct lk_err                        err;

    (void)state;
    open_bench(&bench, "org/wrongkey");
    put_two(&bench, &children, "arm64");
    publish(&bench, "t1", &children, true, &index);
    randombytes_buf(raw, sizeof(raw));
    lk_public_key_of_ed25519(&other[0], raw);
    bench.publisher.trusted_keys = other;
    FAILS_AS(LK_ERR_CONFLICT, verify(&bench, "t1", &result, &err));
    assert_false(result.index_is_signed || result.children[0].is_signed);
}

static void an_index_signed_under_another_tag_is_caught(void **state)
{
    LK_CLEANUP(close_bench) struct bench bench;
    struct lk_index                      children;
    struct lk_descriptor                 index;
    struct lk_digest                     digest;
    struct lk_verification               result;
    struct lk_err                        err;

    (void)state;
    open_bench(&bench, "org/rolledback");
    put_two(&bench, &children, "arm64");
    publish(&bench, "old", &children, true, &index);
    plant_index(&bench, "new", &children, &digest);
    FAILS_AS(LK_ERR_CONFLICT, verify(&bench, "new", &result, &err));
    assert_false(result.index_is_signed);
}

static void swapped_architectures_are_caught_even_when_signed(void **state)
{
    LK_CLEANUP(close_bench) struct bench bench;
    struct lk_index                      children;
    struct lk_digest                     digest;
    struct lk_verification               result;
    struct lk_err                        err;

    (void)state;
    open_bench(&bench, "org/swap");
    put_two(&bench, &children, "s390x");
    plant_index(&bench, "t1", &children, &digest);
    sign_under(&bench, &digest, "t1");
    sign_under(&bench, &children.entries[0].descriptor.digest, "t1-amd64");
    sign_under(&bench, &children.entries[1].descriptor.digest, "t1-arm64");
    FAILS_AS(LK_ERR_CONFLICT, verify(&bench, "t1", &result, &err));
    assert_true(result.index_is_signed && result.children[1].is_signed);
    assert_true(result.children[0].is_right);
    assert_false(result.children[1].is_right);
    assert_non_null(strstr(result.children[1].problem.text, "linux/s390x"));
}

static void a_missing_architecture_is_caught(void **state)
{
    LK_CLEANUP(close_bench) struct bench bench;
    struct lk_index                      children;
    struct lk_descriptor                 index;
    struct lk_verification               result;
    struct lk_err                        err;

    (void)state;
    open_bench(&bench, "org/missing");
    put_two(&bench, &children, "arm64");
    children.count = 1;
    publish(&bench, "t1", &children, true, &index);
    FAILS_AS(LK_ERR_CONFLICT, verify(&bench, "t1", &result, &err));
    assert_non_null(strstr(result.problem.text, "linux/arm64"));
}

static void what_is_not_there_or_no_index_is_said_so(void **state)
{
    LK_CLEANUP(close_bench) struct bench bench;
    struct lk_index                      children;
    struct lk_descriptor                 index;
    struct lk_verification               result;
    struct lk_err                        err;

    (void)state;
    open_bench(&bench, "org/nothing");
    FAILS_AS(LK_ERR_NOT_FOUND, verify(&bench, "t1", &result, &err));
    put_two(&bench, &children, "arm64");
    publish(&bench, "t1", &children, true, &index);
    FAILS_AS(LK_ERR_CONFLICT, verify(&bench, "t1-amd64", &result, &err));
    FAILS_AS(LK_ERR_INVALID, verify(&bench, "", &result, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_push_verifies_by_tag_and_by_digest),
        cmocka_unit_test(a_missing_signature_of_a_child_is_caught),
        cmocka_unit_test(a_wrong_key_is_caught),
        cmocka_unit_test(an_index_signed_under_another_tag_is_caught),
        cmocka_unit_test(swapped_architectures_are_caught_even_when_signed),
        cmocka_unit_test(a_missing_architecture_is_caught),
        cmocka_unit_test(what_is_not_there_or_no_index_is_said_so),
    };

    return cmocka_run_group_tests(tests, local_publisher_set_up, local_publisher_tear_down);
}

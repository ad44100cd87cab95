#include "tests/unit/source_helper.h"

#include "common/pkg/spec.h"
#include "common/source/sender.h"
#include "coordinator/source/intake.h"

/* A client's store on one side, its domain at the coordinator and an intake on the other. */
struct bench {
    struct lk_store        *from;
    struct lk_store        *to;
    struct lk_object_source source;
    struct lk_sender       *sender;
    struct lk_intake       *intake;
};

static int read_object(void *ctx, const struct lk_oid *oid, bool *is_tree, struct lk_buf *out,
                       struct lk_err *err)
{
    return lk_store_read(ctx, oid, is_tree, out, err);
}

static void open_bench(void **state, struct bench *bench)
{
    bench->from = store_make(state, "from");
    bench->to = store_make(state, "to");
    bench->source = (struct lk_object_source) { .read = read_object, .ctx = bench->from };
    bench->sender = lk_sender_new(&bench->source);
    bench->intake = lk_intake_new(bench->to);
}

static void close_bench(struct bench *bench)
{
    lk_intake_free(&bench->intake);
    lk_sender_free(&bench->sender);
    lk_store_close(&bench->from);
    lk_store_close(&bench->to);
}

/* A package of one file, at the client; the oid of its specification. */
static struct lk_oid put_package(struct bench *bench, const char *name, const char *content,
                                 struct lk_oid *tree)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf text = LK_BUF_INIT(LK_SPEC_BYTES_MAX);
    struct lk_oid                         file = put_blob(bench->from, content);
    struct lk_spec                        spec = { .arch_count = 1 };
    struct lk_err                         err;

    *tree = put_tree(bench->from, "100644", "Dockerfile", &file);
    spec.tree = *tree;
    snprintf(spec.path, sizeof(spec.path), "%s", name);
    snprintf(spec.repository, sizeof(spec.repository), "registry.example/org/%s", name);
    snprintf(spec.tag, sizeof(spec.tag), "v1");
    snprintf(spec.dockerfile, sizeof(spec.dockerfile), "Dockerfile");
    snprintf(spec.arches[0].name, sizeof(spec.arches[0].name), "amd64");
    must(lk_spec_write(&spec, &text, &err), &err);
    return put(bench->from, false, lk_buf_str(&text));
}

static lk_wire_Submit submit_of(const struct lk_oid *specs, size_t count)
{
    lk_wire_Submit submit = { .specs_count = (pb_size_t)count };

    for (size_t i = 0; i < count; i++)
        memcpy(submit.specs[i], specs[i].sha1, sizeof(specs[i].sha1));
    return submit;
}

/* Carries messages both ways until neither side has one. */
static int carry(struct bench *bench, struct lk_err *err)
{
    lk_wire_Envelope message;
    struct lk_str    payload;
    bool             moved = true;

    while (moved) {
        moved = false;
        while (lk_intake_next(bench->intake, &message)) {
            moved = true;
            must(lk_sender_take(bench->sender, &message, err), err);
        }
        while (lk_sender_next(bench->sender, &message, &payload, err) > 0) {
            moved = true;
            if (lk_intake_take(bench->intake, &message, payload, err) < 0)
                return -1;
            lk_sender_sent(bench->sender);
        }
    }
    return 0;
}

static void specifications_come_first_and_trees_when_asked_for(void **state)
{
    struct bench    bench;
    struct lk_oid   trees[2];
    struct lk_spec *specs;
    size_t          count;
    struct lk_err   err;

    open_bench(state, &bench);
    struct lk_oid  oids[] = { put_package(&bench, "one", "FROM a", &trees[0]),
                              put_package(&bench, "two", "FROM b", &trees[1]) };
    lk_wire_Submit submit = submit_of(oids, 2);
    assert_int_equal(lk_intake_state(bench.intake), LK_INTAKE_IDLE);
    must(lk_intake_submit(bench.intake, &submit, &err), &err);
    assert_int_equal(lk_intake_state(bench.intake), LK_INTAKE_SPECS);
    must(carry(&bench, &err), &err);
    assert_int_equal(lk_intake_state(bench.intake), LK_INTAKE_SPECS_READY);
    assert_false(lk_store_has(bench.to, &trees[0]));

    must(lk_intake_specs(bench.intake, &specs, &count, &err), &err);
    assert_int_equal(count, 2);
    assert_string_equal(specs[1].repository, "registry.example/org/two");
    lk_intake_free_specs(&specs, count);
    assert_int_equal(lk_intake_state(bench.intake), LK_INTAKE_ACCEPTED);

    must(lk_intake_fetch(bench.intake, &err), &err);
    assert_int_equal(lk_intake_state(bench.intake), LK_INTAKE_SOURCES);
    must(carry(&bench, &err), &err);
    assert_int_equal(lk_intake_state(bench.intake), LK_INTAKE_READY);
    assert_true(lk_store_has(bench.to, &trees[0]));
    assert_true(lk_store_has(bench.to, &trees[1]));

    /* The same once more: nothing has to travel. */
    must(lk_intake_submit(bench.intake, &submit, &err), &err);
    assert_int_equal(lk_intake_state(bench.intake), LK_INTAKE_SPECS_READY);
    must(lk_intake_specs(bench.intake, &specs, &count, &err), &err);
    lk_intake_free_specs(&specs, count);
    must(lk_intake_fetch(bench.intake, &err), &err);
    assert_int_equal(lk_intake_state(bench.intake), LK_INTAKE_READY);
    close_bench(&bench);
}

static void the_wrong_order_is_refused(void **state)
{
    struct bench    bench;
    struct lk_oid   tree;
    struct lk_spec *specs;
    size_t          count;
    struct lk_err   err;

    open_bench(state, &bench);
    struct lk_oid  oid = put_package(&bench, "one", "FROM a", &tree);
    lk_wire_Submit submit = submit_of(&oid, 1);
    assert_int_equal(lk_intake_fetch(bench.intake, &err), -1);
    assert_int_equal(err.kind, LK_ERR_CONFLICT);
    assert_int_equal(lk_intake_specs(bench.intake, &specs, &count, &err), -1);
    assert_int_equal(err.kind, LK_ERR_CONFLICT);
    must(lk_intake_submit(bench.intake, &submit, &err), &err);
    assert_int_equal(lk_intake_fetch(bench.intake, &err), -1);
    assert_int_equal(err.kind, LK_ERR_CONFLICT);
    /* None of that has hurt it. */
    must(carry(&bench, &err), &err);
    assert_int_equal(lk_intake_state(bench.intake), LK_INTAKE_SPECS_READY);
    close_bench(&bench);
}

static void what_the_client_does_not_have_ends_the_submission(void **state)
{
    struct bench  bench;
    struct lk_oid missing = { { 1, 2, 3 } };
    struct lk_err err = { 0 };

    open_bench(state, &bench);
    lk_wire_Submit submit = submit_of(&missing, 1);
    must(lk_intake_submit(bench.intake, &submit, &err), &err);
    assert_int_equal(carry(&bench, &err), -1);
    assert_int_equal(err.kind, LK_ERR_NOT_FOUND);
    must_say(&err, "does not have");
    assert_int_equal(lk_intake_state(bench.intake), LK_INTAKE_IDLE);
    close_bench(&bench);
}

static void an_object_that_nobody_asked_for_ends_the_submission(void **state)
{
    struct bench  bench;
    struct lk_oid tree;
    struct lk_err err = { 0 };

    open_bench(state, &bench);
    struct lk_oid    oid = put_package(&bench, "one", "FROM a", &tree);
    lk_wire_Submit   submit = submit_of(&oid, 1);
    lk_wire_Envelope absent = { .which_body = lk_wire_Envelope_absent_tag };
    must(lk_intake_submit(bench.intake, &submit, &err), &err);
    memset(absent.body.absent.oid, 9, sizeof(absent.body.absent.oid));
    assert_int_equal(lk_intake_take(bench.intake, &absent, LK_STR(""), &err), -1);
    assert_int_equal(err.kind, LK_ERR_INVALID);
    assert_int_equal(lk_intake_state(bench.intake), LK_INTAKE_IDLE);
    /* What was still in flight is no second failure. */
    assert_int_equal(lk_intake_take(bench.intake, &absent, LK_STR(""), &err), 0);
    assert_false(lk_intake_next(bench.intake, &absent));
    close_bench(&bench);
}

static void a_specification_that_is_none_ends_the_submission(void **state)
{
    struct bench    bench;
    struct lk_spec *specs;
    size_t          count;
    struct lk_err   err = { 0 };

    open_bench(state, &bench);
    struct lk_oid  oid = put_blob(bench.from, "{\"path\": 3}");
    lk_wire_Submit submit = submit_of(&oid, 1);
    must(lk_intake_submit(bench.intake, &submit, &err), &err);
    must(carry(&bench, &err), &err);
    assert_int_equal(lk_intake_specs(bench.intake, &specs, &count, &err), -1);
    assert_int_equal(err.kind, LK_ERR_INVALID);
    assert_int_equal(lk_intake_state(bench.intake), LK_INTAKE_IDLE);
    close_bench(&bench);
}

static void a_new_submission_replaces_one_under_way(void **state)
{
    struct bench  bench;
    struct lk_oid missing = { { 1, 2, 3 } }, tree;
    struct lk_err err = { 0 };

    open_bench(state, &bench);
    lk_wire_Submit first = submit_of(&missing, 1);
    must(lk_intake_submit(bench.intake, &first, &err), &err);
    struct lk_oid  oid = put_package(&bench, "one", "FROM a", &tree);
    lk_wire_Submit second = submit_of(&oid, 1);
    must(lk_intake_submit(bench.intake, &second, &err), &err);
    must(carry(&bench, &err), &err);
    assert_int_equal(lk_intake_state(bench.intake), LK_INTAKE_SPECS_READY);
    close_bench(&bench);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_make, scratch_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(specifications_come_first_and_trees_when_asked_for),
        TEST(the_wrong_order_is_refused),
        TEST(what_the_client_does_not_have_ends_the_submission),
        TEST(an_object_that_nobody_asked_for_ends_the_submission),
        TEST(a_specification_that_is_none_ends_the_submission),
        TEST(a_new_submission_replaces_one_under_way),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

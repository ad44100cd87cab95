#include "coordinator/source/intake.h"

#include <stdlib.h>
#include <string.h>

struct lk_intake {
    struct lk_store     *store;
    struct lk_receiver  *receiver;
    enum lk_intake_state state;
    lk_wire_Submit       submit;
    size_t               tree_count;
    struct lk_oid        trees[LK_PUSH_PACKAGES_MAX];
};

struct lk_intake *lk_intake_new(struct lk_store *store)
{
    struct lk_intake *intake = lk_xcalloc(1, sizeof(*intake));

    intake->store = store;
    return intake;
}

void lk_intake_free(struct lk_intake **intake)
{
    struct lk_intake *i = LK_TAKE(*intake);

    if (!i)
        return;
    lk_receiver_free(&i->receiver);
    free(i);
}

enum lk_intake_state lk_intake_state(const struct lk_intake *intake)
{
    return intake->state;
}

const lk_wire_Submit *lk_intake_message(const struct lk_intake *intake)
{
    return &intake->submit;
}

static void look_whether_done(struct lk_intake *intake)
{
    if (!intake->receiver || !lk_receiver_is_done(intake->receiver))
        return;
    if (intake->state == LK_INTAKE_SPECS)
        intake->state = LK_INTAKE_SPECS_READY;
    else if (intake->state == LK_INTAKE_SOURCES)
        intake->state = LK_INTAKE_READY;
}

void lk_intake_abandon(struct lk_intake *intake)
{
    lk_receiver_free(&intake->receiver);
    intake->state = LK_INTAKE_IDLE;
}

static int fail(struct lk_intake *intake)
{
    lk_intake_abandon(intake);
    return -1;
}

int lk_intake_submit(struct lk_intake *intake, const lk_wire_Submit *submit, struct lk_err *err)
{
    lk_receiver_free(&intake->receiver);
    intake->receiver = lk_receiver_new(intake->store, 0);
    intake->submit = *submit;
    intake->tree_count = 0;
    intake->state = LK_INTAKE_SPECS;
    for (size_t i = 0; i < submit->specs_count; i++) {
        struct lk_oid oid;
        memcpy(oid.sha1, submit->specs[i], sizeof(oid.sha1));
        if (lk_receiver_add_root(intake->receiver, &oid, false, err) < 0)
            return fail(intake);
    }
    look_whether_done(intake);
    return 0;
}

int lk_intake_take(struct lk_intake *intake, const lk_wire_Envelope *in, struct lk_str payload,
                   struct lk_err *err)
{
    if (intake->state == LK_INTAKE_IDLE)
        return 0;
    if (lk_receiver_take(intake->receiver, in, payload, err) < 0)
        return fail(intake);
    look_whether_done(intake);
    return 0;
}

bool lk_intake_next(struct lk_intake *intake, lk_wire_Envelope *out)
{
    return intake->receiver && lk_receiver_next(intake->receiver, out);
}

static int read_spec(struct lk_intake *intake, const struct lk_oid *oid, struct lk_spec *spec,
                     struct lk_err *err)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf bytes = LK_BUF_INIT(LK_SPEC_BYTES_MAX);
    bool                                  is_tree;

    if (lk_store_read(intake->store, oid, &is_tree, &bytes, err) < 0)
        return -1;
    return lk_spec_read(lk_buf_str(&bytes), spec, err);
}

static int read_all(struct lk_intake *intake, struct lk_spec *list, struct lk_err *err)
{
    for (size_t i = 0; i < intake->submit.specs_count; i++) {
        struct lk_oid oid;
        memcpy(oid.sha1, intake->submit.specs[i], sizeof(oid.sha1));
        if (read_spec(intake, &oid, &list[i], err) < 0)
            return -1;
        intake->trees[i] = list[i].tree;
    }
    return 0;
}

int lk_intake_specs(struct lk_intake *intake, struct lk_spec **specs, size_t *count,
                    struct lk_err *err)
{
    if (intake->state != LK_INTAKE_SPECS_READY)
        return lk_err_set(err, LK_ERR_CONFLICT, "the specifications are not in");
    *count = intake->submit.specs_count;
    *specs = lk_xcalloc(*count, sizeof(**specs));
    if (read_all(intake, *specs, err) < 0) {
        lk_intake_free_specs(specs, *count);
        return fail(intake);
    }
    intake->tree_count = *count;
    intake->state = LK_INTAKE_ACCEPTED;
    return 0;
}

void lk_intake_free_specs(struct lk_spec **specs, size_t count)
{
    for (size_t i = 0; i < count; i++)
        lk_spec_fini(&(*specs)[i]);
    free(*specs);
    *specs = NULL;
}

int lk_intake_fetch(struct lk_intake *intake, struct lk_err *err)
{
    if (intake->state != LK_INTAKE_ACCEPTED)
        return lk_err_set(err, LK_ERR_CONFLICT,
                          "the submission is not at the point of being fetched");
    intake->state = LK_INTAKE_SOURCES;
    for (size_t i = 0; i < intake->tree_count; i++)
        /* What is not built has no source. */
        if (!lk_oid_is_zero(&intake->trees[i]) &&
            lk_receiver_add_root(intake->receiver, &intake->trees[i], true, err) < 0)
            return fail(intake);
    look_whether_done(intake);
    return 0;
}

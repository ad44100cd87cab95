/*
 * The package's own operations at the registry: the look at the start, and, in its turn, look again, merge and
 * sign, move the tag.  The order is the promise: the tag moves last, to what is complete and signed.
 */
#include "coordinator/core/private.h"

#include <stdio.h>
#include <string.h>

static bool may_begin(struct lk_core *core, const struct lk_package *package)
{
    if (package->op)
        return false;
    if (core->now_ms >= package->not_before_ms)
        return true;
    lk_wake_at(core, package->not_before_ms);
    return false;
}

static struct lk_effect *begin(struct lk_core *core, struct lk_package *package,
                               enum lk_effect_type type)
{
    struct lk_effect *effect = lk_effect_for_package(core, type, package);

    package->op = ++core->ops;
    effect->op = package->op;
    return effect;
}

/* Where the images come from is of interest only once. */
static void begin_look(struct lk_core *core, struct lk_package *package)
{
    const struct lk_push_options *options = &lk_push_of(core, package->push)->options;
    struct lk_effect             *effect = begin(core, package, LK_EFFECT_PROBE);

    effect->sign = lk_package_is_signed(core, package) && !options->build_only;
    effect->no_arch_tag = options->no_arch_tags;
    effect->origin = package->origin;
    effect->from = package->from;
    for (size_t i = 0; i < package->job_count; i++)
        effect->arches[effect->count++] = package->jobs[i].arch;
}

static void begin_merge(struct lk_core *core, struct lk_package *package)
{
    struct lk_effect *effect = begin(core, package, LK_EFFECT_MERGE);

    effect->sign = lk_package_is_signed(core, package);
    effect->no_arch_tag = lk_push_of(core, package->push)->options.no_arch_tags;
    for (size_t i = 0; i < package->job_count; i++) {
        effect->accepted[effect->count] = package->jobs[i].state == LK_JOB_DONE;
        effect->arches[effect->count] = package->jobs[i].arch;
        effect->children[effect->count++] = package->jobs[i].child;
    }
    for (size_t i = 0; i < package->other_count; i++) {
        effect->arches[effect->count] = package->other_arch[i];
        effect->children[effect->count++] = package->other[i];
    }
}

static void begin_tag(struct lk_core *core, struct lk_package *package)
{
    struct lk_effect *effect = begin(core, package, LK_EFFECT_TAG);

    effect->child = package->index;
    effect->expect_tag = package->tag_exists;
    effect->expected = package->tag_digest;
}

void lk_publish_advance(struct lk_core *core, struct lk_package *package)
{
    if (!may_begin(core, package))
        return;
    if (package->state == LK_PACKAGE_PLANNING) {
        begin_look(core, package);
        return;
    }
    if (!lk_turnstile_holds(package, NULL))
        return;
    if (!package->probed_in_turn)
        begin(core, package, LK_EFFECT_PROBE);
    else if (!package->merged_in_turn)
        begin_merge(core, package);
    else
        begin_tag(core, package);
}

void lk_publish_probed(struct lk_core *core, struct lk_package *package,
                       const struct lk_probe *probe)
{
    if (lk_trust_refuses(core, package, probe, NULL))
        return;
    package->other_count = 0;
    package->left_out_count = 0;
    for (size_t i = 0; i < probe->count; i++) {
        const struct lk_found_child *entry = &probe->entries[i];
        if (lk_is_required(package, &entry->arch))
            continue;
        if (lk_trust_leaves_out(core, package, probe, entry)) {
            package->left_out_count++;
            continue;
        }
        if (package->other_count == LK_FOUND_MAX) {
            lk_package_end(
                core, package, LK_OUTCOME_REFUSED,
                "the tag holds more architectures than lkcoord can merge (limit: 8 beside "
                "the package's own)");
            return;
        }
        package->other_arch[package->other_count] = entry->arch;
        package->other[package->other_count++] = entry->child;
    }
    package->tag_exists = probe->index_exists;
    package->tag_digest = probe->index_digest;
    package->probed_in_turn = true;
    package->merged_in_turn = false;
}

static void merged(struct lk_core *core, struct lk_package *package,
                   const struct lk_event *event)
{
    const struct lk_push *push = lk_push_of(core, package->push);

    /* The fact says that the tag's move begins. */
    if (push->cancelled && !package->is_merged) {
        lk_cancel_end(core, push, package);
        return;
    }
    struct lk_fact *fact = lk_fact_new(core, LK_FACT_PACKAGE_MERGED);
    fact->package = package->id;
    fact->child = event->answer.index;
    fact->is_signed = lk_package_is_signed(core, package);
    lk_fact_commit(core);
    package->merged_in_turn = true;
}

/*
 * Who asks for a plan would rather know now that this is not known; and a build that is not published does no
 * harm, only perhaps work that was done before.
 */
static bool leaves_unknown(struct lk_core *core, struct lk_package *package,
                           const struct lk_err *err)
{
    const struct lk_push_options *options = &lk_push_of(core, package->push)->options;

    if (!options->build_only && !(options->dry_run && err->kind == LK_ERR_RETRY))
        return false;
    snprintf(package->text, sizeof(package->text),
             "what the registry holds is unknown%s: %.300s",
             options->dry_run ? "" : ", so all is built", err->text);
    lk_touch_package(core, package);
    if (options->dry_run)
        lk_package_end(core, package, LK_OUTCOME_OK, package->text);
    else
        lk_push_build_all(core, package);
    return true;
}

static void failed(struct lk_core *core, struct lk_package *package,
                   const struct lk_event *event)
{
    const struct lk_push *push = lk_push_of(core, package->push);
    const struct lk_err  *err = event->answer.err;
    bool moved = event->type == LK_EVENT_TAGGED && err->kind == LK_ERR_CONFLICT;

    if (moved && push->cancelled) {
        lk_package_end(core, package, lk_cancel_outcome(push),
                       "cancelled; the tag names what somebody else put there");
        return;
    }
    if (leaves_unknown(core, package, err))
        return;
    if ((err->kind == LK_ERR_RETRY || moved) &&
        lk_trouble_may_pass(core, err, &package->trouble_since_ms, &package->not_before_ms)) {
        /* An outsider moved the tag between our look and our write: look again. */
        package->probed_in_turn = package->probed_in_turn && !moved;
        snprintf(package->text, sizeof(package->text), "waits, and will try again: %.300s",
                 err->text);
        lk_touch_package(core, package);
        return;
    }
    /* Nobody has moved anything: what the registry has is not what it should be. */
    bool is_false = event->type == LK_EVENT_MERGED && err->kind == LK_ERR_CONFLICT;
    lk_package_end(core, package,
                   is_false ? LK_OUTCOME_VERIFICATION_FAILED : lk_outcome_of(err->kind),
                   err->text);
}

void lk_publish_answer(struct lk_core *core, const struct lk_event *event)
{
    struct lk_package *package = lk_package_of(core, event->answer.package);

    if (!package || package->op != event->answer.op || package->state == LK_PACKAGE_ENDED) {
        lk_stale(core);
        return;
    }
    package->op = 0;
    core->dirty = true;
    if (event->answer.err) {
        failed(core, package, event);
        return;
    }
    /* Patience is for the whole turn: one who moves the tag again and again must not hold it for ever. */
    if (package->state == LK_PACKAGE_PLANNING)
        package->trouble_since_ms = 0;
    package->text[0] = '\0';
    if (event->type == LK_EVENT_MERGED)
        merged(core, package, event);
    else if (event->type == LK_EVENT_TAGGED)
        lk_package_end(core, package, LK_OUTCOME_OK, "");
    else if (package->state == LK_PACKAGE_PLANNING)
        lk_plan_answer(core, package, event->answer.probe, event->answer.source);
    else
        lk_publish_probed(core, package, event->answer.probe);
}

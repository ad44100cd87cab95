#include "coordinator/cli/plan_json.h"

#include "coordinator/cli/picture_json.h"

#include <stdio.h>
#include <string.h>

static void add_reference(struct lk_json *json, const char *repository, const char *tag)
{
    char text[LK_REFERENCE_SIZE];

    snprintf(text, sizeof(text), "%s:%s", repository, tag);
    lk_json_text(json, text);
}

static void pairs_field(struct lk_json *json, const char *key, const struct lk_pair *pairs,
                        size_t count)
{
    lk_json_key(json, key);
    lk_json_begin_object(json);
    for (size_t i = 0; i < count; i++)
        lk_json_text_field(json, pairs[i].name, pairs[i].value);
    lk_json_end_object(json);
}

static void texts_field(struct lk_json *json, const char *key, char *const *texts, size_t count)
{
    lk_json_key(json, key);
    lk_json_begin_array(json);
    for (size_t i = 0; i < count; i++)
        lk_json_text(json, texts[i]);
    lk_json_end_array(json);
}

/* The number of the one that publishes `target`; `count`: none does. */
static size_t number_of(const struct lk_submission  *submission,
                        const struct lk_spec_target *target)
{
    size_t i = 0;

    while (i < submission->count &&
           (strcmp(submission->items[i].spec.repository, target->repository) != 0 ||
            strcmp(submission->items[i].spec.tag, target->tag) != 0))
        i++;
    return i;
}

/* 1 for what needs nothing of this plan.  There are no circles (order.h), so that this ends. */
static uint64_t find_order(const struct lk_submission *submission, size_t number,
                           uint64_t *orders)
{
    const struct lk_spec *spec = &submission->items[number].spec;
    uint64_t              order = 1;

    for (size_t i = 0; orders[number] == 0 && i < spec->after_count; i++) {
        size_t   other = number_of(submission, &spec->after[i]);
        uint64_t after =
            other < submission->count ? find_order(submission, other, orders) + 1 : 1;

        order = after > order ? after : order;
    }
    if (orders[number] == 0)
        orders[number] = order;
    return orders[number];
}

static void add_origin(struct lk_json *json, const struct lk_spec *spec)
{
    static const char *const names[] = { "build", "index", "arch-tags" };

    lk_json_text_field(json, "origin", names[spec->origin]);
    lk_json_key(json, "from");
    if (spec->origin == LK_ORIGIN_INDEX)
        add_reference(json, spec->from.repository, spec->from.tag);
    else
        lk_json_null(json);
}

static void add_depends(struct lk_json *json, const struct lk_spec_depends *depends)
{
    lk_json_key(json, "depends");
    lk_json_begin_object(json);
    lk_json_text_field(json, "target", depends->target);
    lk_json_text_field(json, "target_dir", depends->target_dir);
    texts_field(json, "images", depends->images, depends->image_count);
    lk_json_end_object(json);
}

static void add_build(struct lk_json *json, const struct lk_submission_item *item)
{
    const struct lk_spec  *spec = &item->spec;
    const struct lk_texts *sources = &item->package.build.extra_sources;
    char                   tree[LK_OID_TEXT_SIZE];

    lk_oid_format(&spec->tree, tree);
    lk_json_text_field(json, "tree", tree);
    lk_json_text_field(json, "dockerfile", spec->dockerfile);
    lk_json_bool_field(json, "network", spec->network);
    lk_json_bool_field(json, "cache", !spec->no_cache);
    lk_json_bool_field(json, "unsigned", spec->is_unsigned);
    pairs_field(json, "labels", spec->labels, spec->label_count);
    pairs_field(json, "build_args", spec->arguments, spec->argument_count);
    texts_field(json, "extra_sources", sources->texts, sources->count);
    add_depends(json, &spec->depends);
}

static bool is_replaced(const lk_wire_Submit *message, const char *arch)
{
    for (size_t i = 0; i < message->replace_count; i++)
        if (strcmp(message->replace[i], arch) == 0)
            return true;
    return false;
}

/* Of what the coordinator and the agents had no word to say. */
static const char *why(const lk_wire_Submit *message, bool is_built,
                       const struct lk_picture_package *package,
                       const struct lk_picture_job     *job)
{
    const char *action = lk_picture_job_action(job);

    if (job->text[0])
        return job->text;
    if (strcmp(action, "keep") == 0)
        return "it is published and trusted";
    if (strcmp(action, "take") == 0)
        return is_built ? "the registry holds it, trusted, but not all its tags name it"
                        : "it is published under another name, or will be by then";
    if (strcmp(action, "build") != 0)
        return package->text;
    if (message->force)
        return "--force builds what is published too";
    return is_replaced(message, job->arch.name) ? "--replace builds it anew"
                                                : "the registry holds none that is trusted";
}

static void add_known_arch(struct lk_json *json, const lk_wire_Submit *message, bool is_built,
                           const struct lk_picture_package *package,
                           const struct lk_picture_job     *job)
{
    lk_json_begin_object(json);
    lk_json_text_field(json, "arch", job->arch.name);
    lk_json_text_field(json, "action", lk_picture_job_action(job));
    lk_json_text_field(json, "why", why(message, is_built, package, job));
    lk_json_key(json, "emulated");
    if (job->foreseen || job->emulated)
        lk_json_bool(json, job->emulated);
    else
        lk_json_null(json);
    lk_json_digest_field(json, "digest", &job->digest);
    lk_json_end_object(json);
}

static void add_unknown_arch(struct lk_json *json, const struct lk_arch *arch)
{
    lk_json_begin_object(json);
    lk_json_text_field(json, "arch", arch->name);
    lk_json_text_field(json, "action", "unknown");
    lk_json_text_field(json, "why", "no coordinator was asked");
    lk_json_key(json, "emulated");
    lk_json_null(json);
    lk_json_key(json, "digest");
    lk_json_null(json);
    lk_json_end_object(json);
}

/* A plan that ended well has done nothing. */
static const char *state_of(const struct lk_picture_package *package)
{
    if (!package)
        return "unknown";
    if (package->state != lk_wire_PackageState_PACKAGE_ENDED || package->nothing_to_do ||
        package->outcome != lk_wire_Outcome_OUTCOME_OK)
        return lk_picture_package_word(package);
    for (size_t i = 0; i < package->job_count; i++)
        if (package->jobs[i].state != lk_wire_JobState_JOB_NONE)
            return "to do";
    return "unknown";
}

static void add_outlook(struct lk_json *json, const struct lk_submission *submission,
                        const struct lk_spec *spec, const struct lk_picture_package *package)
{
    static const struct lk_digest none;

    lk_json_text_field(json, "state", state_of(package));
    lk_json_text_field(json, "text", package ? package->text : "");
    lk_json_bool_field(json, "nothing_to_do", package && package->nothing_to_do);
    lk_json_digest_field(json, "digest", package ? &package->index_digest : &none);
    lk_json_key(json, "arches");
    lk_json_begin_array(json);
    for (size_t i = 0; package && i < package->job_count; i++)
        add_known_arch(json, &submission->message, spec->origin == LK_ORIGIN_BUILD, package,
                       &package->jobs[i]);
    for (size_t i = 0; !package && i < spec->arch_count; i++)
        add_unknown_arch(json, &spec->arches[i]);
    lk_json_end_array(json);
}

static void add_package(struct lk_json *json, const struct lk_submission *submission,
                        size_t number, uint64_t *orders,
                        const struct lk_picture_package *package)
{
    const struct lk_submission_item *item = &submission->items[number];
    const struct lk_spec            *spec = &item->spec;

    lk_json_begin_object(json);
    lk_json_text_field(json, "path", spec->path);
    lk_json_key(json, "reference");
    add_reference(json, spec->repository, spec->tag);
    lk_json_key(json, "order");
    lk_json_u64(json, find_order(submission, number, orders));
    lk_json_key(json, "after");
    lk_json_begin_array(json);
    for (size_t i = 0; i < spec->after_count; i++)
        add_reference(json, spec->after[i].repository, spec->after[i].tag);
    lk_json_end_array(json);
    add_origin(json, spec);
    add_build(json, item);
    add_outlook(json, submission, spec, package);
    lk_json_end_object(json);
}

void lk_plan_json(struct lk_buf *out, const struct lk_submission *submission,
                  const struct lk_picture *picture)
{
    struct lk_json json = { .out = out };
    uint64_t       orders[LK_PUSH_PACKAGES_MAX] = { 0 };

    lk_json_begin_object(&json);
    lk_json_text_field(&json, "schema", "lkcoord.plan/v1");
    lk_json_bool_field(&json, "asked", picture != NULL);
    lk_json_key(&json, "exit");
    lk_json_u64(&json, picture ? (uint64_t)picture->outcome : 0);
    lk_json_key(&json, "packages");
    lk_json_begin_array(&json);
    for (size_t i = 0; i < submission->count; i++)
        add_package(&json, submission, i, orders,
                    picture && i < picture->package_count ? &picture->packages[i] : NULL);
    lk_json_end_array(&json);
    lk_json_end_object(&json);
    lk_buf_add_text(out, "\n");
}

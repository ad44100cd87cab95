#include "common/registry/attach.h"

#include "common/hash/sha256.h"
#include "common/registry/attach_parts.h"

static int send_blob(struct lk_registry *registry, struct lk_str bytes, struct lk_err *err)
{
    struct lk_digest digest;

    lk_sha256(bytes.data, bytes.len, &digest);
    return lk_registry_send_blob(registry, &digest, bytes, err);
}

static int put_payload(void *ctx, struct lk_registry *registry, struct lk_err *err)
{
    return send_blob(registry, lk_buf_str(ctx), err);
}

static int put_bundle(void *ctx, struct lk_registry *registry, struct lk_err *err)
{
    const struct lk_bundle *bundle = ctx;

    return lk_registry_send_blob(registry, &bundle->digest, lk_buf_str(&bundle->bytes), err);
}

/* It is there, but for the first time in a repository. */
static int put_empty(void *ctx, struct lk_registry *registry, struct lk_err *err)
{
    struct lk_digest digest;

    (void)ctx;
    lk_sha256("{}", 2, &digest);
    return lk_registry_put_blob(registry, &digest, LK_STR("{}"), err);
}

static void add_step(struct lk_step *steps, size_t *count,
                     int (*run)(void *ctx, struct lk_registry *registry, struct lk_err *err),
                     void *ctx)
{
    steps[(*count)++] = (struct lk_step) { run, ctx };
}

/* The long ones first, so that none is begun late. */
static size_t add_blobs(struct lk_attachment *a, struct lk_step *steps, size_t count)
{
    if (!a->looked || a->attached.is_wanted) {
        for (size_t i = 0; i < a->signatures->name_count; i++)
            add_step(steps, &count, put_payload, &a->payloads[i]);
        add_step(steps, &count, lk_attached_put_config, a);
    }
    for (size_t i = 0; i < a->signatures->key_count; i++)
        if (!a->looked || a->bundle_is_wanted[i])
            add_step(steps, &count, put_bundle, &a->bundles[i]);
    return count;
}

static size_t add_looks(struct lk_attachment *a, const struct lk_step *also, size_t also_count,
                        struct lk_step *steps, size_t count)
{
    add_step(steps, &count, lk_bundles_look, a);
    for (size_t i = 0; i < also_count; i++)
        steps[count++] = also[i];
    add_step(steps, &count, lk_attached_look, a);
    return count;
}

#define STEPS_MAX (LK_SIGNED_NAMES_MAX + LK_SIGNING_KEYS_MAX + LK_ATTACH_ALSO_MAX + 4)

static int prepare(struct lk_crew *crew, struct lk_attachment *a, bool in_hurry,
                   const struct lk_step *also, size_t also_count, struct lk_err *err)
{
    struct lk_step steps[STEPS_MAX];
    size_t         count = 0;

    if (!in_hurry) {
        count = add_looks(a, also, also_count, steps, 0);
        if (lk_crew_run(crew, steps, count, err) < 0 || lk_attached_take(a, err) < 0)
            return -1;
        a->looked = true;
        count = add_blobs(a, steps, 0);
    } else {
        count = add_looks(a, also, also_count, steps, add_blobs(a, steps, 0));
    }
    if (!a->looked || lk_attachment_is_wanted(a))
        add_step(steps, &count, put_empty, NULL);
    if (lk_crew_run(crew, steps, count, err) < 0)
        return -1;
    a->looked = true;
    return lk_attached_take(a, err);
}

static int settle(struct lk_crew *crew, struct lk_attachment *a, struct lk_err *err)
{
    struct lk_step steps[2];
    size_t         count = 0;

    if (a->attached.is_wanted)
        add_step(steps, &count, lk_attached_settle, a);
    if (lk_bundles_are_wanted(a))
        add_step(steps, &count, lk_bundles_settle, a);
    return lk_crew_run(crew, steps, count, err);
}

static int make_parts(struct lk_attachment *a, struct lk_err *err)
{
    const struct lk_signatures *s = a->signatures;

    for (size_t i = 0; i < s->name_count; i++) {
        a->payloads[i] = LK_BUF_INIT(LK_PAYLOAD_MAX);
        if (lk_signature_payload(&a->payloads[i], s->names[i], &s->digest) < 0)
            return lk_err_set(err, LK_ERR_INVALID, "the name to sign under is not UTF-8");
    }
    for (size_t i = 0; i < s->key_count; i++)
        if (lk_bundle_make(&a->bundles[i], a->subject, s, i, err) < 0)
            return -1;
    return lk_attached_take(a, err);
}

static void attachment_fini(struct lk_attachment *a)
{
    for (size_t i = 0; i < LK_COUNT(a->payloads); i++)
        lk_buf_fini(&a->payloads[i]);
    for (size_t i = 0; i < LK_COUNT(a->bundles); i++)
        lk_bundle_fini(&a->bundles[i]);
    lk_buf_fini(&a->attached.config);
    json_decref(a->attached.found);
    json_decref(a->attached.root);
    json_decref(a->referrers.list);
    json_decref(a->referrers.root);
}

int lk_attach(struct lk_crew *crew, const struct lk_descriptor *subject,
              const struct lk_signatures *signatures, bool in_hurry, const struct lk_step *also,
              size_t also_count, struct lk_err *err)
{
    LK_CLEANUP(attachment_fini)
    struct lk_attachment a = { .subject = subject,
                               .signatures = signatures,
                               .referrers = { .by_api = true } };

    if (make_parts(&a, err) < 0 || prepare(crew, &a, in_hurry, also, also_count, err) < 0 ||
        settle(crew, &a, err) < 0) {
        char text[LK_DIGEST_TEXT_SIZE];
        lk_digest_format(&subject->digest, text);
        return lk_err_wrap(err, "attaching signatures to %s", text);
    }
    return 0;
}

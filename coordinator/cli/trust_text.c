#include "coordinator/cli/trust_text.h"

#include "common/json/writer.h"
#include "coordinator/cli/command.h"

#include <stdio.h>
#include <string.h>

#define JSON_MAX (64 * 1024 * 1024)

/* All files that name tags. */
struct sources {
    size_t                       count;
    const struct lk_notary_file *files[LK_NOTARY_DELEGATIONS_MAX + 1];
};

static struct sources sources_of(const struct lk_notary_view *view)
{
    struct sources sources = { 0 };

    for (size_t i = 0; i < view->count; i++)
        if (view->delegations[i].file.version && !view->delegations[i].why.kind)
            sources.files[sources.count++] = &view->delegations[i].file;
    sources.files[sources.count++] = &view->targets;
    return sources;
}

static const json_t *targets_of(const struct lk_notary_file *file)
{
    return json_object_get(lk_notary_signed(file), "targets");
}

static bool is_in(const struct sources *sources, size_t before, const char *tag)
{
    for (size_t i = 0; i < before; i++)
        if (json_object_get(targets_of(sources->files[i]), tag))
            return true;
    return false;
}

/* Calls `each` once a tag. */
static void each_tag(const struct sources *sources,
                     void (*each)(void *ctx, const struct sources *sources, const char *tag),
                     void *ctx)
{
    for (size_t i = 0; i < sources->count; i++) {
        const char *tag;
        json_t     *value;
        json_object_foreach((json_t *)(uintptr_t)targets_of(sources->files[i]), tag,
                            value) if (!is_in(sources, i, tag)) each(ctx, sources, tag);
    }
}

static void digest_of(const struct lk_notary_file *file, const char *tag,
                      char out[LK_DIGEST_TEXT_SIZE], uint64_t *length)
{
    struct lk_digest digest;

    if (lk_notary_target(file, tag, &digest, length))
        lk_digest_format(&digest, out);
    else
        snprintf(out, LK_DIGEST_TEXT_SIZE, "no digest");
}

static void print_role(const char *name, const struct lk_notary_file *file, const char *problem)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf clean = LK_BUF_INIT(4 * LK_ERR_TEXT_MAX);
    char                                  until[32] = "";

    lk_add_clean(&clean, lk_str_of(problem));
    lk_notary_time_format(until, file->expires_s);
    if (file->version)
        printf("  %-20s version %llu, until %s%s%s\n", name, (unsigned long long)file->version,
               until, problem[0] ? "; not believed: " : "", lk_buf_text(&clean));
    else
        printf("  %-20s %s\n", name,
               problem[0] ? lk_buf_text(&clean) : "nothing published yet");
}

/* Each role that names the tag, with what it says. */
static void print_tag(void *ctx, const struct sources *sources, const char *tag)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf clean = LK_BUF_INIT(4 * LK_TAG_SIZE);
    char                                  digest[LK_DIGEST_TEXT_SIZE];
    uint64_t                              length;

    (void)ctx;
    lk_add_clean(&clean, lk_str_of(tag));
    for (size_t i = 0; i < sources->count; i++) {
        if (!json_object_get(targets_of(sources->files[i]), tag))
            continue;
        digest_of(sources->files[i], tag, digest, &length);
        printf("%s  %s  %s\n", lk_buf_text(&clean), digest, sources->files[i]->role);
    }
}

void lk_trust_print(const char *repository, const char *server,
                    const struct lk_notary_view *view)
{
    struct sources sources = sources_of(view);

    printf("%s at %s\n", repository, server);
    print_role(LK_NOTARY_ROOT, &view->root, "");
    print_role(LK_NOTARY_TIMESTAMP, &view->timestamp, "");
    print_role(LK_NOTARY_SNAPSHOT, &view->snapshot, "");
    print_role(LK_NOTARY_TARGETS, &view->targets, "");
    for (size_t i = 0; i < view->count; i++)
        print_role(view->delegations[i].name, &view->delegations[i].file,
                   view->delegations[i].why.text);
    each_tag(&sources, print_tag, NULL);
}

static void add_role(struct lk_json *json, const char *name, const json_t *role,
                     const struct lk_notary_file *file, const char *problem)
{
    const json_t *ids = json_object_get(role, "keyids");
    char          until[32];

    lk_notary_time_format(until, file->expires_s);
    lk_json_begin_object(json);
    lk_json_text_field(json, "name", name);
    lk_json_key(json, "keys");
    lk_json_begin_array(json);
    for (size_t i = 0; i < json_array_size(ids); i++)
        if (json_is_string(json_array_get(ids, i)))
            lk_json_text(json, json_string_value(json_array_get(ids, i)));
    lk_json_end_array(json);
    lk_json_key(json, "version");
    lk_json_u64(json, file->version);
    if (file->version)
        lk_json_text_field(json, "expires", until);
    if (problem[0])
        lk_json_text_field(json, "problem", problem);
    lk_json_end_object(json);
}

static void add_tag(void *ctx, const struct sources *sources, const char *tag)
{
    struct lk_json *json = ctx;
    char            digest[LK_DIGEST_TEXT_SIZE];
    uint64_t        length = 0;

    for (size_t i = 0; i < sources->count; i++) {
        if (!json_object_get(targets_of(sources->files[i]), tag))
            continue;
        digest_of(sources->files[i], tag, digest, &length);
        lk_json_begin_object(json);
        lk_json_text_field(json, "tag", tag);
        lk_json_text_field(json, "role", sources->files[i]->role);
        lk_json_text_field(json, "digest", digest);
        lk_json_key(json, "length");
        lk_json_u64(json, length);
        lk_json_end_object(json);
    }
}

static void add_roles(struct lk_json *json, const struct lk_notary_view *view)
{
    const struct lk_notary_file *files[] = { &view->root, &view->timestamp, &view->snapshot,
                                             &view->targets };

    for (size_t i = 0; i < LK_COUNT(files); i++)
        add_role(json, files[i]->role, lk_notary_root_role(&view->root, files[i]->role),
                 files[i], "");
    for (size_t i = 0; i < view->count; i++)
        add_role(json, view->delegations[i].name, view->delegations[i].role,
                 &view->delegations[i].file, view->delegations[i].why.text);
}

void lk_trust_print_json(const char *repository, const char *server,
                         const struct lk_notary_view *view)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf out = LK_BUF_INIT(JSON_MAX);
    struct lk_json                        json = { .out = &out };
    struct sources                        sources = sources_of(view);

    lk_json_begin_object(&json);
    lk_json_text_field(&json, "schema", "lkcoord.trust/v1");
    lk_json_text_field(&json, "repository", repository);
    lk_json_text_field(&json, "server", server);
    lk_json_key(&json, "roles");
    lk_json_begin_array(&json);
    add_roles(&json, view);
    lk_json_end_array(&json);
    lk_json_key(&json, "tags");
    lk_json_begin_array(&json);
    each_tag(&sources, add_tag, &json);
    lk_json_end_array(&json);
    lk_json_end_object(&json);
    printf("%s\n", lk_buf_text(&out));
}

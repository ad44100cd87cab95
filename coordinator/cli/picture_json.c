#include "coordinator/cli/picture_json.h"

void lk_json_digest_field(struct lk_json *json, const char *key, const struct lk_digest *digest)
{
    char text[LK_DIGEST_TEXT_SIZE];

    lk_json_key(json, key);
    if (lk_digest_is_zero(digest)) {
        lk_json_null(json);
        return;
    }
    lk_digest_format(digest, text);
    lk_json_text(json, text);
}

static void add_job(struct lk_json *json, const struct lk_picture_job *job, bool dry_run)
{
    lk_json_begin_object(json);
    lk_json_text_field(json, "arch", job->arch.name);
    if (dry_run)
        lk_json_text_field(json, "action", lk_picture_job_action(job));
    lk_json_text_field(json, "state", lk_picture_job_word(job));
    lk_json_text_field(json, "agent", job->agent);
    lk_json_bool_field(json, "emulated", job->emulated);
    lk_json_digest_field(json, "digest", &job->digest);
    lk_json_key(json, "job");
    lk_json_u64(json, job->id);
    lk_json_key(json, "attempt");
    lk_json_u64(json, job->attempt);
    lk_json_text_field(json, "text", job->text);
    lk_json_end_object(json);
}

static void add_package(struct lk_json *json, const struct lk_picture_package *package,
                        bool dry_run)
{
    lk_json_begin_object(json);
    lk_json_text_field(json, "repository", package->repository);
    lk_json_text_field(json, "tag", package->tag);
    lk_json_text_field(json, "path", package->path);
    lk_json_text_field(json, "state", lk_picture_package_word(package));
    lk_json_digest_field(json, "digest", &package->index_digest);
    lk_json_bool_field(json, "signed", package->is_signed);
    lk_json_bool_field(json, "nothing_to_do", package->nothing_to_do);
    lk_json_text_field(json, "text", package->text);
    lk_json_key(json, "jobs");
    lk_json_begin_array(json);
    for (size_t i = 0; i < package->job_count; i++)
        add_job(json, &package->jobs[i], dry_run);
    lk_json_end_array(json);
    lk_json_end_object(json);
}

void lk_picture_json(struct lk_buf *out, const char *schema, const struct lk_picture *picture)
{
    struct lk_json json = { .out = out };

    lk_json_begin_object(&json);
    lk_json_text_field(&json, "schema", schema);
    lk_json_key(&json, "push");
    lk_json_u64(&json, picture->push);
    lk_json_text_field(&json, "client", picture->client);
    lk_json_text_field(&json, "state", lk_picture_push_word(picture->state, picture->outcome));
    lk_json_bool_field(&json, "ended", picture->state == lk_wire_PushState_PUSH_ENDED);
    lk_json_key(&json, "exit");
    if (picture->state == lk_wire_PushState_PUSH_ENDED)
        lk_json_u64(&json, (uint64_t)picture->outcome);
    else
        lk_json_null(&json);
    lk_json_bool_field(&json, "dry_run", picture->dry_run);
    lk_json_bool_field(&json, "build_only", picture->build_only);
    lk_json_key(&json, "packages");
    lk_json_begin_array(&json);
    for (size_t i = 0; i < picture->package_count; i++)
        add_package(&json, &picture->packages[i], picture->dry_run);
    lk_json_end_array(&json);
    lk_json_end_object(&json);
    lk_buf_add_text(out, "\n");
}

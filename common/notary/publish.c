#include "common/notary/publish.h"

#include "common/notary/canonical.h"
#include "common/notary/write.h"

#include <string.h>

#define TRIES_MAX   20
#define CHANGED_MAX (LK_NOTARY_DELEGATIONS_MAX + 2) /* and targets or snapshot */
#define DAY_S       (24 * 60 * 60)

/* One try: what is there, and what replaces it. */
struct
try {
    const struct lk_notary_publication *how;
    const struct lk_notary_tag         *tags;
    size_t                              count;
    int64_t                             now_s;
    struct lk_notary_view               view;
    size_t                              changed;
    struct lk_notary_file               files[CHANGED_MAX];
};

static void try_fini(struct try *try)
{
    lk_notary_view_fini(&try->view);
    for (size_t i = 0; i < try->changed; i++)
        lk_notary_file_fini(&try->files[i]);
}

static int64_t expiry(const struct try *try)
{
    return try->now_s + (int64_t)LK_NOTARY_EXPIRES_DAYS * DAY_S;
}

/* Where a tag is to be said: who may sign there, and what is there now. */
struct place {
    const char                  *name;
    const json_t                *role;
    const struct lk_notary_file *file; /* version 0: none yet */
};

static bool says(const struct lk_notary_file *file, const struct lk_notary_tag *tag)
{
    struct lk_digest digest;
    uint64_t         length;

    return lk_notary_target(file, tag->tag, &digest, &length) && length == tag->length &&
           lk_digest_eq(&digest, &tag->digest);
}

static bool says_all(const struct try *try, const struct lk_notary_file *file)
{
    for (size_t i = 0; i < try->count; i++)
        if (!file->version || !says(file, &try->tags[i]))
            return false;
    return true;
}

static json_t *signed_part_of(const struct place *place)
{
    if (place->file->version)
        return json_deep_copy(lk_notary_signed(place->file));
    return json_pack("{s:s,s:{s:{},s:[]},s:{}}", "_type", "Targets", "delegations", "keys",
                     "roles", "targets");
}

static int change(struct try *try, const struct place *place, struct lk_err *err)
{
    LK_CLEANUP(lk_json_free) json_t *part = NULL;
    json_t                          *targets;
    json_int_t threshold = json_integer_value(json_object_get(place->role, "threshold"));

    if (says_all(try, place->file) && lk_notary_is_fresh(place->file, try->now_s))
        return 0;
    part = signed_part_of(place);
    targets = json_object_get(part, "targets");
    for (size_t i = 0; i < try->count; i++)
        if (!place->file->version || !says(place->file, &try->tags[i]))
            json_object_set_new(
                targets, try->tags[i].tag,
                lk_notary_describe_digest(&try->tags[i].digest, try->tags[i].length));
    if (lk_notary_date(part, place->file->version + 1, expiry(try), err) < 0 ||
        lk_notary_write(&try->files[try->changed], place->name, part,
                        json_object_get(place->role, "keyids"), (size_t)threshold,
                        try->how->signer, err) < 0)
        return -1;
    try->changed++;
    return 0;
}

static bool has_a_key(const struct lk_notary_signer *signer, const json_t *role)
{
    const json_t *ids = json_object_get(role, "keyids");

    for (size_t i = 0; i < json_array_size(ids); i++) {
        const char *id = json_string_value(json_array_get(ids, i));
        if (id && signer->has(signer->ctx, id))
            return true;
    }
    return false;
}

static bool covers_all(const struct try *try, const struct lk_notary_delegation *delegation)
{
    for (size_t i = 0; i < try->count; i++)
        if (!lk_notary_delegation_covers(delegation, try->tags[i].tag))
            return false;
    return true;
}

/* Docker's client pulls what targets/releases says: without its key the others' word is of no use. */
static bool is_ours(const struct lk_notary_signer     *signer,
                    const struct lk_notary_delegation *delegation)
{
    return strcmp(delegation->name, LK_NOTARY_RELEASES) == 0 ||
           has_a_key(signer, delegation->role);
}

static int no_key(const char *role, struct lk_err *err)
{
    return lk_err_set(
        err, LK_ERR_DENIED,
        "its tags are signed by %s, and no key for that is here: copy the key file "
        "into private/ of the trust directory (a coordinator reads it at its start), "
        "or have a key of yours added (`docker trust signer add`)",
        role);
}

static int change_delegations(struct try *try, struct lk_err *err)
{
    size_t done = 0;

    for (size_t i = 0; i < try->view.count; i++) {
        const struct lk_notary_delegation *delegation = &try->view.delegations[i];
        struct place place = { delegation->name, delegation->role, &delegation->file };
        if (!covers_all(try, delegation) || !is_ours(try->how->signer, delegation))
            continue;
        if (delegation->why.kind) {
            *err = delegation->why;
            return -1;
        }
        if (change(try, &place, err) < 0)
            return -1;
        done++;
    }
    return done ? 0 : no_key("delegations", err);
}

int lk_notary_may_publish(const struct lk_notary_view   *view,
                          const struct lk_notary_signer *signer, const char *tag,
                          struct lk_err *err)
{
    const json_t *targets = lk_notary_root_role(&view->root, LK_NOTARY_TARGETS);
    size_t        found = 0;

    for (size_t i = 0; i < view->count; i++) {
        const struct lk_notary_delegation *delegation = &view->delegations[i];
        if (!lk_notary_delegation_covers(delegation, tag) || !is_ours(signer, delegation))
            continue;
        if (!has_a_key(signer, delegation->role))
            return no_key(delegation->name, err);
        found++;
    }
    if (view->count)
        return found ? 0 : no_key("delegations", err);
    return has_a_key(signer, targets) ? 0 : no_key(LK_NOTARY_TARGETS, err);
}

static int change_targets(struct try *try, struct lk_err *err)
{
    struct place place = { LK_NOTARY_TARGETS,
                           lk_notary_root_role(&try->view.root, LK_NOTARY_TARGETS),
                           &try->view.targets };

    return try->view.count ? change_delegations(try, err) : change(try, &place, err);
}

/* Where the server holds the snapshot's key it makes a new one itself. */
static int change_snapshot(struct try *try, struct lk_err *err)
{
    const json_t *role = lk_notary_root_role(&try->view.root, LK_NOTARY_SNAPSHOT);
    LK_CLEANUP(lk_json_free) json_t *part = NULL;

    if (!try->changed || !has_a_key(try->how->signer, role))
        return 0;
    part = json_deep_copy(lk_notary_signed(&try->view.snapshot));
    for (size_t i = 0; i < try->changed; i++)
        json_object_set_new(json_object_get(part, "meta"), try->files[i].role,
                            lk_notary_describe_file(&try->files[i]));
    if (lk_notary_date(part, try->view.snapshot.version + 1, expiry(try), err) < 0 ||
        lk_notary_write(&try->files[try->changed], LK_NOTARY_SNAPSHOT, part,
                        json_object_get(role, "keyids"),
                        (size_t)json_integer_value(json_object_get(role, "threshold")),
                        try->how->signer, err) < 0)
        return -1;
    try->changed++;
    return 0;
}

/* As a client would: verified from the root down.  Later publications of others keep what ours added. */
static int read_back(const struct try *try, struct lk_err *err)
{
    LK_CLEANUP(lk_notary_view_fini) struct lk_notary_view view = { 0 };

    if (lk_notary_view_fetch(&view, try->how->server, try->how->memory, LK_NOTARY_TO_BELIEVE,
                             try->now_s, err) < 0)
        return lk_err_wrap(err, "reading back what was published");
    for (size_t i = 0; i < try->changed; i++) {
        const struct lk_notary_file *sent = &try->files[i];
        const struct lk_notary_file *kept = lk_notary_view_file(&view, sent->role);
        bool                         is_snapshot = strcmp(sent->role, LK_NOTARY_SNAPSHOT) == 0;
        if (kept && kept->version >= sent->version && (is_snapshot || says_all(try, kept)))
            continue;
        return lk_err_set(
            err, LK_ERR_CONFLICT,
            "the trust server %s took version %llu of %s and does not have it: it "
            "says that all is well and keeps nothing; look at its storage and log",
            lk_notary_server_url(try->how->server), (unsigned long long)sent->version,
            sent->role);
    }
    return 0;
}

static int put(struct try *try, struct lk_err *err)
{
    const struct lk_notary_file *files[CHANGED_MAX];

    for (size_t i = 0; i < try->changed; i++)
        files[i] = &try->files[i];
    return lk_notary_server_put(try->how->server, files, try->changed, err);
}

/* `*again`: somebody else was faster. */
static int try_once(struct try *try, bool *again, struct lk_err *err)
{
    *again = false;
    if (lk_notary_view_fetch(&try->view, try->how->server, try->how->memory, LK_NOTARY_TO_RENEW,
                             try->now_s, err) < 0 ||
        change_targets(try, err) < 0 || change_snapshot(try, err) < 0)
        return -1;
    if (try->changed == 0)
        return 0;
    if (put(try, err) < 0) {
        *again = err->kind == LK_ERR_CONFLICT;
        return -1;
    }
    return read_back(try, err);
}

int lk_notary_publish(const struct lk_notary_publication *how, const struct lk_notary_tag *tags,
                      size_t count, int64_t now_s, struct lk_err *err)
{
    bool again;

    for (unsigned tries = 1;; tries++) {
        struct try try = { .how = how, .tags = tags, .count = count, .now_s = now_s };
        int        rc = try_once(&try, &again, err);
        try_fini(&try);
        if (rc == 0)
            return 0;
        if (!again || tries == TRIES_MAX)
            break;
        if (how->pause)
            how->pause(how->pause_ctx, tries);
    }
    if (again)
        err->kind = LK_ERR_RETRY;
    return lk_err_wrap(err, "publishing to content trust of %s%s",
                       lk_notary_server_gun(how->server),
                       again ? ", where others publish again and again" : "");
}

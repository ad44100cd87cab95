/* What a verified view says. */
#include "common/notary/view.h"

#include <string.h>

bool lk_notary_delegation_covers(const struct lk_notary_delegation *delegation, const char *tag)
{
    const json_t *paths = json_object_get(delegation->role, "paths");

    for (size_t i = 0; i < json_array_size(paths); i++) {
        const char *path = json_string_value(json_array_get(paths, i));
        if (path && strncmp(tag, path, strlen(path)) == 0)
            return true;
    }
    return false;
}

bool lk_notary_view_find(const struct lk_notary_view *view, const char *tag,
                         struct lk_digest *digest, uint64_t *length, const char **role)
{
    for (size_t i = 0; i < view->count; i++) {
        const struct lk_notary_delegation *delegation = &view->delegations[i];
        if (strcmp(delegation->name, LK_NOTARY_RELEASES) != 0 ||
            !lk_notary_delegation_covers(delegation, tag) || !delegation->file.version ||
            delegation->why.kind || !lk_notary_target(&delegation->file, tag, digest, length))
            continue;
        *role = delegation->name;
        return true;
    }
    *role = LK_NOTARY_TARGETS;
    return lk_notary_target(&view->targets, tag, digest, length);
}

const struct lk_notary_file *lk_notary_view_file(const struct lk_notary_view *view,
                                                 const char                  *role)
{
    if (strcmp(role, LK_NOTARY_TARGETS) == 0)
        return &view->targets;
    if (strcmp(role, LK_NOTARY_SNAPSHOT) == 0)
        return &view->snapshot;
    for (size_t i = 0; i < view->count; i++)
        if (strcmp(view->delegations[i].name, role) == 0)
            return &view->delegations[i].file;
    return NULL;
}

int lk_notary_lookup(struct lk_notary_server *server, const char *memory, const char *tag,
                     int64_t now_s, struct lk_digest *digest, uint64_t *length,
                     struct lk_err *err)
{
    LK_CLEANUP(lk_notary_view_fini) struct lk_notary_view view = { 0 };
    const char                                           *role;

    if (lk_notary_view_fetch(&view, server, memory, LK_NOTARY_TO_BELIEVE, now_s, err) < 0)
        return -1;
    if (lk_notary_view_find(&view, tag, digest, length, &role))
        return 0;
    return lk_err_set(err, LK_ERR_NOT_FOUND, "content trust of %s says nothing of the tag %s",
                      lk_notary_server_gun(server), tag);
}

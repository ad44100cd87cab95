#include "coordinator/clients.h"

#include "common/source/receiver.h"

/* What was swept is gone: the specification alone says how to build, the tree what. */
static int check_source(struct lk_store *store, const struct lk_package *package,
                        struct lk_err *err)
{
    LK_CLEANUP(lk_receiver_free) struct lk_receiver *receiver = lk_receiver_new(store, 0);

    if (lk_receiver_add_root(receiver, &package->spec, false, err) < 0)
        return -1;
    if (!lk_oid_is_zero(&package->tree) &&
        lk_receiver_add_root(receiver, &package->tree, true, err) < 0)
        return -1;
    if (lk_receiver_is_done(receiver))
        return 0;
    return lk_err_set(err, LK_ERR_CONFLICT,
                      "the source of %.200s is not here any more (sources-max-mib): push it "
                      "again, from where the source is",
                      package->path);
}

int lk_client_may_retry(struct lk_coordinator *c, uint64_t id, struct lk_err *err)
{
    const struct lk_push *push = lk_core_push(c->core, id);
    struct lk_store      *store;

    if (!push || push->state != LK_PUSH_ENDED || !push->has_source)
        return 0;
    const char *reason = lk_client_cannot_publish(c, &push->options);
    if (reason)
        return lk_err_set(err, LK_ERR_DENIED, "%s", reason);
    if (!(store = lk_coordinator_domain(c, push->client, err)))
        return -1;
    for (const struct lk_package *package = push->packages; package;
         package = package->next_in_push)
        if (package->outcome != LK_OUTCOME_OK && check_source(store, package, err) < 0)
            return -1;
    return 0;
}

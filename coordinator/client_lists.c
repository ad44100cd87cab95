#include "coordinator/clients.h"

#include "common/os/clock.h"

/* The next one to tell; NULL: that was all.  Ids of pushes only grow, so the last one told is a place. */
static const struct lk_push *next_push(const struct lk_coordinator *c,
                                       const struct lk_list        *list)
{
    const struct lk_push *push = lk_core_first_push(c->core);

    while (push && (push->id <= list->last ||
                    (list->what == LK_LIST_LIVE && push->state == LK_PUSH_ENDED)))
        push = push->next;
    return push;
}

static bool next_entry(const struct lk_coordinator *c, const struct lk_list *list,
                       lk_wire_Envelope *out, uint64_t *place)
{
    if (list->what == LK_LIST_AGENTS) {
        const struct lk_agent *agent = lk_core_agent(c->core, (size_t)list->last);
        if (agent)
            lk_picture_of_agent(c->core, agent, lk_clock_boot_ms(), out);
        *place = list->last + 1;
        return agent != NULL;
    }
    const struct lk_push *push = next_push(c, list);
    if (!push)
        return false;
    lk_picture_of_push(push, out);
    *place = push->id;
    return true;
}

bool lk_client_flush_list(struct lk_coordinator *c, struct lk_session *session)
{
    struct lk_client_line *line = session->owner;
    struct lk_list        *list = &line->list;
    lk_wire_Envelope       out;
    uint64_t               place;

    if (list->what == LK_LIST_NONE)
        return false;
    while (next_entry(c, list, &out, &place)) {
        out.request = list->request;
        if (lk_door_send(c->clients, session, &out, (struct lk_str) { 0 }) == LK_WIRE_CONGESTED)
            return true;
        list->last = place;
        list->count++;
    }
    out = (lk_wire_Envelope) { .request = list->request,
                               .which_body = lk_wire_Envelope_done_tag };
    out.body.done.count = list->count;
    lk_door_post(c->clients, session, &out);
    list->what = LK_LIST_NONE;
    return false;
}

void lk_client_list(struct lk_coordinator *c, struct lk_session *session, uint64_t request,
                    enum lk_listing what)
{
    struct lk_client_line *line = session->owner;

    if (line->list.what != LK_LIST_NONE) {
        lk_door_refuse(c->clients, session, request, LK_ERR_CONFLICT,
                       "one list at a time: the one before is not finished");
        return;
    }
    line->list = (struct lk_list) { .what = what, .request = request };
}

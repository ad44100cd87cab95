/*
 * What coordinator/registry does for an effect: request after request, each of which may be refused, slow, or done
 * without an answer.  Between two of them an outsider may act, and the process may die; a request that is under way
 * then may arrive all the same.
 */
#include "tests/sim/check.h"
#include "tests/sim/coordinator.h"
#include "tests/sim/trace.h"

#include <string.h>

#define VISIBLE_MS 10000
#define LOOK_MS    500

static struct sim_tag *tag_of(struct sim *sim, const struct operation *operation)
{
    struct sim_name name;

    coordinator_name(operation->effect.repository, operation->effect.tag, &name);
    return &sim->registry.tags[name.repository][name.tag];
}

static void go_on(struct sim *sim, struct operation *operation, enum request next,
                  int64_t in_ms)
{
    struct sim_coordinator *c = sim->coordinator;

    operation->next = next;
    sim_at(sim, sim->now_ms + in_ms + roll(&c->dice, 30), SIM_AT_OPERATION, c->life, 0,
           (uint32_t)(operation - c->operations));
}

static enum lk_event_type answer_type(enum lk_effect_type type)
{
    if (type == LK_EFFECT_PROBE)
        return LK_EVENT_PROBED;
    if (type == LK_EFFECT_MERGE)
        return LK_EVENT_MERGED;
    return type == LK_EFFECT_TAG ? LK_EVENT_TAGGED : LK_EVENT_CHILD_CHECKED;
}

static void answer(struct sim *sim, struct operation *operation, const struct lk_err *err,
                   const struct lk_probe *probe)
{
    const struct lk_effect *effect = &operation->effect;
    struct lk_event         event = { .type = answer_type(effect->type) };
    const struct sim_fault *fault;

    event.answer.package = effect->package;
    event.answer.job = effect->job;
    event.answer.op = effect->op;
    event.answer.err = err;
    event.answer.probe = probe;
    event.answer.source = probe ? operation->source : NULL;
    if (effect->type == LK_EFFECT_MERGE && !err) {
        event.answer.index.digest = sim->registry.images[operation->index].digest;
        event.answer.index.size = 900;
    }
    operation->is_used = false;
    if (effect->type != LK_EFFECT_PROBE && operation->next != ANSWER_AGAIN &&
        sim_strikes(sim, SIM_ANSWER_COMES_TWICE, 0, &fault)) {
        operation->is_used = true;
        operation->failed = err ? err->kind : LK_ERR_NONE;
        go_on(sim, operation, ANSWER_AGAIN, fault->for_ms % 5000);
    }
    coordinator_step(sim, &event);
}

static void fail(struct sim *sim, struct operation *operation, enum lk_err_kind kind,
                 uint32_t retry_after_ms, const char *text)
{
    struct lk_err err;

    SIM_SAY(sim, "coordinator: operation %d fails: %s", (int)operation->effect.type, text);
    lk_err_set(&err, kind, "%s", text);
    err.retry_after_ms = retry_after_ms;
    answer(sim, operation, &err, NULL);
}

/* What is not there yet may appear; false: it does not, and that was told. */
static bool waits_for(struct sim *sim, struct operation *operation,
                      const struct sim_image *image)
{
    if (sim_registry_shows(sim, image))
        return false;
    if (sim->now_ms - operation->since_ms < VISIBLE_MS)
        go_on(sim, operation, operation->next, LOOK_MS);
    else
        fail(sim, operation, LK_ERR_NOT_FOUND, 0, "the registry does not have it");
    return true;
}

static void probe(struct sim *sim, struct operation *operation)
{
    const struct lk_effect *effect = &operation->effect;
    struct lk_found_child   entries[SIM_ARCHES + 1] = { 0 };
    struct lk_found_child   others[SIM_ARCHES + 1] = { 0 };
    struct lk_probe         found, source;
    struct sim_name         name, from;

    coordinator_name(effect->repository, effect->tag, &name);
    found = registry_look(sim, name, entries);
    operation->source = NULL;
    if (effect->origin != LK_PACKAGE_BUILT)
        operation->source = &source;
    if (effect->origin == LK_PACKAGE_FROM_INDEX) {
        coordinator_name(effect->from.repository, effect->from.tag, &from);
        source = registry_look(sim, from, others);
    } else if (effect->origin == LK_PACKAGE_FROM_ARCH_TAGS) {
        source = registry_look_at_arch_tags(sim, effect, name, others);
    }
    answer(sim, operation, NULL, &found);
}

static bool waits_for_signer(struct sim *sim, struct operation *operation)
{
    struct lk_err err;

    if (!operation->effect.sign || sim->now_ms >= sim->registry.signer_down_until_ms)
        return false;
    sim_feel(sim, SIM_SIGNER_IS_DOWN, 0);
    SIM_SAY(sim, "coordinator: operation %d has no signer", (int)operation->effect.type);
    lk_err_set(&err, LK_ERR_RETRY, "the signer does not answer");
    err.is_signers = true; /* no fault of the registry: waited for, however long it lasts */
    answer(sim, operation, &err, NULL);
    return true;
}

static void look_at_child(struct sim *sim, struct operation *operation)
{
    const struct lk_effect *effect = &operation->effect;
    struct sim_image       *child = sim_registry_find(sim, &effect->child.digest);
    struct sim_name         name;

    if (waits_for(sim, operation, child))
        return;
    if (!lk_arch_eq(&child->arch, &effect->arch))
        fail(sim, operation, LK_ERR_CONFLICT, 0, "the image is for another architecture");
    else if (!child->has_blobs)
        fail(sim, operation, LK_ERR_CONFLICT, 0, "its layer is not in the registry");
    else if (!waits_for_signer(sim, operation)) {
        coordinator_name(effect->repository, effect->tag, &name);
        if (effect->sign)
            child->signed_as |= sim_name_bit(name);
        if (effect->no_arch_tag)
            answer(sim, operation, NULL, NULL);
        else
            go_on(sim, operation, PUT_ARCH_TAG, 5);
    }
}

static struct sim_tag *arch_tag_of(struct sim *sim, const struct operation *operation)
{
    struct sim_name name;

    coordinator_name(operation->effect.repository, operation->effect.tag, &name);
    return sim_registry_arch_tag(sim, name, &operation->effect.arch);
}

static uint32_t place_of(struct sim *sim, const struct lk_digest *digest)
{
    struct sim_image *image = sim_registry_find(sim, digest);

    return image ? (uint32_t)(image - sim->registry.images) : 0;
}

/* What names a tag in the registry's view is what was written there, or something else's. */
static void read_back(struct sim *sim, struct operation *operation, const struct sim_tag *tag)
{
    uint32_t wanted = place_of(sim, &operation->effect.child.digest);
    uint32_t named = sim_registry_read(sim, tag);

    if (named == wanted)
        answer(sim, operation, NULL, NULL);
    else if (named == 0 && sim->now_ms - operation->since_ms < VISIBLE_MS)
        go_on(sim, operation, operation->next, LOOK_MS);
    else
        fail(sim, operation, LK_ERR_CONFLICT, 0, "the tag names something else when read back");
}

static void check_children(struct sim *sim, struct operation *operation)
{
    const struct lk_effect *effect = &operation->effect;

    if (waits_for_signer(sim, operation))
        return;
    for (size_t i = 0; i < effect->count; i++) {
        struct sim_image *child = sim_registry_find(sim, &effect->children[i].digest);
        if (effect->accepted[i])
            continue;
        if (!sim_registry_shows(sim, child) || !lk_arch_eq(&child->arch, &effect->arches[i])) {
            fail(sim, operation, LK_ERR_CONFLICT, 0, "an entry is false");
            return;
        }
    }
    go_on(sim, operation, PUT_INDEX, 5);
}

/* Same children, same digest. */
static void put_index(struct sim *sim, struct operation *operation)
{
    const struct lk_effect *effect = &operation->effect;
    struct sim_image        index = { .is_index = true };
    uint64_t                sum = 0xcbf29ce484222325;

    coordinator_name(effect->repository, effect->tag, &index.name);
    for (size_t i = 0; i < effect->count && i < LK_COUNT(index.entries); i++) {
        index.entries[index.count++] = (uint16_t)place_of(sim, &effect->children[i].digest);
        for (unsigned k = 0; k < sizeof(effect->children[i].digest.sha256); k++)
            sum = (sum ^ effect->children[i].digest.sha256[k]) * 0x100000001b3;
    }
    memcpy(index.digest.sha256, &sum, sizeof(sum));
    index.digest.sha256[8] = index.name.repository;
    index.digest.sha256[9] = index.name.tag;
    index.digest.sha256[31] = 0xdd;
    operation->index = place_of(sim, &index.digest);
    if (!operation->index)
        operation->index = sim_registry_add(sim, &index);
    sim_registry_put(sim, &sim->registry.images[operation->index]);
    if (effect->sign)
        go_on(sim, operation, SIGN, 5);
    else
        answer(sim, operation, NULL, NULL);
}

static void sign(struct sim *sim, struct operation *operation)
{
    const struct lk_effect *effect = &operation->effect;
    struct sim_image       *index = &sim->registry.images[operation->index];
    struct sim_name         name;

    coordinator_name(effect->repository, effect->tag, &name);
    for (size_t i = 0; i < effect->count; i++)
        sim_registry_find(sim, &effect->children[i].digest)->signed_as |= sim_name_bit(name);
    index->signed_as |= sim_name_bit(name);
    story_signed(sim, operation->index);
    answer(sim, operation, NULL, NULL);
}

static void read_tag(struct sim *sim, struct operation *operation)
{
    const struct lk_effect *effect = &operation->effect;
    uint32_t                named = sim_registry_read(sim, tag_of(sim, operation));
    const struct lk_digest  nothing = { { 0 } };
    const struct lk_digest *found = named ? &sim->registry.images[named].digest : &nothing;

    if (lk_digest_eq(found, &effect->child.digest))
        answer(sim, operation, NULL, NULL);
    else if (!lk_digest_eq(found, effect->expect_tag ? &effect->expected : &nothing))
        fail(sim, operation, LK_ERR_CONFLICT, 0, "somebody else moved the tag");
    else
        go_on(sim, operation, READ_INDEX, 5);
}

static void read_index(struct sim *sim, struct operation *operation)
{
    const struct sim_fault *fault;
    struct sim_name         name;

    if (waits_for(sim, operation, sim_registry_find(sim, &operation->effect.child.digest)))
        return;
    coordinator_name(operation->effect.repository, operation->effect.tag, &name);
    if (sim_strikes(sim, SIM_OUTSIDER_BETWEEN, 0, &fault))
        sim_outsider_moves(sim, name);
    go_on(sim, operation, PUT_TAG, 5);
}

static void put_tag(struct sim *sim, struct operation *operation)
{
    uint32_t index = place_of(sim, &operation->effect.child.digest);

    SIM_SAY(sim, "coordinator: moves %s:%s", operation->effect.repository,
            operation->effect.tag);
    check_tag_moves(sim, sim->coordinator->core, &operation->effect, index);
    sim_registry_tag(sim, tag_of(sim, operation), index, true);
    go_on(sim, operation, READ_TAG_BACK, 5);
}

static void send_ticket(struct sim *sim, struct operation *operation)
{
    const struct lk_effect *effect = &operation->effect;
    struct sim_message      stage = { .type = SIM_STAGE,
                                      .job = effect->job,
                                      .attempt = effect->attempt,
                                      .in_turn = effect->in_turn };

    operation->is_used = false;
    coordinator_tell(sim, effect->session, &stage);
}

/* What is heard twice counts once. */
static void answer_again(struct sim *sim, struct operation *operation)
{
    uint64_t stale = sim->coordinator->stale;
    uint32_t life = sim->coordinator->life;

    if (operation->failed)
        fail(sim, operation, operation->failed, 0, "as was said before");
    else
        answer(sim, operation, NULL, NULL);
    if (sim->coordinator->life == life && sim->coordinator->stale == stale)
        sim_break(sim, CHECK_STALE, "an answer that comes twice counts twice");
}

static void do_request(struct sim *sim, struct operation *operation)
{
    switch (operation->next) {
    case ASK_PROBE: probe(sim, operation); return;
    case ASK_CHILD: look_at_child(sim, operation); return;
    case PUT_ARCH_TAG:
        sim_registry_tag(sim, arch_tag_of(sim, operation),
                         place_of(sim, &operation->effect.child.digest), true);
        operation->since_ms = sim->now_ms;
        go_on(sim, operation, READ_ARCH_TAG, 5);
        return;
    case READ_ARCH_TAG: read_back(sim, operation, arch_tag_of(sim, operation)); return;
    case CHECK_CHILDREN: check_children(sim, operation); return;
    case PUT_INDEX: put_index(sim, operation); return;
    case SIGN: sign(sim, operation); return;
    case READ_TAG: read_tag(sim, operation); return;
    case READ_INDEX: read_index(sim, operation); return;
    case PUT_TAG:
        operation->since_ms = sim->now_ms;
        put_tag(sim, operation);
        return;
    case READ_TAG_BACK: read_back(sim, operation, tag_of(sim, operation)); return;
    case FETCH_TICKET: send_ticket(sim, operation); return;
    case ANSWER_AGAIN: answer_again(sim, operation); return;
    }
}

/* A tag is written, and the one who asked for it does not know. */
static void write_unheard(struct sim *sim, const struct operation *operation)
{
    uint32_t image = place_of(sim, &operation->effect.child.digest);

    if (operation->next == PUT_TAG) {
        check_tag_moves(sim, sim->coordinator->core, &operation->effect, image);
        sim_registry_tag(sim, tag_of(sim, operation), image, true);
    } else if (operation->next == PUT_ARCH_TAG) {
        sim_registry_tag(sim, arch_tag_of(sim, operation), image, true);
    }
}

/* A registry that has passing troubles is asked for a ticket again, as the coordinator does. */
static void refused(struct sim *sim, struct operation *operation, enum lk_err_kind kind,
                    uint32_t retry_after_ms)
{
    if (operation->effect.type == LK_EFFECT_TICKET)
        go_on(sim, operation, FETCH_TICKET, 3000);
    else
        fail(sim, operation, kind, retry_after_ms, "the registry refuses");
}

void operation_goes_on(struct sim *sim, uint32_t number)
{
    struct operation *operation = &sim->coordinator->operations[number];
    bool              writes = operation->next == PUT_ARCH_TAG || operation->next == PUT_TAG ||
                  operation->next == PUT_INDEX || operation->next == SIGN;
    bool             lost;
    uint32_t         retry_after_ms;
    enum lk_err_kind kind;

    if (operation->next == ANSWER_AGAIN) {
        do_request(sim, operation);
        return;
    }
    kind = sim_registry_fate(sim, writes, &lost, &retry_after_ms);
    if (kind != LK_ERR_NONE) {
        refused(sim, operation, kind, retry_after_ms);
        return;
    }
    if (!lost) {
        do_request(sim, operation);
        return;
    }
    write_unheard(sim, operation);
    fail(sim, operation, LK_ERR_RETRY, 0, "the registry's answer is lost");
}

void operations_die(struct sim *sim)
{
    struct sim_coordinator *c = sim->coordinator;

    for (uint32_t i = 0; i < OPERATIONS_MAX; i++) {
        if (c->operations[i].is_used && one_in(&c->dice, 2))
            write_unheard(sim, &c->operations[i]);
        c->operations[i].is_used = false;
    }
}

static enum request first_request(enum lk_effect_type type)
{
    if (type == LK_EFFECT_PROBE)
        return ASK_PROBE;
    if (type == LK_EFFECT_ACCEPT_CHILD)
        return ASK_CHILD;
    if (type == LK_EFFECT_MERGE)
        return CHECK_CHILDREN;
    return type == LK_EFFECT_TAG ? READ_TAG : FETCH_TICKET;
}

void operation_begin(struct sim *sim, const struct lk_effect *effect)
{
    struct sim_coordinator *c = sim->coordinator;

    for (uint32_t i = 0; i < OPERATIONS_MAX; i++) {
        struct operation *operation = &c->operations[i];
        if (operation->is_used)
            continue;
        operation->is_used = true;
        operation->since_ms = sim->now_ms;
        operation->effect = *effect;
        go_on(sim, operation, first_request(effect->type), 5);
        return;
    }
    lk_assert_failed("there are more operations than the simulator holds", __FILE__, __LINE__);
}

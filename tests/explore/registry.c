/* The registry: what is put, what tags name, and the coordinator's operations in steps between which all may happen. */
#include "tests/explore/explore.h"

#include <stdio.h>

#define FOREIGN_INDEX (IS_INDEX | IS_FOREIGN | 0xff)

static uint32_t name_of(const struct explore *x, uint32_t package)
{
    return x->setting->same_tag ? 0 : package - 1;
}

void registry_begin(struct explore *x, const struct operation *operation)
{
    for (size_t i = 0; i < OPS_MAX; i++)
        if (!x->world.operations[i].is_used) {
            x->world.operations[i] = *operation;
            return;
        }
    world_break(x, "more operations are under way than this world can hold");
}

void registry_put(struct explore *x, uint32_t image)
{
    set_bit(x->world.registry.put, image);
}

static void answer(struct explore *x, struct operation *operation, enum lk_err_kind kind,
                   const struct lk_probe *probe)
{
    struct operation done = *operation;
    struct lk_err    err = { 0 };

    *operation = (struct operation) { 0 };
    if (kind != LK_ERR_NONE)
        lk_err_set(&err, kind, "the registry does not");
    coordinator_answer(x, &done, kind == LK_ERR_NONE ? NULL : &err, probe);
}

static void look(struct explore *x, struct operation *operation)
{
    const struct registry *r = &x->world.registry;
    uint32_t               name = name_of(x, operation->package);
    uint32_t               index = r->tags[name];
    struct lk_found_child  entries[ARCHES] = { 0 };
    struct lk_probe        probe = { .entries = entries };

    probe.index_exists = index != 0;
    probe.index_is_signed = index & IS_SIGNED;
    digest_from(index, &probe.index_digest);
    for (uint32_t part = index & 0xffff; part; part >>= 8) {
        struct lk_found_child *entry = &entries[probe.count++];
        uint32_t               image = part & 0xff;
        uint32_t               arch = index & IS_FOREIGN ? ARCHES : image >> 6 & 1;
        snprintf(entry->arch.name, LK_ARCH_SIZE, "%s", arch_names[arch]);
        digest_from(image, &entry->child.digest);
        entry->is_signed = index & IS_SIGNED;
        entry->arch_tag_is_right = arch < ARCHES && r->arch_tags[name][arch] == image;
    }
    answer(x, operation, LK_ERR_NONE, &probe);
}

static void accept_child(struct explore *x, struct operation *operation)
{
    struct registry *r = &x->world.registry;
    uint32_t         arch = operation->job % LK_PACKAGE_ARCHES_MAX;

    if (operation->is_done) {
        answer(x, operation, LK_ERR_NONE, NULL);
    } else if (!has_bit(r->put, operation->image)) {
        answer(x, operation, LK_ERR_NOT_FOUND, NULL);
    } else {
        if ((operation->image >> 6 & 1) != arch)
            world_break(x, "a job's image is for another architecture");
        set_bit(r->checked, operation->image);
        r->arch_tags[name_of(x, operation->package)][arch] = operation->image;
        operation->is_done = true;
    }
}

static void merge(struct explore *x, struct operation *operation)
{
    operation->image = IS_INDEX | (operation->sign ? IS_SIGNED : 0);
    for (uint32_t i = 0; i < operation->count; i++)
        operation->image |= operation->children[i] << 8 * i;
    answer(x, operation, LK_ERR_NONE, NULL);
}

/* A registry cannot compare and write at once, but then nobody could do anything about what comes between. */
static void move_tag(struct explore *x, struct operation *operation)
{
    struct registry *r = &x->world.registry;
    uint32_t         name = name_of(x, operation->package);
    uint32_t         expected = operation->expects ? operation->expected : 0;

    if (operation->is_done) {
        bool is_ours = !operation->conflict && r->tags[name] == operation->image;
        answer(x, operation, is_ours ? LK_ERR_NONE : LK_ERR_CONFLICT, NULL);
        return;
    }
    operation->is_done = true;
    operation->conflict = r->tags[name] != expected && r->tags[name] != operation->image;
    if (operation->conflict)
        return;
    check_tag(x, operation);
    r->tags[name] = operation->image;
    r->moved[name] = false;
}

void registry_go_on(struct explore *x, struct operation *operation)
{
    if (operation->type == LK_EFFECT_PROBE)
        look(x, operation);
    else if (operation->type == LK_EFFECT_ACCEPT_CHILD)
        accept_child(x, operation);
    else if (operation->type == LK_EFFECT_MERGE)
        merge(x, operation);
    else
        move_tag(x, operation);
}

/* Before it was done, or after: then only its answer is lost. */
void registry_refuse(struct explore *x, struct operation *operation)
{
    answer(x, operation, LK_ERR_RETRY, NULL);
}

void registry_outsider(struct explore *x, uint32_t what)
{
    x->world.registry.tags[0] = what ? FOREIGN_INDEX : 0;
    x->world.registry.moved[0] = true;
}

bool registry_is_complete(const struct explore *x, uint32_t package)
{
    const struct registry *r = &x->world.registry;
    uint32_t               name = name_of(x, package);
    uint32_t               index = r->tags[name];
    uint32_t               arches = 0;

    if (r->moved[name])
        return true;
    for (uint32_t part = index & 0xffff; part; part >>= 8)
        if (has_bit(r->checked, part & 0xff))
            arches |= 1U << (part >> 6 & 1);
    return arches == (1U << ARCHES) - 1 && (!x->setting->sign || index & IS_SIGNED);
}

/* What the registry holds, what it shows, and what an outsider does to it. */
#include "tests/sim/sim.h"

#include "tests/sim/check.h"
#include "tests/sim/trace.h"

#include <string.h>

uint32_t sim_registry_add(struct sim *sim, const struct sim_image *image)
{
    lk_assert(sim->registry.count < SIM_IMAGES);
    sim->registry.images[sim->registry.count] = *image;
    story_image(sim, &sim->registry.images[sim->registry.count]);
    return (uint32_t)sim->registry.count++;
}

struct sim_image *sim_registry_find(struct sim *sim, const struct lk_digest *digest)
{
    for (size_t i = sim->registry.count; i-- > 1;)
        if (lk_digest_eq(&sim->registry.images[i].digest, digest))
            return &sim->registry.images[i];
    return NULL;
}

bool sim_registry_shows(const struct sim *sim, const struct sim_image *image)
{
    return image && image->is_put && !image->is_deleted && sim->now_ms >= image->visible_ms;
}

uint32_t sim_registry_read(const struct sim *sim, const struct sim_tag *tag)
{
    return sim->now_ms >= tag->visible_ms ? tag->now : tag->before;
}

static int64_t hidden_until(struct sim *sim)
{
    const struct sim_fault *fault;

    return sim_strikes(sim, SIM_REGISTRY_HIDES, 0, &fault) ? sim->now_ms + fault->for_ms % 20000
                                                           : sim->now_ms;
}

/* Of what is there already nothing changes. */
void sim_registry_put(struct sim *sim, struct sim_image *image)
{
    if (image->is_put && !image->is_deleted)
        return;
    image->is_put = true;
    story_image(sim, image);
    image->is_deleted = false;
    image->visible_ms = hidden_until(sim);
}

void sim_registry_tag(struct sim *sim, struct sim_tag *tag, uint32_t image, bool ours)
{
    uint16_t before = (uint16_t)sim_registry_read(sim, tag);

    if (!ours)
        story_outsider(sim, tag, image);

    if (tag->now != image)
        *tag = (struct sim_tag) { (uint16_t)image, before, tag->ours, tag->writes,
                                  ours ? hidden_until(sim) : sim->now_ms };
    if (!ours)
        return;
    tag->ours = (uint16_t)image;
    tag->writes++;
}

struct sim_tag *sim_registry_arch_tag(struct sim *sim, struct sim_name name,
                                      const struct lk_arch *arch)
{
    for (unsigned i = 0; i < SIM_ARCHES; i++)
        if (strcmp(sim_arch_names[i], arch->name) == 0)
            return &sim->registry.arch_tags[name.repository][name.tag][i];
    return NULL;
}

bool sim_registry_is_down(struct sim *sim)
{
    bool is_down = sim->now_ms < sim->registry.down_until_ms;

    if (is_down)
        sim_feel(sim, SIM_REGISTRY_IS_DOWN, 0);
    return is_down;
}

enum lk_err_kind sim_registry_fate(struct sim *sim, bool writes, bool *lost,
                                   uint32_t *retry_after_ms)
{
    const struct sim_fault *fault;

    *lost = false;
    *retry_after_ms = 0;
    if (sim_registry_is_down(sim))
        return LK_ERR_RETRY;
    if (sim_strikes(sim, SIM_REGISTRY_DENIES, 0, &fault))
        return LK_ERR_DENIED;
    if (sim_strikes(sim, SIM_REGISTRY_REFUSES, 0, &fault))
        return fault->luck % 16 == 15 ? LK_ERR_DENIED : LK_ERR_RETRY;
    if (sim_strikes(sim, SIM_REGISTRY_IS_BUSY, 0, &fault)) {
        *retry_after_ms = (uint32_t)fault->for_ms;
        return LK_ERR_RETRY;
    }
    *lost = writes && sim_strikes(sim, SIM_REGISTRY_ANSWER_IS_LOST, 0, &fault);
    return LK_ERR_NONE;
}

static struct sim_image foreign(struct sim *sim, struct sim_name name)
{
    struct sim_image image = { .is_foreign = true,
                               .is_put = true,
                               .has_blobs = true,
                               .name = name,
                               .visible_ms = sim->now_ms };
    uint64_t         number = dice_next(&sim->registry.dice);

    memcpy(image.digest.sha256, &number, sizeof(number));
    image.digest.sha256[31] = 0xbb;
    return image;
}

static uint16_t foreign_child(struct sim *sim, struct sim_name name, unsigned arch)
{
    struct sim_image child = foreign(sim, name);

    memcpy(child.arch.name, sim_arch_names[arch], strlen(sim_arch_names[arch]));
    child.asked = child.arch;
    return (uint16_t)sim_registry_add(sim, &child);
}

/* To an index of its own: with what was there, less or more something; or to an older one of ours; or to nothing. */
void sim_outsider_moves(struct sim *sim, struct sim_name name)
{
    struct sim_tag   *tag = &sim->registry.tags[name.repository][name.tag];
    struct sim_image  index = foreign(sim, name);
    struct dice      *dice = &sim->registry.dice;
    struct sim_image *there = &sim->registry.images[tag->now];

    index.is_index = true;
    if (tag->now && one_in(dice, 4)) {
        sim_registry_tag(sim, tag, 0, false);
    } else if (tag->now && one_in(dice, 3)) {
        for (uint8_t i = 0; i < there->count; i++)
            if (!one_in(dice, 3))
                index.entries[index.count++] = there->entries[i];
        sim_registry_tag(sim, tag, sim_registry_add(sim, &index), false);
    } else {
        for (unsigned i = 0; i < SIM_ARCHES; i++)
            if (one_in(dice, 2))
                index.entries[index.count++] = foreign_child(sim, name, i);
        sim_registry_tag(sim, tag, sim_registry_add(sim, &index), false);
    }
    SIM_SAY(sim, "outsider: moves org/%c:t%u", 'a' + name.repository, name.tag);
}

void sim_outsider_moves_arch_tag(struct sim *sim, struct sim_name name, uint32_t arch)
{
    sim_registry_tag(sim, &sim->registry.arch_tags[name.repository][name.tag][arch],
                     foreign_child(sim, name, arch), false);
    SIM_SAY(sim, "outsider: moves org/%c:t%u-%s", 'a' + name.repository, name.tag,
            sim_arch_names[arch]);
}

/* What a tag names is spared by collectors of garbage, and an agent may put its own again. */
bool sim_outsider_deletes(struct sim *sim, uint32_t luck)
{
    size_t count = sim->registry.count;

    for (size_t i = 0; i < count; i++) {
        struct sim_image *image = &sim->registry.images[(luck + i) % count];
        if (!image->is_put || image->is_deleted)
            continue;
        image->is_deleted = true;
        image->has_blobs = image->has_blobs && luck >> 16 & 1;
        SIM_SAY(sim, "outsider: deletes %s%s", image->is_index ? "an index" : "an image for ",
                image->asked.name);
        return true;
    }
    return false;
}

static bool put_index(struct sim *sim, struct sim_tag *tag, struct sim_name name, uint32_t arch,
                      bool is_his)
{
    struct sim_image        index = foreign(sim, name);
    const struct sim_image *there = &sim->registry.images[tag->now];

    index.is_index = true;
    for (unsigned i = 0; is_his && i < SIM_ARCHES; i++)
        index.entries[index.count++] = foreign_child(sim, name, i);
    for (unsigned i = 0; !is_his && i < there->count; i++)
        if (strcmp(sim->registry.images[there->entries[i]].asked.name, sim_arch_names[arch]) !=
            0)
            index.entries[index.count++] = there->entries[i];
    if (!is_his && index.count == there->count)
        return false;
    sim_registry_tag(sim, tag, sim_registry_add(sim, &index), false);
    return true;
}

static bool delete_image(struct sim_image *image)
{
    if (!image->is_put || image->is_deleted)
        return false;
    image->is_deleted = true;
    image->has_blobs = false;
    return true;
}

bool sim_outsider_does(struct sim *sim, enum sim_fault_kind kind, struct sim_name name,
                       uint32_t arch)
{
    struct sim_tag   *tag = &sim->registry.tags[name.repository][name.tag];
    struct sim_image *index = &sim->registry.images[tag->now];

    if (kind == SIM_OUTSIDER_PUTS_INDEX || kind == SIM_OUTSIDER_TAKES_PART)
        return put_index(sim, tag, name, arch, kind == SIM_OUTSIDER_PUTS_INDEX);
    if (kind == SIM_INDEX_IS_DELETED)
        return delete_image(index);
    if (kind == SIM_PART_IS_DELETED) {
        for (unsigned i = 0; i < index->count; i++) {
            struct sim_image *child = &sim->registry.images[index->entries[i]];
            if (strcmp(child->asked.name, sim_arch_names[arch]) == 0)
                return delete_image(child);
        }
        return false;
    }
    bool was_there = tag->now != 0;
    sim_registry_tag(sim, tag, 0, false);
    return was_there;
}

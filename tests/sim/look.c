/* What lkcoord sees of a tag, or of the tags of architectures, when it asks the registry. */
#include "tests/sim/coordinator.h"

/* What an index at that name shows. */
struct lk_probe registry_look(struct sim *sim, struct sim_name name,
                              struct lk_found_child entries[SIM_ARCHES + 1])
{
    uint32_t named = sim_registry_read(sim, &sim->registry.tags[name.repository][name.tag]);
    struct sim_image *index = &sim->registry.images[named];
    struct lk_probe   found = { .entries = entries };

    if (!named || !sim_registry_shows(sim, index))
        return found;
    found.index_exists = true;
    found.index_digest = index->digest;
    found.index_is_signed = index->signed_as & sim_name_bit(name);
    found.count = index->count;
    for (size_t i = 0; i < found.count; i++) {
        struct sim_image *child = &sim->registry.images[index->entries[i]];
        struct sim_tag   *arch_tag = sim_registry_arch_tag(sim, name, &child->asked);
        entries[i].arch = child->asked;
        entries[i].child.digest = child->digest;
        entries[i].child.size = 500;
        entries[i].is_signed = child->signed_as & sim_name_bit(name);
        entries[i].arch_tag_is_right = sim_registry_read(sim, arch_tag) == index->entries[i] &&
                                       sim_registry_shows(sim, child);
    }
    return found;
}

/* The same of the tags of the architectures. */
struct lk_probe registry_look_at_arch_tags(struct sim *sim, const struct lk_effect *effect,
                                           struct sim_name       name,
                                           struct lk_found_child entries[SIM_ARCHES + 1])
{
    struct lk_probe found = { .entries = entries };

    for (size_t i = 0; i < effect->count; i++) {
        struct sim_tag   *tag = sim_registry_arch_tag(sim, name, &effect->arches[i]);
        uint32_t          named = sim_registry_read(sim, tag);
        struct sim_image *child = &sim->registry.images[named];
        if (!named || !sim_registry_shows(sim, child))
            continue;
        entries[found.count].arch = effect->arches[i];
        entries[found.count].child.digest = child->digest;
        entries[found.count].child.size = 500;
        entries[found.count].is_signed = child->signed_as & sim_name_bit(name);
        entries[found.count++].arch_tag_is_right = true;
    }
    return found;
}

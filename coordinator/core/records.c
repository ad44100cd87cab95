#include "coordinator/core/private.h"

#include <string.h>

static struct lk_record *find(const struct lk_core *core, const char *repository,
                              const char *tag, const struct lk_arch *arch)
{
    for (size_t i = 0; i < core->config.records_max; i++) {
        struct lk_record *record = &core->records[i];
        if (record->repository[0] && lk_arch_eq(&record->arch, arch) &&
            strcmp(record->tag, tag) == 0 && strcmp(record->repository, repository) == 0)
            return record;
    }
    return NULL;
}

void lk_record_keep(struct lk_core *core, const struct lk_package *package,
                    const struct lk_arch *arch, const struct lk_child *child)
{
    struct lk_record *record = find(core, package->repository, package->tag, arch);

    if (!record) {
        record = &core->records[core->record_next];
        core->record_next = (core->record_next + 1) % core->config.records_max;
    }
    memcpy(record->repository, package->repository, sizeof(record->repository));
    memcpy(record->tag, package->tag, sizeof(record->tag));
    record->arch = *arch;
    record->child = *child;
}

const struct lk_record *lk_record_find(const struct lk_core *core, const char *repository,
                                       const char *tag, const struct lk_arch *arch)
{
    return find(core, repository, tag, arch);
}

const struct lk_digest *lk_core_published(const struct lk_core *core, const char *repository,
                                          const char *tag)
{
    static const struct lk_arch whole_index;
    const struct lk_record     *record = find(core, repository, tag, &whole_index);

    return record ? &record->child.digest : NULL;
}

/* An agent may know more of this cluster than its coordinator does: then an older state was put in place. */
#include "coordinator/core/private.h"

enum lk_epoch_news lk_core_judge_epoch(const struct lk_core *core, uint64_t heard)
{
    if (heard <= core->epoch)
        return LK_EPOCH_IS_KNOWN;
    /* No restore is that far behind; and one mistaken agent must not use up all epochs. */
    return heard - core->epoch > LK_EPOCH_AHEAD_MAX || heard >= UINT32_MAX ? LK_EPOCH_IS_ABSURD
                                                                           : LK_EPOCH_IS_AHEAD;
}

void lk_fact_jump(struct lk_fact *fact, uint64_t epoch, uint64_t push, uint64_t package)
{
    fact->type = LK_FACT_NUMBERS;
    fact->epoch = epoch;
    fact->fence = epoch << 32;
    fact->push = push + LK_LOST_PUSHES_MAX;
    fact->package = package + (uint64_t)LK_LOST_PUSHES_MAX * LK_PUSH_PACKAGES_MAX;
}

void lk_epoch_heard(struct lk_core *core, const struct lk_event *event)
{
    if (lk_core_judge_epoch(core, event->start.epoch) != LK_EPOCH_IS_AHEAD)
        return;
    lk_fact_jump(lk_fact_new(core, LK_FACT_NUMBERS), event->start.epoch + 1, core->push_id,
                 core->package_id);
    lk_fact_commit(core);
}

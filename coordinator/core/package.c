/* What holds for a package as a whole, and its end. */
#include "coordinator/core/private.h"

#include <stdio.h>
#include <string.h>

bool lk_package_is_signed(const struct lk_core *core, const struct lk_package *package)
{
    return lk_core_push(core, package->push)->options.sign && !package->is_unsigned;
}

bool lk_package_is_copied(const struct lk_package *package)
{
    return package->origin == LK_PACKAGE_FROM_INDEX &&
           strcmp(package->from.repository, package->repository) != 0;
}

/* What is worth saying of a package that went well. */
static void note(const struct lk_core *core, const struct lk_package *package, char *text,
                 size_t size)
{
    const struct lk_push_options *options = &lk_core_push(core, package->push)->options;
    bool                          publishes = !options->dry_run && !options->build_only;

    if (publishes && options->sign && package->is_unsigned && !package->index_is_signed)
        snprintf(text, size, "unsigned, as build.yml asks");
    else if (publishes && package->left_out_count)
        snprintf(text, size, "entries left out of the index: %zu", package->left_out_count);
}

void lk_package_end(struct lk_core *core, struct lk_package *package, enum lk_outcome outcome,
                    const char *text)
{
    struct lk_fact *fact = lk_fact_new(core, LK_FACT_PACKAGE_ENDED);

    fact->package = package->id;
    fact->outcome = outcome;
    if (outcome == LK_OUTCOME_OK) {
        fact->child = package->index;
        fact->is_signed = package->index_is_signed;
        fact->flag = package->nothing_to_do;
    }
    snprintf(fact->text, sizeof(fact->text), "%s", text);
    if (outcome == LK_OUTCOME_OK)
        note(core, package, fact->text, sizeof(fact->text));
    lk_fact_commit(core);
}

void lk_package_explain(struct lk_core *core, struct lk_package *package, const char *text)
{
    if (strcmp(package->text, text) == 0)
        return;
    snprintf(package->text, sizeof(package->text), "%s", text);
    lk_touch_package(core, package);
}

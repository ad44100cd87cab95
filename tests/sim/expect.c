#include "tests/sim/scenario.h"

#include "tests/sim/book.h"
#include "tests/sim/coordinator.h"

#include <stdio.h>
#include <string.h>

static bool compare(enum expect_compare how, int64_t found, int64_t wanted)
{
    if (how == EXACTLY)
        return found == wanted;
    return how == AT_LEAST ? found >= wanted : found <= wanted;
}

/* ---- how a push ended ---- */

static bool holds_end(const struct sim *sim, const struct expectation *expect, char *text,
                      size_t size)
{
    uint32_t outcome = sim->clients[expect->client].outcome - 1;

    snprintf(text, size, "c%u ended with %u, not with %u", expect->client, outcome,
             expect->number);
    return outcome == expect->number;
}

static bool holds_duration(const struct sim *sim, const struct expectation *expect, char *text,
                           size_t size)
{
    const struct sim_client *client = &sim->clients[expect->client];
    int64_t                  took_ms = client->ended_ms - client->plan->at_ms;

    snprintf(text, size, "c%u took %lld.%03lld s", expect->client, (long long)took_ms / 1000,
             (long long)took_ms % 1000);
    return compare(expect->compare, took_ms, expect->duration_ms);
}

static bool is_told(const struct lk_push *push, const char *wanted, char *text, size_t size)
{
    for (const struct lk_package *p = push->packages; p; p = p->next_in_push) {
        snprintf(text, size, "it was told \"%s\"", p->text);
        if (strstr(p->text, wanted))
            return true;
        for (size_t i = 0; i < p->job_count; i++)
            if (strstr(p->jobs[i].text, wanted))
                return true;
    }
    return false;
}

static bool holds_text(const struct sim *sim, const struct expectation *expect, char *text,
                       size_t size)
{
    const struct sim_client *client = &sim->clients[expect->client];
    const struct lk_push    *push = lk_core_push(sim->coordinator->core, client->push);

    snprintf(text, size, "its client was told \"%s\"", client->answer);
    return push ? is_told(push, expect->text, text, size)
                : strstr(client->answer, expect->text) != NULL;
}

/* ---- what the registry has ---- */

static uint8_t arches_of(const struct sim *sim, const struct sim_image *index)
{
    uint8_t arches = 0;

    for (size_t i = 0; i < index->count; i++) {
        const struct sim_image *child = &sim->registry.images[index->entries[i]];
        for (unsigned k = 0; k < SIM_ARCHES; k++)
            if (child->is_put && !child->is_deleted &&
                strcmp(child->arch.name, sim_arch_names[k]) == 0)
                arches |= (uint8_t)(1U << k);
    }
    return arches;
}

static bool holds_tag(struct sim *sim, const struct expectation *expect, char *text,
                      size_t size)
{
    const struct sim_tag *tag = &sim->registry.tags[expect->name.repository][expect->name.tag];
    const struct sim_image *index = &sim->registry.images[tag->now];
    uint8_t                 arches = index->is_deleted ? 0 : arches_of(sim, index);
    bool                    is_signed = index->signed_as & sim_name_bit(expect->name);

    snprintf(text, size, "it names%s%s%s%s, %s, %ssigned", arches ? "" : " nothing",
             arches & 1 ? " amd64" : "", arches & 2 ? " arm64" : "", arches & 4 ? " s390x" : "",
             index->is_foreign ? "a stranger's" : "ours", is_signed ? "" : "un");
    if (expect->what == EXPECT_SIGNED)
        return is_signed;
    if (expect->what == EXPECT_STRANGER)
        return index->is_foreign;
    return arches == expect->arches;
}

static bool holds_arch_tag(struct sim *sim, const struct expectation *expect, char *text,
                           size_t size)
{
    const struct sim_tag *tag =
        &sim->registry.arch_tags[expect->name.repository][expect->name.tag][expect->arch];
    const struct sim_image *image = &sim->registry.images[tag->now];
    enum expect_owner       owner = !tag->now           ? OWNER_NOBODY
                                    : image->is_foreign ? OWNER_STRANGER
                                                        : OWNER_US;

    snprintf(text, size, "it is %s",
             owner == OWNER_NOBODY ? "not there"
             : owner == OWNER_US   ? "ours"
                                   : "a stranger's");
    return owner == (enum expect_owner)expect->number;
}

/* ---- how often ---- */

static struct sim_entry entry_of(const struct sim_image *image)
{
    struct sim_entry entry = { .has_name = true,
                               .name = image->name,
                               .agent = (uint8_t)(image->agent + 1) };

    for (uint8_t i = 0; i < SIM_ARCHES; i++)
        if (strcmp(sim_arch_names[i], image->asked.name) == 0)
            entry.arch = (uint8_t)(i + 1);
    return entry;
}

static uint32_t count_images(const struct sim *sim, const struct expectation *expect)
{
    uint32_t count = 0;

    for (size_t i = 1; i < sim->registry.count; i++) {
        const struct sim_image *image = &sim->registry.images[i];
        struct sim_entry        entry = entry_of(image);
        if (image->is_index || image->is_foreign || !sim_entry_fits(&entry, &expect->filter))
            continue;
        count += expect->thing == THING_BUILD    ? 1U
                 : expect->thing == THING_UPLOAD ? image->uploads
                                                 : image->puts;
    }
    return count;
}

static uint32_t count_tags(const struct sim *sim, const struct expectation *expect)
{
    uint32_t count = 0;

    for (uint8_t r = 0; r < SIM_REPOSITORIES; r++)
        for (uint8_t t = 0; t < SIM_TAGS; t++) {
            struct sim_entry entry = { .has_name = true, .name = { r, t } };
            if (expect->thing == THING_TAG_WRITE && sim_entry_fits(&entry, &expect->filter))
                count += sim->registry.tags[r][t].writes;
            for (entry.arch = 1; entry.arch <= SIM_ARCHES; entry.arch++)
                if (expect->thing == THING_ARCH_TAG_WRITE &&
                    sim_entry_fits(&entry, &expect->filter))
                    count += sim->registry.arch_tags[r][t][entry.arch - 1].writes;
        }
    return count;
}

static uint32_t count_facts(const struct sim *sim, const struct expectation *expect)
{
    uint32_t count = 0;

    for (size_t i = 0; i < sim->book_count; i++)
        count +=
            sim->book[i].type == expect->fact && sim_entry_fits(&sim->book[i], &expect->filter);
    return count;
}

static bool holds_count(const struct sim *sim, const struct expectation *expect, char *text,
                        size_t size)
{
    uint32_t count = 0;

    switch (expect->thing) {
    case THING_BUILD:
    case THING_UPLOAD:
    case THING_MANIFEST: count = count_images(sim, expect); break;
    case THING_TAG_WRITE:
    case THING_ARCH_TAG_WRITE: count = count_tags(sim, expect); break;
    case THING_STALE: count = (uint32_t)(sim->stale + sim->coordinator->stale); break;
    case THING_FACT: count = count_facts(sim, expect); break;
    }
    snprintf(text, size, "there were %u", count);
    return compare(expect->compare, count, expect->number);
}

bool expectation_holds(struct sim *sim, const struct expectation *expect, char *text,
                       size_t size)
{
    uint64_t epoch = lk_core_epoch(sim->coordinator->core);

    switch (expect->what) {
    case EXPECT_END: return holds_end(sim, expect, text, size);
    case EXPECT_DURATION: return holds_duration(sim, expect, text, size);
    case EXPECT_TEXT: return holds_text(sim, expect, text, size);
    case EXPECT_NAMES:
    case EXPECT_STRANGER:
    case EXPECT_SIGNED: return holds_tag(sim, expect, text, size);
    case EXPECT_ARCH_TAG: return holds_arch_tag(sim, expect, text, size);
    case EXPECT_COUNT: return holds_count(sim, expect, text, size);
    case EXPECT_EPOCH:
        snprintf(text, size, "the epoch was %llu", (unsigned long long)epoch);
        return compare(expect->compare, (int64_t)epoch, expect->number);
    case EXPECT_PROMISE: return true;
    }
    return false;
}

bool expectation_is_lasting(const struct expectation *expect)
{
    return expect->what == EXPECT_END || expect->what == EXPECT_NAMES ||
           expect->what == EXPECT_SIGNED;
}

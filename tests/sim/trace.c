#include "tests/sim/trace.h"

#include "coordinator/core/core.h"
#include "tests/sim/coordinator.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FENCES       4096 /* of an epoch, in the models */
#define PACKAGES_MAX 128
#define TAKEN_MAX    1024

struct line {
    uint64_t key;
    uint64_t number;
    char     repository; /* 0: taken back */
    char     text[64];
};

struct told_package {
    uint64_t id;
    uint32_t number; /* in its repository */
    char     repository;
    uint8_t  arches[LK_PACKAGE_ARCHES_MAX]; /* of its jobs */
};

/* Whose turn an agent's permit was: a journal that is copied back by hand gives its number to another later. */
struct taken {
    uint64_t                   job;
    const struct told_package *package;
    uint32_t                   agent;
};

struct sim_story {
    struct line        *lines;
    size_t              count;
    size_t              max;
    size_t             *line_of_fact; /* how many lines there were when that many facts were */
    size_t              facts_max;
    size_t              open_sync; /* its line + 1 */
    struct told_package packages[PACKAGES_MAX];
    size_t              package_count;
    struct taken        taken[TAKEN_MAX];
    size_t              taken_count;
    uint32_t            numbers[SIM_REPOSITORIES];
    uint32_t            backups;
};

void story_free(struct sim_story **story)
{
    if (!*story)
        return;
    free((*story)->lines);
    free((*story)->line_of_fact);
    free(*story);
    *story = NULL;
}

static int compare(const void *left, const void *right)
{
    const struct line *a = left, *b = right;

    if (a->key != b->key)
        return a->key < b->key ? -1 : 1;
    return a->number < b->number ? -1 : a->number > b->number;
}

void story_print(const struct sim_story *story, FILE *out)
{
    qsort(story->lines, story->count, sizeof(*story->lines), compare);
    for (size_t i = 0; i < story->count; i++)
        if (story->lines[i].repository)
            fprintf(out, "%c %s\n", story->lines[i].repository, story->lines[i].text);
}

static struct line *add(struct sim_story *story, char repository, const char *format, ...)
    LK_PRINTF(3, 4);

static struct line *add(struct sim_story *story, char repository, const char *format, ...)
{
    va_list args;

    if (story->count == story->max) {
        story->max = story->max ? 2 * story->max : 1024;
        story->lines = lk_xrealloc(story->lines, story->max * sizeof(*story->lines));
    }
    struct line *line = &story->lines[story->count];
    *line = (struct line) { .key = 2 * story->count + 1,
                            .number = story->count,
                            .repository = repository };
    va_start(args, format);
    vsnprintf(line->text, sizeof(line->text), format, args);
    va_end(args);
    story->count++;
    return line;
}

struct sim_story *story_new(const struct sim *sim)
{
    struct sim_story *story = lk_xcalloc(1, sizeof(*story));

    story->facts_max = 256;
    story->line_of_fact = lk_xcalloc(story->facts_max, sizeof(*story->line_of_fact));
    add(story, '*', "starts 1");
    story->line_of_fact[sim->coordinator->count] = story->count;
    add(story, '*', "writes");
    story->open_sync = story->count;
    return story;
}

static uint64_t fence_of(uint64_t fence)
{
    return (fence >> 32) * FENCES + (fence & UINT32_MAX);
}

static uint32_t place_of(struct sim *sim, const struct lk_digest *digest)
{
    struct sim_image *image = sim_registry_find(sim, digest);

    return image ? (uint32_t)(image - sim->registry.images) : 0;
}

/* NULL: one of no push that publishes, which the models do not know. */
static struct told_package *package_of(struct sim_story *story, uint64_t id)
{
    for (size_t i = story->package_count; i-- > 0;)
        if (story->packages[i].id == id)
            return story->packages[i].repository ? &story->packages[i] : NULL;
    return NULL;
}

static uint32_t arch_number(const struct lk_arch *arch)
{
    for (uint32_t i = 0; i < SIM_ARCHES; i++)
        if (strcmp(sim_arch_names[i], arch->name) == 0)
            return i;
    return 0;
}

static uint32_t job_number(const struct told_package *package, uint64_t job)
{
    return package->number * SIM_ARCHES + package->arches[job % LK_PACKAGE_ARCHES_MAX];
}

/* ---- facts ---- */

static void accepted(struct sim_story *story, const struct lk_core *core,
                     const struct lk_fact *fact)
{
    const struct lk_push_options *options = &lk_core_push(core, fact->push)->options;
    bool                          publishes = !options->build_only && !options->dry_run;
    char                          repository = fact->repository[strlen(fact->repository) - 1];
    struct told_package           package = { .id = fact->package };

    if (story->package_count == PACKAGES_MAX)
        return;
    if (publishes) {
        package.repository = repository;
        package.number = story->numbers[repository - 'a']++;
        add(story, repository, "accepted %u %c %d %d", package.number,
            fact->tag[strlen(fact->tag) - 1], options->sign && !fact->is_unsigned,
            options->replace_count > 0);
    }
    story->packages[story->package_count++] = package;
}

/* The model knows which of them ended well, and stay as they are. */
static void begun_again(struct sim_story *story, const struct lk_push *push)
{
    for (const struct lk_package *each = push->packages; each; each = each->next_in_push) {
        const struct told_package *package = package_of(story, each->id);
        if (package)
            add(story, package->repository, "again %u", package->number);
    }
}

static void package_fact(struct sim *sim, const struct told_package *package,
                         const struct lk_fact *fact)
{
    struct sim_story *story = sim->story;
    uint32_t          image = place_of(sim, &fact->child.digest);

    if (fact->type == LK_FACT_PUBLISH_QUEUED)
        add(story, package->repository, "queued %u", package->number);
    else if (fact->type == LK_FACT_PACKAGE_MERGED)
        add(story, package->repository, "merged %u %u", package->number, image);
    else if (fact->type == LK_FACT_PACKAGE_ENDED && fact->outcome == LK_OUTCOME_OK)
        add(story, package->repository, "published %u %u", package->number, image);
    else if (fact->type == LK_FACT_PACKAGE_ENDED)
        add(story, package->repository, "%s %u",
            fact->outcome == LK_OUTCOME_CANCELLED ? "cancelled" : "failed", package->number);
    else if (fact->type == LK_FACT_PERMIT_GRANTED)
        add(story, package->repository, "turn %u %llu", package->number,
            (unsigned long long)fence_of(fact->fence));
}

static void job_fact(struct sim *sim, const struct told_package *package, uint32_t job,
                     const struct lk_fact *fact)
{
    static const char *const names[] = {
        [LK_FACT_JOB_PLANNED] = "planned",   [LK_FACT_JOB_BUILT] = "built",
        [LK_FACT_JOB_STAGED] = "staged",     [LK_FACT_JOB_RETRIED] = "retried",
        [LK_FACT_JOB_PUSHED] = "pushed",     [LK_FACT_JOB_DONE] = "done",
        [LK_FACT_JOB_FAILED] = "givenup",    [LK_FACT_JOB_CANCELLED] = "givenup",
        [LK_FACT_PERMIT_GRANTED] = "permit", [LK_FACT_PERMIT_ENDED] = "ended",
    };
    struct sim_story  *story = sim->story;
    unsigned long long fence = fence_of(fact->fence);
    uint32_t           image = place_of(sim, &fact->child.digest);

    if ((size_t)fact->type >= LK_COUNT(names) || !names[fact->type])
        return;
    if (fact->type == LK_FACT_JOB_PLANNED)
        add(story, package->repository, "planned %u %d %d %u", job,
            fact->state == LK_JOB_QUEUED   ? 1
            : fact->state == LK_JOB_STAGED ? 3
                                           : 6,
            fact->flag, image);
    else if (fact->type == LK_FACT_JOB_BUILT)
        add(story, package->repository, "built %u %u", job, image);
    else
        add(story, package->repository, "%s %u %llu", names[fact->type], job, fence);
}

void story_fact(struct sim *sim, const struct lk_core *core, const struct lk_fact *fact,
                size_t count)
{
    struct sim_story *story = sim->story;
    uint64_t          id = fact->job ? fact->job / LK_PACKAGE_ARCHES_MAX : fact->package;

    if (!story)
        return;
    if (fact->type == LK_FACT_STARTED || fact->type == LK_FACT_NUMBERS)
        add(story, '*', "starts %llu", (unsigned long long)fact->epoch);
    else if (fact->type == LK_FACT_PACKAGE_ACCEPTED)
        accepted(story, core, fact);
    else if (fact->type == LK_FACT_PUSH_RETRIED)
        begun_again(story, lk_core_push(core, fact->push));
    struct told_package *package = package_of(story, id);
    if (package && fact->type == LK_FACT_JOB_PLANNED)
        package->arches[fact->job % LK_PACKAGE_ARCHES_MAX] =
            (uint8_t)arch_number(&lk_core_job(core, fact->job)->arch);
    if (package && fact->job)
        job_fact(sim, package, job_number(package, fact->job), fact);
    else if (package)
        package_fact(sim, package, fact);
    if (count >= story->facts_max) {
        story->facts_max = 2 * count + 256;
        story->line_of_fact =
            lk_xrealloc(story->line_of_fact, story->facts_max * sizeof(*story->line_of_fact));
    }
    story->line_of_fact[count] = story->count;
}

/* ---- what the coordinator hears and says ---- */

void story_event(struct sim *sim, const struct lk_event *event)
{
    struct sim_story *story = sim->story;
    bool              checked = event->type == LK_EVENT_CHILD_CHECKED;

    if (!story || (!checked && event->type != LK_EVENT_PROBED) || event->answer.err)
        return;
    uint64_t id = checked ? event->answer.job / LK_PACKAGE_ARCHES_MAX : event->answer.package;
    const struct told_package *package = package_of(story, id);
    if (package && !checked)
        add(story, package->repository, "looked %u", package->number);
    else if (package)
        add(story, package->repository, "checked %u", job_number(package, event->answer.job));
}

void story_effect(struct sim *sim, const struct lk_effect *effect)
{
    const struct told_package *package =
        sim->story ? package_of(sim->story, effect->package) : NULL;

    if (package && effect->type == LK_EFFECT_PERMIT)
        add(sim->story, package->repository, "told %u %llu", job_number(package, effect->job),
            (unsigned long long)fence_of(effect->fence));
}

/* ---- the disk ---- */

void story_sync(struct sim *sim, bool begins)
{
    struct sim_story *story = sim->story;

    if (!story)
        return;
    add(story, '*', begins ? "writes" : "written");
    story->open_sync = begins ? story->count : 0;
}

static void insert(struct sim_story *story, size_t count, const char *text)
{
    size_t before = story->line_of_fact[count];

    add(story, '*', "%s", text)->key = 2 * before;
}

void story_crash(struct sim *sim, size_t count, size_t durable)
{
    struct sim_story *story = sim->story;

    if (!story)
        return;
    if (count > durable) {
        if (story->open_sync)
            story->lines[story->open_sync - 1].repository = '\0';
        insert(story, count, "writes");
        add(story, '*', "written");
    }
    story->open_sync = 0;
    add(story, '*', "crashes");
}

void story_restore(struct sim *sim, size_t count, bool jumps)
{
    struct sim_story *story = sim->story;
    char              text[32];

    if (!story)
        return;
    snprintf(text, sizeof(text), "backup %u", story->backups);
    insert(story, count, text);
    story->open_sync = 0;
    add(story, '*', "%s %u", jumps ? "restored" : "copied", story->backups++);
}

void story_compacted(struct sim *sim, size_t count)
{
    if (!sim->story)
        return;
    if (count >= sim->story->facts_max) {
        sim->story->facts_max = 2 * count + 256;
        sim->story->line_of_fact =
            lk_xrealloc(sim->story->line_of_fact,
                        sim->story->facts_max * sizeof(*sim->story->line_of_fact));
    }
    for (size_t i = 0; i <= count; i++)
        sim->story->line_of_fact[i] = sim->story->count;
}

/* ---- the registry ---- */

void story_image(struct sim *sim, const struct sim_image *image)
{
    uint32_t entries[SIM_ARCHES] = { 0 };
    char     repository = (char)('a' + image->name.repository);
    uint32_t place = (uint32_t)(image - sim->registry.images);

    if (!sim->story || !image->is_put)
        return;
    if (!image->is_index) {
        add(sim->story, '*', "child %u", place);
        return;
    }
    for (size_t i = 0; i < image->count; i++)
        entries[arch_number(&sim->registry.images[image->entries[i]].asked)] =
            image->entries[i];
    add(sim->story, repository, "index %u %u %u %u", place, entries[0], entries[1], entries[2]);
}

void story_signed(struct sim *sim, uint32_t index)
{
    if (sim->story)
        add(sim->story, (char)('a' + sim->registry.images[index].name.repository), "signed %u",
            index);
}

void story_tag(struct sim *sim, const struct lk_effect *effect, uint32_t image)
{
    const struct told_package *package =
        sim->story ? package_of(sim->story, effect->package) : NULL;

    if (package)
        add(sim->story, package->repository, "tagged %u %u", package->number, image);
}

void story_outsider(struct sim *sim, const struct sim_tag *tag, uint32_t image)
{
    struct sim_tag *first = &sim->registry.tags[0][0];
    size_t          place = (size_t)(tag - first);

    if (sim->story && tag >= first && place < SIM_REPOSITORIES * SIM_TAGS)
        add(sim->story, (char)('a' + place / SIM_TAGS), "outsider %zu %u", place % SIM_TAGS,
            image);
}

/* ---- agents ---- */

static const struct told_package *taken_by(const struct sim_story *story, uint32_t agent,
                                           uint64_t job)
{
    for (size_t i = story->taken_count; i-- > 0;)
        if (story->taken[i].agent == agent && story->taken[i].job == job)
            return story->taken[i].package;
    return NULL;
}

void story_took(struct sim *sim, uint32_t agent, uint64_t job, uint64_t fence)
{
    struct sim_story          *story = sim->story;
    const struct told_package *package =
        story ? package_of(story, job / LK_PACKAGE_ARCHES_MAX) : NULL;

    if (!package)
        return;
    if (taken_by(story, agent, job) != package && story->taken_count < TAKEN_MAX)
        story->taken[story->taken_count++] = (struct taken) { job, package, agent };
    add(story, package->repository, "took %u %u %llu", agent, job_number(package, job),
        (unsigned long long)fence_of(fence));
}

void story_reported(struct sim *sim, uint32_t agent, uint64_t job, uint64_t fence)
{
    struct sim_story          *story = sim->story;
    const struct told_package *package = story ? taken_by(story, agent, job) : NULL;

    if (package)
        add(story, package->repository, "reported %u %u %llu", agent, job_number(package, job),
            (unsigned long long)fence_of(fence));
}

void story_agent(struct sim *sim, const char *what, uint32_t agent, uint64_t epoch)
{
    if (sim->story)
        add(sim->story, '*', "%s %u %llu", what, agent, (unsigned long long)epoch);
}

/*
 * long_journal DIRECTORY COUNT: appends COUNT pushes of three architectures, each published and in time forgotten,
 * to the journal of a coordinator that is stopped: what a year of work leaves when nothing is compacted.
 */
#include "coordinator/core/private.h"
#include "coordinator/store/journal.h"
#include "coordinator/store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GROUP_MAX 4096

struct writer {
    struct lk_journal *journal;
    struct lk_core    *core;
    size_t             count;
    struct lk_str      records[GROUP_MAX];
    uint8_t            bytes[GROUP_MAX][512];
};

static void stop(const char *text)
{
    fprintf(stderr, "long_journal: %s\n", text);
    exit(1);
}

static void flush(struct writer *w)
{
    struct lk_err err;

    if (w->count > 0 && lk_journal_append(w->journal, w->records, w->count, &err) < 0)
        stop(err.text);
    w->count = 0;
}

static void say(struct writer *w, const struct lk_fact *fact)
{
    uint8_t bytes[LK_FACT_BYTES_MAX];
    size_t  len = lk_fact_encode(fact, bytes);

    if (!lk_core_apply(w->core, fact) || len > sizeof(w->bytes[0]))
        stop("a fact does not fit");
    memcpy(w->bytes[w->count], bytes, len);
    w->records[w->count] = (struct lk_str) { (const char *)w->bytes[w->count], len };
    if (++w->count == GROUP_MAX)
        flush(w);
}

static void say_push(struct writer *w, enum lk_fact_type type, uint64_t push)
{
    say(w, &(struct lk_fact) { .type = type, .push = push, .wall_ms = 1700000000000 });
}

static void say_package(struct writer *w, enum lk_fact_type type, uint64_t package,
                        uint64_t fence)
{
    say(w, &(struct lk_fact) { .type = type, .package = package, .fence = fence });
}

static struct lk_child image_of(uint64_t number)
{
    struct lk_child child = { .size = 700,
                              .media_type = "application/vnd.oci.image.manifest.v1+json" };

    memcpy(child.digest.sha256, &number, sizeof(number));
    child.digest.sha256[31] = 1;
    return child;
}

static void accept(struct writer *w, uint64_t push, uint64_t package)
{
    static const char *const arches[] = { "amd64", "arm64", "s390x" };
    struct lk_fact           fact = { .type = LK_FACT_PUSH_ACCEPTED, .push = push, .count = 1 };

    memcpy(fact.request_key, &push, sizeof(push));
    strcpy(fact.client, "ci");
    say(w, &fact);
    fact = (struct lk_fact) { .type = LK_FACT_PACKAGE_ACCEPTED, .push = push };
    fact.package = package;
    snprintf(fact.repository, sizeof(fact.repository), "registry.example/org/package%llu",
             (unsigned long long)(push % 50));
    snprintf(fact.tag, sizeof(fact.tag), "%040llx", (unsigned long long)push);
    strcpy(fact.path, "pkg/it");
    for (fact.arch_count = 0; fact.arch_count < LK_COUNT(arches); fact.arch_count++)
        strcpy(fact.arches[fact.arch_count].name, arches[fact.arch_count]);
    say(w, &fact);
}

static void do_job(struct writer *w, uint64_t package, uint64_t job, uint64_t fence)
{
    struct lk_fact fact = { .type = LK_FACT_JOB_PLANNED, .job = job, .state = LK_JOB_QUEUED };

    say(w, &fact);
    fact = (struct lk_fact) { .type = LK_FACT_JOB_ASSIGNED, .job = job, .attempt = 1 };
    strcpy(fact.agent, "builder-1");
    say(w, &fact);
    fact.type = LK_FACT_JOB_BUILT;
    fact.child = image_of(job);
    say(w, &fact);
    say(w, &(struct lk_fact) { .type = LK_FACT_JOB_STAGED, .job = job });
    say(w,
        &(struct lk_fact) {
            .type = LK_FACT_PERMIT_GRANTED, .package = package, .job = job, .fence = fence });
    say(w, &(struct lk_fact) { .type = LK_FACT_JOB_PUSHED, .job = job });
    say(w, &(struct lk_fact) { .type = LK_FACT_JOB_DONE, .job = job });
}

static void forget_oldest(struct writer *w)
{
    const struct lk_push *push = w->core->first;

    while (push->state != LK_PUSH_ENDED)
        push = push->next;
    say_push(w, LK_FACT_PUSH_FORGOTTEN, push->id);
}

static void push_once(struct writer *w)
{
    const struct lk_core *core = w->core;
    uint64_t              push = core->push_id + 1;
    uint64_t              package = core->package_id + 1;
    uint64_t              fence = core->fence;

    while (core->ended_count >= core->config.history_max)
        forget_oldest(w);
    while (core->pushes[push % core->config.pushes_max].id)
        push++;
    while (core->packages[package % core->config.packages_max].id)
        package++;
    accept(w, push, package);
    say_push(w, LK_FACT_SOURCE_READY, push);
    say_package(w, LK_FACT_PACKAGE_PLANNED, package, 0);
    for (uint64_t i = 0; i < 3; i++)
        do_job(w, package, package * LK_PACKAGE_ARCHES_MAX + i, ++fence);
    say_package(w, LK_FACT_PUBLISH_QUEUED, package, 0);
    say_package(w, LK_FACT_PERMIT_GRANTED, package, ++fence);
    struct lk_fact fact = { .type = LK_FACT_PACKAGE_MERGED, .package = package };
    fact.child = image_of(~package);
    say(w, &fact);
    fact.type = LK_FACT_PACKAGE_ENDED;
    say(w, &fact);
    say_push(w, LK_FACT_PUSH_ENDED, push);
}

static int replay(void *ctx, struct lk_str record, struct lk_err *err)
{
    struct writer *w = ctx;
    struct lk_fact fact;

    if (lk_fact_decode(record, &fact, err) < 0)
        return -1;
    return lk_core_apply(w->core, &fact)
               ? 0
               : lk_err_set(err, LK_ERR_CONFLICT, "does not fit what is before it");
}

int main(int argc, char **argv)
{
    struct writer *w = lk_xcalloc(1, sizeof(*w));
    struct lk_err  err;

    if (argc != 3)
        stop("usage: long_journal DIRECTORY COUNT");
    w->core = lk_core_new(&lk_core_defaults);
    if (lk_journal_open(&w->journal, argv[1], &err) < 0 ||
        lk_journal_replay(w->journal, replay, w, &err) < 0 ||
        lk_journal_raise_epoch(w->journal, lk_core_epoch(w->core), &err) < 0)
        stop(err.text);
    say(w,
        &(struct lk_fact) { .type = LK_FACT_STARTED, .epoch = lk_journal_epoch(w->journal) });
    for (int i = 0; i < atoi(argv[2]); i++)
        push_once(w);
    flush(w);
    lk_journal_close(&w->journal);
    lk_core_free(&w->core);
    free(w);
    return 0;
}

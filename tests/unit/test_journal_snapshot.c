/* Journals that are made short, of old versions, and on disks that become full at any point. */
#include "tests/core/chance.h"

#include "common/os/file.h"
#include "coordinator/store/inspect.h"
#include "coordinator/store/journal.h"
#include "coordinator/store/pump.h"
#include "coordinator/store/store.h"

#include <poll.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <unistd.h>

#define GOLDEN "tests/golden/journal/"

struct place {
    char directory[64];
    char copy[96];
};

static int make_place(void **state)
{
    struct place *place = lk_xcalloc(1, sizeof(*place));

    strcpy(place->directory, "/tmp/lk-snapshot.XXXXXX");
    if (!mkdtemp(place->directory))
        return -1;
    snprintf(place->copy, sizeof(place->copy), "%s.copy", place->directory);
    *state = place;
    return 0;
}

static int remove_place(void **state)
{
    struct place *place = *state;
    struct lk_err err;
    int           result =
        lk_directory_remove(place->directory, &err) | lk_directory_remove(place->copy, &err);

    free(place);
    return result;
}

static void must(int result, const struct lk_err *err)
{
    if (result < 0)
        fail_msg("%s", err->text);
}

static int apply_record(void *ctx, struct lk_str record, struct lk_err *err)
{
    struct lk_fact fact;

    if (lk_fact_decode(record, &fact, err) < 0)
        return -1;
    return lk_core_apply(ctx, &fact) ? 0 : lk_err_set(err, LK_ERR_CONFLICT, "does not fit");
}

static struct lk_journal *opened(const char *directory, struct lk_core **core)
{
    struct lk_journal *journal = NULL;
    struct lk_err      err;

    must(lk_journal_open(&journal, directory, &err), &err);
    if (core) {
        *core = lk_core_new(&lk_core_defaults);
        must(lk_journal_replay(journal, apply_record, *core, &err), &err);
    }
    return journal;
}

static uint64_t digest_on_disk(const char *directory)
{
    struct lk_core    *core;
    struct lk_journal *journal = opened(directory, &core);
    uint64_t           digest = world_digest(core);

    lk_journal_close(&journal);
    lk_core_free(&core);
    return digest;
}

static void append_facts(struct lk_journal *journal, const struct lk_fact *facts, size_t count)
{
    struct lk_err err;

    for (size_t i = 0; i < count; i++) {
        uint8_t       bytes[LK_FACT_BYTES_MAX];
        struct lk_str record = { (const char *)bytes, lk_fact_encode(&facts[i], bytes) };
        must(lk_journal_append(journal, &record, 1, &err), &err);
    }
}

/* A world's life, many pushes of which are forgotten, on disk. */
static struct world *lived(const char *directory)
{
    struct dice        dice = { 42 };
    struct world      *w = world_of_chance();
    uint8_t            key = 1;
    struct lk_journal *journal = opened(directory, NULL);

    for (unsigned i = 0; i < 1500 || (w->fact_count <= 200 && i < 20000); i++)
        random_move(w, &dice, &key);
    append_facts(journal, w->facts, w->fact_count);
    lk_journal_close(&journal);
    return w;
}

static int compact(struct lk_journal *journal, const struct lk_core *core, struct lk_err *err)
{
    LK_CLEANUP(lk_snapshot_free) struct lk_snapshot *snapshot = lk_snapshot_take(core);

    return lk_journal_compact(journal, snapshot, err);
}

static void nothing_may_be_found(void *ctx, const char *finding)
{
    (void)ctx;
    fail_msg("%s", finding);
}

static struct lk_inspection look_at(const char *directory)
{
    LK_CLEANUP(lk_free_pointer) char *path = lk_xasprintf("%s/journal.db", directory);
    struct lk_inspection              look;
    struct lk_err                     err;

    must(lk_journal_inspect(path, directory, &look, nothing_may_be_found, NULL, &err), &err);
    return look;
}

static void a_compacted_journal_is_shorter_and_goes_on_from_the_old_one(void **state)
{
    const struct place *place = *state;
    LK_WORLD            w = lived(place->directory);
    struct lk_core     *core;
    struct lk_journal  *journal = opened(place->directory, &core);
    struct lk_err       err;
    uint64_t            last = look_at(place->directory).last;

    must(compact(journal, core, &err), &err);
    assert_int_equal(lk_journal_grown(journal), 0);
    assert_true(lk_journal_kept(journal) < w->fact_count);
    struct lk_fact started = { .type = LK_FACT_STARTED, .epoch = lk_core_epoch(core) + 1 };
    append_facts(journal, &started, 1);
    assert_true(lk_core_apply(core, &started));
    assert_int_equal(lk_journal_grown(journal), 1);
    struct lk_inspection look = look_at(place->directory);
    assert_int_equal(look.first, last + 1);
    assert_int_equal(look.count, lk_journal_kept(journal) + 1);
    /* And once more, of what has been compacted already. */
    must(compact(journal, core, &err), &err);
    lk_journal_close(&journal);
    lk_core_free(&core);
    assert_int_equal(look_at(place->directory).first, look.last + 1);
    journal = opened(place->directory, &core);
    assert_int_equal(lk_core_epoch(core), started.epoch);
    lk_journal_close(&journal);
    lk_core_free(&core);
}

static void limit_files_to(rlim_t bytes)
{
    struct rlimit limit;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* The files as they are at this moment: what a crash would leave. */
static void copy_files(const struct place *place)
{
    LK_CLEANUP(lk_free_pointer)
    char *command = lk_xasprintf("rm -rf %2$s && cp -r %1$s %2$s && rm -f %2$s/journal.db-shm",
                                 place->directory, place->copy);

    assert_int_equal(system(command), 0);
}

static void a_compaction_that_ends_anywhere_leaves_the_old_journal_or_the_new(void **state)
{
    const struct place *place = *state;
    LK_WORLD            w = lived(place->directory);
    struct lk_core     *core;
    struct lk_err       err;
    unsigned            failures = 0;
    bool                done = false;

    assert_true(w->fact_count > 200);
    signal(SIGXFSZ, SIG_IGN);
    for (rlim_t limit = 4096; !done; limit += 4096) {
        struct lk_journal *journal = opened(place->directory, &core);
        uint64_t           digest = world_digest(core);

        limit_files_to(limit);
        done = compact(journal, core, &err) == 0;
        limit_files_to(RLIM_INFINITY);
        failures += !done;
        lk_core_free(&core);
        copy_files(place);
        assert_int_equal(look_at(place->copy).faults, 0);
        uint64_t left = digest_on_disk(place->copy);
        if (!done)
            assert_int_equal(left, digest);
        lk_journal_close(&journal);
    }
    assert_true(failures > 5);
}

/* ---- the pump ---- */

struct heard {
    unsigned compactions;
    uint64_t kept;
};

static void on_compacted(void *ctx, uint64_t kept)
{
    struct heard *heard = ctx;

    heard->compactions++;
    heard->kept = kept;
}

static void on_effect(void *ctx, const struct lk_effect *effect)
{
    (void)ctx;
    (void)effect;
}

static void on_failed(void *ctx, const struct lk_err *err)
{
    (void)ctx;
    fail_msg("%s", err->text);
}

static void wait_until_idle(struct lk_pump *pump)
{
    while (!lk_pump_is_idle(pump)) {
        struct pollfd fd = { .fd = lk_pump_fd(pump), .events = POLLIN };
        assert_int_equal(poll(&fd, 1, 10000), 1);
        lk_pump_collect(pump);
    }
}

static void hand_in(struct lk_pump *pump, struct lk_fact *facts, size_t count)
{
    struct lk_out out = { .fact_count = count, .facts = facts };

    lk_pump_put(pump, &out);
}

/* Its snapshot is of the facts before it, whatever is handed in while it waits. */
static void facts_that_come_while_a_snapshot_waits_are_behind_it(void **state)
{
    const struct place     *place = *state;
    struct heard            heard = { 0 };
    struct lk_pump_listener listener = {
        .effect = on_effect, .compacted = on_compacted, .failed = on_failed, .ctx = &heard
    };
    struct dice        dice = { 7 };
    LK_WORLD           w = world_of_chance();
    struct lk_journal *journal = opened(place->directory, NULL);
    struct lk_pump    *pump = lk_pump_start(journal, &listener);
    uint8_t            key = 1;
    size_t             taken = 0;

    for (unsigned i = 0; i < 1000; i++) {
        random_move(w, &dice, &key);
        w->facts_before = w->fact_count;
        hand_in(pump, w->facts + taken, w->fact_count - taken);
        taken = w->fact_count;
        if (i % 100 == 99)
            lk_pump_compact(pump, lk_snapshot_take(w->core));
        if (i % 17 == 0)
            lk_pump_collect(pump);
    }
    wait_until_idle(pump);
    assert_int_equal(lk_pump_durable(pump), taken);
    assert_true(heard.compactions > 0);
    lk_pump_stop(&pump);
    lk_journal_close(&journal);
    struct lk_core *core;
    journal = opened(place->directory, &core);
    assert_int_equal(lk_core_epoch(core), w->epoch);
    for (const struct lk_push *push = lk_core_first_push(w->core); push; push = push->next)
        assert_int_equal(lk_core_push(core, push->id)->state, push->state);
    lk_journal_close(&journal);
    lk_core_free(&core);
}

static void a_snapshot_stands_between_the_facts_before_and_after_it(void **state)
{
    const struct place     *place = *state;
    struct lk_pump_listener listener = { .effect = on_effect, .failed = on_failed };
    LK_WORLD                w = world_of_three();
    struct lk_journal      *journal = opened(place->directory, NULL);
    struct lk_pump         *pump = lk_pump_start(journal, &listener);

    hand_in(pump, w->facts, w->fact_count); /* being written: what follows makes one group */
    size_t first = w->fact_count;
    submit_three(w);
    settle(w);
    hand_in(pump, w->facts + first, w->fact_count - first);
    lk_pump_compact(pump, lk_snapshot_take(w->core));
    size_t second = w->fact_count;
    crash(w, false);
    hand_in(pump, w->facts + second, w->fact_count - second);
    wait_until_idle(pump);
    lk_pump_stop(&pump);
    assert_int_equal(lk_journal_grown(journal), w->fact_count - second);
    lk_journal_close(&journal);
    assert_int_equal(digest_on_disk(place->directory), world_digest(w->core));
}

static void a_journal_is_long_when_it_has_grown_by_more_than_it_kept(void **state)
{
    (void)state;
    assert_false(lk_journal_is_long(0, 10000));
    assert_true(lk_journal_is_long(0, 10001));
    assert_false(lk_journal_is_long(50000, 50000));
    assert_true(lk_journal_is_long(50000, 50001));
}

/* ---- journals of old ---- */

static void describe_job(FILE *out, const struct lk_job *job)
{
    fprintf(out, "    job %llu %s state %d attempt %u of %u failures %u agent %s pushed %d\n",
            (unsigned long long)job->id, job->arch.name, (int)job->state, job->attempt,
            job->last_attempt, job->failures, job->agent, job->pushed);
}

static void describe(FILE *out, const struct lk_core *core)
{
    const struct lk_agent *agent;

    fprintf(out, "epoch %llu\n", (unsigned long long)lk_core_epoch(core));
    for (size_t i = 0; (agent = lk_core_agent(core, i)); i++)
        fprintf(out, "agent %s drained %d %s\n", agent->name, agent->drained,
                agent->drained_why);
    for (const struct lk_push *push = lk_core_first_push(core); push; push = push->next) {
        const struct lk_push_options *options = &push->options;
        fprintf(out, "push %llu of %s state %d outcome %d cancelled %d%s%s\n",
                (unsigned long long)push->id, push->client, (int)push->state,
                (int)push->outcome, push->cancelled, push->gave_up ? " gave up" : "",
                push->timed_out ? " timed out" : "");
        fprintf(out, "  priority %d keep-going %d fail-fast %d time limits %u %u retries %u\n",
                (int)options->priority, options->keep_going, options->fail_fast,
                options->job_timeout_s, options->timeout_s, push->retries);
        for (const struct lk_package *p = push->packages; p; p = p->next_in_push) {
            fprintf(out, "  package %llu %s:%s state %d outcome %d fence %llx %s\n",
                    (unsigned long long)p->id, p->repository, p->tag, (int)p->state,
                    (int)p->outcome, (unsigned long long)p->turnstile->fence, p->text);
            for (size_t i = 0; i < p->job_count; i++)
                describe_job(out, &p->jobs[i]);
        }
    }
}

static void read_golden(struct lk_buf *out, const char *name, const char *suffix)
{
    LK_CLEANUP(lk_free_pointer) char *path = lk_xasprintf(GOLDEN "%s%s", name, suffix);
    struct lk_err                     err;

    must(lk_file_read(path, out, &err), &err);
}

static void make_database(const char *directory, const char *sql)
{
    LK_CLEANUP(lk_free_pointer) char *path = lk_xasprintf("%s/journal.db", directory);
    sqlite3                          *db = NULL;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void check_golden(const char *directory, const char *name)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf expected = LK_BUF_INIT(64 * 1024);
    struct lk_core                       *core;
    struct lk_journal                    *journal = opened(directory, &core);
    char                                 *text = NULL;
    size_t                                len;
    FILE                                 *out = open_memstream(&text, &len);
    struct lk_err                         err;

    describe(out, core);
    fclose(out);
    lk_journal_close(&journal);
    lk_core_free(&core);
    if (getenv("LK_UPDATE_GOLDEN")) {
        LK_CLEANUP(lk_free_pointer) char *path = lk_xasprintf(GOLDEN "%s.state", name);
        must(lk_file_replace(path, lk_str_of(text), 0644, &err), &err);
    }
    read_golden(&expected, name, ".state");
    assert_string_equal(text, lk_buf_text(&expected));
    free(text);
}

static void journals_of_every_version_give_the_state_that_they_had(void **state)
{
    static const char *const names[] = { "schema-1", "schema-2", "format-4", "format-5" };
    const struct place      *place = *state;

    for (size_t i = 0; i < LK_COUNT(names); i++) {
        LK_CLEANUP(lk_buf_fini) struct lk_buf sql = LK_BUF_INIT(1024 * 1024);
        LK_CLEANUP(lk_free_pointer)
        char         *directory = lk_xasprintf("%s/%s", place->directory, names[i]);
        struct lk_err err;
        read_golden(&sql, names[i], ".sql");
        must(lk_directory_make(directory, 0700, &err), &err);
        make_database(directory, lk_buf_text(&sql));
        check_golden(directory, names[i]);
        /* And the upgraded one again, with its sums. */
        assert_int_equal(look_at(directory).schema, 2);
        check_golden(directory, names[i]);
    }
}

static void an_upgrade_that_the_disk_has_no_room_for_leaves_the_old_version(void **state)
{
    const struct place                   *place = *state;
    LK_CLEANUP(lk_buf_fini) struct lk_buf sql = LK_BUF_INIT(1024 * 1024);
    struct lk_journal                    *journal = NULL;
    struct lk_err                         err;

    read_golden(&sql, "schema-1", ".sql");
    make_database(place->directory, lk_buf_text(&sql));
    signal(SIGXFSZ, SIG_IGN);
    for (rlim_t limit = 4096; limit <= 16384; limit += 4096) {
        limit_files_to(limit);
        int result = lk_journal_open(&journal, place->directory, &err);
        limit_files_to(RLIM_INFINITY);
        assert_int_equal(result, -1);
        assert_int_equal(look_at(place->directory).schema, 1);
    }
    check_golden(place->directory, "schema-1");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_place, remove_place)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_compacted_journal_is_shorter_and_goes_on_from_the_old_one),
        TEST(a_compaction_that_ends_anywhere_leaves_the_old_journal_or_the_new),
        TEST(facts_that_come_while_a_snapshot_waits_are_behind_it),
        TEST(a_snapshot_stands_between_the_facts_before_and_after_it),
        TEST(a_journal_is_long_when_it_has_grown_by_more_than_it_kept),
        TEST(journals_of_every_version_give_the_state_that_they_had),
        TEST(an_upgrade_that_the_disk_has_no_room_for_leaves_the_old_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

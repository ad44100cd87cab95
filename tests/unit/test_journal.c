#include "coordinator/store/journal.h"

#include "common/base/buf.h"
#include "common/base/hex.h"
#include "common/os/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/*
 * Golden bytes are the journals that are out there.  They never change: a fact that needs more gets new fields.
 * LK_UPDATE_GOLDEN=1 writes those of a new fact.
 */
#define GOLDEN_DIRECTORY "tests/golden/facts"

static const char *const names[] = {
    [LK_FACT_STARTED] = "started",
    [LK_FACT_PUSH_ACCEPTED] = "push_accepted",
    [LK_FACT_PACKAGE_ACCEPTED] = "package_accepted",
    [LK_FACT_SOURCE_READY] = "source_ready",
    [LK_FACT_JOB_PLANNED] = "job_planned",
    [LK_FACT_PACKAGE_PLANNED] = "package_planned",
    [LK_FACT_JOB_ASSIGNED] = "job_assigned",
    [LK_FACT_JOB_BUILT] = "job_built",
    [LK_FACT_JOB_STAGED] = "job_staged",
    [LK_FACT_JOB_RETRIED] = "job_retried",
    [LK_FACT_PERMIT_GRANTED] = "permit_granted",
    [LK_FACT_PERMIT_ENDED] = "permit_ended",
    [LK_FACT_JOB_PUSHED] = "job_pushed",
    [LK_FACT_JOB_DONE] = "job_done",
    [LK_FACT_JOB_FAILED] = "job_failed",
    [LK_FACT_JOB_CANCELLED] = "job_cancelled",
    [LK_FACT_PACKAGE_MERGED] = "package_merged",
    [LK_FACT_PACKAGE_ENDED] = "package_ended",
    [LK_FACT_PUSH_CANCELLED] = "push_cancelled",
    [LK_FACT_PUSH_ENDED] = "push_ended",
    [LK_FACT_PUSH_FORGOTTEN] = "push_forgotten",
    [LK_FACT_PUBLISH_QUEUED] = "publish_queued",
    [LK_FACT_ARCHES_FOUND] = "arches_found",
    [LK_FACT_NUMBERS] = "numbers",
    [LK_FACT_RECORD] = "record",
    [LK_FACT_AGENT_DRAINED] = "agent_drained",
    [LK_FACT_AGENT_RESUMED] = "agent_resumed",
    [LK_FACT_PUSH_RETRIED] = "push_retried",
};

static struct lk_child sample_child(void)
{
    struct lk_child child = {
        .size = 1234,
        .media_type = "application/vnd.oci.image.manifest.v1+json",
    };

    for (size_t i = 0; i < sizeof(child.digest.sha256); i++)
        child.digest.sha256[i] = (uint8_t)(0xa0 + i);
    return child;
}

static void sample_push(struct lk_fact *fact)
{
    fact->push = 300;
    fact->count = 2;
    fact->wall_ms = 1700000000123;
    for (size_t i = 0; i < sizeof(fact->request_key); i++)
        fact->request_key[i] = (uint8_t)i;
    strcpy(fact->client, "ci");
    fact->options = (struct lk_push_options) {
        .in_turn = true,
        .sign = true,
        .adopt_count = 1,
        .adopt = { sample_child().digest },
        .replace_count = 1,
        .replace = { { "riscv64" } },
    };
}

static void sample_package(struct lk_fact *fact)
{
    fact->push = 300;
    fact->package = 301;
    fact->count = 1;
    strcpy(fact->repository, "localhost:5000/org/it");
    strcpy(fact->tag, "0123456789abcdef0123456789abcdef01234567");
    strcpy(fact->path, "pkg/it");
    memset(&fact->spec, 0x11, sizeof(fact->spec));
    memset(&fact->tree, 0x22, sizeof(fact->tree));
    fact->arch_count = 2;
    strcpy(fact->arches[0].name, "amd64");
    strcpy(fact->arches[1].name, "s390x");
}

static void sample_of_job(struct lk_fact *fact)
{
    fact->job = 301 * LK_PACKAGE_ARCHES_MAX + 1;
    if (fact->type == LK_FACT_JOB_PLANNED) {
        fact->state = LK_JOB_STAGED;
        fact->flag = true;
        fact->child = sample_child();
    } else if (fact->type == LK_FACT_JOB_ASSIGNED || fact->type == LK_FACT_JOB_BUILT) {
        fact->attempt = 3;
        fact->flag = true;
        strcpy(fact->agent, "builder-s390x");
        if (fact->type == LK_FACT_JOB_BUILT)
            fact->child = sample_child();
    } else if (fact->type == LK_FACT_JOB_RETRIED || fact->type == LK_FACT_JOB_FAILED ||
               fact->type == LK_FACT_JOB_CANCELLED) {
        fact->flag = fact->type == LK_FACT_JOB_RETRIED;
        fact->outcome = fact->type == LK_FACT_JOB_FAILED      ? LK_OUTCOME_BUILD_FAILED
                        : fact->type == LK_FACT_JOB_CANCELLED ? LK_OUTCOME_CANCELLED
                                                              : LK_OUTCOME_OK;
        strcpy(fact->text, "agent b was silent for 60 s");
    }
}

static void sample_of_package(struct lk_fact *fact)
{
    fact->package = 301;
    if (fact->type == LK_FACT_ARCHES_FOUND) {
        fact->arch_count = 1;
        strcpy(fact->arches[0].name, "arm64");
    }
    if (fact->type == LK_FACT_PERMIT_GRANTED || fact->type == LK_FACT_PERMIT_ENDED) {
        fact->job = 301 * LK_PACKAGE_ARCHES_MAX + 1;
        fact->fence = 7ULL << 32 | 9;
    } else if (fact->type == LK_FACT_PACKAGE_MERGED || fact->type == LK_FACT_PACKAGE_ENDED) {
        fact->child = sample_child();
        fact->is_signed = true;
        if (fact->type == LK_FACT_PACKAGE_ENDED) {
            fact->outcome = LK_OUTCOME_REFUSED;
            fact->flag = true;
            strcpy(fact->text, "the tag holds an entry that nobody signed");
        }
    }
}

static struct lk_fact sample(enum lk_fact_type type)
{
    struct lk_fact fact;

    memset(&fact, 0, sizeof(fact));
    fact.type = type;
    switch (type) {
    case LK_FACT_STARTED: fact.epoch = 7; break;
    case LK_FACT_NUMBERS:
        fact.epoch = 7;
        fact.fence = 7ULL << 32 | 9;
        fact.push = 300;
        fact.package = 301;
        break;
    case LK_FACT_RECORD:
        fact.count = 17;
        fact.flag = true;
        fact.child = sample_child();
        strcpy(fact.repository, "localhost:5000/org/it");
        strcpy(fact.tag, "0123456789abcdef0123456789abcdef01234567");
        fact.arch_count = 1;
        strcpy(fact.arches[0].name, "s390x");
        break;
    case LK_FACT_AGENT_DRAINED: strcpy(fact.why, "a new disk"); /* fall through */
    case LK_FACT_AGENT_RESUMED: strcpy(fact.agent, "builder-s390x"); break;
    case LK_FACT_PUSH_ACCEPTED: sample_push(&fact); break;
    case LK_FACT_PACKAGE_ACCEPTED: sample_package(&fact); break;
    case LK_FACT_PUSH_ENDED:
        fact.outcome = LK_OUTCOME_INFRASTRUCTURE;
        fact.wall_ms = 1700000000456;
        fact.push = 300;
        break;
    case LK_FACT_SOURCE_READY:
    case LK_FACT_PUSH_CANCELLED:
    case LK_FACT_PUSH_FORGOTTEN: fact.push = 300; break;
    case LK_FACT_PUSH_RETRIED:
        fact.push = 300;
        memset(fact.request_key, 0x33, sizeof(fact.request_key));
        break;
    case LK_FACT_PACKAGE_PLANNED:
    case LK_FACT_PERMIT_GRANTED:
    case LK_FACT_PERMIT_ENDED:
    case LK_FACT_PACKAGE_MERGED:
    case LK_FACT_PACKAGE_ENDED:
    case LK_FACT_PUBLISH_QUEUED:
    case LK_FACT_ARCHES_FOUND: sample_of_package(&fact); break;
    case LK_FACT_JOB_PLANNED:
    case LK_FACT_JOB_ASSIGNED:
    case LK_FACT_JOB_BUILT:
    case LK_FACT_JOB_STAGED:
    case LK_FACT_JOB_RETRIED:
    case LK_FACT_JOB_PUSHED:
    case LK_FACT_JOB_DONE:
    case LK_FACT_JOB_FAILED:
    case LK_FACT_JOB_CANCELLED: sample_of_job(&fact); break;
    }
    return fact;
}

static struct lk_str encoded(const struct lk_fact *fact, uint8_t bytes[LK_FACT_BYTES_MAX])
{
    return (struct lk_str) { (const char *)bytes, lk_fact_encode(fact, bytes) };
}

static void comes_back(const struct lk_fact *fact)
{
    struct lk_fact again;
    struct lk_err  err;
    uint8_t        bytes[LK_FACT_BYTES_MAX];

    if (lk_fact_decode(encoded(fact, bytes), &again, &err) < 0)
        fail_msg("%s: %s", names[fact->type], err.text);
    assert_memory_equal(fact, &again, sizeof(again));
}

static void every_fact_comes_back_as_it_was(void **state)
{
    (void)state;
    for (size_t type = LK_FACT_STARTED; type < LK_COUNT(names); type++) {
        struct lk_fact fact = sample((enum lk_fact_type)type);
        comes_back(&fact);
    }
}

/* What came later: journals without it mean what they did. */
static void a_package_that_is_not_built_comes_back_as_it_was(void **state)
{
    struct lk_fact facts[] = { sample(LK_FACT_PACKAGE_ACCEPTED),
                               sample(LK_FACT_PUSH_ACCEPTED) };

    (void)state;
    facts[0].origin = LK_PACKAGE_FROM_INDEX;
    facts[0].is_unsigned = true;
    facts[0].arch_count = 0;
    memset(facts[0].arches, 0, sizeof(facts[0].arches));
    strcpy(facts[0].from.repository, "localhost:5000/org/that");
    strcpy(facts[0].from.tag, "v1");
    facts[0].after.bits[0] = 5;
    facts[0].after.bits[1] = UINT64_C(1) << 63;
    facts[1].options.no_build = true;
    facts[1].options.no_arch_tags = true;
    facts[1].options.keep_going = true;
    facts[1].options.fail_fast = true;
    facts[1].options.job_timeout_s = LK_TIMEOUT_S_MAX;
    facts[1].options.timeout_s = LK_TIMEOUT_S_MAX - 1;
    for (size_t i = 0; i < LK_COUNT(facts); i++)
        comes_back(&facts[i]);
}

static void fill(char *out, size_t size)
{
    memset(out, 'x', size - 1);
    out[size - 1] = '\0';
}

/* What is as long as it may be still fits a record. */
static void the_longest_facts_come_back_as_they_were(void **state)
{
    struct lk_fact facts[] = { sample(LK_FACT_PUSH_ACCEPTED), sample(LK_FACT_PACKAGE_ACCEPTED),
                               sample(LK_FACT_JOB_BUILT), sample(LK_FACT_PACKAGE_ENDED) };

    (void)state;
    fill(facts[0].client, sizeof(facts[0].client));
    facts[0].options.adopt_count = LK_CORE_ADOPT_MAX;
    facts[0].options.replace_count = LK_PACKAGE_ARCHES_MAX;
    for (size_t i = 0; i < LK_PACKAGE_ARCHES_MAX; i++) {
        fill(facts[0].options.replace[i].name, LK_ARCH_SIZE);
        fill(facts[1].arches[i].name, LK_ARCH_SIZE);
    }
    fill(facts[1].repository, sizeof(facts[1].repository));
    fill(facts[1].tag, sizeof(facts[1].tag));
    fill(facts[1].path, sizeof(facts[1].path));
    facts[1].origin = LK_PACKAGE_FROM_INDEX;
    fill(facts[1].from.repository, sizeof(facts[1].from.repository));
    fill(facts[1].from.tag, sizeof(facts[1].from.tag));
    memset(&facts[1].after, 0xff, sizeof(facts[1].after));
    facts[1].arch_count = LK_PACKAGE_ARCHES_MAX;
    fill(facts[2].agent, sizeof(facts[2].agent));
    fill(facts[2].child.media_type, sizeof(facts[2].child.media_type));
    fill(facts[3].text, sizeof(facts[3].text));
    for (size_t i = 0; i < LK_COUNT(facts); i++)
        comes_back(&facts[i]);
}

/* Some damage reads as another fact, whose shape is still that of a fact; none may crash or read beyond. */
static void damaged_bytes_are_refused_or_are_a_fact(void **state)
{
    (void)state;
    for (size_t type = LK_FACT_STARTED; type < LK_COUNT(names); type++) {
        struct lk_fact fact = sample((enum lk_fact_type)type);
        struct lk_fact again;
        struct lk_err  err;
        uint8_t        bytes[LK_FACT_BYTES_MAX];
        struct lk_str  whole = encoded(&fact, bytes);
        for (size_t bit = 0; bit < 8 * whole.len; bit++) {
            LK_CLEANUP(lk_free_pointer) char *copy = lk_xmalloc(whole.len);
            memcpy(copy, whole.data, whole.len);
            copy[bit / 8] = (char)(copy[bit / 8] ^ 1 << bit % 8);
            if (lk_fact_decode((struct lk_str) { copy, whole.len }, &again, &err) < 0) {
                assert_int_equal(err.kind, LK_ERR_CONFLICT);
                continue;
            }
            assert_true(again.type >= LK_FACT_STARTED && again.type < LK_COUNT(names));
            assert_true(again.state <= LK_JOB_CANCELLED);
            uint8_t out[LK_FACT_BYTES_MAX];
            assert_true(lk_fact_encode(&again, out) <= sizeof(out));
        }
        for (size_t len = 0; len < whole.len; len++) {
            LK_CLEANUP(lk_free_pointer) char *copy = lk_xmalloc(len + 1);
            memcpy(copy, whole.data, len);
            (void)lk_fact_decode((struct lk_str) { copy, len }, &again, &err);
        }
    }
}

static void what_cannot_be_a_fact_is_named(void **state)
{
    static const struct {
        const char *hex;
        const char *text;
    } cases[] = {
        { "", "type 0" },
        { "087f", "type 127" },
        { "ff", "cannot be read" },
        { "0805"
          "500a",
          "a state that does not exist" },
        { "080f"
          "5802",
          "a state that does not exist" },
        { "0803"
          "ba0103412f42",
          "an architecture, an origin or another package that cannot be one" },
        { "0803"
          "d80103",
          "an origin" },
        { "0803"
          "ea01028001",
          "another package" },
    };

    (void)state;
    for (size_t i = 0; i < LK_COUNT(cases); i++) {
        struct lk_fact fact;
        struct lk_err  err;
        uint8_t        bytes[32];
        size_t         len = strlen(cases[i].hex) / 2;
        assert_true(lk_hex_decode(bytes, len, lk_str_of(cases[i].hex)));
        assert_int_equal(
            lk_fact_decode((struct lk_str) { (const char *)bytes, len }, &fact, &err), -1);
        assert_int_equal(err.kind, LK_ERR_CONFLICT);
        if (!strstr(err.text, cases[i].text))
            fail_msg("\"%s\" does not say \"%s\"", err.text, cases[i].text);
    }
}

static void the_bytes_of_every_fact_are_those_of_old(void **state)
{
    (void)state;
    for (size_t type = LK_FACT_STARTED; type < LK_COUNT(names); type++) {
        LK_CLEANUP(lk_buf_fini) struct lk_buf golden = LK_BUF_INIT(64 * 1024);
        struct lk_fact                        fact = sample((enum lk_fact_type)type);
        struct lk_err                         err;
        uint8_t                               bytes[LK_FACT_BYTES_MAX];
        char                                  text[2 * LK_FACT_BYTES_MAX + 2];
        char                                  path[256];
        struct lk_str                         whole = encoded(&fact, bytes);
        snprintf(path, sizeof(path), GOLDEN_DIRECTORY "/%s.hex", names[type]);
        lk_hex_encode(text, whole.data, whole.len);
        strcat(text, "\n");
        if (getenv("LK_UPDATE_GOLDEN") &&
            lk_file_replace(path, lk_str_of(text), 0644, &err) < 0)
            fail_msg("%s", err.text);
        if (lk_file_read(path, &golden, &err) < 0)
            fail_msg("%s", err.text);
        if (!lk_str_eq_text(lk_buf_str(&golden), text))
            fail_msg("%s: the bytes differ from %s", names[type], path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_fact_comes_back_as_it_was),
        cmocka_unit_test(a_package_that_is_not_built_comes_back_as_it_was),
        cmocka_unit_test(the_longest_facts_come_back_as_they_were),
        cmocka_unit_test(damaged_bytes_are_refused_or_are_a_fact),
        cmocka_unit_test(what_cannot_be_a_fact_is_named),
        cmocka_unit_test(the_bytes_of_every_fact_are_those_of_old),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

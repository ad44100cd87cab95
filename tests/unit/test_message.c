#include "proto/message.h"

#include "common/base/buf.h"
#include "common/base/hex.h"
#include "common/base/limits.h"
#include "common/os/file.h"
#include "tests/unit/message_samples.h"

#include <pb_common.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/*
 * Golden bytes are the wire as other versions know it.  They change only together with the protocol;
 * LK_UPDATE_GOLDEN=1 writes them anew.
 */
#define GOLDEN_DIRECTORY "tests/golden/wire"

static struct lk_err err;

struct golden {
    char    comment[4096];
    uint8_t bytes[LK_WIRE_ENVELOPE_MAX];
    size_t  len;
};

static void golden_path(pb_size_t body, char *out, size_t size)
{
    snprintf(out, size, GOLDEN_DIRECTORY "/%s.hex", lk_message_name(body));
}

static void read_golden(pb_size_t body, struct golden *golden)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf text = LK_BUF_INIT(128 * 1024);
    char                                  path[256];
    struct lk_str                         line;
    struct lk_str                         rest;

    golden_path(body, path, sizeof(path));
    if (lk_file_read(path, &text, &err) < 0)
        fail_msg("%s", err.text);
    rest = lk_buf_str(&text);
    assert_true(lk_str_split(rest, '\n', &line, &rest));
    assert_true(lk_str_starts(line, "# "));
    line = (struct lk_str) { line.data + 2, line.len - 2 };
    assert_true(lk_str_copy(golden->comment, sizeof(golden->comment), line));
    golden->len = 0;
    while (lk_str_split(rest, '\n', &line, &rest)) {
        assert_true(golden->len + line.len / 2 <= sizeof(golden->bytes));
        assert_true(lk_hex_decode(golden->bytes + golden->len, line.len / 2, line));
        golden->len += line.len / 2;
    }
}

static void describe(const lk_wire_Envelope *envelope, struct lk_buf *out)
{
    lk_buf_clear(out);
    lk_message_dump(envelope, out);
    assert_true(lk_buf_ok(out));
}

static void write_golden(pb_size_t body)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf text = LK_BUF_INIT(128 * 1024);
    LK_CLEANUP(lk_buf_fini) struct lk_buf dump = LK_BUF_INIT(4096);
    lk_wire_Envelope                      sample;
    uint8_t                               bytes[LK_WIRE_ENVELOPE_MAX];
    char                                  path[256];

    sample_of(body, &sample);
    size_t len = lk_message_encode(&sample, bytes);
    describe(&sample, &dump);
    lk_buf_printf(&text, "# %s\n", lk_buf_text(&dump));
    for (size_t i = 0; i < len; i++)
        lk_buf_printf(&text, "%02x%s", bytes[i], i % 32 == 31 || i + 1 == len ? "\n" : "");
    golden_path(body, path, sizeof(path));
    assert_int_equal(lk_file_replace(path, lk_buf_str(&text), 0644, &err), 0);
}

static bool is_zero(const void *bytes, size_t len)
{
    const uint8_t *p = bytes;

    while (len && *p == 0) {
        p++;
        len--;
    }
    return len == 0;
}

/* A field without a value in its sample would not be in the golden bytes. */
static void each_sample_sets_every_field(void **state)
{
    (void)state;
    for (size_t i = 0; i < LK_COUNT(all_bodies); i++) {
        lk_wire_Envelope sample;
        pb_field_iter_t  body;
        pb_field_iter_t  field;
        sample_of(all_bodies[i], &sample);
        assert_true(pb_field_iter_begin(&body, lk_wire_Envelope_fields, &sample));
        assert_true(pb_field_iter_find(&body, all_bodies[i]));
        if (!pb_field_iter_begin(&field, body.submsg_desc, body.pData))
            continue;
        do {
            if (is_zero(field.pData, field.data_size))
                fail_msg("%s lacks field %d", lk_message_name(all_bodies[i]), field.tag);
        } while (pb_field_iter_next(&field));
    }
}

static void each_message_encodes_to_its_golden_bytes(void **state)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf dump = LK_BUF_INIT(4096);

    (void)state;
    for (size_t i = 0; i < LK_COUNT(all_bodies); i++) {
        struct golden    golden;
        lk_wire_Envelope sample;
        uint8_t          bytes[LK_WIRE_ENVELOPE_MAX];
        if (getenv("LK_UPDATE_GOLDEN"))
            write_golden(all_bodies[i]);
        read_golden(all_bodies[i], &golden);
        sample_of(all_bodies[i], &sample);
        describe(&sample, &dump);
        assert_string_equal(lk_buf_text(&dump), golden.comment);
        assert_int_equal(lk_message_encode(&sample, bytes), golden.len);
        assert_memory_equal(bytes, golden.bytes, golden.len);
    }
}

static void golden_bytes_decode_to_the_same_message(void **state)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf dump = LK_BUF_INIT(4096);

    (void)state;
    for (size_t i = 0; i < LK_COUNT(all_bodies); i++) {
        struct golden    golden;
        lk_wire_Envelope decoded;
        uint8_t          again[LK_WIRE_ENVELOPE_MAX];
        read_golden(all_bodies[i], &golden);
        if (lk_message_decode(golden.bytes, golden.len, &decoded, &err) < 0)
            fail_msg("%s", err.text);
        assert_int_equal(decoded.which_body, all_bodies[i]);
        describe(&decoded, &dump);
        assert_string_equal(lk_buf_text(&dump), golden.comment);
        assert_int_equal(lk_message_encode(&decoded, again), golden.len);
        assert_memory_equal(again, golden.bytes, golden.len);
    }
}

static void a_message_cut_anywhere_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < LK_COUNT(all_bodies); i++) {
        struct golden    golden;
        lk_wire_Envelope decoded;
        read_golden(all_bodies[i], &golden);
        for (size_t len = 0; len < golden.len; len++) {
            assert_int_equal(lk_message_decode(golden.bytes, len, &decoded, &err), -1);
            assert_int_equal(err.kind, LK_ERR_INVALID);
        }
    }
}

/* Whatever is accepted keeps the promises of message.h: a known body, and texts that can be sent on. */
static void decode_anything(const uint8_t *bytes, size_t len)
{
    lk_wire_Envelope decoded;
    uint8_t          again[LK_WIRE_ENVELOPE_MAX];

    if (lk_message_decode(bytes, len, &decoded, &err) < 0)
        return;
    assert_string_not_equal(lk_message_name(decoded.which_body), "unknown");
    assert_true(lk_message_encode(&decoded, again) > 0);
}

static void a_flipped_bit_never_breaks_a_promise(void **state)
{
    (void)state;
    for (size_t i = 0; i < LK_COUNT(all_bodies); i++) {
        struct golden golden;
        read_golden(all_bodies[i], &golden);
        for (size_t bit = 0; bit < golden.len * 8; bit++) {
            golden.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
            decode_anything(golden.bytes, golden.len);
            golden.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
    }
}

static uint32_t next_random(uint32_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

static void a_hundred_thousand_mutations_never_break_a_promise(void **state)
{
    static struct golden goldens[LK_COUNT(all_bodies)];
    static uint8_t       mutant[LK_WIRE_ENVELOPE_MAX];
    uint32_t             seed = 20240229;

    (void)state;
    for (size_t i = 0; i < LK_COUNT(all_bodies); i++)
        read_golden(all_bodies[i], &goldens[i]);
    for (int round = 0; round < 100000; round++) {
        const struct golden *one = &goldens[next_random(&seed) % LK_COUNT(all_bodies)];
        const struct golden *two = &goldens[next_random(&seed) % LK_COUNT(all_bodies)];
        size_t               len = one->len;
        memcpy(mutant, one->bytes, len);
        for (uint32_t change = next_random(&seed) % 4; change > 0; change--)
            mutant[next_random(&seed) % len] = (uint8_t)next_random(&seed);
        if (next_random(&seed) % 4 == 0) { /* the tail of another one */
            size_t from = next_random(&seed) % two->len;
            memcpy(mutant + len, two->bytes + from, two->len - from);
            len += two->len - from;
        }
        decode_anything(mutant, len);
    }
}

static int decode(const char *bytes, size_t len, lk_wire_Envelope *out)
{
    return lk_message_decode((const uint8_t *)bytes, len, out, &err);
}

#define DECODE(literal, out) decode(literal, sizeof(literal) - 1, out)

static void fields_of_a_later_version_are_skipped(void **state)
{
    lk_wire_Envelope decoded;

    (void)state;
    /* PING {number = 1, field 15 = "abc", field 100 = 5}, then field 1000 = "x" of the envelope. */
    assert_int_equal(DECODE("\x08\x07\x32\x0a\x08\x01\x7a\x03"
                            "abc\xa0\x06\x05\xc2\x3e\x01x",
                            &decoded),
                     0);
    assert_int_equal(decoded.which_body, lk_wire_Envelope_ping_tag);
    assert_int_equal(decoded.session, 7);
    assert_int_equal(decoded.body.ping.number, 1);
}

static void a_body_of_a_later_version_is_refused(void **state)
{
    lk_wire_Envelope decoded;

    (void)state;
    assert_int_equal(DECODE("\x08\x07\xc2\x3e\x01x", &decoded), -1);
    assert_int_equal(err.kind, LK_ERR_INVALID);
    assert_non_null(strstr(err.text, "no body"));
    assert_int_equal(DECODE("\x08\x07", &decoded), -1);
    assert_int_equal(DECODE("", &decoded), -1);
}

static void what_is_too_large_is_refused(void **state)
{
    static uint8_t   bytes[LK_WIRE_ENVELOPE_MAX + 1];
    lk_wire_Envelope decoded;
    size_t           at = 0;

    (void)state;
    assert_int_equal(lk_message_decode(bytes, sizeof(bytes), &decoded, &err), -1);
    assert_int_equal(err.kind, LK_ERR_LIMIT);

    /* WANT of 257 ids (its field is 22 bytes long): one more than there may be. */
    size_t len = 257 * 22;
    bytes[at++] = 0xf2; /* field 30 */
    bytes[at++] = 0x01;
    bytes[at++] = (uint8_t)(len & 0x7f) | 0x80;
    bytes[at++] = (uint8_t)(len >> 7);
    for (size_t i = 0; i < 257; i++, at += 22) {
        bytes[at] = 0x0a;
        bytes[at + 1] = 20;
        memset(bytes + at + 2, 7, 20);
    }
    assert_int_equal(lk_message_decode(bytes, at, &decoded, &err), -1);
    assert_int_equal(err.kind, LK_ERR_INVALID);

    /* ERROR with a text of 600 bytes: one more than fits. */
    memcpy(bytes, "\x2a\xdd\x04\x08\x01\x12\xd8\x04", 8);
    memset(bytes + 8, 'a', 600);
    bytes[1] = 0xdd;
    assert_int_equal(lk_message_decode(bytes, 8 + 600, &decoded, &err), -1);
    memcpy(bytes, "\x2a\xdc\x04\x08\x01\x12\xd7\x04", 8);
    assert_int_equal(lk_message_decode(bytes, 8 + 599, &decoded, &err), 0);
    assert_int_equal(strlen(decoded.body.error.text), 599);
}

static void ids_have_their_exact_length(void **state)
{
    lk_wire_Envelope decoded;

    (void)state;
    /* ABSENT with 20, 19, 21 and 0 bytes, and without an id. */
    assert_int_equal(DECODE("\x82\x02\x16\x0a\x14"
                            "01234567890123456789",
                            &decoded),
                     0);
    assert_int_equal(DECODE("\x82\x02\x15\x0a\x13"
                            "0123456789012345678",
                            &decoded),
                     -1);
    assert_int_equal(DECODE("\x82\x02\x17\x0a\x15"
                            "012345678901234567890",
                            &decoded),
                     -1);
    assert_int_equal(DECODE("\x82\x02\x02\x0a\x00", &decoded), -1);
    assert_int_equal(DECODE("\x82\x02\x00", &decoded), -1);
}

static void texts_are_utf8_or_refused(void **state)
{
    lk_wire_Envelope decoded;
    lk_wire_Envelope sample;
    uint8_t          bytes[LK_WIRE_ENVELOPE_MAX];

    (void)state;
    assert_int_equal(DECODE("\x2a\x06\x08\x01\x12\x02\xc3\xbc", &decoded), 0);
    assert_int_equal(DECODE("\x2a\x06\x08\x01\x12\x02\xc3\x28", &decoded), -1);
    assert_non_null(strstr(err.text, "UTF-8"));

    sample_of(lk_wire_Envelope_hello_tag, &sample);
    memcpy(sample.body.hello.platforms[1].arch, "\xff", 2); /* inside a message inside */
    assert_int_equal(lk_message_encode(&sample, bytes), 0);
    sample_of(lk_wire_Envelope_error_tag, &sample);
    memset(sample.body.error.text, 'a', sizeof(sample.body.error.text)); /* no end */
    assert_int_equal(lk_message_encode(&sample, bytes), 0);
    sample.which_body = 0;
    assert_int_equal(lk_message_encode(&sample, bytes), 0);
    sample.which_body = lk_wire_Envelope_session_tag;
    assert_int_equal(lk_message_encode(&sample, bytes), 0);
}

/* Encodes a sample after `spoil` took away what it needs, and expects its refusal. */
static void refused_after(pb_size_t body, void (*spoil)(lk_wire_Envelope *))
{
    lk_wire_Envelope sample;
    lk_wire_Envelope decoded;
    uint8_t          bytes[LK_WIRE_ENVELOPE_MAX];

    sample_of(body, &sample);
    spoil(&sample);
    size_t len = lk_message_encode(&sample, bytes);
    assert_true(len > 0);
    assert_int_equal(lk_message_decode(bytes, len, &decoded, &err), -1);
    assert_non_null(strstr(err.text, lk_message_name(body)));
}

static void report_without_job(lk_wire_Envelope *e)
{
    e->body.report.job = 0;
}

static void report_without_digest(lk_wire_Envelope *e)
{
    e->body.report.digest.size = 0;
}

static void report_with_short_digest(lk_wire_Envelope *e)
{
    e->body.report.digest.size = 31;
}

static void report_without_fence(lk_wire_Envelope *e)
{
    e->body.report.fence = 0;
}

static void report_of_unknown_phase(lk_wire_Envelope *e)
{
    e->body.report.phase = (lk_wire_Phase)99;
}

static void object_outside_itself(lk_wire_Envelope *e)
{
    e->body.object.offset = UINT64_MAX;
}

static void object_of_too_long_piece(lk_wire_Envelope *e)
{
    e->body.object.size = UINT64_MAX;
    e->body.object.length = LK_WIRE_PIECE_MAX + 1;
}

static void offer_without_spec(lk_wire_Envelope *e)
{
    memset(e->body.offer.spec, 0, sizeof(e->body.offer.spec));
}

static void submit_without_packages(lk_wire_Envelope *e)
{
    e->body.submit.specs_count = 0;
}

static void submit_without_key(lk_wire_Envelope *e)
{
    memset(e->body.submit.request_key, 0, sizeof(e->body.submit.request_key));
}

static void push_of_unknown_outcome(lk_wire_Envelope *e)
{
    e->body.push_update.outcome = (lk_wire_Outcome)99;
}

static void welcome_without_session(lk_wire_Envelope *e)
{
    e->body.welcome.session = 0;
}

static void what_lacks_its_essentials_is_refused(void **state)
{
    (void)state;
    refused_after(lk_wire_Envelope_report_tag, report_without_job);
    refused_after(lk_wire_Envelope_report_tag, report_without_digest);
    refused_after(lk_wire_Envelope_report_tag, report_with_short_digest);
    refused_after(lk_wire_Envelope_report_tag, report_without_fence);
    refused_after(lk_wire_Envelope_report_tag, report_of_unknown_phase);
    refused_after(lk_wire_Envelope_object_tag, object_outside_itself);
    refused_after(lk_wire_Envelope_object_tag, object_of_too_long_piece);
    refused_after(lk_wire_Envelope_offer_tag, offer_without_spec);
    refused_after(lk_wire_Envelope_submit_tag, submit_without_packages);
    refused_after(lk_wire_Envelope_submit_tag, submit_without_key);
    refused_after(lk_wire_Envelope_push_update_tag, push_of_unknown_outcome);
    refused_after(lk_wire_Envelope_welcome_tag, welcome_without_session);
}

static void a_dump_shows_no_secret(void **state)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf dump = LK_BUF_INIT(4096);
    lk_wire_Envelope                      sample;

    (void)state;
    sample_of(lk_wire_Envelope_stage_tag, &sample);
    describe(&sample, &dump);
    assert_null(strstr(lk_buf_text(&dump), sample.body.stage.secret));
    assert_non_null(strstr(lk_buf_text(&dump), "secret=***"));
}

static void set_text_cuts_between_characters(void **state)
{
    char out[6];

    (void)state;
    LK_WIRE_TEXT(out, "short");
    assert_string_equal(out, "short");
    LK_WIRE_TEXT(out, "longer");
    assert_string_equal(out, "longe");
    LK_WIRE_TEXT(out, "abcd\xc3\xbc");
    assert_string_equal(out, "abcd");
    LK_WIRE_TEXT(out, "a\xff\xc3");
    assert_string_equal(out, "a??");
    LK_WIRE_TEXT(out, "\xf0\x9f\x98\x80!");
    assert_string_equal(out, "\xf0\x9f\x98\x80!");
    LK_WIRE_TEXT(out, "");
    assert_string_equal(out, "");
}

static void kinds_of_errors_survive_the_way(void **state)
{
    (void)state;
    for (int kind = LK_ERR_NONE; kind <= LK_ERR_PERMANENT; kind++)
        assert_int_equal(lk_wire_kind_to(lk_wire_kind_of((enum lk_err_kind)kind)), kind);
    assert_int_equal(lk_wire_kind_to((lk_wire_Kind)77), LK_ERR_PERMANENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_sample_sets_every_field),
        cmocka_unit_test(each_message_encodes_to_its_golden_bytes),
        cmocka_unit_test(golden_bytes_decode_to_the_same_message),
        cmocka_unit_test(a_message_cut_anywhere_is_refused),
        cmocka_unit_test(a_flipped_bit_never_breaks_a_promise),
        cmocka_unit_test(a_hundred_thousand_mutations_never_break_a_promise),
        cmocka_unit_test(fields_of_a_later_version_are_skipped),
        cmocka_unit_test(a_body_of_a_later_version_is_refused),
        cmocka_unit_test(what_is_too_large_is_refused),
        cmocka_unit_test(ids_have_their_exact_length),
        cmocka_unit_test(texts_are_utf8_or_refused),
        cmocka_unit_test(what_lacks_its_essentials_is_refused),
        cmocka_unit_test(a_dump_shows_no_secret),
        cmocka_unit_test(set_text_cuts_between_characters),
        cmocka_unit_test(kinds_of_errors_survive_the_way),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

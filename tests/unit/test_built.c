#include "tests/unit/source_helper.h"

#include "agent/built.h"
#include "agent/publish/publish.h"
#include "common/hash/sha256.h"

#define MANIFEST_TYPE "application/vnd.oci.image.manifest.v1+json"

/* An agent's directory after its death, without what is of no interest here. */
struct world {
    struct lk_agent_state  state;
    struct lk_agent_config config;
    struct lk_built_list   found;
    struct lk_err          err;
};

static void begin(void **state, struct world *world)
{
    *world = (struct world) { .config.slots = 2, .config.arch_count = 1 };
    world->state.work = lk_xstrdup(scratch_path(state, "work"));
    world->state.built = lk_xstrdup(scratch_path(state, "built"));
    lk_arch_parse(LK_STR("arm64"), &world->config.arches[0]);
    must(lk_directory_make(world->state.work, 0700, &world->err), &world->err);
    must(lk_directory_make(world->state.built, 0700, &world->err), &world->err);
}

static void finish(struct world *world)
{
    free(world->state.work);
    free(world->state.built);
}

static lk_wire_Offer offer_of(uint64_t job)
{
    lk_wire_Offer offer = {
        .job = job, .attempt = 1, .push = 1, .plain_http = true, .spec = { 1 }
    };

    LK_WIRE_TEXT(offer.arch, "arm64");
    LK_WIRE_TEXT(offer.repository, "registry.example/org/hello");
    LK_WIRE_TEXT(offer.tag, "v1");
    return offer;
}

static void put_file(const char *directory, const char *name, struct lk_str bytes)
{
    LK_CLEANUP(lk_free_pointer) char *path = lk_xasprintf("%s/%s", directory, name);
    struct lk_err                     err;

    must(lk_file_replace(path, bytes, 0600, &err), &err);
}

static struct lk_descriptor put_text_blob(const char *blobs, const char *text)
{
    struct lk_descriptor blob = { .size = strlen(text) };
    char                 name[LK_DIGEST_TEXT_SIZE];

    lk_sha256(text, strlen(text), &blob.digest);
    lk_digest_format(&blob.digest, name);
    put_file(blobs, name + strlen("sha256:"), lk_str_of(text));
    return blob;
}

/* A layout of one layer, and the note of it. */
static struct lk_digest build(struct world *world, uint64_t job)
{
    char                 name[32], layout[128], blobs[160], text[1024];
    char                 digests[3][LK_DIGEST_TEXT_SIZE];
    struct lk_descriptor blob[3];
    lk_wire_Offer        offer = offer_of(job);

    snprintf(name, sizeof(name), "%u-1", (unsigned)job);
    snprintf(layout, sizeof(layout), "%s/%s/layout", world->state.work, name);
    snprintf(blobs, sizeof(blobs), "%s/blobs/sha256", layout);
    must(lk_directory_make(blobs, 0700, &world->err), &world->err);
    blob[0] = put_text_blob(blobs, "{\"architecture\":\"arm64\",\"os\":\"linux\"}");
    blob[1] = put_text_blob(blobs, "a layer");
    lk_digest_format(&blob[0].digest, digests[0]);
    lk_digest_format(&blob[1].digest, digests[1]);
    snprintf(text, sizeof(text),
             "{\"schemaVersion\":2,\"mediaType\":\"" MANIFEST_TYPE
             "\",\"config\":{\"mediaType\":"
             "\"application/vnd.oci.image.config.v1+json\",\"digest\":\"%s\",\"size\":%zu},"
             "\"layers\":[{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar\",\"digest\":"
             "\"%s\",\"size\":%zu}]}",
             digests[0], (size_t)blob[0].size, digests[1], (size_t)blob[1].size);
    blob[2] = put_text_blob(blobs, text);
    lk_digest_format(&blob[2].digest, digests[2]);
    snprintf(text, sizeof(text),
             "{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"" MANIFEST_TYPE
             "\",\"digest\":\"%s\",\"size\":%zu}]}",
             digests[2], (size_t)blob[2].size);
    put_file(layout, "index.json", lk_str_of(text));
    must(lk_built_note(world->state.built, name, &offer, &blob[2].digest, &world->err),
         &world->err);
    return blob[2].digest;
}

static size_t salvage(struct world *world)
{
    must(lk_built_salvage(&world->found, &world->state, &world->config, &world->err),
         &world->err);
    return world->found.count;
}

static bool is_there(void **state, const char *name)
{
    return access(scratch_path(state, name), F_OK) == 0;
}

static void what_was_built_is_found_with_its_offer(void **state)
{
    struct world     world;
    struct lk_digest digest;

    begin(state, &world);
    digest = build(&world, 5);
    must(lk_directory_make(scratch_path(state, "work/6-1/context"), 0700, &world.err),
         &world.err);
    assert_int_equal(salvage(&world), 1);
    assert_int_equal(world.found.items[0].offer.job, 5);
    assert_true(world.found.items[0].offer.plain_http);
    assert_string_equal(world.found.items[0].offer.repository, "registry.example/org/hello");
    assert_true(lk_digest_eq(&world.found.items[0].manifest.digest, &digest));
    assert_string_equal(world.found.items[0].manifest.media_type, MANIFEST_TYPE);
    assert_true(is_there(state, "work/5-1/layout/index.json"));
    assert_false(is_there(state, "work/6-1"));
    finish(&world);
}

static void it_is_gone_on_with_only_so_often(void **state)
{
    struct world world;

    begin(state, &world);
    build(&world, 5);
    for (int life = 1; life < LK_BUILT_LIVES; life++)
        assert_int_equal(salvage(&world), 1);
    assert_int_equal(salvage(&world), 0);
    assert_false(is_there(state, "work/5-1"));
    assert_false(is_there(state, "built/5-1"));
    finish(&world);
}

static void no_more_is_kept_than_there_are_slots(void **state)
{
    struct world world;

    begin(state, &world);
    for (uint64_t job = 5; job < 10; job++)
        build(&world, job);
    assert_int_equal(salvage(&world), 2);
    assert_int_equal(salvage(&world), 2);
    finish(&world);
}

static void another_arch_than_is_served_is_given_up(void **state)
{
    struct world world;

    begin(state, &world);
    build(&world, 5);
    lk_arch_parse(LK_STR("s390x"), &world.config.arches[0]);
    assert_int_equal(salvage(&world), 0);
    assert_false(is_there(state, "work/5-1"));
    finish(&world);
}

static void another_image_than_was_noted_is_given_up(void **state)
{
    struct world     world;
    struct lk_digest other = { .sha256 = { 1 } };
    lk_wire_Offer    offer = offer_of(5);

    begin(state, &world);
    build(&world, 5);
    must(lk_built_note(world.state.built, "5-1", &offer, &other, &world.err), &world.err);
    assert_int_equal(salvage(&world), 0);
    assert_false(is_there(state, "work/5-1"));
    finish(&world);
}

static void a_note_of_another_attempt_is_given_up(void **state)
{
    struct world     world;
    struct lk_digest digest;
    lk_wire_Offer    offer = offer_of(6);

    begin(state, &world);
    digest = build(&world, 5);
    must(lk_built_note(world.state.built, "5-1", &offer, &digest, &world.err), &world.err);
    assert_int_equal(salvage(&world), 0);
    finish(&world);
}

static void a_note_that_is_cut_anywhere_is_given_up(void **state)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf note = LK_BUF_INIT(4096);
    struct world                          world;

    begin(state, &world);
    build(&world, 5);
    must(lk_file_read(scratch_path(state, "built/5-1"), &note, &world.err), &world.err);
    for (size_t len = 0; len < note.len; len++) {
        struct lk_str cut = lk_buf_str(&note);

        cut.len = len;
        build(&world, 5);
        must(lk_file_replace(scratch_path(state, "built/5-1"), cut, 0600, &world.err),
             &world.err);
        /* At the end of a field it is an offer that lacks one: repository, arch and spec come before. */
        if (salvage(&world) > 0)
            assert_string_equal(world.found.items[0].offer.repository,
                                "registry.example/org/hello");
    }
    finish(&world);
}

static void a_damaged_layer_is_seen(void **state)
{
    struct world     world;
    struct lk_image  image = { 0 };
    struct lk_str    layer = LK_STR("a layer");
    struct lk_digest digest;
    char             name[LK_DIGEST_TEXT_SIZE];

    begin(state, &world);
    build(&world, 5);
    must(lk_image_read(&image, scratch_path(state, "work/5-1/layout"), &world.config.arches[0],
                       &world.err),
         &world.err);
    must(lk_image_check(&image, &world.err), &world.err);
    lk_sha256(layer.data, layer.len, &digest);
    lk_digest_format(&digest, name);
    put_file(scratch_path(state, "work/5-1/layout/blobs/sha256"), name + strlen("sha256:"),
             LK_STR("a lager"));
    assert_int_equal(lk_image_check(&image, &world.err), -1);
    must_say(&world.err, "has other bytes than its name says");
    lk_image_fini(&image);
    finish(&world);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_make, scratch_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_built_is_found_with_its_offer),
        TEST(it_is_gone_on_with_only_so_often),
        TEST(no_more_is_kept_than_there_are_slots),
        TEST(another_arch_than_is_served_is_given_up),
        TEST(another_image_than_was_noted_is_given_up),
        TEST(a_note_of_another_attempt_is_given_up),
        TEST(a_note_that_is_cut_anywhere_is_given_up),
        TEST(a_damaged_layer_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

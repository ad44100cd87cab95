/* A whole coordinator, without any agent, and a real registry: what needs no build is published. */
#include "tests/unit/coordinator_world.h"

#include "common/keyfile/sigstore.h"
#include "tests/unit/local_registry.h"

static struct local_registry registry;

static void connect_to(struct lk_registry **out, const char *path)
{
    struct lk_reference        reference;
    struct lk_registry_options options;

    *out = local_registry_connect(&registry, path, &reference, &options);
    assert_non_null(*out);
}

/* A stranger's index of two images, and what they are. */
static void plant(struct lk_index *children)
{
    LK_CLEANUP(lk_registry_close) struct lk_registry *there = NULL;
    LK_CLEANUP(lk_buf_fini) struct lk_buf             bytes = LK_BUF_INIT(65536);
    static const char *const                          arches[] = { "amd64", "s390x" };
    struct lk_err                                     err;

    connect_to(&there, "org/it");
    children->count = LK_COUNT(arches);
    for (size_t i = 0; i < LK_COUNT(arches); i++) {
        struct lk_index_entry *entry = &children->entries[i];
        *entry = (struct lk_index_entry) { .os = "linux" };
        strcpy(entry->arch.name, arches[i]);
        must(local_registry_put_image(there, arches[i], arches[i], &entry->descriptor, &err),
             &err);
    }
    must(lk_index_write(children, &bytes, &err), &err);
    must(lk_registry_put_manifest(there, "v1", lk_buf_str(&bytes), LK_OCI_INDEX, &err), &err);
}

static void add_spec(struct world *world, const struct lk_spec *spec, lk_wire_Submit *submit)
{
    LK_CLEANUP(lk_buf_fini) struct lk_buf text = LK_BUF_INIT(LK_SPEC_BYTES_MAX);
    struct lk_err                         err;

    must(lk_spec_write(spec, &text, &err), &err);
    struct lk_oid oid = put(world->store, false, lk_buf_str(&text));
    memcpy(submit->specs[submit->specs_count++], oid.sha1, sizeof(oid.sha1));
}

/* org/it:v1, whole, as `path`:v2. */
static struct lk_spec copy_to(const char *path)
{
    struct lk_spec spec = { .origin = LK_ORIGIN_INDEX, .from.tag = "v1", .tag = "v2" };

    snprintf(spec.repository, sizeof(spec.repository), "%s/%s", registry.host, path);
    snprintf(spec.from.repository, sizeof(spec.from.repository), "%s/org/it", registry.host);
    return spec;
}

static void begin(void **state, struct world *world)
{
    start(state, world);
    come_in(world, CLIENT);
    world->store = store_make(state, "client");
    world->source = (struct lk_object_source) { .read = read_object, .ctx = world->store };
    world->sender = lk_sender_new(&world->source);
}

/* Gives what is asked for until the answer comes. */
static const lk_wire_Envelope *submit_and_wait(struct world *world, lk_wire_Envelope *submit)
{
    submit->request = 3;
    submit->body.submit.request_key[15] = 1;
    submit->which_body = lk_wire_Envelope_submit_tag;
    ask(world, CLIENT, submit);
    while (receive(world, CLIENT, WAIT_MS)) {
        const lk_wire_Envelope *in = &world->in.envelope;
        if (in->which_body == lk_wire_Envelope_accepted_tag ||
            in->which_body == lk_wire_Envelope_error_tag)
            return in;
        if (in->which_body == lk_wire_Envelope_want_tag ||
            in->which_body == lk_wire_Envelope_credit_tag)
            serve_objects(world);
    }
    fail_msg("no answer to SUBMIT came");
    return NULL;
}

static void refused_with(struct world *world, lk_wire_Envelope *submit, lk_wire_Kind kind,
                         const char *text)
{
    const lk_wire_Envelope *answer = submit_and_wait(world, submit);

    assert_int_equal(answer->which_body, lk_wire_Envelope_error_tag);
    if (!strstr(answer->body.error.text, text))
        fail_msg("%s", answer->body.error.text);
    assert_int_equal(answer->body.error.kind, kind);
}

static lk_wire_Outcome wait_for_end(struct world *world, uint64_t push)
{
    lk_wire_Envelope watch = { .request = 7, .which_body = lk_wire_Envelope_watch_tag };

    watch.body.watch.push = push;
    ask(world, CLIENT, &watch);
    do
        expect(world, CLIENT, lk_wire_Envelope_push_update_tag);
    while (world->in.envelope.body.push_update.state != lk_wire_PushState_PUSH_ENDED);
    return world->in.envelope.body.push_update.outcome;
}

static void check_copy(const char *path, const struct lk_index *children)
{
    LK_CLEANUP(lk_registry_close) struct lk_registry *there = NULL;
    LK_CLEANUP(lk_manifest_fini) struct lk_manifest   manifest = { 0 };
    struct lk_index                                   index;
    struct lk_err                                     err;

    connect_to(&there, path);
    must(lk_registry_get_manifest(there, "v2", &manifest, &err), &err);
    must(lk_index_read(lk_buf_str(&manifest.bytes), &index, &err), &err);
    assert_int_equal(index.count, children->count);
    for (size_t i = 0; i < index.count; i++) {
        LK_CLEANUP(lk_manifest_fini) struct lk_manifest tagged = { 0 };
        LK_CLEANUP(lk_free_pointer)
        char *tag = lk_xasprintf("v2-%s", children->entries[i].arch.name);
        assert_memory_equal(&index.entries[i].descriptor.digest,
                            &children->entries[i].descriptor.digest, 32);
        must(lk_registry_get_manifest(there, tag, &tagged, &err), &err);
        assert_memory_equal(&tagged.digest, &children->entries[i].descriptor.digest, 32);
    }
}

static void a_copy_and_a_copy_of_it_are_published_without_an_agent(void **state)
{
    struct world     world = { 0 };
    struct lk_index  children = { 0 };
    lk_wire_Envelope out = { 0 };
    lk_wire_Submit  *submit = &out.body.submit;
    struct lk_err    err;

    plant(&children);
    begin(state, &world);
    struct lk_spec second = copy_to("org/second"), first = copy_to("org/first");
    second.from = (struct lk_spec_target) { .tag = "v2" };
    memcpy(second.from.repository, first.repository, sizeof(second.from.repository));
    must(lk_spec_add_after(&second, first.repository, first.tag, &err), &err);
    add_spec(&world, &second, submit);
    add_spec(&world, &first, submit);
    lk_spec_fini(&second);
    submit->no_signature = true;
    for (size_t i = 0; i < children.count; i++)
        memcpy(submit->adopt[submit->adopt_count++],
               children.entries[i].descriptor.digest.sha256, sizeof(submit->adopt[0]));
    const lk_wire_Envelope *answer = submit_and_wait(&world, &out);
    if (answer->which_body == lk_wire_Envelope_error_tag)
        fail_msg("%s", answer->body.error.text);
    assert_int_equal(wait_for_end(&world, answer->body.accepted.push),
                     lk_wire_Outcome_OUTCOME_OK);
    check_copy("org/first", &children);
    check_copy("org/second", &children);
    stop(&world);
}

static void what_nobody_vouches_for_is_not_copied(void **state)
{
    LK_CLEANUP(lk_registry_close) struct lk_registry *there = NULL;
    LK_CLEANUP(lk_manifest_fini) struct lk_manifest   manifest = { 0 };
    struct world                                      world = { 0 };
    struct lk_index                                   children = { 0 };
    lk_wire_Envelope                                  out = { 0 };
    struct lk_err                                     err;

    plant(&children);
    begin(state, &world);
    struct lk_spec spec = copy_to("org/refused");
    add_spec(&world, &spec, &out.body.submit);
    out.body.submit.no_signature = true;
    const lk_wire_Envelope *answer = submit_and_wait(&world, &out);
    assert_int_equal(answer->which_body, lk_wire_Envelope_accepted_tag);
    assert_int_equal(wait_for_end(&world, answer->body.accepted.push),
                     lk_wire_Outcome_OUTCOME_REFUSED);
    connect_to(&there, "org/refused");
    assert_int_equal(lk_registry_get_manifest(there, "v2", &manifest, &err), -1);
    assert_int_equal(err.kind, LK_ERR_NOT_FOUND);
    stop(&world);
}

static void a_package_that_waits_for_a_stranger_is_refused(void **state)
{
    struct world     world = { 0 };
    lk_wire_Envelope out = { 0 };
    struct lk_err    err;

    begin(state, &world);
    struct lk_spec spec = copy_to("org/alone");
    must(lk_spec_add_after(&spec, "registry.example/org/stranger", "v1", &err), &err);
    add_spec(&world, &spec, &out.body.submit);
    lk_spec_fini(&spec);
    out.body.submit.no_signature = true;
    refused_with(&world, &out, lk_wire_Kind_KIND_INVALID, "org/stranger:v1, which is not in");
    stop(&world);
}

static void where_signatures_are_required_nothing_unsigned_begins(void **state)
{
    struct world     world = { 0 };
    lk_wire_Envelope out = { 0 };
    struct lk_err    err;
    LK_CLEANUP(lk_free_pointer)
    char *config = lk_xasprintf("signing: {key: %1$s/sign.key, passphrase-file: %1$s/pass}\n"
                                "content-trust: required\n",
                                ((struct scratch *)*state)->directory);

    must(lk_sigstore_generate(scratch_path(state, "sign.key"), scratch_path(state, "sign.pub"),
                              LK_KEY_ED25519, LK_STR("pass"), &err),
         &err);
    must(lk_file_create(scratch_path(state, "pass"), LK_STR("pass"), 0600, &err), &err);
    world.config = config;
    begin(state, &world);
    struct lk_spec spec = copy_to("org/unsigned");
    strcpy(spec.path, "pkg/loose");
    spec.is_unsigned = true;
    add_spec(&world, &spec, &out.body.submit);
    refused_with(&world, &out, lk_wire_Kind_KIND_DENIED, "pkg/loose: its build.yml says");
    out.body.submit.no_signature = true;
    refused_with(&world, &out, lk_wire_Kind_KIND_DENIED, "without -disable-content-trust");
    /* A plan says what a push would: nothing. */
    out.body.submit.dry_run = true;
    refused_with(&world, &out, lk_wire_Kind_KIND_DENIED, "without -disable-content-trust");
    out.body.submit.no_signature = false;
    refused_with(&world, &out, lk_wire_Kind_KIND_DENIED, "pkg/loose: its build.yml says");
    stop(&world);
}

static int set_up(void **state)
{
    (void)state;
    setenv("DOCKER_CONFIG", "/nonexistent", 1);
    return local_registry_start(&registry);
}

static int tear_down(void **state)
{
    (void)state;
    return local_registry_stop(&registry);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_make, scratch_remove)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(a_copy_and_a_copy_of_it_are_published_without_an_agent),
        TEST(what_nobody_vouches_for_is_not_copied),
        TEST(a_package_that_waits_for_a_stranger_is_refused),
        TEST(where_signatures_are_required_nothing_unsigned_begins),
    };

    if (argc == 2)
        return serve(argv[1]);
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

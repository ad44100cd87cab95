#include "tests/fuzz/fuzz.h"

#include "common/notary/view.h"
#include "common/registry/child.h"
#include "common/registry/signatures.h"
#include "tests/fuzz/fake_http.h"

#define REPOSITORY "registry.example/org/x"
#define PASSWORD   "secret word"

static int survey(struct lk_registry *registry, struct lk_err *err)
{
    static const char *const   names[] = { REPOSITORY ":t" };
    struct lk_public_key       key;
    struct lk_digest           digest = { { 1 } };
    struct lk_signature_survey found;
    struct lk_signature_wanted wanted = { .digest = &digest,
                                          .references = names,
                                          .reference_count = 1,
                                          .keys = &key,
                                          .key_count = 1 };

    lk_public_key_of_ed25519(&key, fake_public);
    return lk_signature_survey(registry, &wanted, &found, err);
}

static int get_ticket(struct lk_registry *registry, struct lk_err *err)
{
    static struct lk_credential ticket;
    uint32_t                    valid_ms;

    if (lk_registry_fetch_ticket(registry, &ticket, &valid_ms, err) < 0)
        return -1;
    lk_assert(ticket.kind != LK_CREDENTIAL_BEARER || (ticket.secret[0] && valid_ms > 0));
    return 0;
}

/* The manifest of a tag, as if it were the child of an index. */
static int read_child(struct lk_registry *registry, struct lk_err *err)
{
    static struct lk_image_manifest                 image;
    LK_CLEANUP(lk_manifest_fini) struct lk_manifest manifest = { 0 }, again = { 0 };
    struct lk_descriptor                            child = { 0 };
    struct lk_arch                                  arch = { "arm64" };

    if (lk_registry_get_manifest(registry, "t", &manifest, err) < 0)
        return -1;
    child.size = manifest.bytes.len;
    child.digest = manifest.digest;
    lk_copy_text(child.media_type, sizeof(child.media_type), manifest.media_type);
    if (lk_child_read(registry, &child, "linux", &arch, &again, &image, err) < 0)
        return -1;
    return lk_child_check_layers(registry, &image, err);
}

static int upload(struct lk_registry *registry, struct lk_err *err)
{
    struct lk_digest digest;

    lk_sha256("layer", 5, &digest);
    return lk_registry_put_blob(registry, &digest, LK_STR("layer"), err);
}

static int ask_notary(const struct lk_registry_options *how, struct lk_err *err)
{
    static struct lk_notary_view                                view;
    LK_CLEANUP(lk_notary_server_close) struct lk_notary_server *server = NULL;
    struct lk_notary_server_options options = { "https://trust.example", REPOSITORY, how };

    lk_assert(lk_notary_server_open(&server, &options, err) == 0);
    int rc = lk_notary_view_fetch(&view, server, NULL, LK_NOTARY_TO_BELIEVE, 0, err);
    lk_notary_view_fini(&view);
    return rc;
}

/* The first byte says what is asked for; the rest is how it is answered (tests/fuzz/fake_http.h). */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct lk_registry_options how = {
        .patience_ms = 1, .credential = { LK_CREDENTIAL_BASIC, "user", PASSWORD }
    };
    LK_CLEANUP(lk_registry_close) struct lk_registry *registry = NULL;
    struct lk_reference                               name;
    struct lk_err                                     err = { 0 };
    int                                               rc = 0;

    if (size == 0)
        return 0;
    fake_begin();
    fake_serve((struct lk_str) { (const char *)data + 1, size - 1 });
    lk_assert(lk_reference_parse(LK_STR(REPOSITORY), &name, &err) == 0);
    lk_assert(lk_registry_open(&registry, &name, &how, &err) == 0);
    switch (*data % 5) {
    case 0: rc = survey(registry, &err); break;
    case 1: rc = get_ticket(registry, &err); break;
    case 2: rc = read_child(registry, &err); break;
    case 3: rc = upload(registry, &err); break;
    case 4: rc = ask_notary(&how, &err); break;
    }
    lk_assert(rc == 0 || err.text[0]);
    /* The server has not been told it, unless the fuzzer guessed. */
    lk_assert(rc == 0 || !strstr(err.text, PASSWORD) ||
              memmem(data, size, PASSWORD, strlen(PASSWORD)));
    fake_end();
    return 0;
}

#include "tests/fuzz/fuzz.h"

#include "common/notary/canonical.h"
#include "common/notary/view.h"

#include <sodium.h>
#include <string.h>

/* What has a canonical form is that form's own canonical form. */
static void check_form(const json_t *value)
{
    LK_CLEANUP(lk_buf_fini)
    struct lk_buf                    once = LK_BUF_INIT(1 << 20), twice = LK_BUF_INIT(1 << 20);
    LK_CLEANUP(lk_json_free) json_t *again = NULL;
    struct lk_err                    err = { 0 };

    if (lk_canonical_json(&once, value, &err) < 0) {
        lk_assert(err.kind == LK_ERR_INVALID || err.kind == LK_ERR_LIMIT);
        return;
    }
    again = json_loadb(lk_buf_text(&once), once.len, JSON_REJECT_DUPLICATES, NULL);
    lk_assert(again && lk_canonical_json(&twice, again, &err) == 0);
    lk_assert(lk_str_eq(lk_buf_str(&once), lk_buf_str(&twice)));
}

/* The bytes are what a server shows for each of the roles; it vouches for itself. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const roles[] = { LK_NOTARY_ROOT, LK_NOTARY_TIMESTAMP,
                                         LK_NOTARY_SNAPSHOT, LK_NOTARY_TARGETS,
                                         LK_NOTARY_RELEASES };

    lk_assert(sodium_init() >= 0);
    for (size_t i = 0; i < LK_COUNT(roles); i++) {
        LK_CLEANUP(lk_notary_file_fini) struct lk_notary_file file = { 0 };
        struct lk_err                                         err = { 0 };
        struct lk_digest                                      digest;
        uint64_t                                              length;
        if (lk_notary_file_parse(&file, roles[i], (struct lk_str) { (const char *)data, size },
                                 &err) < 0) {
            lk_assert(err.kind == LK_ERR_CONFLICT && strstr(err.text, roles[i]));
            continue;
        }
        check_form(lk_notary_signed(&file));
        lk_notary_check_signatures(&file, lk_notary_keys(&file),
                                   lk_notary_root_role(&file, roles[i]), &err);
        lk_notary_check_time(&file, 0, &err);
        lk_notary_meta(&file, LK_NOTARY_TARGETS, &digest, &length);
        lk_notary_target(&file, "v1", &digest, &length);
    }
    return 0;
}

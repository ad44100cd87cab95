#include "tests/fuzz/fuzz.h"

#include "common/pkg/config_label.h"

#include <jansson.h>
#include <string.h>

static void check_label(struct lk_str label)
{
    size_t  flags = JSON_DECODE_INT_AS_REAL | JSON_REJECT_DUPLICATES;
    json_t *json = json_loadb(label.data, label.len, flags, NULL);

    lk_assert(json_is_object(json));
    json_decref(json);
    for (size_t i = 0; i < label.len; i++)
        lk_assert((unsigned char)label.data[i] >= 0x20 && !strchr("<>&", label.data[i]));
}

/* The document is what stands below `config:`.  It has a label, in JSON that Go would write, or mistakes. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    LK_CLEANUP(lk_yaml_free) struct lk_yaml *yaml = NULL;
    LK_CLEANUP(lk_buf_fini) struct lk_buf    label = LK_BUF_INIT(LK_CONFIG_LABEL_MAX);
    const struct lk_yaml_node               *root = NULL;
    struct lk_err                            err = { 0 };

    if (lk_yaml_parse(&yaml, &root, (struct lk_str) { (const char *)data, size }, "build.yml",
                      &err) < 0 ||
        !root)
        return 0;
    if (lk_config_label(root, "build.yml", &label, &err) == 0) {
        check_label(lk_buf_str(&label));
        return 0;
    }
    lk_assert(strncmp(err.text, "build.yml:", 10) == 0);
    lk_assert(err.kind == LK_ERR_INVALID || err.kind == LK_ERR_LIMIT);
    return 0;
}

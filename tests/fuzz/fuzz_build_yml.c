#include "tests/fuzz/fuzz.h"

#include "common/pkg/build_yml.h"

#include <jansson.h>
#include <string.h>

/* A file is read or refused with a reason; what is read has an image, and the label is JSON. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lk_str       bytes = { (const char *)data, size };
    struct lk_build_yml build;
    struct lk_err       err = { 0 };

    if (lk_build_yml_read(bytes, "build.yml", &build, &err) < 0) {
        lk_assert(strstr(err.text, "build.yml") != NULL);
        lk_assert(err.kind == LK_ERR_INVALID || err.kind == LK_ERR_LIMIT);
        return 0;
    }
    lk_assert(build.image[0] && build.arch_count <= LK_PACKAGE_ARCHES_MAX);
    if (build.config) {
        json_t *label = json_loads(build.config, JSON_DECODE_INT_AS_REAL, NULL);

        lk_assert(json_is_object(label));
        json_decref(label);
    }
    lk_build_yml_fini(&build);
    return 0;
}

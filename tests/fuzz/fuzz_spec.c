#include "tests/fuzz/fuzz.h"

#include "common/pkg/spec.h"

/* What a client sends as a package is refused with a reason, or is written and read again as it stands. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    LK_CLEANUP(lk_spec_fini) struct lk_spec spec = { 0 };
    LK_CLEANUP(lk_spec_fini) struct lk_spec again = { 0 };
    LK_CLEANUP(lk_buf_fini) struct lk_buf   first = LK_BUF_INIT(1 << 20);
    LK_CLEANUP(lk_buf_fini) struct lk_buf   second = LK_BUF_INIT(1 << 20);
    struct lk_err                           err = { 0 };

    if (lk_spec_read((struct lk_str) { (const char *)data, size }, &spec, &err) < 0) {
        lk_assert(err.text[0]);
        return 0;
    }
    if (lk_spec_write(&spec, &first, &err) < 0)
        return 0; /* too long by what stands for single characters */
    lk_assert(lk_spec_read(lk_buf_str(&first), &again, &err) == 0);
    lk_assert(lk_spec_write(&again, &second, &err) == 0);
    lk_assert(lk_str_eq(lk_buf_str(&first), lk_buf_str(&second)));
    return 0;
}

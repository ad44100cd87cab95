#include "tests/fuzz/fuzz.h"

#include "coordinator/store/journal.h"
#include "tests/fuzz/fresh_core.h"

#include <string.h>

/* A record is refused with a reason, or means the same when it is written again. */
static bool read_fact(struct lk_str record, struct lk_fact *fact)
{
    static struct lk_fact again;
    uint8_t               bytes[LK_FACT_BYTES_MAX], twice[LK_FACT_BYTES_MAX];
    struct lk_err         err = { 0 };
    size_t                len;

    if (lk_fact_decode(record, fact, &err) < 0) {
        lk_assert(err.text[0]);
        return false;
    }
    len = lk_fact_encode(fact, bytes);
    lk_assert(lk_fact_decode((struct lk_str) { (const char *)bytes, len }, &again, &err) == 0);
    lk_assert(lk_fact_encode(&again, twice) == len && memcmp(bytes, twice, len) == 0);
    return true;
}

/* Records of a journal, each after two bytes with its length: whatever they say, none ends the process. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct lk_fact  fact;
    static struct lk_core *core;

    fresh_core(&core);
    while (size >= 2) {
        size_t len = (size_t)data[0] << 8 | data[1];
        data += 2, size -= 2;
        if (len > size)
            len = size;
        if (!read_fact((struct lk_str) { (const char *)data, len }, &fact) ||
            !lk_core_apply(core, &fact))
            return 0;
        data += len, size -= len;
    }
    return 0;
}

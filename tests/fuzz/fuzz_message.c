#include "tests/fuzz/fuzz.h"

#include "common/base/buf.h"
#include "proto/message.h"

#include <string.h>

/* What either side hears is refused with a reason, or is a message that says the same when it is sent on. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static lk_wire_Envelope first, second;
    static uint8_t          bytes[LK_WIRE_ENVELOPE_MAX], again[LK_WIRE_ENVELOPE_MAX];
    LK_CLEANUP(lk_buf_fini) struct lk_buf line = LK_BUF_INIT(1 << 20);
    struct lk_err                         err = { 0 };
    size_t                                len;

    if (lk_message_decode(data, size, &first, &err) < 0) {
        lk_assert(err.text[0]);
        return 0;
    }
    lk_message_dump(&first, &line);
    lk_assert(lk_buf_ok(&line) && strcmp(lk_message_name(first.which_body), "unknown") != 0);
    len = lk_message_encode(&first, bytes);
    lk_assert(len > 0 && lk_message_decode(bytes, len, &second, &err) == 0);
    lk_assert(lk_message_encode(&second, again) == len && memcmp(bytes, again, len) == 0);
    return 0;
}

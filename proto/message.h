/*
 * message - one message of the wire: an Envelope (proto/lkcoord.proto) and, where the body has one,
 * a raw payload frame.
 *
 * Encoding and decoding are pure; sending and receiving take a ZeroMQ socket and are in
 * common/net/wire.h.  Decoding refuses what is malformed, too large, or misses what its body needs:
 * a decoded message has a known body, terminated strings, and fixed-size ids.
 */
#ifndef LK_MESSAGE_H
#define LK_MESSAGE_H

#include "common/base/digest.h"
#include "common/base/err.h"
#include "common/base/str.h"
#include "proto/lkcoord.pb.h"

#define LK_WIRE_VERSION      1
#define LK_WIRE_ENVELOPE_MAX (16 * 1024) /* longest encoded envelope */

/* The body tags as nanopb names them: lk_wire_Envelope_hello_tag and so on. */

/* Encodes into `out` (LK_WIRE_ENVELOPE_MAX bytes); the length, or 0 if a string was not valid. */
size_t lk_message_encode(const lk_wire_Envelope *envelope, uint8_t *out);

/* Decodes one envelope; INVALID with what is wrong with it. */
int lk_message_decode(const uint8_t *data, size_t len, lk_wire_Envelope *out,
                      struct lk_err *err);

/* "hello", "offer", ... for logs. */
const char *lk_message_name(pb_size_t body);

/* One line for people and for golden tests: name, session, request, then every set field.  Secrets are shown as "***". */
struct lk_buf;
void lk_message_dump(const lk_wire_Envelope *envelope, struct lk_buf *out);

/* Conversions between wire fields and our values.  Setters cut text that is too long at a UTF-8 boundary. */
void lk_wire_set_text(char *out, size_t size, const char *text);
#define LK_WIRE_TEXT(field, text) lk_wire_set_text((field), sizeof(field), (text))

lk_wire_Kind     lk_wire_kind_of(enum lk_err_kind kind);
enum lk_err_kind lk_wire_kind_to(lk_wire_Kind kind);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/eventstream.h"

#include <zlib.h>

#define PRELUDE_BYTES 12u /* two lengths and their sum */
#define SUM_BYTES 4u
/* What the buffer keeps between messages. */
#define KEEP_BYTES ((size_t)64 * 1024)

/* Types of a header's value. */
enum value_type {
    VALUE_TRUE,
    VALUE_FALSE,
    VALUE_BYTE,
    VALUE_SHORT,
    VALUE_INTEGER,
    VALUE_LONG,
    VALUE_BYTES,
    VALUE_STRING,
    VALUE_TIMESTAMP,
    VALUE_UUID,
    VALUE_TYPES
};

void eventstream_decoder_init(struct eventstream_decoder *d, size_t limit)
{
    size_t least =
        limit < PRELUDE_BYTES ? PRELUDE_BYTES : limit; /* a sum is looked at in any case */
    *d = (struct eventstream_decoder){.pending = BUF_INIT(least), .limit = limit};
}

void eventstream_decoder_release(struct eventstream_decoder *d)
{
    buf_release(&d->pending);
    d->total = 0;
    d->emitted = false;
    d->corrupt = false;
}

static uint32_t number_at(struct slice bytes, size_t at)
{
    uint32_t value = 0;
    for (size_t i = 0; i < 4; i++) {
        value = value << 8 | (unsigned char)bytes.ptr[at + i];
    }
    return value;
}

static uint32_t sum_of(struct slice bytes)
{
    return (uint32_t)crc32_z(0, (const unsigned char *)bytes.ptr, bytes.len);
}

/* --- headers --- */

/* Cuts `count` bytes off; false: there are not so many. */
static bool take(struct slice *rest, size_t count, struct slice *ret_piece)
{
    if (count > rest->len) {
        return false;
    }
    *ret_piece = slice_of(rest->ptr, count);
    *rest = slice_of(rest->ptr + count, rest->len - count);
    return true;
}

static bool take_sized(struct slice *rest, size_t length_bytes, struct slice *ret_piece)
{
    struct slice length;
    size_t count = 0;
    if (!take(rest, length_bytes, &length)) {
        return false;
    }
    for (size_t i = 0; i < length.len; i++) {
        count = count << 8 | (unsigned char)length.ptr[i];
    }
    return take(rest, count, ret_piece);
}

/* *ret_value is empty unless it is a string. */
static bool take_value(struct slice *rest, struct slice *ret_value)
{
    static const unsigned char fixed[VALUE_TYPES] = {
        [VALUE_BYTE] = 1, [VALUE_SHORT] = 2,     [VALUE_INTEGER] = 4,
        [VALUE_LONG] = 8, [VALUE_TIMESTAMP] = 8, [VALUE_UUID] = 16,
    };
    struct slice type;
    struct slice value;
    *ret_value = SLICE_EMPTY;
    if (!take(rest, 1, &type) || (unsigned char)type.ptr[0] >= VALUE_TYPES) {
        return false;
    }
    switch ((enum value_type)type.ptr[0]) {
    case VALUE_STRING:
        return take_sized(rest, 2, ret_value);
    case VALUE_BYTES:
        return take_sized(rest, 2, &value);
    default:
        return take(rest, fixed[(unsigned char)type.ptr[0]], &value);
    }
}

static void note_header(struct eventstream_message *message, struct slice name, struct slice value)
{
    const struct {
        struct slice name;
        struct slice *place;
    } known[] = {
        {SLICE_INIT(":event-type"), &message->event_type},
        {SLICE_INIT(":content-type"), &message->content_type},
        {SLICE_INIT(":message-type"), &message->message_type},
        {SLICE_INIT(":exception-type"), &message->exception_type},
        {SLICE_INIT(":error-code"), &message->error_code},
        {SLICE_INIT(":error-message"), &message->error_message},
    };
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (slice_eq(name, known[i].name)) {
            *known[i].place = value;
            return;
        }
    }
}

static bool read_headers(struct eventstream_message *message, struct slice rest)
{
    while (rest.len > 0) {
        struct slice name;
        struct slice value;
        if (!take_sized(&rest, 1, &name) || name.len == 0 || !take_value(&rest, &value)) {
            return false;
        }
        note_header(message, name, value);
    }
    return true;
}

/* --- messages --- */

/* The prelude tells how long the message is; false: it cannot be believed. */
static bool read_prelude(struct slice prelude, size_t *ret_total)
{
    size_t total = number_at(prelude, 0);
    size_t headers = number_at(prelude, 4);
    *ret_total = total;
    return number_at(prelude, 8) == sum_of(slice_of(prelude.ptr, 8)) &&
           total >= EVENTSTREAM_LEAST && headers <= total - EVENTSTREAM_LEAST &&
           headers <= EVENTSTREAM_HEADERS_MAX;
}

static enum eventstream_result read_message(struct eventstream_decoder *d, struct slice raw,
                                            struct eventstream_message *ret_message)
{
    size_t headers = number_at(raw, 4);
    size_t body = raw.len - SUM_BYTES;
    d->total = 0;
    *ret_message = (struct eventstream_message){.raw = raw};
    ret_message->payload =
        slice_of(raw.ptr + PRELUDE_BYTES + headers, body - PRELUDE_BYTES - headers);
    d->corrupt = number_at(raw, body) != sum_of(slice_of(raw.ptr, body)) ||
                 !read_headers(ret_message, slice_of(raw.ptr + PRELUDE_BYTES, headers));
    return d->corrupt ? EVENTSTREAM_CORRUPT : EVENTSTREAM_MESSAGE;
}

/* Looks at the prelude that these bytes begin with. */
static enum eventstream_result begin_message(struct eventstream_decoder *d, struct slice bytes)
{
    if (!read_prelude(bytes, &d->total)) {
        d->corrupt = true;
        return EVENTSTREAM_CORRUPT;
    }
    if (d->total > d->limit) {
        d->pending.failed = true;
        return EVENTSTREAM_TOO_LARGE;
    }
    return EVENTSTREAM_MORE;
}

/* Moves up to `count` bytes to the message under way. */
static bool fill(struct eventstream_decoder *d, struct slice *bytes, size_t count)
{
    struct slice piece = slice_of(bytes->ptr, count < bytes->len ? count : bytes->len);
    *bytes = slice_of(bytes->ptr + piece.len, bytes->len - piece.len);
    return piece.len == 0 || buf_append(&d->pending, piece);
}

static enum eventstream_result decode_pending(struct eventstream_decoder *d, struct slice *bytes,
                                              struct eventstream_message *ret_message)
{
    if (d->pending.len < PRELUDE_BYTES) {
        if (!fill(d, bytes, PRELUDE_BYTES - d->pending.len)) {
            return EVENTSTREAM_TOO_LARGE;
        }
        enum eventstream_result result = d->pending.len < PRELUDE_BYTES
                                             ? EVENTSTREAM_MORE
                                             : begin_message(d, buf_slice(&d->pending));
        if (result != EVENTSTREAM_MORE || d->pending.len < PRELUDE_BYTES) {
            return result;
        }
    }
    if (!fill(d, bytes, d->total - d->pending.len)) {
        return EVENTSTREAM_TOO_LARGE;
    }
    if (d->pending.len < d->total) {
        return EVENTSTREAM_MORE;
    }
    d->emitted = true;
    return read_message(d, buf_slice(&d->pending), ret_message);
}

enum eventstream_result eventstream_decode(struct eventstream_decoder *d, struct slice *bytes,
                                           struct eventstream_message *ret_message)
{
    if (d->corrupt || d->pending.failed) {
        return d->corrupt ? EVENTSTREAM_CORRUPT : EVENTSTREAM_TOO_LARGE;
    }
    if (d->emitted) {
        d->emitted = false;
        buf_clear(&d->pending);
        buf_trim(&d->pending, KEEP_BYTES);
    }
    if (d->pending.len == 0 && bytes->len >= PRELUDE_BYTES) {
        enum eventstream_result result = begin_message(d, *bytes);
        if (result != EVENTSTREAM_MORE) {
            return result;
        }
        if (bytes->len >= d->total) {
            struct slice raw = slice_of(bytes->ptr, d->total);
            *bytes = slice_of(bytes->ptr + raw.len, bytes->len - raw.len);
            return read_message(d, raw, ret_message);
        }
    }
    return bytes->len == 0 ? EVENTSTREAM_MORE : decode_pending(d, bytes, ret_message);
}

bool eventstream_is_cut(const struct eventstream_decoder *d)
{
    return d->pending.len > 0 && !d->emitted;
}

/* --- writing --- */

static void append_number(struct buf *out, size_t value, unsigned bytes)
{
    while (bytes-- > 0) {
        buf_append_char(out, (char)(value >> (8 * bytes) & 0xFF));
    }
}

bool eventstream_encode(struct buf *out, const struct eventstream_header *headers, size_t count,
                        struct slice payload)
{
    size_t begin = out->len;
    size_t length = 0;
    for (size_t i = 0; i < count; i++) {
        bool fits = headers[i].name.len > 0 && headers[i].name.len <= UINT8_MAX &&
                    headers[i].value.len <= UINT16_MAX;
        out->failed = out->failed || !fits;
        length += 4 + headers[i].name.len + headers[i].value.len;
    }
    out->failed = out->failed || length > EVENTSTREAM_HEADERS_MAX ||
                  payload.len > UINT32_MAX - length - EVENTSTREAM_LEAST;
    append_number(out, EVENTSTREAM_LEAST + length + payload.len, 4);
    append_number(out, length, 4);
    append_number(out, out->failed ? 0 : sum_of(slice_of(out->ptr + begin, 8)), 4);
    for (size_t i = 0; i < count; i++) {
        append_number(out, headers[i].name.len, 1);
        buf_append(out, headers[i].name);
        append_number(out, VALUE_STRING, 1);
        append_number(out, headers[i].value.len, 2);
        buf_append(out, headers[i].value);
    }
    buf_append(out, payload);
    append_number(out, out->failed ? 0 : sum_of(slice_from(buf_slice(out), begin)), 4);
    return !out->failed;
}

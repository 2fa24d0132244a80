/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two oracles. Reading: the messages do not depend on how the bytes are split, and together they
 * are the bytes that were taken. Writing: a message of these headers and this payload reads as
 * itself. The first byte chooses the size of the chunks, the second the ceiling; with the third odd
 * the sums of the first message are put right, so that lengths and headers of all kinds are looked
 * at.
 */
#include "codec/eventstream.h"

#include <stdlib.h>
#include <zlib.h>

#define NOTES_MAX ((size_t)16 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void note(struct buf *notes, struct slice piece)
{
    buf_append_u64(notes, piece.len);
    buf_append_char(notes, '=');
    buf_append(notes, piece);
}

static enum eventstream_result decode_in_chunks(struct slice text, size_t limit, size_t chunk,
                                                struct buf *notes, struct buf *raw)
{
    struct eventstream_decoder d;
    struct eventstream_message message;
    enum eventstream_result result = EVENTSTREAM_MORE;
    eventstream_decoder_init(&d, limit);
    while (text.len > 0 && result == EVENTSTREAM_MORE) {
        size_t size = text.len < chunk ? text.len : chunk;
        char *copy = malloc(size);
        CHECK(copy != NULL);
        memcpy(copy, text.ptr, size);
        struct slice bytes = slice_of(copy, size);
        while ((result = eventstream_decode(&d, &bytes, &message)) == EVENTSTREAM_MESSAGE) {
            CHECK(message.raw.len <= limit);
            note(notes, message.event_type);
            note(notes, message.message_type);
            note(notes, message.exception_type);
            note(notes, message.error_code);
            note(notes, message.error_message);
            note(notes, message.payload);
            buf_append(raw, message.raw);
        }
        free(copy);
        text = slice_from(text, size);
    }
    buf_append_char(notes, result == EVENTSTREAM_MORE && eventstream_is_cut(&d) ? 'c' : '-');
    eventstream_decoder_release(&d);
    return result;
}

static void check_reading(struct slice text, size_t limit, size_t chunk)
{
    struct buf whole = BUF_INIT(NOTES_MAX);
    struct buf split = BUF_INIT(NOTES_MAX);
    struct buf whole_raw = BUF_INIT(NOTES_MAX);
    struct buf split_raw = BUF_INIT(NOTES_MAX);
    CHECK(decode_in_chunks(text, limit, SIZE_MAX, &whole, &whole_raw) ==
          decode_in_chunks(text, limit, chunk, &split, &split_raw));
    CHECK(slice_eq(buf_slice(&whole), buf_slice(&split)));
    CHECK(slice_eq(buf_slice(&whole_raw), buf_slice(&split_raw)));
    CHECK(slice_starts(text, buf_slice(&whole_raw)));
    buf_release(&whole);
    buf_release(&split);
    buf_release(&whole_raw);
    buf_release(&split_raw);
}

static void check_writing(struct slice text)
{
    struct buf out = BUF_INIT(NOTES_MAX);
    struct eventstream_decoder d;
    struct eventstream_message message;
    size_t half = text.len / 2 < UINT16_MAX ? text.len / 2 : UINT16_MAX;
    const struct eventstream_header headers[] = {
        {SLICE_INIT(":event-type"), {text.ptr, half}},
        {SLICE_INIT("other"), SLICE_INIT("")},
    };
    CHECK(eventstream_encode(&out, headers, ARRAY_LEN(headers), slice_from(text, half)));
    eventstream_decoder_init(&d, NOTES_MAX);
    struct slice bytes = buf_slice(&out);
    CHECK(eventstream_decode(&d, &bytes, &message) == EVENTSTREAM_MESSAGE && bytes.len == 0);
    CHECK(slice_eq(message.event_type, headers[0].value));
    CHECK(slice_eq(message.payload, slice_from(text, half)));
    eventstream_decoder_release(&d);
    buf_release(&out);
}

static void put_sum(uint8_t *text, size_t at, size_t count)
{
    uint32_t sum = (uint32_t)crc32_z(0, text, count);
    for (size_t i = 0; i < 4; i++) {
        text[at + i] = (uint8_t)(sum >> (24 - 8 * i));
    }
}

static void mend(uint8_t *text, size_t len)
{
    size_t total = len;
    if (len < EVENTSTREAM_LEAST || len > UINT16_MAX) {
        return;
    }
    text[0] = 0;
    text[1] = 0;
    text[2] = (uint8_t)(total >> 8);
    text[3] = (uint8_t)total;
    text[4] = 0;
    text[5] = 0;
    put_sum(text, 8, 8);
    put_sum(text, len - 4, len - 4);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (len < 3) {
        return 0;
    }
    size_t size = len - 3;
    uint8_t *copy = malloc(size + 1);
    CHECK(copy != NULL);
    memcpy(copy, bytes + 3, size);
    if (bytes[2] % 2 == 1) {
        mend(copy, size);
    }
    struct slice text = slice_of((const char *)copy, size);
    size_t limit = bytes[1] == 0 ? NOTES_MAX : bytes[1];
    check_reading(text, limit, 1);
    check_reading(text, limit, (size_t)bytes[0] % 64 + 2);
    check_writing(text);
    free(copy);
    return 0;
}

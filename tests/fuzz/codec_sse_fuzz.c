/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two oracles. Reading: the blocks of a stream do not depend on how it is split, and their raw
 * bytes together are the stream. Writing: whatever the data is, encoding it gives exactly one
 * event, whose data has the same lines. The first two bytes of the input choose the sizes of the
 * chunks and the ceiling.
 */
#include "codec/sse.h"

#include <stdlib.h>

#define NOTES_MAX ((size_t)16 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void note_piece(struct buf *notes, struct slice piece)
{
    buf_append_u64(notes, piece.len);
    buf_append_char(notes, '=');
    buf_append(notes, piece);
}

static void note_event(struct buf *notes, struct buf *raw, const struct sse_event *event)
{
    note_piece(notes, event->name);
    note_piece(notes, event->data);
    note_piece(notes, event->raw);
    buf_append_char(notes, event->has_data ? '+' : '-');
    buf_append(raw, event->raw);
    CHECK(event->has_data || event->data.len == 0);
}

/* Reads the text in chunks, each in memory of its own; false when the decoder gave up. */
static bool decode_in_chunks(struct slice text, size_t limit, size_t chunk, struct buf *notes,
                             struct buf *raw)
{
    struct sse_decoder d;
    struct sse_event event;
    enum sse_result result = SSE_MORE;
    sse_decoder_init(&d, limit);
    while (text.len > 0 && result == SSE_MORE) {
        size_t size = text.len < chunk ? text.len : chunk;
        char *copy = malloc(size);
        CHECK(copy != NULL);
        memcpy(copy, text.ptr, size);
        struct slice bytes = slice_of(copy, size);
        while ((result = sse_decode(&d, &bytes, &event)) == SSE_EVENT) {
            note_event(notes, raw, &event);
        }
        free(copy);
        text = slice_from(text, size);
    }
    if (sse_decode_end(&d, &event)) {
        buf_append_char(notes, '.');
        note_event(notes, raw, &event);
    }
    sse_decoder_release(&d);
    return result != SSE_TOO_LARGE;
}

static void check_reading(struct slice text, size_t limit, size_t chunk)
{
    struct buf whole = BUF_INIT(NOTES_MAX);
    struct buf split = BUF_INIT(NOTES_MAX);
    struct buf whole_raw = BUF_INIT(NOTES_MAX);
    struct buf split_raw = BUF_INIT(NOTES_MAX);
    bool whole_ok = decode_in_chunks(text, limit, SIZE_MAX, &whole, &whole_raw);
    bool split_ok = decode_in_chunks(text, limit, chunk, &split, &split_raw);
    CHECK(whole_ok == split_ok);
    CHECK(slice_eq(buf_slice(&whole), buf_slice(&split)));
    CHECK(!whole_ok || slice_eq(buf_slice(&whole_raw), text));
    buf_release(&whole);
    buf_release(&split);
    buf_release(&whole_raw);
    buf_release(&split_raw);
}

/* The text with its CR and CRLF turned into LF. */
static void normalise(struct slice text, struct buf *out)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != '\r') {
            buf_append_char(out, text.ptr[i]);
        } else if (i + 1 == text.len || text.ptr[i + 1] != '\n') {
            buf_append_char(out, '\n');
        }
    }
}

static void check_writing(struct slice data)
{
    struct buf out = BUF_INIT(NOTES_MAX);
    struct buf lines = BUF_INIT(NOTES_MAX);
    struct sse_decoder d;
    struct sse_event event;
    CHECK(sse_encode(&out, SLICE("name"), data));
    normalise(data, &lines);
    sse_decoder_init(&d, NOTES_MAX);
    struct slice bytes = buf_slice(&out);
    CHECK(sse_decode(&d, &bytes, &event) == SSE_EVENT);
    CHECK(event.has_data && slice_eq(event.name, SLICE("name")));
    CHECK(slice_eq(event.data, buf_slice(&lines)));
    CHECK(bytes.len == 0);
    CHECK(!sse_decode_end(&d, &event));
    sse_decoder_release(&d);
    buf_release(&out);
    buf_release(&lines);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (len < 2) {
        return 0;
    }
    struct slice text = slice_of((const char *)bytes + 2, len - 2);
    size_t limit = bytes[1] == 0 ? NOTES_MAX : bytes[1];
    check_reading(text, limit, 1);
    check_reading(text, limit, (size_t)bytes[0] % 64 + 2);
    check_writing(text);
    return 0;
}

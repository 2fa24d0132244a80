/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/spoil.h"

#include "base/memory.h"
#include "codec/eventstream.h"

#define MEGABYTE ((size_t)1 << 20)
#define EVENT_FILL ((size_t)64 * 1024)
#define MEGABYTES_MAX 4096u
#define LEVELS_MAX 10000000u
#define US_PER_MS 1000u

static bool is(const struct sim_reply *reply, enum sim_behaviour which)
{
    return sim_is(reply->behaviours, which);
}

static size_t piece_start(const struct sim_reply *reply, size_t piece)
{
    return piece == 0 ? 0 : reply->pieces[piece - 1].end;
}

static bool buf_insert(struct buf *b, size_t at, struct slice bytes)
{
    if (buf_reserve(b, bytes.len) == NULL) {
        return false;
    }
    memmove(b->ptr + at + bytes.len, b->ptr + at, b->len - at);
    memcpy(b->ptr + at, bytes.ptr, bytes.len);
    b->len += bytes.len;
    return true;
}

/* Inserts bytes into piece `piece`; the ends behind them move. */
static void insert_bytes(struct sim_reply *reply, size_t piece, size_t at, struct slice bytes)
{
    if (!buf_insert(&reply->body, at, bytes)) {
        reply->failed = true;
        return;
    }
    for (size_t i = piece; i < reply->count; i++) {
        reply->pieces[i].end += bytes.len;
    }
}

/* A message of Amazon's framing says how long it is and has sums: it is made anew, with the fill
   `times` times at an offset of the body that lies in its payload. */
static void fill_message(struct sim_reply *reply, size_t piece, size_t at, struct slice fill,
                         uint64_t times)
{
    size_t start = piece_start(reply, piece);
    size_t end = reply->pieces[piece].end;
    struct slice bytes = slice_of(reply->body.ptr + start, end - start);
    struct buf payload = BUF_INIT(reply->body.limit);
    struct buf body = BUF_INIT(reply->body.limit);
    struct eventstream_decoder decoder;
    struct eventstream_message message;

    eventstream_decoder_init(&decoder, bytes.len);
    if (eventstream_decode(&decoder, &bytes, &message) != EVENTSTREAM_MESSAGE) {
        return;
    }
    size_t before = (size_t)(reply->body.ptr + at - message.payload.ptr);
    const struct eventstream_header headers[] = {
        {SLICE(":event-type"), message.event_type},
        {SLICE(":content-type"), message.content_type},
        {SLICE(":message-type"), message.message_type},
    };
    buf_append(&payload, slice_of(message.payload.ptr, before));
    for (uint64_t i = 0; i < times && !payload.failed; i++) {
        buf_append(&payload, fill);
    }
    buf_append(&payload, slice_from(message.payload, before));
    buf_append(&body, slice_of(reply->body.ptr, start));
    (void)eventstream_encode(&body, headers, ARRAY_LEN(headers), buf_slice(&payload));
    size_t made = body.len;
    buf_append(&body, slice_from(buf_slice(&reply->body), end));
    reply->failed |= payload.failed || body.failed;
    for (size_t i = piece; i < reply->count && !reply->failed; i++) {
        reply->pieces[i].end = reply->pieces[i].end - end + made;
    }
    buf_release(&payload);
    buf_release(&reply->body);
    reply->body = body;
}

/* Cuts a piece in two at an offset of the body; the second one is a part. */
static void split_piece(struct sim_reply *reply, size_t piece, size_t at)
{
    if (reply->failed) {
        return;
    }
    struct sim_piece *pieces = memory_array(reply->count + 1, sizeof(*pieces));
    if (pieces == NULL) {
        reply->failed = true;
        return;
    }
    memcpy(pieces, reply->pieces, (piece + 1) * sizeof(*pieces));
    memcpy(pieces + piece + 1, reply->pieces + piece, (reply->count - piece) * sizeof(*pieces));
    pieces[piece].end = at;
    pieces[piece + 1].delay_us = 0;
    pieces[piece + 1].kind = SIM_PIECE_PART;
    memory_free(reply->pieces);
    reply->pieces = pieces;
    reply->count++;
    reply->cap = reply->count;
}

/* --- size --- */

/* The first piece with a text that is not empty: *ret_at is where the text begins. */
static bool find_text(const struct sim_reply *reply, size_t *ret_piece, size_t *ret_at)
{
    static const struct slice marks[] = {SLICE_INIT("\"content\":\""),
                                         SLICE_INIT("\"response\":\""), SLICE_INIT("\"text\":\""),
                                         SLICE_INIT("\"delta\":\"")};

    for (size_t i = 0; i < reply->count; i++) {
        size_t start = piece_start(reply, i);
        struct slice bytes = slice_of(reply->body.ptr + start, reply->pieces[i].end - start);
        for (size_t j = 0; j < ARRAY_LEN(marks); j++) {
            size_t at = slice_find_slice(bytes, marks[j]);
            size_t text = at + marks[j].len;
            if (at != SIZE_MAX && text < bytes.len && bytes.ptr[text] != '"') {
                *ret_piece = i;
                *ret_at = start + text;
                return true;
            }
        }
    }
    return false;
}

static struct slice make_fill(size_t len)
{
    char *fill = memory_alloc(len);

    if (fill == NULL) {
        return SLICE_EMPTY;
    }
    memset(fill, 'a', len);
    return slice_of(fill, len);
}

/* Adds `megabytes` to the first text: as one event (or a whole answer), or as events again and
   again. */
static void grow_text(struct sim_reply *reply, bool one_event, uint64_t megabytes)
{
    size_t piece;
    size_t at;
    struct slice fill = make_fill(one_event ? MEGABYTE : EVENT_FILL);

    if (fill.ptr == NULL) {
        reply->failed = true;
        return;
    }
    if (megabytes > 0 && reply->stream == SIM_MESSAGES && find_text(reply, &piece, &at)) {
        fill_message(reply, piece, at, fill, one_event ? megabytes : 1);
        if (!reply->failed && !one_event) {
            reply->pieces[piece].repeat = megabytes * (MEGABYTE / EVENT_FILL);
        }
    } else if (megabytes > 0 && find_text(reply, &piece, &at)) {
        insert_bytes(reply, piece, at, fill);
        if (one_event) {
            split_piece(reply, piece, at);
            split_piece(reply, piece + 1, at + fill.len);
        }
        if (!reply->failed) {
            reply->pieces[one_event ? piece + 1 : piece].repeat =
                one_event ? megabytes : megabytes * (MEGABYTE / EVENT_FILL);
        }
    }
    memory_free((void *)(uintptr_t)fill.ptr);
}

static void make_endless(struct sim_reply *reply)
{
    size_t piece;
    size_t at;

    if (!find_text(reply, &piece, &at)) {
        return;
    }
    if (reply->stream == SIM_WHOLE) {
        grow_text(reply, true, 1);
        piece++;
    }
    if (!reply->failed) {
        reply->pieces[piece].repeat = UINT64_MAX;
    }
}

static uint64_t megabytes(const struct sim_reply *reply, enum sim_behaviour which)
{
    uint32_t number = sim_number(reply->behaviours, which, 0);

    return number < MEGABYTES_MAX ? number : MEGABYTES_MAX;
}

static void spoil_size(struct sim_reply *reply)
{
    bool whole = reply->stream == SIM_WHOLE;

    if (is(reply, SIM_EMPTY)) {
        sim_reply_clear(reply);
    }
    if (is(reply, SIM_HUGE)) {
        grow_text(reply, whole, megabytes(reply, SIM_HUGE));
    } else if (is(reply, SIM_GZIP_BOMB)) {
        grow_text(reply, whole, megabytes(reply, SIM_GZIP_BOMB));
    } else if (is(reply, SIM_HUGE_EVENT)) {
        grow_text(reply, true, megabytes(reply, SIM_HUGE_EVENT));
    } else if (is(reply, SIM_ENDLESS)) {
        make_endless(reply);
    }
}

/* --- bytes --- */

static void append_repeated(struct sim_reply *reply, char byte, uint32_t count)
{
    char *into = buf_reserve(&reply->body, count);

    if (into != NULL) {
        memset(into, byte, count);
        reply->body.len += count;
    }
}

static void make_deep(struct sim_reply *reply)
{
    uint32_t levels = reply->behaviours->number[SIM_DEEP_JSON];

    levels = levels < LEVELS_MAX ? levels : LEVELS_MAX;
    sim_reply_clear(reply);
    sim_reply_begin(reply);
    append_repeated(reply, '[', levels);
    append_repeated(reply, ']', levels);
    sim_reply_end(reply, 0);
}

/* The text has U+FFFD, which the writer of JSON lets through: a byte that is not UTF-8 instead. */
static void make_invalid(struct sim_reply *reply)
{
    size_t at = slice_find_slice(buf_slice(&reply->body), SLICE("\xef\xbf\xbd"));

    if (at != SIZE_MAX && reply->stream != SIM_MESSAGES) {
        memcpy(reply->body.ptr + at, "x\xffx", 3);
    }
}

/* Bytes of their own in front; a latency then lies behind them. */
static void prepend(struct sim_reply *reply, struct slice bytes, bool alone)
{
    if (reply->count == 0) {
        return;
    }
    insert_bytes(reply, 0, 0, bytes);
    if (alone) {
        split_piece(reply, 0, bytes.len);
    }
    if (alone && !reply->failed) {
        reply->pieces[1].kind = reply->pieces[0].kind;
        reply->pieces[0].kind = SIM_PIECE_COMMENT;
        reply->pieces[1].delay_us += reply->first_us;
        reply->first_us = 0;
    }
}

static void spoil_bytes(struct sim_reply *reply)
{
    if (is(reply, SIM_DEEP_JSON)) {
        make_deep(reply);
    }
    if (is(reply, SIM_INVALID_UTF8)) {
        make_invalid(reply);
    }
    if (is(reply, SIM_BLANK_LINES_FIRST)) {
        prepend(reply, is(reply, SIM_CRLF) ? SLICE("\r\n\r\n") : SLICE("\n\n"), true);
    }
    if (is(reply, SIM_BOM)) {
        prepend(reply, SLICE("\xef\xbb\xbf"), false);
    }
    if (is(reply, SIM_KEEPALIVE_COMMENTS) && reply->stream == SIM_SSE && reply->count > 1) {
        reply->pieces[1].delay_us += reply->first_us;
        reply->first_us = 0;
    }
}

/* --- pauses --- */

static uint64_t pause_us(const struct sim_reply *reply, enum sim_behaviour which,
                         uint32_t time_divisor)
{
    return (uint64_t)sim_number(reply->behaviours, which, 0) * US_PER_MS / time_divisor;
}

static void spoil_pace(struct sim_reply *reply, uint32_t time_divisor)
{
    if (reply->count == 0) {
        return;
    }
    if (reply->count == 1 && reply->stream == SIM_WHOLE && is(reply, SIM_PAUSE)) {
        split_piece(reply, 0, reply->body.len / 2);
    }
    if (reply->failed) {
        return;
    }
    reply->pieces[reply->count / 2].delay_us += pause_us(reply, SIM_PAUSE, time_divisor);
    reply->pieces[reply->count - 1].delay_us += pause_us(reply, SIM_LATE_END, time_divisor);
}

void sim_spoil(struct sim_reply *reply, uint32_t time_divisor)
{
    spoil_size(reply);
    spoil_bytes(reply);
    spoil_pace(reply, time_divisor);
}

void sim_spoil_after(struct sim_reply *reply, uint32_t events)
{
    uint32_t seen = 0;

    for (size_t i = 0; i < reply->count; i++) {
        if (reply->pieces[i].kind == SIM_PIECE_EVENT && seen++ == events) {
            reply->count = i;
            reply->body.len = piece_start(reply, i);
            reply->events = events;
            return;
        }
    }
    /* Fewer events than that: what goes is the last mark. */
    while (reply->count > 0 && reply->pieces[reply->count - 1].kind == SIM_PIECE_END) {
        reply->count--;
        reply->body.len = piece_start(reply, reply->count);
    }
}

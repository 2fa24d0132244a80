/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/reply.h"

#include "base/memory.h"
#include "codec/eventstream.h"

#include <stdarg.h>
#include <stdio.h>

#define BODY_MAX ((size_t)128 << 20)
#define HEADERS_MAX ((size_t)4 << 20)
#define PIECES_FIRST 16

void sim_reply_init(struct sim_reply *reply, const struct sim_behaviours *behaviours)
{
    *reply = (struct sim_reply){.behaviours = behaviours,
                                .status = 200,
                                .content_type = SLICE("application/json"),
                                .headers = BUF_INIT(HEADERS_MAX),
                                .body = BUF_INIT(BODY_MAX)};
}

void sim_reply_release(struct sim_reply *reply)
{
    buf_release(&reply->headers);
    buf_release(&reply->body);
    memory_free(reply->pieces);
    reply->pieces = NULL;
    reply->count = 0;
    reply->cap = 0;
}

void sim_reply_clear(struct sim_reply *reply)
{
    buf_clear(&reply->body);
    reply->count = 0;
    reply->events = 0;
}

void sim_reply_header(struct sim_reply *reply, const char *name, const char *format, ...)
{
    char value[512];
    va_list arguments;

    va_start(arguments, format);
    int len = vsnprintf(value, sizeof(value), format, arguments);
    va_end(arguments);
    if (len >= 0) {
        buf_printf(&reply->headers, "%s: %s\r\n", name, value);
    }
}

/* --- pieces --- */

static bool room_for_piece(struct sim_reply *reply)
{
    if (reply->count < reply->cap) {
        return true;
    }
    size_t cap = reply->cap == 0 ? PIECES_FIRST : reply->cap * 2;
    struct sim_piece *pieces = memory_resize(reply->pieces, cap * sizeof(*pieces));
    if (pieces == NULL) {
        reply->failed = true;
        return false;
    }
    reply->pieces = pieces;
    reply->cap = cap;
    return true;
}

void sim_reply_piece(struct sim_reply *reply, enum sim_piece_kind kind, uint64_t delay_us,
                     uint64_t repeat)
{
    size_t start = reply->count == 0 ? 0 : reply->pieces[reply->count - 1].end;

    reply->failed |= reply->body.failed;
    if (reply->failed || reply->body.len == start || !room_for_piece(reply)) {
        return;
    }
    reply->events += kind == SIM_PIECE_EVENT;
    reply->pieces[reply->count++] = (struct sim_piece){
        .end = reply->body.len, .delay_us = delay_us, .repeat = repeat, .kind = kind};
}

/* --- events --- */

static bool is(const struct sim_reply *reply, enum sim_behaviour which)
{
    return sim_is(reply->behaviours, which);
}

static void line_end(struct sim_reply *reply)
{
    if (reply->stream == SIM_SSE && is(reply, SIM_CR)) {
        buf_append_char(&reply->body, '\r');
    } else {
        buf_append(&reply->body, is(reply, SIM_CRLF) || reply->crlf ? SLICE("\r\n") : SLICE("\n"));
    }
}

static void data_field(struct sim_reply *reply)
{
    buf_append(&reply->body, is(reply, SIM_NO_SPACE) ? SLICE("data:") : SLICE("data: "));
}

void sim_reply_begin_named(struct sim_reply *reply, struct slice name)
{
    if (reply->stream == SIM_SSE) {
        if (is(reply, SIM_EVENT_FIELDS) || name.len > 0) {
            buf_append(&reply->body, is(reply, SIM_NO_SPACE) ? SLICE("event:") : SLICE("event: "));
            buf_append(&reply->body, name.len > 0 ? name : SLICE("message"));
            line_end(reply);
        }
        if (is(reply, SIM_EVENT_FIELDS)) {
            buf_printf(&reply->body, "id: %zu", reply->events + 1);
            line_end(reply);
            buf_append(&reply->body, SLICE("retry: 1000"));
            line_end(reply);
        }
        data_field(reply);
    } else if (reply->stream == SIM_JSON_ARRAY) {
        buf_append_char(&reply->body, reply->events == 0 ? '[' : ',');
    }
    reply->name = name;
    reply->payload = reply->body.len;
}

void sim_reply_begin(struct sim_reply *reply)
{
    sim_reply_begin_named(reply, SLICE_EMPTY);
}

/* Breaks the open event, which is the N-th that the behaviour speaks of; a whole answer is the one
   that every N speaks of. */
static void spoil_payload(struct sim_reply *reply)
{
    size_t number = reply->stream == SIM_WHOLE ? 0 : reply->events + 1;
    size_t len = reply->body.len - reply->payload;

    if (is(reply, SIM_MALFORMED_JSON) &&
        (number == 0 || number == reply->behaviours->number[SIM_MALFORMED_JSON])) {
        reply->body.len = reply->payload + len / 2;
    }
    if (is(reply, SIM_MALFORMED_EVENT) && reply->stream != SIM_MESSAGES &&
        (number == 0 || number == reply->behaviours->number[SIM_MALFORMED_EVENT])) {
        size_t start = reply->count == 0 ? 0 : reply->pieces[reply->count - 1].end;
        reply->body.len = start;
        buf_append(&reply->body, SLICE("this line is not what anybody expects"));
    }
}

/* The data on two lines: the first holds the opening brace alone. */
static void break_line(struct sim_reply *reply)
{
    struct buf rest = BUF_INIT(BODY_MAX);

    if (reply->body.len <= reply->payload + 1) {
        return;
    }
    buf_append(&rest, slice_from(buf_slice(&reply->body), reply->payload + 1));
    reply->body.len = reply->payload + 1;
    line_end(reply);
    data_field(reply);
    buf_append(&reply->body, buf_slice(&rest));
    reply->failed |= rest.failed;
    buf_release(&rest);
}

/* The payload becomes a message, whose sums are right unless the behaviours say otherwise. What has
   no name (it was spoilt whole) goes as a delta. */
static void pack_message(struct sim_reply *reply)
{
    struct slice name = reply->name.len == 0 ? SLICE("contentBlockDelta") : reply->name;
    const struct eventstream_header headers[] = {
        {reply->exception ? SLICE(":exception-type") : SLICE(":event-type"), name},
        {SLICE(":content-type"), SLICE("application/json")},
        {SLICE(":message-type"), reply->exception ? SLICE("exception") : SLICE("event")},
    };
    struct buf payload = BUF_INIT(BODY_MAX);
    bool spoilt = is(reply, SIM_MALFORMED_EVENT) &&
                  reply->events + 1 == reply->behaviours->number[SIM_MALFORMED_EVENT];

    buf_append(&payload, slice_from(buf_slice(&reply->body), reply->payload));
    reply->body.len = reply->payload;
    size_t odd = slice_find_slice(buf_slice(&payload), SLICE("\xef\xbf\xbd"));
    if (is(reply, SIM_INVALID_UTF8) && odd != SIZE_MAX) {
        payload.ptr[odd] = '\xff';
    }
    if (!eventstream_encode(&reply->body, headers, ARRAY_LEN(headers), buf_slice(&payload))) {
        reply->failed = true;
    } else if (spoilt) {
        reply->body.ptr[reply->body.len - 1] ^= 1;
    }
    reply->failed |= payload.failed;
    buf_release(&payload);
}

static void end_event(struct sim_reply *reply, enum sim_piece_kind kind, uint64_t delay_us)
{
    if (reply->body.failed) {
        reply->failed = true;
        return;
    }
    spoil_payload(reply);
    if (reply->stream == SIM_SSE && is(reply, SIM_DATA_LINES)) {
        break_line(reply);
    }
    if (reply->stream == SIM_MESSAGES) {
        pack_message(reply);
    } else if (reply->stream != SIM_WHOLE) {
        line_end(reply);
    }
    if (reply->stream == SIM_SSE) {
        line_end(reply);
    }
    sim_reply_piece(reply, kind, delay_us, 1);
}

void sim_reply_end(struct sim_reply *reply, uint64_t delay_us)
{
    end_event(reply, reply->stream == SIM_WHOLE ? SIM_PIECE_PART : SIM_PIECE_EVENT, delay_us);
}

void sim_reply_end_last(struct sim_reply *reply)
{
    end_event(reply, SIM_PIECE_END, 0);
}

void sim_reply_comment(struct sim_reply *reply, struct slice text)
{
    if (reply->stream != SIM_SSE) {
        return;
    }
    buf_append(&reply->body, SLICE(": "));
    buf_append(&reply->body, text);
    line_end(reply);
    line_end(reply);
    sim_reply_piece(reply, SIM_PIECE_COMMENT, 0, 1);
}

void sim_reply_done(struct sim_reply *reply)
{
    if (is(reply, SIM_NO_DONE)) {
        return;
    }
    if (reply->stream == SIM_JSON_ARRAY) {
        buf_append(&reply->body, SLICE("]"));
        sim_reply_piece(reply, SIM_PIECE_END, 0, 1);
    }
    if (reply->stream != SIM_SSE) {
        return;
    }
    data_field(reply);
    buf_append(&reply->body, SLICE("[DONE]"));
    line_end(reply);
    line_end(reply);
    sim_reply_piece(reply, SIM_PIECE_END, 0, 1);
}

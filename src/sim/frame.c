/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Order of things: the reply is cut and compressed as pieces; a coding is chosen; the head and the
 * pieces become bytes and steps; the ending follows from the faults.
 */
#include "sim/frame.h"

#include "net/http.h"
#include "sim/spoil.h"

#define SPLIT_DELAY_US 1000  /* so that two writes are two reads of a peer that keeps up */
#define ENDING_DELAY_US 2000 /* so that a reset does not overtake what was sent before it */
#define HEAD_BOMB_LINE 1000
#define HEAD_BOMB_KB_MAX (64u * 1024)
#define FLOOD_MAX 1000000u
#define TRUNCATED_EXTRA 64
#define US_PER_S 1000000u

enum coding {
    CODING_LENGTH,
    CODING_CHUNKED,
    CODING_CLOSE,
};

struct frame {
    struct sim_reply *reply;
    const struct sim_behaviours *behaviours;
    const struct sim_frame_request *request;
    struct sim_script *script;
    enum coding coding;
    uint64_t length; /* of the body, as it will be sent */
    size_t chunks;
    bool cut; /* the body stops before its end */
};

static bool is(const struct frame *frame, enum sim_behaviour which)
{
    return sim_is(frame->behaviours, which);
}

/* --- choices --- */

static enum coding choose_coding(const struct frame *frame)
{
    if (is(frame, SIM_SHORT_CONTENT_LENGTH) || is(frame, SIM_DUP_CONTENT_LENGTH)) {
        return CODING_LENGTH;
    }
    if (is(frame, SIM_NO_LENGTH)) {
        return CODING_CLOSE;
    }
    bool streams = frame->reply->stream != SIM_WHOLE || is(frame, SIM_ENDLESS);
    if (is(frame, SIM_HTTP10) || frame->request->http10) {
        return streams ? CODING_CLOSE : CODING_LENGTH;
    }
    bool chunks = is(frame, SIM_TRUNCATED_CHUNK) || is(frame, SIM_BAD_CHUNK) ||
                  is(frame, SIM_TRAILERS) || is(frame, SIM_ONE_BYTE_CHUNKS) ||
                  is(frame, SIM_LENGTH_AND_CHUNKED);
    return streams || chunks ? CODING_CHUNKED : CODING_LENGTH;
}

static uint64_t body_length(const struct sim_reply *reply)
{
    uint64_t total = 0;
    size_t start = 0;

    for (size_t i = 0; i < reply->count; i++) {
        total += (reply->pieces[i].end - start) * reply->pieces[i].repeat;
        start = reply->pieces[i].end;
    }
    return total;
}

/* Behaviours that stop an answer after so many events. */
static const struct {
    enum sim_behaviour behaviour;
    enum sim_ending ending;
} cuts[] = {
    {SIM_RESET_MID, SIM_END_RESET},
    {SIM_FIN_MID, SIM_END_CLOSE},
    {SIM_HANG_MID, SIM_END_HANG},
};

/* Of a stream the pieces behind event N go, of a whole answer its second half. */
static void cut_pieces(struct frame *frame, uint32_t events)
{
    struct sim_reply *reply = frame->reply;

    frame->cut = true;
    if (reply->stream == SIM_WHOLE) {
        size_t half = reply->body.len / 2;
        while (reply->count > 1 && reply->pieces[reply->count - 2].end >= half) {
            reply->count--;
        }
        if (reply->count > 0) {
            reply->pieces[reply->count - 1].end = half;
        }
        reply->body.len = half;
        return;
    }
    sim_spoil_after(reply, events);
}

/* --- the head --- */

static void append_interim(struct frame *frame)
{
    uint32_t count = sim_number(frame->behaviours, SIM_1XX_FLOOD, 0);

    for (uint32_t i = 0; i < count && i < FLOOD_MAX; i++) {
        buf_append(&frame->script->bytes, SLICE("HTTP/1.1 103 Early Hints\r\n\r\n"));
    }
}

static void append_bomb(struct frame *frame)
{
    uint32_t kilobytes = sim_number(frame->behaviours, SIM_HEAD_BOMB, 0);

    if (kilobytes > HEAD_BOMB_KB_MAX) {
        kilobytes = HEAD_BOMB_KB_MAX;
    }
    for (uint32_t i = 0; i < kilobytes; i++) {
        buf_printf(&frame->script->bytes, "x-bomb-%07u: %0*d\r\n", i, HEAD_BOMB_LINE + 6, 0);
    }
}

static void append_framing_headers(struct frame *frame)
{
    struct buf *out = &frame->script->bytes;
    uint64_t length = frame->length;

    if (is(frame, SIM_SHORT_CONTENT_LENGTH)) {
        length += frame->behaviours->number[SIM_SHORT_CONTENT_LENGTH];
    }
    if (frame->coding == CODING_LENGTH || is(frame, SIM_LENGTH_AND_CHUNKED)) {
        buf_printf(out, "content-length: %llu\r\n", (unsigned long long)length);
    }
    if (is(frame, SIM_DUP_CONTENT_LENGTH)) {
        buf_printf(out, "content-length: %llu\r\n", (unsigned long long)length + 1);
    }
    if (frame->coding == CODING_CHUNKED) {
        buf_append(out, SLICE("transfer-encoding: chunked\r\n"));
    }
    if (is(frame, SIM_FOLDED_HEADER)) {
        buf_append(out, SLICE("x-folded: one\r\n two\r\n"));
    }
    if (is(frame, SIM_CLOSE) || (!frame->request->keep_alive && !is(frame, SIM_STALE))) {
        buf_append(out, SLICE("connection: close\r\n"));
    } else if (frame->request->http10) {
        buf_append(out, SLICE("connection: keep-alive\r\n"));
    }
}

static void append_head(struct frame *frame)
{
    struct sim_reply *reply = frame->reply;
    struct buf *out = &frame->script->bytes;

    append_interim(frame);
    if (is(frame, SIM_BAD_STATUS_LINE)) {
        buf_append(out, SLICE("ICY OK\r\n"));
    } else {
        buf_printf(out, "HTTP/1.%c %d %s\r\n", is(frame, SIM_HTTP10) ? '0' : '1', reply->status,
                   http_reason(reply->status));
    }
    buf_append(out, SLICE("content-type: "));
    buf_append(out, is(frame, SIM_WRONG_TYPE) ? SLICE("text/plain") : reply->content_type);
    buf_append(out, SLICE("\r\n"));
    buf_append(out, buf_slice(&reply->headers));
    append_framing_headers(frame);
    append_bomb(frame);
    buf_append(out, SLICE("\r\n"));
    if (is(frame, SIM_HEAD_FIRST)) {
        sim_script_step(frame->script, 0, 1);
    }
}

/* --- the body --- */

static void append_chunk(struct frame *frame, struct slice data, bool last)
{
    struct buf *out = &frame->script->bytes;
    size_t announced = data.len;

    frame->chunks++;
    if (data.len == 0) {
        return;
    }
    if (frame->coding != CODING_CHUNKED) {
        buf_append(out, data);
        return;
    }
    if (is(frame, SIM_BAD_CHUNK) && frame->chunks == 2) {
        buf_append(out, SLICE("0x1g\r\n"));
    } else {
        announced += is(frame, SIM_TRUNCATED_CHUNK) && last ? TRUNCATED_EXTRA : 0;
        buf_printf(out, "%zx\r\n", announced);
    }
    buf_append(out, data);
    if (announced == data.len) {
        buf_append(out, SLICE("\r\n"));
    }
}

/* Where a piece is cut in two: inside its first character of several bytes, or in the middle. */
static size_t split_place(const struct frame *frame, struct slice data)
{
    if (is(frame, SIM_SPLIT_UTF8)) {
        for (size_t i = 0; i < data.len; i++) {
            if (((unsigned char)data.ptr[i] & 0xc0) == 0xc0) {
                return i + 1;
            }
        }
    }
    return is(frame, SIM_SPLIT_EVENTS) ? data.len / 2 : 0;
}

static void append_bytes_as_chunks(struct frame *frame, struct slice data, uint64_t delay_us)
{
    for (size_t i = 0; i < data.len; i++) {
        append_chunk(frame, slice_of(data.ptr + i, 1), false);
        sim_script_step(frame->script, i == 0 ? delay_us : 0, 1);
    }
}

static void append_piece(struct frame *frame, const struct sim_piece *piece, struct slice data,
                         bool last)
{
    uint64_t delay_us = piece->delay_us;

    if (piece->repeat > 1) {
        sim_script_step(frame->script, 0, 1); /* what is before it is not repeated */
    } else if (is(frame, SIM_ONE_BYTE_CHUNKS)) {
        append_bytes_as_chunks(frame, data, delay_us);
        return;
    } else {
        size_t at = split_place(frame, data);
        if (at > 0) {
            append_chunk(frame, slice_of(data.ptr, at), false);
            sim_script_step(frame->script, delay_us, 1);
            data = slice_from(data, at);
            delay_us = SPLIT_DELAY_US;
        }
    }
    append_chunk(frame, data, last);
    sim_script_step(frame->script, delay_us, piece->repeat);
}

/* Joins pairs of events: one chunk, one write. */
static void join_pairs(struct sim_reply *reply)
{
    size_t kept = 0;

    for (size_t i = 0; i < reply->count; i++) {
        struct sim_piece piece = reply->pieces[i];
        if (i + 1 < reply->count && piece.repeat == 1 && reply->pieces[i + 1].repeat == 1) {
            i++;
            piece.end = reply->pieces[i].end;
            piece.delay_us += reply->pieces[i].delay_us;
        }
        reply->pieces[kept++] = piece;
    }
    reply->count = kept;
}

static void append_body(struct frame *frame)
{
    const struct sim_reply *reply = frame->reply;
    size_t start = 0;

    for (size_t i = 0; i < reply->count; i++) {
        const struct sim_piece *piece = &reply->pieces[i];
        append_piece(frame, piece, slice_of(reply->body.ptr + start, piece->end - start),
                     i + 1 == reply->count);
        start = piece->end;
    }
}

/* What was appended leaves with the last step. */
static void step_with_last(struct frame *frame)
{
    struct sim_script *script = frame->script;

    if (script->count > 0 && script->steps[script->count - 1].repeat == 1 && !script->failed) {
        script->steps[script->count - 1].end = script->bytes.len;
    } else {
        sim_script_step(script, 0, 1);
    }
}

static void append_last_chunk(struct frame *frame)
{
    struct buf *out = &frame->script->bytes;
    bool broken = is(frame, SIM_TRUNCATED_CHUNK) || is(frame, SIM_BAD_CHUNK);

    if (frame->coding != CODING_CHUNKED || frame->cut || broken) {
        return;
    }
    buf_append(out, SLICE("0\r\n"));
    if (is(frame, SIM_TRAILERS)) {
        buf_append(out, SLICE("x-trailer: after the body\r\n"));
    }
    buf_append(out, SLICE("\r\n"));
    step_with_last(frame); /* as servers do */
}

/* --- the whole --- */

static void choose_ending(struct frame *frame)
{
    struct sim_script *script = frame->script;
    bool broken = is(frame, SIM_TRUNCATED_CHUNK) || is(frame, SIM_BAD_CHUNK) ||
                  is(frame, SIM_SHORT_CONTENT_LENGTH) || is(frame, SIM_DUP_CONTENT_LENGTH) ||
                  is(frame, SIM_LENGTH_AND_CHUNKED) || is(frame, SIM_BAD_STATUS_LINE);

    if (broken || is(frame, SIM_CLOSE) || is(frame, SIM_STALE) || !frame->request->keep_alive ||
        (frame->coding == CODING_CLOSE && !frame->request->head) ||
        (is(frame, SIM_HTTP10) && !frame->request->http10)) {
        script->ending = SIM_END_CLOSE;
    }
    script->cut = frame->cut || broken || is(frame, SIM_RESET_HEAD);
    for (size_t i = 0; i < ARRAY_LEN(cuts); i++) {
        if (is(frame, cuts[i].behaviour)) {
            script->ending = cuts[i].ending;
            script->ending_delay_us = ENDING_DELAY_US;
        }
    }
    if (is(frame, SIM_RESET_HEAD)) {
        script->ending = SIM_END_RESET;
        script->ending_delay_us = ENDING_DELAY_US;
    }
}

static void set_pace(struct frame *frame)
{
    struct sim_script *script = frame->script;

    if (is(frame, SIM_ONE_BYTE_WRITES)) {
        script->write_max = 1;
    }
    if (is(frame, SIM_DRIP)) {
        uint32_t rate = frame->behaviours->number[SIM_DRIP];
        script->write_max = 1;
        script->write_delay_us = US_PER_S / (rate == 0 ? 1 : rate);
    }
}

static void write_script(struct frame *frame)
{
    struct sim_script *script = frame->script;

    append_head(frame);
    if (is(frame, SIM_RESET_HEAD)) {
        buf_clear(&script->bytes);
        buf_append(&script->bytes, SLICE("HTTP/1.1 200 OK\r\ncontent-ty"));
        script->count = 0;
        sim_script_step(script, 0, 1);
    } else if (!frame->request->head) {
        append_body(frame);
        append_last_chunk(frame);
    }
    sim_script_step(script, 0, 1); /* a head without a body */
    if (is(frame, SIM_EXTRA_BYTES)) {
        buf_append(&script->bytes, SLICE("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nextra"));
        step_with_last(frame);
    }
    size_t first = is(frame, SIM_HEAD_FIRST) && script->count > 1 ? 1 : 0;
    if (script->count > 0) {
        script->steps[first].delay_us += frame->reply->first_us;
    }
}

struct sim_script *sim_frame(struct sim_reply *reply, const struct sim_frame_request *request)
{
    struct frame frame = {.reply = reply, .behaviours = reply->behaviours, .request = request};

    frame.length = body_length(reply);
    for (size_t i = 0; i < ARRAY_LEN(cuts); i++) {
        if (is(&frame, cuts[i].behaviour) && !frame.cut) {
            cut_pieces(&frame, reply->behaviours->number[cuts[i].behaviour]);
        }
    }
    if (is(&frame, SIM_GZIP) || is(&frame, SIM_GZIP_BOMB)) {
        sim_reply_gzip(reply);
        frame.length = body_length(reply);
    }
    if (is(&frame, SIM_TWO_EVENTS_PER_WRITE)) {
        join_pairs(reply);
    }
    frame.coding = choose_coding(&frame);
    frame.script = sim_script_new();
    if (frame.script == NULL) {
        return NULL;
    }
    write_script(&frame);
    choose_ending(&frame);
    set_pace(&frame);
    if (frame.script->failed || frame.script->bytes.failed || reply->failed || reply->body.failed ||
        reply->headers.failed) {
        sim_script_release(frame.script);
        return NULL;
    }
    return frame.script;
}

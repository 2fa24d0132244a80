/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tap: the answer is always decoded, the lane only chooses what is written. Verbatim bytes
 * leave as they came, in one write per read; where usage was asked for by us, frames of nothing but
 * usage are left out; a translated answer is written from the events. Until the first frame that
 * holds some of the answer (or until its announcement was withheld for long enough) nothing is
 * sent, so another target can still be tried. The frame that ends the answer settles the call
 * before its bytes leave.
 */
#include "gateway/call_stream.h"

#include "gateway/answer_cache.h"
#include "gateway/answer_headers.h"
#include "gateway/answer_loss.h"
#include "gateway/attempt_run.h"
#include "gateway/call_budget.h"
#include "gateway/call_check.h"
#include "gateway/call_hold.h"
#include "gateway/call_linger.h"
#include "gateway/call_ping.h"
#include "gateway/call_record.h"
#include "gateway/call_wait.h"
#include "gateway/fragile.h"
#include "gateway/opaque.h"
#include "gateway/stored.h"

#include "base/fault.h"
#include "dialect/emulate.h"
#include "dialect/tool_fit.h"

#define UNCOMMITTED_MAX (256u << 10)
#define WITHHELD_KEPT ((size_t)4 << 10) /* of its memory, while the stream goes on */

static const struct event end_event = {.kind = EVENT_END};
static const struct frame end_frame = {.events = &end_event, .count = 1, .terminal = true};

static void add_upstream_headers(struct call *call, struct buf *lines)
{
    const struct slice type = call->attempt.content_type;
    bool translated = call->attempt.lane == LANE_TRANSLATE;
    struct slice ours =
        call->stream_array ? SLICE("application/json") : call->front->stream_content_type;
    const struct slice told = translated || type.len == 0 ? ours : type;
    answer_headers_add(lines, SLICE("content-type"), told);
    answer_cache_begin(call, told);
    answer_headers_add(lines, SLICE("cache-control"), SLICE("no-cache"));
}

void call_answer_head(const struct call *call, struct answer_head *ret_head)
{
    const struct target *target = call->attempt.target;
    *ret_head = (struct answer_head){
        .call_id = slice_of(call->id_text, ID_TEXT_LEN),
        .model = target != NULL ? call->attempt.model : slice_from_cstr(call->asked_model),
        .created_s = call->started_wall_ns / NS_PER_S,
        .include_usage = call->include_usage || !call->streamed ||
                         (call->attempt.fragile & FRAGILE_USAGE_ASKED) != 0,
        .operation = call->chat.operation,
        .chat = &call->chat,
        .input_tokens = call->tokens.expected,
        .stream_array = call->stream_array,
        .same_dialect = call->attempt.back_id == call->endpoint->dialect,
    };
}

/* While the request is still there: encoders take from it what they must tell of it. */
static void make_encoder(struct call *call)
{
    if (call->encoder != NULL || call->attempt.lane != LANE_TRANSLATE) {
        return;
    }
    call_answer_head(call, &call->head);
    call->encoder = call->front->encoder_new(&call->head);
    call->head.chat = NULL;
}

void stream_announce(struct call *call)
{
    struct buf *lines = answer_headers_begin(call);
    answer_headers_add(lines, SLICE("content-type"), call->front->stream_content_type);
    answer_headers_add(lines, SLICE("cache-control"), SLICE("no-cache"));
    answer_headers_of_plan(lines, call);
    call->announced = true;
    call->status = 200;
    call->first_byte_ns = clock_monotonic(call->worker->loop.clock);
    http_start_lines(call->exchange, 200, answer_headers_lines(lines), HTTP_CONTENT_LENGTH_UNKNOWN);
}

void stream_commit(struct call *call)
{
    make_encoder(call);
    if (call->announced) {
        answer_cache_begin(call, call->front->stream_content_type);
        call->committed = true;
        call_shrink(call);
        call_ping_watch(call);
        return;
    }
    struct buf *lines = answer_headers_begin(call);
    add_upstream_headers(call, lines);
    answer_headers_of_call(lines, call);
    answer_headers_limits(lines, call);
    call->committed = true;
    call->status = 200;
    call->first_byte_ns = clock_monotonic(call->worker->loop.clock);
    http_start_lines(call->exchange, 200, answer_headers_lines(lines), HTTP_CONTENT_LENGTH_UNKNOWN);
    call_shrink(call);
    call_ping_watch(call);
}

static bool is_complete(const struct meter *meter)
{
    return meter->ended || meter->unread;
}

static void append_loss(const struct loss *loss, struct buf *out)
{
    if (loss->len > 0) {
        buf_append_cstr(out, " x-sluice-loss ");
        buf_append(out, slice_of(loss->text, loss->len));
    }
}

/* The cost and what was lost as a comment, for clients that asked, where they skip comments. */
static void append_meta(struct call *call, struct buf *out)
{
    if (!call->meta || !call->front->stream_comments) {
        return;
    }
    buf_append_cstr(out, ": x-sluice-cost-usd ");
    money_format(out, call->cost_nd);
    buf_append_cstr(out, " x-sluice-baseline-usd ");
    money_format(out, call->baseline_nd);
    append_loss(&call->attempt.loss, out);
    buf_append_cstr(out, "\n\n");
}

/* The provider said that it is done: the one charge is in the journal before these bytes leave. */
static void settle_at_end(struct call *call)
{
    if (!call->attempt.open) {
        return;
    }
    attempt_complete(call);
    call->delivered = true;
    FAULT_POINT("call.before_stream_settle");
    attempt_settle(call, true);
    FAULT_POINT("call.after_stream_settle");
}

/* False: the client's dialect has no form for it (arguments of a call that are no object). */
static bool encode_frame(struct call *call, const struct frame *frame, struct buf *out)
{
    make_encoder(call);
    if (call->encoder == NULL) {
        out->failed = true;
    }
    return out->failed || call->front->encode(call->encoder, frame, out) || out->failed;
}

static void encode_estimate(struct call *call, struct buf *out)
{
    struct event event;
    if (answer_usage_estimate(call, &event)) {
        const struct frame frame = {.events = &event, .count = 1};
        (void)encode_frame(call, &frame, out);
    }
}

static void append_piece(const struct attempt *attempt, struct slice piece, struct buf *out)
{
    if ((attempt->fragile & FRAGILE_LINE_MARKS) != 0) {
        fragile_escape_marks(piece, out);
    } else {
        buf_append(out, piece);
    }
}

/* The bytes as they came, less what only we asked for and what this client cannot read. */
static void append_raw(const struct attempt *attempt, const struct frame *frame, struct buf *out)
{
    bool hides = attempt->hide_usage || (attempt->fragile & FRAGILE_NULL_USAGE) != 0;
    if (attempt->hide_usage && frame->usage_only) {
        return;
    }
    if (!hides || frame->hidden.len == 0) {
        append_piece(attempt, frame->raw, out);
        return;
    }
    size_t before = (size_t)(frame->hidden.ptr - frame->raw.ptr);
    append_piece(attempt, slice_of(frame->raw.ptr, before), out);
    append_piece(attempt, slice_from(frame->raw, before + frame->hidden.len), out);
}

/* The end is looked at, not the reason when it is told: usage may come between them. */
static bool ends_well(struct call *call)
{
    const char *fault = call->attempt.open ? attempt_fault(call, "truncated_stream") : NULL;
    if (fault != NULL) {
        attempt_fail(call, fault, call->attempt.meter.finish_word);
    }
    return fault == NULL;
}

/* What leads to the end is written before the call is settled: it may be that it has no form. The
   rest of the frame is left in *frame. */
static bool write_before_end(struct call *call, struct frame *frame)
{
    struct frame before = *frame;
    if (call->attempt.lane != LANE_TRANSLATE || call->attempt.back_id == call->endpoint->dialect) {
        return true;
    }
    while (frame->terminal && before.count > 0 &&
           before.events[before.count - 1].kind == EVENT_END) {
        before.count--;
    }
    frame->events += before.count;
    frame->count -= before.count;
    if (!encode_frame(call, &before, &call->worker->out)) {
        attempt_fail(call, "malformed_answer", "");
        return false;
    }
    return true;
}

/* Once the answer is cut the provider is not heard any more: it is told what it used by our
 * estimate, unless the provider has said so already. */
static void end_cut(struct call *call)
{
    struct meter *meter = &call->attempt.meter;
    struct meter copy = *meter;
    meter->finish = FINISH_STOP;
    meter->first = FINISH_STOP;
    meter->ended = true;
    meter_settle(&copy, call->tokens.expected, false);
    emulation_usage(call->attempt.emulation, &copy.usage);
}

bool stream_emulate(struct call *call, struct frame *frame)
{
    struct attempt *attempt = &call->attempt;
    if (attempt->tool_fit == NULL && attempt->emulation == NULL) {
        return true;
    }
    struct frame given = *frame;
    if (attempt->tool_fit != NULL && !tool_fit_frame(attempt->tool_fit, frame, &given)) {
        attempt_fail(call, "no_memory", "");
        return false;
    }
    *frame = given;
    if (attempt->emulation == NULL) {
        return true;
    }
    if (!emulation_frame(attempt->emulation, &given, frame)) {
        attempt_fail(call, "no_memory", "");
        return false;
    }
    if (emulation_is_cut(attempt->emulation)) {
        end_cut(call);
    }
    return true;
}

/* Where the client demands a call and only we can see to it, an answer without one must not begin.
 */
static bool waits_for_call(const struct attempt *attempt)
{
    return attempt->must_call && !attempt->meter.called &&
           (attempt->meter.first == FINISH_NONE || attempt->meter.first == FINISH_STOP);
}

/* Is nothing to be sent before the answer's verdict, or before that of its first words? */
static bool is_held(struct call *call)
{
    return call->check != NULL && !call->committed && call_check_holds(call);
}

/* The client's answer begins with this frame, or waits for another: one without a part of the
 * answer or, with `silent`, one of which the client's dialect says nothing yet. What ends without a
 * word that could begin it is no answer. */
static bool begin_or_hold(struct call *call, const struct frame *frame, bool silent)
{
    const struct meter *meter = &call->attempt.meter;
    bool waits = waits_for_call(&call->attempt);
    bool begins =
        (meter_begins(frame) && !silent) || (frame->terminal && meter->finish != FINISH_NONE);
    if (begins && !waits) {
        if (!call_check_holds(call)) {
            stream_commit(call);
        }
        return true;
    }
    if (frame->terminal) {
        attempt_fail(call, "truncated_stream", "");
        return false;
    }
    if ((meter->started || meter->events > 0) && !waits && !is_held(call)) {
        call_hold(call);
    }
    return true;
}

/* A stream that waits for room is not read any more; what was read already goes out. */
static bool has_room(struct call *call)
{
    enum stream_room room = call_budget_stream(call);
    if (room == STREAM_WAITS) {
        upstream_pause(&call->attempt.request);
        (void)call_wait(call, STEP_STREAM);
    }
    return room != STREAM_CUT;
}

/* Is room made for what comes, or the stream cut? */
static bool is_counted(const struct call *call)
{
    return call->committed || call->attempt.meter.events > 0;
}

/* The wait of a stream is over, or was long enough. */
enum call_step call_stream(struct call *call)
{
    if (!is_counted(call) || !call->attempt.upstream_open) {
        return STEP_WAIT;
    }
    switch (call_budget_stream(call)) {
    case STREAM_FITS:
        upstream_resume(&call->attempt.request);
        return STEP_WAIT;
    case STREAM_WAITS:
        return call_wait(call, STEP_STREAM);
    case STREAM_CUT:
        break;
    }
    upstream_cancel(&call->attempt.request);
    call->attempt.upstream_open = false;
    attempt_fail(call, "cap_exceeded", "");
    return STEP_SETTLE;
}

/* One frame: metered, and what the lane makes of it appended to the worker's buffer. */
static bool take_frame(struct call *call, struct frame *frame)
{
    struct attempt *attempt = &call->attempt;
    struct buf *out = &call->worker->out;
    meter_frame(&attempt->meter, frame);
    if (call_budget_capped(call)) {
        seen_frame(&attempt->seen, frame);
    }
    if (call->abandoned) { /* only the count is of use, and only within the cap */
        return call_budget_stream(call) == STREAM_FITS;
    }
    if (attempt->meter.thought) {
        opaque_note_frame(call, frame);
    }
    if (attempt->meter.failed) {
        attempt_fail(call, "error_in_stream", attempt->meter.error);
        return false;
    }
    if (is_counted(call) && !frame->terminal && !call->waits && !has_room(call)) {
        attempt_fail(call, "cap_exceeded", "");
        return false;
    }
    if (!stream_emulate(call, frame)) {
        return false;
    }
    call_check_frame(call, frame);
    if (call->keeps_answer) {
        stored_frame(call, frame);
    }
    answer_loss_frame(call, frame);
    if ((frame->terminal || attempt->meter.nameless) && !ends_well(call)) {
        return false;
    }
    struct frame rest = *frame;
    const size_t before = out->len;
    if (!write_before_end(call, &rest)) {
        return false;
    }
    bool silent = rest.count < frame->count && out->len == before;
    if (!call->committed && !begin_or_hold(call, frame, silent)) {
        return false;
    }
    if (frame->terminal && call->committed && attempt->open) {
        settle_at_end(call);
        append_meta(call, out);
    } else if (frame->terminal && call->check != NULL) {
        call->check->meta_at = attempt->answer.len + out->len;
    }
    if (attempt->lane == LANE_TRANSLATE) {
        if (frame->terminal) {
            encode_estimate(call, out);
        }
        (void)encode_frame(call, &rest, out);
    } else {
        append_raw(attempt, frame, out);
    }
    return true;
}

static void send_out(struct call *call, struct slice bytes)
{
    if (bytes.len == 0) {
        return;
    }
    FAULT_POINT("call.before_stream_write");
    call->wrote = true;
    call->stream_begun = true;
    answer_cache_take(call, bytes);
    if (!http_write(call->exchange, bytes)) {
        upstream_pause(&call->attempt.request);
    }
}

/* Bytes of the answer were lost for want of memory: what follows them must not look complete. */
static bool fail_lost(struct call *call)
{
    call->delivered = false;
    attempt_fail(call, "no_memory", "");
    return false;
}

static void send_withheld(struct call *call)
{
    struct buf *withheld = &call->attempt.answer;
    send_out(call, buf_slice(withheld));
    buf_clear(withheld);
    buf_trim(withheld, WITHHELD_KEPT);
}

/* Before the answer has begun its bytes wait in the attempt; they leave with the first ones after
 * it. */
static bool flush_out(struct call *call)
{
    struct attempt *attempt = &call->attempt;
    struct buf *out = &call->worker->out;
    if (out->failed) {
        return fail_lost(call);
    }
    if (call->committed && attempt->answer.len == 0) {
        send_out(call, buf_slice(out));
        return true;
    }
    if (!call->committed && attempt->answer.len + out->len > UNCOMMITTED_MAX && !is_held(call)) {
        if (!attempt->meter.started) {
            attempt_fail(call, "no_answer", "256 KB of stream without an answer");
            return false;
        }
        stream_commit(call); /* a long announcement: some repeat the request in it */
    }
    if (!buf_append(&attempt->answer, buf_slice(out))) {
        return fail_lost(call);
    }
    if (call->committed) {
        send_withheld(call);
    }
    return true;
}

void stream_release(struct call *call)
{
    stream_commit(call);
    send_withheld(call);
}

/* What came before the failure belongs to the client. */
static bool fail_after_flush(struct call *call)
{
    if (call->committed) {
        (void)!flush_out(call);
    }
    return false;
}

static bool fail_stream(struct call *call, const char *error)
{
    attempt_fail(call, error, "");
    return fail_after_flush(call);
}

/* A verbatim answer is never failed by our reading of it; what is no JSON at all does not begin
 * one. */
static bool pass_unread(struct call *call, const struct frame *frame)
{
    if (call->attempt.lane == LANE_TRANSLATE || (frame->garbled && !call->committed)) {
        return false;
    }
    struct meter *meter = &call->attempt.meter;
    meter->unread = meter->unread || !frame->garbled;
    meter->next_number = frame->next_number > 0 ? frame->next_number : meter->next_number;
    if (call->abandoned) {
        return true; /* nobody is there to get it */
    }
    if (!call->committed) {
        stream_commit(call);
    }
    buf_append(&call->worker->out, frame->raw);
    return true;
}

bool stream_take(struct call *call, struct slice bytes)
{
    struct attempt *attempt = &call->attempt;
    struct frame frame;
    buf_clear(&call->worker->out);
    for (;;) {
        switch (attempt->back->decode(attempt->decoder, &bytes, &frame)) {
        case DECODE_FRAME:
            if (!take_frame(call, &frame)) {
                return fail_after_flush(call);
            }
            if (attempt->emulation != NULL && emulation_is_cut(attempt->emulation)) {
                return flush_out(call);
            }
            break;
        case DECODE_MALFORMED:
            if (!pass_unread(call, &frame)) {
                return fail_stream(call, "malformed_event");
            }
            break;
        case DECODE_TOO_LARGE:
            return fail_stream(call, "event_too_large");
        case DECODE_MORE:
            return flush_out(call);
        }
    }
}

/* The encoder's terminal bytes, where the upstream's dialect has no frame for them. */
static void encode_end(struct call *call)
{
    if (call->attempt.lane == LANE_TRANSLATE && !call->attempt.meter.ended) {
        encode_estimate(call, &call->worker->out);
        (void)encode_frame(call, &end_frame, &call->worker->out);
    }
}

bool stream_end(struct call *call)
{
    struct attempt *attempt = &call->attempt;
    struct frame frame;
    buf_clear(&call->worker->out);
    while (attempt->back->decode_end(attempt->decoder, &frame) == DECODE_FRAME) {
        if (!take_frame(call, &frame)) {
            return fail_after_flush(call);
        }
    }
    bool held = is_held(call);
    if ((!call->committed && !held) || !is_complete(&attempt->meter)) {
        return fail_stream(call, "truncated_stream");
    }
    if (!ends_well(call)) {
        return fail_after_flush(call);
    }
    if (!held) {
        settle_at_end(call);
    }
    encode_end(call);
    return flush_out(call);
}

enum call_step stream_deliver(struct call *call)
{
    struct attempt *attempt = &call->attempt;
    struct buf *out = &call->worker->out;
    struct slice bytes = buf_slice(&attempt->answer);
    size_t meta_at = call->check->meta_at < bytes.len ? call->check->meta_at : bytes.len;
    bool ends = attempt->emulation != NULL && emulation_is_cut(attempt->emulation);
    stream_commit(call);
    settle_at_end(call);
    buf_clear(out);
    buf_append(out, slice_of(bytes.ptr, meta_at));
    append_meta(call, out);
    buf_append(out, slice_from(bytes, meta_at));
    if (out->failed) {
        call->delivered = false;
        attempt_fail(call, "no_memory", "");
        return STEP_DELIVER;
    }
    send_out(call, buf_slice(out));
    buf_clear(&attempt->answer);
    if (!attempt->upstream_open) {
        return STEP_DELIVER;
    }
    if (ends) {
        call_linger_not(call);
    } else {
        call_linger(call);
    }
    return STEP_WAIT;
}

/* A whole answer, as the stream that the client wanted, for a verdict. */
static bool hold_whole(struct call *call, const struct frame *frame)
{
    struct buf *out = &call->worker->out;
    if (call->keeps_answer) {
        stored_frame(call, frame);
    }
    call->check->meta_at = out->len;
    encode_estimate(call, out);
    (void)encode_frame(call, &end_frame, out);
    buf_clear(&call->attempt.answer); /* what the frame was read from must not follow */
    return flush_out(call);
}

bool stream_whole(struct call *call, const struct frame *frame)
{
    struct buf *out = &call->worker->out;
    struct frame answer = *frame;
    while (answer.count > 0 && answer.events[answer.count - 1].kind == EVENT_END) {
        answer.count--; /* the cost comes before the terminal bytes */
    }
    buf_clear(out);
    call->attempt.lane = LANE_TRANSLATE;
    if (!encode_frame(call, &answer, out)) {
        attempt_fail(call, "malformed_answer", "");
        return false;
    }
    if (is_held(call)) {
        return hold_whole(call, frame);
    }
    stream_commit(call);
    if (call->keeps_answer) {
        stored_frame(call, frame);
    }
    settle_at_end(call);
    append_meta(call, out);
    encode_estimate(call, out);
    (void)encode_frame(call, &end_frame, out);
    buf_release(&call->attempt.answer); /* what the frame was read from must not follow */
    return flush_out(call);
}

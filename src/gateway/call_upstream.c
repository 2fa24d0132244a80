/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* strptime, timegm */
/* The upstream's callbacks: what kind of answer it is, its bytes, its end, its failure. */
#include "gateway/answer_loss.h"
#include "gateway/attempt_run.h"
#include "gateway/call_budget.h"
#include "gateway/call_check.h"
#include "gateway/call_error.h"
#include "gateway/call_linger.h"
#include "gateway/call_stream.h"
#include "gateway/opaque.h"
#include "gateway/rate_limits.h"
#include "gateway/stored.h"

#include "codec/json_follow.h"
#include "dialect/emulate.h"

#include <stdio.h>
#include <time.h>

#define CONTENT_TYPE_MAX 256
#define INFLATE_RATIO 100
#define LIMITS_BYTES_MAX 2048 /* of an upstream's rate-limit headers */
#define RETRY_AFTER_S_MAX 86400
#define INFLATE_BYTES (256u << 20)

static struct call *call_of(struct upstream_request *r)
{
    struct call *call = r->user;
    CHECK(call->magic == CALL_MAGIC);
    return call;
}

/* An HTTP date (RFC 9110, 5.6.7; only the form that is still sent) as ms from now. */
static int64_t ms_until(struct slice date, int64_t wall_ns)
{
    char text[40];
    struct tm parts = {.tm_sec = 0};
    if (date.len >= sizeof(text)) {
        return 0;
    }
    slice_to_cstr(date, text, sizeof(text));
    const char *end = strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
    if (end == NULL || *end != '\0') {
        return 0;
    }
    int64_t seconds = (int64_t)timegm(&parts) - wall_ns / NS_PER_S;
    return seconds > 0 && seconds < RETRY_AFTER_S_MAX ? seconds * 1000 : 0;
}

static int64_t retry_after_ms(const struct http_response *head, int64_t wall_ns)
{
    uint64_t value;
    struct slice ms = http_header_find(head->headers, head->header_count, SLICE("retry-after-ms"));
    if (slice_to_u64(slice_trim(ms), &value) && value < RETRY_AFTER_S_MAX * 1000) {
        return (int64_t)value;
    }
    struct slice seconds =
        http_header_find(head->headers, head->header_count, SLICE("retry-after"));
    if (slice_to_u64(slice_trim(seconds), &value)) {
        return value < RETRY_AFTER_S_MAX ? (int64_t)value * 1000 : 0;
    }
    return ms_until(slice_trim(seconds), wall_ns);
}

static enum retry_advice retry_advice(const struct http_response *head)
{
    struct slice value =
        http_header_find(head->headers, head->header_count, SLICE("x-should-retry"));
    return slice_eq_nocase(value, SLICE("false"))  ? RETRY_NO
           : slice_eq_nocase(value, SLICE("true")) ? RETRY_YES
                                                   : RETRY_UNSAID;
}

static bool name_starts(struct slice name, struct slice prefix)
{
    return name.len > prefix.len && slice_eq_nocase(slice_of(name.ptr, prefix.len), prefix);
}

static bool is_limit(const struct http_header *header)
{
    /* most names are told apart by their first letter */
    char first = header->name.len > 0 ? (char)(header->name.ptr[0] | 0x20) : '\0';
    return (first == 'x' && name_starts(header->name, SLICE("x-ratelimit-"))) ||
           (first == 'a' && name_starts(header->name, SLICE("anthropic-ratelimit-")));
}

static char *put(char *at, struct slice text)
{
    if (text.len > 0) {
        memcpy(at, text.ptr, text.len);
    }
    return at + text.len;
}

static void note_limits(struct call *call, const struct http_response *head)
{
    size_t size = 0;
    for (size_t i = 0; i < head->header_count; i++) {
        const struct http_header *header = &head->headers[i];
        size += is_limit(header) ? header->name.len + header->value.len + 4 : 0;
    }
    char *lines = size == 0 || size > LIMITS_BYTES_MAX ? NULL : arena_alloc(&call->arena, size);
    if (lines == NULL) {
        return;
    }
    char *at = lines;
    for (size_t i = 0; i < head->header_count; i++) {
        const struct http_header *header = &head->headers[i];
        if (is_limit(header) && http_value_valid(header->value)) {
            at = put(at, header->name);
            at = put(at, SLICE(": "));
            at = put(at, header->value);
            at = put(at, SLICE("\r\n"));
        }
    }
    call->attempt.limits = slice_of(lines, (size_t)(at - lines));
}

/* In the words of the client's dialect, where that is another one. */
static void translate_limits(struct call *call, const struct http_response *head)
{
    int64_t wall_ns = clock_wall(call->worker->loop.clock);
    struct rate_limits limits;
    if (!rate_limits_read(head->headers, head->header_count, wall_ns, &limits)) {
        return;
    }
    struct buf lines = BUF_INIT(LIMITS_BYTES_MAX);
    rate_limits_write(&limits, call->endpoint->dialect, wall_ns, &lines);
    if (lines.len > 0 && !lines.failed) {
        call->attempt.limits = arena_copy(&call->arena, buf_slice(&lines));
    }
    buf_release(&lines);
}

static bool type_starts(struct slice type, struct slice prefix)
{
    return type.len >= prefix.len && slice_eq_nocase(slice_of(type.ptr, prefix.len), prefix);
}

/* A dialect may have a type of its own for its streams. */
static bool is_own_stream(const struct dialect *back, struct slice type)
{
    return back->stream_content_type.len > 0 && type_starts(type, back->stream_content_type);
}

/* Some servers stream without saying so. */
static bool says_nothing(struct slice type)
{
    return type.len == 0 || type_starts(type, SLICE("text/plain")) ||
           type_starts(type, SLICE("application/octet-stream"));
}

static void note_encoding(struct attempt *attempt, const struct http_response *head)
{
    struct slice encoding =
        http_header_find(head->headers, head->header_count, SLICE("content-encoding"));
    if (encoding.len > 0 &&
        (slice_eq_nocase(encoding, SLICE("gzip")) || slice_eq_nocase(encoding, SLICE("deflate")) ||
         slice_eq_nocase(encoding, SLICE("x-gzip")))) {
        attempt->inflate = inflate_new(INFLATE_BYTES, INFLATE_RATIO);
    }
}

static void on_head(struct upstream_request *r, const struct http_response *head)
{
    struct call *call = call_of(r);
    struct attempt *attempt = &call->attempt;
    attempt->status = head->status;
    if (head->status != 200) {
        int64_t wall_ns = clock_wall(call->worker->loop.clock);
        attempt->retry_after_ms = retry_after_ms(head, wall_ns);
        attempt->retry = retry_advice(head);
    }
    if (attempt->lane == LANE_TRANSLATE) {
        translate_limits(call, head);
    } else {
        note_limits(call, head);
    }
    struct slice type = http_header_find(head->headers, head->header_count, SLICE("content-type"));
    attempt->content_type =
        type.len <= CONTENT_TYPE_MAX ? arena_copy(&call->arena, type) : SLICE_EMPTY;
    bool wanted = head->status == 200 && call->streamed;
    attempt->is_stream = wanted && (type_starts(type, SLICE("text/event-stream")) ||
                                    type_starts(type, SLICE("application/x-ndjson")) ||
                                    is_own_stream(attempt->back, type));
    attempt->untyped = wanted && says_nothing(type);
    note_encoding(attempt, head);
}

/* The attempt is over while the upstream still talks: nothing more of it is wanted. */
static void stop_failed(struct call *call)
{
    if (call->attempt.upstream_open) {
        upstream_cancel(&call->attempt.request);
        call->attempt.upstream_open = false;
    }
    call_run(call, STEP_SETTLE);
}

/* The first byte tells: a whole answer is an object, and so is each line of NDJSON, where a whole
 * answer is a stream of one line. */
static void guess_kind(struct attempt *attempt, struct slice bytes)
{
    bool lines = type_starts(attempt->back->stream_content_type, SLICE("application/x-ndjson"));
    attempt->untyped = false;
    attempt->is_stream = lines || bytes.ptr[0] != '{';
    attempt->content_type = SLICE_EMPTY;
}

static bool take_plain(struct call *call, struct slice bytes)
{
    if (call->attempt.untyped) {
        guess_kind(&call->attempt, bytes);
    }
    if (call->attempt.is_stream) {
        return stream_take(call, bytes);
    }
    if (!buf_append(&call->attempt.answer, bytes)) {
        attempt_fail(call, "answer_too_large", "");
        return false;
    }
    return true;
}

static bool take_compressed(struct call *call, struct slice bytes)
{
    struct buf plain = BUF_INIT(INFLATE_BYTES);
    enum inflate_result result = inflate_feed(call->attempt.inflate, bytes, &plain);
    bool ok = result == INFLATE_OK || result == INFLATE_END;
    if (!ok) {
        attempt_fail(call, result == INFLATE_CORRUPT ? "corrupt_encoding" : "answer_too_large", "");
    } else if (plain.len > 0) {
        ok = take_plain(call, buf_slice(&plain));
    }
    buf_release(&plain);
    return ok;
}

/* We ended the answer; the provider would go on. */
static bool is_cut(const struct attempt *attempt)
{
    return attempt->emulation != NULL && emulation_is_cut(attempt->emulation);
}

/* Its answer is complete, and a judge is asked. */
static bool is_judged_now(const struct call *call)
{
    return call->check != NULL && call->check->under_way;
}

static void on_data(struct upstream_request *r, struct slice bytes)
{
    struct call *call = call_of(r);
    if (call->lingering) {
        call_linger_data(call, bytes.len);
        return;
    }
    if (is_judged_now(call)) {
        return; /* its answer is complete: nothing that matters */
    }
    bool ok =
        call->attempt.inflate != NULL ? take_compressed(call, bytes) : take_plain(call, bytes);
    if (call->abandoned) {
        if (!ok || call->attempt.meter.ended) {
            call_linger_finish(call);
        }
        return;
    }
    if (!ok) {
        stop_failed(call);
    } else if (call->delivered && call->attempt.meter.ended) {
        if (is_cut(&call->attempt)) {
            call_linger_not(call);
        } else {
            call_linger(call);
        }
    } else if (call->attempt.is_stream && call->attempt.meter.ended &&
               call_check_next(call) == STEP_CHECK) {
        call_run(call, STEP_CHECK); /* whenever the upstream's body ends */
    }
}

/* Our estimate of the usage in front of the answer's events, where its dialect wants one. */
static void add_estimate(struct call *call, struct frame *frame)
{
    struct event estimate;
    if (!answer_usage_estimate(call, &estimate)) {
        return;
    }
    struct event *events = arena_array(&call->arena, frame->count + 1, sizeof *events);
    if (events != NULL) { /* else the answer's writer tells what it knows: the prompt's */
        events[0] = estimate;
        for (size_t i = 0; i < frame->count; i++) {
            events[i + 1] = frame->events[i];
        }
        frame->events = events;
        frame->count++;
    }
}

/* The client's body from the answer's events, before the attempt is settled: what cannot be written
 * is a failed attempt, not a broken answer. The request's own body is not needed any more. */
static bool translate_whole(struct call *call, const struct frame *frame)
{
    struct attempt *attempt = &call->attempt;
    struct answer_head head;
    struct frame answer = *frame;
    call_answer_head(call, &head);
    add_estimate(call, &answer);
    buf_clear(&attempt->body);
    if (!call->front->write_answer(&head, &answer, &attempt->body) || attempt->body.failed) {
        attempt_fail(call, attempt->body.failed ? "answer_too_large" : "malformed_answer", "");
        return false;
    }
    return true;
}

/* Of an answer that is none otherwise. */
static void hear_usage(struct attempt *attempt, struct slice answer)
{
    struct usage usage;
    attempt->back->read_usage(attempt->decoder, answer, &usage);
    if (usage.reported || usage.unread) {
        usage_report(&attempt->meter.usage, &usage);
    }
}

/* JSON that we do not understand, in the client's own dialect: the provider's word, whatever it
 * says; what it cost is what it reports, else estimated. */
static bool pass_unread(struct attempt *attempt)
{
    hear_usage(attempt, buf_slice(&attempt->answer));
    attempt->meter.unread = true;
    attempt->meter.events = 1;
    attempt->meter.text_bytes = (int64_t)attempt->answer.len;
    attempt->outcome = ATTEMPT_OK;
    return true;
}

static void meter_whole(struct call *call, const struct frame *frame)
{
    meter_frame(&call->attempt.meter, frame);
    if (call_budget_capped(call)) {
        seen_frame(&call->attempt.seen, frame);
    }
}

/* What a stream has left when it is over before its end. */
static void hear_stream(struct call *call)
{
    struct attempt *attempt = &call->attempt;
    bool ended = attempt->meter.ended;
    struct frame frame;
    while (attempt->back->decode_end(attempt->decoder, &frame) == DECODE_FRAME) {
        meter_whole(call, &frame);
    }
    attempt->meter.ended = ended; /* the body's end is no word of the provider */
}

static bool hear_whole(struct call *call, struct slice answer)
{
    struct frame frame;
    struct attempt *attempt = &call->attempt;
    bool read = attempt->back->decode_answer(attempt->decoder, answer, &frame) == DECODE_FRAME;
    if (read) {
        meter_whole(call, &frame);
    }
    return read;
}

void call_hear_out(struct call *call)
{
    struct attempt *attempt = &call->attempt;
    struct slice answer = buf_slice(&attempt->answer);
    if (attempt->status != 200 || attempt->decoder == NULL || attempt->heard) {
        return;
    }
    attempt->heard = true;
    if (attempt->is_stream) {
        hear_stream(call);
        return;
    }
    if (answer.len == 0 || hear_whole(call, answer)) {
        return;
    }
    struct buf mended = BUF_INIT(answer.len + 1);
    if (json_mend(answer, &mended)) {
        struct usage *usage = &attempt->meter.usage;
        if (!hear_whole(call, buf_slice(&mended))) {
            hear_usage(attempt, buf_slice(&mended));
        }
        /* where counts are members of their own, some may be missing */
        usage->reported = usage->reported && usage->output > 0;
    }
    buf_release(&mended);
}

/* Status 200 and a whole body: is it an answer? */
static bool whole_answer(struct call *call)
{
    struct attempt *attempt = &call->attempt;
    struct frame frame;
    enum decode_result result =
        attempt->back->decode_answer(attempt->decoder, buf_slice(&attempt->answer), &frame);
    if (result == DECODE_MALFORMED && !frame.garbled && attempt->lane != LANE_TRANSLATE &&
        !call->streamed) {
        return pass_unread(attempt);
    }
    if (result != DECODE_FRAME) {
        attempt_fail(call, "malformed_answer", "");
        call_hear_out(call);
        return false;
    }
    meter_whole(call, &frame);
    attempt->heard = true;
    answer_loss_frame(call, &frame);
    if (attempt->meter.thought) {
        opaque_note_frame(call, &frame);
    }
    if (attempt->meter.failed) {
        attempt_fail(call, "error_in_answer", attempt->meter.error);
        return false;
    }
    const char *fault = attempt_fault(call, "malformed_answer");
    if (fault != NULL) {
        attempt_fail(call, fault, attempt->meter.finish_word);
        return false;
    }
    if (!stream_emulate(call, &frame)) {
        return false;
    }
    call_check_frame(call, &frame);
    if (call->keeps_answer && !call->streamed) {
        stored_frame(call, &frame);
    }
    if (!call->streamed && attempt->lane == LANE_TRANSLATE && !translate_whole(call, &frame)) {
        return false;
    }
    attempt->outcome = ATTEMPT_OK;
    return !call->streamed || stream_whole(call, &frame);
}

static void note_refusal(struct call *call)
{
    char status[24];
    struct attempt *attempt = &call->attempt;
    static const char *const by_status[] = {"http_error", "http_401", "http_429", "http_5xx"};
    size_t which = attempt->status == 401   ? 1
                   : attempt->status == 429 ? 2
                   : attempt->status >= 500 ? 3
                                            : 0;
    snprintf(status, sizeof(status), "%d", attempt->status);
    attempt_fail(call, by_status[which], status);
}

static void on_end(struct upstream_request *r)
{
    struct call *call = call_of(r);
    struct attempt *attempt = &call->attempt;
    attempt->upstream_open = false;
    if (call->abandoned) {
        call_linger_finish(call);
        return;
    }
    if (call->lingering) {
        call_run(call, STEP_DONE);
        return;
    }
    if (is_judged_now(call)) {
        return;
    }
    if (attempt->status != 200) {
        note_refusal(call);
    } else if (attempt->is_stream) {
        if (stream_end(call)) {
            attempt->outcome = ATTEMPT_OK;
        }
    } else {
        (void)!whole_answer(call);
    }
    call_run(call, call_check_next(call));
}

static void on_fail(struct upstream_request *r, enum upstream_failure failure, const char *detail)
{
    struct call *call = call_of(r);
    struct attempt *attempt = &call->attempt;
    attempt->upstream_open = false;
    if (call->abandoned) {
        call_linger_finish(call);
        return;
    }
    if (call->committed && !attempt->open) {
        call_run(call, STEP_DELIVER); /* everything the provider had to say was said */
        return;
    }
    if (is_judged_now(call)) {
        return;
    }
    attempt_fail(call, upstream_failure_name(failure), detail);
    call_hear_out(call);
    call_run(call, STEP_SETTLE);
}

const struct upstream_ops attempt_upstream_ops = {
    .on_head = on_head,
    .on_data = on_data,
    .on_end = on_end,
    .on_fail = on_fail,
};

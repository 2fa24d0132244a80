/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a call ends badly: before the answer has begun with a status and a body in the client's
 * dialect, after it with an error event and a cut connection, so that a truncated answer looks
 * truncated.
 */
#include "gateway/answer_headers.h"
#include "gateway/call_check.h"
#include "gateway/call_record.h"
#include "gateway/status.h"
#include "gateway/stored.h"

#include "codec/json_write.h"

#include <stdarg.h>
#include <stdio.h>

static struct slice error_type(int status)
{
    if (status == 401) {
        return SLICE("authentication_error");
    }
    if (status == 429) {
        return SLICE("rate_limit_error");
    }
    return status < 500 ? SLICE("invalid_request_error") : SLICE("api_error");
}

static bool tells_when(int status)
{
    return status == 429 || status == 503 || status == 529;
}

static void fill_error(const struct call *call, int status, const char *code,
                       const struct fail_words *words, struct answer_error *ret_error)
{
    *ret_error = (struct answer_error){
        .status = status,
        .type = words->type.len > 0 ? words->type : error_type(status),
        .code = words->code.len > 0 ? words->code : slice_from_cstr(code),
        .message = words->message,
        .param = words->param.len > 0 ? words->param : SLICE_EMPTY,
        .call_id = slice_of(call->id_text, ID_TEXT_LEN),
        .detail = SLICE_EMPTY,
        .retry_after_ms = tells_when(status) ? call->attempt.retry_after_ms : 0,
        .stream_array = call->stream_array,
        .stream_begun = call->stream_begun,
        .encoder = call->committed && call->attempt.lane == LANE_TRANSLATE ? call->encoder : NULL,
        .model = call->attempt.target != NULL ? call->attempt.model : SLICE_EMPTY,
        .created_s = call->started_wall_ns / NS_PER_S,
    };
    if (call->committed && call->attempt.lane != LANE_TRANSLATE) {
        ret_error->answer_id = slice_from_cstr(call->attempt.meter.answer_id);
        ret_error->next_number = call->attempt.meter.next_number;
    }
}

/* The plan, when there is one to show. What planning knew of the request is worked out again: other
 * calls have used the worker's scratch since. */
static void write_detail(struct call *call, struct buf *out)
{
    if (call->decision == NULL || call->decision->plan.count == 0) {
        return;
    }
    features_extract(&call->chat, &call->worker->features);
    decide_write_json(call->snapshot, &call->chat, &call->worker->features, call->decision, out);
}

static void respond(struct call *call, const struct answer_error *error)
{
    struct buf body = BUF_INIT(256 * 1024);
    call->front->write_error(error, &body);
    struct buf *lines = answer_headers_begin(call);
    answer_headers_add(lines, SLICE("content-type"), SLICE("application/json"));
    answer_headers_of_call(lines, call);
    if (tells_when(error->status)) {
        answer_headers_retry_after(lines, call);
    }
    answer_headers_should_retry(lines, call, error->status);
    answer_headers_limits(lines, call);
    if (error->status == 415) {
        answer_headers_add(lines, SLICE("accept-encoding"), SLICE("identity"));
    }
    struct http_exchange *x = call->exchange;
    call->exchange = NULL;
    http_exchange_set_user(x, NULL);
    http_respond_lines(x, error->status, answer_headers_lines(lines), buf_slice(&body));
    buf_release(&body);
}

/* The last words, and a cut connection, so that whoever does not read them sees an answer that is
 * not whole. */
static void cut(struct call *call, const struct answer_error *error)
{
    struct http_exchange *x = call->exchange;
    bool told = false;
    if (call->streamed) {
        struct buf *out = &call->worker->out;
        buf_clear(out);
        call->front->write_stream_error(error, out);
        if (out->len > 0) {
            http_write(x, buf_slice(out));
            told = call->front->error_ends_stream;
        }
        buf_clear(out);
    }
    call->exchange = NULL;
    http_exchange_set_user(x, NULL);
    if (told) {
        http_finish(x);
    } else {
        http_abort(x);
    }
}

enum call_step call_fail_words(struct call *call, int status, const char *code,
                               const struct fail_words *words)
{
    if (call_check_has_better(call) && call->exchange != NULL) {
        return STEP_DELIVER; /* an answer that was kept is better than an error */
    }
    call->error_code = code;
    call->delivered = false;
    bool begun = call->committed || call->announced;
    if (!begun) {
        call->status = status;
    }
    struct answer_error error;
    fill_error(call, status, code, words, &error);
    struct buf detail = BUF_INIT(128 * 1024);
    if (!call->committed && (status == 422 || status >= 500 || status == 429)) {
        write_detail(call, &detail);
        error.detail = detail.len > 0 && !detail.failed ? buf_slice(&detail) : SLICE_EMPTY;
    }
    call_record_close(call);
    if (call->exchange != NULL) {
        if (begun) {
            cut(call, &error);
        } else {
            respond(call, &error);
        }
    }
    buf_release(&detail);
    return STEP_DONE;
}

enum call_step call_fail(struct call *call, int status, const char *code, const char *param,
                         const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    size_t used = len < 0 ? 0 : (size_t)len < sizeof(text) ? (size_t)len : sizeof(text) - 1;
    const struct fail_words words = {
        .param = param == NULL ? SLICE_EMPTY : slice_from_cstr(param),
        .message = slice_of(text, used),
    };
    return call_fail_words(call, status, code, &words);
}

enum call_step call_fail_error(struct call *call, const struct error *error)
{
    struct error placed = *error;
    stored_place(call, &placed);
    const struct fail_words words = {.param = slice_from_cstr(placed.pointer),
                                     .message = slice_from_cstr(error->text)};
    return call_fail_words(call, error_status(error->kind), error->code, &words);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the dialects share: requests read and written, streams decoded into a readable
 * trace. */
#ifndef TESTS_UNIT_DIALECT_FIXTURE_H
#define TESTS_UNIT_DIALECT_FIXTURE_H

#include "dialect/dialect.h"
#include "tests/tap.h"

#include <stdio.h>
#include <stdlib.h>

#define FIXTURE_LIMIT ((size_t)1 << 20)

/* --- requests --- */

struct request {
    struct json_doc doc;
    struct arena arena;
    struct chat chat;
    struct error error;
    bool ok;
};

static inline void request_read_as(struct request *request, enum dialect_id dialect,
                                   enum operation operation, struct slice body)
{
    memset(request, 0, sizeof *request);
    request->chat.operation = operation;
    json_doc_init(&request->doc);
    arena_init(&request->arena, FIXTURE_LIMIT * 16);
    request->ok = dialect_of(dialect)->read_request(body, &request->doc, &request->arena,
                                                    &request->chat, &request->error);
}

static inline void request_read(struct request *request, enum dialect_id dialect, struct slice body)
{
    request_read_as(request, dialect, OPERATION_CHAT, body);
}

static inline void request_release(struct request *request)
{
    json_doc_release(&request->doc);
    arena_release(&request->arena);
}

/* --- events as text --- */

static inline void trace_slice(struct buf *out, const char *name, struct slice value)
{
    if (value.ptr != NULL) {
        buf_printf(out, " %s=", name);
        buf_append(out, value);
    }
}

static inline void trace_usage(struct buf *out, const struct usage *usage)
{
    if (usage->cache_write_1h != 0) {
        buf_printf(out, " written_1h=%lld", (long long)usage->cache_write_1h);
    }
    buf_printf(out, " in=%lld out=%lld cached=%lld written=%lld thought=%lld audio=%lld/%lld",
               (long long)usage->input, (long long)usage->output, (long long)usage->cache_read,
               (long long)usage->cache_write, (long long)usage->reasoning,
               (long long)usage->audio_input, (long long)usage->audio_output);
    if ((usage->image_input | usage->image_output) != 0) {
        buf_printf(out, " image=%lld/%lld", (long long)usage->image_input,
                   (long long)usage->image_output);
    }
    if (usage->has_provider_cost) {
        buf_printf(out, " cost=%lld", (long long)usage->provider_cost_nd);
    }
    buf_append_cstr(out, usage->unread ? " unread" : "");
    buf_append_cstr(out, usage->cost_unread ? " cost_unread" : "");
}

static inline void trace_event(struct buf *out, const struct event *event)
{
    static const char *const names[] = {
        [EVENT_START] = "start",         [EVENT_TEXT] = "text",
        [EVENT_REASONING] = "reasoning", [EVENT_REFUSAL] = "refusal",
        [EVENT_TOOL_CALL] = "call",      [EVENT_TOOL_ARGUMENTS] = "arguments",
        [EVENT_FINISH] = "finish",       [EVENT_USAGE] = "usage",
        [EVENT_ERROR] = "error",         [EVENT_END] = "end",
        [EVENT_SIGNATURE] = "signature", [EVENT_OPAQUE] = "opaque",
        [EVENT_CITATION] = "citation",   [EVENT_LOGPROBS] = "logprobs",
        [EVENT_EMBEDDING] = "embedding", [EVENT_IMAGE] = "image",
        [EVENT_DETAIL] = "detail",       [EVENT_LOST] = "lost",
    };
    buf_printf(out, "%s", names[event->kind]);
    if (event->choice != 0) {
        buf_printf(out, " choice=%u", event->choice);
    }
    if (event->kind == EVENT_TOOL_CALL || event->kind == EVENT_TOOL_ARGUMENTS ||
        event->kind == EVENT_EMBEDDING) {
        buf_printf(out, " index=%u%s", event->index, event->custom ? " custom" : "");
    }
    trace_slice(out, "id", event->id);
    trace_slice(out, "name", event->name);
    trace_slice(out, "text", event->text);
    if (event->kind == EVENT_CITATION && event->end >= 0) {
        buf_printf(out, " at=%d-%d", (int)event->start, (int)event->end);
    }
    if (event->kind == EVENT_FINISH) {
        buf_printf(out, " %s", finish_reason_name(event->finish));
        trace_slice(out, "native", event->native);
    }
    if (event->kind == EVENT_USAGE) {
        trace_usage(out, &event->usage);
    }
    buf_append_char(out, '\n');
}

/* --- streams --- */

struct run {
    struct buf trace;   /* events, and a line "-" with marks for each frame */
    struct buf encoded; /* what an OpenAI client gets, usage asked for */
    struct buf raw;     /* the frames' bytes */
    bool too_large;
    bool formless; /* the front had no form for a frame: nothing was told after it */
};

static inline void run_release(struct run *run)
{
    buf_release(&run->trace);
    buf_release(&run->encoded);
    buf_release(&run->raw);
}

static inline void run_frame(struct run *run, const struct dialect *front, struct encoder *encoder,
                             enum decode_result result, const struct frame *frame)
{
    buf_append(&run->raw, frame->raw);
    if (result == DECODE_MALFORMED) {
        buf_append(&run->trace, SLICE("malformed\n"));
        return;
    }
    for (size_t i = 0; i < frame->count; i++) {
        trace_event(&run->trace, &frame->events[i]);
    }
    buf_printf(&run->trace, "-%s%s%s", frame->usage_only ? " usage_only" : "",
               frame->terminal ? " terminal" : "", frame->hidden.len > 0 ? " hidden" : "");
    trace_slice(&run->trace, "bytes", frame->hidden.len > 0 ? frame->hidden : SLICE_EMPTY);
    buf_append_char(&run->trace, '\n');
    if (!run->formless) { /* else the gateway has ended the answer */
        run->formless = !front->encode(encoder, frame, &run->encoded);
        EXPECT(!run->encoded.failed);
    }
}

/* A decoder, every second time one that has another answer behind it and was reset: nobody must see
 * a difference. */
static inline struct decoder *fixture_decoder(const struct dialect *back)
{
    static unsigned turn;
    struct slice other =
        SLICE("data: {\"id\":\"old\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\","
              "\"tool_calls\":[{\"index\":0,\"id\":\"x\",\"function\":{\"name\":\"f\","
              "\"arguments\":\"{\"}},{\"index\":1,\"id\":\"y\",\"function\":"
              "{\"arguments\":\"1\"}}]},\"finish_reason\":\"stop\"}]}\n\ndata: {\"id");
    struct decoder *decoder = back->decoder_new(FIXTURE_LIMIT);
    struct frame frame;
    if (++turn % 2 == 0) {
        while (back->decode(decoder, &other, &frame) == DECODE_FRAME) {
        }
        back->decoder_reset(decoder);
    }
    return decoder;
}

/* Decodes `bytes` in pieces that end at the offsets `cuts`; the pieces are copies of their exact
   size, so that a sanitizer sees every read beyond them. */
static inline struct run run_stream(enum dialect_id back_id, enum dialect_id front_id,
                                    struct slice bytes, const size_t *cuts, size_t cut_count)
{
    struct run run = {BUF_INIT(FIXTURE_LIMIT * 8), BUF_INIT(FIXTURE_LIMIT * 8),
                      BUF_INIT(FIXTURE_LIMIT), false, false};
    const struct dialect *back = dialect_of(back_id);
    const struct dialect *front = dialect_of(front_id);
    struct answer_head head = {.call_id = SLICE("test-call"),
                               .model = SLICE("told-model"),
                               .created_s = 1700000000,
                               .include_usage = true,
                               .operation = front_id == DIALECT_OPENAI_COMPLETIONS
                                                ? OPERATION_COMPLETION
                                                : OPERATION_CHAT};
    struct decoder *decoder = fixture_decoder(back);
    struct encoder *encoder = front->encoder_new(&head);
    struct frame frame;
    enum decode_result result = DECODE_MORE;
    size_t at = 0;
    for (size_t i = 0; i <= cut_count && !run.too_large; i++) {
        size_t end = i < cut_count ? cuts[i] : bytes.len;
        char *copy = malloc(end - at + 1);
        if (end > at) {
            memcpy(copy, bytes.ptr + at, end - at);
        }
        struct slice piece = slice_of(copy, end - at);
        while ((result = back->decode(decoder, &piece, &frame)) == DECODE_FRAME ||
               result == DECODE_MALFORMED) {
            run_frame(&run, front, encoder, result, &frame);
        }
        run.too_large = result == DECODE_TOO_LARGE;
        at = end;
        free(copy);
    }
    while (!run.too_large && (result = back->decode_end(decoder, &frame)) != DECODE_MORE) {
        run.too_large = result == DECODE_TOO_LARGE;
        if (!run.too_large) {
            run_frame(&run, front, encoder, result, &frame);
        }
    }
    back->decoder_free(decoder);
    front->encoder_free(encoder);
    return run;
}

/* The trace of a stream in one piece; the caller releases the run. */
static inline struct run run_text(enum dialect_id back, const char *text)
{
    return run_stream(back, DIALECT_OPENAI_CHAT, slice_from_cstr(text), NULL, 0);
}

#define EXPECT_TRACE(back, text, wanted)                                                           \
    do {                                                                                           \
        struct run trace_run = run_text((back), (text));                                           \
        EXPECT_SLICE(buf_slice(&trace_run.trace), (wanted));                                       \
        run_release(&trace_run);                                                                   \
    } while (0)

#define EXPECT_ENCODED(back, text, wanted)                                                         \
    do {                                                                                           \
        struct run trace_run = run_text((back), (text));                                           \
        EXPECT_SLICE(buf_slice(&trace_run.encoded), (wanted));                                     \
        run_release(&trace_run);                                                                   \
    } while (0)

/* --- whole answers --- */

/* Decodes a whole answer and writes it for `front`; "malformed" or "too large" otherwise. The trace
 * goes to *trace. */
static inline void run_answer(enum dialect_id back_id, enum dialect_id front_id, struct slice body,
                              struct buf *trace, struct buf *out)
{
    const struct dialect *back = dialect_of(back_id);
    const struct dialect *front = dialect_of(front_id);
    struct answer_head head = {
        .call_id = SLICE("test-call"), .model = SLICE("told-model"), .created_s = 1700000000};
    struct decoder *decoder = fixture_decoder(back);
    struct frame frame;
    if (back->decode_answer(decoder, body, &frame) == DECODE_FRAME) {
        for (size_t i = 0; i < frame.count; i++) {
            trace_event(trace, &frame.events[i]);
        }
        EXPECT(frame.terminal);
        if (!front->write_answer(&head, &frame, out)) {
            EXPECT(!out->failed);
            buf_clear(out);
            buf_append(trace, SLICE("no form\n"));
        }
    } else {
        buf_append(trace, SLICE("malformed\n"));
    }
    back->decoder_free(decoder);
}

static inline bool is_json(struct slice text)
{
    struct json_doc doc;
    json_doc_init(&doc);
    bool ok = json_parse(&doc, text, &json_default_limits, NULL);
    json_doc_release(&doc);
    return ok;
}

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events as Ollama's answers: lines of a stream, or one object. Calls leave whole, with their
 * arguments as an object, at the finish: until then any of them may get another fragment. The line
 * with `done` is written when the provider said that it is done, not before.
 */
#include "dialect/ollama.h"

#include "base/memory.h"
#include "codec/json_write.h"
#include "dialect/encoder.h"
#include "dialect/inner.h"
#include "dialect/translate.h"

#include <stdio.h>
#include <time.h>

#define ARGUMENTS_MAX ((size_t)16 << 20)

struct waiting_call {
    uint32_t index;
    bool custom; /* its arguments are free text */
    struct buf name;
    struct buf id;
    struct buf arguments; /* plain JSON */
};

struct ollama_encoder {
    struct encoder base;
    struct waiting_call *calls;
    size_t count;
    size_t cap;
    enum finish_reason finish;
    bool malformed; /* a call has arguments that are no object */
};

static struct ollama_encoder *of(struct encoder *encoder)
{
    return (struct ollama_encoder *)encoder;
}

struct encoder *ollama_encoder_new(const struct answer_head *head)
{
    return encoder_make(sizeof(struct ollama_encoder), head);
}

static void drop_calls(struct ollama_encoder *o)
{
    for (size_t i = 0; i < o->count; i++) {
        buf_release(&o->calls[i].name);
        buf_release(&o->calls[i].id);
        buf_release(&o->calls[i].arguments);
    }
    o->count = 0;
}

void ollama_encoder_free(struct encoder *encoder)
{
    if (encoder != NULL) {
        drop_calls(of(encoder));
        memory_free(of(encoder)->calls);
    }
    encoder_free(encoder);
}

static bool is_plain(const struct encoder *e)
{
    return e->operation == OPERATION_COMPLETION;
}

static void append_time(struct buf *out, int64_t unix_s)
{
    char text[32];
    struct tm parts;
    time_t seconds = (time_t)unix_s;
    size_t len = 0;
    if (gmtime_r(&seconds, &parts) != NULL) {
        len = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    }
    buf_append(out, slice_of(text, len));
}

/* {"model":"...","created_at":"..." */
static void append_head(struct encoder *e, struct buf *out)
{
    if (e->prefix.len == 0) {
        buf_append(&e->prefix, SLICE("{\"model\":\""));
        json_escape(buf_slice(&e->model), &e->prefix);
        buf_append(&e->prefix, SLICE("\",\"created_at\":\""));
        append_time(&e->prefix, e->created_s);
        buf_append_char(&e->prefix, '"');
    }
    buf_append(out, buf_slice(&e->prefix));
    out->failed = out->failed || e->prefix.failed;
}

static void keep_model(struct encoder *e, const struct event *event)
{
    if (event->name.len > 0 && e->prefix.len == 0) {
        buf_clear(&e->model);
        json_unescape(event->name, &e->model);
    }
}

static void append_text(struct encoder *e, bool reasoning, struct slice inner, struct buf *out)
{
    static const struct slice begins[2][2] = {
        {SLICE_INIT(",\"message\":{\"role\":\"assistant\",\"content\":\""),
         SLICE_INIT(",\"message\":{\"role\":\"assistant\",\"content\":\"\",\"thinking\":\"")},
        {SLICE_INIT(",\"response\":\""), SLICE_INIT(",\"response\":\"\",\"thinking\":\"")},
    };
    append_head(e, out);
    buf_append(out, begins[is_plain(e) ? 1 : 0][reasoning ? 1 : 0]);
    inner_append(out, inner);
    buf_append(out, is_plain(e) ? SLICE("\",\"done\":false}\n") : SLICE("\"},\"done\":false}\n"));
}

static void append_image(struct encoder *e, const struct event *event, struct buf *out)
{
    if (is_plain(e) || event->text.len == 0) {
        return;
    }
    append_head(e, out);
    buf_append(out, SLICE(",\"message\":{\"role\":\"assistant\",\"content\":\"\",\"images\":[\""));
    inner_append(out, event->text);
    buf_append(out, SLICE("\"]},\"done\":false}\n"));
}

/* --- calls --- */

/* False: a text that is no object is nothing that a client could act on. */
static bool is_call(bool custom, struct slice text)
{
    return custom || slice_trim(text).len == 0 || is_json_object(text);
}

static void append_arguments(bool custom, struct slice text, struct buf *out)
{
    if (custom) {
        buf_append(out, SLICE("{\"input\":\""));
        json_escape(text, out);
        buf_append(out, SLICE("\"}"));
    } else {
        buf_append(out, slice_trim(text).len == 0 ? SLICE("{}") : text);
    }
}

static void append_call(bool custom, struct slice id, struct slice name, struct slice arguments,
                        struct buf *out)
{
    buf_append(out, SLICE("{\"id\":\""));
    inner_append(out, id);
    buf_append(out, SLICE("\",\"function\":{\"name\":\""));
    inner_append(out, name);
    buf_append(out, SLICE("\",\"arguments\":"));
    append_arguments(custom, arguments, out);
    buf_append(out, SLICE("}}"));
}

static void append_waiting(struct ollama_encoder *o, const struct waiting_call *call,
                           struct buf *out)
{
    append_head(&o->base, out);
    buf_append(out,
               SLICE(",\"message\":{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":["));
    append_call(call->custom, buf_slice(&call->id), buf_slice(&call->name),
                buf_slice(&call->arguments), out);
    buf_append(out, SLICE("]},\"done\":false}\n"));
    out->failed = out->failed || call->id.failed || call->name.failed || call->arguments.failed;
}

/* A call that the limit cut is no call; any other that cannot be told makes the answer none. */
static void flush_calls(struct ollama_encoder *o, enum finish_reason finish, struct buf *out)
{
    for (size_t i = 0; i < o->count; i++) {
        const struct waiting_call *call = &o->calls[i];
        if (is_call(call->custom, buf_slice(&call->arguments))) {
            append_waiting(o, call, out);
        } else if (finish != FINISH_LENGTH) {
            o->malformed = true;
        }
    }
    drop_calls(o);
}

static void begin_call(struct ollama_encoder *o, const struct event *event, struct buf *out)
{
    if (o->count == o->cap) {
        size_t cap = o->cap == 0 ? 4 : o->cap * 2;
        struct waiting_call *calls = memory_resize(o->calls, cap * sizeof *calls);
        if (calls == NULL) {
            out->failed = true;
            return;
        }
        o->calls = calls;
        o->cap = cap;
    }
    struct waiting_call *call = &o->calls[o->count++];
    *call = (struct waiting_call){event->index, event->custom, BUF_INIT(ARGUMENTS_MAX),
                                  BUF_INIT(ARGUMENTS_MAX), BUF_INIT(ARGUMENTS_MAX)};
    buf_append(&call->id, event->id);
    buf_append(&call->name, event->name);
}

static void take_arguments(struct ollama_encoder *o, const struct event *event)
{
    for (size_t i = o->count; i > 0; i--) {
        if (o->calls[i - 1].index == event->index) {
            json_unescape(event->text, &o->calls[i - 1].arguments);
            return;
        }
    }
}

/* --- the end --- */

/* Without a reason where none was told, and where it is a failure: there is no word for it; without
 * counts where the provider told none (NULL), as Ollama itself does. */
static void append_done(const struct usage *usage, enum finish_reason finish, struct buf *out)
{
    buf_append(out, SLICE(",\"done\":true"));
    if (finish != FINISH_NONE && finish != FINISH_ERROR) {
        buf_append(out, finish == FINISH_LENGTH ? SLICE(",\"done_reason\":\"length\"")
                                                : SLICE(",\"done_reason\":\"stop\""));
    }
    buf_append(out, SLICE(",\"total_duration\":0,\"load_duration\":0"));
    if (usage != NULL) {
        buf_append(out, SLICE(",\"prompt_eval_count\":"));
        buf_append_i64(out, usage->input);
    }
    buf_append(out, SLICE(",\"prompt_eval_duration\":0"));
    if (usage != NULL) {
        buf_append(out, SLICE(",\"eval_count\":"));
        buf_append_i64(out, usage->output);
    }
    buf_append(out, SLICE(",\"eval_duration\":0}"));
}

static void append_end(struct ollama_encoder *o, struct buf *out)
{
    flush_calls(o, o->finish, out);
    append_head(&o->base, out);
    buf_append(out, is_plain(&o->base)
                        ? SLICE(",\"response\":\"\"")
                        : SLICE(",\"message\":{\"role\":\"assistant\",\"content\":\"\"}"));
    append_done(o->base.has_usage ? &o->base.usage : NULL, o->finish, out);
    buf_append_char(out, '\n');
    o->base.over = true;
}

static void append_error(struct ollama_encoder *o, const struct event *event, struct buf *out)
{
    buf_append(out, SLICE("{\"error\":\""));
    inner_append(out, event->text);
    buf_append(out, SLICE("\"}\n"));
    o->base.over = true;
}

static void encode_event(struct ollama_encoder *o, const struct event *event, struct buf *out)
{
    struct encoder *e = &o->base;
    switch (event->kind) {
    case EVENT_START:
        keep_model(e, event);
        break;
    case EVENT_TEXT:
    case EVENT_REFUSAL:
    case EVENT_REASONING:
        append_text(e, event->kind == EVENT_REASONING, event->text, out);
        break;
    case EVENT_IMAGE:
        append_image(e, event, out);
        break;
    case EVENT_TOOL_CALL:
        begin_call(o, event, out);
        break;
    case EVENT_TOOL_ARGUMENTS:
        take_arguments(o, event);
        break;
    case EVENT_FINISH:
        flush_calls(o, event->finish, out);
        o->finish = event->finish;
        break;
    case EVENT_USAGE:
        usage_report(&e->usage, &event->usage);
        e->has_usage = true;
        break;
    case EVENT_ERROR:
        append_error(o, event, out);
        break;
    case EVENT_END:
        append_end(o, out);
        break;
    default: /* no place for seals, citations and probabilities */
        break;
    }
}

bool ollama_encode(struct encoder *encoder, const struct frame *frame, struct buf *out)
{
    for (size_t i = 0; i < frame->count && !encoder->over && !of(encoder)->malformed; i++) {
        if (frame->events[i].choice == 0) {
            encode_event(of(encoder), &frame->events[i], out);
        }
    }
    return !out->failed && !of(encoder)->malformed;
}

/* --- whole answers --- */

static void append_texts(const struct frame *frame, bool reasoning, struct buf *out)
{
    for (size_t i = 0; i < frame->count; i++) {
        const struct event *event = &frame->events[i];
        bool text = event->kind == EVENT_TEXT || event->kind == EVENT_REFUSAL;
        if (event->choice == 0 && (reasoning ? event->kind == EVENT_REASONING : text)) {
            inner_append(out, event->text);
        }
    }
}

static bool has(const struct frame *frame, enum event_kind kind)
{
    for (size_t i = 0; i < frame->count; i++) {
        if (frame->events[i].kind == kind && frame->events[i].choice == 0) {
            return true;
        }
    }
    return false;
}

static enum finish_reason finish_of(const struct frame *frame)
{
    for (size_t i = 0; i < frame->count; i++) {
        if (frame->events[i].kind == EVENT_FINISH && frame->events[i].choice == 0) {
            return frame->events[i].finish;
        }
    }
    return FINISH_NONE;
}

/* False: it cannot be told. */
static bool append_whole_call(const struct frame *frame, const struct event *call, bool first,
                              struct buf *out)
{
    struct buf arguments = BUF_INIT(ARGUMENTS_MAX);
    for (size_t i = 0; i < frame->count; i++) {
        const struct event *event = &frame->events[i];
        if (event->kind == EVENT_TOOL_ARGUMENTS && event->choice == 0 &&
            event->index == call->index) {
            json_unescape(event->text, &arguments);
        }
    }
    bool good = is_call(call->custom, buf_slice(&arguments));
    if (good) {
        buf_append(out, first ? SLICE(",\"tool_calls\":[") : SLICE(","));
        append_call(call->custom, call->id, call->name, buf_slice(&arguments), out);
    }
    out->failed = out->failed || arguments.failed;
    buf_release(&arguments);
    return good;
}

static bool append_whole_calls(const struct frame *frame, struct buf *out)
{
    bool begun = false;
    bool cut = finish_of(frame) == FINISH_LENGTH; /* then a call that is not whole is none */
    bool good = true;
    for (size_t i = 0; i < frame->count; i++) {
        const struct event *event = &frame->events[i];
        if (event->kind == EVENT_TOOL_CALL && event->choice == 0) {
            bool told = append_whole_call(frame, event, !begun, out);
            begun = begun || told;
            good = good && (told || cut);
        }
    }
    if (begun) {
        buf_append_char(out, ']');
    }
    return good;
}

static void append_whole_images(const struct frame *frame, struct buf *out)
{
    bool begun = false;
    for (size_t i = 0; i < frame->count; i++) {
        const struct event *event = &frame->events[i];
        if (event->kind == EVENT_IMAGE && event->choice == 0 && event->text.len > 0) {
            buf_append(out, begun ? SLICE("\",\"") : SLICE(",\"images\":[\""));
            inner_append(out, event->text);
            begun = true;
        }
    }
    buf_append(out, begun ? SLICE("\"]") : SLICE(""));
}

static bool append_message(const struct encoder *e, const struct frame *frame, struct buf *out)
{
    bool good = true;
    buf_append(out, is_plain(e) ? SLICE(",\"response\":\"")
                                : SLICE(",\"message\":{\"role\":\"assistant\",\"content\":\""));
    append_texts(frame, false, out);
    buf_append_char(out, '"');
    if (has(frame, EVENT_REASONING)) {
        buf_append(out, SLICE(",\"thinking\":\""));
        append_texts(frame, true, out);
        buf_append_char(out, '"');
    }
    if (!is_plain(e)) {
        append_whole_images(frame, out);
        good = append_whole_calls(frame, out);
        buf_append_char(out, '}');
    }
    return good;
}

static void append_embeddings(const struct encoder *e, const struct frame *frame, struct buf *out)
{
    bool begun = false;
    buf_append(out, SLICE("{\"model\":\""));
    json_escape(buf_slice(&e->model), out);
    buf_append(out, SLICE("\",\"embeddings\":["));
    for (size_t i = 0; i < frame->count; i++) {
        if (frame->events[i].kind == EVENT_EMBEDDING) {
            buf_append(out, begun ? SLICE(",") : SLICE(""));
            buf_append(out, frame->events[i].text);
            begun = true;
        }
    }
    buf_append(out, SLICE("],\"total_duration\":0,\"load_duration\":0,\"prompt_eval_count\":"));
    buf_append_i64(out, e->usage.input);
    buf_append_char(out, '}');
}

bool ollama_write_answer(const struct answer_head *head, const struct frame *frame, struct buf *out)
{
    struct encoder *e = encoder_new(head);
    bool good = true;
    if (e == NULL) {
        return false;
    }
    for (size_t i = 0; i < frame->count; i++) {
        const struct event *event = &frame->events[i];
        if (event->kind == EVENT_START) {
            keep_model(e, event);
        } else if (event->kind == EVENT_USAGE) {
            usage_report(&e->usage, &event->usage);
            e->has_usage = true;
        }
    }
    if (head->operation == OPERATION_EMBEDDING) {
        append_embeddings(e, frame, out);
    } else {
        append_head(e, out);
        good = append_message(e, frame, out);
        append_done(e->has_usage ? &e->usage : NULL, finish_of(frame), out);
    }
    encoder_free(e);
    return good && !out->failed;
}

/* --- errors --- */

/* Clients read the text; code and call are for people. */
void ollama_write_error(const struct answer_error *error, struct buf *out)
{
    struct json_writer w;
    json_writer_init(&w, out);
    json_begin_object(&w);
    json_member_string(&w, SLICE("error"), error->message);
    if (error->code.len > 0) {
        json_member_string(&w, SLICE("code"), error->code);
    }
    if (error->param.len > 0) {
        json_member_string(&w, SLICE("param"), error->param);
    }
    if (error->call_id.len > 0) {
        json_member_string(&w, SLICE("call_id"), error->call_id);
    }
    if (error->detail.len > 0) {
        json_member_raw(&w, SLICE("sluice"), error->detail);
    }
    json_end_object(&w);
}

void ollama_write_stream_error(const struct answer_error *error, struct buf *out)
{
    ollama_write_error(error, out);
    buf_append_char(out, '\n');
}

struct slice ollama_unsaid(const struct event *event)
{
    switch (event->kind) {
    case EVENT_SIGNATURE:
    case EVENT_OPAQUE:
    case EVENT_CITATION:
    case EVENT_LOGPROBS:
        return encoder_unsaid(event);
    case EVENT_IMAGE:
        return event->text.len > 0 ? SLICE_EMPTY : encoder_unsaid(event);
    default:
        return SLICE_EMPTY;
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events as a stream of OpenAI's chunks. Usage is kept until the end and written in one chunk of
 * its own, however often the provider reports it. Nothing that the provider did not say is made up:
 * no finish, no [DONE].
 */
#include "dialect/encoder.h"
#include "dialect/inner.h"
#include "dialect/openai.h"

/* Everything up to the choices is the same in each chunk of an answer. */
static void build_prefix(struct encoder *e, struct slice id, struct slice model)
{
    bool chat = e->operation == OPERATION_CHAT;
    struct buf *out = &e->prefix;
    buf_append(out, SLICE("data: {\"id\":\""));
    if (id.len > 0) {
        inner_append(out, id);
    } else {
        buf_append(out, chat ? SLICE("chatcmpl-") : SLICE("cmpl-"));
        json_escape(buf_slice(&e->call_id), out);
    }
    buf_append(out, chat ? SLICE("\",\"object\":\"chat.completion.chunk\",\"created\":")
                         : SLICE("\",\"object\":\"text_completion\",\"created\":"));
    buf_append_i64(out, e->created_s);
    buf_append(out, SLICE(",\"model\":\""));
    if (model.len > 0) {
        inner_append(out, model);
    } else {
        json_escape(buf_slice(&e->model), out);
    }
    buf_append(out, SLICE("\",\"choices\":["));
}

static void chunk_begin(struct encoder *e, struct buf *out)
{
    if (e->prefix.len == 0) {
        build_prefix(e, SLICE_EMPTY, SLICE_EMPTY);
    }
    buf_append(out, buf_slice(&e->prefix));
    out->failed = out->failed || e->prefix.failed;
}

/* The choice, up to the content of its delta. */
static void delta_begin(struct encoder *e, uint32_t choice, struct buf *out)
{
    chunk_begin(e, out);
    buf_append(out, SLICE("{\"index\":"));
    buf_append_u64(out, choice);
    buf_append(out, SLICE(",\"delta\":{"));
}

static void delta_end(struct buf *out)
{
    buf_append(out, SLICE("},\"finish_reason\":null}]}\n\n"));
}

static void write_role(struct encoder *e, uint32_t choice, struct buf *out)
{
    if (encoder_begin_choice(e, choice)) {
        delta_begin(e, choice, out);
        buf_append(out, SLICE("\"role\":\"assistant\",\"content\":\"\""));
        delta_end(out);
    }
}

static void write_text(struct encoder *e, const struct event *event, struct slice member,
                       struct buf *out)
{
    write_role(e, event->choice, out);
    delta_begin(e, event->choice, out);
    buf_append(out, member);
    inner_append(out, event->text);
    buf_append_char(out, '"');
    delta_end(out);
}

static void write_call(struct encoder *e, const struct event *event, struct buf *out)
{
    write_role(e, event->choice, out);
    delta_begin(e, event->choice, out);
    buf_append(out, SLICE("\"tool_calls\":[{\"index\":"));
    buf_append_u64(out, event->index);
    buf_append(out, SLICE(",\"id\":\""));
    inner_append(out, event->id);
    buf_append(out, SLICE("\",\"type\":\"function\",\"function\":{\"name\":\""));
    inner_append(out, event->name);
    buf_append(out, SLICE("\",\"arguments\":\"\"}}]"));
    delta_end(out);
    if (!encoder_begin_call(e, event)) {
        out->failed = true;
    }
}

static void write_fragment(struct encoder *e, uint32_t choice, uint32_t index, struct slice inner,
                           struct buf *out)
{
    delta_begin(e, choice, out);
    buf_append(out, SLICE("\"tool_calls\":[{\"index\":"));
    buf_append_u64(out, index);
    buf_append(out, SLICE(",\"function\":{\"arguments\":\""));
    inner_append(out, inner);
    buf_append(out, SLICE("\"}}]"));
    delta_end(out);
}

/* A call without arguments gets an empty object: clients parse the text as JSON and drop a call
 * whose text is empty. */
static void complete_calls(struct encoder *e, uint32_t choice, struct buf *out)
{
    for (size_t i = 0; i < e->call_count; i++) {
        struct encoder_call *call = &e->calls[i];
        if (call->choice == choice && !call->has_arguments) {
            call->has_arguments = true;
            write_fragment(e, choice, call->index, SLICE("{}"), out);
        }
    }
}

static void write_finish(struct encoder *e, const struct event *event, struct buf *out)
{
    write_role(e, event->choice, out);
    complete_calls(e, event->choice, out);
    chunk_begin(e, out);
    buf_append(out, SLICE("{\"index\":"));
    buf_append_u64(out, event->choice);
    buf_append(out, SLICE(",\"delta\":{},\"finish_reason\":\""));
    buf_append(out, openai_finish_word(event->finish));
    buf_append(out, SLICE("\"}]}\n\n"));
}

static void write_end(struct encoder *e, struct buf *out)
{
    if (e->include_usage && e->has_usage) {
        chunk_begin(e, out);
        buf_append(out, SLICE("],\"usage\":"));
        openai_write_usage(out, &e->usage);
        buf_append(out, SLICE("}\n\n"));
    }
    buf_append(out, SLICE("data: [DONE]\n\n"));
    e->over = true;
}

static void write_error(struct encoder *e, const struct event *event, struct buf *out)
{
    buf_append(out, SLICE("data: {\"error\":{\"message\":\""));
    inner_append(out, event->text);
    buf_append(out, SLICE("\",\"type\":\"upstream_error\",\"param\":null,\"code\":"));
    if (event->name.len == 0) {
        buf_append(out, SLICE("null"));
    } else {
        buf_append_char(out, '"');
        inner_append(out, event->name);
        buf_append_char(out, '"');
    }
    buf_append(out, SLICE(",\"call_id\":\""));
    json_escape(buf_slice(&e->call_id), out);
    buf_append(out, SLICE("\"}}\n\n"));
    e->over = true;
}

/* What both dialects do with an event; false: it is one of those that differ. */
static bool encode_common(struct encoder *e, const struct event *event, struct buf *out)
{
    switch (event->kind) {
    case EVENT_USAGE:
        usage_report(&e->usage, &event->usage);
        e->has_usage = true;
        return true;
    case EVENT_ERROR:
        write_error(e, event, out);
        return true;
    case EVENT_END:
        write_end(e, out);
        return true;
    case EVENT_START:
        if (e->prefix.len == 0) {
            build_prefix(e, event->id, event->name);
        }
        return false;
    default:
        return false;
    }
}

static void encode_chat(struct encoder *e, const struct event *event, struct buf *out)
{
    switch (event->kind) {
    case EVENT_START:
        write_role(e, 0, out);
        break;
    case EVENT_TEXT:
        write_text(e, event, SLICE("\"content\":\""), out);
        break;
    case EVENT_REASONING:
        write_text(e, event, SLICE("\"reasoning_content\":\""), out);
        break;
    case EVENT_REFUSAL:
        write_text(e, event, SLICE("\"refusal\":\""), out);
        break;
    case EVENT_TOOL_CALL:
        write_call(e, event, out);
        break;
    case EVENT_TOOL_ARGUMENTS:
        encoder_note_arguments(e, event);
        write_fragment(e, event->choice, event->index, event->text, out);
        break;
    case EVENT_FINISH:
        write_finish(e, event, out);
        break;
    default:
        break;
    }
}

bool openai_chat_encode(struct encoder *encoder, const struct frame *frame, struct buf *out)
{
    for (size_t i = 0; i < frame->count && !encoder->over; i++) {
        if (!encode_common(encoder, &frame->events[i], out)) {
            encode_chat(encoder, &frame->events[i], out);
        }
    }
    return !out->failed;
}

/* --- Completions: text and finish are all there is --- */

static void write_completion(struct encoder *e, const struct event *event, struct slice finish,
                             struct buf *out)
{
    chunk_begin(e, out);
    buf_append(out, SLICE("{\"text\":\""));
    inner_append(out, event->text);
    buf_append(out, SLICE("\",\"index\":"));
    buf_append_u64(out, event->choice);
    buf_append(out, SLICE(",\"logprobs\":null,\"finish_reason\":"));
    buf_append(out, finish);
    buf_append(out, SLICE("}]}\n\n"));
}

bool openai_completions_encode(struct encoder *encoder, const struct frame *frame, struct buf *out)
{
    for (size_t i = 0; i < frame->count && !encoder->over; i++) {
        const struct event *event = &frame->events[i];
        if (encode_common(encoder, event, out)) {
            continue;
        }
        if (event->kind == EVENT_TEXT || event->kind == EVENT_REFUSAL) {
            write_completion(encoder, event, SLICE("null"), out);
        } else if (event->kind == EVENT_FINISH) {
            char word[32] = "\"";
            struct slice name = openai_finish_word(event->finish);
            memcpy(word + 1, name.ptr, name.len);
            word[name.len + 1] = '"';
            write_completion(encoder, event, slice_of(word, name.len + 2), out);
        }
    }
    return !out->failed;
}

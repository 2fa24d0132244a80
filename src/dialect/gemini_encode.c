/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events as a stream of Gemini's chunks. A call goes out when its choice is finished, because this
 * dialect has no fragments; reasons and usage go out together in the last chunk. A call that no
 * Gemini model made gets the signature that lets its history pass to one later. Nothing that the
 * provider did not say is made up: no reason, no end of the array.
 */
#include "base/memory.h"
#include "dialect/encoder.h"
#include "dialect/gemini.h"
#include "dialect/inner.h"

#define HELD_MAX ((size_t)64 << 20)

struct held_call {
    uint32_t choice;
    uint32_t index;
    bool written;
    bool custom;
    struct buf id;
    struct buf name;
    struct buf arguments;
    struct buf signature;
};

struct gemini_encoder {
    struct encoder base;
    bool array;
    bool same;          /* chunks go into the array as the provider sent them */
    bool begun;         /* a chunk was written */
    bool show_thoughts; /* the client asked for them */
    struct held_call *held;
    size_t held_count;
    size_t held_cap;
    uint64_t refused[DECODER_CHOICES_MAX / 64]; /* choices with words of refusal */
    uint64_t finished[DECODER_CHOICES_MAX / 64];
    uint8_t finish[DECODER_CHOICES_MAX]; /* enum finish_reason */
    struct buf parts;                    /* of a chunk under way */
    bool malformed;                      /* a call has arguments that are no object */
    struct gemini_sources sources;
};

static struct gemini_encoder *own(struct encoder *encoder)
{
    return CONTAINER_OF(encoder, struct gemini_encoder, base);
}

struct encoder *gemini_encoder_new(const struct answer_head *head)
{
    struct encoder *encoder = encoder_make(sizeof(struct gemini_encoder), head);
    if (encoder == NULL) {
        return NULL;
    }
    struct gemini_encoder *e = own(encoder);
    e->array = head->stream_array;
    e->same = head->stream_array && head->same_dialect;
    e->show_thoughts = head->chat == NULL || head->chat->show_thinking;
    buf_init(&e->parts, HELD_MAX);
    gemini_sources_init(&e->sources);
    return encoder;
}

void gemini_encoder_free(struct encoder *encoder)
{
    if (encoder == NULL) {
        return;
    }
    struct gemini_encoder *e = own(encoder);
    for (size_t i = 0; i < e->held_count; i++) {
        buf_release(&e->held[i].id);
        buf_release(&e->held[i].name);
        buf_release(&e->held[i].arguments);
        buf_release(&e->held[i].signature);
    }
    memory_free(e->held);
    buf_release(&e->parts);
    gemini_sources_release(&e->sources);
    encoder_free(encoder);
}

/* --- chunks --- */

/* What ends every chunk of an answer: who answers. */
static void build_tail(struct gemini_encoder *e, struct slice id, struct slice model)
{
    struct buf *tail = &e->base.prefix;
    buf_append(tail, SLICE(",\"modelVersion\":\""));
    if (model.len > 0) {
        inner_append(tail, model);
    } else {
        json_escape(buf_slice(&e->base.model), tail);
    }
    buf_append(tail, SLICE("\",\"responseId\":\""));
    if (id.len > 0) {
        inner_append(tail, id);
    } else {
        json_escape(buf_slice(&e->base.call_id), tail);
    }
    buf_append(tail, SLICE("\"}"));
}

static void frame_begin(struct gemini_encoder *e, struct buf *out)
{
    if (e->array) {
        buf_append(out, e->begun ? SLICE(",\r\n") : SLICE("["));
    } else {
        buf_append(out, SLICE("data: "));
    }
    e->begun = true;
}

static void frame_end(const struct gemini_encoder *e, struct buf *out)
{
    buf_append(out, e->array ? SLICE("") : SLICE("\r\n\r\n"));
}

static void chunk_end(struct gemini_encoder *e, struct buf *out)
{
    if (e->base.prefix.len == 0) {
        build_tail(e, SLICE_EMPTY, SLICE_EMPTY);
    }
    buf_append(out, buf_slice(&e->base.prefix));
    out->failed = out->failed || e->base.prefix.failed;
    frame_end(e, out);
}

static void parts_begin(struct gemini_encoder *e, struct buf *out)
{
    frame_begin(e, out);
    buf_append(out, SLICE("{\"candidates\":[{\"content\":{\"parts\":["));
}

static void parts_end(struct gemini_encoder *e, uint32_t choice, struct buf *out)
{
    buf_append(out, SLICE("],\"role\":\"model\"},\"index\":"));
    buf_append_u64(out, choice);
    buf_append(out, SLICE("}]"));
    chunk_end(e, out);
}

static void write_text(struct gemini_encoder *e, const struct event *event, bool thought,
                       struct buf *out)
{
    parts_begin(e, out);
    buf_append(out, SLICE("{\"text\":\""));
    inner_append(out, event->text);
    buf_append(out, thought ? SLICE("\",\"thought\":true}") : SLICE("\"}"));
    parts_end(e, event->choice, out);
}

static void write_image(struct gemini_encoder *e, const struct event *event, struct buf *out)
{
    parts_begin(e, out);
    gemini_write_image(out, event);
    parts_end(e, event->choice, out);
}

static void write_logprobs(struct gemini_encoder *e, const struct event *event, struct buf *out)
{
    parts_begin(e, out);
    buf_append(out, SLICE("{\"text\":\"\"}],\"role\":\"model\"},\"index\":"));
    buf_append_u64(out, event->choice);
    gemini_write_logprobs(out, event->text);
    buf_append(out, SLICE("}]"));
    chunk_end(e, out);
}

/* --- calls --- */

static struct held_call *find_held(struct gemini_encoder *e, const struct event *event)
{
    for (size_t i = e->held_count; i > 0; i--) {
        struct held_call *held = &e->held[i - 1];
        bool same = event->kind == EVENT_SIGNATURE ? slice_eq(buf_slice(&held->id), event->id)
                                                   : held->index == event->index;
        if (held->choice == event->choice && same && !held->written) {
            return held;
        }
    }
    return NULL;
}

static bool hold_call(struct gemini_encoder *e, const struct event *event)
{
    if (e->held_count == e->held_cap) {
        size_t cap = e->held_cap == 0 ? 4 : e->held_cap * 2;
        struct held_call *held = memory_resize(e->held, cap * sizeof *held);
        if (held == NULL) {
            return false;
        }
        e->held = held;
        e->held_cap = cap;
    }
    struct held_call *held = &e->held[e->held_count++];
    *held = (struct held_call){
        .choice = event->choice,
        .index = event->index,
        .custom = event->custom,
        .id = BUF_INIT(HELD_MAX),
        .name = BUF_INIT(HELD_MAX),
        .arguments = BUF_INIT(HELD_MAX),
        .signature = BUF_INIT(HELD_MAX),
    };
    return buf_append(&held->id, event->id) && buf_append(&held->name, event->name);
}

/* Adds to the arguments or sets the signature; false: out of memory. */
static bool hold_more(struct gemini_encoder *e, const struct event *event)
{
    struct held_call *held = find_held(e, event);
    if (held == NULL) {
        return true;
    }
    return buf_append(event->kind == EVENT_SIGNATURE ? &held->signature : &held->arguments,
                      event->text);
}

/* A call whose arguments were cut by the limit is no call; any other that is no JSON makes the
 * answer none. */
static void add_call(struct gemini_encoder *e, const struct held_call *held,
                     const struct event *finish)
{
    bool first = e->parts.len == 0;
    struct gemini_call call = {buf_slice(&held->id), buf_slice(&held->name),
                               buf_slice(&held->arguments), buf_slice(&held->signature),
                               held->custom};
    if (first && call.signature.len == 0) {
        call.signature = SLICE(GEMINI_NO_SIGNATURE);
    }
    buf_append(&e->parts, first ? SLICE("") : SLICE(","));
    if (gemini_write_call(&e->parts, &call)) {
        return;
    }
    e->parts.len -= first ? 0 : 1;
    e->malformed = e->malformed || finish->finish != FINISH_LENGTH;
}

/* The calls of the choice, in one chunk. */
static void write_calls(struct gemini_encoder *e, const struct event *finish, struct buf *out)
{
    buf_clear(&e->parts);
    for (size_t i = 0; i < e->held_count; i++) {
        if (e->held[i].choice == finish->choice && !e->held[i].written) {
            e->held[i].written = true;
            add_call(e, &e->held[i], finish);
        }
    }
    if (e->parts.len > 0) {
        parts_begin(e, out);
        buf_append(out, buf_slice(&e->parts));
        parts_end(e, finish->choice, out);
    }
    out->failed = out->failed || e->parts.failed;
}

/* --- the end --- */

static void keep_finish(struct gemini_encoder *e, const struct event *event, struct buf *out)
{
    write_calls(e, event, out);
    if (event->choice < DECODER_CHOICES_MAX) {
        e->finished[event->choice / 64] |= (uint64_t)1 << (event->choice % 64);
        bool refused = (e->refused[event->choice / 64] >> (event->choice % 64) & 1) != 0 &&
                       event->finish == FINISH_STOP;
        e->finish[event->choice] = (uint8_t)(refused ? FINISH_REFUSAL : event->finish);
    }
}

static bool is_finished(const struct gemini_encoder *e, uint32_t choice)
{
    return (e->finished[choice / 64] >> (choice % 64) & 1) != 0;
}

static void write_reason(struct gemini_encoder *e, uint32_t choice, bool first, struct buf *out)
{
    buf_append(out, first ? SLICE("") : SLICE(","));
    buf_append(out, SLICE("{\"content\":{\"parts\":[{\"text\":\"\"}],\"role\":\"model\"},"));
    gemini_write_finish(out, (enum finish_reason)e->finish[choice]);
    buf_append(out, SLICE(",\"index\":"));
    buf_append_u64(out, choice);
    if (first) {
        gemini_write_sources(out, &e->sources);
    }
    buf_append_char(out, '}');
}

static void write_end(struct gemini_encoder *e, struct buf *out)
{
    bool first = true;
    frame_begin(e, out);
    buf_append(out, SLICE("{\"candidates\":["));
    for (uint32_t choice = 0; choice < DECODER_CHOICES_MAX; choice++) {
        if (is_finished(e, choice)) {
            write_reason(e, choice, first, out);
            first = false;
        }
    }
    buf_append_char(out, ']');
    if (e->base.has_usage) {
        buf_append(out, SLICE(",\"usageMetadata\":"));
        gemini_write_usage(out, &e->base.usage);
    }
    chunk_end(e, out);
    buf_append(out, e->array ? SLICE("]") : SLICE(""));
    e->base.over = true;
}

static void write_error(struct gemini_encoder *e, const struct event *event, struct buf *out)
{
    frame_begin(e, out);
    buf_append(out, SLICE("{\"error\":{\"code\":503,\"message\":\""));
    inner_append(out, event->text);
    buf_append(out, SLICE("\",\"status\":\"UNAVAILABLE\",\"details\":[{\"@type\":"
                          "\"type.googleapis.com/google.rpc.ErrorInfo\",\"reason\":\""));
    inner_append(out, event->name.len > 0 ? event->name : SLICE("upstream_error"));
    buf_append(out, SLICE("\",\"domain\":\"sluice\",\"metadata\":{\"call_id\":\""));
    json_escape(buf_slice(&e->base.call_id), out);
    buf_append(out, SLICE("\"}}]}}"));
    frame_end(e, out);
    buf_append(out, e->array ? SLICE("]") : SLICE(""));
    e->base.over = true;
}

static void encode_event(struct gemini_encoder *e, const struct event *event, struct buf *out)
{
    switch (event->kind) {
    case EVENT_START:
        if (e->base.prefix.len == 0) {
            build_tail(e, event->id, event->name);
        }
        break;
    case EVENT_REFUSAL:
        e->refused[event->choice / 64 % ARRAY_LEN(e->refused)] |= (uint64_t)1
                                                                  << (event->choice % 64);
        write_text(e, event, false, out);
        break;
    case EVENT_TEXT:
        write_text(e, event, false, out);
        break;
    case EVENT_REASONING:
        if (e->show_thoughts) {
            write_text(e, event, true, out);
        }
        break;
    case EVENT_TOOL_CALL:
        out->failed = out->failed || !hold_call(e, event);
        break;
    case EVENT_TOOL_ARGUMENTS:
    case EVENT_SIGNATURE:
        out->failed = out->failed || !hold_more(e, event);
        break;
    case EVENT_CITATION:
        gemini_sources_add(&e->sources, event);
        break;
    case EVENT_IMAGE:
        write_image(e, event, out);
        break;
    case EVENT_LOGPROBS:
        write_logprobs(e, event, out);
        break;
    case EVENT_FINISH:
        keep_finish(e, event, out);
        break;
    case EVENT_USAGE:
        usage_report(&e->base.usage, &event->usage);
        e->base.has_usage = true;
        break;
    case EVENT_ERROR:
        write_error(e, event, out);
        break;
    case EVENT_END:
        write_end(e, out);
        break;
    default:
        break; /* what only its maker can read, vectors */
    }
}

/* --- the provider's own chunks --- */

/* The data of a server-sent event: the rest of its lines that begin with "data:". */
static void append_data(struct gemini_encoder *e, struct slice raw, struct buf *out)
{
    bool begun = false;
    while (raw.len > 0) {
        struct slice line = slice_trim(slice_cut(&raw, '\n'));
        if (!slice_starts(line, SLICE("data:"))) {
            continue;
        }
        if (!begun) {
            frame_begin(e, out);
            begun = true;
        }
        inner_append(out, slice_from(line, sizeof "data:" - 1));
    }
}

static void encode_as_is(struct gemini_encoder *e, const struct frame *frame, struct buf *out)
{
    append_data(e, frame->raw, out);
    if (frame->terminal) {
        buf_append(out, e->begun ? SLICE("]") : SLICE("[]"));
        e->base.over = true;
    }
}

bool gemini_encode(struct encoder *encoder, const struct frame *frame, struct buf *out)
{
    struct gemini_encoder *e = own(encoder);
    if (e->same && !encoder->over) {
        encode_as_is(e, frame, out);
        return !out->failed;
    }
    for (size_t i = 0; i < frame->count && !encoder->over && !e->malformed; i++) {
        encode_event(e, &frame->events[i], out);
    }
    return !out->failed && !e->malformed;
}

struct slice gemini_unsaid(const struct event *event)
{
    bool sealed = event->kind == EVENT_SIGNATURE || event->kind == EVENT_OPAQUE;
    return sealed ? encoder_unsaid(event) : SLICE_EMPTY;
}

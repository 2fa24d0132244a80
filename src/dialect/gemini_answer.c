/* SPDX-License-Identifier: Apache-2.0 */
/* A whole answer from the events of one frame, which may be those of a stream put together. */
#include "dialect/base64.h"
#include "dialect/gemini.h"
#include "dialect/inner.h"

#include <stdio.h>

#define PIECE_MAX ((size_t)64 << 20)

struct answer {
    const struct answer_head *head;
    const struct frame *frame;
    struct buf *out;
    const struct event *start; /* or NULL */
    struct usage usage;
    bool has_usage;
    bool show_thoughts;
    uint32_t choices;
};

static struct answer answer_survey(const struct answer_head *head, const struct frame *frame,
                                   struct buf *out)
{
    struct answer a = {.head = head,
                       .frame = frame,
                       .out = out,
                       .choices = 1,
                       .show_thoughts = head->chat == NULL || head->chat->show_thinking};
    for (size_t i = 0; i < frame->count; i++) {
        const struct event *event = &frame->events[i];
        if (event->kind == EVENT_START && a.start == NULL) {
            a.start = event;
        }
        if (event->kind == EVENT_USAGE) {
            usage_report(&a.usage, &event->usage);
            a.has_usage = true;
        }
        a.choices = event->choice >= a.choices ? event->choice + 1 : a.choices;
    }
    return a;
}

/* --- parts --- */

/* What is being written of one candidate. */
struct parts {
    const struct answer *a;
    uint32_t choice;
    enum event_kind open; /* the kind of the text part that is open, or EVENT_END */
    bool begun;
    bool called;
    bool malformed; /* a call has arguments that are no object */
    enum finish_reason finish;
    bool refused;
    struct gemini_sources sources;
    struct slice logprobs;
};

static void close_text(struct parts *p)
{
    if (p->open != EVENT_END) {
        bool thought = p->open == EVENT_REASONING;
        buf_append(p->a->out, thought ? SLICE("\",\"thought\":true}") : SLICE("\"}"));
    }
    p->open = EVENT_END;
}

static void part_begin(struct parts *p)
{
    close_text(p);
    buf_append(p->a->out, p->begun ? SLICE(",") : SLICE(""));
    p->begun = true;
}

static void write_text(struct parts *p, const struct event *event)
{
    enum event_kind kind = event->kind == EVENT_REFUSAL ? EVENT_TEXT : event->kind;
    if (p->open != kind) {
        part_begin(p);
        buf_append(p->a->out, SLICE("{\"text\":\""));
        p->open = kind;
    }
    inner_append(p->a->out, event->text);
}

/* All fragments of the call, and its signature. */
static void gather(const struct parts *p, size_t at, struct buf *arguments,
                   struct slice *ret_signature)
{
    const struct event *call = &p->a->frame->events[at];
    for (size_t i = at + 1; i < p->a->frame->count; i++) {
        const struct event *event = &p->a->frame->events[i];
        if (event->choice != call->choice) {
            continue;
        }
        if (event->kind == EVENT_FINISH) {
            return; /* nothing of a choice comes after its finish */
        }
        if (event->kind == EVENT_TOOL_ARGUMENTS && event->index == call->index) {
            buf_append(arguments, event->text);
        }
        if (event->kind == EVENT_SIGNATURE && slice_eq(event->id, call->id)) {
            *ret_signature = event->text;
        }
    }
}

static void write_call(struct parts *p, size_t at)
{
    const struct event *event = &p->a->frame->events[at];
    struct buf arguments = BUF_INIT(PIECE_MAX);
    struct slice signature = p->called ? SLICE_EMPTY : SLICE(GEMINI_NO_SIGNATURE);
    gather(p, at, &arguments, &signature);
    const struct gemini_call call = {event->id, event->name, buf_slice(&arguments), signature,
                                     event->custom};
    size_t before = p->a->out->len;
    bool begun = p->begun;
    enum event_kind open = p->open;
    part_begin(p);
    if (gemini_write_call(p->a->out, &call)) {
        p->called = true;
    } else {
        p->a->out->len = before;
        p->begun = begun;
        p->open = open;
        p->malformed = true;
    }
    p->a->out->failed = p->a->out->failed || arguments.failed;
    buf_release(&arguments);
}

static void write_event(struct parts *p, size_t at)
{
    const struct event *event = &p->a->frame->events[at];
    switch (event->kind) {
    case EVENT_REFUSAL:
        p->refused = true;
        write_text(p, event);
        break;
    case EVENT_TEXT:
        write_text(p, event);
        break;
    case EVENT_REASONING:
        if (p->a->show_thoughts) {
            write_text(p, event);
        }
        break;
    case EVENT_TOOL_CALL:
        write_call(p, at);
        break;
    case EVENT_IMAGE:
        part_begin(p);
        gemini_write_image(p->a->out, event);
        break;
    case EVENT_CITATION:
        gemini_sources_add(&p->sources, event);
        break;
    case EVENT_LOGPROBS:
        p->logprobs = event->text;
        break;
    case EVENT_FINISH:
        p->finish = event->finish;
        break;
    default:
        break;
    }
}

/* False: a call has arguments that are no object, and not because the limit cut it. */
static bool write_candidate(const struct answer *a, uint32_t choice)
{
    struct parts p = {.a = a, .choice = choice, .open = EVENT_END};
    gemini_sources_init(&p.sources);
    buf_append(a->out, choice == 0 ? SLICE("") : SLICE(","));
    buf_append(a->out, SLICE("{\"content\":{\"parts\":["));
    for (size_t i = 0; i < a->frame->count; i++) {
        if (a->frame->events[i].choice == choice) {
            write_event(&p, i);
        }
    }
    close_text(&p);
    buf_append(a->out, SLICE("],\"role\":\"model\"},"));
    if (p.finish != FINISH_NONE) {
        bool refused = p.refused && p.finish == FINISH_STOP;
        gemini_write_finish(a->out, refused ? FINISH_REFUSAL : p.finish);
        buf_append_char(a->out, ',');
    }
    buf_append(a->out, SLICE("\"index\":"));
    buf_append_u64(a->out, choice);
    gemini_write_sources(a->out, &p.sources);
    if (p.logprobs.len > 0) {
        gemini_write_logprobs(a->out, p.logprobs);
    }
    buf_append_char(a->out, '}');
    gemini_sources_release(&p.sources);
    return !p.malformed || p.finish == FINISH_LENGTH;
}

static bool write_chat(const struct answer *a)
{
    struct buf *out = a->out;
    bool good = true;
    buf_append(out, SLICE("{\"candidates\":["));
    for (uint32_t choice = 0; choice < a->choices; choice++) {
        good = write_candidate(a, choice) && good;
    }
    buf_append_char(out, ']');
    if (a->has_usage) {
        buf_append(out, SLICE(",\"usageMetadata\":"));
        gemini_write_usage(out, &a->usage);
    }
    buf_append(out, SLICE(",\"modelVersion\":\""));
    if (a->start != NULL && a->start->name.len > 0) {
        inner_append(out, a->start->name);
    } else {
        json_escape(a->head->model, out);
    }
    buf_append(out, SLICE("\",\"responseId\":\""));
    if (a->start != NULL && a->start->id.len > 0) {
        inner_append(out, a->start->id);
    } else {
        json_escape(a->head->call_id, out);
    }
    buf_append(out, SLICE("\"}"));
    return good;
}

/* --- vectors --- */

/* Little-endian float32 as numbers. */
static void write_floats(struct buf *out, struct slice base64)
{
    struct buf bytes = BUF_INIT(PIECE_MAX);
    if (!base64_decode(base64, &bytes)) {
        out->failed = true;
    }
    buf_append_char(out, '[');
    for (size_t i = 0; i + 4 <= bytes.len; i += 4) {
        const unsigned char *at = (const unsigned char *)bytes.ptr + i;
        uint32_t bits =
            (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
        float number;
        memcpy(&number, &bits, sizeof number);
        bool finite = (bits >> 23 & 0xFF) != 0xFF; /* JSON has no other numbers */
        buf_append(out, i > 0 ? SLICE(",") : SLICE(""));
        buf_printf(out, "%.9g", finite ? (double)number : 0.0);
    }
    buf_append_char(out, ']');
    buf_release(&bytes);
}

static void write_vector(struct buf *out, const struct event *event)
{
    struct slice text = event->text;
    buf_append(out, SLICE("{\"values\":"));
    if (text.len >= 2 && text.ptr[0] == '"') {
        write_floats(out, slice_of(text.ptr + 1, text.len - 2));
    } else {
        buf_append(out, text);
    }
    buf_append_char(out, '}');
}

/* In the form of the question: one, or a list. */
static void write_vectors(const struct answer *a)
{
    bool batch = a->head->chat == NULL || gemini_is_batch(a->head->chat);
    bool begun = false;
    buf_append(a->out, batch ? SLICE("{\"embeddings\":[") : SLICE("{\"embedding\":"));
    for (size_t i = 0; i < a->frame->count && (batch || !begun); i++) {
        if (a->frame->events[i].kind == EVENT_EMBEDDING) {
            buf_append(a->out, begun ? SLICE(",") : SLICE(""));
            write_vector(a->out, &a->frame->events[i]);
            begun = true;
        }
    }
    buf_append(a->out, batch ? SLICE("]") : begun ? SLICE("") : SLICE("{}"));
    if (a->has_usage) {
        buf_append(a->out, SLICE(",\"usageMetadata\":{\"promptTokenCount\":"));
        buf_append_i64(a->out, a->usage.input);
        buf_append_char(a->out, '}');
    }
    buf_append_char(a->out, '}');
}

bool gemini_write_answer(const struct answer_head *head, const struct frame *frame, struct buf *out)
{
    struct answer a = answer_survey(head, frame, out);
    switch (head->operation) {
    case OPERATION_EMBEDDING:
        write_vectors(&a);
        break;
    case OPERATION_TOKEN_COUNT:
        buf_append(out, SLICE("{\"totalTokens\":"));
        buf_append_i64(out, a.usage.input);
        buf_append_char(out, '}');
        break;
    default:
        return write_chat(&a) && !out->failed;
    }
    return !out->failed;
}

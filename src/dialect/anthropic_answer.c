/* SPDX-License-Identifier: Apache-2.0 */
/* A whole answer from the events of one frame, which may be those of a stream put together. */
#include "dialect/anthropic.h"
#include "dialect/encoder.h"
#include "dialect/inner.h"
#include "dialect/translate.h"

#define ARGUMENTS_MAX ((size_t)32 * 1024 * 1024)

enum open_block { OPEN_NONE, OPEN_TEXT, OPEN_REFUSAL, OPEN_CITED, OPEN_THINKING };

struct answer {
    const struct answer_head *head;
    const struct frame *frame;
    struct buf *out;
    enum open_block open;
    bool any; /* a block was written */
    bool called;
    bool refused;
    bool malformed;             /* a call has arguments that are no object */
    const struct event *finish; /* or NULL */
};

static void close_block(struct answer *a)
{
    static const struct slice ends[] = {
        [OPEN_NONE] = SLICE_INIT(""),
        [OPEN_TEXT] = SLICE_INIT("\"}"),
        [OPEN_REFUSAL] = SLICE_INIT("\"}"),
        [OPEN_CITED] = SLICE_INIT("]}"),
        [OPEN_THINKING] = SLICE_INIT("\",\"signature\":\"" ANTHROPIC_SEAL "1\"}"),
    };
    buf_append(a->out, ends[a->open]);
    a->open = OPEN_NONE;
}

static void begin_block(struct answer *a, enum open_block kind, struct slice begin)
{
    close_block(a);
    if (a->any) {
        buf_append_char(a->out, ',');
    }
    a->any = true;
    a->open = kind;
    buf_append(a->out, begin);
}

static bool is_text(const struct event *event)
{
    return event->kind == EVENT_TEXT || event->kind == EVENT_REFUSAL;
}

static bool is_content(const struct event *event)
{
    return is_text(event) || event->kind == EVENT_REASONING || event->kind == EVENT_TOOL_CALL ||
           event->kind == EVENT_OPAQUE;
}

/* Is all text from here to the next block of another kind white space? A citation ends a block too,
   but none is of white space. */
static bool is_blank_run(const struct answer *a, size_t from)
{
    for (size_t i = from; i < a->frame->count; i++) {
        const struct event *event = &a->frame->events[i];
        if (event->choice != 0 || !is_content(event)) {
            continue;
        }
        if (event->kind != a->frame->events[from].kind) {
            return true;
        }
        if (!inner_is_blank(event->text)) {
            return false;
        }
    }
    return true;
}

static void write_text(struct answer *a, size_t at)
{
    const struct event *event = &a->frame->events[at];
    enum open_block kind = event->kind == EVENT_TEXT ? OPEN_TEXT : OPEN_REFUSAL;
    if (a->open != kind) {
        if (is_blank_run(a, at)) {
            return;
        }
        begin_block(a, kind, SLICE("{\"type\":\"text\",\"text\":\""));
    }
    inner_append(a->out, event->text);
}

void anthropic_write_citation(struct buf *out, const struct event *event)
{
    buf_append(out, SLICE("{\"type\":\"web_search_result_location\",\"url\":\""));
    inner_append(out, event->id);
    if (event->name.len > 0) {
        buf_append(out, SLICE("\",\"title\":\""));
        inner_append(out, event->name);
        buf_append(out, SLICE("\",\"cited_text\":\""));
    } else {
        buf_append(out, SLICE("\",\"title\":null,\"cited_text\":\""));
    }
    inner_append(out, event->of_answer ? SLICE_EMPTY : event->text);
    buf_append(out, SLICE("\"}"));
}

static void write_citation(struct answer *a, const struct event *event)
{
    if ((a->open != OPEN_TEXT && a->open != OPEN_CITED) || event->id.len == 0) {
        return;
    }
    buf_append(a->out, a->open == OPEN_TEXT ? SLICE("\",\"citations\":[") : SLICE(","));
    a->open = OPEN_CITED;
    anthropic_write_citation(a->out, event);
}

static void write_thought(struct answer *a, const struct event *event)
{
    if (!anthropic_shows_thinking(a->head)) {
        return;
    }
    if (a->open != OPEN_THINKING) {
        begin_block(a, OPEN_THINKING, SLICE("{\"type\":\"thinking\",\"thinking\":\""));
    }
    inner_append(a->out, event->text);
}

static void write_signature(struct answer *a, const struct event *event)
{
    if (event->id.len > 0 || event->maker != DIALECT_ANTHROPIC) {
        return;
    }
    if (a->open != OPEN_THINKING) {
        begin_block(a, OPEN_THINKING, SLICE("{\"type\":\"thinking\",\"thinking\":\""));
    }
    a->open = OPEN_NONE;
    buf_append(a->out, SLICE("\",\"signature\":\""));
    inner_append(a->out, event->text);
    buf_append(a->out, SLICE("\"}"));
}

static void write_opaque(struct answer *a, const struct event *event)
{
    if (event->maker == DIALECT_ANTHROPIC) {
        begin_block(a, OPEN_NONE, SLICE("{\"type\":\"redacted_thinking\",\"data\":\""));
        inner_append(a->out, event->text);
        buf_append(a->out, SLICE("\"}"));
    }
}

/* --- calls --- */

static void collect_arguments(const struct answer *a, const struct event *call, struct buf *plain)
{
    struct buf inner = BUF_INIT(ARGUMENTS_MAX);
    for (const struct event *event = call; event < a->frame->events + a->frame->count; event++) {
        if (event->kind == EVENT_TOOL_ARGUMENTS && event->choice == 0 &&
            event->index == call->index) {
            buf_append(&inner, event->text);
        }
    }
    json_unescape(buf_slice(&inner), plain);
    a->out->failed = a->out->failed || inner.failed || plain->failed;
    buf_release(&inner);
}

static void begin_call(struct answer *a, const struct event *event)
{
    a->called = true;
    begin_block(a, OPEN_NONE, SLICE("{\"type\":\"tool_use\",\"id\":\""));
    anthropic_append_id(a->out, event->id);
    buf_append(a->out, SLICE("\",\"name\":\""));
    inner_append(a->out, event->name);
    buf_append(a->out, SLICE("\",\"input\":"));
}

static void write_input(const struct answer *a, const struct event *event, struct slice arguments)
{
    if (event->custom) {
        buf_append(a->out, SLICE("{\"input\":\""));
        json_escape(arguments, a->out);
        buf_append(a->out, SLICE("\"}"));
    } else if (arguments.len == 0) {
        buf_append(a->out, SLICE("{}"));
    } else {
        (void)inner_append(a->out, arguments);
    }
}

/* The input is an object. A text that is none is nothing that a client could act on: what the limit
   cut is no call, and anything else no answer. */
static void write_call(struct answer *a, const struct event *event)
{
    struct buf plain = BUF_INIT(ARGUMENTS_MAX);
    collect_arguments(a, event, &plain);
    struct slice arguments = slice_trim(buf_slice(&plain));
    bool object = event->custom || arguments.len == 0 || is_json_object(arguments);
    if (object) {
        begin_call(a, event);
        write_input(a, event, arguments);
        buf_append_char(a->out, '}');
    } else if (a->finish == NULL || a->finish->finish != FINISH_LENGTH) {
        a->malformed = true;
    }
    buf_release(&plain);
}

static void write_event(struct answer *a, size_t at)
{
    const struct event *event = &a->frame->events[at];
    switch (event->kind) {
    case EVENT_REFUSAL:
        a->refused = true;
        write_text(a, at);
        break;
    case EVENT_TEXT:
        write_text(a, at);
        break;
    case EVENT_REASONING:
        write_thought(a, event);
        break;
    case EVENT_SIGNATURE:
        write_signature(a, event);
        break;
    case EVENT_OPAQUE:
        write_opaque(a, event);
        break;
    case EVENT_CITATION:
        write_citation(a, event);
        break;
    case EVENT_TOOL_CALL:
        write_call(a, event);
        break;
    default:
        break;
    }
}

/* --- the message around them --- */

static void write_head(const struct answer *a)
{
    struct slice id = SLICE_EMPTY;
    struct slice model = SLICE_EMPTY;
    for (size_t i = a->frame->count; i > 0; i--) {
        if (a->frame->events[i - 1].kind == EVENT_START) {
            id = a->frame->events[i - 1].id;
            model = a->frame->events[i - 1].name;
        }
    }
    buf_append(a->out, SLICE("{\"id\":\""));
    if (id.len > 0) {
        inner_append(a->out, id);
    } else {
        buf_append(a->out, SLICE("msg_"));
        json_escape(a->head->call_id, a->out);
    }
    buf_append(a->out, SLICE("\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\""));
    if (model.len > 0) {
        inner_append(a->out, model);
    } else {
        json_escape(a->head->model, a->out);
    }
    buf_append(a->out, SLICE("\",\"content\":["));
}

static struct usage usage_of(const struct answer_head *head, const struct frame *frame)
{
    struct usage usage = {.input = head->input_tokens > 0 ? head->input_tokens : 0};
    for (size_t i = 0; i < frame->count; i++) {
        if (frame->events[i].kind == EVENT_USAGE) {
            usage_report(&usage, &frame->events[i].usage);
        }
    }
    return usage;
}

static const struct event *finish_of(const struct frame *frame)
{
    for (size_t i = 0; i < frame->count; i++) {
        if (frame->events[i].kind == EVENT_FINISH && frame->events[i].choice == 0) {
            return &frame->events[i];
        }
    }
    return NULL;
}

static bool write_count(const struct answer_head *head, const struct frame *frame, struct buf *out)
{
    buf_append(out, SLICE("{\"input_tokens\":"));
    buf_append_i64(out, usage_of(head, frame).input);
    return buf_append_char(out, '}');
}

bool anthropic_write_answer(const struct answer_head *head, const struct frame *frame,
                            struct buf *out)
{
    struct answer a = {.head = head, .frame = frame, .out = out, .finish = finish_of(frame)};
    if (head->operation == OPERATION_TOKEN_COUNT) {
        return write_count(head, frame, out);
    }
    const struct usage usage = usage_of(head, frame);
    write_head(&a);
    for (size_t i = 0; i < frame->count; i++) {
        if (frame->events[i].choice == 0) {
            write_event(&a, i);
        }
    }
    close_block(&a);
    buf_append(out, SLICE("],"));
    anthropic_write_finish(out, a.finish, a.called, a.refused);
    buf_append(out, SLICE(",\"usage\":"));
    anthropic_write_usage(out, &usage, ANTHROPIC_USAGE_WHOLE);
    buf_append_char(out, '}');
    return !out->failed && !a.malformed;
}

struct slice anthropic_unsaid(const struct event *event)
{
    switch (event->kind) {
    case EVENT_SIGNATURE:
    case EVENT_OPAQUE:
        return event->maker == DIALECT_ANTHROPIC ? SLICE_EMPTY : encoder_unsaid(event);
    case EVENT_CITATION:
        return event->id.len > 0 ? SLICE_EMPTY : encoder_unsaid(event);
    case EVENT_LOGPROBS:
    case EVENT_IMAGE:
        return encoder_unsaid(event);
    default:
        return SLICE_EMPTY;
    }
}

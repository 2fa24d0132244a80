/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events as a stream of Anthropic's. Its blocks come one after the other, each with an index of its
 * own, while other providers mix the fragments of several calls: a block that is not the open one
 * waits, as the deltas that it will be. The end is written when the provider said it, with the
 * usage that was last told.
 */
#include "dialect/anthropic.h"
#include "dialect/encoder.h"
#include "dialect/inner.h"

#include "base/memory.h"
#include "codec/json_follow.h"

#define WAITING_MAX ((size_t)32 * 1024 * 1024) /* of one block */
#define BLANK_MAX ((size_t)1024 * 1024)

enum block_kind { BLOCK_TEXT, BLOCK_REFUSAL, BLOCK_THINKING, BLOCK_CALL, BLOCK_REDACTED };

struct block {
    enum block_kind kind;
    uint32_t call; /* of BLOCK_CALL: the event's index */
    bool sealed;   /* of BLOCK_THINKING: its signature was told */
    bool has_arguments;
    bool custom;               /* its arguments are free text */
    struct json_follow follow; /* of a call: its arguments */
    enum json_follow_result arguments;
    struct buf begin;   /* the content_block of its begin, where it is not a constant */
    struct buf waiting; /* deltas, one a line */
};

struct anthropic_encoder {
    struct encoder base;  /* first */
    struct block *blocks; /* the first is open, the others wait */
    size_t count;
    size_t cap;
    uint32_t index; /* of the open block */
    bool shows_thinking;
    bool called;
    bool refused;
    bool begun;     /* message_start was written */
    bool malformed; /* a call ended whose arguments are no object */
    int64_t input_tokens;
    struct buf blank;  /* white space that may become the begin of a text */
    struct buf finish; /* stop_reason and stop_sequence; empty: none was told */
    enum finish_reason reason;
};

static struct anthropic_encoder *self_of(struct encoder *encoder)
{
    return CONTAINER_OF(encoder, struct anthropic_encoder, base);
}

bool anthropic_shows_thinking(const struct answer_head *head)
{
    return head->chat == NULL || head->chat->show_thinking;
}

struct encoder *anthropic_encoder_new(const struct answer_head *head)
{
    struct encoder *encoder = encoder_make(sizeof(struct anthropic_encoder), head);
    if (encoder == NULL) {
        return NULL;
    }
    struct anthropic_encoder *e = self_of(encoder);
    e->shows_thinking = anthropic_shows_thinking(head);
    e->input_tokens = head->input_tokens > 0 ? head->input_tokens : 0;
    buf_init(&e->blank, BLANK_MAX);
    buf_init(&e->finish, BLANK_MAX);
    return encoder;
}

static void block_release(struct block *block)
{
    buf_release(&block->begin);
    buf_release(&block->waiting);
}

void anthropic_encoder_free(struct encoder *encoder)
{
    if (encoder == NULL) {
        return;
    }
    struct anthropic_encoder *e = self_of(encoder);
    for (size_t i = 0; i < e->count; i++) {
        block_release(&e->blocks[i]);
    }
    memory_free(e->blocks);
    buf_release(&e->blank);
    buf_release(&e->finish);
    encoder_free(encoder);
}

/* --- the message's begin --- */

static void write_start(struct anthropic_encoder *e, struct slice id, struct slice model,
                        const struct usage *usage, struct buf *out)
{
    if (e->begun) {
        return;
    }
    e->begun = true;
    buf_append(out, SLICE("event: message_start\ndata: {\"type\":\"message_start\",\"message\":{"
                          "\"id\":\""));
    if (id.len > 0) {
        inner_append(out, id);
    } else {
        buf_append(out, SLICE("msg_"));
        json_escape(buf_slice(&e->base.call_id), out);
    }
    buf_append(out, SLICE("\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\""));
    if (model.len > 0) {
        inner_append(out, model);
    } else {
        json_escape(buf_slice(&e->base.model), out);
    }
    buf_append(out, SLICE("\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,"
                          "\"usage\":"));
    anthropic_write_usage(out, usage, ANTHROPIC_USAGE_WHOLE);
    buf_append(out, SLICE("}}\n\n"));
}

/* Some clients add the output that is told here to the one that is told at the end, so it is 0. */
static void start(struct anthropic_encoder *e, const struct frame *frame, const struct event *event,
                  struct buf *out)
{
    struct usage usage = {.input = e->input_tokens};
    for (size_t i = 0; i < frame->count; i++) {
        if (frame->events[i].kind == EVENT_USAGE) {
            usage = frame->events[i].usage;
        }
    }
    usage.output = 0;
    usage.reasoning = 0;
    write_start(e, event->id, event->name, &usage, out);
}

static void start_anyhow(struct anthropic_encoder *e, struct buf *out)
{
    const struct usage usage = {.input = e->input_tokens};
    write_start(e, SLICE_EMPTY, SLICE_EMPTY, &usage, out);
}

/* --- blocks --- */

static bool is_open(const struct anthropic_encoder *e, const struct block *block)
{
    return block == e->blocks;
}

/* Where the delta of this block goes, its frame around it begun. */
static struct buf *delta_begin(struct anthropic_encoder *e, struct block *block, struct buf *out)
{
    if (!is_open(e, block)) {
        return &block->waiting;
    }
    buf_append(out, SLICE("event: content_block_delta\ndata: {\"type\":\"content_block_delta\","
                          "\"index\":"));
    buf_append_u64(out, e->index);
    buf_append(out, SLICE(",\"delta\":"));
    return out;
}

static void delta_end(struct buf *to, struct buf *out)
{
    if (to == out) {
        buf_append(out, SLICE("}\n\n"));
        return;
    }
    buf_append_char(to, '\n');
    out->failed = out->failed || to->failed;
}

static void write_delta(struct anthropic_encoder *e, struct block *block, struct slice head,
                        struct slice inner, struct buf *out)
{
    struct buf *to = delta_begin(e, block, out);
    buf_append(to, head);
    inner_append(to, inner);
    buf_append(to, SLICE("\"}"));
    delta_end(to, out);
}

static void write_seal(struct anthropic_encoder *e, struct block *block, struct slice seal,
                       struct buf *out)
{
    block->sealed = true;
    write_delta(e, block, SLICE("{\"type\":\"signature_delta\",\"signature\":\""), seal, out);
}

static void write_arguments(struct anthropic_encoder *e, struct block *block, struct slice inner,
                            struct buf *out)
{
    block->has_arguments = true;
    write_delta(e, block, SLICE("{\"type\":\"input_json_delta\",\"partial_json\":\""), inner, out);
}

/* Of free text: as the one member of an object. `part` is inner already, so this is inner twice. */
static void write_free_text(struct anthropic_encoder *e, struct block *block, struct slice part,
                            bool last, struct buf *out)
{
    struct buf text = BUF_INIT(WAITING_MAX);
    buf_append(&text, block->has_arguments ? SLICE_EMPTY : SLICE("{\\\"input\\\":\\\""));
    json_escape(part, &text);
    buf_append(&text, last ? SLICE("\\\"}") : SLICE_EMPTY);
    write_arguments(e, block, buf_slice(&text), out);
    out->failed = out->failed || text.failed;
    buf_release(&text);
}

/* The first block's begin, and what waited for it. */
static void open_first(struct anthropic_encoder *e, struct buf *out)
{
    struct block *block = e->blocks;
    buf_append(out, SLICE("event: content_block_start\ndata: {\"type\":\"content_block_start\","
                          "\"index\":"));
    buf_append_u64(out, e->index);
    buf_append(out, SLICE(",\"content_block\":"));
    if (block->kind == BLOCK_TEXT || block->kind == BLOCK_REFUSAL) {
        buf_append(out, SLICE("{\"type\":\"text\",\"text\":\"\"}"));
    } else if (block->kind == BLOCK_THINKING) {
        buf_append(out, SLICE("{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}"));
    } else {
        buf_append(out, buf_slice(&block->begin));
    }
    buf_append(out, SLICE("}\n\n"));
    struct slice rest = buf_slice(&block->waiting);
    while (rest.len > 0) {
        struct buf *to = delta_begin(e, block, out);
        buf_append(to, slice_cut(&rest, '\n'));
        delta_end(to, out);
    }
    buf_release(&block->waiting);
}

/* A thought without a seal gets ours, a call without arguments an empty object. */
static void close_first(struct anthropic_encoder *e, struct buf *out)
{
    struct block *block = e->blocks;
    if (block->kind == BLOCK_THINKING && !block->sealed) {
        write_seal(e, block, SLICE(ANTHROPIC_SEAL "1"), out);
    }
    if (block->kind == BLOCK_CALL && block->custom) {
        write_free_text(e, block, SLICE_EMPTY, true, out);
    } else if (block->kind == BLOCK_CALL && !block->has_arguments) {
        write_arguments(e, block, SLICE("{}"), out);
    } else if (block->kind == BLOCK_CALL && block->arguments != JSON_FOLLOW_WHOLE) {
        e->malformed = e->malformed || e->reason != FINISH_LENGTH; /* the limit may cut it */
    }
    buf_append(out, SLICE("event: content_block_stop\ndata: {\"type\":\"content_block_stop\","
                          "\"index\":"));
    buf_append_u64(out, e->index);
    buf_append(out, SLICE("}\n\n"));
    e->index++;
    block_release(block);
    e->count--;
    memmove(e->blocks, e->blocks + 1, e->count * sizeof *e->blocks);
}

/* Closes what nothing more can come for, so that the next may open. */
static void advance(struct anthropic_encoder *e, bool over, struct buf *out)
{
    while (e->count > 0) {
        const struct block *first = e->blocks;
        bool done = over || (e->count > 1 &&
                             (first->kind != BLOCK_CALL || first->arguments == JSON_FOLLOW_WHOLE));
        if (!done) {
            return;
        }
        close_first(e, out);
        if (e->count > 0) {
            open_first(e, out);
        }
    }
}

/* A new last block; NULL: out of memory. */
static struct block *push(struct anthropic_encoder *e, enum block_kind kind, struct buf *out)
{
    start_anyhow(e, out);
    if (e->count == e->cap) {
        size_t cap = e->cap == 0 ? 4 : e->cap * 2;
        struct block *blocks = memory_resize(e->blocks, cap * sizeof *blocks);
        if (blocks == NULL) {
            out->failed = true;
            return NULL;
        }
        e->blocks = blocks;
        e->cap = cap;
    }
    struct block *block = &e->blocks[e->count++];
    *block = (struct block){
        .kind = kind, .begin = BUF_INIT(WAITING_MAX), .waiting = BUF_INIT(WAITING_MAX)};
    return block;
}

/* The pushed block is complete as far as its begin goes: it opens or waits. Where it is now. */
static struct block *settle(struct anthropic_encoder *e, struct buf *out)
{
    out->failed = out->failed || e->blocks[e->count - 1].begin.failed;
    if (e->count == 1) {
        open_first(e, out);
    } else {
        advance(e, false, out);
    }
    return &e->blocks[e->count - 1];
}

static struct block *last_of(struct anthropic_encoder *e, enum block_kind kind)
{
    struct block *last = e->count > 0 ? &e->blocks[e->count - 1] : NULL;
    return last != NULL && last->kind == kind && !last->sealed ? last : NULL;
}

/* --- texts --- */

/* A text of white space alone is none: the client would send it back, and Anthropic refuses it. */
static void take_text(struct anthropic_encoder *e, enum block_kind kind, struct slice text,
                      struct buf *out)
{
    struct slice head = SLICE("{\"type\":\"text_delta\",\"text\":\"");
    struct block *block = last_of(e, kind);
    if (block == NULL) {
        if (inner_is_blank(text)) {
            out->failed = !buf_append(&e->blank, text) || out->failed;
            return;
        }
        if (push(e, kind, out) == NULL) {
            return;
        }
        block = settle(e, out);
        if (e->blank.len > 0) {
            write_delta(e, block, head, buf_slice(&e->blank), out);
            buf_clear(&e->blank);
        }
    }
    write_delta(e, block, head, text, out);
}

static struct block *thinking_block(struct anthropic_encoder *e, struct buf *out)
{
    struct block *block = last_of(e, BLOCK_THINKING);
    buf_clear(&e->blank);
    if (block == NULL && push(e, BLOCK_THINKING, out) != NULL) {
        block = settle(e, out);
    }
    return block;
}

static void take_thought(struct anthropic_encoder *e, struct slice text, struct buf *out)
{
    struct block *block = e->shows_thinking ? thinking_block(e, out) : NULL;
    if (block != NULL) {
        write_delta(e, block, SLICE("{\"type\":\"thinking_delta\",\"thinking\":\""), text, out);
    }
}

/* Anthropic's own seal goes on whatever the client sees of the thought. Another maker's would be
   refused by Anthropic, should the conversation move there. */
static void take_signature(struct anthropic_encoder *e, const struct event *event, struct buf *out)
{
    if (event->id.len > 0) {
        return; /* of a call: the client's dialect has no place for it */
    }
    if (event->maker != DIALECT_ANTHROPIC) {
        struct block *block = last_of(e, BLOCK_THINKING);
        if (block != NULL) {
            write_seal(e, block, SLICE(ANTHROPIC_SEAL "1"), out);
        }
        return;
    }
    struct block *block = thinking_block(e, out);
    if (block != NULL) {
        write_seal(e, block, event->text, out);
    }
}

static void take_opaque(struct anthropic_encoder *e, const struct event *event, struct buf *out)
{
    if (event->maker != DIALECT_ANTHROPIC) {
        return;
    }
    buf_clear(&e->blank);
    struct block *block = push(e, BLOCK_REDACTED, out);
    if (block == NULL) {
        return;
    }
    buf_append(&block->begin, SLICE("{\"type\":\"redacted_thinking\",\"data\":\""));
    inner_append(&block->begin, event->text);
    buf_append(&block->begin, SLICE("\"}"));
    (void)settle(e, out);
}

/* A citation without an address points into a document by numbers that were not told. */
static void take_citation(struct anthropic_encoder *e, const struct event *event, struct buf *out)
{
    struct block *block = last_of(e, BLOCK_TEXT);
    if (block == NULL || event->id.len == 0) {
        return;
    }
    struct buf *to = delta_begin(e, block, out);
    buf_append(to, SLICE("{\"type\":\"citations_delta\",\"citation\":"));
    anthropic_write_citation(to, event);
    buf_append_char(to, '}');
    delta_end(to, out);
}

/* --- calls --- */

/* The next character of an escaped text, as far as JSON's grammar cares for it. */
static char cut_char(struct slice *inner)
{
    char c = inner->ptr[0];
    size_t step = 1;
    if (c == '\\' && inner->len > 1) {
        char plain[8];
        step = inner->ptr[1] == 'u' && inner->len >= 6 ? 6 : 2;
        size_t length = json_unescape_to(slice_of(inner->ptr, step), plain, sizeof plain);
        c = length == 1 ? plain[0] : 'x';
    }
    *inner = slice_from(*inner, step);
    return c;
}

static void follow(struct block *block, struct slice inner)
{
    while (inner.len > 0 && block->arguments != JSON_FOLLOW_BROKEN) {
        block->arguments = json_follow(&block->follow, cut_char(&inner));
    }
}

static void take_call(struct anthropic_encoder *e, const struct event *event, struct buf *out)
{
    buf_clear(&e->blank);
    struct block *block = push(e, BLOCK_CALL, out);
    if (block == NULL) {
        return;
    }
    e->called = true;
    block->call = event->index;
    block->custom = event->custom;
    buf_append(&block->begin, SLICE("{\"type\":\"tool_use\",\"id\":\""));
    anthropic_append_id(&block->begin, event->id);
    buf_append(&block->begin, SLICE("\",\"name\":\""));
    inner_append(&block->begin, event->name);
    buf_append(&block->begin, SLICE("\",\"input\":{}}"));
    (void)settle(e, out);
}

static void take_arguments(struct anthropic_encoder *e, const struct event *event, struct buf *out)
{
    for (size_t i = e->count; i > 0 && event->text.len > 0; i--) {
        struct block *block = &e->blocks[i - 1];
        if (block->kind == BLOCK_CALL && block->call == event->index) {
            if (!block->custom && !block->has_arguments && inner_is_blank(event->text)) {
                return; /* blanks alone are no arguments */
            }
            if (block->custom) {
                write_free_text(e, block, event->text, false, out);
            } else {
                follow(block, event->text);
                e->malformed = e->malformed || block->arguments == JSON_FOLLOW_BROKEN;
                write_arguments(e, block, event->text, out);
            }
            advance(e, false, out);
            return;
        }
    }
}

/* --- the end --- */

static void take_finish(struct anthropic_encoder *e, const struct event *event, struct buf *out)
{
    e->reason = event->finish;
    start_anyhow(e, out);
    advance(e, true, out);
    buf_clear(&e->finish);
    anthropic_write_finish(&e->finish, event, e->called, e->refused);
}

static void take_end(struct anthropic_encoder *e, struct buf *out)
{
    start_anyhow(e, out);
    advance(e, true, out);
    e->base.over = true;
    if (e->reason == FINISH_ERROR) {
        anthropic_encode_error(out, SLICE("The provider stopped with an error."), SLICE_EMPTY,
                               buf_slice(&e->base.call_id));
        return;
    }
    if (e->finish.len == 0) {
        anthropic_write_finish(&e->finish, NULL, e->called, e->refused);
    }
    if (!e->base.has_usage) {
        e->base.usage.input = e->input_tokens;
    }
    buf_append(out, SLICE("event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{"));
    buf_append(out, buf_slice(&e->finish));
    buf_append(out, SLICE("},\"usage\":"));
    anthropic_write_usage(out, &e->base.usage, ANTHROPIC_USAGE_DELTA);
    buf_append(out, SLICE("}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"));
    out->failed = out->failed || e->finish.failed;
}

static void take_error(struct anthropic_encoder *e, const struct event *event, struct buf *out)
{
    anthropic_encode_error(out, event->text, event->name, buf_slice(&e->base.call_id));
    e->base.over = true;
}

static void take_content(struct anthropic_encoder *e, const struct event *event, struct buf *out)
{
    switch (event->kind) {
    case EVENT_REFUSAL:
        e->refused = true;
        take_text(e, BLOCK_REFUSAL, event->text, out);
        break;
    case EVENT_TEXT:
        take_text(e, BLOCK_TEXT, event->text, out);
        break;
    case EVENT_REASONING:
        take_thought(e, event->text, out);
        break;
    case EVENT_SIGNATURE:
        take_signature(e, event, out);
        break;
    case EVENT_OPAQUE:
        take_opaque(e, event, out);
        break;
    case EVENT_CITATION:
        take_citation(e, event, out);
        break;
    case EVENT_TOOL_CALL:
        take_call(e, event, out);
        break;
    case EVENT_TOOL_ARGUMENTS:
        take_arguments(e, event, out);
        break;
    case EVENT_FINISH:
        take_finish(e, event, out);
        break;
    default:
        break;
    }
}

static void take(struct anthropic_encoder *e, const struct frame *frame, const struct event *event,
                 struct buf *out)
{
    switch (event->kind) {
    case EVENT_START:
        start(e, frame, event, out);
        break;
    case EVENT_USAGE:
        usage_report(&e->base.usage, &event->usage);
        e->base.has_usage = true;
        break;
    case EVENT_ERROR:
        take_error(e, event, out);
        break;
    case EVENT_END:
        take_end(e, out);
        break;
    default:
        if (event->choice == 0) { /* this dialect has one answer */
            take_content(e, event, out);
        }
    }
}

bool anthropic_encode(struct encoder *encoder, const struct frame *frame, struct buf *out)
{
    struct anthropic_encoder *e = self_of(encoder);
    for (size_t i = 0; i < frame->count && !e->base.over && !e->malformed; i++) {
        take(e, frame, &frame->events[i], out);
    }
    return !out->failed && !e->malformed;
}

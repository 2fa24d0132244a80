/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events as a stream of Responses. One item is open at a time, but calls: their fragments may come
 * in any order, so all of them stay open until the answer is finished. An answer that the provider
 * ended without saying why is a failed one.
 */
#include "dialect/inner.h"
#include "dialect/responses.h"
#include "dialect/responses_out.h"
#include "dialect/seal_mark.h"

#define HEAD_MAX ((size_t)64 * 1024)
#define ECHO_MAX ((size_t)1 << 20)

struct encoder *responses_encoder_new(const struct answer_head *head)
{
    struct encoder *base = encoder_make(sizeof(struct responses_encoder), head);
    if (base == NULL) {
        return NULL;
    }
    struct responses_encoder *e = (struct responses_encoder *)base;
    buf_init(&e->echo, ECHO_MAX);
    buf_init(&e->id, HEAD_MAX);
    buf_init(&e->told_model, HEAD_MAX);
    buf_init(&e->error_code, HEAD_MAX);
    buf_init(&e->error_text, HEAD_MAX);
    responses_write_echo(head->chat, &e->echo);
    if (!tool_names_init(&e->tools, head->chat) || e->echo.failed) {
        responses_encoder_free(base);
        return NULL;
    }
    return base;
}

void responses_encoder_free(struct encoder *encoder)
{
    if (encoder == NULL) {
        return;
    }
    struct responses_encoder *e = (struct responses_encoder *)encoder;
    out_items_release(e);
    tool_names_release(&e->tools);
    buf_release(&e->echo);
    buf_release(&e->id);
    buf_release(&e->told_model);
    buf_release(&e->error_code);
    buf_release(&e->error_text);
    encoder_free(encoder);
}

/* --- one event of the stream --- */

static void event_begin(struct responses_encoder *e, struct slice name, struct buf *out)
{
    buf_append(out, SLICE("event: "));
    buf_append(out, name);
    buf_append(out, SLICE("\ndata: {\"type\":\""));
    buf_append(out, name);
    buf_append(out, SLICE("\",\"sequence_number\":"));
    buf_append_u64(out, e->sequence++);
}

static void event_end(struct buf *out)
{
    buf_append(out, SLICE("}\n\n"));
}

/* An event about an item. */
static void item_event(struct responses_encoder *e, const struct out_item *item, struct slice name,
                       struct buf *out)
{
    event_begin(e, name, out);
    buf_append(out, SLICE(",\"item_id\":\""));
    inner_append(out, buf_slice(&item->id));
    buf_append(out, SLICE("\",\"output_index\":"));
    buf_append_u64(out, out_item_index(e, item));
}

static void append_member(struct buf *out, struct slice key, struct slice inner)
{
    buf_append(out, key);
    inner_append(out, inner);
    buf_append_char(out, '"');
}

static void whole_item_event(struct responses_encoder *e, const struct out_item *item,
                             struct slice name, bool begins, struct buf *out)
{
    event_begin(e, name, out);
    buf_append(out, SLICE(",\"output_index\":"));
    buf_append_u64(out, out_item_index(e, item));
    buf_append(out, SLICE(",\"item\":"));
    out_write_item(item, begins, out);
    event_end(out);
}

static void response_event(struct responses_encoder *e, struct slice name, enum out_status status,
                           struct buf *out)
{
    event_begin(e, name, out);
    buf_append(out, SLICE(",\"response\":"));
    out_write_response(e, status, out);
    event_end(out);
}

/* --- begin --- */

static void start(struct responses_encoder *e, struct slice id, struct slice model, struct buf *out)
{
    if (e->started) {
        return;
    }
    e->started = true;
    if (slice_starts(id, SLICE("resp_"))) {
        buf_append(&e->id, id);
    } else {
        buf_append(&e->id, SLICE("resp_"));
        json_escape(buf_slice(&e->base.call_id), &e->id);
    }
    if (model.len > 0) {
        buf_append(&e->told_model, model);
    } else {
        json_escape(buf_slice(&e->base.model), &e->told_model);
    }
    if (!e->silent) {
        response_event(e, SLICE("response.created"), OUT_IN_PROGRESS, out);
        response_event(e, SLICE("response.in_progress"), OUT_IN_PROGRESS, out);
    }
}

/* --- messages and thoughts --- */

static void part_event(struct responses_encoder *e, struct out_item *item, bool begins,
                       struct buf *out)
{
    bool thought = item->kind == OUT_REASONING;
    item->part = begins;
    if (e->silent) {
        return;
    }
    if (thought) {
        item_event(e, item,
                   begins ? SLICE("response.reasoning_summary_part.added")
                          : SLICE("response.reasoning_summary_part.done"),
                   out);
        append_member(out,
                      SLICE(",\"summary_index\":0,\"part\":{\"type\":\"summary_text\",\"text\":\""),
                      begins ? SLICE("") : buf_slice(&item->text));
        buf_append_char(out, '}');
    } else {
        item_event(e, item,
                   begins ? SLICE("response.content_part.added")
                          : SLICE("response.content_part.done"),
                   out);
        buf_append(out, SLICE(",\"content_index\":0,\"part\":"));
        out_write_part(item, begins, out);
    }
    event_end(out);
}

static void text_done(struct responses_encoder *e, const struct out_item *item, struct buf *out)
{
    static const struct {
        struct slice name;
        struct slice key;
    } forms[] = {
        [OUT_MESSAGE] = {SLICE_INIT("response.output_text.done"),
                         SLICE_INIT(",\"content_index\":0,\"text\":\"")},
        [OUT_REFUSAL] = {SLICE_INIT("response.refusal.done"),
                         SLICE_INIT(",\"content_index\":0,\"refusal\":\"")},
        [OUT_REASONING] = {SLICE_INIT("response.reasoning_summary_text.done"),
                           SLICE_INIT(",\"summary_index\":0,\"text\":\"")},
    };
    item_event(e, item, forms[item->kind].name, out);
    append_member(out, forms[item->kind].key, buf_slice(&item->text));
    if (item->kind == OUT_MESSAGE) {
        buf_append(out, SLICE(",\"logprobs\":["));
        buf_append(out, buf_slice(&item->logprobs));
        buf_append_char(out, ']');
    }
    event_end(out);
}

static void close_spoken(struct responses_encoder *e, struct out_item *item, struct buf *out)
{
    bool open_thought = item->kind == OUT_REASONING && item->cipher.len == 0;
    if (open_thought) {
        buf_append(&item->cipher, SLICE(SEAL_DATA_MARK ":")); /* not OpenAI's */
    }
    if (item->part) {
        if (!e->silent) {
            text_done(e, item, out);
        }
        part_event(e, item, false, out);
    }
    item->done = true;
    if (!e->silent) {
        whole_item_event(e, item, SLICE("response.output_item.done"), false, out);
    }
}

/* The message or thought that is open: the last item that is no call. */
static struct out_item *open_spoken(const struct responses_encoder *e)
{
    for (size_t i = e->item_count; i > 0; i--) {
        struct out_item *item = &e->items[i - 1];
        if (item->kind != OUT_CALL) {
            return item->done ? NULL : item;
        }
    }
    return NULL;
}

static void close_open(struct responses_encoder *e, struct buf *out)
{
    struct out_item *item = open_spoken(e);
    if (item != NULL) {
        close_spoken(e, item, out);
    }
}

/* The open item if it is of this kind and the last one of all, else a new one. */
static struct out_item *spoken_item(struct responses_encoder *e, enum out_kind kind,
                                    struct slice own_id, struct buf *out)
{
    struct out_item *item = open_spoken(e);
    if (item != NULL && item->kind == kind &&
        (own_id.len == 0 || slice_eq(buf_slice(&item->id), own_id))) {
        return item;
    }
    close_open(e, out);
    item = out_item_new(e, kind);
    if (item == NULL) {
        out->failed = true;
        return NULL;
    }
    if (own_id.len > 0) {
        buf_clear(&item->id);
        buf_append(&item->id, own_id);
        item->own_id = true;
    }
    if (!e->silent) {
        whole_item_event(e, item, SLICE("response.output_item.added"), true, out);
    }
    return item;
}

static void delta_event(struct responses_encoder *e, const struct out_item *item, struct slice text,
                        struct slice logprobs, struct buf *out)
{
    static const struct {
        struct slice name;
        struct slice key;
    } forms[] = {
        [OUT_MESSAGE] = {SLICE_INIT("response.output_text.delta"),
                         SLICE_INIT(",\"content_index\":0,\"delta\":\"")},
        [OUT_REFUSAL] = {SLICE_INIT("response.refusal.delta"),
                         SLICE_INIT(",\"content_index\":0,\"delta\":\"")},
        [OUT_REASONING] = {SLICE_INIT("response.reasoning_summary_text.delta"),
                           SLICE_INIT(",\"summary_index\":0,\"delta\":\"")},
    };
    if (e->silent) {
        return;
    }
    item_event(e, item, forms[item->kind].name, out);
    append_member(out, forms[item->kind].key, text);
    if (item->kind == OUT_MESSAGE) {
        buf_append(out, SLICE(",\"logprobs\":"));
        inner_append_raw(out, logprobs.len > 0 ? logprobs : SLICE("[]"));
    }
    event_end(out);
}

static void take_text(struct responses_encoder *e, const struct event *event, enum out_kind kind,
                      struct slice logprobs, struct buf *out)
{
    struct out_item *item = spoken_item(e, kind, event->id, out);
    if (item == NULL) {
        return;
    }
    if (!item->part) {
        part_event(e, item, true, out);
    }
    buf_append(&item->text, event->text);
    out->failed = out->failed || item->text.failed;
    delta_event(e, item, event->text, logprobs, out);
}

/* What a vendor other than OpenAI gave is marked: OpenAI must not see it again as its own. */
static void write_mark(const struct event *event, struct buf *cipher)
{
    bool openai = event->kind == EVENT_OPAQUE &&
                  (event->maker == DIALECT_OPENAI_RESPONSES || event->maker == 0);
    if (openai && event->id.len > 0) {
        return;
    }
    seal_mark_write(cipher, event);
}

static void take_cipher(struct responses_encoder *e, const struct event *event, struct buf *out)
{
    struct out_item *item = open_spoken(e);
    bool fits = item != NULL && item->kind == OUT_REASONING && item->cipher.len == 0 &&
                (event->id.len == 0 || slice_eq(event->id, buf_slice(&item->id)));
    if (!fits) {
        close_open(e, out);
        item = spoken_item(e, OUT_REASONING, event->id, out);
    }
    if (item == NULL) {
        return;
    }
    write_mark(event, &item->cipher);
    buf_append(&item->cipher, event->text);
    out->failed = out->failed || item->cipher.failed;
    close_spoken(e, item, out);
}

/* --- what stands beside a text --- */

static uint32_t count_characters(struct out_item *item)
{
    const char *text = item->text.ptr;
    size_t at = item->counted;
    while (at < item->text.len) {
        unsigned char c = (unsigned char)text[at];
        size_t step = 1;
        if (c == '\\') {
            step = at + 1 < item->text.len && text[at + 1] == 'u' ? 6 : 2;
        }
        item->characters += (c & 0xC0) != 0x80 ? 1 : 0;
        at += step;
    }
    item->counted = at;
    return item->characters;
}

static void take_citation(struct responses_encoder *e, const struct event *event, struct buf *out)
{
    struct out_item *item = open_spoken(e);
    if (item == NULL || item->kind != OUT_MESSAGE || event->id.len == 0) {
        return;
    }
    uint32_t counted = count_characters(item);
    bool placed = event->start >= 0 && event->end >= event->start;
    struct buf *list = &item->annotations;
    buf_append(list, list->len == 0 ? SLICE("") : SLICE(","));
    size_t from = list->len;
    append_member(list, SLICE("{\"type\":\"url_citation\",\"url\":\""), event->id);
    append_member(list, SLICE(",\"title\":\""), event->name);
    buf_append(list, SLICE(",\"start_index\":"));
    buf_append_u64(list, placed ? (uint32_t)event->start : counted);
    buf_append(list, SLICE(",\"end_index\":"));
    buf_append_u64(list, placed ? (uint32_t)event->end : counted);
    buf_append_char(list, '}');
    out->failed = out->failed || list->failed;
    if (!e->silent && !out->failed) {
        item_event(e, item, SLICE("response.output_text.annotation.added"), out);
        buf_append(out, SLICE(",\"content_index\":0,\"annotation_index\":"));
        buf_append_u64(out, item->annotation_count);
        buf_append(out, SLICE(",\"annotation\":"));
        buf_append(out, slice_from(buf_slice(list), from));
        event_end(out);
    }
    item->annotation_count++;
}

/* A picture is an item of its own, told at once. */
static void take_image(struct responses_encoder *e, const struct event *event, struct buf *out)
{
    if (event->text.len == 0) {
        return; /* one by URL has no place */
    }
    close_open(e, out);
    struct out_item *item = out_item_new(e, OUT_IMAGE);
    if (item == NULL) {
        out->failed = true;
        return;
    }
    buf_append(&item->text, event->text);
    out->failed = out->failed || item->text.failed;
    if (!e->silent) {
        whole_item_event(e, item, SLICE("response.output_item.added"), true, out);
        item_event(e, item, SLICE("response.image_generation_call.completed"), out);
        event_end(out);
    }
    item->done = true;
    if (!e->silent) {
        whole_item_event(e, item, SLICE("response.output_item.done"), false, out);
    }
}

/* The elements of the raw array; `told`: the text before them told them. */
static void take_logprobs(struct responses_encoder *e, const struct event *event, bool told,
                          struct buf *out)
{
    struct out_item *item = open_spoken(e);
    struct slice raw = slice_trim(event->text);
    if (item == NULL || item->kind != OUT_MESSAGE || raw.len < 2) {
        return;
    }
    raw = slice_trim(slice_of(raw.ptr + 1, raw.len - 2));
    if (raw.len > 0) {
        buf_append(&item->logprobs, item->logprobs.len == 0 ? SLICE("") : SLICE(","));
        inner_append_raw(&item->logprobs, raw);
    }
    out->failed = out->failed || item->logprobs.failed;
    if (!told) {
        delta_event(e, item, SLICE_EMPTY, event->text, out);
    }
}

/* --- calls --- */

static struct out_item *find_call(const struct responses_encoder *e, uint32_t index)
{
    for (size_t i = e->item_count; i > 0; i--) {
        if (e->items[i - 1].kind == OUT_CALL && e->items[i - 1].call == index) {
            return &e->items[i - 1];
        }
    }
    return NULL;
}

static void name_call(struct responses_encoder *e, struct out_item *item, const struct event *event)
{
    struct tool_name name = {.name = event->name, .custom = event->custom};
    if (tool_names_find(&e->tools, event->name, &name)) {
        item->emulated = name.custom && !event->custom;
    }
    item->custom = name.custom || event->custom;
    buf_append(&item->call_id, event->id);
    buf_append(&item->name, name.name);
    buf_append(&item->space, name.space);
    if (item->custom) { /* "fc_..." becomes "ctc_..." */
        struct buf id = BUF_INIT(HEAD_MAX);
        buf_append(&id, SLICE("ctc_"));
        buf_append(&id, slice_from(buf_slice(&item->id), 3));
        buf_release(&item->id);
        item->id = id;
    }
}

static void take_call(struct responses_encoder *e, const struct event *event, struct buf *out)
{
    close_open(e, out);
    struct out_item *item = out_item_new(e, OUT_CALL);
    if (item == NULL) {
        out->failed = true;
        return;
    }
    item->call = event->index;
    name_call(e, item, event);
    if (!e->silent) {
        whole_item_event(e, item, SLICE("response.output_item.added"), true, out);
    }
}

static void arguments_event(struct responses_encoder *e, const struct out_item *item,
                            struct slice text, bool done, struct buf *out)
{
    static const struct slice names[2][2] = {
        {SLICE_INIT("response.function_call_arguments.delta"),
         SLICE_INIT("response.function_call_arguments.done")},
        {SLICE_INIT("response.custom_tool_call_input.delta"),
         SLICE_INIT("response.custom_tool_call_input.done")},
    };
    if (e->silent) {
        return;
    }
    item_event(e, item, names[item->custom ? 1 : 0][done ? 1 : 0], out);
    if (!done) {
        append_member(out, SLICE(",\"delta\":\""), text);
    } else if (item->custom) {
        append_member(out, SLICE(",\"input\":\""), text);
    } else {
        append_member(out, SLICE(",\"name\":\""), buf_slice(&item->name));
        append_member(out, SLICE(",\"arguments\":\""), text);
    }
    event_end(out);
}

static void take_arguments(struct responses_encoder *e, const struct event *event, struct buf *out)
{
    struct out_item *item = find_call(e, event->index);
    if (item == NULL || item->done) {
        return;
    }
    struct buf *text = item->emulated ? &item->held : &item->text;
    buf_append(text, event->text);
    out->failed = out->failed || text->failed;
    if (!item->emulated) {
        arguments_event(e, item, event->text, false, out);
    }
}

/* Text that comes all at once: of a custom call that was a function for the provider, or of a call
   without arguments, which are an empty object. */
static void complete_arguments(struct responses_encoder *e, struct out_item *item, struct buf *out)
{
    if (item->emulated) {
        custom_read_arguments(buf_slice(&item->held), &item->text);
    } else if (item->text.len == 0 && !item->custom && !item->cut) {
        buf_append(&item->text, SLICE("{}"));
    } else {
        return;
    }
    out->failed = out->failed || item->text.failed;
    if (item->text.len > 0) {
        arguments_event(e, item, buf_slice(&item->text), false, out);
    }
}

static bool is_open_call(const struct out_item *item)
{
    return item->kind == OUT_CALL && !item->done;
}

static void close_calls(struct responses_encoder *e, struct buf *out)
{
    for (size_t i = 0; i < e->item_count; i++) {
        if (is_open_call(&e->items[i])) {
            complete_arguments(e, &e->items[i], out);
        }
    }
    for (size_t i = 0; i < e->item_count; i++) {
        struct out_item *item = &e->items[i];
        if (!is_open_call(item)) {
            continue;
        }
        item->done = true;
        arguments_event(e, item, buf_slice(&item->text), true, out);
        if (!e->silent) {
            whole_item_event(e, item, SLICE("response.output_item.done"), false, out);
        }
    }
}

/* --- the end --- */

static void take_finish(struct responses_encoder *e, const struct event *event, struct buf *out)
{
    if (e->finish != FINISH_NONE) {
        return;
    }
    e->finish = event->finish;
    bool cut = out_status_of(e) != OUT_COMPLETED;
    for (size_t i = 0; i < e->item_count; i++) {
        e->items[i].cut = cut && !e->items[i].done;
    }
    close_open(e, out);
    close_calls(e, out);
}

static void write_failed(struct responses_encoder *e, struct buf *out)
{
    struct slice text = e->error_text.len > 0 ? buf_slice(&e->error_text)
                                              : SLICE("The provider did not finish the answer.");
    e->failed = true;
    event_begin(e, SLICE("error"), out);
    append_member(out, SLICE(",\"code\":\""),
                  e->error_code.len > 0 ? buf_slice(&e->error_code) : SLICE("server_error"));
    append_member(out, SLICE(",\"message\":\""), text);
    buf_append(out, SLICE(",\"param\":null"));
    event_end(out);
    response_event(e, SLICE("response.failed"), OUT_FAILED, out);
}

static void take_end(struct responses_encoder *e, struct buf *out)
{
    e->base.over = true;
    if (e->silent) {
        return;
    }
    switch (out_status_of(e)) {
    case OUT_COMPLETED:
        response_event(e, SLICE("response.completed"), OUT_COMPLETED, out);
        break;
    case OUT_INCOMPLETE:
        response_event(e, SLICE("response.incomplete"), OUT_INCOMPLETE, out);
        break;
    default:
        write_failed(e, out);
    }
}

static void take_error(struct responses_encoder *e, const struct event *event, struct buf *out)
{
    e->failed = true;
    buf_append(&e->error_code, event->name);
    buf_append(&e->error_text, event->text);
    e->base.over = true;
    if (!e->silent) {
        write_failed(e, out);
    }
}

/* `neighbour`: after a text, the logprobs that belong to it; before logprobs, the text that told
   them already; or NULL. */
static void take_event(struct responses_encoder *e, const struct event *event,
                       const struct event *neighbour, struct buf *out)
{
    switch (event->kind) {
    case EVENT_TEXT:
        take_text(e, event, OUT_MESSAGE, neighbour != NULL ? neighbour->text : SLICE_EMPTY, out);
        break;
    case EVENT_REASONING:
        take_text(e, event, OUT_REASONING, SLICE_EMPTY, out);
        break;
    case EVENT_REFUSAL:
        take_text(e, event, OUT_REFUSAL, SLICE_EMPTY, out);
        break;
    case EVENT_SIGNATURE:
        if (event->id.len == 0) { /* a call's own seal has no place here */
            take_cipher(e, event, out);
        }
        break;
    case EVENT_OPAQUE:
        take_cipher(e, event, out);
        break;
    case EVENT_CITATION:
        take_citation(e, event, out);
        break;
    case EVENT_IMAGE:
        take_image(e, event, out);
        break;
    case EVENT_LOGPROBS:
        take_logprobs(e, event, neighbour != NULL, out);
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
    case EVENT_START:
    case EVENT_EMBEDDING:
    case EVENT_DETAIL:
    case EVENT_LOST:
        break;
    }
}

static const struct event *neighbour_of(const struct frame *frame, size_t at)
{
    const struct event *event = &frame->events[at];
    const struct event *next = at + 1 < frame->count ? event + 1 : event;
    const struct event *last = at > 0 ? event - 1 : event;
    if (event->kind == EVENT_TEXT && next->kind == EVENT_LOGPROBS && next->choice == 0) {
        return next;
    }
    bool told = event->kind == EVENT_LOGPROBS && last->kind == EVENT_TEXT && last->choice == 0;
    return told ? last : NULL;
}

bool responses_take(struct responses_encoder *e, const struct frame *frame, struct buf *out)
{
    for (size_t i = 0; i < frame->count && !e->base.over; i++) {
        const struct event *event = &frame->events[i];
        if (event->choice != 0) {
            continue; /* there is one answer */
        }
        bool begins = event->kind == EVENT_START;
        start(e, begins ? event->id : SLICE_EMPTY, begins ? event->name : SLICE_EMPTY, out);
        take_event(e, event, neighbour_of(frame, i), out);
    }
    return !out->failed;
}

bool responses_encode(struct encoder *encoder, const struct frame *frame, struct buf *out)
{
    return responses_take((struct responses_encoder *)encoder, frame, out);
}

struct slice responses_unsaid(const struct event *event)
{
    bool cites = event->kind == EVENT_CITATION && event->id.len == 0;
    bool shows = event->kind == EVENT_IMAGE && event->text.len == 0;
    return cites || shows ? encoder_unsaid(event) : SLICE_EMPTY;
}

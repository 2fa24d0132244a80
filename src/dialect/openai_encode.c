/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events as a stream of OpenAI's chunks. Usage is kept until the end and written in one chunk of
 * its own, however often the provider reports it. Nothing that the provider did not say is made up:
 * no finish, no [DONE].
 */
#include "base/memory.h"
#include "dialect/encoder.h"
#include "dialect/inner.h"
#include "dialect/openai.h"
#include "dialect/tool_name.h"

#define HELD_MAX ((size_t)64 << 20)

/* A call of a custom tool that was a function for the provider: its text is inside the arguments,
   so they are held until they are complete. */
struct held_call {
    uint32_t choice;
    uint32_t index;
    struct buf arguments;
};

struct openai_encoder {
    struct encoder base;
    struct tool_names tools;
    struct held_call *held;
    size_t held_count;
    struct buf thought; /* of the first choice, since the last seal */
    uint32_t detail_count;
};

struct encoder *openai_encoder_new(const struct answer_head *head)
{
    struct encoder *base = encoder_make(sizeof(struct openai_encoder), head);
    if (base != NULL) {
        buf_init(&((struct openai_encoder *)base)->thought, HELD_MAX);
    }
    if (base != NULL && !tool_names_init(&((struct openai_encoder *)base)->tools, head->chat)) {
        openai_encoder_free(base);
        return NULL;
    }
    return base;
}

void openai_encoder_free(struct encoder *encoder)
{
    if (encoder == NULL) {
        return;
    }
    struct openai_encoder *e = (struct openai_encoder *)encoder;
    for (size_t i = 0; i < e->held_count; i++) {
        buf_release(&e->held[i].arguments);
    }
    memory_free(e->held);
    buf_release(&e->thought);
    tool_names_release(&e->tools);
    encoder_free(encoder);
}

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

static void choice_end(struct slice logprobs, struct buf *out)
{
    if (logprobs.len == 0) {
        delta_end(out);
        return;
    }
    buf_append(out, SLICE("},\"logprobs\":{\"content\":"));
    inner_append_raw(out, logprobs);
    buf_append(out, SLICE(",\"refusal\":null},\"finish_reason\":null}]}\n\n"));
}

/* `logprobs`: raw, or empty. */
static void write_text(struct encoder *e, const struct event *event, struct slice member,
                       struct slice logprobs, struct buf *out)
{
    write_role(e, event->choice, out);
    delta_begin(e, event->choice, out);
    buf_append(out, member);
    inner_append(out, event->text);
    buf_append_char(out, '"');
    choice_end(logprobs, out);
}

static void write_logprobs(struct encoder *e, const struct event *event, struct buf *out)
{
    write_role(e, event->choice, out);
    delta_begin(e, event->choice, out);
    choice_end(event->text, out);
}

void openai_write_citation(const struct event *event, struct buf *out)
{
    buf_append(out, SLICE("{\"type\":\"url_citation\",\"url_citation\":{\"url\":\""));
    inner_append(out, event->id);
    buf_append(out, SLICE("\",\"title\":\""));
    inner_append(out, event->name);
    /* OpenAI's clients want both, known or not */
    buf_append(out, SLICE("\",\"start_index\":"));
    buf_append_u64(out, event->start > 0 ? (uint64_t)event->start : 0);
    buf_append(out, SLICE(",\"end_index\":"));
    buf_append_u64(out, event->end > 0 ? (uint64_t)event->end : 0);
    if (event->text.len > 0 && !event->of_answer) {
        buf_append(out, SLICE(",\"content\":\""));
        inner_append(out, event->text);
        buf_append_char(out, '"');
    }
    buf_append(out, SLICE("}}"));
}

static void write_citation(struct encoder *e, const struct event *event, struct buf *out)
{
    write_role(e, event->choice, out);
    delta_begin(e, event->choice, out);
    buf_append(out, SLICE("\"annotations\":["));
    openai_write_citation(event, out);
    buf_append_char(out, ']');
    delta_end(out);
}

void openai_write_image(const struct event *event, struct buf *out)
{
    buf_append(out, SLICE("{\"type\":\"image_url\",\"image_url\":{\"url\":\""));
    if (event->text.len > 0) {
        buf_append(out, SLICE("data:"));
        inner_append(out, event->name.len > 0 ? event->name : SLICE("image/png"));
        buf_append(out, SLICE(";base64,"));
        inner_append(out, event->text);
    } else {
        inner_append(out, event->id);
    }
    buf_append(out, SLICE("\"}}"));
}

static void write_image(struct encoder *e, const struct event *event, struct buf *out)
{
    write_role(e, event->choice, out);
    delta_begin(e, event->choice, out);
    buf_append(out, SLICE("\"images\":["));
    openai_write_image(event, out);
    buf_append_char(out, ']');
    delta_end(out);
}

/* --- thoughts --- */

static void write_thought(struct openai_encoder *e, const struct event *event, struct buf *out)
{
    write_text(&e->base, event, SLICE("\"reasoning_content\":\""), SLICE_EMPTY, out);
    if (event->choice == 0) {
        buf_append(&e->thought, event->text);
        out->failed = out->failed || e->thought.failed;
    }
}

/* The seal with the whole thought that it seals, so that a client can bring both back. A call's own
   seal has no place. */
static void write_seal(struct openai_encoder *e, const struct event *event, struct buf *out)
{
    bool seal = event->kind == EVENT_SIGNATURE;
    if (event->choice != 0 || !openai_has_detail(event)) {
        return;
    }
    write_role(&e->base, 0, out);
    delta_begin(&e->base, 0, out);
    buf_append(out, SLICE("\"reasoning_details\":["));
    openai_write_detail(event, buf_slice(&e->thought), e->detail_count++, out);
    buf_append_char(out, ']');
    delta_end(out);
    if (seal) {
        buf_clear(&e->thought);
    }
}

/* --- calls --- */

static struct held_call *held_find(const struct openai_encoder *e, const struct event *event)
{
    for (size_t i = e->held_count; i > 0; i--) {
        if (e->held[i - 1].choice == event->choice && e->held[i - 1].index == event->index) {
            return &e->held[i - 1];
        }
    }
    return NULL;
}

static void hold(struct openai_encoder *e, const struct event *event, struct buf *out)
{
    struct held_call *held = memory_resize(e->held, (e->held_count + 1) * sizeof *held);
    if (held == NULL) {
        out->failed = true;
        return;
    }
    e->held = held;
    held[e->held_count++] = (struct held_call){event->choice, event->index, BUF_INIT(HELD_MAX)};
}

static void write_call_begin(struct encoder *e, const struct event *event, struct slice name,
                             bool custom, struct buf *out)
{
    write_role(e, event->choice, out);
    delta_begin(e, event->choice, out);
    buf_append(out, SLICE("\"tool_calls\":[{\"index\":"));
    buf_append_u64(out, event->index);
    buf_append(out, SLICE(",\"id\":\""));
    inner_append(out, event->id);
    buf_append(out, custom ? SLICE("\",\"type\":\"custom\",\"custom\":{\"name\":\"")
                           : SLICE("\",\"type\":\"function\",\"function\":{\"name\":\""));
    inner_append(out, name);
    buf_append(out, custom ? SLICE("\",\"input\":\"\"}}]") : SLICE("\",\"arguments\":\"\"}}]"));
    delta_end(out);
}

static void write_call(struct openai_encoder *e, const struct event *event, struct buf *out)
{
    struct tool_name name = {.name = event->name, .custom = false};
    bool known = tool_names_find(&e->tools, event->name, &name);
    bool custom = event->custom || (known && name.custom);
    write_call_begin(&e->base, event, name.name, custom, out);
    if (!encoder_begin_call(&e->base, event)) {
        out->failed = true;
    }
    if (!custom) {
        return;
    }
    if (!event->custom) {
        hold(e, event, out);
    }
    struct event given = *event; /* no text is a text, too */
    given.text = SLICE("-");
    encoder_note_arguments(&e->base, &given);
}

static void write_fragment(struct encoder *e, const struct event *event, bool custom,
                           struct slice inner, struct buf *out)
{
    delta_begin(e, event->choice, out);
    buf_append(out, SLICE("\"tool_calls\":[{\"index\":"));
    buf_append_u64(out, event->index);
    buf_append(out, custom ? SLICE(",\"custom\":{\"input\":\"")
                           : SLICE(",\"function\":{\"arguments\":\""));
    inner_append(out, inner);
    buf_append(out, SLICE("\"}}]"));
    delta_end(out);
}

static void write_arguments(struct openai_encoder *e, const struct event *event, struct buf *out)
{
    struct held_call *held = held_find(e, event);
    encoder_note_arguments(&e->base, event);
    if (held != NULL) {
        buf_append(&held->arguments, event->text);
        out->failed = out->failed || held->arguments.failed;
    } else {
        write_fragment(&e->base, event, event->custom, event->text, out);
    }
}

static void release_held(struct openai_encoder *e, uint32_t choice, struct buf *out)
{
    for (size_t i = 0; i < e->held_count; i++) {
        struct held_call *held = &e->held[i];
        if (held->choice != choice || held->arguments.len == 0) {
            continue;
        }
        const struct event event = {.choice = choice, .index = held->index};
        struct buf text = BUF_INIT(HELD_MAX);
        bool ok = custom_read_arguments(buf_slice(&held->arguments), &text);
        write_fragment(&e->base, &event, true, buf_slice(&text), out);
        out->failed = out->failed || !ok;
        buf_release(&text);
        buf_clear(&held->arguments);
    }
}

/* A call without arguments gets an empty object: clients parse the text as JSON and drop a call
 * whose text is empty. */
static void complete_calls(struct encoder *e, uint32_t choice, struct buf *out)
{
    for (size_t i = 0; i < e->call_count; i++) {
        struct encoder_call *call = &e->calls[i];
        if (call->choice == choice && !call->has_arguments) {
            const struct event event = {.choice = choice, .index = call->index};
            call->has_arguments = true;
            write_fragment(e, &event, false, SLICE("{}"), out);
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

/* `logprobs`: those of this text, or empty. */
static void encode_chat(struct openai_encoder *e, const struct event *event, struct slice logprobs,
                        struct buf *out)
{
    switch (event->kind) {
    case EVENT_START:
        write_role(&e->base, 0, out);
        break;
    case EVENT_TEXT:
        write_text(&e->base, event, SLICE("\"content\":\""), logprobs, out);
        break;
    case EVENT_REASONING:
        write_thought(e, event, out);
        break;
    case EVENT_SIGNATURE:
    case EVENT_OPAQUE:
        write_seal(e, event, out);
        break;
    case EVENT_IMAGE:
        write_image(&e->base, event, out);
        break;
    case EVENT_REFUSAL:
        write_text(&e->base, event, SLICE("\"refusal\":\""), SLICE_EMPTY, out);
        break;
    case EVENT_CITATION:
        if (event->id.len > 0) {
            write_citation(&e->base, event, out);
        }
        break;
    case EVENT_LOGPROBS:
        write_logprobs(&e->base, event, out);
        break;
    case EVENT_TOOL_CALL:
        write_call(e, event, out);
        break;
    case EVENT_TOOL_ARGUMENTS:
        write_arguments(e, event, out);
        break;
    case EVENT_FINISH:
        release_held(e, event->choice, out);
        write_finish(&e->base, event, out);
        break;
    default:
        break;
    }
}

static bool has_logprobs(const struct frame *frame, size_t text)
{
    return frame->events[text].kind == EVENT_TEXT && text + 1 < frame->count &&
           frame->events[text + 1].kind == EVENT_LOGPROBS &&
           frame->events[text + 1].choice == frame->events[text].choice;
}

bool openai_chat_encode(struct encoder *encoder, const struct frame *frame, struct buf *out)
{
    for (size_t i = 0; i < frame->count && !encoder->over; i++) {
        bool both = has_logprobs(frame, i);
        if (!encode_common(encoder, &frame->events[i], out)) {
            encode_chat((struct openai_encoder *)encoder, &frame->events[i],
                        both ? frame->events[i + 1].text : SLICE_EMPTY, out);
        }
        i += both ? 1 : 0;
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

struct slice openai_completions_unsaid(const struct event *event)
{
    bool text = event->kind == EVENT_TEXT || event->kind == EVENT_REFUSAL;
    return text ? SLICE_EMPTY : encoder_unsaid(event);
}

struct slice openai_chat_unsaid(const struct event *event)
{
    switch (event->kind) {
    case EVENT_CITATION:
        return event->id.len > 0 ? SLICE_EMPTY : encoder_unsaid(event);
    case EVENT_SIGNATURE:
    case EVENT_OPAQUE:
        return openai_has_detail(event) ? SLICE_EMPTY : encoder_unsaid(event);
    default:
        return SLICE_EMPTY;
    }
}

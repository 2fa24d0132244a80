/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers of OpenAI-compatible providers, streamed or whole, of Chat and of Completions. Lenient
 * where nothing can be misunderstood: vendors add members, leave some out and put usage in five
 * places. What is no JSON object is malformed.
 */
#include "dialect/decoder.h"
#include "dialect/openai.h"

enum {
    CHUNK_ID,
    CHUNK_OBJECT,
    CHUNK_CREATED, /* nobody asks for it; it is here because it stands there */
    CHUNK_MODEL,
    CHUNK_CHOICES,
    CHUNK_USAGE,
    CHUNK_ERROR,
    CHUNK_X_GROQ,
    CHUNK_MESSAGE,
    CHUNK_CITATIONS,
    CHUNK_SEARCHES,
    CHUNK_MEMBERS,
};

static const struct member_name chunk_names[CHUNK_MEMBERS] = {
    [CHUNK_ID] = MEMBER_NAME("id"),
    [CHUNK_OBJECT] = MEMBER_NAME("object"),
    [CHUNK_CREATED] = MEMBER_NAME("created"),
    [CHUNK_MODEL] = MEMBER_NAME("model"),
    [CHUNK_CHOICES] = MEMBER_NAME("choices"),
    [CHUNK_USAGE] = MEMBER_NAME("usage"),
    [CHUNK_ERROR] = MEMBER_NAME("error"),
    [CHUNK_X_GROQ] = MEMBER_NAME("x_groq"),
    [CHUNK_MESSAGE] = MEMBER_NAME("message"),
    [CHUNK_CITATIONS] = MEMBER_NAME("citations"),
    [CHUNK_SEARCHES] = MEMBER_NAME("search_results"),
};
static const struct member_table chunk_table = MEMBER_TABLE(chunk_names);

/* The object of an error, or JSON_ABSENT. vLLM's older form has no member of its own for it. */
static uint32_t chunk_error(const struct decoder *d, const uint32_t *chunk)
{
    if (member_given(&d->doc, chunk[CHUNK_ERROR])) {
        return chunk[CHUNK_ERROR];
    }
    bool is_error = chunk[CHUNK_OBJECT] != JSON_ABSENT &&
                    json_string_is(&d->doc, chunk[CHUNK_OBJECT], SLICE("error"));
    return is_error && chunk[CHUNK_MESSAGE] != JSON_ABSENT ? JSON_ROOT : JSON_ABSENT;
}

static bool has_choices(const struct decoder *d, uint32_t choices)
{
    return json_is(&d->doc, choices, JSON_ARRAY) && json_first(&d->doc, choices) != JSON_ABSENT;
}

static void decode_choices(struct decoder *d, uint32_t choices)
{
    uint32_t position = 0;
    for (uint32_t i = json_first(&d->doc, choices); i != JSON_ABSENT;
         i = json_next(&d->doc, choices, i)) {
        openai_decode_choice(d, i, position);
        position++;
    }
}

/* Beside the choices (Perplexity, xAI), and again in each chunk: they have no place of their own in
 * the text. */
static void decode_sources(struct decoder *d, uint32_t list, struct slice name)
{
    if (json_is(&d->doc, list, JSON_ARRAY) && json_first(&d->doc, list) != JSON_ABSENT) {
        decoder_lost(d, 0, name);
    }
}

/* The events of a chunk or an answer; `error` as chunk_error() has it. */
static void decode_object(struct decoder *d, const uint32_t *chunk, uint32_t error)
{
    const struct json_doc *doc = &d->doc;
    uint32_t choices = chunk[CHUNK_CHOICES];
    bool content = has_choices(d, choices);
    if (content || member_given(doc, chunk[CHUNK_USAGE])) {
        struct slice id = decoder_string(d, chunk[CHUNK_ID]);
        decoder_start(d, id, decoder_string(d, chunk[CHUNK_MODEL]), id);
    }
    if (member_given(doc, choices) && json_kind(doc, choices) != JSON_ARRAY) {
        d->malformed = true;
    } else if (content) {
        decode_choices(d, choices);
    }
    decode_sources(d, chunk[CHUNK_CITATIONS], SLICE("citations"));
    decode_sources(d, chunk[CHUNK_SEARCHES], SLICE("search_results"));
    openai_decode_usage(d, chunk[CHUNK_USAGE]);
    if (chunk[CHUNK_X_GROQ] != JSON_ABSENT) {
        openai_decode_usage(d, json_member(doc, chunk[CHUNK_X_GROQ], SLICE("usage")));
    }
    if (error != JSON_ABSENT) {
        openai_decode_error(d, error);
    }
}

static bool only_usage(const struct decoder *d)
{
    bool usage = false;
    for (size_t i = 0; i < d->count; i++) {
        usage = usage || d->events[i].kind == EVENT_USAGE;
        if (d->events[i].kind != EVENT_USAGE && d->events[i].kind != EVENT_START) {
            return false;
        }
    }
    return usage;
}

/* `"usage":null` in every chunk is how a provider says that it was asked; a client that did not ask
 * need not see it. */
static struct slice hidden_bytes(const struct decoder *d, const uint32_t *chunk, struct slice raw)
{
    uint32_t usage = chunk[CHUNK_USAGE];
    if (!json_is(&d->doc, usage, JSON_NULL) || d->doc.text < raw.ptr ||
        d->doc.text >= raw.ptr + raw.len) {
        return SLICE_EMPTY;
    }
    struct json_edit edit = json_edit_remove(&d->doc, JSON_ROOT, usage - 1);
    return slice_of(d->doc.text + edit.start, edit.end - edit.start);
}

static enum decode_result decode_data(struct decoder *d, struct slice data, struct frame *frame)
{
    uint32_t chunk[CHUNK_MEMBERS];
    if (!decoder_parse(d, data)) {
        return decoder_end_frame(d, frame);
    }
    bool ended = d->ended;
    members_scan(&d->doc, JSON_ROOT, &chunk_table, chunk);
    decode_object(d, chunk, chunk_error(d, chunk));
    frame->usage_only = !has_choices(d, chunk[CHUNK_CHOICES]) && only_usage(d);
    frame->hidden = hidden_bytes(d, chunk, frame->raw);
    frame->terminal = d->ended && !ended;
    return decoder_end_frame(d, frame);
}

static enum decode_result decode_block(struct decoder *d, const struct sse_event *event,
                                       struct frame *frame)
{
    *frame = (struct frame){.raw = event->raw};
    decoder_begin_frame(d);
    struct slice data = slice_trim(event->data);
    if (!event->has_data || data.len == 0) {
        return decoder_end_frame(d, frame); /* a comment or a keep-alive: only its bytes count */
    }
    if (slice_starts(data, SLICE("[DONE]"))) {
        frame->terminal = !d->ended;
        decoder_end(d);
        return decoder_end_frame(d, frame);
    }
    return decode_data(d, data, frame);
}

enum decode_result openai_decode(struct decoder *d, struct slice *bytes, struct frame *ret_frame)
{
    struct sse_event event;
    switch (d->exhausted ? SSE_TOO_LARGE : sse_decode(&d->sse, bytes, &event)) {
    case SSE_EVENT:
        return decode_block(d, &event, ret_frame);
    case SSE_MORE:
        return DECODE_MORE;
    default:
        return DECODE_TOO_LARGE;
    }
}

/* Some servers end the stream without [DONE]. When every choice that spoke was finished and the
   bytes ended in order, the answer is complete, and that is told in a frame without bytes; a stream
   that breaks off stays without an end. */
enum decode_result openai_decode_end(struct decoder *d, struct frame *ret_frame)
{
    struct sse_event event;
    if (!d->exhausted && sse_decode_end(&d->sse, &event)) {
        return decode_block(d, &event, ret_frame);
    }
    if (d->exhausted || d->ended || !decoder_all_finished(d)) {
        return DECODE_MORE;
    }
    *ret_frame = (struct frame){.raw = SLICE(""), .terminal = true};
    decoder_begin_frame(d);
    decoder_end(d);
    return decoder_end_frame(d, ret_frame);
}

/* Is there an answer in it? A choice without message and text is none. */
static bool holds_answer(const struct decoder *d, uint32_t choices)
{
    if (!has_choices(d, choices)) {
        return false;
    }
    uint32_t first = json_first(&d->doc, choices);
    return json_is(&d->doc, json_member(&d->doc, first, SLICE("message")), JSON_OBJECT) ||
           json_is(&d->doc, json_member(&d->doc, first, SLICE("text")), JSON_STRING);
}

enum decode_result openai_decode_answer(struct decoder *d, struct slice body,
                                        struct frame *ret_frame)
{
    *ret_frame = (struct frame){.raw = body, .terminal = true};
    decoder_begin_frame(d);
    uint32_t chunk[CHUNK_MEMBERS];
    if (!decoder_parse(d, body)) {
        return decoder_end_frame(d, ret_frame);
    }
    members_scan(&d->doc, JSON_ROOT, &chunk_table, chunk);
    uint32_t error = chunk_error(d, chunk);
    if (error == JSON_ABSENT && !holds_answer(d, chunk[CHUNK_CHOICES])) {
        d->malformed = true;
        return decoder_end_frame(d, ret_frame);
    }
    decode_object(d, chunk, error);
    decoder_end(d);
    return decoder_end_frame(d, ret_frame);
}

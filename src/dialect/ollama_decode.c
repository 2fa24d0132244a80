/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers of Ollama: objects by line, of /api/chat (`message`) and /api/generate (`response`); a
 * whole answer is the last line alone. Calls come whole, their arguments as objects, mostly without
 * ids.
 */
#include "dialect/ollama.h"

#include "dialect/decoder.h"
#include "dialect/inner.h"
#include "dialect/member.h"
#include "dialect/usage_count.h"

enum {
    LINE_MODEL,
    LINE_CREATED_AT,
    LINE_MESSAGE,
    LINE_RESPONSE,
    LINE_THINKING,
    LINE_DONE,
    LINE_DONE_REASON,
    LINE_PROMPT_EVAL_COUNT,
    LINE_EVAL_COUNT,
    LINE_ERROR,
    LINE_EMBEDDINGS,
    LINE_MEMBERS,
};

static const struct member_name line_names[LINE_MEMBERS] = {
    [LINE_MODEL] = MEMBER_NAME("model"),
    [LINE_CREATED_AT] = MEMBER_NAME("created_at"),
    [LINE_MESSAGE] = MEMBER_NAME("message"),
    [LINE_RESPONSE] = MEMBER_NAME("response"),
    [LINE_THINKING] = MEMBER_NAME("thinking"),
    [LINE_DONE] = MEMBER_NAME("done"),
    [LINE_DONE_REASON] = MEMBER_NAME("done_reason"),
    [LINE_PROMPT_EVAL_COUNT] = MEMBER_NAME("prompt_eval_count"),
    [LINE_EVAL_COUNT] = MEMBER_NAME("eval_count"),
    [LINE_ERROR] = MEMBER_NAME("error"),
    [LINE_EMBEDDINGS] = MEMBER_NAME("embeddings"),
};
static const struct member_table line_table = MEMBER_TABLE(line_names);

static void decode_call(struct decoder *d, uint32_t call)
{
    const struct json_doc *doc = &d->doc;
    uint32_t function = json_member(doc, call, SLICE("function"));
    uint32_t arguments = json_member(doc, function, SLICE("arguments"));
    if (!json_is(doc, function, JSON_OBJECT)) {
        return;
    }
    struct call_fragment fragment = {.position = -1, .complete = true};
    fragment.id = decoder_string(d, json_member(doc, call, SLICE("id")));
    fragment.name = decoder_string(d, json_member(doc, function, SLICE("name")));
    fragment.arguments = decoder_arguments(d, arguments);
    decoder_call(d, 0, &fragment);
}

/* The first letters of the base64 tell what it is: Ollama gives no type. */
static struct slice image_type(struct slice data)
{
    static const struct {
        struct slice begin;
        struct slice type;
    } types[] = {
        {SLICE_INIT("/9j/"), SLICE_INIT("image/jpeg")},
        {SLICE_INIT("R0lG"), SLICE_INIT("image/gif")},
        {SLICE_INIT("UklG"), SLICE_INIT("image/webp")},
    };
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        if (slice_starts(data, types[i].begin)) {
            return types[i].type;
        }
    }
    return SLICE("image/png");
}

static void decode_images(struct decoder *d, uint32_t images)
{
    if (!json_is(&d->doc, images, JSON_ARRAY)) {
        return;
    }
    for (uint32_t i = json_first(&d->doc, images); i != JSON_ABSENT;
         i = json_next(&d->doc, images, i)) {
        struct slice data = decoder_string(d, i);
        decoder_image(d, 0, image_type(data), data);
    }
}

static void decode_message(struct decoder *d, uint32_t message)
{
    enum { ROLE, CONTENT, THINKING, CALLS, IMAGES, MEMBERS };
    static const struct member_name names[MEMBERS] = {
        [ROLE] = MEMBER_NAME("role"),         [CONTENT] = MEMBER_NAME("content"),
        [THINKING] = MEMBER_NAME("thinking"), [CALLS] = MEMBER_NAME("tool_calls"),
        [IMAGES] = MEMBER_NAME("images"),
    };
    static const struct member_table table = MEMBER_TABLE(names);
    const struct json_doc *doc = &d->doc;
    uint32_t values[MEMBERS];
    if (members_scan(doc, message, &table, values) > 0) {
        decoder_lost_members(d, 0, message, &table);
    }
    uint32_t calls = values[CALLS];
    decoder_text(d, EVENT_REASONING, 0, decoder_string(d, values[THINKING]));
    decoder_text(d, EVENT_TEXT, 0, decoder_string(d, values[CONTENT]));
    decode_images(d, values[IMAGES]);
    if (!json_is(doc, calls, JSON_ARRAY)) {
        return;
    }
    for (uint32_t i = json_first(doc, calls); i != JSON_ABSENT; i = json_next(doc, calls, i)) {
        decode_call(d, i);
    }
}

/* Ollama leaves the count of the prompt out when all of it was in its cache. */
static void decode_usage(struct decoder *d, const uint32_t *line)
{
    const uint32_t prompt = line[LINE_PROMPT_EVAL_COUNT];
    const uint32_t made = line[LINE_EVAL_COUNT];
    int64_t count;
    if (usage_count_read(&d->doc, prompt, &count) == USAGE_ABSENT &&
        usage_count_read(&d->doc, made, &count) == USAGE_ABSENT) {
        return;
    }
    struct usage usage = {.reported = true, .unread = usage_half_told(&d->doc, prompt, made)};
    usage.input = usage_count(d, prompt, &usage);
    usage.output = usage_count(d, made, &usage);
    decoder_event(d, EVENT_USAGE, 0)->usage = usage;
}

static void decode_done(struct decoder *d, const uint32_t *line)
{
    struct slice word = decoder_string(d, line[LINE_DONE_REASON]);
    decoder_finish(d, 0, slice_eq(word, SLICE("length")) ? FINISH_LENGTH : FINISH_STOP, word);
    decode_usage(d, line);
    decoder_end(d);
}

static bool holds_answer(const struct decoder *d, const uint32_t *line)
{
    return json_is(&d->doc, line[LINE_MESSAGE], JSON_OBJECT) ||
           json_is(&d->doc, line[LINE_RESPONSE], JSON_STRING);
}

/* An error as text, or as the object that Ollama's OpenAI side would send. */
static struct slice error_message(const struct decoder *d, uint32_t error)
{
    bool object = json_is(&d->doc, error, JSON_OBJECT);
    return decoder_string(d, object ? json_member(&d->doc, error, SLICE("message")) : error);
}

static void decode_object(struct decoder *d, const uint32_t *line)
{
    if (line[LINE_ERROR] != JSON_ABSENT && json_kind(&d->doc, line[LINE_ERROR]) != JSON_NULL) {
        decoder_error(d, error_message(d, line[LINE_ERROR]), SLICE_EMPTY);
        return;
    }
    bool done = json_is(&d->doc, line[LINE_DONE], JSON_TRUE);
    if (!holds_answer(d, line) && !done) {
        d->malformed = true;
        return;
    }
    decoder_start(d, SLICE_EMPTY, decoder_string(d, line[LINE_MODEL]),
                  decoder_string(d, line[LINE_CREATED_AT]));
    decoder_text(d, EVENT_REASONING, 0, decoder_string(d, line[LINE_THINKING]));
    decoder_text(d, EVENT_TEXT, 0, decoder_string(d, line[LINE_RESPONSE]));
    decode_message(d, line[LINE_MESSAGE]);
    if (done) {
        decode_done(d, line);
    }
}

static bool parse_line(struct decoder *d, struct slice text, uint32_t *line)
{
    decoder_begin_frame(d);
    if (!decoder_parse(d, text)) {
        return false;
    }
    members_scan(&d->doc, JSON_ROOT, &line_table, line);
    return true;
}

static enum decode_result decode_line(struct decoder *d, struct slice text, struct frame *frame)
{
    uint32_t line[LINE_MEMBERS];
    bool ended = d->ended;
    *frame = (struct frame){.raw = d->ndjson.raw};
    if (parse_line(d, text, line)) {
        decode_object(d, line);
        frame->terminal = d->ended && !ended;
    }
    return decoder_end_frame(d, frame);
}

enum decode_result ollama_decode(struct decoder *d, struct slice *bytes, struct frame *ret_frame)
{
    struct slice line;
    switch (d->exhausted ? NDJSON_TOO_LARGE : ndjson_decode(&d->ndjson, bytes, &line)) {
    case NDJSON_LINE:
        return decode_line(d, line, ret_frame);
    case NDJSON_MORE:
        return DECODE_MORE;
    default:
        return DECODE_TOO_LARGE;
    }
}

enum decode_result ollama_decode_end(struct decoder *d, struct frame *ret_frame)
{
    struct slice line;
    if (d->exhausted || !ndjson_decode_end(&d->ndjson, &line)) {
        return DECODE_MORE;
    }
    return decode_line(d, line, ret_frame);
}

/* Vectors, in the order of the inputs. */
static void decode_embeddings(struct decoder *d, const uint32_t *line)
{
    const struct json_doc *doc = &d->doc;
    uint32_t index = 0;
    decoder_start(d, SLICE_EMPTY, decoder_string(d, line[LINE_MODEL]), SLICE_EMPTY);
    for (uint32_t i = json_first(doc, line[LINE_EMBEDDINGS]); i != JSON_ABSENT;
         i = json_next(doc, line[LINE_EMBEDDINGS], i)) {
        struct event *event = decoder_event(d, EVENT_EMBEDDING, 0);
        event->index = index++;
        event->text = json_raw(doc, i);
    }
    decode_usage(d, line);
    decoder_end(d);
}

/* A whole answer says that it is done: one that does not was cut. */
enum decode_result ollama_decode_answer(struct decoder *d, struct slice body,
                                        struct frame *ret_frame)
{
    uint32_t line[LINE_MEMBERS];
    *ret_frame = (struct frame){.raw = body, .terminal = true};
    if (parse_line(d, body, line) && json_is(&d->doc, line[LINE_EMBEDDINGS], JSON_ARRAY)) {
        decode_embeddings(d, line);
    } else if (!d->malformed) {
        decode_object(d, line);
        d->malformed = d->malformed || !d->ended;
    }
    return decoder_end_frame(d, ret_frame);
}

void ollama_read_usage(struct decoder *d, struct slice body, struct usage *ret_usage)
{
    uint32_t line[LINE_MEMBERS];
    if (parse_line(d, body, line)) {
        decode_usage(d, line);
    }
    decoder_told_usage(d, ret_usage);
}

void ollama_read_error(struct decoder *d, int status, struct slice body,
                       struct provider_error *ret_error)
{
    uint32_t line[LINE_MEMBERS];
    (void)status;
    *ret_error = (struct provider_error){0};
    if (!parse_line(d, body, line) || line[LINE_ERROR] == JSON_ABSENT) {
        return;
    }
    ret_error->message = error_message(d, line[LINE_ERROR]);
    ret_error->context_length = inner_contains(ret_error->message, "context length") ||
                                inner_contains(ret_error->message, "context window") ||
                                inner_contains(ret_error->message, "context size");
}

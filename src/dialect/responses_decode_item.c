/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole items of an answer: of one that is not streamed, or at the end of an item whose pieces
 * never came (some servers tell arguments only when they are done). Items of built-in tools (a
 * search, a program) have no canonical form but the picture: they are told as lost.
 */
#include "dialect/decoder.h"
#include "dialect/responses.h"
#include "dialect/tool_name.h"

enum {
    OUTPUT_TYPE,
    OUTPUT_ID,
    OUTPUT_CONTENT,
    OUTPUT_SUMMARY,
    OUTPUT_ENCRYPTED,
    OUTPUT_CALL_ID,
    OUTPUT_NAME,
    OUTPUT_NAMESPACE,
    OUTPUT_ARGUMENTS,
    OUTPUT_INPUT,
    OUTPUT_RESULT,
    OUTPUT_FORMAT,
    OUTPUT_MEMBERS
};

static const struct member_name output_names[OUTPUT_MEMBERS] = {
    [OUTPUT_TYPE] = MEMBER_NAME("type"),
    [OUTPUT_ID] = MEMBER_NAME("id"),
    [OUTPUT_CONTENT] = MEMBER_NAME("content"),
    [OUTPUT_SUMMARY] = MEMBER_NAME("summary"),
    [OUTPUT_ENCRYPTED] = MEMBER_NAME("encrypted_content"),
    [OUTPUT_CALL_ID] = MEMBER_NAME("call_id"),
    [OUTPUT_NAME] = MEMBER_NAME("name"),
    [OUTPUT_NAMESPACE] = MEMBER_NAME("namespace"),
    [OUTPUT_ARGUMENTS] = MEMBER_NAME("arguments"),
    [OUTPUT_INPUT] = MEMBER_NAME("input"),
    [OUTPUT_RESULT] = MEMBER_NAME("result"),
    [OUTPUT_FORMAT] = MEMBER_NAME("output_format"),
};
static const struct member_table output_table = MEMBER_TABLE(output_names);

/* --- texts --- */

void responses_decode_annotation(struct decoder *d, uint32_t annotation)
{
    const struct json_doc *doc = &d->doc;
    if (!json_is(doc, annotation, JSON_OBJECT)) {
        return;
    }
    struct slice url = decoder_string(d, json_member(doc, annotation, SLICE("url")));
    if (url.len > 0) {
        struct event *event = decoder_event(d, EVENT_CITATION, 0);
        event->id = url;
        event->name = decoder_string(d, json_member(doc, annotation, SLICE("title")));
        decoder_place(d, event, annotation);
    }
}

void responses_decode_logprobs(struct decoder *d, uint32_t logprobs)
{
    if (json_is(&d->doc, logprobs, JSON_ARRAY) && json_count(&d->doc, logprobs) > 0) {
        decoder_event(d, EVENT_LOGPROBS, 0)->text = json_raw(&d->doc, logprobs);
    }
}

static void decode_annotations(struct decoder *d, uint32_t list)
{
    if (!json_is(&d->doc, list, JSON_ARRAY)) {
        return;
    }
    for (uint32_t i = json_first(&d->doc, list); i != JSON_ABSENT;
         i = json_next(&d->doc, list, i)) {
        responses_decode_annotation(d, i);
    }
}

bool responses_part_is_lost(struct decoder *d, uint32_t part)
{
    static const struct slice known[] = {SLICE_INIT("output_text"), SLICE_INIT("refusal"),
                                         SLICE_INIT("reasoning_text"), SLICE_INIT("summary_text"),
                                         SLICE_INIT("text")};
    struct slice type = decoder_string(d, json_member(&d->doc, part, SLICE("type")));
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (type.len == 0 || slice_eq(type, known[i])) {
            return false;
        }
    }
    decoder_lost(d, 0, type);
    return true;
}

static void decode_message(struct decoder *d, uint32_t content)
{
    const struct json_doc *doc = &d->doc;
    if (!json_is(doc, content, JSON_ARRAY)) {
        decoder_text(d, EVENT_TEXT, 0, decoder_string(d, content));
        return;
    }
    for (uint32_t i = json_first(doc, content); i != JSON_ABSENT; i = json_next(doc, content, i)) {
        if (json_kind(doc, i) != JSON_OBJECT) {
            continue;
        }
        if (responses_part_is_lost(d, i)) {
            continue;
        }
        decoder_text(d, EVENT_TEXT, 0, decoder_string(d, json_member(doc, i, SLICE("text"))));
        decoder_text(d, EVENT_REFUSAL, 0, decoder_string(d, json_member(doc, i, SLICE("refusal"))));
        responses_decode_logprobs(d, json_member(doc, i, SLICE("logprobs")));
        decode_annotations(d, json_member(doc, i, SLICE("annotations")));
    }
}

/* --- thoughts --- */

/* False: there was no text. */
static bool decode_thoughts(struct decoder *d, uint32_t list, struct slice id)
{
    bool any = false;
    if (!json_is(&d->doc, list, JSON_ARRAY)) {
        return false;
    }
    for (uint32_t i = json_first(&d->doc, list); i != JSON_ABSENT;
         i = json_next(&d->doc, list, i)) {
        struct slice text = json_kind(&d->doc, i) == JSON_OBJECT
                                ? decoder_string(d, json_member(&d->doc, i, SLICE("text")))
                                : SLICE_EMPTY;
        if (text.len == 0) {
            continue;
        }
        if (any) {
            decoder_event(d, EVENT_REASONING, 0)->text = SLICE("\\n\\n");
        }
        struct event *event = decoder_event(d, EVENT_REASONING, 0);
        event->text = text;
        event->id = id;
        any = true;
    }
    return any;
}

static void decode_cipher(struct decoder *d, const uint32_t *output)
{
    struct slice data = decoder_string(d, output[OUTPUT_ENCRYPTED]);
    if (data.len > 0) {
        struct event *event = decoder_event(d, EVENT_OPAQUE, 0);
        event->text = data;
        event->maker = DIALECT_OPENAI_RESPONSES;
        event->id = decoder_string(d, output[OUTPUT_ID]);
    }
}

/* --- calls --- */

static struct slice call_name(struct decoder *d, const uint32_t *output)
{
    struct slice name = decoder_string(d, output[OUTPUT_NAME]);
    struct slice space = decoder_string(d, output[OUTPUT_NAMESPACE]);
    if (space.len == 0 || name.len == 0) {
        return name;
    }
    name = tool_name_flat(&d->arena, space, name);
    d->exhausted = d->exhausted || d->arena.exhausted;
    return name;
}

static void decode_call(struct decoder *d, const uint32_t *output, int64_t position, bool custom,
                        bool arguments)
{
    struct call_fragment fragment = {
        .position = position,
        .id = decoder_string(d, output[OUTPUT_CALL_ID]),
        .name = call_name(d, output),
        .custom = custom,
    };
    if (arguments) {
        fragment.arguments = decoder_arguments(d, output[custom ? OUTPUT_INPUT : OUTPUT_ARGUMENTS]);
    }
    decoder_call(d, 0, &fragment);
}

/* --- pictures --- */

/* The item names the format of its picture, as a file's ending. */
static void decode_image(struct decoder *d, const uint32_t *output)
{
    struct slice format = decoder_string(d, output[OUTPUT_FORMAT]);
    struct slice type = SLICE("image/png");
    type = slice_eq(format, SLICE("jpeg")) ? SLICE("image/jpeg") : type;
    type = slice_eq(format, SLICE("webp")) ? SLICE("image/webp") : type;
    decoder_image(d, 0, type, decoder_string(d, output[OUTPUT_RESULT]));
}

/* --- items --- */

enum output_kind {
    OUTPUT_MESSAGE,
    OUTPUT_REASONING,
    OUTPUT_FUNCTION,
    OUTPUT_CUSTOM,
    OUTPUT_IMAGE,
    OUTPUT_OTHER
};

static enum output_kind kind_of(const struct decoder *d, const uint32_t *output)
{
    static const struct slice kinds[OUTPUT_OTHER] = {
        [OUTPUT_MESSAGE] = SLICE_INIT("message"),
        [OUTPUT_REASONING] = SLICE_INIT("reasoning"),
        [OUTPUT_FUNCTION] = SLICE_INIT("function_call"),
        [OUTPUT_CUSTOM] = SLICE_INIT("custom_tool_call"),
        [OUTPUT_IMAGE] = SLICE_INIT("image_generation_call"),
    };
    struct slice type = decoder_string(d, output[OUTPUT_TYPE]);
    for (unsigned kind = 0; kind < OUTPUT_OTHER; kind++) {
        if (slice_eq(type, kinds[kind])) {
            return (enum output_kind)kind;
        }
    }
    return OUTPUT_OTHER;
}

void responses_decode_item(struct decoder *d, uint32_t item, int64_t position)
{
    uint32_t output[OUTPUT_MEMBERS];
    members_scan(&d->doc, item, &output_table, output);
    enum output_kind kind = kind_of(d, output);
    switch (kind) {
    case OUTPUT_MESSAGE:
        decode_message(d, output[OUTPUT_CONTENT]);
        break;
    case OUTPUT_REASONING: {
        struct slice id = decoder_string(d, output[OUTPUT_ID]);
        if (!decode_thoughts(d, output[OUTPUT_CONTENT], id)) {
            (void)decode_thoughts(d, output[OUTPUT_SUMMARY], id);
        }
        decode_cipher(d, output);
        break;
    }
    case OUTPUT_FUNCTION:
    case OUTPUT_CUSTOM:
        decode_call(d, output, position, kind == OUTPUT_CUSTOM, true);
        break;
    case OUTPUT_IMAGE:
        decode_image(d, output);
        break;
    case OUTPUT_OTHER:
        decoder_lost(d, 0, decoder_string(d, output[OUTPUT_TYPE]));
        break;
    }
}

void responses_decode_begin(struct decoder *d, uint32_t item, int64_t position)
{
    uint32_t output[OUTPUT_MEMBERS];
    members_scan(&d->doc, item, &output_table, output);
    enum output_kind kind = kind_of(d, output);
    if (kind == OUTPUT_FUNCTION || kind == OUTPUT_CUSTOM) {
        decode_call(d, output, position, kind == OUTPUT_CUSTOM, false);
    }
}

void responses_decode_rest(struct decoder *d, uint32_t item)
{
    uint32_t output[OUTPUT_MEMBERS];
    members_scan(&d->doc, item, &output_table, output);
    if (kind_of(d, output) == OUTPUT_REASONING) {
        decode_cipher(d, output);
    }
}

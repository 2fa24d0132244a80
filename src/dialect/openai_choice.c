/* SPDX-License-Identifier: Apache-2.0 */
/* One element of `choices`: a delta, a whole message, or the text of a plain completion. */
#include "dialect/decoder.h"
#include "dialect/openai.h"

enum {
    CHOICE_INDEX,
    CHOICE_MESSAGE,
    CHOICE_DELTA,
    CHOICE_LOGPROBS,
    CHOICE_FINISH_REASON,
    CHOICE_TEXT,
    CHOICE_USAGE,
    CHOICE_MEMBERS
};

static const struct member_name choice_names[CHOICE_MEMBERS] = {
    [CHOICE_INDEX] = MEMBER_NAME("index"),
    [CHOICE_DELTA] = MEMBER_NAME("delta"),
    [CHOICE_MESSAGE] = MEMBER_NAME("message"),
    [CHOICE_TEXT] = MEMBER_NAME("text"),
    [CHOICE_FINISH_REASON] = MEMBER_NAME("finish_reason"),
    [CHOICE_USAGE] = MEMBER_NAME("usage"),
    [CHOICE_LOGPROBS] = MEMBER_NAME("logprobs"),
};
static const struct member_table choice_table = MEMBER_TABLE(choice_names);

enum {
    DELTA_ROLE,
    DELTA_CONTENT,
    DELTA_REASONING_CONTENT,
    DELTA_REASONING,
    DELTA_REASONING_DETAILS,
    DELTA_REFUSAL,
    DELTA_TOOL_CALLS,
    DELTA_FUNCTION_CALL,
    DELTA_ANNOTATIONS,
    DELTA_IMAGES,
    DELTA_MEMBERS
};

static const struct member_name delta_names[DELTA_MEMBERS] = {
    [DELTA_CONTENT] = MEMBER_NAME("content"),
    [DELTA_REASONING_CONTENT] = MEMBER_NAME("reasoning_content"),
    [DELTA_REASONING] = MEMBER_NAME("reasoning"),
    [DELTA_REASONING_DETAILS] = MEMBER_NAME("reasoning_details"),
    [DELTA_REFUSAL] = MEMBER_NAME("refusal"),
    [DELTA_TOOL_CALLS] = MEMBER_NAME("tool_calls"),
    [DELTA_FUNCTION_CALL] = MEMBER_NAME("function_call"),
    [DELTA_ANNOTATIONS] = MEMBER_NAME("annotations"),
    [DELTA_IMAGES] = MEMBER_NAME("images"),
    [DELTA_ROLE] = MEMBER_NAME("role"),
};
static const struct member_table delta_table = MEMBER_TABLE(delta_names);

/* --- text and thoughts --- */

/* {"image_url": {"url"}}, or the URL itself. */
static void decode_image(struct decoder *d, uint32_t choice, uint32_t image)
{
    uint32_t value = json_member(&d->doc, image, SLICE("image_url"));
    bool object = json_is(&d->doc, value, JSON_OBJECT);
    uint32_t url = object ? json_member(&d->doc, value, SLICE("url")) : value;
    decoder_image_url(d, choice, decoder_string(d, url));
}

static void decode_images(struct decoder *d, uint32_t choice, uint32_t images)
{
    if (!json_is(&d->doc, images, JSON_ARRAY)) {
        return;
    }
    for (uint32_t i = json_first(&d->doc, images); i != JSON_ABSENT;
         i = json_next(&d->doc, images, i)) {
        decode_image(d, choice, i);
    }
}

static void decode_thinking(struct decoder *d, uint32_t choice, uint32_t thinking)
{
    const struct json_doc *doc = &d->doc;
    decoder_text(d, EVENT_REASONING, choice, decoder_string(d, thinking));
    if (!json_is(doc, thinking, JSON_ARRAY)) {
        return;
    }
    for (uint32_t i = json_first(doc, thinking); i != JSON_ABSENT;
         i = json_next(doc, thinking, i)) {
        decoder_text(d, EVENT_REASONING, choice,
                     decoder_string(d, json_member(doc, i, SLICE("text"))));
    }
}

/* Of an array of contents: {"text"}, {"thinking": [{"text"}]} (Mistral), {"image_url"}. */
static void decode_part(struct decoder *d, uint32_t choice, uint32_t part)
{
    enum { TYPE, TEXT, THINKING, IMAGE, REFUSAL, MEMBERS };
    static const struct member_name names[MEMBERS] = {
        [TYPE] = MEMBER_NAME("type"),         [TEXT] = MEMBER_NAME("text"),
        [THINKING] = MEMBER_NAME("thinking"), [IMAGE] = MEMBER_NAME("image_url"),
        [REFUSAL] = MEMBER_NAME("refusal"),
    };
    static const struct member_table table = MEMBER_TABLE(names);
    uint32_t values[MEMBERS];
    members_scan(&d->doc, part, &table, values);
    if (values[TEXT] != JSON_ABSENT) {
        decoder_text(d, EVENT_TEXT, choice, decoder_string(d, values[TEXT]));
    } else if (values[THINKING] != JSON_ABSENT) {
        decode_thinking(d, choice, values[THINKING]);
    } else if (values[IMAGE] != JSON_ABSENT) {
        decode_image(d, choice, part);
    } else if (values[REFUSAL] != JSON_ABSENT) {
        decoder_text(d, EVENT_REFUSAL, choice, decoder_string(d, values[REFUSAL]));
    } else {
        decoder_lost(d, choice, decoder_string(d, values[TYPE]));
    }
}

static void decode_parts(struct decoder *d, uint32_t choice, uint32_t parts)
{
    for (uint32_t i = json_first(&d->doc, parts); i != JSON_ABSENT;
         i = json_next(&d->doc, parts, i)) {
        decode_part(d, choice, i);
    }
}

static void decode_content(struct decoder *d, uint32_t choice, uint32_t content)
{
    if (json_is(&d->doc, content, JSON_ARRAY)) {
        decode_parts(d, choice, content);
        return;
    }
    enum json_kind kind = content == JSON_ABSENT ? JSON_NULL : json_kind(&d->doc, content);
    d->malformed = d->malformed || (kind != JSON_STRING && kind != JSON_NULL);
    decoder_text(d, EVENT_TEXT, choice, decoder_string(d, content));
}

/* Vendors send the same thought under several names at once: the first that says something counts.
 */
static void decode_reasoning(struct decoder *d, uint32_t choice, const uint32_t *delta)
{
    struct slice text = decoder_string(d, delta[DELTA_REASONING_CONTENT]);
    if (text.len == 0) {
        text = decoder_string(d, delta[DELTA_REASONING]);
    }
    decoder_text(d, EVENT_REASONING, choice, text);
    d->thought = d->thought || text.len > 0;
    if (delta[DELTA_REASONING_DETAILS] != JSON_ABSENT) {
        openai_decode_details(d, choice, delta[DELTA_REASONING_DETAILS], text.len == 0);
    }
}

/* --- beside the text --- */

static void decode_annotation(struct decoder *d, uint32_t choice, uint32_t annotation)
{
    const struct json_doc *doc = &d->doc;
    uint32_t citation = json_kind(doc, annotation) == JSON_OBJECT
                            ? json_member(doc, annotation, SLICE("url_citation"))
                            : JSON_ABSENT;
    struct slice url = decoder_string(d, json_member(doc, citation, SLICE("url")));
    if (url.len > 0) {
        struct event *event = decoder_event(d, EVENT_CITATION, choice);
        event->id = url;
        event->name = decoder_string(d, json_member(doc, citation, SLICE("title")));
        event->text = decoder_string(d, json_member(doc, citation, SLICE("content")));
        decoder_place(d, event, citation);
    }
}

static void decode_annotations(struct decoder *d, uint32_t choice, uint32_t list)
{
    if (!json_is(&d->doc, list, JSON_ARRAY)) {
        return;
    }
    for (uint32_t i = json_first(&d->doc, list); i != JSON_ABSENT;
         i = json_next(&d->doc, list, i)) {
        decode_annotation(d, choice, i);
    }
}

/* Those of Completions have another shape and no canonical form. */
static void decode_logprobs(struct decoder *d, uint32_t choice, uint32_t logprobs)
{
    uint32_t content = json_member(&d->doc, logprobs, SLICE("content"));
    if (json_is(&d->doc, content, JSON_ARRAY) && json_count(&d->doc, content) > 0) {
        decoder_event(d, EVENT_LOGPROBS, choice)->text = json_raw(&d->doc, content);
    }
}

/* --- tool calls --- */

static void decode_call(struct decoder *d, uint32_t choice, uint32_t node, bool complete)
{
    enum { INDEX, ID, FUNCTION, CUSTOM, MEMBERS };
    static const struct member_name names[MEMBERS] = {[INDEX] = MEMBER_NAME("index"),
                                                      [ID] = MEMBER_NAME("id"),
                                                      [FUNCTION] = MEMBER_NAME("function"),
                                                      [CUSTOM] = MEMBER_NAME("custom")};
    static const struct member_table table = MEMBER_TABLE(names);
    const struct json_doc *doc = &d->doc;
    uint32_t values[MEMBERS];
    members_scan(doc, node, &table, values);
    struct call_fragment fragment = {
        .position = -1, .id = decoder_string(d, values[ID]), .complete = complete};
    int64_t position;
    if (values[INDEX] != JSON_ABSENT && json_int64(doc, values[INDEX], &position) &&
        position >= 0) {
        fragment.position = position;
    }
    bool custom = values[FUNCTION] == JSON_ABSENT && json_is(doc, values[CUSTOM], JSON_OBJECT);
    uint32_t function = custom ? values[CUSTOM] : values[FUNCTION];
    fragment.custom = custom;
    fragment.name = decoder_string(d, json_member(doc, function, SLICE("name")));
    uint32_t arguments = json_member(doc, function, custom ? SLICE("input") : SLICE("arguments"));
    fragment.arguments = decoder_arguments(d, arguments);
    if (fragment.id.len > 0 || fragment.name.len > 0 || fragment.arguments.len > 0) {
        decoder_call(d, choice, &fragment);
    }
}

static void decode_calls(struct decoder *d, uint32_t choice, uint32_t calls, bool complete)
{
    if (!json_is(&d->doc, calls, JSON_ARRAY)) {
        return;
    }
    for (uint32_t i = json_first(&d->doc, calls); i != JSON_ABSENT;
         i = json_next(&d->doc, calls, i)) {
        if (json_kind(&d->doc, i) == JSON_OBJECT) {
            decode_call(d, choice, i, complete);
        }
    }
}

/* The form before tools: at most one call, without an id. */
static void decode_function_call(struct decoder *d, uint32_t choice, uint32_t call)
{
    if (!json_is(&d->doc, call, JSON_OBJECT)) {
        return;
    }
    struct call_fragment fragment = {
        .name = decoder_string(d, json_member(&d->doc, call, SLICE("name"))),
        .arguments = decoder_arguments(d, json_member(&d->doc, call, SLICE("arguments"))),
    };
    decoder_call(d, choice, &fragment);
}

static void decode_message(struct decoder *d, uint32_t choice, uint32_t message, bool complete)
{
    uint32_t delta[DELTA_MEMBERS];
    uint32_t unknown = members_scan(&d->doc, message, &delta_table, delta);
    decode_reasoning(d, choice, delta);
    decode_content(d, choice, delta[DELTA_CONTENT]);
    decode_images(d, choice, delta[DELTA_IMAGES]);
    decode_annotations(d, choice, delta[DELTA_ANNOTATIONS]);
    decoder_text(d, EVENT_REFUSAL, choice, decoder_string(d, delta[DELTA_REFUSAL]));
    decode_calls(d, choice, delta[DELTA_TOOL_CALLS], complete);
    decode_function_call(d, choice, delta[DELTA_FUNCTION_CALL]);
    if (unknown > 0) {
        decoder_lost_members(d, choice, message, &delta_table);
    }
}

/* False: no choice that we can follow. */
static bool choice_index(const struct decoder *d, uint32_t value, uint32_t position,
                         uint32_t *ret_index)
{
    int64_t index = position;
    if (value != JSON_ABSENT && json_kind(&d->doc, value) == JSON_NUMBER &&
        !json_int64(&d->doc, value, &index)) {
        return false;
    }
    *ret_index = (uint32_t)index;
    return index >= 0 && index < DECODER_CHOICES_MAX;
}

void openai_decode_choice(struct decoder *d, uint32_t choice, uint32_t position)
{
    uint32_t values[CHOICE_MEMBERS];
    uint32_t index;
    members_scan(&d->doc, choice, &choice_table, values);
    if (json_kind(&d->doc, choice) != JSON_OBJECT ||
        !choice_index(d, values[CHOICE_INDEX], position, &index)) {
        d->malformed = true;
        return;
    }
    decoder_speak(d, index);
    if (values[CHOICE_DELTA] != JSON_ABSENT) {
        decode_message(d, index, values[CHOICE_DELTA], false);
    } else if (values[CHOICE_MESSAGE] != JSON_ABSENT) {
        decode_message(d, index, values[CHOICE_MESSAGE], true);
    } else {
        decoder_text(d, EVENT_TEXT, index, decoder_string(d, values[CHOICE_TEXT]));
    }
    if (json_is(&d->doc, values[CHOICE_LOGPROBS], JSON_OBJECT)) {
        decode_logprobs(d, index, values[CHOICE_LOGPROBS]);
    }
    struct slice word = decoder_string(d, values[CHOICE_FINISH_REASON]);
    if (word.len > 0) {
        decoder_finish(d, index, openai_finish_reason(word), word);
    }
    openai_decode_usage(d, values[CHOICE_USAGE]);
}

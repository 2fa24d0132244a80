/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What answers hold, streamed or whole. A seal on a thought is Claude's, which reads it on every
 * cloud, so it is told as Anthropic's; what is hidden whole is Bedrock's own.
 */
#include "dialect/bedrock.h"
#include "dialect/decoder.h"
#include "dialect/member.h"
#include "dialect/usage_count.h"

static struct slice string_at(const struct decoder *d, uint32_t object, struct slice name)
{
    return decoder_string(d, json_member(&d->doc, object, name));
}

static void sealed(struct decoder *d, enum event_kind kind, struct slice text, unsigned maker)
{
    if (text.len > 0) {
        struct event *event = decoder_event(d, kind, 0);
        event->text = text;
        event->maker = maker;
    }
}

static void decode_citation(struct decoder *d, uint32_t citation)
{
    const struct json_doc *doc = &d->doc;
    if (!json_is(doc, citation, JSON_OBJECT)) {
        return;
    }
    struct slice url = decoder_string(d, json_path(doc, citation, "location.web.url"));
    uint32_t sources = json_member(doc, citation, SLICE("sourceContent"));
    uint32_t first = json_is(doc, sources, JSON_ARRAY) ? json_first(doc, sources) : JSON_ABSENT;
    struct event *event = decoder_event(d, EVENT_CITATION, 0);
    event->id = url.len > 0 ? url : string_at(d, citation, SLICE("source"));
    event->name = string_at(d, citation, SLICE("title"));
    event->text = string_at(d, first, SLICE("text"));
}

/* --- whole blocks --- */

static void decode_call(struct decoder *d, uint32_t call)
{
    uint32_t input = json_member(&d->doc, call, SLICE("input"));
    struct call_fragment fragment = {
        .position = -1,
        .id = string_at(d, call, SLICE("toolUseId")),
        .name = string_at(d, call, SLICE("name")),
        .complete = true,
    };
    if (json_is(&d->doc, input, JSON_OBJECT)) {
        fragment.arguments = decoder_escape(d, json_raw(&d->doc, input));
    } else {
        d->malformed = d->malformed || member_given(&d->doc, input);
    }
    decoder_call(d, 0, &fragment);
}

static void decode_thought(struct decoder *d, uint32_t thought)
{
    uint32_t text = json_member(&d->doc, thought, SLICE("reasoningText"));
    decoder_text(d, EVENT_REASONING, 0, string_at(d, text, SLICE("text")));
    sealed(d, EVENT_SIGNATURE, string_at(d, text, SLICE("signature")), DIALECT_ANTHROPIC);
    sealed(d, EVENT_OPAQUE, string_at(d, thought, SLICE("redactedContent")), DIALECT_BEDROCK);
}

static void each(struct decoder *d, uint32_t list, void (*decode)(struct decoder *, uint32_t))
{
    if (!json_is(&d->doc, list, JSON_ARRAY)) {
        return;
    }
    for (uint32_t i = json_first(&d->doc, list); i != JSON_ABSENT;
         i = json_next(&d->doc, list, i)) {
        decode(d, i);
    }
}

static void decode_text(struct decoder *d, uint32_t block)
{
    decoder_text(d, EVENT_TEXT, 0, string_at(d, block, SLICE("text")));
}

/* A tool that Bedrock runs itself is none of the client's. */
static bool is_clients(const struct decoder *d, uint32_t call)
{
    return json_is(&d->doc, call, JSON_OBJECT) && string_at(d, call, SLICE("type")).len == 0;
}

enum { BLOCK_TEXT, BLOCK_CALL, BLOCK_CITED, BLOCK_THOUGHT, BLOCK_IMAGE, BLOCK_MEMBERS };
static const struct member_name block_names[BLOCK_MEMBERS] = {
    [BLOCK_TEXT] = MEMBER_NAME("text"),
    [BLOCK_CALL] = MEMBER_NAME("toolUse"),
    [BLOCK_CITED] = MEMBER_NAME("citationsContent"),
    [BLOCK_THOUGHT] = MEMBER_NAME("reasoningContent"),
    [BLOCK_IMAGE] = MEMBER_NAME("image"),
};
static const struct member_table block_table = MEMBER_TABLE(block_names);

static void decode_image(struct decoder *d, uint32_t image)
{
    static const struct {
        struct slice format;
        struct slice type;
    } types[] = {
        {SLICE_INIT("jpeg"), SLICE_INIT("image/jpeg")},
        {SLICE_INIT("gif"), SLICE_INIT("image/gif")},
        {SLICE_INIT("webp"), SLICE_INIT("image/webp")},
    };
    struct slice format = string_at(d, image, SLICE("format"));
    struct slice type = SLICE("image/png");
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        type = slice_eq(format, types[i].format) ? types[i].type : type;
    }
    struct slice data = decoder_string(d, json_path(&d->doc, image, "source.bytes"));
    decoder_image(d, 0, type, data);
    if (image != JSON_ABSENT && data.len == 0) {
        decoder_lost(d, 0, SLICE("image"));
    }
}

static void decode_block(struct decoder *d, uint32_t block)
{
    const struct json_doc *doc = &d->doc;
    uint32_t values[BLOCK_MEMBERS];
    if (members_scan(doc, block, &block_table, values) > 0) {
        decoder_lost_members(d, 0, block, &block_table);
    }
    decoder_text(d, EVENT_TEXT, 0, decoder_string(d, values[BLOCK_TEXT]));
    if (is_clients(d, values[BLOCK_CALL])) {
        decode_call(d, values[BLOCK_CALL]);
    } else if (values[BLOCK_CALL] != JSON_ABSENT) {
        decoder_lost(d, 0, string_at(d, values[BLOCK_CALL], SLICE("type")));
    }
    decode_thought(d, values[BLOCK_THOUGHT]);
    decode_image(d, values[BLOCK_IMAGE]);
    each(d, json_member(doc, values[BLOCK_CITED], SLICE("content")), decode_text);
    each(d, json_member(doc, values[BLOCK_CITED], SLICE("citations")), decode_citation);
}

void bedrock_decode_content(struct decoder *d, uint32_t content)
{
    each(d, content, decode_block);
}

/* --- deltas --- */

/* Only blocks that began as a call have fragments of its arguments. */
static bool is_call(const struct decoder *d, int64_t position)
{
    for (size_t i = d->call_count; i > 0; i--) {
        if (d->calls[i - 1].position == position) {
            return position >= 0;
        }
    }
    return false;
}

static const struct member_name delta_names[] = {
    MEMBER_NAME("text"),
    MEMBER_NAME("toolUse"),
    MEMBER_NAME("reasoningContent"),
    MEMBER_NAME("citation"),
};
static const struct member_table delta_table = MEMBER_TABLE(delta_names);

void bedrock_decode_delta(struct decoder *d, uint32_t delta, int64_t position)
{
    const struct json_doc *doc = &d->doc;
    uint32_t thought = json_member(doc, delta, SLICE("reasoningContent"));
    decoder_lost_members(d, 0, delta, &delta_table);
    struct call_fragment fragment = {
        .position = position,
        .arguments = string_at(d, json_member(doc, delta, SLICE("toolUse")), SLICE("input")),
    };
    decode_text(d, delta);
    if (fragment.arguments.len > 0 && is_call(d, position)) {
        decoder_call(d, 0, &fragment);
    }
    if (thought != JSON_ABSENT) {
        decoder_text(d, EVENT_REASONING, 0, string_at(d, thought, SLICE("text")));
        sealed(d, EVENT_SIGNATURE, string_at(d, thought, SLICE("signature")), DIALECT_ANTHROPIC);
        sealed(d, EVENT_OPAQUE, string_at(d, thought, SLICE("redactedContent")), DIALECT_BEDROCK);
    }
    decode_citation(d, json_member(doc, delta, SLICE("citation")));
}

/* --- the end --- */

static enum finish_reason reason_of(struct slice word)
{
    static const struct {
        struct slice word;
        enum finish_reason reason;
    } reasons[] = {
        {SLICE_INIT("tool_use"), FINISH_TOOL_CALLS},
        {SLICE_INIT("max_tokens"), FINISH_LENGTH},
        {SLICE_INIT("model_context_window_exceeded"), FINISH_LENGTH},
        {SLICE_INIT("guardrail_intervened"), FINISH_CONTENT_FILTER},
        {SLICE_INIT("content_filtered"), FINISH_CONTENT_FILTER},
        {SLICE_INIT("refusal"), FINISH_REFUSAL},
        {SLICE_INIT("malformed_model_output"), FINISH_ERROR},
        {SLICE_INIT("malformed_tool_use"), FINISH_ERROR},
    };
    for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
        if (slice_eq(word, reasons[i].word)) {
            return reasons[i].reason;
        }
    }
    return FINISH_STOP;
}

void bedrock_decode_finish(struct decoder *d, uint32_t object)
{
    struct slice word = string_at(d, object, SLICE("stopReason"));
    if (word.len == 0) {
        return;
    }
    decoder_finish(d, 0, reason_of(word), word);
    struct event *event = d->count > 0 ? &d->events[d->count - 1] : &d->spare;
    if (event->kind == EVENT_FINISH) {
        event->text = decoder_string(
            d, json_path(&d->doc, object, "additionalModelResponseFields.stop_sequence"));
    }
}

static int64_t count_at(const struct decoder *d, uint32_t object, struct slice name,
                        struct usage *usage)
{
    return usage_count(d, json_member(&d->doc, object, name), usage);
}

/* What was written for an hour, where the details tell. */
static int64_t written_1h(const struct decoder *d, uint32_t object, struct usage *usage)
{
    const struct json_doc *doc = &d->doc;
    uint32_t details = json_member(doc, object, SLICE("cacheDetails"));
    int64_t count = 0;
    for (uint32_t i = json_is(doc, details, JSON_ARRAY) ? json_first(doc, details) : JSON_ABSENT;
         i != JSON_ABSENT; i = json_next(doc, details, i)) {
        if (slice_eq(string_at(d, i, SLICE("ttl")), SLICE("1h"))) {
            count = count_at(d, i, SLICE("inputTokens"), usage);
        }
    }
    return count < usage->cache_write ? count : usage->cache_write;
}

/* The input is counted without what came from the cache or went into it. */
void bedrock_decode_usage(struct decoder *d, uint32_t object)
{
    if (!json_is(&d->doc, object, JSON_OBJECT)) {
        return;
    }
    struct usage usage = {.reported = true};
    usage.cache_read = count_at(d, object, SLICE("cacheReadInputTokens"), &usage);
    usage.cache_write = count_at(d, object, SLICE("cacheWriteInputTokens"), &usage);
    usage.input = count_at(d, object, SLICE("inputTokens"), &usage) + usage.cache_read +
                  usage.cache_write;
    usage.output = count_at(d, object, SLICE("outputTokens"), &usage);
    usage.cache_write_1h = written_1h(d, object, &usage);
    usage.cache_write -= usage.cache_write_1h;
    decoder_event(d, EVENT_USAGE, 0)->usage = usage;
}

void bedrock_read_usage(struct decoder *d, struct slice body, struct usage *ret_usage)
{
    decoder_read_usage(d, body, SLICE("usage"), bedrock_decode_usage, ret_usage);
}

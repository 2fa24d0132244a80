/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers of Anthropic and of servers that imitate it, streamed or whole. What an event is stands
 * in its data's `type`; the `event:` line only repeats it.
 */
#include "dialect/anthropic.h"
#include "dialect/decoder.h"

enum {
    EVENT_TYPE,
    EVENT_MESSAGE,
    EVENT_INDEX,
    EVENT_BLOCK,
    EVENT_DELTA,
    EVENT_USAGE_MEMBER,
    EVENT_ERROR_MEMBER,
    EVENT_CONTENT,
    EVENT_ID,
    EVENT_MODEL,
    EVENT_INPUT_TOKENS,
    EVENT_MEMBERS
};

static const struct member_name event_names[EVENT_MEMBERS] = {
    [EVENT_TYPE] = MEMBER_NAME("type"),
    [EVENT_MESSAGE] = MEMBER_NAME("message"),
    [EVENT_INDEX] = MEMBER_NAME("index"),
    [EVENT_BLOCK] = MEMBER_NAME("content_block"),
    [EVENT_DELTA] = MEMBER_NAME("delta"),
    [EVENT_USAGE_MEMBER] = MEMBER_NAME("usage"),
    [EVENT_ERROR_MEMBER] = MEMBER_NAME("error"),
    [EVENT_CONTENT] = MEMBER_NAME("content"),
    [EVENT_ID] = MEMBER_NAME("id"),
    [EVENT_MODEL] = MEMBER_NAME("model"),
    [EVENT_INPUT_TOKENS] = MEMBER_NAME("input_tokens"),
};
static const struct member_table event_table = MEMBER_TABLE(event_names);

static int64_t position_of(const struct decoder *d, uint32_t value)
{
    int64_t index;
    bool given = value != JSON_ABSENT && json_int64(&d->doc, value, &index) && index >= 0;
    return given ? index : -1;
}

static void decode_blocks(struct decoder *d, uint32_t content)
{
    if (!json_is(&d->doc, content, JSON_ARRAY)) {
        return;
    }
    for (uint32_t i = json_first(&d->doc, content); i != JSON_ABSENT;
         i = json_next(&d->doc, content, i)) {
        anthropic_decode_block(d, i, -1);
    }
}

/* A whole message, or the begin of a streamed one. */
static void decode_message(struct decoder *d, const uint32_t *message)
{
    struct slice id = decoder_string(d, message[EVENT_ID]);
    if (!d->started) {
        d->usage = (struct usage){.input = 0};
    }
    decoder_start(d, id, decoder_string(d, message[EVENT_MODEL]), id);
    decode_blocks(d, message[EVENT_CONTENT]);
    anthropic_decode_usage(d, message[EVENT_USAGE_MEMBER]);
}

static void decode_start(struct decoder *d, const uint32_t *event)
{
    uint32_t message[EVENT_MEMBERS];
    members_scan(&d->doc, event[EVENT_MESSAGE], &event_table, message);
    decode_message(d, message);
}

static void begin_anyhow(struct decoder *d)
{
    if (!d->started) {
        d->usage = (struct usage){.input = 0};
        decoder_start(d, SLICE_EMPTY, SLICE_EMPTY, SLICE_EMPTY);
    }
}

static void decode_block_start(struct decoder *d, const uint32_t *event)
{
    begin_anyhow(d);
    anthropic_decode_block(d, event[EVENT_BLOCK], position_of(d, event[EVENT_INDEX]));
}

static void decode_block_delta(struct decoder *d, const uint32_t *event)
{
    begin_anyhow(d);
    anthropic_decode_delta(d, event[EVENT_DELTA], position_of(d, event[EVENT_INDEX]));
}

static void decode_message_delta(struct decoder *d, const uint32_t *event)
{
    begin_anyhow(d);
    anthropic_decode_finish(d, event[EVENT_DELTA]);
    anthropic_decode_usage(d, event[EVENT_USAGE_MEMBER]);
}

static void decode_stop(struct decoder *d, const uint32_t *event)
{
    (void)event;
    if (d->started) {
        decoder_end(d); /* without a beginning there is nothing that could end */
    } else {
        d->malformed = true;
    }
}

static void decode_failure(struct decoder *d, const uint32_t *event)
{
    anthropic_decode_error(d, event[EVENT_ERROR_MEMBER]);
}

static const struct {
    struct slice type;
    void (*decode)(struct decoder *d, const uint32_t *event);
} event_kinds[] = {
    {SLICE_INIT("content_block_delta"), decode_block_delta},
    {SLICE_INIT("content_block_start"), decode_block_start},
    {SLICE_INIT("message_start"), decode_start},
    {SLICE_INIT("message_delta"), decode_message_delta},
    {SLICE_INIT("message_stop"), decode_stop},
    {SLICE_INIT("error"), decode_failure},
};

static void decode_event(struct decoder *d, const uint32_t *event)
{
    struct slice type = decoder_string(d, event[EVENT_TYPE]);
    for (size_t i = 0; i < ARRAY_LEN(event_kinds); i++) {
        if (slice_eq(type, event_kinds[i].type)) {
            event_kinds[i].decode(d, event);
            return;
        }
    }
    if (json_is(&d->doc, event[EVENT_ERROR_MEMBER], JSON_OBJECT)) {
        decode_failure(d, event); /* a proxy's, in its own form */
    } else if (type.len == 0) {
        d->malformed = true;
    } else if (!slice_eq(type, SLICE("ping")) && !slice_eq(type, SLICE("content_block_stop"))) {
        decoder_lost(d, 0, type);
    }
}

static bool parse(struct decoder *d, struct slice text, uint32_t *event)
{
    if (!decoder_parse(d, text)) {
        return false;
    }
    members_scan(&d->doc, JSON_ROOT, &event_table, event);
    return true;
}

static enum decode_result decode_sse(struct decoder *d, const struct sse_event *sse,
                                     struct frame *frame)
{
    uint32_t event[EVENT_MEMBERS];
    bool ended = d->ended;
    struct slice data = slice_trim(sse->data);
    *frame = (struct frame){.raw = sse->raw};
    decoder_begin_frame(d);
    if (!sse->has_data || data.len == 0 || slice_eq(data, SLICE("[DONE]"))) {
        return decoder_end_frame(d, frame); /* only its bytes count */
    }
    if (parse(d, data, event)) {
        decode_event(d, event);
        frame->terminal = d->ended && !ended;
    }
    return decoder_end_frame(d, frame);
}

enum decode_result anthropic_decode(struct decoder *d, struct slice *bytes, struct frame *ret_frame)
{
    struct sse_event event;
    switch (d->exhausted ? SSE_TOO_LARGE : sse_decode(&d->sse, bytes, &event)) {
    case SSE_EVENT:
        return decode_sse(d, &event, ret_frame);
    case SSE_MORE:
        return DECODE_MORE;
    default:
        return DECODE_TOO_LARGE;
    }
}

/* An answer whose stop reason was told and whose bytes ended in order is complete; one without is
   cut, and stays without an end. */
enum decode_result anthropic_decode_end(struct decoder *d, struct frame *ret_frame)
{
    struct sse_event event;
    if (!d->exhausted && sse_decode_end(&d->sse, &event)) {
        return decode_sse(d, &event, ret_frame);
    }
    if (d->exhausted || d->ended || !d->any_finished) {
        return DECODE_MORE;
    }
    *ret_frame = (struct frame){.raw = SLICE(""), .terminal = true};
    decoder_begin_frame(d);
    decoder_end(d);
    return decoder_end_frame(d, ret_frame);
}

/* {"input_tokens":N} */
static void decode_count(struct decoder *d)
{
    struct usage usage = {.reported = true};
    (void)!json_int64(&d->doc, json_member(&d->doc, JSON_ROOT, SLICE("input_tokens")),
                      &usage.input);
    usage.input = usage.input < 0 ? 0 : usage.input;
    decoder_event(d, EVENT_USAGE, 0)->usage = usage;
    decoder_end(d);
}

enum decode_result anthropic_decode_answer(struct decoder *d, struct slice body,
                                           struct frame *ret_frame)
{
    uint32_t event[EVENT_MEMBERS];
    *ret_frame = (struct frame){.raw = body, .terminal = true};
    decoder_begin_frame(d);
    if (!parse(d, body, event)) {
        return decoder_end_frame(d, ret_frame);
    }
    if (json_is(&d->doc, event[EVENT_ERROR_MEMBER], JSON_OBJECT)) {
        decode_failure(d, event);
    } else if (json_is(&d->doc, event[EVENT_CONTENT], JSON_ARRAY)) {
        decode_message(d, event);
        anthropic_decode_finish(d, JSON_ROOT);
        decoder_end(d);
    } else if (json_is(&d->doc, event[EVENT_INPUT_TOKENS], JSON_NUMBER)) {
        decode_count(d);
    } else {
        d->malformed = true;
    }
    return decoder_end_frame(d, ret_frame);
}

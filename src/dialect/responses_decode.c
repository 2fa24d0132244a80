/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streams and whole answers of Responses providers. A stream says everything twice or three times:
 * in pieces, whole when a part is done, and whole again in the last event. The pieces count; a
 * whole counts where its pieces did not come.
 */
#include "dialect/decoder.h"
#include "dialect/openai.h"
#include "dialect/responses.h"

enum event_type {
    TYPE_CREATED,
    TYPE_IN_PROGRESS,
    TYPE_COMPLETED,
    TYPE_INCOMPLETE,
    TYPE_FAILED,
    TYPE_CANCELLED,
    TYPE_ERROR,
    TYPE_ITEM_ADDED,
    TYPE_ITEM_DONE,
    TYPE_TEXT_DELTA,
    TYPE_TEXT_DONE,
    TYPE_REFUSAL_DELTA,
    TYPE_REFUSAL_DONE,
    TYPE_ANNOTATION,
    TYPE_SUMMARY_PART,
    TYPE_SUMMARY_DELTA,
    TYPE_THOUGHT_DELTA,
    TYPE_ARGUMENTS_DELTA,
    TYPE_ARGUMENTS_DONE,
    TYPE_INPUT_DELTA,
    TYPE_INPUT_DONE,
    TYPE_PART_ADDED,
    TYPE_SILENT, /* what the others say already */
    TYPE_PART_DONE = TYPE_SILENT,
    TYPE_SUMMARY_PART_DONE,
    TYPE_SUMMARY_DONE,
    TYPE_THOUGHT_DONE,
    TYPE_QUEUED,
    TYPE_KEEPALIVE,
    TYPE_COUNT
};

static const struct member_name type_names[TYPE_COUNT] = {
    [TYPE_CREATED] = MEMBER_NAME("response.created"),
    [TYPE_IN_PROGRESS] = MEMBER_NAME("response.in_progress"),
    [TYPE_COMPLETED] = MEMBER_NAME("response.completed"),
    [TYPE_INCOMPLETE] = MEMBER_NAME("response.incomplete"),
    [TYPE_FAILED] = MEMBER_NAME("response.failed"),
    [TYPE_CANCELLED] = MEMBER_NAME("response.cancelled"),
    [TYPE_ERROR] = MEMBER_NAME("error"),
    [TYPE_ITEM_ADDED] = MEMBER_NAME("response.output_item.added"),
    [TYPE_ITEM_DONE] = MEMBER_NAME("response.output_item.done"),
    [TYPE_TEXT_DELTA] = MEMBER_NAME("response.output_text.delta"),
    [TYPE_TEXT_DONE] = MEMBER_NAME("response.output_text.done"),
    [TYPE_REFUSAL_DELTA] = MEMBER_NAME("response.refusal.delta"),
    [TYPE_REFUSAL_DONE] = MEMBER_NAME("response.refusal.done"),
    [TYPE_ANNOTATION] = MEMBER_NAME("response.output_text.annotation.added"),
    [TYPE_SUMMARY_PART] = MEMBER_NAME("response.reasoning_summary_part.added"),
    [TYPE_SUMMARY_DELTA] = MEMBER_NAME("response.reasoning_summary_text.delta"),
    [TYPE_THOUGHT_DELTA] = MEMBER_NAME("response.reasoning_text.delta"),
    [TYPE_ARGUMENTS_DELTA] = MEMBER_NAME("response.function_call_arguments.delta"),
    [TYPE_ARGUMENTS_DONE] = MEMBER_NAME("response.function_call_arguments.done"),
    [TYPE_INPUT_DELTA] = MEMBER_NAME("response.custom_tool_call_input.delta"),
    [TYPE_INPUT_DONE] = MEMBER_NAME("response.custom_tool_call_input.done"),
    [TYPE_PART_ADDED] = MEMBER_NAME("response.content_part.added"),
    [TYPE_PART_DONE] = MEMBER_NAME("response.content_part.done"),
    [TYPE_SUMMARY_PART_DONE] = MEMBER_NAME("response.reasoning_summary_part.done"),
    [TYPE_SUMMARY_DONE] = MEMBER_NAME("response.reasoning_summary_text.done"),
    [TYPE_THOUGHT_DONE] = MEMBER_NAME("response.reasoning_text.done"),
    [TYPE_QUEUED] = MEMBER_NAME("response.queued"),
    [TYPE_KEEPALIVE] = MEMBER_NAME("keepalive"),
};
static const struct member_table type_table = MEMBER_TABLE(type_names);

enum {
    DATA_TYPE,
    DATA_DELTA,
    DATA_OUTPUT_INDEX,
    DATA_ITEM_ID,
    DATA_LOGPROBS,
    DATA_ITEM,
    DATA_RESPONSE,
    DATA_TEXT,
    DATA_REFUSAL,
    DATA_ARGUMENTS,
    DATA_INPUT,
    DATA_SUMMARY_INDEX,
    DATA_ANNOTATION,
    DATA_ERROR,
    DATA_PART,
    DATA_NUMBER,
    DATA_MEMBERS
};

static const struct member_name data_names[DATA_MEMBERS] = {
    [DATA_TYPE] = MEMBER_NAME("type"),
    [DATA_DELTA] = MEMBER_NAME("delta"),
    [DATA_OUTPUT_INDEX] = MEMBER_NAME("output_index"),
    [DATA_ITEM_ID] = MEMBER_NAME("item_id"),
    [DATA_LOGPROBS] = MEMBER_NAME("logprobs"),
    [DATA_ITEM] = MEMBER_NAME("item"),
    [DATA_RESPONSE] = MEMBER_NAME("response"),
    [DATA_TEXT] = MEMBER_NAME("text"),
    [DATA_REFUSAL] = MEMBER_NAME("refusal"),
    [DATA_ARGUMENTS] = MEMBER_NAME("arguments"),
    [DATA_INPUT] = MEMBER_NAME("input"),
    [DATA_SUMMARY_INDEX] = MEMBER_NAME("summary_index"),
    [DATA_ANNOTATION] = MEMBER_NAME("annotation"),
    [DATA_ERROR] = MEMBER_NAME("error"),
    [DATA_PART] = MEMBER_NAME("part"),
    [DATA_NUMBER] = MEMBER_NAME("sequence_number"),
};
static const struct member_table data_table = MEMBER_TABLE(data_names);

enum {
    RESPONSE_ID,
    RESPONSE_MODEL,
    RESPONSE_OUTPUT,
    RESPONSE_USAGE,
    RESPONSE_STATUS,
    RESPONSE_ERROR,
    RESPONSE_INCOMPLETE,
    RESPONSE_MEMBERS
};

static const struct member_name response_names[RESPONSE_MEMBERS] = {
    [RESPONSE_ID] = MEMBER_NAME("id"),
    [RESPONSE_MODEL] = MEMBER_NAME("model"),
    [RESPONSE_OUTPUT] = MEMBER_NAME("output"),
    [RESPONSE_USAGE] = MEMBER_NAME("usage"),
    [RESPONSE_STATUS] = MEMBER_NAME("status"),
    [RESPONSE_ERROR] = MEMBER_NAME("error"),
    [RESPONSE_INCOMPLETE] = MEMBER_NAME("incomplete_details"),
};
static const struct member_table response_table = MEMBER_TABLE(response_names);

/* --- which items spoke --- */

/* Items are known by their place; a server that leaves it out has them one after another, and then
   all of them count as one. */
static int64_t position_of(struct decoder *d, uint32_t value)
{
    int64_t position = -1;
    if (json_is(&d->doc, value, JSON_NUMBER) &&
        (!json_int64(&d->doc, value, &position) || position < 0 || position >= DECODER_CALLS_MAX)) {
        d->malformed = true;
        return -1;
    }
    return position;
}

static void speak(struct decoder *d, int64_t position)
{
    size_t bit = position < 0 ? 0 : (size_t)position;
    d->spoken[bit / 64] |= (uint64_t)1 << (bit % 64);
}

static bool has_spoken(const struct decoder *d, int64_t position)
{
    size_t bit = position < 0 ? 0 : (size_t)position;
    return (d->spoken[bit / 64] >> (bit % 64) & 1) != 0;
}

static bool any_spoken(const struct decoder *d)
{
    uint64_t all = 0;
    for (size_t i = 0; i < ARRAY_LEN(d->spoken); i++) {
        all |= d->spoken[i];
    }
    return all != 0 || d->call_count > 0;
}

/* --- the response object --- */

static void start(struct decoder *d, const uint32_t *response)
{
    struct slice id = decoder_string(d, response[RESPONSE_ID]);
    decoder_start(d, id, decoder_string(d, response[RESPONSE_MODEL]), id);
}

static void decode_output(struct decoder *d, uint32_t output)
{
    int64_t position = 0;
    if (!json_is(&d->doc, output, JSON_ARRAY)) {
        return;
    }
    for (uint32_t i = json_first(&d->doc, output); i != JSON_ABSENT;
         i = json_next(&d->doc, output, i)) {
        if (json_kind(&d->doc, i) == JSON_OBJECT) {
            responses_decode_item(d, i, position);
        }
        position++;
    }
}

static void finish_incomplete(struct decoder *d, const uint32_t *response)
{
    struct slice reason =
        json_is(&d->doc, response[RESPONSE_INCOMPLETE], JSON_OBJECT)
            ? decoder_string(d,
                             json_member(&d->doc, response[RESPONSE_INCOMPLETE], SLICE("reason")))
            : SLICE_EMPTY;
    bool filtered = slice_eq(reason, SLICE("content_filter"));
    decoder_finish(d, 0, filtered ? FINISH_CONTENT_FILTER : FINISH_LENGTH, reason);
}

/* The end of a response, by its status. */
static void decode_end_of(struct decoder *d, const uint32_t *response, struct slice status)
{
    uint32_t error = response[RESPONSE_ERROR];
    openai_decode_usage(d, response[RESPONSE_USAGE]);
    if (member_given(&d->doc, error)) {
        openai_decode_error(d, error);
        return;
    }
    if (slice_eq(status, SLICE("failed")) || slice_eq(status, SLICE("cancelled"))) {
        decoder_error(d, SLICE("The provider did not finish the response."), status);
        return;
    }
    if (slice_eq(status, SLICE("incomplete"))) {
        finish_incomplete(d, response);
    } else if (!slice_eq(status, SLICE("in_progress")) && !slice_eq(status, SLICE("queued"))) {
        decoder_finish(d, 0, FINISH_STOP, status);
    }
    decoder_end(d);
}

static void decode_last(struct decoder *d, uint32_t value, struct slice status)
{
    uint32_t response[RESPONSE_MEMBERS];
    members_scan(&d->doc, value, &response_table, response);
    start(d, response);
    if (!any_spoken(d)) {
        decode_output(d, response[RESPONSE_OUTPUT]);
    }
    decode_end_of(d, response, status);
}

/* --- the events of a stream --- */

static void decode_words(struct decoder *d, enum event_kind kind, uint32_t value, int64_t position)
{
    struct slice text = decoder_string(d, value);
    if (text.len > 0) {
        decoder_event(d, kind, 0)->text = text;
        speak(d, position);
    }
}

static void decode_whole(struct decoder *d, enum event_kind kind, uint32_t value, int64_t position)
{
    if (!has_spoken(d, position)) {
        decode_words(d, kind, value, position);
    }
}

static void decode_thought(struct decoder *d, const uint32_t *data, int64_t position)
{
    struct slice text = decoder_string(d, data[DATA_DELTA]);
    if (text.len > 0) {
        struct event *event = decoder_event(d, EVENT_REASONING, 0);
        event->text = text;
        event->id = decoder_string(d, data[DATA_ITEM_ID]);
        speak(d, position);
    }
}

/* Between two parts of a summary: an empty line. */
static void decode_summary_part(struct decoder *d, const uint32_t *data, int64_t position)
{
    int64_t index = 0;
    if (json_is(&d->doc, data[DATA_SUMMARY_INDEX], JSON_NUMBER) &&
        json_int64(&d->doc, data[DATA_SUMMARY_INDEX], &index) && index > 0 &&
        has_spoken(d, position)) {
        struct event *event = decoder_event(d, EVENT_REASONING, 0);
        event->text = SLICE("\\n\\n");
        event->id = decoder_string(d, data[DATA_ITEM_ID]);
    }
}

static void decode_arguments(struct decoder *d, uint32_t value, int64_t position, bool whole)
{
    struct call_fragment fragment = {.position = position, .arguments = decoder_string(d, value)};
    if (fragment.arguments.len > 0 && !(whole && has_spoken(d, position))) {
        decoder_call(d, 0, &fragment);
        speak(d, position);
    }
}

static void decode_item_done(struct decoder *d, uint32_t item, int64_t position)
{
    if (!json_is(&d->doc, item, JSON_OBJECT)) {
        return;
    }
    if (has_spoken(d, position)) {
        responses_decode_rest(d, item);
    } else {
        size_t before = d->count;
        responses_decode_item(d, item, position);
        if (d->count > before) {
            speak(d, position);
        }
    }
}

static void decode_error(struct decoder *d, const uint32_t *data)
{
    openai_decode_error(d, json_is(&d->doc, data[DATA_ERROR], JSON_OBJECT) ? data[DATA_ERROR]
                                                                           : JSON_ROOT);
}

/* What is told about an item that has no canonical form is lost with the item, whose own end tells
   it; an event about nothing that we know is lost itself. */
static void decode_other(struct decoder *d, uint32_t type, const uint32_t *data)
{
    bool of_item = data[DATA_OUTPUT_INDEX] != JSON_ABSENT || data[DATA_ITEM_ID] != JSON_ABSENT;
    if (type == MEMBER_UNKNOWN && !of_item) {
        decoder_lost(d, 0, decoder_string(d, data[DATA_TYPE]));
    }
}

/* long function: one row per event of the stream */
static void decode_event(struct decoder *d, uint32_t type, const uint32_t *data)
{
    int64_t position = position_of(d, data[DATA_OUTPUT_INDEX]);
    if (d->malformed) {
        return;
    }
    switch (type) {
    case TYPE_CREATED:
    case TYPE_IN_PROGRESS: {
        uint32_t response[RESPONSE_MEMBERS];
        members_scan(&d->doc, data[DATA_RESPONSE], &response_table, response);
        start(d, response);
        break;
    }
    case TYPE_COMPLETED:
        decode_last(d, data[DATA_RESPONSE], SLICE("completed"));
        break;
    case TYPE_INCOMPLETE:
        decode_last(d, data[DATA_RESPONSE], SLICE("incomplete"));
        break;
    case TYPE_FAILED:
        decode_last(d, data[DATA_RESPONSE], SLICE("failed"));
        break;
    case TYPE_CANCELLED:
        decode_last(d, data[DATA_RESPONSE], SLICE("cancelled"));
        break;
    case TYPE_ERROR:
        decode_error(d, data);
        break;
    case TYPE_ITEM_ADDED:
        if (json_is(&d->doc, data[DATA_ITEM], JSON_OBJECT)) {
            responses_decode_begin(d, data[DATA_ITEM], position);
        }
        break;
    case TYPE_ITEM_DONE:
        decode_item_done(d, data[DATA_ITEM], position);
        break;
    case TYPE_TEXT_DELTA:
        decode_words(d, EVENT_TEXT, data[DATA_DELTA], position);
        responses_decode_logprobs(d, data[DATA_LOGPROBS]);
        break;
    case TYPE_TEXT_DONE:
        decode_whole(d, EVENT_TEXT, data[DATA_TEXT], position);
        break;
    case TYPE_REFUSAL_DELTA:
        decode_words(d, EVENT_REFUSAL, data[DATA_DELTA], position);
        break;
    case TYPE_REFUSAL_DONE:
        decode_whole(d, EVENT_REFUSAL, data[DATA_REFUSAL], position);
        break;
    case TYPE_ANNOTATION:
        responses_decode_annotation(d, data[DATA_ANNOTATION]);
        break;
    case TYPE_SUMMARY_PART:
        decode_summary_part(d, data, position);
        break;
    case TYPE_SUMMARY_DELTA:
    case TYPE_THOUGHT_DELTA:
        decode_thought(d, data, position);
        break;
    case TYPE_ARGUMENTS_DELTA:
    case TYPE_INPUT_DELTA:
        decode_arguments(d, data[DATA_DELTA], position, false);
        break;
    case TYPE_ARGUMENTS_DONE:
        decode_arguments(d, data[DATA_ARGUMENTS], position, true);
        break;
    case TYPE_INPUT_DONE:
        decode_arguments(d, data[DATA_INPUT], position, true);
        break;
    case TYPE_PART_ADDED:
        (void)responses_part_is_lost(d, data[DATA_PART]);
        break;
    default:
        decode_other(d, type, data);
    }
}

/* --- frames --- */

static int64_t next_number(const struct decoder *d, uint32_t value)
{
    int64_t number;
    bool told = json_is(&d->doc, value, JSON_NUMBER) && json_int64(&d->doc, value, &number) &&
                number >= 0 && number < INT64_MAX;
    return told ? number + 1 : 0;
}

static enum decode_result decode_data(struct decoder *d, const struct sse_event *event,
                                      struct slice text, struct frame *frame)
{
    uint32_t data[DATA_MEMBERS];
    bool ended = d->ended;
    if (!decoder_parse(d, text)) {
        return decoder_end_frame(d, frame);
    }
    members_scan(&d->doc, JSON_ROOT, &data_table, data);
    frame->next_number = next_number(d, data[DATA_NUMBER]);
    bool typed = json_is(&d->doc, data[DATA_TYPE], JSON_STRING);
    if (typed) {
        decode_event(d, member_id(&type_table, &d->doc, data[DATA_TYPE]), data);
    }
    bool named_error = slice_eq(event->name, SLICE("error"));
    if (!d->ended && !d->malformed && member_given(&d->doc, data[DATA_ERROR]) &&
        (!typed || named_error)) {
        openai_decode_error(d, data[DATA_ERROR]); /* the form of other dialects of OpenAI */
    }
    frame->terminal = d->ended && !ended;
    return decoder_end_frame(d, frame);
}

static enum decode_result decode_block(struct decoder *d, const struct sse_event *event,
                                       struct frame *frame)
{
    *frame = (struct frame){.raw = event->raw};
    decoder_begin_frame(d);
    struct slice text = slice_trim(event->data);
    if (!event->has_data || text.len == 0 || slice_starts(text, SLICE("[DONE]")) || d->ended) {
        return decoder_end_frame(d, frame); /* the last event says the end, not this mark */
    }
    return decode_data(d, event, text, frame);
}

enum decode_result responses_decode(struct decoder *d, struct slice *bytes, struct frame *ret_frame)
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

enum decode_result responses_decode_end(struct decoder *d, struct frame *ret_frame)
{
    struct sse_event event;
    if (!d->exhausted && sse_decode_end(&d->sse, &event)) {
        return decode_block(d, &event, ret_frame);
    }
    return DECODE_MORE;
}

/* --- whole answers --- */

enum decode_result responses_decode_answer(struct decoder *d, struct slice body,
                                           struct frame *ret_frame)
{
    *ret_frame = (struct frame){.raw = body, .terminal = true};
    decoder_begin_frame(d);
    uint32_t response[RESPONSE_MEMBERS];
    if (!decoder_parse(d, body)) {
        return decoder_end_frame(d, ret_frame);
    }
    members_scan(&d->doc, JSON_ROOT, &response_table, response);
    bool is_array = json_is(&d->doc, response[RESPONSE_OUTPUT], JSON_ARRAY);
    if (!is_array && !member_given(&d->doc, response[RESPONSE_ERROR])) {
        d->malformed = true;
        return decoder_end_frame(d, ret_frame);
    }
    start(d, response);
    decode_output(d, response[RESPONSE_OUTPUT]);
    decode_end_of(d, response, decoder_string(d, response[RESPONSE_STATUS]));
    return decoder_end_frame(d, ret_frame);
}

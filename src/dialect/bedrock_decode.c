/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers of Converse: one object, or messages in Amazon's framing whose header tells what the
 * payload is. The last one is `metadata`, after `messageStop`: only it ends an answer. Exceptions
 * in a stream, and errors of the framing itself, are errors after status 200.
 */
#include "dialect/bedrock.h"
#include "dialect/decoder.h"
#include "dialect/inner.h"
#include "dialect/member.h"

static struct slice member(const struct decoder *d, struct slice name)
{
    return decoder_string(d, json_member(&d->doc, JSON_ROOT, name));
}

static int64_t position_of(const struct decoder *d)
{
    int64_t index;
    uint32_t value = json_member(&d->doc, JSON_ROOT, SLICE("contentBlockIndex"));
    return value != JSON_ABSENT && json_int64(&d->doc, value, &index) && index >= 0 ? index : -1;
}

/* No event names the answer or its model. */
static void begin(struct decoder *d)
{
    decoder_start(d, SLICE_EMPTY, SLICE_EMPTY, SLICE_EMPTY);
}

/* --- events --- */

static void on_start(struct decoder *d)
{
    begin(d);
}

/* A block of neither text nor a call of the client's tools; those of texts and thoughts begin
   without a word. */
static void decode_foreign_start(struct decoder *d, uint32_t start)
{
    uint32_t key = json_is(&d->doc, start, JSON_OBJECT) ? json_first(&d->doc, start) : JSON_ABSENT;
    if (key != JSON_ABSENT && !json_string_is(&d->doc, key, SLICE("text"))) {
        decoder_lost(d, 0, json_inner(&d->doc, key));
    }
}

static void on_block_start(struct decoder *d)
{
    uint32_t call = json_path(&d->doc, JSON_ROOT, "start.toolUse");
    struct call_fragment fragment = {.position = position_of(d)};
    begin(d);
    fragment.id = decoder_string(d, json_member(&d->doc, call, SLICE("toolUseId")));
    fragment.name = decoder_string(d, json_member(&d->doc, call, SLICE("name")));
    uint32_t type = json_member(&d->doc, call, SLICE("type"));
    if (call == JSON_ABSENT || member_given(&d->doc, type)) {
        decode_foreign_start(d, json_member(&d->doc, JSON_ROOT, SLICE("start")));
    }
    if (json_is(&d->doc, call, JSON_OBJECT) && !member_given(&d->doc, type)) {
        fragment.complete = fragment.position < 0;
        decoder_call(d, 0, &fragment);
    }
}

static void on_delta(struct decoder *d)
{
    begin(d);
    bedrock_decode_delta(d, json_member(&d->doc, JSON_ROOT, SLICE("delta")), position_of(d));
}

static void on_stop(struct decoder *d)
{
    begin(d);
    bedrock_decode_finish(d, JSON_ROOT);
    d->malformed = d->malformed || !d->any_finished;
}

static void on_metadata(struct decoder *d)
{
    bedrock_decode_usage(d, json_member(&d->doc, JSON_ROOT, SLICE("usage")));
    if (d->any_finished) {
        decoder_end(d);
    }
}

static const struct {
    struct slice type;
    void (*decode)(struct decoder *d);
} event_kinds[] = {
    {SLICE_INIT("contentBlockDelta"), on_delta}, {SLICE_INIT("contentBlockStart"), on_block_start},
    {SLICE_INIT("messageStart"), on_start},      {SLICE_INIT("messageStop"), on_stop},
    {SLICE_INIT("metadata"), on_metadata},
};

/* The end of a block says nothing. */
static void decode_event(struct decoder *d, const struct eventstream_message *message)
{
    for (size_t i = 0; i < ARRAY_LEN(event_kinds); i++) {
        if (slice_eq(message->event_type, event_kinds[i].type)) {
            if (decoder_parse(d, message->payload)) {
                event_kinds[i].decode(d);
            }
            return;
        }
    }
    if (!slice_eq(message->event_type, SLICE("contentBlockStop"))) {
        decoder_lost(d, 0, message->event_type);
    }
}

/* --- errors --- */

static struct slice message_of(const struct decoder *d)
{
    struct slice text = member(d, SLICE("message"));
    return text.len > 0 ? text : member(d, SLICE("Message"));
}

static void decode_exception(struct decoder *d, const struct eventstream_message *message)
{
    struct slice text = SLICE_EMPTY;
    if (decoder_parse(d, message->payload)) {
        text = message_of(d);
    }
    d->malformed = false; /* whatever it says, it is an exception */
    decoder_error(d, text, decoder_escape(d, message->exception_type));
}

static enum decode_result
decode_message(struct decoder *d, const struct eventstream_message *message, struct frame *frame)
{
    bool ended = d->ended;
    *frame = (struct frame){.raw = message->raw};
    decoder_begin_frame(d);
    if (ended) {
        return decoder_end_frame(d, frame); /* nothing comes after the end */
    }
    if (slice_eq(message->message_type, SLICE("exception"))) {
        decode_exception(d, message);
    } else if (slice_eq(message->message_type, SLICE("error"))) {
        decoder_error(d, decoder_escape(d, message->error_message),
                      decoder_escape(d, message->error_code));
    } else {
        decode_event(d, message);
    }
    frame->terminal = d->ended;
    return decoder_end_frame(d, frame);
}

/* --- the stream --- */

/* Bytes that break the framing are told once; there is nothing to find the next message by. */
static enum decode_result give_up(struct decoder *d, struct slice *bytes, struct frame *frame,
                                  bool told)
{
    *bytes = slice_from(*bytes, bytes->len);
    if (told) {
        return DECODE_MORE;
    }
    *frame = (struct frame){.raw = SLICE("")};
    decoder_begin_frame(d);
    d->malformed = true;
    d->garbled = true;
    return decoder_end_frame(d, frame);
}

enum decode_result bedrock_decode(struct decoder *d, struct slice *bytes, struct frame *ret_frame)
{
    struct eventstream_message message;
    bool told = d->eventstream.corrupt;
    if (d->exhausted) {
        return DECODE_TOO_LARGE;
    }
    switch (eventstream_decode(&d->eventstream, bytes, &message)) {
    case EVENTSTREAM_MESSAGE:
        return decode_message(d, &message, ret_frame);
    case EVENTSTREAM_MORE:
        return DECODE_MORE;
    case EVENTSTREAM_CORRUPT:
        return give_up(d, bytes, ret_frame, told);
    default:
        return DECODE_TOO_LARGE;
    }
}

/* An answer whose stop reason was told and whose bytes ended in order is complete, with or without
   metadata. */
enum decode_result bedrock_decode_end(struct decoder *d, struct frame *ret_frame)
{
    if (d->exhausted || d->ended || !d->any_finished || d->eventstream.corrupt ||
        eventstream_is_cut(&d->eventstream)) {
        return DECODE_MORE;
    }
    *ret_frame = (struct frame){.raw = SLICE(""), .terminal = true};
    decoder_begin_frame(d);
    decoder_end(d);
    return decoder_end_frame(d, ret_frame);
}

/* --- whole answers and errors --- */

enum decode_result bedrock_decode_answer(struct decoder *d, struct slice body,
                                         struct frame *ret_frame)
{
    *ret_frame = (struct frame){.raw = body, .terminal = true};
    decoder_begin_frame(d);
    if (!decoder_parse(d, body)) {
        return decoder_end_frame(d, ret_frame);
    }
    uint32_t content = json_path(&d->doc, JSON_ROOT, "output.message.content");
    if (json_is(&d->doc, content, JSON_ARRAY)) {
        begin(d);
        bedrock_decode_content(d, content);
        bedrock_decode_finish(d, JSON_ROOT);
        bedrock_decode_usage(d, json_member(&d->doc, JSON_ROOT, SLICE("usage")));
        decoder_end(d);
    } else if (message_of(d).len > 0) {
        decoder_error(d, message_of(d), member(d, SLICE("__type")));
    } else {
        d->malformed = true;
    }
    return decoder_end_frame(d, ret_frame);
}

static bool any_contains(struct slice text, const char *const *phrases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (inner_contains(text, phrases[i])) {
            return true;
        }
    }
    return false;
}

/* {"message": ...}; what kind of error it is stands in a header that is not ours to see, and in
   the status. */
void bedrock_read_error(struct decoder *d, int status, struct slice body,
                        struct provider_error *ret_error)
{
    static const char *const overflow[] = {"input is too long",        "prompt is too long",
                                           "exceed context limit",     "maximum context length",
                                           "context window",           "too many input tokens",
                                           "maximum number of tokens", "too many tokens in"};
    static const char *const quota[] = {"too many tokens per day", "daily limit"};
    *ret_error = (struct provider_error){.quota = status == 402};
    decoder_begin_frame(d);
    if (!decoder_parse(d, body)) {
        return;
    }
    ret_error->type = member(d, SLICE("__type"));
    ret_error->message = message_of(d);
    ret_error->context_length = any_contains(ret_error->message, overflow, ARRAY_LEN(overflow));
    ret_error->content_filter = inner_contains(ret_error->message, "content filter");
    ret_error->quota =
        ret_error->quota || any_contains(ret_error->message, quota, ARRAY_LEN(quota));
}

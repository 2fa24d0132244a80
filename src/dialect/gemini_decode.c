/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers of Gemini, streamed or whole: chats, embeddings, token counts. A stream has no word for
 * its end: it is complete when the bytes end in order after every candidate that spoke has told its
 * reason. A prompt that was blocked has no candidates and is an answer all the same.
 */
#include "dialect/decoder.h"
#include "dialect/gemini.h"

enum {
    CHUNK_CANDIDATES,
    CHUNK_USAGE,
    CHUNK_MODEL,
    CHUNK_ID,
    CHUNK_FEEDBACK,
    CHUNK_ERROR,
    CHUNK_EMBEDDING,
    CHUNK_EMBEDDINGS,
    CHUNK_TOTAL,
    CHUNK_CACHED,
    CHUNK_MEMBERS,
};

static const struct member_name chunk_names[CHUNK_MEMBERS] = {
    [CHUNK_CANDIDATES] = MEMBER_NAME("candidates"),
    [CHUNK_USAGE] = MEMBER_NAME("usageMetadata"),
    [CHUNK_MODEL] = MEMBER_NAME("modelVersion"),
    [CHUNK_ID] = MEMBER_NAME("responseId"),
    [CHUNK_FEEDBACK] = MEMBER_NAME("promptFeedback"),
    [CHUNK_ERROR] = MEMBER_NAME("error"),
    [CHUNK_EMBEDDING] = MEMBER_NAME("embedding"),
    [CHUNK_EMBEDDINGS] = MEMBER_NAME("embeddings"),
    [CHUNK_TOTAL] = MEMBER_NAME("totalTokens"),
    [CHUNK_CACHED] = MEMBER_NAME("cachedContentTokenCount"),
};
static const struct member_table chunk_table = MEMBER_TABLE(chunk_names);

static bool has_candidates(const struct decoder *d, const uint32_t *chunk)
{
    uint32_t candidates = chunk[CHUNK_CANDIDATES];
    return json_is(&d->doc, candidates, JSON_ARRAY) &&
           json_first(&d->doc, candidates) != JSON_ABSENT;
}

static struct slice block_reason(const struct decoder *d, const uint32_t *chunk)
{
    return decoder_string(d, json_member(&d->doc, chunk[CHUNK_FEEDBACK], SLICE("blockReason")));
}

static void decode_candidates(struct decoder *d, uint32_t candidates)
{
    uint32_t position = 0;
    for (uint32_t i = json_first(&d->doc, candidates); i != JSON_ABSENT;
         i = json_next(&d->doc, candidates, i)) {
        gemini_decode_candidate(d, i, position);
        position++;
    }
}

/* Older models give no id; the answer's own bytes then tell it from others. */
static void start(struct decoder *d, const uint32_t *chunk, struct slice data)
{
    struct slice id = decoder_string(d, chunk[CHUNK_ID]);
    decoder_start(d, id, decoder_string(d, chunk[CHUNK_MODEL]), id.len > 0 ? id : data);
}

static void decode_chunk(struct decoder *d, const uint32_t *chunk, struct slice data)
{
    struct slice blocked = block_reason(d, chunk);
    bool content = has_candidates(d, chunk);
    if (content || blocked.len > 0 || member_given(&d->doc, chunk[CHUNK_USAGE])) {
        start(d, chunk, data);
    }
    if (content) {
        decode_candidates(d, chunk[CHUNK_CANDIDATES]);
    } else if (blocked.len > 0) {
        decoder_finish(d, 0, FINISH_CONTENT_FILTER, blocked);
    }
    gemini_decode_usage(d, chunk[CHUNK_USAGE]);
    if (member_given(&d->doc, chunk[CHUNK_ERROR])) {
        gemini_decode_error(d, chunk[CHUNK_ERROR]);
    }
}

static bool parse(struct decoder *d, struct slice data, uint32_t *chunk)
{
    if (!decoder_parse(d, data)) {
        return false;
    }
    members_scan(&d->doc, JSON_ROOT, &chunk_table, chunk);
    return true;
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

/* --- streams --- */

static enum decode_result decode_block(struct decoder *d, const struct sse_event *event,
                                       struct frame *frame)
{
    uint32_t chunk[CHUNK_MEMBERS];
    bool ended = d->ended;
    *frame = (struct frame){.raw = event->raw};
    decoder_begin_frame(d);
    struct slice data = slice_trim(event->data);
    if (!event->has_data || data.len == 0) {
        return decoder_end_frame(d, frame); /* a comment: only its bytes count */
    }
    if (parse(d, data, chunk)) {
        decode_chunk(d, chunk, data);
        frame->usage_only = !has_candidates(d, chunk) && only_usage(d);
        frame->terminal = d->ended && !ended;
    }
    return decoder_end_frame(d, frame);
}

enum decode_result gemini_decode(struct decoder *d, struct slice *bytes, struct frame *ret_frame)
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

enum decode_result gemini_decode_end(struct decoder *d, struct frame *ret_frame)
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

/* --- whole answers --- */

static bool decode_vector(struct decoder *d, uint32_t embedding, uint32_t index)
{
    uint32_t values = json_member(&d->doc, embedding, SLICE("values"));
    if (!json_is(&d->doc, values, JSON_ARRAY)) {
        return false;
    }
    struct event *event = decoder_event(d, EVENT_EMBEDDING, 0);
    event->index = index;
    event->text = json_raw(&d->doc, values);
    return true;
}

/* One `embedding`, or `embeddings` in the order of the inputs. */
static bool decode_vectors(struct decoder *d, const uint32_t *chunk)
{
    uint32_t list = chunk[CHUNK_EMBEDDINGS];
    uint32_t index = 0;
    if (json_is(&d->doc, chunk[CHUNK_EMBEDDING], JSON_OBJECT)) {
        return decode_vector(d, chunk[CHUNK_EMBEDDING], 0);
    }
    if (!json_is(&d->doc, list, JSON_ARRAY)) {
        return false;
    }
    for (uint32_t i = json_first(&d->doc, list); i != JSON_ABSENT;
         i = json_next(&d->doc, list, i)) {
        if (!decode_vector(d, i, index++)) {
            return false;
        }
    }
    return index > 0;
}

static bool decode_total(struct decoder *d, const uint32_t *chunk)
{
    int64_t total;
    int64_t cached;
    if (chunk[CHUNK_TOTAL] == JSON_ABSENT || !json_int64(&d->doc, chunk[CHUNK_TOTAL], &total) ||
        total < 0) {
        return false;
    }
    struct usage *usage = &decoder_event(d, EVENT_USAGE, 0)->usage;
    usage->input = total;
    usage->reported = true;
    if (chunk[CHUNK_CACHED] != JSON_ABSENT && json_int64(&d->doc, chunk[CHUNK_CACHED], &cached) &&
        cached > 0 && cached <= total) {
        usage->cache_read = cached;
    }
    return true;
}

/* An answer that is told as a whole must say why it stopped, or it was cut. */
static bool decode_whole(struct decoder *d, const uint32_t *chunk, struct slice body)
{
    bool embeds = chunk[CHUNK_EMBEDDING] != JSON_ABSENT || chunk[CHUNK_EMBEDDINGS] != JSON_ABSENT;
    if (embeds || chunk[CHUNK_TOTAL] != JSON_ABSENT) {
        start(d, chunk, body);
        bool ok = embeds ? decode_vectors(d, chunk) : decode_total(d, chunk);
        gemini_decode_usage(d, chunk[CHUNK_USAGE]);
        return ok;
    }
    decode_chunk(d, chunk, body);
    return d->ended || decoder_all_finished(d);
}

enum decode_result gemini_decode_answer(struct decoder *d, struct slice body,
                                        struct frame *ret_frame)
{
    uint32_t chunk[CHUNK_MEMBERS];
    *ret_frame = (struct frame){.raw = body, .terminal = true};
    decoder_begin_frame(d);
    if (parse(d, body, chunk)) {
        d->malformed = !decode_whole(d, chunk, body) || d->malformed;
        decoder_end(d);
    }
    return decoder_end_frame(d, ret_frame);
}

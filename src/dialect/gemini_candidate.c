/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One candidate: its parts in order, then what is told about them. Function calls come whole. A
 * signature on words is not told: Google does not ask for it back, and no other dialect could say
 * what it belongs to.
 */
#include "codec/json_write.h"
#include "dialect/decoder.h"
#include "dialect/gemini.h"

enum {
    CANDIDATE_CONTENT,
    CANDIDATE_FINISH,
    CANDIDATE_INDEX,
    CANDIDATE_CITATIONS,
    CANDIDATE_GROUNDING,
    CANDIDATE_LOGPROBS,
    CANDIDATE_MEMBERS,
};
static const struct member_name candidate_names[CANDIDATE_MEMBERS] = {
    [CANDIDATE_CONTENT] = MEMBER_NAME("content"),
    [CANDIDATE_FINISH] = MEMBER_NAME("finishReason"),
    [CANDIDATE_INDEX] = MEMBER_NAME("index"),
    [CANDIDATE_CITATIONS] = MEMBER_NAME("citationMetadata"),
    [CANDIDATE_GROUNDING] = MEMBER_NAME("groundingMetadata"),
    [CANDIDATE_LOGPROBS] = MEMBER_NAME("logprobsResult"),
};
static const struct member_table candidate_table = MEMBER_TABLE(candidate_names);

enum {
    PIECE_TEXT,
    PIECE_THOUGHT,
    PIECE_SIGNATURE,
    PIECE_CALL,
    PIECE_DATA,
    PIECE_FILE,
    PIECE_MEMBERS
};
static const struct member_name piece_names[PIECE_MEMBERS] = {
    [PIECE_TEXT] = MEMBER_NAME("text"),
    [PIECE_THOUGHT] = MEMBER_NAME("thought"),
    [PIECE_SIGNATURE] = MEMBER_NAME("thoughtSignature"),
    [PIECE_CALL] = MEMBER_NAME("functionCall"),
    [PIECE_DATA] = MEMBER_NAME("inlineData"),
    [PIECE_FILE] = MEMBER_NAME("fileData"),
};
static const struct member_table piece_table = MEMBER_TABLE(piece_names);

/* --- parts --- */

/* The id of the call that was told last. */
static struct slice last_id(const struct decoder *d, size_t from)
{
    for (size_t i = d->count; i > from; i--) {
        if (d->events[i - 1].kind == EVENT_TOOL_CALL) {
            return d->events[i - 1].id;
        }
    }
    return SLICE_EMPTY;
}

/* More of a call that Vertex AI streams in pieces: only its own clients ask for that. The last
 * piece is empty. */
static bool is_piece(const struct decoder *d, uint32_t call)
{
    return json_first(&d->doc, call) == JSON_ABSENT ||
           json_member(&d->doc, call, SLICE("partialArgs")) != JSON_ABSENT ||
           json_member(&d->doc, call, SLICE("willContinue")) != JSON_ABSENT;
}

static void decode_call(struct decoder *d, uint32_t choice, uint32_t call, struct slice signature)
{
    const struct json_doc *doc = &d->doc;
    uint32_t args = json_member(doc, call, SLICE("args"));
    size_t from = d->count;
    struct call_fragment fragment = {
        .position = -1,
        .id = decoder_string(d, json_member(doc, call, SLICE("id"))),
        .name = decoder_string(d, json_member(doc, call, SLICE("name"))),
        .complete = true,
    };
    if (fragment.name.len == 0 && fragment.id.len == 0 && is_piece(d, call)) {
        return;
    }
    bool object = json_is(doc, args, JSON_OBJECT);
    d->malformed = d->malformed || (!object && member_given(doc, args));
    fragment.arguments = object ? decoder_escape(d, json_raw(doc, args)) : SLICE("{}");
    decoder_call(d, choice, &fragment);
    struct slice id = last_id(d, from);
    if (signature.len > 0 && id.len > 0) {
        struct event *event = decoder_event(d, EVENT_SIGNATURE, choice);
        event->text = signature;
        event->id = id;
    }
}

static bool is_image(struct slice media_type)
{
    return slice_starts(media_type, SLICE("image/"));
}

static void decode_data(struct decoder *d, uint32_t choice, uint32_t blob)
{
    struct slice type = decoder_string(d, json_member(&d->doc, blob, SLICE("mimeType")));
    if (is_image(type)) {
        decoder_image(d, choice, type,
                      decoder_string(d, json_member(&d->doc, blob, SLICE("data"))));
    } else {
        decoder_lost(d, choice, type.len > 0 ? type : SLICE("inlineData"));
    }
}

static void decode_file(struct decoder *d, uint32_t choice, uint32_t file)
{
    struct slice type = decoder_string(d, json_member(&d->doc, file, SLICE("mimeType")));
    struct slice uri = decoder_string(d, json_member(&d->doc, file, SLICE("fileUri")));
    if (is_image(type) && uri.len > 0) {
        struct event *event = decoder_event(d, EVENT_IMAGE, choice);
        event->id = uri;
        event->name = type;
    } else {
        decoder_lost(d, choice, SLICE("fileData"));
    }
}

static void decode_part(struct decoder *d, uint32_t choice, uint32_t part)
{
    uint32_t values[PIECE_MEMBERS];
    uint32_t unknown = members_scan(&d->doc, part, &piece_table, values);
    if (unknown > 0) {
        decoder_lost_members(d, choice, part, &piece_table);
    }
    struct slice signature = decoder_string(d, values[PIECE_SIGNATURE]);
    struct slice text = decoder_string(d, values[PIECE_TEXT]);
    if (json_is(&d->doc, values[PIECE_CALL], JSON_OBJECT)) {
        decode_call(d, choice, values[PIECE_CALL], signature);
    } else if (values[PIECE_DATA] != JSON_ABSENT) {
        decode_data(d, choice, values[PIECE_DATA]);
    } else if (values[PIECE_FILE] != JSON_ABSENT) {
        decode_file(d, choice, values[PIECE_FILE]);
    } else if (!json_is(&d->doc, values[PIECE_THOUGHT], JSON_TRUE)) {
        decoder_text(d, EVENT_TEXT, choice, text);
    } else {
        decoder_text(d, EVENT_REASONING, choice, text);
        if (signature.len > 0) {
            struct event *event = decoder_event(d, EVENT_SIGNATURE, choice);
            event->text = signature;
            event->maker = DIALECT_GEMINI;
        }
    }
}

static void decode_parts(struct decoder *d, uint32_t choice, uint32_t content)
{
    uint32_t parts = json_member(&d->doc, content, SLICE("parts"));
    if (!json_is(&d->doc, parts, JSON_ARRAY)) {
        return;
    }
    for (uint32_t i = json_first(&d->doc, parts); i != JSON_ABSENT;
         i = json_next(&d->doc, parts, i)) {
        decode_part(d, choice, i);
    }
}

/* --- sources --- */

static void cite(struct decoder *d, uint32_t choice, uint32_t source, struct slice words)
{
    struct slice uri = decoder_string(d, json_member(&d->doc, source, SLICE("uri")));
    struct slice title = decoder_string(d, json_member(&d->doc, source, SLICE("title")));
    if (uri.len == 0 && title.len == 0) {
        return;
    }
    struct event *event = decoder_event(d, EVENT_CITATION, choice);
    event->id = uri;
    event->name = title;
    event->text = words;
    event->of_answer = true;
}

static void decode_citations(struct decoder *d, uint32_t choice, uint32_t metadata)
{
    const struct json_doc *doc = &d->doc;
    uint32_t list = json_member(doc, metadata, SLICE("citations"));
    if (!json_is(doc, list, JSON_ARRAY)) {
        list = json_member(doc, metadata, SLICE("citationSources")); /* its older name */
    }
    if (!json_is(doc, list, JSON_ARRAY)) {
        return;
    }
    for (uint32_t i = json_first(doc, list); i != JSON_ABSENT; i = json_next(doc, list, i)) {
        cite(d, choice, i, SLICE_EMPTY);
    }
}

/* The page of a chunk, or JSON_ABSENT. */
static uint32_t chunk_source(const struct json_doc *doc, uint32_t chunks, int64_t index)
{
    if (!json_is(doc, chunks, JSON_ARRAY) || index < 0) {
        return JSON_ABSENT;
    }
    uint32_t chunk = json_first(doc, chunks);
    while (chunk != JSON_ABSENT && index > 0) {
        chunk = json_next(doc, chunks, chunk);
        index--;
    }
    uint32_t web = json_member(doc, chunk, SLICE("web"));
    return web != JSON_ABSENT ? web : json_member(doc, chunk, SLICE("retrievedContext"));
}

#define SUPPORTS_MAX 256u /* of one frame, times sources: hostile lists are cut */

static unsigned decode_support(struct decoder *d, uint32_t choice, uint32_t chunks,
                               uint32_t support, unsigned left)
{
    const struct json_doc *doc = &d->doc;
    uint32_t indices = json_member(doc, support, SLICE("groundingChunkIndices"));
    struct slice words = decoder_string(d, json_path(doc, support, "segment.text"));
    if (!json_is(doc, indices, JSON_ARRAY)) {
        return left;
    }
    for (uint32_t i = json_first(doc, indices); i != JSON_ABSENT && left > 0;
         i = json_next(doc, indices, i)) {
        int64_t index;
        if (json_int64(doc, i, &index) && index < SUPPORTS_MAX) {
            cite(d, choice, chunk_source(doc, chunks, index), words);
        }
        left--;
    }
    return left;
}

/* Which words rest on which page; where that is not told, the pages alone. */
static void decode_grounding(struct decoder *d, uint32_t choice, uint32_t metadata)
{
    const struct json_doc *doc = &d->doc;
    uint32_t chunks = json_member(doc, metadata, SLICE("groundingChunks"));
    if (json_is(doc, json_member(doc, metadata, SLICE("searchEntryPoint")), JSON_OBJECT)) {
        decoder_lost(d, choice, SLICE("searchEntryPoint")); /* what Google wants shown */
    }
    uint32_t supports = json_member(doc, metadata, SLICE("groundingSupports"));
    unsigned left = SUPPORTS_MAX;
    if (json_is(doc, supports, JSON_ARRAY)) {
        for (uint32_t i = json_first(doc, supports); i != JSON_ABSENT && left > 0;
             i = json_next(doc, supports, i)) {
            left = decode_support(d, choice, chunks, i, left);
        }
        return;
    }
    for (int64_t i = 0;
         json_is(doc, chunks, JSON_ARRAY) && i < json_count(doc, chunks) && i < SUPPORTS_MAX; i++) {
        cite(d, choice, chunk_source(doc, chunks, i), SLICE_EMPTY);
    }
}

/* --- log probabilities --- */

static void write_token(struct json_writer *json, const struct decoder *d, uint32_t token)
{
    uint32_t probability = json_member(&d->doc, token, SLICE("logProbability"));
    json_member_inner(json, SLICE("token"),
                      decoder_string(d, json_member(&d->doc, token, SLICE("token"))));
    json_member_raw(json, SLICE("logprob"),
                    json_is(&d->doc, probability, JSON_NUMBER) ? json_raw(&d->doc, probability)
                                                               : SLICE("0"));
    json_member_raw(json, SLICE("bytes"), SLICE("null"));
}

static void write_alternatives(struct json_writer *json, const struct decoder *d, uint32_t top)
{
    uint32_t list = json_member(&d->doc, top, SLICE("candidates"));
    json_key(json, SLICE("top_logprobs"));
    json_begin_array(json);
    for (uint32_t i = json_is(&d->doc, list, JSON_ARRAY) ? json_first(&d->doc, list) : JSON_ABSENT;
         i != JSON_ABSENT; i = json_next(&d->doc, list, i)) {
        json_begin_object(json);
        write_token(json, d, i);
        json_end_object(json);
    }
    json_end_array(json);
}

/* Two lists side by side become one list of OpenAI's form. */
static void decode_logprobs(struct decoder *d, uint32_t choice, uint32_t result)
{
    const struct json_doc *doc = &d->doc;
    uint32_t chosen = json_member(doc, result, SLICE("chosenCandidates"));
    uint32_t top = json_member(doc, result, SLICE("topCandidates"));
    if (!json_is(doc, chosen, JSON_ARRAY) || json_first(doc, chosen) == JSON_ABSENT) {
        return;
    }
    struct buf text = BUF_INIT(d->limit * 4);
    struct json_writer json;
    json_writer_init(&json, &text);
    json_begin_array(&json);
    uint32_t step = json_is(doc, top, JSON_ARRAY) ? json_first(doc, top) : JSON_ABSENT;
    for (uint32_t i = json_first(doc, chosen); i != JSON_ABSENT; i = json_next(doc, chosen, i)) {
        json_begin_object(&json);
        write_token(&json, d, i);
        write_alternatives(&json, d, step);
        json_end_object(&json);
        step = step == JSON_ABSENT ? step : json_next(doc, top, step);
    }
    json_end_array(&json);
    decoder_event(d, EVENT_LOGPROBS, choice)->text = arena_copy(&d->arena, buf_slice(&text));
    d->exhausted = d->exhausted || text.failed || d->arena.exhausted;
    buf_release(&text);
}

/* --- the candidate --- */

/* False: none that we can follow. Without an index it is the one of its place. */
static bool candidate_index(const struct decoder *d, uint32_t value, uint32_t position,
                            uint32_t *ret_index)
{
    int64_t index = position;
    if (value != JSON_ABSENT && !json_int64(&d->doc, value, &index)) {
        return false;
    }
    *ret_index = (uint32_t)index;
    return index >= 0 && index < DECODER_CHOICES_MAX;
}

void gemini_decode_candidate(struct decoder *d, uint32_t candidate, uint32_t position)
{
    uint32_t values[CANDIDATE_MEMBERS];
    uint32_t choice;
    members_scan(&d->doc, candidate, &candidate_table, values);
    if (json_kind(&d->doc, candidate) != JSON_OBJECT ||
        !candidate_index(d, values[CANDIDATE_INDEX], position, &choice)) {
        d->malformed = true;
        return;
    }
    decoder_speak(d, choice);
    decode_parts(d, choice, values[CANDIDATE_CONTENT]);
    decode_citations(d, choice, values[CANDIDATE_CITATIONS]);
    decode_grounding(d, choice, values[CANDIDATE_GROUNDING]);
    decode_logprobs(d, choice, values[CANDIDATE_LOGPROBS]);
    struct slice word = decoder_string(d, values[CANDIDATE_FINISH]);
    if (word.len > 0 && !slice_eq(word, SLICE("FINISH_REASON_UNSPECIFIED"))) {
        decoder_finish(d, choice, gemini_finish_reason(word), word);
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Vertex AI: embeddings and counts of tokens. Chats there are Gemini's own. */
#include "dialect/vertex.h"

#include "dialect/decoder.h"
#include "dialect/gemini.h"
#include "dialect/rows.h"

static bool holds(struct slice model, struct slice word)
{
    return slice_find_slice(model, word) != SIZE_MAX;
}

enum vertex_method vertex_method_of(struct slice model, size_t inputs)
{
    bool several = inputs > 1;
    if (holds(model, SLICE("maas"))) {
        return several ? VERTEX_NONE : VERTEX_EMBED;
    }
    if (holds(model, SLICE("gemini"))) {
        bool first = slice_ends(model, SLICE("gemini-embedding-001"));
        return several ? VERTEX_BATCH : first ? VERTEX_PREDICT : VERTEX_EMBED;
    }
    return VERTEX_PREDICT;
}

static bool write_path(const struct chat *chat, struct slice model, struct buf *out)
{
    static const struct slice verbs[] = {
        [VERTEX_PREDICT] = SLICE_INIT(":predict"),
        [VERTEX_EMBED] = SLICE_INIT(":embedContent"),
        [VERTEX_BATCH] = SLICE_INIT(":batchEmbedContents"),
        [VERTEX_NONE] = SLICE_INIT(":embedContent"), /* which is never sent */
    };
    buf_append_char(out, '/');
    gemini_append_model(out, model, true);
    return buf_append(out, chat->operation == OPERATION_TOKEN_COUNT
                               ? SLICE(":countTokens")
                               : verbs[vertex_method_of(model, chat->message_count)]);
}

/* --- answers --- */

/* {"embeddings": {"values": [...], "statistics": {"token_count": N}}} */
static bool decode_prediction(struct decoder *d, uint32_t prediction, uint32_t index,
                              int64_t *tokens)
{
    uint32_t values = json_path(&d->doc, prediction, "embeddings.values");
    uint32_t count = json_path(&d->doc, prediction, "embeddings.statistics.token_count");
    int64_t told = 0;
    if (!json_is(&d->doc, values, JSON_ARRAY)) {
        return false;
    }
    struct event *event = decoder_event(d, EVENT_EMBEDDING, 0);
    event->index = index;
    event->text = json_raw(&d->doc, values);
    if (count != JSON_ABSENT && json_int64(&d->doc, count, &told) && told > 0 &&
        told <= USAGE_TOKENS_MAX - *tokens) {
        *tokens += told;
    }
    return true;
}

static bool decode_predictions(struct decoder *d, uint32_t list)
{
    uint32_t index = 0;
    int64_t tokens = 0;
    decoder_start(d, SLICE_EMPTY, SLICE_EMPTY, SLICE_EMPTY);
    for (uint32_t i = json_first(&d->doc, list); i != JSON_ABSENT;
         i = json_next(&d->doc, list, i)) {
        if (!decode_prediction(d, i, index++, &tokens)) {
            return false;
        }
    }
    if (tokens > 0) {
        decoder_event(d, EVENT_USAGE, 0)->usage = (struct usage){.input = tokens, .reported = true};
    }
    return index > 0;
}

static enum decode_result decode_answer(struct decoder *d, struct slice body,
                                        struct frame *ret_frame)
{
    *ret_frame = (struct frame){.raw = body, .terminal = true};
    decoder_begin_frame(d);
    if (!decoder_parse(d, body)) {
        return decoder_end_frame(d, ret_frame);
    }
    uint32_t list = json_member(&d->doc, JSON_ROOT, SLICE("predictions"));
    if (!json_is(&d->doc, list, JSON_ARRAY)) {
        return gemini_decode_answer(d, body, ret_frame);
    }
    d->malformed = !decode_predictions(d, list) || d->malformed;
    decoder_end(d);
    return decoder_end_frame(d, ret_frame);
}

const struct dialect dialect_vertex = {
    .name = "vertex",
    .operations = OPERATION_BIT(OPERATION_EMBEDDING) | OPERATION_BIT(OPERATION_TOKEN_COUNT),
    .instead_of = DIALECT_BIT(DIALECT_GEMINI),
    .write_path = write_path,
    .write_request = vertex_write_request,
    .decoder_new = decoder_new,
    .decoder_free = decoder_free,
    .decoder_reset = decoder_reset,
    .decode = gemini_decode,
    .decode_end = gemini_decode_end,
    .decode_answer = decode_answer,
    .read_usage = gemini_read_usage,
    .read_error = gemini_read_error,
};

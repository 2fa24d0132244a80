/* SPDX-License-Identifier: Apache-2.0 */
/* Answers, both ways. The client gets vectors in the form that it asked for, whatever the provider
 * gave. */
#include "dialect/decoder.h"
#include "dialect/embeddings.h"
#include "dialect/inner.h"
#include "dialect/openai.h"

enum { ANSWER_MODEL, ANSWER_DATA, ANSWER_USAGE, ANSWER_ERROR, ANSWER_ID, ANSWER_MEMBERS };

static const struct member_name answer_names[ANSWER_MEMBERS] = {
    [ANSWER_MODEL] = MEMBER_NAME("model"), [ANSWER_DATA] = MEMBER_NAME("data"),
    [ANSWER_USAGE] = MEMBER_NAME("usage"), [ANSWER_ERROR] = MEMBER_NAME("error"),
    [ANSWER_ID] = MEMBER_NAME("id"),
};
static const struct member_table answer_table = MEMBER_TABLE(answer_names);

static void decode_vector(struct decoder *d, uint32_t element, int64_t position)
{
    const struct json_doc *doc = &d->doc;
    if (json_kind(doc, element) != JSON_OBJECT) {
        d->malformed = true;
        return;
    }
    uint32_t index = json_member(doc, element, SLICE("index"));
    uint32_t vector = json_member(doc, element, SLICE("embedding"));
    bool told = json_is(doc, index, JSON_NUMBER);
    bool is_vector = json_is(doc, vector, JSON_ARRAY) || json_is(doc, vector, JSON_STRING);
    if ((told && !json_int64(doc, index, &position)) || position < 0 || position > UINT32_MAX ||
        !is_vector) {
        d->malformed = true;
        return;
    }
    struct event *event = decoder_event(d, EVENT_EMBEDDING, 0);
    event->index = (uint32_t)position;
    event->text = json_raw(doc, vector);
}

enum decode_result embeddings_decode_answer(struct decoder *d, struct slice body,
                                            struct frame *ret_frame)
{
    *ret_frame = (struct frame){.raw = body, .terminal = true};
    decoder_begin_frame(d);
    uint32_t answer[ANSWER_MEMBERS];
    const struct json_doc *doc = &d->doc;
    if (!decoder_parse(d, body)) {
        return decoder_end_frame(d, ret_frame);
    }
    members_scan(doc, JSON_ROOT, &answer_table, answer);
    if (member_given(doc, answer[ANSWER_ERROR])) {
        openai_decode_error(d, answer[ANSWER_ERROR]);
        return decoder_end_frame(d, ret_frame);
    }
    if (!json_is(doc, answer[ANSWER_DATA], JSON_ARRAY)) {
        d->malformed = true;
        return decoder_end_frame(d, ret_frame);
    }
    struct slice id = decoder_string(d, answer[ANSWER_ID]);
    decoder_start(d, id, decoder_string(d, answer[ANSWER_MODEL]), id);
    int64_t position = 0;
    for (uint32_t i = json_first(doc, answer[ANSWER_DATA]); i != JSON_ABSENT;
         i = json_next(doc, answer[ANSWER_DATA], i)) {
        decode_vector(d, i, position++);
    }
    openai_decode_usage(d, answer[ANSWER_USAGE]);
    decoder_end(d);
    return decoder_end_frame(d, ret_frame);
}

/* --- towards the client --- */

static bool write_vector(const struct answer_head *head, const struct event *event, struct buf *out)
{
    buf_append(out, SLICE("{\"object\":\"embedding\",\"index\":"));
    buf_append_u64(out, event->index);
    buf_append(out, SLICE(",\"embedding\":"));
    if (head->chat == NULL) {
        buf_append(out, event->text);
    } else if (!embeddings_write_vector(event->text, head->chat->base64, out)) {
        return false;
    }
    return buf_append_char(out, '}');
}

static void write_tail(const struct answer_head *head, const struct frame *frame, struct buf *out)
{
    struct slice model = SLICE_EMPTY;
    int64_t tokens = 0;
    for (size_t i = 0; i < frame->count; i++) {
        const struct event *event = &frame->events[i];
        model = event->kind == EVENT_START && event->name.len > 0 ? event->name : model;
        tokens = event->kind == EVENT_USAGE ? event->usage.input : tokens;
    }
    buf_append(out, SLICE("],\"model\":\""));
    if (model.len > 0) {
        inner_append(out, model);
    } else {
        json_escape(head->model, out);
    }
    buf_append(out, SLICE("\",\"usage\":{\"prompt_tokens\":"));
    buf_append_i64(out, tokens);
    buf_append(out, SLICE(",\"total_tokens\":"));
    buf_append_i64(out, tokens);
    buf_append(out, SLICE("}}"));
}

bool embeddings_write_answer(const struct answer_head *head, const struct frame *frame,
                             struct buf *out)
{
    bool begun = false;
    buf_append(out, SLICE("{\"object\":\"list\",\"data\":["));
    for (size_t i = 0; i < frame->count; i++) {
        if (frame->events[i].kind != EVENT_EMBEDDING) {
            continue;
        }
        buf_append(out, begun ? SLICE(",") : SLICE(""));
        begun = true;
        if (!write_vector(head, &frame->events[i], out)) {
            return false;
        }
    }
    write_tail(head, frame, out);
    return !out->failed;
}

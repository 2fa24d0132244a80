/* SPDX-License-Identifier: Apache-2.0 */
/* Why an answer stopped, both ways. */
#include "dialect/anthropic.h"
#include "dialect/decoder.h"
#include "dialect/inner.h"

static const struct {
    struct slice word;
    enum finish_reason reason;
} reasons[] = {
    {SLICE_INIT("end_turn"), FINISH_STOP},
    {SLICE_INIT("tool_use"), FINISH_TOOL_CALLS},
    {SLICE_INIT("max_tokens"), FINISH_LENGTH},
    {SLICE_INIT("stop_sequence"), FINISH_STOP},
    {SLICE_INIT("refusal"), FINISH_REFUSAL},
    {SLICE_INIT("model_context_window_exceeded"), FINISH_LENGTH},
    {SLICE_INIT("pause_turn"), FINISH_STOP},
};

static enum finish_reason reason_of(struct slice word)
{
    for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
        if (slice_eq(word, reasons[i].word)) {
            return reasons[i].reason;
        }
    }
    return FINISH_STOP;
}

/* `object` has stop_reason, stop_sequence and stop_details: a whole message or a message_delta. */
void anthropic_decode_finish(struct decoder *d, uint32_t object)
{
    const struct json_doc *doc = &d->doc;
    struct slice word = decoder_string(d, json_member(doc, object, SLICE("stop_reason")));
    if (word.len == 0) {
        return;
    }
    enum finish_reason finish = reason_of(word);
    if (finish == FINISH_REFUSAL) {
        decoder_text(d, EVENT_REFUSAL, 0,
                     decoder_string(d, json_path(doc, object, "stop_details.explanation")));
    }
    decoder_finish(d, 0, finish, word);
    struct event *event = d->count > 0 ? &d->events[d->count - 1] : &d->spare;
    if (event->kind == EVENT_FINISH) {
        event->text = decoder_string(d, json_member(doc, object, SLICE("stop_sequence")));
    }
}

/* --- towards the client --- */

/* Words of Anthropic that say more than the canonical reason. */
static bool is_finer(struct slice native)
{
    return slice_eq(native, SLICE("pause_turn")) ||
           slice_eq(native, SLICE("model_context_window_exceeded"));
}

/* Clients act on calls when they read "tool_use", and only then. */
static struct slice word_of(const struct event *finish, bool called, bool refused)
{
    if (is_finer(finish->native)) {
        return finish->native;
    }
    switch (finish->finish) {
    case FINISH_LENGTH:
        return SLICE("max_tokens");
    case FINISH_CONTENT_FILTER:
    case FINISH_REFUSAL:
        return SLICE("refusal");
    default:
        break;
    }
    if (called) {
        return SLICE("tool_use");
    }
    if (refused) {
        return SLICE("refusal");
    }
    return finish->text.len > 0 ? SLICE("stop_sequence") : SLICE("end_turn");
}

void anthropic_write_finish(struct buf *out, const struct event *finish, bool called, bool refused)
{
    if (finish == NULL || finish->finish == FINISH_ERROR) { /* there is no word for a failure */
        buf_append(out, SLICE("\"stop_reason\":null,\"stop_sequence\":null"));
        return;
    }
    struct slice word = word_of(finish, called, refused);
    buf_append(out, SLICE("\"stop_reason\":\""));
    buf_append(out, word);
    if (finish->text.len == 0 || !slice_eq(word, SLICE("stop_sequence"))) {
        buf_append(out, SLICE("\",\"stop_sequence\":null"));
        return;
    }
    buf_append(out, SLICE("\",\"stop_sequence\":\""));
    inner_append(out, finish->text);
    buf_append_char(out, '"');
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Content blocks of answers and their deltas. Blocks of tools that Anthropic runs itself (searches,
 * code ...) have no canonical form: what the model says of them is in its texts, and they are told
 * as lost.
 */
#include "dialect/anthropic.h"
#include "dialect/decoder.h"
#include "dialect/member.h"

static struct slice string_of(const struct decoder *d, uint32_t object, struct slice name)
{
    return decoder_string(d, json_member(&d->doc, object, name));
}

static bool type_is(const struct decoder *d, uint32_t object, struct slice name)
{
    uint32_t type = json_member(&d->doc, object, SLICE("type"));
    return json_is(&d->doc, type, JSON_STRING) && json_string_is(&d->doc, type, name);
}

static void sealed(struct decoder *d, enum event_kind kind, struct slice text)
{
    if (text.len > 0) {
        struct event *event = decoder_event(d, kind, 0);
        event->text = text;
        event->maker = DIALECT_ANTHROPIC;
    }
}

static void decode_citation(struct decoder *d, uint32_t citation)
{
    if (!json_is(&d->doc, citation, JSON_OBJECT)) {
        return;
    }
    struct slice url = string_of(d, citation, SLICE("url"));
    struct slice title = string_of(d, citation, SLICE("title"));
    struct event *event = decoder_event(d, EVENT_CITATION, 0);
    event->id = url.len > 0 ? url : string_of(d, citation, SLICE("source"));
    event->name = title.len > 0 ? title : string_of(d, citation, SLICE("document_title"));
    event->text = string_of(d, citation, SLICE("cited_text"));
}

static void decode_citations(struct decoder *d, uint32_t list)
{
    if (!json_is(&d->doc, list, JSON_ARRAY)) {
        return;
    }
    for (uint32_t i = json_first(&d->doc, list); i != JSON_ABSENT;
         i = json_next(&d->doc, list, i)) {
        decode_citation(d, i);
    }
}

/* In a stream the input comes in deltas after an empty object; some servers send it whole with the
   begin, and such a call takes no deltas. */
static void decode_call(struct decoder *d, uint32_t block, int64_t position)
{
    const struct json_doc *doc = &d->doc;
    uint32_t input = json_member(doc, block, SLICE("input"));
    bool empty = json_is(doc, input, JSON_STRING) && json_inner(doc, input).len == 0;
    empty = empty || !member_given(doc, input); /* servers begin with "" or null too */
    d->malformed = d->malformed || (!empty && !json_is(doc, input, JSON_OBJECT));
    bool whole = json_is(doc, input, JSON_OBJECT) && json_count(doc, input) > 0;
    struct call_fragment fragment = {
        .position = whole ? -1 : position,
        .id = string_of(d, block, SLICE("id")),
        .name = string_of(d, block, SLICE("name")),
        .complete = whole || position < 0,
    };
    if (whole) {
        fragment.arguments = decoder_escape(d, json_raw(doc, input));
    }
    decoder_call(d, 0, &fragment);
}

void anthropic_decode_block(struct decoder *d, uint32_t block, int64_t position)
{
    if (type_is(d, block, SLICE("text"))) {
        decoder_text(d, EVENT_TEXT, 0, string_of(d, block, SLICE("text")));
        decode_citations(d, json_member(&d->doc, block, SLICE("citations")));
    } else if (type_is(d, block, SLICE("tool_use"))) {
        decode_call(d, block, position);
    } else if (type_is(d, block, SLICE("thinking"))) {
        decoder_text(d, EVENT_REASONING, 0, string_of(d, block, SLICE("thinking")));
        sealed(d, EVENT_SIGNATURE, string_of(d, block, SLICE("signature")));
    } else if (type_is(d, block, SLICE("redacted_thinking"))) {
        sealed(d, EVENT_OPAQUE, string_of(d, block, SLICE("data")));
    } else if (json_is(&d->doc, block, JSON_OBJECT)) {
        decoder_lost(d, 0, string_of(d, block, SLICE("type")));
    }
}

/* Only blocks that began as a call of the client's tools have one. */
static bool is_call(const struct decoder *d, int64_t position)
{
    for (size_t i = d->call_count; i > 0; i--) {
        if (d->calls[i - 1].position == position) {
            return position >= 0;
        }
    }
    return false;
}

void anthropic_decode_delta(struct decoder *d, uint32_t delta, int64_t position)
{
    if (type_is(d, delta, SLICE("text_delta"))) {
        decoder_text(d, EVENT_TEXT, 0, string_of(d, delta, SLICE("text")));
    } else if (type_is(d, delta, SLICE("input_json_delta"))) {
        struct call_fragment fragment = {.position = position,
                                         .arguments = string_of(d, delta, SLICE("partial_json"))};
        if (fragment.arguments.len > 0 && is_call(d, position)) {
            decoder_call(d, 0, &fragment);
        }
    } else if (type_is(d, delta, SLICE("thinking_delta"))) {
        decoder_text(d, EVENT_REASONING, 0, string_of(d, delta, SLICE("thinking")));
    } else if (type_is(d, delta, SLICE("signature_delta"))) {
        sealed(d, EVENT_SIGNATURE, string_of(d, delta, SLICE("signature")));
    } else if (type_is(d, delta, SLICE("citations_delta"))) {
        decode_citation(d, json_member(&d->doc, delta, SLICE("citation")));
    } else if (json_is(&d->doc, delta, JSON_OBJECT)) {
        decoder_lost(d, 0, string_of(d, delta, SLICE("type")));
    }
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `reasoning_details` of OpenRouter, both ways. A seal that it passes on from Anthropic is
 * Anthropic's, who reads it on every cloud; all else that is hidden only OpenRouter can bring back
 * to its maker. Towards clients the seals of any provider take the same form, so that they come
 * back with the conversation; those that are not Anthropic's behind a mark (seal_mark.h).
 */
#include "dialect/decoder.h"
#include "dialect/inner.h"
#include "dialect/openai.h"
#include "dialect/seal_mark.h"

enum {
    DETAIL_TYPE,
    DETAIL_TEXT,
    DETAIL_SUMMARY,
    DETAIL_SIGNATURE,
    DETAIL_DATA,
    DETAIL_FORMAT,
    DETAIL_ID,
    DETAIL_MEMBERS
};
static const struct member_name detail_names[DETAIL_MEMBERS] = {
    [DETAIL_TYPE] = MEMBER_NAME("type"),       [DETAIL_TEXT] = MEMBER_NAME("text"),
    [DETAIL_SUMMARY] = MEMBER_NAME("summary"), [DETAIL_SIGNATURE] = MEMBER_NAME("signature"),
    [DETAIL_DATA] = MEMBER_NAME("data"),       [DETAIL_FORMAT] = MEMBER_NAME("format"),
    [DETAIL_ID] = MEMBER_NAME("id"),
};
static const struct member_table detail_table = MEMBER_TABLE(detail_names);

#define CLAUDE_FORMAT "anthropic-claude-v1"

static struct slice text_of(const struct json_doc *doc, uint32_t value)
{
    return json_is(doc, value, JSON_STRING) ? json_inner(doc, value) : SLICE_EMPTY;
}

/* Who can read the seal of an element. */
static unsigned seal_maker(const struct json_doc *doc, const uint32_t *values)
{
    bool claude = slice_eq(text_of(doc, values[DETAIL_FORMAT]), SLICE(CLAUDE_FORMAT));
    return claude ? DIALECT_ANTHROPIC : DIALECT_OPENAI_CHAT;
}

/* --- answers --- */

static void decode_sealed(struct decoder *d, uint32_t choice, enum event_kind kind,
                          struct slice text, unsigned maker)
{
    if (text.len > 0) {
        struct event *event = decoder_event(d, kind, choice);
        event->text = text;
        event->maker = maker;
    }
}

static void decode_detail(struct decoder *d, uint32_t choice, uint32_t detail, bool texts)
{
    uint32_t values[DETAIL_MEMBERS];
    const struct json_doc *doc = &d->doc;
    members_scan(doc, detail, &detail_table, values);
    decoder_event(d, EVENT_DETAIL, choice)->text = json_raw(doc, detail);
    struct slice signature = text_of(doc, values[DETAIL_SIGNATURE]);
    if (texts && !(d->thought && signature.len > 0)) { /* a seal may repeat all that it seals */
        decoder_text(d, EVENT_REASONING, choice, text_of(doc, values[DETAIL_TEXT]));
        decoder_text(d, EVENT_REASONING, choice, text_of(doc, values[DETAIL_SUMMARY]));
    }
    decode_sealed(d, choice, EVENT_SIGNATURE, signature, seal_maker(doc, values));
    decode_sealed(d, choice, EVENT_OPAQUE, text_of(doc, values[DETAIL_DATA]), DIALECT_OPENAI_CHAT);
    bool known = (values[DETAIL_TEXT] & values[DETAIL_SUMMARY] & values[DETAIL_SIGNATURE] &
                  values[DETAIL_DATA]) != JSON_ABSENT;
    if (!known) {
        decoder_lost(d, choice, text_of(doc, values[DETAIL_TYPE]));
    }
}

void openai_decode_details(struct decoder *d, uint32_t choice, uint32_t details, bool texts)
{
    if (!json_is(&d->doc, details, JSON_ARRAY)) {
        return;
    }
    for (uint32_t i = json_first(&d->doc, details); i != JSON_ABSENT;
         i = json_next(&d->doc, details, i)) {
        if (json_kind(&d->doc, i) == JSON_OBJECT) {
            decode_detail(d, choice, i, texts);
        }
    }
}

bool openai_has_detail(const struct event *event)
{
    bool of_call = event->kind == EVENT_SIGNATURE && event->id.len > 0;
    return event->maker != 0 && !of_call;
}

void openai_write_detail(const struct event *event, struct slice thought, uint32_t index,
                         struct buf *out)
{
    bool seal = event->kind == EVENT_SIGNATURE;
    bool claude = seal && event->maker == DIALECT_ANTHROPIC;
    if (seal) {
        buf_append(out, SLICE("{\"type\":\"reasoning.text\",\"text\":\""));
        inner_append(out, thought);
        buf_append(out, SLICE("\",\"signature\":\""));
    } else {
        buf_append(out, SLICE("{\"type\":\"reasoning.encrypted\",\"data\":\""));
    }
    if (!claude) {
        seal_mark_write(out, event);
    }
    inner_append(out, event->text);
    if (event->id.len > 0) {
        buf_append(out, SLICE("\",\"id\":\""));
        inner_append(out, event->id);
    }
    buf_append(out, SLICE("\",\"format\":\""));
    buf_append(out, claude ? SLICE(CLAUDE_FORMAT) : SLICE("unknown"));
    buf_append(out, SLICE("\",\"index\":"));
    buf_append_u64(out, index);
    buf_append_char(out, '}');
}

/* --- requests --- */

static void read_sealed(const struct json_doc *doc, const uint32_t *values, struct chat_part *part)
{
    struct slice signature = text_of(doc, values[DETAIL_SIGNATURE]);
    struct slice data = text_of(doc, values[DETAIL_DATA]);
    if (seal_is_marked(signature) || seal_is_marked(data)) {
        seal_mark_read(signature.len > 0 ? signature : data, part);
    } else if (signature.len > 0) {
        part->signature = signature;
        part->maker = seal_maker(doc, values);
    } else if (data.len > 0) {
        part->data = data;
        part->maker = DIALECT_OPENAI_CHAT;
    }
}

bool openai_read_detail(struct reader *r, uint32_t detail, struct chat_part *part)
{
    uint32_t values[DETAIL_MEMBERS];
    if (json_kind(r->doc, detail) != JSON_OBJECT) {
        return reader_refuse_type(r, "reasoning_details", "an array of objects");
    }
    members_scan(r->doc, detail, &detail_table, values);
    *part = (struct chat_part){.kind = PART_REASONING,
                               .name = SLICE("reasoning_details"),
                               .raw = json_raw(r->doc, detail)};
    uint32_t text = json_is(r->doc, values[DETAIL_TEXT], JSON_STRING) ? values[DETAIL_TEXT]
                                                                      : values[DETAIL_SUMMARY];
    part->text = text_of(r->doc, text);
    part->id = text_of(r->doc, values[DETAIL_ID]);
    read_sealed(r->doc, values, part);
    return true;
}

/* A thought that another client brings with Anthropic's seal; nothing else has a form that
 * OpenRouter knows. */
static bool can_detail(const struct openai_writer *w, const struct chat_part *part)
{
    bool sealed = part->kind == PART_REASONING && part->signature.len > 0 &&
                  !slice_starts(part->signature, SLICE("sluice."));
    bool anthropics = part->maker == DIALECT_ANTHROPIC ||
                      (part->maker == 0 && w->chat->dialect == DIALECT_ANTHROPIC);
    bool claude = slice_find_slice(w->change->model, SLICE("claude")) != SIZE_MAX;
    return sealed && anthropics && claude && w->change->reasoning_details;
}

static void write_element(struct openai_writer *w, const struct chat_part *part, uint32_t index)
{
    if (w->same && part->raw.ptr != NULL) {
        json_write_raw(&w->json, part->raw);
        return;
    }
    json_begin_object(&w->json);
    json_member_string(&w->json, SLICE("type"), SLICE("reasoning.text"));
    json_member_inner(&w->json, SLICE("text"), part->text);
    json_member_inner(&w->json, SLICE("signature"), part->signature);
    json_member_string(&w->json, SLICE("format"), SLICE(CLAUDE_FORMAT));
    json_member_int(&w->json, SLICE("index"), index);
    json_end_object(&w->json);
}

bool openai_is_detail(const struct openai_writer *w, const struct chat_part *part)
{
    bool own =
        w->same && part->kind == PART_REASONING && slice_eq(part->name, SLICE("reasoning_details"));
    return own || can_detail(w, part);
}

bool openai_recall_details(const struct chat_message *message, const struct request_change *change,
                           struct slice *ret_details)
{
    for (size_t i = 0;
         change->recall != NULL && change->reasoning_details && i < message->part_count; i++) {
        struct opaque_state state = {.dialect = DIALECT_COUNT};
        if (message->parts[i].kind == PART_TOOL_CALL &&
            change->recall(change->recall_user, message->parts[i].id, &state) &&
            state.details.len > 0) {
            *ret_details = state.details;
            return true;
        }
    }
    return false;
}

bool openai_write_details(struct openai_writer *w, const struct chat_message *message)
{
    struct json_writer *json = &w->json;
    uint32_t count = 0;
    struct slice recalled;
    for (size_t i = 0; i < message->part_count; i++) {
        if (openai_is_detail(w, &message->parts[i])) {
            if (count == 0) {
                json_key(json, SLICE("reasoning_details"));
                json_begin_array(json);
            }
            write_element(w, &message->parts[i], count++);
        }
    }
    if (count > 0) {
        json_end_array(json);
        return true;
    }
    if (!openai_recall_details(message, w->change, &recalled)) {
        return false;
    }
    json_key(json, SLICE("reasoning_details"));
    json_begin_array(json);
    json_write_raw(json, recalled);
    json_end_array(json);
    return true;
}

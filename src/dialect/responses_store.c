/* SPDX-License-Identifier: Apache-2.0 */
#include "dialect/responses_store.h"

#include "base/id.h"
#include "base/memory.h"
#include "dialect/edit.h"
#include "dialect/inner.h"
#include "dialect/responses.h"
#include "dialect/responses_out.h"

#define REFERENCES_MAX 4096u

/* --- keeping --- */

struct responses_record {
    struct encoder *encoder; /* a silent one */
    struct buf unused;
};

struct responses_record *responses_record_new(const struct answer_head *head)
{
    struct responses_record *record = memory_array(1, sizeof *record);
    struct encoder *encoder = record == NULL ? NULL : responses_encoder_new(head);
    if (encoder == NULL) {
        memory_free(record);
        return NULL;
    }
    ((struct responses_encoder *)encoder)->silent = true;
    record->encoder = encoder;
    buf_init(&record->unused, 1);
    return record;
}

void responses_record_free(struct responses_record *record)
{
    if (record != NULL) {
        responses_encoder_free(record->encoder);
        buf_release(&record->unused);
        memory_free(record);
    }
}

bool responses_record_frame(struct responses_record *record, const struct frame *frame)
{
    return responses_encode(record->encoder, frame, &record->unused);
}

static const struct responses_encoder *answer_of(const struct responses_record *record)
{
    return (const struct responses_encoder *)record->encoder;
}

struct slice responses_stored_key(struct slice response_id)
{
    return slice_starts(response_id, SLICE("resp_")) ? slice_from(response_id, 5) : response_id;
}

struct slice responses_record_key(const struct responses_record *record)
{
    return responses_stored_key(buf_slice(&answer_of(record)->id));
}

/* The elements of a list, without its brackets. */
static struct slice elements(const struct json_doc *doc, uint32_t list)
{
    struct slice raw = json_raw(doc, list);
    return slice_trim(slice_of(raw.ptr + 1, raw.len - 2));
}

/* The request's own items, with commas between them. */
static void write_input_items(const struct json_doc *doc, uint32_t input, struct buf *out)
{
    if (json_is(doc, input, JSON_ARRAY)) {
        buf_append(out, elements(doc, input));
    } else if (json_is(doc, input, JSON_STRING)) {
        buf_append(out, SLICE("{\"type\":\"message\",\"role\":\"user\",\"content\":"));
        buf_append(out, json_raw(doc, input));
        buf_append_char(out, '}');
    }
}

static void write_comma(struct buf *out, size_t from)
{
    if (out->len > from) {
        buf_append_char(out, ',');
    }
}

bool responses_record_finish(const struct responses_record *record, const struct chat *chat,
                             struct buf *out)
{
    const struct responses_encoder *answer = answer_of(record);
    enum out_status status = out_status_of(answer);
    if (chat->dialect != DIALECT_OPENAI_RESPONSES || record->unused.failed ||
        (status != OUT_COMPLETED && status != OUT_INCOMPLETE)) {
        return false;
    }
    buf_append_char(out, '[');
    size_t from = out->len;
    write_input_items(chat->doc, json_member(chat->doc, JSON_ROOT, SLICE("input")), out);
    if (answer->item_count > 0) {
        write_comma(out, from);
        out_write_items(answer, out);
    }
    buf_append_char(out, ']');
    return !out->failed;
}

/* --- ids --- */

bool responses_is_own_id(struct slice id)
{
    struct id parsed;
    return slice_starts(id, SLICE("resp_")) && id_parse(slice_from(id, 5), &parsed);
}

/* "msg_CALL_0" -> CALL; NULL when the item is none of ours. */
static struct slice key_of_item(struct slice id)
{
    struct id parsed;
    struct slice rest = id;
    (void)slice_cut(&rest, '_');
    struct slice call = slice_cut(&rest, '_');
    return rest.len > 0 && id_parse(call, &parsed) ? call : SLICE_EMPTY;
}

/* The id of an item reference (inner), or NULL. */
static struct slice reference_of(const struct json_doc *doc, uint32_t item)
{
    if (json_kind(doc, item) != JSON_OBJECT) {
        return SLICE_EMPTY;
    }
    uint32_t type = json_member(doc, item, SLICE("type"));
    uint32_t id = json_member(doc, item, SLICE("id"));
    bool reference = json_is(doc, type, JSON_STRING) && json_is(doc, id, JSON_STRING) &&
                     json_string_is(doc, type, SLICE("item_reference"));
    return reference ? json_inner(doc, id) : SLICE_EMPTY;
}

static bool is_listed(const struct slice *keys, size_t count, struct slice key)
{
    for (size_t i = 0; i < count; i++) {
        if (slice_eq(keys[i], key)) {
            return true;
        }
    }
    return false;
}

/* Calls' ids rise with time: the newest first. The first `fixed` stay where they are. */
static void sort_newest(struct slice *keys, size_t fixed, size_t count)
{
    for (size_t i = fixed + 1; i < count; i++) {
        for (size_t j = i; j > fixed && slice_compare(keys[j - 1], keys[j]) < 0; j--) {
            struct slice newer = keys[j];
            keys[j] = keys[j - 1];
            keys[j - 1] = newer;
        }
    }
}

/* Of more than `max` keys the oldest are left out: a newer answer holds what came before it. */
static void add_key(struct slice *keys, size_t fixed, size_t *count, size_t max, struct slice key)
{
    if (key.ptr == NULL || is_listed(keys, *count, key)) {
        return;
    }
    if (*count < max) {
        keys[(*count)++] = key;
    } else if (max > fixed && slice_compare(keys[max - 1], key) < 0) {
        keys[max - 1] = key;
    }
    sort_newest(keys, fixed, *count);
}

size_t responses_stored_keys(const struct chat *chat, struct slice *keys, size_t max)
{
    const struct json_doc *doc = chat->doc;
    size_t count = 0;
    if (chat->dialect != DIALECT_OPENAI_RESPONSES) {
        return 0;
    }
    if (chat->previous.len > 0 && max > 0) {
        keys[count++] = responses_stored_key(chat->previous);
    }
    size_t fixed = count;
    uint32_t input = json_member(doc, JSON_ROOT, SLICE("input"));
    if (!json_is(doc, input, JSON_ARRAY)) {
        return count;
    }
    for (uint32_t i = json_first(doc, input); i != JSON_ABSENT; i = json_next(doc, input, i)) {
        struct slice reference = reference_of(doc, i);
        if (reference.len > 0) {
            add_key(keys, fixed, &count, max, key_of_item(reference));
        }
    }
    return count;
}

/* --- bringing back --- */

struct expansion {
    const struct chat *chat;
    struct json_doc docs[RESPONSES_STORED_MAX];
    size_t count;
    size_t references;
    struct buf *input;
    struct error *error;
};

static bool refuse(struct expansion *x, const char *code, const char *text, size_t index)
{
    error_set(x->error, ERROR_INVALID, code, "%s", text);
    if (index == SIZE_MAX) {
        error_at(x->error, "/previous_response_id");
    } else {
        error_at(x->error, "/input/%zu/id", index);
    }
    return false;
}

static bool refuse_size(struct expansion *x)
{
    return error_set(x->error, ERROR_LIMIT, "request_too_large",
                     "The conversation with its stored part is too large.");
}

static bool parse_stored(struct expansion *x, const struct responses_stored *stored, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct json_doc *doc = &x->docs[x->count++];
        json_doc_init(doc);
        if (stored[i].items.ptr != NULL &&
            (!json_parse(doc, stored[i].items, &json_default_limits, x->error) ||
             json_kind(doc, JSON_ROOT) != JSON_ARRAY)) {
            return error_set(x->error, ERROR_ENVIRONMENT, "stored_response_damaged",
                             "A stored answer cannot be read.");
        }
    }
    return true;
}

/* The stored item with this id, or an empty slice. */
static struct slice find_item(const struct json_doc *doc, struct slice id)
{
    if (doc->count == 0) {
        return SLICE_EMPTY;
    }
    for (uint32_t i = json_first(doc, JSON_ROOT); i != JSON_ABSENT;
         i = json_next(doc, JSON_ROOT, i)) {
        uint32_t member =
            json_kind(doc, i) == JSON_OBJECT ? json_member(doc, i, SLICE("id")) : JSON_ABSENT;
        if (json_is(doc, member, JSON_STRING) && slice_eq(json_inner(doc, member), id)) {
            return json_raw(doc, i);
        }
    }
    return SLICE_EMPTY;
}

static bool write_reference(struct expansion *x, struct slice id, struct slice raw, size_t index)
{
    if (key_of_item(id).len == 0) {
        return buf_append(x->input, raw);
    }
    if (++x->references > REFERENCES_MAX) {
        return refuse_size(x);
    }
    for (size_t i = 0; i < x->count; i++) {
        struct slice item = find_item(&x->docs[i], id);
        if (item.len > 0) {
            return buf_append(x->input, item);
        }
    }
    return refuse(x, "item_not_found", "The item that is referred to is not stored.", index);
}

static bool write_own_items(struct expansion *x, uint32_t input, size_t from)
{
    const struct json_doc *doc = x->chat->doc;
    size_t index = 0;
    if (!json_is(doc, input, JSON_ARRAY)) {
        if (json_is(doc, input, JSON_STRING)) {
            write_comma(x->input, from);
        }
        write_input_items(doc, input, x->input);
        return true;
    }
    for (uint32_t i = json_first(doc, input); i != JSON_ABSENT; i = json_next(doc, input, i)) {
        struct slice reference = reference_of(doc, i);
        write_comma(x->input, from);
        if (reference.len == 0) {
            buf_append(x->input, json_raw(doc, i));
        } else if (!write_reference(x, reference, json_raw(doc, i), index)) {
            return x->input->failed ? refuse_size(x) : false;
        }
        index++;
    }
    return true;
}

static bool write_input(struct expansion *x, uint32_t input)
{
    buf_append_char(x->input, '[');
    size_t from = x->input->len;
    if (x->chat->previous.len > 0) {
        if (x->count == 0 || x->docs[0].count == 0) {
            return refuse(x, "previous_response_not_found", "The previous response is not stored.",
                          SIZE_MAX);
        }
        buf_append(x->input, elements(&x->docs[0], JSON_ROOT));
    }
    if (!write_own_items(x, input, from)) {
        return false;
    }
    buf_append_char(x->input, ']');
    return !x->input->failed || refuse_size(x);
}

static bool write_body(struct expansion *x, uint32_t input, struct buf *out)
{
    struct editor e;
    const struct request_change none = {.clamp_max_tokens = 0};
    size_t edits;
    editor_init(&e, x->chat, &none);
    buf_init(&e.added, x->input->limit + 64);
    if (input == JSON_ABSENT) {
        editor_add(&e, SLICE("input"), buf_slice(x->input));
    } else {
        editor_replace(&e, input, buf_slice(x->input));
    }
    editor_remove(&e, json_member(x->chat->doc, JSON_ROOT, SLICE("previous_response_id")));
    return editor_finish(&e, out, &edits) || refuse_size(x);
}

bool responses_expand(const struct chat *chat, const struct responses_stored *stored, size_t count,
                      struct buf *out, struct error *error)
{
    struct buf input = BUF_INIT(out->limit);
    struct expansion x = {.chat = chat, .input = &input, .error = error};
    uint32_t member = json_member(chat->doc, JSON_ROOT, SLICE("input"));
    CHECK(count <= RESPONSES_STORED_MAX);
    bool ok =
        parse_stored(&x, stored, count) && write_input(&x, member) && write_body(&x, member, out);
    for (size_t i = 0; i < x.count; i++) {
        json_doc_release(&x.docs[i]);
    }
    buf_release(&input);
    return ok;
}

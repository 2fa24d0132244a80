/* SPDX-License-Identifier: Apache-2.0 */
#include "dialect/embeddings.h"

#define INPUTS_MAX 2048u /* OpenAI's own limit */

static const struct member_name member_names[EMBEDDINGS_MEMBERS] = {
    [EMBEDDINGS_MODEL] = MEMBER_NAME("model"),
    [EMBEDDINGS_INPUT] = MEMBER_NAME("input"),
    [EMBEDDINGS_FORMAT] = MEMBER_NAME("encoding_format"),
    [EMBEDDINGS_DIMENSIONS] = MEMBER_NAME("dimensions"),
    [EMBEDDINGS_USER] = MEMBER_NAME("user"),
    [EMBEDDINGS_SLUICE] = MEMBER_NAME("sluice"),
    [EMBEDDINGS_MODELS] = MEMBER_NAME("models"),
    [EMBEDDINGS_PROVIDER] = MEMBER_NAME("provider"),
    [EMBEDDINGS_SESSION_ID] = MEMBER_NAME("session_id"),
};

const struct member_table embeddings_members = MEMBER_TABLE(member_names);

static bool read_format(struct reader *r, uint32_t value)
{
    struct slice format = SLICE_EMPTY;
    if (!read_inner(r, value, "encoding_format", &format)) {
        return false;
    }
    r->chat->base64 = json_inner_is(format, SLICE("base64"));
    return format.ptr == NULL || r->chat->base64 || json_inner_is(format, SLICE("float")) ||
           reader_refuse(r, "invalid_value", "encoding_format",
                         "The value must be \"float\" or \"base64\".");
}

static bool read_dimensions(struct reader *r, uint32_t value)
{
    int64_t dimensions = 1;
    if (!read_number(r, value, "dimensions", &r->chat->dimensions)) {
        return false;
    }
    return r->chat->dimensions.ptr == NULL ||
           (json_int64(r->doc, value, &dimensions) && dimensions >= 1) ||
           reader_refuse(r, "invalid_value", "dimensions",
                         "The value must be a whole number from 1.");
}

/* --- inputs --- */

static bool is_token(const struct json_doc *doc, uint32_t value)
{
    int64_t token;
    return json_kind(doc, value) == JSON_NUMBER && json_int64(doc, value, &token) && token >= 0;
}

static bool is_tokens(const struct json_doc *doc, uint32_t list)
{
    for (uint32_t i = json_first(doc, list); i != JSON_ABSENT; i = json_next(doc, list, i)) {
        if (!is_token(doc, i)) {
            return false;
        }
    }
    return json_count(doc, list) > 0;
}

static bool read_one(struct reader *r, uint32_t value, struct chat_message *message)
{
    struct chat_part *part = ARENA_NEW(r->arena, struct chat_part);
    if (part == NULL) {
        return reader_refuse_size(r);
    }
    *message = (struct chat_message){.role = ROLE_USER, .parts = part, .part_count = 1};
    if (json_kind(r->doc, value) == JSON_STRING) {
        part->kind = PART_TEXT;
        part->text = json_inner(r->doc, value);
        return part->text.len > 0 ||
               reader_refuse(r, "invalid_value", r->depth == 0 ? "input" : NULL,
                             "The text must not be empty.");
    }
    if (json_kind(r->doc, value) == JSON_ARRAY && is_tokens(r->doc, value)) {
        part->kind = PART_UNKNOWN;
        part->raw = json_raw(r->doc, value);
        return true;
    }
    return reader_refuse_type(r, r->depth == 0 ? "input" : NULL,
                              "a text or an array of token numbers");
}

static bool read_many(struct reader *r, uint32_t list)
{
    r->place[0].list = "input";
    r->place[0].index = 0;
    r->depth = 1;
    for (uint32_t i = json_first(r->doc, list); i != JSON_ABSENT; i = json_next(r->doc, list, i)) {
        if (!read_one(r, i, &r->chat->messages[r->place[0].index])) {
            return false;
        }
        r->place[0].index++;
    }
    r->depth = 0;
    r->chat->message_count = r->place[0].index;
    return true;
}

static bool read_input(struct reader *r, uint32_t value)
{
    const struct json_doc *doc = r->doc;
    struct chat *chat = r->chat;
    if (!member_given(doc, value)) {
        return reader_refuse_missing(r, "input");
    }
    bool is_array = json_kind(doc, value) == JSON_ARRAY;
    if (is_array && json_count(doc, value) == 0) {
        return reader_refuse(r, "empty_messages", "input", "At least one text is required.");
    }
    bool many = is_array && !is_token(doc, json_first(doc, value));
    size_t count = many ? json_count(doc, value) : 1;
    if (count > INPUTS_MAX) {
        return reader_refuse(r, "invalid_value", "input", "At most %u texts go into one request.",
                             INPUTS_MAX);
    }
    chat->messages = arena_array(r->arena, count, sizeof *chat->messages);
    if (chat->messages == NULL) {
        return reader_refuse_size(r);
    }
    if (many) {
        return read_many(r, value);
    }
    chat->message_count = 1;
    return read_one(r, value, &chat->messages[0]);
}

bool embeddings_read(struct slice body, struct json_doc *doc, struct arena *arena,
                     struct chat *chat, struct error *error)
{
    struct reader r = {.doc = doc, .arena = arena, .chat = chat, .error = error};
    uint32_t values[EMBEDDINGS_MEMBERS];
    size_t unknown;
    chat->operation = OPERATION_EMBEDDING;
    if (!reader_begin(&r, DIALECT_OPENAI_EMBEDDINGS, body, doc) ||
        !members_read(&r, JSON_ROOT, NULL, &embeddings_members, values, &unknown)) {
        return false;
    }
    const struct policy_members policy = {.sluice = values[EMBEDDINGS_SLUICE],
                                          .models = values[EMBEDDINGS_MODELS],
                                          .provider = values[EMBEDDINGS_PROVIDER],
                                          .session_id = values[EMBEDDINGS_SESSION_ID],
                                          .prompt_cache_key = JSON_ABSENT};
    if (!read_inner(&r, values[EMBEDDINGS_MODEL], "model", &chat->model) ||
        !read_inner(&r, values[EMBEDDINGS_USER], "user", &chat->user) ||
        !reader_policy(&r, &policy) || !read_format(&r, values[EMBEDDINGS_FORMAT]) ||
        !read_dimensions(&r, values[EMBEDDINGS_DIMENSIONS]) ||
        !read_input(&r, values[EMBEDDINGS_INPUT])) {
        return false;
    }
    reader_needs(chat);
    return (unknown == 0 && values[EMBEDDINGS_SESSION_ID] == JSON_ABSENT) ||
           reader_extras(&r, JSON_ROOT, &embeddings_members, EMBEDDINGS_FIRST_KEPT, &chat->extras,
                         &chat->extra_count);
}

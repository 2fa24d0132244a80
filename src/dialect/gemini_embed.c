/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inputs of embeddings: one `content`, or `requests` that hold one each. An input is one text: that
 * of all its parts. What a request says beside its text is kept as the extras of its turn.
 */
#include "dialect/gemini.h"
#include "dialect/inner.h"

enum { INPUT_MODEL, INPUT_CONTENT, INPUT_DIMENSIONS, INPUT_MEMBERS };
static const struct member_name input_names[] = {
    [INPUT_MODEL] = MEMBER_NAME("model"),
    [INPUT_CONTENT] = MEMBER_NAME("content"),
    [INPUT_DIMENSIONS] = MEMBER_NAME("outputDimensionality"),
    [INPUT_MEMBERS] = MEMBER_NAME("output_dimensionality"),
};
static const uint8_t input_aliases[] = {INPUT_DIMENSIONS};
static const struct gemini_table input_table =
    GEMINI_TABLE(input_names, INPUT_MEMBERS, input_aliases);

/* The texts of a content's parts, one after the other. */
static bool join_texts(struct reader *r, const struct gemini_list *parts, struct slice *ret_text)
{
    struct buf text = BUF_INIT(r->chat->body.len + 1);
    for (uint32_t i = parts->first; i != JSON_ABSENT; i = gemini_list_next(r, parts, i)) {
        uint32_t value = json_member(r->doc, i, SLICE("text"));
        if (!json_is(r->doc, value, JSON_STRING)) {
            buf_release(&text);
            return reader_refuse(r, "unsupported_input", "parts",
                                 "An input of embeddings must be text.");
        }
        buf_append(&text, json_inner(r->doc, value));
    }
    *ret_text = arena_copy(r->arena, buf_slice(&text));
    bool ok = !text.failed && !r->arena->exhausted;
    buf_release(&text);
    return ok || reader_refuse_size(r);
}

static bool read_input(struct reader *r, uint32_t content, struct chat_message *message)
{
    struct gemini_list parts;
    if (!member_given(r->doc, content)) {
        return reader_refuse_missing(r, "content");
    }
    if (json_kind(r->doc, content) != JSON_OBJECT) {
        return reader_refuse_type(r, "content", "an object");
    }
    if (!gemini_list_read(r, json_member(r->doc, content, SLICE("parts")), "content/parts",
                          &parts)) {
        return false;
    }
    if (parts.count == 0) {
        return reader_refuse_missing(r, "content/parts");
    }
    struct chat_part *part = ARENA_NEW(r->arena, struct chat_part);
    if (part == NULL) {
        return reader_refuse_size(r);
    }
    part->kind = PART_TEXT;
    message->role = ROLE_USER;
    message->parts = part;
    message->part_count = 1;
    return join_texts(r, &parts, &part->text);
}

static bool read_dimensions(struct reader *r, uint32_t value, bool first)
{
    struct slice dimensions = SLICE_EMPTY;
    if (!read_number(r, value, "outputDimensionality", &dimensions)) {
        return false;
    }
    if (first) {
        r->chat->dimensions = dimensions;
    }
    return slice_eq(dimensions, r->chat->dimensions) ||
           reader_refuse(r, "conflicting_members", "outputDimensionality",
                         "All inputs of one request must ask for the same length.");
}

/* All inputs of a request go to one model. */
static bool read_model(struct reader *r, uint32_t value, bool first)
{
    struct slice model = SLICE_EMPTY;
    if (!read_inner(r, value, "model", &model)) {
        return false;
    }
    model = gemini_bare_model(model);
    if (first && r->chat->model.ptr == NULL) {
        r->chat->model = model;
    }
    struct slice wanted = gemini_bare_model(r->chat->model);
    return model.ptr == NULL || inner_equals(model, wanted) ||
           reader_refuse(r, "conflicting_members", "model",
                         "All inputs of one request must name the model of the path.");
}

static bool read_request(struct reader *r, uint32_t node, struct chat_message *message, bool first)
{
    uint32_t values[ARRAY_LEN(input_names)];
    size_t unknown;
    if (!gemini_members_read(r, node, NULL, &input_table, values, &unknown) ||
        !read_model(r, values[INPUT_MODEL], first) ||
        !read_dimensions(r, values[INPUT_DIMENSIONS], first) ||
        !read_input(r, values[INPUT_CONTENT], message)) {
        return false;
    }
    return unknown == 0 || reader_extras(r, node, &input_table.table, input_table.table.count,
                                         &message->extras, &message->extra_count);
}

static bool read_requests(struct reader *r, const struct gemini_list *list)
{
    r->place[0].list = "requests";
    r->place[0].index = 0;
    r->depth = 1;
    for (uint32_t i = list->first; i != JSON_ABSENT; i = gemini_list_next(r, list, i)) {
        bool first = r->place[0].index == 0;
        if (!read_request(r, i, &r->chat->messages[r->chat->message_count], first)) {
            return false;
        }
        r->chat->message_count++;
        r->place[0].index++;
    }
    r->depth = 0;
    return true;
}

bool gemini_read_inputs(struct reader *r, const uint32_t *values)
{
    struct chat *chat = r->chat;
    struct gemini_list list;
    if (!gemini_list_read(r, values[GEMINI_REQUESTS], "requests", &list)) {
        return false;
    }
    bool batch = member_given(r->doc, values[GEMINI_REQUESTS]);
    if (batch && list.count == 0) {
        return reader_refuse(r, "empty_messages", "requests", "At least one input is required.");
    }
    if (batch && values[GEMINI_CONTENT] != JSON_ABSENT) {
        return reader_refuse(r, "conflicting_members", "content",
                             "Either \"content\" or \"requests\" is given.");
    }
    chat->messages = arena_array(r->arena, batch ? list.count : 1, sizeof *chat->messages);
    if (chat->messages == NULL) {
        return reader_refuse_size(r);
    }
    if (batch) {
        return read_requests(r, &list);
    }
    chat->message_count = 1;
    return read_dimensions(r, values[GEMINI_DIMENSIONS], true) &&
           read_input(r, values[GEMINI_CONTENT], chat->messages);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a tool returned. Google's form is an object in which "output" is the result and "error"
 * tells of a failure; where one of them is all there is, its value is the result, else the whole
 * object.
 */
#include "dialect/gemini.h"

enum { RESULT_ID, RESULT_NAME, RESULT_RESPONSE, RESULT_PARTS, RESULT_MEMBERS };
static const struct member_name result_names[RESULT_MEMBERS] = {
    [RESULT_ID] = MEMBER_NAME("id"), /* read with the part */
    [RESULT_NAME] = MEMBER_NAME("name"),
    [RESULT_RESPONSE] = MEMBER_NAME("response"),
    [RESULT_PARTS] = MEMBER_NAME("parts"),
};
static const struct member_table result_table = MEMBER_TABLE(result_names);

size_t gemini_result_size(const struct json_doc *doc, uint32_t result)
{
    uint32_t parts = json_member(doc, result, SLICE("parts"));
    return 3 + (json_is(doc, parts, JSON_ARRAY) ? json_count(doc, parts) : 0);
}

/* The value that is the result; *ret_error: it tells of a failure. */
static uint32_t result_value(const struct json_doc *doc, uint32_t response, bool *ret_error)
{
    uint32_t key = json_first(doc, response);
    *ret_error = false;
    if (key == JSON_ABSENT || json_next(doc, response, key) != JSON_ABSENT) {
        return response;
    }
    *ret_error = json_string_is(doc, key, SLICE("error"));
    return *ret_error || json_string_is(doc, key, SLICE("output")) ? key + 1 : response;
}

static bool read_response(struct reader *r, uint32_t response, struct chat_part *result,
                          struct chat_part *content)
{
    uint32_t value = result_value(r->doc, response, &result->is_error);
    content->kind = PART_TEXT;
    if (json_kind(r->doc, value) == JSON_STRING) {
        content->text = json_inner(r->doc, value);
        return true;
    }
    struct buf text = BUF_INIT(json_raw(r->doc, value).len * 6 + 1);
    (void)json_escape(json_raw(r->doc, value), &text);
    content->text = text.failed ? SLICE_EMPTY : arena_copy(r->arena, buf_slice(&text));
    buf_release(&text);
    return content->text.ptr != NULL || reader_refuse_size(r);
}

bool gemini_read_result(struct reader *r, uint32_t result, struct chat_part *parts, size_t *count)
{
    uint32_t values[RESULT_MEMBERS];
    uint32_t response;
    struct gemini_list list;
    struct chat_part *head = &parts[*count - 1];
    size_t unknown;
    if (!members_read(r, result, "functionResponse", &result_table, values, &unknown) ||
        !read_kind(r, values[RESULT_RESPONSE], "functionResponse/response", JSON_OBJECT,
                   &response) ||
        !gemini_list_read(r, values[RESULT_PARTS], "functionResponse/parts", &list)) {
        return false;
    }
    if (response == JSON_ABSENT) {
        return reader_refuse_missing(r, "functionResponse/response");
    }
    if (!read_response(r, response, head, &parts[(*count)++])) {
        return false;
    }
    for (uint32_t i = list.first; i != JSON_ABSENT; i = gemini_list_next(r, &list, i)) {
        if (!gemini_read_part(r, i, &parts[*count])) {
            return false;
        }
        (*count)++;
    }
    return true;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of a message or of a call's result, and thoughts. */
#include "dialect/inner.h"
#include "dialect/responses.h"
#include "dialect/seal_mark.h"

enum {
    PART_TYPE,
    PART_TEXT_MEMBER,
    PART_REFUSAL_MEMBER,
    PART_IMAGE_URL,
    PART_DETAIL,
    PART_FILE_ID,
    PART_FILE_DATA,
    PART_FILE_URL,
    PART_FILENAME,
    PART_INPUT_AUDIO,
    PART_COUNT
};

static const struct member_name part_names[PART_COUNT] = {
    [PART_TYPE] = MEMBER_NAME("type"),
    [PART_TEXT_MEMBER] = MEMBER_NAME("text"),
    [PART_REFUSAL_MEMBER] = MEMBER_NAME("refusal"),
    [PART_IMAGE_URL] = MEMBER_NAME("image_url"),
    [PART_DETAIL] = MEMBER_NAME("detail"),
    [PART_FILE_ID] = MEMBER_NAME("file_id"),
    [PART_FILE_DATA] = MEMBER_NAME("file_data"),
    [PART_FILE_URL] = MEMBER_NAME("file_url"),
    [PART_FILENAME] = MEMBER_NAME("filename"),
    [PART_INPUT_AUDIO] = MEMBER_NAME("input_audio"),
};
static const struct member_table part_table = MEMBER_TABLE(part_names);

static bool read_words(struct reader *r, uint32_t value, const char *member, enum part_kind kind,
                       struct chat_part *part)
{
    part->kind = kind;
    return member_given(r->doc, value) ? read_inner(r, value, member, &part->text)
                                       : reader_refuse_missing(r, member);
}

static bool read_text(struct reader *r, const uint32_t *values, struct chat_part *part)
{
    return read_words(r, values[PART_TEXT_MEMBER], "text", PART_TEXT, part);
}

static bool read_refusal(struct reader *r, const uint32_t *values, struct chat_part *part)
{
    return read_words(r, values[PART_REFUSAL_MEMBER], "refusal", PART_REFUSAL, part);
}

/* A data URL is taken apart; what claims to be one must be one. */
static bool take_url(struct reader *r, struct slice url, const char *member, struct chat_part *part)
{
    if (!inner_data_url(url, &part->media_type, &part->data)) {
        part->url = url;
        return true;
    }
    return inner_is_base64(part->data) ||
           reader_refuse(r, "invalid_base64", member, "The data is no valid base64.");
}

static bool read_image(struct reader *r, const uint32_t *values, struct chat_part *part)
{
    struct slice url = SLICE_EMPTY;
    part->kind = PART_IMAGE;
    if (!read_inner(r, values[PART_IMAGE_URL], "image_url", &url) ||
        !read_inner(r, values[PART_DETAIL], "detail", &part->detail) ||
        !read_inner(r, values[PART_FILE_ID], "file_id", &part->file_id)) {
        return false;
    }
    if (url.len == 0 && part->file_id.len == 0) {
        return reader_refuse_missing(r, "image_url");
    }
    return url.len == 0 || take_url(r, url, "image_url", part);
}

/* The data may be a data URL or, as some clients send it, base64 alone: then it is a PDF. */
static bool take_file_data(struct reader *r, struct slice data, struct chat_part *part)
{
    if (slice_starts(data, SLICE("data:"))) {
        return take_url(r, data, "file_data", part);
    }
    part->media_type = SLICE("application/pdf");
    part->data = data;
    return inner_is_base64(data) ||
           reader_refuse(r, "invalid_base64", "file_data", "The data is no valid base64.");
}

static bool read_file(struct reader *r, const uint32_t *values, struct chat_part *part)
{
    struct slice data = SLICE_EMPTY;
    part->kind = PART_FILE;
    if (!read_inner(r, values[PART_FILE_DATA], "file_data", &data) ||
        !read_inner(r, values[PART_FILE_URL], "file_url", &part->url) ||
        !read_inner(r, values[PART_FILENAME], "filename", &part->detail) ||
        !read_inner(r, values[PART_FILE_ID], "file_id", &part->file_id)) {
        return false;
    }
    reader_odd(r, NULL, values[PART_DETAIL]); /* of pictures only */
    if (data.len == 0 && part->url.len == 0 && part->file_id.len == 0) {
        return reader_refuse_missing(r, "file_data");
    }
    return data.len == 0 || take_file_data(r, data, part);
}

static bool read_audio(struct reader *r, const uint32_t *values, struct chat_part *part)
{
    enum { DATA, FORMAT, COUNT };
    static const struct member_name names[COUNT] = {
        [DATA] = MEMBER_NAME("data"), [FORMAT] = MEMBER_NAME("format")};
    static const struct member_table table = MEMBER_TABLE(names);
    uint32_t audio[COUNT];
    uint32_t object;
    size_t unknown;
    part->kind = PART_AUDIO;
    if (!read_kind(r, values[PART_INPUT_AUDIO], "input_audio", JSON_OBJECT, &object)) {
        return false;
    }
    if (object == JSON_ABSENT) {
        return reader_refuse_missing(r, "input_audio");
    }
    if (!members_read(r, object, "input_audio", &table, audio, &unknown) ||
        !read_required(r, audio[DATA], "input_audio/data", &part->data) ||
        !read_inner(r, audio[FORMAT], "input_audio/format", &part->detail)) {
        return false;
    }
    return inner_is_base64(part->data) ||
           reader_refuse(r, "invalid_base64", "input_audio/data", "The data is no valid base64.");
}

static const struct {
    struct slice type;
    bool (*read)(struct reader *r, const uint32_t *values, struct chat_part *part);
} part_kinds[] = {
    {SLICE_INIT("input_text"), read_text},   {SLICE_INIT("output_text"), read_text},
    {SLICE_INIT("text"), read_text},         {SLICE_INIT("input_image"), read_image},
    {SLICE_INIT("input_file"), read_file},   {SLICE_INIT("refusal"), read_refusal},
    {SLICE_INIT("input_audio"), read_audio},
};

static bool read_part(struct reader *r, uint32_t node, struct chat_part *part)
{
    uint32_t values[PART_COUNT];
    size_t unknown;
    struct slice type = SLICE_EMPTY;
    if (json_kind(r->doc, node) != JSON_OBJECT) {
        return reader_refuse_type(r, NULL, "an object");
    }
    part->raw = json_raw(r->doc, node);
    if (!members_read(r, node, NULL, &part_table, values, &unknown) ||
        !read_required(r, values[PART_TYPE], "type", &type)) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(part_kinds); i++) {
        if (json_string_is(r->doc, values[PART_TYPE], part_kinds[i].type)) {
            return part_kinds[i].read(r, values, part);
        }
    }
    part->kind = PART_UNKNOWN;
    return true;
}

size_t responses_count_content(const struct json_doc *doc, uint32_t content)
{
    return json_is(doc, content, JSON_ARRAY) ? json_count(doc, content) : 1;
}

bool responses_read_content(struct reader *r, uint32_t content, const char *member,
                            struct chat_part *parts, size_t *count)
{
    const struct json_doc *doc = r->doc;
    if (json_kind(doc, content) == JSON_STRING) {
        parts[(*count)++] = (struct chat_part){.kind = PART_TEXT, .text = json_inner(doc, content)};
        return true;
    }
    if (json_kind(doc, content) != JSON_ARRAY) {
        return reader_refuse_type(r, member, "a string or an array of parts");
    }
    r->place[r->depth].list = member;
    r->place[r->depth].index = 0;
    r->depth++;
    for (uint32_t i = json_first(doc, content); i != JSON_ABSENT; i = json_next(doc, content, i)) {
        if (!read_part(r, i, &parts[*count])) {
            return false;
        }
        (*count)++;
        r->place[r->depth - 1].index++;
    }
    r->depth--;
    return true;
}

/* --- thoughts --- */

/* The text of an element, or JSON_ABSENT. */
static uint32_t thought_text(const struct json_doc *doc, uint32_t element)
{
    uint32_t text = json_kind(doc, element) == JSON_OBJECT
                        ? json_member(doc, element, SLICE("text"))
                        : JSON_ABSENT;
    return json_is(doc, text, JSON_STRING) ? text : JSON_ABSENT;
}

/* The texts of a list of {"text"}, with an empty line between them; one text is not copied. */
static bool read_thought_texts(struct reader *r, uint32_t list, const char *member,
                               struct slice *text)
{
    const struct slice gap = SLICE("\\n\\n");
    const struct json_doc *doc = r->doc;
    size_t total = 0;
    for (uint32_t i = json_first(doc, list); i != JSON_ABSENT; i = json_next(doc, list, i)) {
        uint32_t string = thought_text(doc, i);
        if (string == JSON_ABSENT) {
            return reader_refuse_type(r, member, "an array of texts");
        }
        *text = json_inner(doc, string);
        total += text->len + gap.len;
    }
    if (json_count(doc, list) < 2) {
        return true;
    }
    char *joined = arena_alloc(r->arena, total);
    size_t length = 0;
    if (joined == NULL) {
        return reader_refuse_size(r);
    }
    for (uint32_t i = json_first(doc, list); i != JSON_ABSENT; i = json_next(doc, list, i)) {
        struct slice piece = json_inner(doc, thought_text(doc, i));
        memcpy(joined + length, piece.ptr, piece.len);
        memcpy(joined + length + piece.len, gap.ptr, gap.len);
        length += piece.len + gap.len;
    }
    *text = slice_of(joined, length - gap.len);
    return true;
}

bool responses_read_thought(struct reader *r, uint32_t item, struct chat_part *part)
{
    enum { TYPE, ID, STATUS, SUMMARY, CONTENT, ENCRYPTED, COUNT };
    static const struct member_name names[COUNT] = {
        [TYPE] = MEMBER_NAME("type"),       [ID] = MEMBER_NAME("id"),
        [STATUS] = MEMBER_NAME("status"),   [SUMMARY] = MEMBER_NAME("summary"),
        [CONTENT] = MEMBER_NAME("content"), [ENCRYPTED] = MEMBER_NAME("encrypted_content"),
    };
    static const struct member_table table = MEMBER_TABLE(names);
    uint32_t values[COUNT];
    uint32_t summary;
    uint32_t content;
    size_t unknown;
    struct slice encrypted = SLICE_EMPTY;
    part->kind = PART_REASONING;
    part->raw = json_raw(r->doc, item);
    if (!members_read(r, item, NULL, &table, values, &unknown) ||
        !read_kind(r, values[SUMMARY], "summary", JSON_ARRAY, &summary) ||
        !read_kind(r, values[CONTENT], "content", JSON_ARRAY, &content) ||
        !read_inner(r, values[ENCRYPTED], "encrypted_content", &encrypted)) {
        return false;
    }
    if ((content != JSON_ABSENT && !read_thought_texts(r, content, "content", &part->text)) ||
        (part->text.len == 0 && summary != JSON_ABSENT &&
         !read_thought_texts(r, summary, "summary", &part->text))) {
        return false;
    }
    seal_mark_read(encrypted, part); /* OpenAI's own go there in the client's bytes */
    return true;
}

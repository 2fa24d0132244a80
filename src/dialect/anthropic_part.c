/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Content blocks. Those that only Anthropic knows (its own tools' calls and results, search
 * results, uploads ...) are PART_UNKNOWN: they move as they are, and only to Anthropic.
 */
#include "dialect/anthropic.h"
#include "dialect/inner.h"

enum {
    BLOCK_TYPE,
    BLOCK_TEXT,
    BLOCK_CACHE,
    BLOCK_SOURCE,
    BLOCK_TITLE,
    BLOCK_CITATIONS,
    BLOCK_ID,
    BLOCK_NAME,
    BLOCK_INPUT,
    BLOCK_TOOL_USE_ID,
    BLOCK_CONTENT,
    BLOCK_IS_ERROR,
    BLOCK_THINKING,
    BLOCK_SIGNATURE,
    BLOCK_DATA,
    BLOCK_MEMBERS
};

static const struct member_name block_names[BLOCK_MEMBERS] = {
    [BLOCK_TYPE] = MEMBER_NAME("type"),
    [BLOCK_TEXT] = MEMBER_NAME("text"),
    [BLOCK_CACHE] = MEMBER_NAME("cache_control"),
    [BLOCK_SOURCE] = MEMBER_NAME("source"),
    [BLOCK_TITLE] = MEMBER_NAME("title"),
    [BLOCK_CITATIONS] = MEMBER_NAME("citations"),
    [BLOCK_ID] = MEMBER_NAME("id"),
    [BLOCK_NAME] = MEMBER_NAME("name"),
    [BLOCK_INPUT] = MEMBER_NAME("input"),
    [BLOCK_TOOL_USE_ID] = MEMBER_NAME("tool_use_id"),
    [BLOCK_CONTENT] = MEMBER_NAME("content"),
    [BLOCK_IS_ERROR] = MEMBER_NAME("is_error"),
    [BLOCK_THINKING] = MEMBER_NAME("thinking"),
    [BLOCK_SIGNATURE] = MEMBER_NAME("signature"),
    [BLOCK_DATA] = MEMBER_NAME("data"),
};
static const struct member_table block_table = MEMBER_TABLE(block_names);

/* A string that must be there and may be empty. */
static bool read_text(struct reader *r, uint32_t value, const char *member, struct slice *out)
{
    if (!member_given(r->doc, value)) {
        return reader_refuse_missing(r, member);
    }
    return read_inner(r, value, member, out);
}

bool anthropic_read_cache(struct reader *r, uint32_t value, const char *member,
                          enum cache_mark *out)
{
    uint32_t object;
    if (!read_kind(r, value, member, JSON_OBJECT, &object)) {
        return false;
    }
    if (object == JSON_ABSENT) {
        return true;
    }
    uint32_t ttl = json_member(r->doc, object, SLICE("ttl"));
    bool hour = json_is(r->doc, ttl, JSON_STRING) && json_string_is(r->doc, ttl, SLICE("1h"));
    *out = hour ? CACHE_MARK_1H : CACHE_MARK_5M;
    return true;
}

/* --- what images and documents come from --- */

enum {
    SOURCE_TYPE,
    SOURCE_MEDIA_TYPE,
    SOURCE_DATA,
    SOURCE_URL,
    SOURCE_FILE_ID,
    SOURCE_CONTENT,
    SOURCE_MEMBERS
};

static const struct member_name source_names[SOURCE_MEMBERS] = {
    [SOURCE_TYPE] = MEMBER_NAME("type"),       [SOURCE_MEDIA_TYPE] = MEMBER_NAME("media_type"),
    [SOURCE_DATA] = MEMBER_NAME("data"),       [SOURCE_URL] = MEMBER_NAME("url"),
    [SOURCE_FILE_ID] = MEMBER_NAME("file_id"), [SOURCE_CONTENT] = MEMBER_NAME("content"),
};
static const struct member_table source_table = MEMBER_TABLE(source_names);

static bool read_data(struct reader *r, const uint32_t *source, struct chat_part *part)
{
    return read_required(r, source[SOURCE_MEDIA_TYPE], "source/media_type", &part->media_type) &&
           read_required(r, source[SOURCE_DATA], "source/data", &part->data) &&
           (inner_is_base64(part->data) ||
            reader_refuse(r, "invalid_base64", "source/data",
                          "The value must be base64 with its padding and without line ends."));
}

/* A document that is plain text is a text for everybody. */
static bool read_plain(struct reader *r, const uint32_t *source, uint32_t member,
                       struct chat_part *part)
{
    part->kind = PART_TEXT;
    return read_text(r, source[member], member == SOURCE_DATA ? "source/data" : "source/content",
                     &part->text);
}

static bool read_source(struct reader *r, uint32_t node, struct chat_part *part)
{
    uint32_t source[SOURCE_MEMBERS];
    size_t unknown;
    struct slice type = SLICE_EMPTY;
    if (!member_given(r->doc, node)) {
        return reader_refuse_missing(r, "source");
    }
    if (json_kind(r->doc, node) != JSON_OBJECT) {
        return reader_refuse_type(r, "source", "an object");
    }
    if (!members_read(r, node, "source", &source_table, source, &unknown) ||
        !read_required(r, source[SOURCE_TYPE], "source/type", &type)) {
        return false;
    }
    bool document = part->kind == PART_FILE;
    if (json_inner_is(type, SLICE("base64"))) {
        return read_data(r, source, part);
    }
    if (json_inner_is(type, SLICE("url"))) {
        return read_required(r, source[SOURCE_URL], "source/url", &part->url);
    }
    if (json_inner_is(type, SLICE("file"))) {
        return read_required(r, source[SOURCE_FILE_ID], "source/file_id", &part->file_id);
    }
    if (document && json_inner_is(type, SLICE("text"))) {
        return read_plain(r, source, SOURCE_DATA, part);
    }
    if (document && json_is(r->doc, source[SOURCE_CONTENT], JSON_STRING)) {
        return read_plain(r, source, SOURCE_CONTENT, part);
    }
    part->kind = PART_UNKNOWN;
    return true;
}

/* --- the kinds of blocks --- */

static bool read_text_block(struct reader *r, const uint32_t *values, struct chat_part *part)
{
    part->kind = PART_TEXT;
    return read_text(r, values[BLOCK_TEXT], "text", &part->text);
}

static bool read_image(struct reader *r, const uint32_t *values, struct chat_part *part)
{
    part->kind = PART_IMAGE;
    return read_source(r, values[BLOCK_SOURCE], part);
}

static bool read_document(struct reader *r, const uint32_t *values, struct chat_part *part)
{
    part->kind = PART_FILE;
    if (!read_source(r, values[BLOCK_SOURCE], part) ||
        !read_inner(r, values[BLOCK_TITLE], "title", &part->detail)) {
        return false;
    }
    if (part->kind == PART_TEXT) { /* a text has no name */
        reader_odd(r, NULL, values[BLOCK_TITLE]);
        part->detail = SLICE_EMPTY;
    }
    return true;
}

static bool read_call(struct reader *r, const uint32_t *values, struct chat_part *part)
{
    uint32_t input;
    part->kind = PART_TOOL_CALL;
    if (!read_required(r, values[BLOCK_ID], "id", &part->id) ||
        !read_required(r, values[BLOCK_NAME], "name", &part->name) ||
        !read_kind(r, values[BLOCK_INPUT], "input", JSON_OBJECT, &input)) {
        return false;
    }
    if (input == JSON_ABSENT) {
        return reader_refuse_missing(r, "input");
    }
    part->id = anthropic_unwrap_id(r->arena, part->id);
    part->arguments = json_raw(r->doc, input);
    return true;
}

static bool read_thinking(struct reader *r, const uint32_t *values, struct chat_part *part)
{
    part->kind = PART_REASONING;
    return read_text(r, values[BLOCK_THINKING], "thinking", &part->text) &&
           read_inner(r, values[BLOCK_SIGNATURE], "signature", &part->signature);
}

static bool read_redacted(struct reader *r, const uint32_t *values, struct chat_part *part)
{
    part->kind = PART_REASONING;
    return read_required(r, values[BLOCK_DATA], "data", &part->data);
}

static bool read_result(struct reader *r, const uint32_t *values, struct chat_part *part)
{
    part->kind = PART_TOOL_RESULT;
    if (!read_required(r, values[BLOCK_TOOL_USE_ID], "tool_use_id", &part->id) ||
        !read_bool(r, values[BLOCK_IS_ERROR], "is_error", &part->is_error)) {
        return false;
    }
    part->id = anthropic_unwrap_id(r->arena, part->id);
    return true;
}

static const struct {
    struct slice type;
    bool (*read)(struct reader *r, const uint32_t *values, struct chat_part *part);
} block_kinds[] = {
    {SLICE_INIT("text"), read_text_block},
    {SLICE_INIT("tool_use"), read_call},
    {SLICE_INIT("tool_result"), read_result},
    {SLICE_INIT("image"), read_image},
    {SLICE_INIT("thinking"), read_thinking},
    {SLICE_INIT("document"), read_document},
    {SLICE_INIT("redacted_thinking"), read_redacted},
};

/* Citations of an earlier answer, or the wish for such; {"enabled": false} is none. */
static bool wants_citations(const struct json_doc *doc, uint32_t value)
{
    return value != JSON_ABSENT &&
           !json_is(doc, json_member(doc, value, SLICE("enabled")), JSON_FALSE);
}

/* Without the content of a result. */
static bool read_one(struct reader *r, uint32_t node, uint32_t *values, struct chat_part *part)
{
    size_t unknown;
    struct slice type = SLICE_EMPTY;
    if (json_kind(r->doc, node) != JSON_OBJECT) {
        return reader_refuse_type(r, NULL, "an object");
    }
    *part = (struct chat_part){.kind = PART_UNKNOWN, .raw = json_raw(r->doc, node)};
    if (!members_read(r, node, NULL, &block_table, values, &unknown) ||
        !read_required(r, values[BLOCK_TYPE], "type", &type) ||
        !anthropic_read_cache(r, values[BLOCK_CACHE], "cache_control", &part->cache)) {
        return false;
    }
    if (wants_citations(r->doc, values[BLOCK_CITATIONS])) {
        reader_odd(r, NULL, values[BLOCK_CITATIONS]);
    }
    for (size_t i = 0; i < ARRAY_LEN(block_kinds); i++) {
        if (json_string_is(r->doc, values[BLOCK_TYPE], block_kinds[i].type)) {
            return block_kinds[i].read(r, values, part);
        }
    }
    return true;
}

/* A result within a result, or a call in one: only the kinds of content may stand there. */
static bool is_content(const struct chat_part *part)
{
    return part->kind == PART_TEXT || part->kind == PART_IMAGE || part->kind == PART_FILE ||
           part->kind == PART_UNKNOWN;
}

static bool read_result_blocks(struct reader *r, uint32_t content, struct chat_part *parts,
                               size_t *count)
{
    const struct json_doc *doc = r->doc;
    uint32_t values[BLOCK_MEMBERS];
    for (uint32_t i = json_first(doc, content); i != JSON_ABSENT; i = json_next(doc, content, i)) {
        if (!read_one(r, i, values, &parts[*count])) {
            return false;
        }
        if (!is_content(&parts[*count])) {
            return reader_refuse(r, "invalid_value", "content",
                                 "A block of this type cannot stand in a tool's result.");
        }
        (*count)++;
    }
    return true;
}

static bool read_result_content(struct reader *r, uint32_t content, struct chat_part *parts,
                                size_t *count)
{
    const struct json_doc *doc = r->doc;
    if (!member_given(doc, content)) {
        return true;
    }
    if (json_kind(doc, content) == JSON_STRING) {
        parts[(*count)++] = (struct chat_part){.kind = PART_TEXT, .text = json_inner(doc, content)};
        return true;
    }
    if (json_kind(doc, content) != JSON_ARRAY) {
        return reader_refuse_type(r, "content", "a string or an array of blocks");
    }
    return read_result_blocks(r, content, parts, count);
}

bool anthropic_read_block(struct reader *r, uint32_t node, struct chat_part *parts, size_t *count)
{
    uint32_t values[BLOCK_MEMBERS];
    struct chat_part *part = &parts[*count];
    if (!read_one(r, node, values, part)) {
        return false;
    }
    (*count)++;
    return part->kind != PART_TOOL_RESULT ||
           read_result_content(r, values[BLOCK_CONTENT], parts, count);
}

bool anthropic_is_result(const struct json_doc *doc, uint32_t block)
{
    uint32_t type = json_member(doc, block, SLICE("type"));
    return json_is(doc, type, JSON_STRING) && json_string_is(doc, type, SLICE("tool_result"));
}

size_t anthropic_count_parts(const struct json_doc *doc, uint32_t block)
{
    uint32_t content = json_member(doc, block, SLICE("content"));
    return 1 + (content == JSON_ABSENT              ? 0
                : json_is(doc, content, JSON_ARRAY) ? json_count(doc, content)
                                                    : 1);
}

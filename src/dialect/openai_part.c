/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of a message: a content string or array, and the calls of an assistant's turn. */
#include "dialect/inner.h"
#include "dialect/openai.h"

enum {
    PART_TYPE,
    PART_TEXT_MEMBER,
    PART_IMAGE_URL,
    PART_INPUT_AUDIO,
    PART_FILE_MEMBER,
    PART_REFUSAL_MEMBER,
    PART_CACHE_CONTROL,
    PART_COUNT
};

static const struct member_name part_names[PART_COUNT] = {
    [PART_TYPE] = MEMBER_NAME("type"),
    [PART_TEXT_MEMBER] = MEMBER_NAME("text"),
    [PART_IMAGE_URL] = MEMBER_NAME("image_url"),
    [PART_INPUT_AUDIO] = MEMBER_NAME("input_audio"),
    [PART_FILE_MEMBER] = MEMBER_NAME("file"),
    [PART_REFUSAL_MEMBER] = MEMBER_NAME("refusal"),
    [PART_CACHE_CONTROL] = MEMBER_NAME("cache_control"),
};
static const struct member_table part_table = MEMBER_TABLE(part_names);

/* A text may be empty but must be there. */
static bool read_text(struct reader *r, uint32_t value, const char *member, struct slice *out)
{
    if (!member_given(r->doc, value)) {
        return reader_refuse_missing(r, member);
    }
    return read_inner(r, value, member, out);
}

static bool read_object(struct reader *r, uint32_t value, const char *member)
{
    if (!member_given(r->doc, value)) {
        return reader_refuse_missing(r, member);
    }
    return json_kind(r->doc, value) == JSON_OBJECT || reader_refuse_type(r, member, "an object");
}

static bool read_text_part(struct reader *r, const uint32_t *values, struct chat_part *part)
{
    part->kind = PART_TEXT;
    return read_text(r, values[PART_TEXT_MEMBER], "text", &part->text);
}

static bool read_refusal_part(struct reader *r, const uint32_t *values, struct chat_part *part)
{
    part->kind = PART_REFUSAL;
    return read_text(r, values[PART_REFUSAL_MEMBER], "refusal", &part->text);
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

static bool read_image_part(struct reader *r, const uint32_t *values, struct chat_part *part)
{
    enum { URL, DETAIL, COUNT };
    static const struct member_name names[COUNT] = {
        [URL] = MEMBER_NAME("url"), [DETAIL] = MEMBER_NAME("detail")};
    static const struct member_table table = MEMBER_TABLE(names);
    uint32_t image[COUNT];
    size_t unknown;
    struct slice url = SLICE_EMPTY;
    part->kind = PART_IMAGE;
    if (!read_object(r, values[PART_IMAGE_URL], "image_url") ||
        !members_read(r, values[PART_IMAGE_URL], "image_url", &table, image, &unknown) ||
        !read_required(r, image[URL], "image_url/url", &url) ||
        !read_inner(r, image[DETAIL], "image_url/detail", &part->detail)) {
        return false;
    }
    return take_url(r, url, "image_url/url", part);
}

static bool read_audio_part(struct reader *r, const uint32_t *values, struct chat_part *part)
{
    enum { DATA, FORMAT, COUNT };
    static const struct member_name names[COUNT] = {
        [DATA] = MEMBER_NAME("data"), [FORMAT] = MEMBER_NAME("format")};
    static const struct member_table table = MEMBER_TABLE(names);
    uint32_t audio[COUNT];
    size_t unknown;
    part->kind = PART_AUDIO;
    if (!read_object(r, values[PART_INPUT_AUDIO], "input_audio") ||
        !members_read(r, values[PART_INPUT_AUDIO], "input_audio", &table, audio, &unknown) ||
        !read_required(r, audio[DATA], "input_audio/data", &part->data) ||
        !read_inner(r, audio[FORMAT], "input_audio/format", &part->detail)) {
        return false;
    }
    return inner_is_base64(part->data) ||
           reader_refuse(r, "invalid_base64", "input_audio/data", "The data is no valid base64.");
}

static bool read_file_part(struct reader *r, const uint32_t *values, struct chat_part *part)
{
    enum { DATA, NAME, ID, COUNT };
    static const struct member_name names[COUNT] = {[DATA] = MEMBER_NAME("file_data"),
                                                    [NAME] = MEMBER_NAME("filename"),
                                                    [ID] = MEMBER_NAME("file_id")};
    static const struct member_table table = MEMBER_TABLE(names);
    uint32_t file[COUNT];
    size_t unknown;
    struct slice data = SLICE_EMPTY;
    part->kind = PART_FILE;
    if (!read_object(r, values[PART_FILE_MEMBER], "file") ||
        !members_read(r, values[PART_FILE_MEMBER], "file", &table, file, &unknown) ||
        !read_inner(r, file[DATA], "file/file_data", &data) ||
        !read_inner(r, file[NAME], "file/filename", &part->detail) ||
        !read_inner(r, file[ID], "file/file_id", &part->file_id)) {
        return false;
    }
    return data.ptr == NULL || take_url(r, data, "file/file_data", part);
}

/* Not OpenAI's: vendors with several models behind this dialect hand it on to Anthropic. */
enum cache_mark openai_cache_mark(const struct json_doc *doc, uint32_t control)
{
    uint32_t type = json_member(doc, control, SLICE("type"));
    uint32_t ttl = json_member(doc, control, SLICE("ttl"));
    if (!json_is(doc, type, JSON_STRING) || !json_string_is(doc, type, SLICE("ephemeral"))) {
        return CACHE_MARK_NONE;
    }
    bool hour = json_is(doc, ttl, JSON_STRING) && json_string_is(doc, ttl, SLICE("1h"));
    return hour ? CACHE_MARK_1H : CACHE_MARK_5M;
}

static const struct {
    struct slice type;
    bool (*read)(struct reader *r, const uint32_t *values, struct chat_part *part);
} part_kinds[] = {
    {SLICE_INIT("text"), read_text_part},         {SLICE_INIT("image_url"), read_image_part},
    {SLICE_INIT("input_audio"), read_audio_part}, {SLICE_INIT("file"), read_file_part},
    {SLICE_INIT("refusal"), read_refusal_part},
};

static bool read_part(struct reader *r, uint32_t node, struct chat_part *part)
{
    if (json_kind(r->doc, node) != JSON_OBJECT) {
        return reader_refuse_type(r, NULL, "an object");
    }
    uint32_t values[PART_COUNT];
    size_t unknown;
    struct slice type = SLICE_EMPTY;
    part->raw = json_raw(r->doc, node);
    if (!members_read(r, node, NULL, &part_table, values, &unknown) ||
        !read_required(r, values[PART_TYPE], "type", &type)) {
        return false;
    }
    part->cache = openai_cache_mark(r->doc, values[PART_CACHE_CONTROL]);
    for (size_t i = 0; i < ARRAY_LEN(part_kinds); i++) {
        if (json_string_is(r->doc, values[PART_TYPE], part_kinds[i].type)) {
            return part_kinds[i].read(r, values, part);
        }
    }
    part->kind = PART_UNKNOWN;
    return true;
}

bool openai_read_content(struct reader *r, uint32_t content, struct chat_part *parts, size_t *count)
{
    const struct json_doc *doc = r->doc;
    if (json_kind(doc, content) == JSON_STRING) {
        struct chat_part *part = &parts[(*count)++];
        part->kind = PART_TEXT;
        part->text = json_inner(doc, content);
        return true;
    }
    if (json_kind(doc, content) != JSON_ARRAY) {
        return reader_refuse_type(r, "content", "a string or an array of parts");
    }
    r->place[r->depth].list = "content";
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

/* --- tool calls --- */

static bool read_function(struct reader *r, uint32_t function, struct chat_part *part)
{
    enum { NAME, ARGUMENTS, COUNT };
    static const struct member_name names[COUNT] = {
        [NAME] = MEMBER_NAME("name"), [ARGUMENTS] = MEMBER_NAME("arguments")};
    static const struct member_table table = MEMBER_TABLE(names);
    uint32_t values[COUNT];
    size_t unknown;
    part->kind = PART_TOOL_CALL;
    part->arguments_text = true;
    return read_object(r, function, "function") &&
           members_read(r, function, "function", &table, values, &unknown) &&
           read_required(r, values[NAME], "function/name", &part->name) &&
           read_text(r, values[ARGUMENTS], "function/arguments", &part->arguments);
}

static bool read_custom(struct reader *r, uint32_t custom, struct chat_part *part)
{
    enum { NAME, INPUT, COUNT };
    static const struct member_name names[COUNT] = {
        [NAME] = MEMBER_NAME("name"), [INPUT] = MEMBER_NAME("input")};
    static const struct member_table table = MEMBER_TABLE(names);
    uint32_t values[COUNT];
    size_t unknown;
    part->kind = PART_TOOL_CALL;
    part->arguments_text = true;
    part->custom = true;
    return read_object(r, custom, "custom") &&
           members_read(r, custom, "custom", &table, values, &unknown) &&
           read_required(r, values[NAME], "custom/name", &part->name) &&
           read_text(r, values[INPUT], "custom/input", &part->arguments);
}

static bool read_call(struct reader *r, uint32_t node, struct chat_part *part)
{
    enum { ID, TYPE, FUNCTION, CUSTOM, COUNT };
    static const struct member_name names[COUNT] = {[ID] = MEMBER_NAME("id"),
                                                    [TYPE] = MEMBER_NAME("type"),
                                                    [FUNCTION] = MEMBER_NAME("function"),
                                                    [CUSTOM] = MEMBER_NAME("custom")};
    static const struct member_table table = MEMBER_TABLE(names);
    if (json_kind(r->doc, node) != JSON_OBJECT) {
        return reader_refuse_type(r, NULL, "an object");
    }
    uint32_t values[COUNT];
    size_t unknown;
    struct slice type = SLICE("function");
    part->raw = json_raw(r->doc, node);
    if (!members_read(r, node, NULL, &table, values, &unknown) ||
        !read_required(r, values[ID], "id", &part->id) ||
        !read_inner(r, values[TYPE], "type", &type)) {
        return false;
    }
    if (slice_eq(type, SLICE("custom"))) {
        return read_custom(r, values[CUSTOM], part);
    }
    if (!slice_eq(type, SLICE("function"))) {
        part->kind = PART_UNKNOWN; /* its id counts, the rest only moves */
        return true;
    }
    return read_function(r, values[FUNCTION], part);
}

bool openai_read_tool_calls(struct reader *r, uint32_t calls, struct chat_part *parts,
                            size_t *count)
{
    const struct json_doc *doc = r->doc;
    if (json_count(doc, calls) > OPENAI_CALLS_PER_TURN) {
        return reader_refuse(r, "invalid_value", "tool_calls",
                             "One turn may hold at most %u calls.", OPENAI_CALLS_PER_TURN);
    }
    r->place[r->depth].list = "tool_calls";
    r->place[r->depth].index = 0;
    r->depth++;
    for (uint32_t i = json_first(doc, calls); i != JSON_ABSENT; i = json_next(doc, calls, i)) {
        if (!read_call(r, i, &parts[*count])) {
            return false;
        }
        (*count)++;
        r->place[r->depth - 1].index++;
    }
    r->depth--;
    return true;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Tools, the choice among them, and the format of the answer. */
#include "dialect/openai.h"

static bool read_definition(struct reader *r, uint32_t function, struct chat_tool *tool)
{
    enum { NAME, DESCRIPTION, PARAMETERS, STRICT, COUNT };
    static const struct member_name names[COUNT] = {
        [NAME] = MEMBER_NAME("name"),
        [DESCRIPTION] = MEMBER_NAME("description"),
        [PARAMETERS] = MEMBER_NAME("parameters"),
        [STRICT] = MEMBER_NAME("strict"),
    };
    static const struct member_table table = MEMBER_TABLE(names);
    uint32_t values[COUNT];
    size_t unknown;
    if (!member_given(r->doc, function)) {
        return reader_refuse_missing(r, "function");
    }
    if (json_kind(r->doc, function) != JSON_OBJECT) {
        return reader_refuse_type(r, "function", "an object");
    }
    if (!members_read(r, function, "function", &table, values, &unknown) ||
        !read_required(r, values[NAME], "function/name", &tool->name) ||
        !read_inner(r, values[DESCRIPTION], "function/description", &tool->description) ||
        !read_schema(r, values[PARAMETERS], "function/parameters", &tool->parameters) ||
        !read_flag(r, values[STRICT], "function/strict", &tool->strict)) {
        return false;
    }
    return true;
}

static bool read_custom(struct reader *r, uint32_t custom, struct chat_tool *tool)
{
    enum { NAME, DESCRIPTION, FORMAT, COUNT };
    static const struct member_name names[COUNT] = {[NAME] = MEMBER_NAME("name"),
                                                    [DESCRIPTION] = MEMBER_NAME("description"),
                                                    [FORMAT] = MEMBER_NAME("format")};
    static const struct member_table table = MEMBER_TABLE(names);
    uint32_t values[COUNT];
    uint32_t format;
    size_t unknown;
    if (!member_given(r->doc, custom)) {
        return reader_refuse_missing(r, "custom");
    }
    if (json_kind(r->doc, custom) != JSON_OBJECT) {
        return reader_refuse_type(r, "custom", "an object");
    }
    if (!members_read(r, custom, "custom", &table, values, &unknown) ||
        !read_required(r, values[NAME], "custom/name", &tool->name) ||
        !read_inner(r, values[DESCRIPTION], "custom/description", &tool->description) ||
        !read_kind(r, values[FORMAT], "custom/format", JSON_OBJECT, &format)) {
        return false;
    }
    tool->kind = TOOL_CUSTOM;
    /* any text: nothing that could be lost */
    bool plain = format == JSON_ABSENT ||
                 json_string_is(r->doc, json_member(r->doc, format, SLICE("type")), SLICE("text"));
    if (!plain) {
        tool->parameters = json_raw(r->doc, format);
    }
    return true;
}

static bool read_tool(struct reader *r, uint32_t node, struct chat_tool *tool)
{
    enum { TYPE, FUNCTION, CUSTOM, CACHE, COUNT };
    static const struct member_name names[COUNT] = {[TYPE] = MEMBER_NAME("type"),
                                                    [FUNCTION] = MEMBER_NAME("function"),
                                                    [CUSTOM] = MEMBER_NAME("custom"),
                                                    [CACHE] = MEMBER_NAME("cache_control")};
    static const struct member_table table = MEMBER_TABLE(names);
    if (json_kind(r->doc, node) != JSON_OBJECT) {
        return reader_refuse_type(r, NULL, "an object");
    }
    uint32_t values[COUNT];
    size_t unknown;
    struct slice type = SLICE_EMPTY;
    struct odd_mark mark = reader_odd_mark(r);
    *tool = (struct chat_tool){.strict = -1, .raw = json_raw(r->doc, node)};
    if (!members_read(r, node, NULL, &table, values, &unknown) ||
        !read_required(r, values[TYPE], "type", &type)) {
        return false;
    }
    tool->cache = openai_cache_mark(r->doc, values[CACHE]);
    if (json_string_is(r->doc, values[TYPE], SLICE("custom"))) {
        return read_custom(r, values[CUSTOM], tool);
    }
    if (json_string_is(r->doc, values[TYPE], SLICE("function"))) {
        return read_definition(r, values[FUNCTION], tool);
    }
    reader_odd_forget(r, mark);
    tool->kind = TOOL_OTHER; /* a vendor's built-in tool has no name for us: it only moves */
    return true;
}

bool openai_read_tools(struct reader *r, uint32_t tools)
{
    return reader_tools(r, tools, read_tool);
}

static bool read_choice_word(struct reader *r, uint32_t value)
{
    static const struct {
        struct slice word;
        enum tool_choice choice;
    } words[] = {
        {SLICE_INIT("auto"), TOOL_CHOICE_AUTO},
        {SLICE_INIT("none"), TOOL_CHOICE_NONE},
        {SLICE_INIT("required"), TOOL_CHOICE_REQUIRED},
        {SLICE_INIT("any"), TOOL_CHOICE_REQUIRED}, /* Mistral's word */
    };
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (json_string_is(r->doc, value, words[i].word)) {
            r->chat->tool_choice = words[i].choice;
            return true;
        }
    }
    return reader_refuse(
        r, "invalid_value", "tool_choice",
        "The value must be \"none\", \"auto\", \"required\" or an object that names a function.");
}

static bool choice_is_plain(struct reader *r, uint32_t value)
{
    const struct json_doc *doc = r->doc;
    return members_once(doc, value, "/tool_choice", r->error) &&
           members_once(doc, json_member(doc, value, SLICE("function")), "/tool_choice/function",
                        r->error) &&
           members_once(doc, json_member(doc, value, SLICE("custom")), "/tool_choice/custom",
                        r->error);
}

bool openai_read_tool_choice(struct reader *r, uint32_t value, bool *ret_kept)
{
    if (!member_given(r->doc, value)) {
        return true;
    }
    if (json_kind(r->doc, value) == JSON_STRING) {
        return read_choice_word(r, value);
    }
    if (json_kind(r->doc, value) != JSON_OBJECT) {
        return reader_refuse_type(r, "tool_choice", "a string or an object");
    }
    if (!choice_is_plain(r, value)) {
        return false;
    }
    uint32_t type = json_member(r->doc, value, SLICE("type"));
    bool custom =
        json_is(r->doc, type, JSON_STRING) && json_string_is(r->doc, type, SLICE("custom"));
    if (!custom &&
        !(json_is(r->doc, type, JSON_STRING) && json_string_is(r->doc, type, SLICE("function")))) {
        *ret_kept = true;
        return true;
    }
    r->chat->tool_choice = TOOL_CHOICE_NAMED;
    return read_required(r, json_path(r->doc, value, custom ? "custom.name" : "function.name"),
                         custom ? "tool_choice/custom/name" : "tool_choice/function/name",
                         &r->chat->tool_choice_name);
}

static bool read_format_schema(struct reader *r, uint32_t value)
{
    enum { NAME, SCHEMA, STRICT, COUNT };
    static const struct member_name names[COUNT] = {[NAME] = MEMBER_NAME("name"),
                                                    [SCHEMA] = MEMBER_NAME("schema"),
                                                    [STRICT] = MEMBER_NAME("strict")};
    static const struct member_table table = MEMBER_TABLE(names);
    struct chat *chat = r->chat;
    uint32_t values[COUNT];
    size_t unknown;
    if (!member_given(r->doc, value)) {
        return reader_refuse_missing(r, "response_format/json_schema");
    }
    if (json_kind(r->doc, value) != JSON_OBJECT) {
        return reader_refuse_type(r, "response_format/json_schema", "an object");
    }
    if (!members_read(r, value, "response_format/json_schema", &table, values, &unknown) ||
        !read_inner(r, values[NAME], "response_format/json_schema/name", &chat->schema_name) ||
        !read_schema(r, values[SCHEMA], "response_format/json_schema/schema", &chat->schema) ||
        !read_flag(r, values[STRICT], "response_format/json_schema/strict", &chat->schema_strict)) {
        return false;
    }
    chat->format = FORMAT_JSON_SCHEMA;
    return true;
}

bool openai_read_format(struct reader *r, uint32_t value, bool *ret_kept)
{
    const struct json_doc *doc = r->doc;
    uint32_t format;
    struct slice type = SLICE_EMPTY;
    if (!read_kind(r, value, "response_format", JSON_OBJECT, &format)) {
        return false;
    }
    if (format == JSON_ABSENT) {
        return true;
    }
    if (!members_once(doc, format, "/response_format", r->error)) {
        return false;
    }
    uint32_t word = json_member(doc, format, SLICE("type"));
    if (!read_required(r, word, "response_format/type", &type)) {
        return false;
    }
    if (json_string_is(doc, word, SLICE("json_schema"))) {
        return read_format_schema(r, json_member(doc, format, SLICE("json_schema")));
    }
    if (json_string_is(doc, word, SLICE("json_object"))) {
        r->chat->format = FORMAT_JSON_OBJECT;
    } else if (!json_string_is(doc, word, SLICE("text"))) {
        *ret_kept = true; /* grammars and the like of single vendors */
    }
    return true;
}

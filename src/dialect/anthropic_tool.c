/* SPDX-License-Identifier: Apache-2.0 */
/* Tools and the choice among them. */
#include "dialect/anthropic.h"

enum { TOOL_TYPE, TOOL_NAME, TOOL_DESCRIPTION, TOOL_SCHEMA, TOOL_STRICT, TOOL_CACHE, TOOL_MEMBERS };

static const struct member_name tool_names[TOOL_MEMBERS] = {
    [TOOL_TYPE] = MEMBER_NAME("type"),
    [TOOL_NAME] = MEMBER_NAME("name"),
    [TOOL_DESCRIPTION] = MEMBER_NAME("description"),
    [TOOL_SCHEMA] = MEMBER_NAME("input_schema"),
    [TOOL_STRICT] = MEMBER_NAME("strict"),
    [TOOL_CACHE] = MEMBER_NAME("cache_control"),
};
static const struct member_table tool_table = MEMBER_TABLE(tool_names);

static bool read_definition(struct reader *r, const uint32_t *values, struct chat_tool *tool)
{
    tool->kind = TOOL_FUNCTION;
    return read_required(r, values[TOOL_NAME], "name", &tool->name) &&
           read_inner(r, values[TOOL_DESCRIPTION], "description", &tool->description) &&
           read_schema(r, values[TOOL_SCHEMA], "input_schema", &tool->parameters) &&
           read_flag(r, values[TOOL_STRICT], "strict", &tool->strict);
}

/* Anthropic's own tools (web search, bash, memory ...) have versions as types and no schema: they
   only move. */
static bool read_tool(struct reader *r, uint32_t node, struct chat_tool *tool)
{
    uint32_t values[TOOL_MEMBERS];
    size_t unknown;
    struct slice type = SLICE_EMPTY;
    if (json_kind(r->doc, node) != JSON_OBJECT) {
        return reader_refuse_type(r, NULL, "an object");
    }
    struct odd_mark mark = reader_odd_mark(r);
    *tool = (struct chat_tool){.kind = TOOL_OTHER, .strict = -1, .raw = json_raw(r->doc, node)};
    if (!members_read(r, node, NULL, &tool_table, values, &unknown) ||
        !read_inner(r, values[TOOL_TYPE], "type", &type) ||
        !anthropic_read_cache(r, values[TOOL_CACHE], "cache_control", &tool->cache)) {
        return false;
    }
    bool function = type.ptr == NULL || json_inner_is(type, SLICE("custom"));
    if (!function) {
        reader_odd_forget(r, mark);
        return true;
    }
    return read_definition(r, values, tool);
}

bool anthropic_read_tools(struct reader *r, uint32_t tools)
{
    return reader_tools(r, tools, read_tool);
}

static bool read_choice_word(struct reader *r, uint32_t type)
{
    static const struct {
        struct slice word;
        enum tool_choice choice;
    } words[] = {
        {SLICE_INIT("auto"), TOOL_CHOICE_AUTO},
        {SLICE_INIT("any"), TOOL_CHOICE_REQUIRED},
        {SLICE_INIT("none"), TOOL_CHOICE_NONE},
        {SLICE_INIT("tool"), TOOL_CHOICE_NAMED},
    };
    struct slice word = SLICE_EMPTY;
    if (!read_required(r, type, "tool_choice/type", &word)) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (json_string_is(r->doc, type, words[i].word)) {
            r->chat->tool_choice = words[i].choice;
            return true;
        }
    }
    return reader_refuse(r, "invalid_value", "tool_choice/type",
                         "The value must be \"auto\", \"any\", \"tool\" or \"none\".");
}

bool anthropic_read_tool_choice(struct reader *r, uint32_t value)
{
    enum { TYPE, NAME, SERIAL, COUNT };
    static const struct member_name names[COUNT] = {
        [TYPE] = MEMBER_NAME("type"),
        [NAME] = MEMBER_NAME("name"),
        [SERIAL] = MEMBER_NAME("disable_parallel_tool_use"),
    };
    static const struct member_table table = MEMBER_TABLE(names);
    uint32_t choice;
    uint32_t values[COUNT];
    size_t unknown;
    int serial = -1;
    if (!read_kind(r, value, "tool_choice", JSON_OBJECT, &choice)) {
        return false;
    }
    if (choice == JSON_ABSENT) {
        return true;
    }
    if (!members_read(r, choice, "tool_choice", &table, values, &unknown) ||
        !read_choice_word(r, values[TYPE]) ||
        !read_flag(r, values[SERIAL], "tool_choice/disable_parallel_tool_use", &serial)) {
        return false;
    }
    r->chat->parallel_tool_calls = serial < 0 ? -1 : 1 - serial;
    return r->chat->tool_choice != TOOL_CHOICE_NAMED ||
           read_required(r, values[NAME], "tool_choice/name", &r->chat->tool_choice_name);
}

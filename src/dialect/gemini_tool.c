/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tools and the choice among them. One element of `tools` may hold many functions and vendor tools
 * (googleSearch, codeExecution ...) beside them; each becomes a tool of its own.
 */
#include "dialect/gemini.h"

enum { TOOL_FUNCTIONS, TOOL_MEMBERS };
static const struct member_name tool_names[] = {
    [TOOL_FUNCTIONS] = MEMBER_NAME("functionDeclarations"),
    [TOOL_MEMBERS] = MEMBER_NAME("function_declarations"),
};
static const uint8_t tool_aliases[] = {TOOL_FUNCTIONS};
static const struct gemini_table tool_table = GEMINI_TABLE(tool_names, TOOL_MEMBERS, tool_aliases);

enum {
    DECLARATION_NAME,
    DECLARATION_TEXT,
    DECLARATION_SCHEMA,
    DECLARATION_JSON_SCHEMA,
    DECLARATION_MEMBERS
};
static const struct member_name declaration_names[] = {
    [DECLARATION_NAME] = MEMBER_NAME("name"),
    [DECLARATION_TEXT] = MEMBER_NAME("description"),
    [DECLARATION_SCHEMA] = MEMBER_NAME("parameters"),
    [DECLARATION_JSON_SCHEMA] = MEMBER_NAME("parametersJsonSchema"),
    [DECLARATION_MEMBERS] = MEMBER_NAME("parameters_json_schema"),
};
static const uint8_t declaration_aliases[] = {DECLARATION_JSON_SCHEMA};
static const struct gemini_table declaration_table =
    GEMINI_TABLE(declaration_names, DECLARATION_MEMBERS, declaration_aliases);

static bool read_parameters(struct reader *r, const uint32_t *values, struct chat_tool *tool)
{
    struct slice subset = SLICE_EMPTY;
    if (!read_schema(r, values[DECLARATION_SCHEMA], "parameters", &subset) ||
        !read_schema(r, values[DECLARATION_JSON_SCHEMA], "parametersJsonSchema",
                     &tool->parameters)) {
        return false;
    }
    if (subset.ptr != NULL && tool->parameters.ptr != NULL) {
        return reader_refuse(r, "conflicting_members", "parametersJsonSchema",
                             "Either \"parameters\" or \"parametersJsonSchema\" is given.");
    }
    return subset.ptr == NULL ||
           gemini_json_schema(r, values[DECLARATION_SCHEMA], &tool->parameters);
}

static bool read_declaration(struct reader *r, uint32_t node, struct chat_tool *tool)
{
    uint32_t values[ARRAY_LEN(declaration_names)];
    size_t unknown;
    *tool = (struct chat_tool){.kind = TOOL_FUNCTION, .strict = -1, .raw = json_raw(r->doc, node)};
    return gemini_members_read(r, node, NULL, &declaration_table, values, &unknown) &&
           read_required(r, values[DECLARATION_NAME], "name", &tool->name) &&
           read_inner(r, values[DECLARATION_TEXT], "description", &tool->description) &&
           read_parameters(r, values, tool);
}

static bool read_declarations(struct reader *r, const struct gemini_list *list,
                              struct chat_tool *tools)
{
    r->place[r->depth].list = "functionDeclarations";
    r->place[r->depth].index = 0;
    r->depth++;
    for (uint32_t i = list->first; i != JSON_ABSENT; i = gemini_list_next(r, list, i)) {
        if (!read_declaration(r, i, &tools[r->place[r->depth - 1].index])) {
            return false;
        }
        r->place[r->depth - 1].index++;
    }
    r->depth--;
    return true;
}

/* The vendor's tools of one element, each as an object with that one member. */
static bool read_others(struct reader *r, uint32_t node, struct chat_tool *tools)
{
    for (uint32_t key = json_first(r->doc, node); key != JSON_ABSENT;
         key = json_next(r->doc, node, key)) {
        if (member_id(&tool_table.table, r->doc, key) != MEMBER_UNKNOWN) {
            continue;
        }
        struct slice name = json_raw(r->doc, key);
        struct slice value = json_raw(r->doc, key + 1);
        char *raw = arena_alloc(r->arena, name.len + value.len + 3);
        if (raw == NULL) {
            return reader_refuse_size(r);
        }
        raw[0] = '{';
        memcpy(raw + 1, name.ptr, name.len);
        raw[name.len + 1] = ':';
        memcpy(raw + name.len + 2, value.ptr, value.len);
        raw[name.len + value.len + 2] = '}';
        *tools++ = (struct chat_tool){
            .kind = TOOL_OTHER, .strict = -1, .raw = slice_of(raw, name.len + value.len + 3)};
    }
    return true;
}

/* Adds the tools of one element to the chat's; there is room for them. */
static bool read_tool(struct reader *r, uint32_t node)
{
    struct chat *chat = r->chat;
    struct chat_tool *tools = chat->tools + chat->tool_count;
    uint32_t values[ARRAY_LEN(tool_names)];
    struct gemini_list functions;
    size_t others;
    struct odd_mark mark = reader_odd_mark(r);
    if (!gemini_members_read(r, node, NULL, &tool_table, values, &others)) {
        return false;
    }
    reader_odd_forget(r, mark); /* each is a tool of Google's own */
    if (!gemini_list_read(r, values[TOOL_FUNCTIONS], "functionDeclarations", &functions)) {
        return false;
    }
    chat->tool_count += functions.count + others;
    return read_declarations(r, &functions, tools) && read_others(r, node, tools + functions.count);
}

/* At most so many tools are in the element: one per member, but lists of functions have more. */
static size_t count_tools(const struct json_doc *doc, uint32_t node)
{
    size_t count = 0;
    for (uint32_t key = json_first(doc, node); key != JSON_ABSENT;
         key = json_next(doc, node, key)) {
        count += json_kind(doc, key + 1) == JSON_ARRAY ? json_count(doc, key + 1) : 0;
        count++;
    }
    return count;
}

bool gemini_read_tools(struct reader *r, uint32_t tools)
{
    struct gemini_list list;
    size_t count = 0;
    if (!gemini_list_read(r, tools, "tools", &list)) {
        return false;
    }
    for (uint32_t i = list.first; i != JSON_ABSENT; i = gemini_list_next(r, &list, i)) {
        count += count_tools(r->doc, i);
    }
    if (count == 0) {
        return true; /* no list is no tools */
    }
    r->chat->tools = arena_array(r->arena, count, sizeof *r->chat->tools);
    if (r->chat->tools == NULL) {
        return reader_refuse_size(r);
    }
    r->place[0].list = "tools";
    r->place[0].index = 0;
    r->depth = 1;
    for (uint32_t i = list.first; i != JSON_ABSENT; i = gemini_list_next(r, &list, i)) {
        if (!read_tool(r, i)) {
            return false;
        }
        r->place[0].index++;
    }
    r->depth = 0;
    return true;
}

/* --- the choice --- */

#define CALLING "toolConfig/functionCallingConfig"

enum { CONFIG_CALLING, CONFIG_CALLING_MEMBERS };
static const struct member_name choice_names[] = {
    [CONFIG_CALLING] = MEMBER_NAME("functionCallingConfig"),
    [CONFIG_CALLING_MEMBERS] = MEMBER_NAME("function_calling_config"),
};
static const uint8_t choice_aliases[] = {CONFIG_CALLING};
const struct gemini_table gemini_tool_config_members =
    GEMINI_TABLE(choice_names, CONFIG_CALLING_MEMBERS, choice_aliases);

enum { CALLING_MODE, CALLING_ALLOWED, CALLING_MEMBERS };
static const struct member_name calling_names[] = {
    [CALLING_MODE] = MEMBER_NAME("mode"),
    [CALLING_ALLOWED] = MEMBER_NAME("allowedFunctionNames"),
    [CALLING_MEMBERS] = MEMBER_NAME("allowed_function_names"),
};
static const uint8_t calling_aliases[] = {CALLING_ALLOWED};
const struct gemini_table gemini_calling_members =
    GEMINI_TABLE(calling_names, CALLING_MEMBERS, calling_aliases);

/* VALIDATED is AUTO with calls that surely follow their schema: what is more than AUTO is kept
 * aside. */
static bool read_mode(struct reader *r, uint32_t value)
{
    static const struct {
        struct slice word;
        enum tool_choice choice;
        bool kept;
    } modes[] = {
        {SLICE_INIT("none"), TOOL_CHOICE_NONE, false},
        {SLICE_INIT("auto"), TOOL_CHOICE_AUTO, false},
        {SLICE_INIT("any"), TOOL_CHOICE_REQUIRED, false},
        {SLICE_INIT("validated"), TOOL_CHOICE_AUTO, true},
        {SLICE_INIT("mode_unspecified"), TOOL_CHOICE_UNSET, false},
    };
    struct slice mode = SLICE_EMPTY;
    if (!read_inner(r, value, CALLING "/mode", &mode)) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(modes) && mode.ptr != NULL; i++) {
        if (slice_eq_nocase(mode, modes[i].word)) {
            r->chat->tool_choice = modes[i].choice;
            return !modes[i].kept || gemini_extra_add(r, value);
        }
    }
    return mode.ptr == NULL || reader_refuse(r, "invalid_value", CALLING "/mode",
                                             "The value must be NONE, AUTO, ANY or VALIDATED.");
}

/* One name that must be called is a named choice; more of them only Google's dialect can say. */
static bool read_allowed(struct reader *r, uint32_t value)
{
    uint32_t list;
    if (!read_kind(r, value, CALLING "/allowedFunctionNames", JSON_ARRAY, &list)) {
        return false;
    }
    if (list == JSON_ABSENT || json_first(r->doc, list) == JSON_ABSENT) {
        return true;
    }
    for (uint32_t i = json_first(r->doc, list); i != JSON_ABSENT; i = json_next(r->doc, list, i)) {
        if (json_kind(r->doc, i) != JSON_STRING) {
            return reader_refuse_type(r, CALLING "/allowedFunctionNames", "an array of strings");
        }
    }
    if (r->chat->tool_choice == TOOL_CHOICE_REQUIRED && json_count(r->doc, list) == 1) {
        r->chat->tool_choice = TOOL_CHOICE_NAMED;
        r->chat->tool_choice_name = json_inner(r->doc, json_first(r->doc, list));
        return true;
    }
    return gemini_extra_add(r, value);
}

static bool read_calling(struct reader *r, uint32_t value)
{
    uint32_t values[ARRAY_LEN(calling_names)];
    uint32_t object;
    size_t unknown;
    if (!read_kind(r, value, CALLING, JSON_OBJECT, &object)) {
        return false;
    }
    return object == JSON_ABSENT ||
           (gemini_members_read(r, object, CALLING, &gemini_calling_members, values, &unknown) &&
            gemini_extras_add(r, object, &gemini_calling_members, unknown) &&
            read_mode(r, values[CALLING_MODE]) && read_allowed(r, values[CALLING_ALLOWED]));
}

bool gemini_read_tool_config(struct reader *r, uint32_t value)
{
    uint32_t values[ARRAY_LEN(choice_names)];
    uint32_t object;
    size_t unknown;
    if (!read_kind(r, value, "toolConfig", JSON_OBJECT, &object)) {
        return false;
    }
    return object == JSON_ABSENT ||
           (gemini_members_read(r, object, "toolConfig", &gemini_tool_config_members, values,
                                &unknown) &&
            gemini_extras_add(r, object, &gemini_tool_config_members, unknown) &&
            read_calling(r, values[CONFIG_CALLING]));
}

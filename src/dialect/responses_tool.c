/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tools, the choice among them, and the format of the answer. Tools that the choice does not allow
 * cannot be called, so they are not among the chat's tools at all: that says the same in every
 * dialect.
 */
#include "dialect/inner.h"
#include "dialect/responses.h"
#include "dialect/tool_name.h"

#define SPACE_TOOLS_MAX 4096u
#define ALLOWED_MAX 1024u

enum {
    TOOL_TYPE,
    TOOL_NAME,
    TOOL_DESCRIPTION,
    TOOL_PARAMETERS,
    TOOL_STRICT,
    TOOL_FORMAT,
    TOOL_TOOLS,
    TOOL_MEMBERS
};

static const struct member_name tool_member_names[TOOL_MEMBERS] = {
    [TOOL_TYPE] = MEMBER_NAME("type"),
    [TOOL_NAME] = MEMBER_NAME("name"),
    [TOOL_DESCRIPTION] = MEMBER_NAME("description"),
    [TOOL_PARAMETERS] = MEMBER_NAME("parameters"),
    [TOOL_STRICT] = MEMBER_NAME("strict"),
    [TOOL_FORMAT] = MEMBER_NAME("format"),
    [TOOL_TOOLS] = MEMBER_NAME("tools"),
};
static const struct member_table tool_table = MEMBER_TABLE(tool_member_names);

static bool read_function(struct reader *r, const uint32_t *values, struct chat_tool *tool)
{
    tool->kind = TOOL_FUNCTION;
    return read_required(r, values[TOOL_NAME], "name", &tool->name) &&
           read_inner(r, values[TOOL_DESCRIPTION], "description", &tool->description) &&
           read_schema(r, values[TOOL_PARAMETERS], "parameters", &tool->parameters) &&
           read_flag(r, values[TOOL_STRICT], "strict", &tool->strict);
}

static bool read_custom(struct reader *r, const uint32_t *values, struct chat_tool *tool)
{
    uint32_t format;
    tool->kind = TOOL_CUSTOM;
    if (!read_required(r, values[TOOL_NAME], "name", &tool->name) ||
        !read_inner(r, values[TOOL_DESCRIPTION], "description", &tool->description) ||
        !read_kind(r, values[TOOL_FORMAT], "format", JSON_OBJECT, &format)) {
        return false;
    }
    /* any text: nothing that could be lost */
    bool plain = format == JSON_ABSENT ||
                 json_string_is(r->doc, json_member(r->doc, format, SLICE("type")), SLICE("text"));
    if (!plain) {
        tool->parameters = json_raw(r->doc, format);
    }
    return true;
}

/* A function or a custom tool; *ret_known false: another kind. */
static bool read_named(struct reader *r, const uint32_t *values, struct chat_tool *tool,
                       bool *ret_known)
{
    uint32_t type = values[TOOL_TYPE];
    *ret_known = true;
    if (json_string_is(r->doc, type, SLICE("function"))) {
        return read_function(r, values, tool);
    }
    if (json_string_is(r->doc, type, SLICE("custom"))) {
        return read_custom(r, values, tool);
    }
    *ret_known = false;
    tool->kind = TOOL_OTHER;
    return true;
}

static bool read_members(struct reader *r, uint32_t node, uint32_t *values)
{
    size_t unknown;
    struct slice type = SLICE_EMPTY;
    if (json_kind(r->doc, node) != JSON_OBJECT) {
        return reader_refuse_type(r, NULL, "an object");
    }
    return members_read(r, node, NULL, &tool_table, values, &unknown) &&
           read_required(r, values[TOOL_TYPE], "type", &type);
}

/* The tools of a namespace stand among the others, each under its flat name. */
static bool read_space(struct reader *r, const uint32_t *values)
{
    struct chat *chat = r->chat;
    struct slice space = SLICE_EMPTY;
    uint32_t list;
    if (!read_required(r, values[TOOL_NAME], "name", &space) ||
        !read_kind(r, values[TOOL_TOOLS], "tools", JSON_ARRAY, &list)) {
        return false;
    }
    r->place[1].list = "tools";
    r->place[1].index = 0;
    r->depth = 2;
    for (uint32_t i = list == JSON_ABSENT ? JSON_ABSENT : json_first(r->doc, list);
         i != JSON_ABSENT; i = json_next(r->doc, list, i)) {
        uint32_t inside[TOOL_MEMBERS];
        bool known;
        struct chat_tool *tool = &chat->tools[chat->tool_count];
        *tool = (struct chat_tool){.strict = -1, .raw = json_raw(r->doc, i)};
        if (!read_members(r, i, inside) || !read_named(r, inside, tool, &known)) {
            return false;
        }
        if (known) {
            tool->space = space;
            tool->own_name = tool->name;
            tool->name = tool_name_flat(r->arena, space, tool->own_name);
        }
        chat->tool_count++;
        r->place[1].index++;
    }
    r->depth = 1;
    return !r->arena->exhausted || reader_refuse_size(r);
}

static bool read_tool(struct reader *r, uint32_t node)
{
    uint32_t values[TOOL_MEMBERS];
    bool known;
    struct odd_mark mark = reader_odd_mark(r);
    if (!read_members(r, node, values)) {
        return false;
    }
    if (json_string_is(r->doc, values[TOOL_TYPE], SLICE("namespace"))) {
        return read_space(r, values);
    }
    struct chat_tool *tool = &r->chat->tools[r->chat->tool_count++];
    *tool = (struct chat_tool){.strict = -1, .raw = json_raw(r->doc, node)};
    if (!read_named(r, values, tool, &known)) {
        return false;
    }
    if (!known) {
        reader_odd_forget(r, mark);
    }
    return true;
}

/* With those in namespaces. */
static size_t count_tools(const struct json_doc *doc, uint32_t list)
{
    size_t count = 0;
    for (uint32_t i = json_first(doc, list); i != JSON_ABSENT; i = json_next(doc, list, i)) {
        uint32_t inside =
            json_kind(doc, i) == JSON_OBJECT ? json_member(doc, i, SLICE("tools")) : JSON_ABSENT;
        count += 1 + (json_is(doc, inside, JSON_ARRAY) ? json_count(doc, inside) : 0);
    }
    return count;
}

bool responses_read_tools(struct reader *r, uint32_t tools)
{
    uint32_t list;
    if (!read_kind(r, tools, "tools", JSON_ARRAY, &list)) {
        return false;
    }
    if (list == JSON_ABSENT) {
        return true;
    }
    struct chat *chat = r->chat;
    chat->tools = arena_array(r->arena, count_tools(r->doc, list), sizeof *chat->tools);
    if (chat->tools == NULL) {
        return reader_refuse_size(r);
    }
    r->place[0].list = "tools";
    r->place[0].index = 0;
    r->depth = 1;
    for (uint32_t i = json_first(r->doc, list); i != JSON_ABSENT; i = json_next(r->doc, list, i)) {
        if (!read_tool(r, i)) {
            return false;
        }
        r->place[0].index++;
    }
    r->depth = 0;
    return true;
}

/* --- the choice --- */

static bool read_word(struct reader *r, uint32_t value, const char *member)
{
    static const struct {
        struct slice word;
        enum tool_choice choice;
    } words[] = {
        {SLICE_INIT("auto"), TOOL_CHOICE_AUTO},
        {SLICE_INIT("none"), TOOL_CHOICE_NONE},
        {SLICE_INIT("required"), TOOL_CHOICE_REQUIRED},
    };
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (json_is(r->doc, value, JSON_STRING) && json_string_is(r->doc, value, words[i].word)) {
            r->chat->tool_choice = words[i].choice;
            return true;
        }
    }
    return reader_refuse(r, "invalid_value", member,
                         "The value must be \"none\", \"auto\" or \"required\".");
}

/* Is this the tool that an element of the list of allowed ones names? */
static bool names_tool(const struct json_doc *doc, uint32_t element, const struct chat_tool *tool)
{
    uint32_t name = json_member(doc, element, SLICE("name"));
    if (tool->kind == TOOL_OTHER) {
        uint32_t type = json_member(doc, element, SLICE("type"));
        return json_is(doc, type, JSON_STRING) && name == JSON_ABSENT &&
               slice_find_slice(tool->raw, json_raw(doc, type)) != SIZE_MAX;
    }
    return json_is(doc, name, JSON_STRING) &&
           (inner_equals(json_inner(doc, name), tool->name) ||
            (tool->space.ptr != NULL && inner_equals(json_inner(doc, name), tool->own_name)));
}

static bool is_allowed(const struct json_doc *doc, uint32_t list, const struct chat_tool *tool)
{
    for (uint32_t i = json_first(doc, list); i != JSON_ABSENT; i = json_next(doc, list, i)) {
        if (json_kind(doc, i) == JSON_OBJECT && names_tool(doc, i, tool)) {
            return true;
        }
    }
    return false;
}

static bool read_allowed(struct reader *r, uint32_t value)
{
    struct chat *chat = r->chat;
    uint32_t list;
    if (!read_word(r, json_member(r->doc, value, SLICE("mode")), "tool_choice/mode") ||
        !read_kind(r, json_member(r->doc, value, SLICE("tools")), "tool_choice/tools", JSON_ARRAY,
                   &list)) {
        return false;
    }
    if (list == JSON_ABSENT || json_count(r->doc, list) > ALLOWED_MAX ||
        chat->tool_count > SPACE_TOOLS_MAX) {
        return reader_refuse(r, "invalid_value", "tool_choice/tools",
                             "The value must be an array of at most %u tools.", ALLOWED_MAX);
    }
    size_t kept = 0;
    for (size_t i = 0; i < chat->tool_count; i++) {
        if (is_allowed(r->doc, list, &chat->tools[i])) {
            chat->tools[kept++] = chat->tools[i];
        }
    }
    chat->tool_count = kept;
    return true;
}

/* The flat name of a tool that is called so. */
static struct slice flat_name(const struct chat *chat, struct slice name)
{
    for (size_t i = 0; i < chat->tool_count; i++) {
        if (chat->tools[i].space.ptr != NULL && inner_equals(chat->tools[i].own_name, name)) {
            return chat->tools[i].name;
        }
    }
    return name;
}

bool responses_read_tool_choice(struct reader *r, uint32_t value, bool *ret_kept)
{
    const struct json_doc *doc = r->doc;
    struct chat *chat = r->chat;
    if (!member_given(doc, value)) {
        return true;
    }
    if (json_kind(doc, value) == JSON_STRING) {
        return read_word(r, value, "tool_choice");
    }
    if (json_kind(doc, value) != JSON_OBJECT) {
        return reader_refuse_type(r, "tool_choice", "a string or an object");
    }
    if (!members_once(doc, value, "/tool_choice", r->error)) {
        return false;
    }
    uint32_t type = json_member(doc, value, SLICE("type"));
    if (!json_is(doc, type, JSON_STRING)) {
        return reader_refuse_missing(r, "tool_choice/type");
    }
    if (json_string_is(doc, type, SLICE("allowed_tools"))) {
        return read_allowed(r, value);
    }
    if (!json_string_is(doc, type, SLICE("function")) &&
        !json_string_is(doc, type, SLICE("custom"))) {
        *ret_kept = true; /* a built-in tool */
        return true;
    }
    chat->tool_choice = TOOL_CHOICE_NAMED;
    if (!read_required(r, json_member(doc, value, SLICE("name")), "tool_choice/name",
                       &chat->tool_choice_name)) {
        return false;
    }
    chat->tool_choice_name = flat_name(chat, chat->tool_choice_name);
    return true;
}

/* --- text --- */

static bool read_format_schema(struct reader *r, uint32_t format)
{
    enum { TYPE, NAME, SCHEMA, STRICT, COUNT };
    static const struct member_name names[COUNT] = {[TYPE] = MEMBER_NAME("type"),
                                                    [NAME] = MEMBER_NAME("name"),
                                                    [SCHEMA] = MEMBER_NAME("schema"),
                                                    [STRICT] = MEMBER_NAME("strict")};
    static const struct member_table table = MEMBER_TABLE(names);
    struct chat *chat = r->chat;
    uint32_t values[COUNT];
    size_t unknown;
    if (!members_read(r, format, "text/format", &table, values, &unknown) ||
        !read_inner(r, values[NAME], "text/format/name", &chat->schema_name) ||
        !read_schema(r, values[SCHEMA], "text/format/schema", &chat->schema) ||
        !read_flag(r, values[STRICT], "text/format/strict", &chat->schema_strict)) {
        return false;
    }
    if (chat->schema.ptr == NULL) {
        return reader_refuse_missing(r, "text/format/schema");
    }
    chat->format = FORMAT_JSON_SCHEMA;
    return true;
}

static bool read_format(struct reader *r, uint32_t value)
{
    uint32_t format;
    struct slice word = SLICE_EMPTY;
    if (!read_kind(r, value, "text/format", JSON_OBJECT, &format)) {
        return false;
    }
    if (format == JSON_ABSENT) {
        return true;
    }
    uint32_t type = json_member(r->doc, format, SLICE("type"));
    if (!read_required(r, type, "text/format/type", &word)) {
        return false;
    }
    if (json_string_is(r->doc, type, SLICE("json_schema"))) {
        return read_format_schema(r, format);
    }
    if (json_string_is(r->doc, type, SLICE("json_object"))) {
        r->chat->format = FORMAT_JSON_OBJECT;
        return true;
    }
    return json_string_is(r->doc, type, SLICE("text")) ||
           reader_refuse(r, "invalid_value", "text/format/type",
                         "The value must be \"text\", \"json_object\" or \"json_schema\".");
}

bool responses_read_text(struct reader *r, uint32_t value)
{
    enum { FORMAT, VERBOSITY, COUNT };
    static const struct member_name names[COUNT] = {
        [FORMAT] = MEMBER_NAME("format"), [VERBOSITY] = MEMBER_NAME("verbosity")};
    static const struct member_table table = MEMBER_TABLE(names);
    uint32_t values[COUNT];
    uint32_t text;
    size_t unknown;
    if (!read_kind(r, value, "text", JSON_OBJECT, &text)) {
        return false;
    }
    if (text == JSON_ABSENT) {
        return true;
    }
    return members_read(r, text, "text", &table, values, &unknown) &&
           read_format(r, values[FORMAT]) &&
           read_inner(r, values[VERBOSITY], "text/verbosity", &r->chat->verbosity);
}

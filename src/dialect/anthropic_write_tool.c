/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tools towards Anthropic. A schema must be an object's. A tool that takes free text (OpenAI's
 * custom tools) becomes one with a single string, "input". Where a conversation holds calls there
 * must be tools: when the client gave none, those that were called are declared and forbidden,
 * which is what giving none means elsewhere.
 */
#include "dialect/anthropic.h"
#include "dialect/inner.h"
#include "dialect/tool_name.h"

#define DECLARED_MAX 64u

static bool has_type(struct slice schema)
{
    struct json_doc doc;
    json_doc_init(&doc);
    bool typed = json_parse(&doc, schema, &json_default_limits, NULL) &&
                 json_member(&doc, JSON_ROOT, SLICE("type")) != JSON_ABSENT;
    json_doc_release(&doc);
    return typed;
}

static bool is_empty_object(struct slice schema)
{
    return slice_trim(slice_of(schema.ptr + 1, schema.len - 2)).len == 0;
}

static void write_schema(struct anthropic_writer *w, struct slice schema)
{
    struct buf *out = w->json.out;
    json_key(&w->json, SLICE("input_schema"));
    if (schema.len < 2 || is_empty_object(schema)) {
        json_write_raw(&w->json, SLICE("{\"type\":\"object\",\"properties\":{}}"));
    } else if (slice_starts(schema, SLICE("{\"type\":")) || has_type(schema)) {
        json_write_raw(&w->json, schema);
    } else {
        json_write_raw(&w->json, SLICE("{\"type\":\"object\","));
        buf_append(out, slice_from(schema, 1));
    }
}

static void write_definition(struct anthropic_writer *w, const struct chat_tool *tool)
{
    json_begin_object(&w->json);
    json_member_inner(&w->json, SLICE("name"), tool->name);
    if (tool->description.len > 0) {
        json_member_inner(&w->json, SLICE("description"), tool->description);
    }
    if (tool->kind == TOOL_CUSTOM) {
        if (tool->parameters.ptr != NULL) {
            loss_add(w->loss, SLICE("tools.format")); /* nobody holds the text to its grammar */
        }
        json_member_raw(&w->json, SLICE("input_schema"), custom_tool_parameters);
    } else {
        write_schema(w, tool->parameters);
    }
    if (tool->strict == 1) {
        json_member_bool(&w->json, SLICE("strict"), true);
    }
    anthropic_write_cache(w, tool->cache);
    json_end_object(&w->json);
}

static bool is_written(const struct anthropic_writer *w, const struct chat_tool *tool)
{
    return (w->same && tool->raw.ptr != NULL) ||
           (tool->kind != TOOL_OTHER && tool->name.ptr != NULL);
}

/* False: none of them could be written. */
static bool write_list(struct anthropic_writer *w)
{
    bool begun = false;
    for (size_t i = 0; i < w->chat->tool_count; i++) {
        const struct chat_tool *tool = &w->chat->tools[i];
        if (!is_written(w, tool)) {
            loss_add(w->loss, SLICE("tools")); /* a built-in tool of another vendor */
            continue;
        }
        if (!begun) {
            begun = true;
            json_key(&w->json, SLICE("tools"));
            json_begin_array(&w->json);
        }
        if (w->same && tool->raw.ptr != NULL) {
            json_write_raw(&w->json, tool->raw);
        } else {
            write_definition(w, tool);
        }
    }
    if (begun) {
        json_end_array(&w->json);
    }
    return begun;
}

/* --- calls without tools --- */

struct declared {
    struct slice names[DECLARED_MAX];
    size_t count;
};

static bool is_declared(const struct declared *declared, struct slice name)
{
    for (size_t i = 0; i < declared->count; i++) {
        if (inner_equals(declared->names[i], name)) {
            return true;
        }
    }
    return declared->count == DECLARED_MAX;
}

static void declare(struct anthropic_writer *w, struct declared *declared, struct slice name)
{
    if (declared->count == 0) {
        json_key(&w->json, SLICE("tools"));
        json_begin_array(&w->json);
    }
    declared->names[declared->count++] = name;
    const struct chat_tool tool = {.kind = TOOL_FUNCTION, .name = name, .strict = -1};
    write_definition(w, &tool);
}

static void declare_called(struct anthropic_writer *w)
{
    struct declared declared = {.count = 0};
    for (size_t i = 0; i < w->chat->message_count; i++) {
        const struct chat_message *message = &w->chat->messages[i];
        for (size_t j = 0; j < message->part_count; j++) {
            const struct chat_part *part = &message->parts[j];
            if (part->kind == PART_TOOL_CALL && !is_declared(&declared, part->name)) {
                declare(w, &declared, part->name);
            }
        }
    }
    if (declared.count > 0) {
        json_end_array(&w->json);
        json_member_raw(&w->json, SLICE("tool_choice"), SLICE("{\"type\":\"none\"}"));
    }
}

/* --- the choice --- */

static void write_choice(struct anthropic_writer *w)
{
    static const struct slice words[] = {
        [TOOL_CHOICE_UNSET] = SLICE_INIT("auto"), [TOOL_CHOICE_NONE] = SLICE_INIT("none"),
        [TOOL_CHOICE_AUTO] = SLICE_INIT("auto"),  [TOOL_CHOICE_REQUIRED] = SLICE_INIT("any"),
        [TOOL_CHOICE_NAMED] = SLICE_INIT("tool"),
    };
    const struct chat *chat = w->chat;
    bool serial = chat->parallel_tool_calls == 0;
    if (chat->tool_choice == TOOL_CHOICE_UNSET && !serial) {
        return;
    }
    json_key(&w->json, SLICE("tool_choice"));
    json_begin_object(&w->json);
    json_member_string(&w->json, SLICE("type"), words[chat->tool_choice]);
    if (chat->tool_choice == TOOL_CHOICE_NAMED) {
        json_member_inner(&w->json, SLICE("name"), chat->tool_choice_name);
    }
    if (serial && chat->tool_choice != TOOL_CHOICE_NONE) {
        json_member_bool(&w->json, SLICE("disable_parallel_tool_use"), true);
    }
    json_end_object(&w->json);
}

void anthropic_write_tools(struct anthropic_writer *w)
{
    if (write_list(w)) {
        write_choice(w);
        return;
    }
    if (!w->same) {
        declare_called(w);
    }
}

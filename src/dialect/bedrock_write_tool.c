/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tools towards Converse. There is no word for "none": tools that the client forbids are left out,
 * which says the same, but for conversations that hold calls: those must declare the tools that
 * were called.
 */
#include "dialect/bedrock.h"
#include "dialect/inner.h"
#include "dialect/tool_name.h"

#define DECLARED_MAX 64u

static bool is_empty_object(struct slice schema)
{
    return slice_trim(slice_of(schema.ptr + 1, schema.len - 2)).len == 0;
}

static bool has_type(struct slice schema)
{
    struct json_doc doc;
    json_doc_init(&doc);
    bool typed = json_parse(&doc, schema, &json_default_limits, NULL) &&
                 json_member(&doc, JSON_ROOT, SLICE("type")) != JSON_ABSENT;
    json_doc_release(&doc);
    return typed;
}

/* A schema is an object's. */
static void write_schema(struct bedrock_writer *w, const struct chat_tool *tool)
{
    struct slice schema =
        tool->kind == TOOL_CUSTOM ? custom_tool_parameters : slice_trim(tool->parameters);
    json_key(&w->json, SLICE("inputSchema"));
    json_begin_object(&w->json);
    json_key(&w->json, SLICE("json"));
    if (schema.len < 2 || is_empty_object(schema)) {
        json_write_raw(&w->json, SLICE("{\"type\":\"object\",\"properties\":{}}"));
    } else if (slice_starts(schema, SLICE("{\"type\":")) || has_type(schema)) {
        json_write_raw(&w->json, schema);
    } else {
        json_write_raw(&w->json, SLICE("{\"type\":\"object\","));
        buf_append(w->json.out, slice_from(schema, 1));
    }
    json_end_object(&w->json);
}

static void write_tool(struct bedrock_writer *w, const struct chat_tool *tool)
{
    json_begin_object(&w->json);
    json_key(&w->json, SLICE("toolSpec"));
    json_begin_object(&w->json);
    json_member_inner(&w->json, SLICE("name"), tool->name);
    if (tool->description.len > 0) {
        json_member_inner(&w->json, SLICE("description"), tool->description);
    }
    write_schema(w, tool);
    if (tool->strict == 1) {
        json_member_bool(&w->json, SLICE("strict"), true);
    }
    json_end_object(&w->json);
    json_end_object(&w->json);
    bedrock_write_cache(w, tool->cache);
    if (tool->kind == TOOL_CUSTOM && tool->parameters.ptr != NULL) {
        loss_add(w->loss, SLICE("tools.format")); /* nobody holds the text to its grammar */
    }
}

static void begin_list(struct bedrock_writer *w, bool *begun)
{
    if (!*begun) {
        *begun = true;
        json_key(&w->json, SLICE("toolConfig"));
        json_begin_object(&w->json);
        json_key(&w->json, SLICE("tools"));
        json_begin_array(&w->json);
    }
}

/* False: there is none that could be written. */
static bool write_list(struct bedrock_writer *w)
{
    bool begun = false;
    for (size_t i = 0; i < w->chat->tool_count; i++) {
        const struct chat_tool *tool = &w->chat->tools[i];
        if (tool->kind == TOOL_OTHER || tool->name.ptr == NULL) {
            loss_add(w->loss, SLICE("tools")); /* a vendor's own */
            continue;
        }
        begin_list(w, &begun);
        write_tool(w, tool);
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

static void declare_called(struct bedrock_writer *w)
{
    struct declared declared = {.count = 0};
    bool begun = false;
    for (size_t i = 0; i < w->chat->message_count; i++) {
        const struct chat_message *message = &w->chat->messages[i];
        for (size_t j = 0; j < message->part_count; j++) {
            const struct chat_part *part = &message->parts[j];
            if (part->kind == PART_TOOL_CALL && !is_declared(&declared, part->name)) {
                const struct chat_tool tool = {.name = part->name, .strict = -1};
                declared.names[declared.count++] = part->name;
                begin_list(w, &begun);
                write_tool(w, &tool);
            }
        }
    }
    if (begun) {
        json_end_array(&w->json);
        json_end_object(&w->json);
        loss_add(w->loss, SLICE("tool_choice")); /* they must not be called, and nothing says it */
    }
}

/* --- the choice --- */

static void write_choice(struct bedrock_writer *w)
{
    const struct chat *chat = w->chat;
    switch (chat->tool_choice) {
    case TOOL_CHOICE_AUTO:
        json_member_raw(&w->json, SLICE("toolChoice"), SLICE("{\"auto\":{}}"));
        break;
    case TOOL_CHOICE_REQUIRED:
        json_member_raw(&w->json, SLICE("toolChoice"), SLICE("{\"any\":{}}"));
        break;
    case TOOL_CHOICE_NAMED:
        json_key(&w->json, SLICE("toolChoice"));
        json_begin_object(&w->json);
        json_key(&w->json, SLICE("tool"));
        json_begin_object(&w->json);
        json_member_inner(&w->json, SLICE("name"), chat->tool_choice_name);
        json_end_object(&w->json);
        json_end_object(&w->json);
        break;
    case TOOL_CHOICE_UNSET:
    case TOOL_CHOICE_NONE:
        break;
    }
}

void bedrock_write_tools(struct bedrock_writer *w)
{
    const struct chat *chat = w->chat;
    bool forbidden = chat->tool_choice == TOOL_CHOICE_NONE;
    if (!forbidden && write_list(w)) {
        write_choice(w);
        json_end_object(&w->json);
        if (chat->parallel_tool_calls == 0) {
            loss_add(w->loss, SLICE("parallel_tool_calls"));
        }
        return;
    }
    declare_called(w);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "dialect/inner.h"
#include "dialect/openai.h"
#include "dialect/tool_name.h"

/* A custom tool goes as a function with one text: few servers know custom tools. */
static void write_function(struct json_writer *json, const struct chat_tool *tool)
{
    bool custom = tool->kind == TOOL_CUSTOM;
    json_begin_object(json);
    json_member_inner(json, SLICE("name"), tool->name);
    if (tool->description.ptr != NULL) {
        json_member_inner(json, SLICE("description"), tool->description);
    }
    if (custom) {
        json_member_raw(json, SLICE("parameters"), custom_tool_parameters);
    } else if (tool->parameters.ptr != NULL) {
        json_member_raw(json, SLICE("parameters"), tool->parameters);
    }
    if (tool->strict >= 0) {
        json_member_bool(json, SLICE("strict"), tool->strict == 1);
    }
    json_end_object(json);
}

static void write_definition(struct openai_writer *w, const struct chat_tool *tool)
{
    if (tool->kind == TOOL_CUSTOM && tool->parameters.ptr != NULL) {
        loss_add(w->loss, SLICE("tools.format")); /* nobody holds the text to its grammar */
    }
    json_begin_object(&w->json);
    json_member_string(&w->json, SLICE("type"), SLICE("function"));
    json_key(&w->json, SLICE("function"));
    write_function(&w->json, tool);
    openai_write_cache(w, tool->cache);
    json_end_object(&w->json);
}

static bool is_written(const struct openai_writer *w, const struct chat_tool *tool)
{
    bool raw = w->same && tool->raw.ptr != NULL;
    return raw || (tool->kind != TOOL_OTHER && tool->name.ptr != NULL);
}

static bool write_list(struct openai_writer *w)
{
    size_t count = 0;
    for (size_t i = 0; i < w->chat->tool_count; i++) {
        const struct chat_tool *tool = &w->chat->tools[i];
        if (!is_written(w, tool)) {
            loss_add(w->loss, SLICE("tools")); /* a built-in tool of another vendor */
            continue;
        }
        if (count++ == 0) {
            json_key(&w->json, SLICE("tools"));
            json_begin_array(&w->json);
        }
        if (w->same && tool->raw.ptr != NULL) {
            json_write_raw(&w->json, tool->raw);
        } else {
            write_definition(w, tool);
        }
    }
    if (count > 0) {
        json_end_array(&w->json);
    }
    return count > 0;
}

static bool names_custom(const struct openai_writer *w)
{
    for (size_t i = 0; w->same && i < w->chat->tool_count; i++) {
        const struct chat_tool *tool = &w->chat->tools[i];
        if (tool->kind == TOOL_CUSTOM && inner_equals(tool->name, w->chat->tool_choice_name)) {
            return true;
        }
    }
    return false;
}

static void write_choice(struct openai_writer *w)
{
    static const struct slice words[] = {
        [TOOL_CHOICE_NONE] = SLICE_INIT("none"),
        [TOOL_CHOICE_AUTO] = SLICE_INIT("auto"),
        [TOOL_CHOICE_REQUIRED] = SLICE_INIT("required"),
    };
    enum tool_choice choice = w->chat->tool_choice;
    if (choice == TOOL_CHOICE_UNSET) {
        return;
    }
    json_key(&w->json, SLICE("tool_choice"));
    if (choice != TOOL_CHOICE_NAMED) {
        json_write_string(&w->json, words[choice]);
        return;
    }
    struct slice kind = names_custom(w) ? SLICE("custom") : SLICE("function");
    json_begin_object(&w->json);
    json_member_string(&w->json, SLICE("type"), kind);
    json_key(&w->json, kind);
    json_begin_object(&w->json);
    json_member_inner(&w->json, SLICE("name"), w->chat->tool_choice_name);
    json_end_object(&w->json);
    json_end_object(&w->json);
}

void openai_write_tools(struct openai_writer *w)
{
    bool listed = write_list(w);
    if (!listed && !w->same) {
        return; /* without tools servers refuse to hear how to use them */
    }
    write_choice(w);
    if (w->chat->parallel_tool_calls >= 0) {
        json_member_bool(&w->json, SLICE("parallel_tool_calls"), w->chat->parallel_tool_calls == 1);
    }
}

static void write_schema(struct openai_writer *w)
{
    const struct chat *chat = w->chat;
    json_key(&w->json, SLICE("json_schema"));
    json_begin_object(&w->json);
    if (chat->schema_name.ptr != NULL) {
        json_member_inner(&w->json, SLICE("name"), chat->schema_name);
    } else if (!w->same) {
        json_member_string(&w->json, SLICE("name"), SLICE("answer")); /* OpenAI wants one */
    }
    if (chat->schema.ptr != NULL) {
        json_member_raw(&w->json, SLICE("schema"), chat->schema);
    }
    if (chat->schema_strict >= 0) {
        json_member_bool(&w->json, SLICE("strict"), chat->schema_strict == 1);
    }
    json_end_object(&w->json);
}

void openai_write_format(struct openai_writer *w)
{
    if (w->chat->format == FORMAT_TEXT) {
        return;
    }
    bool schema = w->chat->format == FORMAT_JSON_SCHEMA;
    json_key(&w->json, SLICE("response_format"));
    json_begin_object(&w->json);
    json_member_string(&w->json, SLICE("type"),
                       schema ? SLICE("json_schema") : SLICE("json_object"));
    if (schema) {
        write_schema(w);
    }
    json_end_object(&w->json);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* Tools and the choice among them. Schemas go out as JSON schema: see gemini_write.c. */
#include "dialect/gemini.h"
#include "dialect/tool_name.h"
#include "dialect/translate.h"

static void write_declaration(struct gemini_writer *w, const struct chat_tool *tool)
{
    struct json_writer *json = &w->json;
    if (w->same) {
        json_write_raw(json, tool->raw);
        return;
    }
    bool custom = tool->kind == TOOL_CUSTOM;
    struct slice parameters = custom ? custom_tool_parameters : tool->parameters;
    json_begin_object(json);
    json_member_inner(json, SLICE("name"), tool->name);
    if (tool->description.ptr != NULL) {
        json_member_inner(json, SLICE("description"), tool->description);
    }
    if (parameters.ptr != NULL) {
        json_member_raw(json, SLICE("parametersJsonSchema"), parameters);
    }
    json_end_object(json);
    if (tool->strict == 1) {
        loss_add(w->loss, SLICE("tools.strict"));
    }
    if (custom && tool->parameters.ptr != NULL) {
        loss_add(w->loss, SLICE("tools.format"));
    }
    if (tool->cache != CACHE_MARK_NONE) {
        loss_add(w->loss, SLICE("tools.cache_control"));
    }
}

static void write_functions(struct gemini_writer *w)
{
    bool begun = false;
    for (size_t i = 0; i < w->chat->tool_count; i++) {
        const struct chat_tool *tool = &w->chat->tools[i];
        if (tool->name.ptr == NULL) {
            continue;
        }
        if (!begun) {
            begun = true;
            json_begin_object(&w->json);
            json_key(&w->json, SLICE("functionDeclarations"));
            json_begin_array(&w->json);
        }
        write_declaration(w, tool);
    }
    if (begun) {
        json_end_array(&w->json);
        json_end_object(&w->json);
    }
}

static void write_list(struct gemini_writer *w)
{
    bool any = false;
    for (size_t i = 0; i < w->chat->tool_count; i++) {
        bool vendor = w->chat->tools[i].name.ptr == NULL;
        if (vendor && !w->same) {
            loss_add(w->loss, SLICE("tools")); /* a built-in tool of another vendor */
        }
        any = any || !vendor || w->same;
    }
    if (!any) {
        return;
    }
    json_key(&w->json, SLICE("tools"));
    json_begin_array(&w->json);
    write_functions(w);
    for (size_t i = 0; w->same && i < w->chat->tool_count; i++) {
        if (w->chat->tools[i].name.ptr == NULL) {
            json_write_raw(&w->json, w->chat->tools[i].raw);
        }
    }
    json_end_array(&w->json);
}

static bool has_extra(const struct gemini_writer *w, uint32_t node, struct slice key)
{
    if (!w->same || node == JSON_ABSENT) {
        return false;
    }
    struct slice raw = json_raw(w->chat->doc, node);
    for (size_t i = 0; i < w->chat->extra_count; i++) {
        const struct chat_extra *extra = &w->chat->extras[i];
        bool within = extra->key.ptr > raw.ptr && extra->key.ptr < raw.ptr + raw.len;
        if (within && json_inner_is(extra->key, key)) {
            return true;
        }
    }
    return false;
}

static void write_calling(struct gemini_writer *w, uint32_t own)
{
    static const struct slice modes[] = {
        [TOOL_CHOICE_NONE] = SLICE_INIT("NONE"),
        [TOOL_CHOICE_AUTO] = SLICE_INIT("AUTO"),
        [TOOL_CHOICE_REQUIRED] = SLICE_INIT("ANY"),
        [TOOL_CHOICE_NAMED] = SLICE_INIT("ANY"),
    };
    enum tool_choice choice = w->chat->tool_choice;
    if (choice != TOOL_CHOICE_UNSET && !has_extra(w, own, SLICE("mode"))) {
        json_member_string(&w->json, SLICE("mode"), modes[choice]);
    }
    if (choice == TOOL_CHOICE_NAMED) {
        json_key(&w->json, SLICE("allowedFunctionNames"));
        json_begin_array(&w->json);
        json_write_inner(&w->json, w->chat->tool_choice_name);
        json_end_array(&w->json);
    }
    gemini_write_extras(w, own, NULL, 0);
}

/* The client's own objects, where it used this dialect. */
static void own_nodes(const struct gemini_writer *w, uint32_t *ret_config, uint32_t *ret_calling)
{
    uint32_t values[GEMINI_NAMES];
    uint32_t inside[2];
    const struct json_doc *doc = w->chat->doc;
    *ret_config = JSON_ABSENT;
    *ret_calling = JSON_ABSENT;
    if (!w->same) {
        return;
    }
    gemini_members_scan(doc, gemini_request_node(w->chat), &gemini_members, values);
    if (json_is(doc, values[GEMINI_TOOL_CONFIG], JSON_OBJECT)) {
        *ret_config = values[GEMINI_TOOL_CONFIG];
        gemini_members_scan(doc, *ret_config, &gemini_tool_config_members, inside);
        *ret_calling = json_is(doc, inside[0], JSON_OBJECT) ? inside[0] : JSON_ABSENT;
    }
}

/* A choice among no tools says nothing, and Google refuses it. */
static void write_choice(struct gemini_writer *w)
{
    uint32_t config;
    uint32_t calling;
    own_nodes(w, &config, &calling);
    bool chosen = w->chat->tool_choice != TOOL_CHOICE_UNSET && w->chat->tool_count > 0;
    if (config == JSON_ABSENT && !chosen) {
        return;
    }
    json_key(&w->json, SLICE("toolConfig"));
    json_begin_object(&w->json);
    if (chosen || calling != JSON_ABSENT) {
        json_key(&w->json, SLICE("functionCallingConfig"));
        json_begin_object(&w->json);
        write_calling(w, calling);
        json_end_object(&w->json);
    }
    gemini_write_extras(w, config, &calling, 1);
    json_end_object(&w->json);
}

void gemini_write_tools(struct gemini_writer *w)
{
    if (w->chat->tool_count > 0) {
        write_list(w);
    }
    if (!w->bare) {
        write_choice(w);
    }
}

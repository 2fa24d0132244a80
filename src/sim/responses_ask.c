/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads requests in the words of OpenAI Responses.
 */
#include "sim/responses.h"

#include <stdio.h>

static uint32_t member(const struct sim_reading *r, const char *path)
{
    return json_path(r->doc, JSON_ROOT, path);
}

static void read_item(struct sim_reading *r, uint32_t item)
{
    uint32_t type = json_member(r->doc, item, SLICE("type"));
    bool result = sim_read_is(r, type, "function_call_output") ||
                  sim_read_is(r, type, "custom_tool_call_output");

    if (result) {
        sim_read_turn(r, false, true);
        sim_read_content(r, json_member(r->doc, item, SLICE("output")));
    } else if (type == JSON_ABSENT || sim_read_is(r, type, "message")) {
        uint32_t role = json_member(r->doc, item, SLICE("role"));
        sim_read_turn(r, !sim_read_is(r, role, "assistant"), false);
        sim_read_content(r, json_member(r->doc, item, SLICE("content")));
    }
}

static void read_input(struct sim_reading *r)
{
    uint32_t input = member(r, "input");

    sim_read_text(r, member(r, "instructions"));
    if (json_is(r->doc, input, JSON_STRING)) {
        sim_read_turn(r, true, false);
        sim_read_text(r, input);
    }
    for (uint32_t i = json_is(r->doc, input, JSON_ARRAY) ? json_first(r->doc, input) : JSON_ABSENT;
         i != JSON_ABSENT; i = json_next(r->doc, input, i)) {
        read_item(r, i);
    }
}

static void read_tools(struct sim_reading *r, uint32_t tools)
{
    if (!json_is(r->doc, tools, JSON_ARRAY)) {
        return;
    }
    for (uint32_t i = json_first(r->doc, tools); i != JSON_ABSENT;
         i = json_next(r->doc, tools, i)) {
        uint32_t type = json_member(r->doc, i, SLICE("type"));
        bool custom = sim_read_is(r, type, "custom");
        if (custom || sim_read_is(r, type, "function")) {
            sim_read_tool(r, json_member(r->doc, i, SLICE("name")),
                          json_member(r->doc, i, SLICE("parameters")), custom);
        }
    }
}

static void read_options(struct sim_reading *r)
{
    struct sim_ask *ask = r->ask;
    uint32_t choice = member(r, "tool_choice");
    uint32_t reasoning = member(r, "reasoning");
    uint32_t format = member(r, "text.format.type");

    ask->stream = sim_read_flag(r, member(r, "stream"), false);
    ask->kept = sim_read_flag(r, member(r, "store"), true);
    sim_read_number(r, member(r, "max_output_tokens"), &ask->max_tokens);
    ask->json = sim_read_is(r, format, "json_object") || sim_read_is(r, format, "json_schema");
    ask->schema = member(r, "text.format.schema");
    ask->thinks = json_is(r->doc, reasoning, JSON_OBJECT) &&
                  !sim_read_is(r, member(r, "reasoning.effort"), "none");
    ask->tool_required = sim_read_is(r, choice, "required") || json_is(r->doc, choice, JSON_OBJECT);
    ask->tool_forbidden = sim_read_is(r, choice, "none");
    ask->tool = sim_read_string(r, json_member(r->doc, choice, SLICE("name")));
    ask->one_tool = !sim_read_flag(r, member(r, "parallel_tool_calls"), true);
}

/* What the conversation before leaves: its length, and a script that goes on. */
static void read_kept(struct sim_reading *r, const struct sim_kept *kept)
{
    r->ask->prompt_tokens += kept->prompt_tokens;
    r->ask->hash ^= kept->id;
    r->ask->results = kept->results;
    if (kept->script_len > 0) {
        r->ask->script = arena_copy(r->arena, slice_of(kept->script, kept->script_len));
    }
}

bool sim_responses_read(struct sim_reading *r)
{
    struct slice previous = sim_read_string(r, member(r, "previous_response_id"));
    const struct sim_kept *kept = NULL;
    char text[SIM_ITEM_ID];
    unsigned long long id = 0;

    if (previous.len > 0) {
        slice_to_cstr(previous, text, sizeof(text));
        kept = sscanf(text, "resp_%16llx", &id) == 1 ? sim_memory_find(r->memory, id) : NULL;
        if (kept == NULL) {
            return error_set(r->error, ERROR_INVALID, "previous_response_not_found",
                             "Previous response with id '%.*s' not found.", SLICE_ARG(previous));
        }
        read_kept(r, kept);
    }
    if (!sim_responses_check(r, kept)) {
        return false;
    }
    read_options(r);
    read_tools(r, member(r, "tools"));
    read_input(r);
    return true;
}

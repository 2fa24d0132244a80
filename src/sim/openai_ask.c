/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads requests in the words of OpenAI Chat, Completions and Embeddings.
 */
#include "sim/openai_private.h"

static uint32_t member(const struct sim_reading *r, const char *path)
{
    return json_path(r->doc, JSON_ROOT, path);
}

static void read_messages(struct sim_reading *r, uint32_t messages)
{
    if (!json_is(r->doc, messages, JSON_ARRAY)) {
        return;
    }
    for (uint32_t i = json_first(r->doc, messages); i != JSON_ABSENT;
         i = json_next(r->doc, messages, i)) {
        uint32_t role = json_member(r->doc, i, SLICE("role"));
        sim_read_turn(r, !sim_read_is(r, role, "assistant"),
                      sim_read_is(r, role, "tool") || sim_read_is(r, role, "function"));
        sim_read_content(r, json_member(r->doc, i, SLICE("content")));
    }
}

static void read_tools(struct sim_reading *r)
{
    struct sim_ask *ask = r->ask;
    uint32_t choice = member(r, "tool_choice");

    sim_read_functions(r, member(r, "tools"));
    ask->tool_required = sim_read_is(r, choice, "required") || json_is(r->doc, choice, JSON_OBJECT);
    ask->tool_forbidden = sim_read_is(r, choice, "none");
    ask->tool = sim_read_string(r, member(r, "tool_choice.function.name"));
    if (ask->tool.len == 0) {
        ask->tool = sim_read_string(r, member(r, "tool_choice.custom.name"));
    }
    ask->one_tool = !sim_read_flag(r, member(r, "parallel_tool_calls"), true);
}

static void read_options(struct sim_reading *r)
{
    struct sim_ask *ask = r->ask;
    int64_t choices = 1;
    uint32_t type = member(r, "response_format.type");

    sim_read_number(r, member(r, "max_tokens"), &ask->max_tokens);
    sim_read_number(r, member(r, "max_completion_tokens"), &ask->max_tokens);
    sim_read_number(r, member(r, "n"), &choices);
    ask->choices = choices < 1                 ? 1
                   : choices > SIM_CHOICES_MAX ? SIM_CHOICES_MAX
                                               : (unsigned)choices;
    sim_read_stops(r, member(r, "stop"));
    ask->stream = sim_read_flag(r, member(r, "stream"), false);
    ask->include_usage = sim_read_flag(r, member(r, "stream_options.include_usage"), false);
    ask->json = sim_read_is(r, type, "json_object") || sim_read_is(r, type, "json_schema");
    ask->schema = member(r, "response_format.json_schema.schema");
}

bool sim_openai_read(struct sim_reading *r)
{
    uint32_t suffix = member(r, "suffix");

    if (r->ask->operation == SIM_CHAT && !sim_openai_check(r)) {
        return false;
    }
    read_options(r);
    read_tools(r);
    sim_read_content(r, member(r, "prompt"));
    read_messages(r, member(r, "messages"));
    if (json_is(r->doc, suffix, JSON_STRING)) {
        struct slice last = r->ask->last;
        sim_read_text(r, suffix);
        r->ask->suffix = r->ask->last;
        r->ask->last = last;
    }
    return true;
}

/* One text, one list of tokens, or a list of either. */
bool sim_openai_read_embeddings(struct sim_reading *r)
{
    uint32_t input = member(r, "input");

    sim_read_content(r, input);
    r->ask->base64 = sim_read_is(r, member(r, "encoding_format"), "base64");
    sim_read_number(r, member(r, "dimensions"), &r->ask->dimensions);
    if (r->ask->dimensions < 1 || r->ask->dimensions > SIM_DIMENSIONS_MAX) {
        return error_set(r->error, ERROR_INVALID, "invalid_value", "'dimensions' is out of range");
    }
    if (json_is(r->doc, input, JSON_ARRAY) && json_count(r->doc, input) > 0 &&
        !json_is(r->doc, json_first(r->doc, input), JSON_NUMBER)) {
        for (uint32_t i = json_first(r->doc, input); i != JSON_ABSENT;
             i = json_next(r->doc, input, i)) {
            sim_read_input(r, i);
        }
    } else if (json_is(r->doc, input, JSON_STRING) ||
               (json_is(r->doc, input, JSON_ARRAY) && json_count(r->doc, input) > 0)) {
        sim_read_input(r, input);
    }
    if (r->ask->input_count == 0) {
        return error_set(r->error, ERROR_INVALID, "invalid_value", "'input' cannot be empty");
    }
    return true;
}

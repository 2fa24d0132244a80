/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads requests in Anthropic's words.
 */
#include "sim/anthropic.h"

static uint32_t member(const struct sim_reading *r, const char *path)
{
    return json_path(r->doc, JSON_ROOT, path);
}

/* A block of a message; images and documents inside tool results count as such. */
static void read_block(struct sim_reading *r, uint32_t block)
{
    uint32_t type = json_member(r->doc, block, SLICE("type"));

    if (sim_read_is(r, type, "text")) {
        sim_read_text(r, json_member(r->doc, block, SLICE("text")));
    } else if (sim_read_is(r, type, "image") || sim_read_is(r, type, "document")) {
        sim_read_image(r);
    } else if (sim_read_is(r, type, "tool_result")) {
        sim_read_result(r, true);
        sim_read_content(r, json_member(r->doc, block, SLICE("content")));
        sim_read_result(r, false);
    }
}

static void read_messages(struct sim_reading *r, uint32_t messages)
{
    for (uint32_t i = json_first(r->doc, messages); i != JSON_ABSENT;
         i = json_next(r->doc, messages, i)) {
        uint32_t content = json_member(r->doc, i, SLICE("content"));
        bool system = sim_read_is(r, json_member(r->doc, i, SLICE("role")), "system");
        bool after = r->ask->after_tool;
        sim_read_turn(r, !sim_read_is(r, json_member(r->doc, i, SLICE("role")), "assistant"),
                      false);
        r->ask->after_tool = system && after;
        sim_read_text(r, content);
        if (!json_is(r->doc, content, JSON_ARRAY)) {
            continue;
        }
        for (uint32_t j = json_first(r->doc, content); j != JSON_ABSENT;
             j = json_next(r->doc, content, j)) {
            read_block(r, j);
        }
    }
}

static void read_tools(struct sim_reading *r)
{
    struct sim_ask *ask = r->ask;
    uint32_t tools = member(r, "tools");
    uint32_t choice = member(r, "tool_choice.type");

    if (json_is(r->doc, tools, JSON_ARRAY)) {
        for (uint32_t i = json_first(r->doc, tools); i != JSON_ABSENT;
             i = json_next(r->doc, tools, i)) {
            sim_read_tool(r, json_member(r->doc, i, SLICE("name")),
                          json_member(r->doc, i, SLICE("input_schema")), false);
        }
    }
    ask->tool_required = sim_read_is(r, choice, "any") || sim_read_is(r, choice, "tool");
    ask->tool_forbidden = sim_read_is(r, choice, "none");
    ask->tool = sim_read_string(r, member(r, "tool_choice.name"));
    ask->one_tool = sim_read_flag(r, member(r, "tool_choice.disable_parallel_tool_use"), false);
}

bool sim_anthropic_read_count(struct sim_reading *r)
{
    uint32_t thinking = member(r, "thinking.type");
    uint32_t format = member(r, "output_config.format");

    if (!sim_anthropic_check(r)) {
        return false;
    }
    r->ask->thinks = sim_read_is(r, thinking, "enabled") || sim_read_is(r, thinking, "adaptive");
    r->ask->json = json_is(r->doc, format, JSON_OBJECT);
    r->ask->schema = json_member(r->doc, format, SLICE("schema"));
    r->ask->stream = sim_read_flag(r, member(r, "stream"), false);
    sim_read_number(r, member(r, "max_tokens"), &r->ask->max_tokens);
    sim_read_stops(r, member(r, "stop_sequences"));
    read_tools(r);
    sim_read_content(r, member(r, "system"));
    read_messages(r, member(r, "messages"));
    return true;
}

bool sim_anthropic_read(struct sim_reading *r)
{
    int64_t max_tokens = 0;

    sim_read_number(r, member(r, "max_tokens"), &max_tokens);
    if (member(r, "max_tokens") == JSON_ABSENT) {
        return error_set(r->error, ERROR_INVALID, "invalid_request_error",
                         "max_tokens: Field required");
    }
    if (max_tokens < 1) {
        return error_set(r->error, ERROR_INVALID, "invalid_request_error",
                         "max_tokens: Input should be greater than or equal to 1");
    }
    return sim_anthropic_read_count(r);
}

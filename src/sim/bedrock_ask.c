/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads requests in the words of Converse.
 */
#include "sim/bedrock.h"

static uint32_t member(const struct sim_reading *r, const char *path)
{
    return json_path(r->doc, JSON_ROOT, path);
}

/* Results hold texts, JSON, images and documents. */
static void read_result(struct sim_reading *r, uint32_t result)
{
    uint32_t content = json_member(r->doc, result, SLICE("content"));

    sim_read_result(r, true);
    for (uint32_t i = json_first(r->doc, content); i != JSON_ABSENT;
         i = json_next(r->doc, content, i)) {
        uint32_t text = json_member(r->doc, i, SLICE("text"));
        if (text != JSON_ABSENT) {
            sim_read_text(r, text);
        } else if (json_member(r->doc, i, SLICE("json")) == JSON_ABSENT) {
            sim_read_image(r);
        }
    }
    sim_read_result(r, false);
}

static void read_block(struct sim_reading *r, uint32_t block)
{
    uint32_t result = json_member(r->doc, block, SLICE("toolResult"));

    sim_read_text(r, json_member(r->doc, block, SLICE("text")));
    if (result != JSON_ABSENT) {
        read_result(r, result);
    } else if (json_member(r->doc, block, SLICE("image")) != JSON_ABSENT ||
               json_member(r->doc, block, SLICE("document")) != JSON_ABSENT) {
        sim_read_image(r);
    }
}

static void read_messages(struct sim_reading *r, uint32_t messages)
{
    for (uint32_t i = json_first(r->doc, messages); i != JSON_ABSENT;
         i = json_next(r->doc, messages, i)) {
        uint32_t content = json_member(r->doc, i, SLICE("content"));
        sim_read_turn(r, sim_read_is(r, json_member(r->doc, i, SLICE("role")), "user"), false);
        for (uint32_t j = json_first(r->doc, content); j != JSON_ABSENT;
             j = json_next(r->doc, content, j)) {
            read_block(r, j);
        }
    }
}

static void read_tools(struct sim_reading *r)
{
    struct sim_ask *ask = r->ask;
    uint32_t tools = member(r, "toolConfig.tools");

    for (uint32_t i = tools == JSON_ABSENT ? JSON_ABSENT : json_first(r->doc, tools);
         i != JSON_ABSENT; i = json_next(r->doc, tools, i)) {
        uint32_t spec = json_member(r->doc, i, SLICE("toolSpec"));
        sim_read_tool(r, json_member(r->doc, spec, SLICE("name")),
                      json_path(r->doc, spec, "inputSchema.json"), false);
    }
    ask->tool = sim_read_string(r, member(r, "toolConfig.toolChoice.tool.name"));
    ask->tool_required = ask->tool.len > 0 || member(r, "toolConfig.toolChoice.any") != JSON_ABSENT;
}

/* Each vendor's models have words of their own for it. */
static bool thinks(const struct sim_reading *r)
{
    uint32_t claude = member(r, "additionalModelRequestFields.thinking.type");
    uint32_t nova = member(r, "additionalModelRequestFields.reasoningConfig.type");

    return sim_read_is(r, claude, "enabled") || sim_read_is(r, claude, "adaptive") ||
           sim_read_is(r, nova, "enabled");
}

static bool read_format(struct sim_reading *r)
{
    uint32_t schema = member(r, "outputConfig.textFormat.structure.jsonSchema.schema");

    if (member(r, "outputConfig.textFormat") == JSON_ABSENT) {
        return true;
    }
    r->ask->json = true;
    return sim_read_schema_text(r, schema) ||
           error_set(r->error, ERROR_INVALID, "ValidationException",
                     "The value at outputConfig.textFormat.structure.jsonSchema.schema is not a "
                     "valid JSON schema.");
}

bool sim_bedrock_read(struct sim_reading *r)
{
    if (!sim_bedrock_check(r) || !sim_bedrock_check_turns(r) || !read_format(r)) {
        return false;
    }
    r->ask->thinks = thinks(r);
    sim_read_number(r, member(r, "inferenceConfig.maxTokens"), &r->ask->max_tokens);
    sim_read_stops(r, member(r, "inferenceConfig.stopSequences"));
    read_tools(r);
    sim_read_content(r, member(r, "system"));
    read_messages(r, member(r, "messages"));
    return true;
}

bool sim_bedrock_read_stream(struct sim_reading *r)
{
    r->ask->stream = true;
    return sim_bedrock_read(r);
}

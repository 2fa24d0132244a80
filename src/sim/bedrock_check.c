/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Converse refuses of a request's members: limits, tools, the answer's form. Members that it
 * does not know are refused too: the service only overlooks them, but nobody should send any. The
 * conversation is checked in bedrock_turns.c.
 */
#include "sim/bedrock.h"

#include <stdio.h>

#define NAME_MAX_LEN 64
#define CACHE_POINTS_MAX 4
#define STOPS_MAX 2500
#define BUDGET_LEAST 1024
#define HUNDREDTHS 2

static bool fail(const struct sim_reading *r, const char *text)
{
    return error_set(r->error, ERROR_INVALID, "ValidationException", "%s", text);
}

static uint32_t member(const struct sim_reading *r, const char *path)
{
    return json_path(r->doc, JSON_ROOT, path);
}

bool sim_bedrock_only(const struct sim_reading *r, uint32_t object, const char *names,
                      const char *where)
{
    if (object == JSON_ABSENT) {
        return true;
    }
    if (!json_is(r->doc, object, JSON_OBJECT)) {
        return error_set(r->error, ERROR_INVALID, "ValidationException",
                         "The value at %s is not an object.", where);
    }
    for (uint32_t i = json_first(r->doc, object); i != JSON_ABSENT;
         i = json_next(r->doc, object, i)) {
        struct slice rest = slice_from_cstr(names);
        bool found = false;
        while (rest.len > 0 && !found) {
            found = json_string_is(r->doc, i, slice_cut(&rest, ' '));
        }
        if (!found) {
            return error_set(r->error, ERROR_INVALID, "ValidationException",
                             "Unknown member '%.*s' at %s.", SLICE_ARG(json_inner(r->doc, i)),
                             where);
        }
    }
    return true;
}

bool sim_bedrock_is_name(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if ((c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' &&
            c != '-') {
            return false;
        }
    }
    return text.len > 0 && text.len <= NAME_MAX_LEN;
}

/* --- the prompt cache --- */

bool sim_bedrock_check_cache(const struct sim_reading *r, uint32_t point, const char *where)
{
    uint32_t ttl = json_member(r->doc, point, SLICE("ttl"));

    if (!sim_bedrock_only(r, point, "type ttl", where)) {
        return false;
    }
    if (!sim_read_is(r, json_member(r->doc, point, SLICE("type")), "default")) {
        return error_set(r->error, ERROR_INVALID, "ValidationException",
                         "Value at '%s.type' failed to satisfy constraint: Member must satisfy "
                         "enum value set: [default]",
                         where);
    }
    return ttl == JSON_ABSENT || sim_read_is(r, ttl, "5m") || sim_read_is(r, ttl, "1h") ||
           error_set(r->error, ERROR_INVALID, "ValidationException",
                     "Value at '%s.ttl' failed to satisfy constraint: Member must satisfy enum "
                     "value set: [5m, 1h]",
                     where);
}

/* Wherever they stand. */
static bool check_cache_points(const struct sim_reading *r)
{
    unsigned points = 0;

    for (uint32_t i = 0; i + 1 < r->doc->count; i++) {
        points += json_is(r->doc, i, JSON_STRING) &&
                  json_string_is(r->doc, i, SLICE("cachePoint")) &&
                  json_is(r->doc, i + 1, JSON_OBJECT);
    }
    return points <= CACHE_POINTS_MAX ||
           error_set(r->error, ERROR_INVALID, "ValidationException",
                     "The model returned the following errors: A maximum of 4 blocks with "
                     "cache_control may be provided. Found %u.",
                     points);
}

/* --- inference --- */

static bool check_share(const struct sim_reading *r, const char *name)
{
    uint32_t value = json_member(r->doc, member(r, "inferenceConfig"), slice_from_cstr(name));
    int64_t hundredths;

    if (value == JSON_ABSENT) {
        return true;
    }
    if (!json_scaled(r->doc, value, HUNDREDTHS, &hundredths) || hundredths < 0 ||
        hundredths > 100) {
        return error_set(r->error, ERROR_INVALID, "ValidationException",
                         "1 validation error detected: Value at 'inferenceConfig.%s' failed to "
                         "satisfy constraint: Member must have value between 0 and 1",
                         name);
    }
    return true;
}

static bool check_stops(const struct sim_reading *r)
{
    uint32_t stops = member(r, "inferenceConfig.stopSequences");

    if (stops == JSON_ABSENT) {
        return true;
    }
    if (!json_is(r->doc, stops, JSON_ARRAY) || json_count(r->doc, stops) > STOPS_MAX) {
        return fail(r, "The value at inferenceConfig.stopSequences is not a list of at most 2500 "
                       "strings.");
    }
    for (uint32_t i = json_first(r->doc, stops); i != JSON_ABSENT;
         i = json_next(r->doc, stops, i)) {
        if (slice_trim(sim_read_string(r, i)).len == 0) {
            return fail(r, "The model returned the following errors: stop_sequences: each stop "
                           "sequence must contain non-whitespace");
        }
    }
    return true;
}

static bool check_inference(const struct sim_reading *r)
{
    uint32_t config = member(r, "inferenceConfig");
    uint32_t tokens = json_member(r->doc, config, SLICE("maxTokens"));
    int64_t count = 0;

    if (!sim_bedrock_only(r, config, "maxTokens temperature topP stopSequences",
                          "inferenceConfig")) {
        return false;
    }
    sim_read_number(r, tokens, &count);
    if (tokens != JSON_ABSENT && count < 1) {
        return fail(r, "1 validation error detected: Value at 'inferenceConfig.maxTokens' failed "
                       "to satisfy constraint: Member must have value greater than or equal to 1");
    }
    return check_share(r, "temperature") && check_share(r, "topP") && check_stops(r);
}

/* What Claude refuses when it has a budget for its thoughts. */
static bool check_thinking(const struct sim_reading *r)
{
    uint32_t fields = member(r, "additionalModelRequestFields");
    uint32_t temperature = member(r, "inferenceConfig.temperature");
    uint32_t choice = member(r, "toolConfig.toolChoice");
    int64_t budget = 0;
    int64_t max_tokens = INT64_MAX;
    int64_t hundredths = 0;

    if (!sim_read_is(r, json_path(r->doc, fields, "thinking.type"), "enabled")) {
        return true;
    }
    sim_read_number(r, json_path(r->doc, fields, "thinking.budget_tokens"), &budget);
    sim_read_number(r, member(r, "inferenceConfig.maxTokens"), &max_tokens);
    if (budget < BUDGET_LEAST) {
        return fail(r, "The model returned the following errors: thinking.enabled.budget_tokens: "
                       "Input should be greater than or equal to 1024");
    }
    if (budget >= max_tokens) {
        return fail(r, "The model returned the following errors: `max_tokens` must be greater "
                       "than `thinking.budget_tokens`.");
    }
    if (temperature != JSON_ABSENT &&
        (!json_scaled(r->doc, temperature, HUNDREDTHS, &hundredths) || hundredths != 100)) {
        return fail(r, "The model returned the following errors: `temperature` may only be set to "
                       "1 when thinking is enabled.");
    }
    if (json_member(r->doc, choice, SLICE("any")) != JSON_ABSENT ||
        json_member(r->doc, choice, SLICE("tool")) != JSON_ABSENT) {
        return fail(r, "The model returned the following errors: Thinking may not be enabled when "
                       "tool_choice forces tool use.");
    }
    return true;
}

/* --- tools --- */

static bool check_spec(const struct sim_reading *r, uint32_t spec, unsigned index)
{
    uint32_t schema = json_path(r->doc, spec, "inputSchema.json");
    uint32_t description = json_member(r->doc, spec, SLICE("description"));
    char where[64];

    (void)snprintf(where, sizeof(where), "toolConfig.tools.%u.toolSpec", index);
    if (!sim_bedrock_only(r, spec, "name description inputSchema strict", where) ||
        !sim_bedrock_only(r, json_member(r->doc, spec, SLICE("inputSchema")), "json", where)) {
        return false;
    }
    if (!sim_bedrock_is_name(sim_read_string(r, json_member(r->doc, spec, SLICE("name"))))) {
        return error_set(r->error, ERROR_INVALID, "ValidationException",
                         "1 validation error detected: Value at '%s.name' failed to satisfy "
                         "constraint: Member must satisfy regular expression pattern: "
                         "[a-zA-Z0-9_-]+",
                         where);
    }
    if (description != JSON_ABSENT && sim_read_string(r, description).len == 0) {
        return error_set(r->error, ERROR_INVALID, "ValidationException",
                         "1 validation error detected: Value at '%s.description' failed to satisfy "
                         "constraint: Member must have length greater than or equal to 1",
                         where);
    }
    if (!sim_read_is(r, json_member(r->doc, schema, SLICE("type")), "object")) {
        return error_set(r->error, ERROR_INVALID, "ValidationException",
                         "The value at %s.inputSchema.json.type must be one of the following: "
                         "object.",
                         where);
    }
    return true;
}

static bool is_repeated(const struct sim_reading *r, uint32_t tools, uint32_t tool)
{
    struct slice name = sim_read_string(r, json_path(r->doc, tool, "toolSpec.name"));

    for (uint32_t i = json_first(r->doc, tools); i != JSON_ABSENT && i != tool;
         i = json_next(r->doc, tools, i)) {
        if (name.len > 0 &&
            slice_eq(sim_read_string(r, json_path(r->doc, i, "toolSpec.name")), name)) {
            return true;
        }
    }
    return false;
}

static bool check_tool(const struct sim_reading *r, uint32_t tools, uint32_t tool, unsigned index)
{
    uint32_t spec = json_member(r->doc, tool, SLICE("toolSpec"));
    uint32_t point = json_member(r->doc, tool, SLICE("cachePoint"));

    if (!json_is(r->doc, tool, JSON_OBJECT) || json_count(r->doc, tool) != 1 ||
        !sim_bedrock_only(r, tool, "toolSpec systemTool cachePoint", "toolConfig.tools")) {
        return error_set(r->error, ERROR_INVALID, "ValidationException",
                         "Tool object at toolConfig.tools.%u must set one of the following keys: "
                         "toolSpec, systemTool, cachePoint.",
                         index);
    }
    if (point != JSON_ABSENT) {
        return index > 0 ? sim_bedrock_check_cache(r, point, "toolConfig.tools.cachePoint")
                         : fail(r, "A cache point cannot be inserted before the first tool.");
    }
    if (is_repeated(r, tools, tool)) {
        return fail(r, "The model returned the following errors: tools: Tool names must be "
                       "unique.");
    }
    return spec == JSON_ABSENT || check_spec(r, spec, index);
}

static bool check_choice(const struct sim_reading *r, uint32_t choice)
{
    if (choice == JSON_ABSENT) {
        return true;
    }
    if (!sim_bedrock_only(r, choice, "auto any tool", "toolConfig.toolChoice")) {
        return false;
    }
    if (json_count(r->doc, choice) != 1) {
        return fail(r, "ToolChoice object at toolConfig.toolChoice must set one of the following "
                       "keys: auto, any, tool.");
    }
    return sim_bedrock_only(r, json_member(r->doc, choice, SLICE("auto")), "",
                            "toolConfig.toolChoice.auto") &&
           sim_bedrock_only(r, json_member(r->doc, choice, SLICE("any")), "",
                            "toolConfig.toolChoice.any") &&
           sim_bedrock_only(r, json_member(r->doc, choice, SLICE("tool")), "name",
                            "toolConfig.toolChoice.tool");
}

static bool check_tools(const struct sim_reading *r)
{
    uint32_t config = member(r, "toolConfig");
    uint32_t tools = json_member(r->doc, config, SLICE("tools"));
    unsigned index = 0;

    if (config == JSON_ABSENT) {
        return true;
    }
    if (!sim_bedrock_only(r, config, "tools toolChoice", "toolConfig")) {
        return false;
    }
    if (!json_is(r->doc, tools, JSON_ARRAY) || json_count(r->doc, tools) == 0) {
        return fail(r, "1 validation error detected: Value at 'toolConfig.tools' failed to "
                       "satisfy constraint: Member must have length greater than or equal to 1");
    }
    for (uint32_t i = json_first(r->doc, tools); i != JSON_ABSENT;
         i = json_next(r->doc, tools, i)) {
        if (!check_tool(r, tools, i, index++)) {
            return false;
        }
    }
    return check_choice(r, json_member(r->doc, config, SLICE("toolChoice")));
}

/* --- the answer's form, and the whole --- */

static bool check_output(const struct sim_reading *r)
{
    uint32_t config = member(r, "outputConfig");
    uint32_t format = json_member(r->doc, config, SLICE("textFormat"));
    uint32_t structure = json_member(r->doc, format, SLICE("structure"));

    return sim_bedrock_only(r, config, "textFormat effort", "outputConfig") &&
           sim_bedrock_only(r, format, "type structure", "outputConfig.textFormat") &&
           sim_bedrock_only(r, structure, "jsonSchema", "outputConfig.textFormat.structure") &&
           sim_bedrock_only(r, json_member(r->doc, structure, SLICE("jsonSchema")),
                            "schema name description",
                            "outputConfig.textFormat.structure.jsonSchema") &&
           (format == JSON_ABSENT ||
            sim_read_is(r, json_member(r->doc, format, SLICE("type")), "json_schema") ||
            fail(r, "1 validation error detected: Value at 'outputConfig.textFormat.type' failed "
                    "to satisfy constraint: Member must satisfy enum value set: [json_schema]"));
}

static bool check_tier(const struct sim_reading *r)
{
    static const char *const tiers[] = {"default", "priority", "flex", "reserved"};
    uint32_t tier = member(r, "serviceTier");
    bool known = tier == JSON_ABSENT;

    for (size_t i = 0; i < ARRAY_LEN(tiers); i++) {
        known |= sim_read_is(r, json_member(r->doc, tier, SLICE("type")), tiers[i]);
    }
    return sim_bedrock_only(r, tier, "type", "serviceTier") &&
           (known || fail(r, "1 validation error detected: Value at 'serviceTier.type' failed to "
                             "satisfy constraint: Member must satisfy enum value set: [priority, "
                             "default, flex, reserved]"));
}

bool sim_bedrock_check(const struct sim_reading *r)
{
    static const char names[] =
        "messages system inferenceConfig toolConfig guardrailConfig additionalModelRequestFields "
        "promptVariables additionalModelResponseFieldPaths requestMetadata performanceConfig "
        "serviceTier outputConfig";

    return sim_bedrock_only(r, JSON_ROOT, names, "the request") && check_inference(r) &&
           check_thinking(r) && check_tools(r) && check_output(r) && check_tier(r) &&
           check_cache_points(r);
}

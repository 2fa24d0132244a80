/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the Messages API refuses of a request's members: versions, unknown members, limits, tools.
 * The conversation is checked in anthropic_turns.c.
 */
#include "sim/anthropic.h"

#define NAME_MAX_LEN 128
#define BUDGET_LEAST 1024
#define CACHE_MARKS_MAX 4

static bool fail(const struct sim_reading *r, const char *text)
{
    return error_set(r->error, ERROR_INVALID, "invalid_request_error", "%s", text);
}

static uint32_t member(const struct sim_reading *r, const char *path)
{
    return json_path(r->doc, JSON_ROOT, path);
}

bool sim_anthropic_beta(const struct sim_reading *r, struct slice name)
{
    struct slice betas = sim_request_header(r->ask->request, SLICE("anthropic-beta"));

    while (betas.len > 0) {
        if (slice_eq(slice_trim(slice_cut(&betas, ',')), name)) {
            return true;
        }
    }
    return false;
}

/* --- the version and its members --- */

static bool check_members(const struct sim_reading *r)
{
    static const struct slice known[] = {
        SLICE_INIT("model"),         SLICE_INIT("messages"),
        SLICE_INIT("system"),        SLICE_INIT("max_tokens"),
        SLICE_INIT("metadata"),      SLICE_INIT("stop_sequences"),
        SLICE_INIT("stream"),        SLICE_INIT("temperature"),
        SLICE_INIT("top_p"),         SLICE_INIT("top_k"),
        SLICE_INIT("tools"),         SLICE_INIT("tool_choice"),
        SLICE_INIT("thinking"),      SLICE_INIT("service_tier"),
        SLICE_INIT("container"),     SLICE_INIT("context_management"),
        SLICE_INIT("mcp_servers"),   SLICE_INIT("output_config"),
        SLICE_INIT("output_format"), SLICE_INIT("inference_geo"),
        SLICE_INIT("cache_control"), SLICE_INIT("speed"),
        SLICE_INIT("diagnostics"),   SLICE_INIT("fallbacks"),
    };

    for (uint32_t i = json_first(r->doc, JSON_ROOT); i != JSON_ABSENT;
         i = json_next(r->doc, JSON_ROOT, i)) {
        bool found = false;
        for (size_t j = 0; j < ARRAY_LEN(known) && !found; j++) {
            found = json_string_is(r->doc, i, known[j]);
        }
        if (!found) {
            return error_set(r->error, ERROR_INVALID, "invalid_request_error",
                             "%.*s: Extra inputs are not permitted",
                             SLICE_ARG(json_inner(r->doc, i)));
        }
    }
    return true;
}

static bool check_version(const struct sim_reading *r)
{
    static const char *const sampling[] = {"temperature", "top_p", "top_k"};
    struct slice version = sim_request_header(r->ask->request, SLICE("anthropic-version"));

    if (version.len == 0) {
        return fail(r, "anthropic-version: header is required");
    }
    if (slice_eq(version, SLICE("2023-06-01"))) {
        return true;
    }
    if (!slice_eq(version, SLICE("2026-10-21"))) {
        return error_set(r->error, ERROR_INVALID, "invalid_request_error",
                         "anthropic-version: \"%.*s\" is not a valid version", SLICE_ARG(version));
    }
    for (size_t i = 0; i < ARRAY_LEN(sampling); i++) {
        if (member(r, sampling[i]) != JSON_ABSENT) {
            return error_set(r->error, ERROR_INVALID, "invalid_request_error",
                             "%s: Extra inputs are not permitted", sampling[i]);
        }
    }
    return true;
}

/* --- limits --- */

static bool check_sampling(const struct sim_reading *r, bool thinks)
{
    uint32_t temperature = member(r, "temperature");
    int64_t hundredths;

    if (temperature == JSON_ABSENT) {
        return true;
    }
    if (!json_scaled(r->doc, temperature, 2, &hundredths) || hundredths < 0) {
        return fail(r, "temperature: Input should be a valid number");
    }
    if (hundredths > 100) {
        return fail(r, "temperature: range: 0..1");
    }
    if (thinks && hundredths != 100) {
        return fail(r, "`temperature` may only be set to 1 when thinking is enabled.");
    }
    return true;
}

static bool check_thinking(const struct sim_reading *r)
{
    uint32_t type = member(r, "thinking.type");
    uint32_t choice = member(r, "tool_choice.type");
    int64_t budget = 0;
    int64_t max_tokens = INT64_MAX;

    if (!sim_read_is(r, type, "enabled")) {
        return true;
    }
    sim_read_number(r, member(r, "thinking.budget_tokens"), &budget);
    sim_read_number(r, member(r, "max_tokens"), &max_tokens);
    if (budget < BUDGET_LEAST) {
        return fail(r, "thinking.enabled.budget_tokens: Input should be greater than or equal to "
                       "1024");
    }
    if (budget >= max_tokens) {
        return fail(r, "`max_tokens` must be greater than `thinking.budget_tokens`.");
    }
    if (sim_read_is(r, choice, "any") || sim_read_is(r, choice, "tool")) {
        return fail(r, "Thinking may not be enabled when tool_choice forces tool use.");
    }
    return true;
}

static bool is_blank(struct slice text)
{
    return slice_trim(text).len == 0;
}

static bool check_stops(const struct sim_reading *r)
{
    uint32_t stops = member(r, "stop_sequences");

    if (stops == JSON_ABSENT) {
        return true;
    }
    if (!json_is(r->doc, stops, JSON_ARRAY)) {
        return fail(r, "stop_sequences: Input should be a valid list");
    }
    for (uint32_t i = json_first(r->doc, stops); i != JSON_ABSENT;
         i = json_next(r->doc, stops, i)) {
        if (is_blank(sim_read_string(r, i))) {
            return fail(r, "stop_sequences: each stop sequence must contain non-whitespace");
        }
    }
    return true;
}

/* Marks of the prompt cache, wherever they stand. */
static bool check_cache_marks(const struct sim_reading *r)
{
    unsigned marks = 0;

    for (uint32_t i = 0; i + 1 < r->doc->count; i++) {
        marks += json_is(r->doc, i, JSON_STRING) &&
                 json_string_is(r->doc, i, SLICE("cache_control")) &&
                 json_is(r->doc, i + 1, JSON_OBJECT) &&
                 sim_read_is(r, json_member(r->doc, i + 1, SLICE("type")), "ephemeral");
    }
    if (marks > CACHE_MARKS_MAX) {
        return error_set(r->error, ERROR_INVALID, "invalid_request_error",
                         "A maximum of 4 blocks with cache_control may be provided. Found %u.",
                         marks);
    }
    return true;
}

/* --- tools --- */

static bool is_name(struct slice text)
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

static bool check_tool(const struct sim_reading *r, uint32_t tool, unsigned index)
{
    uint32_t type = json_member(r->doc, tool, SLICE("type"));
    uint32_t schema = json_member(r->doc, tool, SLICE("input_schema"));

    if (!is_name(sim_read_string(r, json_member(r->doc, tool, SLICE("name"))))) {
        return error_set(r->error, ERROR_INVALID, "invalid_request_error",
                         "tools.%u.custom.name: String should match pattern "
                         "'^[a-zA-Z0-9_-]{1,128}$'",
                         index);
    }
    if (type != JSON_ABSENT && !sim_read_is(r, type, "custom")) {
        return true; /* a server's tool */
    }
    if (json_member(r->doc, tool, SLICE("function")) != JSON_ABSENT) {
        return error_set(r->error, ERROR_INVALID, "invalid_request_error",
                         "tools.%u.custom.function: Extra inputs are not permitted", index);
    }
    if (!json_is(r->doc, schema, JSON_OBJECT)) {
        return error_set(r->error, ERROR_INVALID, "invalid_request_error",
                         "tools.%u.custom.input_schema: Field required", index);
    }
    if (!sim_read_is(r, json_member(r->doc, schema, SLICE("type")), "object")) {
        return error_set(r->error, ERROR_INVALID, "invalid_request_error",
                         "tools.%u.custom.input_schema.type: Input should be 'object'", index);
    }
    return true;
}

static bool is_repeated(const struct sim_reading *r, uint32_t tools, uint32_t tool)
{
    struct slice name = sim_read_string(r, json_member(r->doc, tool, SLICE("name")));

    for (uint32_t i = json_first(r->doc, tools); i != JSON_ABSENT && i != tool;
         i = json_next(r->doc, tools, i)) {
        if (slice_eq(sim_read_string(r, json_member(r->doc, i, SLICE("name"))), name)) {
            return true;
        }
    }
    return false;
}

static bool check_tools(const struct sim_reading *r)
{
    uint32_t tools = member(r, "tools");
    uint32_t choice = member(r, "tool_choice");
    unsigned index = 0;

    if (tools != JSON_ABSENT && !json_is(r->doc, tools, JSON_ARRAY)) {
        return fail(r, "tools: Input should be a valid list");
    }
    for (uint32_t i = tools == JSON_ABSENT ? JSON_ABSENT : json_first(r->doc, tools);
         i != JSON_ABSENT; i = json_next(r->doc, tools, i)) {
        if (!check_tool(r, i, index++)) {
            return false;
        }
        if (is_repeated(r, tools, i)) {
            return fail(r, "tools: Tool names must be unique.");
        }
    }
    if (choice != JSON_ABSENT && !json_is(r->doc, choice, JSON_OBJECT)) {
        return fail(r, "tool_choice: Input should be an object");
    }
    if (choice != JSON_ABSENT && index == 0) {
        return fail(r, "tool_choice may only be specified while providing tools.");
    }
    return true;
}

static bool check_format(const struct sim_reading *r)
{
    uint32_t format = member(r, "output_config.format");
    uint32_t schema = json_member(r->doc, format, SLICE("schema"));

    if (!json_is(r->doc, format, JSON_OBJECT)) {
        return true;
    }
    if (!sim_read_is(r, json_member(r->doc, format, SLICE("type")), "json_schema") ||
        !json_is(r->doc, schema, JSON_OBJECT)) {
        return fail(r, "output_config.format.schema: Field required");
    }
    uint32_t additional = json_member(r->doc, schema, SLICE("additionalProperties"));
    if (sim_read_is(r, json_member(r->doc, schema, SLICE("type")), "object") &&
        !json_is(r->doc, additional, JSON_FALSE)) {
        return fail(r, "output_config.format.schema: For 'object' type, 'additionalProperties' "
                       "must be explicitly set to false");
    }
    return true;
}

bool sim_anthropic_check(struct sim_reading *r)
{
    uint32_t type = member(r, "thinking.type");
    bool thinks = sim_read_is(r, type, "enabled");

    return check_version(r) && check_members(r) &&
           check_sampling(r, thinks || sim_read_is(r, type, "adaptive")) && check_thinking(r) &&
           check_stops(r) && check_cache_marks(r) && check_tools(r) && check_format(r) &&
           sim_anthropic_check_turns(r, thinks);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Gemini refuses of a request's members and of a conversation: unknown names, schemas in
 * words that are not OpenAPI's, calls without as many responses, thought signatures that do not
 * come back.
 */
#include "sim/gemini.h"

#include "sim/seal.h"

#define STOPS_MAX 5
#define NAME_MOST 128

static bool fail(const struct sim_reading *r, const char *text)
{
    return error_set(r->error, ERROR_INVALID, "INVALID_ARGUMENT", "%s", text);
}

static bool is_known(const struct sim_reading *r, uint32_t key, const char *const *names,
                     size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (json_string_is(r->doc, key, slice_from_cstr(names[i]))) {
            return true;
        }
    }
    return false;
}

static bool check_names(const struct sim_reading *r, uint32_t object, const char *const *names,
                        size_t count, const char *where)
{
    if (!json_is(r->doc, object, JSON_OBJECT)) {
        return true;
    }
    for (uint32_t i = json_first(r->doc, object); i != JSON_ABSENT;
         i = json_next(r->doc, object, i)) {
        if (!is_known(r, i, names, count)) {
            return error_set(r->error, ERROR_INVALID, "INVALID_ARGUMENT",
                             "Invalid JSON payload received. Unknown name \"%.*s\"%s: Cannot find "
                             "field.",
                             SLICE_ARG(json_inner(r->doc, i)), where);
        }
    }
    return true;
}

/* --- members --- */

static const char *const config_names[] = {
    "candidateCount",
    "stopSequences",
    "maxOutputTokens",
    "temperature",
    "topP",
    "topK",
    "seed",
    "presencePenalty",
    "frequencyPenalty",
    "responseMimeType",
    "responseSchema",
    "responseJsonSchema",
    "responseLogprobs",
    "logprobs",
    "thinkingConfig",
    "responseModalities",
    "speechConfig",
    "mediaResolution",
    "imageConfig",
    "enableEnhancedCivicAnswers",
    "candidate_count",
    "stop_sequences",
    "max_output_tokens",
    "top_p",
    "top_k",
    "presence_penalty",
    "frequency_penalty",
    "response_mime_type",
    "response_schema",
    "response_logprobs",
    "response_json_schema",
    "thinking_config",
};

static bool check_config(const struct sim_reading *r, uint32_t root)
{
    uint32_t config = sim_gemini_member(r, root, "generationConfig");
    uint32_t temperature = sim_gemini_member(r, config, "temperature");
    uint32_t stops = sim_gemini_member(r, config, "stopSequences");
    uint32_t type = sim_gemini_member(r, config, "responseMimeType");
    bool schema = sim_gemini_member(r, config, "responseSchema") != JSON_ABSENT ||
                  sim_gemini_member(r, config, "responseJsonSchema") != JSON_ABSENT;
    int64_t hundredths = 0;

    if (!check_names(r, config, config_names, ARRAY_LEN(config_names), " at 'generation_config'")) {
        return false;
    }
    if (temperature != JSON_ABSENT &&
        (!json_scaled(r->doc, temperature, 2, &hundredths) || hundredths < 0 || hundredths > 200)) {
        return fail(r, "Unable to submit request because it has a temperature value that is out of "
                       "range. The supported range is from 0 (inclusive) to 2.0001 (exclusive).");
    }
    if (json_is(r->doc, stops, JSON_ARRAY) && json_count(r->doc, stops) > STOPS_MAX) {
        return fail(r, "The stop_sequences may have at most 5 entries.");
    }
    if (schema && !sim_read_is(r, type, "application/json")) {
        return fail(r, "Function calling config or response schema needs response_mime_type "
                       "'application/json'");
    }
    return true;
}

/* Is it the map of a schema's properties, whose names are free? */
static bool is_properties(const struct sim_reading *r, uint32_t object)
{
    if (!sim_read_is(r, object - 1, "properties")) {
        return false;
    }
    for (uint32_t i = json_first(r->doc, object); i != JSON_ABSENT;
         i = json_next(r->doc, object, i)) {
        if (!json_is(r->doc, i + 1, JSON_OBJECT)) {
            return false; /* a property that is called "properties" */
        }
    }
    return true;
}

/* The OpenAPI subset of `parameters`: all objects below it, wherever they stand. */
static bool check_schema(const struct sim_reading *r, uint32_t schema, const char *where)
{
    static const char *const names[] = {
        "type",      "format",        "title",         "description", "nullable",
        "enum",      "maxItems",      "minItems",      "properties",  "required",
        "minLength", "minProperties", "maxProperties", "maxLength",   "pattern",
        "example",   "anyOf",         "default",       "items",       "propertyOrdering",
        "minimum",   "maximum",
    };
    uint32_t end = json_is(r->doc, schema, JSON_OBJECT) ? r->doc->nodes[schema].next : schema;

    for (uint32_t i = schema; i < end; i++) {
        if (!json_is(r->doc, i, JSON_OBJECT) || is_properties(r, i)) {
            continue;
        }
        if (sim_read_is(r, i - 1, "default") || sim_read_is(r, i - 1, "example")) {
            i = r->doc->nodes[i].next - 1; /* a value, not a schema */
            continue;
        }
        uint32_t type = json_member(r->doc, i, SLICE("type"));
        if (!check_names(r, i, names, ARRAY_LEN(names), where)) {
            return false;
        }
        if (type != JSON_ABSENT && !json_is(r->doc, type, JSON_STRING)) {
            return error_set(r->error, ERROR_INVALID, "INVALID_ARGUMENT",
                             "Invalid JSON payload received. Unknown name \"type\"%s: Proto field "
                             "is not repeating, cannot start list.",
                             where);
        }
    }
    return true;
}

static bool check_function(const struct sim_reading *r, uint32_t function)
{
    uint32_t parameters = sim_gemini_member(r, function, "parameters");
    struct slice name = sim_read_string(r, json_member(r->doc, function, SLICE("name")));
    bool good = name.len > 0 && name.len <= NAME_MOST;

    for (size_t i = 0; i < name.len && good; i++) {
        char c = name.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        good = letter || (i > 0 && ((c >= '0' && c <= '9') || c == '.' || c == ':' || c == '-'));
    }
    if (!good) {
        return fail(r, "Invalid function name. Must start with a letter or an underscore. Must be "
                       "alphanumeric (a-z, A-Z, 0-9), underscores (_), dots (.), colons (:), or "
                       "dashes (-), with a maximum length of 128.");
    }
    if (parameters != JSON_ABSENT &&
        sim_gemini_member(r, function, "parametersJsonSchema") != JSON_ABSENT) {
        return fail(r, "parameters and parameters_json_schema must not both be set");
    }
    return check_schema(r, parameters, " at 'tools[0].function_declarations[0].parameters'");
}

static bool check_tools(const struct sim_reading *r, uint32_t root)
{
    uint32_t tools = sim_gemini_member(r, root, "tools");

    if (!json_is(r->doc, tools, JSON_ARRAY)) {
        return true;
    }
    for (uint32_t i = json_first(r->doc, tools); i != JSON_ABSENT;
         i = json_next(r->doc, tools, i)) {
        uint32_t functions = sim_gemini_member(r, i, "functionDeclarations");
        if (!json_is(r->doc, functions, JSON_ARRAY)) {
            continue;
        }
        for (uint32_t j = json_first(r->doc, functions); j != JSON_ABSENT;
             j = json_next(r->doc, functions, j)) {
            if (!check_function(r, j)) {
                return false;
            }
        }
    }
    return true;
}

bool sim_gemini_check(const struct sim_reading *r, uint32_t root)
{
    static const char *const names[] = {
        "contents",       "tools",           "toolConfig",        "tool_config",
        "safetySettings", "safety_settings", "systemInstruction", "system_instruction",
        "cachedContent",  "cached_content",  "generationConfig",  "generation_config",
        "model",          "labels",          "serviceTier",       "service_tier",
        "store",
    };
    uint32_t config = sim_gemini_member(r, root, "generationConfig");

    return check_names(r, root, names, ARRAY_LEN(names), "") && check_config(r, root) &&
           check_schema(r, sim_gemini_member(r, config, "responseSchema"),
                        " at 'generation_config.response_schema'") &&
           check_tools(r, root);
}

/* --- conversations --- */

struct turns {
    const struct sim_reading *r;
    unsigned content; /* index */
    size_t calls;     /* of the content before */
    size_t responses; /* of this one */
    size_t texts;     /* and others, of this one */
    bool sealed;      /* the first call of this content has its signature */
    /* The first call without one since the user last said something; 0: none. */
    unsigned unsealed;
    struct slice name;
};

static bool check_inline(const struct turns *t, uint32_t data)
{
    struct slice bytes = sim_read_string(t->r, json_member(t->r->doc, data, SLICE("data")));

    if (sim_read_string(t->r, sim_gemini_member(t->r, data, "mimeType")).len == 0) {
        return error_set(t->r->error, ERROR_INVALID, "INVALID_ARGUMENT",
                         "contents[%u].parts.inline_data.mime_type: required", t->content);
    }
    for (size_t i = 0; i < bytes.len; i++) {
        char c = bytes.ptr[i];
        if ((c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '+' &&
            c != '/' && c != '=' && c != '-' && c != '_') {
            return error_set(t->r->error, ERROR_INVALID, "INVALID_ARGUMENT",
                             "Invalid value at 'contents[%u].parts.inline_data.data' (TYPE_BYTES), "
                             "Base64 decoding failed",
                             t->content);
        }
    }
    return bytes.len > 0 || fail(t->r, "inline_data.data: required");
}

static void check_call(struct turns *t, uint32_t part, uint32_t call, size_t number)
{
    struct slice seal = sim_read_string(t->r, sim_gemini_member(t->r, part, "thoughtSignature"));
    bool waved = slice_eq(seal, SLICE("skip_thought_signature_validator")) ||
                 slice_eq(seal, SLICE("context_engineering_is_the_way_to_go"));

    if (number == 0 && !waved && !sim_seal_sound(seal) && t->unsealed == 0) {
        t->unsealed = t->content + 1;
        t->name = sim_read_string(t->r, json_member(t->r->doc, call, SLICE("name")));
    }
}

static bool check_part(struct turns *t, uint32_t part, size_t *calls)
{
    const struct sim_reading *r = t->r;
    uint32_t call = sim_gemini_member(r, part, "functionCall");
    uint32_t response = sim_gemini_member(r, part, "functionResponse");
    uint32_t data = sim_gemini_member(r, part, "inlineData");

    if (json_is(r->doc, call, JSON_OBJECT)) {
        uint32_t args = json_member(r->doc, call, SLICE("args"));
        check_call(t, part, call, (*calls)++);
        return args == JSON_ABSENT || json_is(r->doc, args, JSON_OBJECT) ||
               fail(r, "Invalid value at 'contents.parts.function_call.args' "
                       "(type.googleapis.com/google.protobuf.Struct)");
    }
    if (json_is(r->doc, response, JSON_OBJECT)) {
        t->responses++;
        return json_is(r->doc, json_member(r->doc, response, SLICE("response")), JSON_OBJECT) ||
               fail(r, "Invalid value at 'contents.parts.function_response.response' "
                       "(type.googleapis.com/google.protobuf.Struct)");
    }
    t->texts++;
    if (json_is(r->doc, data, JSON_OBJECT)) {
        return check_inline(t, data);
    }
    if (json_is(r->doc, sim_gemini_member(r, part, "text"), JSON_STRING) ||
        json_is(r->doc, sim_gemini_member(r, part, "fileData"), JSON_OBJECT) ||
        json_is(r->doc, sim_gemini_member(r, part, "executableCode"), JSON_OBJECT) ||
        json_is(r->doc, sim_gemini_member(r, part, "codeExecutionResult"), JSON_OBJECT)) {
        return true;
    }
    return error_set(r->error, ERROR_INVALID, "INVALID_ARGUMENT",
                     "contents[%u].parts: required oneof field 'data' must have one initialized "
                     "field",
                     t->content);
}

static bool check_content(struct turns *t, uint32_t content)
{
    const struct sim_reading *r = t->r;
    uint32_t parts = sim_gemini_member(r, content, "parts");
    struct slice role = sim_read_string(r, json_member(r->doc, content, SLICE("role")));
    size_t calls = 0;

    t->responses = 0;
    t->texts = 0;
    if (role.len > 0 && !slice_eq(role, SLICE("user")) && !slice_eq(role, SLICE("model")) &&
        !slice_eq(role, SLICE("function"))) {
        return fail(r, "Please use a valid role: user, model.");
    }
    if (!json_is(r->doc, parts, JSON_ARRAY) || json_count(r->doc, parts) == 0) {
        return error_set(r->error, ERROR_INVALID, "INVALID_ARGUMENT",
                         "contents[%u].parts: must not be empty.", t->content);
    }
    for (uint32_t i = json_first(r->doc, parts); i != JSON_ABSENT;
         i = json_next(r->doc, parts, i)) {
        if (!check_part(t, i, &calls)) {
            return false;
        }
    }
    if (t->responses != t->calls) {
        return fail(r, "Please ensure that the number of function response parts is equal to the "
                       "number of function call parts of the function call turn.");
    }
    if (calls > 0 && !slice_eq(role, SLICE("model"))) {
        return fail(r, "Please ensure that function call turns have the role model.");
    }
    if (t->responses == 0 && t->texts > 0 && !slice_eq(role, SLICE("model"))) {
        t->unsealed = 0; /* the user speaks: what was before is no longer looked at */
    }
    t->calls = calls;
    t->content++;
    return true;
}

bool sim_gemini_check_turns(const struct sim_reading *r, uint32_t root)
{
    uint32_t contents = sim_gemini_member(r, root, "contents");
    struct turns t = {.r = r};

    if (!json_is(r->doc, contents, JSON_ARRAY) || json_count(r->doc, contents) == 0) {
        return fail(r, "* GenerateContentRequest.contents: contents is not specified\n");
    }
    for (uint32_t i = json_first(r->doc, contents); i != JSON_ABSENT;
         i = json_next(r->doc, contents, i)) {
        if (!check_content(&t, i)) {
            return false;
        }
    }
    if (t.calls > 0) {
        return fail(r, "Please ensure that function call turn comes immediately before a function "
                       "response turn.");
    }
    if (t.unsealed > 0) {
        return error_set(r->error, ERROR_INVALID, "INVALID_ARGUMENT",
                         "Function call is missing a thought_signature in functionCall parts. This "
                         "is required for tools to work correctly. Function call `%.*s`, position "
                         "%u.",
                         SLICE_ARG(t.name), t.unsealed);
    }
    return true;
}

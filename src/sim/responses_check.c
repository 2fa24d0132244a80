/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the Responses API refuses: unknown parameters, parts and items, tools without a name,
 * results without calls and calls without results, altered encrypted reasoning.
 */
#include "sim/responses.h"

#include "base/hash.h"
#include "sim/seal.h"

#define CALLS_MAX 256

struct items {
    const struct sim_reading *r;
    unsigned index;
    uint64_t calls[CALLS_MAX]; /* that wait for their result: hashes of ids */
    struct slice names[CALLS_MAX];
    size_t call_count;
};

static uint32_t of(const struct sim_reading *r, uint32_t object, const char *name)
{
    return json_member(r->doc, object, slice_from_cstr(name));
}

static bool fail(const struct items *t, const char *code, const char *path, const char *text)
{
    return error_set(t->r->error, ERROR_INVALID, code, "Invalid 'input[%u]%s': %s", t->index, path,
                     text);
}

/* --- parameters --- */

static bool check_parameters(const struct sim_reading *r)
{
    static const char *const names[] = {
        "model",
        "input",
        "instructions",
        "tools",
        "tool_choice",
        "text",
        "reasoning",
        "include",
        "store",
        "stream",
        "stream_options",
        "previous_response_id",
        "metadata",
        "temperature",
        "top_p",
        "top_logprobs",
        "truncation",
        "user",
        "service_tier",
        "parallel_tool_calls",
        "conversation",
        "background",
        "prompt",
        "max_output_tokens",
        "max_tool_calls",
        "prompt_cache_key",
        "safety_identifier",
        "prompt_cache_retention",
        "client_metadata",
        "context_management",
    };

    for (uint32_t i = json_first(r->doc, JSON_ROOT); i != JSON_ABSENT;
         i = json_next(r->doc, JSON_ROOT, i)) {
        bool known = false;
        for (size_t j = 0; j < ARRAY_LEN(names) && !known; j++) {
            known = json_string_is(r->doc, i, slice_from_cstr(names[j]));
        }
        if (!known) {
            return error_set(r->error, ERROR_INVALID, "unknown_parameter",
                             "Unknown parameter: '%.*s'.", SLICE_ARG(json_inner(r->doc, i)));
        }
    }
    return true;
}

static bool check_tools(const struct sim_reading *r)
{
    uint32_t tools = of(r, JSON_ROOT, "tools");
    unsigned index = 0;

    if (!json_is(r->doc, tools, JSON_ARRAY)) {
        return true;
    }
    for (uint32_t i = json_first(r->doc, tools); i != JSON_ABSENT;
         i = json_next(r->doc, tools, i)) {
        uint32_t type = of(r, i, "type");
        bool named = sim_read_is(r, type, "function") || sim_read_is(r, type, "custom") ||
                     sim_read_is(r, type, "namespace");
        if (!json_is(r->doc, type, JSON_STRING)) {
            return error_set(r->error, ERROR_INVALID, "missing_required_parameter",
                             "Missing required parameter: 'tools[%u].type'.", index);
        }
        if (named && sim_read_string(r, of(r, i, "name")).len == 0) {
            return error_set(r->error, ERROR_INVALID, "missing_required_parameter",
                             "Missing required parameter: 'tools[%u].name'.", index);
        }
        index++;
    }
    return true;
}

static bool check_format(const struct sim_reading *r)
{
    uint32_t format = json_path(r->doc, JSON_ROOT, "text.format");

    if (sim_read_is(r, of(r, format, "type"), "json_schema") &&
        (sim_read_string(r, of(r, format, "name")).len == 0 ||
         !json_is(r->doc, of(r, format, "schema"), JSON_OBJECT))) {
        return error_set(r->error, ERROR_INVALID, "missing_required_parameter",
                         "Missing required parameter: 'text.format.name' or 'text.format.schema'.");
    }
    return true;
}

/* --- items --- */

static bool check_part(const struct items *t, uint32_t part, bool assistant)
{
    const struct sim_reading *r = t->r;
    uint32_t type = of(r, part, "type");
    uint32_t image = of(r, part, "image_url");

    if (assistant) {
        return sim_read_is(r, type, "output_text") || sim_read_is(r, type, "refusal") ||
               fail(t, "invalid_value", ".content.type",
                    "Supported values are: 'output_text' and 'refusal'.");
    }
    if (!sim_read_is(r, type, "input_text") && !sim_read_is(r, type, "input_image") &&
        !sim_read_is(r, type, "input_file") && !sim_read_is(r, type, "input_audio")) {
        return fail(t, "invalid_value", ".content.type",
                    "Supported values are: 'input_text', 'input_image' and 'input_file'.");
    }
    if (image != JSON_ABSENT && !json_is(r->doc, image, JSON_STRING)) {
        return fail(t, "invalid_type", ".content.image_url",
                    "expected an image URL, but got an object instead.");
    }
    return true;
}

static bool check_message(const struct items *t, uint32_t item)
{
    static const char *const roles[] = {"user", "assistant", "system", "developer"};
    const struct sim_reading *r = t->r;
    uint32_t role = of(r, item, "role");
    uint32_t content = of(r, item, "content");
    bool known = false;

    for (size_t i = 0; i < ARRAY_LEN(roles); i++) {
        known |= sim_read_is(r, role, roles[i]);
    }
    if (!known) {
        return fail(t, "invalid_value", ".role",
                    "Supported values are: 'assistant', 'system', 'developer', and 'user'.");
    }
    if (json_is(r->doc, content, JSON_STRING)) {
        return true;
    }
    if (!json_is(r->doc, content, JSON_ARRAY)) {
        return fail(t, "missing_required_parameter", ".content", "required");
    }
    for (uint32_t i = json_first(r->doc, content); i != JSON_ABSENT;
         i = json_next(r->doc, content, i)) {
        if (!check_part(t, i, sim_read_is(r, role, "assistant"))) {
            return false;
        }
    }
    return true;
}

static bool check_call(struct items *t, uint32_t item, bool custom)
{
    const struct sim_reading *r = t->r;
    struct slice id = sim_read_string(r, of(r, item, "id"));
    struct slice call = sim_read_string(r, of(r, item, "call_id"));

    if (call.len == 0 || sim_read_string(r, of(r, item, "name")).len == 0) {
        return fail(t, "missing_required_parameter", ".call_id", "call_id and name are required");
    }
    if (!json_is(r->doc, of(r, item, custom ? "input" : "arguments"), JSON_STRING)) {
        return fail(t, "invalid_type", custom ? ".input" : ".arguments", "expected a string.");
    }
    if (id.len > 0 && !slice_starts(id, custom ? SLICE("ctc") : SLICE("fc"))) {
        return fail(t, "invalid_value", ".id",
                    custom ? "Expected an ID that begins with 'ctc'."
                           : "Expected an ID that begins with 'fc'.");
    }
    if (t->call_count < CALLS_MAX) {
        t->names[t->call_count] = call;
        t->calls[t->call_count++] = hash_stable(call);
    }
    return true;
}

static bool check_output(struct items *t, uint32_t item)
{
    const struct sim_reading *r = t->r;
    struct slice call = sim_read_string(r, of(r, item, "call_id"));
    uint32_t output = of(r, item, "output");

    if (!json_is(r->doc, output, JSON_STRING) && !json_is(r->doc, output, JSON_ARRAY)) {
        return fail(t, "invalid_type", ".output", "expected a string or an array.");
    }
    for (size_t i = 0; i < t->call_count; i++) {
        if (t->calls[i] == hash_stable(call)) {
            t->calls[i] = t->calls[--t->call_count];
            t->names[i] = t->names[t->call_count];
            return true;
        }
    }
    return error_set(r->error, ERROR_INVALID, "invalid_request_error",
                     "No tool call found for function call output with call_id %.*s.",
                     SLICE_ARG(call));
}

static bool check_reasoning(const struct items *t, uint32_t item)
{
    const struct sim_reading *r = t->r;
    struct slice sealed = sim_read_string(r, of(r, item, "encrypted_content"));

    if (!slice_starts(sim_read_string(r, of(r, item, "id")), SLICE("rs_"))) {
        return fail(t, "invalid_value", ".id", "Expected an ID that begins with 'rs'.");
    }
    if (!json_is(r->doc, of(r, item, "summary"), JSON_ARRAY)) {
        return fail(t, "missing_required_parameter", ".summary", "required");
    }
    if (sealed.len > 0 && !sim_seal_sound(sealed)) {
        return error_set(r->error, ERROR_INVALID, "invalid_encrypted_content",
                         "The encrypted content for item %.*s could not be verified. Reason: "
                         "Encrypted content could not be decrypted or parsed.",
                         SLICE_ARG(sim_read_string(r, of(r, item, "id"))));
    }
    return true;
}

static bool check_item(struct items *t, uint32_t item)
{
    uint32_t type = of(t->r, item, "type");

    if (type == JSON_ABSENT || sim_read_is(t->r, type, "message")) {
        return check_message(t, item);
    }
    if (sim_read_is(t->r, type, "function_call") || sim_read_is(t->r, type, "custom_tool_call")) {
        return check_call(t, item, sim_read_is(t->r, type, "custom_tool_call"));
    }
    if (sim_read_is(t->r, type, "function_call_output") ||
        sim_read_is(t->r, type, "custom_tool_call_output")) {
        return check_output(t, item);
    }
    if (sim_read_is(t->r, type, "reasoning")) {
        return check_reasoning(t, item);
    }
    if (sim_read_is(t->r, type, "item_reference") || sim_read_is(t->r, type, "web_search_call") ||
        sim_read_is(t->r, type, "compaction")) {
        return true;
    }
    return fail(t, "invalid_value", ".type", "unknown kind of item");
}

static bool check_items(struct items *t, const struct sim_kept *kept)
{
    const struct sim_reading *r = t->r;
    uint32_t input = of(r, JSON_ROOT, "input");

    for (size_t i = 0; kept != NULL && i < kept->call_count; i++) {
        t->names[t->call_count] = SLICE("(of the previous response)");
        t->calls[t->call_count++] = kept->calls[i];
    }
    if (!json_is(r->doc, input, JSON_STRING) && !json_is(r->doc, input, JSON_ARRAY)) {
        return error_set(r->error, ERROR_INVALID, "missing_required_parameter",
                         "Missing required parameter: 'input'.");
    }
    for (uint32_t i = json_is(r->doc, input, JSON_ARRAY) ? json_first(r->doc, input) : JSON_ABSENT;
         i != JSON_ABSENT; i = json_next(r->doc, input, i)) {
        if (!check_item(t, i)) {
            return false;
        }
        t->index++;
    }
    if (t->call_count > 0) {
        return error_set(r->error, ERROR_INVALID, "invalid_request_error",
                         "No tool output found for function call %.*s.", SLICE_ARG(t->names[0]));
    }
    return true;
}

bool sim_responses_check(const struct sim_reading *r, const struct sim_kept *kept)
{
    struct items items = {.r = r};

    return check_parameters(r) && check_tools(r) && check_format(r) && check_items(&items, kept);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Chat Completions refuses and gateways get wrong: results that follow no call or are
 * missing, arguments that are no text, parts and tools in another dialect's words.
 */
#include "sim/openai_private.h"

#define CALLS_MAX 64
#define STOPS_MAX 4

struct chat {
    const struct sim_reading *r;
    unsigned index;                /* of the message */
    struct slice calls[CALLS_MAX]; /* that wait for their results */
    size_t call_count;
};

static uint32_t of(const struct sim_reading *r, uint32_t object, const char *name)
{
    return json_member(r->doc, object, slice_from_cstr(name));
}

static bool is_one_of(const struct sim_reading *r, uint32_t value, const char *const *names,
                      size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (sim_read_is(r, value, names[i])) {
            return true;
        }
    }
    return false;
}

static bool fail(const struct chat *c, const char *code, const char *text)
{
    return error_set(c->r->error, ERROR_INVALID, code, "messages[%u]: %s", c->index, text);
}

/* --- messages --- */

static bool check_content(const struct chat *c, uint32_t content, bool user)
{
    static const char *const kinds[] = {"text", "image_url", "input_audio", "file", "refusal"};
    const struct sim_reading *r = c->r;

    if (!json_is(r->doc, content, JSON_ARRAY)) {
        return true;
    }
    for (uint32_t i = json_first(r->doc, content); i != JSON_ABSENT;
         i = json_next(r->doc, content, i)) {
        uint32_t type = of(r, i, "type");
        if (!is_one_of(r, type, kinds, ARRAY_LEN(kinds))) {
            return fail(c, "invalid_value",
                        "Supported values of a part's type are: 'text', 'image_url', "
                        "'input_audio', 'refusal', and 'file'.");
        }
        if (!sim_read_is(r, type, "image_url")) {
            continue;
        }
        if (!user) {
            return fail(c, "invalid_value",
                        "Image URLs are only allowed for messages with role 'user', but this "
                        "message with another role contains an image URL.");
        }
        if (sim_read_string(r, of(r, of(r, i, "image_url"), "url")).len == 0) {
            return fail(c, "invalid_type", "image_url.url: expected a string.");
        }
    }
    return true;
}

static bool check_call(struct chat *c, uint32_t call)
{
    const struct sim_reading *r = c->r;
    bool custom = sim_read_is(r, of(r, call, "type"), "custom");
    uint32_t body = of(r, call, custom ? "custom" : "function");
    struct slice id = sim_read_string(r, of(r, call, "id"));

    if (!custom && !sim_read_is(r, of(r, call, "type"), "function")) {
        return fail(c, "missing_required_parameter", "tool_calls.type: required");
    }
    if (id.len == 0 || sim_read_string(r, of(r, body, "name")).len == 0) {
        return fail(c, "missing_required_parameter", "tool_calls: id and name are required");
    }
    if (!json_is(r->doc, of(r, body, custom ? "input" : "arguments"), JSON_STRING)) {
        return fail(c, "invalid_type",
                    "tool_calls.function.arguments: expected a string, but got an object instead.");
    }
    if (c->call_count < CALLS_MAX) {
        c->calls[c->call_count++] = id;
    }
    return true;
}

static bool check_calls(struct chat *c, uint32_t calls)
{
    const struct sim_reading *r = c->r;

    if (!json_is(r->doc, calls, JSON_ARRAY)) {
        return true;
    }
    if (json_count(r->doc, calls) == 0) {
        return fail(c, "empty_array", "tool_calls: expected an array with minimum length 1.");
    }
    for (uint32_t i = json_first(r->doc, calls); i != JSON_ABSENT;
         i = json_next(r->doc, calls, i)) {
        if (!check_call(c, i)) {
            return false;
        }
    }
    return true;
}

static bool check_result(struct chat *c, uint32_t message)
{
    struct slice id = sim_read_string(c->r, of(c->r, message, "tool_call_id"));

    for (size_t i = 0; i < c->call_count; i++) {
        if (slice_eq(c->calls[i], id)) {
            c->calls[i] = c->calls[--c->call_count];
            return true;
        }
    }
    return fail(c, "invalid_request_error",
                "messages with role 'tool' must be a response to a preceeding message with "
                "'tool_calls'.");
}

static bool check_waiting(const struct chat *c)
{
    if (c->call_count == 0) {
        return true;
    }
    return error_set(c->r->error, ERROR_INVALID, "invalid_request_error",
                     "An assistant message with 'tool_calls' must be followed by tool messages "
                     "responding to each 'tool_call_id'. The following tool_call_ids did not have "
                     "response messages: %.*s",
                     SLICE_ARG(c->calls[0]));
}

static bool check_message(struct chat *c, uint32_t message)
{
    static const char *const roles[] = {"system",    "developer", "user",
                                        "assistant", "tool",      "function"};
    const struct sim_reading *r = c->r;
    uint32_t role = of(r, message, "role");

    if (role != JSON_ABSENT && !is_one_of(r, role, roles, ARRAY_LEN(roles))) {
        return fail(c, "invalid_value",
                    "Supported values of role are: 'system', 'assistant', 'user', 'function', "
                    "'tool', and 'developer'.");
    }
    if (!check_content(c, of(r, message, "content"), sim_read_is(r, role, "user"))) {
        return false;
    }
    if (sim_read_is(r, role, "tool")) {
        return check_result(c, message);
    }
    return check_waiting(c) && check_calls(c, of(r, message, "tool_calls"));
}

/* --- the other members --- */

static bool check_tools(const struct sim_reading *r)
{
    uint32_t tools = of(r, JSON_ROOT, "tools");
    unsigned index = 0;

    if (json_is(r->doc, tools, JSON_ARRAY) && json_count(r->doc, tools) == 0) {
        return error_set(r->error, ERROR_INVALID, "empty_array",
                         "Invalid 'tools': empty array. Expected an array with minimum length 1.");
    }
    for (uint32_t i = json_is(r->doc, tools, JSON_ARRAY) ? json_first(r->doc, tools) : JSON_ABSENT;
         i != JSON_ABSENT; i = json_next(r->doc, tools, i)) {
        uint32_t custom = of(r, i, "custom");
        uint32_t body = custom != JSON_ABSENT ? custom : of(r, i, "function");
        if (sim_read_string(r, of(r, body, "name")).len == 0) {
            return error_set(r->error, ERROR_INVALID, "missing_required_parameter",
                             "Missing required parameter: 'tools[%u].function.name'.", index);
        }
        index++;
    }
    if (tools == JSON_ABSENT && of(r, JSON_ROOT, "tool_choice") != JSON_ABSENT) {
        return error_set(r->error, ERROR_INVALID, "invalid_value",
                         "'tool_choice' is only allowed when 'tools' are specified.");
    }
    return true;
}

static bool check_members(const struct sim_reading *r)
{
    uint32_t stop = of(r, JSON_ROOT, "stop");
    uint32_t format = of(r, JSON_ROOT, "response_format");

    if (of(r, JSON_ROOT, "max_tokens") != JSON_ABSENT &&
        of(r, JSON_ROOT, "max_completion_tokens") != JSON_ABSENT) {
        return error_set(r->error, ERROR_INVALID, "invalid_value",
                         "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not "
                         "supported.");
    }
    if (json_is(r->doc, stop, JSON_ARRAY) && json_count(r->doc, stop) > STOPS_MAX) {
        return error_set(r->error, ERROR_INVALID, "array_above_max_length",
                         "Invalid 'stop': array too long.");
    }
    if (sim_read_is(r, of(r, format, "type"), "json_schema") &&
        sim_read_string(r, of(r, of(r, format, "json_schema"), "name")).len == 0) {
        return error_set(r->error, ERROR_INVALID, "missing_required_parameter",
                         "Missing required parameter: 'response_format.json_schema.name'.");
    }
    return true;
}

bool sim_openai_check(const struct sim_reading *r)
{
    struct chat chat = {.r = r};
    uint32_t messages = of(r, JSON_ROOT, "messages");

    for (uint32_t i = json_is(r->doc, messages, JSON_ARRAY) ? json_first(r->doc, messages)
                                                            : JSON_ABSENT;
         i != JSON_ABSENT; i = json_next(r->doc, messages, i)) {
        if (!check_message(&chat, i)) {
            return false;
        }
        chat.index++;
    }
    return check_waiting(&chat) && check_tools(r) && check_members(r);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the Messages API refuses of a conversation: roles, empty texts, calls without results and
 * results without calls, ids, altered signatures, thoughts that are missing before calls.
 */
#include "sim/anthropic.h"

#include "sim/seal.h"

struct turns {
    const struct sim_reading *r;
    uint32_t messages;
    unsigned message; /* index of the one that is looked at */
    unsigned block;
    struct slice calls[SIM_ANTHROPIC_BLOCKS_MAX]; /* of the assistant's message before */
    size_t call_count;
    bool thinks;
};

static bool fail_at(const struct turns *t, const char *path, const char *text)
{
    return error_set(t->r->error, ERROR_INVALID, "invalid_request_error",
                     "messages.%u.content.%u%s%s: %s", t->message, t->block,
                     path[0] == '\0' ? "" : ".", path, text);
}

static uint32_t of(const struct turns *t, uint32_t object, struct slice name)
{
    return json_member(t->r->doc, object, name);
}

static struct slice text_of(const struct turns *t, uint32_t object, struct slice name)
{
    return sim_read_string(t->r, of(t, object, name));
}

/* --- blocks --- */

static bool is_id(struct slice id)
{
    for (size_t i = 0; i < id.len; i++) {
        char c = id.ptr[i];
        if ((c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' &&
            c != '-') {
            return false;
        }
    }
    return id.len > 0;
}

static bool check_text(const struct turns *t, uint32_t block)
{
    uint32_t text = of(t, block, SLICE("text"));

    if (!json_is(t->r->doc, text, JSON_STRING)) {
        return fail_at(t, "text.text", "Field required");
    }
    if (json_inner(t->r->doc, text).len == 0) {
        return error_set(t->r->error, ERROR_INVALID, "invalid_request_error",
                         "messages: text content blocks must be non-empty");
    }
    if (slice_trim(sim_read_string(t->r, text)).len == 0) {
        return error_set(t->r->error, ERROR_INVALID, "invalid_request_error",
                         "messages: text content blocks must contain non-whitespace text");
    }
    return true;
}

static bool check_image(const struct turns *t, uint32_t block)
{
    static const struct slice kinds[] = {SLICE_INIT("image/jpeg"), SLICE_INIT("image/png"),
                                         SLICE_INIT("image/gif"), SLICE_INIT("image/webp")};
    uint32_t source = of(t, block, SLICE("source"));
    uint32_t type = of(t, source, SLICE("type"));
    bool known = false;

    if (!json_is(t->r->doc, type, JSON_STRING)) {
        return fail_at(t, "image.source", "Field required");
    }
    if (!sim_read_is(t->r, type, "base64")) {
        return true;
    }
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        known |= slice_eq(text_of(t, source, SLICE("media_type")), kinds[i]);
    }
    if (!known) {
        return fail_at(t, "image.source.base64.media_type",
                       "Input should be 'image/jpeg', 'image/png', 'image/gif' or 'image/webp'");
    }
    if (!sim_is_base64(text_of(t, source, SLICE("data")))) {
        return fail_at(t, "image.source.base64.data", "invalid base64 data");
    }
    return true;
}

static bool check_thought(const struct turns *t, uint32_t block, bool redacted)
{
    struct slice thought = text_of(t, block, SLICE("thinking"));
    struct slice seal = text_of(t, block, redacted ? SLICE("data") : SLICE("signature"));

    if (seal.len == 0) {
        return fail_at(t, redacted ? "redacted_thinking.data" : "thinking.signature",
                       "Field required");
    }
    if (redacted || thought.len == 0 ? !sim_seal_sound(seal) : !sim_seal_fits(seal, thought)) {
        return fail_at(t, "",
                       redacted ? "Invalid `data` in `redacted_thinking` block"
                                : "Invalid `signature` in `thinking` block");
    }
    return true;
}

static bool check_call(struct turns *t, uint32_t block)
{
    struct slice id = text_of(t, block, SLICE("id"));

    if (!is_id(id)) {
        return fail_at(t, "tool_use.id", "String should match pattern '^[a-zA-Z0-9_-]+$'");
    }
    if (!is_id(text_of(t, block, SLICE("name")))) {
        return fail_at(t, "tool_use.name", "String should match pattern '^[a-zA-Z0-9_-]{1,128}$'");
    }
    if (!json_is(t->r->doc, of(t, block, SLICE("input")), JSON_OBJECT)) {
        return fail_at(t, "tool_use.input", "Input should be a valid dictionary");
    }
    for (size_t i = 0; i < t->call_count; i++) {
        if (slice_eq(t->calls[i], id)) {
            return error_set(t->r->error, ERROR_INVALID, "invalid_request_error",
                             "messages: `tool_use` ids must be unique");
        }
    }
    if (t->call_count < SIM_ANTHROPIC_BLOCKS_MAX) {
        t->calls[t->call_count++] = id;
    }
    return true;
}

static bool check_result(struct turns *t, uint32_t block, bool leading)
{
    struct slice id = text_of(t, block, SLICE("tool_use_id"));
    uint32_t content = of(t, block, SLICE("content"));

    for (size_t i = 0; leading && i < t->call_count; i++) {
        if (slice_eq(t->calls[i], id)) {
            t->calls[i] = t->calls[--t->call_count];
            id = SLICE_EMPTY;
            break;
        }
    }
    if (id.len > 0) {
        return error_set(t->r->error, ERROR_INVALID, "invalid_request_error",
                         "messages.%u.content.%u: unexpected `tool_use_id` found in `tool_result` "
                         "blocks: %.*s. Each `tool_result` block must have a corresponding "
                         "`tool_use` block in the previous message.",
                         t->message, t->block, SLICE_ARG(id));
    }
    if (!json_is(t->r->doc, content, JSON_ARRAY)) {
        return true;
    }
    for (uint32_t i = json_first(t->r->doc, content); i != JSON_ABSENT;
         i = json_next(t->r->doc, content, i)) {
        uint32_t type = of(t, i, SLICE("type"));
        if ((sim_read_is(t->r, type, "text") && !check_text(t, i)) ||
            (sim_read_is(t->r, type, "image") && !check_image(t, i))) {
            return false;
        }
    }
    return true;
}

/* `leading`: only results came before it. */
static bool check_block(struct turns *t, uint32_t block, bool user, bool *leading)
{
    static const struct slice others[] = {
        SLICE_INIT("document"),         SLICE_INIT("search_result"),
        SLICE_INIT("server_tool_use"),  SLICE_INIT("web_search_tool_result"),
        SLICE_INIT("container_upload"), SLICE_INIT("mcp_tool_use"),
        SLICE_INIT("mcp_tool_result"),  SLICE_INIT("web_fetch_tool_result"),
    };
    struct slice type = text_of(t, block, SLICE("type"));
    bool result = slice_eq(type, SLICE("tool_result"));

    *leading &= result;
    if (slice_eq(type, SLICE("text"))) {
        return check_text(t, block);
    }
    if (user && slice_eq(type, SLICE("image"))) {
        return check_image(t, block);
    }
    if (user && result) {
        return check_result(t, block, *leading);
    }
    if (!user && slice_eq(type, SLICE("tool_use"))) {
        return check_call(t, block);
    }
    if (!user &&
        (slice_eq(type, SLICE("thinking")) || slice_eq(type, SLICE("redacted_thinking")))) {
        return check_thought(t, block, slice_eq(type, SLICE("redacted_thinking")));
    }
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        if (slice_eq(type, others[i])) {
            return true;
        }
    }
    return error_set(t->r->error, ERROR_INVALID, "invalid_request_error",
                     "messages.%u.content.%u: Input tag '%.*s' found using 'type' does not match "
                     "any of the expected tags",
                     t->message, t->block, SLICE_ARG(type));
}

/* --- messages --- */

static bool check_waiting(const struct turns *t)
{
    if (t->call_count == 0) {
        return true;
    }
    return error_set(t->r->error, ERROR_INVALID, "invalid_request_error",
                     "messages.%u: `tool_use` ids were found without `tool_result` blocks "
                     "immediately after: %.*s. Each `tool_use` block must have a corresponding "
                     "`tool_result` block in the next message.",
                     t->message - 1, SLICE_ARG(t->calls[0]));
}

static bool check_content(struct turns *t, uint32_t content, bool user)
{
    bool leading = true;

    t->block = 0;
    if (json_is(t->r->doc, content, JSON_STRING)) {
        if (user && slice_trim(sim_read_string(t->r, content)).len == 0) {
            return error_set(t->r->error, ERROR_INVALID, "invalid_request_error",
                             "messages.%u: user messages must have non-empty content", t->message);
        }
        return !user || check_waiting(t);
    }
    if (!json_is(t->r->doc, content, JSON_ARRAY)) {
        return error_set(t->r->error, ERROR_INVALID, "invalid_request_error",
                         "messages.%u.content: Input should be a valid list", t->message);
    }
    if (user && json_count(t->r->doc, content) == 0) {
        return error_set(t->r->error, ERROR_INVALID, "invalid_request_error",
                         "messages.%u: user messages must have non-empty content", t->message);
    }
    for (uint32_t i = json_first(t->r->doc, content); i != JSON_ABSENT;
         i = json_next(t->r->doc, content, i)) {
        if (!check_block(t, i, user, &leading)) {
            return false;
        }
        t->block++;
    }
    return !user || check_waiting(t);
}

/* With a budget for thoughts, the assistant's turn that is still open begins with one. */
static bool check_open_turn(const struct turns *t)
{
    const struct json_doc *doc = t->r->doc;
    uint32_t open = JSON_ABSENT;

    for (uint32_t i = json_first(doc, t->messages); i != JSON_ABSENT;
         i = json_next(doc, t->messages, i)) {
        uint32_t content = of(t, i, SLICE("content"));
        bool array = json_is(doc, content, JSON_ARRAY) && json_count(doc, content) > 0;
        uint32_t type = array ? of(t, json_first(doc, content), SLICE("type")) : JSON_ABSENT;
        if (!sim_read_is(t->r, of(t, i, SLICE("role")), "assistant")) {
            open = sim_read_is(t->r, type, "tool_result") ? open : JSON_ABSENT;
        } else if (open == JSON_ABSENT) {
            open = type;
        }
    }
    if (!t->thinks || open == JSON_ABSENT || sim_read_is(t->r, open, "thinking") ||
        sim_read_is(t->r, open, "redacted_thinking")) {
        return true;
    }
    return error_set(t->r->error, ERROR_INVALID, "invalid_request_error",
                     "Expected `thinking` or `redacted_thinking`, but found `%.*s`. When "
                     "`thinking` is enabled, a final `assistant` message must start with a "
                     "thinking block (preceeding the lastmost set of `tool_use` and "
                     "`tool_result` blocks).",
                     SLICE_ARG(sim_read_string(t->r, open)));
}

static bool check_role(const struct turns *t, uint32_t message, bool *ret_user)
{
    uint32_t role = of(t, message, SLICE("role"));
    bool system = sim_read_is(t->r, role, "system");

    *ret_user = sim_read_is(t->r, role, "user");
    if (*ret_user || sim_read_is(t->r, role, "assistant")) {
        return true;
    }
    if (system && sim_anthropic_beta(t->r, SLICE("mid-conversation-system-2026-04-07"))) {
        return true;
    }
    return error_set(t->r->error, ERROR_INVALID, "invalid_request_error",
                     "messages: Unexpected role \"%.*s\". The Messages API accepts a top-level "
                     "`system` parameter, not \"system\" as an input message role.",
                     SLICE_ARG(sim_read_string(t->r, role)));
}

static bool check_system(struct turns *t)
{
    const struct json_doc *doc = t->r->doc;
    uint32_t system = json_member(doc, JSON_ROOT, SLICE("system"));

    if (!json_is(doc, system, JSON_ARRAY)) {
        return system == JSON_ABSENT || json_is(doc, system, JSON_STRING) ||
               error_set(t->r->error, ERROR_INVALID, "invalid_request_error",
                         "system: Input should be a valid string");
    }
    for (uint32_t i = json_first(doc, system); i != JSON_ABSENT; i = json_next(doc, system, i)) {
        if (text_of(t, i, SLICE("text")).len == 0) {
            return error_set(t->r->error, ERROR_INVALID, "invalid_request_error",
                             "system: text content blocks must be non-empty");
        }
    }
    return true;
}

bool sim_anthropic_check_turns(struct sim_reading *r, bool thinks)
{
    struct turns t = {.r = r, .thinks = thinks};
    bool user = true;

    t.messages = json_member(r->doc, JSON_ROOT, SLICE("messages"));
    if (!json_is(r->doc, t.messages, JSON_ARRAY)) {
        return error_set(r->error, ERROR_INVALID, "invalid_request_error",
                         "messages: Field required");
    }
    if (json_count(r->doc, t.messages) == 0) {
        return error_set(r->error, ERROR_INVALID, "invalid_request_error",
                         "messages: at least one message is required");
    }
    for (uint32_t i = json_first(r->doc, t.messages); i != JSON_ABSENT;
         i = json_next(r->doc, t.messages, i)) {
        uint32_t role = json_member(r->doc, i, SLICE("role"));
        if (!check_role(&t, i, &user)) {
            return false;
        }
        if (t.message == 0 && sim_read_is(r, role, "assistant")) {
            return error_set(r->error, ERROR_INVALID, "invalid_request_error",
                             "messages: first message must use the \"user\" role");
        }
        if (sim_read_is(r, role, "assistant") && !check_waiting(&t)) {
            return false;
        }
        if (!sim_read_is(r, role, "system") &&
            !check_content(&t, json_member(r->doc, i, SLICE("content")), user)) {
            return false;
        }
        t.message++;
    }
    return check_waiting(&t) && check_system(&t) && check_open_turn(&t);
}

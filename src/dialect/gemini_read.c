/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The top level of a request. The path tells the model, the operation and whether the answer is a
 * stream; a model in the body must be the same one. A request to count tokens may hold the request
 * to be counted as a member of its own.
 */
#include "dialect/gemini.h"
#include "dialect/inner.h"

#include <stdio.h>

static const struct member_name member_names[GEMINI_NAMES] = {
    [GEMINI_CONTENTS] = MEMBER_NAME("contents"),
    [GEMINI_SYSTEM] = MEMBER_NAME("systemInstruction"),
    [GEMINI_CONFIG] = MEMBER_NAME("generationConfig"),
    [GEMINI_TOOLS] = MEMBER_NAME("tools"),
    [GEMINI_TOOL_CONFIG] = MEMBER_NAME("toolConfig"),
    [GEMINI_MODEL] = MEMBER_NAME("model"),
    [GEMINI_TIER] = MEMBER_NAME("serviceTier"),
    [GEMINI_SLUICE] = MEMBER_NAME("sluice"),
    [GEMINI_CONTENT] = MEMBER_NAME("content"),
    [GEMINI_REQUESTS] = MEMBER_NAME("requests"),
    [GEMINI_DIMENSIONS] = MEMBER_NAME("outputDimensionality"),
    [GEMINI_COUNTED] = MEMBER_NAME("generateContentRequest"),
    [GEMINI_MEMBERS] = MEMBER_NAME("system_instruction"),
    [GEMINI_MEMBERS + 1] = MEMBER_NAME("generation_config"),
    [GEMINI_MEMBERS + 2] = MEMBER_NAME("tool_config"),
    [GEMINI_MEMBERS + 3] = MEMBER_NAME("service_tier"),
    [GEMINI_MEMBERS + 4] = MEMBER_NAME("output_dimensionality"),
    [GEMINI_MEMBERS + 5] = MEMBER_NAME("generate_content_request"),
};
static const uint8_t member_aliases[] = {GEMINI_SYSTEM, GEMINI_CONFIG,     GEMINI_TOOL_CONFIG,
                                         GEMINI_TIER,   GEMINI_DIMENSIONS, GEMINI_COUNTED};
const struct gemini_table gemini_members =
    GEMINI_TABLE(member_names, GEMINI_MEMBERS, member_aliases);

/* The body may repeat the model's name, but not contradict the path. */
static bool read_model(struct reader *r, uint32_t value)
{
    struct slice model = SLICE_EMPTY;
    struct chat *chat = r->chat;
    if (!read_inner(r, value, "model", &model)) {
        return false;
    }
    if (model.ptr == NULL || chat->model.ptr == NULL) {
        chat->model = model.ptr == NULL ? chat->model : gemini_bare_model(model);
        return true;
    }
    return inner_equals(gemini_bare_model(model), gemini_bare_model(chat->model)) ||
           reader_refuse(r, "conflicting_members", "model",
                         "The path names another model than the body.");
}

/* Google's words for the tiers are OpenAI's but for the usual one. */
static bool read_tier(struct reader *r, uint32_t value)
{
    struct slice *tier = &r->chat->service_tier;
    if (!read_inner(r, value, "serviceTier", tier)) {
        return false;
    }
    if (json_inner_is(*tier, SLICE("standard"))) {
        *tier = SLICE("default");
    }
    return true;
}

static bool read_sluice(struct reader *r, uint32_t value)
{
    const struct policy_members policy = {.sluice = value,
                                          .models = JSON_ABSENT,
                                          .provider = JSON_ABSENT,
                                          .session_id = JSON_ABSENT,
                                          .prompt_cache_key = JSON_ABSENT};
    return reader_policy(r, &policy);
}

/* What only other operations know is as good as unknown: kept aside. */
static bool keep_foreign(struct reader *r, const uint32_t *values)
{
    for (uint32_t id = GEMINI_CONTENT; id < GEMINI_MEMBERS; id++) {
        if (values[id] != JSON_ABSENT && !gemini_extra_add(r, values[id])) {
            return false;
        }
    }
    return true;
}

static bool read_chat(struct reader *r, uint32_t object, const uint32_t *values, size_t unknown)
{
    return gemini_extras_add(r, object, &gemini_members, unknown) && keep_foreign(r, values) &&
           read_tier(r, values[GEMINI_TIER]) && gemini_read_tools(r, values[GEMINI_TOOLS]) &&
           gemini_read_tool_config(r, values[GEMINI_TOOL_CONFIG]) &&
           reader_choice(r, "toolConfig/functionCallingConfig") &&
           gemini_read_config(r, values[GEMINI_CONFIG]) &&
           gemini_read_contents(r, values[GEMINI_CONTENTS], values[GEMINI_SYSTEM]);
}

/* {"generateContentRequest": {...}}: the request within counts; contents beside it would
 * contradict. */
static bool read_counted(struct reader *r, const uint32_t *outer)
{
    uint32_t values[GEMINI_NAMES];
    uint32_t object;
    size_t unknown;
    if (!read_kind(r, outer[GEMINI_COUNTED], "generateContentRequest", JSON_OBJECT, &object)) {
        return false;
    }
    if (outer[GEMINI_CONTENTS] != JSON_ABSENT) {
        return reader_refuse(r, "conflicting_members", "generateContentRequest",
                             "Either \"contents\" or \"generateContentRequest\" is counted.");
    }
    if (!gemini_members_read(r, object, NULL, &gemini_members, values, &unknown) ||
        !read_model(r, values[GEMINI_MODEL]) || !read_chat(r, object, values, unknown)) {
        char inside[sizeof r->error->pointer];
        (void)snprintf(inside, sizeof inside, "%s", r->error->pointer);
        error_at(r->error, "/generateContentRequest%s", inside);
        return false;
    }
    return true;
}

static bool read_body(struct reader *r, const uint32_t *values, size_t unknown)
{
    if (!read_model(r, values[GEMINI_MODEL]) || !read_sluice(r, values[GEMINI_SLUICE])) {
        return false;
    }
    if (r->chat->operation == OPERATION_EMBEDDING) {
        return gemini_extras_add(r, JSON_ROOT, &gemini_members, unknown) &&
               gemini_read_inputs(r, values);
    }
    if (r->chat->operation == OPERATION_TOKEN_COUNT &&
        member_given(r->doc, values[GEMINI_COUNTED])) {
        return gemini_extras_add(r, JSON_ROOT, &gemini_members, unknown) && read_counted(r, values);
    }
    return read_chat(r, JSON_ROOT, values, unknown);
}

bool gemini_read(struct slice body, struct json_doc *doc, struct arena *arena, struct chat *chat,
                 struct error *error)
{
    struct reader r = {.doc = doc, .arena = arena, .chat = chat, .error = error};
    uint32_t values[GEMINI_NAMES];
    size_t unknown;
    if (!reader_begin(&r, DIALECT_GEMINI, body, doc) ||
        !gemini_members_read(&r, JSON_ROOT, NULL, &gemini_members, values, &unknown) ||
        !read_body(&r, values, unknown)) {
        return false;
    }
    chat->include_usage = chat->stream; /* every answer of this dialect tells it */
    reader_needs(chat);
    return true;
}

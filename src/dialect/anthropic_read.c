/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The top level of a request, read strictly. Both versions of the API (2023-06-01 and 2026-10-21)
 * are read alike: what one of them refuses (sampling parameters) is for the provider to refuse.
 */
#include "dialect/anthropic.h"
#include "dialect/thinking.h"

#define MAX_TOKENS_LIMIT INT32_MAX

static const struct member_name member_names[ANTHROPIC_MEMBERS] = {
    [ANTHROPIC_MODEL] = MEMBER_NAME("model"),
    [ANTHROPIC_MESSAGES] = MEMBER_NAME("messages"),
    [ANTHROPIC_SYSTEM] = MEMBER_NAME("system"),
    [ANTHROPIC_MAX_TOKENS] = MEMBER_NAME("max_tokens"),
    [ANTHROPIC_STREAM] = MEMBER_NAME("stream"),
    [ANTHROPIC_TEMPERATURE] = MEMBER_NAME("temperature"),
    [ANTHROPIC_TOP_P] = MEMBER_NAME("top_p"),
    [ANTHROPIC_TOP_K] = MEMBER_NAME("top_k"),
    [ANTHROPIC_STOP_SEQUENCES] = MEMBER_NAME("stop_sequences"),
    [ANTHROPIC_TOOLS] = MEMBER_NAME("tools"),
    [ANTHROPIC_TOOL_CHOICE] = MEMBER_NAME("tool_choice"),
    [ANTHROPIC_THINKING] = MEMBER_NAME("thinking"),
    [ANTHROPIC_OUTPUT_CONFIG] = MEMBER_NAME("output_config"),
    [ANTHROPIC_METADATA] = MEMBER_NAME("metadata"),
    [ANTHROPIC_SERVICE_TIER] = MEMBER_NAME("service_tier"),
    [ANTHROPIC_SLUICE] = MEMBER_NAME("sluice"),
    [ANTHROPIC_MODELS] = MEMBER_NAME("models"),
    [ANTHROPIC_PROVIDER] = MEMBER_NAME("provider"),
};

const struct member_table anthropic_members = MEMBER_TABLE(member_names);

/* What the canonical form cannot hold of a known member is kept among the extras. */
struct kept {
    uint32_t values[4];
    size_t count;
};

static void keep(struct kept *kept, uint32_t value)
{
    kept->values[kept->count++] = value;
}

/* Zero tokens fill the provider's cache without an answer: for others that is the shortest one. */
static bool read_max_tokens(struct reader *r, uint32_t value)
{
    if (!member_given(r->doc, value)) {
        return true;
    }
    int64_t tokens = 0;
    if (!json_int64(r->doc, value, &tokens) || tokens < 0 || tokens > MAX_TOKENS_LIMIT) {
        return reader_refuse(r, "invalid_max_tokens", "max_tokens",
                             "The value must be a whole number from 0 to %d.", MAX_TOKENS_LIMIT);
    }
    r->chat->max_tokens = tokens == 0 ? 1 : tokens;
    return true;
}

static bool read_stop(struct reader *r, uint32_t value)
{
    const struct json_doc *doc = r->doc;
    uint32_t list;
    if (!read_kind(r, value, "stop_sequences", JSON_ARRAY, &list)) {
        return false;
    }
    if (list == JSON_ABSENT) {
        return true;
    }
    struct slice *stop = arena_array(r->arena, json_count(doc, list), sizeof *stop);
    size_t count = 0;
    if (stop == NULL) {
        return reader_refuse_size(r);
    }
    for (uint32_t i = json_first(doc, list); i != JSON_ABSENT; i = json_next(doc, list, i)) {
        if (json_kind(doc, i) != JSON_STRING) {
            return reader_refuse_type(r, "stop_sequences", "an array of strings");
        }
        stop[count++] = json_inner(doc, i);
    }
    r->chat->stop = stop;
    r->chat->stop_count = count;
    return true;
}

static bool read_metadata(struct reader *r, uint32_t value, struct kept *kept)
{
    enum { USER_ID, COUNT };
    static const struct member_name names[COUNT] = {[USER_ID] = MEMBER_NAME("user_id")};
    static const struct member_table table = MEMBER_TABLE(names);
    uint32_t object;
    uint32_t values[COUNT];
    size_t unknown;
    if (!read_kind(r, value, "metadata", JSON_OBJECT, &object)) {
        return false;
    }
    if (object == JSON_ABSENT) {
        return true;
    }
    if (!members_read(r, object, "metadata", &table, values, &unknown)) {
        return false;
    }
    if (unknown > 0) {
        keep(kept, value);
    }
    return read_inner(r, values[USER_ID], "metadata/user_id", &r->chat->user);
}

/* The canonical words are OpenAI's: "standard_only" is its "default". */
static bool read_tier(struct reader *r, uint32_t value)
{
    if (!read_inner(r, value, "service_tier", &r->chat->service_tier)) {
        return false;
    }
    if (slice_eq(r->chat->service_tier, SLICE("standard_only"))) {
        r->chat->service_tier = SLICE("default");
    }
    return true;
}

static bool read_extras(struct reader *r, size_t unknown, const struct kept *kept)
{
    struct chat *chat = r->chat;
    if (unknown == 0 && kept->count == 0) {
        return true;
    }
    if (!reader_extras(r, JSON_ROOT, &anthropic_members, ANTHROPIC_MEMBERS, &chat->extras,
                       &chat->extra_count)) {
        return false;
    }
    /* There is room: each of them is a member that was counted, and no extra yet. */
    for (size_t i = 0; i < kept->count; i++) {
        chat->extras[chat->extra_count++] = reader_extra(r->doc, kept->values[i] - 1);
    }
    return true;
}

static bool read_rare(struct reader *r, const uint32_t *values, size_t unknown)
{
    struct kept kept = {.count = 0};
    bool keep_thinking = false;
    bool keep_output = false;
    const struct policy_members policy = {.sluice = values[ANTHROPIC_SLUICE],
                                          .models = values[ANTHROPIC_MODELS],
                                          .provider = values[ANTHROPIC_PROVIDER],
                                          .session_id = JSON_ABSENT,
                                          .prompt_cache_key = JSON_ABSENT};
    if (!reader_policy(r, &policy) || !read_stop(r, values[ANTHROPIC_STOP_SEQUENCES]) ||
        !read_metadata(r, values[ANTHROPIC_METADATA], &kept) ||
        !read_tier(r, values[ANTHROPIC_SERVICE_TIER]) ||
        !anthropic_read_tools(r, values[ANTHROPIC_TOOLS]) ||
        !anthropic_read_tool_choice(r, values[ANTHROPIC_TOOL_CHOICE]) ||
        !anthropic_read_thinking(r, values[ANTHROPIC_THINKING], &keep_thinking) ||
        !anthropic_read_output(r, values[ANTHROPIC_OUTPUT_CONFIG], &keep_output)) {
        return false;
    }
    if (keep_thinking) {
        keep(&kept, values[ANTHROPIC_THINKING]);
    }
    if (keep_output) {
        keep(&kept, values[ANTHROPIC_OUTPUT_CONFIG]);
    }
    return read_extras(r, unknown, &kept);
}

static bool read_top(struct reader *r, const uint32_t *values, size_t unknown)
{
    struct chat *chat = r->chat;
    return read_inner(r, values[ANTHROPIC_MODEL], "model", &chat->model) &&
           read_max_tokens(r, values[ANTHROPIC_MAX_TOKENS]) &&
           read_bool(r, values[ANTHROPIC_STREAM], "stream", &chat->stream) &&
           read_number(r, values[ANTHROPIC_TEMPERATURE], "temperature", &chat->temperature) &&
           read_number(r, values[ANTHROPIC_TOP_P], "top_p", &chat->top_p) &&
           read_number(r, values[ANTHROPIC_TOP_K], "top_k", &chat->top_k) &&
           read_rare(r, values, unknown);
}

bool anthropic_read(struct slice body, struct json_doc *doc, struct arena *arena, struct chat *chat,
                    struct error *error)
{
    struct reader r = {.doc = doc, .arena = arena, .chat = chat, .error = error};
    uint32_t values[ANTHROPIC_MEMBERS];
    size_t unknown;
    if (chat->operation != OPERATION_TOKEN_COUNT) {
        chat->operation = OPERATION_CHAT;
    }
    if (!reader_begin(&r, DIALECT_ANTHROPIC, body, doc) ||
        !members_read(&r, JSON_ROOT, NULL, &anthropic_members, values, &unknown) ||
        !read_top(&r, values, unknown) || !reader_choice(&r, "tool_choice") ||
        !anthropic_read_messages(&r, values[ANTHROPIC_SYSTEM], values[ANTHROPIC_MESSAGES])) {
        return false;
    }
    chat->stream = chat->stream && chat->operation == OPERATION_CHAT;
    chat->include_usage = chat->stream; /* Anthropic's streams always tell it */
    reader_needs(chat);
    return true;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The top level of a request. What only OpenAI can do (background answers) is refused; what only
 * the provider knows the meaning of (its stored prompts and conversations) becomes a turn that no
 * other dialect can say, so that such a request goes nowhere else.
 */
#include "dialect/responses.h"

#define MAX_TOKENS_LIMIT INT32_MAX

static const struct member_name member_names[RESPONSES_MEMBERS] = {
    [RESPONSES_MODEL] = MEMBER_NAME("model"),
    [RESPONSES_INPUT] = MEMBER_NAME("input"),
    [RESPONSES_INSTRUCTIONS] = MEMBER_NAME("instructions"),
    [RESPONSES_STREAM] = MEMBER_NAME("stream"),
    [RESPONSES_STREAM_OPTIONS] = MEMBER_NAME("stream_options"),
    [RESPONSES_MAX_OUTPUT_TOKENS] = MEMBER_NAME("max_output_tokens"),
    [RESPONSES_TEMPERATURE] = MEMBER_NAME("temperature"),
    [RESPONSES_TOP_P] = MEMBER_NAME("top_p"),
    [RESPONSES_TOP_LOGPROBS] = MEMBER_NAME("top_logprobs"),
    [RESPONSES_TOOLS] = MEMBER_NAME("tools"),
    [RESPONSES_TOOL_CHOICE] = MEMBER_NAME("tool_choice"),
    [RESPONSES_PARALLEL_TOOL_CALLS] = MEMBER_NAME("parallel_tool_calls"),
    [RESPONSES_TEXT] = MEMBER_NAME("text"),
    [RESPONSES_REASONING] = MEMBER_NAME("reasoning"),
    [RESPONSES_INCLUDE] = MEMBER_NAME("include"),
    [RESPONSES_STORE] = MEMBER_NAME("store"),
    [RESPONSES_PREVIOUS] = MEMBER_NAME("previous_response_id"),
    [RESPONSES_BACKGROUND] = MEMBER_NAME("background"),
    [RESPONSES_CONVERSATION] = MEMBER_NAME("conversation"),
    [RESPONSES_PROMPT] = MEMBER_NAME("prompt"),
    [RESPONSES_TRUNCATION] = MEMBER_NAME("truncation"),
    [RESPONSES_USER] = MEMBER_NAME("user"),
    [RESPONSES_SAFETY_IDENTIFIER] = MEMBER_NAME("safety_identifier"),
    [RESPONSES_SLUICE] = MEMBER_NAME("sluice"),
    [RESPONSES_MODELS] = MEMBER_NAME("models"),
    [RESPONSES_PROVIDER] = MEMBER_NAME("provider"),
    [RESPONSES_SESSION_ID] = MEMBER_NAME("session_id"),
    [RESPONSES_SERVICE_TIER] = MEMBER_NAME("service_tier"),
    [RESPONSES_METADATA] = MEMBER_NAME("metadata"),
    [RESPONSES_PROMPT_CACHE_KEY] = MEMBER_NAME("prompt_cache_key"),
};

const struct member_table responses_members = MEMBER_TABLE(member_names);

static const char *name_of(enum responses_member member)
{
    return member_names[member].text.ptr;
}

/* --- single members --- */

static bool read_tokens(struct reader *r, uint32_t value)
{
    if (!member_given(r->doc, value)) {
        return true;
    }
    int64_t tokens = 0;
    if (!json_int64(r->doc, value, &tokens) || tokens < 1 || tokens > MAX_TOKENS_LIMIT) {
        return reader_refuse(r, "invalid_max_tokens", name_of(RESPONSES_MAX_OUTPUT_TOKENS),
                             "The value must be a whole number from 1 to %d.", MAX_TOKENS_LIMIT);
    }
    r->chat->max_tokens = tokens;
    return true;
}

static bool read_reasoning(struct reader *r, uint32_t value)
{
    enum { EFFORT, SUMMARY, OLDER_SUMMARY, COUNT };
    static const struct member_name names[COUNT] = {
        [EFFORT] = MEMBER_NAME("effort"),
        [SUMMARY] = MEMBER_NAME("summary"),
        [OLDER_SUMMARY] = MEMBER_NAME("generate_summary"),
    };
    static const struct member_table table = MEMBER_TABLE(names);
    uint32_t values[COUNT];
    uint32_t object;
    size_t unknown;
    struct slice summary = SLICE_EMPTY;
    if (!read_kind(r, value, name_of(RESPONSES_REASONING), JSON_OBJECT, &object)) {
        return false;
    }
    if (object == JSON_ABSENT) {
        return true;
    }
    if (!members_read(r, object, name_of(RESPONSES_REASONING), &table, values, &unknown) ||
        !read_inner(r, values[EFFORT], "reasoning/effort", &r->chat->reasoning_effort) ||
        !read_inner(r, values[OLDER_SUMMARY], "reasoning/generate_summary", &summary) ||
        !read_inner(r, values[SUMMARY], "reasoning/summary", &summary)) {
        return false;
    }
    r->chat->show_thinking = summary.ptr != NULL && !slice_eq(summary, SLICE("none"));
    return true;
}

/* What is wanted besides the answer. Encrypted thoughts every client gets anyway; *ret_kept: what
 * else is there only the provider can give. */
static bool read_include(struct reader *r, uint32_t value, bool *ret_kept)
{
    uint32_t list;
    if (!read_kind(r, value, name_of(RESPONSES_INCLUDE), JSON_ARRAY, &list)) {
        return false;
    }
    if (list == JSON_ABSENT) {
        return true;
    }
    for (uint32_t i = json_first(r->doc, list); i != JSON_ABSENT; i = json_next(r->doc, list, i)) {
        if (json_kind(r->doc, i) != JSON_STRING) {
            return reader_refuse_type(r, name_of(RESPONSES_INCLUDE), "an array of strings");
        }
        if (json_string_is(r->doc, i, SLICE("message.output_text.logprobs"))) {
            r->chat->logprobs = true;
        } else if (!json_string_is(r->doc, i, SLICE("reasoning.encrypted_content"))) {
            *ret_kept = true;
        }
    }
    return true;
}

static bool read_background(struct reader *r, uint32_t value)
{
    bool background = false;
    if (!read_bool(r, value, name_of(RESPONSES_BACKGROUND), &background)) {
        return false;
    }
    return !background || reader_refuse(r, "unsupported_value", name_of(RESPONSES_BACKGROUND),
                                        "Answers in the background are not supported.");
}

static bool read_metadata(struct reader *r, uint32_t value)
{
    uint32_t object;
    if (!read_kind(r, value, name_of(RESPONSES_METADATA), JSON_OBJECT, &object)) {
        return false;
    }
    if (object != JSON_ABSENT) {
        r->chat->metadata = json_raw(r->doc, object);
    }
    return true;
}

static bool read_user(struct reader *r, const uint32_t *values)
{
    struct chat *chat = r->chat;
    return read_inner(r, values[RESPONSES_SAFETY_IDENTIFIER], name_of(RESPONSES_SAFETY_IDENTIFIER),
                      &chat->user) &&
           read_inner(r, values[RESPONSES_USER], name_of(RESPONSES_USER), &chat->user);
}

static bool read_plain(struct reader *r, const uint32_t *values)
{
    struct chat *chat = r->chat;
    return read_inner(r, values[RESPONSES_MODEL], name_of(RESPONSES_MODEL), &chat->model) &&
           read_bool(r, values[RESPONSES_STREAM], name_of(RESPONSES_STREAM), &chat->stream) &&
           read_tokens(r, values[RESPONSES_MAX_OUTPUT_TOKENS]) &&
           read_number(r, values[RESPONSES_TEMPERATURE], name_of(RESPONSES_TEMPERATURE),
                       &chat->temperature) &&
           read_number(r, values[RESPONSES_TOP_P], name_of(RESPONSES_TOP_P), &chat->top_p) &&
           read_number(r, values[RESPONSES_TOP_LOGPROBS], name_of(RESPONSES_TOP_LOGPROBS),
                       &chat->top_logprobs) &&
           read_flag(r, values[RESPONSES_PARALLEL_TOOL_CALLS],
                     name_of(RESPONSES_PARALLEL_TOOL_CALLS), &chat->parallel_tool_calls) &&
           read_flag(r, values[RESPONSES_STORE], name_of(RESPONSES_STORE), &chat->store) &&
           read_inner(r, values[RESPONSES_PREVIOUS], name_of(RESPONSES_PREVIOUS),
                      &chat->previous) &&
           read_inner(r, values[RESPONSES_SERVICE_TIER], name_of(RESPONSES_SERVICE_TIER),
                      &chat->service_tier) &&
           read_metadata(r, values[RESPONSES_METADATA]) && read_user(r, values);
}

/* --- extras --- */

/* Members whose value has no canonical form. */
struct kept {
    bool include;
    bool tool_choice;
};

static void extra_add(struct chat *chat, struct slice key, struct slice value)
{
    chat->extras[chat->extra_count++] = (struct chat_extra){key, value};
}

/* A member that is null says nothing. */
static void drop_nulls(struct chat *chat)
{
    size_t kept = 0;
    for (size_t i = 0; i < chat->extra_count; i++) {
        if (!slice_eq(chat->extras[i].value, SLICE("null"))) {
            chat->extras[kept++] = chat->extras[i];
        }
    }
    chat->extra_count = kept;
}

/* Besides the unknown ones: wishes that this reader understands and not every dialect can say. Each
   takes the place of its member, so the array has room. */
static bool read_extras(struct reader *r, const uint32_t *values, struct kept kept)
{
    const struct json_doc *doc = r->doc;
    struct chat *chat = r->chat;
    if (!reader_extras(r, JSON_ROOT, &responses_members, RESPONSES_FIRST_KEPT, &chat->extras,
                       &chat->extra_count)) {
        return false;
    }
    drop_nulls(chat);
    uint32_t truncation = values[RESPONSES_TRUNCATION];
    if (member_given(doc, truncation) && !(json_kind(doc, truncation) == JSON_STRING &&
                                           json_string_is(doc, truncation, SLICE("disabled")))) {
        extra_add(chat, SLICE("truncation"), json_raw(doc, truncation));
    }
    if (kept.tool_choice) {
        extra_add(chat, SLICE("tool_choice"), json_raw(doc, values[RESPONSES_TOOL_CHOICE]));
    }
    if (kept.include) {
        extra_add(chat, SLICE("include"), json_raw(doc, values[RESPONSES_INCLUDE]));
    }
    if (chat->verbosity.ptr != NULL) {
        extra_add(chat, SLICE("verbosity"), json_raw(doc, values[RESPONSES_TEXT]));
    }
    return true;
}

/* How the stream's events look on the wire: none of it has a canonical form. */
static bool read_stream_options(struct reader *r, uint32_t value)
{
    static const struct member_name names[] = {MEMBER_NAME("include_obfuscation")};
    static const struct member_table table = MEMBER_TABLE(names);
    uint32_t values[ARRAY_LEN(names)];
    uint32_t options;
    size_t unknown;
    if (!read_kind(r, value, name_of(RESPONSES_STREAM_OPTIONS), JSON_OBJECT, &options)) {
        return false;
    }
    if (options == JSON_ABSENT) {
        return true;
    }
    if (!members_read(r, options, name_of(RESPONSES_STREAM_OPTIONS), &table, values, &unknown)) {
        return false;
    }
    reader_odd(r, name_of(RESPONSES_STREAM_OPTIONS), values[0]);
    return true;
}

static bool read_members(struct reader *r, const uint32_t *values)
{
    struct chat *chat = r->chat;
    struct kept kept = {false, false};
    const struct policy_members policy = {.sluice = values[RESPONSES_SLUICE],
                                          .models = values[RESPONSES_MODELS],
                                          .provider = values[RESPONSES_PROVIDER],
                                          .session_id = values[RESPONSES_SESSION_ID],
                                          .prompt_cache_key = values[RESPONSES_PROMPT_CACHE_KEY]};
    if (!read_plain(r, values) || !read_stream_options(r, values[RESPONSES_STREAM_OPTIONS]) ||
        !read_background(r, values[RESPONSES_BACKGROUND]) || !reader_policy(r, &policy) ||
        !read_reasoning(r, values[RESPONSES_REASONING]) ||
        !read_include(r, values[RESPONSES_INCLUDE], &kept.include) ||
        !responses_read_tools(r, values[RESPONSES_TOOLS]) ||
        !responses_read_tool_choice(r, values[RESPONSES_TOOL_CHOICE], &kept.tool_choice) ||
        !responses_read_text(r, values[RESPONSES_TEXT])) {
        return false;
    }
    chat->include_usage = chat->stream; /* the last event always tells it */
    return read_extras(r, values, kept);
}

/* --- the request --- */

static uint32_t given_or_absent(const struct json_doc *doc, uint32_t value)
{
    return member_given(doc, value) ? value : JSON_ABSENT;
}

static bool read_conversation(struct reader *r, const uint32_t *values)
{
    struct responses_input input = {
        .input = given_or_absent(r->doc, values[RESPONSES_INPUT]),
        .opaque = {given_or_absent(r->doc, values[RESPONSES_PROMPT]),
                   given_or_absent(r->doc, values[RESPONSES_CONVERSATION]),
                   given_or_absent(r->doc, values[RESPONSES_PREVIOUS])},
    };
    if (!read_inner(r, values[RESPONSES_INSTRUCTIONS], name_of(RESPONSES_INSTRUCTIONS),
                    &input.instructions)) {
        return false;
    }
    if (input.opaque[1] != JSON_ABSENT && r->chat->previous.ptr != NULL) {
        return reader_refuse(r, "conflicting_members", name_of(RESPONSES_PREVIOUS),
                             "\"conversation\" and \"previous_response_id\" say different things.");
    }
    if (input.input == JSON_ABSENT && input.opaque[0] == JSON_ABSENT &&
        input.opaque[1] == JSON_ABSENT && input.opaque[2] == JSON_ABSENT) {
        return reader_refuse_missing(r, name_of(RESPONSES_INPUT));
    }
    return responses_read_input(r, &input);
}

bool responses_read(struct slice body, struct json_doc *doc, struct arena *arena, struct chat *chat,
                    struct error *error)
{
    struct reader r = {.doc = doc, .arena = arena, .chat = chat, .error = error};
    uint32_t values[RESPONSES_MEMBERS];
    size_t unknown;
    chat->operation = OPERATION_CHAT;
    if (!reader_begin(&r, DIALECT_OPENAI_RESPONSES, body, doc) ||
        !members_read(&r, JSON_ROOT, NULL, &responses_members, values, &unknown) ||
        !read_members(&r, values) || !read_conversation(&r, values)) {
        return false;
    }
    /* The provider's stored prompt may bring tools of its own. */
    if (!member_given(doc, values[RESPONSES_PROMPT]) && !reader_choice(&r, "tool_choice")) {
        return false;
    }
    reader_needs(chat);
    return true;
}

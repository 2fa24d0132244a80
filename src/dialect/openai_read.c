/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The top level of a request, read strictly: what policy depends on (model, stream, tokens, tools,
 * prompt) must have exactly one meaning for us and for every provider behind us. What we do not
 * know is kept, not judged.
 */
#include "dialect/openai.h"

#define MAX_TOKENS_LIMIT INT32_MAX
#define CHOICES_LIMIT 128

static const struct member_name member_names[MEMBER_COUNT] = {
    [MEMBER_MODEL] = MEMBER_NAME("model"),
    [MEMBER_MESSAGES] = MEMBER_NAME("messages"),
    [MEMBER_STREAM] = MEMBER_NAME("stream"),
    [MEMBER_MAX_TOKENS] = MEMBER_NAME("max_tokens"),
    [MEMBER_TEMPERATURE] = MEMBER_NAME("temperature"),
    [MEMBER_TOP_P] = MEMBER_NAME("top_p"),
    [MEMBER_TOOLS] = MEMBER_NAME("tools"),
    [MEMBER_TOOL_CHOICE] = MEMBER_NAME("tool_choice"),
    [MEMBER_STREAM_OPTIONS] = MEMBER_NAME("stream_options"),
    [MEMBER_MAX_COMPLETION_TOKENS] = MEMBER_NAME("max_completion_tokens"),
    [MEMBER_STOP] = MEMBER_NAME("stop"),
    [MEMBER_N] = MEMBER_NAME("n"),
    [MEMBER_RESPONSE_FORMAT] = MEMBER_NAME("response_format"),
    [MEMBER_REASONING_EFFORT] = MEMBER_NAME("reasoning_effort"),
    [MEMBER_USER] = MEMBER_NAME("user"),
    [MEMBER_SEED] = MEMBER_NAME("seed"),
    [MEMBER_TOP_K] = MEMBER_NAME("top_k"),
    [MEMBER_FREQUENCY_PENALTY] = MEMBER_NAME("frequency_penalty"),
    [MEMBER_PRESENCE_PENALTY] = MEMBER_NAME("presence_penalty"),
    [MEMBER_PARALLEL_TOOL_CALLS] = MEMBER_NAME("parallel_tool_calls"),
    [MEMBER_LOGPROBS] = MEMBER_NAME("logprobs"),
    [MEMBER_TOP_LOGPROBS] = MEMBER_NAME("top_logprobs"),
    [MEMBER_SLUICE] = MEMBER_NAME("sluice"),
    [MEMBER_MODELS] = MEMBER_NAME("models"),
    [MEMBER_PROVIDER] = MEMBER_NAME("provider"),
    [MEMBER_PROMPT] = MEMBER_NAME("prompt"),
    [MEMBER_SUFFIX] = MEMBER_NAME("suffix"),
    [MEMBER_BEST_OF] = MEMBER_NAME("best_of"),
    [MEMBER_SESSION_ID] = MEMBER_NAME("session_id"),
    [MEMBER_PROMPT_CACHE_KEY] = MEMBER_NAME("prompt_cache_key"),
    [MEMBER_SERVICE_TIER] = MEMBER_NAME("service_tier"),
    [MEMBER_METADATA] = MEMBER_NAME("metadata"),
    [MEMBER_VERBOSITY] = MEMBER_NAME("verbosity"),
    [MEMBER_STORE] = MEMBER_NAME("store"),
    [MEMBER_REASONING] = MEMBER_NAME("reasoning"),
    [MEMBER_FUNCTIONS] = MEMBER_NAME("functions"),
    [MEMBER_AUDIO] = MEMBER_NAME("audio"),
};

const struct member_table openai_members = MEMBER_TABLE(member_names);

static const char *name_of(enum openai_member member)
{
    return member_names[member].text.ptr;
}

/* --- single members --- */

static bool read_tokens(struct reader *r, uint32_t value, enum openai_member member, int64_t *out)
{
    if (!member_given(r->doc, value)) {
        return true;
    }
    int64_t tokens = 0;
    if (!json_int64(r->doc, value, &tokens) || tokens < 1 || tokens > MAX_TOKENS_LIMIT) {
        return reader_refuse(r, "invalid_max_tokens", name_of(member),
                             "The value must be a whole number from 1 to %d.", MAX_TOKENS_LIMIT);
    }
    *out = tokens;
    return true;
}

static bool read_max_tokens(struct reader *r, const uint32_t *values)
{
    int64_t older = 0;
    int64_t newer = 0;
    if (!read_tokens(r, values[MEMBER_MAX_TOKENS], MEMBER_MAX_TOKENS, &older) ||
        !read_tokens(r, values[MEMBER_MAX_COMPLETION_TOKENS], MEMBER_MAX_COMPLETION_TOKENS,
                     &newer)) {
        return false;
    }
    if (older != 0 && newer != 0 && older != newer) {
        return reader_refuse(r, "conflicting_members", name_of(MEMBER_MAX_COMPLETION_TOKENS),
                             "\"max_tokens\" and \"max_completion_tokens\" say different things.");
    }
    r->chat->max_tokens = newer != 0 ? newer : older;
    return true;
}

static bool read_count(struct reader *r, uint32_t value, enum openai_member member, int64_t *out)
{
    if (!member_given(r->doc, value)) {
        return true;
    }
    if (!json_int64(r->doc, value, out) || *out < 1 || *out > CHOICES_LIMIT) {
        return reader_refuse(r, "invalid_value", name_of(member),
                             "The value must be a whole number from 1 to %d.", CHOICES_LIMIT);
    }
    return true;
}

/* Answers that are generated and thrown away cost as much as the others, so more of them than `n`
 * are refused. */
static bool read_choices(struct reader *r, const uint32_t *values)
{
    int64_t best_of = 1;
    if (!read_count(r, values[MEMBER_N], MEMBER_N, &r->chat->choices) ||
        !read_count(r, values[MEMBER_BEST_OF], MEMBER_BEST_OF, &best_of)) {
        return false;
    }
    return best_of <= r->chat->choices ||
           reader_refuse(r, "invalid_value", name_of(MEMBER_BEST_OF),
                         "More candidates than \"n\" are not supported.");
}

static bool read_stop(struct reader *r, uint32_t value)
{
    const struct json_doc *doc = r->doc;
    if (!member_given(doc, value)) {
        return true;
    }
    bool is_array = json_kind(doc, value) == JSON_ARRAY;
    if (!is_array && json_kind(doc, value) != JSON_STRING) {
        return reader_refuse_type(r, name_of(MEMBER_STOP), "a string or an array of strings");
    }
    size_t count = is_array ? json_count(doc, value) : 1;
    struct slice *stop = arena_array(r->arena, count, sizeof *stop);
    if (stop == NULL) {
        return reader_refuse_size(r);
    }
    uint32_t item = is_array ? json_first(doc, value) : value;
    for (size_t i = 0; i < count; i++) {
        if (json_kind(doc, item) != JSON_STRING) {
            return reader_refuse_type(r, name_of(MEMBER_STOP), "an array of strings");
        }
        stop[i] = json_inner(doc, item);
        item = i + 1 < count ? json_next(doc, value, item) : item;
    }
    r->chat->stop = stop;
    r->chat->stop_count = count;
    return true;
}

static bool read_stream_options(struct reader *r, uint32_t value)
{
    enum { INCLUDE_USAGE, OPTION_COUNT };
    static const struct member_name names[OPTION_COUNT] = {[INCLUDE_USAGE] =
                                                               MEMBER_NAME("include_usage")};
    static const struct member_table table = MEMBER_TABLE(names);
    uint32_t options;
    if (!read_kind(r, value, name_of(MEMBER_STREAM_OPTIONS), JSON_OBJECT, &options)) {
        return false;
    }
    if (options == JSON_ABSENT) {
        return true;
    }
    uint32_t values[OPTION_COUNT];
    size_t unknown;
    return members_read(r, options, "stream_options", &table, values, &unknown) &&
           read_bool(r, values[INCLUDE_USAGE], "stream_options/include_usage",
                     &r->chat->include_usage);
}

/* In Completions this is the number of alternatives, not a flag. */
static bool read_logprobs(struct reader *r, const uint32_t *values)
{
    struct chat *chat = r->chat;
    uint32_t value = values[MEMBER_LOGPROBS];
    if (chat->operation == OPERATION_COMPLETION) {
        chat->logprobs = member_given(r->doc, value);
        return read_number(r, value, name_of(MEMBER_LOGPROBS), &chat->top_logprobs);
    }
    if (!read_bool(r, value, name_of(MEMBER_LOGPROBS), &chat->logprobs)) {
        return false;
    }
    if (!chat->logprobs) { /* OpenAI refuses it then; elsewhere it means nothing */
        reader_odd(r, NULL, values[MEMBER_TOP_LOGPROBS]);
    }
    return read_number(r, values[MEMBER_TOP_LOGPROBS], name_of(MEMBER_TOP_LOGPROBS),
                       &chat->top_logprobs);
}

static bool read_numbers(struct reader *r, const uint32_t *values)
{
    static const struct {
        enum openai_member member;
        size_t offset; /* in the chat */
    } numbers[] = {
        {MEMBER_TEMPERATURE, offsetof(struct chat, temperature)},
        {MEMBER_TOP_P, offsetof(struct chat, top_p)},
        {MEMBER_TOP_K, offsetof(struct chat, top_k)},
        {MEMBER_SEED, offsetof(struct chat, seed)},
        {MEMBER_FREQUENCY_PENALTY, offsetof(struct chat, frequency_penalty)},
        {MEMBER_PRESENCE_PENALTY, offsetof(struct chat, presence_penalty)},
    };
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        uint32_t value = values[numbers[i].member];
        void *out = (char *)r->chat + numbers[i].offset;
        if (value != JSON_ABSENT && !read_number(r, value, name_of(numbers[i].member), out)) {
            return false;
        }
    }
    return true;
}

/* OpenRouter's form of the same wish. The member itself is kept among the extras. */
static void read_reasoning_object(struct reader *r, uint32_t value)
{
    uint32_t effort = json_member(r->doc, value, SLICE("effort"));
    if (r->chat->reasoning_effort.ptr == NULL && json_is(r->doc, effort, JSON_STRING)) {
        r->chat->reasoning_effort = json_inner(r->doc, effort);
    }
}

/* What only Completions knows is as good as unknown in a chat. */
static uint32_t first_kept(const struct chat *chat)
{
    return chat->operation == OPERATION_CHAT ? MEMBER_PROMPT : MEMBER_FIRST_KEPT;
}

/* All absent: the first one is, and each is as the one before it. */
static bool has_any(const uint32_t *values, uint32_t first)
{
    size_t others = (MEMBER_COUNT - 1 - first) * sizeof *values;
    return values[first] != JSON_ABSENT || memcmp(values + first + 1, values + first, others) != 0;
}

/* The extras of the top level, with the two members whose value may be beyond the canonical form.
 */
static bool read_top_extras(struct reader *r, const uint32_t *values, size_t unknown,
                            bool keep_choice, bool keep_format)
{
    struct chat *chat = r->chat;
    uint32_t first = first_kept(chat);
    if (unknown == 0 && !keep_choice && !keep_format && !has_any(values, first)) {
        return true;
    }
    if (!reader_extras(r, JSON_ROOT, &openai_members, first, &chat->extras, &chat->extra_count)) {
        return false;
    }
    /* There is room: each of the two is a member of the object that was counted, and no extra yet.
     */
    if (keep_choice) {
        chat->extras[chat->extra_count++] = reader_extra(r->doc, values[MEMBER_TOOL_CHOICE] - 1);
    }
    if (keep_format) {
        chat->extras[chat->extra_count++] =
            reader_extra(r->doc, values[MEMBER_RESPONSE_FORMAT] - 1);
    }
    return true;
}

/* Wishes that other dialects can say too; they stay extras, so that they go on as they are. */
static bool read_wishes(struct reader *r, const uint32_t *values)
{
    struct chat *chat = r->chat;
    uint32_t metadata;
    if (!read_inner(r, values[MEMBER_SERVICE_TIER], name_of(MEMBER_SERVICE_TIER),
                    &chat->service_tier) ||
        !read_inner(r, values[MEMBER_VERBOSITY], name_of(MEMBER_VERBOSITY), &chat->verbosity) ||
        !read_flag(r, values[MEMBER_STORE], name_of(MEMBER_STORE), &chat->store) ||
        !read_kind(r, values[MEMBER_METADATA], name_of(MEMBER_METADATA), JSON_OBJECT, &metadata)) {
        return false;
    }
    if (metadata != JSON_ABSENT) {
        chat->metadata = json_raw(r->doc, metadata);
    }
    read_reasoning_object(r, values[MEMBER_REASONING]);
    return true;
}

/* What few requests have. */
static bool read_rare(struct reader *r, const uint32_t *values, size_t unknown)
{
    struct chat *chat = r->chat;
    bool keep_choice = false;
    bool keep_format = false;
    const struct policy_members policy = {.sluice = values[MEMBER_SLUICE],
                                          .models = values[MEMBER_MODELS],
                                          .provider = values[MEMBER_PROVIDER],
                                          .session_id = values[MEMBER_SESSION_ID],
                                          .prompt_cache_key = values[MEMBER_PROMPT_CACHE_KEY]};
    if (!read_stream_options(r, values[MEMBER_STREAM_OPTIONS]) || !read_choices(r, values) ||
        !read_stop(r, values[MEMBER_STOP]) || !read_logprobs(r, values) ||
        !reader_policy(r, &policy) ||
        !read_inner(r, values[MEMBER_REASONING_EFFORT], name_of(MEMBER_REASONING_EFFORT),
                    &chat->reasoning_effort) ||
        !read_inner(r, values[MEMBER_USER], name_of(MEMBER_USER), &chat->user) ||
        !read_flag(r, values[MEMBER_PARALLEL_TOOL_CALLS], name_of(MEMBER_PARALLEL_TOOL_CALLS),
                   &chat->parallel_tool_calls) ||
        !openai_read_tools(r, values[MEMBER_TOOLS]) ||
        !openai_read_tool_choice(r, values[MEMBER_TOOL_CHOICE], &keep_choice) ||
        !openai_read_format(r, values[MEMBER_RESPONSE_FORMAT], &keep_format) ||
        !read_wishes(r, values)) {
        return false;
    }
    if (member_given(r->doc, values[MEMBER_FUNCTIONS])) {
        chat->needs |= CAPABILITY_TOOLS;
    }
    if (member_given(r->doc, values[MEMBER_AUDIO])) {
        chat->needs |= CAPABILITY_AUDIO;
    }
    return read_top_extras(r, values, unknown, keep_choice, keep_format);
}

bool openai_read_common(struct reader *r, const uint32_t *values, size_t unknown)
{
    struct chat *chat = r->chat;
    if (!read_inner(r, values[MEMBER_MODEL], name_of(MEMBER_MODEL), &chat->model) ||
        !read_bool(r, values[MEMBER_STREAM], name_of(MEMBER_STREAM), &chat->stream) ||
        !read_max_tokens(r, values) || !read_numbers(r, values)) {
        return false;
    }
    return (unknown == 0 && !has_any(values, MEMBER_FIRST_RARE)) || read_rare(r, values, unknown);
}

/* --- the two requests --- */

bool openai_read_begin(struct reader *r, struct slice body, struct json_doc *doc, uint32_t *values,
                       size_t *ret_unknown)
{
    unsigned dialect =
        r->chat->operation == OPERATION_CHAT ? DIALECT_OPENAI_CHAT : DIALECT_OPENAI_COMPLETIONS;
    return reader_begin(r, dialect, body, doc) &&
           members_read(r, JSON_ROOT, NULL, &openai_members, values, ret_unknown);
}

bool openai_chat_read(struct slice body, struct json_doc *doc, struct arena *arena,
                      struct chat *chat, struct error *error)
{
    struct reader r = {.doc = doc, .arena = arena, .chat = chat, .error = error};
    uint32_t values[MEMBER_COUNT];
    size_t unknown;
    chat->operation = OPERATION_CHAT;
    if (!openai_read_begin(&r, body, doc, values, &unknown) ||
        !openai_read_common(&r, values, unknown) || !reader_choice(&r, "tool_choice") ||
        !openai_read_messages(&r, values[MEMBER_MESSAGES])) {
        return false;
    }
    reader_needs(chat);
    return true;
}

/* A prompt is a user turn with one text. */
static bool read_prompt(struct reader *r, uint32_t value)
{
    const struct json_doc *doc = r->doc;
    if (!member_given(doc, value)) {
        return reader_refuse_missing(r, name_of(MEMBER_PROMPT));
    }
    if (json_kind(doc, value) == JSON_ARRAY && json_count(doc, value) == 1) {
        value = json_first(doc, value);
    }
    if (json_kind(doc, value) != JSON_STRING) {
        return reader_refuse(
            r, "unsupported_prompt", name_of(MEMBER_PROMPT),
            "The prompt must be one string; several prompts and token numbers are not supported.");
    }
    struct chat_message *message = ARENA_NEW(r->arena, struct chat_message);
    struct chat_part *part = ARENA_NEW(r->arena, struct chat_part);
    if (message == NULL || part == NULL) {
        return reader_refuse_size(r);
    }
    part->kind = PART_TEXT;
    part->text = json_inner(doc, value);
    *message = (struct chat_message){.role = ROLE_USER, .parts = part, .part_count = 1};
    r->chat->messages = message;
    r->chat->message_count = 1;
    return true;
}

bool openai_completions_read(struct slice body, struct json_doc *doc, struct arena *arena,
                             struct chat *chat, struct error *error)
{
    struct reader r = {.doc = doc, .arena = arena, .chat = chat, .error = error};
    uint32_t values[MEMBER_COUNT];
    size_t unknown;
    chat->operation = OPERATION_COMPLETION;
    if (!openai_read_begin(&r, body, doc, values, &unknown) ||
        !openai_read_common(&r, values, unknown) || !read_prompt(&r, values[MEMBER_PROMPT]) ||
        !read_inner(&r, values[MEMBER_SUFFIX], name_of(MEMBER_SUFFIX), &chat->suffix)) {
        return false;
    }
    reader_needs(chat);
    return true;
}

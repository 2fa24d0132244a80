/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests in Ollama's dialect: /api/chat, /api/generate and /api/embed. It streams unless told not
 * to. `options` holds what others have at the top level; what we do not know of it is an extra.
 */
#include "dialect/ollama.h"

#include "dialect/reader.h"

#define TOKENS_LIMIT INT32_MAX
#define INPUTS_MAX 2048u

const struct member_name ollama_request_names[OLLAMA_MEMBERS] = {
    [OLLAMA_MODEL] = MEMBER_NAME("model"),
    [OLLAMA_MESSAGES] = MEMBER_NAME("messages"),
    [OLLAMA_STREAM] = MEMBER_NAME("stream"),
    [OLLAMA_OPTIONS] = MEMBER_NAME("options"),
    [OLLAMA_FORMAT] = MEMBER_NAME("format"),
    [OLLAMA_TOOLS] = MEMBER_NAME("tools"),
    [OLLAMA_THINK] = MEMBER_NAME("think"),
    [OLLAMA_LOGPROBS] = MEMBER_NAME("logprobs"),
    [OLLAMA_TOP_LOGPROBS] = MEMBER_NAME("top_logprobs"),
    [OLLAMA_SLUICE] = MEMBER_NAME("sluice"),
    [OLLAMA_PROMPT] = MEMBER_NAME("prompt"),
    [OLLAMA_SUFFIX] = MEMBER_NAME("suffix"),
    [OLLAMA_SYSTEM] = MEMBER_NAME("system"),
    [OLLAMA_IMAGES] = MEMBER_NAME("images"),
    [OLLAMA_INPUT] = MEMBER_NAME("input"),
    [OLLAMA_DIMENSIONS] = MEMBER_NAME("dimensions"),
    [OLLAMA_RAW] = MEMBER_NAME("raw"),
    [OLLAMA_TEMPLATE] = MEMBER_NAME("template"),
    [OLLAMA_CONTEXT] = MEMBER_NAME("context"),
};
const struct member_table ollama_request_table = MEMBER_TABLE(ollama_request_names);

/* --- options --- */

static bool read_predict(struct reader *r, uint32_t value)
{
    int64_t tokens = 0;
    if (!member_given(r->doc, value)) {
        return true;
    }
    if (!json_int64(r->doc, value, &tokens) || tokens < -2 || tokens > TOKENS_LIMIT) {
        return reader_refuse(r, "invalid_max_tokens", "options/num_predict",
                             "The value must be a whole number up to %d.", TOKENS_LIMIT);
    }
    r->chat->max_tokens = tokens > 0 ? tokens : 0; /* -1 and -2: as much as there is room for */
    return true;
}

static bool read_stop(struct reader *r, uint32_t value)
{
    const struct json_doc *doc = r->doc;
    if (!member_given(doc, value)) {
        return true;
    }
    bool list = json_kind(doc, value) == JSON_ARRAY;
    size_t count = list ? json_count(doc, value) : 1;
    struct slice *stop = arena_array(r->arena, count, sizeof *stop);
    if (stop == NULL) {
        return reader_refuse_size(r);
    }
    uint32_t item = list ? json_first(doc, value) : value;
    for (size_t i = 0; i < count; i++) {
        if (json_kind(doc, item) != JSON_STRING) {
            return reader_refuse_type(r, "options/stop", "a string or an array of strings");
        }
        stop[i] = json_inner(doc, item);
        item = i + 1 < count ? json_next(doc, value, item) : item;
    }
    r->chat->stop = stop;
    r->chat->stop_count = count;
    return true;
}

static bool read_options(struct reader *r, uint32_t value)
{
    enum { PREDICT, STOP, TEMPERATURE, TOP_P, TOP_K, SEED, FREQUENCY, PRESENCE, COUNT };
    static const struct member_name names[COUNT] = {
        [PREDICT] = MEMBER_NAME("num_predict"),
        [STOP] = MEMBER_NAME("stop"),
        [TEMPERATURE] = MEMBER_NAME("temperature"),
        [TOP_P] = MEMBER_NAME("top_p"),
        [TOP_K] = MEMBER_NAME("top_k"),
        [SEED] = MEMBER_NAME("seed"),
        [FREQUENCY] = MEMBER_NAME("frequency_penalty"),
        [PRESENCE] = MEMBER_NAME("presence_penalty"),
    };
    static const struct member_table table = MEMBER_TABLE(names);
    struct chat *chat = r->chat;
    uint32_t options;
    uint32_t values[COUNT];
    size_t unknown;
    if (!read_kind(r, value, "options", JSON_OBJECT, &options)) {
        return false;
    }
    if (options == JSON_ABSENT) {
        return true;
    }
    return members_read(r, options, "options", &table, values, &unknown) &&
           read_predict(r, values[PREDICT]) && read_stop(r, values[STOP]) &&
           read_number(r, values[TEMPERATURE], "options/temperature", &chat->temperature) &&
           read_number(r, values[TOP_P], "options/top_p", &chat->top_p) &&
           read_number(r, values[TOP_K], "options/top_k", &chat->top_k) &&
           read_number(r, values[SEED], "options/seed", &chat->seed) &&
           read_number(r, values[FREQUENCY], "options/frequency_penalty",
                       &chat->frequency_penalty) &&
           read_number(r, values[PRESENCE], "options/presence_penalty", &chat->presence_penalty) &&
           (unknown == 0 ||
            reader_extras(r, options, &table, COUNT, &chat->extras, &chat->extra_count));
}

/* --- top level --- */

static bool read_format(struct reader *r, uint32_t value)
{
    struct chat *chat = r->chat;
    if (!member_given(r->doc, value) || json_string_is(r->doc, value, SLICE(""))) {
        return true;
    }
    if (json_kind(r->doc, value) == JSON_OBJECT) {
        chat->format = FORMAT_JSON_SCHEMA;
        return read_schema(r, value, "format", &chat->schema);
    }
    if (!json_string_is(r->doc, value, SLICE("json"))) {
        return reader_refuse(r, "invalid_value", "format",
                             "The value must be \"json\" or a JSON schema.");
    }
    chat->format = FORMAT_JSON_OBJECT;
    return true;
}

static bool read_think(struct reader *r, uint32_t value)
{
    struct chat *chat = r->chat;
    bool on = false;
    if (!member_given(r->doc, value)) {
        return true;
    }
    if (json_kind(r->doc, value) == JSON_STRING) {
        chat->reasoning_effort = json_inner(r->doc, value);
        return true;
    }
    if (!read_bool(r, value, "think", &on)) {
        return false;
    }
    chat->thinking = on ? THINKING_ON : THINKING_OFF;
    chat->show_thinking = on;
    return true;
}

static bool read_common(struct reader *r, const uint32_t *values)
{
    struct chat *chat = r->chat;
    const struct policy_members policy = {.sluice = values[OLLAMA_SLUICE],
                                          .models = JSON_ABSENT,
                                          .provider = JSON_ABSENT,
                                          .session_id = JSON_ABSENT,
                                          .prompt_cache_key = JSON_ABSENT};
    chat->stream = chat->operation != OPERATION_EMBEDDING;
    return read_inner(r, values[OLLAMA_MODEL], "model", &chat->model) &&
           (chat->operation == OPERATION_EMBEDDING ||
            read_bool(r, values[OLLAMA_STREAM], "stream", &chat->stream)) &&
           read_options(r, values[OLLAMA_OPTIONS]) && read_format(r, values[OLLAMA_FORMAT]) &&
           read_think(r, values[OLLAMA_THINK]) && reader_policy(r, &policy) &&
           read_bool(r, values[OLLAMA_LOGPROBS], "logprobs", &chat->logprobs) &&
           read_number(r, values[OLLAMA_TOP_LOGPROBS], "top_logprobs", &chat->top_logprobs) &&
           read_number(r, values[OLLAMA_DIMENSIONS], "dimensions", &chat->dimensions);
}

/* Members that are neither of the table nor options (keep_alive ...). */
static bool read_extras(struct reader *r, size_t unknown)
{
    struct chat *chat = r->chat;
    struct chat_extra *extras = NULL;
    size_t count = 0;
    if (unknown == 0) {
        return true;
    }
    if (!reader_extras(r, JSON_ROOT, &ollama_request_table, OLLAMA_MEMBERS, &extras, &count)) {
        return false;
    }
    struct chat_extra *all = arena_array(r->arena, count + chat->extra_count, sizeof *all);
    if (all == NULL) {
        return reader_refuse_size(r);
    }
    memcpy(all, extras, count * sizeof *all);
    if (chat->extra_count > 0) {
        memcpy(all + count, chat->extras, chat->extra_count * sizeof *all);
    }
    chat->extras = all;
    chat->extra_count += count;
    return true;
}

/* --- what is no conversation --- */

static bool add_text(struct reader *r, enum chat_role role, uint32_t value)
{
    struct chat_message *message = &r->chat->messages[r->chat->message_count];
    struct chat_part *part = ARENA_NEW(r->arena, struct chat_part);
    if (part == NULL) {
        return reader_refuse_size(r);
    }
    *part = (struct chat_part){.kind = PART_TEXT, .text = json_inner(r->doc, value)};
    *message = (struct chat_message){.role = role, .parts = part, .part_count = 1};
    r->chat->message_count++;
    return true;
}

/* What is put around the prompt. The older `context` is what the model has seen before, in its own
 * numbers. */
static bool read_surroundings(struct reader *r, const uint32_t *values)
{
    struct chat *chat = r->chat;
    struct slice own = SLICE_EMPTY;
    uint32_t context;
    if (!read_bool(r, values[OLLAMA_RAW], "raw", &chat->raw_prompt) ||
        !read_inner(r, values[OLLAMA_TEMPLATE], "template", &own) ||
        !read_kind(r, values[OLLAMA_CONTEXT], "context", JSON_ARRAY, &context)) {
        return false;
    }
    bool before = context != JSON_ABSENT && json_count(r->doc, context) > 0;
    chat->own_template = before || (own.len > 0 && !chat->raw_prompt);
    return true;
}

/* A prompt without more is a completion; with a system text or images it is a conversation of one
   turn. */
static bool read_prompt(struct reader *r, const uint32_t *values)
{
    struct chat *chat = r->chat;
    uint32_t system = values[OLLAMA_SYSTEM];
    struct slice text = SLICE_EMPTY;
    chat->messages = arena_array(r->arena, 2, sizeof *chat->messages);
    if (chat->messages == NULL) {
        return reader_refuse_size(r);
    }
    if (!read_inner(r, system, "system", &text) ||
        !read_inner(r, values[OLLAMA_SUFFIX], "suffix", &chat->suffix) ||
        !read_surroundings(r, values)) {
        return false;
    }
    if (!json_is(r->doc, values[OLLAMA_PROMPT], JSON_STRING)) {
        return member_given(r->doc, values[OLLAMA_PROMPT])
                   ? reader_refuse_type(r, "prompt", "a string")
                   : reader_refuse_missing(r, "prompt");
    }
    if (text.len > 0 && !add_text(r, ROLE_SYSTEM, system)) {
        return false;
    }
    if (member_given(r->doc, values[OLLAMA_IMAGES])) {
        return ollama_read_prompt_images(r, values[OLLAMA_PROMPT], values[OLLAMA_IMAGES]);
    }
    return add_text(r, ROLE_USER, values[OLLAMA_PROMPT]);
}

static bool read_inputs(struct reader *r, uint32_t input)
{
    const struct json_doc *doc = r->doc;
    if (!member_given(doc, input)) {
        return reader_refuse_missing(r, "input");
    }
    bool list = json_kind(doc, input) == JSON_ARRAY;
    size_t count = list ? json_count(doc, input) : 1;
    if (count == 0 || count > INPUTS_MAX) {
        return reader_refuse(r, "invalid_value", "input", "There must be 1 to %u texts.",
                             INPUTS_MAX);
    }
    r->chat->messages = arena_array(r->arena, count, sizeof *r->chat->messages);
    if (r->chat->messages == NULL) {
        return reader_refuse_size(r);
    }
    uint32_t item = list ? json_first(doc, input) : input;
    for (size_t i = 0; i < count; i++) {
        if (json_kind(doc, item) != JSON_STRING) {
            return reader_refuse_type(r, "input", "a string or an array of strings");
        }
        if (!add_text(r, ROLE_USER, item)) {
            return false;
        }
        item = i + 1 < count ? json_next(doc, input, item) : item;
    }
    return true;
}

static bool read_turns(struct reader *r, const uint32_t *values)
{
    switch (r->chat->operation) {
    case OPERATION_COMPLETION:
        return read_prompt(r, values);
    case OPERATION_EMBEDDING:
        return read_inputs(r, values[OLLAMA_INPUT]);
    default:
        return ollama_read_tools(r, values[OLLAMA_TOOLS]) &&
               ollama_read_messages(r, values[OLLAMA_MESSAGES]);
    }
}

bool ollama_read_request(struct slice body, struct json_doc *doc, struct arena *arena,
                         struct chat *chat, struct error *error)
{
    struct reader r = {.doc = doc, .arena = arena, .chat = chat, .error = error};
    uint32_t values[OLLAMA_MEMBERS];
    size_t unknown;
    if (!reader_begin(&r, DIALECT_OLLAMA, body, doc) ||
        !members_read(&r, JSON_ROOT, NULL, &ollama_request_table, values, &unknown) ||
        !read_common(&r, values) || !read_extras(&r, unknown) || !read_turns(&r, values)) {
        return false;
    }
    chat->include_usage = chat->stream; /* the last line tells it always */
    reader_needs(chat);
    if (chat->suffix.len == 0 && !chat->raw_prompt) {
        /* /api/generate puts the prompt into the model's template: a chat of one turn says that */
        chat->needs &= ~(capability_set)CAPABILITY_COMPLETION;
    }
    return true;
}

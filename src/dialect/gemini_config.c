/* SPDX-License-Identifier: Apache-2.0 */
/* generationConfig: sampling, limits, the format of the answer, thinking. */
#include "dialect/gemini.h"
#include "dialect/thinking.h"

#define MAX_TOKENS_LIMIT INT32_MAX
#define CHOICES_LIMIT 128
#define INSIDE "generationConfig"

static const struct member_name config_names[CONFIG_NAMES] = {
    [CONFIG_TEMPERATURE] = MEMBER_NAME("temperature"),
    [CONFIG_TOP_P] = MEMBER_NAME("topP"),
    [CONFIG_TOP_K] = MEMBER_NAME("topK"),
    [CONFIG_MAX_TOKENS] = MEMBER_NAME("maxOutputTokens"),
    [CONFIG_STOP] = MEMBER_NAME("stopSequences"),
    [CONFIG_CHOICES] = MEMBER_NAME("candidateCount"),
    [CONFIG_SEED] = MEMBER_NAME("seed"),
    [CONFIG_PRESENCE] = MEMBER_NAME("presencePenalty"),
    [CONFIG_FREQUENCY] = MEMBER_NAME("frequencyPenalty"),
    [CONFIG_MIME_TYPE] = MEMBER_NAME("responseMimeType"),
    [CONFIG_SCHEMA] = MEMBER_NAME("responseSchema"),
    [CONFIG_JSON_SCHEMA] = MEMBER_NAME("responseJsonSchema"),
    [CONFIG_LOGPROBS] = MEMBER_NAME("responseLogprobs"),
    [CONFIG_TOP_LOGPROBS] = MEMBER_NAME("logprobs"),
    [CONFIG_THINKING] = MEMBER_NAME("thinkingConfig"),
    [CONFIG_MEMBERS] = MEMBER_NAME("top_p"),
    [CONFIG_MEMBERS + 1] = MEMBER_NAME("top_k"),
    [CONFIG_MEMBERS + 2] = MEMBER_NAME("max_output_tokens"),
    [CONFIG_MEMBERS + 3] = MEMBER_NAME("stop_sequences"),
    [CONFIG_MEMBERS + 4] = MEMBER_NAME("candidate_count"),
    [CONFIG_MEMBERS + 5] = MEMBER_NAME("presence_penalty"),
    [CONFIG_MEMBERS + 6] = MEMBER_NAME("frequency_penalty"),
    [CONFIG_MEMBERS + 7] = MEMBER_NAME("response_mime_type"),
    [CONFIG_MEMBERS + 8] = MEMBER_NAME("response_schema"),
    [CONFIG_MEMBERS + 9] = MEMBER_NAME("response_json_schema"),
    [CONFIG_MEMBERS + 10] = MEMBER_NAME("response_logprobs"),
    [CONFIG_MEMBERS + 11] = MEMBER_NAME("thinking_config"),
};
static const uint8_t config_aliases[] = {CONFIG_TOP_P,       CONFIG_TOP_K,     CONFIG_MAX_TOKENS,
                                         CONFIG_STOP,        CONFIG_CHOICES,   CONFIG_PRESENCE,
                                         CONFIG_FREQUENCY,   CONFIG_MIME_TYPE, CONFIG_SCHEMA,
                                         CONFIG_JSON_SCHEMA, CONFIG_LOGPROBS,  CONFIG_THINKING};
const struct gemini_table gemini_config_members =
    GEMINI_TABLE(config_names, CONFIG_MEMBERS, config_aliases);

enum { THINKING_BUDGET, THINKING_LEVEL, THINKING_INCLUDE, THINKING_MEMBERS };
static const struct member_name thinking_names[THINKING_MEMBERS * 2] = {
    [THINKING_BUDGET] = MEMBER_NAME("thinkingBudget"),
    [THINKING_LEVEL] = MEMBER_NAME("thinkingLevel"),
    [THINKING_INCLUDE] = MEMBER_NAME("includeThoughts"),
    [THINKING_MEMBERS] = MEMBER_NAME("thinking_budget"),
    [THINKING_MEMBERS + 1] = MEMBER_NAME("thinking_level"),
    [THINKING_MEMBERS + 2] = MEMBER_NAME("include_thoughts"),
};
static const uint8_t thinking_aliases[] = {THINKING_BUDGET, THINKING_LEVEL, THINKING_INCLUDE};
const struct gemini_table gemini_thinking_members =
    GEMINI_TABLE(thinking_names, THINKING_MEMBERS, thinking_aliases);

static const char *path_of(enum gemini_config member)
{
    static const char *const paths[CONFIG_MEMBERS] = {
        [CONFIG_TEMPERATURE] = INSIDE "/temperature",
        [CONFIG_TOP_P] = INSIDE "/topP",
        [CONFIG_TOP_K] = INSIDE "/topK",
        [CONFIG_MAX_TOKENS] = INSIDE "/maxOutputTokens",
        [CONFIG_STOP] = INSIDE "/stopSequences",
        [CONFIG_CHOICES] = INSIDE "/candidateCount",
        [CONFIG_SEED] = INSIDE "/seed",
        [CONFIG_PRESENCE] = INSIDE "/presencePenalty",
        [CONFIG_FREQUENCY] = INSIDE "/frequencyPenalty",
        [CONFIG_MIME_TYPE] = INSIDE "/responseMimeType",
        [CONFIG_SCHEMA] = INSIDE "/responseSchema",
        [CONFIG_JSON_SCHEMA] = INSIDE "/responseJsonSchema",
        [CONFIG_LOGPROBS] = INSIDE "/responseLogprobs",
        [CONFIG_TOP_LOGPROBS] = INSIDE "/logprobs",
        [CONFIG_THINKING] = INSIDE "/thinkingConfig",
    };
    return paths[member];
}

static bool read_numbers(struct reader *r, const uint32_t *values)
{
    static const struct {
        enum gemini_config member;
        size_t offset; /* in the chat */
    } numbers[] = {
        {CONFIG_TEMPERATURE, offsetof(struct chat, temperature)},
        {CONFIG_TOP_P, offsetof(struct chat, top_p)},
        {CONFIG_TOP_K, offsetof(struct chat, top_k)},
        {CONFIG_SEED, offsetof(struct chat, seed)},
        {CONFIG_PRESENCE, offsetof(struct chat, presence_penalty)},
        {CONFIG_FREQUENCY, offsetof(struct chat, frequency_penalty)},
        {CONFIG_TOP_LOGPROBS, offsetof(struct chat, top_logprobs)},
    };
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        void *out = (char *)r->chat + numbers[i].offset;
        if (!read_number(r, values[numbers[i].member], path_of(numbers[i].member), out)) {
            return false;
        }
    }
    return true;
}

static bool read_tokens(struct reader *r, uint32_t value)
{
    int64_t *tokens = &r->chat->max_tokens;
    if (!member_given(r->doc, value)) {
        return true;
    }
    return (json_int64(r->doc, value, tokens) && *tokens >= 1 && *tokens <= MAX_TOKENS_LIMIT) ||
           reader_refuse(r, "invalid_max_tokens", path_of(CONFIG_MAX_TOKENS),
                         "The value must be a whole number from 1 to %d.", MAX_TOKENS_LIMIT);
}

static bool read_choices(struct reader *r, uint32_t value)
{
    int64_t *choices = &r->chat->choices;
    if (!member_given(r->doc, value)) {
        return true;
    }
    return (json_int64(r->doc, value, choices) && *choices >= 1 && *choices <= CHOICES_LIMIT) ||
           reader_refuse(r, "invalid_value", path_of(CONFIG_CHOICES),
                         "The value must be a whole number from 1 to %d.", CHOICES_LIMIT);
}

static bool read_stop(struct reader *r, uint32_t value)
{
    uint32_t list;
    struct chat *chat = r->chat;
    if (!read_kind(r, value, path_of(CONFIG_STOP), JSON_ARRAY, &list)) {
        return false;
    }
    if (list == JSON_ABSENT) {
        return true;
    }
    size_t count = json_count(r->doc, list);
    if (count > GEMINI_STOPS_MAX) {
        return reader_refuse(r, "invalid_value", path_of(CONFIG_STOP),
                             "At most %u stop sequences are possible.", GEMINI_STOPS_MAX);
    }
    chat->stop = arena_array(r->arena, count, sizeof *chat->stop);
    if (chat->stop == NULL) {
        return reader_refuse_size(r);
    }
    for (uint32_t i = json_first(r->doc, list); i != JSON_ABSENT; i = json_next(r->doc, list, i)) {
        if (json_kind(r->doc, i) != JSON_STRING) {
            return reader_refuse_type(r, path_of(CONFIG_STOP), "an array of strings");
        }
        chat->stop[chat->stop_count++] = json_inner(r->doc, i);
    }
    return true;
}

/* --- the format of the answer --- */

static bool read_schemas(struct reader *r, const uint32_t *values)
{
    struct chat *chat = r->chat;
    struct slice subset = SLICE_EMPTY;
    if (member_given(r->doc, values[CONFIG_SCHEMA])) {
        if (member_given(r->doc, values[CONFIG_JSON_SCHEMA])) {
            return reader_refuse(r, "conflicting_members", path_of(CONFIG_JSON_SCHEMA),
                                 "Either \"responseSchema\" or \"responseJsonSchema\" is given.");
        }
        return read_schema(r, values[CONFIG_SCHEMA], path_of(CONFIG_SCHEMA), &subset) &&
               gemini_json_schema(r, values[CONFIG_SCHEMA], &chat->schema);
    }
    return read_schema(r, values[CONFIG_JSON_SCHEMA], path_of(CONFIG_JSON_SCHEMA), &chat->schema);
}

/* Types other than JSON and plain text (text/x.enum) are Google's own: kept aside with their
 * schema. */
static bool keep_format(struct reader *r, const uint32_t *values)
{
    static const enum gemini_config kept[] = {CONFIG_MIME_TYPE, CONFIG_SCHEMA, CONFIG_JSON_SCHEMA};
    for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
        if (values[kept[i]] != JSON_ABSENT && !gemini_extra_add(r, values[kept[i]])) {
            return false;
        }
    }
    return true;
}

static bool read_format(struct reader *r, const uint32_t *values)
{
    struct slice type = SLICE_EMPTY;
    struct chat *chat = r->chat;
    if (!read_inner(r, values[CONFIG_MIME_TYPE], path_of(CONFIG_MIME_TYPE), &type)) {
        return false;
    }
    bool json = json_inner_is(type, SLICE("application/json"));
    if (!json && type.len > 0 && !json_inner_is(type, SLICE("text/plain"))) {
        return keep_format(r, values);
    }
    if (!read_schemas(r, values)) {
        return false;
    }
    if (chat->schema.ptr != NULL && !json) {
        return reader_refuse(r, "conflicting_members", path_of(CONFIG_MIME_TYPE),
                             "A schema needs the type \"application/json\".");
    }
    chat->format = chat->schema.ptr != NULL ? FORMAT_JSON_SCHEMA
                   : json                   ? FORMAT_JSON_OBJECT
                                            : FORMAT_TEXT;
    return true;
}

/* --- thinking --- */

static bool read_budget(struct reader *r, uint32_t value)
{
    struct chat *chat = r->chat;
    int64_t budget = 0;
    if (!member_given(r->doc, value)) {
        return true;
    }
    if (!json_int64(r->doc, value, &budget) || budget < -1 || budget > MAX_TOKENS_LIMIT) {
        return reader_refuse(r, "invalid_value", INSIDE "/thinkingConfig/thinkingBudget",
                             "The value must be -1, 0 or a number of tokens.");
    }
    chat->thinking = budget < 0 ? THINKING_ADAPTIVE : budget == 0 ? THINKING_OFF : THINKING_ON;
    chat->thinking_budget = budget;
    return true;
}

static bool read_level(struct reader *r, uint32_t value)
{
    static const struct {
        struct slice level;
        struct slice effort;
    } levels[] = {
        {SLICE_INIT("minimal"), SLICE_INIT("minimal")},
        {SLICE_INIT("low"), SLICE_INIT("low")},
        {SLICE_INIT("medium"), SLICE_INIT("medium")},
        {SLICE_INIT("high"), SLICE_INIT("high")},
        {SLICE_INIT("thinking_level_unspecified"), SLICE_INIT("")},
    };
    struct slice level = SLICE_EMPTY;
    if (!read_inner(r, value, INSIDE "/thinkingConfig/thinkingLevel", &level)) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(levels) && level.ptr != NULL; i++) {
        if (slice_eq_nocase(level, levels[i].level)) {
            struct slice effort = levels[i].effort;
            r->chat->reasoning_effort = effort.len > 0 ? effort : SLICE_EMPTY;
            return true;
        }
    }
    return level.ptr == NULL ||
           reader_refuse(r, "invalid_value", INSIDE "/thinkingConfig/thinkingLevel",
                         "The value must be MINIMAL, LOW, MEDIUM or HIGH.");
}

static bool read_thinking(struct reader *r, uint32_t value)
{
    struct chat *chat = r->chat;
    uint32_t values[THINKING_MEMBERS * 2];
    uint32_t object;
    size_t unknown;
    if (!read_kind(r, value, path_of(CONFIG_THINKING), JSON_OBJECT, &object)) {
        return false;
    }
    if (object == JSON_ABSENT) {
        return true;
    }
    if (!gemini_members_read(r, object, INSIDE "/thinkingConfig", &gemini_thinking_members, values,
                             &unknown) ||
        !gemini_extras_add(r, object, &gemini_thinking_members, unknown) ||
        !read_budget(r, values[THINKING_BUDGET]) || !read_level(r, values[THINKING_LEVEL]) ||
        !read_bool(r, values[THINKING_INCLUDE], INSIDE "/thinkingConfig/includeThoughts",
                   &chat->show_thinking)) {
        return false;
    }
    if (chat->thinking_budget >= 0 && chat->reasoning_effort.ptr != NULL) {
        return reader_refuse(r, "conflicting_members", INSIDE "/thinkingConfig/thinkingLevel",
                             "Either \"thinkingBudget\" or \"thinkingLevel\" is given.");
    }
    chat->reasoning_effort = thinking_effort(chat);
    return true;
}

bool gemini_read_config(struct reader *r, uint32_t value)
{
    uint32_t values[CONFIG_NAMES];
    uint32_t object;
    size_t unknown;
    if (!read_kind(r, value, INSIDE, JSON_OBJECT, &object)) {
        return false;
    }
    if (object == JSON_ABSENT) {
        return true;
    }
    return gemini_members_read(r, object, INSIDE, &gemini_config_members, values, &unknown) &&
           gemini_extras_add(r, object, &gemini_config_members, unknown) &&
           read_numbers(r, values) && read_tokens(r, values[CONFIG_MAX_TOKENS]) &&
           read_choices(r, values[CONFIG_CHOICES]) && read_stop(r, values[CONFIG_STOP]) &&
           read_bool(r, values[CONFIG_LOGPROBS], path_of(CONFIG_LOGPROBS), &r->chat->logprobs) &&
           read_format(r, values) && read_thinking(r, values[CONFIG_THINKING]);
}

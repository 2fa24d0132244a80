/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shapes of usage as providers document and send them, in each provider dialect: a stream costs
 * what the same answer costs in one piece, and, cut behind each of its events, the last report and
 * what came after it (docs/answers.md); heard to its end although its client left, the whole.
 */
#include "dialect/dialect.h"
#include "gateway/attempt.h"

#include "tests/tap.h"
#include "tests/unit/dialect/files.h"
#include "tests/unit/gateway/usage_wires.h"

#define LIMIT ((size_t)1 << 20)
#define EXPECTED_INPUT 1000

/* --- what they tell ----------------------------------------------------------------------------
 */

struct shape {
    const char *name;
    enum dialect_id dialect;
    const struct wire *wire;
    enum place place;
    const char *usage;
    struct usage means;
    const char *first; /* AT_BOTH_ENDS: what the start tells, of which so much is output: */
    int64_t first_output;
};

static const struct shape table[] = {
    {.name = "counts",
     .dialect = DIALECT_OPENAI_CHAT,
     .wire = &chat,
     .place = AT_END,
     .usage = "{\"prompt_tokens\":100,\"completion_tokens\":20,\"total_tokens\":120}",
     .means = {.input = 100, .output = 20, .reported = true}},
    {.name = "no total",
     .dialect = DIALECT_OPENAI_CHAT,
     .wire = &chat,
     .place = AT_END,
     .usage = "{\"prompt_tokens\":100,\"completion_tokens\":20}",
     .means = {.input = 100, .output = 20, .reported = true}},
    {.name = "cached",
     .dialect = DIALECT_OPENAI_CHAT,
     .wire = &chat,
     .place = AT_END,
     .usage = "{\"prompt_tokens\":100,\"completion_tokens\":20,\"total_tokens\":120,\"prompt_"
              "tokens_details\":{\"cached_tokens\":64}}",
     .means = {.input = 100, .output = 20, .cache_read = 64, .reported = true}},
    {.name = "reasoning",
     .dialect = DIALECT_OPENAI_CHAT,
     .wire = &chat,
     .place = AT_END,
     .usage = "{\"prompt_tokens\":100,\"completion_tokens\":20,\"total_tokens\":120,\"completion_"
              "tokens_details\":{\"reasoning_tokens\":12}}",
     .means = {.input = 100, .output = 20, .reasoning = 12, .reported = true}},
    {.name = "audio heard",
     .dialect = DIALECT_OPENAI_CHAT,
     .wire = &chat,
     .place = AT_END,
     .usage = "{\"prompt_tokens\":100,\"completion_tokens\":20,\"total_tokens\":120,\"prompt_"
              "tokens_details\":{\"audio_tokens\":30}}",
     .means = {.input = 100, .output = 20, .audio_input = 30, .reported = true}},
    {.name = "audio spoken",
     .dialect = DIALECT_OPENAI_CHAT,
     .wire = &chat,
     .place = AT_END,
     .usage = "{\"prompt_tokens\":100,\"completion_tokens\":20,\"total_tokens\":120,\"completion_"
              "tokens_details\":{\"audio_tokens\":9}}",
     .means = {.input = 100, .output = 20, .audio_output = 9, .reported = true}},
    {.name = "audio both ways, cached",
     .dialect = DIALECT_OPENAI_CHAT,
     .wire = &chat,
     .place = AT_END,
     .usage = "{\"prompt_tokens\":100,\"completion_tokens\":20,\"total_tokens\":120,\"prompt_"
              "tokens_details\":{\"audio_tokens\":30,\"cached_tokens\":40},\"completion_tokens_"
              "details\":{\"audio_tokens\":9,\"reasoning_tokens\":3}}",
     .means = {.input = 100,
               .output = 20,
               .audio_input = 30,
               .cache_read = 40,
               .audio_output = 9,
               .reasoning = 3,
               .reported = true}},
    {.name = "details of zero",
     .dialect = DIALECT_OPENAI_CHAT,
     .wire = &chat,
     .place = AT_END,
     .usage = "{\"prompt_tokens\":100,\"completion_tokens\":20,\"total_tokens\":120,\"prompt_"
              "tokens_details\":{\"cached_tokens\":0,\"audio_tokens\":0},\"completion_tokens_"
              "details\":{\"reasoning_tokens\":0,\"audio_tokens\":0,\"accepted_prediction_tokens\":"
              "0,\"rejected_prediction_tokens\":0}}",
     .means = {.input = 100, .output = 20, .reported = true}},
    {.name = "predicted",
     .dialect = DIALECT_OPENAI_CHAT,
     .wire = &chat,
     .place = AT_END,
     .usage = "{\"prompt_tokens\":100,\"completion_tokens\":20,\"total_tokens\":120,\"completion_"
              "tokens_details\":{\"reasoning_tokens\":0,\"accepted_prediction_tokens\":7,"
              "\"rejected_prediction_tokens\":5}}",
     .means = {.input = 100, .output = 20, .reported = true}},
    {.name = "details of null",
     .dialect = DIALECT_OPENAI_CHAT,
     .wire = &chat,
     .place = AT_END,
     .usage = "{\"prompt_tokens\":100,\"completion_tokens\":20,\"total_tokens\":120,\"prompt_"
              "tokens_details\":null,\"completion_tokens_details\":null}",
     .means = {.input = 100, .output = 20, .reported = true}},
    {.name = "written to a cache",
     .dialect = DIALECT_OPENAI_CHAT,
     .wire = &chat,
     .place = AT_END,
     .usage = "{\"prompt_tokens\":100,\"completion_tokens\":20,\"total_tokens\":120,\"prompt_"
              "tokens_details\":{\"cached_tokens\":10,\"cache_write_tokens\":50}}",
     .means = {.input = 100, .output = 20, .cache_read = 10, .cache_write = 50, .reported = true}},
    {.name = "a cost",
     .dialect = DIALECT_OPENAI_CHAT,
     .wire = &chat,
     .place = AT_END,
     .usage = "{\"prompt_tokens\":100,\"completion_tokens\":20,\"total_tokens\":120,\"cost\":0."
              "0012,\"is_byok\":false}",
     .means = {.input = 100,
               .output = 20,
               .has_provider_cost = true,
               .provider_cost_nd = 1200000,
               .reported = true}},
    {.name = "a cost of nothing",
     .dialect = DIALECT_OPENAI_CHAT,
     .wire = &chat,
     .place = AT_END,
     .usage = "{\"prompt_tokens\":100,\"completion_tokens\":20,\"total_tokens\":120,\"cost\":0}",
     .means = {.input = 100, .output = 20, .has_provider_cost = true, .reported = true}},
    {.name = "a cost with cached tokens",
     .dialect = DIALECT_OPENAI_CHAT,
     .wire = &chat,
     .place = AT_END,
     .usage = "{\"prompt_tokens\":100,\"completion_tokens\":20,\"total_tokens\":120,\"cost\":0."
              "00095,\"prompt_tokens_details\":{\"cached_tokens\":64},\"cost_details\":{\"upstream_"
              "inference_cost\":null}}",
     .means = {.input = 100,
               .output = 20,
               .cache_read = 64,
               .has_provider_cost = true,
               .provider_cost_nd = 950000,
               .reported = true}},
    {.name = "DeepSeek's hits",
     .dialect = DIALECT_OPENAI_CHAT,
     .wire = &chat,
     .place = AT_END,
     .usage = "{\"prompt_tokens\":100,\"completion_tokens\":20,\"total_tokens\":120,\"prompt_cache_"
              "hit_tokens\":60,\"prompt_cache_miss_tokens\":40}",
     .means = {.input = 100, .output = 20, .cache_read = 60, .reported = true}},
    {.name = "Moonshot's cached",
     .dialect = DIALECT_OPENAI_CHAT,
     .wire = &chat,
     .place = AT_END,
     .usage = "{\"prompt_tokens\":100,\"completion_tokens\":20,\"total_tokens\":120,\"cached_"
              "tokens\":25}",
     .means = {.input = 100, .output = 20, .cache_read = 25, .reported = true}},
    {.name = "thoughts beside the answer's tokens",
     .dialect = DIALECT_OPENAI_CHAT,
     .wire = &chat,
     .place = AT_END,
     .usage = "{\"prompt_tokens\":100,\"completion_tokens\":20,\"total_tokens\":150,\"completion_"
              "tokens_details\":{\"reasoning_tokens\":30}}",
     .means = {.input = 100, .output = 50, .reasoning = 30, .reported = true}},
    {.name = "times beside counts",
     .dialect = DIALECT_OPENAI_CHAT,
     .wire = &chat,
     .place = AT_END,
     .usage = "{\"prompt_tokens\":100,\"completion_tokens\":20,\"total_tokens\":120,\"queue_time\":"
              "0.01,\"prompt_time\":0.002,\"completion_time\":0.1,\"total_time\":0.1}",
     .means = {.input = 100, .output = 20, .reported = true}},
    {.name = "nothing said",
     .dialect = DIALECT_OPENAI_CHAT,
     .wire = &chat,
     .place = AT_END,
     .usage = "{\"prompt_tokens\":100,\"completion_tokens\":0,\"total_tokens\":100}",
     .means = {.input = 100, .reported = true}},
    {.name = "counts with each chunk",
     .dialect = DIALECT_OPENAI_CHAT,
     .wire = &chat_each,
     .place = IN_EACH,
     .usage = "{\"prompt_tokens\":100,\"completion_tokens\":20,\"total_tokens\":120}",
     .means = {.input = 100, .output = 20, .reported = true}},
    {.name = "cached with each chunk",
     .dialect = DIALECT_OPENAI_CHAT,
     .wire = &chat_each,
     .place = IN_EACH,
     .usage = "{\"prompt_tokens\":100,\"completion_tokens\":20,\"total_tokens\":120,\"prompt_"
              "tokens_details\":{\"cached_tokens\":64}}",
     .means = {.input = 100, .output = 20, .cache_read = 64, .reported = true}},
    {.name = "thoughts with each chunk",
     .dialect = DIALECT_OPENAI_CHAT,
     .wire = &chat_each,
     .place = IN_EACH,
     .usage = "{\"prompt_tokens\":100,\"completion_tokens\":20,\"total_tokens\":120,\"completion_"
              "tokens_details\":{\"reasoning_tokens\":12}}",
     .means = {.input = 100, .output = 20, .reasoning = 12, .reported = true}},
    {.name = "completions: counts",
     .dialect = DIALECT_OPENAI_COMPLETIONS,
     .wire = &completions,
     .place = AT_END,
     .usage = "{\"prompt_tokens\":100,\"completion_tokens\":20,\"total_tokens\":120}",
     .means = {.input = 100, .output = 20, .reported = true}},
    {.name = "completions: cached",
     .dialect = DIALECT_OPENAI_COMPLETIONS,
     .wire = &completions,
     .place = AT_END,
     .usage = "{\"prompt_tokens\":100,\"completion_tokens\":20,\"total_tokens\":120,\"prompt_"
              "tokens_details\":{\"cached_tokens\":64}}",
     .means = {.input = 100, .output = 20, .cache_read = 64, .reported = true}},
    {.name = "messages: counts",
     .dialect = DIALECT_ANTHROPIC,
     .wire = &messages,
     .place = AT_BOTH_ENDS,
     .usage = "{\"input_tokens\":100,\"output_tokens\":20}",
     .means = {.input = 100, .output = 20, .reported = true},
     .first = "{\"input_tokens\":100,\"output_tokens\":1}",
     .first_output = 1},
    {.name = "messages: read from a cache",
     .dialect = DIALECT_ANTHROPIC,
     .wire = &messages,
     .place = AT_BOTH_ENDS,
     .usage = "{\"input_tokens\":100,\"cache_read_input_tokens\":400,\"cache_creation_input_"
              "tokens\":0,\"output_tokens\":20}",
     .means = {.input = 500, .output = 20, .cache_read = 400, .reported = true},
     .first = "{\"input_tokens\":100,\"cache_read_input_tokens\":400,\"cache_creation_input_"
              "tokens\":0,\"output_tokens\":1}",
     .first_output = 1},
    {.name = "messages: written for minutes",
     .dialect = DIALECT_ANTHROPIC,
     .wire = &messages,
     .place = AT_BOTH_ENDS,
     .usage = "{\"input_tokens\":100,\"cache_read_input_tokens\":0,\"cache_creation_input_tokens\":"
              "300,\"cache_creation\":{\"ephemeral_5m_input_tokens\":300,\"ephemeral_1h_input_"
              "tokens\":0},\"output_tokens\":20}",
     .means = {.input = 400, .output = 20, .cache_write = 300, .reported = true},
     .first = "{\"input_tokens\":100,\"cache_read_input_tokens\":0,\"cache_creation_input_tokens\":"
              "300,\"cache_creation\":{\"ephemeral_5m_input_tokens\":300,\"ephemeral_1h_input_"
              "tokens\":0},\"output_tokens\":1}",
     .first_output = 1},
    {.name = "messages: written for an hour",
     .dialect = DIALECT_ANTHROPIC,
     .wire = &messages,
     .place = AT_BOTH_ENDS,
     .usage = "{\"input_tokens\":100,\"cache_read_input_tokens\":0,\"cache_creation_input_tokens\":"
              "300,\"cache_creation\":{\"ephemeral_5m_input_tokens\":0,\"ephemeral_1h_input_"
              "tokens\":300},\"output_tokens\":20}",
     .means = {.input = 400, .output = 20, .cache_write_1h = 300, .reported = true},
     .first = "{\"input_tokens\":100,\"cache_read_input_tokens\":0,\"cache_creation_input_tokens\":"
              "300,\"cache_creation\":{\"ephemeral_5m_input_tokens\":0,\"ephemeral_1h_input_"
              "tokens\":300},\"output_tokens\":1}",
     .first_output = 1},
    {.name = "messages: all of a cache",
     .dialect = DIALECT_ANTHROPIC,
     .wire = &messages,
     .place = AT_BOTH_ENDS,
     .usage = "{\"input_tokens\":100,\"cache_read_input_tokens\":400,\"cache_creation_input_"
              "tokens\":300,\"cache_creation\":{\"ephemeral_5m_input_tokens\":100,\"ephemeral_1h_"
              "input_tokens\":200},\"output_tokens\":20}",
     .means = {.input = 800,
               .output = 20,
               .cache_read = 400,
               .cache_write = 100,
               .cache_write_1h = 200,
               .reported = true},
     .first = "{\"input_tokens\":100,\"cache_read_input_tokens\":400,\"cache_creation_input_"
              "tokens\":300,\"cache_creation\":{\"ephemeral_5m_input_tokens\":100,\"ephemeral_1h_"
              "input_tokens\":200},\"output_tokens\":1}",
     .first_output = 1},
    {.name = "messages: written, nobody says for how long",
     .dialect = DIALECT_ANTHROPIC,
     .wire = &messages,
     .place = AT_BOTH_ENDS,
     .usage = "{\"input_tokens\":100,\"cache_creation_input_tokens\":300,\"output_tokens\":20}",
     .means = {.input = 400, .output = 20, .cache_write = 300, .reported = true},
     .first = "{\"input_tokens\":100,\"cache_creation_input_tokens\":300,\"output_tokens\":1}",
     .first_output = 1},
    {.name = "messages: thoughts",
     .dialect = DIALECT_ANTHROPIC,
     .wire = &messages,
     .place = AT_BOTH_ENDS,
     .usage = "{\"input_tokens\":100,\"output_tokens\":20,\"output_tokens_details\":{\"thinking_"
              "tokens\":12}}",
     .means = {.input = 100, .output = 20, .reasoning = 12, .reported = true},
     .first = "{\"input_tokens\":100,\"output_tokens\":1}",
     .first_output = 1},
    {.name = "messages: a search",
     .dialect = DIALECT_ANTHROPIC,
     .wire = &messages,
     .place = AT_BOTH_ENDS,
     .usage = "{\"input_tokens\":100,\"output_tokens\":20,\"server_tool_use\":{\"web_search_"
              "requests\":1},\"service_tier\":\"standard\"}",
     .means = {.input = 100, .output = 20, .reported = true},
     .first = "{\"input_tokens\":100,\"output_tokens\":1}",
     .first_output = 1},
    {.name = "Gemini: counts",
     .dialect = DIALECT_GEMINI,
     .wire = &gemini,
     .place = AT_END,
     .usage = "{\"promptTokenCount\":100,\"candidatesTokenCount\":20,\"totalTokenCount\":120}",
     .means = {.input = 100, .output = 20, .reported = true}},
    {.name = "Gemini: thoughts",
     .dialect = DIALECT_GEMINI,
     .wire = &gemini,
     .place = AT_END,
     .usage = "{\"promptTokenCount\":100,\"candidatesTokenCount\":20,\"thoughtsTokenCount\":12,"
              "\"totalTokenCount\":132}",
     .means = {.input = 100, .output = 32, .reasoning = 12, .reported = true}},
    {.name = "Gemini: cached",
     .dialect = DIALECT_GEMINI,
     .wire = &gemini,
     .place = AT_END,
     .usage = "{\"promptTokenCount\":100,\"candidatesTokenCount\":20,\"cachedContentTokenCount\":"
              "64,\"totalTokenCount\":120}",
     .means = {.input = 100, .output = 20, .cache_read = 64, .reported = true}},
    {.name = "Gemini: audio heard",
     .dialect = DIALECT_GEMINI,
     .wire = &gemini,
     .place = AT_END,
     .usage = "{\"promptTokenCount\":100,\"candidatesTokenCount\":20,\"totalTokenCount\":120,"
              "\"promptTokensDetails\":[{\"modality\":\"TEXT\",\"tokenCount\":70},{\"modality\":"
              "\"AUDIO\",\"tokenCount\":30}]}",
     .means = {.input = 100, .output = 20, .audio_input = 30, .reported = true}},
    {.name = "Gemini: audio spoken",
     .dialect = DIALECT_GEMINI,
     .wire = &gemini,
     .place = AT_END,
     .usage = "{\"promptTokenCount\":100,\"candidatesTokenCount\":20,\"totalTokenCount\":120,"
              "\"candidatesTokensDetails\":[{\"modality\":\"AUDIO\",\"tokenCount\":9}]}",
     .means = {.input = 100, .output = 20, .audio_output = 9, .reported = true}},
    {.name = "Gemini: of tools",
     .dialect = DIALECT_GEMINI,
     .wire = &gemini,
     .place = AT_END,
     .usage = "{\"promptTokenCount\":100,\"toolUsePromptTokenCount\":40,\"candidatesTokenCount\":"
              "20,\"totalTokenCount\":160}",
     .means = {.input = 140, .output = 20, .reported = true}},
    {.name = "Gemini: with each event",
     .dialect = DIALECT_GEMINI,
     .wire = &gemini_each,
     .place = IN_EACH,
     .usage = "{\"promptTokenCount\":100,\"candidatesTokenCount\":20,\"totalTokenCount\":120}",
     .means = {.input = 100, .output = 20, .reported = true}},
    {.name = "Gemini: thoughts with each event",
     .dialect = DIALECT_GEMINI,
     .wire = &gemini_each,
     .place = IN_EACH,
     .usage = "{\"promptTokenCount\":100,\"candidatesTokenCount\":20,\"thoughtsTokenCount\":12,"
              "\"totalTokenCount\":132}",
     .means = {.input = 100, .output = 32, .reasoning = 12, .reported = true}},
    {.name = "Ollama: counts",
     .dialect = DIALECT_OLLAMA,
     .wire = &ollama,
     .place = AT_END,
     .usage = "\"prompt_eval_count\":100,\"eval_count\":20",
     .means = {.input = 100, .output = 20, .reported = true}},
    {.name = "Ollama: counts and times",
     .dialect = DIALECT_OLLAMA,
     .wire = &ollama,
     .place = AT_END,
     .usage = "\"total_duration\":5000000,\"load_duration\":7,\"prompt_eval_count\":100,\"prompt_"
              "eval_duration\":9,\"eval_count\":20,\"eval_duration\":100",
     .means = {.input = 100, .output = 20, .reported = true}},
    {.name = "Responses: counts",
     .dialect = DIALECT_OPENAI_RESPONSES,
     .wire = &responses,
     .place = AT_END,
     .usage = "{\"input_tokens\":100,\"output_tokens\":20,\"total_tokens\":120}",
     .means = {.input = 100, .output = 20, .reported = true}},
    {.name = "Responses: cached",
     .dialect = DIALECT_OPENAI_RESPONSES,
     .wire = &responses,
     .place = AT_END,
     .usage = "{\"input_tokens\":100,\"output_tokens\":20,\"total_tokens\":120,\"input_tokens_"
              "details\":{\"cached_tokens\":64}}",
     .means = {.input = 100, .output = 20, .cache_read = 64, .reported = true}},
    {.name = "Responses: reasoning",
     .dialect = DIALECT_OPENAI_RESPONSES,
     .wire = &responses,
     .place = AT_END,
     .usage = "{\"input_tokens\":100,\"output_tokens\":20,\"total_tokens\":120,\"output_tokens_"
              "details\":{\"reasoning_tokens\":12}}",
     .means = {.input = 100, .output = 20, .reasoning = 12, .reported = true}},
    {.name = "Responses: both",
     .dialect = DIALECT_OPENAI_RESPONSES,
     .wire = &responses,
     .place = AT_END,
     .usage =
         "{\"input_tokens\":100,\"output_tokens\":20,\"total_tokens\":120,\"input_tokens_details\":"
         "{\"cached_tokens\":64},\"output_tokens_details\":{\"reasoning_tokens\":12}}",
     .means = {.input = 100, .output = 20, .cache_read = 64, .reasoning = 12, .reported = true}},
    {.name = "Bedrock: counts",
     .dialect = DIALECT_BEDROCK,
     .wire = &bedrock,
     .place = AT_END,
     .usage = "{\"inputTokens\":100,\"outputTokens\":20,\"totalTokens\":120}",
     .means = {.input = 100, .output = 20, .reported = true}},
    {.name = "Bedrock: read from a cache",
     .dialect = DIALECT_BEDROCK,
     .wire = &bedrock,
     .place = AT_END,
     .usage = "{\"inputTokens\":100,\"outputTokens\":20,\"totalTokens\":120,"
              "\"cacheReadInputTokens\":400,\"cacheWriteInputTokens\":0}",
     .means = {.input = 500, .output = 20, .cache_read = 400, .reported = true}},
    {.name = "Bedrock: written to a cache",
     .dialect = DIALECT_BEDROCK,
     .wire = &bedrock,
     .place = AT_END,
     .usage = "{\"inputTokens\":100,\"outputTokens\":20,\"totalTokens\":120,"
              "\"cacheReadInputTokens\":0,\"cacheWriteInputTokens\":300}",
     .means = {.input = 400, .output = 20, .cache_write = 300, .reported = true}},
    {.name = "Bedrock: both",
     .dialect = DIALECT_BEDROCK,
     .wire = &bedrock,
     .place = AT_END,
     .usage = "{\"inputTokens\":100,\"outputTokens\":20,\"totalTokens\":120,"
              "\"cacheReadInputTokens\":400,\"cacheWriteInputTokens\":300}",
     .means =
         {.input = 800, .output = 20, .cache_read = 400, .cache_write = 300, .reported = true}},
};

#define SHAPES_LEAST 40
_Static_assert(ARRAY_LEN(table) >= SHAPES_LEAST, "as many as promised");

/* --- telling them ------------------------------------------------------------------------------
 */

static void put(struct buf *out, const char *text, const char *usage)
{
    for (; *text != '\0'; text++) {
        if (*text == '$') {
            buf_append_cstr(out, usage);
        } else {
            buf_append_char(out, *text);
        }
    }
}

static void put_stream(const struct shape *shape, struct buf *out)
{
    struct buf text = BUF_INIT(LIMIT);
    put(&text, shape->wire->start, shape->first != NULL ? shape->first : shape->usage);
    for (int i = 0; i < TEXTS; i++) {
        put(&text, shape->wire->text, shape->usage);
    }
    put(&text, shape->wire->end, shape->usage);
    if (shape->wire->framed) {
        frames_encode(buf_slice(&text), out);
    } else {
        buf_append(out, buf_slice(&text));
    }
    buf_release(&text);
}

/* --- what they cost ----------------------------------------------------------------------------
 */

static void expect_usage(const struct shape *shape, const char *how, const struct usage *have)
{
    const struct usage *want = &shape->means;
    bool same = have->input == want->input && have->output == want->output &&
                have->cache_read == want->cache_read && have->cache_write == want->cache_write &&
                have->cache_write_1h == want->cache_write_1h &&
                have->reasoning == want->reasoning && have->audio_input == want->audio_input &&
                have->audio_output == want->audio_output &&
                have->has_provider_cost == want->has_provider_cost &&
                have->provider_cost_nd == want->provider_cost_nd && have->reported;
    if (!same) {
        printf("# %s, %s: %lld in, %lld out, %lld read, %lld + %lld written, %lld thought, audio"
               " %lld and %lld, %d %lld\n",
               shape->name, how, (long long)have->input, (long long)have->output,
               (long long)have->cache_read, (long long)have->cache_write,
               (long long)have->cache_write_1h, (long long)have->reasoning,
               (long long)have->audio_input, (long long)have->audio_output, have->has_provider_cost,
               (long long)have->provider_cost_nd);
    }
    EXPECT(same);
}

/* After so many texts, of which `since` came after the last report (there was one: `told`). */
static void expect_left(const struct shape *shape, const struct meter *meter, int texts,
                        bool told_end)
{
    struct meter left = *meter;
    meter_settle(&left, EXPECTED_INPUT, false);
    bool each = shape->place == IN_EACH && (texts > 0 || shape->wire->start[0] != '\0');
    bool first = shape->place == AT_BOTH_ENDS;
    int64_t bytes = (int64_t)texts * TEXT_BYTES;
    int64_t estimate = bytes == 0 ? 0 : bytes / 4 + 1;
    int64_t want = told_end || each ? shape->means.output
                   : first          ? shape->first_output + estimate
                                    : estimate;
    if (left.usage.output != want) {
        printf("# %s, left after %d texts: %lld, wanted %lld\n", shape->name, texts,
               (long long)left.usage.output, (long long)want);
    }
    EXPECT_INT(left.usage.output, want);
    EXPECT_INT(left.usage.input, told_end || each || first ? shape->means.input : EXPECTED_INPUT);
}

/* How many texts a frame has, and whether it reports. */
static int texts_of(const struct frame *frame, bool *ret_reports)
{
    int texts = 0;
    *ret_reports = false;
    for (size_t i = 0; i < frame->count; i++) {
        texts += frame->events[i].kind == EVENT_TEXT && frame->events[i].text.len > 0;
        *ret_reports = *ret_reports || frame->events[i].kind == EVENT_USAGE;
    }
    return texts;
}

/* Both settings at once: of each cut the client's leaving, and the same answer heard on. */
static size_t cut_everywhere(const struct shape *shape, struct decoder *decoder, struct slice bytes)
{
    const struct dialect *back = dialect_of(shape->dialect);
    struct meter meter = {0};
    struct frame frame;
    size_t cuts = 0;
    int texts = 0;
    bool told_end = false;
    enum decode_result result = DECODE_FRAME;
    while (result == DECODE_FRAME) {
        result = back->decode(decoder, &bytes, &frame);
        result = result == DECODE_FRAME ? result : back->decode_end(decoder, &frame);
        if (result == DECODE_FRAME) {
            bool reports = false;
            meter_frame(&meter, &frame);
            texts += texts_of(&frame, &reports);
            told_end = told_end || (reports && texts == TEXTS && shape->place != IN_EACH);
            if (cuts > 0 || texts > 0) {
                expect_left(shape, &meter, texts, told_end);
            }
            cuts++;
        }
    }
    EXPECT_INT(texts, TEXTS);
    meter_settle(&meter, EXPECTED_INPUT, true);
    expect_usage(shape, "heard to its end", &meter.usage);
    return cuts;
}

static void expect_one_piece(const struct shape *shape, struct decoder *decoder)
{
    const struct dialect *back = dialect_of(shape->dialect);
    struct buf whole = BUF_INIT(LIMIT);
    struct meter meter = {0};
    struct frame frame;
    put(&whole, shape->wire->whole, shape->usage);
    back->decoder_reset(decoder);
    EXPECT_INT(back->decode_answer(decoder, buf_slice(&whole), &frame), DECODE_FRAME);
    meter_frame(&meter, &frame);
    meter_settle(&meter, EXPECTED_INPUT, true);
    expect_usage(shape, "in one piece", &meter.usage);
    buf_release(&whole);
}

static void costs_the_same(void)
{
    size_t cuts = 0;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        const struct dialect *back = dialect_of(table[i].dialect);
        struct decoder *decoder = back->decoder_new(LIMIT);
        struct buf stream = BUF_INIT(LIMIT);
        put_stream(&table[i], &stream);
        cuts += cut_everywhere(&table[i], decoder, buf_slice(&stream));
        expect_one_piece(&table[i], decoder);
        buf_release(&stream);
        back->decoder_free(decoder);
    }
    printf("# %zu shapes, cut %zu times\n", ARRAY_LEN(table), cuts);
}

/* --- reports that are none ---------------------------------------------------------------------
 */

static const struct {
    enum dialect_id dialect;
    const struct wire *wire;
    const char *form; /* "<" and ">" are the counts */
    bool null_is_said_before;
} forms[] = {
    {DIALECT_OPENAI_CHAT, &chat, "{\"prompt_tokens\":<,\"completion_tokens\":>}", false},
    {DIALECT_OPENAI_CHAT, &chat_each, "{\"prompt_tokens\":<,\"completion_tokens\":>}", false},
    {DIALECT_OPENAI_COMPLETIONS, &completions, "{\"prompt_tokens\":<,\"completion_tokens\":>}",
     false},
    {DIALECT_OPENAI_RESPONSES, &responses, "{\"input_tokens\":<,\"output_tokens\":>}", false},
    {DIALECT_ANTHROPIC, &messages, "{\"input_tokens\":<,\"output_tokens\":>}", true},
    {DIALECT_GEMINI, &gemini, "{\"promptTokenCount\":<,\"candidatesTokenCount\":>}", false},
    {DIALECT_OLLAMA, &ollama, "\"prompt_eval_count\":<,\"eval_count\":>", false},
    {DIALECT_BEDROCK, &bedrock, "{\"inputTokens\":<,\"outputTokens\":>}", true},
};

static const struct {
    const char *input;
    const char *output;
    bool reported;
    int64_t means_input;
    int64_t means_output;
} counts[] = {
    {"-5", "-5", false, 0, 0},
    {"-5", "20", false, 0, 0},
    {"10", "-20", false, 0, 0},
    {"10.5", "20.5", false, 0, 0},
    {"10", "20.5", false, 0, 0},
    {"\"10\"", "20", false, 0, 0},
    {"10", "[]", false, 0, 0},
    {"\"10\"", "\"20\"", false, 0, 0},
    {"null", "null", false, 0, 0},
    {"null", "20", false, 0, 0},
    {"10.0", "2e1", true, 10, 20},
    {"18446744073709551616", "5", true, USAGE_TOKENS_MAX, 5},
    {"1e25", "1e25", true, USAGE_TOKENS_MAX, USAGE_TOKENS_MAX},
};

static void put_counts(struct buf *out, const char *form, size_t row)
{
    for (const char *at = form; *at != '\0'; at++) {
        char same[] = {*at, '\0'};
        buf_append_cstr(out, *at == '<' ? counts[row].input
                                        : *at == '>' ? counts[row].output : same);
    }
    buf_append_char(out, '\0');
}

static void meter_all(const struct dialect *back, struct slice bytes, bool whole,
                      struct meter *meter)
{
    struct decoder *decoder = back->decoder_new(LIMIT);
    struct frame frame;
    if (whole) {
        EXPECT_INT(back->decode_answer(decoder, bytes, &frame), DECODE_FRAME);
        meter_frame(meter, &frame);
    }
    while (!whole && (back->decode(decoder, &bytes, &frame) == DECODE_FRAME ||
                      back->decode_end(decoder, &frame) == DECODE_FRAME)) {
        meter_frame(meter, &frame);
    }
    back->decoder_free(decoder);
}

static void expect_report(size_t form, size_t row, bool whole)
{
    struct buf usage = BUF_INIT(LIMIT);
    struct buf bytes = BUF_INIT(LIMIT);
    struct meter meter = {0};
    put_counts(&usage, forms[form].form, row);
    const struct shape shape = {.dialect = forms[form].dialect,
                                .wire = forms[form].wire,
                                .place = forms[form].wire == &messages ? AT_BOTH_ENDS : AT_END,
                                .usage = usage.ptr,
                                .first = usage.ptr};
    if (whole) {
        put(&bytes, shape.wire->whole, shape.usage);
    } else {
        put_stream(&shape, &bytes);
    }
    meter_all(dialect_of(shape.dialect), buf_slice(&bytes), whole, &meter);
    const struct usage *got = &meter.usage;
    bool as_wanted = got->reported == counts[row].reported &&
                     (!got->reported || (got->input == counts[row].means_input &&
                                         got->output == counts[row].means_output));
    if (!as_wanted) {
        printf("# form %zu, %s/%s, %s: %d, %lld/%lld\n", form, counts[row].input,
               counts[row].output, whole ? "whole" : "streamed", got->reported,
               (long long)got->input, (long long)got->output);
    }
    EXPECT(as_wanted);
    buf_release(&usage);
    buf_release(&bytes);
}

static void what_is_no_count_is_no_report(void)
{
    for (size_t form = 0; form < ARRAY_LEN(forms); form++) {
        for (size_t row = 0; row < ARRAY_LEN(counts); row++) {
            bool null = strcmp(counts[row].input, "null") == 0;
            if (!null || !forms[form].null_is_said_before) {
                expect_report(form, row, true);
                expect_report(form, row, false);
            }
        }
    }
}

int main(void)
{
    TEST(costs_the_same,
         "every shape of usage costs the same streamed, whole, and heard to its end;"
         " cut anywhere what came");
    TEST(what_is_no_count_is_no_report,
         "a count that is none makes no report in any dialect, one beyond all is the most");
    return tap_done();
}

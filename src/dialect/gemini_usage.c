/* SPDX-License-Identifier: Apache-2.0 */
/*
 * usageMetadata. The prompt's count holds the cached tokens, what built-in tools brought in counts
 * beside it, and thoughts count beside the candidates; each repetition in a stream holds all so
 * far.
 */
#include "dialect/decoder.h"
#include "dialect/gemini.h"
#include "dialect/usage_count.h"

enum {
    USAGE_PROMPT,
    USAGE_CANDIDATES,
    USAGE_TOTAL,
    USAGE_THOUGHTS,
    USAGE_CACHED,
    USAGE_TOOLS,
    USAGE_PROMPT_DETAILS,
    USAGE_CANDIDATES_DETAILS,
    USAGE_RESPONSE_DETAILS,
    USAGE_MEMBERS
};
static const struct member_name usage_names[USAGE_MEMBERS] = {
    [USAGE_PROMPT] = MEMBER_NAME("promptTokenCount"),
    [USAGE_CANDIDATES] = MEMBER_NAME("candidatesTokenCount"),
    [USAGE_TOTAL] = MEMBER_NAME("totalTokenCount"),
    [USAGE_THOUGHTS] = MEMBER_NAME("thoughtsTokenCount"),
    [USAGE_CACHED] = MEMBER_NAME("cachedContentTokenCount"),
    [USAGE_TOOLS] = MEMBER_NAME("toolUsePromptTokenCount"),
    [USAGE_PROMPT_DETAILS] = MEMBER_NAME("promptTokensDetails"),
    [USAGE_CANDIDATES_DETAILS] = MEMBER_NAME("candidatesTokensDetails"),
    [USAGE_RESPONSE_DETAILS] = MEMBER_NAME("responseTokensDetails"),
};
static const struct member_table usage_table = MEMBER_TABLE(usage_names);

static int64_t tokens_of(const struct decoder *d, uint32_t details, struct slice wanted,
                         struct usage *usage)
{
    int64_t count = 0;
    if (!json_is(&d->doc, details, JSON_ARRAY)) {
        return 0;
    }
    for (uint32_t i = json_first(&d->doc, details); i != JSON_ABSENT;
         i = json_next(&d->doc, details, i)) {
        struct slice modality = decoder_string(d, json_member(&d->doc, i, SLICE("modality")));
        if (slice_eq(modality, wanted)) {
            count += usage_count(d, json_member(&d->doc, i, SLICE("tokenCount")), usage);
        }
    }
    return count;
}

void gemini_decode_usage(struct decoder *d, uint32_t value)
{
    uint32_t values[USAGE_MEMBERS];
    members_scan(&d->doc, value, &usage_table, values);
    if (!json_is(&d->doc, values[USAGE_PROMPT], JSON_NUMBER) &&
        !json_is(&d->doc, values[USAGE_CANDIDATES], JSON_NUMBER)) {
        return; /* some chunks only tell the kind of traffic */
    }
    const struct slice audio = SLICE("AUDIO");
    const struct slice image = SLICE("IMAGE");
    const struct slice video = SLICE("VIDEO"); /* is priced as its pictures */
    uint32_t prompt = values[USAGE_PROMPT_DETAILS];
    uint32_t candidates = values[USAGE_CANDIDATES_DETAILS];
    uint32_t response = values[USAGE_RESPONSE_DETAILS];
    struct usage whole = {.reported = false};
    struct usage usage = {
        .reported = true,
        .unread = usage_half_told(&d->doc, values[USAGE_PROMPT], values[USAGE_CANDIDATES])};
    usage.input = usage_count(d, values[USAGE_PROMPT], &usage) +
                  usage_count(d, values[USAGE_TOOLS], &usage);
    usage.output = usage_count(d, values[USAGE_CANDIDATES], &usage);
    usage.cache_read = usage_count(d, values[USAGE_CACHED], &usage);
    usage.reasoning = usage_count(d, values[USAGE_THOUGHTS], &usage);
    usage.audio_input = tokens_of(d, prompt, audio, &usage);
    usage.audio_output =
        tokens_of(d, candidates, audio, &usage) + tokens_of(d, response, audio, &usage);
    usage.image_input = tokens_of(d, prompt, image, &usage) + tokens_of(d, prompt, video, &usage);
    usage.image_output =
        tokens_of(d, candidates, image, &usage) + tokens_of(d, response, image, &usage) +
        tokens_of(d, candidates, video, &usage) + tokens_of(d, response, video, &usage);
    /* The total tells whether the candidates' count has the thoughts in it already. */
    if (usage_count(d, values[USAGE_TOTAL], &whole) != usage.input + usage.output ||
        usage.output < usage.reasoning) {
        usage.output += usage.reasoning;
    }
    decoder_event(d, EVENT_USAGE, 0)->usage = usage;
}

/* What is neither is text. */
static void write_details(struct json_writer *json, struct slice name, int64_t total, int64_t audio,
                          int64_t image)
{
    const struct {
        struct slice modality;
        int64_t tokens;
    } rows[] = {
        {SLICE_INIT("TEXT"), total - audio - image},
        {SLICE_INIT("AUDIO"), audio},
        {SLICE_INIT("IMAGE"), image},
    };
    if (audio + image <= 0 || audio + image > total) {
        return;
    }
    json_key(json, name);
    json_begin_array(json);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (i > 0 && rows[i].tokens <= 0) {
            continue;
        }
        json_begin_object(json);
        json_member_string(json, SLICE("modality"), rows[i].modality);
        json_member_int(json, SLICE("tokenCount"), rows[i].tokens);
        json_end_object(json);
    }
    json_end_array(json);
}

void gemini_write_usage(struct buf *out, const struct usage *usage)
{
    int64_t spoken = usage->output > usage->reasoning ? usage->output - usage->reasoning : 0;
    struct json_writer json;
    json_writer_init(&json, out);
    json_begin_object(&json);
    json_member_int(&json, SLICE("promptTokenCount"), usage->input);
    json_member_int(&json, SLICE("candidatesTokenCount"), spoken);
    json_member_int(&json, SLICE("totalTokenCount"), usage->input + spoken + usage->reasoning);
    if (usage->cache_read > 0) {
        json_member_int(&json, SLICE("cachedContentTokenCount"), usage->cache_read);
    }
    if (usage->reasoning > 0) {
        json_member_int(&json, SLICE("thoughtsTokenCount"), usage->reasoning);
    }
    write_details(&json, SLICE("promptTokensDetails"), usage->input, usage->audio_input,
                  usage->image_input);
    write_details(&json, SLICE("candidatesTokensDetails"), spoken, usage->audio_output,
                  usage->image_output);
    json_end_object(&json);
}

void gemini_read_usage(struct decoder *d, struct slice body, struct usage *ret_usage)
{
    decoder_read_usage(d, body, SLICE("usageMetadata"), gemini_decode_usage, ret_usage);
}

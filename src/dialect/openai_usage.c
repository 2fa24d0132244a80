/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Usage objects of OpenAI and its imitators, made into our arithmetic (input with cached tokens,
 * output with reasoning). Vendors differ in the names of the details and, two of them, in what the
 * sums include; the sums themselves tell which.
 */
#include "dialect/decoder.h"
#include "dialect/openai.h"
#include "dialect/usage_count.h"

enum {
    USAGE_PROMPT,
    USAGE_COMPLETION,
    USAGE_TOTAL,
    USAGE_PROMPT_DETAILS,
    USAGE_COMPLETION_DETAILS,
    USAGE_COST,
    USAGE_COST_DETAILS,
    USAGE_OWN_KEY,
    USAGE_CACHE_HIT,
    USAGE_CACHED,
    USAGE_INPUT,
    USAGE_OUTPUT,
    USAGE_INPUT_DETAILS,
    USAGE_OUTPUT_DETAILS,
    USAGE_MEMBERS
};

static const struct member_name usage_names[USAGE_MEMBERS] = {
    [USAGE_PROMPT] = MEMBER_NAME("prompt_tokens"),
    [USAGE_COMPLETION] = MEMBER_NAME("completion_tokens"),
    [USAGE_TOTAL] = MEMBER_NAME("total_tokens"),
    [USAGE_PROMPT_DETAILS] = MEMBER_NAME("prompt_tokens_details"),
    [USAGE_COMPLETION_DETAILS] = MEMBER_NAME("completion_tokens_details"),
    [USAGE_COST] = MEMBER_NAME("cost"), /* OpenRouter's, as are the next two */
    [USAGE_COST_DETAILS] = MEMBER_NAME("cost_details"),
    [USAGE_OWN_KEY] = MEMBER_NAME("is_byok"),
    [USAGE_CACHE_HIT] = MEMBER_NAME("prompt_cache_hit_tokens"), /* DeepSeek */
    [USAGE_CACHED] = MEMBER_NAME("cached_tokens"),              /* Moonshot */
    [USAGE_INPUT] = MEMBER_NAME("input_tokens"),
    [USAGE_OUTPUT] = MEMBER_NAME("output_tokens"),
    [USAGE_INPUT_DETAILS] = MEMBER_NAME("input_tokens_details"), /* Responses */
    [USAGE_OUTPUT_DETAILS] = MEMBER_NAME("output_tokens_details"),
};
static const struct member_table usage_table = MEMBER_TABLE(usage_names);

static int64_t detail(const struct decoder *d, uint32_t details, struct slice name,
                      struct usage *usage)
{
    return usage_count(d, json_member(&d->doc, details, name), usage);
}

static void read_details(const struct decoder *d, const uint32_t *values, struct usage *usage)
{
    uint32_t prompt = values[USAGE_PROMPT_DETAILS] != JSON_ABSENT ? values[USAGE_PROMPT_DETAILS]
                                                                  : values[USAGE_INPUT_DETAILS];
    uint32_t completion = values[USAGE_COMPLETION_DETAILS] != JSON_ABSENT
                              ? values[USAGE_COMPLETION_DETAILS]
                              : values[USAGE_OUTPUT_DETAILS];
    if (json_is(&d->doc, prompt, JSON_OBJECT)) {
        usage->cache_read = detail(d, prompt, SLICE("cached_tokens"), usage);
        usage->cache_write = detail(d, prompt, SLICE("cache_write_tokens"), usage);
        usage->audio_input = detail(d, prompt, SLICE("audio_tokens"), usage);
        usage->image_input = detail(d, prompt, SLICE("image_tokens"), usage);
    }
    if (json_is(&d->doc, completion, JSON_OBJECT)) {
        usage->reasoning = detail(d, completion, SLICE("reasoning_tokens"), usage);
        usage->audio_output = detail(d, completion, SLICE("audio_tokens"), usage);
        usage->image_output = detail(d, completion, SLICE("image_tokens"), usage);
    }
    if (usage->cache_read == 0) {
        bool hit = json_is(&d->doc, values[USAGE_CACHE_HIT], JSON_NUMBER);
        usage->cache_read =
            usage_count(d, values[hit ? USAGE_CACHE_HIT : USAGE_CACHED], usage);
    }
}

/* Makes the sums ours where they show that they are not. */
static void normalise(struct usage *usage, int64_t total)
{
    int64_t sum = usage->input + usage->output;
    if (usage->reasoning > 0 && total != sum && total == sum + usage->reasoning) {
        usage->output += usage->reasoning;
    }
    int64_t cached = usage->cache_read + usage->cache_write;
    if (cached > usage->input) {
        usage->input += cached; /* less than its own part: the part was not in it */
    }
}

/* With a key of the operator's own, `cost` is only the fee: the vendor's bill comes on top. Where
 * that is not told, what it costs is not known. */
static void read_cost(const struct decoder *d, const uint32_t *values, struct usage *usage)
{
    int64_t cost = 0;
    int64_t upstream = 0;
    enum usage_told told = usage_amount_read(&d->doc, values[USAGE_COST], &cost);
    enum usage_told more = USAGE_READ;
    if (json_is(&d->doc, values[USAGE_OWN_KEY], JSON_TRUE)) {
        more = usage_amount_read(
            &d->doc,
            json_member(&d->doc, values[USAGE_COST_DETAILS], SLICE("upstream_inference_cost")),
            &upstream);
    }
    usage->cost_unread = told == USAGE_UNREADABLE || more == USAGE_UNREADABLE;
    if (told == USAGE_READ && more == USAGE_READ) {
        usage->has_provider_cost = true;
        usage->provider_cost_nd = cost > INT64_MAX - upstream ? INT64_MAX : cost + upstream;
    }
}

void openai_decode_usage(struct decoder *d, uint32_t value)
{
    if (!json_is(&d->doc, value, JSON_OBJECT)) {
        return;
    }
    uint32_t values[USAGE_MEMBERS];
    members_scan(&d->doc, value, &usage_table, values);
    uint32_t prompt =
        values[USAGE_PROMPT] != JSON_ABSENT ? values[USAGE_PROMPT] : values[USAGE_INPUT];
    uint32_t completion =
        values[USAGE_COMPLETION] != JSON_ABSENT ? values[USAGE_COMPLETION] : values[USAGE_OUTPUT];
    if (!json_is(&d->doc, prompt, JSON_NUMBER) && !json_is(&d->doc, completion, JSON_NUMBER)) {
        return;
    }
    struct usage total = {.reported = false};
    struct usage usage = {.reported = true, .unread = usage_half_told(&d->doc, prompt, completion)};
    usage.input = usage_count(d, prompt, &usage);
    usage.output = usage_count(d, completion, &usage);
    read_details(d, values, &usage);
    /* nothing is charged of the total, so it may be unreadable */
    normalise(&usage, usage_count(d, values[USAGE_TOTAL], &total));
    read_cost(d, values, &usage);
    decoder_event(d, EVENT_USAGE, 0)->usage = usage;
}

static void write_count(struct json_writer *json, struct slice name, int64_t count)
{
    if (count > 0) {
        json_member_int(json, name, count);
    }
}

void openai_write_usage(struct buf *out, const struct usage *usage)
{
    struct json_writer json;
    json_writer_init(&json, out);
    json_begin_object(&json);
    json_member_int(&json, SLICE("prompt_tokens"), usage->input);
    json_member_int(&json, SLICE("completion_tokens"), usage->output);
    json_member_int(&json, SLICE("total_tokens"), usage->input + usage->output);
    json_key(&json, SLICE("prompt_tokens_details"));
    json_begin_object(&json);
    json_member_int(&json, SLICE("cached_tokens"), usage->cache_read);
    write_count(&json, SLICE("cache_write_tokens"), usage->cache_write + usage->cache_write_1h);
    write_count(&json, SLICE("audio_tokens"), usage->audio_input);
    write_count(&json, SLICE("image_tokens"), usage->image_input);
    json_end_object(&json);
    json_key(&json, SLICE("completion_tokens_details"));
    json_begin_object(&json);
    json_member_int(&json, SLICE("reasoning_tokens"), usage->reasoning);
    write_count(&json, SLICE("audio_tokens"), usage->audio_output);
    write_count(&json, SLICE("image_tokens"), usage->image_output);
    json_end_object(&json);
    json_end_object(&json);
}

void openai_read_usage(struct decoder *d, struct slice body, struct usage *ret_usage)
{
    decoder_read_usage(d, body, SLICE("usage"), openai_decode_usage, ret_usage);
}

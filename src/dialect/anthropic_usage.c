/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Anthropic counts input without what came from the cache or went into it; we count it all. Reports
 * along a stream are cumulative and say only what they know: members that are null or absent leave
 * what was said before. One that cannot be read spoils its report.
 */
#include "dialect/anthropic.h"
#include "dialect/decoder.h"
#include "dialect/usage_count.h"

enum {
    USAGE_INPUT,
    USAGE_OUTPUT,
    USAGE_CACHE_READ,
    USAGE_CACHE_WRITTEN,
    USAGE_CACHE_CREATION,
    USAGE_DETAILS,
    USAGE_MEMBERS
};

static const struct member_name usage_names[USAGE_MEMBERS] = {
    [USAGE_INPUT] = MEMBER_NAME("input_tokens"),
    [USAGE_OUTPUT] = MEMBER_NAME("output_tokens"),
    [USAGE_CACHE_READ] = MEMBER_NAME("cache_read_input_tokens"),
    [USAGE_CACHE_WRITTEN] = MEMBER_NAME("cache_creation_input_tokens"),
    [USAGE_CACHE_CREATION] = MEMBER_NAME("cache_creation"),
    [USAGE_DETAILS] = MEMBER_NAME("output_tokens_details"),
};
static const struct member_table usage_table = MEMBER_TABLE(usage_names);

/* False: no count, *out stays. */
static bool read_count(struct decoder *d, uint32_t value, int64_t *out)
{
    enum usage_told told = usage_count_read(&d->doc, value, out);
    if (told == USAGE_UNREADABLE) {
        d->usage.unread = true;
    }
    return told == USAGE_READ;
}

/* The two lifetimes where they are told; else all of it is the shorter one's, but for what was told
   of the longer before. */
static void read_written(struct decoder *d, const uint32_t *values)
{
    struct usage *usage = &d->usage;
    uint32_t creation = values[USAGE_CACHE_CREATION];
    int64_t total = 0;
    bool told = read_count(d, values[USAGE_CACHE_WRITTEN], &total);
    if (json_is(&d->doc, creation, JSON_OBJECT)) {
        bool shorter =
            read_count(d, json_member(&d->doc, creation, SLICE("ephemeral_5m_input_tokens")),
                       &usage->cache_write);
        bool longer =
            read_count(d, json_member(&d->doc, creation, SLICE("ephemeral_1h_input_tokens")),
                       &usage->cache_write_1h);
        told = told && !shorter && !longer;
    }
    if (told) {
        usage->cache_write_1h = total < usage->cache_write_1h ? total : usage->cache_write_1h;
        usage->cache_write = total - usage->cache_write_1h;
    }
}

void anthropic_decode_usage(struct decoder *d, uint32_t value)
{
    uint32_t values[USAGE_MEMBERS];
    if (!json_is(&d->doc, value, JSON_OBJECT)) {
        return;
    }
    members_scan(&d->doc, value, &usage_table, values);
    bool before = d->usage.unread;
    d->usage.unread = false;
    bool input = read_count(d, values[USAGE_INPUT], &d->usage.input);
    bool output = read_count(d, values[USAGE_OUTPUT], &d->usage.output);
    bool stays = before && !(input && output); /* of what this report does not tell */
    d->usage.unread = d->usage.unread || stays;
    if (!input && !output && !d->usage.unread) {
        return;
    }
    (void)read_count(d, values[USAGE_CACHE_READ], &d->usage.cache_read);
    read_written(d, values);
    if (values[USAGE_DETAILS] != JSON_ABSENT) {
        (void)read_count(d, json_member(&d->doc, values[USAGE_DETAILS], SLICE("thinking_tokens")),
                         &d->usage.reasoning);
    }
    struct usage usage = d->usage;
    usage.input += usage.cache_read + usage.cache_write + usage.cache_write_1h;
    usage.reported = true;
    decoder_event(d, EVENT_USAGE, 0)->usage = usage;
}

static int64_t uncached(const struct usage *usage)
{
    int64_t cached = usage->cache_read + usage->cache_write + usage->cache_write_1h;
    return usage->input > cached ? usage->input - cached : 0;
}

void anthropic_write_usage(struct buf *out, const struct usage *usage,
                           enum anthropic_usage_form form)
{
    struct json_writer json;
    json_writer_init(&json, out);
    json_begin_object(&json);
    json_member_int(&json, SLICE("input_tokens"), uncached(usage));
    json_member_int(&json, SLICE("cache_creation_input_tokens"),
                    usage->cache_write + usage->cache_write_1h);
    json_member_int(&json, SLICE("cache_read_input_tokens"), usage->cache_read);
    if (form == ANTHROPIC_USAGE_WHOLE) {
        json_key(&json, SLICE("cache_creation"));
        json_begin_object(&json);
        json_member_int(&json, SLICE("ephemeral_5m_input_tokens"), usage->cache_write);
        json_member_int(&json, SLICE("ephemeral_1h_input_tokens"), usage->cache_write_1h);
        json_end_object(&json);
    }
    json_member_int(&json, SLICE("output_tokens"), usage->output);
    if (usage->reasoning > 0) {
        json_key(&json, SLICE("output_tokens_details"));
        json_begin_object(&json);
        json_member_int(&json, SLICE("thinking_tokens"), usage->reasoning);
        json_end_object(&json);
    }
    json_end_object(&json);
}

void anthropic_read_usage(struct decoder *d, struct slice body, struct usage *ret_usage)
{
    decoder_read_usage(d, body, SLICE("usage"), anthropic_decode_usage, ret_usage);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole answers and refusals in the words of Amazon Bedrock, and the dialect's row. Requests are
 * let in by their signature (sigv4.h), or by a Bedrock API key as a bearer.
 */
#include "sim/bedrock.h"

#include "codec/eventstream.h"
#include "sim/openai.h"
#include "sim/seal.h"
#include "sim/sigv4.h"

#include <stdio.h>

#define LATENCY_MS 100 /* as the metrics tell */

static bool is(const struct sim_answer *answer, enum sim_behaviour which)
{
    return sim_is(answer->behaviours, which);
}

struct slice sim_bedrock_id(const struct sim_call *call, char *id, size_t size)
{
    struct slice given = slice_from_cstr(call->id);
    static const struct slice prefix = SLICE_INIT("call_");

    if (!slice_starts(given, prefix)) {
        return given;
    }
    (void)snprintf(id, size, "tooluse_%s", call->id + prefix.len);
    return slice_from_cstr(id);
}

struct slice sim_bedrock_stop_reason(const struct sim_choice *choice)
{
    static const struct slice names[] = {
        [SIM_FINISH_STOP] = SLICE_INIT("end_turn"),
        [SIM_FINISH_LENGTH] = SLICE_INIT("max_tokens"),
        [SIM_FINISH_TOOLS] = SLICE_INIT("tool_use"),
        [SIM_FINISH_FILTER] = SLICE_INIT("content_filtered"),
    };
    bool stopped = choice->finish == SIM_FINISH_STOP && choice->stopped_by.len > 0;

    return stopped ? SLICE("stop_sequence") : names[choice->finish];
}

void sim_bedrock_stop(const struct sim_choice *choice, struct json_writer *w)
{
    json_member_string(w, SLICE("stopReason"), sim_bedrock_stop_reason(choice));
}

/* --- usage --- */

static uint64_t part_of(const struct sim_answer *answer, enum sim_behaviour which, uint64_t *rest)
{
    uint64_t part = sim_number(answer->behaviours, which, 0);

    part = part < *rest ? part : *rest;
    *rest -= part;
    return part;
}

static void write_cached(const struct sim_answer *answer, const char *ttl, uint64_t tokens,
                         struct json_writer *w)
{
    if (tokens > 0) {
        json_begin_object(w);
        json_member_string(w, SLICE("ttl"), slice_from_cstr(ttl));
        sim_usage_count(answer, w, SLICE("inputTokens"), tokens);
        json_end_object(w);
    }
}

/* The input is counted without what came from the cache or went into it, the total with it. */
void sim_bedrock_usage(const struct sim_answer *answer, struct json_writer *w)
{
    uint64_t rest = answer->prompt_tokens;
    uint64_t cached = part_of(answer, SIM_USAGE_CACHED, &rest);
    uint64_t minutes = part_of(answer, SIM_USAGE_WRITE_5M, &rest);
    uint64_t hour = part_of(answer, SIM_USAGE_WRITE_1H, &rest);

    if (!is(answer, SIM_USAGE_MISSING)) {
        json_key(w, SLICE("usage"));
        json_begin_object(w);
        sim_usage_count(answer, w, SLICE("inputTokens"), rest);
        sim_usage_count(answer, w, SLICE("outputTokens"), answer->completion_tokens);
        sim_usage_count(answer, w, SLICE("totalTokens"),
                        answer->prompt_tokens + answer->completion_tokens);
        sim_usage_count(answer, w, SLICE("cacheReadInputTokens"), cached);
        sim_usage_count(answer, w, SLICE("cacheWriteInputTokens"), minutes + hour);
        if (minutes + hour > 0) {
            json_key(w, SLICE("cacheDetails"));
            json_begin_array(w);
            write_cached(answer, "5m", minutes, w);
            write_cached(answer, "1h", hour, w);
            json_end_array(w);
        }
        json_end_object(w);
    }
    json_key(w, SLICE("metrics"));
    json_begin_object(w);
    json_member_int(w, SLICE("latencyMs"), LATENCY_MS);
    json_end_object(w);
}

/* --- whole answers --- */

static void write_thoughts(const struct sim_answer *answer, const struct sim_choice *choice,
                           struct json_writer *w)
{
    char seal[SIM_SEAL_SIZE];
    struct slice thoughts = buf_slice(&choice->thoughts.bytes);

    if (is(answer, SIM_REDACTED)) {
        json_begin_object(w);
        json_key(w, SLICE("reasoningContent"));
        json_begin_object(w);
        json_member_string(w, SLICE("redactedContent"), SIM_BEDROCK_REDACTED);
        json_end_object(w);
        json_end_object(w);
    }
    if (choice->thoughts.count > 0) {
        sim_seal(thoughts, seal);
        json_begin_object(w);
        json_key(w, SLICE("reasoningContent"));
        json_begin_object(w);
        json_key(w, SLICE("reasoningText"));
        json_begin_object(w);
        json_member_string(w, SLICE("text"),
                           is(answer, SIM_THINKING_OMITTED) ? SLICE("") : thoughts);
        json_member_string(w, SLICE("signature"), slice_from_cstr(seal));
        json_end_object(w);
        json_end_object(w);
        json_end_object(w);
    }
}

static void write_text(const struct sim_answer *answer, const struct sim_choice *choice,
                       struct json_writer *w)
{
    struct slice text = buf_slice(&choice->text.bytes);

    if (choice->text.count == 0) {
        return;
    }
    json_begin_object(w);
    if (!is(answer, SIM_CITATIONS)) {
        json_member_string(w, SLICE("text"), text);
        json_end_object(w);
        return;
    }
    json_key(w, SLICE("citationsContent"));
    json_begin_object(w);
    json_key(w, SLICE("content"));
    json_begin_array(w);
    json_begin_object(w);
    json_member_string(w, SLICE("text"), text);
    json_end_object(w);
    json_end_array(w);
    json_key(w, SLICE("citations"));
    json_begin_array(w);
    json_write_raw(w, SIM_BEDROCK_CITATION);
    json_end_array(w);
    json_end_object(w);
    json_end_object(w);
}

static void write_call(const struct sim_answer *answer, const struct sim_call *call,
                       struct json_writer *w)
{
    char id[64];

    json_begin_object(w);
    json_key(w, SLICE("toolUse"));
    json_begin_object(w);
    if (call->id[0] != '\0') {
        json_member_string(w, SLICE("toolUseId"), sim_bedrock_id(call, id, sizeof(id)));
    }
    json_member_string(w, SLICE("name"), buf_slice(&call->name));
    if (is(answer, SIM_TOOLS_BAD_JSON)) {
        json_member_string(w, SLICE("input"), buf_slice(&call->arguments));
    } else {
        json_member_raw(w, SLICE("input"), buf_slice(&call->arguments));
    }
    json_end_object(w);
    json_end_object(w);
}

static void write_content(const struct sim_answer *answer, struct json_writer *w)
{
    const struct sim_choice *choice = &answer->choices[0];

    if (is(answer, SIM_NULL_CONTENT)) {
        json_write_null(w);
        return;
    }
    json_begin_array(w);
    write_thoughts(answer, choice, w);
    write_text(answer, choice, w);
    for (size_t i = 0; i < choice->call_count; i++) {
        write_call(answer, &choice->calls[i], w);
    }
    json_end_array(w);
}

static void write_whole(const struct sim_answer *answer, struct sim_reply *reply)
{
    struct json_writer w;

    sim_reply_begin(reply);
    json_writer_init(&w, &reply->body);
    json_begin_object(&w);
    sim_bedrock_usage(answer, &w);
    json_key(&w, SLICE("output"));
    json_begin_object(&w);
    json_key(&w, SLICE("message"));
    json_begin_object(&w);
    json_key(&w, SLICE("content"));
    write_content(answer, &w);
    json_member_string(&w, SLICE("role"), SLICE("assistant"));
    json_end_object(&w);
    json_end_object(&w);
    if (!is(answer, SIM_NO_FINISH)) {
        sim_bedrock_stop(&answer->choices[0], &w);
    }
    json_end_object(&w);
    sim_reply_end(reply, 0);
    reply->first_us += answer->completion_tokens * reply->token_us;
}

static void write_answer(const struct sim_answer *answer, struct sim_reply *reply)
{
    if (answer->ask->stream) {
        reply->stream = SIM_MESSAGES;
        reply->content_type = SLICE(EVENTSTREAM_CONTENT_TYPE);
        sim_bedrock_stream(answer, reply);
    } else {
        write_whole(answer, reply);
    }
}

/* --- refusals --- */

static struct slice exception_of(const struct sim_refusal *refusal)
{
    static const struct {
        int status;
        struct slice name;
    } names[] = {
        {401, SLICE_INIT("UnrecognizedClientException")},
        {403, SLICE_INIT("AccessDeniedException")},
        {404, SLICE_INIT("ResourceNotFoundException")},
        {408, SLICE_INIT("ModelTimeoutException")},
        {413, SLICE_INIT("RequestEntityTooLargeException")},
        {424, SLICE_INIT("ModelErrorException")},
        {429, SLICE_INIT("ThrottlingException")},
        {503, SLICE_INIT("ServiceUnavailableException")},
    };

    if (slice_ends(refusal->code, SLICE("Exception"))) {
        return refusal->code;
    }
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (names[i].status == refusal->status) {
            return names[i].name;
        }
    }
    return refusal->status < 500 ? SLICE("ValidationException") : SLICE("InternalServerException");
}

static struct slice text_of(const struct sim_refusal *refusal)
{
    if (slice_eq(refusal->code, SLICE("insufficient_quota")) && refusal->status == 429) {
        return SLICE("Too many tokens per day, please wait before trying again.");
    }
    return refusal->status == 429 ? SLICE("Too many requests, please wait before trying again.")
                                  : refusal->text;
}

/* What kind it is stands in the head. */
static void refuse(const struct sim_refusal *refusal, struct sim_reply *reply)
{
    struct json_writer w;
    struct slice exception = exception_of(refusal);

    reply->status = refusal->status;
    sim_reply_header(reply, "x-amzn-errortype", "%.*s:http://internal.amazon.com/coral/",
                     SLICE_ARG(exception));
    sim_reply_begin(reply);
    json_writer_init(&w, &reply->body);
    json_begin_object(&w);
    json_member_string(&w, SLICE("message"), text_of(refusal));
    json_end_object(&w);
    sim_reply_end(reply, 0);
}

static void write_context(uint64_t tokens, uint64_t window, struct buf *out)
{
    buf_printf(out,
               "The model returned the following errors: prompt is too long: %llu tokens > %llu "
               "maximum",
               (unsigned long long)tokens, (unsigned long long)window);
}

static bool authorise(const struct sim_access *access, struct error *error)
{
    struct slice given = sim_request_header(access->request, SLICE("authorization"));

    if (slice_starts(given, SLICE("AWS4-HMAC-SHA256 "))) {
        return sim_sigv4_check(access->request, access->body, SLICE("bedrock"), access->now_s,
                               error);
    }
    if (slice_starts(given, SLICE("Bearer "))) {
        return sim_access_by_key(access) ||
               error_set(error, ERROR_DENIED, "AccessDeniedException",
                         "Authentication failed: Please make sure your API Key is valid.");
    }
    return error_set(error, ERROR_DENIED, "MissingAuthenticationTokenException",
                     "Missing Authentication Token");
}

static const struct sim_endpoint endpoints[] = {
    {SLICE_INIT("POST"), SLICE_INIT("/model/*/converse"), SIM_CHAT, sim_bedrock_read, write_answer,
     NULL},
    {SLICE_INIT("POST"), SLICE_INIT("/model/*/converse-stream"), SIM_CHAT, sim_bedrock_read_stream,
     write_answer, NULL},
};

const struct sim_dialect sim_bedrock = {
    .name = SLICE_INIT("bedrock"),
    .flag = SIM_DIALECT_BEDROCK,
    .request_id = "x-amzn-requestid",
    .endpoints = endpoints,
    .endpoint_count = ARRAY_LEN(endpoints),
    .refuse = refuse,
    .authorise = authorise,
    .denied = 403,
    .stream_error = sim_bedrock_stream_error,
    .context = write_context,
};

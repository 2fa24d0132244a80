/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole answers, counts, lists and refusals in Anthropic's words, and the dialect's row.
 */
#include "sim/anthropic.h"

#include "sim/openai.h"
#include "sim/seal.h"
#include "sim/sim.h"

#include <stdio.h>

#define CREATED_AT "2026-01-01T00:00:00Z"

static bool is(const struct sim_answer *answer, enum sim_behaviour which)
{
    return sim_is(answer->behaviours, which);
}

struct slice sim_anthropic_id(const struct sim_call *call, char *id, size_t size)
{
    struct slice given = slice_from_cstr(call->id);
    static const struct slice prefix = SLICE_INIT("call_");

    if (!slice_starts(given, prefix)) {
        return given;
    }
    (void)snprintf(id, size, "toolu_01%s", call->id + prefix.len);
    return slice_from_cstr(id);
}

struct slice sim_anthropic_stop_reason(const struct sim_choice *choice)
{
    static const struct slice names[] = {
        [SIM_FINISH_STOP] = SLICE_INIT("end_turn"),
        [SIM_FINISH_LENGTH] = SLICE_INIT("max_tokens"),
        [SIM_FINISH_TOOLS] = SLICE_INIT("tool_use"),
        [SIM_FINISH_FILTER] = SLICE_INIT("refusal"),
    };
    bool stopped = choice->finish == SIM_FINISH_STOP && choice->stopped_by.len > 0;

    return stopped ? SLICE("stop_sequence") : names[choice->finish];
}

/* --- usage --- */

static uint64_t part_of(const struct sim_answer *answer, enum sim_behaviour which, uint64_t *rest)
{
    uint64_t part = sim_number(answer->behaviours, which, 0);

    part = part < *rest ? part : *rest;
    *rest -= part;
    return part;
}

void sim_anthropic_usage(const struct sim_answer *answer, uint64_t output, struct json_writer *w)
{
    uint64_t rest = answer->prompt_tokens;
    uint64_t cached = part_of(answer, SIM_USAGE_CACHED, &rest);
    uint64_t minutes = part_of(answer, SIM_USAGE_WRITE_5M, &rest);
    uint64_t hour = part_of(answer, SIM_USAGE_WRITE_1H, &rest);

    json_begin_object(w);
    sim_usage_count(answer, w, SLICE("input_tokens"), rest);
    sim_usage_count(answer, w, SLICE("cache_creation_input_tokens"), minutes + hour);
    sim_usage_count(answer, w, SLICE("cache_read_input_tokens"), cached);
    json_key(w, SLICE("cache_creation"));
    json_begin_object(w);
    sim_usage_count(answer, w, SLICE("ephemeral_5m_input_tokens"), minutes);
    sim_usage_count(answer, w, SLICE("ephemeral_1h_input_tokens"), hour);
    json_end_object(w);
    sim_usage_count(answer, w, SLICE("output_tokens"), output);
    json_member_string(w, SLICE("service_tier"), SLICE("standard"));
    json_end_object(w);
}

/* --- whole answers --- */

void sim_anthropic_head(const struct sim_answer *answer, struct json_writer *w)
{
    char id[40];

    (void)snprintf(id, sizeof(id), "msg_01%016llx", (unsigned long long)answer->id);
    json_member_string(w, SLICE("id"), slice_from_cstr(id));
    json_member_string(w, SLICE("type"), SLICE("message"));
    json_member_string(w, SLICE("role"), SLICE("assistant"));
    json_member_string(w, SLICE("model"), answer->model);
}

void sim_anthropic_citation(struct json_writer *w)
{
    json_begin_object(w);
    json_member_string(w, SLICE("type"), SLICE("char_location"));
    json_member_string(w, SLICE("cited_text"), SLICE("Water flows from high ground."));
    json_member_int(w, SLICE("document_index"), 0);
    json_member_string(w, SLICE("document_title"), SLICE("Simulated source"));
    json_member_int(w, SLICE("start_char_index"), 0);
    json_member_int(w, SLICE("end_char_index"), 29);
    json_member_raw(w, SLICE("file_id"), SLICE("null"));
    json_end_object(w);
}

static void block_begin(struct json_writer *w, struct slice type)
{
    json_begin_object(w);
    json_member_string(w, SLICE("type"), type);
}

static void write_thoughts(const struct sim_answer *answer, const struct sim_choice *choice,
                           struct json_writer *w)
{
    char seal[SIM_SEAL_SIZE];
    struct slice thoughts = buf_slice(&choice->thoughts.bytes);

    if (is(answer, SIM_REDACTED)) {
        sim_seal(SIM_ANTHROPIC_REDACTED, seal);
        block_begin(w, SLICE("redacted_thinking"));
        json_member_string(w, SLICE("data"), slice_from_cstr(seal));
        json_end_object(w);
    }
    if (choice->thoughts.count > 0) {
        sim_seal(thoughts, seal);
        block_begin(w, SLICE("thinking"));
        json_member_string(w, SLICE("thinking"),
                           is(answer, SIM_THINKING_OMITTED) ? SLICE("") : thoughts);
        json_member_string(w, SLICE("signature"), slice_from_cstr(seal));
        json_end_object(w);
    }
}

static void write_content(const struct sim_answer *answer, const struct sim_choice *choice,
                          struct json_writer *w)
{
    char id[64];

    write_thoughts(answer, choice, w);
    if (choice->text.count > 0) {
        block_begin(w, SLICE("text"));
        json_member_string(w, SLICE("text"), buf_slice(&choice->text.bytes));
        if (is(answer, SIM_CITATIONS)) {
            json_key(w, SLICE("citations"));
            json_begin_array(w);
            sim_anthropic_citation(w);
            json_end_array(w);
        }
        json_end_object(w);
    }
    for (size_t i = 0; i < choice->call_count; i++) {
        const struct sim_call *call = &choice->calls[i];
        block_begin(w, SLICE("tool_use"));
        if (call->id[0] != '\0') {
            json_member_string(w, SLICE("id"), sim_anthropic_id(call, id, sizeof(id)));
        }
        json_member_string(w, SLICE("name"), buf_slice(&call->name));
        if (is(answer, SIM_TOOLS_BAD_JSON)) {
            json_member_string(w, SLICE("input"), buf_slice(&call->arguments));
        } else {
            json_member_raw(w, SLICE("input"), buf_slice(&call->arguments));
        }
        json_end_object(w);
    }
}

static void write_whole(const struct sim_answer *answer, struct sim_reply *reply)
{
    const struct sim_choice *choice = &answer->choices[0];
    struct json_writer w;

    sim_reply_begin(reply);
    json_writer_init(&w, &reply->body);
    json_begin_object(&w);
    sim_anthropic_head(answer, &w);
    json_key(&w, SLICE("content"));
    if (is(answer, SIM_NULL_CONTENT)) {
        json_write_null(&w);
    } else {
        json_begin_array(&w);
        write_content(answer, choice, &w);
        json_end_array(&w);
    }
    json_key(&w, SLICE("stop_reason"));
    if (is(answer, SIM_NO_FINISH)) {
        json_write_null(&w);
    } else {
        json_write_string(&w, sim_anthropic_stop_reason(choice));
    }
    json_key(&w, SLICE("stop_sequence"));
    if (choice->stopped_by.len > 0) {
        json_write_string(&w, choice->stopped_by);
    } else {
        json_write_null(&w);
    }
    if (!is(answer, SIM_USAGE_MISSING)) {
        json_key(&w, SLICE("usage"));
        sim_anthropic_usage(answer, answer->completion_tokens, &w);
    }
    json_end_object(&w);
    sim_reply_end(reply, 0);
    reply->first_us += answer->completion_tokens * reply->token_us;
}

static void write_answer(const struct sim_answer *answer, struct sim_reply *reply)
{
    sim_reply_header(reply, "anthropic-organization-id", "simulated");
    sim_reply_header(reply, "anthropic-ratelimit-requests-limit", "%d", 4000);
    sim_reply_header(reply, "anthropic-ratelimit-requests-remaining", "%d", 3999);
    sim_reply_header(reply, "anthropic-ratelimit-tokens-remaining", "%d", 399000);
    if (answer->ask->stream) {
        reply->stream = SIM_SSE;
        reply->content_type = SLICE("text/event-stream; charset=utf-8");
        sim_anthropic_stream(answer, reply);
    } else {
        write_whole(answer, reply);
    }
}

/* --- counts, lists and refusals --- */

static void write_count(const struct sim_answer *answer, struct sim_reply *reply)
{
    sim_reply_begin(reply);
    buf_printf(&reply->body, "{\"input_tokens\":%llu}", (unsigned long long)answer->prompt_tokens);
    sim_reply_end(reply, 0);
}

static void write_model(struct slice name, struct json_writer *w)
{
    block_begin(w, SLICE("model"));
    json_member_string(w, SLICE("id"), name);
    json_member_string(w, SLICE("display_name"), name);
    json_member_string(w, SLICE("created_at"), SLICE(CREATED_AT));
    json_end_object(w);
}

static void list_models(struct slice models, struct slice name, struct sim_reply *reply)
{
    struct json_writer w;

    sim_reply_begin(reply);
    json_writer_init(&w, &reply->body);
    if (name.len > 0) {
        write_model(name, &w);
        sim_reply_end(reply, 0);
        return;
    }
    json_begin_object(&w);
    json_key(&w, SLICE("data"));
    json_begin_array(&w);
    while (models.len > 0) {
        write_model(slice_trim(slice_cut(&models, ',')), &w);
    }
    json_end_array(&w);
    json_member_bool(&w, SLICE("has_more"), false);
    json_member_raw(&w, SLICE("first_id"), SLICE("null"));
    json_member_raw(&w, SLICE("last_id"), SLICE("null"));
    json_end_object(&w);
    sim_reply_end(reply, 0);
}

static struct slice error_type(int status)
{
    static const struct {
        int status;
        struct slice type;
    } types[] = {
        {401, SLICE_INIT("authentication_error")}, {402, SLICE_INIT("billing_error")},
        {403, SLICE_INIT("permission_error")},     {404, SLICE_INIT("not_found_error")},
        {413, SLICE_INIT("request_too_large")},    {429, SLICE_INIT("rate_limit_error")},
        {504, SLICE_INIT("timeout_error")},        {529, SLICE_INIT("overloaded_error")},
    };

    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        if (types[i].status == status) {
            return types[i].type;
        }
    }
    return status < 500 ? SLICE("invalid_request_error") : SLICE("api_error");
}

static void refuse(const struct sim_refusal *refusal, struct sim_reply *reply)
{
    struct json_writer w;

    reply->status = refusal->status;
    sim_reply_begin(reply);
    json_writer_init(&w, &reply->body);
    json_begin_object(&w);
    json_member_string(&w, SLICE("type"), SLICE("error"));
    json_key(&w, SLICE("error"));
    json_begin_object(&w);
    json_member_string(&w, SLICE("type"), error_type(refusal->status));
    json_member_string(&w, SLICE("message"), refusal->text);
    json_end_object(&w);
    json_member_string(&w, SLICE("request_id"), SLICE("req_simulated"));
    json_end_object(&w);
    sim_reply_end(reply, 0);
}

static void write_context(uint64_t tokens, uint64_t window, struct buf *out)
{
    buf_printf(out, "prompt is too long: %llu tokens > %llu maximum", (unsigned long long)tokens,
               (unsigned long long)window);
}

static const struct sim_endpoint endpoints[] = {
    {SLICE_INIT("POST"), SLICE_INIT("/messages"), SIM_CHAT, sim_anthropic_read, write_answer, NULL},
    {SLICE_INIT("POST"), SLICE_INIT("/messages/count_tokens"), SIM_COUNT, sim_anthropic_read_count,
     write_count, NULL},
    {SLICE_INIT("GET"), SLICE_INIT("/models"), SIM_CHAT, NULL, NULL, list_models},
    {SLICE_INIT("GET"), SLICE_INIT("/models/*"), SIM_CHAT, NULL, NULL, list_models},
};

const struct sim_dialect sim_anthropic = {
    .name = SLICE_INIT("anthropic"),
    .flag = SIM_DIALECT_ANTHROPIC,
    .mark = SLICE_INIT("anthropic-version"),
    .request_id = "request-id",
    .endpoints = endpoints,
    .endpoint_count = ARRAY_LEN(endpoints),
    .refuse = refuse,
    .stream_error = sim_anthropic_stream_error,
    .context = write_context,
};

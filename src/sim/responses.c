/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Response objects and their items, and the dialect's row.
 */
#include "sim/responses.h"

#include "sim/openai_private.h"
#include "sim/seal.h"
#include "sim/sim.h"

#include <stdio.h>

static bool is(const struct sim_answer *answer, enum sim_behaviour which)
{
    return sim_is(answer->behaviours, which);
}

static uint32_t asked(const struct sim_answer *answer, const char *path)
{
    return json_path(answer->ask->doc, JSON_ROOT, path);
}

struct slice sim_responses_id(const struct sim_answer *answer, const char *prefix, char *id)
{
    (void)snprintf(id, SIM_ITEM_ID, "%s_%016llx", prefix, (unsigned long long)answer->id);
    return slice_from_cstr(id);
}

struct slice sim_responses_call_id(const struct sim_call *call, char *id)
{
    struct slice rest = slice_from_cstr(call->id);

    if (slice_starts(rest, SLICE("call_"))) {
        rest = slice_from(rest, 5);
    }
    (void)snprintf(id, SIM_ITEM_ID, "%s_%.*s", call->custom ? "ctc" : "fc", SLICE_ARG(rest));
    return slice_from_cstr(id);
}

bool sim_responses_shows_thoughts(const struct sim_answer *answer)
{
    uint32_t summary = asked(answer, "reasoning.summary");

    return is(answer, SIM_THINKING) || json_is(answer->ask->doc, summary, JSON_STRING);
}

const char *sim_responses_status(const struct sim_answer *answer)
{
    enum sim_finish finish = answer->choices[0].finish;

    return finish == SIM_FINISH_LENGTH || finish == SIM_FINISH_FILTER ? "incomplete" : "completed";
}

/* --- items --- */

static void item_begin(struct slice type, struct slice id, const char *status,
                       struct json_writer *w)
{
    json_begin_object(w);
    json_member_string(w, SLICE("id"), id);
    json_member_string(w, SLICE("type"), type);
    if (status != NULL) {
        json_member_string(w, SLICE("status"), slice_from_cstr(status));
    }
}

static bool wants_encrypted(const struct sim_answer *answer)
{
    const struct json_doc *doc = answer->ask->doc;
    uint32_t include = asked(answer, "include");

    for (uint32_t i = json_is(doc, include, JSON_ARRAY) ? json_first(doc, include) : JSON_ABSENT;
         i != JSON_ABSENT; i = json_next(doc, include, i)) {
        if (json_is(doc, i, JSON_STRING) &&
            json_string_is(doc, i, SLICE("reasoning.encrypted_content"))) {
            return true;
        }
    }
    return false;
}

void sim_responses_reasoning(const struct sim_answer *answer, bool done, struct json_writer *w)
{
    char id[SIM_ITEM_ID];
    char seal[SIM_SEAL_SIZE];
    struct slice thoughts = buf_slice(&answer->choices[0].thoughts.bytes);

    item_begin(SLICE("reasoning"), sim_responses_id(answer, "rs", id), NULL, w);
    json_key(w, SLICE("summary"));
    json_begin_array(w);
    if (done && sim_responses_shows_thoughts(answer)) {
        json_begin_object(w);
        json_member_string(w, SLICE("type"), SLICE("summary_text"));
        json_member_string(w, SLICE("text"), thoughts);
        json_end_object(w);
    }
    json_end_array(w);
    if (wants_encrypted(answer)) {
        sim_seal(thoughts, seal);
        json_member_string(w, SLICE("encrypted_content"), slice_from_cstr(seal));
    }
    json_end_object(w);
}

void sim_responses_part(const struct sim_answer *answer, bool done, struct json_writer *w)
{
    json_begin_object(w);
    json_member_string(w, SLICE("type"), SLICE("output_text"));
    json_member_raw(w, SLICE("annotations"), SLICE("[]"));
    json_member_raw(w, SLICE("logprobs"), SLICE("[]"));
    json_member_string(w, SLICE("text"),
                       done ? buf_slice(&answer->choices[0].text.bytes) : SLICE(""));
    json_end_object(w);
}

void sim_responses_message(const struct sim_answer *answer, bool done, struct json_writer *w)
{
    char id[SIM_ITEM_ID];

    item_begin(SLICE("message"), sim_responses_id(answer, "msg", id),
               done ? sim_responses_status(answer) : "in_progress", w);
    json_member_string(w, SLICE("role"), SLICE("assistant"));
    json_key(w, SLICE("content"));
    json_begin_array(w);
    if (done) {
        sim_responses_part(answer, true, w);
    }
    json_end_array(w);
    json_end_object(w);
}

void sim_responses_call(const struct sim_call *call, bool done, struct json_writer *w)
{
    char id[SIM_ITEM_ID];

    item_begin(call->custom ? SLICE("custom_tool_call") : SLICE("function_call"),
               sim_responses_call_id(call, id), done ? "completed" : "in_progress", w);
    if (call->id[0] != '\0') {
        json_member_string(w, SLICE("call_id"), slice_from_cstr(call->id));
    }
    json_member_string(w, SLICE("name"), buf_slice(&call->name));
    json_member_string(w, call->custom ? SLICE("input") : SLICE("arguments"),
                       done ? buf_slice(&call->arguments) : SLICE(""));
    json_end_object(w);
}

/* --- the response --- */

static void write_usage(const struct sim_answer *answer, struct json_writer *w)
{
    uint64_t cached = sim_number(answer->behaviours, SIM_USAGE_CACHED, 0);

    json_begin_object(w);
    sim_usage_count(answer, w, SLICE("input_tokens"), answer->prompt_tokens);
    json_key(w, SLICE("input_tokens_details"));
    json_begin_object(w);
    sim_usage_count(answer, w, SLICE("cached_tokens"),
                    cached < answer->prompt_tokens ? cached : answer->prompt_tokens);
    json_end_object(w);
    sim_usage_count(answer, w, SLICE("output_tokens"), answer->completion_tokens);
    json_key(w, SLICE("output_tokens_details"));
    json_begin_object(w);
    sim_usage_count(answer, w, SLICE("reasoning_tokens"), answer->thought_tokens);
    json_end_object(w);
    sim_usage_count(answer, w, SLICE("total_tokens"),
                    answer->prompt_tokens + answer->completion_tokens);
    json_end_object(w);
}

/* A member of the request again, or what it is by default. */
static void repeat(const struct sim_answer *answer, const char *name, const char *otherwise,
                   struct json_writer *w)
{
    uint32_t value = asked(answer, name);

    json_member_raw(w, slice_from_cstr(name),
                    value == JSON_ABSENT ? slice_from_cstr(otherwise)
                                         : json_raw(answer->ask->doc, value));
}

static void write_details(const struct sim_answer *answer, const char *status,
                          struct json_writer *w)
{
    bool failed = strcmp(status, "failed") == 0;
    enum sim_finish finish = answer->choices[0].finish;

    json_member_raw(w, SLICE("error"),
                    failed ? SLICE("{\"code\":\"server_error\",\"message\":\"The simulated model "
                                   "lost its thread.\"}")
                           : SLICE("null"));
    if (strcmp(status, "incomplete") != 0) {
        json_member_raw(w, SLICE("incomplete_details"), SLICE("null"));
    } else if (finish == SIM_FINISH_FILTER) {
        json_member_raw(w, SLICE("incomplete_details"), SLICE("{\"reason\":\"content_filter\"}"));
    } else {
        json_member_raw(w, SLICE("incomplete_details"),
                        SLICE("{\"reason\":\"max_output_tokens\"}"));
    }
}

static void write_output(const struct sim_answer *answer, struct json_writer *w)
{
    const struct sim_choice *choice = &answer->choices[0];

    json_begin_array(w);
    if (choice->thoughts.count > 0) {
        sim_responses_reasoning(answer, true, w);
    }
    if (choice->text.count > 0) {
        sim_responses_message(answer, true, w);
    }
    for (size_t i = 0; i < choice->call_count; i++) {
        sim_responses_call(&choice->calls[i], true, w);
    }
    json_end_array(w);
}

void sim_responses_object(const struct sim_answer *answer, bool done, const char *status,
                          struct json_writer *w)
{
    char id[SIM_ITEM_ID];

    json_begin_object(w);
    json_member_string(w, SLICE("id"), sim_responses_id(answer, "resp", id));
    json_member_string(w, SLICE("object"), SLICE("response"));
    json_member_int(w, SLICE("created_at"), SIM_CREATED);
    json_member_string(w, SLICE("status"), slice_from_cstr(status));
    json_member_bool(w, SLICE("background"), false);
    write_details(answer, status, w);
    repeat(answer, "instructions", "null", w);
    repeat(answer, "max_output_tokens", "null", w);
    json_member_string(w, SLICE("model"), answer->model);
    json_key(w, SLICE("output"));
    if (done) {
        write_output(answer, w);
    } else {
        json_write_raw(w, SLICE("[]"));
    }
    repeat(answer, "parallel_tool_calls", "true", w);
    repeat(answer, "previous_response_id", "null", w);
    repeat(answer, "reasoning", "{\"effort\":null,\"summary\":null}", w);
    json_member_string(w, SLICE("service_tier"), SLICE("default"));
    json_member_bool(w, SLICE("store"), answer->ask->kept);
    repeat(answer, "temperature", "1.0", w);
    repeat(answer, "text", "{\"format\":{\"type\":\"text\"}}", w);
    repeat(answer, "tool_choice", "\"auto\"", w);
    repeat(answer, "tools", "[]", w);
    repeat(answer, "top_p", "1.0", w);
    repeat(answer, "truncation", "\"disabled\"", w);
    json_key(w, SLICE("usage"));
    if (done && !is(answer, SIM_USAGE_MISSING)) {
        write_usage(answer, w);
    } else {
        json_write_null(w);
    }
    repeat(answer, "user", "null", w);
    repeat(answer, "metadata", "{}", w);
    json_end_object(w);
}

static void write_answer(const struct sim_answer *answer, struct sim_reply *reply)
{
    struct json_writer w;

    if (answer->ask->stream) {
        reply->stream = SIM_SSE;
        reply->content_type = SLICE("text/event-stream; charset=utf-8");
        sim_responses_stream(answer, reply);
        return;
    }
    sim_reply_begin(reply);
    json_writer_init(&w, &reply->body);
    sim_responses_object(answer, true, sim_responses_status(answer), &w);
    sim_reply_end(reply, 0);
    reply->first_us += answer->completion_tokens * reply->token_us;
}

static void write_count(const struct sim_answer *answer, struct sim_reply *reply)
{
    sim_reply_begin(reply);
    buf_printf(&reply->body, "{\"object\":\"response.input_tokens\",\"input_tokens\":%llu}",
               (unsigned long long)answer->prompt_tokens);
    sim_reply_end(reply, 0);
}

static void write_context(uint64_t tokens, uint64_t window, struct buf *out)
{
    (void)tokens;
    (void)window;
    buf_append(out, SLICE("Your input exceeds the context window of this model. Please adjust your "
                          "input and try again."));
}

static const struct sim_endpoint endpoints[] = {
    {SLICE_INIT("POST"), SLICE_INIT("/responses"), SIM_CHAT, sim_responses_read, write_answer,
     NULL},
    {SLICE_INIT("POST"), SLICE_INIT("/responses/input_tokens"), SIM_COUNT, sim_responses_read,
     write_count, NULL},
};

const struct sim_dialect sim_responses = {
    .name = SLICE_INIT("responses"),
    .flag = SIM_DIALECT_RESPONSES,
    .request_id = "x-request-id",
    .endpoints = endpoints,
    .endpoint_count = ARRAY_LEN(endpoints),
    .refuse = sim_openai_refuse,
    .stream_error = sim_responses_stream_error,
    .context = write_context,
};

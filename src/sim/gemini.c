/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers, embeddings, lists and refusals in Gemini's words, and the dialect's row.
 */
#include "sim/gemini.h"

#include "base/hash.h"
#include "sim/openai.h"
#include "sim/seal.h"
#include "sim/sim.h"

#include <stdio.h>

#define MICRO_SCALE 6

struct writer {
    const struct sim_answer *answer;
    struct sim_reply *reply;
    struct json_writer w;
    uint64_t tokens; /* sent so far */
};

static bool is(const struct writer *g, enum sim_behaviour which)
{
    return sim_is(g->answer->behaviours, which);
}

/* --- one response --- */

static void write_usage(struct writer *g, uint64_t completion)
{
    const struct sim_answer *answer = g->answer;
    struct json_writer *w = &g->w;
    uint64_t thoughts = completion < answer->thought_tokens ? completion : answer->thought_tokens;
    uint64_t cached = sim_number(answer->behaviours, SIM_USAGE_CACHED, 0);

    json_key(w, SLICE("usageMetadata"));
    json_begin_object(w);
    sim_usage_count(answer, w, SLICE("promptTokenCount"), answer->prompt_tokens);
    if (completion > thoughts) {
        sim_usage_count(answer, w, SLICE("candidatesTokenCount"), completion - thoughts);
    }
    sim_usage_count(answer, w, SLICE("totalTokenCount"), answer->prompt_tokens + completion);
    if (cached > 0) {
        sim_usage_count(answer, w, SLICE("cachedContentTokenCount"),
                        cached < answer->prompt_tokens ? cached : answer->prompt_tokens);
    }
    json_key(w, SLICE("promptTokensDetails"));
    json_begin_array(w);
    json_begin_object(w);
    json_member_string(w, SLICE("modality"), SLICE("TEXT"));
    sim_usage_count(answer, w, SLICE("tokenCount"), answer->prompt_tokens);
    json_end_object(w);
    json_end_array(w);
    if (thoughts > 0) {
        sim_usage_count(answer, w, SLICE("thoughtsTokenCount"), thoughts);
    }
    json_end_object(w);
}

static void response_begin(struct writer *g)
{
    sim_reply_begin(g->reply);
    json_writer_init(&g->w, &g->reply->body);
    json_begin_object(&g->w);
    json_key(&g->w, SLICE("candidates"));
    json_begin_array(&g->w);
}

static void response_end(struct writer *g, uint64_t tokens)
{
    char id[40];

    g->tokens += tokens;
    json_end_array(&g->w);
    if (!is(g, SIM_USAGE_MISSING)) {
        write_usage(g, g->tokens);
    }
    json_member_string(&g->w, SLICE("modelVersion"), g->answer->model);
    (void)snprintf(id, sizeof(id), "%016llx", (unsigned long long)g->answer->id);
    json_member_string(&g->w, SLICE("responseId"), slice_from_cstr(id));
    json_end_object(&g->w);
    sim_reply_end(g->reply, tokens == 0 ? 0 : g->reply->token_us * tokens + g->reply->event_us);
    if (is(g, SIM_KEEPALIVE_COMMENTS)) {
        sim_reply_comment(g->reply, SLICE("keep-alive"));
    }
}

static void candidate_begin(struct writer *g)
{
    json_begin_object(&g->w);
    json_key(&g->w, SLICE("content"));
    json_begin_object(&g->w);
    json_key(&g->w, SLICE("parts"));
    json_begin_array(&g->w);
}

static struct slice finish_reason(const struct writer *g, const struct sim_choice *choice)
{
    static const struct slice names[] = {
        [SIM_FINISH_STOP] = SLICE_INIT("STOP"),
        [SIM_FINISH_LENGTH] = SLICE_INIT("MAX_TOKENS"),
        [SIM_FINISH_TOOLS] = SLICE_INIT("STOP"),
        [SIM_FINISH_FILTER] = SLICE_INIT("SAFETY"),
    };

    return choice->finish == SIM_FINISH_TOOLS && is(g, SIM_TOOLS_BAD_JSON)
               ? SLICE("MALFORMED_FUNCTION_CALL")
               : names[choice->finish];
}

/* `finish`: the candidate's last response. */
static void candidate_end(struct writer *g, unsigned index, bool finish)
{
    json_end_array(&g->w);
    json_member_string(&g->w, SLICE("role"), SLICE("model"));
    json_end_object(&g->w);
    if (finish && !is(g, SIM_NO_FINISH)) {
        json_member_string(&g->w, SLICE("finishReason"),
                           finish_reason(g, &g->answer->choices[index]));
    }
    json_member_int(&g->w, SLICE("index"), index);
    json_end_object(&g->w);
}

/* --- parts --- */

static void write_text_part(struct writer *g, struct slice text, bool thought)
{
    json_begin_object(&g->w);
    json_member_string(&g->w, SLICE("text"), text);
    if (thought) {
        json_member_bool(&g->w, SLICE("thought"), true);
    }
    json_end_object(&g->w);
}

/* The first call of a step carries the signature. */
static void write_call_part(struct writer *g, const struct sim_call *call, bool first)
{
    char seal[SIM_SEAL_SIZE];

    json_begin_object(&g->w);
    json_key(&g->w, SLICE("functionCall"));
    json_begin_object(&g->w);
    json_member_string(&g->w, SLICE("name"), buf_slice(&call->name));
    json_member_raw(&g->w, SLICE("args"), buf_slice(&call->arguments));
    if (call->id[0] != '\0') {
        json_member_string(&g->w, SLICE("id"), slice_from_cstr(call->id));
    }
    json_end_object(&g->w);
    if (first) {
        sim_seal(buf_slice(&call->name), seal);
        json_member_string(&g->w, SLICE("thoughtSignature"), slice_from_cstr(seal));
    }
    json_end_object(&g->w);
}

static size_t call_count(const struct writer *g, const struct sim_choice *choice)
{
    return is(g, SIM_TOOLS_BAD_JSON) ? 0 : choice->call_count;
}

static void write_whole(struct writer *g)
{
    response_begin(g);
    for (unsigned i = 0; i < g->answer->choice_count; i++) {
        const struct sim_choice *choice = &g->answer->choices[i];
        candidate_begin(g);
        if (choice->thoughts.count > 0) {
            write_text_part(g, buf_slice(&choice->thoughts.bytes), true);
        }
        if (choice->text.count > 0) {
            write_text_part(g, buf_slice(&choice->text.bytes), false);
        }
        for (size_t j = 0; j < call_count(g, choice); j++) {
            write_call_part(g, &choice->calls[j], j == 0);
        }
        candidate_end(g, i, true);
    }
    response_end(g, g->answer->completion_tokens);
}

static void write_texts(struct writer *g, unsigned index, const struct sim_text *text, bool thought)
{
    for (size_t i = 0; i < text->count; i++) {
        response_begin(g);
        candidate_begin(g);
        write_text_part(g, sim_text_get(text, i), thought);
        candidate_end(g, index, false);
        response_end(g, 1);
    }
}

static void write_stream(struct writer *g)
{
    for (unsigned i = 0; i < g->answer->choice_count; i++) {
        const struct sim_choice *choice = &g->answer->choices[i];
        write_texts(g, i, &choice->thoughts, true);
        write_texts(g, i, &choice->text, false);
        for (size_t j = 0; j < call_count(g, choice); j++) {
            response_begin(g);
            candidate_begin(g);
            write_call_part(g, &choice->calls[j], j == 0);
            candidate_end(g, i, false);
            response_end(g, 2);
        }
    }
    g->tokens = g->answer->completion_tokens;
    for (unsigned i = 0; i < g->answer->choice_count; i++) {
        response_begin(g);
        candidate_begin(g);
        write_text_part(g, SLICE(""), false);
        candidate_end(g, i, true);
        response_end(g, 0);
    }
}

void sim_gemini_answer(const struct sim_answer *answer, struct sim_reply *reply)
{
    struct writer g = {.answer = answer, .reply = reply};
    bool events = answer->ask->request != NULL &&
                  slice_find_slice(answer->ask->request->query, SLICE("alt=sse")) != SIZE_MAX;

    reply->content_type = SLICE("application/json; charset=UTF-8");
    if (!answer->ask->stream) {
        write_whole(&g);
        reply->first_us += answer->completion_tokens * reply->token_us;
        return;
    }
    if (events) {
        reply->stream = SIM_SSE;
        reply->content_type = SLICE("text/event-stream");
        reply->crlf = true;
    } else {
        reply->stream = SIM_JSON_ARRAY;
    }
    write_stream(&g);
    if (!events) {
        sim_reply_done(reply);
    }
}

/* --- counts and embeddings --- */

static void write_count(const struct sim_answer *answer, struct sim_reply *reply)
{
    sim_reply_begin(reply);
    buf_printf(&reply->body,
               "{\"totalTokens\":%llu,\"promptTokensDetails\":[{\"modality\":\"TEXT\","
               "\"tokenCount\":%llu}]}",
               (unsigned long long)answer->prompt_tokens,
               (unsigned long long)answer->prompt_tokens);
    sim_reply_end(reply, 0);
}

static void write_vector(const struct sim_ask *ask, uint32_t parts, struct json_writer *w)
{
    uint64_t hash = hash_stable(json_raw(ask->doc, parts));

    json_begin_object(w);
    json_key(w, SLICE("values"));
    json_begin_array(w);
    for (int64_t i = 0; i < ask->dimensions; i++) {
        json_write_scaled(w, sim_embedding(hash, i), MICRO_SCALE);
    }
    json_end_array(w);
    json_end_object(w);
}

static void write_embedding(const struct sim_answer *answer, struct sim_reply *reply)
{
    struct json_writer w;

    sim_reply_begin(reply);
    json_writer_init(&w, &reply->body);
    json_begin_object(&w);
    json_key(&w, SLICE("embedding"));
    write_vector(answer->ask, answer->ask->inputs[0], &w);
    json_end_object(&w);
    sim_reply_end(reply, 0);
}

static void write_embeddings(const struct sim_answer *answer, struct sim_reply *reply)
{
    struct json_writer w;

    sim_reply_begin(reply);
    json_writer_init(&w, &reply->body);
    json_begin_object(&w);
    json_key(&w, SLICE("embeddings"));
    json_begin_array(&w);
    for (size_t i = 0; i < answer->ask->input_count; i++) {
        write_vector(answer->ask, answer->ask->inputs[i], &w);
    }
    json_end_array(&w);
    json_end_object(&w);
    sim_reply_end(reply, 0);
}

/* --- lists and refusals --- */

static void write_model(struct slice name, struct json_writer *w)
{
    char text[160];

    (void)snprintf(text, sizeof(text), "models/%.*s", SLICE_ARG(name));
    json_begin_object(w);
    json_member_string(w, SLICE("name"), slice_from_cstr(text));
    json_member_string(w, SLICE("version"), SLICE("001"));
    json_member_string(w, SLICE("displayName"), name);
    json_member_int(w, SLICE("inputTokenLimit"), 1048576);
    json_member_int(w, SLICE("outputTokenLimit"), 65536);
    json_member_raw(w, SLICE("supportedGenerationMethods"),
                    SLICE("[\"generateContent\",\"countTokens\"]"));
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
    json_key(&w, SLICE("models"));
    json_begin_array(&w);
    while (models.len > 0) {
        write_model(slice_trim(slice_cut(&models, ',')), &w);
    }
    json_end_array(&w);
    json_end_object(&w);
    sim_reply_end(reply, 0);
}

static struct slice status_name(int status)
{
    static const struct {
        int status;
        struct slice name;
    } names[] = {
        {401, SLICE_INIT("UNAUTHENTICATED")}, {403, SLICE_INIT("PERMISSION_DENIED")},
        {404, SLICE_INIT("NOT_FOUND")},       {408, SLICE_INIT("DEADLINE_EXCEEDED")},
        {409, SLICE_INIT("ABORTED")},         {429, SLICE_INIT("RESOURCE_EXHAUSTED")},
        {503, SLICE_INIT("UNAVAILABLE")},     {504, SLICE_INIT("DEADLINE_EXCEEDED")},
    };

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (names[i].status == status) {
            return names[i].name;
        }
    }
    return status < 500 ? SLICE("INVALID_ARGUMENT") : SLICE("INTERNAL");
}

static void write_error(const struct sim_refusal *refusal, struct sim_reply *reply)
{
    struct json_writer w;

    sim_reply_begin(reply);
    json_writer_init(&w, &reply->body);
    json_begin_object(&w);
    json_key(&w, SLICE("error"));
    json_begin_object(&w);
    json_member_int(&w, SLICE("code"), refusal->status);
    json_member_string(&w, SLICE("message"), refusal->text);
    json_member_string(&w, SLICE("status"), status_name(refusal->status));
    if (sim_is(reply->behaviours, SIM_RETRY)) {
        char delay[32];
        (void)snprintf(delay, sizeof(delay), "%us", reply->behaviours->number[SIM_RETRY]);
        json_key(&w, SLICE("details"));
        json_begin_array(&w);
        json_begin_object(&w);
        json_member_string(&w, SLICE("@type"), SLICE("type.googleapis.com/google.rpc.RetryInfo"));
        json_member_string(&w, SLICE("retryDelay"), slice_from_cstr(delay));
        json_end_object(&w);
        json_end_array(&w);
    }
    json_end_object(&w);
    json_end_object(&w);
    sim_reply_end(reply, 0);
}

void sim_gemini_refuse(const struct sim_refusal *refusal, struct sim_reply *reply)
{
    reply->status = refusal->status;
    write_error(refusal, reply);
}

void sim_gemini_stream_error(const struct sim_answer *answer, struct sim_reply *reply)
{
    static const struct sim_refusal refusal = {
        .status = 500, .text = SLICE_INIT("The simulated model lost its thread.")};

    (void)answer;
    write_error(&refusal, reply);
}

void sim_gemini_context(uint64_t tokens, uint64_t window, struct buf *out)
{
    buf_printf(out,
               "The input token count (%llu) exceeds the maximum number of tokens allowed (%llu).",
               (unsigned long long)tokens, (unsigned long long)window);
}

static const struct sim_endpoint endpoints[] = {
    {SLICE_INIT("POST"), SLICE_INIT("/models/*:generateContent"), SIM_CHAT, sim_gemini_read,
     sim_gemini_answer, NULL},
    {SLICE_INIT("POST"), SLICE_INIT("/models/*:streamGenerateContent"), SIM_CHAT,
     sim_gemini_read_stream, sim_gemini_answer, NULL},
    {SLICE_INIT("POST"), SLICE_INIT("/models/*:countTokens"), SIM_COUNT, sim_gemini_read_count,
     write_count, NULL},
    {SLICE_INIT("POST"), SLICE_INIT("/models/*:embedContent"), SIM_EMBEDDINGS,
     sim_gemini_read_embed, write_embedding, NULL},
    {SLICE_INIT("POST"), SLICE_INIT("/models/*:batchEmbedContents"), SIM_EMBEDDINGS,
     sim_gemini_read_batch, write_embeddings, NULL},
    {SLICE_INIT("GET"), SLICE_INIT("/models"), SIM_CHAT, NULL, NULL, list_models},
    {SLICE_INIT("GET"), SLICE_INIT("/models/*"), SIM_CHAT, NULL, NULL, list_models},
};

const struct sim_dialect sim_gemini = {
    .name = SLICE_INIT("gemini"),
    .flag = SIM_DIALECT_GEMINI,
    .mark = SLICE_INIT("x-goog-api-key"),
    .request_id = "x-request-id",
    .endpoints = endpoints,
    .endpoint_count = ARRAY_LEN(endpoints),
    .refuse = sim_gemini_refuse,
    .stream_error = sim_gemini_stream_error,
    .context = sim_gemini_context,
};

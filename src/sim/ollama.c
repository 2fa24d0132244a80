/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/ollama.h"

#include "base/hash.h"
#include "sim/sim.h"

#define CREATED_AT "2026-01-01T00:00:00.000000Z"
#define LOAD_NS 5000000
#define PROMPT_TOKEN_NS 100000
#define TOKEN_NS 10000000
#define MICRO_SCALE 6

struct writer {
    const struct sim_answer *answer;
    struct sim_reply *reply;
    struct json_writer w;
    bool chat;
};

static bool is(const struct writer *o, enum sim_behaviour which)
{
    return sim_is(o->answer->behaviours, which);
}

static void line_begin(struct writer *o)
{
    sim_reply_begin(o->reply);
    json_writer_init(&o->w, &o->reply->body);
    json_begin_object(&o->w);
    json_member_string(&o->w, SLICE("model"), o->answer->model);
    json_member_string(&o->w, SLICE("created_at"), SLICE(CREATED_AT));
}

static void write_calls(struct writer *o, const struct sim_choice *choice)
{
    struct json_writer *w = &o->w;

    json_key(w, SLICE("tool_calls"));
    json_begin_array(w);
    for (size_t i = 0; i < choice->call_count; i++) {
        json_begin_object(w);
        json_key(w, SLICE("function"));
        json_begin_object(w);
        json_member_string(w, SLICE("name"), buf_slice(&choice->calls[i].name));
        json_member_raw(w, SLICE("arguments"), buf_slice(&choice->calls[i].arguments));
        json_end_object(w);
        json_end_object(w);
    }
    json_end_array(w);
}

/* The text's place, which chat and generate name differently. */
static void write_text(struct writer *o, struct slice text, struct slice thought,
                       const struct sim_choice *calls)
{
    struct json_writer *w = &o->w;

    if (o->chat) {
        json_key(w, SLICE("message"));
        json_begin_object(w);
        json_member_string(w, SLICE("role"), SLICE("assistant"));
        json_member_string(w, SLICE("content"), text);
    } else {
        json_member_string(w, SLICE("response"), text);
    }
    if (thought.len > 0) {
        json_member_string(w, SLICE("thinking"), thought);
    }
    if (o->chat) {
        if (calls != NULL || is(o, SIM_TOOLS_EMPTY_LIST)) {
            write_calls(o, calls == NULL ? &(const struct sim_choice){0} : calls);
        }
        json_end_object(w);
    }
}

static void write_counts(struct writer *o)
{
    const struct sim_answer *answer = o->answer;
    int64_t prompt_ns = (int64_t)answer->prompt_tokens * PROMPT_TOKEN_NS;
    int64_t eval_ns = (int64_t)answer->completion_tokens * TOKEN_NS;

    json_member_int(&o->w, SLICE("total_duration"), LOAD_NS + prompt_ns + eval_ns);
    json_member_int(&o->w, SLICE("load_duration"), LOAD_NS);
    if (!is(o, SIM_USAGE_MISSING)) {
        json_member_int(&o->w, SLICE("prompt_eval_count"), (int64_t)answer->prompt_tokens);
    }
    json_member_int(&o->w, SLICE("prompt_eval_duration"), prompt_ns);
    if (!is(o, SIM_USAGE_MISSING)) {
        json_member_int(&o->w, SLICE("eval_count"), (int64_t)answer->completion_tokens);
    }
    json_member_int(&o->w, SLICE("eval_duration"), eval_ns);
}

static void line_end(struct writer *o, bool done, uint64_t tokens)
{
    const struct sim_choice *choice = &o->answer->choices[0];

    json_member_bool(&o->w, SLICE("done"), done);
    if (done && !is(o, SIM_NO_FINISH)) {
        json_member_string(&o->w, SLICE("done_reason"),
                           choice->finish == SIM_FINISH_LENGTH ? SLICE("length") : SLICE("stop"));
    }
    if (done) {
        write_counts(o);
    }
    json_end_object(&o->w);
    sim_reply_end(o->reply, tokens == 0 ? 0 : o->reply->token_us * tokens + o->reply->event_us);
}

static void write_stream(struct writer *o)
{
    const struct sim_choice *choice = &o->answer->choices[0];

    for (size_t i = 0; i < choice->thoughts.count; i++) {
        line_begin(o);
        write_text(o, SLICE(""), sim_text_get(&choice->thoughts, i), NULL);
        line_end(o, false, 1);
    }
    for (size_t i = 0; i < choice->text.count; i++) {
        line_begin(o);
        write_text(o, sim_text_get(&choice->text, i), SLICE_EMPTY, NULL);
        line_end(o, false, 1);
    }
    if (choice->call_count > 0) {
        line_begin(o);
        write_text(o, SLICE(""), SLICE_EMPTY, choice);
        line_end(o, false, choice->call_count);
    }
    if (!is(o, SIM_NO_DONE)) {
        line_begin(o);
        write_text(o, SLICE(""), SLICE_EMPTY, NULL);
        line_end(o, true, 0);
    }
}

static void write_answer(const struct sim_answer *answer, struct sim_reply *reply)
{
    const struct sim_choice *choice = &answer->choices[0];
    struct writer o = {
        .answer = answer, .reply = reply, .chat = answer->ask->operation == SIM_CHAT};

    if (answer->ask->stream) {
        reply->stream = SIM_NDJSON;
        reply->content_type = SLICE("application/x-ndjson");
        write_stream(&o);
        return;
    }
    reply->content_type = SLICE("application/json; charset=utf-8");
    line_begin(&o);
    write_text(&o, buf_slice(&choice->text.bytes), buf_slice(&choice->thoughts.bytes),
               choice->call_count > 0 ? choice : NULL);
    line_end(&o, true, 0);
    reply->first_us += answer->completion_tokens * reply->token_us;
}

/* --- the rest of the API --- */

static void write_vector(const struct sim_ask *ask, uint32_t text, struct json_writer *w)
{
    uint64_t hash = hash_stable(json_raw(ask->doc, text));

    json_begin_array(w);
    for (int64_t i = 0; i < ask->dimensions; i++) {
        json_write_scaled(w, sim_embedding(hash, i), MICRO_SCALE);
    }
    json_end_array(w);
}

static void write_embeddings(const struct sim_answer *answer, struct sim_reply *reply)
{
    const struct sim_ask *ask = answer->ask;
    struct json_writer w;

    sim_reply_begin(reply);
    json_writer_init(&w, &reply->body);
    json_begin_object(&w);
    json_member_string(&w, SLICE("model"), answer->model);
    json_key(&w, SLICE("embeddings"));
    json_begin_array(&w);
    for (size_t i = 0; i < ask->input_count; i++) {
        write_vector(ask, ask->inputs[i], &w);
    }
    json_end_array(&w);
    json_member_int(&w, SLICE("prompt_eval_count"), (int64_t)answer->prompt_tokens);
    json_end_object(&w);
    sim_reply_end(reply, 0);
}

static void list_models(struct slice models, struct slice name, struct sim_reply *reply)
{
    struct json_writer w;

    (void)name;
    sim_reply_begin(reply);
    json_writer_init(&w, &reply->body);
    json_begin_object(&w);
    json_key(&w, SLICE("models"));
    json_begin_array(&w);
    while (models.len > 0) {
        struct slice model = slice_trim(slice_cut(&models, ','));
        json_begin_object(&w);
        json_member_string(&w, SLICE("name"), model);
        json_member_string(&w, SLICE("model"), model);
        json_member_string(&w, SLICE("modified_at"), SLICE(CREATED_AT));
        json_member_int(&w, SLICE("size"), 4000000000);
        json_end_object(&w);
    }
    json_end_array(&w);
    json_end_object(&w);
    sim_reply_end(reply, 0);
}

static void write_fixed(struct sim_reply *reply, struct slice json)
{
    sim_reply_begin(reply);
    buf_append(&reply->body, json);
    sim_reply_end(reply, 0);
}

static void show_model(struct slice models, struct slice name, struct sim_reply *reply)
{
    (void)models;
    (void)name;
    write_fixed(reply, SLICE("{\"modelfile\":\"FROM simulated\",\"details\":{\"format\":\"gguf\","
                             "\"family\":\"llama\",\"parameter_size\":\"7B\"},\"model_info\":{"
                             "\"general.architecture\":\"llama\",\"llama.context_length\":4096},"
                             "\"capabilities\":[\"completion\",\"tools\"]}"));
}

static void tell_version(struct slice models, struct slice name, struct sim_reply *reply)
{
    (void)models;
    (void)name;
    write_fixed(reply, SLICE("{\"version\":\"0.12.0\"}"));
}

static void write_error(struct sim_reply *reply, struct slice text)
{
    struct json_writer w;

    sim_reply_begin(reply);
    json_writer_init(&w, &reply->body);
    json_begin_object(&w);
    json_member_string(&w, SLICE("error"), text);
    json_end_object(&w);
    sim_reply_end(reply, 0);
}

static void refuse(const struct sim_refusal *refusal, struct sim_reply *reply)
{
    reply->status = refusal->status;
    write_error(reply, refusal->text);
}

static void write_stream_error(const struct sim_answer *answer, struct sim_reply *reply)
{
    (void)answer;
    write_error(reply, SLICE("the simulated model lost its thread"));
}

static void write_context(uint64_t tokens, uint64_t window, struct buf *out)
{
    buf_printf(out, "the request's %llu tokens exceed the context of %llu tokens",
               (unsigned long long)tokens, (unsigned long long)window);
}

static const struct sim_endpoint endpoints[] = {
    {SLICE_INIT("POST"), SLICE_INIT("/api/chat"), SIM_CHAT, sim_ollama_read, write_answer, NULL},
    {SLICE_INIT("POST"), SLICE_INIT("/api/generate"), SIM_COMPLETION, sim_ollama_read, write_answer,
     NULL},
    {SLICE_INIT("POST"), SLICE_INIT("/api/embed"), SIM_EMBEDDINGS, sim_ollama_read_embed,
     write_embeddings, NULL},
    {SLICE_INIT("GET"), SLICE_INIT("/api/tags"), SIM_CHAT, NULL, NULL, list_models},
    {SLICE_INIT("POST"), SLICE_INIT("/api/show"), SIM_CHAT, NULL, NULL, show_model},
    {SLICE_INIT("GET"), SLICE_INIT("/api/version"), SIM_CHAT, NULL, NULL, tell_version},
};

const struct sim_dialect sim_ollama = {
    .name = SLICE_INIT("ollama"),
    .flag = SIM_DIALECT_OLLAMA,
    .request_id = "x-request-id",
    .endpoints = endpoints,
    .endpoint_count = ARRAY_LEN(endpoints),
    .refuse = refuse,
    .stream_error = write_stream_error,
    .context = write_context,
};

/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/openai_private.h"

#include "sim/sim.h"

#include <stdio.h>

struct slice sim_openai_finish(enum sim_finish finish)
{
    static const struct slice names[] = {
        [SIM_FINISH_STOP] = SLICE_INIT("stop"),
        [SIM_FINISH_LENGTH] = SLICE_INIT("length"),
        [SIM_FINISH_TOOLS] = SLICE_INIT("tool_calls"),
        [SIM_FINISH_FILTER] = SLICE_INIT("content_filter"),
    };
    return names[finish];
}

void sim_openai_head(const struct sim_answer *answer, struct slice object, struct json_writer *w)
{
    char id[40];
    bool chat = answer->ask->operation == SIM_CHAT;

    (void)snprintf(id, sizeof(id), "%s-%016llx", chat ? "chatcmpl" : "cmpl",
                   (unsigned long long)answer->id);
    json_member_string(w, SLICE("id"), slice_from_cstr(id));
    json_member_string(w, SLICE("object"), object);
    json_member_int(w, SLICE("created"), SIM_CREATED);
    json_member_string(w, SLICE("model"), answer->model);
    json_member_string(w, SLICE("system_fingerprint"), SLICE("fp_simulated"));
}

void sim_openai_xgroq(const struct sim_answer *answer, struct json_writer *w)
{
    json_key(w, SLICE("x_groq"));
    json_begin_object(w);
    json_member_string(w, SLICE("id"), SLICE("req_simulated"));
    json_key(w, SLICE("usage"));
    sim_openai_usage(answer, answer->completion_tokens, w);
    json_end_object(w);
}

void sim_openai_answer(const struct sim_answer *answer, struct sim_reply *reply)
{
    if (answer->ask->stream) {
        reply->stream = SIM_SSE;
        reply->content_type = SLICE("text/event-stream; charset=utf-8");
        sim_openai_stream(answer, reply);
    } else {
        sim_openai_whole(answer, reply);
    }
}

static void write_context(uint64_t tokens, uint64_t window, struct buf *out)
{
    buf_printf(out,
               "This model's maximum context length is %llu tokens. However, your messages "
               "resulted in %llu tokens. Please reduce the length of the messages.",
               (unsigned long long)window, (unsigned long long)tokens);
}

static const struct sim_endpoint endpoints[] = {
    {SLICE_INIT("POST"), SLICE_INIT("/chat/completions"), SIM_CHAT, sim_openai_read,
     sim_openai_answer, NULL},
    {SLICE_INIT("POST"), SLICE_INIT("/deployments/*/chat/completions"), SIM_CHAT, sim_openai_read,
     sim_openai_answer, NULL},
    {SLICE_INIT("POST"), SLICE_INIT("/completions"), SIM_COMPLETION, sim_openai_read,
     sim_openai_answer, NULL},
    {SLICE_INIT("POST"), SLICE_INIT("/embeddings"), SIM_EMBEDDINGS, sim_openai_read_embeddings,
     sim_openai_embeddings, NULL},
    {SLICE_INIT("POST"), SLICE_INIT("/deployments/*/embeddings"), SIM_EMBEDDINGS,
     sim_openai_read_embeddings, sim_openai_embeddings, NULL},
    {SLICE_INIT("GET"), SLICE_INIT("/models"), SIM_CHAT, NULL, NULL, sim_openai_models},
    {SLICE_INIT("GET"), SLICE_INIT("/models/*"), SIM_CHAT, NULL, NULL, sim_openai_models},
};

const struct sim_dialect sim_openai = {
    .name = SLICE_INIT("openai"),
    .flag = SIM_DIALECT_OPENAI,
    .request_id = "x-request-id",
    .endpoints = endpoints,
    .endpoint_count = ARRAY_LEN(endpoints),
    .refuse = sim_openai_refuse,
    .stream_error = sim_openai_stream_error,
    .context = write_context,
};

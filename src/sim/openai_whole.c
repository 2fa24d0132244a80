/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole answers, lists and refusals in OpenAI's words.
 */
#include "sim/openai_private.h"

#include "base/hash.h"

#include <string.h>

#define MICRO_SCALE 6
#define MILLION 1000000

/* --- chat completions and completions --- */

static void write_calls(const struct sim_answer *answer, const struct sim_choice *choice,
                        struct json_writer *w)
{
    if (choice->call_count == 0 && !sim_is(answer->behaviours, SIM_TOOLS_EMPTY_LIST)) {
        return;
    }
    json_key(w, SLICE("tool_calls"));
    json_begin_array(w);
    for (size_t i = 0; i < choice->call_count; i++) {
        const struct sim_call *call = &choice->calls[i];
        json_begin_object(w);
        if (call->id[0] != '\0') {
            json_member_string(w, SLICE("id"), slice_from_cstr(call->id));
        }
        json_member_string(w, SLICE("type"), call->custom ? SLICE("custom") : SLICE("function"));
        json_key(w, call->custom ? SLICE("custom") : SLICE("function"));
        json_begin_object(w);
        json_member_string(w, SLICE("name"), buf_slice(&call->name));
        json_member_string(w, call->custom ? SLICE("input") : SLICE("arguments"),
                           buf_slice(&call->arguments));
        json_end_object(w);
        json_end_object(w);
    }
    json_end_array(w);
}

void sim_openai_thoughts(const struct sim_answer *answer, struct slice thought,
                         struct json_writer *w)
{
    if (!sim_is(answer->behaviours, SIM_REASONING_DETAILS)) {
        json_member_string(w, SLICE("reasoning_content"), thought);
        return;
    }
    json_member_string(w, SLICE("reasoning"), thought);
    json_key(w, SLICE("reasoning_details"));
    json_begin_array(w);
    json_begin_object(w);
    json_member_string(w, SLICE("type"), SLICE("reasoning.text"));
    json_member_string(w, SLICE("text"), thought);
    json_member_int(w, SLICE("index"), 0);
    json_end_object(w);
    json_end_array(w);
}

static void write_message(const struct sim_answer *answer, const struct sim_choice *choice,
                          struct json_writer *w)
{
    bool none = (choice->call_count > 0 && choice->text.count == 0) ||
                sim_is(answer->behaviours, SIM_NULL_CONTENT);

    json_key(w, SLICE("message"));
    json_begin_object(w);
    json_member_string(w, SLICE("role"), SLICE("assistant"));
    json_key(w, SLICE("content"));
    if (none) {
        json_write_null(w);
    } else {
        json_write_string(w, buf_slice(&choice->text.bytes));
    }
    if (choice->thoughts.count > 0) {
        sim_openai_thoughts(answer, buf_slice(&choice->thoughts.bytes), w);
    }
    write_calls(answer, choice, w);
    json_member_raw(w, SLICE("refusal"), SLICE("null"));
    json_end_object(w);
}

static void write_choice(const struct sim_answer *answer, unsigned index, struct json_writer *w)
{
    const struct sim_choice *choice = &answer->choices[index];

    json_begin_object(w);
    json_member_int(w, SLICE("index"), index);
    if (answer->ask->operation == SIM_CHAT) {
        write_message(answer, choice, w);
    } else {
        json_member_string(w, SLICE("text"), buf_slice(&choice->text.bytes));
    }
    json_member_raw(w, SLICE("logprobs"), SLICE("null"));
    json_key(w, SLICE("finish_reason"));
    if (sim_is(answer->behaviours, SIM_NO_FINISH)) {
        json_write_null(w);
    } else {
        json_write_string(w, sim_openai_finish(choice->finish));
    }
    if (sim_is(answer->behaviours, SIM_USAGE_IN_CHOICE) && index + 1 == answer->choice_count) {
        json_key(w, SLICE("usage"));
        sim_openai_usage(answer, answer->completion_tokens, w);
    }
    json_end_object(w);
}

static void write_whole_usage(const struct sim_answer *answer, struct json_writer *w)
{
    if (sim_is(answer->behaviours, SIM_USAGE_MISSING) ||
        sim_is(answer->behaviours, SIM_USAGE_IN_CHOICE)) {
        return;
    }
    if (sim_is(answer->behaviours, SIM_USAGE_XGROQ)) {
        sim_openai_xgroq(answer, w);
        return;
    }
    json_key(w, SLICE("usage"));
    sim_openai_usage(answer, answer->completion_tokens, w);
}

void sim_openai_whole(const struct sim_answer *answer, struct sim_reply *reply)
{
    struct json_writer w;
    bool chat = answer->ask->operation == SIM_CHAT;

    sim_reply_begin(reply);
    json_writer_init(&w, &reply->body);
    json_begin_object(&w);
    sim_openai_head(answer, chat ? SLICE("chat.completion") : SLICE("text_completion"), &w);
    json_key(&w, SLICE("choices"));
    json_begin_array(&w);
    for (unsigned i = 0; i < answer->choice_count; i++) {
        write_choice(answer, i, &w);
    }
    json_end_array(&w);
    write_whole_usage(answer, &w);
    json_end_object(&w);
    sim_reply_end(reply, 0);
    reply->first_us += answer->completion_tokens * reply->token_us;
}

/* --- embeddings --- */

int64_t sim_embedding(uint64_t hash, int64_t index)
{
    uint64_t mixed = (hash + (uint64_t)index + 1) * 0x9e3779b97f4a7c15ULL;

    mixed ^= mixed >> 29;
    mixed *= 0xbf58476d1ce4e5b9ULL;
    return (int64_t)((mixed >> 32) % (2 * MILLION)) - MILLION;
}

static void write_base64_floats(uint64_t hash, int64_t dimensions, struct buf *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t len = (size_t)dimensions * sizeof(float);
    unsigned char group[3];
    size_t have = 0;

    for (size_t i = 0; i < len + 2; i++) {
        size_t at = i % sizeof(float);
        if (i < len) {
            float number = (float)sim_embedding(hash, (int64_t)(i / sizeof(float))) / MILLION;
            uint32_t bits;
            memcpy(&bits, &number, sizeof(bits));
            group[have++] = (unsigned char)(bits >> (8 * at)); /* little endian */
        }
        if (have == 3 || (i >= len && have > 0)) {
            uint32_t word = (uint32_t)group[0] << 16 | (have > 1 ? (uint32_t)group[1] << 8 : 0) |
                            (have > 2 ? group[2] : 0);
            buf_append_char(out, digits[word >> 18 & 63]);
            buf_append_char(out, digits[word >> 12 & 63]);
            buf_append_char(out, have > 1 ? digits[word >> 6 & 63] : '=');
            buf_append_char(out, have > 2 ? digits[word & 63] : '=');
            have = 0;
        }
    }
}

static void write_vector(const struct sim_ask *ask, uint64_t hash, struct json_writer *w)
{
    struct buf text = BUF_INIT((size_t)1 << 20);

    if (ask->base64) {
        write_base64_floats(hash, ask->dimensions, &text);
        json_write_string(w, buf_slice(&text));
        buf_release(&text);
        return;
    }
    json_begin_array(w);
    for (int64_t i = 0; i < ask->dimensions; i++) {
        json_write_scaled(w, sim_embedding(hash, i), MICRO_SCALE);
    }
    json_end_array(w);
}

static void write_embedding(const struct sim_ask *ask, uint32_t text, int64_t index,
                            struct json_writer *w)
{
    json_begin_object(w);
    json_member_string(w, SLICE("object"), SLICE("embedding"));
    json_member_int(w, SLICE("index"), index);
    json_key(w, SLICE("embedding"));
    write_vector(ask, hash_stable(json_raw(ask->doc, text)), w);
    json_end_object(w);
}

void sim_openai_embeddings(const struct sim_answer *answer, struct sim_reply *reply)
{
    const struct sim_ask *ask = answer->ask;
    struct json_writer w;

    sim_reply_begin(reply);
    json_writer_init(&w, &reply->body);
    json_begin_object(&w);
    json_member_string(&w, SLICE("object"), SLICE("list"));
    json_member_string(&w, SLICE("model"), answer->model);
    json_key(&w, SLICE("data"));
    json_begin_array(&w);
    for (size_t i = 0; i < ask->input_count; i++) {
        write_embedding(ask, ask->inputs[i], (int64_t)i, &w);
    }
    json_end_array(&w);
    json_key(&w, SLICE("usage"));
    json_begin_object(&w);
    json_member_int(&w, SLICE("prompt_tokens"), (int64_t)answer->prompt_tokens);
    json_member_int(&w, SLICE("total_tokens"), (int64_t)answer->prompt_tokens);
    json_end_object(&w);
    json_end_object(&w);
    sim_reply_end(reply, 0);
}

/* --- lists and refusals --- */

static void write_model(struct slice name, struct json_writer *w)
{
    json_begin_object(w);
    json_member_string(w, SLICE("id"), name);
    json_member_string(w, SLICE("object"), SLICE("model"));
    json_member_int(w, SLICE("created"), SIM_CREATED);
    json_member_string(w, SLICE("owned_by"), SLICE("simulation"));
    json_end_object(w);
}

void sim_openai_models(struct slice models, struct slice name, struct sim_reply *reply)
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
    json_member_string(&w, SLICE("object"), SLICE("list"));
    json_key(&w, SLICE("data"));
    json_begin_array(&w);
    while (models.len > 0) {
        write_model(slice_trim(slice_cut(&models, ',')), &w);
    }
    json_end_array(&w);
    json_end_object(&w);
    sim_reply_end(reply, 0);
}

void sim_openai_refuse(const struct sim_refusal *refusal, struct sim_reply *reply)
{
    struct json_writer w;

    reply->status = refusal->status;
    sim_reply_begin(reply);
    json_writer_init(&w, &reply->body);
    json_begin_object(&w);
    json_key(&w, SLICE("error"));
    json_begin_object(&w);
    json_member_string(&w, SLICE("message"), refusal->text);
    json_member_string(&w, SLICE("type"), refusal->type);
    json_member_raw(&w, SLICE("param"), SLICE("null"));
    json_key(&w, SLICE("code"));
    if (refusal->code.len == 0) {
        json_write_null(&w);
    } else {
        json_write_string(&w, refusal->code);
    }
    json_end_object(&w);
    json_end_object(&w);
    sim_reply_end(reply, 0);
}

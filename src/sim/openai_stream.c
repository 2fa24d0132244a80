/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streams in OpenAI's words: a chunk with the role, chunks of thoughts, text and calls, a chunk
 * with the finish reason, usage where the behaviours put it, `[DONE]`. Choices take turns.
 */
#include "sim/openai_private.h"

#define FRAGMENT_BYTES 8 /* of a call's arguments in one chunk */

struct writer {
    const struct sim_answer *answer;
    struct sim_reply *reply;
    struct json_writer w;
    uint64_t tokens; /* sent so far */
    bool chat;
};

static bool is(const struct writer *s, enum sim_behaviour which)
{
    return sim_is(s->answer->behaviours, which);
}

/* --- one chunk --- */

static void chunk_begin(struct writer *s)
{
    struct json_writer *w = &s->w;

    sim_reply_begin(s->reply);
    json_writer_init(w, &s->reply->body);
    json_begin_object(w);
    sim_openai_head(s->answer, s->chat ? SLICE("chat.completion.chunk") : SLICE("text_completion"),
                    w);
    json_key(w, SLICE("choices"));
    json_begin_array(w);
}

static void choice_begin(struct writer *s, unsigned index)
{
    json_begin_object(&s->w);
    json_member_int(&s->w, SLICE("index"), index);
    if (s->chat) {
        json_key(&s->w, SLICE("delta"));
        json_begin_object(&s->w);
    }
}

static void choice_end(struct writer *s, const enum sim_finish *finish)
{
    if (s->chat) {
        json_end_object(&s->w);
    }
    json_member_raw(&s->w, SLICE("logprobs"), SLICE("null"));
    json_key(&s->w, SLICE("finish_reason"));
    if (finish == NULL) {
        json_write_null(&s->w);
    } else {
        json_write_string(&s->w, sim_openai_finish(*finish));
    }
    if (finish != NULL && is(s, SIM_USAGE_IN_CHOICE)) {
        json_key(&s->w, SLICE("usage"));
        sim_openai_usage(s->answer, s->answer->completion_tokens, &s->w);
    }
    json_end_object(&s->w);
}

/* `last`: of the chunks with choices. */
static void chunk_end(struct writer *s, uint64_t delay_us, bool last)
{
    json_end_array(&s->w);
    if (is(s, SIM_USAGE_EVERY_CHUNK)) {
        json_key(&s->w, SLICE("usage"));
        sim_openai_usage(s->answer, s->tokens, &s->w);
    } else if (last && is(s, SIM_USAGE_IN_FINISH)) {
        json_key(&s->w, SLICE("usage"));
        sim_openai_usage(s->answer, s->answer->completion_tokens, &s->w);
    } else if (is(s, SIM_USAGE_NULL_CHUNKS)) {
        json_member_raw(&s->w, SLICE("usage"), SLICE("null"));
    }
    if (last && is(s, SIM_USAGE_XGROQ)) {
        sim_openai_xgroq(s->answer, &s->w);
    }
    json_end_object(&s->w);
    sim_reply_end(s->reply, delay_us);
    if (is(s, SIM_KEEPALIVE_COMMENTS)) {
        sim_reply_comment(s->reply, SLICE("OPENROUTER PROCESSING"));
    }
}

static uint64_t token_delay(struct writer *s, uint64_t tokens)
{
    s->tokens += tokens;
    return s->reply->token_us * tokens + s->reply->event_us;
}

/* --- parts of the answer --- */

static void write_role(struct writer *s, unsigned index)
{
    chunk_begin(s);
    choice_begin(s, index);
    json_member_string(&s->w, SLICE("role"), SLICE("assistant"));
    if (is(s, SIM_NULL_CONTENT) || s->answer->choices[index].call_count > 0) {
        json_member_raw(&s->w, SLICE("content"), SLICE("null"));
    } else {
        json_member_string(&s->w, SLICE("content"), SLICE(""));
    }
    choice_end(s, NULL);
    chunk_end(s, 0, false);
}

static void write_thought(struct writer *s, unsigned index, struct slice thought)
{
    chunk_begin(s);
    choice_begin(s, index);
    sim_openai_thoughts(s->answer, thought, &s->w);
    choice_end(s, NULL);
    chunk_end(s, token_delay(s, 1), false);
}

static void write_token(struct writer *s, unsigned index, struct slice token)
{
    chunk_begin(s);
    choice_begin(s, index);
    json_member_string(&s->w, s->chat ? SLICE("content") : SLICE("text"), token);
    if (is(s, SIM_TOOLS_EMPTY_LIST)) {
        json_member_raw(&s->w, SLICE("tool_calls"), SLICE("[]"));
    }
    choice_end(s, NULL);
    chunk_end(s, token_delay(s, 1), false);
}

/* All the thoughts (`thoughts`) or texts, the choices in turn. */
static void write_texts(struct writer *s, bool thoughts)
{
    bool more = true;

    for (size_t token = 0; more; token++) {
        more = false;
        for (unsigned i = 0; i < s->answer->choice_count; i++) {
            const struct sim_choice *choice = &s->answer->choices[i];
            const struct sim_text *text = thoughts ? &choice->thoughts : &choice->text;
            if (token >= text->count) {
                continue;
            }
            more = true;
            if (thoughts) {
                write_thought(s, i, sim_text_get(text, token));
            } else {
                write_token(s, i, sim_text_get(text, token));
            }
        }
    }
}

/* One delta of a call; `first` carries its id and name. */
static void write_fragment(struct writer *s, unsigned index, size_t number, bool first,
                           struct slice fragment)
{
    const struct sim_call *call = &s->answer->choices[index].calls[number];
    struct json_writer *w = &s->w;

    chunk_begin(s);
    choice_begin(s, index);
    json_key(w, SLICE("tool_calls"));
    json_begin_array(w);
    json_begin_object(w);
    json_member_int(w, SLICE("index"), (int64_t)number);
    if (first && call->id[0] != '\0') {
        json_member_string(w, SLICE("id"), slice_from_cstr(call->id));
    }
    if (first) {
        json_member_string(w, SLICE("type"), call->custom ? SLICE("custom") : SLICE("function"));
    }
    json_key(w, call->custom ? SLICE("custom") : SLICE("function"));
    json_begin_object(w);
    if (first) {
        json_member_string(w, SLICE("name"), buf_slice(&call->name));
    }
    json_member_string(w, call->custom ? SLICE("input") : SLICE("arguments"), fragment);
    json_end_object(w);
    json_end_object(w);
    json_end_array(w);
    choice_end(s, NULL);
    chunk_end(s, token_delay(s, 2), false);
}

struct slice sim_take_fragment(struct slice *rest)
{
    size_t len = rest->len < FRAGMENT_BYTES ? rest->len : FRAGMENT_BYTES;

    while (len < rest->len && ((unsigned char)rest->ptr[len] & 0xc0) == 0x80) {
        len++;
    }
    struct slice fragment = slice_of(rest->ptr, len);
    *rest = slice_from(*rest, len);
    return fragment;
}

static void write_calls(struct writer *s, unsigned index)
{
    const struct sim_choice *choice = &s->answer->choices[index];

    for (size_t i = 0; i < choice->call_count; i++) {
        struct slice rest = buf_slice(&choice->calls[i].arguments);
        if (is(s, SIM_TOOLS_WHOLE)) {
            write_fragment(s, index, i, true, rest);
            continue;
        }
        write_fragment(s, index, i, true, SLICE_EMPTY);
        while (rest.len > 0) {
            write_fragment(s, index, i, false, sim_take_fragment(&rest));
        }
    }
}

static void write_finish(struct writer *s, unsigned index)
{
    if (is(s, SIM_NO_FINISH)) {
        return;
    }
    chunk_begin(s);
    choice_begin(s, index);
    if (!s->chat) {
        json_member_string(&s->w, SLICE("text"), SLICE(""));
    }
    choice_end(s, &s->answer->choices[index].finish);
    chunk_end(s, 0, index + 1 == s->answer->choice_count);
}

static void write_usage_chunk(struct writer *s)
{
    bool asked = s->answer->ask->include_usage || is(s, SIM_USAGE_ALWAYS);
    bool elsewhere = is(s, SIM_USAGE_MISSING) || is(s, SIM_USAGE_IN_CHOICE) ||
                     is(s, SIM_USAGE_IN_FINISH) || is(s, SIM_USAGE_XGROQ) ||
                     is(s, SIM_USAGE_EVERY_CHUNK);

    if (!asked || elsewhere) {
        return;
    }
    chunk_begin(s);
    json_end_array(&s->w);
    json_key(&s->w, SLICE("usage"));
    sim_openai_usage(s->answer, s->answer->completion_tokens, &s->w);
    json_end_object(&s->w);
    sim_reply_end(s->reply, 0);
}

void sim_openai_stream(const struct sim_answer *answer, struct sim_reply *reply)
{
    struct writer s = {
        .answer = answer, .reply = reply, .chat = answer->ask->operation == SIM_CHAT};

    if (is(&s, SIM_KEEPALIVE_COMMENTS)) {
        sim_reply_comment(reply, SLICE("OPENROUTER PROCESSING"));
    }
    for (unsigned i = 0; s.chat && i < answer->choice_count; i++) {
        write_role(&s, i);
    }
    write_texts(&s, true);
    write_texts(&s, false);
    for (unsigned i = 0; s.chat && i < answer->choice_count; i++) {
        write_calls(&s, i);
    }
    for (unsigned i = 0; i < answer->choice_count; i++) {
        write_finish(&s, i);
    }
    write_usage_chunk(&s);
    sim_reply_done(reply);
}

void sim_openai_stream_error(const struct sim_answer *answer, struct sim_reply *reply)
{
    struct writer s = {.answer = answer, .reply = reply, .chat = true};
    struct json_writer *w = &s.w;

    sim_reply_begin(reply);
    json_writer_init(w, &reply->body);
    json_begin_object(w);
    json_key(w, SLICE("error"));
    json_begin_object(w);
    json_member_string(w, SLICE("message"), SLICE("The simulated model lost its thread."));
    if (is(&s, SIM_ERROR_OPENROUTER)) {
        json_member_int(w, SLICE("code"), 502);
    } else {
        json_member_string(w, SLICE("type"), SLICE("server_error"));
        json_member_raw(w, SLICE("param"), SLICE("null"));
        json_member_string(w, SLICE("code"), SLICE("server_error"));
    }
    json_end_object(w);
    if (is(&s, SIM_ERROR_OPENROUTER)) {
        sim_openai_head(answer, SLICE("chat.completion.chunk"), w);
        json_member_raw(w, SLICE("choices"),
                        SLICE("[{\"index\":0,\"delta\":{\"content\":\"\"},"
                              "\"finish_reason\":\"error\"}]"));
    }
    json_end_object(w);
    sim_reply_end(reply, 0);
    if (is(&s, SIM_ERROR_OPENROUTER)) {
        sim_reply_done(reply);
    }
}

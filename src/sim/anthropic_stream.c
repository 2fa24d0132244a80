/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streams in Anthropic's words: message_start, a ping, each block with its start, deltas and stop,
 * message_delta with the usage, message_stop.
 */
#include "sim/anthropic.h"

#include "sim/openai.h"
#include "sim/seal.h"

struct writer {
    const struct sim_answer *answer;
    const struct sim_choice *choice;
    struct sim_reply *reply;
    struct json_writer w;
    int64_t index;   /* of the open block */
    uint64_t tokens; /* sent so far */
};

static bool is(const struct writer *s, enum sim_behaviour which)
{
    return sim_is(s->answer->behaviours, which);
}

/* --- one event --- */

static void event_begin(struct writer *s, struct slice name)
{
    sim_reply_begin_named(s->reply, name);
    json_writer_init(&s->w, &s->reply->body);
    json_begin_object(&s->w);
    json_member_string(&s->w, SLICE("type"), name);
}

static void event_end(struct writer *s, uint64_t tokens)
{
    json_end_object(&s->w);
    s->tokens += tokens;
    sim_reply_end(s->reply, tokens == 0 ? 0 : s->reply->token_us * tokens + s->reply->event_us);
    if (is(s, SIM_KEEPALIVE_COMMENTS)) {
        sim_reply_comment(s->reply, SLICE("keep-alive"));
    }
}

static void block_begin(struct writer *s, struct slice type)
{
    event_begin(s, SLICE("content_block_start"));
    json_member_int(&s->w, SLICE("index"), s->index);
    json_key(&s->w, SLICE("content_block"));
    json_begin_object(&s->w);
    json_member_string(&s->w, SLICE("type"), type);
}

static void block_begun(struct writer *s)
{
    json_end_object(&s->w);
    event_end(s, 0);
}

static void block_stop(struct writer *s)
{
    event_begin(s, SLICE("content_block_stop"));
    json_member_int(&s->w, SLICE("index"), s->index++);
    event_end(s, 0);
}

static void write_delta(struct writer *s, struct slice type, struct slice key, struct slice text,
                        uint64_t tokens)
{
    event_begin(s, SLICE("content_block_delta"));
    json_member_int(&s->w, SLICE("index"), s->index);
    json_key(&s->w, SLICE("delta"));
    json_begin_object(&s->w);
    json_member_string(&s->w, SLICE("type"), type);
    json_member_string(&s->w, key, text);
    json_end_object(&s->w);
    event_end(s, tokens);
}

/* --- parts of the answer --- */

static void write_start(struct writer *s)
{
    event_begin(s, SLICE("message_start"));
    json_key(&s->w, SLICE("message"));
    json_begin_object(&s->w);
    sim_anthropic_head(s->answer, &s->w);
    json_member_raw(&s->w, SLICE("content"), SLICE("[]"));
    json_member_raw(&s->w, SLICE("stop_reason"), SLICE("null"));
    json_member_raw(&s->w, SLICE("stop_sequence"), SLICE("null"));
    if (!is(s, SIM_USAGE_MISSING)) {
        json_key(&s->w, SLICE("usage"));
        sim_anthropic_usage(s->answer, 1, &s->w);
    }
    json_end_object(&s->w);
    event_end(s, 0);
    event_begin(s, SLICE("ping"));
    event_end(s, 0);
}

static void write_thoughts(struct writer *s)
{
    char seal[SIM_SEAL_SIZE];
    const struct sim_text *thoughts = &s->choice->thoughts;

    if (is(s, SIM_REDACTED)) {
        sim_seal(SIM_ANTHROPIC_REDACTED, seal);
        block_begin(s, SLICE("redacted_thinking"));
        json_member_string(&s->w, SLICE("data"), slice_from_cstr(seal));
        block_begun(s);
        block_stop(s);
    }
    if (thoughts->count == 0) {
        return;
    }
    block_begin(s, SLICE("thinking"));
    json_member_string(&s->w, SLICE("thinking"), SLICE(""));
    json_member_string(&s->w, SLICE("signature"), SLICE(""));
    block_begun(s);
    for (size_t i = 0; !is(s, SIM_THINKING_OMITTED) && i < thoughts->count; i++) {
        write_delta(s, SLICE("thinking_delta"), SLICE("thinking"), sim_text_get(thoughts, i), 1);
    }
    sim_seal(buf_slice(&thoughts->bytes), seal);
    write_delta(s, SLICE("signature_delta"), SLICE("signature"), slice_from_cstr(seal), 0);
    block_stop(s);
}

static void write_citation(struct writer *s)
{
    event_begin(s, SLICE("content_block_delta"));
    json_member_int(&s->w, SLICE("index"), s->index);
    json_key(&s->w, SLICE("delta"));
    json_begin_object(&s->w);
    json_member_string(&s->w, SLICE("type"), SLICE("citations_delta"));
    json_key(&s->w, SLICE("citation"));
    sim_anthropic_citation(&s->w);
    json_end_object(&s->w);
    event_end(s, 0);
}

static void write_text(struct writer *s)
{
    const struct sim_text *text = &s->choice->text;

    if (text->count == 0) {
        return;
    }
    block_begin(s, SLICE("text"));
    json_member_string(&s->w, SLICE("text"), SLICE(""));
    if (is(s, SIM_CITATIONS)) {
        json_member_raw(&s->w, SLICE("citations"), SLICE("[]"));
    }
    block_begun(s);
    for (size_t i = 0; i < text->count; i++) {
        write_delta(s, SLICE("text_delta"), SLICE("text"), sim_text_get(text, i), 1);
    }
    if (is(s, SIM_CITATIONS)) {
        write_citation(s);
    }
    block_stop(s);
}

static void write_call(struct writer *s, const struct sim_call *call)
{
    char id[64];
    struct slice rest = buf_slice(&call->arguments);

    block_begin(s, SLICE("tool_use"));
    if (call->id[0] != '\0') {
        json_member_string(&s->w, SLICE("id"), sim_anthropic_id(call, id, sizeof(id)));
    }
    json_member_string(&s->w, SLICE("name"), buf_slice(&call->name));
    json_member_raw(&s->w, SLICE("input"), SLICE("{}"));
    block_begun(s);
    if (is(s, SIM_TOOLS_WHOLE)) {
        write_delta(s, SLICE("input_json_delta"), SLICE("partial_json"), rest, 2);
        block_stop(s);
        return;
    }
    write_delta(s, SLICE("input_json_delta"), SLICE("partial_json"), SLICE(""), 0);
    while (rest.len > 0) {
        write_delta(s, SLICE("input_json_delta"), SLICE("partial_json"), sim_take_fragment(&rest),
                    2);
    }
    block_stop(s);
}

static void write_end(struct writer *s)
{
    if (!is(s, SIM_NO_FINISH)) {
        event_begin(s, SLICE("message_delta"));
        json_key(&s->w, SLICE("delta"));
        json_begin_object(&s->w);
        json_member_string(&s->w, SLICE("stop_reason"), sim_anthropic_stop_reason(s->choice));
        json_key(&s->w, SLICE("stop_sequence"));
        if (s->choice->stopped_by.len > 0) {
            json_write_string(&s->w, s->choice->stopped_by);
        } else {
            json_write_null(&s->w);
        }
        json_end_object(&s->w);
        if (!is(s, SIM_USAGE_MISSING)) {
            json_key(&s->w, SLICE("usage"));
            sim_anthropic_usage(s->answer, s->answer->completion_tokens, &s->w);
        }
        event_end(s, 0);
    }
    if (!is(s, SIM_NO_DONE)) {
        event_begin(s, SLICE("message_stop"));
        json_end_object(&s->w);
        sim_reply_end_last(s->reply);
    }
}

void sim_anthropic_stream(const struct sim_answer *answer, struct sim_reply *reply)
{
    struct writer s = {.answer = answer, .choice = &answer->choices[0], .reply = reply};

    write_start(&s);
    write_thoughts(&s);
    write_text(&s);
    for (size_t i = 0; i < s.choice->call_count; i++) {
        write_call(&s, &s.choice->calls[i]);
    }
    write_end(&s);
}

void sim_anthropic_stream_error(const struct sim_answer *answer, struct sim_reply *reply)
{
    struct writer s = {.answer = answer, .reply = reply};

    event_begin(&s, SLICE("error"));
    json_key(&s.w, SLICE("error"));
    json_begin_object(&s.w);
    json_member_string(&s.w, SLICE("type"), SLICE("overloaded_error"));
    json_member_string(&s.w, SLICE("message"), SLICE("The simulated model lost its thread."));
    json_end_object(&s.w);
    event_end(&s, 0);
}

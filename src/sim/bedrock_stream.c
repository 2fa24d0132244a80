/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streams of Converse: messages in Amazon's framing. Only calls have a start; `metadata` comes
 * last, after the reason why the model stopped.
 */
#include "sim/bedrock.h"

#include "sim/openai.h"
#include "sim/seal.h"

#define PADDING_MAX 62

struct writer {
    const struct sim_answer *answer;
    const struct sim_choice *choice;
    struct sim_reply *reply;
    struct json_writer w;
    int64_t index;    /* of the open block */
    uint64_t written; /* events so far */
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
}

/* Each event has letters of a random number, so that its length tells nothing. */
static void event_end(struct writer *s, uint64_t tokens)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    uint64_t count = (s->answer->id + 31 * s->written++) % PADDING_MAX + 1;

    json_member_string(&s->w, SLICE("p"), slice_of(letters, (size_t)count));
    json_end_object(&s->w);
    sim_reply_end(s->reply, tokens == 0 ? 0 : s->reply->token_us * tokens + s->reply->event_us);
}

static void delta_begin(struct writer *s)
{
    event_begin(s, SLICE("contentBlockDelta"));
    json_member_int(&s->w, SLICE("contentBlockIndex"), s->index);
    json_key(&s->w, SLICE("delta"));
    json_begin_object(&s->w);
}

static void delta_end(struct writer *s, uint64_t tokens)
{
    json_end_object(&s->w);
    event_end(s, tokens);
}

static void write_thought_delta(struct writer *s, struct slice key, struct slice text,
                                uint64_t tokens)
{
    delta_begin(s);
    json_key(&s->w, SLICE("reasoningContent"));
    json_begin_object(&s->w);
    json_member_string(&s->w, key, text);
    json_end_object(&s->w);
    delta_end(s, tokens);
}

static void block_stop(struct writer *s)
{
    event_begin(s, SLICE("contentBlockStop"));
    json_member_int(&s->w, SLICE("contentBlockIndex"), s->index++);
    event_end(s, 0);
}

/* --- parts of the answer --- */

static void write_thoughts(struct writer *s)
{
    char seal[SIM_SEAL_SIZE];
    const struct sim_text *thoughts = &s->choice->thoughts;

    if (is(s, SIM_REDACTED)) {
        write_thought_delta(s, SLICE("redactedContent"), SIM_BEDROCK_REDACTED, 0);
        block_stop(s);
    }
    if (thoughts->count == 0) {
        return;
    }
    for (size_t i = 0; !is(s, SIM_THINKING_OMITTED) && i < thoughts->count; i++) {
        write_thought_delta(s, SLICE("text"), sim_text_get(thoughts, i), 1);
    }
    sim_seal(buf_slice(&thoughts->bytes), seal);
    write_thought_delta(s, SLICE("signature"), slice_from_cstr(seal), 0);
    block_stop(s);
}

static void write_text(struct writer *s)
{
    const struct sim_text *text = &s->choice->text;

    for (size_t i = 0; i < text->count; i++) {
        delta_begin(s);
        json_member_string(&s->w, SLICE("text"), sim_text_get(text, i));
        delta_end(s, 1);
    }
    if (text->count > 0 && is(s, SIM_CITATIONS)) {
        delta_begin(s);
        json_key(&s->w, SLICE("citation"));
        json_write_raw(&s->w, SIM_BEDROCK_CITATION);
        delta_end(s, 0);
    }
    if (text->count > 0) {
        block_stop(s);
    }
}

static void write_fragment(struct writer *s, struct slice fragment)
{
    delta_begin(s);
    json_key(&s->w, SLICE("toolUse"));
    json_begin_object(&s->w);
    json_member_string(&s->w, SLICE("input"), fragment);
    json_end_object(&s->w);
    delta_end(s, 2);
}

static void write_call(struct writer *s, const struct sim_call *call)
{
    char id[64];
    struct slice rest = buf_slice(&call->arguments);

    event_begin(s, SLICE("contentBlockStart"));
    json_member_int(&s->w, SLICE("contentBlockIndex"), s->index);
    json_key(&s->w, SLICE("start"));
    json_begin_object(&s->w);
    json_key(&s->w, SLICE("toolUse"));
    json_begin_object(&s->w);
    if (call->id[0] != '\0') {
        json_member_string(&s->w, SLICE("toolUseId"), sim_bedrock_id(call, id, sizeof(id)));
    }
    json_member_string(&s->w, SLICE("name"), buf_slice(&call->name));
    json_end_object(&s->w);
    json_end_object(&s->w);
    event_end(s, 0);
    if (is(s, SIM_TOOLS_WHOLE)) {
        write_fragment(s, rest);
    }
    while (rest.len > 0 && !is(s, SIM_TOOLS_WHOLE)) {
        write_fragment(s, sim_take_fragment(&rest));
    }
    block_stop(s);
}

static void write_end(struct writer *s)
{
    if (!is(s, SIM_NO_FINISH)) {
        event_begin(s, SLICE("messageStop"));
        sim_bedrock_stop(s->choice, &s->w);
        event_end(s, 0);
    }
    if (!is(s, SIM_NO_DONE)) {
        event_begin(s, SLICE("metadata"));
        sim_bedrock_usage(s->answer, &s->w);
        json_end_object(&s->w);
        sim_reply_end_last(s->reply);
    }
}

void sim_bedrock_stream(const struct sim_answer *answer, struct sim_reply *reply)
{
    struct writer s = {.answer = answer, .choice = &answer->choices[0], .reply = reply};

    event_begin(&s, SLICE("messageStart"));
    json_member_string(&s.w, SLICE("role"), SLICE("assistant"));
    event_end(&s, 0);
    write_thoughts(&s);
    write_text(&s);
    for (size_t i = 0; i < s.choice->call_count; i++) {
        write_call(&s, &s.choice->calls[i]);
    }
    write_end(&s);
}

/* A modelled exception; the other one of the behaviours that ask for an error is what becomes of a
   load that is too high. */
void sim_bedrock_stream_error(const struct sim_answer *answer, struct sim_reply *reply)
{
    bool throttled = sim_is(answer->behaviours, SIM_ERROR_OPENROUTER);
    struct writer s = {.answer = answer, .reply = reply};

    reply->exception = true;
    event_begin(&s, throttled ? SLICE("throttlingException") : SLICE("modelStreamErrorException"));
    json_member_string(&s.w, SLICE("message"),
                       throttled ? SLICE("Too many requests, please wait before trying again.")
                                 : SLICE("The simulated model lost its thread."));
    if (!throttled) {
        json_member_int(&s.w, SLICE("originalStatusCode"), 500);
        json_member_string(&s.w, SLICE("originalMessage"), SLICE("lost its thread"));
    }
    json_end_object(&s.w);
    sim_reply_end(reply, 0);
    reply->exception = false;
}

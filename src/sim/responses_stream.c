/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streams in the words of OpenAI Responses: created, in_progress, each item with its parts and
 * deltas, then completed, incomplete or failed.
 */
#include "sim/responses.h"

#include "sim/openai.h"

struct writer {
    const struct sim_answer *answer;
    const struct sim_choice *choice;
    struct sim_reply *reply;
    struct json_writer w;
    int64_t number; /* of the event */
    int64_t item;   /* output_index of the open one */
    char id[SIM_ITEM_ID];
};

static bool is(const struct writer *s, enum sim_behaviour which)
{
    return sim_is(s->answer->behaviours, which);
}

/* --- one event --- */

static void event_begin(struct writer *s, struct slice type)
{
    sim_reply_begin_named(s->reply, type);
    json_writer_init(&s->w, &s->reply->body);
    json_begin_object(&s->w);
    json_member_string(&s->w, SLICE("type"), type);
    json_member_int(&s->w, SLICE("sequence_number"), s->number++);
}

static void event_end(struct writer *s, uint64_t tokens)
{
    json_end_object(&s->w);
    sim_reply_end(s->reply, tokens == 0 ? 0 : s->reply->token_us * tokens + s->reply->event_us);
    if (is(s, SIM_KEEPALIVE_COMMENTS)) {
        sim_reply_comment(s->reply, SLICE("keep-alive"));
    }
}

/* With the places of a part: `index` is content_index or summary_index. */
static void part_event_begin(struct writer *s, struct slice type, const char *index)
{
    event_begin(s, type);
    json_member_string(&s->w, SLICE("item_id"), slice_from_cstr(s->id));
    json_member_int(&s->w, SLICE("output_index"), s->item);
    if (index != NULL) {
        json_member_int(&s->w, slice_from_cstr(index), 0);
    }
}

static void text_event(struct writer *s, struct slice type, const char *index, struct slice key,
                       struct slice text, uint64_t tokens)
{
    part_event_begin(s, type, index);
    json_member_string(&s->w, key, text);
    event_end(s, tokens);
}

static void response_event(struct writer *s, struct slice type, bool done, const char *status)
{
    event_begin(s, type);
    json_key(&s->w, SLICE("response"));
    sim_responses_object(s->answer, done, status, &s->w);
}

static void item_event(struct writer *s, bool done, const struct sim_call *call, bool reasoning)
{
    event_begin(s, done ? SLICE("response.output_item.done") : SLICE("response.output_item.added"));
    json_member_int(&s->w, SLICE("output_index"), s->item);
    json_key(&s->w, SLICE("item"));
    if (call != NULL) {
        sim_responses_call(call, done, &s->w);
    } else if (reasoning) {
        sim_responses_reasoning(s->answer, done, &s->w);
    } else {
        sim_responses_message(s->answer, done, &s->w);
    }
    event_end(s, 0);
    s->item += done;
}

/* --- items --- */

static void summary_part_event(struct writer *s, struct slice type, struct slice text)
{
    part_event_begin(s, type, "summary_index");
    json_key(&s->w, SLICE("part"));
    json_begin_object(&s->w);
    json_member_string(&s->w, SLICE("type"), SLICE("summary_text"));
    json_member_string(&s->w, SLICE("text"), text);
    json_end_object(&s->w);
    event_end(s, 0);
}

static void write_reasoning(struct writer *s)
{
    const struct sim_text *thoughts = &s->choice->thoughts;

    if (thoughts->count == 0) {
        return;
    }
    sim_responses_id(s->answer, "rs", s->id);
    item_event(s, false, NULL, true);
    if (sim_responses_shows_thoughts(s->answer)) {
        summary_part_event(s, SLICE("response.reasoning_summary_part.added"), SLICE(""));
        for (size_t i = 0; i < thoughts->count; i++) {
            text_event(s, SLICE("response.reasoning_summary_text.delta"), "summary_index",
                       SLICE("delta"), sim_text_get(thoughts, i), 1);
        }
        text_event(s, SLICE("response.reasoning_summary_text.done"), "summary_index", SLICE("text"),
                   buf_slice(&thoughts->bytes), 0);
        summary_part_event(s, SLICE("response.reasoning_summary_part.done"),
                           buf_slice(&thoughts->bytes));
    }
    item_event(s, true, NULL, true);
}

static void content_part_event(struct writer *s, bool done)
{
    part_event_begin(
        s, done ? SLICE("response.content_part.done") : SLICE("response.content_part.added"),
        "content_index");
    json_key(&s->w, SLICE("part"));
    sim_responses_part(s->answer, done, &s->w);
    event_end(s, 0);
}

static void write_message(struct writer *s)
{
    const struct sim_text *text = &s->choice->text;

    if (text->count == 0) {
        return;
    }
    sim_responses_id(s->answer, "msg", s->id);
    item_event(s, false, NULL, false);
    content_part_event(s, false);
    for (size_t i = 0; i < text->count; i++) {
        part_event_begin(s, SLICE("response.output_text.delta"), "content_index");
        json_member_string(&s->w, SLICE("delta"), sim_text_get(text, i));
        json_member_raw(&s->w, SLICE("logprobs"), SLICE("[]"));
        event_end(s, 1);
    }
    part_event_begin(s, SLICE("response.output_text.done"), "content_index");
    json_member_string(&s->w, SLICE("text"), buf_slice(&text->bytes));
    json_member_raw(&s->w, SLICE("logprobs"), SLICE("[]"));
    event_end(s, 0);
    content_part_event(s, true);
    item_event(s, true, NULL, false);
}

static void write_call(struct writer *s, const struct sim_call *call)
{
    struct slice delta = call->custom ? SLICE("response.custom_tool_call_input.delta")
                                      : SLICE("response.function_call_arguments.delta");
    struct slice done = call->custom ? SLICE("response.custom_tool_call_input.done")
                                     : SLICE("response.function_call_arguments.done");
    struct slice rest = buf_slice(&call->arguments);

    sim_responses_call_id(call, s->id);
    item_event(s, false, call, false);
    if (is(s, SIM_TOOLS_WHOLE)) {
        text_event(s, delta, NULL, SLICE("delta"), rest, 2);
        rest = SLICE_EMPTY;
    }
    while (rest.len > 0 && !is(s, SIM_TOOLS_DONE_ONLY)) {
        text_event(s, delta, NULL, SLICE("delta"), sim_take_fragment(&rest), 2);
    }
    text_event(s, done, NULL, call->custom ? SLICE("input") : SLICE("arguments"),
               buf_slice(&call->arguments), 0);
    item_event(s, true, call, false);
}

void sim_responses_stream(const struct sim_answer *answer, struct sim_reply *reply)
{
    struct writer s = {.answer = answer, .choice = &answer->choices[0], .reply = reply};
    const char *status = sim_responses_status(answer);

    response_event(&s, SLICE("response.created"), false, "in_progress");
    event_end(&s, 0);
    response_event(&s, SLICE("response.in_progress"), false, "in_progress");
    event_end(&s, 0);
    write_reasoning(&s);
    write_message(&s);
    for (size_t i = 0; i < s.choice->call_count; i++) {
        write_call(&s, &s.choice->calls[i]);
    }
    if (is(&s, SIM_NO_FINISH) || is(&s, SIM_NO_DONE)) {
        return;
    }
    response_event(&s,
                   strcmp(status, "completed") == 0 ? SLICE("response.completed")
                                                    : SLICE("response.incomplete"),
                   true, status);
    json_end_object(&s.w);
    sim_reply_end_last(reply);
}

void sim_responses_stream_error(const struct sim_answer *answer, struct sim_reply *reply)
{
    struct writer s = {.answer = answer, .choice = &answer->choices[0], .reply = reply};

    s.number = (int64_t)reply->events;
    if (is(&s, SIM_ERROR_OPENROUTER)) {
        event_begin(&s, SLICE("error"));
        json_member_string(&s.w, SLICE("code"), SLICE("server_error"));
        json_member_string(&s.w, SLICE("message"), SLICE("The simulated model lost its thread."));
        json_member_raw(&s.w, SLICE("param"), SLICE("null"));
    } else {
        response_event(&s, SLICE("response.failed"), false, "failed");
    }
    event_end(&s, 0);
}

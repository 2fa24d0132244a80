/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/answer_text.h"

#include "base/check.h"

#include "tests/tap.h"

static void add(struct answer_text *answer, const struct event *events, size_t count)
{
    const struct frame frame = {.events = events, .count = count};
    answer_text_frame(answer, &frame);
}

static void joins_pieces(void)
{
    struct answer_text answer;
    struct checked_call calls[CHECK_CALLS_MAX];
    struct checked_answer view;
    const struct chat chat = {.format = FORMAT_TEXT};
    const struct event events[] = {
        {.kind = EVENT_TEXT, .text = SLICE("a\\n")},
        {.kind = EVENT_TEXT, .text = SLICE("other choice"), .choice = 1},
        {.kind = EVENT_REASONING, .text = SLICE("thought")},
        {.kind = EVENT_TEXT, .text = SLICE("\\u00e9")},
    };
    answer_text_init(&answer);
    add(&answer, events, 2);
    add(&answer, events + 2, 2);
    answer_text_view(&answer, &chat, calls, &view);
    EXPECT(slice_eq(view.text, SLICE("a\n\xc3\xa9")));
    EXPECT(answer_text_whole(&answer));
    answer_text_clear(&answer);
    answer_text_view(&answer, &chat, calls, &view);
    EXPECT_INT(view.text.len, 0);
    answer_text_release(&answer);
}

static void joins_calls(void)
{
    struct answer_text answer;
    struct checked_call calls[CHECK_CALLS_MAX];
    struct checked_answer view;
    struct chat_tool tools[] = {
        {.name = SLICE("look"), .parameters = SLICE("{\"type\":\"object\"}")},
        {.name = SLICE("write"), .kind = TOOL_CUSTOM},
    };
    struct chat chat = {.tools = tools, .tool_count = 2, .max_tokens = 5};
    const struct event events[] = {
        {.kind = EVENT_TOOL_CALL, .index = 0, .name = SLICE("look")},
        {.kind = EVENT_TOOL_ARGUMENTS, .index = 0, .text = SLICE("{\\\"a\\\"")},
        {.kind = EVENT_TOOL_CALL, .index = 1, .name = SLICE("write")},
        {.kind = EVENT_TOOL_ARGUMENTS, .index = 0, .text = SLICE(":1}")},
        {.kind = EVENT_TOOL_CALL, .index = 2, .name = SLICE("guess")},
    };
    answer_text_init(&answer);
    add(&answer, events, ARRAY_LEN(events));
    answer_text_view(&answer, &chat, calls, &view);
    EXPECT_INT(view.call_count, 3);
    EXPECT(slice_eq(calls[0].arguments, SLICE("{\"a\":1}")));
    EXPECT(slice_eq(calls[0].schema, SLICE("{\"type\":\"object\"}")));
    EXPECT(calls[0].known && calls[1].known && calls[1].custom && !calls[2].known);
    EXPECT(view.limited);
    tools[1].kind = TOOL_OTHER; /* whose own calls have other names */
    answer_text_view(&answer, &chat, calls, &view);
    EXPECT(calls[2].known);
    answer_text_release(&answer);
}

static void counts_probabilities(void)
{
    struct answer_text answer;
    struct checked_call calls[CHECK_CALLS_MAX];
    struct checked_answer view;
    const struct chat chat = {.format = FORMAT_TEXT};
    const struct event events[] = {
        {.kind = EVENT_LOGPROBS, .text = SLICE("[{\"logprob\":-1},{\"logprob\":-2.0}]")},
        {.kind = EVENT_LOGPROBS, .text = SLICE("[{\"logprob\":\"x\"},{\"logprob\":1e999},{}]")},
        {.kind = EVENT_LOGPROBS, .text = SLICE("broken")},
        {.kind = EVENT_LOGPROBS, .text = SLICE("[{\"logprob\":-9999}]")},
    };
    answer_text_init(&answer);
    add(&answer, events, 3);
    answer_text_view(&answer, &chat, calls, &view);
    EXPECT_INT(view.tokens_scored, 2);
    EXPECT(view.mean_logprob > -1.51 && view.mean_logprob < -1.49);
    add(&answer, events + 3, 1);
    answer_text_view(&answer, &chat, calls, &view);
    EXPECT_INT(view.tokens_scored, 3);
    EXPECT(view.mean_logprob > -34.4 && view.mean_logprob < -34.3);
    answer_text_release(&answer);
}

static void notes_what_is_lost(void)
{
    struct answer_text answer;
    const struct event events[] = {
        {.kind = EVENT_TOOL_CALL, .index = CHECK_CALLS_MAX, .name = SLICE("x")},
        {.kind = EVENT_REFUSAL, .text = SLICE("no")},
        {.kind = EVENT_IMAGE, .text = SLICE("AAAA")},
    };
    answer_text_init(&answer);
    add(&answer, events, 1);
    EXPECT(!answer_text_whole(&answer));
    answer_text_clear(&answer);
    EXPECT(answer_text_whole(&answer));
    add(&answer, events + 1, 2);
    EXPECT(answer.refused && answer.carries);
    answer_text_release(&answer);
}

int main(void)
{
    TEST(joins_pieces, "pieces of the first choice's text are joined, plain; thoughts are not");
    TEST(joins_calls, "calls get their arguments, and the schema of the client's tool");
    TEST(counts_probabilities, "log-probabilities that are numbers are averaged");
    TEST(notes_what_is_lost, "what does not fit is known to be missing");
    return tap_done();
}

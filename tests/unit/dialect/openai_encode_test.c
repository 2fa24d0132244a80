/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/dialect/fixture.h"

#define HEAD                                                                                       \
    "data: "                                                                                       \
    "{\"id\":\"chatcmpl-call\",\"object\":\"chat.completion.chunk\",\"created\":5,\"model\":"      \
    "\"m\\\"x\",\"choices\":["
#define DELTA(text) HEAD "{\"index\":0,\"delta\":{" text "},\"finish_reason\":null}]}\n\n"
#define ROLE DELTA("\"role\":\"assistant\",\"content\":\"\"")

static void encode_events(const struct event *events, size_t count, bool include_usage,
                          const char *wanted)
{
    struct answer_head head = {.call_id = SLICE("call"),
                               .model = SLICE("m\"x"),
                               .created_s = 5,
                               .include_usage = include_usage};
    const struct dialect *dialect = dialect_of(DIALECT_OPENAI_CHAT);
    struct encoder *encoder = dialect->encoder_new(&head);
    struct buf out = BUF_INIT(FIXTURE_LIMIT);
    /* one frame per event: what an encoder must remember, it must copy */
    for (size_t i = 0; i < count; i++) {
        struct frame frame = {.events = &events[i], .count = 1};
        EXPECT(dialect->encode(encoder, &frame, &out));
    }
    EXPECT_SLICE(buf_slice(&out), wanted);
    dialect->encoder_free(encoder);
    buf_release(&out);
}

static void begins_with_the_role_even_without_a_start(void)
{
    const struct event events[] = {{.kind = EVENT_TEXT, .text = SLICE("a")}};
    encode_events(events, 1, false, ROLE DELTA("\"content\":\"a\""));
    const struct event finish[] = {{.kind = EVENT_FINISH, .finish = FINISH_REFUSAL}};
    encode_events(finish, 1, false,
                  ROLE HEAD
                  "{\"index\":0,\"delta\":{},\"finish_reason\":\"content_filter\"}]}\n\n");
}

static void tells_usage_only_to_who_asked(void)
{
    const struct event events[] = {
        {.kind = EVENT_USAGE, .usage = {.input = 1, .output = 2, .reported = true}},
        {.kind = EVENT_USAGE,
         .usage =
             {.input = 3, .output = 4, .cache_write = 1, .cache_write_1h = 2, .reported = true}},
        {.kind = EVENT_END},
    };
    encode_events(events, 3, false, "data: [DONE]\n\n");
    encode_events(events, 3, true,
                  HEAD
                  "],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4,\"total_tokens\":7,"
                  "\"prompt_tokens_details\":{\"cached_tokens\":0,\"cache_write_tokens\":3},"
                  "\"completion_tokens_details\":{\"reasoning_tokens\":0}}}\n\n"
                  "data: [DONE]\n\n");
    encode_events(&events[2], 1, true, "data: [DONE]\n\n");
    encode_events(events, 2, true, "");
}

static void nothing_follows_an_error_or_the_end(void)
{
    const struct event events[] = {
        {.kind = EVENT_ERROR, .text = SLICE("gone"), .name = SLICE("502")},
        {.kind = EVENT_TEXT, .text = SLICE("late")},
        {.kind = EVENT_END},
    };
    encode_events(events, 3, false,
                  "data: "
                  "{\"error\":{\"message\":\"gone\",\"type\":\"upstream_error\",\"param\":null,"
                  "\"code\":\"502\","
                  "\"call_id\":\"call\"}}\n\n");
    const struct event end[] = {
        {.kind = EVENT_END}, {.kind = EVENT_TEXT, .text = SLICE("late")}, {.kind = EVENT_END}};
    encode_events(end, 3, false, "data: [DONE]\n\n");
}

static void every_finish_has_a_word(void)
{
    static const struct {
        enum finish_reason reason;
        const char *word;
    } cases[] = {
        {FINISH_STOP, "stop"},
        {FINISH_LENGTH, "length"},
        {FINISH_TOOL_CALLS, "tool_calls"},
        {FINISH_CONTENT_FILTER, "content_filter"},
        {FINISH_ERROR, "error"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char wanted[512];
        const struct event event = {.kind = EVENT_FINISH, .finish = cases[i].reason};
        (void)snprintf(wanted, sizeof wanted,
                       ROLE HEAD "{\"index\":0,\"delta\":{},\"finish_reason\":\"%s\"}]}\n\n",
                       cases[i].word);
        encode_events(&event, 1, false, wanted);
        EXPECT(strcmp(finish_reason_name(cases[i].reason), cases[i].word) == 0);
    }
}

static void escapes_line_separators(void)
{
    const struct event events[] = {
        {.kind = EVENT_TEXT,
         .text = SLICE("\xE2\x80\xA8\xE2\x80\xA9\xC2\x85 \xE2\x80\xA6 \xC2\xA9 \xE2\x80")}};
    encode_events(
        events, 1, false,
        ROLE DELTA("\"content\":\"\\u2028\\u2029\\u0085 \xE2\x80\xA6 \xC2\xA9 \xE2\x80\""));
}

static void tells_citations_and_logprobs(void)
{
    const struct event events[] = {
        {.kind = EVENT_CITATION,
         .id = SLICE("https://e"),
         .name = SLICE("T"),
         .text = SLICE("words")},
        {.kind = EVENT_LOGPROBS, .text = SLICE("[{}]")},
        {.kind = EVENT_SIGNATURE, .text = SLICE("s")},
    };
    encode_events(events, 3, false,
                  ROLE DELTA("\"annotations\":[{\"type\":\"url_citation\",\"url_citation\":{"
                             "\"url\":\"https://e\",\"title\":\"T\",\"start_index\":0,"
                             "\"end_index\":0,\"content\":\"words\"}}]") HEAD
                  "{\"index\":0,\"delta\":{},\"logprobs\":{\"content\":[{}],\"refusal\":null},"
                  "\"finish_reason\":null}]}\n\n");
}

#define CUSTOM_BEGIN                                                                               \
    ROLE DELTA("\"tool_calls\":[{\"index\":0,\"id\":\"c\",\"type\":\"custom\",\"custom\":{"        \
               "\"name\":\"patch\",\"input\":\"\"}}]")
#define CUSTOM_INPUT(text)                                                                         \
    DELTA("\"tool_calls\":[{\"index\":0,\"custom\":{\"input\":\"" text "\"}}]")
#define FINISH HEAD "{\"index\":0,\"delta\":{},\"finish_reason\":\"tool_calls\"}]}\n\n"

static void turns_functions_back_into_custom_calls(void)
{
    struct chat_tool tool = {.kind = TOOL_CUSTOM, .name = SLICE("patch")};
    const struct chat chat = {.tools = &tool, .tool_count = 1};
    const struct answer_head head = {
        .call_id = SLICE("call"), .model = SLICE("m\"x"), .created_s = 5, .chat = &chat};
    const struct event events[] = {
        {.kind = EVENT_TOOL_CALL, .id = SLICE("c"), .name = SLICE("patch")},
        {.kind = EVENT_TOOL_ARGUMENTS, .text = SLICE("{\\\"input\\\":\\\"a")},
        {.kind = EVENT_TOOL_ARGUMENTS, .text = SLICE("\\\\nb\\\"}")},
        {.kind = EVENT_FINISH, .finish = FINISH_TOOL_CALLS},
    };
    const struct dialect *dialect = dialect_of(DIALECT_OPENAI_CHAT);
    struct encoder *encoder = dialect->encoder_new(&head);
    struct frame frame = {.events = events, .count = ARRAY_LEN(events)};
    struct buf out = BUF_INIT(FIXTURE_LIMIT);
    EXPECT(dialect->encode(encoder, &frame, &out));
    EXPECT_SLICE(buf_slice(&out), CUSTOM_BEGIN CUSTOM_INPUT("a\\nb") FINISH);
    buf_clear(&out);
    EXPECT(dialect->write_answer(&head, &frame, &out));
    EXPECT(slice_find_slice(buf_slice(&out),
                            SLICE("\"tool_calls\":[{\"id\":\"c\",\"type\":\"custom\","
                                  "\"custom\":{\"name\":\"patch\",\"input\":\"a\\nb\"}}]")) !=
           SIZE_MAX);
    dialect->encoder_free(encoder);
    buf_release(&out);
}

static void custom_calls_stay_what_they_are(void)
{
    const struct event events[] = {
        {.kind = EVENT_TOOL_CALL, .id = SLICE("c"), .name = SLICE("patch"), .custom = true},
        {.kind = EVENT_TOOL_ARGUMENTS, .text = SLICE("a"), .custom = true},
        {.kind = EVENT_FINISH, .finish = FINISH_TOOL_CALLS},
    };
    encode_events(events, 3, false, CUSTOM_BEGIN CUSTOM_INPUT("a") FINISH);
    const struct event empty[] = {events[0], events[2]};
    encode_events(empty, 2, false, CUSTOM_BEGIN FINISH);
}

static void fails_when_the_room_is_too_small(void)
{
    struct answer_head head = {.call_id = SLICE("call"), .model = SLICE("m")};
    const struct dialect *dialect = dialect_of(DIALECT_OPENAI_CHAT);
    struct encoder *encoder = dialect->encoder_new(&head);
    struct buf out = BUF_INIT(20);
    const struct event event = {.kind = EVENT_TEXT, .text = SLICE("a")};
    struct frame frame = {.events = &event, .count = 1};
    EXPECT(!dialect->encode(encoder, &frame, &out));
    EXPECT(!dialect->write_answer(&head, &frame, &out));
    dialect->encoder_free(encoder);
    buf_release(&out);
}

int main(void)
{
    TEST(begins_with_the_role_even_without_a_start, "the first chunk carries the role");
    TEST(tells_usage_only_to_who_asked, "usage is told once, at the end, to a client that asked");
    TEST(nothing_follows_an_error_or_the_end, "nothing follows an error or the end");
    TEST(every_finish_has_a_word, "every finish has OpenAI's word");
    TEST(escapes_line_separators, "line separators of Unicode are escaped");
    TEST(tells_citations_and_logprobs, "citations and logprobs stand beside the text");
    TEST(turns_functions_back_into_custom_calls,
         "a function that stood for a custom tool is a custom call again");
    TEST(custom_calls_stay_what_they_are, "custom calls stay custom calls");
    TEST(fails_when_the_room_is_too_small, "an answer beyond the ceiling fails");
    return tap_done();
}

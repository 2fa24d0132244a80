/* SPDX-License-Identifier: Apache-2.0 */
/* Errors between Anthropic and its clients, whole answers of single kinds, and counts of tokens. */
#include "dialect/decoder.h"
#include "tests/unit/dialect/fixture.h"

static struct provider_error read_error(struct decoder *decoder, int status, const char *body)
{
    struct provider_error error;
    dialect_of(DIALECT_ANTHROPIC)->read_error(decoder, status, slice_from_cstr(body), &error);
    return error;
}

static void expect_class(int status, const char *message, bool overflow, bool filter, bool quota)
{
    struct decoder *decoder = decoder_new(FIXTURE_LIMIT);
    char body[256];
    (void)snprintf(body, sizeof body,
                   "{\"type\":\"error\",\"error\":{\"type\":\"t\",\"message\":\"%s\"}}", message);
    struct provider_error error = read_error(decoder, status, body);
    EXPECT_SLICE(error.message, message);
    EXPECT_SLICE(error.type, "t");
    EXPECT(error.context_length == overflow && error.content_filter == filter &&
           error.quota == quota);
    decoder_free(decoder);
}

static void errors_are_understood_as_far_as_routing_needs(void)
{
    expect_class(400, "Prompt is too long: 9000 tokens > 8192 maximum", true, false, false);
    expect_class(400, "input length and `max_tokens` exceed context limit: 1 + 2 > 2", true, false,
                 false);
    expect_class(400, "Output blocked by content filtering policy", false, true, false);
    expect_class(400, "Your credit balance is too low to access the API", false, false, true);
    expect_class(429, "You have reached your specified API usage limits.", false, false, true);
    expect_class(402, "pay", false, false, true);
    expect_class(429, "Slow down", false, false, false);
    expect_class(529, "Overloaded", false, false, false);
}

static void errors_of_any_shape_are_read(void)
{
    struct decoder *decoder = decoder_new(FIXTURE_LIMIT);
    EXPECT(read_error(decoder, 400, "{\"error\":{\"type\":\"billing_error\",\"message\":\"m\"}}")
               .quota);
    EXPECT_SLICE(read_error(decoder, 500, "{\"error\":\"words\"}").message, "words");
    EXPECT_SLICE(read_error(decoder, 500, "{\"message\":\"plain\"}").message, "plain");
    EXPECT(read_error(decoder, 500, "<html>").message.ptr == NULL);
    EXPECT(read_error(decoder, 500, "[]").message.ptr == NULL);
    EXPECT(read_error(decoder, 500, "").message.ptr == NULL);
    decoder_free(decoder);
}

static void expect_error(const struct answer_error *error, const char *wanted)
{
    struct buf out = BUF_INIT(FIXTURE_LIMIT);
    dialect_of(DIALECT_ANTHROPIC)->write_error(error, &out);
    EXPECT_SLICE(buf_slice(&out), wanted);
    EXPECT(is_json(buf_slice(&out)));
    buf_release(&out);
}

static void types_follow_the_status(void)
{
    static const struct {
        int status;
        const char *type;
    } types[] = {
        {400, "invalid_request_error"},
        {401, "authentication_error"},
        {402, "billing_error"},
        {403, "permission_error"},
        {404, "not_found_error"},
        {408, "timeout_error"},
        {413, "request_too_large"},
        {422, "invalid_request_error"},
        {429, "rate_limit_error"},
        {500, "api_error"},
        {502, "api_error"},
        {503, "overloaded_error"},
        {504, "timeout_error"},
        {529, "overloaded_error"},
    };
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        char wanted[128];
        const struct answer_error error = {.status = types[i].status, .message = SLICE("m")};
        (void)snprintf(wanted, sizeof wanted,
                       "{\"type\":\"error\",\"error\":{\"type\":\"%s\",\"message\":\"m\"}}",
                       types[i].type);
        expect_error(&error, wanted);
    }
}

/* Claude Code looks for the words. */
static void an_overflow_keeps_its_words(void)
{
    struct answer_error error = {.status = 400,
                                 .code = SLICE("context_length_exceeded"),
                                 .message = SLICE("8193 > \"8192\""),
                                 .param = SLICE("messages"),
                                 .call_id = SLICE("c1"),
                                 .detail = SLICE("{\"tried\":[]}")};
    expect_error(&error, "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\","
                         "\"message\":\"prompt is too long: 8193 > \\\"8192\\\"\",\"code\":"
                         "\"context_length_exceeded\",\"param\":\"messages\",\"sluice\":{\"tried\":"
                         "[]}},\"request_id\":\"c1\"}");
    error = (struct answer_error){.status = 400,
                                  .code = SLICE("context_length_exceeded"),
                                  .message = SLICE("Prompt is too long: 2 > 1")};
    expect_error(&error, "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\","
                         "\"message\":\"Prompt is too long: 2 > 1\",\"code\":"
                         "\"context_length_exceeded\"}}");
    error = (struct answer_error){.status = 422,
                                  .code = SLICE("no_feasible_target"),
                                  .message = SLICE("No target: a (context_too_small).")};
    expect_error(&error, "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\","
                         "\"message\":\"prompt is too long: No target: a "
                         "(context_too_small).\",\"code\":\"no_feasible_target\"}}");
    error.message = SLICE("No target: a (no_vision).");
    expect_error(&error, "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\","
                         "\"message\":\"No target: a (no_vision).\",\"code\":"
                         "\"no_feasible_target\"}}");
}

static void an_error_ends_a_stream(void)
{
    struct buf out = BUF_INIT(FIXTURE_LIMIT);
    const struct answer_error error = {.status = 529, .message = SLICE("m")};
    dialect_of(DIALECT_ANTHROPIC)->write_stream_error(&error, &out);
    EXPECT_SLICE(buf_slice(&out),
                 "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\","
                 "\"message\":\"m\"}}\n\n");
    buf_release(&out);
}

/* --- counts --- */

static void counts_are_told_as_anthropic_does(void)
{
    const struct dialect *dialect = dialect_of(DIALECT_ANTHROPIC);
    const struct answer_head head = {.operation = OPERATION_TOKEN_COUNT, .input_tokens = 7};
    struct decoder *decoder = decoder_new(FIXTURE_LIMIT);
    struct buf out = BUF_INIT(FIXTURE_LIMIT);
    struct frame frame;
    EXPECT_INT(dialect->decode_answer(decoder, SLICE("{\"input_tokens\":2095}"), &frame),
               DECODE_FRAME);
    EXPECT(dialect->write_answer(&head, &frame, &out));
    EXPECT_SLICE(buf_slice(&out), "{\"input_tokens\":2095}");
    buf_clear(&out);
    frame = (struct frame){.count = 0}; /* nobody told: our estimate */
    EXPECT(dialect->write_answer(&head, &frame, &out));
    EXPECT_SLICE(buf_slice(&out), "{\"input_tokens\":7}");
    EXPECT_INT(dialect->decode_answer(decoder, SLICE("{\"input_tokens\":-4}"), &frame),
               DECODE_FRAME);
    EXPECT_INT(frame.events[0].usage.input, 0);
    const struct chat chat = {.operation = OPERATION_TOKEN_COUNT};
    const struct chat talk = {.operation = OPERATION_CHAT};
    EXPECT_SLICE(dialect->request_path(&chat), "/messages/count_tokens");
    EXPECT_SLICE(dialect->request_path(&talk), "/messages");
    decoder_free(decoder);
    buf_release(&out);
}

/* --- whole answers --- */

static void expect_answer(const struct answer_head *head, const struct event *events, size_t count,
                          const char *wanted)
{
    struct buf out = BUF_INIT(FIXTURE_LIMIT);
    const struct frame frame = {.events = events, .count = count};
    EXPECT(dialect_of(DIALECT_ANTHROPIC)->write_answer(head, &frame, &out));
    EXPECT(is_json(buf_slice(&out)));
    size_t from = slice_find_slice(buf_slice(&out), SLICE("\"content\":"));
    size_t to = slice_find_slice(buf_slice(&out), SLICE(",\"usage\":"));
    EXPECT(from != SIZE_MAX && to != SIZE_MAX);
    EXPECT_SLICE(slice_of(out.ptr + from, to - from), wanted);
    buf_release(&out);
}

static const struct answer_head head = {.call_id = SLICE_INIT("c"), .model = SLICE_INIT("m")};

static void answers_hold_blocks_in_their_order(void)
{
    const struct event events[] = {
        {.kind = EVENT_TEXT, .text = SLICE_INIT("\\n")},
        {.kind = EVENT_REASONING, .text = SLICE_INIT("a")},
        {.kind = EVENT_SIGNATURE, .text = SLICE_INIT("gemini")},
        {.kind = EVENT_OPAQUE, .text = SLICE_INIT("cipher")},
        {.kind = EVENT_TOOL_CALL, .id = SLICE_INIT("x.y"), .name = SLICE_INIT("f")},
        {.kind = EVENT_SIGNATURE, .id = SLICE_INIT("x.y"), .text = SLICE_INIT("s"), .maker = 5},
        {.kind = EVENT_TOOL_CALL, .index = 1, .id = SLICE_INIT("b"), .name = SLICE_INIT("g")},
        {.kind = EVENT_TOOL_ARGUMENTS, .text = SLICE_INIT("{\\\"x\\\":")},
        {.kind = EVENT_TOOL_ARGUMENTS, .index = 1, .text = SLICE_INIT(" {\\\"y\\\":2} ")},
        {.kind = EVENT_TOOL_ARGUMENTS, .text = SLICE_INIT("1}")},
        {.kind = EVENT_TEXT, .choice = 1, .text = SLICE_INIT("another answer")},
        {.kind = EVENT_TEXT, .text = SLICE_INIT("t")},
        {.kind = EVENT_CITATION, .text = SLICE_INIT("nowhere")},
        {.kind = EVENT_REFUSAL, .text = SLICE_INIT("no")},
        {.kind = EVENT_FINISH, .finish = FINISH_STOP},
    };
    expect_answer(&head, events, ARRAY_LEN(events),
                  "\"content\":[{\"type\":\"thinking\",\"thinking\":\"a\",\"signature\":"
                  "\"sluice.1\"},{\"type\":\"tool_use\",\"id\":\"sluice_eC55\",\"name\":\"f\","
                  "\"input\":{\"x\":1}},{\"type\":\"tool_use\",\"id\":\"b\",\"name\":\"g\","
                  "\"input\":{\"y\":2}},{\"type\":\"text\",\"text\":\"t\"},{"
                  "\"type\":\"text\",\"text\":\"no\"}],\"stop_reason\":\"tool_use\","
                  "\"stop_sequence\":null");
}

static void calls_without_an_object_are_no_answer(void)
{
    static const char *const broken[] = {"not json", "{\\\"x\\\":",    "[1]", "\\\"{}\\\"", "1",
                                         "null",     "{\\\"x\\\":1}}", "{}{}"};
    for (size_t i = 0; i < ARRAY_LEN(broken) * 2; i++) {
        bool cut = i % 2 == 1;
        const struct event events[] = {
            {.kind = EVENT_TEXT, .text = SLICE_INIT("t")},
            {.kind = EVENT_TOOL_CALL, .id = SLICE_INIT("b"), .name = SLICE_INIT("g")},
            {.kind = EVENT_TOOL_ARGUMENTS, .text = slice_from_cstr(broken[i / 2])},
            {.kind = EVENT_FINISH, .finish = cut ? FINISH_LENGTH : FINISH_TOOL_CALLS},
        };
        const struct frame frame = {.events = events, .count = ARRAY_LEN(events)};
        struct buf out = BUF_INIT(FIXTURE_LIMIT);
        if (cut) { /* what the limit cut is no call */
            expect_answer(&head, events, ARRAY_LEN(events),
                          "\"content\":[{\"type\":\"text\",\"text\":\"t\"}],"
                          "\"stop_reason\":\"max_tokens\",\"stop_sequence\":null");
        } else {
            EXPECT(!dialect_of(DIALECT_ANTHROPIC)->write_answer(&head, &frame, &out));
            EXPECT(!out.failed);
        }
        buf_release(&out);
    }
}

static void only_those_who_asked_see_thoughts(void)
{
    const struct chat chat = {.show_thinking = false};
    struct answer_head hidden = head;
    hidden.chat = &chat;
    const struct event events[] = {
        {.kind = EVENT_REASONING, .text = SLICE_INIT("a")},
        {.kind = EVENT_SIGNATURE, .text = SLICE_INIT("Eq"), .maker = DIALECT_ANTHROPIC},
        {.kind = EVENT_OPAQUE, .text = SLICE_INIT("Em"), .maker = DIALECT_ANTHROPIC},
        {.kind = EVENT_REASONING, .text = SLICE_INIT("b")},
    };
    expect_answer(&hidden, events, ARRAY_LEN(events),
                  "\"content\":[{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"Eq\"},{"
                  "\"type\":\"redacted_thinking\",\"data\":\"Em\"}],\"stop_reason\":null,"
                  "\"stop_sequence\":null");
}

static void a_citation_without_a_title_has_none(void)
{
    const struct event cited = {
        .kind = EVENT_CITATION, .id = SLICE_INIT("u"), .text = SLICE_INIT("w")};
    const struct event events[] = {cited,
                                   {.kind = EVENT_TEXT, .text = SLICE_INIT("a")},
                                   cited,
                                   {.kind = EVENT_TEXT, .text = SLICE_INIT("b")}};
    expect_answer(&head, events, ARRAY_LEN(events),
                  "\"content\":[{\"type\":\"text\",\"text\":\"a\",\"citations\":[{\"type\":"
                  "\"web_search_result_location\",\"url\":\"u\",\"title\":null,\"cited_text\":"
                  "\"w\"}]},{\"type\":\"text\",\"text\":\"b\"}],"
                  "\"stop_reason\":null,\"stop_sequence\":null");
}

int main(void)
{
    TEST(errors_are_understood_as_far_as_routing_needs,
         "errors are understood as far as routing needs");
    TEST(errors_of_any_shape_are_read, "errors of any shape are read");
    TEST(types_follow_the_status, "types follow the status");
    TEST(an_overflow_keeps_its_words, "an overflow of the context keeps its words");
    TEST(an_error_ends_a_stream, "an error ends a stream");
    TEST(counts_are_told_as_anthropic_does, "counts of tokens are told as Anthropic does");
    TEST(answers_hold_blocks_in_their_order, "answers hold blocks in their order");
    TEST(calls_without_an_object_are_no_answer, "calls without an object are no answer");
    TEST(only_those_who_asked_see_thoughts, "only those who asked see thoughts");
    TEST(a_citation_without_a_title_has_none, "a citation without a title has none");
    return tap_done();
}

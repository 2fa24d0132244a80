/* SPDX-License-Identifier: Apache-2.0 */
/* What Responses clients are told beyond what the snapshots show: by the request's own tools and
 * members, of errors, and where the room ends. */
#include "tests/unit/dialect/fixture.h"

struct told {
    struct buf stream;
    struct buf answer;
};

static void told_release(struct told *told)
{
    buf_release(&told->stream);
    buf_release(&told->answer);
}

/* The events as an answer to this request, one frame each, and as a whole. */
static struct told tell(const char *request_text, const struct event *events, size_t count)
{
    const struct dialect *dialect = dialect_of(DIALECT_OPENAI_RESPONSES);
    struct told told = {BUF_INIT(FIXTURE_LIMIT), BUF_INIT(FIXTURE_LIMIT)};
    struct request request;
    request_read(&request, DIALECT_OPENAI_RESPONSES, slice_from_cstr(request_text));
    EXPECT(request.ok);
    const struct answer_head head = {
        .call_id = SLICE("call"), .model = SLICE("m"), .created_s = 5, .chat = &request.chat};
    const struct frame all = {.events = events, .count = count};
    struct encoder *encoder = dialect->encoder_new(&head);
    EXPECT(dialect->write_answer(&head, &all, &told.answer));
    request_release(&request); /* what an encoder must remember, it must copy */
    for (size_t i = 0; i < count; i++) {
        const struct frame frame = {.events = &events[i], .count = 1};
        EXPECT(dialect->encode(encoder, &frame, &told.stream));
    }
    EXPECT(is_json(buf_slice(&told.answer)));
    dialect->encoder_free(encoder);
    return told;
}

static bool holds(const struct buf *text, const char *words)
{
    bool found = slice_find_slice(buf_slice(text), slice_from_cstr(words)) != SIZE_MAX;
    if (!found) {
        printf("# no %s in\n%.*s\n", words, SLICE_ARG(buf_slice(text)));
    }
    return found;
}

#define TOOLS                                                                                      \
    "{\"input\":\"x\",\"tools\":[{\"type\":\"custom\",\"name\":\"patch\"},"                        \
    "{\"type\":\"namespace\",\"name\":\"box\",\"tools\":[{\"type\":\"function\",\"name\":"         \
    "\"open\"}]}]}"

static void calls_are_those_of_the_request(void)
{
    const struct event events[] = {
        {.kind = EVENT_TOOL_CALL, .id = SLICE("a"), .name = SLICE("patch")},
        {.kind = EVENT_TOOL_ARGUMENTS, .text = SLICE("{\\\"input\\\":\\\"+")},
        {.kind = EVENT_TOOL_CALL, .index = 1, .id = SLICE("b"), .name = SLICE("box__open")},
        {.kind = EVENT_TOOL_ARGUMENTS, .text = SLICE("x\\\\n\\\"}")},
        {.kind = EVENT_FINISH, .finish = FINISH_TOOL_CALLS},
        {.kind = EVENT_TOOL_ARGUMENTS, .index = 1, .text = SLICE("late")},
        {.kind = EVENT_TOOL_ARGUMENTS, .index = 9, .text = SLICE("nobody's")},
        {.kind = EVENT_FINISH, .finish = FINISH_STOP},
        {.kind = EVENT_END},
    };
    struct told told = tell(TOOLS, events, ARRAY_LEN(events));
    const char *patch = "{\"id\":\"ctc_call_0\",\"type\":\"custom_tool_call\",\"status\":"
                        "\"completed\",\"call_id\":\"a\",\"name\":\"patch\",\"input\":\"+x\\n\"}";
    const char *open = "{\"id\":\"fc_call_1\",\"type\":\"function_call\",\"status\":\"completed\","
                       "\"call_id\":\"b\",\"name\":\"open\",\"namespace\":\"box\","
                       "\"arguments\":\"{}\"}";
    EXPECT(holds(&told.stream, patch) && holds(&told.answer, patch));
    EXPECT(holds(&told.stream, open) && holds(&told.answer, open));
    EXPECT(holds(&told.stream,
                 "event: response.custom_tool_call_input.delta\ndata: {\"type\":"
                 "\"response.custom_tool_call_input.delta\",\"sequence_number\":4,\"item_id\":"
                 "\"ctc_call_0\",\"output_index\":0,\"delta\":\"+x\\n\"}\n\n"));
    EXPECT(holds(&told.stream, "event: response.completed"));
    EXPECT(slice_find_slice(buf_slice(&told.stream), SLICE("late")) == SIZE_MAX);
    told_release(&told);
}

static void the_response_repeats_the_request(void)
{
    const struct event events[] = {{.kind = EVENT_FINISH, .finish = FINISH_STOP},
                                   {.kind = EVENT_END}};
    struct told told =
        tell("{\"input\":\"x\",\"model\":\"auto\",\"instructions\":\"Be\xE2\x80\xA8 brief\","
             "\"temperature\":0.5,\n\"metadata\":{\n\"a\":\r\n\"b\"},\"store\":false,"
             "\"text\":null,\"previous_response_id\":\"resp_0\",\"tool_choice\":\"none\","
             "\"max_output_tokens\":7}",
             events, 2);
    EXPECT(holds(&told.answer, "\"instructions\":\"Be\\u2028 brief\",\"max_output_tokens\":7,"
                               "\"metadata\":{ \"a\":  \"b\"},\"parallel_tool_calls\":true,"));
    EXPECT(holds(&told.answer, "\"store\":false,\"temperature\":0.5,\"text\":{\"format\":{"
                               "\"type\":\"text\"}},\"tool_choice\":\"none\",\"tools\":[],"));
    EXPECT(holds(&told.answer, "\"previous_response_id\":\"resp_0\"}"));
    EXPECT(holds(&told.answer, "{\"id\":\"resp_call\",\"object\":\"response\",\"created_at\":5,"
                               "\"status\":\"completed\""));
    EXPECT(holds(&told.answer, "\"model\":\"m\""));
    told_release(&told);
}

static void a_very_large_member_is_not_repeated(void)
{
    const struct event events[] = {{.kind = EVENT_FINISH, .finish = FINISH_STOP}};
    struct buf body = BUF_INIT(FIXTURE_LIMIT);
    buf_printf(&body, "{\"input\":\"x\",\"instructions\":\"%080000d\"}%c", 0, '\0');
    struct told told = tell(body.ptr, events, 1);
    EXPECT(holds(&told.answer, "\"instructions\":null"));
    told_release(&told);
    buf_release(&body);
}

static void thoughts_keep_their_makers_seal(void)
{
    const struct event events[] = {
        {.kind = EVENT_REASONING, .text = SLICE("a"), .id = SLICE("rs_own")},
        {.kind = EVENT_OPAQUE,
         .text = SLICE("gA"),
         .id = SLICE("rs_own"),
         .maker = DIALECT_OPENAI_RESPONSES},
        {.kind = EVENT_OPAQUE,
         .text = SLICE("gB"),
         .id = SLICE("rs_more"),
         .maker = DIALECT_OPENAI_RESPONSES},
        {.kind = EVENT_REASONING, .text = SLICE("b")},
        {.kind = EVENT_SIGNATURE, .text = SLICE("S"), .maker = DIALECT_ANTHROPIC},
        {.kind = EVENT_OPAQUE, .text = SLICE("R"), .maker = DIALECT_ANTHROPIC},
        {.kind = EVENT_SIGNATURE, .text = SLICE("of a call"), .id = SLICE("c")},
        {.kind = EVENT_REASONING, .text = SLICE("c")},
        {.kind = EVENT_OPAQUE, .text = SLICE("gC"), .id = SLICE("rs_other")},
        {.kind = EVENT_FINISH, .finish = FINISH_STOP},
    };
    struct told told = tell("{\"input\":\"x\"}", events, ARRAY_LEN(events));
    EXPECT(holds(
        &told.answer,
        "\"output\":[{\"id\":\"rs_own\",\"type\":\"reasoning\",\"summary\":[{\"type\":"
        "\"summary_text\",\"text\":\"a\"}],\"encrypted_content\":\"gA\"},"
        "{\"id\":\"rs_more\",\"type\":\"reasoning\",\"summary\":[],\"encrypted_content\":\"gB\"},"
        "{\"id\":\"rs_call_2\",\"type\":\"reasoning\",\"summary\":[{\"type\":\"summary_text\","
        "\"text\":\"b\"}],\"encrypted_content\":\"sluice.seal.anthropic:S\"},"
        "{\"id\":\"rs_call_3\",\"type\":\"reasoning\",\"summary\":[],\"encrypted_content\":"
        "\"sluice.data.anthropic:R\"},"
        "{\"id\":\"rs_call_4\",\"type\":\"reasoning\",\"summary\":[{\"type\":\"summary_text\","
        "\"text\":\"c\"}],\"encrypted_content\":\"sluice.data.:\"},"
        "{\"id\":\"rs_other\",\"type\":\"reasoning\",\"summary\":[],\"encrypted_content\":\"gC\"}"
        "],"));
    told_release(&told);
}

static void citations_and_logprobs_belong_to_the_text(void)
{
    const struct event events[] = {
        {.kind = EVENT_CITATION, .id = SLICE("https://early")},
        {.kind = EVENT_LOGPROBS, .text = SLICE("[1]")},
        {.kind = EVENT_TEXT, .text = SLICE("\xC3\xA9\\u00e9\\n!")},
        {.kind = EVENT_LOGPROBS, .text = SLICE("[ {\"a\":\n1} ]")},
        {.kind = EVENT_LOGPROBS, .text = SLICE("[]")},
        {.kind = EVENT_LOGPROBS, .text = SLICE("[2]")},
        {.kind = EVENT_CITATION, .id = SLICE("https://one"), .name = SLICE("One"), .start = -1},
        {.kind = EVENT_CITATION, .name = SLICE("a book")},
        {.kind = EVENT_TEXT, .text = SLICE("?")},
        {.kind = EVENT_CITATION, .id = SLICE("https://two"), .start = 1, .end = 3},
        {.kind = EVENT_FINISH, .finish = FINISH_STOP},
    };
    struct told told = tell("{\"input\":\"x\"}", events, ARRAY_LEN(events));
    EXPECT(holds(&told.answer,
                 "\"annotations\":[{\"type\":\"url_citation\",\"url\":\"https://one\",\"title\":"
                 "\"One\",\"start_index\":4,\"end_index\":4},{\"type\":\"url_citation\",\"url\":"
                 "\"https://two\",\"title\":\"\",\"start_index\":1,\"end_index\":3}],"
                 "\"logprobs\":[{\"a\": 1},2]"));
    EXPECT(holds(&told.stream, "\"annotation_index\":1,\"annotation\":{\"type\":\"url_citation\","
                               "\"url\":\"https://two\""));
    told_release(&told);
    const struct event together[] = {{.kind = EVENT_TEXT, .text = SLICE("a")},
                                     {.kind = EVENT_LOGPROBS, .text = SLICE("[\n1]")}};
    const struct answer_head head = {.call_id = SLICE("call"), .model = SLICE("m")};
    const struct dialect *dialect = dialect_of(DIALECT_OPENAI_RESPONSES);
    struct encoder *encoder = dialect->encoder_new(&head);
    struct buf out = BUF_INIT(FIXTURE_LIMIT);
    const struct frame frame = {.events = together, .count = 2};
    EXPECT(dialect->encode(encoder, &frame, &out));
    EXPECT(holds(&out, "\"delta\":\"a\",\"logprobs\":[ 1]}"));
    dialect->encoder_free(encoder);
    buf_release(&out);
}

static void an_end_without_a_reason_is_a_failure(void)
{
    const struct event events[] = {{.kind = EVENT_TEXT, .text = SLICE("a")}, {.kind = EVENT_END}};
    struct told told = tell("{\"input\":\"x\"}", events, 2);
    EXPECT(holds(&told.stream, "event: error\ndata: {\"type\":\"error\",\"sequence_number\":5,"
                               "\"code\":\"server_error\",\"message\":"));
    EXPECT(holds(&told.stream, "event: response.failed\n"));
    EXPECT(holds(&told.answer, "\"status\":\"failed\""));
    told_release(&told);
}

static void each_finish_has_its_status(void)
{
    static const struct {
        enum finish_reason finish;
        const char *words;
    } cases[] = {
        {FINISH_STOP, "\"status\":\"completed\""},
        {FINISH_TOOL_CALLS, "\"status\":\"completed\""},
        {FINISH_LENGTH, "\"incomplete_details\":{\"reason\":\"max_output_tokens\"}"},
        {FINISH_CONTENT_FILTER, "\"incomplete_details\":{\"reason\":\"content_filter\"}"},
        {FINISH_REFUSAL, "\"incomplete_details\":{\"reason\":\"content_filter\"}"},
        {FINISH_ERROR, "\"status\":\"failed\""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct event event = {.kind = EVENT_FINISH, .finish = cases[i].finish};
        struct told told = tell("{\"input\":\"x\"}", &event, 1);
        EXPECT(holds(&told.answer, cases[i].words));
        told_release(&told);
    }
}

static void errors_are_told_twice(void)
{
    const struct event events[] = {
        {.kind = EVENT_TEXT, .text = SLICE("a")},
        {.kind = EVENT_ERROR, .text = SLICE("too long"), .name = SLICE("context_length_exceeded")},
        {.kind = EVENT_END},
    };
    struct told told = tell("{\"input\":\"x\"}", events, 3);
    EXPECT(holds(&told.stream,
                 "event: error\ndata: {\"type\":\"error\",\"sequence_number\":5,\"code\":"
                 "\"context_length_exceeded\",\"message\":\"too long\",\"param\":null}\n\n"
                 "event: response.failed\ndata: {\"type\":\"response.failed\",\"sequence_number\":"
                 "6,\"response\":{\"id\":\"resp_call\",\"object\":\"response\",\"created_at\":5,"
                 "\"status\":\"failed\",\"background\":false,\"error\":{\"code\":"
                 "\"context_length_exceeded\",\"message\":\"too long\"}"));
    told_release(&told);
    const struct answer_error error = {.status = 502,
                                       .code = SLICE("upstream_error"),
                                       .message = SLICE("gone\n"),
                                       .call_id = SLICE("call")};
    struct buf out = BUF_INIT(FIXTURE_LIMIT);
    dialect_of(DIALECT_OPENAI_RESPONSES)->write_stream_error(&error, &out);
    EXPECT_SLICE(buf_slice(&out),
                 "event: error\ndata: {\"type\":\"error\",\"sequence_number\":1000000000,\"code\":"
                 "\"upstream_error\",\"message\":\"gone\\n\",\"param\":null}\n\n"
                 "event: response.failed\ndata: {\"type\":\"response.failed\",\"sequence_number\":"
                 "1000000001,\"response\":{\"id\":\"resp_call\",\"object\":\"response\","
                 "\"created_at\":0,\"status\":\"failed\",\"error\":{\"code\":\"upstream_error\","
                 "\"message\":\"gone\\n\"},\"incomplete_details\":null,\"model\":\"\","
                 "\"output\":[]}}\n\n");
    buf_clear(&out);
    const struct answer_error known = {.status = 502,
                                       .message = SLICE("x"),
                                       .call_id = SLICE("call"),
                                       .answer_id = SLICE("resp_\\u0037"),
                                       .next_number = 41};
    dialect_of(DIALECT_OPENAI_RESPONSES)->write_stream_error(&known, &out);
    EXPECT(holds(&out, "{\"type\":\"error\",\"sequence_number\":41,"));
    EXPECT(holds(&out, "\"sequence_number\":42,\"response\":{\"id\":\"resp_\\u0037\","));
    buf_clear(&out);
    const struct answer_error bare = {.status = 500, .message = SLICE("x")};
    dialect_of(DIALECT_OPENAI_RESPONSES)->write_stream_error(&bare, &out);
    EXPECT(holds(&out, "\"code\":\"server_error\""));
    buf_release(&out);
}

/* An error of ours in a stream of ours goes on from what was told. */
static void our_error_counts_on(void)
{
    const struct dialect *dialect = dialect_of(DIALECT_OPENAI_RESPONSES);
    const struct answer_head head = {.call_id = SLICE("call"), .model = SLICE("m"), .created_s = 5};
    const struct event text = {.kind = EVENT_TEXT, .text = SLICE("a")};
    const struct frame frame = {.events = &text, .count = 1};
    struct buf out = BUF_INIT(FIXTURE_LIMIT);
    struct encoder *encoder = dialect->encoder_new(&head);
    EXPECT(dialect->encode(encoder, &frame, &out));
    buf_clear(&out);
    const struct answer_error error = {.status = 502,
                                       .code = SLICE("upstream_cut"),
                                       .message = SLICE("\"gone\"\n"),
                                       .call_id = SLICE("call"),
                                       .encoder = encoder};
    dialect->write_stream_error(&error, &out);
    EXPECT(holds(
        &out, "\"sequence_number\":5,\"code\":\"upstream_cut\",\"message\":\"\\\"gone\\\"\\n\""));
    EXPECT(holds(&out,
                 "\"type\":\"response.failed\",\"sequence_number\":6,\"response\":{\"id\":"
                 "\"resp_call\",\"object\":\"response\",\"created_at\":5,\"status\":\"failed\""));
    EXPECT(holds(&out, "\"model\":\"m\",\"output\":[{\"id\":\"msg_call_0\""));
    dialect->encoder_free(encoder);
    buf_release(&out);
}

static void only_the_first_choice_is_told(void)
{
    const struct event events[] = {{.kind = EVENT_TEXT, .text = SLICE("a")},
                                   {.kind = EVENT_TEXT, .choice = 1, .text = SLICE("other")},
                                   {.kind = EVENT_FINISH, .finish = FINISH_STOP}};
    struct told told = tell("{\"input\":\"x\"}", events, 3);
    EXPECT(slice_find_slice(buf_slice(&told.answer), SLICE("other")) == SIZE_MAX);
    told_release(&told);
}

/* Thousands of items are no answer; neither is one that does not fit. */
static void bounds_the_answer(void)
{
    const struct dialect *dialect = dialect_of(DIALECT_OPENAI_RESPONSES);
    const struct answer_head head = {.call_id = SLICE("call"), .model = SLICE("m")};
    const struct event text = {.kind = EVENT_TEXT, .text = SLICE("a")};
    const struct event thought = {.kind = EVENT_OPAQUE, .text = SLICE("a")};
    const struct event call = {.kind = EVENT_TOOL_CALL, .id = SLICE("c"), .name = SLICE("f")};
    const struct event *const kinds[] = {&text, &thought, &call};
    for (size_t kind = 0; kind < ARRAY_LEN(kinds); kind++) {
        struct encoder *encoder = dialect->encoder_new(&head);
        bool ok = true;
        size_t count = 0;
        for (; ok && count < 5000; count++) {
            struct buf out = BUF_INIT(FIXTURE_LIMIT);
            const struct event pair[] = {thought, *kinds[kind]};
            const struct frame frame = {.events = pair, .count = 2};
            ok = dialect->encode(encoder, &frame, &out);
            buf_release(&out);
        }
        EXPECT(!ok && count > 1000);
        dialect->encoder_free(encoder);
    }
    struct buf little = BUF_INIT(100);
    const struct frame frame = {.events = &text, .count = 1};
    EXPECT(!dialect->write_answer(&head, &frame, &little));
    buf_release(&little);
    dialect->encoder_free(NULL);
}

int main(void)
{
    TEST(calls_are_those_of_the_request, "calls have the form of the request's own tools");
    TEST(the_response_repeats_the_request, "the response repeats the request's members");
    TEST(a_very_large_member_is_not_repeated, "a very large member is not repeated");
    TEST(thoughts_keep_their_makers_seal, "thoughts keep their maker's seal or cipher");
    TEST(citations_and_logprobs_belong_to_the_text, "citations and logprobs belong to the text");
    TEST(an_end_without_a_reason_is_a_failure, "an end without a reason is a failure");
    TEST(each_finish_has_its_status, "each finish has its status");
    TEST(errors_are_told_twice, "errors are told as an event and as a failed response");
    TEST(our_error_counts_on, "an error of ours repeats what the stream told and counts on");
    TEST(only_the_first_choice_is_told, "only the first choice is told");
    TEST(bounds_the_answer, "an answer of too many items or bytes fails");
    return tap_done();
}

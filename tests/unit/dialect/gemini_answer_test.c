/* SPDX-License-Identifier: Apache-2.0 */
/* Answers and errors of Gemini, both ways, beyond what the goldens show. */
#include "tests/unit/dialect/fixture.h"

#define GEMINI DIALECT_GEMINI

/* --- whole answers --- */

static void write_answer(enum dialect_id back_id, const struct answer_head *head, const char *body,
                         struct buf *out)
{
    const struct dialect *back = dialect_of(back_id);
    struct decoder *decoder = back->decoder_new(FIXTURE_LIMIT);
    struct frame frame;
    EXPECT_INT(back->decode_answer(decoder, slice_from_cstr(body), &frame), DECODE_FRAME);
    EXPECT(dialect_of(GEMINI)->write_answer(head, &frame, out));
    EXPECT(is_json(buf_slice(out)));
    back->decoder_free(decoder);
}

static void expect_answer(enum dialect_id back, enum operation operation, const char *asked,
                          const char *body, const char *wanted)
{
    struct buf out = BUF_INIT(FIXTURE_LIMIT);
    struct request r;
    struct answer_head head = {
        .call_id = SLICE("call"), .model = SLICE("model"), .operation = operation};
    request_read_as(&r, GEMINI, operation, slice_from_cstr(asked));
    EXPECT(r.ok);
    head.chat = &r.chat;
    write_answer(back, &head, body, &out);
    EXPECT_SLICE(buf_slice(&out), wanted);
    request_release(&r);
    buf_release(&out);
}

#define ONE "{\"content\":{\"parts\":[{\"text\":\"a\"}]}}"
#define MANY "{\"requests\":[" ONE "]}"

static void vectors_come_in_the_form_of_the_question(void)
{
    expect_answer(
        DIALECT_OPENAI_EMBEDDINGS, OPERATION_EMBEDDING, ONE,
        "{\"object\":\"list\",\"data\":[{\"object\":\"embedding\",\"index\":0,"
        "\"embedding\":[1,-0.5]}],\"model\":\"e\",\"usage\":{\"prompt_tokens\":3,"
        "\"total_tokens\":3}}",
        "{\"embedding\":{\"values\":[1,-0.5]},\"usageMetadata\":{\"promptTokenCount\":3}}");
    expect_answer(GEMINI, OPERATION_EMBEDDING, MANY, "{\"embedding\":{\"values\":[2]}}",
                  "{\"embeddings\":[{\"values\":[2]}]}");
    expect_answer(GEMINI, OPERATION_EMBEDDING, MANY,
                  "{\"embeddings\":[{\"values\":[2]},{\"values\":[]}]}",
                  "{\"embeddings\":[{\"values\":[2]},{\"values\":[]}]}");
    expect_answer(DIALECT_OPENAI_EMBEDDINGS, OPERATION_EMBEDDING, ONE,
                  "{\"object\":\"list\",\"data\":[{\"object\":\"embedding\",\"index\":0,"
                  "\"embedding\":\"AACAPwAAAL8AAMB/\"}],\"model\":\"e\"}",
                  "{\"embedding\":{\"values\":[1,-0.5,0]}}");
}

static void a_count_is_one_number(void)
{
    expect_answer(GEMINI, OPERATION_TOKEN_COUNT, "{\"contents\":[{\"parts\":[{\"text\":\"a\"}]}]}",
                  "{\"totalTokens\":31}", "{\"totalTokens\":31}");
    expect_answer(DIALECT_ANTHROPIC, OPERATION_TOKEN_COUNT,
                  "{\"contents\":[{\"parts\":[{\"text\":\"a\"}]}]}", "{\"input_tokens\":2095}",
                  "{\"totalTokens\":2095}");
}

#define ASKED(config) "{\"contents\":[{\"parts\":[{\"text\":\"a\"}]}]" config "}"
#define THOUGHT                                                                                    \
    "{\"id\":\"c\",\"model\":\"m\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\"," \
    "\"reasoning_content\":\"hm\",\"content\":\"4\"},\"finish_reason\":\"stop\"}]}"

static void thoughts_are_told_to_those_who_asked(void)
{
    expect_answer(
        DIALECT_OPENAI_CHAT, OPERATION_CHAT, ASKED(""), THOUGHT,
        "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"4\"}],\"role\":\"model\"},"
        "\"finishReason\":\"STOP\",\"index\":0}],\"modelVersion\":\"m\",\"responseId\":\"c\"}");
    expect_answer(DIALECT_OPENAI_CHAT, OPERATION_CHAT,
                  ASKED(",\"generationConfig\":{\"thinkingConfig\":{\"includeThoughts\":true}}"),
                  THOUGHT,
                  "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"hm\",\"thought\":true},"
                  "{\"text\":\"4\"}],\"role\":\"model\"},\"finishReason\":\"STOP\",\"index\":0}],"
                  "\"modelVersion\":\"m\",\"responseId\":\"c\"}");
}

#define CALLED(finish, arguments)                                                                  \
    "{\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":null,"             \
    "\"tool_calls\":[{\"id\":\"a\",\"type\":\"function\",\"function\":{\"name\":\"f\","            \
    "\"arguments\":\"" arguments "\"}}]},\"finish_reason\":\"" finish "\"}]}"
#define HEAD "{\"candidates\":[{\"content\":{\"parts\":["
#define TAIL ",\"index\":0}],\"modelVersion\":\"model\",\"responseId\":\"call\"}"

static void calls_without_an_object_are_no_answer(void)
{
    static const char *const broken[] = {"{\\\"a\\\": oops", "[]", "\\\"{}\\\"", "{}{}"};
    for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
        const struct event events[] = {
            {.kind = EVENT_TEXT, .text = SLICE_INIT("t")},
            {.kind = EVENT_TOOL_CALL, .id = SLICE_INIT("b"), .name = SLICE_INIT("g")},
            {.kind = EVENT_TOOL_ARGUMENTS, .text = slice_from_cstr(broken[i])},
            {.kind = EVENT_FINISH, .finish = FINISH_TOOL_CALLS},
        };
        const struct frame frame = {.events = events, .count = ARRAY_LEN(events)};
        const struct answer_head head = {.call_id = SLICE("call"), .model = SLICE("model")};
        struct buf out = BUF_INIT(FIXTURE_LIMIT);
        EXPECT(!dialect_of(GEMINI)->write_answer(&head, &frame, &out));
        EXPECT(!out.failed);
        buf_release(&out);
    }
    expect_answer(DIALECT_OPENAI_CHAT, OPERATION_CHAT, ASKED(""), CALLED("length", "{\\\"a\\\": 1"),
                  HEAD "],\"role\":\"model\"},\"finishReason\":\"MAX_TOKENS\"" TAIL);
    expect_answer(DIALECT_OPENAI_CHAT, OPERATION_CHAT, ASKED(""),
                  CALLED("tool_calls", " {\\\"a\\\":\\\"\xE2\x80\xA8\\\"} "),
                  HEAD
                  "{\"functionCall\":{\"id\":\"a\",\"name\":\"f\",\"args\":{\"a\":\"\\u2028\"}},"
                  "\"thoughtSignature\":\"skip_thought_signature_validator\"}],"
                  "\"role\":\"model\"},\"finishReason\":\"STOP\"" TAIL);
}

static void log_probabilities_are_told_in_googles_form(void)
{
    expect_answer(GEMINI, OPERATION_CHAT, ASKED(""),
                  "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}]},\"finishReason\":"
                  "\"STOP\",\"logprobsResult\":{\"chosenCandidates\":[{\"token\":\"a\","
                  "\"logProbability\":-1}],\"topCandidates\":[{\"candidates\":[{\"token\":\"b\","
                  "\"logProbability\":-2},{}]}]}}]}",
                  HEAD
                  "{\"text\":\"a\"}],\"role\":\"model\"},\"finishReason\":\"STOP\",\"index\":0,"
                  "\"logprobsResult\":{\"topCandidates\":[{\"candidates\":[{\"token\":\"b\","
                  "\"logProbability\":-2},{\"token\":\"\",\"logProbability\":0}]}],"
                  "\"chosenCandidates\":[{\"token\":\"a\",\"logProbability\":-1}]}}],"
                  "\"modelVersion\":\"model\",\"responseId\":\"call\"}");
}

/* --- usage --- */

static void expect_usage(const char *usage, const char *wanted)
{
    struct buf body = BUF_INIT(FIXTURE_LIMIT);
    struct buf trace = BUF_INIT(FIXTURE_LIMIT);
    struct buf out = BUF_INIT(FIXTURE_LIMIT);
    buf_printf(&body, "{\"candidates\":[{\"finishReason\":\"STOP\"}],\"usageMetadata\":%s}", usage);
    run_answer(GEMINI, DIALECT_OPENAI_CHAT, buf_slice(&body), &trace, &out);
    size_t at = slice_find_slice(buf_slice(&trace), SLICE("usage"));
    struct slice rest = at == SIZE_MAX ? SLICE("none") : slice_from(buf_slice(&trace), at);
    EXPECT_SLICE(slice_cut(&rest, '\n'), wanted);
    buf_release(&body);
    buf_release(&trace);
    buf_release(&out);
}

/* Cases 9, 20. */
static void usage_is_counted_our_way(void)
{
    expect_usage("{\"promptTokenCount\":10,\"candidatesTokenCount\":4,\"thoughtsTokenCount\":6,"
                 "\"totalTokenCount\":20,\"cachedContentTokenCount\":3}",
                 "usage in=10 out=10 cached=3 written=0 thought=6 audio=0/0");
    expect_usage("{\"promptTokenCount\":10,\"candidatesTokenCount\":10,\"thoughtsTokenCount\":6,"
                 "\"totalTokenCount\":20}",
                 "usage in=10 out=10 cached=0 written=0 thought=6 audio=0/0");
    expect_usage(
        "{\"promptTokenCount\":10,\"toolUsePromptTokenCount\":5,\"candidatesTokenCount\":1,"
        "\"totalTokenCount\":16}",
        "usage in=15 out=1 cached=0 written=0 thought=0 audio=0/0");
    expect_usage(
        "{\"promptTokenCount\":10,\"promptTokensDetails\":[{\"modality\":\"AUDIO\","
        "\"tokenCount\":8},{\"modality\":\"TEXT\",\"tokenCount\":2}],\"candidatesTokenCount\":5,"
        "\"candidatesTokensDetails\":[{\"modality\":\"AUDIO\",\"tokenCount\":5}]}",
        "usage in=10 out=5 cached=0 written=0 thought=0 audio=8/5");
    expect_usage("{\"promptTokenCount\":300,\"candidatesTokenCount\":1310,"
                 "\"promptTokensDetails\":[{\"modality\":\"TEXT\",\"tokenCount\":42},"
                 "{\"modality\":\"IMAGE\",\"tokenCount\":258}],\"candidatesTokensDetails\":"
                 "[{\"modality\":\"IMAGE\",\"tokenCount\":1290}]}",
                 "usage in=300 out=1310 cached=0 written=0 thought=0 audio=0/0 image=258/1290");
    expect_usage("{\"promptTokenCount\":3000,\"candidatesTokenCount\":10,\"promptTokensDetails\":"
                 "[{\"modality\":\"TEXT\",\"tokenCount\":100},{\"modality\":\"VIDEO\","
                 "\"tokenCount\":2580},{\"modality\":\"AUDIO\",\"tokenCount\":320}]}",
                 "usage in=3000 out=10 cached=0 written=0 thought=0 audio=320/0 image=2580/0");
    expect_usage("{\"promptTokenCount\":-4,\"candidatesTokenCount\":1e30}",
                 "usage in=0 out=1000000000 cached=0 written=0 thought=0 audio=0/0 unread");
    expect_usage("{\"trafficType\":\"ON_DEMAND\"}", "none");
    expect_usage("7", "none");
}

static void audio_is_told_to_clients(void)
{
    expect_answer(GEMINI, OPERATION_CHAT, ASKED(""),
                  "{\"candidates\":[{\"finishReason\":\"STOP\"}],\"usageMetadata\":{"
                  "\"promptTokenCount\":10,\"promptTokensDetails\":[{\"modality\":\"AUDIO\","
                  "\"tokenCount\":8}]}}",
                  HEAD "],\"role\":\"model\"},\"finishReason\":\"STOP\",\"index\":0}],"
                       "\"usageMetadata\":{\"promptTokenCount\":10,\"candidatesTokenCount\":0,"
                       "\"totalTokenCount\":10,\"promptTokensDetails\":[{\"modality\":\"TEXT\","
                       "\"tokenCount\":2},{\"modality\":\"AUDIO\",\"tokenCount\":8}]},"
                       "\"modelVersion\":\"model\",\"responseId\":\"call\"}");
}

/* --- errors of providers --- */

static void expect_error(int status, const char *body, const char *code, const char *classes)
{
    const struct dialect *back = dialect_of(GEMINI);
    struct decoder *decoder = back->decoder_new(FIXTURE_LIMIT);
    struct provider_error error;
    char told[64];
    back->read_error(decoder, status, slice_from_cstr(body), &error);
    (void)snprintf(told, sizeof told, "%s%s%s", error.context_length ? "context " : "",
                   error.content_filter ? "filter " : "", error.quota ? "quota " : "");
    EXPECT_SLICE(error.code, code);
    EXPECT_SLICE(slice_from_cstr(told), classes);
    back->decoder_free(decoder);
}

#define ERROR(status, message, details)                                                            \
    "{\"error\":{\"code\":1,\"message\":\"" message "\",\"status\":\"" status                      \
    "\",\"details\":[" details "]}}"
#define VIOLATION(id)                                                                              \
    "{\"@type\":\"type.googleapis.com/"                                                            \
    "google.rpc.QuotaFailure\",\"violations\":[{\"quotaId\":\"" id "\"}]}"
#define RETRY "{\"@type\":\"type.googleapis.com/google.rpc.RetryInfo\",\"retryDelay\":\"34s\"}"

static void errors_are_understood(void)
{
    expect_error(400,
                 ERROR("INVALID_ARGUMENT",
                       "The input token count (2551556) exceeds the maximum number of tokens "
                       "allowed (1048576).",
                       ""),
                 "INVALID_ARGUMENT", "context ");
    expect_error(400,
                 ERROR("INVALID_ARGUMENT", "API key not valid.",
                       "{\"reason\":\"API_KEY_INVALID\"},{\"reason\":\"later\"}"),
                 "API_KEY_INVALID", "");
    expect_error(429,
                 ERROR("RESOURCE_EXHAUSTED", "Resource exhausted. Please try again later.", ""),
                 "RESOURCE_EXHAUSTED", "");
#define PLAN "You exceeded your current quota, please check your plan and billing details."
    expect_error(429,
                 ERROR("RESOURCE_EXHAUSTED", PLAN,
                       VIOLATION("GenerateRequestsPerMinutePerProjectPerModel-FreeTier")),
                 "RESOURCE_EXHAUSTED", "");
    expect_error(429,
                 ERROR("RESOURCE_EXHAUSTED", PLAN,
                       VIOLATION("GenerateRequestsPerDayPerProjectPerModel-FreeTier") "," RETRY),
                 "RESOURCE_EXHAUSTED", "quota ");
    expect_error(429, ERROR("RESOURCE_EXHAUSTED", PLAN, RETRY), "RESOURCE_EXHAUSTED", "");
    expect_error(429, ERROR("RESOURCE_EXHAUSTED", PLAN, ""), "RESOURCE_EXHAUSTED", "quota ");
    expect_error(403, ERROR("PERMISSION_DENIED", "No.", "{\"reason\":\"BILLING_DISABLED\"}"),
                 "BILLING_DISABLED", "quota ");
    expect_error(400, ERROR("INVALID_ARGUMENT", "Blocked: PROHIBITED_CONTENT", "7"),
                 "INVALID_ARGUMENT", "filter ");
    expect_error(503, "[{\"error\":{\"code\":503,\"message\":\"m\",\"status\":\"UNAVAILABLE\"}}]",
                 "UNAVAILABLE", "");
    expect_error(402, "{\"error\":\"Pay\"}", "", "quota ");
    expect_error(500, "{\"error\":null}", "", "");
    expect_error(500, "[]", "", "");
    expect_error(502, "<html>", "", "");
    expect_error(500, ERROR("INTERNAL", "m", "{\"violations\":7}"), "INTERNAL", "");
}

static void times_to_wait_are_read(void)
{
    static const struct {
        const char *delay;
        int64_t ms;
    } rows[] = {{"\"34s\"", 34000}, {"\"0.25s\"", 250}, {"\"0s\"", 0}, {"\"34\"", 0},  {"\"s\"", 0},
                {"34", 0},          {"\"-1s\"", 0},     {"null", 0},   {"\"1e9s\"", 0}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct decoder *decoder = dialect_of(GEMINI)->decoder_new(FIXTURE_LIMIT);
        struct provider_error error;
        char body[200];
        (void)snprintf(body, sizeof body, "{\"error\":{\"details\":[{},{\"retryDelay\":%s}]}}",
                       rows[i].delay);
        dialect_of(GEMINI)->read_error(decoder, 429, slice_from_cstr(body), &error);
        EXPECT_INT(error.retry_after_ms, rows[i].ms);
        dialect_of(GEMINI)->decoder_free(decoder);
    }
}

/* --- errors towards clients --- */

static void expect_words(int status, const char *wanted)
{
    struct buf out = BUF_INIT(FIXTURE_LIMIT);
    const struct answer_error error = {.status = status, .message = SLICE("m")};
    dialect_of(GEMINI)->write_error(&error, &out);
    EXPECT(slice_find_slice(buf_slice(&out), slice_from_cstr(wanted)) != SIZE_MAX);
    buf_release(&out);
}

static void errors_have_googles_words(void)
{
    expect_words(400,
                 "\"code\":400,\"message\":\"m\",\"status\":\"INVALID_ARGUMENT\",\"details\":[]");
    expect_words(401, "\"UNAUTHENTICATED\"");
    expect_words(402, "\"RESOURCE_EXHAUSTED\"");
    expect_words(403, "\"PERMISSION_DENIED\"");
    expect_words(404, "\"NOT_FOUND\"");
    expect_words(413, "\"INVALID_ARGUMENT\"");
    expect_words(422, "\"INVALID_ARGUMENT\"");
    expect_words(429, "\"RESOURCE_EXHAUSTED\"");
    expect_words(500, "\"INTERNAL\"");
    expect_words(503, "\"UNAVAILABLE\"");
    expect_words(504, "\"DEADLINE_EXCEEDED\"");
    expect_words(507, "\"INTERNAL\"");
}

static void errors_tell_member_code_and_call(void)
{
    struct buf out = BUF_INIT(FIXTURE_LIMIT);
    struct answer_error error = {.status = 422,
                                 .code = SLICE("untranslatable"),
                                 .message = SLICE("No\xE2\x80\xA8."),
                                 .param = SLICE("/contents/0"),
                                 .call_id = SLICE("id"),
                                 .detail = SLICE("{\"a\":1}")};
    dialect_of(GEMINI)->write_error(&error, &out);
    EXPECT_SLICE(
        buf_slice(&out),
        "{\"error\":{\"code\":422,\"message\":\"No\\u2028.\",\"status\":\"INVALID_ARGUMENT\","
        "\"details\":[{\"@type\":\"type.googleapis.com/google.rpc.ErrorInfo\",\"reason\":"
        "\"untranslatable\",\"domain\":\"sluice\",\"metadata\":{\"call_id\":\"id\"}},"
        "{\"@type\":\"type.googleapis.com/google.rpc.BadRequest\",\"fieldViolations\":["
        "{\"field\":\"/contents/0\",\"description\":\"No\\u2028.\"}]}],\"sluice\":{\"a\":1}}}");
    buf_release(&out);
}

static void expect_delay(int64_t ms, const char *wanted)
{
    struct buf out = BUF_INIT(FIXTURE_LIMIT);
    const struct answer_error error = {.status = 429, .message = SLICE("m"), .retry_after_ms = ms};
    dialect_of(GEMINI)->write_error(&error, &out);
    struct slice at = buf_slice(&out);
    size_t start = slice_find_slice(at, SLICE("\"details\":"));
    EXPECT(start != SIZE_MAX);
    EXPECT_SLICE(slice_from(at, start), wanted);
    buf_release(&out);
}

static void errors_tell_how_long_to_wait(void)
{
#define DELAY(text)                                                                                \
    "\"details\":[{\"@type\":\"type.googleapis.com/google.rpc.RetryInfo\",\"retryDelay\":"         \
    "\"" text "\"}]}}"
    expect_delay(7000, DELAY("7s"));
    expect_delay(250, DELAY("0.250s"));
    expect_delay(61005, DELAY("61.005s"));
    expect_delay(0, "\"details\":[]}}");
}

static void streams_end_with_their_error(void)
{
    struct buf out = BUF_INIT(FIXTURE_LIMIT);
    struct answer_error error = {.status = 503, .message = SLICE("m")};
#define SAID                                                                                       \
    "{\"error\":{\"code\":503,\"message\":\"m\",\"status\":\"UNAVAILABLE\",\"details\":[]}}"
    dialect_of(GEMINI)->write_stream_error(&error, &out);
    EXPECT_SLICE(buf_slice(&out), "data: " SAID "\r\n\r\n");
    buf_clear(&out);
    error.stream_array = true;
    dialect_of(GEMINI)->write_stream_error(&error, &out);
    EXPECT_SLICE(buf_slice(&out), "[" SAID "]");
    buf_clear(&out);
    error.stream_begun = true;
    dialect_of(GEMINI)->write_stream_error(&error, &out);
    EXPECT_SLICE(buf_slice(&out), ",\r\n" SAID "]");
    buf_release(&out);
}

int main(void)
{
    TEST(vectors_come_in_the_form_of_the_question, "vectors come in the form of the question");
    TEST(a_count_is_one_number, "a count is one number");
    TEST(thoughts_are_told_to_those_who_asked, "thoughts are told to those who asked for them");
    TEST(calls_without_an_object_are_no_answer,
         "calls without an object are no answer, but for those that the limit cut");
    TEST(log_probabilities_are_told_in_googles_form, "log probabilities are told in Google's form");
    TEST(usage_is_counted_our_way, "usage includes cached and thought tokens, however it is told");
    TEST(audio_is_told_to_clients, "audio tokens are told to clients");
    TEST(errors_are_understood, "errors of providers are understood");
    TEST(times_to_wait_are_read, "how long to wait is read from an error's details");
    TEST(errors_have_googles_words, "errors towards clients have Google's words");
    TEST(errors_tell_member_code_and_call, "errors tell member, code and call");
    TEST(errors_tell_how_long_to_wait, "errors tell how long to wait as a duration of Google's");
    TEST(streams_end_with_their_error, "streams end with their error, arrays too");
    return tap_done();
}

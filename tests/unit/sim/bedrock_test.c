/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simulated Converse API: its answers, its messages, and what it refuses.
 */
#include "tests/unit/sim/asking.h"

#include "codec/eventstream.h"
#include "sim/seal.h"

#define C "/model/claude/converse"
#define S "/model/claude/converse-stream"
#define BEARER "Authorization: Bearer sk\r\n"
#define SAYS(text) USER("[{\"text\":\"" text "\"}]")
#define USER(content) "{\"role\":\"user\",\"content\":" content "}"
#define MODEL(content) "{\"role\":\"assistant\",\"content\":" content "}"
#define TURNS(turns) "{\"messages\":[" turns "]}"
#define SPEC(name)                                                                                 \
    "{\"toolSpec\":{\"name\":\"" name                                                              \
    "\",\"inputSchema\":{\"json\":{\"type\":\"object\",\"properties\":{\"city\":{"                 \
    "\"type\":\"string\"}}}}}}"
#define TOOLS "\"toolConfig\":{\"tools\":[" SPEC("get_weather") "," SPEC("get_time") "]},"
#define WITH(members, turns) "{" members "\"messages\":[" turns "]}"
#define USE(id) "{\"toolUse\":{\"toolUseId\":\"" id "\",\"name\":\"get_time\",\"input\":{}}}"
#define RESULT(id) "{\"toolResult\":{\"toolUseId\":\"" id "\",\"content\":[{\"text\":\"20 C\"}]}}"
#define POINT "{\"cachePoint\":{\"type\":\"default\"}}"
#define BAD(body, ...)                                                                             \
    {                                                                                              \
        C, BEARER, body,                                                                           \
        {                                                                                          \
            "HTTP/1.1 400", "x-amzn-errortype: ValidationException:", "{\"message\":\"",           \
                __VA_ARGS__                                                                        \
        }                                                                                          \
    }
#define GOOD(body, ...)                                                                            \
    {                                                                                              \
        C, BEARER, body,                                                                           \
        {                                                                                          \
            "HTTP/1.1 200", __VA_ARGS__                                                            \
        }                                                                                          \
    }

static const struct sim_profile plain = {.name = "unit"};

static void run(const struct asking_case *cases, size_t count)
{
    struct sim_provider *provider = asking_provider(&plain);

    asking_cases(provider, cases, count);
    asking_free(provider);
}

static void answers_whole(void)
{
    static const struct asking_case cases[] = {
        GOOD(TURNS(SAYS("hi [[sim:echo]]")), "x-amzn-requestid: req_",
             "\"output\":{\"message\":{\"content\":[{\"text\":\"hi [[sim:echo]]\"}],\"role\":"
             "\"assistant\"}},\"stopReason\":\"end_turn\"}",
             "\"totalTokens\"", "\"metrics\":{\"latencyMs\":100}"),
        GOOD(WITH(TOOLS, SAYS("[[sim:tools-parallel-2]]")), "\"toolUseId\":\"tooluse_",
             "\"name\":\"get_weather\",\"input\":{\"city\":\"", "\"name\":\"get_time\"",
             "\"stopReason\":\"tool_use\""),
        GOOD(WITH("\"additionalModelRequestFields\":{\"thinking\":{\"type\":\"enabled\","
                  "\"budget_tokens\":1024}},",
                  SAYS("a [[sim:redacted-thinking]]")),
             "{\"reasoningContent\":{\"redactedContent\":\"",
             "{\"reasoningContent\":{\"reasoningText\":{\"text\":\"", "\"signature\":\"SimSeal"),
        GOOD(TURNS(SAYS("0123456789 0123456789 "
                        "[[sim:usage-cached-4-usage-write-5m-2-usage-write-1h-1]]")),
             "\"cacheReadInputTokens\":4,\"cacheWriteInputTokens\":3",
             "\"cacheDetails\":[{\"ttl\":\"5m\",\"inputTokens\":2},{\"ttl\":\"1h\","
             "\"inputTokens\":1}]"),
        GOOD(TURNS(SAYS("[[sim:citations]]")), "{\"citationsContent\":{\"content\":[{\"text\":",
             "\"citations\":[{\"title\":\"A page\""),
        GOOD(TURNS(SAYS("[[sim:usage-missing]]")), "!\"usage\"", "\"metrics\""),
        GOOD(TURNS(SAYS("[[sim:no-finish]]")), "!stopReason"),
        GOOD(TURNS(SAYS("[[sim:null-content]]")), "\"content\":null"),
        GOOD(TURNS(SAYS("[[sim:content-filter]]")), "\"stopReason\":\"content_filtered\""),
        GOOD(WITH("\"inferenceConfig\":{\"maxTokens\":3},", SAYS("[[sim:tokens-20]]")),
             "\"stopReason\":\"max_tokens\"", "\"outputTokens\":3,"),
        GOOD(
            WITH("\"inferenceConfig\":{\"stopSequences\":[\" c\"]},", SAYS("a b c d [[sim:echo]]")),
            "\"text\":\"a b\"", "\"stopReason\":\"stop_sequence\""),
        GOOD(WITH("\"outputConfig\":{\"textFormat\":{\"type\":\"json_schema\",\"structure\":{"
                  "\"jsonSchema\":{\"schema\":\"{\\\"type\\\":\\\"object\\\",\\\"properties\\\":{"
                  "\\\"count\\\":{\\\"type\\\":\\\"integer\\\"}}}\"}}}},",
                  SAYS("count")),
             "{\\\"count\\\":"),
        {"/model/arn%3Aaws%3Abedrock%3Aeu%3A1%3Ainference-profile%2Ffault-status-503/converse",
         BEARER,
         TURNS(SAYS("hi")),
         {"HTTP/1.1 503", "x-amzn-errortype: ServiceUnavailableException:"}},
    };

    run(cases, ARRAY_LEN(cases));
}

/* --- streams --- */

/* The stream as lines "TYPE PAYLOAD", then what ended it. */
static void read_stream(const char *body, struct buf *out)
{
    struct sim_provider *provider = asking_provider(&plain);
    struct asked asked = asking_with(provider, "POST", S, BEARER, body);
    struct eventstream_decoder decoder;
    struct eventstream_message message;
    enum eventstream_result result;
    struct slice bytes = buf_slice(&asked.body);

    EXPECT(asked_has(&asked, "content-type: application/vnd.amazon.eventstream\r\n"));
    eventstream_decoder_init(&decoder, ASKING_TEXT_MAX);
    while ((result = eventstream_decode(&decoder, &bytes, &message)) == EVENTSTREAM_MESSAGE) {
        bool event = slice_eq(message.message_type, SLICE("event"));
        EXPECT(event || slice_eq(message.message_type, SLICE("exception")));
        EXPECT(slice_eq(message.content_type, SLICE("application/json")));
        buf_append(out, event ? message.event_type : message.exception_type);
        buf_append_char(out, ' ');
        buf_append(out, message.payload);
        buf_append_char(out, '\n');
    }
    buf_append_cstr(out, result == EVENTSTREAM_CORRUPT  ? "corrupt"
                         : eventstream_is_cut(&decoder) ? "cut"
                                                        : "whole");
    eventstream_decoder_release(&decoder);
    asked_release(&asked);
    asking_free(provider);
}

struct stream_case {
    const char *body;
    const char *wanted[8]; /* in this order; one that begins with '!' is nowhere */
};

static void run_stream(const struct stream_case *c)
{
    struct buf out = BUF_INIT(ASKING_TEXT_MAX);

    read_stream(c->body, &out);
    struct slice rest = buf_slice(&out);
    for (size_t i = 0; i < ARRAY_LEN(c->wanted) && c->wanted[i] != NULL; i++) {
        bool absent = c->wanted[i][0] == '!';
        struct slice wanted = slice_from_cstr(c->wanted[i] + absent);
        size_t at = slice_find_slice(absent ? buf_slice(&out) : rest, wanted);
        EXPECT((at == SIZE_MAX) == absent);
        if ((at == SIZE_MAX) != absent) {
            printf("# %s\n# %.*s\n", c->wanted[i], (int)out.len, out.ptr);
            break;
        }
        rest = absent ? rest : slice_from(rest, at + wanted.len);
    }
    buf_release(&out);
}

static void answers_in_messages(void)
{
    static const struct stream_case cases[] = {
        {TURNS(SAYS("hi [[sim:echo]]")),
         {"messageStart {\"role\":\"assistant\",\"p\":\"a",
          "\ncontentBlockDelta {\"contentBlockIndex\":0,\"delta\":{\"text\":\"hi\"},\"p\":",
          "\ncontentBlockStop {\"contentBlockIndex\":0,",
          "\nmessageStop {\"stopReason\":\"end_turn\"",
          "\nmetadata {\"usage\":{\"inputTokens\":", "whole", "!contentBlockStart"}},
        {WITH(TOOLS, SAYS("[[sim:tools-parallel-2-thinking]]")),
         {"{\"contentBlockIndex\":0,\"delta\":{\"reasoningContent\":{\"text\":\"",
          "\"delta\":{\"reasoningContent\":{\"signature\":\"SimSeal",
          "contentBlockStart {\"contentBlockIndex\":1,\"start\":{\"toolUse\":{\"toolUseId\":"
          "\"tooluse_",
          "\"delta\":{\"toolUse\":{\"input\":\"{\\\"city\\\"",
          "contentBlockStart {\"contentBlockIndex\":2,", "\"stopReason\":\"tool_use\"", "whole"}},
        {WITH(TOOLS, SAYS("[[sim:tools-whole]]")),
         {"\"input\":\"{\\\"city\\\":\\\"", "\\\"}\"}}", "contentBlockStop"}},
        {TURNS(SAYS("[[sim:citations]]")), {"\"delta\":{\"citation\":{\"title\":\"A page\""}},
        {TURNS(SAYS("[[sim:error-in-stream-3]]")),
         {"contentBlockDelta", "contentBlockDelta",
          "modelStreamErrorException {\"message\":\"The simulated", "\"originalStatusCode\":500",
          "whole", "!messageStop"}},
        {TURNS(SAYS("[[sim:error-openrouter-2]]")),
         {"throttlingException {\"message\":\"Too many requests", "whole", "!messageStop"}},
        {TURNS(SAYS("[[sim:no-finish]]")), {"metadata", "whole", "!messageStop"}},
        {TURNS(SAYS("[[sim:no-done]]")), {"messageStop", "whole", "!metadata"}},
        {TURNS(SAYS("[[sim:usage-missing]]")), {"metadata {\"metrics\"", "!\"usage\""}},
        {TURNS(SAYS("[[sim:malformed-event-3]]")), {"messageStart", "\ncorrupt", "!messageStop"}},
        {TURNS(SAYS("[[sim:malformed-json-2-tokens-9]]")),
         {"contentBlockDelta {\"contentBlockIndex\":0,\"de", "\ncontentBlockDelta {", "whole"}},
        {TURNS(SAYS("[[sim:invalid-utf8]]")), {"\"text\":\"\xff", "whole"}},
        {TURNS(SAYS("[[sim:fin-mid-2]]")), {"contentBlockDelta", "whole", "!messageStop"}},
        {TURNS(SAYS("[[sim:deep-json-9]]")), {"contentBlockDelta [[[[[[[[[]]]]]]]]]", "whole"}},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        run_stream(&cases[i]);
    }
}

static void grows_events_with_their_sums(void)
{
    struct buf out = BUF_INIT(ASKING_TEXT_MAX);

    read_stream(TURNS(SAYS("[[sim:huge-event-1]]")), &out);
    EXPECT(out.len > (size_t)1 << 20);
    EXPECT(slice_ends(buf_slice(&out), SLICE("whole")));
    buf_clear(&out);
    read_stream(TURNS(SAYS("[[sim:huge-1]]")), &out);
    EXPECT(out.len > (size_t)60 << 10); /* the script repeats it */
    EXPECT(slice_ends(buf_slice(&out), SLICE("whole")));
    buf_release(&out);
}

/* --- refusals --- */

static void refuses_members(void)
{
    static const struct asking_case cases[] = {
        BAD("{\"modelId\":\"x\",\"messages\":[" SAYS("a") "]}", "Unknown member 'modelId'"),
        BAD(WITH("\"inferenceConfig\":{\"maxTokens\":0},", SAYS("a")), "inferenceConfig.maxTokens"),
        BAD(WITH("\"inferenceConfig\":{\"temperature\":1.01},", SAYS("a")), "temperature"),
        BAD(WITH("\"inferenceConfig\":{\"topP\":\"1\"},", SAYS("a")), "inferenceConfig.topP"),
        BAD(WITH("\"inferenceConfig\":{\"topK\":1},", SAYS("a")), "Unknown member 'topK'"),
        BAD(WITH("\"inferenceConfig\":{\"stopSequences\":[\" \"]},", SAYS("a")), "stop_sequences"),
        BAD(WITH("\"inferenceConfig\":{\"stopSequences\":\"x\"},", SAYS("a")), "stopSequences"),
        BAD(WITH("\"toolConfig\":{\"tools\":[]},", SAYS("a")), "toolConfig.tools"),
        BAD(WITH("\"toolConfig\":{\"tools\":[" SPEC("a b") "]},", SAYS("a")),
            "toolConfig.tools.0.toolSpec.name"),
        BAD(WITH("\"toolConfig\":{\"tools\":[" SPEC("a") "," SPEC("a") "]},", SAYS("a")),
            "must be unique"),
        BAD(WITH("\"toolConfig\":{\"tools\":[{\"toolSpec\":{\"name\":\"a\",\"description\":\"\","
                 "\"inputSchema\":{\"json\":{\"type\":\"object\"}}}}]},",
                 SAYS("a")),
            "description"),
        BAD(WITH("\"toolConfig\":{\"tools\":[{\"toolSpec\":{\"name\":\"a\",\"inputSchema\":{"
                 "\"json\":{}}}}]},",
                 SAYS("a")),
            "inputSchema.json.type must be"),
        BAD(WITH("\"toolConfig\":{\"tools\":[" SPEC("a") "," SPEC("b") "],\"toolChoice\":{"
                                                                       "\"none\":{}}},",
                 SAYS("a")),
            "Unknown member 'none'"),
        BAD(WITH("\"toolConfig\":{\"tools\":[" POINT "]},", SAYS("a")), "cache point"),
        BAD(WITH("\"outputConfig\":{\"textFormat\":{\"type\":\"json_schema\",\"structure\":{"
                 "\"jsonSchema\":{\"schema\":{\"type\":\"object\"}}}}},",
                 SAYS("a")),
            "not a valid JSON schema"),
        BAD(WITH("\"serviceTier\":{\"type\":\"auto\"},", SAYS("a")), "serviceTier.type"),
        BAD(WITH("\"additionalModelRequestFields\":{\"thinking\":{\"type\":\"enabled\","
                 "\"budget_tokens\":100}},",
                 SAYS("a")),
            "greater than or equal to 1024"),
        BAD(WITH("\"inferenceConfig\":{\"maxTokens\":1024},\"additionalModelRequestFields\":{"
                 "\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":1024}},",
                 SAYS("a")),
            "must be greater"),
        BAD(WITH("\"system\":\"be brief\",", SAYS("a")), "system is no list"),
        BAD(WITH("\"system\":[{\"text\":\" \"}],", SAYS("a")), "is blank"),
        BAD(WITH("\"system\":[" POINT "],", SAYS("a")), "nothing before it"),
        GOOD(WITH("\"system\":[{\"text\":\"be brief\"}," POINT "],", SAYS("a")), "\"output\""),
    };

    run(cases, ARRAY_LEN(cases));
}

#define SEVEN "{\"image\":{\"format\":\"png\",\"source\":{\"bytes\":\"AAAA\"}}}"
#define PAGE(name)                                                                                 \
    "{\"document\":{\"format\":\"pdf\",\"name\":\"" name "\",\"source\":{\"bytes\":\"AAAA\"}}}"
#define TEXT "{\"text\":\"a\"}"

static void refuses_conversations(void)
{
    static const struct asking_case cases[] = {
        BAD("{\"messages\":[]}", "must start with a user message"),
        BAD(TURNS(MODEL("[" TEXT "]")), "must start with a user message"),
        BAD(TURNS(SAYS("a") "," SAYS("b")), "must alternate"),
        BAD(TURNS("{\"role\":\"system\",\"content\":[" TEXT "]}"), "Value of role at messages.0"),
        BAD(TURNS("{\"role\":\"user\",\"content\":[" TEXT "],\"name\":\"x\"}"), "member 'name'"),
        BAD(TURNS(USER("\"a\"")), "messages.0 is empty"),
        BAD(TURNS(USER("[]")), "messages.0 is empty"),
        BAD(TURNS(SAYS(" \\n")), "messages.0.content.0 is blank"),
        BAD(TURNS(USER("[{\"type\":\"text\",\"text\":\"a\"}]")), "must set one of the following"),
        BAD(TURNS(USER("[{\"toolUse\":{}}]")), "must set one of the following"),
        BAD(TURNS(USER("[" POINT "," TEXT "]")), "nothing before it"),
        BAD(TURNS(USER("[" TEXT ",{\"cachePoint\":{\"type\":\"ephemeral\"}}]")), "[default]"),
        BAD(TURNS(USER("[" TEXT "," POINT "," POINT "," POINT "," POINT "," POINT "]")), "Found 5"),
        BAD(TURNS(USER("[{\"image\":{\"format\":\"bmp\",\"source\":{\"bytes\":\"AAAA\"}}}]")),
            "format of the image"),
        BAD(TURNS(USER("[{\"image\":{\"format\":\"png\",\"source\":{\"bytes\":\"AAA\"}}}]")),
            "base64"),
        BAD(TURNS(USER("[" TEXT "," PAGE("a.pdf") "]")), "file name can only contain"),
        BAD(TURNS(USER("[" PAGE("a") "]")), "must hold a text too"),
        GOOD(TURNS(USER("[" TEXT "," PAGE("a (1) [b]") "," SEVEN "]")), "\"output\""),
    };

    run(cases, ARRAY_LEN(cases));
}

static void refuses_calls_without_results(void)
{
    static const struct asking_case cases[] = {
        GOOD(WITH(TOOLS, SAYS("a") "," MODEL("[" USE("x") "," USE("y") "]") "," USER(
                             "[" RESULT("y") "," RESULT("x") "," POINT "," TEXT "]")),
             "\"output\""),
        BAD(WITH(TOOLS,
                 SAYS("a") "," MODEL("[" USE("x") "," USE("y") "]") "," USER("[" RESULT("x") "]")),
            "Expected toolResult blocks at messages.2.content for the following Ids: y"),
        BAD(WITH(TOOLS, SAYS("a") "," MODEL("[" USE("x") "]") "," SAYS("b")),
            "for the following Ids: x"),
        BAD(WITH(TOOLS, USER("[" RESULT("x") "]")), "exceeds the number of toolUse blocks"),
        BAD(WITH(TOOLS,
                 SAYS("a") "," MODEL("[" USE("x") "]") "," USER("[" TEXT "," RESULT("x") "]")),
            "exceeds the number of toolUse blocks"),
        BAD(WITH(TOOLS, SAYS("a") "," MODEL("[" USE("x") "," USE("x") "]")), "must be unique"),
        BAD(WITH(TOOLS, SAYS("a") "," MODEL("[" USE("x.1") "]")), "Value of toolUseId"),
        BAD(WITH(TOOLS, SAYS("a") "," MODEL("[{\"toolUse\":{\"toolUseId\":\"x\",\"name\":\"n\","
                                            "\"input\":\"{}\"}}]")),
            "Provide a json object"),
        BAD(TURNS(SAYS("a") "," MODEL("[" USE("x") "]") "," USER("[" RESULT("x") "]")),
            "The toolConfig field must be defined"),
        BAD(WITH(TOOLS, SAYS("a") "," MODEL("[" USE("x") "]") "," USER(
                            "[{\"toolResult\":{\"toolUseId\":\"x\",\"content\":[{\"text\":"
                            "\"\"}]}}]")),
            "is blank"),
        BAD(WITH(TOOLS, SAYS("a") "," MODEL("[" USE("x") "]") "," USER(
                            "[{\"toolResult\":{\"toolUseId\":\"x\",\"content\":[],\"status\":"
                            "\"failed\"}}]")),
            "Value of status"),
    };

    run(cases, ARRAY_LEN(cases));
}

static void holds_thoughts_to_their_seals(void)
{
    static const char fields[] = "\"additionalModelRequestFields\":{\"thinking\":{\"type\":"
                                 "\"enabled\",\"budget_tokens\":1024}}";
    struct sim_provider *provider = asking_provider(&plain);
    char seal[SIM_SEAL_SIZE];
    sim_seal(SLICE("hm"), seal);
    const struct {
        const char *text;
        const char *seal;
        const char *wanted;
    } rows[] = {
        {"hm", seal, "\"output\""},
        {"hmm", seal, "Invalid `signature`"},
        {"hm", "", "Invalid `signature`"},
        {NULL, NULL, "must start with a thinking block"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf body = BUF_INIT(8192);
        buf_printf(&body,
                   "{%s," TOOLS "\"messages\":[" SAYS("a") ",{\"role\":\"assistant\","
                                                           "\"content\":[",
                   fields);
        if (rows[i].text != NULL) {
            buf_printf(&body,
                       "{\"reasoningContent\":{\"reasoningText\":{\"text\":\"%s\",\"signature\":"
                       "\"%s\"}}},",
                       rows[i].text, rows[i].seal);
        }
        buf_append_cstr(&body, USE("x") "]}," USER("[" RESULT("x") "]") "]}");
        buf_append_char(&body, '\0');
        struct asked asked = asking_with(provider, "POST", C, BEARER, body.ptr);
        EXPECT(asked_has(&asked, rows[i].wanted));
        asked_release(&asked);
        buf_release(&body);
    }
    asking_free(provider);
}

static void lets_in_by_signature_or_key(void)
{
    static const struct sim_profile keyed = {.name = "unit", .api_key = "sk-1"};
    static const char body[] = TURNS(SAYS("a"));
    static const struct asking_case cases[] = {
        {C, "Authorization: Bearer sk-1\r\n", body, {"HTTP/1.1 200"}},
        {C,
         "Authorization: Bearer sk-2\r\n",
         body,
         {"HTTP/1.1 403", "errortype: AccessDeniedException:", "API Key is valid"}},
        {C,
         "x-api-key: sk-1\r\n",
         body,
         {"HTTP/1.1 403", "errortype: MissingAuthenticationTokenException:"}},
        {C,
         "Authorization: AWS4-HMAC-SHA256 Credential=a\r\n",
         body,
         {"HTTP/1.1 403", "errortype: IncompleteSignatureException:"}},
    };
    struct sim_provider *provider = asking_provider(&keyed);

    asking_cases(provider, cases, ARRAY_LEN(cases));
    asking_free(provider);
}

int main(void)
{
    TEST(answers_whole, "answers are Converse's, with calls, thoughts and usage");
    TEST(answers_in_messages, "streams are Amazon's messages, as sound as they are told to be");
    TEST(grows_events_with_their_sums, "huge events have right lengths and sums");
    TEST(refuses_members, "members that the API refuses are refused");
    TEST(refuses_conversations, "roles, blocks and bytes that the API refuses are refused");
    TEST(refuses_calls_without_results, "calls and results belong together");
    TEST(holds_thoughts_to_their_seals, "thoughts come back as they were, before their calls");
    TEST(lets_in_by_signature_or_key, "who has neither a signature nor the key is not let in");
    return tap_done();
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simulated Messages API: its answers, its streams, and what it refuses.
 */
#include "tests/unit/sim/asking.h"

#include "sim/seal.h"

#define M "/v1/messages"
#define OLD "anthropic-version: 2023-06-01\r\n"
#define NEW "anthropic-version: 2026-10-21\r\n"
#define HEAD "{\"model\":\"claude\",\"max_tokens\":900,"
#define HELLO "\"messages\":[{\"role\":\"user\",\"content\":\"Hello, who are you?\"}]"
#define SAYS(text) "\"messages\":[{\"role\":\"user\",\"content\":\"" text "\"}]"
#define TOOLS                                                                                      \
    "\"tools\":[{\"name\":\"get_weather\",\"input_schema\":{\"type\":\"object\",\"properties\":{"  \
    "\"city\":{\"type\":\"string\"}}}},{\"name\":\"get_time\",\"input_schema\":{\"type\":"         \
    "\"object\"}}],"
#define USER(content) "{\"role\":\"user\",\"content\":" content "}"
#define MODEL(content) "{\"role\":\"assistant\",\"content\":" content "}"
#define USE(id) "{\"type\":\"tool_use\",\"id\":\"" id "\",\"name\":\"get_time\",\"input\":{}}"
#define RESULT(id) "{\"type\":\"tool_result\",\"tool_use_id\":\"" id "\",\"content\":\"20 C\"}"
#define TURNS(turns) HEAD TOOLS "\"messages\":[" turns "]}"

static const struct sim_profile plain = {.name = "unit", .models = "claude, other"};

static const struct asking_case whole[] = {
    {M,
     OLD,
     HEAD HELLO "}",
     {"HTTP/1.1 200", "request-id: req_", "\"type\":\"message\",\"role\":\"assistant\"",
      "\"content\":[{\"type\":\"text\",\"text\":\"", "\"stop_reason\":\"end_turn\"",
      "\"cache_creation\":{\"ephemeral_5m_input_tokens\":0"}},
    {M,
     NEW,
     HEAD "\"thinking\":{\"type\":\"adaptive\"}," HELLO "}",
     {"[{\"type\":\"thinking\",\"thinking\":\"", "\"signature\":\"SimSeal+/"}},
    {M,
     OLD,
     HEAD SAYS("[[sim:redacted-thinking-citations]]") "}",
     {"{\"type\":\"redacted_thinking\",\"data\":\"SimSeal", "\"citations\":[{\"type\":"}},
    {M,
     OLD,
     HEAD TOOLS SAYS("[[sim:tools-parallel-2]]") "}",
     {"\"type\":\"tool_use\",\"id\":\"toolu_01", "\"name\":\"get_weather\",\"input\":{\"city\"",
      "\"name\":\"get_time\"", "\"stop_reason\":\"tool_use\"", "!\"type\":\"text\""}},
    {M,
     OLD,
     HEAD SAYS("[[sim:usage-cached-4-usage-write-5m-2-usage-write-1h-1]]") "}",
     {"\"cache_creation_input_tokens\":3,\"cache_read_input_tokens\":4",
      "\"ephemeral_5m_input_tokens\":2,\"ephemeral_1h_input_tokens\":1"}},
    {M,
     OLD,
     HEAD "\"stop_sequences\":[\" c\"]," SAYS("a b c d [[sim:echo]]") "}",
     {"\"text\":\"a b\"}", "\"stop_reason\":\"stop_sequence\",\"stop_sequence\":\" c\""}},
    {M, OLD, HEAD SAYS("[[sim:finish-length]]") "}", {"\"stop_reason\":\"max_tokens\""}},
    {M, OLD, HEAD SAYS("[[sim:content-filter]]") "}", {"\"stop_reason\":\"refusal\""}},
    {M "/count_tokens", OLD, "{\"model\":\"claude\"," HELLO "}", {"{\"input_tokens\":9}"}},
    {"/v1/models", OLD, "", {"\"display_name\":\"other\"", "\"has_more\":false"}},
    {"/v1/models/claude", OLD, "", {"{\"type\":\"model\",\"id\":\"claude\""}},
    {"/v1/models", "", "", {"\"object\":\"list\""}},
};

static void answers_whole(void)
{
    struct sim_provider *provider = asking_provider(&plain);

    asking_cases(provider, whole, ARRAY_LEN(whole));
    asking_free(provider);
}

#define STREAM HEAD "\"stream\":true,"

static void answers_in_streams(void)
{
    static const struct asking_case cases[] = {
        {M,
         OLD,
         STREAM SAYS("[[sim:thinking-tokens-4]]") "}",
         {"event: message_start\ndata: {\"type\":\"message_start\"", "event: ping\n",
          "\"index\":0,\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"",
          "\"index\":0,\"delta\":{\"type\":\"signature_delta\",\"signature\":\"SimSeal",
          "\"index\":1,\"content_block\":{\"type\":\"text\",\"text\":\"\"}",
          "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"}},
        {M,
         OLD,
         STREAM TOOLS SAYS("[[sim:tools-parallel-2]]") "}",
         {"\"index\":0,\"content_block\":{\"type\":\"tool_use\",\"id\":\"toolu_01",
          "\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"\"}",
          "\"partial_json\":\"{\\\"city\\\"",
          "\"index\":1,\"content_block\":{\"type\":\"tool_use\"",
          "\"delta\":{\"stop_reason\":\"tool_use\""}},
        {M,
         OLD,
         STREAM SAYS("[[sim:error-in-stream-3]]") "}",
         {"event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\"",
          "!message_stop"}},
        {M, OLD, STREAM SAYS("[[sim:no-done]]") "}", {"message_delta", "!message_stop"}},
        {M, OLD, STREAM SAYS("[[sim:no-finish]]") "}", {"!message_delta", "message_stop"}},
        {M, OLD, STREAM SAYS("[[sim:usage-missing]]") "}", {"!\"usage\"", "message_stop"}},
        {M,
         OLD,
         STREAM SAYS("[[sim:thinking-omitted-thinking]]") "}",
         {"!thinking_delta", "signature_delta"}},
    };
    struct sim_provider *provider = asking_provider(&plain);

    asking_cases(provider, cases, ARRAY_LEN(cases));
    asking_free(provider);
}

static const struct asking_case members[] = {
    {M, "", HEAD HELLO "}", {"HTTP/1.1 400", "anthropic-version: header is required"}},
    {M, "anthropic-version: 2020-01-01\r\n", HEAD HELLO "}", {"is not a valid version"}},
    {M,
     OLD,
     "{\"model\":\"claude\"," HELLO "}",
     {"HTTP/1.1 400", "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\"",
      "max_tokens: Field required", "\"request_id\""}},
    {M, OLD, HEAD "\"temperature\":0.5," HELLO "}", {"HTTP/1.1 200"}},
    {M,
     NEW,
     HEAD "\"temperature\":1," HELLO "}",
     {"HTTP/1.1 400", "temperature: Extra inputs are not permitted"}},
    {M, OLD, HEAD "\"temperature\":1.5," HELLO "}", {"HTTP/1.1 400", "temperature: range"}},
    {M, OLD, HEAD "\"n\":1," HELLO "}", {"n: Extra inputs are not permitted"}},
    {M, OLD, HEAD "\"stop_sequences\":[\"\\n\"]," HELLO "}", {"HTTP/1.1 400"}},
    {M, OLD, HEAD "\"stop_sequences\":\"x\"," HELLO "}", {"HTTP/1.1 400", "valid list"}},
    {M,
     OLD,
     HEAD "\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":100}," HELLO "}",
     {"HTTP/1.1 400", "greater than or equal to 1024"}},
    {M,
     OLD,
     HEAD "\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":1024}," HELLO "}",
     {"HTTP/1.1 400", "must be greater than `thinking.budget_tokens`"}},
    {M,
     OLD,
     HEAD "\"tool_choice\":{\"type\":\"any\"}," HELLO "}",
     {"may only be specified while providing tools"}},
    {M,
     OLD,
     HEAD "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"x\"}}]," HELLO "}",
     {"HTTP/1.1 400"}},
    {M,
     OLD,
     HEAD "\"tools\":[{\"name\":\"x\",\"input_schema\":{}}]," HELLO "}",
     {"input_schema.type: Input should be 'object'"}},
    {M,
     OLD,
     HEAD "\"system\":[{\"type\":\"text\",\"text\":\"\"}]," HELLO "}",
     {"system: text content blocks must be non-empty"}},
    {M,
     OLD,
     HEAD SAYS("[[sim:context-length]]") "}",
     {"HTTP/1.1 400", "prompt is too long: ", " tokens > 8192 maximum"}},
    {M, OLD, HEAD SAYS("[[sim:status-529]]") "}", {"HTTP/1.1 529", "overloaded_error"}},
    {M,
     OLD,
     HEAD SAYS("[[sim:status-429-retry-7]]") "}",
     {"HTTP/1.1 429", "rate_limit_error", "retry-after: 7"}},
};

static void refuses_members(void)
{
    struct sim_provider *provider = asking_provider(&plain);

    asking_cases(provider, members, ARRAY_LEN(members));
    asking_free(provider);
}

static const struct asking_case conversations[] = {
    {M,
     OLD,
     TURNS(USER("\"a\"") "," MODEL("[" USE("t1") "]") "," USER("[" RESULT("t1") "]")),
     {"HTTP/1.1 200", "\"stop_reason\":\"end_turn\""}},
    {M,
     OLD,
     TURNS(USER("\"a\"") "," MODEL("[" USE("t1") "]") "," USER("\"b\"")),
     {"HTTP/1.1 400", "`tool_use` ids were found without `tool_result` blocks", ": t1."}},
    {M,
     OLD,
     TURNS(USER("[" RESULT("t1") "]")),
     {"HTTP/1.1 400", "unexpected `tool_use_id` found in `tool_result` blocks: t1"}},
    {M,
     OLD,
     TURNS(USER("\"a\"") "," MODEL("[" USE("t1") "," USE("t2") "]") "," USER(
         "[" RESULT("t1") "]") "," USER("[" RESULT("t2") "]")),
     {"HTTP/1.1 400"}},
    {M,
     OLD,
     TURNS(USER("\"a\"") "," MODEL("[" USE("t1") "]") "," USER(
         "[{\"type\":\"text\",\"text\":\"x\"}," RESULT("t1") "]")),
     {"HTTP/1.1 400"}},
    {M,
     OLD,
     TURNS(USER("\"a\"") "," MODEL("[" USE("functions.Bash:0") "]")),
     {"tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'"}},
    {M,
     OLD,
     TURNS(USER("\"a\"") "," MODEL("[" USE("t1") "," USE("t1") "]")),
     {"ids must be unique"}},
    {M,
     OLD,
     TURNS(USER("[{\"type\":\"text\",\"text\":\"\"}]")),
     {"text content blocks must be non-empty"}},
    {M,
     OLD,
     TURNS(USER("[{\"type\":\"text\",\"text\":\" \\n\"}]")),
     {"must contain non-whitespace text"}},
    {M, OLD, TURNS(USER("\"\"")), {"must have non-empty content"}},
    {M,
     OLD,
     TURNS("{\"role\":\"system\",\"content\":\"x\"}," USER("\"a\"")),
     {"Unexpected role \\\"system\\\""}},
    {M,
     OLD "anthropic-beta: a, mid-conversation-system-2026-04-07\r\n",
     TURNS(USER("\"a\"") ",{\"role\":\"system\",\"content\":\"x\"}"),
     {"HTTP/1.1 200"}},
    {M, OLD, TURNS("{\"role\":\"tool\",\"content\":\"x\"}"), {"Unexpected role \\\"tool\\\""}},
    {M, OLD, TURNS(MODEL("\"a\"")), {"first message must use the \\\"user\\\" role"}},
    {M, OLD, TURNS(""), {"at least one message is required"}},
    {M,
     OLD,
     TURNS(USER("[{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"media_type\":"
                "\"image/bmp\",\"data\":\"AAAA\"}}]")),
     {"HTTP/1.1 400", "media_type"}},
    {M,
     OLD,
     TURNS(USER("[{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"media_type\":"
                "\"image/png\",\"data\":\"data:image/png;base64,AAAA\"}}]")),
     {"HTTP/1.1 400", "invalid base64 data"}},
    {M, OLD, TURNS(USER("[{\"type\":\"image_url\"}]")), {"Input tag 'image_url' found"}},
    {M,
     OLD,
     "{\"model\":\"c\",\"max_tokens\":3000,\"thinking\":{\"type\":\"enabled\",\"budget_"
     "tokens\":"
     "1024}," TOOLS "\"messages\":[" USER("\"a\"") "," MODEL("[" USE("t1") "]") "," USER(
         "[" RESULT("t1") "]") "]}",
     {"Expected `thinking` or `redacted_thinking`, but found `tool_use`"}},
};

static void refuses_conversations(void)
{
    struct sim_provider *provider = asking_provider(&plain);

    asking_cases(provider, conversations, ARRAY_LEN(conversations));
    asking_free(provider);
}

static void checks_signatures(void)
{
    struct sim_provider *provider = asking_provider(&plain);
    char seal[SIM_SEAL_SIZE];
    char body[1024];
    static const struct {
        const char *thought;
        const char *seal; /* NULL: the right one */
        const char *wanted;
    } rows[] = {
        {"First, then.", NULL, "HTTP/1.1 200"},
        {"Altered.", NULL, "Invalid `signature` in `thinking` block"},
        {"", NULL, "HTTP/1.1 200"}, /* its text was not shown */
        {"First, then.", "SimSeal+/nonsense", "Invalid `signature`"},
        {"", "SimSeal+/00000000000000000000000000000000==", "Invalid `signature`"},
        {"First, then.", "", "thinking.signature: Field required"},
    };

    sim_seal(SLICE("First, then."), seal);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        (void)snprintf(body, sizeof(body),
                       TURNS(USER("\"a\"") "," MODEL("[{\"type\":\"thinking\",\"thinking\":\"%s\","
                                                     "\"signature\":\"%s\"}]") "," USER("\"b\"")),
                       rows[i].thought, rows[i].seal == NULL ? seal : rows[i].seal);
        struct asked asked = asking_with(provider, "POST", M, OLD, body);
        EXPECT(asked_has(&asked, rows[i].wanted));
        asked_release(&asked);
    }
    asking_free(provider);
}

static void knows_its_keys(void)
{
    static const struct sim_profile keyed = {.name = "unit", .api_key = "k-1"};
    static const struct asking_case cases[] = {
        {M, OLD "x-api-key: k-1\r\n", HEAD HELLO "}", {"HTTP/1.1 200"}},
        {M, OLD "Authorization: Bearer k-1\r\n", HEAD HELLO "}", {"HTTP/1.1 200"}},
        {M,
         OLD "x-api-key: no\r\nAuthorization: Bearer k-1\r\n",
         HEAD HELLO "}",
         {"HTTP/1.1 401", "authentication_error"}},
        {M, OLD, HEAD HELLO "}", {"HTTP/1.1 401"}},
    };
    struct sim_provider *provider = asking_provider(&keyed);

    asking_cases(provider, cases, ARRAY_LEN(cases));
    asking_free(provider);
}

#define SCRIPT "Do it: [[call:get_time {}]] then [[call:get_weather {\\\"city\\\":\\\"Oslo\\\"}]]"

static void follows_scripts(void)
{
    static const struct asking_case cases[] = {
        {M, OLD, TURNS(USER("\"" SCRIPT "\"")), {"\"name\":\"get_time\",\"input\":{}"}},
        {M,
         OLD,
         TURNS(USER("\"" SCRIPT "\"") "," MODEL("[" USE("t1") "]") "," USER("[" RESULT("t1") "]")),
         {"\"name\":\"get_weather\",\"input\":{\"city\":\"Oslo\"}"}},
        {M,
         OLD,
         TURNS(USER("\"" SCRIPT " [[sim:echo]]\"") "," MODEL("[" USE("t1") "]") "," USER(
             "[" RESULT("t1") "]") "," MODEL("[" USE("t2") "]") "," USER("[" RESULT("t2") "]")),
         {"\"type\":\"text\",\"text\":\"20 C\"", "!\"type\":\"tool_use\""}},
        {M,
         OLD,
         TURNS(USER("\"" SCRIPT " [[sim:echo-result]]\"") "," MODEL("[" USE("t1") "]") "," USER(
             "[" RESULT(
                 "t1") "]") "," MODEL("[" USE("t2") "]") "," USER("[" RESULT("t2") ",{\"type\":"
                                                                                   "\"text\","
                                                                                   "\"text\":"
                                                                                   "\"Mind the "
                                                                                   "gap.\"}]")),
         {"\"type\":\"text\",\"text\":\"20 C\""}},
        {M, OLD, HEAD SAYS(SCRIPT) "}", {"!tool_use", "\"stop_reason\":\"end_turn\""}},
    };
    struct sim_provider *provider = asking_provider(&plain);

    asking_cases(provider, cases, ARRAY_LEN(cases));
    asking_free(provider);
}

int main(void)
{
    TEST(answers_whole, "whole answers, counts and lists");
    TEST(answers_in_streams, "streams with their events, sound and faulty");
    TEST(refuses_members, "versions, members and limits that the API refuses");
    TEST(refuses_conversations, "conversations that the API refuses");
    TEST(checks_signatures, "an altered signature is refused");
    TEST(knows_its_keys, "both ways of authenticating, and which one wins");
    TEST(follows_scripts, "a script of calls is followed result by result");
    return tap_done();
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simulated Gemini API: its answers, its streams, and what it refuses.
 */
#include "tests/unit/sim/asking.h"

#include "sim/seal.h"

#define G "/v1beta/models/gemini-3:generateContent"
#define S "/v1beta/models/gemini-3:streamGenerateContent"
#define SSE S "?alt=sse"
#define KEY "x-goog-api-key: k\r\n"
#define USER(parts) "{\"role\":\"user\",\"parts\":[" parts "]}"
#define MODEL(parts) "{\"role\":\"model\",\"parts\":[" parts "]}"
#define TEXT(text) "{\"text\":\"" text "\"}"
#define ASK(text) "{\"contents\":[" USER(TEXT(text)) "]}"
#define DECLARE(schema)                                                                            \
    "\"tools\":[{\"functionDeclarations\":[{\"name\":\"get_weather\",\"parameters\":" schema       \
    "},{\"name\":\"get_time\"}]}],"
#define WEATHER                                                                                    \
    DECLARE("{\"type\":\"OBJECT\",\"properties\":{\"properties\":{\"type\":\"STRING\"}}}")
#define WITH(more, text) "{" more "\"contents\":[" USER(TEXT(text)) "]}"
#define CALL(more) "{\"functionCall\":{\"name\":\"get_time\",\"args\":{}}" more "}"
#define SKIP ",\"thoughtSignature\":\"skip_thought_signature_validator\""
#define RESPONSE "{\"functionResponse\":{\"name\":\"get_time\",\"response\":{\"result\":\"noon\"}}}"
#define TURNS(turns) "{" WEATHER "\"contents\":[" turns "]}"

static const struct sim_profile plain = {.name = "unit", .models = "gemini-3, gemini-2"};

static const struct asking_case answers[] = {
    {G,
     KEY,
     ASK("Hello"),
     {"HTTP/1.1 200", "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"",
      "\"role\":\"model\"},\"finishReason\":\"STOP\",\"index\":0}]", "\"promptTokenCount\":6",
      "\"modelVersion\":\"gemini-3\"", "!thought"}},
    {G,
     KEY,
     WITH("\"generationConfig\":{\"thinkingConfig\":{\"includeThoughts\":true}},", "Hello"),
     {"\"thought\":true}", "\"thoughtsTokenCount\":20"}},
    {G,
     KEY,
     WITH("\"generation_config\":{\"max_output_tokens\":3},", "Hello"),
     {"\"finishReason\":\"MAX_TOKENS\"", "\"candidatesTokenCount\":3"}},
    {G,
     KEY,
     WITH(WEATHER, "[[sim:tools-parallel-2]]"),
     {"{\"functionCall\":{\"name\":\"get_weather\",\"args\":{\"properties\":\"",
      "\"thoughtSignature\":\"SimSeal+/", "{\"functionCall\":{\"name\":\"get_time\",\"args\":{",
      "\"finishReason\":\"STOP\""}},
    {G, KEY, WITH(WEATHER, "[[sim:tools-bad-json]]"), {"MALFORMED_FUNCTION_CALL", "!functionCall"}},
    {G, KEY, ASK("[[sim:content-filter]]"), {"\"finishReason\":\"SAFETY\""}},
    {SSE,
     KEY,
     ASK("[[sim:tokens-3]]"),
     {"text/event-stream", "data: {\"candidates\"", "\"finishReason\":\"STOP\"", "}\r\n\r\n",
      "![DONE]"}},
    {S, KEY, ASK("[[sim:tokens-3]]"), {"application/json", "[{\"candidates\"", ",{\"candidates\""}},
    {SSE, KEY, ASK("[[sim:error-in-stream-2]]"), {"data: {\"error\":{\"code\":500", "!STOP"}},
    {"/v1beta/models/g:countTokens", KEY, ASK("Hello"), {"{\"totalTokens\":6,"}},
    {"/v1beta/models/g:countTokens",
     KEY,
     "{\"generateContentRequest\":{\"model\":\"models/g\",\"contents\":[" USER(TEXT("Hello")) "]}}",
     {"{\"totalTokens\":6,"}},
    {"/v1beta/models/e:embedContent",
     KEY,
     "{\"content\":{\"parts\":[{\"text\":\"a\"}]},\"outputDimensionality\":2}",
     {"{\"embedding\":{\"values\":["}},
    {"/v1beta/models/e:batchEmbedContents",
     KEY,
     "{\"requests\":[{\"model\":\"models/e\",\"content\":{\"parts\":[{\"text\":\"a\"}]}},"
     "{\"model\":\"models/e\",\"content\":{\"parts\":[{\"text\":\"b\"}]}}]}",
     {"{\"embeddings\":[{\"values\":[", "]},{\"values\":["}},
    {"/v1beta/models", KEY, "", {"{\"models\":[{\"name\":\"models/gemini-3\""}},
    {"/v1beta/models/gemini-2", KEY, "", {"{\"name\":\"models/gemini-2\""}},
    {"/v1/projects/p/locations/l/publishers/google/models/gemini-3:generateContent",
     KEY,
     ASK("Hello"),
     {"HTTP/1.1 401", "\"status\":\"UNAUTHENTICATED\""}}, /* Vertex AI knows no keys */
};

static const struct asking_case refusals[] = {
    {G,
     KEY,
     WITH("\"max_tokens\":5,", "Hello"),
     {"HTTP/1.1 400", "{\"error\":{\"code\":400,", "Unknown name \\\"max_tokens\\\"",
      "\"status\":\"INVALID_ARGUMENT\""}},
    {G,
     KEY,
     WITH("\"generationConfig\":{\"maxTokens\":5},", "Hello"),
     {"Unknown name \\\"maxTokens\\\" at 'generation_config'"}},
    {G, KEY, WITH("\"generationConfig\":{\"temperature\":2.5},", "Hello"), {"HTTP/1.1 400"}},
    {G,
     KEY,
     WITH("\"generationConfig\":{\"responseJsonSchema\":{}},", "Hello"),
     {"HTTP/1.1 400", "response_mime_type"}},
    {G,
     KEY,
     WITH(DECLARE("{\"type\":\"OBJECT\",\"additionalProperties\":false}"), "Hello"),
     {"Unknown name \\\"additionalProperties\\\" at 'tools[0]"}},
    {G,
     KEY,
     WITH(DECLARE("{\"type\":[\"OBJECT\",\"NULL\"]}"), "Hello"),
     {"Proto field is not repeating"}},
    {G,
     KEY,
     WITH(DECLARE("{\"type\":\"OBJECT\",\"properties\":{\"a\":{\"const\":1}}}"), "Hello"),
     {"Unknown name \\\"const\\\""}},
    {G, KEY, "{\"contents\":[]}", {"contents is not specified"}},
    {G, KEY, "{\"contents\":[" USER("") "]}", {"must not be empty"}},
    {G, KEY, "{\"contents\":[" USER("{}") "]}", {"required oneof field 'data'"}},
    {G,
     KEY,
     "{\"contents\":[{\"role\":\"assistant\",\"parts\":[{\"text\":\"a\"}]}]}",
     {"Please use a valid role: user, model."}},
    {G,
     KEY,
     "{\"contents\":[" USER("{\"inlineData\":{\"data\":\"AAAA\"}}") "]}",
     {"mime_type: required"}},
    {G,
     KEY,
     "{\"contents\":[" USER(
         "{\"inlineData\":{\"mimeType\":\"image/png\",\"data\":\"data:x,AA\"}}") "]}",
     {"Base64 decoding failed"}},
    {G, KEY, TURNS(USER(TEXT("a")) "," MODEL(CALL(SKIP)) "," USER(RESPONSE)), {"HTTP/1.1 200"}},
    {G,
     KEY,
     TURNS(USER(TEXT("a")) "," MODEL(CALL("")) "," USER(RESPONSE)),
     {"HTTP/1.1 400", "is missing a thought_signature"}},
    {G,
     KEY,
     TURNS(USER(TEXT("a")) "," MODEL(CALL(",\"thoughtSignature\":\"SimSeal+/altered\"")) "," USER(
         RESPONSE)),
     {"HTTP/1.1 400", "thought_signature"}},
    {G, /* an old turn is not looked at */
     KEY,
     TURNS(USER(TEXT("a")) "," MODEL(CALL("")) "," USER(RESPONSE) "," MODEL(TEXT("b")) "," USER(
         TEXT("c"))),
     {"HTTP/1.1 200"}},
    {G,
     KEY,
     TURNS(USER(TEXT("a")) "," MODEL(CALL(SKIP) "," CALL("")) "," USER(RESPONSE)),
     {"HTTP/1.1 400", "number of function response parts"}},
    {G, KEY, TURNS(USER(TEXT("a")) "," MODEL(CALL(SKIP))), {"HTTP/1.1 400", "function call turn"}},
    {G,
     KEY,
     TURNS(USER(TEXT("a")) "," MODEL(CALL(SKIP)) "," USER(
         "{\"functionResponse\":{\"name\":\"get_time\",\"response\":\"noon\"}}")),
     {"HTTP/1.1 400", "function_response.response"}},
    {G,
     KEY,
     ASK("[[sim:status-429-retry-7]]"),
     {"HTTP/1.1 429", "RESOURCE_EXHAUSTED", "\"retryDelay\":\"7s\"", "retry-after: 7"}},
    {G, KEY, ASK("[[sim:context-length]]"), {"HTTP/1.1 400", "The input token count"}},
};

static void answers_in_its_words(void)
{
    struct sim_provider *provider = asking_provider(&plain);

    asking_cases(provider, answers, ARRAY_LEN(answers));
    asking_free(provider);
}

static void refuses_what_the_api_refuses(void)
{
    struct sim_provider *provider = asking_provider(&plain);

    asking_cases(provider, refusals, ARRAY_LEN(refusals));
    asking_free(provider);
}

static void knows_its_keys(void)
{
    static const struct sim_profile keyed = {.name = "unit", .api_key = "k"};
    static const struct asking_case cases[] = {
        {G, KEY, ASK("Hello"), {"HTTP/1.1 200"}},
        {G "?key=k", "", ASK("Hello"), {"HTTP/1.1 200"}},
        {G "?key=x", "", ASK("Hello"), {"HTTP/1.1 401", "UNAUTHENTICATED"}},
    };
    struct sim_provider *provider = asking_provider(&keyed);

    asking_cases(provider, cases, ARRAY_LEN(cases));
    asking_free(provider);
}

int main(void)
{
    TEST(answers_in_its_words, "answers, streams of events and arrays, counts, embeddings, lists");
    TEST(refuses_what_the_api_refuses, "requests and conversations that the API refuses");
    TEST(knows_its_keys, "a key in a header or in the query");
    return tap_done();
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the simulated Chat Completions and Embeddings refuse, and scripts and echoes in Chat's and
 * Ollama's words.
 */
#include "tests/unit/sim/asking.h"

#define C "/v1/chat/completions"
#define E "/v1/embeddings"
#define CHAT(turns) "{\"model\":\"gpt-4\"," TOOLS "\"messages\":[" turns "]}"
#define WITH(more) "{\"model\":\"gpt-4\"," more ",\"messages\":[" USER("\"a\"") "]}"
#define TOOLS                                                                                      \
    "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"get_time\"}},{\"type\":\"custom\"" \
    ",\"custom\":{\"name\":\"patch\"}}],"
#define USER(content) "{\"role\":\"user\",\"content\":" content "}"
#define CALLS(calls) "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[" calls "]}"
#define CALL(id)                                                                                   \
    "{\"id\":\"" id "\",\"type\":\"function\",\"function\":{\"name\":\"get_time\",\"arguments\":"  \
    "\"{}\"}}"
#define RESULT(id) "{\"role\":\"tool\",\"tool_call_id\":\"" id "\",\"content\":\"noon\"}"
#define SCRIPT "[[call:get_time {\\\"a\\\":1}]] [[sim:echo-result]]"

static const struct sim_profile plain = {.name = "unit", .models = "gpt-4"};

static const struct asking_case refusals[] = {
    {C, "", CHAT(USER("\"a\"") "," CALLS(CALL("c")) "," RESULT("c")), {"HTTP/1.1 200"}},
    {C, "", CHAT(USER("\"a\"") "," RESULT("c")), {"HTTP/1.1 400", "must be a response to a"}},
    {C, "", CHAT(USER("\"a\"") "," CALLS(CALL("c")) "," RESULT("d")), {"HTTP/1.1 400"}},
    {C,
     "",
     CHAT(USER("\"a\"") "," CALLS(CALL("c") "," CALL("d")) "," RESULT("d")),
     {"HTTP/1.1 400", "did not have response messages: c"}},
    {C,
     "",
     CHAT(USER("\"a\"") "," CALLS(CALL("c")) "," USER("\"b\"") "," RESULT("c")),
     {"HTTP/1.1 400", "must be followed by tool messages"}},
    {C, "", CHAT(USER("\"a\"") "," CALLS("")), {"HTTP/1.1 400", "minimum length 1"}},
    {C,
     "",
     CHAT(CALLS("{\"id\":\"c\",\"type\":\"function\",\"function\":{\"name\":\"a\",\"arguments\":{}}"
                "}")),
     {"HTTP/1.1 400", "expected a string, but got an object"}},
    {C, "", CHAT(CALLS("{\"id\":\"c\",\"function\":{}}")), {"HTTP/1.1 400", "tool_calls.type"}},
    {C, "", CHAT("{\"role\":\"model\",\"content\":\"a\"}"), {"Supported values of role are"}},
    {C, "", CHAT(USER("[{\"type\":\"image\"}]")), {"HTTP/1.1 400", "Supported values of a part"}},
    {C,
     "",
     CHAT(USER("[{\"type\":\"image_url\",\"image_url\":\"data:\"}]")),
     {"HTTP/1.1 400", "image_url.url"}},
    {C,
     "",
     CHAT("{\"role\":\"system\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"x\"}}"
          "]}"),
     {"HTTP/1.1 400", "only allowed for messages with role 'user'"}},
    {C, "", WITH("\"tools\":[]"), {"HTTP/1.1 400", "empty array"}},
    {C, "", WITH("\"tools\":[{\"name\":\"a\"}]"), {"HTTP/1.1 400", "tools[0].function.name"}},
    {C, "", WITH("\"tool_choice\":\"auto\""), {"HTTP/1.1 400", "only allowed when 'tools'"}},
    {C,
     "",
     WITH("\"max_tokens\":1,\"max_completion_tokens\":1"),
     {"HTTP/1.1 400", "at the same time"}},
    {C, "", WITH("\"stop\":[\"a\",\"b\",\"c\",\"d\",\"e\"]"), {"HTTP/1.1 400", "too long"}},
    {C,
     "",
     WITH("\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"schema\":{}}}"),
     {"HTTP/1.1 400", "json_schema.name"}},
    {E, "", "{\"model\":\"e\",\"input\":[]}", {"HTTP/1.1 400", "'input' cannot be empty"}},
    {E, "", "{\"model\":\"e\",\"input\":\"a\",\"dimensions\":9999}", {"HTTP/1.1 400"}},
};

static const struct asking_case answers[] = {
    {C,
     "",
     CHAT(USER("\"" SCRIPT "\"")),
     {"\"name\":\"get_time\",\"arguments\":\"{\\\"a\\\":1}\""}},
    {C,
     "",
     CHAT(USER("\"" SCRIPT "\"") "," CALLS(CALL("c")) "," RESULT("c")),
     {"\"content\":\"noon\"", "\"finish_reason\":\"stop\""}},
    {C,
     "",
     CHAT(USER("\"[[call:patch some text]]\"")),
     {"\"type\":\"custom\",\"custom\":{\"name\":\"patch\",\"input\":\"some text\"}"}},
    {C, "", CHAT(USER("\"[[sim:tools-odd-id]]\"")), {"\"id\":\"functions."}},
    {C, "", CHAT(USER("\"[[sim:thinking]]\"")), {"\"reasoning_content\":\""}},
    {"/openai/deployments/mine/chat/completions?api-version=1",
     "",
     "{\"messages\":[" USER("\"a\"") "]}",
     {"HTTP/1.1 200", "\"model\":\"mine\""}},
    {"/api/chat",
     "",
     CHAT(USER("\"" SCRIPT "\"") "," CALLS(CALL("c")) ",{\"role\":\"tool\",\"content\":\"noon\"}"),
     {"\"content\":\"noon\"", "\"done\":true"}},
    {"/api/chat",
     "",
     "{\"model\":\"l\",\"think\":\"high\",\"stream\":false,\"messages\":[" USER("\"a\"") "]}",
     {"\"thinking\":\""}},
    {E,
     "",
     "{\"model\":\"e\",\"input\":[[1,2],[3]]}",
     {"\"index\":1", "!\"index\":2", "\"prompt_tokens\":3"}},
    {E, "", "{\"model\":\"e\",\"input\":[1,2]}", {"\"index\":0", "!\"index\":1"}},
    {"/api/embed",
     "",
     "{\"model\":\"e\",\"dimensions\":2,\"input\":[\"a\",\"b\"]}",
     {"\"embeddings\":[[", "],["}},
    {"/api/embed", "", "{\"model\":\"e\",\"dimensions\":0,\"input\":\"a\"}", {"HTTP/1.1 400"}},
};

static void run(const struct asking_case *cases, size_t count)
{
    struct sim_provider *provider = asking_provider(&plain);

    asking_cases(provider, cases, count);
    asking_free(provider);
}

static void refuses_what_the_api_refuses(void)
{
    run(refusals, ARRAY_LEN(refusals));
}

static void answers_what_is_asked(void)
{
    run(answers, ARRAY_LEN(answers));
}

int main(void)
{
    TEST(refuses_what_the_api_refuses, "chats and embeddings that the API refuses");
    TEST(answers_what_is_asked, "scripts, thoughts, custom tools, deployments, tokens to embed");
    return tap_done();
}

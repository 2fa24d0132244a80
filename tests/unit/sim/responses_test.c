/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simulated Responses API: its answers, its event sequence, conversations that go on, and what
 * it refuses.
 */
#include "tests/unit/sim/asking.h"

#define R "/v1/responses"
#define HEAD "{\"model\":\"gpt-5\","
#define STREAM HEAD "\"stream\":true,"
#define SAYS(text) "\"input\":\"" text "\"}"
#define INPUT(items) "\"input\":[" items "]}"
#define TOOLS                                                                                      \
    "\"tools\":[{\"type\":\"function\",\"name\":\"get_time\",\"parameters\":{\"type\":\"object\"," \
    "\"properties\":{\"zone\":{\"type\":\"string\"}}}},{\"type\":\"custom\",\"name\":\"patch\"},"  \
    "{\"type\":\"web_search\"},{\"type\":\"namespace\",\"name\":\"more\",\"tools\":[]}],"
#define REASONS                                                                                    \
    "\"reasoning\":{\"summary\":\"auto\"},\"include\":[\"reasoning.encrypted_content\"],"
#define CALL(id)                                                                                   \
    "{\"type\":\"function_call\",\"call_id\":\"" id "\",\"name\":\"a\",\"arguments\":\"{}\"}"
#define OUTPUT(id) "{\"type\":\"function_call_output\",\"call_id\":\"" id "\",\"output\":\"noon\"}"

static const struct sim_profile plain = {.name = "unit", .models = "gpt-5"};

static const struct asking_case answers[] = {
    {R,
     "",
     HEAD SAYS("Hello"),
     {"{\"id\":\"resp_", "\"status\":\"completed\"", "\"output\":[{\"id\":\"msg_",
      "\"content\":[{\"type\":\"output_text\",\"annotations\":[]",
      "\"usage\":{\"input_tokens\":6,\"input_tokens_details\":{\"cached_tokens\":0}",
      "\"output_tokens_details\":{\"reasoning_tokens\":0}"}},
    {R,
     "",
     HEAD REASONS SAYS("Hello"),
     {"\"output\":[{\"id\":\"rs_", "\"summary\":[{\"type\":\"summary_text\",\"text\":\"",
      "\"encrypted_content\":\"SimSeal+/", "\"reasoning_tokens\":20"}},
    {R,
     "",
     HEAD TOOLS SAYS("[[sim:tools-parallel-2]]"),
     {"\"type\":\"function_call\",\"status\":\"completed\",\"call_id\":\"call_",
      "\"name\":\"get_time\",\"arguments\":\"{\\\"zone\\\":", "{\"id\":\"ctc_",
      "\"type\":\"custom_tool_call\"", "\"name\":\"patch\",\"input\":\"made-up text"}},
    {R,
     "",
     HEAD "\"max_output_tokens\":3," SAYS("Hello"),
     {"\"status\":\"incomplete\"", "{\"reason\":\"max_output_tokens\"}"}},
    {R, "", HEAD SAYS("[[sim:content-filter]]"), {"{\"reason\":\"content_filter\"}"}},
    {R "/input_tokens", "", HEAD SAYS("Hello"), {"\"input_tokens\":6}"}},
};

static const struct asking_case streams[] = {
    {R,
     "",
     STREAM SAYS("[[sim:tokens-3]]"),
     {"event: response.created\ndata: {\"type\":\"response.created\",\"sequence_number\":0,"
      "\"response\":{\"id\":\"resp_",
      "event: response.in_progress\n",
      "\"type\":\"response.output_item.added\",\"sequence_number\":2,\"output_index\":0,\"item\":{"
      "\"id\":\"msg_",
      "\"type\":\"response.content_part.added\",\"sequence_number\":3",
      "\"type\":\"response.output_text.delta\",\"sequence_number\":6",
      "\"type\":\"response.completed\",\"sequence_number\":10,\"response\":{"}},
    {R,
     "",
     STREAM TOOLS SAYS("[[sim:tools-parallel-2]]"),
     {"event: response.function_call_arguments.delta\n",
      "event: response.function_call_arguments.done\n",
      "event: response.custom_tool_call_input.delta\n",
      "\"output_index\":1,\"input\":\"made-up text", "![DONE]"}},
    {R,
     "",
     STREAM TOOLS SAYS("[[sim:tools-done-only]]"),
     {"!function_call_arguments.delta", "function_call_arguments.done"}},
    {R,
     "",
     STREAM REASONS SAYS("Hello"),
     {"event: response.reasoning_summary_part.added\n",
      "event: response.reasoning_summary_text.delta\n",
      "event: response.reasoning_summary_part.done\n",
      "\"output_index\":1,\"item\":{\"id\":\"msg"}},
    {R,
     "",
     STREAM SAYS("[[sim:error-in-stream-3]]"),
     {"event: response.failed\n", "\"status\":\"failed\"", "!response.completed"}},
    {R,
     "",
     STREAM SAYS("[[sim:error-openrouter-3]]"),
     {"event: error\ndata: {\"type\":\"error\"", "!response.completed"}},
    {R, "", STREAM SAYS("[[sim:finish-length]]"), {"event: response.incomplete\n"}},
    {R, "", STREAM SAYS("[[sim:no-finish]]"), {"!response.completed", "output_item.done"}},
};

static const struct asking_case refusals[] = {
    {R,
     "",
     HEAD "\"stop\":[\"x\"]," SAYS("Hello"),
     {"HTTP/1.1 400", "Unknown parameter: 'stop'.", "\"code\":\"unknown_parameter\""}},
    {R, "", "{\"model\":\"gpt-5\"}", {"Missing required parameter: 'input'."}},
    {R,
     "",
     HEAD "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"a\"}}]," SAYS("Hello"),
     {"Missing required parameter: 'tools[0].name'."}},
    {R, "", HEAD INPUT("{\"role\":\"tool\",\"content\":\"a\"}"), {"HTTP/1.1 400", ".role"}},
    {R,
     "",
     HEAD INPUT("{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\"}]}"),
     {"HTTP/1.1 400", "Supported values are: 'input_text'"}},
    {R,
     "",
     HEAD INPUT("{\"role\":\"assistant\",\"content\":[{\"type\":\"input_text\",\"text\":\"a\"}]}"),
     {"HTTP/1.1 400", "'output_text'"}},
    {R,
     "",
     HEAD INPUT("{\"role\":\"user\",\"content\":[{\"type\":\"input_image\",\"image_url\":{\"url\":"
                "\"x\"}}]}"),
     {"HTTP/1.1 400", "expected an image URL, but got an object instead."}},
    {R, "", HEAD INPUT(CALL("c1") "," OUTPUT("c1")), {"HTTP/1.1 200"}},
    {R, "", HEAD INPUT(OUTPUT("c1")), {"No tool call found for function call output", "c1"}},
    {R, "", HEAD INPUT(CALL("c1")), {"No tool output found for function call c1."}},
    {R,
     "",
     HEAD INPUT("{\"type\":\"function_call\",\"id\":\"call_1\",\"call_id\":\"c\",\"name\":\"a\","
                "\"arguments\":\"{}\"}"),
     {"Expected an ID that begins with 'fc'."}},
    {R,
     "",
     HEAD INPUT("{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"a\",\"arguments\":{}}"),
     {"HTTP/1.1 400", "expected a string."}},
    {R,
     "",
     HEAD INPUT("{\"type\":\"reasoning\",\"id\":\"rs_1\",\"summary\":[],\"encrypted_content\":"
                "\"altered\"}"),
     {"HTTP/1.1 400", "invalid_encrypted_content"}},
    {R,
     "",
     HEAD "\"previous_response_id\":\"resp_0000000000000001\"," SAYS("Hello"),
     {"HTTP/1.1 400", "previous_response_not_found"}},
    {R,
     "",
     HEAD "\"text\":{\"format\":{\"type\":\"json_schema\",\"schema\":{}}}," SAYS("Hello"),
     {"HTTP/1.1 400", "text.format.name"}},
    {R, "", HEAD SAYS("[[sim:status-429]]"), {"HTTP/1.1 429", "rate_limit_exceeded"}},
    {R, "", HEAD SAYS("[[sim:context-length]]"), {"HTTP/1.1 400", "context_length_exceeded"}},
};

static void run(const struct asking_case *cases, size_t count)
{
    struct sim_provider *provider = asking_provider(&plain);

    asking_cases(provider, cases, count);
    asking_free(provider);
}

static void answers_whole(void)
{
    run(answers, ARRAY_LEN(answers));
}

static void answers_in_streams(void)
{
    run(streams, ARRAY_LEN(streams));
}

static void refuses_what_the_api_refuses(void)
{
    run(refusals, ARRAY_LEN(refusals));
}

/* The text between `mark` and the next quote. */
static struct slice found(const struct asked *asked, const char *mark)
{
    struct slice rest = buf_slice(&asked->body);
    struct slice wanted = slice_from_cstr(mark);

    rest = slice_from(rest, slice_find_slice(rest, wanted) + wanted.len);
    return slice_cut(&rest, '"');
}

static struct asked go_on(struct sim_provider *provider, struct slice id, struct slice call)
{
    char body[1024];

    (void)snprintf(body, sizeof(body),
                   HEAD TOOLS "\"previous_response_id\":\"%.*s\"," INPUT(
                       "{\"type\":\"function_call_output\",\"call_id\":\"%.*s\",\"output\":"
                       "\"noon\"}"),
                   SLICE_ARG(id), SLICE_ARG(call));
    return asking_with(provider, "POST", R, "", body);
}

static void conversations_go_on(void)
{
    struct sim_provider *provider = asking_provider(&plain);
    struct asked first =
        asking_with(provider, "POST", R, "", HEAD TOOLS SAYS("[[call:get_time {}]]"));
    struct slice id = found(&first, "{\"id\":\"");
    struct slice call = found(&first, "\"call_id\":\"");
    struct asked wrong = go_on(provider, id, SLICE("call_x"));
    struct asked right = go_on(provider, id, call);
    struct asked unkept =
        asking_with(provider, "POST", R, "", HEAD "\"store\":false," TOOLS SAYS("[[sim:tools]]"));
    struct asked lost =
        go_on(provider, found(&unkept, "{\"id\":\""), found(&unkept, "\"call_id\":\""));

    EXPECT(slice_starts(id, SLICE("resp_")) && slice_starts(call, SLICE("call_")));
    EXPECT(asked_has(&first, "\"arguments\":\"{}\""));
    EXPECT(asked_has(&wrong, "HTTP/1.1 400"));
    EXPECT(asked_has(&right, "HTTP/1.1 200") && asked_has(&right, "output_text"));
    EXPECT(!asked_has(&right, "\"type\":\"function_call\""));
    EXPECT(asked_has(&lost, "previous_response_not_found"));
    sim_provider_forget(provider);
    asked_release(&right);
    right = go_on(provider, id, call);
    EXPECT(asked_has(&right, "previous_response_not_found"));
    asked_release(&first);
    asked_release(&wrong);
    asked_release(&right);
    asked_release(&unkept);
    asked_release(&lost);
    asking_free(provider);
}

int main(void)
{
    TEST(answers_whole, "response objects with messages, calls and reasoning");
    TEST(answers_in_streams, "the whole event sequence, sound and faulty");
    TEST(refuses_what_the_api_refuses, "requests that the API refuses");
    TEST(conversations_go_on, "a conversation that is kept goes on by its id");
    return tap_done();
}

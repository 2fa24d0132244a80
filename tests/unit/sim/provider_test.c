/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A provider without a network: what it answers, and that it always answers the same.
 */
#include "sim/provider.h"

#include "codec/json.h"
#include "net/http_chunk.h"
#include "tests/tap.h"

#include <stdio.h>
#include <stdlib.h>

#define TEXT_MAX ((size_t)4 << 20)

static const struct sim_profile plain = {.name = "unit", .models = "gpt-4, llama2"};

struct asked {
    struct buf raw;
    struct buf body; /* without head and chunks */
    size_t steps;
    uint64_t delay_us; /* sum */
    char model[SIM_MODEL_MAX];
};

static void take_script(const struct sim_script *script, struct asked *asked)
{
    struct http_chunk chunk = {0};
    struct slice data;

    for (size_t i = 0; i < script->count; i++) {
        asked->delay_us += script->steps[i].delay_us;
    }
    asked->steps = script->count;
    buf_append(&asked->raw, buf_slice(&script->bytes));
    struct slice rest = buf_slice(&asked->raw);
    size_t end = slice_find_slice(rest, SLICE("\r\n\r\n"));
    bool chunked = slice_find_slice(slice_of(rest.ptr, end == SIZE_MAX ? 0 : end),
                                    SLICE("chunked")) != SIZE_MAX;
    rest = slice_from(rest, end + 4);
    if (!chunked) {
        buf_append(&asked->body, rest);
        return;
    }
    while (http_chunk_next(&chunk, &rest, &data) == HTTP_CHUNK_DATA) {
        buf_append(&asked->body, data);
    }
}

static struct asked ask_of(struct sim_provider *provider, const char *method, const char *target,
                           const char *body)
{
    char head[512];
    struct sim_request request;
    struct sim_outcome outcome;
    struct asked asked = {.raw = BUF_INIT(TEXT_MAX), .body = BUF_INIT(TEXT_MAX)};

    int len = snprintf(head, sizeof(head), "%s %s HTTP/1.1\r\nHost: unit\r\n\r\n", method, target);
    EXPECT_INT(sim_request_read(slice_of(head, (size_t)len), &request), SIM_HEAD_DONE);
    sim_provider_answer(provider, &request, slice_from_cstr(body), &outcome);
    EXPECT(outcome.script != NULL);
    if (outcome.script != NULL) {
        take_script(outcome.script, &asked);
    }
    memcpy(asked.model, outcome.model, sizeof(asked.model));
    sim_script_release(outcome.script);
    return asked;
}

static struct asked ask_with(const struct sim_profile *profile, const char *method,
                             const char *target, const char *body)
{
    struct sim_provider *provider = calloc(1, sizeof(*provider));
    const struct sim_options options = {.seed = 7};

    EXPECT(provider != NULL && sim_provider_init(provider, profile, &options, NULL));
    struct asked asked = ask_of(provider, method, target, body);
    sim_provider_release(provider);
    free(provider);
    return asked;
}

static struct asked ask(const char *target, const char *body)
{
    return ask_with(&plain, "POST", target, body);
}

static void release(struct asked *asked)
{
    buf_release(&asked->raw);
    buf_release(&asked->body);
}

static bool has(const struct asked *asked, const char *text)
{
    return slice_find_slice(buf_slice(&asked->raw), slice_from_cstr(text)) != SIZE_MAX;
}

static bool is_json(struct slice text, struct json_doc *doc)
{
    return json_parse(doc, text, NULL, NULL);
}

#define CHAT "/v1/chat/completions"
#define HELLO "\"messages\":[{\"role\":\"user\",\"content\":\"Hello, who are you?\"}]"
#define WEATHER                                                                                    \
    "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"get_weather\",\"parameters\":{"    \
    "\"type\":\"object\",\"properties\":{\"city\":{\"type\":\"string\"},\"days\":{\"type\":"       \
    "\"integer\"},\"unit\":{\"enum\":[\"C\",\"F\"]},\"exact\":{\"type\":\"boolean\"},\"at\":{"     \
    "\"type\":\"array\",\"items\":{\"type\":\"number\"}},\"or\":{\"anyOf\":[{\"const\":5}]},"      \
    "\"none\":{\"type\":\"null\"}}}}},"                                                            \
    "{\"type\":\"function\",\"function\":{\"name\":\"get_time\"}}]"

/* --- determinism --- */

static void same_request_same_bytes(void)
{
    static const char *const bodies[] = {
        "{\"model\":\"gpt-4\"," HELLO "}",
        "{\"model\":\"gpt-4\",\"stream\":true," HELLO "}",
        "{\"model\":\"fault-tools-parallel-3\",\"stream\":true," WEATHER "," HELLO "}",
        "{\"model\":\"fault-gzip\"," HELLO "}",
    };

    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        struct asked first = ask(CHAT, bodies[i]);
        struct asked second = ask(CHAT, bodies[i]);
        EXPECT(first.raw.len > 100);
        EXPECT(slice_eq(buf_slice(&first.raw), buf_slice(&second.raw)));
        release(&first);
        release(&second);
    }
}

static void other_request_other_text(void)
{
    struct asked a = ask(CHAT, "{\"model\":\"gpt-4\",\"messages\":[{\"content\":\"one\"}]}");
    struct asked b = ask(CHAT, "{\"model\":\"gpt-4\",\"messages\":[{\"content\":\"two\"}]}");

    EXPECT(!slice_eq(buf_slice(&a.body), buf_slice(&b.body)));
    release(&a);
    release(&b);
}

/* Appends the texts of all events' members at `path`. */
static void collect(struct slice stream, const char *path, struct slice prefix, struct buf *out)
{
    struct json_doc doc;
    struct arena arena;

    json_doc_init(&doc);
    arena_init(&arena, TEXT_MAX);
    while (stream.len > 0) {
        struct slice line = slice_cut(&stream, '\n');
        if (!slice_starts(line, prefix) || !is_json(slice_from(line, prefix.len), &doc)) {
            continue;
        }
        uint32_t at = json_path(&doc, JSON_ROOT, "choices");
        at = json_is(&doc, at, JSON_ARRAY) ? json_first(&doc, at) : JSON_ROOT;
        at = at == JSON_ABSENT ? JSON_ABSENT : json_path(&doc, at, path);
        if (json_is(&doc, at, JSON_STRING)) {
            buf_append(out, json_string(&doc, at, &arena));
        }
    }
    arena_release(&arena);
    json_doc_release(&doc);
}

static void stream_and_whole_say_the_same(void)
{
    struct asked whole = ask(CHAT, "{\"model\":\"gpt-4\"," HELLO "}");
    struct asked stream = ask(CHAT, "{\"model\":\"gpt-4\",\"stream\":true," HELLO "}");
    struct asked ollama = ask("/api/chat", "{\"model\":\"gpt-4\"," HELLO "}");
    struct buf texts[3] = {BUF_INIT(TEXT_MAX), BUF_INIT(TEXT_MAX), BUF_INIT(TEXT_MAX)};

    collect(buf_slice(&whole.body), "message.content", SLICE(""), &texts[0]);
    collect(buf_slice(&stream.body), "delta.content", SLICE("data: "), &texts[1]);
    collect(buf_slice(&ollama.body), "message.content", SLICE(""), &texts[2]);
    EXPECT(texts[0].len > 20);
    EXPECT(slice_eq(buf_slice(&texts[0]), buf_slice(&texts[1])));
    EXPECT(slice_eq(buf_slice(&texts[0]), buf_slice(&texts[2])));
    for (size_t i = 0; i < 3; i++) {
        buf_release(&texts[i]);
    }
    release(&whole);
    release(&stream);
    release(&ollama);
}

/* --- lengths and counts --- */

static void usage_counts_the_tokens(void)
{
    struct asked asked =
        ask(CHAT, "{\"model\":\"gpt-4+tokens-17\",\"stream\":true,\"stream_options\":{"
                  "\"include_usage\":true}," HELLO "}");
    size_t events = 0;
    struct slice rest = buf_slice(&asked.body);

    while (rest.len > 0) {
        events += slice_find_slice(slice_cut(&rest, '\n'), SLICE("\"delta\":{\"content\":\"")) !=
                  SIZE_MAX;
    }
    EXPECT_INT(events, 17);
    EXPECT(has(&asked, "\"completion_tokens\":17,"));
    EXPECT(
        slice_ends(buf_slice(&asked.body),
                   SLICE("\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":17,"
                         "\"total_tokens\":26}}\n\ndata: [DONE]\n\n")));
    release(&asked);
}

static void limits_cut_the_text(void)
{
    struct asked openai =
        ask(CHAT, "{\"model\":\"gpt-4+tokens-50\",\"max_completion_tokens\":5," HELLO "}");
    struct asked ollama = ask("/api/chat", "{\"model\":\"llama2:tokens-50\",\"stream\":false,"
                                           "\"options\":{\"num_predict\":5}," HELLO "}");

    EXPECT(has(&openai, "\"finish_reason\":\"length\"") && has(&openai, "\"completion_tokens\":5"));
    EXPECT(has(&ollama, "\"done_reason\":\"length\"") && has(&ollama, "\"eval_count\":5"));
    release(&openai);
    release(&ollama);
}

static void stops_before_a_stop(void)
{
    struct asked asked =
        ask(CHAT, "{\"model\":\"fault-echo\",\"stop\":[\"nowhere\",\"who\"]," HELLO "}");

    EXPECT(has(&asked, "\"content\":\"Hello, \""));
    EXPECT(has(&asked, "\"finish_reason\":\"stop\"") && has(&asked, "\"completion_tokens\":2"));
    release(&asked);
}

static void several_choices(void)
{
    struct asked whole = ask(CHAT, "{\"model\":\"gpt-4\",\"n\":3," HELLO "}");
    struct asked stream = ask(CHAT, "{\"model\":\"gpt-4\",\"n\":2,\"stream\":true," HELLO "}");

    EXPECT(has(&whole, "\"index\":2") && !has(&whole, "\"index\":3"));
    EXPECT(has(&stream, "{\"index\":1,\"delta\":{\"content\""));
    release(&whole);
    release(&stream);
}

static void paces_are_in_the_steps(void)
{
    struct asked slow =
        ask(CHAT, "{\"model\":\"fault-slow-200ms-tps-50-tokens-10\",\"stream\":true," HELLO "}");
    struct asked whole = ask(CHAT, "{\"model\":\"fault-slow-200ms-tps-50-tokens-10\"," HELLO "}");
    struct asked event =
        ask(CHAT, "{\"model\":\"fault-event-5ms-tokens-10\",\"stream\":true," HELLO "}");

    EXPECT_INT(slow.delay_us, 200000 + 10 * 20000);
    EXPECT_INT(whole.delay_us, 200000 + 10 * 20000);
    EXPECT_INT(event.delay_us, 10 * 5000);
    EXPECT_INT(whole.steps, 1);
    EXPECT_INT(event.steps, 10 + 3); /* role, finish, mark */
    release(&slow);
    release(&whole);
    release(&event);
}

/* --- tools --- */

static void calls_a_tool_when_required(void)
{
    struct asked asked =
        ask(CHAT, "{\"model\":\"gpt-4\",\"tool_choice\":{\"type\":\"function\","
                  "\"function\":{\"name\":\"get_weather\"}}," WEATHER "," HELLO "}");
    struct json_doc doc;
    struct json_doc arguments;
    struct arena arena;

    json_doc_init(&doc);
    json_doc_init(&arguments);
    arena_init(&arena, TEXT_MAX);
    EXPECT(is_json(buf_slice(&asked.body), &doc));
    uint32_t choice = json_first(&doc, json_path(&doc, JSON_ROOT, "choices"));
    uint32_t call = json_first(&doc, json_path(&doc, choice, "message.tool_calls"));
    EXPECT_SLICE(json_string(&doc, json_path(&doc, call, "function.name"), &arena), "get_weather");
    EXPECT(is_json(json_string(&doc, json_path(&doc, call, "function.arguments"), &arena),
                   &arguments));
    EXPECT(json_is(&arguments, json_path(&arguments, JSON_ROOT, "city"), JSON_STRING));
    EXPECT(json_is(&arguments, json_path(&arguments, JSON_ROOT, "days"), JSON_NUMBER));
    EXPECT(json_is(&arguments, json_path(&arguments, JSON_ROOT, "at"), JSON_ARRAY));
    EXPECT(json_is(&arguments, json_path(&arguments, JSON_ROOT, "none"), JSON_NULL));
    EXPECT_SLICE(json_raw(&arguments, json_path(&arguments, JSON_ROOT, "unit")), "\"C\"");
    EXPECT_SLICE(json_raw(&arguments, json_path(&arguments, JSON_ROOT, "or")), "5");
    EXPECT(has(&asked, "\"content\":null") && has(&asked, "\"finish_reason\":\"tool_calls\""));
    arena_release(&arena);
    json_doc_release(&arguments);
    json_doc_release(&doc);
    release(&asked);
}

static void calls_what_the_prompt_names(void)
{
    struct asked named = ask(CHAT, "{\"model\":\"gpt-4\"," WEATHER ",\"messages\":[{\"role\":"
                                   "\"user\",\"content\":\"please get_time\"}]}");
    struct asked none = ask(CHAT, "{\"model\":\"gpt-4\"," WEATHER "," HELLO "}");
    struct asked forbidden =
        ask(CHAT, "{\"model\":\"fault-tools\",\"tool_choice\":\"none\"," WEATHER "," HELLO "}");

    EXPECT(has(&named, "\"name\":\"get_time\",\"arguments\":\"{}\""));
    EXPECT(!has(&none, "tool_calls") && !has(&forbidden, "tool_calls"));
    release(&named);
    release(&none);
    release(&forbidden);
}

static void answers_after_a_tool(void)
{
    struct asked asked =
        ask(CHAT, "{\"model\":\"fault-tools\"," WEATHER ",\"messages\":[{\"role\":\"user\","
                  "\"content\":\"x\"},{\"role\":\"assistant\",\"content\":null,"
                  "\"tool_calls\":[{\"id\":\"c\",\"type\":\"function\",\"function\":{"
                  "\"name\":\"get_time\",\"arguments\":\"{}\"}}]},"
                  "{\"role\":\"tool\",\"tool_call_id\":\"c\",\"content\":\"y\"}]}");

    EXPECT(!has(&asked, "tool_calls\":[") && has(&asked, "\"finish_reason\":\"stop\""));
    release(&asked);
}

static void parallel_calls_and_variants(void)
{
    struct asked two = ask(CHAT, "{\"model\":\"fault-tools-parallel-2\"," WEATHER "," HELLO "}");
    struct asked one = ask(CHAT, "{\"model\":\"fault-tools-parallel-2\",\"parallel_tool_calls\":"
                                 "false," WEATHER "," HELLO "}");
    struct asked whole =
        ask(CHAT, "{\"model\":\"fault-tools-whole\",\"stream\":true," WEATHER "," HELLO "}");
    struct asked text = ask(CHAT, "{\"model\":\"fault-tools-with-text\"," WEATHER "," HELLO "}");
    struct asked bare = ask(CHAT, "{\"model\":\"fault-tools-no-id\"," WEATHER "," HELLO "}");
    struct asked list =
        ask(CHAT, "{\"model\":\"fault-tools-empty-list\",\"stream\":true," HELLO "}");
    struct asked strange = ask(CHAT, "{\"model\":\"fault-tools-unknown\"," WEATHER "," HELLO "}");
    struct asked broken = ask(CHAT, "{\"model\":\"fault-tools-bad-json\"," WEATHER "," HELLO "}");

    EXPECT(has(&two, "\"name\":\"get_weather\"") && has(&two, "\"name\":\"get_time\""));
    EXPECT(has(&one, "\"name\":\"get_weather\"") && !has(&one, "\"name\":\"get_time\""));
    EXPECT(has(&whole, "\"name\":\"get_weather\",\"arguments\":\"{\\\"city\\\""));
    EXPECT(has(&text, "\"role\":\"assistant\",\"content\":\"") && has(&text, "\"tool_calls\""));
    EXPECT(has(&bare, "\"tool_calls\":[{\"type\""));
    EXPECT(has(&list, "\"tool_calls\":[]"));
    EXPECT(has(&strange, "\"name\":\"not_offered\""));
    EXPECT(has(&broken, "\"arguments\":\"{\\\"city\\\"") && !has(&broken, "}\"}}]"));
    release(&two);
    release(&one);
    release(&whole);
    release(&text);
    release(&bare);
    release(&list);
    release(&strange);
    release(&broken);
}

/* --- other endpoints --- */

static void speaks_ollama(void)
{
    struct asked generate = ask("/api/generate", "{\"model\":\"llama2\",\"prompt\":\"Hi\"}");
    struct asked calls =
        ask("/api/chat", "{\"model\":\"x:tools\",\"stream\":false," WEATHER "," HELLO "}");
    struct asked think = ask("/api/chat", "{\"model\":\"x:reasoning-content\"," HELLO "}");
    struct asked failed = ask("/api/chat", "{\"model\":\"x:error-in-stream-1\"," HELLO "}");
    struct asked refused = ask("/api/chat", "{\"model\":\"x:status-404\"," HELLO "}");

    EXPECT(has(&generate, "\"response\":\"") && has(&generate, "\"done\":true,\"done_reason\""));
    EXPECT(has(&generate, "application/x-ndjson"));
    EXPECT(
        has(&calls, "\"tool_calls\":[{\"function\":{\"name\":\"get_weather\",\"arguments\":{\""));
    EXPECT(has(&think, "\"thinking\":\""));
    EXPECT(has(&failed, "\n{\"error\":\"") && !has(&failed, "\"done\":true"));
    EXPECT(has(&refused, "HTTP/1.1 404") && has(&refused, "{\"error\":\"The model does not exist"));
    release(&generate);
    release(&calls);
    release(&think);
    release(&failed);
    release(&refused);
}

static void lists_models(void)
{
    struct asked openai = ask_with(&plain, "GET", "/v1/models", "");
    struct asked tags = ask_with(&plain, "GET", "/api/tags", "");
    struct asked version = ask_with(&plain, "GET", "/api/version", "");
    struct asked show = ask("/api/show", "{\"model\":\"llama2\"}");

    EXPECT(has(&openai, "{\"id\":\"gpt-4\"") && has(&openai, "{\"id\":\"llama2\""));
    EXPECT(has(&tags, "{\"name\":\"gpt-4\"") && has(&tags, "\"model\":\"llama2\""));
    EXPECT(has(&version, "{\"version\":\""));
    EXPECT(has(&show, "\"capabilities\":["));
    release(&openai);
    release(&tags);
    release(&version);
    release(&show);
}

static void completes_between_prefix_and_suffix(void)
{
    struct asked asked = ask("/v1/completions", "{\"model\":\"coder\",\"prompt\":\"int f(\","
                                                "\"suffix\":\"}\"}");
    struct asked stream =
        ask("/v1/completions", "{\"model\":\"coder\",\"prompt\":\"x\",\"stream\":true}");

    EXPECT(has(&asked, "\"object\":\"text_completion\"") && has(&asked, "\"id\":\"cmpl-"));
    EXPECT(has(&asked, "\"completion_tokens\":12"));
    EXPECT(has(&stream, "{\"index\":0,\"text\":\"") && !has(&stream, "delta"));
    release(&asked);
    release(&stream);
}

static void makes_embeddings(void)
{
    struct asked floats =
        ask("/v1/embeddings", "{\"model\":\"e\",\"dimensions\":3,\"input\":[\"a\",\"b\"]}");
    struct asked base64 = ask("/v1/embeddings", "{\"model\":\"e\",\"dimensions\":3,\"input\":\"a\","
                                                "\"encoding_format\":\"base64\"}");
    struct asked ollama = ask("/api/embed", "{\"model\":\"e\",\"input\":\"a\"}");
    struct json_doc doc;

    json_doc_init(&doc);
    EXPECT(is_json(buf_slice(&floats.body), &doc));
    uint32_t data = json_path(&doc, JSON_ROOT, "data");
    EXPECT_INT(json_count(&doc, data), 2);
    EXPECT_INT(json_count(&doc, json_path(&doc, json_first(&doc, data), "embedding")), 3);
    EXPECT(is_json(buf_slice(&base64.body), &doc));
    data = json_path(&doc, JSON_ROOT, "data");
    EXPECT_INT(json_inner(&doc, json_path(&doc, json_first(&doc, data), "embedding")).len, 16);
    EXPECT(has(&ollama, "\"embeddings\":[["));
    json_doc_release(&doc);
    release(&floats);
    release(&base64);
    release(&ollama);
}

static void answers_by_schema(void)
{
    struct asked asked =
        ask(CHAT, "{\"model\":\"m\",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{"
                  "\"name\":\"n\",\"schema\":{\"type\":\"object\",\"properties\":{\"ok\":{\"type\":"
                  "\"boolean\"}}}}}," HELLO "}");

    EXPECT(has(&asked, "\"content\":\"{\\\"ok\\\":"));
    release(&asked);
}

static void refuses_bad_requests(void)
{
    struct asked broken = ask(CHAT, "{\"model\":");
    struct asked nameless = ask(CHAT, "{\"messages\":[]}");
    struct asked lost = ask("/v1/nowhere", "{}");
    struct sim_profile ollama_only = plain;
    ollama_only.dialects = SIM_DIALECT_OLLAMA;
    struct asked foreign = ask_with(&ollama_only, "POST", CHAT, "{\"model\":\"m\"," HELLO "}");

    EXPECT(has(&broken, "HTTP/1.1 400") && has(&broken, "\"invalid_json\""));
    EXPECT(has(&nameless, "HTTP/1.1 400") && has(&nameless, "\"missing_model\""));
    EXPECT(has(&lost, "HTTP/1.1 404") && has(&lost, "\"unknown_url\""));
    EXPECT(has(&foreign, "HTTP/1.1 404"));
    release(&broken);
    release(&nameless);
    release(&lost);
    release(&foreign);
}

/* --- flap and standing behaviours --- */

static void flaps_then_is_well(void)
{
    struct sim_provider *provider = calloc(1, sizeof(*provider));
    const struct sim_options options = {0};
    static const char *const wanted[] = {"HTTP/1.1 503", "HTTP/1.1 503", "HTTP/1.1 200",
                                         "HTTP/1.1 200"};

    EXPECT(provider != NULL && sim_provider_init(provider, &plain, &options, NULL));
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
        struct asked asked =
            ask_of(provider, "POST", CHAT, "{\"model\":\"fault-flap-2\"," HELLO "}");
        EXPECT(has(&asked, wanted[i]));
        release(&asked);
    }
    struct asked other =
        ask_of(provider, "POST", CHAT, "{\"model\":\"fault-flap-1-status-429\"," HELLO "}");
    EXPECT(has(&other, "HTTP/1.1 429"));
    EXPECT(strcmp(other.model, "fault-flap-1-status-429") == 0);
    release(&other);
    sim_provider_forget(provider);
    other = ask_of(provider, "POST", CHAT, "{\"model\":\"fault-flap-2\"," HELLO "}");
    EXPECT(has(&other, "HTTP/1.1 503"));
    release(&other);
    sim_provider_release(provider);
    free(provider);
}

static void standing_behaviours_and_profile(void)
{
    struct sim_profile profile = {.behaviours = "usage-missing-tokens-3", .latency_ms = 40};
    struct asked asked = ask_with(&profile, "POST", CHAT,
                                  "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":"
                                  "\"[[sim:slow-10]]\"}]}");
    struct asked latency = ask_with(&profile, "POST", CHAT, "{\"model\":\"m\"," HELLO "}");

    EXPECT(!has(&asked, "\"usage\""));
    EXPECT_INT(asked.delay_us, 10000);
    EXPECT_INT(latency.delay_us, 40000);
    profile.behaviours = "nosuch";
    struct sim_provider *provider = calloc(1, sizeof(*provider));
    const struct sim_options options = {0};
    EXPECT(!sim_provider_init(provider, &profile, &options, NULL));
    sim_provider_release(provider);
    free(provider);
    release(&asked);
    release(&latency);
}

int main(void)
{
    TEST(same_request_same_bytes, "the same request gets the same bytes");
    TEST(other_request_other_text, "another request gets another text");
    TEST(stream_and_whole_say_the_same, "stream, whole and Ollama say the same");
    TEST(usage_counts_the_tokens, "usage counts the tokens that were sent");
    TEST(limits_cut_the_text, "limits cut the text, and the finish reason says so");
    TEST(stops_before_a_stop, "a stop sequence ends the text before it");
    TEST(several_choices, "n choices are given, whole and streamed");
    TEST(paces_are_in_the_steps, "latency and pace are in the steps");
    TEST(calls_a_tool_when_required, "a required tool is called with arguments by its schema");
    TEST(calls_what_the_prompt_names, "a tool is called when the prompt names it, else not");
    TEST(answers_after_a_tool, "a tool's result is answered in words");
    TEST(parallel_calls_and_variants, "parallel calls and the odd shapes of calls");
    TEST(speaks_ollama, "Ollama's words, whole, streamed and failing");
    TEST(lists_models, "models, tags, version and show");
    TEST(completes_between_prefix_and_suffix, "completions, with a suffix too");
    TEST(makes_embeddings, "embeddings as numbers and base64");
    TEST(answers_by_schema, "a JSON schema is answered by");
    TEST(refuses_bad_requests, "bad requests are refused in words of the dialect");
    TEST(flaps_then_is_well, "flap fails so often, then is well, and can be forgotten");
    TEST(standing_behaviours_and_profile,
         "a server's behaviours hold unless the request says else");
    return tap_done();
}

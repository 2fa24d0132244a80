/* SPDX-License-Identifier: Apache-2.0 */
/* What is sent upstream: the ceiling on tokens that a cost limit leaves, and who is passed over. */
#include "tests/unit/gateway/gateway_harness.h"

#include "tests/unit/gateway/answers.h"

#define YAML                                                                                       \
    "log: { access: false }\n"                                                                     \
    "providers:\n"                                                                                 \
    "  a: { preset: openai-compatible, base_url: 'http://127.0.0.1:$PORT/a/v1' }\n"                \
    "  b: { preset: openai-compatible, base_url: 'http://127.0.0.1:$PORT/b/v1' }\n"                \
    "  o: { preset: ollama, base_url: 'http://127.0.0.1:$PORT/o' }\n"                              \
    "targets:\n"                                                                                   \
    "  first: { provider: a, model: ma, price: { input_per_mtok: 0, output_per_mtok: 10 } }\n"     \
    "  second: { provider: b, model: mb, price: { input_per_mtok: 0, output_per_mtok: 10 } }\n"    \
    "  llama: { provider: o, model: mo, price: { input_per_mtok: 3, output_per_mtok: 6 } }\n"      \
    "routes:\n"                                                                                    \
    "  auto: { targets: [first, second] }\n"                                                       \
    "  near: { targets: [first], max_cost_usd: 0.00001, on_infeasible: nearest }\n"                \
    "  far: { targets: [first], max_cost_usd: 0.00001 }\n"

#define SHORT "\"sluice\":{\"task\":\"classification\",\"max_cost_usd\":0.005}"

static struct client client;
static struct buf request = {.limit = 1u << 20};
static struct buf body = {.limit = 1u << 20};

static int ask(const char *text, const char *headers)
{
    harness_heal();
    buf_clear(&request);
    client_close(&client);
    return harness_ask(post_text("/v1/chat/completions", headers, slice_from_cstr(text), &request),
                       &client, &body);
}

static bool sent(char letter, const char *what)
{
    struct slice text = buf_slice(&script_of(letter)->body);
    bool has = slice_find_slice(text, slice_from_cstr(what)) != SIZE_MAX;
    if (!has) {
        printf("# sent: %.*s\n", SLICE_ARG(text));
    }
    return has;
}

static bool told(const char *what)
{
    bool has = slice_find_slice(buf_slice(&body), slice_from_cstr(what)) != SIZE_MAX;
    if (!has) {
        printf("# told: %.*s\n", SLICE_ARG(buf_slice(&body)));
    }
    return has;
}

/* $0.005 buys 500 tokens at $10 a million. */
static void clamps(void)
{
    script_set('a', (struct slice)ANSWER(WHOLE), AFTER_CLOSE);
    EXPECT_INT(ask(ASK("first", "," SHORT), NULL), 200);
    EXPECT(sent('a', "\"max_tokens\":500"));
    EXPECT(!sent('a', "sluice"));
    EXPECT_INT(ask(ASK("first", ",\"max_tokens\":1000," SHORT), NULL), 200);
    EXPECT(sent('a', "\"max_tokens\":500"));
    EXPECT_INT(ask(ASK("first", ",\"max_tokens\":7," SHORT), NULL), 200);
    EXPECT(sent('a', "\"max_tokens\":7"));
}

static void clamps_each_choice(void)
{
    script_set('a', (struct slice)ANSWER(WHOLE), AFTER_CLOSE);
    EXPECT_INT(ask(ASK("first", ",\"n\":2," SHORT), NULL), 200);
    EXPECT(sent('a', "\"max_tokens\":250"));
}

/* A route that takes what comes nearest says so and is sent, with what the plan foresaw as its
 * limit. */
static void nearest(void)
{
    script_set('a', (struct slice)ANSWER(WHOLE), AFTER_CLOSE);
    EXPECT_INT(ask(ASK("near", ""), "x-sluice-task: classification\r\n"), 200);
    EXPECT_SLICE(client_header(&client, "x-sluice-relaxed"), "true");
    EXPECT(sent('a', "\"max_tokens\":"));
    EXPECT_INT(ask(ASK("far", ""), "x-sluice-task: classification\r\n"), 422);
    EXPECT(told("over_cost"));
}

/* A failed attempt that cost something leaves less for the next. */
static void budget_of_the_call(void)
{
    script_set('a',
               (struct slice)ANSWER("{\"error\":{\"message\":\"melted\"},\"choices\":[],\"usage\":{"
                                    "\"prompt_tokens\":1,\"completion_tokens\":450}}"),
               AFTER_CLOSE);
    script_set('b', (struct slice)ANSWER(WHOLE), AFTER_CLOSE);
    EXPECT_INT(ask(ASK("first", ",\"models\":[\"second\"]," SHORT), NULL), 200);
    EXPECT(sent('b', "\"max_tokens\":50"));
    script_set('a',
               (struct slice)ANSWER("{\"error\":{\"message\":\"melted\"},\"choices\":[],\"usage\":{"
                                    "\"prompt_tokens\":1,\"completion_tokens\":500}}"),
               AFTER_CLOSE);
    script_set('b', (struct slice)ANSWER(WHOLE), AFTER_CLOSE);
    EXPECT_INT(ask(ASK("first", ",\"models\":[\"second\"]," SHORT), NULL), 502);
    EXPECT_INT(script_of('b')->requests, 0);
    EXPECT(told("1 attempt failed: first: error_in_answer (melted)"));
}

/* Costs that saturate are an amount like any other. */
static void beyond_reason(void)
{
    script_set('a',
               (struct slice)ANSWER("{\"error\":{\"message\":\"melted\"},\"choices\":[],\"usage\":{"
                                    "\"prompt_tokens\":9223372036854775807,"
                                    "\"completion_tokens\":9223372036854775807}}"),
               AFTER_CLOSE);
    script_set('b', (struct slice)ANSWER(WHOLE), AFTER_CLOSE);
    EXPECT_INT(ask(ASK("first", ",\"models\":[\"second\"]," SHORT), NULL), 502);
    EXPECT_INT(script_of('b')->requests, 0);
}

/* The last reason of all why nothing was sent is told; a target that could not be asked is none
 * that failed. */
static void impossible(void)
{
    script_set('a', (struct slice)ANSWER(WHOLE), AFTER_CLOSE);
    script_set('o', (struct slice)ANSWER(OLLAMA_WHOLE), AFTER_CLOSE);
    EXPECT_INT(ask(ASK("llama", ",\"logit_bias\":{\"1\":2}"), "x-sluice-strict: true\r\n"), 422);
    EXPECT(told("lossy_translation"));
    EXPECT_SLICE(client_header(&client, "x-sluice-target"), "");
    EXPECT_INT(script_of('o')->requests, 0);
    EXPECT_INT(ask(ASK("llama", ",\"models\":[\"first\"],\"logit_bias\":{\"1\":2}"),
                   "x-sluice-strict: true\r\n"),
               200);
    EXPECT_SLICE(client_header(&client, "x-sluice-target"), "first");
    EXPECT_SLICE(client_header(&client, "x-sluice-attempts"), "1");
    EXPECT_INT(ask(ASK("llama", ",\"logit_bias\":{\"1\":2}"), NULL), 200);
    EXPECT_SLICE(client_header(&client, "x-sluice-loss"), "logit_bias");
}

#define STRICT "x-sluice-strict: true\r\n"
#define LIMITED                                                                                    \
    SLICE_INIT("HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\nConnection: close\r\n\r\n{}")
#define TOO_LONG                                                                                   \
    STATUS("400 Bad Request", "{\"error\":{\"message\":\"it is too long\",\"type\":"               \
                              "\"invalid_request_error\",\"code\":\"context_length_exceeded\"}}")

/* What was met before a target that could not be asked is told, not that it could not be asked. */
static void failed_then_impossible(void)
{
    static const char *const body_text =
        ASK("first", ",\"models\":[\"llama\"],\"logit_bias\":{\"1\":2}");
    script_set('a', (struct slice)LIMITED, AFTER_CLOSE);
    EXPECT_INT(ask(body_text, STRICT), 429);
    EXPECT(told("upstream_rate_limited"));
    EXPECT_SLICE(client_header(&client, "retry-after"), "7");
    EXPECT_SLICE(client_header(&client, "x-sluice-target"), "first");
    EXPECT_SLICE(client_header(&client, "x-sluice-attempts"), "1");
    script_set('a', (struct slice)TOO_LONG, AFTER_CLOSE);
    EXPECT_INT(ask(body_text, STRICT), 400);
    EXPECT(told("context_length_exceeded") && told("it is too long"));
    script_set('a', (struct slice)STATUS("500 Oh", "{}"), AFTER_CLOSE);
    EXPECT_INT(ask(body_text, STRICT), 502);
    EXPECT(told("1 attempt failed: first: http_5xx (500)"));
}

/* Of several failures a rate limit is told, since waiting helps; else the last one. */
static void most_helpful(void)
{
    static const char *const body_text = ASK("first", ",\"models\":[\"second\"]");
    script_set('a', (struct slice)LIMITED, AFTER_CLOSE);
    script_set('b', (struct slice)STATUS("500 Oh", "{}"), AFTER_CLOSE);
    EXPECT_INT(ask(body_text, NULL), 429);
    EXPECT_SLICE(client_header(&client, "retry-after"), "7");
    EXPECT(told("2 attempts failed"));
    script_set('b', (struct slice)STATUS("400 Bad", "{\"error\":{\"message\":\"bad tool\"}}"),
               AFTER_CLOSE);
    EXPECT_INT(ask(body_text, NULL), 400);
    EXPECT(told("bad tool"));
    script_set('a', (struct slice)TOO_LONG, AFTER_CLOSE);
    script_set('b', (struct slice)STATUS("500 Oh", "{}"), AFTER_CLOSE);
    EXPECT_INT(ask(body_text, NULL), 502);
}

/* Only the target's provider gets its credential, and nothing of the client's. */
static void request_line(void)
{
    script_set('a', (struct slice)ANSWER(WHOLE), AFTER_CLOSE);
    EXPECT_INT(ask(ASK("first", ""), "Authorization: Bearer sk-client\r\nCookie: a=b\r\n"
                                     "X-Forwarded-For: 1.2.3.4\r\n"),
               200);
    struct slice head = slice_from_cstr(script_of('a')->head);
    EXPECT(slice_starts(head, SLICE("POST /a/v1/chat/completions HTTP/1.1\r\n")));
    EXPECT(slice_find_slice(head, SLICE("sk-client")) == SIZE_MAX);
    EXPECT(slice_find_slice(head, SLICE("ookie")) == SIZE_MAX);
    EXPECT(slice_find_slice(head, SLICE("1.2.3.4")) == SIZE_MAX);
}

int main(void)
{
    harness_begin(YAML, false);
    client.fd = -1;
    TEST(clamps, "a cost limit becomes a ceiling on tokens where it is the tighter one");
    TEST(clamps_each_choice, "... of each of the answers that are asked for");
    TEST(nearest, "the nearest target is asked although it is over the limit");
    TEST(budget_of_the_call, "what a failed attempt cost is gone from the call's limit");
    TEST(beyond_reason, "costs that saturate end the plan");
    TEST(impossible, "a target whose dialect cannot say it is passed over");
    TEST(failed_then_impossible, "a failure before it is told rather than that");
    TEST(most_helpful, "a rate limit is told, a refused request above all, else what came last");
    TEST(request_line, "nothing of the client's head goes upstream");
    client_close(&client);
    buf_release(&request);
    buf_release(&body);
    harness_end();
    return tap_done();
}

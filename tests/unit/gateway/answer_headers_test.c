/* SPDX-License-Identifier: Apache-2.0 */
/* The head of an answer: what it says of the call, and what of the upstream's head it does not. */
#include "gateway/answer_headers.h"

#include "tests/unit/gateway/answers.h"
#include "tests/unit/gateway/gateway_harness.h"

#define YAML                                                                                       \
    "log: { access: false }\n"                                                                     \
    "providers:\n"                                                                                 \
    "  a: { preset: openai-compatible, base_url: 'http://127.0.0.1:$PORT/a/v1' }\n"                \
    "  o: { preset: ollama, base_url: 'http://127.0.0.1:$PORT/o' }\n"                              \
    "targets:\n"                                                                                   \
    "  first: { provider: a, model: ma, price: { input_per_mtok: 1, output_per_mtok: 2 } }\n"      \
    "  large: { provider: a, model: mb, price: { input_per_mtok: 10, output_per_mtok: 20 } }\n"    \
    "  llama: { provider: o, model: mo }\n"                                                        \
    "routes:\n"                                                                                    \
    "  auto: { targets: [first, large], baseline: large, tasks: { chat: [first] } }\n"             \
    "  low: { targets: [llama], tiers: { math: premium } }\n"

static struct client client;
static struct buf request = {.limit = 1u << 20};
static struct buf body = {.limit = 1u << 20};

static int ask(const char *path, const char *headers, const char *text)
{
    harness_heal();
    client_close(&client);
    buf_clear(&request);
    return harness_ask(post_text(path, headers, slice_from_cstr(text), &request), &client, &body);
}

#define EXPECT_HEADER(name, value) EXPECT_SLICE(client_header(&client, name), value)

static void whole(void)
{
    script_set('a', (struct slice)ANSWER(WHOLE), AFTER_CLOSE);
    EXPECT_INT(ask("/v1/chat/completions", "x-sluice-task: chat\r\n", ASK("auto", "")), 200);
    EXPECT_INT(client_header(&client, "x-sluice-call-id").len, ID_TEXT_LEN);
    EXPECT(slice_eq(client_header(&client, "x-sluice-call-id"),
                    client_header(&client, "x-request-id")));
    EXPECT_HEADER("content-type", "application/json");
    EXPECT_HEADER("x-sluice-route", "auto");
    EXPECT_HEADER("x-sluice-target", "first");
    EXPECT_HEADER("x-sluice-provider", "a");
    EXPECT_HEADER("x-sluice-task", "chat");
    EXPECT_HEADER("x-sluice-lane", "edit");
    EXPECT_HEADER("x-sluice-attempts", "1");
    EXPECT_HEADER("x-sluice-cache", "off");
    EXPECT_HEADER("x-sluice-cost-usd", "0.002");
    EXPECT_HEADER("x-sluice-baseline-usd", "0.02");
    EXPECT_HEADER("x-sluice-loss", "");
    EXPECT_HEADER("x-sluice-simulated", "");
}

static void stream(void)
{
    script_set('a', (struct slice)STREAM(HELLO STOP USAGE DONE), AFTER_CLOSE);
    EXPECT_INT(ask("/v1/chat/completions", NULL, ASK("first", STREAMED)), 200);
    EXPECT_HEADER("content-type", "text/event-stream");
    EXPECT_HEADER("cache-control", "no-cache");
    EXPECT_HEADER("x-sluice-route", "");
    EXPECT_HEADER("x-sluice-cost-usd", ""); /* not known yet */
}

static void marks(void)
{
    script_set('o', (struct slice)ANSWER(OLLAMA_WHOLE), AFTER_CLOSE);
    EXPECT_INT(ask("/v1/chat/completions", "x-sluice-task: math\r\n",
                   ASK("low", ",\"logit_bias\":{\"1\":1}")),
               200);
    EXPECT_HEADER("x-sluice-tier", "premium");
    EXPECT_HEADER("x-sluice-below-tier", "true");
    EXPECT_HEADER("x-sluice-loss", "logit_bias");
    EXPECT_HEADER("x-sluice-lane", "translate");
    EXPECT_HEADER("x-sluice-cost-usd", "0.00");
}

/* What an upstream says in its head stays there. */
static void upstream_head_stays(void)
{
    script_set('a',
               (struct slice)SLICE_INIT(
                   "HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\n"
                   "Set-Cookie: a=b\r\nServer: evil\r\nX-Sluice-Target: evil\r\n"
                   "X-Sluice-Cost-Usd: 0\r\nStrict-Transport-Security: max-age=1\r\n"
                   "Connection: close\r\n\r\n" WHOLE),
               AFTER_CLOSE);
    EXPECT_INT(ask("/v1/chat/completions", NULL, ASK("first", "")), 200);
    EXPECT_HEADER("content-type", "application/json; charset=utf-8");
    EXPECT_HEADER("x-sluice-target", "first");
    EXPECT(slice_find_slice(client_head(&client), SLICE("evil")) == SIZE_MAX);
    EXPECT(slice_find_slice(client_head(&client), SLICE("ookie")) == SIZE_MAX);
    EXPECT_HEADER("strict-transport-security", "");
}

static void long_type(void)
{
    struct buf answer = {.limit = 1u << 17};
    buf_append_cstr(&answer, "HTTP/1.1 200 OK\r\nContent-Type: application/json; x=");
    for (int i = 0; i < 30000; i++) {
        buf_append_char(&answer, 'x');
    }
    buf_append_cstr(&answer, "\r\nConnection: close\r\n\r\n" WHOLE);
    script_set('a', buf_slice(&answer), AFTER_CLOSE);
    EXPECT_INT(ask("/v1/chat/completions", NULL, ASK("first", "")), 200);
    EXPECT_HEADER("content-type", "application/json");
    EXPECT_HEADER("x-sluice-target", "first");
    buf_release(&answer);
}

static void completions(void)
{
    script_set('a',
               (struct slice)ANSWER("{\"id\":\"c\",\"choices\":[{\"index\":0,\"text\":\"hello\","
                                    "\"finish_reason\":\"stop\"}]}"),
               AFTER_CLOSE);
    EXPECT_INT(ask("/v1/completions", NULL, "{\"model\":\"first\",\"prompt\":\"Say\"}"), 200);
    EXPECT(slice_starts(slice_from_cstr(script_of('a')->head), SLICE("POST /a/v1/completions ")));
    EXPECT_HEADER("x-sluice-lane", "edit");
    script_set('o',
               (struct slice)LINES("{\"response\":\"hel\",\"done\":false}\n{\"response\":\"lo\","
                                   "\"done\":true,\"done_reason\":\"stop\"}\n"),
               AFTER_CLOSE);
    EXPECT_INT(
        ask("/v1/completions", NULL, "{\"model\":\"llama\",\"prompt\":\"S\",\"stream\":true}"),
        200);
    EXPECT(slice_starts(slice_from_cstr(script_of('o')->head), SLICE("POST /o/api/generate ")));
    EXPECT(slice_find_slice(buf_slice(&body), SLICE("{\"text\":\"hel\"")) != SIZE_MAX);
    EXPECT(slice_ends(buf_slice(&body), SLICE("data: [DONE]\n\n")));
}

static void errors(void)
{
    script_set('a', (struct slice)STATUS("503 X", "{}"), AFTER_CLOSE);
    EXPECT_INT(ask("/v1/chat/completions", NULL, ASK("first", "")), 503);
    EXPECT_HEADER("content-type", "application/json");
    EXPECT_HEADER("x-sluice-target", "first");
    EXPECT_HEADER("x-sluice-cost-usd", "");
    EXPECT_INT(ask("/v1/chat/completions", NULL, "[]"), 400);
    EXPECT_HEADER("x-sluice-target", "");
    EXPECT_HEADER("x-sluice-task", "");
    EXPECT_INT(client_header(&client, "x-sluice-call-id").len, ID_TEXT_LEN);
}

int main(void)
{
    harness_begin(YAML, false);
    client.fd = -1;
    TEST(whole, "a whole answer says who answered and what it cost");
    TEST(stream, "a stream says who answers");
    TEST(marks, "losses and lower tiers are said");
    TEST(upstream_head_stays, "nothing of the upstream's head but its type reaches the client");
    TEST(long_type, "a type beyond reason does not spoil the head");
    TEST(completions, "completions find the paths of their dialects");
    TEST(errors, "errors have the call's id");
    client_close(&client);
    buf_release(&request);
    buf_release(&body);
    harness_end();
    return tap_done();
}

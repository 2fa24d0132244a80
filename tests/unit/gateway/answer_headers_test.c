/* SPDX-License-Identifier: Apache-2.0 */
/* The head of an answer: what it says of the call, and what of the upstream's head it does not. */
#include "gateway/answer_headers.h"

#include "tests/unit/gateway/answers.h"
#include "tests/unit/gateway/gateway_harness.h"

#include <time.h>

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

/* A provider's rate limits are the client's business where the answer is that provider's alone. */
static void limits(void)
{
#define WITH_LIMITS(status, type, text)                                                            \
    SLICE_INIT("HTTP/1.1 " status "\r\nContent-Type: " type                                        \
               "\r\nX-RateLimit-Remaining-Requests: 9"                                             \
               "\r\nanthropic-ratelimit-tokens-limit: 80\r\nX-RateLimit-: 1\r\nConnection: close"  \
               "\r\n\r\n" text)
    script_set('a', (struct slice)WITH_LIMITS("200 OK", "application/json", WHOLE), AFTER_CLOSE);
    EXPECT_INT(ask("/v1/chat/completions", NULL, ASK("first", "")), 200);
    EXPECT_HEADER("x-ratelimit-remaining-requests", "9");
    EXPECT_HEADER("anthropic-ratelimit-tokens-limit", "80");
    EXPECT_HEADER("x-ratelimit-", "");
    script_set('a', (struct slice)WITH_LIMITS("200 OK", "text/event-stream", HELLO STOP DONE),
               AFTER_CLOSE);
    EXPECT_INT(ask("/v1/chat/completions", NULL, ASK("first", STREAMED)), 200);
    EXPECT_HEADER("x-ratelimit-remaining-requests", "9");
    script_set('o', (struct slice)WITH_LIMITS("200 OK", "application/json", OLLAMA_WHOLE),
               AFTER_CLOSE);
    EXPECT_INT(ask("/v1/chat/completions", NULL, ASK("llama", "")), 200);
    EXPECT_HEADER("x-ratelimit-remaining-requests", "9"); /* in the client's words */
    EXPECT_HEADER("x-ratelimit-limit-tokens", "80");
    EXPECT_HEADER("anthropic-ratelimit-tokens-limit", "");
    script_set('a', (struct slice)WITH_LIMITS("429 X", "application/json", "{}"), AFTER_CLOSE);
    EXPECT_INT(ask("/v1/chat/completions", NULL, ASK("first", "")), 429);
    EXPECT_HEADER("x-ratelimit-remaining-requests", "9");
    EXPECT_INT(ask("/v1/chat/completions", NULL, ASK("first", ",\"models\":[\"large\"]")), 429);
    EXPECT_HEADER("x-ratelimit-remaining-requests", ""); /* whose would they be? */
#undef WITH_LIMITS
}

struct retry_case {
    const char *head; /* status and further lines of the upstream */
    const char *text;
    int status;
    const char *after;
    const char *after_ms;
    const char *should;
};

static void retries(void)
{
    static const struct retry_case cases[] = {
        {"429 X\r\nRetry-After: 7", "{}", 429, "7", "7000", ""},
        {"429 X\r\nRetry-After: 7\r\nretry-after-ms: 1500", "{}", 429, "2", "1500", ""},
        {"429 X\r\nRetry-After: 90000", "{}", 429, "", "", ""},
        {"429 X\r\nRetry-After: Sun, 06 Nov 1994 08:49:37 GMT", "{}", 429, "", "", ""},
        {"429 X", "{\"error\":{\"code\":\"insufficient_quota\"}}", 429, "", "", "false"},
        {"429 X\r\nx-should-retry: false", "{}", 429, "", "", "false"},
        {"529 X\r\nRetry-After: 3", "{}", 503, "3", "3000", ""},
        {"503 X\r\nRetry-After: 3", "{}", 503, "3", "3000", ""},
        {"500 X", "{}", 502, "", "", ""},
        {"500 X\r\nX-Should-Retry: False", "{}", 502, "", "", "false"},
        {"401 X", "{}", 502, "", "", "false"},
        {"404 X", "{}", 502, "", "", "false"},
        {"400 X", "{}", 400, "", "", "false"},
        {"400 X\r\nx-should-retry: true", "{}", 400, "", "", "true"},
    };
    struct buf answer = {.limit = 1u << 16};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct retry_case *c = &cases[i];
        buf_clear(&answer);
        buf_printf(&answer, "HTTP/1.1 %s\r\nConnection: close\r\n\r\n%s", c->head, c->text);
        script_set('a', buf_slice(&answer), AFTER_CLOSE);
        EXPECT_INT(ask("/v1/chat/completions", NULL, ASK("first", "")), c->status);
        EXPECT_HEADER("retry-after", c->after);
        EXPECT_HEADER("retry-after-ms", c->after_ms);
        EXPECT_HEADER("x-should-retry", c->should);
    }
    buf_release(&answer);
    EXPECT_INT(ask("/v1/chat/completions", NULL, "[]"), 400);
    EXPECT_HEADER("x-should-retry", "false");
}

static void retry_date(void)
{
    struct buf answer = {.limit = 1u << 16};
    char date[64];
    uint64_t seconds = 0;
    time_t when = time(NULL) + 30;
    struct tm parts;
    strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&when, &parts));
    buf_printf(&answer, "HTTP/1.1 429 X\r\nRetry-After: %s\r\nConnection: close\r\n\r\n{}", date);
    script_set('a', buf_slice(&answer), AFTER_CLOSE);
    EXPECT_INT(ask("/v1/chat/completions", NULL, ASK("first", "")), 429);
    EXPECT(slice_to_u64(client_header(&client, "retry-after"), &seconds));
    EXPECT(seconds > 0 && seconds <= 30);
    buf_release(&answer);
}

/* What time can mend is told rather than what it cannot, and only that which it cannot is useless
 * to try again. */
static void retries_of_several(void)
{
    static const char *const text = ASK("first", ",\"models\":[\"llama\"]");
    script_set('a', (struct slice)STATUS("500 X", "{}"), AFTER_CLOSE);
    script_set('o', (struct slice)STATUS("401 X", "{}"), AFTER_CLOSE);
    EXPECT_INT(ask("/v1/chat/completions", NULL, text), 502);
    EXPECT(slice_find_slice(buf_slice(&body), SLICE("\"upstream_failed\"")) != SIZE_MAX);
    EXPECT_HEADER("x-should-retry", "");
    script_set('a', (struct slice)STATUS("404 X", "{}"), AFTER_CLOSE);
    EXPECT_INT(ask("/v1/chat/completions", NULL, text), 502);
    EXPECT_HEADER("x-should-retry", "false");
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
    TEST(limits, "a provider's rate limits pass with its own answers");
    TEST(retries, "whether and when to try again is said where it is known");
    TEST(retry_date, "... also by a date");
    TEST(retries_of_several, "it is useless only when it is so for all that failed");
    client_close(&client);
    buf_release(&request);
    buf_release(&body);
    harness_end();
    return tap_done();
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/rate_limits.h"

#include "base/clock.h"
#include "tests/tap.h"

#define NOON (1795219200 * NS_PER_S) /* 2026-11-21T00:00:00Z */

static int64_t reset_of(const char *name, const char *value)
{
    struct http_header header = {slice_from_cstr(name), slice_from_cstr(value)};
    struct rate_limits limits;
    (void)rate_limits_read(&header, 1, NOON, &limits);
    return limits.requests.reset_ms;
}

static void reads_resets(void)
{
    static const char openai[] = "X-RateLimit-Reset-Requests";
    static const char anthropic[] = "anthropic-ratelimit-requests-reset";
    EXPECT_INT(reset_of(openai, "1s"), 1000);
    EXPECT_INT(reset_of(openai, "6m0s"), 360000);
    EXPECT_INT(reset_of(openai, "1h2m3.5s"), 3723500);
    EXPECT_INT(reset_of(openai, "120ms"), 120);
    EXPECT_INT(reset_of(openai, "0.25"), 250);
    EXPECT_INT(reset_of(openai, "1d"), 86400000);
    EXPECT_INT(reset_of(openai, "soon"), -1);
    EXPECT_INT(reset_of(openai, "1y"), -1);
    EXPECT_INT(reset_of(openai, "s"), -1);
    EXPECT_INT(reset_of(openai, "99999999999h"), -1);
    EXPECT_INT(reset_of(openai, "-1s"), -1);
    EXPECT_INT(reset_of(anthropic, "2026-11-21T00:00:30Z"), 30000);
    EXPECT_INT(reset_of(anthropic, "2026-11-20T00:00:00Z"), 0);
    EXPECT_INT(reset_of(anthropic, "2026-11-21T00:00:30.5Z"), 30000);
    EXPECT_INT(reset_of(anthropic, "tomorrow, at half past ten Z"), -1);
    EXPECT_INT(reset_of(anthropic, "2126-11-21T00:00:30Z"), -1);
}

static const struct http_header openai_headers[] = {
    {SLICE_INIT("x-ratelimit-limit-requests"), SLICE_INIT("60")},
    {SLICE_INIT("x-ratelimit-remaining-requests"), SLICE_INIT(" 0")},
    {SLICE_INIT("x-ratelimit-reset-requests"), SLICE_INIT("1m")},
    {SLICE_INIT("x-ratelimit-remaining-tokens"), SLICE_INIT("149984")},
    {SLICE_INIT("x-ratelimit-limit-tokens"), SLICE_INIT("many")},
};

static void expect_written(enum dialect_id front, const char *wanted)
{
    struct buf lines = BUF_INIT(4096);
    struct rate_limits limits;
    EXPECT(rate_limits_read(openai_headers, ARRAY_LEN(openai_headers), NOON, &limits));
    rate_limits_write(&limits, front, NOON, &lines);
    EXPECT(slice_eq(buf_slice(&lines), slice_from_cstr(wanted)));
    buf_release(&lines);
}

static void writes_them_in_the_clients_words(void)
{
    expect_written(DIALECT_ANTHROPIC, "anthropic-ratelimit-requests-limit: 60\r\n"
                                      "anthropic-ratelimit-requests-remaining: 0\r\n"
                                      "anthropic-ratelimit-requests-reset: "
                                      "2026-11-21T00:01:00.000Z\r\n"
                                      "anthropic-ratelimit-tokens-remaining: 149984\r\n");
    expect_written(DIALECT_OPENAI_RESPONSES, "x-ratelimit-limit-requests: 60\r\n"
                                             "x-ratelimit-remaining-requests: 0\r\n"
                                             "x-ratelimit-reset-requests: 60000ms\r\n"
                                             "x-ratelimit-remaining-tokens: 149984\r\n");
    expect_written(DIALECT_OLLAMA, "");
}

static struct buf written(const struct http_header *headers, size_t count, enum dialect_id front)
{
    struct buf lines = BUF_INIT(4096);
    struct rate_limits limits;
    EXPECT(rate_limits_read(headers, count, NOON, &limits));
    rate_limits_write(&limits, front, NOON, &lines);
    return lines;
}

static void kinds_of_tokens_are_tokens(void)
{
    static const struct http_header kinds[] = {
        {SLICE_INIT("anthropic-ratelimit-input-tokens-limit"), SLICE_INIT("1000")},
        {SLICE_INIT("anthropic-ratelimit-input-tokens-remaining"), SLICE_INIT("900")},
        {SLICE_INIT("anthropic-ratelimit-output-tokens-limit"), SLICE_INIT("100")},
        {SLICE_INIT("anthropic-ratelimit-output-tokens-remaining"), SLICE_INIT("10")},
        {SLICE_INIT("anthropic-ratelimit-output-tokens-reset"), SLICE_INIT("2026-11-21T00:00:02Z")},
        {SLICE_INIT("anthropic-ratelimit-tokens-remaining"), SLICE_INIT("910")},
    };
    struct buf tighter = written(kinds, ARRAY_LEN(kinds) - 1, DIALECT_OPENAI_CHAT);
    EXPECT_SLICE(buf_slice(&tighter), "x-ratelimit-limit-tokens: 100\r\n"
                                      "x-ratelimit-remaining-tokens: 10\r\n"
                                      "x-ratelimit-reset-tokens: 2000ms\r\n");
    struct buf both = written(kinds, ARRAY_LEN(kinds), DIALECT_OPENAI_CHAT);
    EXPECT_SLICE(buf_slice(&both), "x-ratelimit-remaining-tokens: 910\r\n");
    struct buf input = written(kinds, 2, DIALECT_OPENAI_CHAT);
    EXPECT_SLICE(buf_slice(&input), "x-ratelimit-limit-tokens: 1000\r\n"
                                    "x-ratelimit-remaining-tokens: 900\r\n");
    struct buf same = written(kinds + 2, 3, DIALECT_ANTHROPIC);
    EXPECT_SLICE(buf_slice(&same),
                 "anthropic-ratelimit-tokens-limit: 100\r\n"
                 "anthropic-ratelimit-tokens-remaining: 10\r\n"
                 "anthropic-ratelimit-tokens-reset: 2026-11-21T00:00:02.000Z\r\n"
                 "anthropic-ratelimit-output-tokens-limit: 100\r\n"
                 "anthropic-ratelimit-output-tokens-remaining: 10\r\n"
                 "anthropic-ratelimit-output-tokens-reset: 2026-11-21T00:00:02.000Z\r\n");
    buf_release(&tighter);
    buf_release(&both);
    buf_release(&input);
    buf_release(&same);
}

static void names_without_a_kind_are_requests(void)
{
    static const struct http_header plain[] = {
        {SLICE_INIT("X-RateLimit-Limit"), SLICE_INIT("20")},
        {SLICE_INIT("X-RateLimit-Remaining"), SLICE_INIT("0")},
        {SLICE_INIT("X-RateLimit-Reset"), SLICE_INIT("1795219203500")},
    };
    struct buf lines = written(plain, ARRAY_LEN(plain), DIALECT_OPENAI_CHAT);
    EXPECT_SLICE(buf_slice(&lines), "x-ratelimit-limit-requests: 20\r\n"
                                    "x-ratelimit-remaining-requests: 0\r\n"
                                    "x-ratelimit-reset-requests: 3500ms\r\n");
    buf_release(&lines);
    EXPECT_INT(reset_of("x-ratelimit-reset", "1795219207"), 7000);
    EXPECT_INT(reset_of("x-ratelimit-reset", "1795219100"), 0);
    EXPECT_INT(reset_of("x-ratelimit-reset", "12"), 12000);
    EXPECT_INT(reset_of("x-ratelimit-reset", "99999999999999999999"), -1);
}

static void finds_nothing_where_nothing_is(void)
{
    const struct http_header other = {SLICE("content-type"), SLICE("text/plain")};
    struct rate_limits limits;
    EXPECT(!rate_limits_read(&other, 1, NOON, &limits));
    EXPECT_INT(limits.tokens.limit, -1);
}

int main(void)
{
    TEST(reads_resets, "reads resets as durations and as times, and nothing else");
    TEST(writes_them_in_the_clients_words, "writes limits in the words of the client's dialect");
    TEST(kinds_of_tokens_are_tokens, "limits of input and output become those of all tokens");
    TEST(names_without_a_kind_are_requests, "names without a kind are of requests");
    TEST(finds_nothing_where_nothing_is, "finds nothing where nothing is said");
    return tap_done();
}

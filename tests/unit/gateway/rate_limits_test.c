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
    TEST(finds_nothing_where_nothing_is, "finds nothing where nothing is said");
    return tap_done();
}

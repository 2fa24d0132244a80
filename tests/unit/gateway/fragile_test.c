/* SPDX-License-Identifier: Apache-2.0 */
/* Clients that are known to fail on sound bytes, and what is done to those bytes. */
#include "gateway/fragile.h"

#include "tests/tap.h"

static unsigned flags_of(const char *name, const char *value)
{
    struct http_header headers[] = {
        {SLICE("host"), SLICE("localhost")},
        {slice_from_cstr(name), slice_from_cstr(value)},
    };
    const struct http_request request = {.headers = headers, .header_count = 2};
    return fragile_client(&request);
}

static void knows_them_by_their_headers(void)
{
    EXPECT_INT(flags_of("user-agent", "speakeasy-sdk/typescript 1.3.19 @openrouter/sdk"),
               FRAGILE_NULL_USAGE);
    EXPECT_INT(flags_of("user-agent", "ai/6.0.1 ai-sdk/openrouter/2.10.0 runtime/node"),
               FRAGILE_USAGE_ASKED);
    EXPECT_INT(flags_of("x-portkey-api-key", "pk"), FRAGILE_LINE_MARKS);
    EXPECT_INT(flags_of("user-agent", "OpenAI/JS 6.1.0"), 0);
    EXPECT_INT(flags_of("user-agent", ""), 0);
    EXPECT_INT(flags_of("user-agent", "@openrouter/sd"), 0);
    EXPECT_INT(flags_of("x-portkey-api-key", ""), 0);
}

static void expect_escaped(const char *text, const char *wanted)
{
    struct buf out = BUF_INIT(256);
    fragile_escape_marks(slice_from_cstr(text), &out);
    EXPECT_SLICE(buf_slice(&out), wanted);
    buf_release(&out);
}

static void escapes_the_marks_alone(void)
{
    expect_escaped("", "");
    expect_escaped("plain", "plain");
    expect_escaped("\xE2\x80\xA8", "\\u2028");
    expect_escaped("a\xE2\x80\xA9"
                   "b\xC2\x85",
                   "a\\u2029b\\u0085");
    /* Neighbours of them, and what is cut. */
    expect_escaped("\xE2\x80\xA7\xE2\x80\xAA\xC2\x84", "\xE2\x80\xA7\xE2\x80\xAA\xC2\x84");
    expect_escaped("\xE2\x80", "\xE2\x80");
    expect_escaped("\xC2", "\xC2");
}

int main(void)
{
    TEST(knows_them_by_their_headers, "three clients are known, and nobody else");
    TEST(escapes_the_marks_alone, "ends of lines that are none in JSON are escaped");
    return tap_done();
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "net/http_chunk.h"

#include "tests/tap.h"

#include <stdio.h>
#include <stdlib.h>

#define BODY_MAX 65536

struct decoded {
    char body[BODY_MAX];
    size_t len;
    size_t left; /* input that is not part of the body */
    enum http_chunk_status status;
};

static struct decoded result;

static void take(struct http_chunk *chunk, struct slice input)
{
    struct slice data;

    do {
        result.status = http_chunk_next(chunk, &input, &data);
        if (result.status == HTTP_CHUNK_DATA) {
            memcpy(result.body + result.len, data.ptr, data.len);
            result.len += data.len;
        }
    } while (result.status == HTTP_CHUNK_DATA);
    result.left = input.len;
}

/* Decodes in two reads cut at `cut`. */
static void decode(struct slice text, size_t cut)
{
    struct http_chunk chunk = {.state = 0};

    result.len = 0;
    take(&chunk, slice_of(text.ptr, cut));
    size_t left = result.left;
    if (result.status == HTTP_CHUNK_MORE) {
        take(&chunk, slice_from(text, cut));
    } else {
        result.left = left + text.len - cut;
    }
}

static void expect_decoded(struct slice text, const char *body, size_t left)
{
    for (size_t cut = 0; cut <= text.len; cut++) {
        decode(text, cut);
        EXPECT_INT(result.status, HTTP_CHUNK_END);
        EXPECT_SLICE(slice_of(result.body, result.len), body);
        EXPECT_INT(result.left, left);
    }
}

static void decodes(void)
{
    expect_decoded(SLICE("0\r\n\r\n"), "", 0);
    expect_decoded(SLICE("5\r\nhello\r\n0\r\n\r\n"), "hello", 0);
    expect_decoded(SLICE("5\r\nhello\r\n6\r\n world\r\n000\r\n\r\nGET /"), "hello world", 5);
    expect_decoded(SLICE("A\r\n0123456789\r\nb\r\n01234567890\r\n0\r\n\r\n"),
                   "012345678901234567890", 0);
    expect_decoded(SLICE("0000000000000005\r\nhello\r\n0\r\n\r\n"), "hello", 0);
    expect_decoded(SLICE("2\r\n\r\n\r\n0\r\n\r\n"), "\r\n", 0);
}

static void skips_extensions_and_trailers(void)
{
    expect_decoded(SLICE("5;a=b;c=\"d\te\"\r\nhello\r\n0;x\r\n\r\n"), "hello", 0);
    expect_decoded(SLICE("1\r\nx\r\n0\r\nContent-Length: 100\r\nHost: evil\r\nX:\r\n\r\nrest"), "x",
                   4);
}

static void refuses(void)
{
    static const struct slice rows[] = {
        SLICE_INIT("\r\n"),
        SLICE_INIT(" 5\r\nhello\r\n0\r\n\r\n"),
        SLICE_INIT("5 \r\nhello\r\n0\r\n\r\n"),
        SLICE_INIT("5 ;a\r\nhello\r\n0\r\n\r\n"),
        SLICE_INIT("+5\r\nhello\r\n0\r\n\r\n"),
        SLICE_INIT("-5\r\nhello\r\n0\r\n\r\n"),
        SLICE_INIT("0x5\r\nhello\r\n0\r\n\r\n"),
        SLICE_INIT("1_0\r\n0123456789012345\r\n0\r\n\r\n"),
        SLICE_INIT("g\r\n"),
        SLICE_INIT(";a\r\nx"),
        SLICE_INIT("5\nhello\r\n0\r\n\r\n"),
        SLICE_INIT("5\rhello\r\n0\r\n\r\n"),
        SLICE_INIT("5\r\rhello"),
        SLICE_INIT("5\r\nhello\n0\r\n\r\n"),
        SLICE_INIT("5\r\nhello0\r\n\r\n"),
        SLICE_INIT("5\r\nhello\rX"),
        SLICE_INIT("5\r\nhelloX\r\n"),
        SLICE_INIT("5;a\nb\r\nhello\r\n0\r\n\r\n"),
        SLICE_INIT("5;a\rb\r\nhello\r\n0\r\n\r\n"),
        SLICE_INIT("5;a\0b\r\nhello\r\n0\r\n\r\n"),
        SLICE_INIT("5;\x7f\r\nhello\r\n0\r\n\r\n"),
        SLICE_INIT("0\r\n\n"),
        SLICE_INIT("0\n\n"),
        SLICE_INIT("0\r\n\rX"),
        SLICE_INIT("0\r\nX\r\n\r\n"),
        SLICE_INIT("0\r\n: x\r\n\r\n"),
        SLICE_INIT("0\r\nX : y\r\n\r\n"),
        SLICE_INIT("0\r\nX: y\n\r\n"),
        SLICE_INIT("0\r\nX: y\r\n folded\r\n\r\n"),
        SLICE_INIT("0\r\nX: a\0b\r\n\r\n"),
        SLICE_INIT("8000000000000000\r\n"),
        SLICE_INIT("ffffffffffffffff\r\n"),
        SLICE_INIT("10000000000000000\r\n"),
        SLICE_INIT("00000000000000005\r\n"),
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (size_t cut = 0; cut <= rows[i].len; cut++) {
            decode(rows[i], cut);
            if (result.status != HTTP_CHUNK_BAD) {
                printf("# row %zu cut at %zu\n", i, cut);
            }
            EXPECT_INT(result.status, HTTP_CHUNK_BAD);
        }
    }
}

static void stays_refused(void)
{
    struct http_chunk chunk = {.state = 0};
    struct slice bad = SLICE("x");
    struct slice good = SLICE("0\r\n\r\n");
    struct slice data;

    EXPECT_INT(http_chunk_next(&chunk, &bad, &data), HTTP_CHUNK_BAD);
    EXPECT_INT(http_chunk_next(&chunk, &good, &data), HTTP_CHUNK_BAD);
}

static void takes_the_largest_size(void)
{
    struct http_chunk chunk = {.state = 0};
    struct slice input = SLICE("7fffffffffffffff\r\nab");
    struct slice data;

    EXPECT_INT(http_chunk_next(&chunk, &input, &data), HTTP_CHUNK_DATA);
    EXPECT_SLICE(data, "ab");
    EXPECT_INT(chunk.left, INT64_MAX - 2);
}

/* `count` times `c` between before and after, each `times` over, then `last`. */
static enum http_chunk_status status_of_fill(const char *before, size_t count, const char *after,
                                             size_t times, const char *last)
{
    static char text[BODY_MAX];
    size_t len = 0;

    for (size_t i = 0; i < times; i++) {
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s", before);
        memset(text + len, 'x', count);
        len += count;
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s", after);
    }
    len += (size_t)snprintf(text + len, sizeof(text) - len, "%s", last);
    decode(slice_of(text, len), len / 2);
    return result.status;
}

static void limits_extensions(void)
{
    EXPECT_INT(status_of_fill("1;", 255, "\r\na\r\n", 1, "0\r\n\r\n"), HTTP_CHUNK_END);
    EXPECT_INT(status_of_fill("1;", 256, "\r\na\r\n", 1, "0\r\n\r\n"), HTTP_CHUNK_END);
    EXPECT_INT(status_of_fill("1;", 257, "\r\na\r\n", 1, "0\r\n\r\n"), HTTP_CHUNK_BAD);
    EXPECT_INT(status_of_fill("1;", 128, "\r\na\r\n", 31, "0\r\n\r\n"), HTTP_CHUNK_END);
    EXPECT_INT(status_of_fill("1;", 128, "\r\na\r\n", 32, "0\r\n\r\n"), HTTP_CHUNK_END);
    EXPECT_INT(status_of_fill("1;", 128, "\r\na\r\n", 32, "0;x\r\n\r\n"), HTTP_CHUNK_BAD);
}

static void limits_trailers(void)
{
    /* "X:" + value + CR LF, then CR LF */
    EXPECT_INT(status_of_fill("0\r\nX:", 8192 - 7, "\r\n", 1, "\r\n"), HTTP_CHUNK_END);
    EXPECT_INT(status_of_fill("0\r\nX:", 8192 - 6, "\r\n", 1, "\r\n"), HTTP_CHUNK_END);
    EXPECT_INT(status_of_fill("0\r\nX:", 8192 - 5, "\r\n", 1, "\r\n"), HTTP_CHUNK_BAD);
}

int main(void)
{
    TEST(decodes, "decodes whatever the cut, and leaves what follows");
    TEST(skips_extensions_and_trailers, "skips extensions and trailers");
    TEST(refuses, "refuses bad sizes, line ends, extensions and trailers");
    TEST(stays_refused, "stays refused");
    TEST(takes_the_largest_size, "takes a size of INT64_MAX");
    TEST(limits_extensions, "limits extensions, one and all together");
    TEST(limits_trailers, "limits the trailers");
    return tap_done();
}

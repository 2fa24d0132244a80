/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/json.h"

#include "base/random.h"
#include "codec/json_write.h"
#include "codec/utf8.h"
#include "tests/tap.h"

#include <stdlib.h>

struct pair {
    const char *inner;
    const char *plain;
};

static const struct pair pairs[] = {
    {"", ""},
    {"abc", "abc"},
    {"\\\"\\\\\\/\\b\\f\\n\\r\\t", "\"\\/\b\f\n\r\t"},
    {"a\\nb", "a\nb"},
    {"\\u0041\\u00e9\\u4E2d", "A\xC3\xA9\xE4\xB8\xAD"},
    {"\\u007f\\u0080\\u07FF\\u0800\\uffff", "\x7F\xC2\x80\xDF\xBF\xE0\xA0\x80\xEF\xBF\xBF"},
    {"\\ud83d\\ude00", "\xF0\x9F\x98\x80"},
    {"\\uD800\\uDC00\\uDBFF\\uDFFF", "\xF0\x90\x80\x80\xF4\x8F\xBF\xBF"},
    {"x\\\\u0041y", "x\\u0041y"},
    /* lone surrogates */
    {"\\ud800", "\xEF\xBF\xBD"},
    {"\\udc00", "\xEF\xBF\xBD"},
    {"\\ud800x", "\xEF\xBF\xBDx"},
    {"\\ud800\\n", "\xEF\xBF\xBD\n"},
    {"\\ud800\\u0041", "\xEF\xBF\xBD"
                       "A"},
    {"\\ud800\\ud83d\\ude00", "\xEF\xBF\xBD\xF0\x9F\x98\x80"},
    {"\\ude00\\ud83d", "\xEF\xBF\xBD\xEF\xBF\xBD"},
};

/* What no parsed document holds, but must do no harm. */
static const struct pair broken[] = {
    {"\\", "\xEF\xBF\xBD"},
    {"ab\\", "ab\xEF\xBF\xBD"},
    {"\\q", "\xEF\xBF\xBDq"},
    {"\\u", "\xEF\xBF\xBD"},
    {"\\u12", "\xEF\xBF\xBD"
              "12"},
    {"\\u12x4", "\xEF\xBF\xBD"
                "12x4"},
    {"\\ud83d\\ude0", "\xEF\xBF\xBD\xEF\xBF\xBD"
                      "de0"},
};

static void expect_pair(const struct pair *pair)
{
    struct buf out = BUF_INIT(1000);
    EXPECT(json_unescape(slice_from_cstr(pair->inner), &out));
    EXPECT(slice_eq(buf_slice(&out), slice_from_cstr(pair->plain)));
    char memory[64];
    size_t len = json_unescape_to(slice_from_cstr(pair->inner), memory, sizeof memory);
    EXPECT_SLICE(slice_of(memory, len), pair->plain);
    EXPECT(json_inner_is(slice_from_cstr(pair->inner), slice_from_cstr(pair->plain)));
    buf_release(&out);
}

static void unescapes(void)
{
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        expect_pair(&pairs[i]);
    }
}

static void survives_broken_escapes(void)
{
    for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
        expect_pair(&broken[i]);
    }
}

static void cuts_at_whole_characters(void)
{
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        struct slice plain = slice_from_cstr(pairs[i].plain);
        for (size_t size = 0; size <= plain.len; size++) {
            char *memory = malloc(size == 0 ? 1 : size);
            size_t len = json_unescape_to(slice_from_cstr(pairs[i].inner), memory, size);
            EXPECT(len <= size && len + 4 > size);
            EXPECT(slice_starts(plain, slice_of(memory, len)));
            EXPECT(utf8_valid(slice_of(memory, len)));
            free(memory);
        }
    }
    char memory[8];
    EXPECT_INT(json_unescape_to(SLICE("\xE4\xB8\xAD\xE6\x96\x87z"), memory, 5), 3);
    EXPECT_INT(json_unescape_to(SLICE("ab\\u4e2dz"), memory, 4), 2);
    EXPECT_INT(json_unescape_to(SLICE("abc"), NULL, 0), 0);
    EXPECT_INT(json_unescape_to(SLICE_EMPTY, NULL, 0), 0);
}

/* Longer texts with escapes in all neighbourhoods, cut anywhere: a prefix of what json_unescape()
   gives, of whole characters, and never shorter than it need be. */
static void cuts_long_texts_at_whole_characters(void)
{
    static const char *const pieces[] = {"a",
                                         "\\n",
                                         "\\\\",
                                         "\\t",
                                         "\\\"",
                                         "\\u00e9",
                                         "some words",
                                         "\xE4\xB8\xAD",
                                         "\xC3\xA9",
                                         "\\ud83d\\ude00",
                                         "\xF0\x9F\x98\x80",
                                         "a run of text that is longer than what is near"};
    struct random random;
    random_seed(&random, 12);
    for (int round = 0; round < 20000 && !tap_point_failed; round++) {
        struct buf inner = BUF_INIT(10000);
        struct buf whole = BUF_INIT(10000);
        for (size_t i = random_below(&random, 40); i > 0; i--) {
            (void)buf_append_cstr(&inner, pieces[random_below(&random, ARRAY_LEN(pieces))]);
        }
        EXPECT(json_unescape(buf_slice(&inner), &whole));
        size_t size = random_below(&random, whole.len + 20);
        char *memory = malloc(size == 0 ? 1 : size);
        size_t len = json_unescape_to(buf_slice(&inner), memory, size);
        EXPECT(len <= size && (len == whole.len || len + 4 > size));
        EXPECT(slice_starts(buf_slice(&whole), slice_of(memory, len)));
        EXPECT(utf8_valid(slice_of(memory, len)));
        free(memory);
        buf_release(&inner);
        buf_release(&whole);
    }
}

static void differs_from_other_names(void)
{
    EXPECT(!json_inner_is(SLICE("a\\n"), SLICE("a")));
    EXPECT(!json_inner_is(SLICE("a"), SLICE("a\n")));
    EXPECT(!json_inner_is(SLICE("\\u0041"), SLICE("a")));
    EXPECT(!json_inner_is(SLICE("\\u00e9"), SLICE("\xC3")));
    EXPECT(json_inner_is(SLICE_EMPTY, SLICE_EMPTY));
}

static void keeps_to_the_ceiling(void)
{
    struct buf out = BUF_INIT(3);
    EXPECT(json_unescape(SLICE("\\n\\n\\n"), &out));
    EXPECT_SLICE(buf_slice(&out), "\n\n\n");
    EXPECT(!json_unescape(SLICE("\\n"), &out));
    EXPECT(out.failed);
    buf_release(&out);
    struct buf none = BUF_INIT(4);
    EXPECT(!json_unescape(SLICE("abcde"), &none));
    buf_release(&none);
    struct buf failed = BUF_INIT(4);
    failed.failed = true;
    EXPECT(!json_unescape(SLICE_EMPTY, &failed));
}

/* Escaping and unescaping any valid text gives the text again. */
static void round_trip(void)
{
    struct random random;
    random_seed(&random, 11);
    for (int round = 0; round < 20000 && !tap_point_failed; round++) {
        struct buf plain = BUF_INIT(1000);
        struct buf inner = BUF_INIT(10000);
        struct buf again = BUF_INIT(1000);
        for (size_t i = random_below(&random, 60); i > 0; i--) {
            uint32_t point =
                (uint32_t)(random_next(&random) & 0x1FFFFF) >> random_below(&random, 21);
            char bytes[4];
            (void)buf_append(&plain, slice_of(bytes, utf8_encode(point, bytes)));
        }
        EXPECT(json_escape(buf_slice(&plain), &inner));
        EXPECT(json_unescape(buf_slice(&inner), &again));
        EXPECT(slice_eq(buf_slice(&again), buf_slice(&plain)));
        EXPECT(json_inner_is(buf_slice(&inner), buf_slice(&plain)));
        buf_release(&plain);
        buf_release(&inner);
        buf_release(&again);
    }
}

int main(void)
{
    TEST(unescapes, "escapes become their characters, lone surrogates U+FFFD");
    TEST(survives_broken_escapes, "broken escapes become U+FFFD");
    TEST(cuts_at_whole_characters, "a short buffer gets whole characters only");
    TEST(cuts_long_texts_at_whole_characters, "a long text is cut at a whole character");
    TEST(differs_from_other_names, "different strings are not equal");
    TEST(keeps_to_the_ceiling, "the ceiling of the buffer holds");
    TEST(round_trip, "escape and unescape undo each other");
    return tap_done();
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/json_write.h"

#include "base/random.h"
#include "codec/json.h"
#include "codec/utf8.h"
#include "tests/tap.h"

#include <stdlib.h>

static void expect_escaped(struct slice text, const char *wanted)
{
    struct buf out = BUF_INIT(4096);
    EXPECT(json_escape(text, &out));
    EXPECT(slice_eq(buf_slice(&out), slice_from_cstr(wanted)));
    if (tap_point_failed) {
        printf("# %.*s, wanted %s\n", SLICE_ARG(buf_slice(&out)), wanted);
    }
    buf_release(&out);
}

static void leaves_plain_text(void)
{
    expect_escaped(SLICE_EMPTY, "");
    expect_escaped(SLICE("plain / text\x7F"), "plain / text\x7F");
    expect_escaped(SLICE("\xC3\xA9\xE4\xB8\xAD\xF0\x9F\x98\x80\xC2\x86\xE2\x80\xA7\xE2\x80\xAA"),
                   "\xC3\xA9\xE4\xB8\xAD\xF0\x9F\x98\x80\xC2\x86\xE2\x80\xA7\xE2\x80\xAA");
}

static void escapes_what_must_be(void)
{
    expect_escaped(SLICE("\"\\\b\f\n\r\t"), "\\\"\\\\\\b\\f\\n\\r\\t");
    expect_escaped(SLICE("\0\x01\x1f\x0b"), "\\u0000\\u0001\\u001f\\u000b");
    expect_escaped(SLICE("a\nb"), "a\\nb");
}

static void escapes_line_separators(void)
{
    expect_escaped(SLICE("a\xC2\x85"
                         "b"),
                   "a\\u0085b");
    expect_escaped(SLICE("\xE2\x80\xA8\xE2\x80\xA9"), "\\u2028\\u2029");
    expect_escaped(SLICE("0123456789abcdef\xE2\x80\xA8 0123456789abcdef"),
                   "0123456789abcdef\\u2028 0123456789abcdef");
    expect_escaped(SLICE("\xC2\x85\xC2\xA0\xC2\x85\n\xC2\x85"), "\\u0085\xC2\xA0\\u0085\\n\\u0085");
}

/* One mark per maximal part of a character, as the Unicode standard (table 3-8) and browsers count.
 */
static void marks_invalid_bytes(void)
{
    expect_escaped(SLICE("a\xFFz"), "a\xEF\xBF\xBDz");
    expect_escaped(SLICE("\x80\x80"), "\xEF\xBF\xBD\xEF\xBF\xBD");
    expect_escaped(SLICE("\xC0\xAF"), "\xEF\xBF\xBD\xEF\xBF\xBD");
    expect_escaped(SLICE("\xE4\xB8"), "\xEF\xBF\xBD");
    expect_escaped(SLICE("\xE4\xB8!"), "\xEF\xBF\xBD!");
    expect_escaped(SLICE("\xE4!"), "\xEF\xBF\xBD!");
    expect_escaped(SLICE("\xF0\x9F\x98"), "\xEF\xBF\xBD");
    expect_escaped(SLICE("\xF0\x9F\x98\xF0\x9F\x98\x80"), "\xEF\xBF\xBD\xF0\x9F\x98\x80");
    expect_escaped(SLICE("\xED\xA0\x80"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
    expect_escaped(SLICE("\xE0\x80\x80"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
    expect_escaped(SLICE("\xF4\x90\x80\x80"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
    expect_escaped(SLICE("\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41"),
                   "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"
                   "A");
}

/* Any bytes become the inside of a JSON string that is valid and holds no line end of any kind. */
static void any_bytes_become_a_string(void)
{
    static const char alphabet[] =
        "ab \"\\\n\r\xC2\x85\xE2\x80\xA8\xA9\xE4\xB8\xAD\xF0\x9F\x98\xFF";
    struct random random;
    random_seed(&random, 8);
    for (int round = 0; round < 50000 && !tap_point_failed; round++) {
        size_t len = random_below(&random, 80);
        char *text = malloc(len + 1);
        for (size_t i = 0; i < len; i++) {
            text[i] = alphabet[random_below(&random, sizeof alphabet)];
        }
        struct buf out = BUF_INIT(4096);
        (void)buf_append_char(&out, '"');
        EXPECT(json_escape(slice_of(text, len), &out));
        (void)buf_append_char(&out, '"');
        struct json_doc doc;
        json_doc_init(&doc);
        EXPECT(json_parse(&doc, buf_slice(&out), NULL, NULL));
        EXPECT(slice_find_slice(buf_slice(&out), SLICE("\xC2\x85")) == SIZE_MAX);
        EXPECT(slice_find_slice(buf_slice(&out), SLICE("\xE2\x80\xA8")) == SIZE_MAX);
        EXPECT(slice_find_slice(buf_slice(&out), SLICE("\xE2\x80\xA9")) == SIZE_MAX);
        if (utf8_valid(slice_of(text, len))) {
            EXPECT(json_string_is(&doc, JSON_ROOT, slice_of(text, len)));
        }
        json_doc_release(&doc);
        buf_release(&out);
        free(text);
    }
}

static void keeps_to_the_ceiling(void)
{
    struct buf out = BUF_INIT(3);
    EXPECT(!json_escape(SLICE("\n\n"), &out));
    EXPECT(out.failed && out.len <= 3);
    EXPECT(!json_escape(SLICE_EMPTY, &out));
    buf_release(&out);
}

int main(void)
{
    TEST(leaves_plain_text, "plain text stays as it is");
    TEST(escapes_what_must_be, "quotes, backslashes and control characters are escaped");
    TEST(escapes_line_separators, "U+0085, U+2028 and U+2029 are escaped");
    TEST(marks_invalid_bytes, "invalid bytes become U+FFFD, one for each maximal part");
    TEST(any_bytes_become_a_string, "any bytes become a valid string without line ends");
    TEST(keeps_to_the_ceiling, "the ceiling of the buffer holds");
    return tap_done();
}

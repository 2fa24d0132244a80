/* SPDX-License-Identifier: Apache-2.0 */
/* What a refused text is told. */
#include "codec/json.h"

#include "tests/tap.h"

static void expect_text_of(struct slice text, const char *wanted)
{
    struct json_doc doc;
    struct error error;
    json_doc_init(&doc);
    const struct json_limits limits = {.depth = 3, .nodes = 20};
    EXPECT(!json_parse(&doc, text, &limits, &error));
    EXPECT_SLICE(slice_from_cstr(error.text), wanted);
    json_doc_release(&doc);
}

static void expect_text(const char *text, const char *wanted)
{
    expect_text_of(slice_from_cstr(text), wanted);
}

static void structure(void)
{
    expect_text("", "JSON 1:1 (byte 0): expected a value, found the end of the text");
    expect_text("  x", "JSON 1:3 (byte 2): expected a value, found 'x'");
    expect_text("[1,]", "JSON 1:4 (byte 3): expected a value, found ']'");
    expect_text("[1 2]", "JSON 1:4 (byte 3): expected ',' or ']', found '2'");
    expect_text("{\"a\":1", "JSON 1:7 (byte 6): expected ',' or '}', found the end of the text");
    expect_text("{a:1}", "JSON 1:2 (byte 1): expected a member name in double quotes, found 'a'");
    expect_text("{\"a\" 1}", "JSON 1:6 (byte 5): expected ':', found '1'");
    expect_text("[] x", "JSON 1:4 (byte 3): expected the end of the text, found 'x'");
    expect_text("[tru]", "JSON 1:2 (byte 1): expected a value, found 't'");
    expect_text_of(SLICE("[1\0]"), "JSON 1:3 (byte 2): expected ',' or ']', found byte 0x00");
}

static void numbers(void)
{
    expect_text("[-]", "JSON 1:3 (byte 2): expected a digit, found ']'");
    expect_text("1.", "JSON 1:3 (byte 2): expected a digit, found the end of the text");
    expect_text("1.x", "JSON 1:3 (byte 2): expected a digit, found 'x'");
    expect_text("-0.e", "JSON 1:4 (byte 3): expected a digit, found 'e'");
    expect_text("12.5e+", "JSON 1:7 (byte 6): expected a digit, found the end of the text");
    expect_text("1eE", "JSON 1:3 (byte 2): expected a digit, found 'E'");
    expect_text("[01]", "JSON 1:3 (byte 2): expected ',' or ']', found '1'");
}

static void strings(void)
{
    expect_text("\"abc", "JSON 1:5 (byte 4): expected a closing quote, found the end of the text");
    expect_text("\"ab\\x\"",
                "JSON 1:5 (byte 4): expected one of \" \\ / b f n r t u after a backslash, "
                "found 'x'");
    expect_text("\"\\n\\u12g4\"", "JSON 1:8 (byte 7): expected four hexadecimal digits after \\u, "
                                  "found 'g'");
    expect_text("\"\\", "JSON 1:3 (byte 2): expected one of \" \\ / b f n r t u after a backslash, "
                        "found the end of the text");
    expect_text("\"a\nb\"",
                "JSON 1:3 (byte 2): expected control characters in a string to be escaped, "
                "found byte 0x0A");
    expect_text("[\"\xE4\xB8\xAD\", \"\xE4\xB8\"]",
                "JSON 1:8 (byte 9): expected valid UTF-8, found byte 0xE4");
}

static void places(void)
{
    expect_text("{\n  \"\xC3\xA9\": [\n    1,\r\n    x",
                "JSON 4:5 (byte 24): expected a value, found 'x'");
    expect_text("\n\n]", "JSON 3:1 (byte 2): expected a value, found ']'");
}

static void limits(void)
{
    expect_text("[[[ []]]]",
                "JSON 1:5 (byte 4): expected less deeply nested arrays and objects, found '['");
    expect_text("[0,1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9]",
                "JSON 1:40 (byte 39): expected fewer values, found '9'");
}

static void too_long(void)
{
    struct json_doc doc;
    struct error error;
    json_doc_init(&doc);
    /* refused by its length alone: nothing is read */
    struct slice text = slice_of("[", ((size_t)1 << 31) + 1);
    EXPECT(!json_parse(&doc, text, NULL, &error));
    EXPECT(error.kind == ERROR_LIMIT && strcmp(error.code, "json_too_large") == 0);
    json_doc_release(&doc);
}

static void kinds(void)
{
    struct json_doc doc;
    struct error error;
    json_doc_init(&doc);
    EXPECT(!json_parse(&doc, SLICE("["), NULL, &error));
    EXPECT(error.kind == ERROR_INVALID && strcmp(error.code, "invalid_json") == 0);
    EXPECT(!json_parse(&doc, SLICE("\"\xFF\""), NULL, &error));
    EXPECT(error.kind == ERROR_INVALID && strcmp(error.code, "invalid_utf8") == 0);
    EXPECT(!json_parse(&doc, SLICE("[[]]"), &(struct json_limits){.depth = 1, .nodes = 9}, &error));
    EXPECT(error.kind == ERROR_INVALID && strcmp(error.code, "json_too_deep") == 0);
    EXPECT(!json_parse(&doc, SLICE("[[]]"), &(struct json_limits){.depth = 9, .nodes = 1}, &error));
    EXPECT(error.kind == ERROR_LIMIT && strcmp(error.code, "json_too_large") == 0);
    EXPECT(!json_parse(&doc, SLICE("["), NULL, NULL));
    json_doc_release(&doc);
}

int main(void)
{
    TEST(structure, "a fault of structure names what was expected and found");
    TEST(numbers, "a fault in a number points at the missing digit");
    TEST(strings, "a fault in a string points at the byte");
    TEST(places, "lines and columns count characters, offsets bytes");
    TEST(limits, "a limit points at the value that exceeds it");
    TEST(too_long, "a text beyond 2 GiB is refused unread");
    TEST(kinds, "each cause has its code and kind");
    return tap_done();
}

/* SPDX-License-Identifier: Apache-2.0 */
/* The reader against RFC 8259. Every text is parsed from memory of exactly its size. */
#include "codec/json.h"

#include "base/buf.h"
#include "base/memory.h"
#include "tests/tap.h"

#include <stdlib.h>

/* Parses a copy and returns the error's code, "" when the text is accepted. */
static const char *parse_code(struct slice text, const struct json_limits *limits)
{
    static struct error error;
    struct json_doc doc;
    json_doc_init(&doc);
    char *copy = malloc(text.len == 0 ? 1 : text.len);
    if (copy == NULL) {
        abort();
    }
    if (text.len > 0) {
        memcpy(copy, text.ptr, text.len);
    }
    error_clear(&error);
    bool ok = json_parse(&doc, slice_of(copy, text.len), limits, &error);
    EXPECT(ok == (error.code == NULL));
    EXPECT(ok == (doc.count > 0));
    json_doc_release(&doc);
    free(copy);
    return ok ? "" : error.code;
}

static void expect_code(struct slice text, const char *code)
{
    const char *actual = parse_code(text, NULL);
    if (strcmp(actual, code) != 0) {
        tap_point_failed = true;
        printf("# %.*s: code is '%s', wanted '%s'\n", SLICE_ARG(text), actual, code);
    }
}

static void accepts(const char *text)
{
    expect_code(slice_from_cstr(text), "");
}

static void refuses(const char *text)
{
    expect_code(slice_from_cstr(text), "invalid_json");
}

static void every_kind_of_value(void)
{
    static const char *const texts[] = {
        "null",
        "true",
        "false",
        "0",
        "\"\"",
        "[]",
        "{}",
        "\"a\"",
        "[1]",
        "[[]]",
        "[{}]",
        "[1,2]",
        "{\"\":0}",
        "{\"a\":{\"b\":[]},\"a\":null}",
        "[null,true,false,1,\"x\",[],{}]",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        accepts(texts[i]);
    }
}

/* long function: a table of texts */
static void anything_else(void)
{
    static const char *const texts[] = {
        "",
        " ",
        "nul",
        "nulL",
        "nullx",
        "True",
        "truefalse",
        "tru",
        "fals",
        "undefined",
        "NaN",
        "Infinity",
        "'a'",
        "a",
        "[",
        "]",
        "{",
        "}",
        "[1",
        "[1,",
        "[1,]",
        "[,1]",
        "[,]",
        "[1 2]",
        "[1}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{,}",
        "{\"a\" 1}",
        "{\"a\":1 \"b\":2}",
        "{a:1}",
        "{1:1}",
        "{null:1}",
        "{\"a\":1]",
        "[[]",
        "[]]",
        "{}}",
        "1 2",
        "[] []",
        "\"a\" \"b\"",
        "{\"a\"::1}",
        "[1,,2]",
        "[\"a\":1]",
        "/**/1",
        "1//",
        "#1",
        "(1)",
        "<1>",
        "{\"a\",\"b\"}",
        "{:1}",
        ":",
        ",",
        "\xEF\xBB\xBF{}",
        "\xFF",
        "[\xE4\xB8\xAD]",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        refuses(texts[i]);
    }
    expect_code(SLICE("[1]\0"), "invalid_json");
    expect_code(SLICE("\0"), "invalid_json");
    expect_code(SLICE("[1\0]"), "invalid_json");
}

static void numbers(void)
{
    static const char *const good[] = {
        "0",
        "-0",
        "1",
        "-1",
        "9",
        "10",
        "1234567890",
        "0.0",
        "-0.5",
        "1.25",
        "0e0",
        "0E0",
        "1e5",
        "1E5",
        "1e+5",
        "1e-5",
        "1.5e10",
        "-1.5E-10",
        "1e00",
        "0.1e001",
        "123456789012345678901234567890",
        "1e999999",
        "-1e-999999",
        "0.00000000000000000000000000000000000000000000000000000000000001",
    };
    static const char *const bad[] = {
        "-",         "+1",  "01",  "-01",  "00",    "1.",    ".5",   "-.5",   "1.e5",
        "1e",        "1e+", "1e-", "1E",   "1e5.0", "1.2.3", "0x10", "1_000", "1,000",
        "- 1",       "--1", "1-",  "1+1",  "1e1e1", "0b1",   "1f",   "1a",    "-a",
        "-Infinity", "1.a", "1ea", "1e+a", "0.",    "0e",    "٣",
    };
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        accepts(good[i]);
        char wrapped[256];
        (void)snprintf(wrapped, sizeof wrapped, "[%s,{\"a\":%s}]", good[i], good[i]);
        accepts(wrapped);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        refuses(bad[i]);
        char wrapped[256];
        (void)snprintf(wrapped, sizeof wrapped, "[%s]", bad[i]);
        if (strcmp(bad[i], "1,000") == 0) {
            continue; /* two numbers, of which the second starts with 0 */
        }
        refuses(wrapped);
    }
}

/* A string of one byte at every place of a block, alone and as a member's name. */
static void expect_in_string(struct slice content, const char *code)
{
    for (size_t before = 0; before < 36; before++) {
        for (size_t after = 0; after < 36; after += 7) {
            struct buf text = BUF_INIT(4096);
            (void)buf_printf(&text, "%s\"%.*s", before % 2 == 0 ? "" : "[{", (int)before,
                             "ghijklmnopqrstuvwxyzghijklmnopqrstuvwxyz");
            (void)buf_append(&text, content);
            (void)buf_printf(&text, "%.*s\"%s", (int)after,
                             "ghijklmnopqrstuvwxyzghijklmnopqrstuvwxyz",
                             before % 2 == 0 ? "" : ":1}]");
            expect_code(buf_slice(&text), code);
            buf_release(&text);
        }
    }
}

static void escapes(void)
{
    static const char *const good[] = {
        "\\\"",    "\\\\",    "\\/",      "\\b",          "\\f",      "\\n",
        "\\r",     "\\t",     "\\u0000",  "\\u12aF",      "\\uFFFF",  "\\ud83d\\ude00",
        "\\ud800", "\\udc00", "\\ud800x", "\\ud800\\n",   "\\\\\\\"", "\\\\\\\\\\\\",
        "\\\\u12", "\\u0022", "\\u005c",  "\\n\\n\\n\\n", "\\\"\\\"", "\\ud83d\\ud83d",
    };
    static const char *const bad[] = {
        "\\a",     "\\x41",   "\\0",      "\\'",   "\\ ",        "\\U0041", "\\N",
        "\\\n",    "\\u",     "\\u1",     "\\u12", "\\u123",     "\\u123g", "\\ug123",
        "\\u 123", "\\u-123", "\\u12\\n", "\\v",   "\\\xC3\xA9", "\\e",     "\\\t",
    };
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        expect_in_string(slice_from_cstr(good[i]), "");
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        expect_in_string(slice_from_cstr(bad[i]), "invalid_json");
    }
    refuses("\"\\\"");
    refuses("\"\\u12\"");
    refuses("\"\\");
}

static void control_characters(void)
{
    for (unsigned c = 0; c < 0x20; c++) {
        char content[1] = {(char)c};
        expect_in_string(slice_of(content, 1), "invalid_json");
    }
    expect_in_string(SLICE("\x7F"), "");
}

static void utf8(void)
{
    static const char *const good[] = {
        "\xC2\x80",
        "\xDF\xBF",
        "\xE0\xA0\x80",
        "\xED\x9F\xBF",
        "\xEE\x80\x80",
        "\xEF\xBF\xBF",
        "\xF0\x90\x80\x80",
        "\xF4\x8F\xBF\xBF",
        "\xC3\xA9t\xC3\xA9",
        "\xE4\xB8\xAD\xE6\x96\x87\xE3\x80\x82\xE4\xB8\xAD\xE6\x96\x87\xE3\x80\x82",
        "\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80",
    };
    static const char *const bad[] = {
        "\x80",
        "\xBF",
        "\xC0\x80",
        "\xC1\xBF",
        "\xC2",
        "\xC2\x41",
        "\xE0\x80\x80",
        "\xE0\x9F\xBF",
        "\xE4\xB8",
        "\xE4",
        "\xE4\x41\x80",
        "\xED\xA0\x80",
        "\xED\xBF\xBF",
        "\xF0\x80\x80\x80",
        "\xF0\x8F\xBF\xBF",
        "\xF0\x9F\x98",
        "\xF0\x9F",
        "\xF4\x90\x80\x80",
        "\xF5\x80\x80\x80",
        "\xFE",
        "\xFF",
        "\xC3\xA9\xA9",
        "\xED\xA0\xBD\xED\xB8\x80",
    };
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        expect_in_string(slice_from_cstr(good[i]), "");
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        expect_in_string(slice_from_cstr(bad[i]), "invalid_utf8");
    }
}

static void white_space(void)
{
    accepts(" \t\r\n{ \t\r\n\"a\" \t\r\n: \t\r\n[ \t\r\n1 \t\r\n, \t\r\n2 \t\r\n] \t\r\n} \t\r\n");
    accepts("[\n                                        1\n                                    ]");
    accepts(" [ ] ");
    accepts(" { } ");
    static const char *const bad[] = {"\v1",   "1\f",         "[\xC2\xA0]", "[1\xE2\x80\xA8]",
                                      "[\b1]", "\xEF\xBB\xBF"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        refuses(bad[i]);
    }
}

static const char fixture[] =
    "{\"model\":\"auto\", \"messages\" : [{\"role\":\"user\",\"content\":\"na\\u00efve "
    "\\ud83d\\ude00 "
    "\xE4\xB8\xAD\xE6\x96\x87\xF0\x9F\x98\x80 text that goes on\\n\"}],\n  \"temperature\":-0.5e+1,"
    "\"n\":[ 1,\t20 ],\"stop\":null,\"stream\":true,\"x\":false,\"o\":{},\"e\":[ ]}";

static void every_truncation(void)
{
    accepts(fixture);
    for (size_t len = 0; len < sizeof fixture - 1; len++) {
        EXPECT(strcmp(parse_code(slice_of(fixture, len), NULL), "") != 0);
    }
}

static void every_damaged_byte(void)
{
    /* no byte is ignored: with a NUL in its place the text is always refused */
    for (size_t i = 0; i < sizeof fixture - 1; i++) {
        char damaged[sizeof fixture];
        memcpy(damaged, fixture, sizeof fixture);
        damaged[i] = '\0';
        EXPECT(strcmp(parse_code(slice_of(damaged, sizeof fixture - 1), NULL), "") != 0);
    }
}

static void expect_node(const struct json_doc *doc, uint32_t i, enum json_kind kind,
                        const char *raw, uint32_t next)
{
    EXPECT_INT(json_kind(doc, i), kind);
    EXPECT_SLICE(json_raw(doc, i), raw);
    EXPECT_INT(doc->nodes[i].next, next);
}

static void tape(void)
{
    struct json_doc doc;
    json_doc_init(&doc);
    struct slice text = SLICE(" {\"a\" : [1, {} ,\"\\n\"],\"b\":true} ");
    EXPECT(json_parse(&doc, text, NULL, NULL));
    EXPECT_INT(doc.count, 8);
    expect_node(&doc, 0, JSON_OBJECT, "{\"a\" : [1, {} ,\"\\n\"],\"b\":true}", 8);
    expect_node(&doc, 1, JSON_STRING, "\"a\"", 2);
    expect_node(&doc, 2, JSON_ARRAY, "[1, {} ,\"\\n\"]", 6);
    expect_node(&doc, 3, JSON_NUMBER, "1", 4);
    expect_node(&doc, 4, JSON_OBJECT, "{}", 5);
    expect_node(&doc, 5, JSON_STRING, "\"\\n\"", 6);
    expect_node(&doc, 6, JSON_STRING, "\"b\"", 7);
    expect_node(&doc, 7, JSON_TRUE, "true", 8);
    EXPECT(!doc.nodes[1].escaped);
    EXPECT(doc.nodes[5].escaped);
    json_doc_release(&doc);
}

/* `piece` as many times as it takes. */
static struct buf repeated(const char *piece, size_t times)
{
    struct buf text = BUF_INIT((size_t)1 << 26);
    for (size_t i = 0; i < times; i++) {
        (void)buf_append_cstr(&text, piece);
    }
    return text;
}

static void depth(void)
{
    const struct json_limits three = {.depth = 3, .nodes = 100};
    EXPECT(strcmp(parse_code(SLICE("[[[1]]]"), &three), "") == 0);
    EXPECT(strcmp(parse_code(SLICE("[{\"a\":[]}]"), &three), "") == 0);
    EXPECT(strcmp(parse_code(SLICE("[[[]],[[]]]"), &three), "") == 0);
    EXPECT(strcmp(parse_code(SLICE("[[[[]]]]"), &three), "json_too_deep") == 0);
    EXPECT(strcmp(parse_code(SLICE("[[[{}]]]"), &three), "json_too_deep") == 0);
    struct buf fits = repeated("[", 128);
    struct buf ends = repeated("]", 128);
    (void)buf_append(&fits, buf_slice(&ends));
    expect_code(buf_slice(&fits), "");
    buf_release(&fits);
    buf_release(&ends);
}

static void deep_nesting(void)
{
    const struct json_limits wide = {.depth = 200000, .nodes = 1000000};
    struct buf text = repeated("[", 100000);
    expect_code(buf_slice(&text), "json_too_deep");
    EXPECT(strcmp(parse_code(buf_slice(&text), &wide), "invalid_json") == 0);
    struct buf ends = repeated("]", 100000);
    (void)buf_append(&text, buf_slice(&ends));
    expect_code(buf_slice(&text), "json_too_deep");
    EXPECT(strcmp(parse_code(buf_slice(&text), &wide), "") == 0);
    buf_release(&text);
    buf_release(&ends);
}

static void deep_members(void)
{
    const struct json_limits wide = {.depth = 200000, .nodes = 1000000};
    struct buf text = repeated("[{\"\":", 50000);
    EXPECT_INT(text.len, 250000);
    expect_code(buf_slice(&text), "json_too_deep");
    EXPECT(strcmp(parse_code(buf_slice(&text), &wide), "invalid_json") == 0);
    buf_release(&text);
}

static void node_limit(void)
{
    const struct json_limits five = {.depth = 9, .nodes = 5};
    EXPECT(strcmp(parse_code(SLICE("[1,2,3,4]"), &five), "") == 0);
    EXPECT(strcmp(parse_code(SLICE("[1,2,3,4,5]"), &five), "json_too_large") == 0);
    EXPECT(strcmp(parse_code(SLICE("{\"a\":1,\"b\":2}"), &five), "") == 0);
    EXPECT(strcmp(parse_code(SLICE("{\"a\":1,\"b\":[2]}"), &five), "json_too_large") == 0);
    const struct json_limits none = {.depth = 9, .nodes = 0};
    EXPECT(strcmp(parse_code(SLICE("1"), &none), "json_too_large") == 0);
    struct buf text = repeated("1,", 999998);
    struct buf whole = BUF_INIT((size_t)1 << 24);
    (void)buf_printf(&whole, "[%.*s1]", SLICE_ARG(buf_slice(&text)));
    expect_code(buf_slice(&whole), "");
    buf_clear(&whole);
    (void)buf_printf(&whole, "[%.*s1,1]", SLICE_ARG(buf_slice(&text)));
    expect_code(buf_slice(&whole), "json_too_large");
    buf_release(&whole);
    buf_release(&text);
}

static void limit_below_kept_memory(void)
{
    struct json_doc doc;
    struct error error;
    json_doc_init(&doc);
    EXPECT(json_parse(&doc, SLICE("[1,2,3,4,5,6,7,8,9]"), NULL, &error));
    const struct json_limits few = {.depth = 9, .nodes = 4};
    EXPECT(!json_parse(&doc, SLICE("[1,2,3,4,5,6,7,8,9]"), &few, &error));
    EXPECT(strcmp(error.code, "json_too_large") == 0);
    EXPECT(json_parse(&doc, SLICE("[1,2,3]"), &few, &error));
    json_doc_release(&doc);
}

static void reuse(void)
{
    struct json_doc doc;
    json_doc_init(&doc);
    struct buf large = repeated("[],", 5000);
    struct buf text = BUF_INIT(100000);
    (void)buf_printf(&text, "[%.*s0]", SLICE_ARG(buf_slice(&large)));
    EXPECT(json_parse(&doc, buf_slice(&text), NULL, NULL));
    EXPECT_INT(doc.count, 5002);
    const struct json_node *nodes = doc.nodes;
    uint32_t cap = doc.cap;
    EXPECT(!json_parse(&doc, SLICE("[1,2"), NULL, NULL));
    EXPECT_INT(doc.count, 0);
    EXPECT(json_parse(&doc, SLICE("[1,2]"), NULL, NULL));
    EXPECT_INT(doc.count, 3);
    EXPECT_INT(doc.nodes[0].next, 3);
    EXPECT(doc.nodes == nodes && doc.cap == cap);
    json_doc_release(&doc);
    json_doc_release(&doc);
    EXPECT(doc.nodes == NULL && doc.cap == 0);
    buf_release(&large);
    buf_release(&text);
}

static void nothing_at_all(void)
{
    expect_code(SLICE_EMPTY, "invalid_json");
    EXPECT(strcmp(parse_code(slice_of("[", (size_t)1 << 10 & 1), NULL), "invalid_json") == 0);
}

#ifdef SLUICE_FAULTS
static void memory_runs_out(void)
{
    struct buf text = repeated("[1,2,3,4,5,6,7,8,9,10],", 200);
    struct buf whole = BUF_INIT(100000);
    (void)buf_printf(&whole, "[%.*s0]", SLICE_ARG(buf_slice(&text)));
    int failures = 0;
    for (int64_t nth = 0;; nth++) {
        struct json_doc doc;
        struct error error;
        json_doc_init(&doc);
        memory_fail_nth(nth);
        bool ok = json_parse(&doc, buf_slice(&whole), NULL, &error);
        bool failed = memory_fault_happened();
        memory_fail_nth(-1);
        EXPECT(ok != failed);
        if (failed) {
            failures++;
            EXPECT(strcmp(error.code, "out_of_memory") == 0 && error.kind == ERROR_ENVIRONMENT);
            EXPECT(json_parse(&doc, buf_slice(&whole), NULL, &error));
        }
        json_doc_release(&doc);
        if (!failed) {
            break;
        }
    }
    EXPECT(failures > 3);
    buf_release(&text);
    buf_release(&whole);
}
#endif

int main(void)
{
    TEST(every_kind_of_value, "every kind of value is accepted");
    TEST(anything_else, "what is no JSON is refused");
    TEST(numbers, "numbers follow the grammar");
    TEST(escapes, "escapes follow the grammar at every place of a string");
    TEST(control_characters, "raw control characters are refused at every place of a string");
    TEST(utf8, "raw invalid UTF-8 is refused at every place of a string");
    TEST(white_space, "white space is the four characters of the grammar");
    TEST(every_truncation, "every truncation is refused");
    TEST(every_damaged_byte, "no byte is skipped without a look");
    TEST(tape, "nodes hold spans, kinds and the ends of subtrees");
    TEST(depth, "depth is bounded");
    TEST(deep_nesting,
         "100,000 nested arrays are refused by depth, and read where the limit allows them");
    TEST(deep_members, "250 KB of nested objects without an end are refused");
    TEST(node_limit, "the number of nodes is bounded");
    TEST(limit_below_kept_memory, "a lower limit counts although memory is there");
    TEST(reuse, "a document is parsed into again and keeps its memory");
    TEST(nothing_at_all, "an empty text is refused");
#ifdef SLUICE_FAULTS
    TEST(memory_runs_out, "failing memory is an error of the environment");
#endif
    return tap_done();
}

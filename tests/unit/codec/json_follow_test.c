/* SPDX-License-Identifier: Apache-2.0 */
/* A text that comes in pieces: is it one JSON object? */
#include "codec/json_follow.h"

#include "base/slice.h"
#include "codec/json.h"
#include "tests/tap.h"

#include <stdio.h>

static enum json_follow_result follow(struct slice text)
{
    struct json_follow f = {.state = 0};
    enum json_follow_result result = JSON_FOLLOW_OPEN;
    for (size_t i = 0; i < text.len; i++) {
        result = json_follow(&f, text.ptr[i]);
    }
    return result;
}

static bool is_object(struct slice text)
{
    struct json_doc doc;
    json_doc_init(&doc);
    bool ok =
        json_parse(&doc, text, &json_default_limits, NULL) && json_kind(&doc, 0) == JSON_OBJECT;
    json_doc_release(&doc);
    return ok;
}

static void objects_are_whole_at_their_end(void)
{
    static const char *const texts[] = {
        "{}",
        " \t\r\n{ } \n",
        "{\"a\":1}",
        "{\"a\":-0.5e+10,\"b\":0,\"c\":12E-3,\"d\":[1,2.0]}",
        "{\"a\":[],\"b\":[[],{}],\"c\":{\"d\":{}}}",
        "{\"\":\"\",\"\\u00e9\\\"\\\\\\/\\b\\f\\n\\r\\t\":\"\\uD83D\\uDE00\"}",
        "{\"a\":true,\"b\":false,\"c\":null}",
        "{\"a\" : [ true , false , null ] }",
        "{\"caf\xc3\xa9\":\"\xf0\x9f\x98\x80\"}",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct slice text = slice_from_cstr(texts[i]);
        EXPECT(is_object(text));
        EXPECT_INT(follow(text), JSON_FOLLOW_WHOLE);
        size_t end = slice_trim(text).ptr + slice_trim(text).len - text.ptr;
        for (size_t len = 0; len < text.len; len++) {
            EXPECT_INT(follow(slice_of(text.ptr, len)),
                       len < end ? JSON_FOLLOW_OPEN : JSON_FOLLOW_WHOLE);
        }
    }
}

static void what_no_more_can_mend_is_broken(void)
{
    static const char *const texts[] = {
        "[",          "\"",           "1",           "x",
        "{1",         "{a",           "{,",          "{\"a\"}",
        "{\"a\",",    "{\"a\":}",     "{\"a\":,",    "{\"a\":1,}",
        "{\"a\":01",  "{\"a\":+",     "{\"a\":.",   "{\"a\":1.}",
        "{\"a\":1e}", "{\"a\":1e+}",  "{\"a\":-}",   "{\"a\":-a",
        "{\"a\":1.e", "{\"a\":1 2",   "{\"a\":tru}", "{\"a\":nul ",
        "{\"a\":[}",  "{\"a\":[1,]",  "{\"a\":[1}",  "{\"a\":{]",
        "{}}",        "{}{",          "{} x",        "{\"a\":\"\n",
        "{\"\x01",    "{\"a\":\"\\x", "{\"\\u12g",   "{\"a\":truex",
        "{\"a\":1x",  "{\"a\":[1 2",  "{\"a\" 1",    "{\"a\":fals}",
        "{]",         "{\"a\":[,",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct slice text = slice_from_cstr(texts[i]);
        EXPECT_INT(follow(slice_of(text.ptr, text.len - 1)) == JSON_FOLLOW_BROKEN, false);
        EXPECT_INT(follow(text), JSON_FOLLOW_BROKEN);
        struct json_follow f = {.state = 0};
        for (size_t at = 0; at < text.len; at++) {
            (void)json_follow(&f, text.ptr[at]);
        }
        EXPECT_INT(json_follow(&f, ' '), JSON_FOLLOW_BROKEN); /* and stays so */
    }
}

/* Objects and arrays in turn, so that the kinds of both words are seen. */
static void the_depth_is_the_readers(void)
{
    char text[8 * JSON_FOLLOW_DEPTH];
    for (unsigned depth = 1; depth <= JSON_FOLLOW_DEPTH + 1; depth++) {
        size_t len = 0;
        for (unsigned i = 0; i < depth; i++) {
            bool object = i % 2 == 0;
            bool inner = i + 1 < depth;
            const char *piece = object ? (inner ? "{\"a\":" : "{") : "[";
            memcpy(text + len, piece, strlen(piece));
            len += strlen(piece);
        }
        for (unsigned i = depth; i > 0; i--) {
            text[len++] = i % 2 == 1 ? '}' : ']';
        }
        EXPECT_INT(follow(slice_of(text, len)) == JSON_FOLLOW_WHOLE,
                   is_object(slice_of(text, len)));
        EXPECT_INT(is_object(slice_of(text, len)), depth <= JSON_FOLLOW_DEPTH);
    }
}

static void expect_mended(const char *part, const char *wanted)
{
    struct buf out = BUF_INIT(4096);
    bool mended = json_mend(slice_from_cstr(part), &out);
    EXPECT(mended == (wanted != NULL));
    if (wanted != NULL) {
        EXPECT(slice_eq(buf_slice(&out), slice_from_cstr(wanted)));
        if (!slice_eq(buf_slice(&out), slice_from_cstr(wanted))) {
            printf("# %s: %.*s\n", part, SLICE_ARG(buf_slice(&out)));
        }
    }
    buf_release(&out);
}

static void what_came_whole_is_an_object(void)
{
    expect_mended("{\"a\":1,\"b\":[2,{\"c\":3}],\"d\":\"x", "{\"a\":1,\"b\":[2,{\"c\":3}]}");
    expect_mended("{\"a\":{\"b\":1},\"c", "{\"a\":{\"b\":1}}");
    expect_mended("{\"a\":\"x\"", "{\"a\":\"x\"}");
    expect_mended("{\"a\":true , ", "{\"a\":true }");
    expect_mended("{\"a\":1}", "{\"a\":1}");
    expect_mended("{\"a\":1} \n", "{\"a\":1}");
    expect_mended("{\"a\":\"}\",\"b\":2", "{\"a\":\"}\"}");
    /* a number that was cut is another number */
    expect_mended("{\"a\":\"x\",\"b\":12", "{\"a\":\"x\"}");
    expect_mended("{\"b\":12,", "{\"b\":12}");
    /* broken further on */
    expect_mended("{\"a\":1,\"b\":2,x}", "{\"a\":1,\"b\":2}");
    expect_mended("{\"a\":[1],\"b\":tru!", "{\"a\":[1]}");
}

static void what_has_nothing_whole_is_none(void)
{
    static const char *const parts[] = {"", "{", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":[1,2",
                                        "[1,2]", "<html>", "x{\"a\":1}", "{\"a\":{\"b\":1,"};
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        expect_mended(parts[i], NULL);
    }
}

/* At whatever byte it is cut, what is mended is JSON, and says nothing that was not there. */
static void every_cut_is_json(void)
{
    const struct slice whole =
        SLICE("{\"id\":\"a\\\"}\",\"n\":-1.5e3,\"list\":[1,[],{}],\"u\":{\"in\":12,\"out\":345},"
              "\"t\":true}");
    for (size_t len = 0; len <= whole.len; len++) {
        struct buf out = BUF_INIT(4096);
        struct json_doc doc;
        struct error error;
        int64_t count = 0;
        json_doc_init(&doc);
        if (json_mend(slice_of(whole.ptr, len), &out)) {
            EXPECT(json_parse(&doc, buf_slice(&out), &json_default_limits, &error));
            uint32_t told = json_path(&doc, JSON_ROOT, "u.out");
            EXPECT(told == JSON_ABSENT || (json_int64(&doc, told, &count) && count == 345));
        }
        json_doc_release(&doc);
        buf_release(&out);
    }
}

static void without_room_nothing_is_mended(void)
{
    struct buf out = BUF_INIT(5);
    EXPECT(!json_mend(SLICE("{\"abc\":1,\"b\":2"), &out));
    buf_release(&out);
}

int main(void)
{
    TEST(objects_are_whole_at_their_end, "an object is whole at its end, and open before");
    TEST(what_no_more_can_mend_is_broken, "what no more can mend is broken at once");
    TEST(the_depth_is_the_readers, "the depth is the reader's");
    TEST(what_came_whole_is_an_object, "the members that came whole are mended into an object");
    TEST(what_has_nothing_whole_is_none, "what has no whole member is not mended");
    TEST(every_cut_is_json, "cut at any byte it is mended into JSON that says the same");
    TEST(without_room_nothing_is_mended, "without room nothing is mended");
    return tap_done();
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A text that comes in pieces: is it one JSON object? */
#include "codec/json_follow.h"

#include "base/slice.h"
#include "codec/json.h"
#include "tests/tap.h"

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

int main(void)
{
    TEST(objects_are_whole_at_their_end, "an object is whole at its end, and open before");
    TEST(what_no_more_can_mend_is_broken, "what no more can mend is broken at once");
    TEST(the_depth_is_the_readers, "the depth is the reader's");
    return tap_done();
}

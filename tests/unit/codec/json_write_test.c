/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/json_write.h"

#include "codec/json.h"
#include "tests/tap.h"

static struct buf out;
static struct json_writer w;

static void start(void)
{
    buf_clear(&out);
    json_writer_init(&w, &out);
}

static void commas(void)
{
    start();
    json_begin_object(&w);
    json_key(&w, SLICE("a"));
    json_begin_array(&w);
    json_write_int(&w, 1);
    json_begin_object(&w);
    json_end_object(&w);
    json_begin_array(&w);
    json_end_array(&w);
    json_write_null(&w);
    json_end_array(&w);
    json_key(&w, SLICE("b"));
    json_begin_object(&w);
    json_member_int(&w, SLICE("x"), -5);
    json_member_bool(&w, SLICE("y"), true);
    json_end_object(&w);
    json_member_bool(&w, SLICE(""), false);
    json_end_object(&w);
    EXPECT_SLICE(buf_slice(&out), "{\"a\":[1,{},[],null],\"b\":{\"x\":-5,\"y\":true},\"\":false}");
}

static void values(void)
{
    start();
    json_begin_array(&w);
    json_write_string(&w, SLICE("a\"b\n"));
    json_write_inner(&w, SLICE("a\\u0041"));
    json_write_raw(&w, SLICE("{\"r\" : 1}"));
    json_write_bool(&w, true);
    json_write_bool(&w, false);
    json_write_int(&w, INT64_MIN);
    json_write_int(&w, INT64_MAX);
    json_write_string(&w, SLICE_EMPTY);
    json_write_inner(&w, SLICE_EMPTY);
    json_end_array(&w);
    EXPECT_SLICE(buf_slice(&out), "[\"a\\\"b\\n\",\"a\\u0041\",{\"r\" : 1},true,false,"
                                  "-9223372036854775808,9223372036854775807,\"\",\"\"]");
}

static void members(void)
{
    start();
    json_begin_object(&w);
    json_member_string(&w, SLICE("s"), SLICE("\t"));
    json_member_inner(&w, SLICE("i"), SLICE("\\t"));
    json_member_raw(&w, SLICE("r"), SLICE("[1, 2]"));
    json_member_scaled(&w, SLICE("m"), 1230, 3);
    json_end_object(&w);
    EXPECT_SLICE(buf_slice(&out), "{\"s\":\"\\t\",\"i\":\"\\t\",\"r\":[1, 2],\"m\":1.23}");
}

static void expect_scaled(int64_t value, int scale, const char *wanted)
{
    start();
    json_write_scaled(&w, value, scale);
    EXPECT_SLICE(buf_slice(&out), wanted);
    int64_t again = 0;
    EXPECT(slice_to_scaled(buf_slice(&out), scale, &again) && again == value);
}

static void scaled(void)
{
    expect_scaled(0, 0, "0");
    expect_scaled(0, 9, "0");
    expect_scaled(5, 0, "5");
    expect_scaled(1230, 3, "1.23");
    expect_scaled(1000, 3, "1");
    expect_scaled(-1, 3, "-0.001");
    expect_scaled(-1500, 3, "-1.5");
    expect_scaled(1, 12, "0.000000000001");
    expect_scaled(100, 1, "10");
    expect_scaled(1001, 3, "1.001");
    expect_scaled(INT64_MAX, 9, "9223372036.854775807");
    expect_scaled(INT64_MIN, 0, "-9223372036854775808");
    expect_scaled(INT64_MIN, 18, "-9.223372036854775808");
}

static void deepest(void)
{
    start();
    for (int i = 0; i < 64; i++) {
        json_begin_array(&w);
        json_write_int(&w, i);
    }
    for (int i = 0; i < 64; i++) {
        json_end_array(&w);
    }
    struct json_doc doc;
    json_doc_init(&doc);
    EXPECT(json_parse(&doc, buf_slice(&out), NULL, NULL));
    EXPECT_INT(doc.count, 128);
    EXPECT_INT(json_count(&doc, JSON_ROOT), 2);
    json_doc_release(&doc);
}

static void exact_fit(void)
{
    static const char wanted[] = "{\"a\":\"b\",\"c\":[\"\\n\",\"d\"]}";
    for (size_t limit = sizeof wanted - 3; limit < sizeof wanted + 1; limit++) {
        struct buf small = BUF_INIT(limit);
        struct json_writer writer;
        json_writer_init(&writer, &small);
        json_begin_object(&writer);
        json_member_string(&writer, SLICE("a"), SLICE("b"));
        json_key(&writer, SLICE("c"));
        json_begin_array(&writer);
        json_write_string(&writer, SLICE("\n"));
        json_write_inner(&writer, SLICE("d"));
        json_end_array(&writer);
        json_end_object(&writer);
        EXPECT(small.failed == (limit < sizeof wanted - 1));
        EXPECT(small.failed || slice_eq(buf_slice(&small), slice_from_cstr(wanted)));
        buf_release(&small);
    }
}

static void sticky_failure(void)
{
    struct buf small = BUF_INIT(20);
    struct json_writer writer;
    json_writer_init(&writer, &small);
    json_begin_object(&writer);
    json_member_string(&writer, SLICE("content"), SLICE("more than fits in twenty bytes"));
    json_member_int(&writer, SLICE("n"), 1);
    json_end_object(&writer);
    EXPECT(small.failed && small.len <= 20);
    buf_release(&small);
}

int main(void)
{
    buf_init(&out, 65536);
    TEST(commas, "commas stand between items of a level");
    TEST(values, "every kind of value is written");
    TEST(members, "members are written with their names");
    TEST(scaled, "scaled numbers are exact decimals");
    TEST(deepest, "64 levels keep their commas apart");
    TEST(exact_fit, "a ceiling of the exact size is enough, one byte less is not");
    TEST(sticky_failure, "a full buffer fails and stays failed");
    buf_release(&out);
    return tap_done();
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/slice.h"

#include "tests/tap.h"

static void test_compares_without_case(void)
{
    EXPECT(slice_eq_nocase(SLICE("Content-Type"), SLICE("content-TYPE")));
    EXPECT(!slice_eq_nocase(SLICE("abc"), SLICE("abd")));
    EXPECT(!slice_eq_nocase(SLICE("abc"), SLICE("ab")));
    EXPECT(slice_eq_nocase(SLICE_EMPTY, SLICE("")));
    /* '@' and '`', '[' and '{' differ by the case bit only */
    EXPECT(!slice_eq_nocase(SLICE("@["), SLICE("`{")));
    EXPECT(!slice_eq_nocase(SLICE("\xC4"), SLICE("\xE4")));
}

/* Each pair of bytes, in a text of one word, of more, and of less. */
static void folds_every_byte_like_ascii(void)
{
    char a[11] = "Stay as it";
    char b[11] = "sTAY AS IT";
    for (unsigned pair = 0; pair < 65536; pair++) {
        unsigned char x = (unsigned char)(pair >> 8);
        unsigned char y = (unsigned char)pair;
        bool same = (x >= 'A' && x <= 'Z' ? x + 32 : x) == (y >= 'A' && y <= 'Z' ? y + 32 : y);
        size_t at = pair % 10;
        char kept[2] = {a[at], b[at]};
        a[at] = (char)x;
        b[at] = (char)y;
        size_t short_len = at < 7 ? 7 : at < 8 ? 8 : 10;
        EXPECT(slice_eq_nocase(slice_of(a, 10), slice_of(b, 10)) == same);
        EXPECT(slice_eq_nocase(slice_of(a, short_len), slice_of(b, short_len)) == same);
        a[at] = kept[0];
        b[at] = kept[1];
    }
}

static void test_finds(void)
{
    EXPECT_INT(slice_find(SLICE("abc"), 'c'), 2);
    EXPECT(slice_find(SLICE("abc"), 'x') == SIZE_MAX);
    EXPECT(slice_find(SLICE_EMPTY, 'x') == SIZE_MAX);
    EXPECT_INT(slice_find_slice(SLICE("hello world"), SLICE("o w")), 4);
    EXPECT(slice_find_slice(SLICE("short"), SLICE("longer than it")) == SIZE_MAX);
    EXPECT_INT(slice_find_slice(SLICE("x"), SLICE_EMPTY), 0);
    EXPECT(slice_find_slice(SLICE_EMPTY, SLICE("x")) == SIZE_MAX);
    EXPECT(slice_starts(SLICE("data: x"), SLICE("data:")));
    EXPECT(!slice_starts(SLICE("dat"), SLICE("data")));
    EXPECT(slice_starts(SLICE("x"), SLICE_EMPTY));
    EXPECT(slice_ends(SLICE("a.json"), SLICE(".json")));
    EXPECT(!slice_ends(SLICE("json"), SLICE(".json")));
    EXPECT(slice_ends(SLICE_EMPTY, SLICE_EMPTY));
}

static void test_cuts(void)
{
    struct slice rest = SLICE("a,b,,c");
    EXPECT_SLICE(slice_cut(&rest, ','), "a");
    EXPECT_SLICE(slice_cut(&rest, ','), "b");
    EXPECT_INT(slice_cut(&rest, ',').len, 0);
    EXPECT_SLICE(slice_cut(&rest, ','), "c");
    EXPECT_INT(rest.len, 0);
    EXPECT_INT(slice_cut(&rest, ',').len, 0);
    struct slice trailing = SLICE("a,");
    EXPECT_SLICE(slice_cut(&trailing, ','), "a");
    EXPECT_INT(trailing.len, 0);
}

static void test_trims_and_skips(void)
{
    EXPECT_SLICE(slice_trim(SLICE(" \t\r\n a b \n")), "a b");
    EXPECT_INT(slice_trim(SLICE("  ")).len, 0);
    EXPECT_INT(slice_trim(SLICE_EMPTY).len, 0);
    EXPECT_SLICE(slice_from(SLICE("abc"), 1), "bc");
    EXPECT_INT(slice_from(SLICE("abc"), 9).len, 0);
    EXPECT(slice_from(SLICE_EMPTY, 3).ptr == NULL);
}

static void test_orders(void)
{
    EXPECT(slice_compare(SLICE("a"), SLICE("b")) < 0);
    EXPECT(slice_compare(SLICE("ab"), SLICE("a")) > 0);
    EXPECT(slice_compare(SLICE_EMPTY, SLICE("")) == 0);
    EXPECT(slice_compare(SLICE("\xFF"), SLICE("a")) > 0);
}

static void test_copies_to_cstr(void)
{
    char buffer[4];
    EXPECT(strcmp(slice_to_cstr(SLICE("abcdef"), buffer, sizeof(buffer)), "abc") == 0);
    EXPECT(strcmp(slice_to_cstr(SLICE_EMPTY, buffer, sizeof(buffer)), "") == 0);
    buffer[0] = 'x';
    slice_to_cstr(SLICE("abc"), buffer, 0);
    EXPECT(buffer[0] == 'x');
}

static void test_compares_secrets(void)
{
    EXPECT(slice_eq_constant_time(SLICE("secret"), SLICE("secret")));
    EXPECT(!slice_eq_constant_time(SLICE("secret"), SLICE("secreT")));
    EXPECT(!slice_eq_constant_time(SLICE("secret"), SLICE("secret1")));
    EXPECT(!slice_eq_constant_time(SLICE("a"), SLICE_EMPTY));
    EXPECT(slice_eq_constant_time(SLICE_EMPTY, SLICE_EMPTY));
}

static void test_reads_u64(void)
{
    static const char *const bad[] = {
        "", " 1", "1 ", "+1", "-1", "0x1", "18446744073709551616", "99999999999999999999"};
    uint64_t value = 7;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        EXPECT(!slice_to_u64(slice_from_cstr(bad[i]), &value));
        EXPECT_INT(value, 7);
    }
    EXPECT(slice_to_u64(SLICE("0"), &value) && value == 0);
    EXPECT(slice_to_u64(SLICE("007"), &value) && value == 7);
    EXPECT(slice_to_u64(SLICE("18446744073709551615"), &value) && value == UINT64_MAX);
}

struct scaled_row {
    const char *text;
    int scale;
    int64_t value;
};

static void test_scales_exactly(void)
{
    static const struct scaled_row rows[] = {
        {"12", 0, 12},
        {"-3", 2, -300},
        {"0.25", 9, 250000000},
        {"1e-7", 12, 100000},
        {"1E+3", 0, 1000},
        {"1.5e3", 0, 1500},
        {"0", 18, 0},
        {"-0", 3, 0},
        {"0.1", 1, 1},
        {"0.0000000000004", 12, 0},
        {"0.0000000000005", 12, 1},
        {"-0.0000000000005", 12, -1},
        {"2.5", 0, 3},
        {"-2.5", 0, -3},
        {"2.4999999999999999999999999", 0, 2},
        {"9.99", 1, 100},
        {"5e-1", 0, 1},
        {"5e-2", 0, 0},
        {"1e-999999999999999999999999", 9, 0},
        {"0e999999999999999999999999", 9, 0},
        {"0.000000000000000000000000000001e30", 0, 1},
        {"100000000000000000000000000000e-29", 0, 1},
        {"9223372036854775807", 0, INT64_MAX},
        {"-9223372036854775808", 0, INT64_MIN},
        {"9223372036854775807.4", 0, INT64_MAX},
        {"123456789.123456789", 9, 123456789123456789},
        {"1234", -2, 12},
        {"1250", -2, 13},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t value = -77;
        EXPECT(slice_to_scaled(slice_from_cstr(rows[i].text), rows[i].scale, &value));
        EXPECT_INT(value, rows[i].value);
    }
}

static void test_refuses_bad_decimals(void)
{
    static const char *const bad[] = {
        "",
        "-",
        "+1",
        ".5",
        "5.",
        "1e",
        "1e+",
        "0x1",
        "1 ",
        " 1",
        "1,5",
        "--1",
        "1e5.0",
        "nan",
        "inf",
        "1_0",
        "9223372036854775808",
        "-9223372036854775809",
        "9223372036854775807.5",
        "1e19",
        "1e999999999999999999999",
        "18446744073709551616",
        "99999999999999999999",
    };
    int64_t value = 7;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        EXPECT(!slice_to_scaled(slice_from_cstr(bad[i]), 0, &value));
        EXPECT_INT(value, 7);
    }
    EXPECT(!slice_to_scaled(SLICE("10000000000"), 9, &value));
}

static void test_measures_utf8(void)
{
    EXPECT_INT(slice_utf8_length(SLICE("a")), 1);
    EXPECT_INT(slice_utf8_length(SLICE("\xC3\xA4x")), 2);
    EXPECT_INT(slice_utf8_length(SLICE("\xE2\x82\xAC")), 3);
    EXPECT_INT(slice_utf8_length(SLICE("\xF0\x9F\x98\x80")), 4);
    EXPECT_INT(slice_utf8_length(SLICE("\xE2\x82")), 0);
    EXPECT_INT(slice_utf8_length(SLICE("\x80")), 0);
    EXPECT_INT(slice_utf8_length(SLICE("\xC0\x80")), 0);
    EXPECT_INT(slice_utf8_length(SLICE("\xED\xA0\x80")), 0);
    EXPECT_INT(slice_utf8_length(SLICE_EMPTY), 0);
}

int main(void)
{
    TEST(folds_every_byte_like_ascii, "ignores the case of ASCII letters and of nothing else");
    TEST(test_compares_without_case, "comparison without case touches ASCII letters only");
    TEST(test_finds, "bytes and needles are found, absence is SIZE_MAX");
    TEST(test_cuts, "cutting takes fields one after the other");
    TEST(test_trims_and_skips, "trimming and skipping stay within the slice");
    TEST(test_orders, "order is by bytes, then by length");
    TEST(test_copies_to_cstr, "a copy to a C string is truncated and terminated");
    TEST(test_compares_secrets, "constant-time comparison agrees with equality");
    TEST(test_reads_u64, "u64 takes plain digits only and refuses overflow");
    TEST(test_scales_exactly, "decimals are scaled exactly, rounded half away from zero");
    TEST(test_refuses_bad_decimals, "bad syntax and overflow leave the result alone");
    TEST(test_measures_utf8, "UTF-8 sequences are measured, invalid ones are 0");
    return tap_done();
}

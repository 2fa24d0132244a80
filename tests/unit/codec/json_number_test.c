/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/json.h"

#include "base/random.h"
#include "tests/tap.h"

static bool int64_of(const char *text, int64_t *ret_value)
{
    struct json_doc doc;
    json_doc_init(&doc);
    EXPECT(json_parse(&doc, slice_from_cstr(text), NULL, NULL));
    bool ok = json_int64(&doc, JSON_ROOT, ret_value);
    json_doc_release(&doc);
    return ok;
}

static void expect_int(const char *text, int64_t wanted)
{
    int64_t value = 0;
    if (!int64_of(text, &value) || value != wanted) {
        tap_point_failed = true;
        printf("# %s gives %lld, wanted %lld\n", text, (long long)value, (long long)wanted);
    }
}

static void expect_none(const char *text)
{
    int64_t value = 4711;
    if (int64_of(text, &value) || value != 4711) {
        tap_point_failed = true;
        printf("# %s gives %lld, wanted nothing\n", text, (long long)value);
    }
}

static void whole_numbers(void)
{
    expect_int("0", 0);
    expect_int("-0", 0);
    expect_int("1", 1);
    expect_int("-17", -17);
    expect_int("9223372036854775807", INT64_MAX);
    expect_int("-9223372036854775807", -INT64_MAX);
    expect_int("-9223372036854775808", INT64_MIN);
}

static void other_spellings(void)
{
    expect_int("1e3", 1000);
    expect_int("1E+3", 1000);
    expect_int("2.0", 2);
    expect_int("-2.000", -2);
    expect_int("2.50e1", 25);
    expect_int("1.25e2", 125);
    expect_int("1000e-3", 1);
    expect_int("12000e-3", 12);
    expect_int("0e999999999999999999999", 0);
    expect_int("0.000e-5", 0);
    expect_int("-0.0", 0);
    expect_int("0.00001e5", 1);
    expect_int("9.223372036854775807e18", INT64_MAX);
    expect_int("9223372036854775807.000", INT64_MAX);
    expect_int("92233720368547758070e-1", INT64_MAX);
    expect_int("1e18", 1000000000000000000);
    expect_int("0.0000000000000000000000000000000000000001e40", 1);
    expect_int("10000000000000000000000000000000000000000e-40", 1);
}

static void out_of_range(void)
{
    expect_none("9223372036854775808");
    expect_none("-9223372036854775809");
    expect_none("18446744073709551616");
    expect_none("18446744073709551617");
    expect_none("99999999999999999999999999");
    expect_none("1e19");
    expect_none("1e400");
    expect_none("1e99999999999999999999999999");
    expect_none("-1e99999999999999999999999999");
    expect_none("9.223372036854775808e18");
}

static void not_whole(void)
{
    expect_none("2.5");
    expect_none("0.1");
    expect_none("1e-1");
    expect_none("-1e-3");
    expect_none("1.25e1");
    expect_none("1e-99999999999999999999999999");
    expect_none("10e-2");
    expect_none("0.00000000000000000000000000000000001");
}

static void not_a_number(void)
{
    expect_none("\"1\"");
    expect_none("true");
    expect_none("null");
    expect_none("[1]");
    struct json_doc doc;
    json_doc_init(&doc);
    EXPECT(json_parse(&doc, SLICE("1"), NULL, NULL));
    int64_t value = 4711;
    EXPECT(!json_int64(&doc, JSON_ABSENT, &value) && value == 4711);
    json_doc_release(&doc);
}

/* Any 64-bit value, with its point moved and the exponent that undoes it. */
static void any_value_in_any_spelling(void)
{
    struct random random;
    random_seed(&random, 5);
    for (int round = 0; round < 20000 && !tap_point_failed; round++) {
        int64_t value = (int64_t)(random_next(&random) >> random_below(&random, 64));
        value = random_below(&random, 2) == 0 ? value : -value;
        char digits[32];
        (void)snprintf(digits, sizeof digits, "%lld", (long long)value);
        size_t sign = digits[0] == '-';
        size_t len = strlen(digits + sign);
        size_t point = 1 + random_below(&random, len);
        char text[64];
        (void)snprintf(text, sizeof text, "%.*s%s%se%d", (int)(sign + point), digits,
                       point < len ? "." : "", digits + sign + point, (int)(len - point));
        if (!(point > 1 && digits[sign] == '0')) {
            expect_int(text, value);
        }
    }
}

static void scaled(void)
{
    struct json_doc doc;
    json_doc_init(&doc);
    EXPECT(json_parse(&doc, SLICE("[0.25,\"0.25\",-3,1e-7,1e30,null]"), NULL, NULL));
    int64_t value = 0;
    EXPECT(json_scaled(&doc, 1, 6, &value) && value == 250000);
    EXPECT(json_scaled(&doc, 3, 2, &value) && value == -300);
    EXPECT(json_scaled(&doc, 4, 9, &value) && value == 100);
    EXPECT(!json_scaled(&doc, 2, 6, &value));
    EXPECT(!json_scaled(&doc, 5, 6, &value));
    EXPECT(!json_scaled(&doc, 6, 6, &value));
    EXPECT(!json_scaled(&doc, JSON_ABSENT, 6, &value));
    json_doc_release(&doc);
}

int main(void)
{
    TEST(whole_numbers, "whole numbers of 64 bits are read exactly");
    TEST(other_spellings, "whole numbers with fraction or exponent are whole");
    TEST(out_of_range, "numbers out of range are refused");
    TEST(not_whole, "numbers that are not whole are refused");
    TEST(not_a_number, "other kinds are no numbers");
    TEST(any_value_in_any_spelling, "a moved point with its exponent changes nothing");
    TEST(scaled, "scaled numbers come from numbers only");
    return tap_done();
}

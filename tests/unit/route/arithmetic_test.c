/* SPDX-License-Identifier: Apache-2.0 */
#include "route/arithmetic.h"

#include "base/check.h"

#include "tests/tap.h"

struct row {
    const char *text;
    uint32_t right;
    uint32_t wrong;
};

static void expect_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct arithmetic sums;
        arithmetic_check(slice_from_cstr(rows[i].text), &sums);
        if (sums.right != rows[i].right || sums.wrong != rows[i].wrong) {
            printf("# %s: %u right, %u wrong\n", rows[i].text, sums.right, sums.wrong);
        }
        EXPECT(sums.right == rows[i].right && sums.wrong == rows[i].wrong);
    }
}

static void does_sums_again(void)
{
    static const struct row rows[] = {
        {"3 + 4 = 7", 1, 0},
        {"7 + 8 = 16", 0, 1},
        {"So it costs 3 * $4.50 = $13.50 in all.", 1, 0},
        {"2 + 3 * 4 = 14", 1, 0},
        {"(2 + 3) * 4 = 20, and 20 - 5 = 14", 1, 1},
        {"1,200 + 300 = 1,500", 1, 0},
        {"8 \xc3\x97 5 = 40", 1, 0},
        {"40 \xc3\xb7 8 = 5", 1, 0},
        {"9 \xe2\x88\x92 4 = 5", 1, 0},
        {"3 x 60 = <<3*60=180>>180 metres", 1, 0},
        {"5 - 9 = -4", 1, 0},
        {"-3 + 5 = 2", 1, 0},
        {"so: -5 + 9 = 3.", 0, 1},
        {"- 3 + 5 = 8", 1, 0},
        {"* 3 + 5 = 8", 1, 0},
        {"in all **3 + 5 = 9**", 0, 1},
        {"200 * 15% = 30", 1, 0},
        {"30 / 40 = 75%", 1, 0},
    };
    expect_rows(rows, ARRAY_LEN(rows));
}

static void allows_rounding(void)
{
    static const struct row rows[] = {
        {"10 / 3 = 3.33", 1, 0}, {"10 / 3 = 3.34", 0, 1},
        {"10 / 4 = 3", 1, 0}, /* rounded to no places */
        {"10 / 5 = 2.4", 0, 1},  {"2 / 3 = 67%", 1, 0},
    };
    expect_rows(rows, ARRAY_LEN(rows));
}

static void leaves_the_rest_alone(void)
{
    static const struct row rows[] = {
        {"x = 5", 0, 0},         {"a == b", 0, 0},     {"5 = 5", 0, 0},  {"4 / 0 = 4", 0, 0},
        {"3 + = 7", 0, 0},       {"(3 + 4 = 7", 0, 0}, {"=", 0, 0},      {"", 0, 0},
        {"3 + 4 = seven", 0, 0}, {"3 + 4) = 7", 0, 0}, {"==== 3", 0, 0}, {"width=\"3\"", 0, 0},
        {"3 + 4 = \xff", 0, 0},
    };
    expect_rows(rows, ARRAY_LEN(rows));
}

static void has_no_opinion_of_other_notation(void)
{
    static const struct row rows[] = {
        {"1/2 + 1/3 = 5/6", 0, 0},
        {"\xe2\x88\x9a"
         "9 + 1 = 4",
         0, 0},
        {"1,5 + 1,5 = 3", 0, 0},
        {"1.000 + 500 = 1.500", 0, 0},
        {"1.250 + 1 = 2.25", 1, 0},
        {"1e3 + 1 = 1001", 0, 0},
        {"sin(30) + 1 = 1.5", 0, 0},
        {"log2(8) + 1 = 4", 0, 0},
        {"12 + 1 = 1 (mod 12)", 0, 0},
        {"y + 3 + 4 = 10", 0, 0},
        {"2y - 3 + 4 = 10", 0, 0},
        {"2^3 + 1 = 9", 0, 0},
        {"5! + 3 + 1 = 124", 0, 0},
        {"so -5 + 9 = 4", 0, 0},
        {"3 + 7 = 2 * 5", 0, 0},
        {"15 x 2 = 30 x 3 = 90", 2, 0},
    };
    expect_rows(rows, ARRAY_LEN(rows));
}

static void tells_how_it_ends(void)
{
    struct arithmetic sums;
    arithmetic_check(SLICE("2 + 2 = 4\n#### 1,234.5."), &sums);
    EXPECT(sums.has_result && sums.result == 4);
    EXPECT(sums.has_final && sums.final_number == 1234.5);
    arithmetic_check(SLICE("no number at all"), &sums);
    EXPECT(!sums.has_result && !sums.has_final);
}

static void looks_so_far_and_no_further(void)
{
    static char text[ARITHMETIC_EXPRESSION_MAX + 16];
    struct arithmetic sums;
    memset(text, ' ', sizeof(text));
    memcpy(text, "2 + 2 =", 7);
    text[sizeof(text) - 1] = '4';
    arithmetic_check(slice_of(text, sizeof(text)), &sums);
    EXPECT(sums.right == 0 && !sums.has_result);
    text[100] = '4';
    arithmetic_check(slice_of(text, sizeof(text)), &sums);
    EXPECT(sums.right == 1 && sums.result == 4);
}

static void survives_depth_and_length(void)
{
    static char text[100000];
    struct arithmetic sums;
    memset(text, '(', sizeof(text));
    text[sizeof(text) - 2] = '=';
    text[sizeof(text) - 1] = '1';
    arithmetic_check(slice_of(text, sizeof(text)), &sums);
    EXPECT(sums.right == 0 && sums.wrong == 0);
    memset(text, '=', sizeof(text));
    arithmetic_check(slice_of(text, sizeof(text)), &sums);
    memset(text, '9', sizeof(text));
    arithmetic_check(slice_of(text, sizeof(text)), &sums);
    EXPECT(!sums.has_result);
}

int main(void)
{
    TEST(does_sums_again, "finds sums in a text and does them again");
    TEST(allows_rounding, "a result may be rounded as it is written, and no further");
    TEST(leaves_the_rest_alone, "what is no sum is neither right nor wrong");
    TEST(has_no_opinion_of_other_notation, "what may be meant otherwise is not called wrong");
    TEST(tells_how_it_ends, "tells the last result and the last number");
    TEST(looks_so_far_and_no_further, "a result stands near its equals sign");
    TEST(survives_depth_and_length, "depth and length are bounded");
    return tap_done();
}

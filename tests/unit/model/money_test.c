/* SPDX-License-Identifier: Apache-2.0 */
#include "model/money.h"

#include "tests/tap.h"

static int64_t parsed(const char *text)
{
    struct error error;
    int64_t nd = -7;
    bool ok = money_parse(slice_from_cstr(text), &nd, &error);
    if (!ok) {
        EXPECT_SLICE(slice_from_cstr(error.code), "bad_amount");
        EXPECT_INT(nd, -7);
    }
    return ok ? nd : -1;
}

static void amounts_are_exact(void)
{
    EXPECT_INT(parsed("0"), 0);
    EXPECT_INT(parsed("0.000000001"), 1);
    EXPECT_INT(parsed("12"), 12000000000);
    EXPECT_INT(parsed("0.1"), 100000000);
    EXPECT_INT(parsed("1.10"), 1100000000);
    EXPECT_INT(parsed("007.5"), 7500000000);
    EXPECT_INT(parsed("9223372036.854775807"), INT64_MAX);
}

static void what_is_no_amount_is_refused(void)
{
    static const char *const wrong[] = {
        "",
        "-1",
        "-0",
        "+1",
        ".",
        ".5",
        "5.",
        "1..2",
        "1.2.3",
        "1e3",
        "1E-3",
        "NaN",
        "nan",
        "Infinity",
        "inf",
        "0x10",
        " 1",
        "1 ",
        "1,5",
        "$5",
        "0.0000000001",
        "9223372036.854775808",
        "9223372037",
        "99999999999999999999",
        "\xd9\xa1",
        "1\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        if (parsed(wrong[i]) != -1) {
            printf("# \"%s\" was taken\n", wrong[i]);
            EXPECT(false);
        }
    }
    EXPECT(!money_parse(slice_of("1\0002", 3), &(int64_t){0}, NULL));
}

int main(void)
{
    TEST(amounts_are_exact, "amounts are read to the nano-dollar");
    TEST(what_is_no_amount_is_refused, "what is no plain amount is refused");
    return tap_done();
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "model/usage.h"

#include "tests/tap.h"

static void the_last_report_wins(void)
{
    struct usage usage = {.input = 9, .output = 9, .reasoning = 3};
    struct usage zero = {.input = 0, .output = 2};
    usage_report(&usage, &zero);
    EXPECT_INT(usage.input, 0);
    EXPECT_INT(usage.output, 2);
    EXPECT_INT(usage.reasoning, 0);
    EXPECT(usage.reported);
}

static void a_reported_price_stays(void)
{
    struct usage usage = {0};
    struct usage priced = {.provider_cost_nd = 7, .has_provider_cost = true};
    struct usage silent = {.output = 1};
    struct usage dearer = {.provider_cost_nd = 8, .has_provider_cost = true};
    usage_report(&usage, &priced);
    usage_report(&usage, &silent);
    EXPECT(usage.has_provider_cost);
    EXPECT_INT(usage.provider_cost_nd, 7);
    EXPECT_INT(usage.output, 1);
    usage_report(&usage, &dearer);
    EXPECT_INT(usage.provider_cost_nd, 8);
}

int main(void)
{
    TEST(the_last_report_wins, "the last report wins, and zero is a value");
    TEST(a_reported_price_stays, "a price that was named once stays until another is");
    return tap_done();
}

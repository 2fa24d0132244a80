/* SPDX-License-Identifier: Apache-2.0 */
#include "model/task.h"

#include "tests/tap.h"

static void tasks_round_trip(void)
{
    for (unsigned i = 0; i < TASK_COUNT; i++) {
        enum task task = TASK_COUNT;
        EXPECT(task_from_name(slice_from_cstr(task_name((enum task)i)), &task));
        EXPECT_INT(task, i);
    }
    EXPECT_INT(TASK_COUNT, 27);
}

static void default_tiers(void)
{
    EXPECT_INT(task_default_tier(TASK_CLASSIFICATION), TIER_BUDGET);
    EXPECT_INT(task_default_tier(TASK_CODE_LINT), TIER_BUDGET);
    EXPECT_INT(task_default_tier(TASK_CODE_FIX), TIER_MID);
    EXPECT_INT(task_default_tier(TASK_CODE_SECURITY), TIER_PREMIUM);
    EXPECT_INT(task_default_tier(TASK_REASONING), TIER_PREMIUM);
}

static void tiers_round_trip(void)
{
    for (unsigned i = 0; i < TIER_COUNT; i++) {
        enum tier tier = TIER_COUNT;
        EXPECT(tier_from_name(slice_from_cstr(tier_name((enum tier)i)), &tier));
        EXPECT_INT(tier, i);
    }
}

static void unknown_names(void)
{
    enum task task = TASK_MATH;
    enum tier tier = TIER_MID;
    EXPECT(!task_from_name(SLICE("maths"), &task));
    EXPECT(!tier_from_name(SLICE("Premium"), &tier));
    EXPECT_INT(task, TASK_MATH);
    EXPECT_INT(tier, TIER_MID);
}

static void price_edges(void)
{
    EXPECT_INT(tier_from_price(0), TIER_BUDGET);
    EXPECT_INT(tier_from_price(750000), TIER_BUDGET);
    EXPECT_INT(tier_from_price(750001), TIER_MID);
    EXPECT_INT(tier_from_price(8000000), TIER_MID);
    EXPECT_INT(tier_from_price(8000001), TIER_PREMIUM);
}

int main(void)
{
    TEST(tasks_round_trip, "every task has one identifier");
    TEST(default_tiers, "a task asks for its tier by default");
    TEST(tiers_round_trip, "every tier has one name");
    TEST(unknown_names, "an unknown name changes nothing");
    TEST(price_edges, "a tier ends at its price, inclusive");
    return tap_done();
}

/* SPDX-License-Identifier: Apache-2.0 */
/* How probable a good answer is, by what is known. */
#include "route/success.h"

#include "tests/tap.h"
#include "tests/unit/route/fleet.h"

#include <math.h>

static void the_tier_that_the_task_asks_for_is_nine_in_ten(void)
{
    for (int tier = 0; tier < TIER_COUNT; tier++) {
        EXPECT(fabs(success_prior((enum tier)tier, (enum tier)tier, 0.3) - 0.9) < 1e-9);
    }
    EXPECT(fabs(success_prior(TIER_BUDGET, TIER_MID, 0.3) - 0.7) < 1e-9);
    EXPECT(fabs(success_prior(TIER_PREMIUM, TIER_MID, 0.3) - 0.97) < 1e-9);
}

static void more_tier_is_more_and_more_complexity_is_less(void)
{
    for (int asked = 0; asked < TIER_COUNT; asked++) {
        for (double complexity = 0; complexity <= 1; complexity += 0.05) {
            double before = 0;
            for (int tier = 0; tier < TIER_COUNT; tier++) {
                double here = success_prior((enum tier)tier, (enum tier)asked, complexity);
                EXPECT(here > before && here < 1);
                EXPECT(here >= success_prior((enum tier)tier, (enum tier)asked, complexity + 0.05));
                before = here;
            }
        }
    }
    EXPECT(success_prior(TIER_MID, TIER_MID, NAN) > 0);
}

static void every_entry_of_a_plan_has_its_success(void)
{
    fleet_init();
    fleet.input.classification.complexity = 0.3;
    fleet.targets[OPUS].off = true;
    fleet_plan();
    EXPECT_INT(fleet_entry(LLAMA)->success_permille, 900);
    EXPECT_INT(fleet_entry(GPT)->success_permille, 970);
    EXPECT_INT(fleet_entry(OPUS)->success_permille, 990); /* refused ones, too */
    fleet.route.task_tier[TASK_QA_OPEN] = TIER_PREMIUM;
    fleet_plan();
    EXPECT_INT(fleet_entry(LLAMA)->success_permille, 400);
}

int main(void)
{
    TEST(the_tier_that_the_task_asks_for_is_nine_in_ten,
         "the tier that the task asks for is good enough nine times in ten");
    TEST(more_tier_is_more_and_more_complexity_is_less,
         "a higher tier is better, more complexity is worse");
    TEST(every_entry_of_a_plan_has_its_success, "every entry of a plan has its success");
    return tap_done();
}

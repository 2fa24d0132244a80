/* SPDX-License-Identifier: Apache-2.0 */
#include "route/judge.h"

#include "tests/tap.h"

static void judge_rises_with_tier(void)
{
    for (unsigned task = 0; task < TASK_COUNT; task++) {
        struct judgement judged;
        judge_task((enum task)task, &judged);
        EXPECT(judged.success_permille[TIER_BUDGET] > 0);
        EXPECT(judged.success_permille[TIER_MID] > judged.success_permille[TIER_BUDGET]);
        EXPECT(judged.success_permille[TIER_PREMIUM] > judged.success_permille[TIER_MID]);
        EXPECT(judged.success_permille[TIER_PREMIUM] < 1000);
        EXPECT_INT(judged.familiarity_permille, 0);
    }
}

static void judge_default_tier(void)
{
    for (unsigned task = 0; task < TASK_COUNT; task++) {
        struct judgement judged;
        judge_task((enum task)task, &judged);
        for (unsigned tier = 0; tier < (unsigned)task_default_tier((enum task)task); tier++) {
            EXPECT(judged.success_permille[tier] < 910);
        }
    }
}

int main(void)
{
    TEST(judge_rises_with_tier, "of every task a stronger tier answers more, none all");
    TEST(judge_default_tier, "a tier below the task's default misses more than one answer in ten");
    return tap_done();
}

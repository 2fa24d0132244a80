/* SPDX-License-Identifier: Apache-2.0 */
/* Names of tasks and tiers, and the tier that a price stands for. */
#include "model/task.h"

#include "base/check.h"

#define BUDGET_OUTPUT_PD 750000 /* $0.75 per million output tokens */
#define MID_OUTPUT_PD 8000000   /* $8 per million output tokens */

struct task_row {
    const char *name;
    enum tier tier;
};

static const struct task_row tasks[TASK_COUNT] = {
#define X(symbol, name, tier) [TASK_##symbol] = {name, tier},
    TASK_LIST(X)
#undef X
};

static const char *const tiers[TIER_COUNT] = {
    [TIER_BUDGET] = "budget",
    [TIER_MID] = "mid",
    [TIER_PREMIUM] = "premium",
};

const char *task_name(enum task task)
{
    CHECK((unsigned)task < TASK_COUNT);
    return tasks[task].name;
}

enum tier task_default_tier(enum task task)
{
    CHECK((unsigned)task < TASK_COUNT);
    return tasks[task].tier;
}

bool task_from_name(struct slice name, enum task *ret_task)
{
    for (unsigned i = 0; i < TASK_COUNT; i++) {
        if (slice_eq(name, slice_from_cstr(tasks[i].name))) {
            *ret_task = (enum task)i;
            return true;
        }
    }
    return false;
}

const char *tier_name(enum tier tier)
{
    CHECK((unsigned)tier < TIER_COUNT);
    return tiers[tier];
}

bool tier_from_name(struct slice name, enum tier *ret_tier)
{
    for (unsigned i = 0; i < TIER_COUNT; i++) {
        if (slice_eq(name, slice_from_cstr(tiers[i]))) {
            *ret_tier = (enum tier)i;
            return true;
        }
    }
    return false;
}

enum tier tier_from_price(int64_t output_pd)
{
    if (output_pd <= BUDGET_OUTPUT_PD) {
        return TIER_BUDGET;
    }
    return output_pd <= MID_OUTPUT_PD ? TIER_MID : TIER_PREMIUM;
}

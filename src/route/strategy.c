/* SPDX-License-Identifier: Apache-2.0 */
#include "route/strategy.h"

#include "base/hash.h"

#include <math.h>

#define FINE 1e9 /* places that tell two numbers apart */
#define ND_PER_USD 1e9
#define LAST (INT64_MAX / 2)

const char *strategy_name(enum strategy strategy)
{
    static const char *const names[STRATEGY_COUNT] = {
        [STRATEGY_CHEAPEST] = "cheapest-capable", [STRATEGY_FASTEST] = "fastest",
        [STRATEGY_WEIGHTED] = "weighted",         [STRATEGY_PRIORITY] = "priority",
        [STRATEGY_BALANCED] = "balanced",         [STRATEGY_LIST_PRICE] = "list-price",
    };
    return names[strategy];
}

static int64_t bounded(double number)
{
    return number >= (double)LAST ? LAST - 1 : number <= -(double)LAST ? -LAST : (int64_t)number;
}

int64_t strategy_draw(uint64_t lot, struct slice target, uint32_t weight)
{
    uint64_t words[2] = {lot, hash_stable(target)};
    uint64_t mixed = hash_stable(slice_of((const char *)words, sizeof(words)));
    if (weight == 0) {
        return LAST;
    }
    double u = ((double)(mixed >> 11) + 0.5) * 0x1p-53; /* 0 < u < 1 */
    return bounded(-log(u) / weight * FINE * 1e3);
}

int64_t strategy_balance(unsigned success_permille, int64_t cost_nd, double lambda)
{
    double worth = success_permille / 1000.0 - lambda * ((double)cost_nd / ND_PER_USD);
    return bounded(-worth * FINE);
}

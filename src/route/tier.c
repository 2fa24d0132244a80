/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which tier a request should reach. The table's tier for the task is moved by one step at most:
 *
 *   up,   when the difficulty is at least  1.05 - 0.57 x conservative   (0.65 at the default of
 * 0.7) down, when the complexity is at most   0.5 - conservative           (never from 0.5 on)
 *
 * where the difficulty is the complexity plus what we are unsure of: (1 - confidence) x
 * conservative / 4. At the ends of the dial no table counts: 0 is the cheapest tier, 1 the
 * strongest.
 */
#include "route/plan.h"

#define UP_AT 1.05
#define UP_SLOPE 0.57
#define DOWN_AT 0.5
#define DOUBT_SHARE 0.25

enum tier required_tier(const struct route *route, const struct classification *classification)
{
    double dial = route == NULL ? CONSERVATIVE_DEFAULT : route->conservative;
    return required_tier_at(dial, route, classification);
}

enum tier required_tier_at(double dial, const struct route *route,
                           const struct classification *classification)
{
    enum task task = classification->task;
    enum tier tier = route == NULL ? task_default_tier(task) : route->task_tier[task];
    if (dial <= 0) {
        return TIER_BUDGET;
    }
    if (dial >= 1) {
        return TIER_PREMIUM;
    }
    double doubt = classification->given ? 0 : 1 - classification->confidence;
    double difficulty = classification->complexity + doubt * dial * DOUBT_SHARE;
    if (difficulty >= UP_AT - UP_SLOPE * dial && tier < TIER_PREMIUM) {
        return (enum tier)(tier + 1);
    }
    if (classification->complexity <= DOWN_AT - dial && tier > TIER_BUDGET) {
        return (enum tier)(tier - 1);
    }
    return tier;
}

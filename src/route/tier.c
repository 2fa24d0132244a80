/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which tier a request should reach. The table's tier for the task is moved by one step at most:
 *
 *   up,   when the difficulty is at least  1.05 - 0.57 x conservative   (0.65 at the default of
 * 0.7) down, when the complexity is at most   0.5 - conservative           (never from 0.5 on)
 *
 * where the difficulty is the complexity plus what we are unsure of: (1 - confidence) x
 * conservative / 4. Where a learned model gave the chance of each task, the tier is also never one
 * that is too low with a chance of more than 1 - conservative. A model that is unsure is so most
 * often because the text is of a kind that it does not know; then the tasks that it weighs say
 * little, and a share of the doubt counts as work for more than the lowest tier. At the ends of the
 * dial no table counts: 0 is the cheapest tier, 1 the strongest.
 */
#include "route/plan.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define UP_AT 1.05
#define UP_SLOPE 0.57
#define DOWN_AT 0.5
#define DOUBT_SHARE 0.25
#define STRANGE_SHARE 0.6

_Static_assert(sizeof(enum tier) == sizeof(int32_t) && TASK_LANES % 4 == 0,
               "tiers of tasks are lanes, like their chances");

static enum tier tier_of(const struct route *route, enum task task)
{
    return route == NULL ? task_default_tier(task) : route->task_tier[task];
}

/* Of the tasks whose tier is above this one; four tasks at once. */
static double chances_above(const enum tier tiers[TASK_LANES], const float chances[TASK_LANES],
                            enum tier tier)
{
#ifdef __SSE2__
    const __m128i limit = _mm_set1_epi32((int)tier);
    __m128d sum = _mm_setzero_pd();
    for (size_t i = 0; i < TASK_COUNT; i += 4) {
        __m128i are = _mm_loadu_si128((const __m128i *)(const void *)(tiers + i));
        __m128 above = _mm_castsi128_ps(_mm_cmpgt_epi32(are, limit));
        above = _mm_and_ps(above, _mm_loadu_ps(chances + i));
        sum = _mm_add_pd(sum, _mm_cvtps_pd(above));
        sum = _mm_add_pd(sum, _mm_cvtps_pd(_mm_movehl_ps(above, above)));
    }
    return _mm_cvtsd_f64(_mm_add_pd(sum, _mm_unpackhi_pd(sum, sum)));
#else
    double sum = 0;
    for (size_t i = 0; i < TASK_COUNT; i++) {
        sum += tiers[i] > tier ? (double)chances[i] : 0;
    }
    return sum;
#endif
}

/* How probable it is that the work needs more than the tier. */
static double chance_above(const struct route *route, const struct classification *classification,
                           enum tier tier)
{
    double strange = tier == TIER_BUDGET ? (1 - classification->confidence) * STRANGE_SHARE : 0;
    if (route != NULL) {
        return strange + chances_above(route->task_tier, classification->chances, tier);
    }
    double chance = 0;
    for (enum task task = 0; task < TASK_COUNT; task++) {
        chance += task_default_tier(task) > tier ? (double)classification->chances[task] : 0;
    }
    return strange + chance;
}

/* The lowest tier from `tier` on that is too low with a chance of `allowed` at most. */
static enum tier tier_of_chances(const struct route *route,
                                 const struct classification *classification, enum tier tier,
                                 double allowed)
{
    double most = (1 - classification->confidence) * (1 + STRANGE_SHARE);
    if (classification->given || !classification->by_model || most <= allowed) {
        return tier;
    }
    while (tier < TIER_PREMIUM && chance_above(route, classification, tier) > allowed) {
        tier++;
    }
    return tier;
}

enum tier required_tier(const struct route *route, const struct classification *classification)
{
    double dial = route == NULL ? CONSERVATIVE_DEFAULT : route->conservative;
    return required_tier_at(dial, route, classification);
}

enum tier required_tier_at(double dial, const struct route *route,
                           const struct classification *classification)
{
    enum task task = classification->task;
    enum tier tier = tier_of(route, task);
    if (dial <= 0) {
        return TIER_BUDGET;
    }
    if (dial >= 1) {
        return TIER_PREMIUM;
    }
    double doubt = classification->given ? 0 : 1 - classification->confidence;
    double difficulty = classification->complexity + doubt * dial * DOUBT_SHARE;
    enum tier likely = tier_of_chances(route, classification, tier, 1 - dial);
    if (difficulty >= UP_AT - UP_SLOPE * dial && tier < TIER_PREMIUM) {
        return likely > tier ? likely : (enum tier)(tier + 1);
    }
    if (likely > tier) {
        return likely;
    }
    if (classification->complexity <= DOWN_AT - dial && tier > TIER_BUDGET) {
        return (enum tier)(tier - 1);
    }
    return tier;
}

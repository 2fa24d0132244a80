/* SPDX-License-Identifier: Apache-2.0 */
#include "route/success.h"

/* So much complexity is as much as a tier's distance: 1 / COMPLEXITY_SLOPE above the usual. */
#define COMPLEXITY_USUAL 0.3
#define COMPLEXITY_SLOPE 1.5
#define EASIER_MAX 0.45
#define HARDER_MAX 1.0

/* By tiers above (below) what is asked, from -3 on; straight lines between. */
#define MARGIN_LEAST (-3)
static const double by_margin[] = {0.15, 0.40, 0.70, 0.90, 0.97, 0.99, 0.995};

static double prior_of_margin(double margin)
{
    double at = margin - MARGIN_LEAST;
    if (!(at > 0)) {
        return by_margin[0];
    }
    size_t below = (size_t)at;
    if (below >= ARRAY_LEN(by_margin) - 1) {
        return by_margin[ARRAY_LEN(by_margin) - 1];
    }
    double part = at - (double)below;
    return by_margin[below] + part * (by_margin[below + 1] - by_margin[below]);
}

double success_prior(enum tier tier, enum tier task_tier, double complexity)
{
    double harder = (complexity - COMPLEXITY_USUAL) * COMPLEXITY_SLOPE;
    harder = harder < -EASIER_MAX ? -EASIER_MAX : harder > HARDER_MAX ? HARDER_MAX : harder;
    return prior_of_margin((double)tier - (double)task_tier - harder);
}

void success_facts_init(const struct plan_input *input, struct success_facts *facts)
{
    enum task task = input->classification.task;
    enum tier asked =
        input->route == NULL ? task_default_tier(task) : input->route->task_tier[task];
    for (int tier = 0; tier < TIER_COUNT; tier++) {
        double prior = success_prior((enum tier)tier, asked, input->classification.complexity);
        facts->prior_permille[tier] = (uint16_t)(prior * 1000 + 0.5);
    }
}

uint16_t success_permille(const struct success_facts *facts, const struct target *target)
{
    return facts->prior_permille[target->tier];
}

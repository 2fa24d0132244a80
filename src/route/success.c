/* SPDX-License-Identifier: Apache-2.0 */
#include "route/success.h"

#include <math.h>

/* So much complexity is as much as a tier's distance: 1 / COMPLEXITY_SLOPE above the usual. */
#define COMPLEXITY_USUAL 0.3
#define COMPLEXITY_SLOPE 1.5
#define EASIER_MAX 0.45
#define HARDER_MAX 1.0

/* What is believed beforehand counts as much as so many answers. */
#define PRIOR_ANSWERS 8.0f
/* Answers to calls of the same task count for a tag as much as so many of its own at most. */
#define TASK_ANSWERS_MAX 16.0f
/* Fewer answers than this say nothing. */
#define ANSWERS_LEAST 3.0f
/* What a route shows of an expectation counts as much as the expectation from so many answers on.
 */
#define CALIBRATION_ANSWERS 20.0f
#define SHARE_WANTED 0.9
#define DIAL_GAIN 2.0
#define DIAL_ANSWERS 50.0
#define DOUBT_TIER 1.2816f /* deviations of a chance of nine in ten */
#define DOUBT_MAX 3.0

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

/* The tier's word and the text's, the more of this the more familiar the text is. */
static float prior_of(const struct judgement *judged, enum tier tier, double by_tier)
{
    if (judged->familiarity_permille == 0) {
        return (float)by_tier;
    }
    double share = judged->success_permille[tier] == 0 ? 0 : judged->familiarity_permille / 1000.0;
    return (float)(by_tier + share * (judged->success_permille[tier] / 1000.0 - by_tier));
}

void success_of_evidence(const struct success_facts *facts, const struct target *target,
                         struct success *ret_success)
{
    unsigned learned = facts->learned == NULL ? 0 : facts->learned[target->learned];
    float mean = learned > 0 ? (float)learned / 1000.0f : facts->prior[target->tier];
    float weight = PRIOR_ANSWERS; /* of the mean */
    float seen = 0;
    struct evidence_counts counts;
    if (facts->of_task != NULL &&
        evidence_read(facts->evidence, facts->of_task, facts->task, target, &counts)) {
        seen = (float)counts.good + (float)counts.bad;
        mean = ((float)counts.good + weight * mean) / (seen + weight);
        weight += seen > TASK_ANSWERS_MAX && facts->of_tag != NULL ? TASK_ANSWERS_MAX : seen;
    }
    if (facts->of_tag != NULL &&
        evidence_read(facts->evidence, facts->of_tag, facts->tag, target, &counts)) {
        float sum = (float)counts.good + (float)counts.bad;
        mean = ((float)counts.good + weight * mean) / (sum + weight);
        weight += sum;
        seen += sum;
    }
    bool shown = seen >= ANSWERS_LEAST;
    ret_success->mean = mean;
    ret_success->known = shown || facts->known || learned > 0;
    ret_success->deviation = shown ? sqrtf(mean * (1 - mean) / (weight + 1)) : 0;
}

/* Of the best candidate. One of which only the tier is known counts where the tier is above all
 * those of which more is: work that is hard for them is no easier for it. */
static float best_of(const struct plan_input *input, const struct success_candidates *candidates,
                     struct success_facts *facts)
{
    float best = 0;
    unsigned shown = 0;   /* tiers of which more is known, as bits */
    unsigned present = 0; /* the others */
    for (size_t i = 0; i < candidates->count && i < PLAN_TARGETS_MAX; i++) {
        const struct target *target = &input->policy->targets[candidates->targets[i]];
        struct success *success = &candidates->ret_success[i];
        success_of(facts, target, success);
        *(success->known ? &shown : &present) |= 1u << target->tier;
        best = success->known && success->mean > best ? success->mean : best;
        facts->asked = i + 1;
    }
    for (int tier = TIER_COUNT - 1; tier >= 0 && shown >> tier == 0; tier--) {
        bool there = (present >> tier & 1u) != 0;
        best = there && facts->prior[tier] > best ? facts->prior[tier] : best;
    }
    return best;
}

/* --- what came of what was expected, on this route --- */

static const struct target steps[] = {
    {.name = SLICE_INIT("0")}, {.name = SLICE_INIT("1")}, {.name = SLICE_INIT("2")},
    {.name = SLICE_INIT("3")}, {.name = SLICE_INIT("4")}, {.name = SLICE_INIT("5")},
    {.name = SLICE_INIT("6")}, {.name = SLICE_INIT("7")}, {.name = SLICE_INIT("8")},
    {.name = SLICE_INIT("9")},
};

static const struct evidence_row *row_of_route(const struct plan_input *input, uint64_t *ret_tag)
{
    if (input->policy->evidence == NULL || input->route == NULL) {
        return NULL;
    }
    const struct route *route = input->route;
    *ret_tag = route->evidence != 0 ? route->evidence : evidence_route(route->name);
    return evidence_find(input->policy->evidence, *ret_tag);
}

/* Each expectation moves towards what came of those in its step; tiers keep their order. */
static void calibrate(const struct plan_input *input, float prior[TIER_COUNT])
{
    uint64_t tag = 0;
    const struct evidence_row *row = row_of_route(input, &tag);
    for (int tier = 0; row != NULL && tier < TIER_COUNT; tier++) {
        struct evidence_counts counts;
        size_t step = (size_t)(prior[tier] * (float)ARRAY_LEN(steps));
        step = step >= ARRAY_LEN(steps) ? ARRAY_LEN(steps) - 1 : step;
        if (evidence_read(input->policy->evidence, row, tag, &steps[step], &counts)) {
            float good = (float)counts.good;
            float sum = good + (float)counts.bad;
            prior[tier] = (good + CALIBRATION_ANSWERS * prior[tier]) / (sum + CALIBRATION_ANSWERS);
        }
        if (tier > 0 && prior[tier] < prior[tier - 1]) {
            prior[tier] = prior[tier - 1];
        }
    }
}

double success_dial(const struct plan_input *input)
{
    const struct route *route = input->route;
    double good = 0;
    double bad = 0;
    uint64_t tag = 0;
    if (route == NULL) {
        return CONSERVATIVE_DEFAULT;
    }
    if (!(route->conservative_min < route->conservative_max)) {
        return route->conservative;
    }
    const struct evidence_row *row = row_of_route(input, &tag);
    for (size_t i = 0; row != NULL && i < ARRAY_LEN(steps); i++) {
        struct evidence_counts counts;
        if (evidence_read(input->policy->evidence, row, tag, &steps[i], &counts)) {
            good += counts.good;
            bad += counts.bad;
        }
    }
    double sum = good + bad;
    double missing = sum > 0 ? (SHARE_WANTED - good / sum) * sum / (sum + DIAL_ANSWERS) : 0;
    double dial = route->conservative + DIAL_GAIN * missing;
    dial = dial < route->conservative_min ? route->conservative_min : dial;
    return dial > route->conservative_max ? route->conservative_max : dial;
}

/* --- what is required --- */

/* Deviations below the mean at which a chance of `dial` begins: the normal quantile, by the
 * logistic one. */
static double doubt_at(double dial)
{
    double doubt = dial <= 0.5 ? 0 : log(dial / (1 - dial)) / 1.702;
    return doubt > DOUBT_MAX ? DOUBT_MAX : doubt;
}

static void require(const struct plan_input *input, const struct success_candidates *candidates,
                    double dial, double by_tier, struct success_facts *facts)
{
    double best = (double)best_of(input, candidates, facts);
    double least = best < by_tier ? best : by_tier;
    facts->required = (float)(least - (1 - dial) * (1 - dial));
    facts->doubt = (float)doubt_at(dial);
}

void success_facts_init(const struct plan_input *input, const struct success_candidates *candidates,
                        double dial, enum tier wanted, struct success_facts *facts)
{
    const struct classification *c = &input->classification;
    const struct route *route = input->route;
    enum tier asked = route == NULL ? task_default_tier(c->task) : route->task_tier[c->task];
    double by_tier[TIER_COUNT];
    *facts = (struct success_facts){
        .evidence = input->policy->evidence,
        .task = evidence_task(c->task),
        .tag = input->tag,
        .learned = input->learned,
    };
    for (int tier = 0; tier < TIER_COUNT; tier++) {
        by_tier[tier] = success_prior((enum tier)tier, asked, c->complexity);
        facts->prior[tier] = prior_of(&c->judged, (enum tier)tier, by_tier[tier]);
    }
    calibrate(input, facts->prior);
    facts->of_task = evidence_find(facts->evidence, facts->task);
    facts->of_tag = facts->tag == 0 ? NULL : evidence_find(facts->evidence, facts->tag);
    facts->known = c->judged.familiarity_permille > 0;
    facts->absolute = route == NULL || dial <= 0 || dial >= 1;
    if (!facts->absolute && (facts->known || facts->learned != NULL || facts->of_task != NULL ||
                             facts->of_tag != NULL)) {
        require(input, candidates, dial, by_tier[wanted], facts);
    }
}

unsigned success_below(const struct success_facts *facts, const struct target *target,
                       enum tier wanted, const struct success *success)
{
    unsigned tiers = target->tier < wanted ? (unsigned)wanted - (unsigned)target->tier : 0;
    if (facts->absolute || !success->known) {
        return tiers;
    }
    if (tiers > 0) {
        return success->mean - facts->doubt * success->deviation >= facts->required ? 0 : tiers;
    }
    return success->mean + DOUBT_TIER * success->deviation >= facts->required ? 0 : 1;
}

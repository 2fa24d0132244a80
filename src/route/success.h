/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How probable it is that a target's answer to this request is good enough, and whether that is
 * enough. From the general to the particular, each as far as it is known: what a tier lets expect
 * of a task; what the text lets expect (route/judge.h), as far as it is familiar; or, in place of
 * both, what the operator's own weights say of this target and this text; what answers to
 * calls of this task were worth; what those to calls with this tag were. What a tier or a text lets
 * expect is corrected by what came of the same expectation on the same route before. Pure but for
 * reading live evidence; no allocation; any thread.
 *
 * Where only tiers are known, the required tier alone decides. A target of which more is known is
 * good enough when its success reaches
 *
 *     required = min(what the required tier lets expect, the best candidate's) - (1 - dial)^2
 *
 * where the dial is the route's `conservative`. A target under the required tier has to be sure of
 * it: the chance that its rate of good answers reaches it must be at least the dial. One of the
 * tier falls behind only when the chance is nine in ten that it does not.
 */
#ifndef SLUICE_ROUTE_SUCCESS_H
#define SLUICE_ROUTE_SUCCESS_H

#include "route/evidence.h"
#include "route/plan.h"

/* Of one target and this request. */
struct success {
    float mean;
    float deviation; /* of what answers showed; 0 without any */
    bool known;      /* more than its tier */
};

/* What is the same for every target of one plan. */
struct success_facts {
    const struct evidence *evidence; /* NULL: there is none that matters */
    const struct evidence_row *of_task;
    const struct evidence_row *of_tag;
    uint64_t task;
    uint64_t tag;
    const uint16_t *learned; /* of struct plan_input */
    float prior[TIER_COUNT];
    float required; /* see above */
    float doubt;    /* deviations to take off from what a target under the tier showed */
    bool known;     /* anything but tiers */
    bool absolute;  /* the dial is at an end: tiers alone */
    size_t asked;   /* candidates of which success_candidates.ret_success tells */
};

/* Those that are weighed against each other. */
struct success_candidates {
    const uint16_t *targets;
    size_t count;
    struct success *ret_success; /* of the first PLAN_TARGETS_MAX, where they had to be asked */
};

/* `wanted`: the required tier. */
void success_facts_init(const struct plan_input *input, const struct success_candidates *candidates,
                        double dial, enum tier wanted, struct success_facts *facts);
/*
 * Where the dial of the input's route stands. Between its bounds evidence moves it: twice as far
 * from where the operator put it as the share of good answers of the route is from .9, up when
 * there are fewer, as far as there is evidence (half of that with 50 answers).
 */
double success_dial(const struct plan_input *input);
void success_of_evidence(const struct success_facts *facts, const struct target *target,
                         struct success *ret_success);

static inline void success_of(const struct success_facts *facts, const struct target *target,
                              struct success *ret_success)
{
    if (facts->of_task == NULL && facts->of_tag == NULL && facts->learned == NULL) {
        *ret_success = (struct success){.mean = facts->prior[target->tier], .known = facts->known};
    } else {
        success_of_evidence(facts, target, ret_success);
    }
}

/* 1..1000 */
static inline uint16_t success_permille(const struct success *success)
{
    int permille = (int)(success->mean * 1000 + 0.5f);
    return (uint16_t)(permille < 1 ? 1 : permille > 1000 ? 1000 : permille);
}

/* Tiers that a target is (or is as good as) under the wanted one; 0: good enough. */
unsigned success_below(const struct success_facts *facts, const struct target *target,
                       enum tier wanted, const struct success *success);

/* What a tier lets expect, 0..1: .9 where it is the one that the task asks for, at a complexity of
 * .3; more where it is above, less where it is below or the request is harder. */
double success_prior(enum tier tier, enum tier task_tier, double complexity);

#endif

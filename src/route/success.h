/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How probable it is that a target's answer to this request is good enough. Without evidence that
 * is what its tier lets expect of a task of this tier and complexity. Pure; any thread.
 */
#ifndef SLUICE_ROUTE_SUCCESS_H
#define SLUICE_ROUTE_SUCCESS_H

#include "route/plan.h"

/* What is the same for every target of one plan. */
struct success_facts {
    uint16_t prior_permille[TIER_COUNT];
};

void success_facts_init(const struct plan_input *input, struct success_facts *facts);
/* 1..1000. */
uint16_t success_permille(const struct success_facts *facts, const struct target *target);

/* What a tier lets expect, 0..1: .9 where it is the one that the task asks for, at a complexity of
 * .3; more where it is above, less where it is below or the request is harder. */
double success_prior(enum tier tier, enum tier task_tier, double complexity);

#endif

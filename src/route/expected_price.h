/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a call may be expected to cost at one target. Its own price: the input as this target counts
 * it (experience.h), warm tokens of its prompt cache at the rate of a cache read, the output that
 * is predicted for the task at this target, thinking included. What a plan is ordered by has more
 * in it: the chance that the answer is not good enough, times what the next tier would cost, where
 * the route escalates on answers. What is lost when a warm prompt cache is left is weighed after
 * that, for the one target that a conversation is at (session.h).
 *
 * Inside planning, not for other layers. Pure; nothing is allocated.
 */
#ifndef SLUICE_ROUTE_EXPECTED_PRICE_H
#define SLUICE_ROUTE_EXPECTED_PRICE_H

#include "route/feasible.h"

/* The request as experience sees it: the table's word on its output, no ceilings. */
void expected_request(const struct plan_input *input, struct experience_request *ret_request);
/* Fills the entry's tokens and costs, all but expected_total_nd. */
void expected_price(const struct plan_facts *facts, const struct target *target,
                    struct plan_entry *entry);
/* With what a better answer costs, as often as this one is expected to fail. */
int64_t expected_with_failures(int64_t cost_nd, int64_t better_nd, unsigned success_permille);

/* Fills expected_total_nd, once the entry's costs and chance of success are known. */
static inline void expected_total(const struct plan_facts *facts, const struct target *target,
                                  struct plan_entry *entry)
{
    int64_t better_nd = facts->escalation_nd[target->tier];
    entry->expected_total_nd = entry->expected_cost_nd;
    if (UNLIKELY(better_nd > 0 && entry->success_permille > 0)) {
        entry->expected_total_nd =
            expected_with_failures(entry->expected_cost_nd, better_nd, entry->success_permille);
    }
}

/* What a better answer costs, by the tier whose answer was not good enough: the cheapest candidate
 * above it; 0: there is none, or the route does not escalate on answers. */
void expected_escalation(const struct plan_facts *facts, int64_t ret_nd[TIER_COUNT]);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a ledger holds of a call that is planned again under another policy. Its text, the evidence
 * and the lengths that were learned are not known any more, only what they came to: the tier that
 * was required, how each target stood under it, and what it was expected to cost. Pure.
 */
#ifndef SLUICE_ROUTE_RECORDED_H
#define SLUICE_ROUTE_RECORDED_H

#include "route/plan.h"

enum recorded_standing {
    STANDING_UNKNOWN,
    STANDING_GOOD,  /* good enough under the tier that was required */
    STANDING_BEHIND /* of less than that, or doubted */
};

struct recorded_target {
    uint16_t target; /* of the policy it is planned under */
    uint8_t standing;
    uint16_t success_permille;    /* 0: not recorded */
    uint16_t propensity_permille; /* how probable it was that it came first */
    int64_t expected_nd;
};

struct plan_recorded {
    enum tier required; /* then */
    enum tier wanted;   /* the same as the other policy moves it */
    size_t count;
    struct recorded_target targets[PLAN_TARGETS_MAX];
};

/* NULL: nothing is recorded of it. */
const struct recorded_target *recorded_find(const struct plan_recorded *recorded, uint16_t target);
/* Tiers that it is, or is as good as, under the wanted one; 0: good enough. */
unsigned recorded_below(const struct plan_recorded *recorded, uint16_t index, enum tier tier,
                        enum tier wanted);

#endif
